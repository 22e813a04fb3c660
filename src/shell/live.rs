//! Packets of the feed, said in the learner's language.

use super::feed::Packet;
use super::session::Session;
use crate::capture::Filter;
use crate::course::{Opening, Role as At};
use crate::decrypt::{Keyring, Outcome, Scratch};
use crate::packet::line::{Options, TimeFormat};
use crate::packet::{Frame, Printer};
use crate::render::{Live, Role};
use crate::words::Words;

/// An entry for a packet: what tcpdump says of it, what is inside, what to know.
pub(super) fn entry(words: &Words, number: usize, node: &str, frame: &Frame, keys: &Keyring) -> Live {
    let mut scratch = Scratch::default();
    let verdict = keys.decrypt_frame(frame, &mut scratch);
    let (role, inside) = match &verdict.outcome {
        Outcome::Clear => (Role::Clear, None),
        Outcome::Decrypted => {
            let mut packet = Vec::new();
            let inside = verdict.plain_packet(&mut packet).then(|| {
                let mut line = String::new();
                printer().print_ip(&packet, &mut line);
                (words.say("ui-live-inside", &[]), line.trim_end().to_owned())
            });
            (Role::Cipher, inside)
        }
        other => (Role::Bad, Some((words.say("ui-live-closed", &[]), outcome_words(words, other)))),
    };
    let mut line = String::new();
    printer().print(frame.view(), &mut line);
    Live { number, node: node.to_owned(), line: line.trim_end().to_owned(), role, inside, notes: Vec::new() }
}

/// How an attempt at a packet ended, in the learner's language, with the counter that the kernel would have counted.
pub(super) fn outcome_words(words: &Words, outcome: &Outcome<'_>) -> String {
    match outcome {
        Outcome::Decrypted | Outcome::Clear => String::new(),
        Outcome::NoSa { dst, spi, .. } => {
            words.say("ui-outcome-no-sa", &[("dst", dst.to_string().into()), ("spi", spi.to_string().into())])
        }
        Outcome::BadIcv { spi, seq, tried, .. } => words.say(
            "ui-outcome-bad-icv",
            &[("spi", spi.to_string().into()), ("seq", format!("{seq:#x}").into()), ("tried", (*tried).into())],
        ),
        Outcome::Unsupported(why) => words.say("ui-outcome-unsupported", &[("why", why.to_string().into())]),
        Outcome::Fragment => words.say("ui-outcome-fragment", &[]),
        Outcome::TooDeep { limit } => words.say("ui-outcome-too-deep", &[("limit", (*limit).into())]),
        Outcome::Truncated { need, have } => {
            words.say("ui-outcome-truncated", &[("need", (*need).into()), ("have", (*have).into())])
        }
        Outcome::Malformed(why) => words.say("ui-outcome-malformed", &[("why", why.to_string().into())]),
    }
}

/// A printer of tcpdump's lines without times: the guide numbers packets instead.
fn printer() -> Printer {
    Printer::new(Options { numeric: true, time: TimeFormat::of_count(1), ..Options::default() })
}

impl Session {
    /// The entry of a packet of the feed.
    pub(super) fn live(&self, number: usize, packet: &Packet) -> Live {
        let none = Keyring::default();
        let keys = self.feed.keys(packet.node).unwrap_or(&none);
        let mut live = entry(&self.words, number, packet.node.name(), &packet.frame, keys);
        let device = packet.seen.device.clone().unwrap_or_default();
        if let Some(first) = packet.story.again {
            let id = if packet.seen.esp.is_some() { "ui-live-again-esp" } else { "ui-live-again-clear" };
            live.notes.push(self.say(id, &[("first", first.into()), ("device", device.into())]));
        } else if let Some(other) = packet.story.other_form {
            let id = match packet.seen.opening {
                Opening::Clear => "ui-live-clear-of",
                _ => "ui-live-sealed-of",
            };
            live.notes.push(self.say(id, &[("other", other.into())]));
        }
        live
    }

    /// Takes in new packets, and shows them if the learner watches.
    pub(super) fn drain_feed(&mut self) {
        let from = self.feed.next_number();
        self.feed.drain(&mut *self.lab);
        if let Some(watch) = self.watching.take() {
            self.show_packets(from, watch.filter.as_ref());
            self.watching = Some(watch);
        }
    }

    /// Shows the packets from a number on that passed where the learner is.
    pub(super) fn show_packets(&mut self, from: usize, filter: Option<&Filter>) {
        let here = self.nodes_here();
        let look = self.console.look();
        let lines: Vec<_> = self
            .feed
            .since(from)
            .filter(|(_, packet)| here.contains(&packet.node))
            .filter(|(_, packet)| filter.is_none_or(|filter| filter.matches(&packet.frame.octets)))
            .flat_map(|(number, packet)| self.live(number, packet).lines(&look))
            .collect();
        self.console.lines(&lines);
    }

    /// The node of the present place: itself, a pod's, or all of them on the machine.
    pub(super) fn nodes_here(&self) -> Vec<At> {
        match self.place.parse() {
            Ok(At::PodA) => vec![At::Worker],
            Ok(At::PodB) => vec![At::Worker2],
            Ok(At::Machine) | Err(_) => vec![At::Worker, At::Worker2, At::ControlPlane],
            Ok(node) => vec![node],
        }
    }
}
