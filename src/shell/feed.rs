//! The packets of the cluster's nodes: captured through the lab, opened with each node's own keys, numbered.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::course::{Opening, Role, Seen};
use crate::decrypt::{Keyring, Scratch, Sightings};
use crate::lab::{CaptureId, Lab};
use crate::packet::Frame;
use crate::replay::keyring;

/// What was captured in this sitting.
pub(super) struct Feed {
    nodes: BTreeMap<Role, Node>,
    packets: Vec<Packet>,
    /// How many packets were forgotten before the first of `packets`.
    forgotten: usize,
    scratch: Scratch,
}

/// A packet of the guide's list.
pub(super) struct Packet {
    /// Where it was captured.
    pub(super) node: Role,
    /// Its octets.
    pub(super) frame: Frame,
    /// As a lesson looks at it.
    pub(super) seen: Seen,
    /// Which other packets of the list it is the same as.
    pub(super) story: Story,
}

/// How a packet belongs to earlier ones; numbers are those of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Story {
    /// The first sighting of the same packet in the same form.
    pub(super) again: Option<usize>,
    /// The other form of it: for ESP the packet in clear that is inside, for a packet in clear the ESP around it.
    pub(super) other_form: Option<usize>,
}

struct Node {
    capture: CaptureId,
    /// The frames that the kernel dropped, where one captures.
    dropped: Option<u64>,
    keys: Keyring,
    sightings: Sightings,
}

/// The list keeps this many packets.
const MOST: usize = 20_000;
/// Packets that are recognised when they are seen again.
const RECOGNISED: usize = 4096;
/// What is captured on each node: what the course is about, not the cluster's own chatter.
const FILTER: &str = "esp or icmp or icmp6 or udp port 4500";

impl Feed {
    /// A feed that has seen nothing.
    pub(super) fn new() -> Self {
        Self { nodes: BTreeMap::new(), packets: Vec::new(), forgotten: 0, scratch: Scratch::default() }
    }

    /// Begins to capture on every node that is there and is not captured on yet.
    pub(super) fn listen(&mut self, lab: &mut dyn Lab) {
        let Ok(places) = lab.places() else { return };
        let is_there = |role: &Role| {
            let is_it = |name: &String| name == role.name();
            places.iter().any(|place| is_it(&place.name) || place.aliases.iter().any(is_it))
        };
        let nodes = Role::ALL.into_iter().filter(|role| role.is_node() && is_there(role));
        let fresh: Vec<Role> = nodes.filter(|role| !self.nodes.contains_key(role)).collect();
        let names: Vec<&str> = fresh.iter().map(|role| role.name()).collect();
        for (role, capture) in fresh.iter().zip(lab.captures(&names, "any", FILTER)) {
            // A node that cannot be captured on has no packets; everything else goes on.
            if let Ok(capture) = capture {
                let (keys, sightings) = (Keyring::default(), Sightings::new(RECOGNISED));
                self.nodes.insert(*role, Node { capture, dropped: None, keys, sightings });
            }
        }
    }

    /// Takes in what was captured since the last call, waiting for what is under way at most `wait` a node.
    pub(super) fn drain(&mut self, lab: &mut dyn Lab, wait: Duration) {
        let mut fresh: Vec<(Role, Frame)> = Vec::new();
        self.nodes.retain(|role, node| match lab.frames(node.capture, wait) {
            Ok(frames) => {
                node.dropped = lab.dropped(node.capture);
                fresh.extend(frames.into_iter().map(|frame| (*role, frame)));
                true
            }
            // The node is gone (`kind delete cluster`).
            Err(_) => false,
        });
        if fresh.is_empty() {
            return;
        }
        // A stable sort: packets of one moment keep each node's own order.
        fresh.sort_by_key(|(_, frame)| frame.time);
        let mut asked = Vec::new();
        for (role, frame) in fresh {
            self.add(role, frame, &mut asked, lab);
        }
        if let Some(over) = self.packets.len().checked_sub(MOST).filter(|over| *over > 0) {
            self.packets.drain(..over);
            self.forgotten += over;
        }
    }

