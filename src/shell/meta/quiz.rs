use super::{Reply, takes_nothing};
use crate::command::commands;
use crate::course::{Answered, Event, Judgement, Question, QuestionKind, Unclear};
use crate::render::{Block, Line, Role, inline, markdown};
use crate::shell::guide::filled;
use crate::shell::session::Session;
use crate::trouble::Trouble;

/// `:quiz`: the open question once more.
pub(super) fn quiz(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "quiz", rest)?;
    match session.guide.open_question().map(|question| question.id.clone()) {
        Some(question) => ask(session, &question),
        None if session.guide.step().quiz.is_empty() => session.tell("ui-quiz-none", &[]),
        None if session.guide.checks_met() => session.tell("ui-quiz-done", &[]),
        None => session.tell("ui-quiz-later", &[]),
    }
    Ok(Reply::ON)
}

/// `:answer ANSWER`.
pub(super) fn answer(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    let Some(question) = session.guide.open_question().cloned() else {
        return Err(Trouble::usage(session.say("ui-quiz-none-open", &[])));
    };
    if rest.is_empty() {
        ask(session, &question.id);
        return Ok(Reply::ON);
    }
    let judgement = judge(session, &question, rest);
    let text = session.guide.question_text(&question.id, session.words.language());
    match judgement {
        Judgement::Right { picked } => {
            let event = Event::answered(session.guide.step_ref(), &question.id, rest, true);
            session.record(event);
            let why = explanations(&picked, &text.right, &text);
            verdict(session, "ui-answer-right", Role::Good, &why);
            session.settle();
        }
        Judgement::Wrong { keys } => {
            let event = Event::answered(session.guide.step_ref(), &question.id, rest, false);
            session.record(event);
            let why = explanations(&keys, if keys.is_empty() { &text.wrong_otherwise } else { "" }, &text);
            verdict(session, "ui-answer-wrong", Role::Bad, &why);
            session.tell("ui-answer-again", &[]);
        }
        Judgement::Unclear(unclear) => {
            let said = unclear_words(session, &unclear);
            session.console.line(Line::of(said, Role::Warning));
        }
    }
    Ok(Reply::ON)
}

/// Asks a question of the step at hand.
pub(in crate::shell) fn ask(session: &mut Session, question: &str) {
    let facts = session.facts();
    let Some(question) = session.guide.step().question(question).cloned() else { return };
    let text = session.guide.question_text(&question.id, session.words.language());
    let step = session.guide.step();
    let at = step.quiz.iter().position(|other| other.id == question.id).map_or(1, |at| at + 1);
    let heading = session.say("ui-question", &[("at", at.into()), ("of", step.quiz.len().into())]);
    let mut blocks = vec![Block::Heading(3, Line::text(heading))];
    blocks.extend(markdown(&filled(&text.question, &facts)));
    if let QuestionKind::Choice { options, .. } | QuestionKind::Choices { options, .. } = &question.kind {
        let items = options.iter().map(|key| {
            let text = text.options.get(key).map_or(key.as_str(), |option| option.text.as_str());
            vec![Block::Paragraph(inline(&filled(text, &facts)))]
        });
        blocks.push(Block::List(Some(1), items.collect()));
    }
    let how = match &question.kind {
        QuestionKind::Choice { .. } => "ui-how-choice",
        QuestionKind::Choices { .. } => "ui-how-choices",
        QuestionKind::Number(_) => "ui-how-number",
        QuestionKind::Hex(_) => "ui-how-hex",
        QuestionKind::Address(_) => "ui-how-address",
        QuestionKind::Text { .. } => "ui-how-text",
        QuestionKind::Packet { .. } => "ui-how-packet",
    };
    blocks.extend(markdown(&session.say(how, &[])));
    session.console.raw("\n");
    session.console.blocks(&blocks);
    session.console.raw("\n");
}

