//! IPv6: the way in, on to this host or through it (net/ipv6/ip6_input.c, ip6_output.c; Linux 6.1). XFRM is asked about
//! IPv4 packets alone; of the protocols above, ICMPv6 is there.

mod icmp;
mod link;
mod neighbour;
mod send;
mod wire;

use std::net::Ipv6Addr;

use etherparse::Ipv6Header;

pub use icmp::quoted_seq;
pub(super) use link::{Link, Timer};
pub use send::Outgoing6;
pub use wire::icmp6;
use wire::{HEADER_LEN, next};

use super::cluster::Cluster;
use super::device::{Port, StackId};
use super::hop::{Drop, RouteAnswer, RoutePurpose, Stage};
use super::routing::{Refusal, RouteFlow};
use super::skb::Skb;
use crate::packet::{PacketType, Timestamp};
use crate::route::{Route, RouteType};

/// A path MTU that a router told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PathMtu6 {
    destination: Ipv6Addr,
    mtu: u32,
    until: Timestamp,
}

/// The key under which fragments are put together: addresses and identification.
pub(super) type FragmentKey6 = ([u8; 16], [u8; 16], u32);

impl Cluster {
    /// A packet reaches a stack (`ipv6_rcv`).
    pub(super) fn receive_ipv6(&mut self, port: Port, mut skb: Skb) {
        let stack = port.stack;
        if skb.kind == PacketType::OtherHost {
            return self.drop(stack, Some(port.device), &skb, Drop::OtherHost);
        }
        self.spend(700);
        let length = skb.octets.len() as u64;
        self.count(stack, "Ip6InReceives");
        self.add(stack, "Ip6InOctets", length);
        let Some(header) = wire::header(&skb.octets).filter(|header| !header.source_addr().is_multicast()) else {
            self.count(stack, "Ip6InHdrErrors");
            return self.drop(stack, Some(port.device), &skb, Drop::BadHeader);
        };
        self.count(
            stack,
            match header.traffic_class & 3 {
                0 => "Ip6InNoECTPkts",
                1 => "Ip6InECT1Pkts",
                2 => "Ip6InECT0Pkts",
                _ => "Ip6InCEPkts",
            },
        );
        skb.octets.truncate(HEADER_LEN + usize::from(header.payload_length));
        let destination = header.destination_addr();
        let Some((own, device)) = self.stack(stack).and_then(|own| Some((own, own.device_at(port.device)?))) else {
            return;
        };
        if device.is_loopback() {
            // The packet brings the route of its way out along.
            return self.deliver_local6(port, skb, &header);
        }
        if destination.is_multicast() {
            let listens = own.listens_to(device, destination);
            self.count(stack, "Ip6InMcastPkts");
            self.add(stack, "Ip6InMcastOctets", length);
            if listens {
                self.deliver_local6(port, skb, &header);
            }
            return;
        }
        self.route_input6(port, skb, &header);
    }

    /// `ip6_route_input`.
    fn route_input6(&mut self, port: Port, skb: Skb, header: &Ipv6Header) {
        let (source, destination) = (header.source_addr(), header.destination_addr());
        let Some(own) = self.stack(port.stack) else { return };
        let name = own.device_name(port.device);
        let flow = RouteFlow {
            dst: destination.into(),
            src: source.into(),
            mark: skb.mark,
            tos: header.traffic_class & 0x1c,
            iif: name.clone(),
            oif: destination.is_unicast_link_local().then_some(name),
        };
        let answer = own.route6(&flow);
        let note = answer.clone();
        self.note(port.stack, Some(port.device), &skb, skb.mark, || Stage::Route {
            purpose: RoutePurpose::Input,
            flow,
            answer: note,
        });
        let refuse = |cluster: &mut Self, reason, code| {
            cluster.count(port.stack, "Ip6InNoRoutes");
            cluster.complain6(port.stack, &skb, icmp6::UNREACHABLE, code, 0);
            cluster.drop(port.stack, Some(port.device), &skb, reason);
        };
        match answer {
            RouteAnswer::Found { route, .. } if matches!(route.kind, RouteType::Local | RouteType::Anycast) => {
                self.deliver_local6(port, skb, header);
            }
            RouteAnswer::Found { route, .. } => self.forward6(port, skb, header, &route),
            RouteAnswer::Nothing | RouteAnswer::Refused(Refusal::Unreachable) => {
                refuse(self, Drop::NoRoute, icmp6::NO_ROUTE);
            }
            RouteAnswer::Refused(Refusal::Prohibit) => refuse(self, Drop::Refused, icmp6::PROHIBITED),
            RouteAnswer::Refused(Refusal::Blackhole) => self.drop(port.stack, Some(port.device), &skb, Drop::Refused),
        }
    }

