//! The state lookups (Linux 6.1 `net/xfrm/xfrm_state.c`: `xfrm_state_find`, `__xfrm_state_lookup`), with the reason for
//! every state that was not taken.

use std::fmt;
use std::net::IpAddr;

use super::{Flow, Mark, Mode, Policy, Proto, SelectorMiss, State, StateDirection, StateFlags, Template};
use crate::esp::Spi;

/// Which state transforms a packet, and why each other one does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateLookup {
    /// The state that won, as an index into the listing.
    pub chosen: Option<usize>,
    /// Every other state of the listing with its reason, in the order of the listing.
    pub misses: Vec<(usize, StateMiss)>,
    /// For a packet that leaves: none fits, but one with the SPI that the template names is in the way, so that the
    /// kernel answers `EEXIST` and counts `XfrmOutPolError` instead of `XfrmOutNoStates`.
    pub in_the_way: Option<usize>,
}

/// Why a state does not transform a packet. Each names what the state has and what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateMiss {
    /// The outer destination.
    Destination(IpAddr, IpAddr),
    /// The outer source.
    Source(IpAddr, IpAddr),
    /// The SPI.
    Spi(Spi, Spi),
    /// The protocol.
    Proto(Proto, Proto),
    /// The mark does not fit.
    Mark {
        /// Of the state.
        state: Mark,
        /// Of the packet (in), or of the policy (out).
        mark: u32,
    },
    /// The reqid.
    Reqid(u32, u32),
    /// The mode.
    Mode(Mode, Mode),
    /// The XFRM interface.
    IfId(u32, u32),
    /// It takes any care-of address and is for input only.
    WildRecv,
    /// It was made for the other direction.
    Direction(StateDirection),
    /// The inner packet is not what its selector describes.
    Selector(SelectorMiss),
    /// It fits, and another one was taken: the kernel takes the newest.
    Other {
        /// Index of the state that was taken.
        winner: usize,
    },
}

/// What a received ESP packet is looked up with. The outer source is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Inbound {
    /// Outer destination.
    pub dst: IpAddr,
    /// From the packet.
    pub spi: Spi,
    /// ESP or AH.
    pub proto: Proto,
    /// The packet's mark.
    pub mark: u32,
}

/// Looks for the state of a received packet. `states` are in the order in which `ip xfrm state` lists them: newest
/// first, which is also the order in which the kernel tries those of one SPI.
pub fn find_in_state(states: &[State], packet: Inbound) -> StateLookup {
    first_fitting(states, |state| {
        if state.dst != packet.dst {
            Some(StateMiss::Destination(state.dst, packet.dst))
        } else if state.spi != packet.spi {
            Some(StateMiss::Spi(state.spi, packet.spi))
        } else if state.proto != packet.proto {
            Some(StateMiss::Proto(state.proto, packet.proto))
        } else if !mark_fits(state, packet.mark) {
            Some(StateMiss::Mark { state: state.mark.unwrap_or(ANY_MARK), mark: packet.mark })
        } else {
            state.dir.filter(|dir| *dir == StateDirection::Out).map(StateMiss::Direction)
        }
    })
}

