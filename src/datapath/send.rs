//! The way out of a stack: route, transformation, MTU, neighbour, device.

use std::net::Ipv4Addr;

use super::buffer::Buffer;
use super::cluster::{Cluster, Event};
use super::device::{DeviceKind, IfIndex, Mac, Port, StackId};
use super::hook::{HookPoint, HookVerdict};
use super::hop::{Drop, RouteAnswer, RoutePurpose, Stage};
use super::routing::{self, Refusal, RouteFlow};
use super::skb::{Ethernet, Journey, Skb};
use super::transform::Path;
use super::{ip_options, ipv4};
use crate::packet::PacketType;
use crate::route::RouteType;

/// A packet as a socket hands it over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to.
    pub destination: Ipv4Addr,
    /// From which address; `None` leaves it to the route.
    pub source: Option<Ipv4Addr>,
    /// The IP protocol.
    pub protocol: u8,
    /// What the packet carries.
    pub payload: Vec<u8>,
    /// The TTL; `None` is the stack's own.
    pub ttl: Option<u8>,
    /// The TOS octet.
    pub tos: u8,
    /// SO_MARK.
    pub mark: u32,
    /// SO_BINDTODEVICE.
    pub device: Option<String>,
    /// IP_MTU_DISCOVER.
    pub path_mtu: PathMtu,
    /// SO_BROADCAST.
    pub broadcast: bool,
    /// IP_OPTIONS: the options of the header.
    pub options: Vec<u8>,
    /// The identification, where the socket counts its own; `None` leaves it to the stack.
    pub identification: Option<u16>,
    /// See [`Skb::partial`].
    pub partial: bool,
    /// See [`Skb::gso_size`].
    pub gso_size: Option<u16>,
}

impl Outgoing {
    /// A packet with a socket's usual settings.
    pub fn new(destination: Ipv4Addr, protocol: u8, payload: Vec<u8>) -> Self {
        Self {
            destination,
            source: None,
            protocol,
            payload,
            ttl: None,
            tos: 0,
            mark: 0,
            device: None,
            path_mtu: PathMtu::Want,
            broadcast: false,
            options: Vec::new(),
            identification: None,
            partial: false,
            gso_size: None,
        }
    }
}

/// The values of IP_MTU_DISCOVER (ip(7)) that `ping -M` sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathMtu {
    /// Sets DF, refuses what is longer than the path MTU.
    Do,
    /// Sets DF as long as the packet fits, fragments what does not.
    Want,
    /// Never sets DF.
    Dont,
    /// Sets DF and looks only at the device's MTU.
    Probe,
}

/// Why a packet was not sent: what `sendmsg` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SendError {
    /// ENETUNREACH.
    #[error("Network is unreachable")]
    NetUnreachable,
    /// EHOSTUNREACH.
    #[error("No route to host")]
    HostUnreachable,
    /// EACCES: a prohibit route, or a broadcast that was not asked for.
    #[error("Permission denied")]
    Access,
    /// EINVAL: a blackhole route or a source address that is not ours.
    #[error("Invalid argument")]
    Invalid,
    /// EPERM: the default policy is block.
    #[error("Operation not permitted")]
    NotPermitted,
    /// EMSGSIZE.
    #[error("Message too long")]
    TooLong {
        /// The longest packet that would go.
        mtu: u32,
    },
    /// ENODEV.
    #[error("No such device")]
    NoDevice,
    /// EADDRNOTAVAIL: no source address would do.
    #[error("Cannot assign requested address")]
    AddressNotAvailable,
    /// ENETDOWN.
    #[error("Network is down")]
    NetDown,
}

/// Where a packet goes next: the kernel's `struct rtable`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dst {
    /// The device it leaves by; `lo` for this host.
    pub device: IfIndex,
    /// The router, or the destination itself.
    pub next_hop: Ipv4Addr,
    /// The route's type.
    pub kind: RouteType,
    /// The longest packet, in octets.
    pub mtu: u32,
    /// Whether the route has an MTU of its own.
    pub mtu_by_route: bool,
    /// The source address that the route prefers.
    pub source: Option<Ipv4Addr>,
    /// The TTL that the route gives.
    pub ttl: Option<u8>,
}

