use std::net::IpAddr;

use super::hop::RouteAnswer;
use crate::route::{self, Answer, Query, Route, RouteType, Rule, RuleAction, TableId};

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

impl RouteFlow {
    /// A packet of this host without a mark, whose source is still to be chosen.
    pub fn to(dst: std::net::Ipv4Addr) -> Self {
        let src = std::net::Ipv4Addr::UNSPECIFIED.into();
        Self { dst: dst.into(), src, mark: 0, tos: 0, iif: "lo".to_owned(), oif: None }
    }
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

/// Asks the rules from the lowest priority up and takes the first answer ([`route::lookup`]).
pub(super) fn lookup(rules: &[Rule], routes: &[Route], flow: &RouteFlow) -> RouteAnswer {
    let six = rules6();
    let rules = if flow.dst.is_ipv6() { &six } else { rules };
    let query = Query {
        src: (!flow.src.is_unspecified()).then_some(flow.src),
        mark: flow.mark,
        iif: (flow.iif != "lo").then(|| flow.iif.clone()),
        oif: flow.oif.clone(),
        tos: flow.tos,
        ..Query::to(flow.dst)
    };
    match route::lookup(rules, routes, &query).answer {
        Answer::Route { rule, route, .. } => {
            let (Some(rule), Some(route)) = (rules.get(rule), routes.get(route)) else { return RouteAnswer::Nothing };
            match route.kind {
                RouteType::Blackhole => RouteAnswer::Refused(Refusal::Blackhole),
                RouteType::Unreachable => RouteAnswer::Refused(Refusal::Unreachable),
                RouteType::Prohibit => RouteAnswer::Refused(Refusal::Prohibit),
                _ => RouteAnswer::Found { rule: Box::new(rule.clone()), route: Box::new(route.clone()) },
            }
        }
        Answer::Dropped { rule } => match rules.get(rule).map(|rule| &rule.action) {
            Some(RuleAction::Unreachable) => RouteAnswer::Refused(Refusal::Unreachable),
            Some(RuleAction::Prohibit) => RouteAnswer::Refused(Refusal::Prohibit),
            _ => RouteAnswer::Refused(Refusal::Blackhole),
        },
        Answer::Unreachable => RouteAnswer::Nothing,
    }
}

/// The rules of IPv6, which has a list of its own.
pub fn rules6() -> [Rule; 2] {
    [(0, TableId::LOCAL), (32766, TableId::MAIN)]
        .map(|(priority, table)| Rule::all(priority, RuleAction::Lookup(table)))
}

/// The device of a route, or of the first of its ways.
pub fn device_of(route: &Route) -> Option<&str> {
    route.dev.as_deref().or_else(|| route.nexthops.first().and_then(|hop| hop.dev.as_deref()))
}

/// The next router of a route, or of the first of its ways.
pub fn gateway_of(route: &Route) -> Option<IpAddr> {
    route.via.or_else(|| route.nexthops.first().and_then(|hop| hop.via))
}
