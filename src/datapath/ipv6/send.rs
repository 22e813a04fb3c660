//! The way of IPv6 out of a stack: route, source address, pieces, neighbour (net/ipv6/ip6_output.c, route.c, addrconf.c).

use std::net::{IpAddr, Ipv6Addr};

use etherparse::{Ipv6FlowLabel, Ipv6Header};

use super::PathMtu6;
use super::wire::{self, HEADER_LEN, icmp6, next};
use crate::datapath::cluster::Cluster;
use crate::datapath::device::{IfIndex, Port, StackId};
use crate::datapath::hop::{Drop, RouteAnswer, RoutePurpose, Stage};
use crate::datapath::routing::{self, Refusal, RouteFlow};
use crate::datapath::send::SendError;
use crate::datapath::skb::{Journey, Skb, ethertype};
use crate::datapath::stack::Stack;
use crate::packet::Timestamp;
use crate::route::{Route, RouteType};

/// An IPv6 packet as a socket hands it over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing6 {
    /// Where to.
    pub destination: Ipv6Addr,
    /// From which address; `None` leaves it to the route.
    pub source: Option<Ipv6Addr>,
    /// The hop limit; `None` is 64, and 1 to groups.
    pub hop_limit: Option<u8>,
    /// The traffic class.
    pub class: u8,
    /// SO_MARK.
    pub mark: u32,
    /// SO_BINDTODEVICE, or the scope of a link-local destination.
    pub device: Option<String>,
    /// Refuses what is longer than the path MTU (`ping -M do`) instead of sending it in pieces.
    pub whole: bool,
    /// What the packet carries: for ICMPv6, what follows the ICMP header.
    pub payload: Vec<u8>,
}

impl Outgoing6 {
    /// A packet with a socket's usual settings.
    pub fn new(destination: Ipv6Addr, payload: Vec<u8>) -> Self {
        Self { destination, source: None, hop_limit: None, class: 0, mark: 0, device: None, whole: false, payload }
    }
}

/// Where an IPv6 packet goes next (`struct rt6_info`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Dst6 {
    /// The device it leaves by; `lo` for this host.
    pub(super) device: IfIndex,
    /// The router, or the destination itself.
    pub(super) next_hop: Ipv6Addr,
    /// The longest packet, in octets.
    pub(super) mtu: u32,
    /// The longest packet of the device, in octets: what a router looks at first (`ip6_dst_mtu_maybe_forward`).
    pub(super) device_mtu: u32,
}

/// The lowest octet of the scope of an address, as far as the model needs it (RFC 4291 section 2.7, RFC 6724 section 3.1).
fn scope_of(address: Ipv6Addr) -> u8 {
    match address {
        _ if address.is_multicast() => address.octets()[1] & 15,
        _ if address.is_loopback() || address.is_unicast_link_local() => 2,
        _ => 14,
    }
}

impl Stack {
    /// The source address of packets of this host (RFC 6724 section 5, `ipv6_dev_get_saddr`): the destination itself, a
    /// fitting scope, the device it leaves by, the longest prefix in common.
    pub fn select_source6(&self, device: &str, destination: Ipv6Addr) -> Option<Ipv6Addr> {
        let wanted = scope_of(destination);
        let on_link = wanted == 2 || destination.is_multicast() && wanted < 14;
        let candidates = self.devices.iter().filter(|own| own.up && (!on_link || own.name == device)).flat_map(|own| {
            own.addresses.iter().filter(|held| !own.is_tentative(held.address)).filter_map(|held| match held.address {
                IpAddr::V6(address) => Some((own.name == device, address)),
                IpAddr::V4(_) => None,
            })
        });
        let fits = |scope: u8| if scope >= wanted { (1, u8::MAX - scope) } else { (0, scope) };
        let score = |(here, address): &(bool, Ipv6Addr)| {
            let common = (u128::from(*address) ^ u128::from(destination)).leading_zeros().min(64);
            (*address == destination, fits(scope_of(*address)), *here, common)
        };
        let usable = candidates.filter(|(_, address)| !address.is_loopback() || destination.is_loopback());
        // The first of equals.
        usable.reduce(|best, other| if score(&other) > score(&best) { other } else { best }).map(|(_, address)| address)
    }

    /// The path MTU that was learned for a destination, and for how many seconds it is believed.
    pub fn path_mtu6(&self, destination: Ipv6Addr, now: Timestamp) -> Option<(u32, u64)> {
        let note = self.path_mtus6.iter().find(|note| note.destination == destination && note.until > now)?;
        Some((note.mtu, (note.until.0 - now.0) / 1_000_000_000))
    }

