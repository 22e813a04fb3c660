//! What the kernel's look-ups compare (Linux 6.1 `net/xfrm/xfrm_state.c`, `net/xfrm/xfrm_policy.c`): does this state, this
//! policy fit? Which of several that fit is taken is for whoever knows when each was added.

use std::net::IpAddr;

use super::{Direction, Flow, Level, Mode, Policy, PolicyType, Proto, Selector, State, StateFlags, Template};
use crate::esp::Spi;

/// What a state is looked up with where its SPI is known: by a received packet, and by a state that is to be added. The
/// outer source is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateKey {
    /// Outer destination.
    pub dst: IpAddr,
    /// The SPI.
    pub spi: Spi,
    /// ESP or AH.
    pub proto: Proto,
    /// The packet's mark, host byte order.
    pub mark: u32,
}

impl StateKey {
    /// What finds this very state.
    pub fn of(state: &State) -> Self {
        let mark = state.mark.map_or(0, |mark| mark.value & mark.mask);
        Self { dst: state.dst, spi: state.spi, proto: state.proto, mark }
    }

    /// Whether the state is found (`__xfrm_state_lookup`).
    pub fn finds(&self, state: &State) -> bool {
        state.dst == self.dst
            && state.spi == self.spi
            && state.proto == self.proto
            && state.mark.is_none_or(|own| own.fits(self.mark))
    }
}

impl Policy {
    /// Whether the policy is for a packet of `flow` in this direction (`xfrm_policy_match`).
    pub fn judges(&self, dir: Direction, flow: &Flow) -> bool {
        !self.socket
            && self.dir == dir
            && self.if_id.unwrap_or(0) == flow.if_id
            && self.mark.is_none_or(|mark| mark.fits(flow.mark))
            && self.selector.fits(flow)
    }

    /// Of the policies that judge a packet the one with the lowest rank is asked, of equal ones the oldest: those of the
    /// sub list (Mobile IPv6) before all others, then by priority number (`xfrm_policy_lookup`).
    pub fn rank(&self) -> impl Ord + use<> {
        (self.ptype != Some(PolicyType::Sub), self.priority)
    }

    /// Whether a state is what a template of this policy asks for (`xfrm_state_find`). The mark that counts is the
    /// policy's own, not the packet's. `ends` are the [outer addresses](Template::ends) from source to destination.
    pub fn takes(&self, template: &Template, ends: (IpAddr, IpAddr), flow: &Flow, state: &State) -> bool {
        let (src, dst) = ends;
        let selector = state.selector.as_ref().filter(|_| !state.flags.has(StateFlags::AF_UNSPEC));
        state.dst == dst
            && (state.src == src || state.src.is_unspecified())
            && (template.spi.0 == 0 || template.spi == state.spi)
            && state.proto == template.proto
            && state.reqid == template.reqid
            && state.mode == template.mode
            && state.mark.is_none_or(|own| own.fits(self.state_mark()))
            && state.if_id.unwrap_or(0) == self.if_id.unwrap_or(0)
            && !state.flags.has(StateFlags::WILDRECV)
            && selector.is_none_or(|selector| selector.fits(flow))
    }

    /// What finds a state that has the SPI which a template names, but is none that the policy takes: it is in the way of
    /// one that could be asked for (`EEXIST` of `xfrm_state_find`). `None` for a template without an SPI.
    pub fn in_the_way(&self, template: &Template, ends: (IpAddr, IpAddr)) -> Option<StateKey> {
        let key = StateKey { dst: ends.1, spi: template.spi, proto: template.proto, mark: self.state_mark() };
        (template.spi.0 != 0).then_some(key)
    }

    /// The mark that this policy looks for its states with.
    fn state_mark(&self) -> u32 {
        self.mark.map_or(0, |mark| mark.value & mark.mask)
    }
}

impl Template {
    /// The outer addresses that it asks for: its own in tunnel mode, those of the packet otherwise
    /// (`xfrm_tmpl_resolve_one`).
    pub fn ends(&self, packet: (IpAddr, IpAddr)) -> (IpAddr, IpAddr) {
        match self.mode {
            Mode::Tunnel | Mode::Beet | Mode::Iptfs => (self.src, self.dst),
            _ => packet,
        }
    }

