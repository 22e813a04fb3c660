//! The `:` commands. [`METAS`] drives dispatch, help and completion.

mod decrypt;
mod explain;
mod help;
mod map;
mod notes;
mod packets;
mod picture;
mod place;
mod quiz;
mod show;
mod sitting;
mod step;
mod trace;

pub(super) use picture::PICTURES;
pub(super) use quiz::{ask, is_answer};

use super::complete::Takes;
use super::session::{Flow, Session};
use crate::course::Seen;
use crate::trouble::{Trouble, nearest};

/// A `:` command.
pub(super) struct Meta {
    /// Its name without the colon.
    pub(super) name: &'static str,
    /// Other names.
    pub(super) aliases: &'static [&'static str],
    /// What it takes.
    pub(super) takes: Takes,
    run: fn(&mut Session, &str) -> Result<Reply, Trouble>,
}

/// What a `:` command came to.
pub(super) struct Reply {
    flow: Flow,
    /// The packets it was about, for the step's checks.
    packets: Vec<Seen>,
}

impl Reply {
    const ON: Self = Self { flow: Flow::On, packets: Vec::new() };
    const LEAVE: Self = Self { flow: Flow::Leave, packets: Vec::new() };
}

macro_rules! meta {
    ($name:literal $(| $alias:literal)* , $takes:ident, $run:path) => {
        Meta { name: $name, aliases: &[$($alias),*], takes: Takes::$takes, run: $run }
    };
}

/// Every `:` command, in the order of the help.
pub(super) const METAS: &[Meta] = &[
    meta!("help" | "h" | "?", Command, help::help),
    meta!("task" | "t", Nothing, step::task),
    meta!("next" | "n", Nothing, step::next),
    meta!("back" | "b", Nothing, step::back),
    meta!("goto" | "g", Step, step::goto),
    meta!("steps" | "progress", Nothing, step::steps),
    meta!("hint", Nothing, step::hint),
    meta!("solve", Nothing, step::solve),
    meta!("skip", Nothing, step::skip),
    meta!("check", Nothing, step::check),
    meta!("quiz", Nothing, quiz::quiz),
    meta!("answer" | "a", Answer, quiz::answer),
    meta!("on", Place, place::on),
    meta!("nodes", Nothing, place::nodes),
    meta!("map", Nothing, map::map),
    meta!("picture", Picture, picture::picture),
    meta!("watch" | "w", Filter, packets::watch),
    meta!("packets" | "p", Nothing, packets::packets),
    meta!("show" | "s", Packet, show::show),
    meta!("decrypt" | "d", File, decrypt::decrypt),
    meta!("explain" | "e", Nothing, explain::explain),
    meta!("trace", Addresses, trace::trace),
    meta!("play", Nothing, sitting::play),
    meta!("resume", Nothing, sitting::resume),
    meta!("notes", Output, notes::notes),
    meta!("lang", Language, sitting::lang),
    meta!("reset", Reset, sitting::reset),
    meta!("report", Nothing, sitting::report),
    meta!("quit" | "q" | "exit", Nothing, sitting::quit),
];

/// Finds a command by its name, an alias or an unambiguous beginning.
pub(super) fn find(name: &str) -> Option<&'static Meta> {
    let exact = METAS.iter().find(|meta| meta.name == name || meta.aliases.contains(&name));
    exact.or_else(|| {
        let mut beginning = METAS.iter().filter(|meta| !name.is_empty() && meta.name.starts_with(name));
        beginning.next().filter(|_| beginning.next().is_none())
    })
}

/// Obeys a line to the guide, and shows to the step's checks what came of it.
pub(super) fn obey(session: &mut Session, name: &str, rest: &str) -> Result<Flow, Trouble> {
    let Some(meta) = find(name) else { return Err(unknown(session, name)) };
    let looked_for = session
        .guide
        .step()
        .checks
        .iter()
        .any(|check| check.guide.as_ref().is_some_and(|guide| guide.command == meta.name));
    let step = session.guide.step().id.clone();
    let reply = (meta.run)(session, rest);
    // A command that led to another step is no attempt at that one.
    if looked_for && session.guide.step().id == step {
        let packets = reply.as_ref().map(|reply| reply.packets.clone()).unwrap_or_default();
        let observation = session.guide_observation(meta.name, rest, reply.is_ok(), packets);
        if let Err(trouble) = &reply {
            session.console.trouble(trouble, &session.words);
        }
        let place = session.place.clone();
        let event = crate::course::Event::ran(&step, &place, &observation.line, observation.status);
        session.record(event);
        session.observe(observation);
        return Ok(reply.map_or(Flow::On, |reply| reply.flow));
    }
    reply.map(|reply| reply.flow)
}

/// A name that is no command's.
fn unknown(session: &Session, name: &str) -> Trouble {
    let trouble = Trouble::usage(session.say("ui-no-command", &[("name", name.into())]));
    let known = METAS.iter().flat_map(|meta| std::iter::once(meta.name).chain(meta.aliases.iter().copied()));
    match nearest(name, known) {
        Some(near) => trouble.hint(session.say("ui-did-you-mean", &[("word", format!(":{near}").into())])),
        None => trouble.hint(session.say("ui-see-help", &[])),
    }
}

/// Refuses words after a command that takes none.
fn takes_nothing(session: &Session, name: &str, rest: &str) -> Result<(), Trouble> {
    if rest.is_empty() {
        return Ok(());
    }
    Err(Trouble::usage(session.say("ui-takes-nothing", &[("name", name.into()), ("rest", rest.into())])))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::words::{Language, Words};

    #[test]
    fn no_two_commands_answer_to_one_name() {
        let mut seen = BTreeSet::new();
        for name in METAS.iter().flat_map(|meta| std::iter::once(&meta.name).chain(meta.aliases)) {
            assert!(seen.insert(name), "{name}");
        }
    }

    #[test]
    fn every_command_has_a_line_of_help_in_every_language() {
        for language in Language::ALL {
            let words = Words::new(language);
            for meta in METAS {
                assert!(words.has(&format!("ui-help-{}", meta.name)), "{} in {language}", meta.name);
            }
        }
    }

    #[test]
    fn an_unambiguous_beginning_is_enough() {
        let name = |word| find(word).map(|meta| meta.name);
        assert_eq!(name("n"), Some("next"));
        assert_eq!(name("hi"), Some("hint"));
        assert_eq!(name("q"), Some("quit"));
        assert_eq!(name("re"), None, "reset, resume and report begin so");
        assert_eq!(name(""), None);
    }
}
