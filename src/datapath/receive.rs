//! The way into a stack: tap, tc ingress, route, and on to this host or through it.

use std::net::Ipv4Addr;

use super::cluster::Cluster;
use super::device::{DeviceKind, IfIndex, Port, StackId};
use super::hook::{HookPoint, HookVerdict};
use super::hop::{Drop, RouteAnswer, RoutePurpose, Stage};
use super::ip_options;
use super::ipv4::{self, Ipv4Header, icmp, protocol};
use super::routing::{Refusal, RouteFlow};
use super::skb::{Skb, ethertype, received_as};
use crate::packet::PacketType;
use crate::route::{Route, RouteType};
use crate::xfrm::Direction;

impl Cluster {
    /// A frame reaches a device.
    pub(super) fn receive(&mut self, port: Port, mut skb: Skb) {
        self.spend(1_200);
        let now = self.now();
        let len = skb.octets.len() as u64 + 14;
        let Some(device) = self.stack_mut(port.stack).and_then(|stack| stack.device_at_mut(port.device)) else {
            return;
        };
        if !device.up {
            device.statistics.rx_dropped += 1;
            return self.drop(port.stack, Some(port.device), &skb, Drop::NoCarrier);
        }
        device.statistics.rx_packets += 1;
        device.statistics.rx_bytes += len;
        let mac = device.mac;
        let master = match device.kind {
            DeviceKind::Veth { master, .. } => master,
            _ => None,
        };
        skb.kind = skb.ethernet.map_or(PacketType::Host, |ethernet| received_as(ethernet.destination, mac));
        skb.stamp = Some(now);
        if let Some(master) = master {
            self.show(port, &skb, skb.kind, now);
            if !self.port_forwards(port) {
                return;
            }
            return self.bridge_in(Port { stack: port.stack, device: master }, port.device, skb);
        }
        self.receive_core(port, skb);
    }

    /// A decrypted packet comes in again; its frame keeps the time and the Ethernet addresses of the ESP packet.
    pub(super) fn receive_again(&mut self, port: Port, skb: Skb) {
        if let Some(device) = self.stack_mut(port.stack).and_then(|stack| stack.device_at_mut(port.device)) {
            device.statistics.rx_packets += 1;
            device.statistics.rx_bytes += skb.octets.len() as u64;
        }
        self.receive_core(port, skb);
    }

    /// net/core/dev.c `__netif_receive_skb_core`: taps, tc ingress, protocol.
    fn receive_core(&mut self, port: Port, mut skb: Skb) {
        skb.received_on = Some(port.device);
        let time = skb.stamp.unwrap_or_else(|| self.now());
        self.show(port, &skb, skb.kind, time);
        match self.run_hook(port, HookPoint::Ingress, &mut skb) {
            HookVerdict::Pass => {}
            HookVerdict::Redirect(device) => return self.transmit(Port { stack: port.stack, device }, skb),
            HookVerdict::Drop(why) => return self.drop(port.stack, Some(port.device), &skb, Drop::Hook(why)),
        }
        match skb.ethertype {
            ethertype::ARP => self.receive_arp(port, &skb),
            ethertype::IPV4 => self.receive_ip(port, skb),
            ethertype::IPV6 => self.receive_ipv6(port, skb),
            _ => {}
        }
    }