impl Cluster {
    /// The source address and the MTU of a packet that is not sent: what `connect` finds out.
    pub fn probe(&self, stack: StackId, out: &Outgoing) -> Result<(Ipv4Addr, u32), SendError> {
        let (_, answer) = self.ask(stack, out)?;
        let dst = self.output_dst(stack, out.destination, answer)?;
        if dst.kind == RouteType::Broadcast && !out.broadcast {
            return Err(SendError::Access);
        }
        let source = self.source_for(stack, out, &dst).ok_or(SendError::NetUnreachable)?;
        if self.default_blocks(stack, out, source, &dst) {
            return Err(SendError::NotPermitted);
        }
        Ok((source, dst.mtu))
    }

    /// Sends a packet of a stack's own. What it becomes is seen by taps and, later, sockets.
    pub fn send(&mut self, stack: StackId, out: &Outgoing) -> Result<Journey, SendError> {
        self.spend(4_000);
        let journey = self.new_journey();
        let (flow, answer) = self.ask(stack, out)?;
        let mut skb = Skb::ipv4(journey, Vec::new());
        skb.mark = out.mark;
        let note = answer.clone();
        let now = self.now();
        if let (RouteAnswer::Found { route, .. }, Some(own)) = (&answer, self.stack_mut(stack)) {
            own.cache_route(route, now);
        }
        let found = self.output_dst(stack, out.destination, answer);
        let dst = match found {
            Ok(dst) => dst,
            Err(error) => {
                self.count(stack, "IpOutNoRoutes");
                self.note(stack, None, &skb, out.mark, || Stage::Route {
                    purpose: RoutePurpose::Output,
                    flow,
                    answer: note,
                });
                return Err(error);
            }
        };
        if dst.kind == RouteType::Broadcast && !out.broadcast {
            return Err(SendError::Access);
        }
        let source = self.source_for(stack, out, &dst).ok_or(SendError::NetUnreachable)?;
        let header = self.header_for(stack, out, source, &dst);
        skb.octets = ipv4::packet(header, &out.payload);
        if !out.options.is_empty() {
            ip_options::send(&mut skb.octets, source, self.now());
        }
        skb.buffer = Buffer::of_packet(skb.octets.len());
        skb.ignore_df = matches!(out.path_mtu, PathMtu::Want | PathMtu::Dont);
        (skb.partial, skb.gso_size) = (out.partial, out.gso_size);
        self.note(stack, None, &skb, out.mark, || Stage::Sent);
        self.note(stack, Some(dst.device), &skb, out.mark, || Stage::Route {
            purpose: RoutePurpose::Output,
            flow,
            answer: note,
        });
        let path = match self.path_out(stack, &skb, dst) {
            Ok(path) => path,
            Err(Drop::NoPolicy) => {
                self.drop(stack, None, &skb, Drop::NoPolicy);
                return Err(SendError::NotPermitted);
            }
            Err(drop) => {
                self.drop(stack, None, &skb, drop);
                // The socket is not told: the packet goes into a blackhole route (`make_blackhole`).
                return Ok(journey);
            }
        };
        let mtu = if out.path_mtu == PathMtu::Probe { self.device_mtu(stack, path.device()) } else { path.mtu() };
        if skb.longest() > mtu as usize {
            match out.path_mtu {
                PathMtu::Do | PathMtu::Probe => return Err(SendError::TooLong { mtu }),
                PathMtu::Want | PathMtu::Dont => ipv4::rewrite(&mut skb.octets, |header| header.dont_fragment = false),
            }
        }
        if out.identification.is_some() || header_needs_ident(&skb) {
            let ident = out.identification.unwrap_or_else(|| self.ident(stack, &skb.octets));
            ipv4::rewrite(&mut skb.octets, |header| header.identification = ident);
        }
        self.output(stack, skb, path);
        Ok(journey)
    }

    /// Sends a packet on its path (`dst_output`).
    pub(super) fn output(&mut self, stack: StackId, skb: Skb, path: Path) {
        match path {
            Path::Plain(dst) => self.ip_output(stack, skb, &dst),
            Path::Bundle(bundle) => self.transform_out(stack, skb, &bundle),
        }
    }

