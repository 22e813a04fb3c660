//! Packets of the feed, said in the learner's language.

use std::collections::BTreeMap;
use std::time::Duration;

use super::feed::Packet;
use super::session::{Session, Watch};
use crate::capture::Filter;
use crate::course::{Direction, Opening, Role as At, Seen};
use crate::decrypt::{Keyring, Outcome, Scratch};
use crate::lab::LabKind;
use crate::packet::line::{Options, TimeFormat};
use crate::packet::{Frame, Printer};
use crate::render::{Line, Live, Role};
use crate::words::Words;

/// After a line, this many of its packets are shown: two pings' worth.
const OF_A_LINE: usize = 14;
/// A list that the learner asked for is shown as long as it is.
pub(super) const MANY: usize = usize::MAX;

/// An entry for a packet: where it was seen, what tcpdump says of it, what is inside.
pub(super) fn entry(words: &Words, number: usize, node: &str, frame: &Frame, keys: &Keyring) -> Live {
    let mut scratch = Scratch::default();
    let verdict = keys.decrypt_frame(frame, &mut scratch);
    let (role, inside) = match &verdict.outcome {
        Outcome::Clear => (Role::Clear, None),
        Outcome::Decrypted => {
            let mut packet = Vec::new();
            let inside =
                verdict.plain_packet(&mut packet).then(|| (words.say("ui-live-inside", &[]), ip_line(&packet)));
            (Role::Cipher, inside)
        }
        other => (Role::Bad, Some((words.say("ui-live-closed", &[]), outcome_words(words, other)))),
    };
    let ip = verdict.outer.and_then(|outer| frame.octets.get(outer.start..));
    let line = if let Some(packet) = ip {
        ip_line(packet)
    } else {
        let mut line = String::new();
        printer().print(frame.view(), &mut line);
        line.trim_end().to_owned()
    };
    Live { number, place: place(node, frame), note: String::new(), line, role, inside }
}

/// `worker cilium_host Out`, as far as the frame says.
fn place(node: &str, frame: &Frame) -> String {
    let direction = Seen::of(frame, &Keyring::default(), &BTreeMap::new(), &mut Scratch::default()).direction;
    let direction = match direction {
        Some(Direction::In) => "In",
        Some(Direction::Out) => "Out",
        // tcpdump's letter for a frame that was for another host.
        Some(Direction::Other) => "P",
        None => "",
    };
    let words = [node, frame.device.as_deref().unwrap_or_default(), direction];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// tcpdump's line for an IP packet, from the addresses on.
fn ip_line(packet: &[u8]) -> String {
    let mut line = String::new();
    printer().print_ip(packet, &mut line);
    let line = line.trim_end();
    line.strip_prefix("IP ").unwrap_or(line).to_owned()
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
        if let Some(first) = packet.story.again {
            let id = if packet.seen.esp.is_some() { "ui-live-again-esp" } else { "ui-live-again-clear" };
            live.note = self.say(id, &[("first", first.into())]);
        } else if let Some(other) = packet.story.other_form {
            let id = match packet.seen.opening {
                Opening::Clear => "ui-live-clear-of",
                _ => "ui-live-sealed-of",
            };
            live.note = self.say(id, &[("other", other.into())]);
        }
        live
    }

    /// Takes in new packets, and shows them if the learner watches.
    pub(super) fn drain_feed(&mut self) {
        self.take_in_packets(Duration::ZERO);
    }

    /// The same, waiting for packets that are under way.
    pub(super) fn take_in_packets(&mut self, wait: Duration) {
        self.feed.drain(&mut *self.lab, wait);
        let from = std::mem::replace(&mut self.unseen, self.feed.next_number());
        let watching = std::mem::replace(&mut self.watching, Watch::Off);
        if let Watch::Live(filter) = &watching {
            self.show_packets(from, MANY, filter.as_ref());
        }
        self.watching = watching;
    }

    /// Says loudly what the kernel dropped since the learner was last told, and once, quietly, that it dropped nothing.
    pub(super) fn tell_dropped(&mut self) {
        let Some(dropped) = self.feed.dropped() else { return };
        let told = self.told_dropped.unwrap_or(0);
        if dropped > told {
            let line = self.say("ui-dropped", &[("count", (dropped - told).into())]);
            self.console.line(Line::of(line, Role::Bad));
        } else if self.told_dropped.is_none() && self.feed.next_number() > 1 {
            let line = self.say("ui-dropped-none", &[]);
            self.console.line(Line::of(line, Role::Quiet));
        } else {
            return;
        }
        self.told_dropped = Some(dropped);
    }

    /// Shows the packets that passed where the learner is while a line ran.
    pub(super) fn tell_packets_of_a_line(&mut self, from: usize) {
        let here = self.nodes_here();
        let count = self.feed.since(from).filter(|(_, packet)| here.contains(&packet.node)).count();
        if count == 0 {
            return;
        }
        let nodes: Vec<&str> = here.iter().map(|role| role.name()).collect();
        let id = if self.lab.kind() == LabKind::Sim { "ui-caught-simulated" } else { "ui-caught" };
        let title = self.say(id, &[("count", count.into()), ("nodes", nodes.join(", ").into())]);
        self.console.raw("\n");
        self.console.line(Line::of(title, Role::Heading));
        self.show_packets(from, OF_A_LINE, None);
        if let Some(more) = count.checked_sub(OF_A_LINE).filter(|more| *more > 0) {
            self.tell("ui-caught-more", &[("more", more.into())]);
        }
        self.console.raw("\n");
    }

    /// Shows the first `most` packets from a number on that passed where the learner is.
    pub(super) fn show_packets(&mut self, from: usize, most: usize, filter: Option<&Filter>) {
        let here = self.nodes_here();
        let look = self.console.look();
        let lines: Vec<_> = self
            .feed
            .since(from)
            .filter(|(_, packet)| here.contains(&packet.node))
            .filter(|(_, packet)| filter.is_none_or(|filter| filter.matches(&packet.frame.octets)))
            .take(most)
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
