use super::{Reply, takes_nothing};
use crate::course::Event;
use crate::render::Block;
use crate::shell::session::Session;
use crate::trouble::Trouble;
use crate::words::{Language, Words};

/// The name under which the lab's state is kept during `:play`.
const BEFORE_PLAY: &str = "before-play";

/// `:play`: off the path; nothing is checked until `:resume`.
pub(super) fn play(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "play", rest)?;
    // A lab that cannot keep its state can still be played with; `:resume` says what it could not bring back.
    let _ = session.lab.save(BEFORE_PLAY);
    session.guide.playing = true;
    session.tell("ui-playing", &[]);
    Ok(Reply::ON)
}

/// `:resume`: back to the step, with the lab as it was before `:play`.
pub(super) fn resume(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "resume", rest)?;
    if !std::mem::replace(&mut session.guide.playing, false) {
        session.tell("ui-not-playing", &[]);
        return Ok(Reply::ON);
    }
    // Of a fault it cannot be said whether it survived the play: the step begins anew.
    let before = if session.has_open_setup() { session.guide.step().id.clone() } else { BEFORE_PLAY.to_owned() };
    if let Err(trouble) = session.lab.restore(&before) {
        session.console.trouble(&trouble, &session.words);
    }
    session.break_something();
    let place = session.guide.step().place;
    session.go_to(place.name())?;
    session.show_step(false);
    session.settle();
    Ok(Reply::ON)
}

/// `:lang LANGUAGE`: switches at once.
pub(super) fn lang(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    if rest.is_empty() {
        session.tell("ui-language-is", &[("language", session.words.language().code().into())]);
        return Ok(Reply::ON);
    }
    let language: Language = rest.parse().map_err(|_| {
        Trouble::usage(session.say("ui-no-language", &[("name", rest.into())])).hint(session.say("ui-languages", &[]))
    })?;
    session.words = Words::new(language);
    session.show_step(true);
    Ok(Reply::ON)
}

/// `:reset [all] [yes]`: the step (or the whole course) once more from its beginning.
pub(super) fn reset(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let (all, sure) = match words.as_slice() {
        [] => (false, false),
        ["all"] => (true, false),
        ["yes"] => (false, true),
        ["all", "yes"] => (true, true),
        _ => return Err(Trouble::usage(session.say("ui-reset-words", &[("rest", rest.into())]))),
    };
    let step = session.guide.step().id.clone();
    let question = if all {
        session.say("ui-reset-all", &[])
    } else {
        session.say("ui-reset-step", &[("step", step.clone().into())])
    };
    if !sure && !session.confirm(&question) {
        session.tell("ui-reset-not", &[]);
        return Ok(Reply::ON);
    }
    if all {
        session.mend();
        if let Err(error) = session.guide.forget() {
            return Err(Trouble::unusable(session.say("ui-not-saved", &[("why", error.to_string().into())])));
        }
        let first = session.guide.step().id.clone();
        // The state before the first step, if this sitting saw it; a sitting that began later keeps its lab.
        if session.lab.restore(&first).is_ok() {
            session.prepared.clear();
        }
    } else {
        let event = Event::Reset(session.guide.step_ref());
        session.record(event);
        if let Err(trouble) = session.lab.restore(&step) {
            session.console.trouble(&trouble, &session.words);
        }
    }
    session.last = None;
    session.enter();
    Ok(Reply::ON)
}

/// `:report`: what to send when something is wrong with a step.
pub(super) fn report(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "report", rest)?;
    session.tell("ui-report", &[]);
    let step = session.guide.step_ref();
    let last = session.last.as_ref().map(|last| crate::course::without_keys(&last.line)).unwrap_or_default();
    let lines = vec![
        format!("esplain {} ({} {})", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH),
        format!("course {}, step {} (content {})", session.guide.course().id, step.step, step.hash),
        format!("lab {}, language {}", session.lab.kind().word(), session.words.language()),
        format!("TERM={}", std::env::var("TERM").unwrap_or_default()),
        format!("last line: {last}"),
    ];
    session.console.blocks(&[Block::Code(lines)]);
    Ok(Reply::ON)
}

/// `:quit`.
pub(super) fn quit(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "quit", rest)?;
    Ok(Reply::LEAVE)
}
