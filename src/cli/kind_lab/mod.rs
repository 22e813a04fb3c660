//! `esplain lab … --lab kind`: the cluster of the tutorial made unattended, looked after, and taken away.

mod parts;
mod reason;
mod site;

use std::io::{IsTerminal, Write};

use self::parts::{CREATE, PARTS, installing};
use self::site::{Shown, Site};
use super::{Io, kind_needs, learn};
use crate::lab::kind::CLUSTER;
use crate::lab::{Lab, Permit, PlaceKind};
use crate::profile::Profile;
use crate::trouble::{Exit, Trouble};
use crate::words::{FluentValue, Said, Words};

/// Makes the cluster, after showing what will run on this machine, and a yes. What an interrupted call has left is gone on
/// with.
pub(super) fn up(profile: Profile, yes: bool, words: &Words, io: &mut Io) -> Result<Exit, Trouble> {
    let lab = learn::kind(profile, learn::ANSWER)?;
    kind_needs::have(&["kind", "helm"], words)?;
    let mut lines = vec![CREATE.to_owned()];
    lines.extend(installing(profile));
    ask("lab-kind-will-run", &lines, yes, words, io)?;
    let mut site = Site::new(lab, profile, words, io);
    for line in lines {
        site.lab.permit(&line, Permit::Always);
    }
    for (number, (name, part)) in PARTS.into_iter().enumerate() {
        let title = words.say(&format!("lab-kind-{name}"), &[]);
        site.tell(&format!("[{}/{}] {title}", number + 1, PARTS.len()))?;
        part(&mut site).map_err(|trouble| trouble.hint(words.say("lab-kind-again", &[])))?;
    }
    status(false, words, site.io)
}

/// Says whether the cluster runs, and its places. Ends with 1 when it does not.
pub(super) fn status(json: bool, words: &Words, io: &mut Io) -> Result<Exit, Trouble> {
    let mut lab = learn::kind(Profile::Tutorial, learn::ANSWER)?;
    let up = lab.runs()?;
    let places: Vec<_> = if up { lab.places()? } else { Vec::new() };
    let places = places.iter().filter(|place| place.kind != PlaceKind::Machine);
    let text = if json {
        let places: Vec<_> =
            places.map(|place| serde_json::json!({ "name": place.name, "aliases": place.aliases })).collect();
        serde_json::json!({ "lab": "kind", "up": up, "places": places }).to_string()
    } else if up {
        let names: Vec<&str> = places.map(|place| place.aliases.first().unwrap_or(&place.name).as_str()).collect();
        words.say("lab-kind-is-up", &[("places", FluentValue::from(names.join(", ")))])
    } else {
        words.say("lab-kind-is-down", &[])
    };
    writeln!(io.out, "{text}").map_err(|error| Io::unwritable(&error))?;
    Ok(if up { Exit::Done } else { Exit::Failed })
}

/// Takes the cluster away: the containers that bear its label and that esplain had made, and nothing else. `kind` does it
/// where it is, since it also takes its entry out of kubectl's configuration; else the engine is asked.
pub(super) fn down(yes: bool, words: &Words, io: &mut Io) -> Result<Exit, Trouble> {
    let mut lab = learn::kind(Profile::Tutorial, learn::ANSWER)?;
    let (own, others) = lab.members()?;
    if !others.is_empty() {
        let what =
            words.say("lab-kind-not-ours", &[("name", CLUSTER.into()), ("containers", others.join(", ").into())]);
        return Err(Trouble::failed(what)
            .hint(Said::of("lab-kind-its-containers", &[("name", &CLUSTER)]))
            .hint(Said::of("lab-kind-if-yours", &[("name", &CLUSTER)])));
    }
    if own.is_empty() {
        writeln!(io.out, "{}", words.say("lab-kind-is-down", &[])).map_err(|error| Io::unwritable(&error))?;
        return Ok(Exit::Done);
    }
    let line = format!("kind delete cluster --name {CLUSTER}");
    ask("lab-kind-will-run", std::slice::from_ref(&line), yes, words, io)?;
    lab.permit(&line, Permit::Once);
    let mut site = Site::new(lab, Profile::Tutorial, words, io);
    site.tell(&format!("      machine: {line}"))?;
    let (_, status) = site.run("machine", &line, None, Shown::News)?;
    let left = site.lab.remove_own()?;
    if status != 0 {
        let args = [("count", left.into()), ("name", CLUSTER.into())];
        site.tell(&format!("      {}", words.say("lab-kind-by-the-engine", &args)))?;
    }
    site.tell(&words.say("lab-kind-went-down", &[]))?;
    Ok(Exit::Done)
}

/// Runs a command at a place of the cluster, on this call's own streams.
pub(super) fn exec(place: &str, command: &[String], words: &Words, io: &mut Io) -> Result<Exit, Trouble> {
    let lab = learn::kind(Profile::Tutorial, learn::ANSWER)?;
    let line = crate::lab::as_line(command);
    let mut site = Site::new(lab, Profile::Tutorial, words, io);
    let (_, status) = site.run(place, &line, None, Shown::Here)?;
    Ok(if status == 0 { Exit::Done } else { Exit::Failed })
}

/// Shows what will run on this machine, and asks. No terminal, no yes.
fn ask(head: &str, lines: &[String], yes: bool, words: &Words, io: &mut Io) -> Result<(), Trouble> {
    let mut text = words.say(head, &[]) + "\n";
    for line in lines {
        text.extend(["    ", line, "\n"]);
    }
    let unwritable = |error: std::io::Error| Trouble::unusable("the question cannot be shown").because(&error);
    io.err.write_all(text.as_bytes()).map_err(unwritable)?;
    if yes || std::env::var("ESPLAIN_YES").is_ok_and(|value| value == "1") {
        return Ok(());
    }
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(Trouble::usage(words.say("lab-kind-cannot-ask", &[])).hint(words.say("lab-kind-yes", &[])));
    }
    let question = words.say("consent-question", &[]);
    write!(io.err, "{question} [y/N] ").and_then(|()| io.err.flush()).map_err(unwritable)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(unwritable)?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "是" | "好") {
        return Ok(());
    }
    Err(Trouble::failed(words.say("trust-refused", &[])))
}