    /// net/ipv4/ip_output.c `ip_output`: counters, MTU, neighbour.
    pub(super) fn ip_output(&mut self, stack: StackId, mut skb: Skb, dst: &Dst) {
        self.count(stack, "IpOutRequests");
        self.add(stack, "IpExtOutOctets", skb.octets.len() as u64);
        let mtu = dst.mtu;
        if skb.longest() <= mtu as usize {
            self.neighbour_output(stack, skb, dst);
            return;
        }
        let dont_fragment = ipv4::header(&skb.octets).is_some_and(|header| header.dont_fragment);
        if dont_fragment && !skb.ignore_df {
            self.count(stack, "IpFragFails");
            self.complain(stack, &skb, ipv4::icmp::UNREACHABLE, ipv4::icmp::FRAGMENTATION_NEEDED, Some(mtu));
            self.drop(stack, Some(dst.device), &skb, Drop::TooBig);
            return;
        }
        skb.finish_checksum();
        let pieces = fragments(&skb.octets, mtu as usize);
        self.count(stack, "IpFragOKs");
        self.add(stack, "IpFragCreates", pieces.len() as u64);
        let count = pieces.len();
        self.note(stack, Some(dst.device), &skb, skb.mark, || Stage::Fragmented { mtu, pieces: count });
        for piece in pieces {
            skb.octets = piece;
            self.neighbour_output(stack, skb.clone(), dst);
            // A program's first fragment is far away before its second one is sent: the softirq runs in between.
            self.deliver_unless_under_way();
        }
    }

    /// Gives a frame to a device: tc egress, tap, cable (net/core/dev.c `__dev_queue_xmit`). The Ethernet header is set.
    pub(super) fn transmit(&mut self, port: Port, mut skb: Skb) {
        self.spend(900);
        match self.run_hook(port, HookPoint::Egress, &mut skb) {
            HookVerdict::Pass => {}
            HookVerdict::Redirect(device) => {
                return self.transmit(Port { stack: port.stack, device }, skb);
            }
            HookVerdict::Drop(why) => return self.drop(port.stack, Some(port.device), &skb, Drop::Hook(why)),
        }
        let now = self.now();
        let len = skb.octets.len() as u64 + 14;
        let Some(device) = self.stack_mut(port.stack).and_then(|stack| stack.device_at_mut(port.device)) else {
            return;
        };
        if !device.up {
            device.statistics.tx_dropped += 1;
            return self.drop(port.stack, Some(port.device), &skb, Drop::NoCarrier);
        }
        device.statistics.tx_packets += 1;
        device.statistics.tx_bytes += len;
        let kind = device.kind.clone();
        self.show(port, &skb, PacketType::Outgoing, now);
        match kind {
            DeviceKind::Loopback => {
                skb.stamp = None;
                self.schedule(1_500, Event::Receive(port, skb));
            }
            DeviceKind::Veth { peer: Some(peer), .. } => {
                skb.scrub(peer.stack != port.stack);
                // The same for every frame, so that none overtakes another.
                self.schedule(2_000, Event::Receive(peer, skb));
            }
            DeviceKind::Veth { peer: None, .. } => self.drop(port.stack, Some(port.device), &skb, Drop::NoCarrier),
            DeviceKind::Bridge { .. } => self.bridge_out(port, None, &skb),
        }
    }

    /// Sends a frame out of the ports of a bridge: to the one where its destination was seen, or to all but the one it
    /// came by.
    pub(super) fn bridge_out(&mut self, bridge: Port, came_by: Option<IfIndex>, skb: &Skb) {
        let Some(stack) = self.stack(bridge.stack) else { return };
        let Some(device) = stack.device_at(bridge.device) else { return };
        let DeviceKind::Bridge { seen } = &device.kind else { return };
        let known = skb.ethernet.and_then(|ethernet| seen.get(&ethernet.destination)).copied();
        // A bridge's newest port is its first.
        let ports: Vec<IfIndex> = stack
            .devices
            .iter()
            .rev()
            .filter(
                |port| matches!(port.kind, DeviceKind::Veth { master: Some(master), .. } if master == bridge.device),
            )
            .map(|port| port.index)
            .filter(|port| Some(*port) != came_by && known.is_none_or(|known| known == *port))
            .filter(|port| self.port_forwards(Port { stack: bridge.stack, device: *port }))
            .collect();
        for device in ports {
            self.transmit(Port { stack: bridge.stack, device }, skb.clone());
        }
    }

