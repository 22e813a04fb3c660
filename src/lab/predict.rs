//! The way of a packet through a lab that has no model of itself: its nodes are asked for the text of their tools, and
//! the model is built from that.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::{Input, JobEvent, JobId, Lab, LabKind, Place, PlaceKind, Stream};
use crate::datapath::Trace;
use crate::datapath::rebuild::{CannotRebuild, NodeTexts, Rebuilt, Text, script};
use crate::trouble::Trouble;

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
        let text = output(lab, job, until)
            .map_err(|late| late.unwrap_or_else(|| Trouble::unusable(format!("{} does not answer", place.name))))?;
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
        return Err(Trouble::unusable("a recording has no nodes that could be asked for their state")
            .hint("`esplain trace SRC DST` follows a packet in the simulated lab"));
    }
    let places = lab.places()?;
    let place = places.iter().find(|place| place.name == from || place.aliases.iter().any(|alias| alias == from));
    let place = place.ok_or_else(|| Trouble::unusable(format!("there is no place `{from}` in this lab now")))?;
    let texts = node_texts(lab)?;
    let mut rebuilt = Rebuilt::from_texts(&texts).map_err(|error| cannot_rebuild(&error))?;
    let stack = rebuilt.cluster.find(&place.name).ok_or_else(|| {
        Trouble::unusable(format!("`{from}` does not say what its network is"))
            .hint(format!("`{}` must work there", Text::Addresses.command()))
    })?;
    rebuilt
        .trace(stack, to, usize::from(size))
        .map_err(|error| Trouble::failed(format!("{from} does not send to {to}")).because(&error))
}

/// The error as a person meets it: with the command that makes what is missing.
pub fn cannot_rebuild(error: &CannotRebuild) -> Trouble {
    let trouble = Trouble::unusable(error.to_string());
    match error {
        CannotRebuild::NoTexts => trouble.hint("`esplain trace --how-to-save` says how to save them"),
        CannotRebuild::Missing { place, text } | CannotRebuild::Nothing { place, text, .. } => trouble.hint(format!(
            "on {place} run `{}`, and save what it prints as {place}/{}.txt",
            text.command(),
            text.stem()
        )),
        CannotRebuild::Twice { .. } => {
            trouble.hint("keep the texts of one moment and one cluster in a folder of their own")
        }
    }
}
