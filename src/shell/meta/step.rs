use super::{Reply, quiz, takes_nothing};
use crate::course::{Event, How, Verdict};
use crate::render::{Block, Line, Role, Table, inline, markdown};
use crate::replay::LabWorld;
use crate::shell::guide::filled;
use crate::shell::session::Session;
use crate::trouble::{Trouble, nearest};

/// From this width on `:steps` has room for the steps' titles.
const ROOM_FOR_TITLES: usize = 64;

/// `:task`: the task once more.
pub(super) fn task(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "task", rest)?;
    session.show_step(true);
    if let Some(question) = session.guide.open_question() {
        let question = question.id.clone();
        quiz::ask(session, &question);
    }
    Ok(Reply::ON)
}

/// `:next`: on to the next step, if this one is done.
pub(super) fn next(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "next", rest)?;
    let step = session.guide.step().clone();
    if !session.guide.progress().is_finished(&step.id) {
        if step.checks.is_empty() && step.quiz.is_empty() {
            let event = Event::Finished { step: session.guide.step_ref(), how: How::Done };
            session.record(event);
        } else {
            session.tell(if session.guide.checks_met() { "ui-next-quiz" } else { "ui-next-open" }, &[]);
            session.show_checks();
            return Ok(Reply::ON);
        }
    }
    advance(session);
    Ok(Reply::ON)
}

/// `:back`: to the step before.
pub(super) fn back(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "back", rest)?;
    let here = session.guide.step().id.clone();
    match session.guide.course().before(&here).map(|step| step.id.clone()) {
        Some(before) => session.leave_for(&before),
        None => session.tell("ui-first-step", &[]),
    }
    Ok(Reply::ON)
}

/// `:goto STEP`: to a step by its id or number.
pub(super) fn goto(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    if rest.is_empty() {
        return steps(session, "");
    }
    let by_number = rest.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let step = match by_number {
        Some(at) => session.guide.course().steps().nth(at),
        None => session.guide.course().step(&rest.to_lowercase()),
    };
    let Some(step) = step.map(|step| step.id.clone()) else {
        let trouble = Trouble::usage(session.say("ui-no-step", &[("name", rest.into())]));
        let ids = session.guide.course().steps().map(|step| step.id.as_str());
        return Err(match nearest(rest, ids) {
            Some(near) => trouble.hint(session.say("ui-did-you-mean", &[("word", format!(":goto {near}").into())])),
            None => trouble.hint(session.say("ui-steps-hint", &[])),
        });
    };
    session.leave_for(&step);
    Ok(Reply::ON)
}

/// `:steps`: every step and how it stands.
pub(super) fn steps(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "steps", rest)?;
    // On a narrow screen the titles would push everything else apart.
    let titles = session.console.look().width >= ROOM_FOR_TITLES || session.console.look().plain;
    let columns = ["ui-steps-number", "ui-steps-id", "ui-steps-state", "ui-steps-title"];
    let header: Vec<String> = columns.iter().take(if titles { 4 } else { 3 }).map(|id| session.say(id, &[])).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut table = Table::new(&header);
    let here = &session.guide.step().id;
    for (number, step) in session.guide.course().steps().enumerate() {
        let title = session.guide.words_of(&step.id, session.words.language()).title.clone();
        let (state, role) = match session.guide.progress().step(&step.id).and_then(|done| done.finished) {
            _ if step.id == *here => ("ui-state-here", Role::Warning),
            Some(How::Done) => ("ui-state-done", Role::Good),
            Some(How::Assisted) => ("ui-state-assisted", Role::Good),
            Some(How::Skipped) => ("ui-state-skipped", Role::Quiet),
            None => ("ui-state-open", Role::Quiet),
        };
        let mut row: Vec<Line> = vec![
            (number + 1).to_string().into(),
            Line::of(step.id.clone(), Role::Strong),
            Line::of(session.say(state, &[]), role),
        ];
        if titles {
            row.push(title.into());
        }
        table.rows.push(row);
    }
    let score = session.guide.progress().score(session.guide.course());
    session.console.blocks(&[Block::Table(table)]);
    session.tell(
        "ui-score",
        &[
            ("first", score.first_try.into()),
            ("right", score.right.into()),
            ("asked", score.asked.into()),
            ("of", score.of.into()),
        ],
    );
    Ok(Reply::ON)
}