    /// A frame reaches a bridge by one of its ports.
    fn bridge_in(&mut self, bridge: Port, came_by: IfIndex, skb: Skb) {
        let Some(device) = self.stack_mut(bridge.stack).and_then(|stack| stack.device_at_mut(bridge.device)) else {
            return;
        };
        let own = device.mac;
        let Some(ethernet) = skb.ethernet else { return };
        if let DeviceKind::Bridge { seen } = &mut device.kind {
            seen.insert(ethernet.source, came_by);
        }
        let for_us = received_as(ethernet.destination, own);
        if for_us != PacketType::Host {
            self.bridge_out(bridge, Some(came_by), &skb);
        }
        // A tap on the bridge is promiscuous, so it gets what only passes through as well.
        let mut up = skb;
        up.kind = for_us;
        if for_us != PacketType::OtherHost
            && let Some(device) = self.stack_mut(bridge.stack).and_then(|stack| stack.device_at_mut(bridge.device))
        {
            // The Ethernet header is already taken off (`br_pass_frame_up`).
            device.statistics.rx_packets += 1;
            device.statistics.rx_bytes += up.octets.len() as u64;
            device.statistics.multicast += u64::from(for_us == PacketType::Multicast);
        }
        if for_us == PacketType::OtherHost {
            let time = self.now();
            self.show(bridge, &up, for_us, time);
        } else {
            self.receive_core(bridge, up);
        }
    }

    /// net/ipv4/ip_input.c `ip_rcv`.
    pub(super) fn receive_ip(&mut self, port: Port, mut skb: Skb) {
        if skb.kind == PacketType::OtherHost {
            return self.drop(port.stack, Some(port.device), &skb, Drop::OtherHost);
        }
        self.spend(700);
        self.count(port.stack, "IpInReceives");
        self.add(port.stack, "IpExtInOctets", skb.octets.len() as u64);
        let Some(header) = ipv4::header(&skb.octets).filter(ipv4::checksum_is_right) else {
            self.count(port.stack, "IpInHdrErrors");
            return self.drop(port.stack, Some(port.device), &skb, Drop::BadHeader);
        };
        self.count(
            port.stack,
            match header.ecn.value() {
                0 => "IpExtInNoECTPkts",
                1 => "IpExtInECT1Pkts",
                2 => "IpExtInECT0Pkts",
                _ => "IpExtInCEPkts",
            },
        );
        skb.octets.truncate(usize::from(header.total_len));
        let loopback =
            self.stack(port.stack).and_then(|own| own.device_at(port.device)).is_some_and(super::Device::is_loopback);
        if loopback {
            // The packet brings the route of its way out along.
            return self.deliver_local(port, skb, &header);
        }
        self.route_input(port, skb, &header);
    }

    /// net/ipv4/route.c `ip_route_input_slow`.
    fn route_input(&mut self, port: Port, skb: Skb, header: &Ipv4Header) {
        let (src, dst) = (ipv4::source(header), ipv4::destination(header));
        let Some(own) = self.stack(port.stack) else { return };
        let refused = if src.is_multicast() || src.is_broadcast() || src.is_loopback() {
            Some(Drop::MartianSource)
        } else if dst.is_unspecified() || dst.is_loopback() {
            Some(Drop::MartianDestination)
        } else {
            None
        };
        if let Some(reason) = refused {
            return self.drop(port.stack, Some(port.device), &skb, reason);
        }
        let flow = RouteFlow {
            dst: dst.into(),
            src: src.into(),
            mark: skb.mark,
            tos: ipv4::tos(header) & 0x1c,
            iif: own.device_name(port.device),
            oif: None,
        };
        let answer = own.route(&flow);
        let (note, asked) = (answer.clone(), flow.clone());
        self.note(port.stack, Some(port.device), &skb, skb.mark, || Stage::Route {
            purpose: RoutePurpose::Input,
            flow,
            answer: note,
        });
        match answer {
            RouteAnswer::Found { route, .. } => self.route_found(port, skb, header, &asked, &route),
            RouteAnswer::Nothing => self.no_route(port, &skb, Drop::NoRoute, icmp::NET),
            RouteAnswer::Refused(Refusal::Unreachable) => self.no_route(port, &skb, Drop::Refused, icmp::HOST),
            RouteAnswer::Refused(Refusal::Prohibit) => self.no_route(port, &skb, Drop::Refused, icmp::PROHIBITED),
            RouteAnswer::Refused(Refusal::Blackhole) => self.drop(port.stack, Some(port.device), &skb, Drop::Refused),
        }
    }

