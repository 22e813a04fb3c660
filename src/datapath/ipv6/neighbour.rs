//! Neighbour discovery: who has an IPv6 address (net/ipv6/ndisc.c). The table's states and timers are those of ARP.

use std::net::{IpAddr, Ipv6Addr};

use super::wire::{self, icmp6, next};
use crate::datapath::cluster::{Cluster, Event};
use crate::datapath::device::{Mac, Port};
use crate::datapath::hop::Stage;
use crate::datapath::neighbour::{NeighbourState, timing};
use crate::datapath::skb::{Skb, ethertype};

impl Cluster {
    /// Sends a packet to its next hop, now or when that has answered.
    pub(super) fn neighbour_output6(&mut self, port: Port, skb: Skb, next_hop: Ipv6Addr) {
        let Some(device) = self.stack(port.stack).and_then(|own| own.device_at(port.device)) else { return };
        // `ndisc_constructor`
        let mac = if next_hop.is_multicast() {
            Some(Mac::of_group(next_hop.into()))
        } else {
            (device.noarp || device.is_loopback()).then_some(device.mac)
        };
        let address = IpAddr::from(next_hop);
        match mac {
            Some(mac) => {
                self.note(port.stack, Some(port.device), &skb, skb.mark, || Stage::Neighbour {
                    address,
                    mac: Some(mac),
                });
                self.transmit_unasked(port, skb, address, mac);
            }
            None => self.resolve(port, skb, address),
        }
    }

    /// Asks who has an address: everybody who may, or one who had it (`ndisc_solicit`). The sender's address is that of
    /// the packet that waits, if this device has it.
    pub(in crate::datapath) fn solicit(
        &mut self,
        port: Port,
        target: Ipv6Addr,
        wish: Option<Ipv6Addr>,
        whom: Option<Mac>,
    ) {
        let Some(device) = self.stack(port.stack).and_then(|own| own.device_at(port.device)) else { return };
        let held = |address: &Ipv6Addr| {
            let address = IpAddr::from(*address);
            device.addresses.iter().any(|own| own.address == address) && !device.is_tentative(address)
        };
        let Some(source) = wish.filter(held).or_else(|| device.link_local()) else { return };
        let mac = device.mac;
        let destination = if whom.is_some() { target } else { wire::solicited(target) };
        let body = wire::about(target, false, Some(mac));
        let to = whom.unwrap_or_else(|| Mac::of_group(destination.into()));
        self.send_discovery(port, (source, destination), (icmp6::NEIGHBOUR_SOLICITATION, 0), &body, to);
    }

    /// `ndisc_recv_ns`.
    pub(super) fn receive_solicitation(
        &mut self,
        port: Port,
        (source, destination): (Ipv6Addr, Ipv6Addr),
        body: &[u8],
    ) {
        let Some((target, told)) = wire::read_about(body, false) else { return };
        let Some(own) = self.stack(port.stack) else { return };
        let Some(device) = own.device_at(port.device) else { return };
        let held = device.addresses.iter().any(|held| held.address == IpAddr::from(target));
        if !held || device.noarp || device.is_tentative(target.into()) {
            return;
        }
        let (mac, router) = (device.mac, own.sysctl.ipv6_forward);
        let asks_group = destination.is_multicast();
        // From nobody: a host that wants the address for itself. Everybody is to know.
        let asker = (!source.is_unspecified()).then_some(source);
        if let (Some(asker), Some(mac)) = (asker, told) {
            self.seen_asking(port, mac, asker.into());
        }
        let to = asker.unwrap_or(wire::ALL_NODES);
        let tells = asks_group || asker.is_none();
        let flags = u8::from(router) << 7 | u8::from(asker.is_some()) << 6 | u8::from(tells) << 5;
        let body = wire::about(target, true, tells.then_some(mac));
        self.spend(1_500);
        let message = wire::message((target, to), (icmp6::NEIGHBOUR_ADVERTISEMENT, 0), [flags, 0, 0, 0], &body);
        let octets = wire::packet(&wire::between(target, to, next::ICMPV6, 255), &message);
        let journey = self.new_journey();
        let skb = Skb { ethertype: ethertype::IPV6, ..Skb::ipv4(journey, octets) };
        self.count6_out(port.stack, &skb);
        self.count_icmp6(port.stack, icmp6::NEIGHBOUR_ADVERTISEMENT, false);
        // An answer by unicast has to find its way like any other packet.
        self.neighbour_output6(port, skb, to);
    }

    /// `ndisc_recv_na`: what nobody asked for is not believed.
    pub(super) fn receive_advertisement(&mut self, port: Port, [flags, ..]: [u8; 4], body: &[u8]) {
        let Some((target, told)) = wire::read_about(body, true) else { return };
        let now = self.now();
        let address = IpAddr::from(target);
        let (solicited, overrides) = (flags & 0x40 != 0, flags & 0x20 != 0);
        let Some(entry) = self.neighbour_mut(port, address) else { return };
        if matches!(entry.state, NeighbourState::Permanent | NeighbourState::Failed) {
            return;
        }
        // An answer to a question by unicast tells no address: the one that was asked is right.
        let Some(mac) = told.or(entry.mac) else { return };
        if entry.mac.is_some_and(|known| known != mac) && !overrides {
            return;
        }
        entry.mac = Some(mac);
        entry.router = flags & 0x80 != 0;
        entry.enter(if solicited { NeighbourState::Reachable } else { NeighbourState::Stale }, now);
        if solicited {
            let lasts = timing::BASE_REACHABLE / 2 + self.random.below(timing::BASE_REACHABLE);
            self.schedule(lasts, Event::Neighbour(port, address));
        }
        self.send_waiting(port, address);
    }

    fn send_discovery(
        &mut self,
        port: Port,
        (source, destination): (Ipv6Addr, Ipv6Addr),
        kind: (u8, u8),
        body: &[u8],
        to: Mac,
    ) {
        let message = wire::message((source, destination), kind, [0; 4], body);
        let octets = wire::packet(&wire::between(source, destination, next::ICMPV6, 255), &message);
        let journey = self.new_journey();
        let skb = Skb { ethertype: ethertype::IPV6, ..Skb::ipv4(journey, octets) };
        self.count6_out(port.stack, &skb);
        self.count_icmp6(port.stack, kind.0, false);
        if destination.is_multicast() {
            return self.neighbour_output6(port, skb, destination);
        }
        self.transmit_to(port, skb, to);
    }
}
