use std::net::IpAddr;

use super::hop::RouteAnswer;
use crate::route::{Route, RouteType, Rule, RuleAction, TableId};

/// What the routing tables are asked (kernel `struct flowi4`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteFlow {
    /// Where to.
    pub dst: IpAddr,
    /// Where from; `0.0.0.0` while the source is not chosen yet.
    pub src: IpAddr,
    /// The packet's mark.
    pub mark: u32,
    /// Its TOS, without the ECN bits.
    pub tos: u8,
    /// The device it came in by; `lo` for a packet of this host.
    pub iif: String,
    /// The device that it must go out by.
    pub oif: Option<String>,
}

/// Why the tables refuse a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Dropped without a word (EINVAL).
    Blackhole,
    /// ICMP "host unreachable" (EHOSTUNREACH); of a rule "network unreachable".
    Unreachable,
    /// ICMP "administratively prohibited" (EACCES).
    Prohibit,
}

/// Asks the rules from the lowest priority up and takes the first answer (net/core/fib_rules.c, net/ipv4/fib_trie.c).
///
/// `rules` and `routes` are in any order; of equal rules the first counts, as in the kernel's list.
pub(super) fn lookup(rules: &[Rule], routes: &[Route], flow: &RouteFlow) -> RouteAnswer {
    let mut order: Vec<&Rule> = rules.iter().collect();
    order.sort_by_key(|rule| rule.priority);
    let mut at = 0;
    while let Some(rule) = order.get(at) {
        at += 1;
        if rule_fits(rule, flow) == rule.not {
            continue;
        }
        match &rule.action {
            RuleAction::Lookup(table) => {
                let Some(route) = best(routes, table, flow) else { continue };
                if rule.suppress_prefixlength.is_some_and(|len| u32::from(route.dst.len) <= len) {
                    continue;
                }
                match route.kind {
                    RouteType::Throw => {}
                    RouteType::Blackhole => return RouteAnswer::Refused(Refusal::Blackhole),
                    RouteType::Unreachable => return RouteAnswer::Refused(Refusal::Unreachable),
                    RouteType::Prohibit => return RouteAnswer::Refused(Refusal::Prohibit),
                    RouteType::Unicast
                    | RouteType::Local
                    | RouteType::Broadcast
                    | RouteType::Anycast
                    | RouteType::Multicast => {
                        let (rule, route) = (Box::new((*rule).clone()), Box::new(route.clone()));
                        return RouteAnswer::Found { rule, route };
                    }
                }
            }
            RuleAction::Goto { priority, .. } => {
                // The kernel jumps forward only.
                at = at.max(order.iter().position(|rule| rule.priority >= *priority).unwrap_or(order.len()));
            }
            RuleAction::Nop => {}
            RuleAction::Blackhole => return RouteAnswer::Refused(Refusal::Blackhole),
            RuleAction::Unreachable => return RouteAnswer::Refused(Refusal::Unreachable),
            RuleAction::Prohibit => return RouteAnswer::Refused(Refusal::Prohibit),
        }
    }
    RouteAnswer::Nothing
}

fn rule_fits(rule: &Rule, flow: &RouteFlow) -> bool {
    let device = |named: &Option<crate::route::Device>, is: Option<&str>| {
        named.as_ref().is_none_or(|device| !device.detached && Some(device.name.as_str()) == is)
    };
    rule.src.is_none_or(|src| src.contains(flow.src))
        && rule.dst.is_none_or(|dst| dst.contains(flow.dst))
        && rule.fwmark.is_none_or(|mark| mark.fits(flow.mark))
        && (rule.tos == 0 || rule.tos == flow.tos)
        && device(&rule.iif, Some(&flow.iif))
        && device(&rule.oif, flow.oif.as_deref())
        && !rule.l3mdev
        && rule.uidrange.is_none_or(|(first, _)| first == 0)
        && rule.ipproto.is_none()
        && rule.sport.is_none()
        && rule.dport.is_none()
        && rule.tun_id.is_none()
}

/// The longest prefix of the table, then the fitting TOS, then the lowest metric.
fn best<'a>(routes: &'a [Route], table: &TableId, flow: &RouteFlow) -> Option<&'a Route> {
    routes
        .iter()
        .filter(|route| route.table == *table && route.dst.contains(flow.dst))
        .filter(|route| route.tos == 0 || route.tos == flow.tos)
        .filter(|route| {
            flow.oif.is_none()
                || route.kind != RouteType::Unicast
                || device_of(route).is_none_or(|dev| flow.oif.as_deref() == Some(dev))
        })
        .max_by_key(|route| (route.dst.len, route.tos, std::cmp::Reverse(route.metric.unwrap_or(0))))
}

/// The device of a route, or of the first of its ways.
pub(super) fn device_of(route: &Route) -> Option<&str> {
    route.dev.as_deref().or_else(|| route.nexthops.first().and_then(|hop| hop.dev.as_deref()))
}

/// The next router of a route, or of the first of its ways.
pub(super) fn gateway_of(route: &Route) -> Option<IpAddr> {
    route.via.or_else(|| route.nexthops.first().and_then(|hop| hop.via))
}
