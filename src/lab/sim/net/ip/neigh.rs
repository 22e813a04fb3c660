//! `ip neigh` (ip/ipneigh.c).

use std::fmt::Write;

use super::json::{self, Object};
use super::words::{self, Failed, Family, Words};
use super::{Run, help};
use crate::command::keyword;
use crate::datapath::{Mac, Neighbour, NeighbourState, Port};
use crate::xfrm::Prefix;

/// Which entries a command is about.
#[derive(Debug, Clone, Default)]
struct Filter {
    dev: Option<String>,
    to: Option<Prefix>,
    states: Vec<NeighbourState>,
    all: bool,
}

const STATES: [NeighbourState; 8] = [
    NeighbourState::Permanent,
    NeighbourState::Reachable,
    NeighbourState::Noarp,
    NeighbourState::Stale,
    NeighbourState::Incomplete,
    NeighbourState::Delay,
    NeighbourState::Probe,
    NeighbourState::Failed,
];

impl Run<'_> {
    pub(super) fn neighbours(&mut self, mut words: Words<'_>) -> Result<String, Failed> {
        let Some(word) = words.next() else { return self.list_neighbours(words) };
        let unknown = || Failed::unknown_command(word, "neigh");
        match keyword::verbs("neigh").and_then(|verbs| keyword::find(verbs, word)).ok_or_else(unknown)? {
            "show" => self.list_neighbours(words),
            "flush" if words.is_empty() => Err(Failed::new(1, "Flush requires arguments.")),
            "flush" => {
                let filter = self.neighbour_filter(words)?;
                let stack = self.stack_mut()?;
                let names: Vec<_> = stack.devices.iter().map(|device| (device.index, device.name.clone())).collect();
                stack.neighbours.retain(|entry| {
                    let name = names.iter().find(|(index, _)| *index == entry.device).map_or("", |(_, name)| name);
                    entry.state == NeighbourState::Permanent || !filter.takes(entry, name)
                });
                Ok(String::new())
            }
            "get" => self.get_neighbour(words),
            verb @ ("add" | "replace" | "change" | "delete") => self.edit_neighbour(verb, words),
            "help" => Err(Failed { err: help::NEIGH.to_owned(), status: 255 }),
            other => Err(Failed::elsewhere(&format!("ip neigh {other}"))),
        }
    }

    fn list_neighbours(&self, words: Words<'_>) -> Result<String, Failed> {
        let filter = self.neighbour_filter(words)?;
        let stack = self.stack()?;
        let chosen = stack.neighbours.iter().filter(|entry| {
            self.options.family.takes(entry.address) && filter.takes(entry, &stack.device_name(entry.device))
        });
        let chosen: Vec<&Neighbour> = chosen.collect();
        Ok(self.print_neighbours(&chosen, filter.dev.is_some()))
    }

    fn print_neighbours(&self, entries: &[&Neighbour], one_device: bool) -> String {
        let name = |entry: &Neighbour| self.stack().map(|stack| stack.device_name(entry.device)).unwrap_or_default();
        if self.options.json {
            let objects: Vec<Object> = entries
                .iter()
                .map(|entry| {
                    let mut object = Object::default();
                    object.text("dst", entry.address);
                    if !one_device {
                        object.text("dev", name(entry));
                    }
                    if let Some(mac) = entry.mac {
                        object.text("lladdr", mac);
                    }
                    if entry.router {
                        object.raw("router", "null");
                    }
                    object.texts("state", [entry.state.name()]);
                    object
                })
                .collect();
            return json::array(&objects);
        }
        let now = self.cluster.now().0;
        entries.iter().fold(String::new(), |mut text, entry| {
            let _ = write!(text, "{} ", entry.address);
            if !one_device {
                let _ = write!(text, "dev {} ", name(entry));
            }
            if let Some(mac) = entry.mac {
                let _ = write!(text, "lladdr {mac} ");
            }
            if self.options.stats > 0 {
                let age = |time: crate::packet::Timestamp| now.saturating_sub(time.0) / 1_000_000_000;
                if !matches!(entry.state, NeighbourState::Stale | NeighbourState::Failed | NeighbourState::Permanent) {
                    text.push_str(" ref 1");
                }
                let (used, confirmed, updated) = (age(entry.used), age(entry.confirmed), age(entry.since));
                let _ = write!(text, " used {used}/{confirmed}/{updated}probes {} ", entry.probes);
            }
            if entry.router {
                text.push_str("router ");
            }
            text + entry.state.name() + " \n"
        })
    }

    fn get_neighbour(&self, mut words: Words<'_>) -> Result<String, Failed> {
        let (mut address, mut dev) = (None, None);
        while let Some(word) = words.next() {
            match word {
                "dev" => dev = Some(words.value()?),
                word => address = Some(words::address(word, Family::Any)?),
            }
        }
        let (Some(address), Some(dev)) = (address, dev) else {
            return Err(Failed::new(255, "Device and address are required arguments."));
        };
        self.device(dev)?;
        let stack = self.stack()?;
        let found = stack
            .neighbours
            .iter()
            .find(|entry| entry.address == address && stack.device_name(entry.device) == dev)
            .ok_or_else(|| Failed::kernel("Neighbour entry not found."))?;
        Ok(self.print_neighbours(&[found], false))
    }

    fn edit_neighbour(&mut self, verb: &str, mut words: Words<'_>) -> Result<String, Failed> {
        let (mut address, mut dev, mut mac) = (None, None, None);
        let mut state = NeighbourState::Permanent;
        while let Some(word) = words.next() {
            match word {
                "dev" => dev = Some(words.value()?),
                "lladdr" => {
                    let word = words.value()?;
                    mac = Some(read_mac(word).ok_or_else(|| Failed::new(1, format!("\"{word}\" is invalid lladdr.")))?);
                }
                "nud" => state = read_state(words.value()?)?,
                "proxy" | "router" | "use" | "managed" | "extern_learn" => {
                    return Err(Failed::elsewhere(&format!("ip neigh {verb} … {word}")));
                }
                word => {
                    let word = if word == "to" { words.value()? } else { word };
                    address = Some(words::address(word, Family::Any)?);
                }
            }
        }
        let (Some(address), Some(dev)) = (address, dev) else {
            return Err(Failed::new(255, "Device and destination are required arguments."));
        };
        self.device(dev)?;
        let stack = self.stack()?;
        let Some(device) = stack.device(dev).map(|device| device.index) else { return Err(Failed::no_device(dev)) };
        let known = stack.neighbours.iter().position(|entry| entry.device == device && entry.address == address);
        match (verb, known) {
            ("delete", Some(at)) => {
                self.stack_mut()?.neighbours.remove(at);
                return Ok(String::new());
            }
            ("delete" | "change", None) => return Err(Failed::netlink("No such file or directory")),
            ("add", Some(_)) => return Err(Failed::netlink("File exists")),
            _ => {}
        }
        let Some(mac) = mac else { return Err(Failed::netlink("Invalid argument")) };
        self.cluster.know_neighbour(Port { stack: self.id, device }, address, mac, state);
        Ok(String::new())
    }

    fn neighbour_filter(&self, mut words: Words<'_>) -> Result<Filter, Failed> {
        let table = keyword::arguments("neigh", "show").unwrap_or_default();
        let mut filter = Filter::default();
        while let Some(word) = words.next() {
            match keyword::find(table, word) {
                Some("dev") => {
                    let name = words.value()?;
                    self.device(name)?;
                    filter.dev = Some(name.to_owned());
                }
                Some("nud") => match words.value()? {
                    "all" => filter.all = true,
                    word => filter.states.push(read_state(word)?),
                },
                Some("unused" | "nomaster") => {}
                Some("to") => filter.to = Some(words::prefix(words.value()?, self.options.family)?),
                Some(other) => return Err(Failed::elsewhere(&format!("ip neigh show … {other}"))),
                None => filter.to = Some(words::prefix(word, self.options.family)?),
            }
        }
        Ok(filter)
    }
}

impl Filter {
    fn takes(&self, entry: &Neighbour, device: &str) -> bool {
        let by_state = if self.states.is_empty() {
            self.all || entry.state != NeighbourState::Noarp
        } else {
            self.states.contains(&entry.state)
        };
        by_state
            && self.dev.as_ref().is_none_or(|dev| dev == device)
            && self.to.is_none_or(|to| to.contains(entry.address))
    }
}

fn read_state(word: &str) -> Result<NeighbourState, Failed> {
    let found = STATES.into_iter().find(|state| state.name().eq_ignore_ascii_case(word));
    found.ok_or_else(|| Failed::wrong(word, "nud state is bad"))
}

pub(super) fn read_mac(word: &str) -> Option<Mac> {
    let mut octets = [0; 6];
    let mut parts = word.split(':');
    for octet in &mut octets {
        *octet = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(Mac(octets))
}