    fn route_found(&mut self, port: Port, skb: Skb, header: &Ipv4Header, flow: &RouteFlow, route: &Route) {
        let for_us = matches!(route.kind, RouteType::Local | RouteType::Broadcast);
        if !for_us && !self.stack(port.stack).is_some_and(|own| own.conf(port.device).forwarding) {
            return self.no_route(port, &skb, Drop::NotForwarding, icmp::HOST);
        }
        let refused =
            self.stack(port.stack).and_then(|own| own.refuses_source(port.device, flow, !skb.secpath.is_empty()));
        if let Some((reason, flow, answer)) = refused {
            self.note(port.stack, Some(port.device), &skb, skb.mark, || Stage::Route {
                purpose: RoutePurpose::ReversePath,
                flow,
                answer,
            });
            return self.drop(port.stack, Some(port.device), &skb, reason);
        }
        if for_us {
            return self.deliver_local(port, skb, header);
        }
        if route.kind != RouteType::Unicast {
            return self.drop(port.stack, Some(port.device), &skb, Drop::MartianDestination);
        }
        self.forward(port, skb, header, route);
    }

    /// No way on: `ip_error`. A router says so, a host only counts.
    fn no_route(&mut self, port: Port, skb: &Skb, reason: Drop, code: u8) {
        let forwards = self.stack(port.stack).is_some_and(|own| own.conf(port.device).forwarding);
        match reason {
            Drop::NotForwarding => self.count(port.stack, "IpInAddrErrors"),
            Drop::NoRoute => self.count(port.stack, "IpExtInNoRoutes"),
            _ => {}
        }
        if forwards {
            self.complain(port.stack, skb, icmp::UNREACHABLE, code, None);
        }
        self.drop(port.stack, Some(port.device), skb, reason);
    }

    /// net/ipv4/ip_forward.c `ip_forward`.
    fn forward(&mut self, port: Port, mut skb: Skb, header: &Ipv4Header, route: &Route) {
        let stack = port.stack;
        if skb.kind != PacketType::Host {
            return self.drop(stack, Some(port.device), &skb, Drop::OtherHost);
        }
        if let Err(reason) = self.policy_check(stack, Direction::Fwd, &mut skb) {
            return self.drop(stack, Some(port.device), &skb, reason);
        }
        if header.time_to_live <= 1 {
            self.count(stack, "IpInHdrErrors");
            self.complain(stack, &skb, icmp::TIME_EXCEEDED, 0, None);
            return self.drop(stack, Some(port.device), &skb, Drop::TtlExceeded);
        }
        let Some(dst) = self.dst_of(stack, ipv4::destination(header), route) else {
            return self.drop(stack, Some(port.device), &skb, Drop::NoRoute);
        };
        let path = match self.path_out(stack, &skb, dst) {
            Ok(path) => path,
            Err(reason) => {
                self.count(stack, "IpInDiscards");
                return self.drop(stack, Some(port.device), &skb, reason);
            }
        };
        let mtu = path.mtu();
        if header.dont_fragment && !skb.ignore_df && skb.longest() > mtu as usize {
            self.count(stack, "IpFragFails");
            self.complain(stack, &skb, icmp::UNREACHABLE, icmp::FRAGMENTATION_NEEDED, Some(mtu));
            return self.drop(stack, Some(port.device), &skb, Drop::TooBig);
        }
        if !skb.buffer.make_room(self.headers_of(stack, &path)) {
            return self.drop(stack, Some(port.device), &skb, Drop::NoMemory);
        }
        let ttl = header.time_to_live - 1;
        ipv4::rewrite(&mut skb.octets, |header| header.time_to_live = ttl);
        if !header.options.is_empty() {
            let address = self.stack(stack).and_then(|own| own.source_of(route));
            ip_options::visit(&mut skb.octets, address.unwrap_or(Ipv4Addr::UNSPECIFIED), self.now());
        }
        self.count(stack, "IpForwDatagrams");
        self.add(stack, "IpExtOutOctets", skb.octets.len() as u64);
        self.note(stack, Some(path.device()), &skb, skb.mark, || Stage::Forwarded { ttl });
        self.output(stack, skb, path);
    }