    /// Puts the Ethernet header on and transmits.
    pub(super) fn transmit_to(&mut self, port: Port, mut skb: Skb, destination: Mac) {
        let source = self
            .stack(port.stack)
            .and_then(|stack| stack.device_at(port.device))
            .map(|device| device.mac)
            .unwrap_or_default();
        skb.ethernet = Some(Ethernet { destination, source });
        self.transmit(port, skb);
    }

    /// The route of a packet of this stack, or what the tables said instead.
    fn ask(&self, stack: StackId, out: &Outgoing) -> Result<(RouteFlow, RouteAnswer), SendError> {
        let own = self.stack(stack).ok_or(SendError::NoDevice)?;
        if let Some(device) = &out.device {
            own.device(device).ok_or(SendError::NoDevice)?;
        }
        if out.source.is_some_and(|source| !own.has_address(source.into())) {
            return Err(SendError::Invalid);
        }
        let flow = RouteFlow {
            dst: out.destination.into(),
            src: out.source.unwrap_or(Ipv4Addr::UNSPECIFIED).into(),
            mark: out.mark,
            tos: out.tos & 0x1c,
            iif: "lo".to_owned(),
            oif: out.device.clone(),
        };
        let answer = own.route_output(&flow);
        Ok((flow, answer))
    }

    pub(super) fn output_dst(
        &self,
        stack: StackId,
        destination: Ipv4Addr,
        answer: RouteAnswer,
    ) -> Result<Dst, SendError> {
        match answer {
            RouteAnswer::Found { route, .. } => {
                self.dst_of(stack, destination, &route).ok_or(SendError::NetUnreachable)
            }
            RouteAnswer::Nothing => Err(SendError::NetUnreachable),
            RouteAnswer::Refused(Refusal::Blackhole) => Err(SendError::Invalid),
            RouteAnswer::Refused(Refusal::Unreachable) => Err(SendError::HostUnreachable),
            RouteAnswer::Refused(Refusal::Prohibit) => Err(SendError::Access),
        }
    }

    /// What a route means for a destination.
    pub(super) fn dst_of(&self, stack: StackId, destination: Ipv4Addr, route: &crate::route::Route) -> Option<Dst> {
        let own = self.stack(stack)?;
        let local = route.kind == RouteType::Local;
        let device = if local { own.device("lo") } else { own.device(routing::device_of(route)?) }?;
        let gateway = match routing::gateway_of(route) {
            Some(std::net::IpAddr::V4(gateway)) => Some(gateway),
            _ => None,
        };
        // A gateway that is this host's own is the kernel's way of saying "on the link".
        let gateway = gateway.filter(|gateway| !own.has_address((*gateway).into()));
        let next_hop = gateway.unwrap_or(destination);
        let by_route = route.metrics.mtu();
        let learned = own
            .path_mtus
            .iter()
            .find(|note| note.destination == destination && note.route == *route && note.until > self.now())
            .map(|note| note.mtu);
        let mtu = by_route.unwrap_or(device.mtu);
        let source = if local { Some(destination) } else { own.source_of(route) };
        let source = match route.src {
            Some(std::net::IpAddr::V4(preferred)) => Some(preferred),
            _ => source,
        };
        Some(Dst {
            device: device.index,
            next_hop,
            kind: route.kind,
            mtu: learned.map_or(mtu, |learned| learned.min(mtu)),
            mtu_by_route: by_route.is_some(),
            source,
            ttl: None,
        })
    }

    fn source_for(&self, stack: StackId, out: &Outgoing, dst: &Dst) -> Option<Ipv4Addr> {
        self.stack(stack)?;
        out.source.or(dst.source)
    }