/// Whether a plain line, typed while a question is open, is an answer and not a command.
pub(in crate::shell) fn is_answer(session: &mut Session, line: &str) -> bool {
    if session.guide.playing {
        return false;
    }
    let Some(question) = session.guide.open_question().cloned() else { return false };
    let program = commands(line).ok().and_then(|found| found.first().and_then(|first| first.words.first().cloned()));
    if program.is_some_and(|program| crate::shell::complete::is_program(&program)) {
        return false;
    }
    // Words of one's own may be anything; for the other kinds an answer must make sense as one.
    matches!(question.kind, QuestionKind::Text { .. })
        || !matches!(judge(session, &question, line), Judgement::Unclear(_))
        || line.split_whitespace().count() == 1
}

/// Gives up on a question: the answer is shown and why it is right.
pub(super) fn give_up(session: &mut Session, question: &str) {
    let Some(question) = session.guide.step().question(question).cloned() else { return };
    let text = session.guide.question_text(&question.id, session.words.language());
    let event = Event::Answered {
        step: session.guide.step_ref(),
        question: question.id.clone(),
        answer: String::new(),
        right: false,
        given_up: true,
    };
    session.record(event);
    let facts = session.facts();
    let option =
        |key: &String| text.options.get(key).map_or_else(|| key.clone(), |option| option.text.trim().to_owned());
    let (answer, why) = match &question.kind {
        QuestionKind::Choice { answer, .. } => (option(answer), explanations(std::slice::from_ref(answer), "", &text)),
        QuestionKind::Choices { answer, .. } => (
            answer.iter().map(option).collect::<Vec<_>>().join(&session.say("ui-answers-between", &[])),
            explanations(answer, &text.right, &text),
        ),
        QuestionKind::Number(values) | QuestionKind::Address(values) | QuestionKind::Hex(values) => {
            (values.answer.show(&facts), text.right.clone())
        }
        QuestionKind::Text { example, .. } => (example.show(&facts), text.right.clone()),
        QuestionKind::Packet { .. } => (String::new(), text.right.clone()),
    };
    if !answer.is_empty() {
        session.tell("ui-answer-is", &[("answer", filled(&answer, &facts).into())]);
    }
    session.console.markdown(&filled(&why, &facts));
    session.settle();
}

fn judge(session: &mut Session, question: &Question, text: &str) -> Judgement {
    let facts = session.facts();
    let packets = session.feed.list();
    question.judge(Answered { text, facts: &facts, packets: &packets })
}

/// The explanations of the options or wrong answers of these keys, and then `rest`.
fn explanations(keys: &[String], rest: &str, text: &crate::course::QuestionText) -> String {
    let of_key = |key: &String| {
        let option = text.options.get(key).map(|option| option.explanation.clone());
        option.or_else(|| text.wrong.get(key).cloned())
    };
    let mut said: Vec<String> = keys.iter().filter_map(of_key).collect();
    said.push(rest.to_owned());
    said.retain(|part| !part.trim().is_empty());
    said.join("\n\n")
}

fn verdict(session: &mut Session, id: &str, role: Role, why: &str) {
    let facts = session.facts();
    session.console.line(Line::of(session.say(id, &[]), role));
    session.console.markdown(&filled(why, &facts));
}

fn unclear_words(session: &Session, unclear: &Unclear) -> String {
    match unclear {
        Unclear::WantsOption { options } => session.say("ui-wants-option", &[("options", (*options).into())]),
        Unclear::WantsNumber => session.say("ui-wants-number", &[]),
        Unclear::WantsHex => session.say("ui-wants-hex", &[]),
        Unclear::WantsAddress => session.say("ui-wants-address", &[]),
        Unclear::WantsText => session.say("ui-wants-text", &[]),
        Unclear::WantsPacket { packets } => session.say("ui-wants-packet", &[("packets", (*packets).into())]),
        Unclear::NotYet(why) => session.say("ui-wants-later", &[("why", why.to_string().into())]),
    }
}