/// `:hint`: the next hint; the last one is the solution.
pub(super) fn hint(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "hint", rest)?;
    if session.guide.open_question().is_some() {
        session.tell("ui-hint-quiz", &[]);
        return Ok(Reply::ON);
    }
    let text = session.guide.step_text(session.words.language()).clone();
    let of = text.hints.len();
    let level = (session.guide.done().hints + 1).min(of + 1);
    let event = Event::Hinted { step: session.guide.step_ref(), level };
    session.record(event);
    let facts = session.facts();
    match text.hints.get(level - 1) {
        Some(hint) => {
            let heading = session.say("ui-hint", &[("at", level.into()), ("of", of.into())]);
            let mut blocks = vec![Block::Heading(3, Line::text(heading))];
            blocks.extend(markdown(&filled(hint, &facts)));
            session.console.blocks(&blocks);
            if level == of {
                session.tell("ui-hint-last", &[]);
            }
        }
        None => show_solution(session),
    }
    Ok(Reply::ON)
}

/// `:solve`: the guide does it, where the learner can see.
pub(super) fn solve(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "solve", rest)?;
    if let Some(question) = session.guide.open_question() {
        let question = question.id.clone();
        quiz::give_up(session, &question);
        return Ok(Reply::ON);
    }
    if session.guide.step().solution.is_empty() {
        session.tell("ui-nothing-to-solve", &[]);
        return Ok(Reply::ON);
    }
    let level = session.guide.step_text(session.words.language()).hints.len() + 1;
    let event = Event::Hinted { step: session.guide.step_ref(), level };
    session.record(event);
    show_solution(session);
    let facts = session.facts();
    let step = session.guide.step().clone();
    session.go_to(step.place.name())?;
    session.queue.extend(step.solution.iter().map(|line| line.show(&facts)));
    Ok(Reply::ON)
}

/// `:skip`: on, with the world as if the step had been solved; an open question is given up.
pub(super) fn skip(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "skip", rest)?;
    if let Some(question) = session.guide.open_question() {
        let question = question.id.clone();
        quiz::give_up(session, &question);
        return Ok(Reply::ON);
    }
    session.skip();
    session.tell("ui-skipped", &[]);
    advance(session);
    Ok(Reply::ON)
}

/// `:check`: what is still missing, and why the last line did not count.
pub(super) fn check(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "check", rest)?;
    if session.look_again() && session.guide.checks_met() {
        return Ok(Reply::ON);
    }
    let step = session.guide.step().clone();
    let done = session.guide.done();
    let text = session.guide.step_text(session.words.language()).clone();
    let observation = session.last.clone().unwrap_or_default();
    let facts = session.facts();
    if step.checks.is_empty() {
        session.tell("ui-check-nothing", &[]);
    }
    let line = observation.line.clone();
    for check in &step.checks {
        let wants = text.checks.get(&check.id).map(|wants| filled(wants, &facts));
        let mut shown = if done.met.contains(&check.id) {
            Line::of(format!("[{}] ", session.say("ui-check-met", &[])), Role::Good)
        } else {
            Line::of(format!("[{}] ", session.say("ui-check-open", &[])), Role::Warning)
        };
        // A step with one check may leave its words out: the title then says what it is about.
        shown.append(wants.map_or_else(|| Line::text(text.title.clone()), |wants| inline(&wants)));
        session.console.line(shown);
        if done.met.contains(&check.id) {
            continue;
        }
        let verdict = check.judge(&observation, &mut LabWorld(&mut *session.lab));
        if let Verdict::Missed { miss, .. } = verdict {
            let why = miss.say(&session.words);
            let said = if line.is_empty() {
                session.say("ui-not-yet", &[("why", why.into())])
            } else {
                session.say("ui-check-why", &[("line", line.clone().into()), ("why", why.into())])
            };
            session.console.line(Line::of(format!("    {said}"), Role::Quiet));
        }
    }
    Ok(Reply::ON)
}

fn show_solution(session: &mut Session) {
    let facts = session.facts();
    let step = session.guide.step().clone();
    let text = session.guide.step_text(session.words.language()).clone();
    let mut blocks = vec![Block::Heading(3, Line::text(session.say("ui-solution", &[])))];
    blocks.push(Block::Code(step.solution.iter().map(|line| line.show(&facts)).collect()));
    blocks.extend(markdown(&filled(&text.solution, &facts)));
    session.console.blocks(&blocks);
}

/// To the next step, or to the end of the course.
fn advance(session: &mut Session) {
    let here = session.guide.step().id.clone();
    session.prepared.insert(here.clone());
    if let Some(after) = session.guide.course().after(&here).map(|step| step.id.clone()) {
        session.leave_for(&after);
        return;
    }
    session.tell("ui-course-done", &[]);
    if let Some(open) = session.guide.progress().current(session.guide.course()).map(str::to_owned) {
        session.tell("ui-course-open", &[("step", open.into())]);
    }
}
