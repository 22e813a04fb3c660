//! Reads `ip neigh` (ip/ipneigh.c, iproute2 6.1).

use std::net::IpAddr;

use super::link::mac;
use crate::datapath::{Mac, NeighbourState};
use crate::listing::{Listing, Reader, is_command, quoted};

/// A line of `ip neigh`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeighbourLine {
    /// Whose address.
    pub address: IpAddr,
    /// Through which device.
    pub device: String,
    /// Its Ethernet address, where it is known.
    pub mac: Option<Mac>,
    /// How sure the kernel is.
    pub state: NeighbourState,
}

/// Reads the neighbours of a text, a line each.
pub fn parse_neighbours(text: &str) -> Listing<NeighbourLine> {
    let mut reader = Reader::new(text);
    let mut items = Vec::new();
    while !reader.is_done() {
        let line = reader.here().line;
        let before = reader.mark();
        let count = reader.rest_of_line().len();
        match neighbour(&mut reader, before + count) {
            Ok(item) => items.push(item),
            Err(reason) => {
                reader.back(before);
                if !is_command(reader.rest_of_line().iter().map(|token| token.text)) {
                    reader.refuse(line, reason);
                }
            }
        }
        reader.back(before + count.max(1));
    }
    Listing { items, unread: reader.into_unread() }
}

fn neighbour(reader: &mut Reader<'_>, end: usize) -> Result<NeighbourLine, String> {
    let address = reader.parsed("an address")?;
    let (mut device, mut found, mut state) = (None, None, None);
    while reader.mark() < end {
        match reader.word("a word")? {
            "dev" => device = Some(reader.word("a device")?.to_owned()),
            "lladdr" => found = Some(reader.read("an Ethernet address", mac)?),
            "used" | "probes" | "ref" | "proto" | "nud" => {
                reader.word("a value")?;
            }
            "router" | "proxy" | "extern_learn" | "offload" | "managed" | "extern_managed" => {}
            word => state = Some(state_of(word).ok_or_else(|| format!("no neighbour's state is {}", quoted(word)))?),
        }
    }
    let device = device.ok_or("expected `dev` and the name of a device")?;
    let state = state.unwrap_or(if found.is_some() { NeighbourState::Stale } else { NeighbourState::Failed });
    Ok(NeighbourLine { address, device, mac: found, state })
}

fn state_of(word: &str) -> Option<NeighbourState> {
    use NeighbourState::{Delay, Failed, Incomplete, Noarp, Permanent, Probe, Reachable, Stale};
    if word == "NONE" {
        return Some(Failed);
    }
    [Incomplete, Reachable, Stale, Delay, Probe, Failed, Permanent, Noarp].into_iter().find(|own| own.name() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_read_in_every_state() {
        let text = "10.0.1.236 dev eth0 lladdr 3e:b2:b8:3c:45:a4 STALE \n172.18.0.9 dev eth0 FAILED\n\
                    fe80::1 dev eth0 lladdr 3e:b2:b8:3c:45:a5 router used 5/5/5 probes 1 REACHABLE\nnonsense here\n";
        let listing = parse_neighbours(text);
        let states: Vec<NeighbourState> = listing.items.iter().map(|item| item.state).collect();
        assert_eq!(states, [NeighbourState::Stale, NeighbourState::Failed, NeighbourState::Reachable]);
        assert_eq!(listing.items[0].mac.map(|mac| mac.to_string()).as_deref(), Some("3e:b2:b8:3c:45:a4"));
        assert_eq!(listing.unread.len(), 1);
    }
}