    /// Asks the IPv6 rules and tables. To a link-local address or group the device decides (`rt6_need_strict`).
    pub fn route6(&self, flow: &RouteFlow) -> RouteAnswer {
        self.route(flow)
    }
}

impl Cluster {
    /// The source address and MTU of a packet that is not sent: what `connect` finds out.
    pub fn probe6(&self, stack: StackId, out: &Outgoing6) -> Result<(Ipv6Addr, u32), SendError> {
        let (.., dst, source) = self.ask6(stack, out)?;
        Ok((source, dst.mtu))
    }

    /// The route of a packet of this host, what was asked for it, and its source address.
    fn ask6(&self, stack: StackId, out: &Outgoing6) -> Result<(RouteFlow, RouteAnswer, Dst6, Ipv6Addr), SendError> {
        let own = self.stack(stack).ok_or(SendError::NoDevice)?;
        if let Some(device) = &out.device {
            own.device(device).ok_or(SendError::NoDevice)?;
        }
        if out.source.is_some_and(|source| !own.has_address(source.into())) {
            return Err(SendError::Invalid);
        }
        if out.destination.is_multicast() && out.device.is_none() {
            return Err(SendError::Invalid);
        }
        let flow = RouteFlow {
            dst: out.destination.into(),
            src: out.source.unwrap_or(Ipv6Addr::UNSPECIFIED).into(),
            mark: out.mark,
            tos: out.class & 0x1c,
            iif: "lo".to_owned(),
            oif: out.device.clone(),
        };
        let answer = own.route6(&flow);
        let dst = self.output_dst6(stack, out.destination, &answer)?;
        let device = out.device.clone().unwrap_or_else(|| match &answer {
            RouteAnswer::Found { route, .. } => routing::device_of(route).unwrap_or_default().to_owned(),
            _ => String::new(),
        });
        let preferred = match &answer {
            RouteAnswer::Found { route, .. } => route.src,
            _ => None,
        };
        let chosen = match (out.source, preferred) {
            (Some(source), _) | (None, Some(IpAddr::V6(source))) => Some(source),
            _ => own.select_source6(&device, out.destination),
        };
        Ok((flow, answer, dst, chosen.ok_or(SendError::AddressNotAvailable)?))
    }

    pub(super) fn output_dst6(
        &self,
        stack: StackId,
        destination: Ipv6Addr,
        answer: &RouteAnswer,
    ) -> Result<Dst6, SendError> {
        match answer {
            RouteAnswer::Found { route, .. } => self.dst6(stack, destination, route).ok_or(SendError::NetUnreachable),
            RouteAnswer::Nothing => Err(SendError::NetUnreachable),
            RouteAnswer::Refused(Refusal::Blackhole) => Err(SendError::Invalid),
            RouteAnswer::Refused(Refusal::Unreachable) => Err(SendError::HostUnreachable),
            RouteAnswer::Refused(Refusal::Prohibit) => Err(SendError::Access),
        }
    }

    /// What a route means for a destination.
    pub(super) fn dst6(&self, stack: StackId, destination: Ipv6Addr, route: &Route) -> Option<Dst6> {
        let own = self.stack(stack)?;
        let local = matches!(route.kind, RouteType::Local | RouteType::Anycast);
        let device = if local { own.device("lo") } else { own.device(routing::device_of(route)?) }?;
        let gateway = match routing::gateway_of(route) {
            Some(IpAddr::V6(gateway)) => Some(gateway),
            _ => None,
        };
        let mtu = route.metrics.mtu().unwrap_or(device.mtu);
        let now = self.now();
        let learned = own.path_mtus6.iter().find(|note| note.destination == destination && note.until > now);
        Some(Dst6 {
            device: device.index,
            next_hop: gateway.unwrap_or(destination),
            device_mtu: device.mtu,
            mtu: learned.map_or(mtu, |learned| learned.mtu.min(mtu)),
        })
    }