/// Looks for the state that a template of the policy that `flow` fell under asks for.
///
/// The mark is that of the policy, not that of the packet; the addresses are those of the template in tunnel mode and
/// those of the flow in transport mode.
pub fn find_out_state(states: &[State], policy: &Policy, template: &Template, flow: &Flow) -> StateLookup {
    let mark = policy.mark.map_or(0, |mark| mark.value & mark.mask);
    let tunnel = matches!(template.mode, Mode::Tunnel | Mode::Beet | Mode::Iptfs);
    let (src, dst) = if tunnel { (template.src, template.dst) } else { (flow.src, flow.dst) };
    let if_id = policy.if_id.unwrap_or(0);
    let miss = |state: &State, any_source: bool| {
        let own_if_id = state.if_id.unwrap_or(0);
        if state.dst != dst {
            Some(StateMiss::Destination(state.dst, dst))
        } else if state.src != src && !(any_source && (state.src.is_unspecified() || src.is_unspecified())) {
            Some(StateMiss::Source(state.src, src))
        } else if template.spi.0 != 0 && state.spi != template.spi {
            Some(StateMiss::Spi(state.spi, template.spi))
        } else if state.proto != template.proto {
            Some(StateMiss::Proto(state.proto, template.proto))
        } else if state.reqid != template.reqid {
            Some(StateMiss::Reqid(state.reqid, template.reqid))
        } else if state.mode != template.mode {
            Some(StateMiss::Mode(state.mode, template.mode))
        } else if !mark_fits(state, mark) {
            Some(StateMiss::Mark { state: state.mark.unwrap_or(ANY_MARK), mark })
        } else if own_if_id != if_id {
            Some(StateMiss::IfId(own_if_id, if_id))
        } else if state.flags.has(StateFlags::WILDRECV) {
            Some(StateMiss::WildRecv)
        } else if state.dir == Some(StateDirection::In) {
            Some(StateMiss::Direction(StateDirection::In))
        } else {
            let selector = state.selector.as_ref().filter(|_| !state.flags.has(StateFlags::AF_UNSPEC));
            selector.and_then(|selector| selector.miss(flow)).map(StateMiss::Selector)
        }
    };
    // States with this very source come first, those with a wildcard source only when there is none.
    let mut lookup = first_fitting(states, |state| miss(state, src.is_unspecified()));
    if lookup.chosen.is_none() {
        lookup = first_fitting(states, |state| miss(state, true));
    }
    if lookup.chosen.is_none() && template.spi.0 != 0 {
        let packet = Inbound { dst, spi: template.spi, proto: template.proto, mark };
        lookup.in_the_way = find_in_state(states, packet).chosen;
    }
    lookup
}

const ANY_MARK: Mark = Mark { value: 0, mask: 0 };

/// The kernel stores a state's mark value already masked.
fn mark_fits(state: &State, mark: u32) -> bool {
    state.mark.is_none_or(|own| mark & own.mask == own.value & own.mask)
}

/// The first state without a reason against it. The kernel takes the one added last, and that is the first listed.
fn first_fitting(states: &[State], miss: impl Fn(&State) -> Option<StateMiss>) -> StateLookup {
    let mut chosen = None;
    let mut misses = Vec::new();
    for (index, state) in states.iter().enumerate() {
        match (miss(state), chosen) {
            (Some(reason), _) => misses.push((index, reason)),
            (None, None) => chosen = Some(index),
            (None, Some(winner)) => misses.push((index, StateMiss::Other { winner })),
        }
    }
    StateLookup { chosen, misses, in_the_way: None }
}

impl StateLookup {
    /// The counter of `/proc/net/xfrm_stat` that goes up when a packet that leaves finds no state.
    pub fn out_counter(&self) -> Option<&'static str> {
        match (self.chosen, self.in_the_way) {
            (Some(_), _) => None,
            (None, Some(_)) => Some("XfrmOutPolError"),
            (None, None) => Some("XfrmOutNoStates"),
        }
    }
}