    /// Passes over what was captured since the last call.
    pub(super) fn skip(&mut self, lab: &mut dyn Lab) {
        self.nodes.retain(|_, node| lab.frames(node.capture, Duration::ZERO).is_ok());
    }

    /// How many frames the kernel dropped; `None` where no kernel captures.
    pub(super) fn dropped(&self) -> Option<u64> {
        self.nodes.values().filter_map(|node| node.dropped).reduce(|sum, dropped| sum + dropped)
    }

    /// The number that the next packet gets.
    pub(super) fn next_number(&self) -> usize {
        self.forgotten + self.packets.len() + 1
    }

    /// The packet of a number.
    pub(super) fn find(&self, number: usize) -> Option<&Packet> {
        self.packets.get(number.checked_sub(self.forgotten + 1)?)
    }

    /// The packets from a number on, with their numbers.
    pub(super) fn since(&self, number: usize) -> impl DoubleEndedIterator<Item = (usize, &Packet)> {
        let first = self.forgotten + 1;
        let from = number.saturating_sub(first).min(self.packets.len());
        self.packets.iter().enumerate().skip(from).map(move |(at, packet)| (first + at, packet))
    }

    /// The packets as a quiz looks at them; the first is number 1.
    pub(super) fn list(&self) -> Vec<Seen> {
        self.packets.iter().map(|packet| packet.seen.clone()).collect()
    }

    /// Whether packets of the node of a full name are captured.
    pub(super) fn listens(&self, name: &str, name_of: impl Fn(Role) -> Option<String>) -> bool {
        self.nodes.keys().any(|role| name_of(*role).as_deref() == Some(name))
    }

    /// The keys of a node, as they were when last asked for.
    pub(super) fn keys(&self, role: Role) -> Option<&Keyring> {
        self.nodes.get(&role).map(|node| &node.keys)
    }

    /// Adds a packet. A node whose keys open nothing is asked for them once more, for there may be new ones.
    fn add(&mut self, role: Role, frame: Frame, asked: &mut Vec<Role>, lab: &mut dyn Lab) {
        let number = self.next_number();
        let Some(node) = self.nodes.get_mut(&role) else { return };
        let devices = BTreeMap::new();
        let mut seen = Seen::of(&frame, &node.keys, &devices, &mut self.scratch);
        if matches!(seen.opening, Opening::NoSa | Opening::BadIcv) && !asked.contains(&role) {
            asked.push(role);
            if let Ok(keys) = keyring(lab, role.name()) {
                node.keys = keys;
                seen = Seen::of(&frame, &node.keys, &devices, &mut self.scratch);
            }
        }
        let verdict = node.keys.decrypt_frame(&frame, &mut self.scratch);
        let sighting = node.sightings.see(number as u64, seen.device.as_deref(), &frame.octets, &verdict);
        let first = |list: &[crate::decrypt::Seen]| {
            list.first().and_then(|seen| usize::try_from(seen.frame).ok()).filter(|first| *first != number)
        };
        let story = sighting.map_or_else(Story::default, |sighting| Story {
            again: first(sighting.same),
            other_form: first(sighting.other_form),
        });
        let mut packet = Packet { node: role, frame, seen, story };
        if self.is_sent_anew(&packet) {
            packet.story.again = None;
        }
        self.packets.push(packet);
    }

    /// Whether a packet in clear is no other sighting of an earlier one but its equal: a neighbour solicitation that nobody
    /// answers is sent three times, and one packet does not pass a device twice in one direction.
    fn is_sent_anew(&self, packet: &Packet) -> bool {
        let Some(first) = packet.story.again.filter(|_| packet.seen.esp.is_none()) else { return false };
        let way = |packet: &Packet| (packet.node, packet.seen.device.clone(), packet.seen.direction);
        let mut earlier =
            self.since(first).filter(|(number, earlier)| *number == first || earlier.story.again == Some(first));
        earlier.any(|(_, earlier)| way(earlier) == way(packet))
    }
}