    /// Sends a packet of this host: `message` makes what follows the header, once the source is known.
    pub(super) fn send6(
        &mut self,
        stack: StackId,
        protocol: u8,
        out: &Outgoing6,
        message: impl FnOnce(Ipv6Addr) -> Vec<u8>,
    ) -> Result<Journey, SendError> {
        let asked = self.ask6(stack, out);
        let (flow, answer, dst, source) = match asked {
            Ok(asked) => asked,
            Err(error) => {
                self.count(stack, "Ip6OutNoRoutes");
                return Err(error);
            }
        };
        let hop_limit = out.hop_limit.unwrap_or(if out.destination.is_multicast() { 1 } else { 64 });
        let label = flow_label(source, out.destination, protocol);
        let header = Ipv6Header {
            traffic_class: out.class,
            flow_label: label,
            ..wire::between(source, out.destination, protocol, hop_limit)
        };
        let message = message(source);
        if out.whole && message.len() + HEADER_LEN > dst.mtu as usize {
            return Err(SendError::TooLong { mtu: dst.mtu });
        }
        let journey = self.new_journey();
        let skb =
            Skb { ethertype: ethertype::IPV6, mark: out.mark, ..Skb::ipv4(journey, wire::packet(&header, &message)) };
        self.note(stack, None, &skb, out.mark, || Stage::Sent);
        self.note(stack, Some(dst.device), &skb, out.mark, || Stage::Route {
            purpose: RoutePurpose::Output,
            flow,
            answer,
        });
        self.count6_out(stack, &skb);
        self.output6(stack, skb, &dst);
        Ok(journey)
    }

    /// `ip6_finish_output`: in pieces, if it is too long, and to the neighbour.
    pub(super) fn output6(&mut self, stack: StackId, mut skb: Skb, dst: &Dst6) {
        let port = Port { stack, device: dst.device };
        if skb.octets.len() <= dst.mtu as usize {
            return self.neighbour_output6(port, skb, dst.next_hop);
        }
        if skb.received_on.is_some() {
            // Routers cut nothing (RFC 8200 section 5).
            self.complain6(stack, &skb, icmp6::TOO_BIG, 0, dst.mtu);
            self.count(stack, "Ip6FragFails");
            return self.drop(stack, Some(dst.device), &skb, Drop::TooBig);
        }
        let ident = u32::from_be_bytes(self.random.octets());
        let pieces = fragments(&skb.octets, dst.mtu as usize, ident);
        self.count(stack, "Ip6FragOKs");
        self.add(stack, "Ip6FragCreates", pieces.len() as u64);
        let (mtu, count) = (dst.mtu, pieces.len());
        self.note(stack, Some(dst.device), &skb, skb.mark, || Stage::Fragmented { mtu, pieces: count });
        for piece in pieces {
            skb.octets = piece;
            self.neighbour_output6(port, skb.clone(), dst.next_hop);
            self.deliver_unless_under_way();
        }
    }

    /// Counts a packet that this host sends.
    pub(super) fn count6_out(&mut self, stack: StackId, skb: &Skb) {
        let length = skb.octets.len() as u64;
        let group = wire::header(&skb.octets).is_some_and(|header| header.destination_addr().is_multicast());
        self.count(stack, "Ip6OutRequests");
        self.add(stack, "Ip6OutOctets", length);
        if group {
            self.count(stack, "Ip6OutMcastPkts");
            self.add(stack, "Ip6OutMcastOctets", length);
        }
    }

    /// A router says what fits. Kept for ten minutes.
    pub(super) fn learn_mtu6(&mut self, stack: StackId, note: PathMtu6) {
        let Some(own) = self.stack_mut(stack) else { return };
        own.path_mtus6.retain(|old| old.destination != note.destination);
        own.path_mtus6.push(note);
    }
}

/// The label of a flow: a hash of its ends (`ip6_make_flowlabel`), the same for all its packets.
fn flow_label(source: Ipv6Addr, destination: Ipv6Addr, protocol: u8) -> Ipv6FlowLabel {
    let octets = source.octets().into_iter().chain(destination.octets()).chain([protocol]);
    let hash = octets.fold(0x811c_9dc5_u32, |hash, octet| (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193));
    Ipv6FlowLabel::try_new((hash ^ hash >> 12) & 0xf_ffff).unwrap_or(Ipv6FlowLabel::ZERO)
}

/// The pieces of a packet without extension headers (`ip6_fragment`, RFC 8200 section 4.5).
fn fragments(octets: &[u8], mtu: usize, ident: u32) -> Vec<Vec<u8>> {
    let Some(header) = wire::header(octets) else { return Vec::new() };
    let payload = octets.get(HEADER_LEN..).unwrap_or_default();
    let room = mtu.saturating_sub(HEADER_LEN + 8) / 8 * 8;
    if room == 0 {
        return Vec::new();
    }
    let count = payload.len().div_ceil(room);
    let own = Ipv6Header { next_header: etherparse::IpNumber(next::FRAGMENT), ..header.clone() };
    payload
        .chunks(room)
        .enumerate()
        .map(|(at, chunk)| {
            let [a, b] = ((at * room) as u16 | u16::from(at + 1 < count)).to_be_bytes();
            let mut body = vec![header.next_header.0, 0, a, b];
            body.extend_from_slice(&ident.to_be_bytes());
            body.extend_from_slice(chunk);
            wire::packet(&own, &body)
        })
        .collect()
}