    /// `ip6_forward`.
    fn forward6(&mut self, port: Port, mut skb: Skb, header: &Ipv6Header, route: &Route) {
        let stack = port.stack;
        let forwards = self.stack(stack).is_some_and(|own| own.sysctl.ipv6_forward);
        if !forwards {
            self.count(stack, "Ip6InAddrErrors");
            return self.drop(stack, Some(port.device), &skb, Drop::NotForwarding);
        }
        if skb.kind != PacketType::Host {
            return self.drop(stack, Some(port.device), &skb, Drop::OtherHost);
        }
        if header.hop_limit <= 1 {
            self.complain6(stack, &skb, icmp6::TIME_EXCEEDED, 0, 0);
            self.count(stack, "Ip6InHdrErrors");
            return self.drop(stack, Some(port.device), &skb, Drop::TtlExceeded);
        }
        let Some(dst) = self.dst6(stack, header.destination_addr(), route) else {
            return self.drop(stack, Some(port.device), &skb, Drop::NoRoute);
        };
        // Back out of the device that it came by, it may go: its sender is told of a better way, which the model leaves out.
        if header.source_addr().is_unicast_link_local() && dst.device != port.device {
            self.complain6(stack, &skb, icmp6::UNREACHABLE, icmp6::BEYOND_SCOPE, 0);
            self.count(stack, "Ip6InAddrErrors");
            return self.drop(stack, Some(port.device), &skb, Drop::MartianSource);
        }
        if skb.octets.len() > dst.device_mtu as usize {
            self.complain6(stack, &skb, icmp6::TOO_BIG, 0, dst.device_mtu);
            self.count(stack, "Ip6InTooBigErrors");
            self.count(stack, "Ip6FragFails");
            return self.drop(stack, Some(port.device), &skb, Drop::TooBig);
        }
        let ttl = header.hop_limit - 1;
        wire::rewrite(&mut skb.octets, |header| header.hop_limit = ttl);
        self.count(stack, "Ip6OutForwDatagrams");
        self.add(stack, "Ip6OutOctets", skb.octets.len() as u64);
        self.note(stack, Some(dst.device), &skb, skb.mark, || Stage::Forwarded { ttl });
        self.output6(stack, skb, &dst);
    }

    /// `ip6_input_finish`: past the extension headers to the protocol.
    fn deliver_local6(&mut self, port: Port, mut skb: Skb, header: &Ipv6Header) {
        let stack = port.stack;
        let (mut kind, mut at) = (header.next_header.0, HEADER_LEN);
        let mut named_at = 6;
        while let Some(&[next, length]) = skb.octets.get(at..).and_then(|rest| rest.first_chunk::<2>()) {
            match kind {
                next::HOP_BY_HOP | next::DESTINATION | next::ROUTING => at += 8 * (usize::from(length) + 1),
                next::FRAGMENT => {
                    let Some(whole) = self.reassemble6(stack, &skb, header, at) else { return };
                    // The fragment header is gone, and what stood before it.
                    skb.octets = whole;
                    (at, named_at, kind) = (HEADER_LEN, 6, next);
                    continue;
                }
                _ => break,
            }
            (named_at, kind) = (at.saturating_sub(8 * (usize::from(length) + 1)), next);
        }
        let message = skb.octets.get(at..).unwrap_or_default().to_vec();
        self.note(stack, Some(port.device), &skb, skb.mark, || Stage::Delivered { protocol: kind });
        match kind {
            next::ICMPV6 => {
                self.count(stack, "Ip6InDelivers");
                self.receive_icmp6(port, &skb, header, &message);
            }
            next::UDP => {
                self.count(stack, "Ip6InDelivers");
                self.count(stack, "Udp6NoPorts");
                self.complain6(stack, &skb, icmp6::UNREACHABLE, icmp6::PORT, 0);
                self.drop(stack, Some(port.device), &skb, Drop::NoSocket);
            }
            next::TCP => {
                self.count(stack, "Ip6InDelivers");
                self.drop(stack, Some(port.device), &skb, Drop::NoSocket);
            }
            next::NONE => {}
            _ => {
                self.count(stack, "Ip6InUnknownProtos");
                self.complain6(stack, &skb, icmp6::PARAMETER, icmp6::UNKNOWN_HEADER, named_at as u32);
                self.drop(stack, Some(port.device), &skb, Drop::NoProtocol);
            }
        }
    }

