//! Who has an address: the neighbour table's states and timers, and ARP frames (net/ipv4/arp.c, net/core/neighbour.c).

use std::net::{IpAddr, Ipv4Addr};

use super::cluster::{Cluster, Event};
use super::device::{AddressScope, Mac, Port, StackId};
use super::hop::{Drop, RouteAnswer, Stage};
use super::ipv4::{self, Arp};
use super::ipv6::icmp6;
use super::neighbour::{Neighbour, NeighbourState, timing};
use super::routing::RouteFlow;
use super::send::Dst;
use super::skb::{Skb, ethertype};
use crate::packet::{PacketType, Timestamp};
use crate::route::RouteType;

impl Cluster {
    /// Sends an IP packet to its next hop, now or when that has answered.
    pub(super) fn neighbour_output(&mut self, stack: StackId, skb: Skb, dst: &Dst) {
        let port = Port { stack, device: dst.device };
        let Some(device) = self.stack(stack).and_then(|own| own.device_at(dst.device)) else { return };
        if device.noarp || device.is_loopback() {
            // `arp_constructor`: the neighbour's address is the device's own.
            let mac = device.mac;
            let key = if device.is_loopback() { Ipv4Addr::UNSPECIFIED } else { dst.next_hop };
            self.note(stack, Some(dst.device), &skb, skb.mark, || Stage::Neighbour {
                address: dst.next_hop.into(),
                mac: Some(mac),
            });
            return self.transmit_unasked(port, skb, key.into(), mac);
        }
        if dst.kind == RouteType::Broadcast || dst.next_hop.is_broadcast() {
            return self.transmit_unasked(port, skb, dst.next_hop.into(), Mac::BROADCAST);
        }
        if dst.next_hop.is_multicast() {
            let group = dst.next_hop.into();
            return self.transmit_unasked(port, skb, group, Mac::of_group(group));
        }
        self.resolve(port, skb, dst.next_hop.into());
    }

    /// Sends to a neighbour whose Ethernet address is known, or asks for it first (`neigh_resolve_output`).
    pub(super) fn resolve(&mut self, port: Port, skb: Skb, address: IpAddr) {
        let stack = port.stack;
        let now = self.now();
        let known = self.neighbour_mut(port, address).map(|entry| {
            entry.used = now;
            if entry.state == NeighbourState::Stale {
                entry.enter(NeighbourState::Delay, now);
                return (entry.mac, true);
            }
            (entry.mac.filter(|_| entry.state.is_valid()), false)
        });
        match known {
            Some((Some(mac), probe_later)) => {
                if probe_later {
                    self.schedule(timing::DELAY_PROBE, Event::Neighbour(port, address));
                }
                self.note(stack, Some(port.device), &skb, skb.mark, || Stage::Neighbour { address, mac: Some(mac) });
                self.transmit_to(port, skb, mac);
            }
            other => {
                self.note(stack, Some(port.device), &skb, skb.mark, || Stage::Neighbour { address, mac: None });
                let asks = other.is_none()
                    || self.neighbour_mut(port, address).is_some_and(|entry| entry.state == NeighbourState::Failed);
                if asks {
                    self.start_asking(port, address, skb);
                } else if let Some(entry) = self.neighbour_mut(port, address) {
                    entry.waiting.push(skb);
                    if entry.waiting.len() > timing::WAITING {
                        entry.waiting.remove(0);
                    }
                }
            }
        }
    }

    /// Sends to an address that nobody need be asked for, and keeps it as such.
    pub(super) fn transmit_unasked(&mut self, port: Port, skb: Skb, address: IpAddr, mac: Mac) {
        let now = self.now();
        match self.neighbour_mut(port, address) {
            Some(entry) => entry.used = now,
            None => self.know_neighbour(port, address, mac, NeighbourState::Noarp),
        }
        self.transmit_to(port, skb, mac);
    }

    fn start_asking(&mut self, port: Port, address: IpAddr, skb: Skb) {
        let now = self.now();
        let octets = skb.octets.clone();
        let mut entry = Neighbour::new(port.device, address, NeighbourState::Incomplete, None, now);
        entry.probes = timing::UCAST_PROBES + 1;
        entry.waiting.push(skb);
        let Some(own) = self.stack_mut(port.stack) else { return };
        own.neighbours.retain(|old| !(old.device == port.device && old.address == entry.address));
        own.neighbours.push(entry);
        self.ask_who_has(port, address, &octets, None);
        self.schedule(timing::RETRANS, Event::Neighbour(port, address));
    }

