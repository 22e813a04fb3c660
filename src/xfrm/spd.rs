//! The policy lookup (Linux 6.1 `net/xfrm/xfrm_policy.c`: `xfrm_policy_match`, `xfrm_policy_insert_list`,
//! `xfrm_gen_index`), with the reason for every policy that was not taken.

use std::fmt;

use super::{Direction, Flow, Mark, Policy, PolicyType, Prefix, Selector};

/// Which policy judges a flow, and why each other one does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLookup {
    /// The policy that won, as an index into the listing; `None` if none fits.
    pub chosen: Option<usize>,
    /// Every other policy of the listing with its reason, in the order of the listing.
    pub misses: Vec<(usize, PolicyMiss)>,
}

/// Why a policy does not judge a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyMiss {
    /// It is for packets of another direction.
    Direction(Direction),
    /// It belongs to one socket.
    Socket,
    /// It belongs to an XFRM interface that this flow is not of.
    IfId {
        /// Of the policy, 0 for none.
        policy: u32,
        /// Of the flow.
        flow: u32,
    },
    /// The packet's mark does not fit.
    Mark {
        /// Of the policy.
        policy: Mark,
        /// Of the packet.
        flow: u32,
    },
    /// The packet is not what the selector describes.
    Selector(SelectorMiss),
    /// It fits, but a policy with a lower priority number is there.
    Priority {
        /// Index of the policy that won.
        winner: usize,
    },
    /// It fits and has the same priority, but the other one was added first.
    Younger {
        /// Index of the policy that won.
        winner: usize,
    },
}

/// Why a selector does not describe a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelectorMiss {
    /// The source is outside.
    Source(Prefix),
    /// The destination is outside.
    Destination(Prefix),
    /// The packet carries another protocol.
    Proto(u8),
    /// The ports (or ICMP type and code) differ.
    Ports,
    /// The device differs.
    Device(String),
}

/// Looks for the policy of `flow`. `policies` are in the order in which `ip xfrm policy` lists them: newest first.
pub fn find_policy(policies: &[Policy], dir: Direction, flow: &Flow) -> PolicyLookup {
    let mut misses: Vec<(usize, PolicyMiss)> = Vec::new();
    let mut fitting = Vec::new();
    for (index, policy) in policies.iter().enumerate() {
        match miss(policy, dir, flow) {
            Some(reason) => misses.push((index, reason)),
            None => fitting.push((index, policy)),
        }
    }
    // The sub list (Mobile IPv6) is asked before the main one; in a list the lowest number wins, then the oldest.
    let rank = |index: usize, policy: &Policy| {
        (policy.ptype != Some(PolicyType::Sub), policy.priority, std::cmp::Reverse(index))
    };
    let winner = fitting.iter().copied().min_by_key(|(index, policy)| rank(*index, policy));
    if let Some((winner, best)) = winner {
        for (index, policy) in fitting.into_iter().filter(|(index, _)| *index != winner) {
            let same = policy.priority == best.priority && policy.ptype == best.ptype;
            misses.push((index, if same { PolicyMiss::Younger { winner } } else { PolicyMiss::Priority { winner } }));
        }
    }
    misses.sort_by_key(|(index, _)| *index);
    PolicyLookup { chosen: winner.map(|(index, _)| index), misses }
}

fn miss(policy: &Policy, dir: Direction, flow: &Flow) -> Option<PolicyMiss> {
    if policy.dir != dir {
        return Some(PolicyMiss::Direction(policy.dir));
    }
    if policy.socket {
        return Some(PolicyMiss::Socket);
    }
    let if_id = policy.if_id.unwrap_or(0);
    if if_id != flow.if_id {
        return Some(PolicyMiss::IfId { policy: if_id, flow: flow.if_id });
    }
    if let Some(mark) = policy.mark.filter(|mark| !mark.fits(flow.mark)) {
        return Some(PolicyMiss::Mark { policy: mark, flow: flow.mark });
    }
    policy.selector.miss(flow).map(PolicyMiss::Selector)
}

impl Selector {
    /// Why the selector does not describe the flow, or `None` if it does (kernel `xfrm_selector_match`).
    pub fn miss(&self, flow: &Flow) -> Option<SelectorMiss> {
        if !self.dst.contains(flow.dst) {
            return Some(SelectorMiss::Destination(self.dst));
        }
        if !self.src.contains(flow.src) {
            return Some(SelectorMiss::Source(self.src));
        }
        if let Some(proto) = self.proto.filter(|proto| proto.number != 0 && proto.number != flow.proto) {
            return Some(SelectorMiss::Proto(proto.number));
        }
        let differs = |port: Option<u16>, of_flow: u16| port.is_some_and(|port| port != of_flow);
        if differs(self.sport, flow.sport) || differs(self.dport, flow.dport) {
            return Some(SelectorMiss::Ports);
        }
        let dev = self.dev.as_ref().filter(|dev| Some(*dev) != flow.dev.as_ref());
        dev.map(|dev| SelectorMiss::Device(dev.clone()))
    }
}

impl fmt::Display for PolicyMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direction(dir) => write!(f, "is for dir {dir}"),
            Self::Socket => f.write_str("belongs to one socket"),
            Self::IfId { policy, flow } => write!(f, "has if_id {policy:#x}, the packet {flow:#x}"),
            Self::Mark { policy, flow } => {
                write!(
                    f,
                    "wants mark {policy}, the packet has {flow:#x} (& {:#x} = {:#x})",
                    policy.mask,
                    flow & policy.mask
                )
            }
            Self::Selector(miss) => miss.fmt(f),
            Self::Priority { .. } => f.write_str("fits too, but its priority number is higher"),
            Self::Younger { .. } => f.write_str("fits too, but was added later"),
        }
    }
}

