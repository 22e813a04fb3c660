//! After a ping: whether the nodes' captures show what the model predicts.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::{IpAddr, Ipv4Addr};

use super::jobs::Job;
use super::session::{Session, short_name};
use crate::command::commands;
use crate::course::Role as At;
use crate::datapath::{Ends, Sighting, compare, predicted};
use crate::decrypt::{Keyring, Scratch};
use crate::explain::{comparison_lines, pings, sighting};
use crate::lab::{LabKind, Place, PlaceKind};
use crate::render::{Line, Role};
use crate::replay::device_names;

/// A ping that can be predicted: nothing about it but its destination and size.
#[derive(Debug, PartialEq, Eq)]
struct Ping {
    to: Ipv4Addr,
    size: u16,
}

/// The longest that is not cut into fragments on its way: what is captured of fragments is no whole packet.
const MOST: u16 = 1300;

impl Session {
    /// Says whether a ping was seen as the nodes' present state predicts it; each difference is shown. A line that is no
    /// plain ping, or of which nothing was captured, is not spoken of.
    pub(super) fn compare_ping(&mut self, job: &Job) {
        let Some(ping) = ping_of(&job.line) else { return };
        if self.lab.kind() == LabKind::Recording || self.feed.next_number() == job.since {
            return;
        }
        let Ok(trace) = self.lab.trace(&job.place, ping.to, ping.size) else { return };
        let Ok(places) = self.lab.places() else { return };
        let name_of = |role: At| {
            let is =
                |place: &&Place| place.name == role.name() || place.aliases.iter().any(|alias| alias == role.name());
            places.iter().find(is).map(|place| place.name.clone())
        };
        let captured = self.sightings_since(job.since, name_of);
        let on_nodes = |place: &str, _: &str| {
            places.iter().any(|own| own.name == place && own.kind == PlaceKind::Node)
                && self.feed.listens(place, name_of)
        };
        let Some(ends) = trace.hops.first().and_then(|hop| Ends::of(&hop.octets)) else { return };
        let comparison = compare(&predicted(&trace, on_nodes), &captured, pings(&captured, ends));
        if comparison.predicted == 0 && comparison.is_equal() {
            return;
        }
        let short = |name: &str| places.iter().find(|place| place.name == name).map_or(name.to_owned(), short_name);
        let role = if comparison.is_equal() { Role::Quiet } else { Role::Warning };
        for line in comparison_lines(&comparison, &self.words, short) {
            self.console.line(Line::of(line, role));
        }
        self.console.raw("\n");
    }

    /// The packets of the feed from a number on, as a prediction is compared with them.
    fn sightings_since(&mut self, since: usize, name_of: impl Fn(At) -> Option<String>) -> Vec<Sighting> {
        let mut devices: BTreeMap<At, BTreeMap<u32, String>> = BTreeMap::new();
        let unnamed: Vec<At> = self
            .feed
            .since(since)
            .filter(|(_, packet)| packet.frame.device.is_none())
            .map(|(_, packet)| packet.node)
            .collect();
        for node in unnamed {
            if let Entry::Vacant(entry) = devices.entry(node) {
                entry.insert(device_names(&mut *self.lab, node.name()).unwrap_or_default());
            }
        }
        let (none, no_names, mut scratch) = (Keyring::default(), BTreeMap::new(), Scratch::default());
        let mut found = Vec::new();
        for (_, packet) in self.feed.since(since) {
            let Some(name) = name_of(packet.node) else { continue };
            let keys = self.feed.keys(packet.node).unwrap_or(&none);
            let names = devices.get(&packet.node).unwrap_or(&no_names);
            found.extend(sighting(&packet.frame, &name, names, keys, &mut scratch));
        }
        found
    }
}

/// The ping that a line is, when it is one and nothing else.
fn ping_of(line: &str) -> Option<Ping> {
    let found = commands(line).ok()?;
    let [only] = found.as_slice() else { return None };
    let (name, words) = only.words.split_first()?;
    if name != "ping" || !only.elsewhere.is_empty() || only.substituted {
        return None;
    }
    let (mut to, mut size) = (None, 56);
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-c" | "-i" | "-W" | "-w" | "-p" => drop(rest.next()?),
            "-s" => size = rest.next()?.parse().ok().filter(|size| *size <= MOST)?,
            "-n" | "-q" | "-D" | "-O" | "-4" => {}
            address if to.is_none() => match address.parse().ok()? {
                IpAddr::V4(address) => to = Some(address),
                IpAddr::V6(_) => return None,
            },
            _ => return None,
        }
    }
    Some(Ping { to: to?, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_ping_is_predicted() {
        let to = Ipv4Addr::new(10, 0, 1, 165);
        for (line, size) in [("ping -c 2 10.0.1.165", 56), ("ping -s 1000 -c 1 -W 1 10.0.1.165", 1000)] {
            assert_eq!(ping_of(line), Some(Ping { to, size }), "{line}");
        }
        for line in
            ["ping", "ping -s 1400 10.0.1.165", "ping -I eth0 10.0.1.165", "ping 10.0.1.165; ip x s", "ping ::1", "ls"]
        {
            assert_eq!(ping_of(line), None, "{line}");
        }
    }
}