    /// Asks everybody, or one who had the address; `waits` is the packet that is to go there.
    fn ask_who_has(&mut self, port: Port, address: IpAddr, waits: &[u8], whom: Option<Mac>) {
        match address {
            IpAddr::V4(address) => {
                let wish = ipv4::header(waits).map(|header| ipv4::source(&header));
                self.ask_for(port, address, wish, whom);
            }
            IpAddr::V6(address) => {
                let wish = etherparse::Ipv6Header::from_slice(waits).ok().map(|(header, _)| header.source_addr());
                self.with_random6(|cluster| cluster.solicit(port, address, wish, whom));
            }
        }
    }

    /// Sends a request; to everybody, or to one who had the address (`arp_solicit`). The sender's address is that of
    /// the packet that waits, if it is one of ours.
    fn ask_for(&mut self, port: Port, address: Ipv4Addr, wish: Option<Ipv4Addr>, whom: Option<Mac>) {
        let Some(own) = self.stack(port.stack) else { return };
        let Some(device) = own.device_at(port.device) else { return };
        let source = wish
            .filter(|wish| own.has_address((*wish).into()))
            .or_else(|| own.select_source(&device.name, Some(address), AddressScope::Link));
        let Some(source) = source else { return };
        // The Ethernet address that is asked for stays zero, whoever is asked.
        let request = Arp { reply: false, sender: (device.mac, source), target: (Mac::default(), address) };
        self.send_arp(port, request, whom.unwrap_or(Mac::BROADCAST));
    }

    pub(super) fn send_arp(&mut self, port: Port, arp: Arp, to: Mac) {
        let journey = self.new_journey();
        let skb = Skb { ethertype: ethertype::ARP, ..Skb::ipv4(journey, arp.octets()) };
        self.transmit_to(port, skb, to);
    }

    /// `arp_process`.
    pub(super) fn receive_arp(&mut self, port: Port, skb: &Skb) {
        let Some(arp) = Arp::read(&skb.octets) else { return };
        if skb.kind == PacketType::OtherHost {
            return;
        }
        let Some(own) = self.stack(port.stack) else { return };
        let Some(device) = own.device_at(port.device) else { return };
        if device.noarp || arp.target.1.is_loopback() || arp.target.1.is_multicast() {
            return;
        }
        let mac = device.mac;
        if arp.reply {
            self.answered(port, arp.sender, skb.kind);
            return;
        }
        let flow = RouteFlow {
            dst: arp.target.1.into(),
            src: arp.sender.1.into(),
            mark: 0,
            tos: 0,
            iif: device.name.clone(),
            oif: None,
        };
        let is_ours = matches!(own.route(&flow),
            RouteAnswer::Found { route, .. } if route.kind == RouteType::Local);
        if is_ours {
            self.spend(1_500);
            let (asker, address) = arp.sender;
            if !address.is_unspecified() {
                self.seen_asking(port, asker, address.into());
            }
            let reply = Arp { reply: true, sender: (mac, arp.target.1), target: arp.sender };
            self.send_arp(port, reply, arp.sender.0);
        }
    }

    /// A request tells who its sender is; that is no proof that it hears us (`neigh_event_ns`).
    pub(super) fn seen_asking(&mut self, port: Port, mac: Mac, address: IpAddr) {
        let now = self.now();
        match self.neighbour_mut(port, address) {
            Some(entry) if entry.state == NeighbourState::Permanent => {}
            Some(entry) if entry.mac == Some(mac) && entry.state.is_valid() => {}
            Some(entry) => {
                entry.mac = Some(mac);
                entry.enter(NeighbourState::Stale, now);
                self.send_waiting(port, address);
            }
            None => {
                let entry = Neighbour::new(port.device, address, NeighbourState::Stale, Some(mac), now);
                if let Some(own) = self.stack_mut(port.stack) {
                    own.neighbours.push(entry);
                }
            }
        }
    }