impl fmt::Display for SelectorMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(prefix) => write!(f, "is for packets from {prefix}"),
            Self::Destination(prefix) => write!(f, "is for packets to {prefix}"),
            Self::Proto(number) => write!(f, "is for IP protocol {number}"),
            Self::Ports => f.write_str("is for other ports"),
            Self::Device(dev) => write!(f, "is for device {dev}"),
        }
    }
}

/// Gives policies the numbers that the kernel gives them (`index` of `ip -s xfrm policy`, `xfrm_gen_index`).
///
/// One counter a network namespace goes up by 8 for each new policy; the direction is in the low three bits. The first
/// `out` policy is 1, an `in` policy after it 8, a `fwd` policy after that 18.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PolicyIndexes {
    counter: u32,
}

impl PolicyIndexes {
    /// The number of the next policy; `taken` says which numbers are in use.
    pub fn next(&mut self, dir: Direction, taken: impl Fn(u32) -> bool) -> u32 {
        loop {
            let index = self.counter | u32::from(dir.number());
            self.counter = self.counter.wrapping_add(8);
            let index = if index == 0 { 8 } else { index };
            if !taken(index) {
                return index;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_policies;
    use super::*;

    /// Node worker of the course (newest first).
    const SPD: &str = "\
        src 0.0.0.0/0 dst 10.0.1.0/24 \tdir fwd priority 2975 tmpl src 0.0.0.0 dst 10.0.1.236 proto esp reqid 1 mode tunnel level use\n\
        src 0.0.0.0/0 dst 10.0.0.0/24 \tdir in priority 0 mark 0x200/0xf00 tmpl src 0.0.0.0 dst 10.0.0.66 proto esp reqid 1 mode tunnel level use\n\
        src 0.0.0.0/0 dst 10.0.0.0/24 \tdir in priority 0 mark 0xd00/0xf00 tmpl src 0.0.0.0 dst 10.0.0.66 proto esp reqid 1 mode tunnel\n\
        src 10.0.0.0/24 dst 10.0.1.0/24 \tdir out priority 0 mark 0x3e00/0xff00 tmpl src 10.0.0.66 dst 10.0.1.236 proto esp spi 0x3 reqid 1 mode tunnel\n\
        src 0.0.0.0/0 dst 0.0.0.0/0 \tdir out action block priority 5 mark 0xe00/0xf00\n\
        src 10.0.0.0/24 dst 10.0.1.0/24 \tdir out priority 0 mark 0x3e00/0xff00\n";

    fn flow(mark: u32) -> Flow {
        let (src, dst) = ([10, 0, 0, 144].into(), [10, 0, 1, 165].into());
        Flow { src, dst, proto: 1, sport: 8, dport: 0, mark, if_id: 0, dev: None }
    }

    #[test]
    fn the_mark_decides_and_each_other_policy_has_its_reason() {
        let policies = parse_policies(SPD).items;
        let lookup = find_policy(&policies, Direction::Out, &flow(0x6445_3e00));
        assert_eq!(lookup.chosen, Some(5), "the oldest of equal priority wins");
        let reasons: Vec<_> = lookup.misses.iter().map(|(index, miss)| format!("{index} {miss}")).collect();
        assert_eq!(
            reasons,
            [
                "0 is for dir fwd",
                "1 is for dir in",
                "2 is for dir in",
                "3 fits too, but was added later",
                "4 fits too, but its priority number is higher"
            ]
        );

        let lookup = find_policy(&policies, Direction::Out, &flow(0x6445_4e00));
        assert_eq!(lookup.chosen, Some(4), "with key id 4 only the block policy fits");
        assert_eq!(
            lookup.misses[3].1.to_string(),
            "wants mark 0x3e00/0xff00, the packet has 0x64454e00 (& 0xff00 = 0x4e00)"
        );
        assert_eq!(find_policy(&policies, Direction::Out, &flow(0)).chosen, None);
    }

    #[test]
    fn ports_and_devices_of_a_selector_count() {
        let text = "src 10.0.0.0/24 dst 10.0.1.0/24 proto tcp dport 443 dev eth0 dir out priority 0";
        let policy = &parse_policies(text).items[0];
        let mut tcp = Flow { proto: 6, sport: 40_000, dport: 80, dev: Some("eth0".into()), ..flow(0) };
        assert_eq!(policy.selector.miss(&tcp), Some(SelectorMiss::Ports));
        tcp.dport = 443;
        assert_eq!(policy.selector.miss(&tcp), None);
        tcp.dev = None;
        assert_eq!(policy.selector.miss(&tcp), Some(SelectorMiss::Device("eth0".into())));
        assert_eq!(policy.selector.miss(&flow(0)), Some(SelectorMiss::Proto(6)));
    }

    /// The numbers that Linux 6.18 gave when the policies were added in this order.
    #[test]
    fn indexes_are_those_of_the_kernel() {
        use Direction::{Fwd, In, Out};
        let mut indexes = PolicyIndexes::default();
        let added = [Out, Out, Fwd, In, In, Out].map(|dir| indexes.next(dir, |_| false));
        assert_eq!(added, [1, 9, 18, 24, 32, 41]);

        let mut indexes = PolicyIndexes::default();
        let mut taken = Vec::new();
        for _ in 0..2 {
            let index = indexes.next(In, |index| taken.contains(&index));
            taken.push(index);
        }
        assert_eq!(taken, [8, 16], "0 is no number, and 8 is taken then");
    }
}
