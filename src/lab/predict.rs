//! The way of a packet through a lab that has no model of itself: its nodes are asked for the text of their tools, and
//! the model is built from that.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::{Input, JobEvent, JobId, Lab, LabKind, Place, PlaceKind, Stream};
use crate::datapath::Trace;
use crate::datapath::rebuild::{CannotRebuild, NodeTexts, Rebuilt, Text, script};
use crate::trouble::Trouble;
use crate::words::Said;

/// How long the nodes have for their answers, all together.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a single wait for one of them is.
const WAIT: Duration = Duration::from_millis(20);

/// Asks every node and pod of a lab for its texts; nothing is changed there. A pod without the tools has none.
pub fn node_texts<L: Lab + ?Sized>(lab: &mut L) -> Result<Vec<NodeTexts>, Trouble> {
    let places = lab.places()?;
    let line = script(true).trim_end().replace('\n', "; ");
    let mut jobs: Vec<(&Place, JobId)> = Vec::new();
    for place in places.iter().filter(|place| place.kind != PlaceKind::Machine) {
        // All are asked at once: most of the time is their shells' beginning.
        let job = lab.start(&place.name, &line, None)?;
        lab.send(job, Input::End)?;
        jobs.push((place, job));
    }
    let until = Instant::now() + PATIENCE;
    let mut texts = Vec::new();
    for (place, job) in jobs {
        let text = output(lab, job, until).map_err(|late| {
            late.unwrap_or_else(|| Trouble::unusable(Said::of("predict-silent", &[("place", &place.name)])))
        })?;
        texts.push(NodeTexts::from_stream(&place.name, &text));
    }
    Ok(texts)
}

/// What a job writes; `Err(None)` when its time is over.
fn output<L: Lab + ?Sized>(lab: &mut L, job: JobId, until: Instant) -> Result<String, Option<Trouble>> {
    let mut octets = Vec::new();
    while Instant::now() < until {
        match lab.poll(job, WAIT).map_err(Some)? {
            JobEvent::Output(Stream::Out, more) => octets.extend(more),
            JobEvent::Output(Stream::Err, _) | JobEvent::Idle => {}
            JobEvent::Exited(_) => return Ok(String::from_utf8_lossy(&octets).into_owned()),
        }
    }
    lab.send(job, Input::Terminate).map_err(Some)?;
    Err(None)
}

/// Follows one ICMP echo request from a place to an address, as the nodes' texts of this moment have it.
pub fn predict<L: Lab + ?Sized>(lab: &mut L, from: &str, to: Ipv4Addr, size: u16) -> Result<Trace, Trouble> {
    if lab.kind() == LabKind::Recording {
        return Err(Trouble::unusable(Said::of("predict-recording", &[])).hint(Said::of("predict-in-sim", &[])));
    }
    let places = lab.places()?;
    let place = places.iter().find(|place| place.name == from || place.aliases.iter().any(|alias| alias == from));
    let place = place.ok_or_else(|| Trouble::unusable(Said::of("predict-no-place", &[("from", &from)])))?;
    let texts = node_texts(lab)?;
    let mut rebuilt = Rebuilt::from_texts(&texts).map_err(|error| cannot_rebuild(&error))?;
    let stack = rebuilt.cluster.find(&place.name).ok_or_else(|| {
        Trouble::unusable(Said::of("predict-no-network", &[("from", &from)]))
            .hint(Said::of("predict-must-work", &[("command", &Text::Addresses.command())]))
    })?;
    rebuilt
        .trace(stack, to, usize::from(size))
        .map_err(|error| Trouble::failed(Said::of("trouble-not-sent", &[("from", &from), ("to", &to)])).because(&error))
}

/// The error as a person meets it: with the command that makes what is missing.
pub fn cannot_rebuild(error: &CannotRebuild) -> Trouble {
    let trouble = Trouble::unusable(match error {
        CannotRebuild::NoTexts => Said::of("predict-no-texts", &[]),
        CannotRebuild::Missing { place, text } => {
            Said::of("predict-text-missing", &[("command", &text.command()), ("place", place)])
        }
        CannotRebuild::Nothing { place, label, text } => {
            Said::of("predict-text-empty", &[("label", label), ("place", place), ("command", &text.command())])
        }
        CannotRebuild::Twice { first, second, address } => {
            Said::of("predict-twice", &[("first", first), ("second", second), ("address", address)])
        }
    });
    match error {
        CannotRebuild::NoTexts => trouble.hint(Said::of("predict-how-to-save", &[])),
        CannotRebuild::Missing { place, text } | CannotRebuild::Nothing { place, text, .. } => trouble.hint(Said::of(
            "predict-run-and-save",
            &[("place", &place), ("command", &text.command()), ("stem", &text.stem())],
        )),
        CannotRebuild::Twice { .. } => trouble.hint(Said::of("predict-one-moment", &[])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_that_cannot_be_rebuilt_is_told_in_the_words_of_its_error() {
        let (place, label) = ("w1".to_owned(), "w1/rules.txt".to_owned());
        for error in [
            CannotRebuild::NoTexts,
            CannotRebuild::Missing { place: place.clone(), text: Text::Rules },
            CannotRebuild::Nothing { place: place.clone(), label, text: Text::Rules },
            CannotRebuild::Twice { first: place, second: "w2".to_owned(), address: Ipv4Addr::LOCALHOST.into() },
        ] {
            assert_eq!(cannot_rebuild(&error).what.to_string(), error.to_string());
        }
    }
}