    /// Whether a state that decrypted a packet is what the template asks for (`xfrm_state_ok`): of the outer addresses
    /// only the source is compared, and 0.0.0.0 there takes any.
    fn accepts(&self, state: &State) -> bool {
        state.proto == self.proto
            && (self.spi.0 == 0 || self.spi == state.spi)
            && (self.reqid == 0 || self.reqid == state.reqid)
            && state.mode == self.mode
            && (state.mode == Mode::Transport || self.src.is_unspecified() || self.src == state.src)
    }

    /// How many states of the secpath are accounted for after this template, or `None` where it asks for one that is not
    /// there (`xfrm_policy_ok`).
    fn position(&self, secpath: &[State], start: usize) -> Option<usize> {
        let optional = self.level != Level::Required;
        if optional && self.mode == Mode::Transport {
            return Some(start);
        }
        for (at, state) in secpath.iter().enumerate().skip(start) {
            if self.accepts(state) {
                return Some(at + 1);
            }
            if state.mode != Mode::Transport {
                break;
            }
        }
        optional.then_some(start)
    }
}

/// Whether the states that decrypted a packet, in that order, are what a policy's templates ask for, from the outermost
/// (the last) to the innermost (`__xfrm_policy_check`).
pub fn templates_accept(templates: &[Template], secpath: &[State]) -> bool {
    let mut used = 0;
    for template in templates.iter().rev() {
        match template.position(secpath, used) {
            Some(next) => used = next,
            None => return false,
        }
    }
    // A tunnel that no template asked for.
    !secpath.iter().skip(used).any(|state| state.mode != Mode::Transport)
}

