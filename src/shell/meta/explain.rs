use super::{Reply, takes_nothing};
use crate::explain;
use crate::render::explained;
use crate::shell::session::Session;
use crate::trouble::Trouble;

/// `:explain`: the output of the last line, each of its lines with what its fields mean.
pub(super) fn explain(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "explain", rest)?;
    let output = session.last_output.clone();
    if output.trim().is_empty() {
        return Err(Trouble::usage(session.say("ui-explain-nothing", &[])).hint(session.say("ui-explain-hint", &[])));
    }
    let explanation = explain::explain(&output, &session.words);
    if explanation.is_empty() {
        return Err(Trouble::usage(session.say("ui-explain-unknown", &[])).hint(session.say("ui-explain-hint", &[])));
    }
    // The learner has just seen the key in the output itself; here only its fingerprint is needed.
    let lines = explained(&output, &explanation, false, &session.console.look(), &session.words);
    session.console.lines(&lines);
    Ok(Reply::ON)
}
