use std::fmt;
use std::net::IpAddr;

use super::hook::{HookAction, HookPoint, HookVerdict};
use super::routing::{Refusal, RouteFlow};
use super::{Journey, Mac, StackId, XfrmCounter};
use crate::esp::Spi;
use crate::packet::{PacketType, Timestamp};
use crate::{route, xfrm};

/// One thing that happened to one packet at one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Hop {
    /// The packet's journey.
    pub journey: Journey,
    /// When.
    pub time: Timestamp,
    /// In which stack.
    pub stack: StackId,
    /// The stack's name.
    pub place: String,
    /// At which device, where there is one.
    pub device: Option<String>,
    /// What happened, and why.
    pub stage: Stage,
    /// The packet's mark before.
    pub mark_before: u32,
    /// The packet's mark after.
    pub mark_after: u32,
    /// The packet's octets after it, the network header first.
    pub octets: Vec<u8>,
}

/// What happened to a packet.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// A program or the kernel itself sent it.
    Sent,
    /// It passed the point where `tcpdump` sees it.
    Seen {
        /// For whom the frame was, as `tcpdump -i any` prints it.
        kind: PacketType,
    },
    /// A program at a tc hook handled it.
    Hook {
        /// Ingress or egress.
        point: HookPoint,
        /// The program's name.
        program: &'static str,
        /// What it did, in order.
        actions: Vec<HookAction>,
        /// How it ended.
        verdict: HookVerdict,
    },
    /// The routing tables were asked.
    Route {
        /// For what.
        purpose: RoutePurpose,
        /// What they were asked.
        flow: RouteFlow,
        /// What they said.
        answer: RouteAnswer,
    },
    /// The policies were asked.
    Policy {
        /// Which.
        dir: xfrm::Direction,
        /// The one that was found.
        policy: Option<Box<xfrm::Policy>>,
        /// What came of it.
        verdict: PolicyVerdict,
    },
    /// A state encrypted it.
    Encrypted {
        /// The state.
        state: Box<xfrm::State>,
        /// The sequence number it got.
        seq: u64,
        /// Octets before.
        before: usize,
    },
    /// A state decrypted it; it comes in once more on the same device.
    Decrypted {
        /// The state.
        state: Box<xfrm::State>,
        /// The sequence number it had.
        seq: u64,
    },
    /// It is passed on: the TTL is one less.
    Forwarded {
        /// The TTL after.
        ttl: u8,
    },
    /// Its next hop's Ethernet address.
    Neighbour {
        /// The next hop.
        address: IpAddr,
        /// Its Ethernet address; `None` while it is asked for.
        mac: Option<Mac>,
    },
    /// It was too long and went out in pieces.
    Fragmented {
        /// The MTU.
        mtu: u32,
        /// How many pieces.
        pieces: usize,
    },
    /// It reached this stack's own protocol.
    Delivered {
        /// The IP protocol number.
        protocol: u8,
    },
    /// An ICMP error about it was sent.
    Complaint {
        /// ICMP type.
        kind: u8,
        /// ICMP code.
        code: u8,
        /// To whom.
        to: IpAddr,
        /// The next-hop MTU of "fragmentation needed".
        mtu: Option<u32>,
    },
    /// It ends here.
    Dropped(Drop),
}

/// What a route was looked up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoutePurpose {
    /// A packet that came in.
    Input,
    /// A packet of this host.
    Output,
    /// The ESP packet around it, with the state's output-mark.
    Outer,
    /// Whether its source would be reached through the device it came in by (`rp_filter`).
    ReversePath,
}

/// What the routing tables said.
#[derive(Debug, Clone, PartialEq)]
pub enum RouteAnswer {
    /// A route.
    Found {
        /// The rule that named the table.
        rule: Box<route::Rule>,
        /// The table's route.
        route: Box<route::Route>,
    },
    /// A rule or route that refuses.
    Refused(Refusal),
    /// Nothing.
    Nothing,
}

/// What the policies said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyVerdict {
    /// None is there for it, and none is needed.
    NoneNeeded,
    /// Found, and the packet passes as it is.
    Pass,
    /// Found, and the packet is to be transformed by the state with this SPI.
    Transform(Spi),
    /// The packet is dropped.
    Refused(XfrmCounter),
}

/// Why a packet ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Drop {
    /// An XFRM counter says why.
    Xfrm(XfrmCounter),
    /// A frame for somebody else (`PACKET_OTHERHOST`).
    OtherHost,
    /// The device is down or its cable goes nowhere.
    NoCarrier,
    /// The header is damaged.
    BadHeader,
    /// The source is one that cannot come in here: an own address without `accept_local`.
    MartianSource,
    /// `rp_filter`: the way back is by another device.
    ReversePath,
    /// The destination cannot be one.
    MartianDestination,
    /// No route.
    NoRoute,
    /// Forwarding is off.
    NotForwarding,
    /// A route that says so.
    Refused,
    /// The TTL ran out.
    TtlExceeded,
    /// Too long, and DF is set.
    TooBig,
    /// Nobody answered for the next hop.
    NoNeighbour,
    /// A BPF or tc program said so.
    Hook(&'static str),
    /// No socket wants it.
    NoSocket,
    /// A protocol this stack does not have.
    NoProtocol,
    /// No policy fits, and `ip xfrm policy setdefault` says to block then (EPERM); no counter.
    NoPolicy,
    /// There was no memory for one more header.
    NoMemory,
}

impl Drop {
    /// A name in the words of the kernel: the counter, the SNMP name or the skb drop reason (include/net/dropreason.h).
    pub fn name(self) -> &'static str {
        match self {
            Self::Xfrm(counter) => counter.name(),
            Self::OtherHost => "OTHERHOST",
            Self::NoCarrier => "DEV_READY",
            Self::BadHeader => "IP_INHDR",
            Self::MartianSource => "martian source",
            Self::ReversePath => "IPReversePathFilter",
            Self::MartianDestination => "martian destination",
            Self::NoRoute => "InNoRoutes",
            Self::NotForwarding => "InAddrErrors",
            Self::Refused => "unreachable route",
            Self::TtlExceeded => "InHdrErrors",
            Self::TooBig => "FragFails",
            Self::NoNeighbour => "NEIGH_FAILED",
            Self::Hook(why) => why,
            Self::NoSocket => "NO_SOCKET",
            Self::NoProtocol => "InUnknownProtos",
            Self::NoPolicy => "XFRM_POLICY",
            Self::NoMemory => "NOMEM",
        }
    }
}

impl fmt::Display for Drop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