    /// A reply to one who did not ask is not believed (`arp_accept` is 0).
    fn answered(&mut self, port: Port, (mac, address): (Mac, Ipv4Addr), kind: PacketType) {
        let now = self.now();
        let address = IpAddr::from(address);
        let Some(entry) = self.neighbour_mut(port, address) else { return };
        if entry.state == NeighbourState::Permanent {
            return;
        }
        entry.mac = Some(mac);
        let state = if kind == PacketType::Host { NeighbourState::Reachable } else { NeighbourState::Stale };
        entry.enter(state, now);
        if state == NeighbourState::Reachable {
            let lasts = timing::BASE_REACHABLE / 2 + self.random.below(timing::BASE_REACHABLE);
            self.schedule(lasts, Event::Neighbour(port, address));
        }
        self.send_waiting(port, address);
    }

    pub(super) fn send_waiting(&mut self, port: Port, address: IpAddr) {
        let Some(entry) = self.neighbour_mut(port, address) else { return };
        let Some(mac) = entry.mac else { return };
        for skb in std::mem::take(&mut entry.waiting) {
            self.note(port.stack, Some(port.device), &skb, skb.mark, || Stage::Neighbour { address, mac: Some(mac) });
            self.transmit_to(port, skb, mac);
        }
    }

    /// `neigh_timer_handler`.
    pub(super) fn neighbour_timer(&mut self, port: Port, address: IpAddr) {
        let now = self.now();
        let Some(entry) = self.neighbour_mut(port, address) else { return };
        let age = |since: Timestamp| now.0.saturating_sub(since.0);
        let next = match entry.state {
            NeighbourState::Reachable => {
                // The kernel draws the time anew every five minutes; here the event itself comes at the drawn time.
                if age(entry.confirmed) < timing::BASE_REACHABLE / 2 {
                    Some(timing::BASE_REACHABLE / 2)
                } else if age(entry.used) <= timing::DELAY_PROBE {
                    entry.enter(NeighbourState::Delay, now);
                    Some(timing::DELAY_PROBE)
                } else {
                    entry.enter(NeighbourState::Stale, now);
                    None
                }
            }
            NeighbourState::Delay if age(entry.since) < timing::DELAY_PROBE => None,
            NeighbourState::Delay => {
                entry.enter(NeighbourState::Probe, now);
                Some(0)
            }
            NeighbourState::Incomplete | NeighbourState::Probe => {
                let (limit, whom) = match entry.state {
                    NeighbourState::Probe => (timing::UCAST_PROBES, entry.mac),
                    _ => (timing::UCAST_PROBES + timing::MCAST_PROBES, None),
                };
                if entry.probes >= limit {
                    entry.enter(NeighbourState::Failed, now);
                    entry.mac = None;
                    let waiting = std::mem::take(&mut entry.waiting);
                    for skb in waiting {
                        if address.is_ipv6() {
                            self.complain6(port.stack, &skb, icmp6::UNREACHABLE, icmp6::ADDRESS, 0);
                        } else {
                            self.count(port.stack, "IpOutDiscards");
                            self.complain(port.stack, &skb, ipv4::icmp::UNREACHABLE, ipv4::icmp::HOST, None);
                        }
                        self.drop(port.stack, Some(port.device), &skb, Drop::NoNeighbour);
                    }
                    return;
                }
                entry.probes += 1;
                let waits = entry.waiting.first().map(|skb| skb.octets.clone()).unwrap_or_default();
                self.ask_who_has(port, address, &waits, whom);
                Some(timing::RETRANS)
            }
            NeighbourState::Stale | NeighbourState::Failed | NeighbourState::Permanent | NeighbourState::Noarp => None,
        };
        if let Some(wait) = next {
            self.schedule(wait, Event::Neighbour(port, address));
        }
    }

    /// Keeps a neighbour as one that has just been heard of, as traffic that the model does not show would.
    pub fn know_neighbour(&mut self, port: Port, address: IpAddr, mac: Mac, state: NeighbourState) {
        let now = self.now();
        let entry = Neighbour::new(port.device, address, state, Some(mac), now);
        let Some(own) = self.stack_mut(port.stack) else { return };
        own.neighbours.retain(|old| !(old.device == port.device && old.address == entry.address));
        own.neighbours.push(entry);
        if state == NeighbourState::Reachable {
            self.schedule(timing::BASE_REACHABLE, Event::Neighbour(port, address));
        }
    }

    pub(super) fn neighbour_mut(&mut self, port: Port, address: IpAddr) -> Option<&mut Neighbour> {
        self.stack_mut(port.stack)?
            .neighbours
            .iter_mut()
            .find(|entry| entry.device == port.device && entry.address == address)
    }
}