    fn header_for(&self, stack: StackId, out: &Outgoing, source: Ipv4Addr, dst: &Dst) -> ipv4::Ipv4Header {
        let own_ttl = self.stack(stack).map_or(64, |own| own.sysctl.default_ttl);
        let ttl = out.ttl.or(dst.ttl).unwrap_or(own_ttl);
        let mut header = ipv4::between(source, out.destination, out.protocol, ttl);
        ipv4::set_tos(&mut header, out.tos);
        header.dont_fragment = out.path_mtu != PathMtu::Dont;
        ip_options::set(&mut header, &out.options);
        header
    }

    fn device_mtu(&self, stack: StackId, device: IfIndex) -> u32 {
        self.stack(stack).and_then(|own| own.device_at(device)).map_or(1500, |device| device.mtu)
    }

    /// The identification of a packet that may be fragmented: a counter a flow, moved on by chance
    /// (`ip_idents_reserve`, net/ipv4/route.c).
    pub(super) fn ident(&mut self, stack: StackId, octets: &[u8]) -> u16 {
        let now = self.now();
        let Some(header) = ipv4::header(octets) else { return 0 };
        let key = header.destination.iter().chain(&header.source).chain([&header.protocol.0]);
        let bucket = key.fold(0_usize, |sum, octet| sum.wrapping_mul(31).wrapping_add(usize::from(*octet))) % 16;
        let start = u32::from_be_bytes(self.random.octets());
        // A jiffy is 4 ms.
        let jump = self.random.below(1 << 20);
        let Some(own) = self.stack_mut(stack) else { return 0 };
        let Some((counter, last)) = own.idents.get_mut(bucket) else { return 0 };
        if last.0 == 0 {
            *counter = start;
        } else {
            let jiffies = (now.0 - last.0) / 4_000_000;
            *counter = counter.wrapping_add(jump.checked_rem(jiffies).unwrap_or(0) as u32);
        }
        *last = now;
        *counter = counter.wrapping_add(1);
        *counter as u16
    }

    pub(super) fn count(&mut self, stack: StackId, name: &'static str) {
        self.add(stack, name, 1);
    }

    pub(super) fn add(&mut self, stack: StackId, name: &'static str, amount: u64) {
        if let Some(own) = self.stack_mut(stack) {
            own.counters.mib.add(name, amount);
        }
    }

    /// Ends a packet here and counts what the reason counts.
    pub(super) fn drop(&mut self, stack: StackId, device: Option<IfIndex>, skb: &Skb, drop: Drop) {
        if let Some(own) = self.stack_mut(stack) {
            match drop {
                Drop::Xfrm(counter) => own.counters.xfrm.count(counter),
                Drop::ReversePath => own.counters.mib.count("TcpExtIPReversePathFilter"),
                _ => {}
            }
        }
        self.note(stack, device, skb, skb.mark, || Stage::Dropped(drop));
    }
}

/// A packet with DF set that nobody may fragment has the identification 0 (`ip_select_ident_segs`).
pub(super) fn header_needs_ident(skb: &Skb) -> bool {
    ipv4::header(&skb.octets).is_some_and(|header| !header.dont_fragment || skb.ignore_df)
}

/// The pieces of a packet, each at most `mtu` octets (`ip_do_fragment`).
fn fragments(octets: &[u8], mtu: usize) -> Vec<Vec<u8>> {
    let Some(header) = ipv4::header(octets) else { return Vec::new() };
    let room = mtu.saturating_sub(header.header_len()) / 8 * 8;
    if room == 0 {
        return Vec::new();
    }
    let payload = ipv4::payload(octets);
    let count = payload.len().div_ceil(room);
    payload
        .chunks(room)
        .enumerate()
        .map(|(at, chunk)| {
            let mut own = header.clone();
            let offset = header.fragment_offset.value() + (at * room / 8) as u16;
            own.fragment_offset = etherparse::IpFragOffset::try_new(offset).unwrap_or_default();
            own.more_fragments = header.more_fragments || at + 1 < count;
            ipv4::packet(own, chunk)
        })
        .collect()
}
