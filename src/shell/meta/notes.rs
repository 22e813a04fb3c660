use std::fmt::Write;

use super::Reply;
use crate::course::{Event, How, without_keys};
use crate::shell::guide::filled;
use crate::shell::session::Session;
use crate::trouble::Trouble;

/// Where the notes go if no file is named, in the learner's own working directory.
const USUAL_FILE: &str = "esplain-notes.md";

/// `:notes [FILE]`: the walk as Markdown: what was seen, and the learner's own commands. Keys are not in it.
pub(super) fn notes(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    let path = if rest.is_empty() { USUAL_FILE } else { rest };
    let text = text(session);
    std::fs::write(path, text).map_err(|error| {
        Trouble::unusable(session.say("ui-notes-not-written", &[("path", path.into())]))
            .because(&error)
            .hint(session.say("ui-notes-hint", &[]))
    })?;
    session.tell("ui-notes-written", &[("path", path.into())]);
    Ok(Reply::ON)
}

/// The notes themselves.
pub(in crate::shell) fn text(session: &mut Session) -> String {
    let facts = session.facts();
    let language = session.words.language();
    let mut out = format!("# {}\n", session.guide.text(language).title);
    for step in session.guide.course().steps() {
        let Some(done) = session.guide.progress().step(&step.id) else { continue };
        let words = session.guide.words_of(&step.id, language);
        let state = match done.finished {
            Some(How::Done) => "ui-state-done",
            Some(How::Assisted) => "ui-state-assisted",
            Some(How::Skipped) => "ui-state-skipped",
            None => "ui-state-open",
        };
        // Writing into a string cannot fail.
        let state = session.words.say(state, &[]);
        let heading = [("title", words.title.clone().into()), ("state", state.into())];
        let _ = write!(out, "\n## {}\n", session.words.say("ui-notes-heading", &heading));
        let lines: Vec<String> = session
            .guide
            .entries()
            .iter()
            .filter_map(|entry| match &entry.event {
                Event::Ran { step: at, place, line, status } if *at == step.id => {
                    let failed = status.filter(|status| *status != 0).map(|status| format!("  # {status}"));
                    Some(format!("{place}$ {line}{}", failed.unwrap_or_default()))
                }
                _ => None,
            })
            .collect();
        if !lines.is_empty() {
            let _ = write!(out, "\n```\n{}\n```\n", lines.join("\n"));
        }
        if done.finished.is_some() && !words.seen.is_empty() {
            let _ = write!(out, "\n{}\n", filled(&words.seen, &facts).trim());
        }
    }
    without_keys(&out)
}