    /// Puts pieces together (`ipv6_frag_rcv`); the whole packet has no fragment header.
    fn reassemble6(&mut self, stack: StackId, skb: &Skb, header: &Ipv6Header, at: usize) -> Option<Vec<u8>> {
        self.count(stack, "Ip6ReasmReqds");
        let (&[next, _, _, _, a, b, c, d], _) = skb.octets.get(at..)?.split_first_chunk::<8>()?;
        let key = (header.source, header.destination, u32::from_be_bytes([a, b, c, d]));
        let own = self.stack_mut(stack)?;
        own.fragments6.push((key, skb.octets.get(at..)?.to_vec()));
        let mut parts: Vec<(usize, bool, &[u8])> = own
            .fragments6
            .iter()
            .filter(|(other, _)| *other == key)
            .filter_map(|(_, piece)| {
                let (&[_, _, high, low, ..], rest) = piece.split_first_chunk::<8>()?;
                let place = u16::from_be_bytes([high, low]);
                Some((usize::from(place & !7), place & 1 == 1, rest))
            })
            .collect();
        parts.sort_by_key(|(begin, ..)| *begin);
        let mut payload = Vec::new();
        let mut ended = false;
        for (begin, more, octets) in parts {
            if begin > payload.len() {
                return None;
            }
            payload.truncate(begin);
            payload.extend_from_slice(octets);
            ended |= !more;
        }
        if !ended {
            return None;
        }
        own.fragments6.retain(|(other, _)| *other != key);
        own.counters.mib.count("Ip6ReasmOKs");
        let whole = Ipv6Header { next_header: etherparse::IpNumber(next), ..header.clone() };
        Some(wire::packet(&whole, &payload))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::device::{Address, AddressScope, IfIndex, Mac};
    use super::super::{NeighbourState, Stack};
    use super::*;

    const A: &str = "fd00:a::1";
    const B: &str = "fd00:b::1";

    fn address(text: &str) -> Ipv6Addr {
        text.parse().expect("an address")
    }

    /// Two hosts with a router between them, long after they came up.
    fn cluster() -> (Cluster, [StackId; 3]) {
        let mut cluster = Cluster::new(1, Timestamp(1_000_000_000_000));
        cluster.let_links_talk();
        let ids = ["a", "router", "b"].map(|name| cluster.add_stack(Stack::new(name)));
        let [a, router, b] = ids;
        cluster.stack_mut(router).expect("it is there").set_ipv6_forwarding(true);
        let end = |stack: StackId, device, index: u32| {
            (stack, device, IfIndex(index), Mac([2, 0, 0, 0, index as u8, stack.0 as u8]))
        };
        cluster.add_veth(end(a, "eth0", 2), end(router, "to-a", 2));
        cluster.add_veth(end(b, "eth0", 2), end(router, "to-b", 3));
        let addresses = [(a, "eth0", A), (router, "to-a", "fd00:a::2"), (router, "to-b", "fd00:b::2"), (b, "eth0", B)];
        for (stack, device, text) in addresses {
            let own = cluster.stack_mut(stack).expect("it is there");
            own.set_up(device);
            own.add_address(device, Address::new(address(text).into(), 64, AddressScope::Global));
        }
        for (stack, via) in [(a, "fd00:a::2"), (b, "fd00:b::2")] {
            let default = Route::to(crate::xfrm::Prefix::ANY_V6, crate::route::TableId::MAIN);
            let dev = Some("eth0".to_owned());
            let route = Route { via: Some(address(via).into()), dev, metric: Some(1024), ..default };
            cluster.stack_mut(stack).expect("it is there").add_route(route);
        }
        pass(&mut cluster, 10);
        (cluster, ids)
    }

    fn pass(cluster: &mut Cluster, seconds: u64) {
        let time = Timestamp(cluster.now().0 + seconds * 1_000_000_000);
        cluster.run_until(time);
    }

    fn counted(cluster: &Cluster, stack: StackId, name: &str) -> u64 {
        cluster.stack(stack).map_or(0, |own| own.counters.mib.value(name))
    }

    #[test]
    fn an_echo_goes_through_a_router_and_its_answer_comes_back() {
        let (mut cluster, [a, router, b]) = cluster();
        let (socket, ident) = cluster.open_ping6(a, None);
        cluster.echo6(a, ident, 1, &Outgoing6::new(address(B), vec![7; 56])).expect("it is sent");
        pass(&mut cluster, 1);
        let answer = cluster.take(a, socket).expect("an answer");
        assert_eq!((answer.from, answer.ttl, answer.about), (address(B).into(), 63, None));
        assert_eq!(counted(&cluster, router, "Ip6OutForwDatagrams"), 2);
        assert_eq!(counted(&cluster, b, "Icmp6InEchos"), 1);
        let gateway = cluster.stack(a).and_then(|own| own.neighbours.iter().find(|own| own.router).cloned());
        assert_eq!(gateway.map(|own| own.state), Some(NeighbourState::Reachable));
    }

    #[test]
    fn a_hop_limit_that_runs_out_and_an_address_that_nobody_has_are_complained_of() {
        let (mut cluster, [a, ..]) = cluster();
        let (socket, ident) = cluster.open_ping6(a, None);
        let short = Outgoing6 { hop_limit: Some(1), ..Outgoing6::new(address(B), Vec::new()) };
        cluster.echo6(a, ident, 1, &short).expect("it is sent");
        cluster.echo6(a, ident, 2, &Outgoing6::new(address("fd00:b::99"), Vec::new())).expect("it is sent");
        pass(&mut cluster, 5);
        let said: Vec<(u8, u8, Option<u16>)> = std::iter::from_fn(|| cluster.take(a, socket))
            .map(|received| (received.message[0], received.message[1], received.about.as_deref().and_then(quoted_seq)))
            .collect();
        assert_eq!(said, [(icmp6::TIME_EXCEEDED, 0, Some(1)), (icmp6::UNREACHABLE, icmp6::ADDRESS, Some(2))]);
    }

    #[test]
    fn a_host_asks_whether_its_addresses_are_taken_and_tells_its_groups_four_times() {
        let (cluster, [a, router, _]) = cluster();
        // For the link-local and the other address.
        assert_eq!(counted(&cluster, a, "Icmp6OutNeighborSolicits"), 2);
        assert_eq!(counted(&cluster, a, "Icmp6OutMLDv2Reports"), 4);
        assert_eq!(counted(&cluster, router, "Icmp6OutMLDv2Reports"), 8);
        assert!(counted(&cluster, a, "Icmp6OutRouterSolicits") > 0);
        assert_eq!(counted(&cluster, router, "Icmp6OutRouterSolicits"), 0);
        let device = cluster.stack(a).and_then(|own| own.device("eth0")).expect("it is there");
        assert!(!device.is_tentative(address(A).into()));
    }

    proptest! {
        #[test]
        fn damaged_packets_end_somewhere(octets in proptest::collection::vec(any::<u8>(), 0..120), next in any::<u8>()) {
            let (mut cluster, [a, ..]) = cluster();
            let device = IfIndex(2);
            let mut whole = wire::packet(&wire::between(address(B), address(A), next, 255), &octets);
            for cut in [whole.len(), whole.len() / 2] {
                whole.truncate(cut);
                let journey = cluster.new_journey();
                let skb = Skb { ethertype: super::super::skb::ethertype::IPV6, ..Skb::ipv4(journey, whole.clone()) };
                cluster.receive_ipv6(Port { stack: a, device }, skb);
                pass(&mut cluster, 5);
            }
        }
    }
}