    /// net/ipv4/ip_input.c `ip_local_deliver`.
    fn deliver_local(&mut self, port: Port, skb: Skb, header: &Ipv4Header) {
        let stack = port.stack;
        let Some((mut skb, whole)) = self.reassemble(stack, skb, header) else { return };
        if !whole.options.is_empty() {
            ip_options::visit(&mut skb.octets, ipv4::destination(&whole), self.now());
        }
        let Some(header) = &ipv4::header(&skb.octets) else { return };
        let number = header.protocol.0;
        self.count(stack, "IpInDelivers");
        self.note(stack, Some(port.device), &skb, skb.mark, || Stage::Delivered { protocol: number });
        if number == protocol::ESP {
            // esp4 needs no policy: what it decrypts is judged afterwards.
            return self.transform_in(port, skb, header);
        }
        if let Err(reason) = self.policy_check(stack, Direction::In, &mut skb) {
            return self.drop(stack, Some(port.device), &skb, reason);
        }
        match number {
            protocol::ICMP => self.receive_icmp(stack, &skb, header),
            protocol::UDP => self.receive_udp(stack, &skb, header),
            protocol::TCP => self.receive_tcp(stack, &skb, header),
            _ => {
                self.count(stack, "IpInUnknownProtos");
                self.complain(stack, &skb, icmp::UNREACHABLE, icmp::PROTOCOL, None);
                self.drop(stack, Some(port.device), &skb, Drop::NoProtocol);
            }
        }
    }

    /// Puts fragments together; a whole packet passes at once (`ip_defrag`).
    fn reassemble(&mut self, stack: StackId, mut skb: Skb, header: &Ipv4Header) -> Option<(Skb, Ipv4Header)> {
        if !header.more_fragments && header.fragment_offset.value() == 0 {
            return Some((skb, header.clone()));
        }
        self.count(stack, "IpReasmReqds");
        let own = self.stack_mut(stack)?;
        let key = (header.source, header.destination, header.protocol.0, header.identification);
        own.fragments.retain(|(_, part)| part.stamp.is_some());
        own.fragments.push((key, skb.clone()));
        let mut parts: Vec<(usize, bool, Vec<u8>)> = own
            .fragments
            .iter()
            .filter(|(other, _)| *other == key)
            .filter_map(|(_, part)| {
                let header = ipv4::header(&part.octets)?;
                let at = usize::from(header.fragment_offset.value()) * 8;
                Some((at, header.more_fragments, ipv4::payload(&part.octets).to_vec()))
            })
            .collect();
        parts.sort_by_key(|(at, _, _)| *at);
        let mut payload = Vec::new();
        let mut ended = false;
        for (at, more, octets) in parts {
            if at > payload.len() {
                return None;
            }
            payload.truncate(at);
            payload.extend_from_slice(&octets);
            ended |= !more;
        }
        if !ended {
            return None;
        }
        own.fragments.retain(|(other, _)| *other != key);
        own.counters.mib.count("IpReasmOKs");
        let mut whole = header.clone();
        whole.more_fragments = false;
        whole.fragment_offset = etherparse::IpFragOffset::default();
        skb.octets = ipv4::packet(whole, &payload);
        let header = ipv4::header(&skb.octets)?;
        Some((skb, header))
    }
}

/// The key under which fragments are put together: addresses, protocol, identification.
pub(super) type FragmentKey = ([u8; 4], [u8; 4], u8, u16);

/// Whether an address is one that a packet can be answered to.
pub(super) fn can_be_answered(address: Ipv4Addr) -> bool {
    !(address.is_unspecified() || address.is_broadcast() || address.is_multicast())
}