impl Selector {
    /// Whether the selector describes a flow (`xfrm_selector_match`).
    pub fn fits(&self, flow: &Flow) -> bool {
        self.src.contains(flow.src)
            && self.dst.contains(flow.dst)
            && self.proto.is_none_or(|proto| proto.number == 0 || proto.number == flow.proto)
            && self.sport.is_none_or(|port| port == flow.sport)
            && self.dport.is_none_or(|port| port == flow.dport)
            && self.dev.as_ref().is_none_or(|dev| flow.dev.as_ref() == Some(dev))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{parse_policies, parse_states};
    use super::*;

    /// States of node worker of the course.
    const SAD: &str = "\
        src 10.0.0.66 dst 10.0.2.189 proto esp spi 0x3 reqid 1 mode tunnel mark 0x3e00/0xff00 output-mark 0xe00/0xf00 sel src 0.0.0.0/0 dst 0.0.0.0/0\n\
        src 0.0.0.0 dst 10.0.0.66 proto esp spi 0x3 reqid 1 mode tunnel mark 0xd00/0xf00 output-mark 0xd00/0xf00 sel src 0.0.0.0/0 dst 0.0.0.0/0\n\
        src 10.0.0.66 dst 10.0.1.236 proto esp spi 0x3 reqid 1 mode tunnel mark 0x3e00/0xff00 output-mark 0xe00/0xf00 sel src 0.0.0.0/0 dst 0.0.0.0/0\n";

    fn flow(mark: u32) -> Flow {
        let (src, dst) = ([10, 0, 0, 144].into(), [10, 0, 1, 165].into());
        Flow { src, dst, proto: 1, sport: 8, dport: 0, mark, if_id: 0, dev: None }
    }

    /// Which states of a listing pass a test.
    fn those(states: &str, test: impl Fn(&State) -> bool) -> Vec<usize> {
        let states = parse_states(states).items;
        states.iter().enumerate().filter(|(_, state)| test(state)).map(|(at, _)| at).collect()
    }

    #[test]
    fn a_received_packet_finds_its_state_by_the_decrypt_mark_whoever_sent_it() {
        let key = |spi, mark| StateKey { dst: [10, 0, 0, 66].into(), spi: Spi(spi), proto: Proto::Esp, mark };
        assert_eq!(those(SAD, |state| key(3, 0x6445_0d00).finds(state)), [1]);
        assert!(those(SAD, |state| key(3, 0).finds(state)).is_empty(), "without the mark");
        assert!(those(SAD, |state| key(4, 0xd00).finds(state)).is_empty(), "with another SPI");
        assert_eq!(those(SAD, |state| StateKey::of(state).finds(state)), [0, 1, 2], "each finds itself");
    }

    /// The states that an OUT policy with this mark and reqid takes, and those in the way.
    fn taken(states: &str, mark: &str, reqid: u32) -> (Vec<usize>, Vec<usize>) {
        let policy = parse_policies(&format!(
            "src 10.0.0.0/24 dst 10.0.1.0/24 dir out priority 0 mark {mark} \
             tmpl src 10.0.0.66 dst 10.0.1.236 proto esp spi 0x3 reqid {reqid} mode tunnel"
        ));
        let (policy, flow) = (&policy.items[0], flow(0x6445_3e00));
        let template = &policy.templates[0];
        let ends = template.ends((flow.src, flow.dst));
        let key = policy.in_the_way(template, ends).expect("the template names an SPI");
        (
            those(states, |state| policy.takes(template, ends, &flow, state)),
            those(states, |state| key.finds(state) && !policy.takes(template, ends, &flow, state)),
        )
    }

    #[test]
    fn a_template_finds_its_state_by_the_mark_of_the_policy() {
        assert_eq!(taken(SAD, "0x3e00/0xff00", 1), (vec![2], vec![]));
        assert_eq!(taken(SAD, "0x4e00/0xff00", 1), (vec![], vec![]), "the packet's own mark is not asked for");
        assert_eq!(taken(SAD, "0x3e00/0xff00", 2), (vec![], vec![2]), "another reqid is in the way");
    }

    #[test]
    fn a_state_for_other_packets_is_not_taken() {
        let narrow = SAD.replace("sel src 0.0.0.0/0", "sel src 10.9.0.0/16");
        assert_eq!(taken(&narrow, "0x3e00/0xff00", 1), (vec![], vec![2]));
    }

    #[test]
    fn a_policy_judges_by_direction_mark_and_selector() {
        let text = "src 10.0.0.0/24 dst 10.0.1.0/24 dir out priority 0 mark 0x3e00/0xff00";
        let policy = &parse_policies(text).items[0];
        assert!(policy.judges(Direction::Out, &flow(0x6445_3e00)));
        assert!(!policy.judges(Direction::Out, &flow(0x6445_4e00)), "key id 4");
        assert!(!policy.judges(Direction::Fwd, &flow(0x6445_3e00)));
        let back = Flow { src: flow(0).dst, dst: flow(0).src, ..flow(0x6445_3e00) };
        assert!(!policy.judges(Direction::Out, &back));
    }

    #[test]
    fn ports_and_devices_of_a_selector_count() {
        let text = "src 10.0.0.0/24 dst 10.0.1.0/24 proto tcp dport 443 dev eth0 dir out priority 0";
        let selector = &parse_policies(text).items[0].selector;
        let https = Flow { proto: 6, sport: 40_000, dport: 443, dev: Some("eth0".into()), ..flow(0) };
        assert!(selector.fits(&https));
        assert!(!selector.fits(&Flow { dport: 80, ..https.clone() }));
        assert!(!selector.fits(&Flow { dev: None, ..https.clone() }));
        assert!(!selector.fits(&Flow { proto: 1, ..https }));
    }

    const IN: &str = "src 0.0.0.0/0 dst 10.0.1.0/24 dir in priority 0 mark 0xd00/0xf00 \
        tmpl src 0.0.0.0 dst 10.0.1.236 proto esp reqid 1 mode tunnel";
    const FWD: &str = "src 0.0.0.0/0 dst 10.0.1.0/24 dir fwd priority 2975 \
        tmpl src 0.0.0.0 dst 10.0.1.236 proto esp reqid 1 mode tunnel level use";
    const STATE: &str =
        "src 0.0.0.0 dst 10.0.1.236 proto esp spi 0x3 reqid 1 mode tunnel sel src 0.0.0.0/0 dst 0.0.0.0/0";

    #[test]
    fn what_decrypted_a_packet_must_be_what_the_policy_asks_for() {
        let other = STATE.replace("reqid 1", "reqid 2");
        let accepts = |policy: &str, secpath: &str| {
            templates_accept(&parse_policies(policy).items[0].templates, &parse_states(secpath).items)
        };
        assert!(accepts(IN, STATE) && accepts(FWD, STATE));
        assert!(!accepts(IN, ""), "clear text where a state is required");
        assert!(accepts(FWD, ""), "level use lets clear text pass");
        assert!(!accepts(IN, &other) && !accepts(FWD, &other), "level use still refuses another tunnel");
    }
}