impl fmt::Display for StateMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Destination(own, asked) => write!(f, "has dst {own}, the packet {asked}"),
            Self::Source(own, asked) => write!(f, "has src {own}, the template {asked}"),
            Self::Spi(own, asked) => write!(f, "has spi {own}, not {asked}"),
            Self::Proto(own, asked) => write!(f, "has proto {own}, not {asked}"),
            Self::Mark { state, mark } => {
                write!(f, "wants mark {state}, and {mark:#x} & {:#x} = {:#x}", state.mask, mark & state.mask)
            }
            Self::Reqid(own, asked) => write!(f, "has reqid {own}, the template {asked}"),
            Self::Mode(own, asked) => write!(f, "has mode {own}, the template {asked}"),
            Self::IfId(own, asked) => write!(f, "has if_id {own:#x}, the policy {asked:#x}"),
            Self::WildRecv => f.write_str("is for input only (flag wildrecv)"),
            Self::Direction(dir) => write!(f, "was made for dir {dir}"),
            Self::Selector(miss) => miss.fmt(f),
            Self::Other { .. } => f.write_str("fits too, but a newer one was taken"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{parse_policies, parse_states};
    use super::*;

    /// Node worker of the course (newest first).
    const SAD: &str = "\
        src 10.0.0.66 dst 10.0.2.189 proto esp spi 0x3 reqid 1 mode tunnel mark 0x3e00/0xff00 output-mark 0xe00/0xf00 sel src 0.0.0.0/0 dst 0.0.0.0/0\n\
        src 0.0.0.0 dst 10.0.0.66 proto esp spi 0x3 reqid 1 mode tunnel mark 0xd00/0xf00 output-mark 0xd00/0xf00 sel src 0.0.0.0/0 dst 0.0.0.0/0\n\
        src 10.0.0.66 dst 10.0.1.236 proto esp spi 0x3 reqid 1 mode tunnel mark 0x3e00/0xff00 output-mark 0xe00/0xf00 sel src 0.0.0.0/0 dst 0.0.0.0/0\n";

    fn inbound(spi: u32, mark: u32) -> Inbound {
        Inbound { dst: [10, 0, 0, 66].into(), spi: Spi(spi), proto: Proto::Esp, mark }
    }

    #[test]
    fn a_received_packet_finds_the_state_with_the_wildcard_source() {
        let states = parse_states(SAD).items;
        assert_eq!(find_in_state(&states, inbound(3, 0x6445_0d00)).chosen, Some(1));
    }

    #[test]
    fn without_the_decrypt_mark_no_state_is_found() {
        let states = parse_states(SAD).items;
        let lookup = find_in_state(&states, inbound(3, 0));
        assert_eq!(lookup.chosen, None);
        assert_eq!(lookup.misses[1].1.to_string(), "wants mark 0xd00/0xf00, and 0x0 & 0xf00 = 0x0");
        let lookup = find_in_state(&states, inbound(4, 0xd00));
        assert_eq!(lookup.misses[1].1.to_string(), "has spi 0x00000003, not 0x00000004");
    }

    fn out(policy: &str) -> StateLookup {
        let states = parse_states(SAD).items;
        let policy = parse_policies(policy).items.remove(0);
        let (src, dst) = ([10, 0, 0, 144].into(), [10, 0, 1, 165].into());
        let flow = Flow { src, dst, proto: 1, sport: 0, dport: 0, mark: 0x6445_3e00, if_id: 0, dev: None };
        find_out_state(&states, &policy, &policy.templates[0], &flow)
    }

    #[test]
    fn a_template_finds_its_state_by_the_mark_of_the_policy() {
        let lookup = out("src 10.0.0.0/24 dst 10.0.1.0/24 dir out priority 0 mark 0x3e00/0xff00 \
            tmpl src 10.0.0.66 dst 10.0.1.236 proto esp spi 0x3 reqid 1 mode tunnel");
        assert_eq!((lookup.chosen, lookup.out_counter()), (Some(2), None));
    }

    #[test]
    fn a_template_without_its_state_is_counted_by_what_is_in_the_way() {
        let by_mark = out("src 10.0.0.0/24 dst 10.0.1.0/24 dir out priority 0 mark 0x4e00/0xff00 \
            tmpl src 10.0.0.66 dst 10.0.1.236 proto esp spi 0x3 reqid 1 mode tunnel");
        assert_eq!(by_mark.out_counter(), Some("XfrmOutNoStates"));
        let by_reqid = out("src 10.0.0.0/24 dst 10.0.1.0/24 dir out priority 0 mark 0x3e00/0xff00 \
            tmpl src 10.0.0.66 dst 10.0.1.236 proto esp spi 0x3 reqid 2 mode tunnel");
        assert_eq!((by_reqid.in_the_way, by_reqid.out_counter()), (Some(2), Some("XfrmOutPolError")));
        assert_eq!(by_reqid.misses[2].1.to_string(), "has reqid 1, the template 2");
    }
}
