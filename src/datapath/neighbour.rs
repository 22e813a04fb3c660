use std::net::IpAddr;

use super::{IfIndex, Mac, Skb};
use crate::packet::Timestamp;

/// An entry of the neighbour table: who has an address on a link (`ip neigh`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The device it is reached through.
    pub device: IfIndex,
    /// Its address.
    pub address: IpAddr,
    /// Its Ethernet address, once known.
    pub mac: Option<Mac>,
    /// How sure the kernel is.
    pub state: NeighbourState,
    /// When the state was entered.
    pub since: Timestamp,
    /// When it was last confirmed to be there.
    pub confirmed: Timestamp,
    /// When a packet last went to it.
    pub used: Timestamp,
    /// Solicitations counted (`neigh->probes`): from the first broadcast on, those by unicast count as sent.
    pub probes: u32,
    /// Whether it says that it is a router (`NTF_ROUTER`, IPv6).
    pub router: bool,
    /// Packets that wait for the answer; the kernel bounds them by `unres_qlen_bytes`.
    pub waiting: Vec<Skb>,
}

/// The states of include/uapi/linux/neighbour.h that IPv4 uses, RFC 4861 section 7.3.2 by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NeighbourState {
    /// Asked for, no answer yet.
    Incomplete,
    /// Answered a short time ago.
    Reachable,
    /// Was right once; used until proved wrong.
    Stale,
    /// Used while stale: a probe follows unless something confirms it.
    Delay,
    /// Asked again, directly.
    Probe,
    /// Never answered.
    Failed,
    /// Set by hand; stays.
    Permanent,
    /// The device needs no resolution.
    Noarp,
}

impl NeighbourState {
    /// As `ip neigh` prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Incomplete => "INCOMPLETE",
            Self::Reachable => "REACHABLE",
            Self::Stale => "STALE",
            Self::Delay => "DELAY",
            Self::Probe => "PROBE",
            Self::Failed => "FAILED",
            Self::Permanent => "PERMANENT",
            Self::Noarp => "NOARP",
        }
    }

    /// Whether a packet can be sent in this state (NUD_VALID).
    pub fn is_valid(self) -> bool {
        !matches!(self, Self::Incomplete | Self::Failed)
    }
}

impl Neighbour {
    /// An entry that nobody has asked for yet.
    pub fn new(device: IfIndex, address: IpAddr, state: NeighbourState, mac: Option<Mac>, now: Timestamp) -> Self {
        Self {
            device,
            address,
            mac,
            state,
            since: now,
            confirmed: now,
            used: now,
            probes: 0,
            router: false,
            waiting: Vec::new(),
        }
    }

    /// Enters a state at a time.
    pub fn enter(&mut self, state: NeighbourState, now: Timestamp) {
        self.state = state;
        self.since = now;
        if state == NeighbourState::Probe {
            self.probes = 0;
        }
        if state == NeighbourState::Reachable {
            self.confirmed = now;
        }
    }
}

/// Timers of net/ipv4/arp.c (`arp_tbl.parms`), in nanoseconds.
pub(super) mod timing {
    /// How long an answer makes a neighbour reachable. The kernel draws between half and one and a half of it.
    pub(crate) const BASE_REACHABLE: u64 = 30_000_000_000;
    /// How long a stale neighbour is used before it is probed.
    pub(crate) const DELAY_PROBE: u64 = 5_000_000_000;
    /// Between two solicitations.
    pub(crate) const RETRANS: u64 = 1_000_000_000;
    /// Solicitations by broadcast before giving up (`mcast_solicit`).
    pub(crate) const MCAST_PROBES: u32 = 3;
    /// Solicitations by unicast before giving up (`ucast_solicit`).
    pub(crate) const UCAST_PROBES: u32 = 3;
    /// Packets that wait for one neighbour; `unres_qlen_bytes` (212992) holds about this many small ones.
    pub(crate) const WAITING: usize = 101;
}
