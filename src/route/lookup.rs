//! The route lookup: the rules from the lowest priority up, and in the table of each rule the longest prefix
//! (Linux 6.1 `net/core/fib_rules.c`, `net/ipv4/fib_rules.c`, `fib_trie.c`, `net/ipv6/ip6_fib.c`), with the reason for
//! every rule that was not taken and every route that did not win.

use std::fmt;
use std::net::IpAddr;

use super::{Route, RouteFlags, RouteType, Rule, RuleAction, Scope, TableId};
use crate::xfrm::{Mark, Prefix};

/// What a route is looked up for (kernel `struct flowi4`, `flowi6`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    /// Where the packet goes.
    pub dst: IpAddr,
    /// Where it comes from; `None` for a packet of this node that has no source yet.
    pub src: Option<IpAddr>,
    /// Its mark.
    pub mark: u32,
    /// The device it came in by; `None` for a packet of this node, for which rules see `lo`.
    pub iif: Option<String>,
    /// The device that its socket is bound to.
    pub oif: Option<String>,
    /// Type of service.
    pub tos: u8,
    /// The IP protocol it carries, by name or number as rules print it.
    pub ipproto: Option<String>,
    /// Source and destination port.
    pub ports: (u16, u16),
    /// The user of its socket.
    pub uid: u32,
}

impl Query {
    /// A packet of this node to `dst`, with nothing else set.
    pub fn to(dst: IpAddr) -> Self {
        Self { dst, src: None, mark: 0, iif: None, oif: None, tos: 0, ipproto: None, ports: (0, 0), uid: 0 }
    }
}

/// How a lookup went: each rule in the order in which it was asked, and the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupTrace {
    /// The rules that were asked; rules after the answer are not here.
    pub steps: Vec<RuleStep>,
    /// What came of it.
    pub answer: Answer,
}

/// What one rule did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleStep {
    /// Index of the rule in the list that was given.
    pub rule: usize,
    /// What it did.
    pub outcome: RuleOutcome,
}

/// What a rule did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleOutcome {
    /// The packet is not what the rule is for.
    Skipped(RuleMiss),
    /// The rule says not to do what it says for such packets (`not`), or does nothing (`nop`, a `goto` to nowhere).
    Nothing,
    /// The lookup went on at this priority.
    WentTo(u32),
    /// The rule drops the packet.
    Dropped,
    /// Its table has no route.
    NoRoute {
        /// The table.
        table: TableId,
        /// Each route of the table, as an index into the list that was given, and why it did not do.
        misses: Vec<(usize, RouteMiss)>,
    },
    /// Its table has a route `throw`, which ends the lookup in this table.
    Thrown {
        /// The table.
        table: TableId,
        /// The route.
        route: usize,
    },
    /// Its table has a route, but the rule does not want such (`suppress_prefixlength`).
    Suppressed {
        /// The table.
        table: TableId,
        /// The route.
        route: usize,
    },
    /// Its table has the route.
    Found {
        /// The table.
        table: TableId,
        /// The route.
        route: usize,
        /// Each other route of the table and why it did not win.
        misses: Vec<(usize, RouteMiss)>,
    },
}

/// The answer of a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// This route, as an index into the list that was given. It may be one that drops: see [`Route::kind`].
    Route {
        /// Index of the rule that led there.
        rule: usize,
        /// Index of the route.
        route: usize,
        /// Index of the nexthop, if the route has several; the kernel picks by a hash of the flow, this lookup the first
        /// that is alive.
        nexthop: Option<usize>,
    },
    /// A rule drops the packet.
    Dropped {
        /// Index of the rule.
        rule: usize,
    },
    /// No rule led to a route: "Network is unreachable".
    Unreachable,
}

/// Why a rule does not apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleMiss {
    /// The mark does not fit.
    Mark {
        /// Of the rule.
        rule: Mark,
        /// Of the packet.
        packet: u32,
    },
    /// The packet comes from elsewhere.
    Source(Prefix),
    /// The packet goes elsewhere.
    Destination(Prefix),
    /// It came in by another device.
    Iif(String),
    /// Its socket is bound to another device, or to none.
    Oif(String),
    /// Another type of service.
    Tos(u8),
    /// It carries another protocol or other ports.
    Upper,
    /// The socket is of another user.
    Uid,
    /// It has no such tunnel key.
    TunId(u64),
    /// It is of no VRF.
    L3mdev,
    /// It fits, and the rule is for what does not (`not`).
    Inverted,
}

/// Why a route does not win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteMiss {
    /// The destination is outside of its prefix.
    Destination,
    /// The source is outside of its `from`.
    Source(Prefix),
    /// It is for another type of service.
    Tos(u8),
    /// Its device is gone, or has no carrier.
    Dead,
    /// It leaves by another device than the one the socket is bound to.
    Device,
    /// It fits, but another prefix is longer.
    Shorter {
        /// Index of the route that won.
        winner: usize,
    },
    /// It fits and is as long, but its metric is higher (or equal and later).
    Metric {
        /// Index of the route that won.
        winner: usize,
    },
}

/// Looks a route up. `rules` and `routes` may be of both families and all tables; only those of `query.dst` count.
///
/// Rules are asked in the order of their priority, those of the same in the order of the list. The routes of a table
/// may stand in any order.
pub fn lookup(rules: &[Rule], routes: &[Route], query: &Query) -> LookupTrace {
    let mut order: Vec<usize> = (0..rules.len()).collect();
    order.sort_by_key(|index| rules.get(*index).map(|rule| rule.priority));
    let mut steps = Vec::new();
    let mut at_least = 0;
    for index in order {
        let Some(rule) = rules.get(index).filter(|rule| rule.priority >= at_least) else { continue };
        let outcome = ask(rule, routes, query);
        let answer = match &outcome {
            RuleOutcome::WentTo(priority) => {
                at_least = *priority;
                None
            }
            RuleOutcome::Dropped => Some(Answer::Dropped { rule: index }),
            RuleOutcome::Found { route, .. } => {
                let nexthop = routes.get(*route).and_then(|route| first_alive(route, query));
                Some(Answer::Route { rule: index, route: *route, nexthop })
            }
            _ => None,
        };
        steps.push(RuleStep { rule: index, outcome });
        if let Some(answer) = answer {
            return LookupTrace { steps, answer };
        }
    }
    LookupTrace { steps, answer: Answer::Unreachable }
}

fn ask(rule: &Rule, routes: &[Route], query: &Query) -> RuleOutcome {
    let miss = rule_miss(rule, query);
    if let Some(reason) = miss.as_ref().filter(|_| !rule.not) {
        return RuleOutcome::Skipped(reason.clone());
    }
    if rule.not && miss.is_none() {
        return RuleOutcome::Skipped(RuleMiss::Inverted);
    }
    match &rule.action {
        RuleAction::Nop | RuleAction::Goto { unresolved: true, .. } => RuleOutcome::Nothing,
        RuleAction::Goto { priority, .. } => RuleOutcome::WentTo(*priority),
        RuleAction::Blackhole | RuleAction::Unreachable | RuleAction::Prohibit => RuleOutcome::Dropped,
        RuleAction::Lookup(table) => look_in(table, rule, routes, query),
    }
}

fn look_in(table: &TableId, rule: &Rule, routes: &[Route], query: &Query) -> RuleOutcome {
    let table = table.clone();
    let TableLookup { route, misses } = lookup_table(&table, routes, query);
    let Some(index) = route else { return RuleOutcome::NoRoute { table, misses } };
    let Some(route) = routes.get(index) else { return RuleOutcome::NoRoute { table, misses } };
    let suppressed = rule.suppress_prefixlength.is_some_and(|len| u32::from(route.dst.len) <= len);
    match route.kind {
        RouteType::Throw => RuleOutcome::Thrown { table, route: index },
        _ if suppressed => RuleOutcome::Suppressed { table, route: index },
        _ => RuleOutcome::Found { table, route: index, misses },
    }
}

fn rule_miss(rule: &Rule, query: &Query) -> Option<RuleMiss> {
    let device = |wanted: &Option<super::Device>, actual: Option<&str>| {
        wanted
            .as_ref()
            .filter(|device| device.detached || Some(device.name.as_str()) != actual)
            .map(|dev| dev.name.clone())
    };
    if let Some(iif) = device(&rule.iif, Some(query.iif.as_deref().unwrap_or("lo"))) {
        return Some(RuleMiss::Iif(iif));
    }
    if let Some(oif) = device(&rule.oif, query.oif.as_deref()) {
        return Some(RuleMiss::Oif(oif));
    }
    if let Some(mark) = rule.fwmark.filter(|mark| (query.mark ^ mark.value) & mark.mask != 0) {
        return Some(RuleMiss::Mark { rule: mark, packet: query.mark });
    }
    if let Some(tun_id) = rule.tun_id {
        return Some(RuleMiss::TunId(tun_id));
    }
    if rule.l3mdev {
        return Some(RuleMiss::L3mdev);
    }
    if rule.uidrange.is_some_and(|(first, last)| !(first..=last).contains(&query.uid)) {
        return Some(RuleMiss::Uid);
    }
    let unset = if query.dst.is_ipv4() { Prefix::ANY_V4.addr } else { Prefix::ANY_V6.addr };
    if let Some(src) = rule.src.filter(|src| !src.contains(query.src.unwrap_or(unset))) {
        return Some(RuleMiss::Source(src));
    }
    if let Some(dst) = rule.dst.filter(|dst| !dst.contains(query.dst)) {
        return Some(RuleMiss::Destination(dst));
    }
    if rule.tos != 0 && rule.tos != query.tos {
        return Some(RuleMiss::Tos(rule.tos));
    }
    let outside = |range: Option<(u16, u16)>, port| range.is_some_and(|(first, last)| !(first..=last).contains(&port));
    let proto = rule.ipproto.is_some() && rule.ipproto != query.ipproto;
    if proto || outside(rule.sport, query.ports.0) || outside(rule.dport, query.ports.1) {
        return Some(RuleMiss::Upper);
    }
    None
}

/// The route of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLookup {
    /// The route that won, as an index into the list that was given.
    pub route: Option<usize>,
    /// Every other route of the table and of the destination's family, and why it did not win.
    pub misses: Vec<(usize, RouteMiss)>,
}

/// Looks a route up in one table: the longest prefix, then the lowest metric, then the order of the list.
pub fn lookup_table(table: &TableId, routes: &[Route], query: &Query) -> TableLookup {
    let mut misses = Vec::new();
    let mut fitting = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        if route.table != *table || route.dst.addr.is_ipv4() != query.dst.is_ipv4() {
            continue;
        }
        match route_miss(route, query) {
            Some(reason) => misses.push((index, reason)),
            None => fitting.push((index, route)),
        }
    }
    // A route for this very type of service goes before one for any.
    let rank =
        |route: &Route| (std::cmp::Reverse(route.dst.len), std::cmp::Reverse(route.tos), route.metric.unwrap_or(0));
    let best = fitting.iter().copied().min_by_key(|(index, route)| (rank(route), *index));
    if let Some((winner, best)) = best {
        for (index, route) in fitting.into_iter().filter(|(index, _)| *index != winner) {
            let shorter = route.dst.len < best.dst.len;
            misses.push((index, if shorter { RouteMiss::Shorter { winner } } else { RouteMiss::Metric { winner } }));
        }
    }
    misses.sort_by_key(|(index, _)| *index);
    TableLookup { route: best.map(|(index, _)| index), misses }
}

fn route_miss(route: &Route, query: &Query) -> Option<RouteMiss> {
    if !route.dst.contains(query.dst) {
        return Some(RouteMiss::Destination);
    }
    if let (Some(from), Some(src)) = (route.from, query.src)
        && !from.contains(src)
    {
        return Some(RouteMiss::Source(from));
    }
    if route.tos != 0 && route.tos != query.tos {
        return Some(RouteMiss::Tos(route.tos));
    }
    if route.kind.drops() {
        // Such a route answers for itself, whatever the device.
        return None;
    }
    if route.flags.has(RouteFlags::DEAD) {
        return Some(RouteMiss::Dead);
    }
    if !route.nexthops.is_empty() {
        return first_alive(route, query).is_none().then_some(RouteMiss::Dead);
    }
    let other_device = query.oif.is_some() && route.dev.is_some() && query.oif != route.dev;
    other_device.then_some(RouteMiss::Device)
}

fn first_alive(route: &Route, query: &Query) -> Option<usize> {
    route
        .nexthops
        .iter()
        .position(|nexthop| !nexthop.flags.has(RouteFlags::DEAD) && (query.oif.is_none() || query.oif == nexthop.dev))
}

impl RouteType {
    /// Whether a packet that takes such a route goes nowhere.
    pub fn drops(self) -> bool {
        matches!(self, Self::Blackhole | Self::Unreachable | Self::Prohibit | Self::Throw)
    }
}

impl Route {
    /// Whether the destination is on the link, so that the packet's own destination is asked for with ARP.
    pub fn is_on_link(&self) -> bool {
        self.via.is_none() && self.nexthops.is_empty() && self.scope != Scope::HOST && !self.kind.drops()
    }
}

impl fmt::Display for RuleMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mark { rule, packet } => {
                write!(f, "wants fwmark {rule}, and {packet:#x} & {:#x} = {:#x}", rule.mask, packet & rule.mask)
            }
            Self::Source(prefix) => write!(f, "is for packets from {prefix}"),
            Self::Destination(prefix) => write!(f, "is for packets to {prefix}"),
            Self::Iif(dev) => write!(f, "is for packets that came in by {dev}"),
            Self::Oif(dev) => write!(f, "is for sockets bound to {dev}"),
            Self::Tos(tos) => write!(f, "is for tos {tos:#04x}"),
            Self::Upper => f.write_str("is for another protocol or other ports"),
            Self::Uid => f.write_str("is for other users"),
            Self::TunId(id) => write!(f, "is for tunnel key {id}"),
            Self::L3mdev => f.write_str("is for packets of a VRF"),
            Self::Inverted => f.write_str("is for what does not match"),
        }
    }
}

impl fmt::Display for RouteMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Destination => f.write_str("is for other destinations"),
            Self::Source(prefix) => write!(f, "is for packets from {prefix}"),
            Self::Tos(tos) => write!(f, "is for tos {tos:#04x}"),
            Self::Dead => f.write_str("has no living device"),
            Self::Device => f.write_str("leaves by another device"),
            Self::Shorter { .. } => f.write_str("fits too, but its prefix is shorter"),
            Self::Metric { .. } => f.write_str("fits too, but its metric is higher"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{parse_routes, parse_rules};
    use super::*;

    /// Node worker of the course.
    const RULES: &str = "\
        1: from all fwmark 0xd00/0xf00 lookup 200\n\
        1: from all fwmark 0xe00/0xf00 lookup 200\n\
        9: from all fwmark 0x200/0xf00 lookup 2004\n\
        100: from all lookup local\n\
        32766: from all lookup main\n\
        32767: from all lookup default\n";
    const ROUTES: &str = "\
        local 10.0.0.0/24 dev eth0 table 200 proto 50 scope host \n\
        10.0.1.0/24 dev cilium_host table 200 mtu 1500 \n\
        10.0.2.0/24 dev cilium_host table 200 mtu 1500 \n\
        local default dev lo table 2004 scope host \n\
        default via 172.18.0.1 dev eth0 \n\
        10.0.0.0/24 via 10.0.0.66 dev cilium_host src 10.0.0.66 \n\
        10.0.0.66 dev cilium_host scope link \n\
        10.0.1.0/24 via 172.18.0.2 dev eth0 \n\
        172.18.0.0/16 dev eth0 proto kernel scope link src 172.18.0.3 \n\
        local 10.0.0.66 dev cilium_host table local proto kernel scope host src 10.0.0.66 \n\
        default via fc00:c111::1 dev eth0 metric 1024 pref medium\n";

    fn trace(rules: &str, query: &Query) -> (LookupTrace, Vec<Route>) {
        let routes = parse_routes(ROUTES, &TableId::MAIN).items;
        assert_eq!(routes.len(), 11);
        (lookup(&parse_rules(rules).items, &routes, query), routes)
    }

    fn query(dst: &str, mark: u32) -> Query {
        Query { mark, ..Query::to(dst.parse().unwrap()) }
    }

    fn route_of(dst: &str, mark: u32) -> String {
        let (trace, routes) = trace(RULES, &query(dst, mark));
        match trace.answer {
            Answer::Route { route, .. } => routes[route].to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_mark_leads_to_table_200() {
        assert_eq!(route_of("10.0.1.165", 0x6445_3e00), "10.0.1.0/24 dev cilium_host table 200 mtu 1500");
        assert_eq!(route_of("10.0.1.165", 0), "10.0.1.0/24 via 172.18.0.2 dev eth0");
        assert_eq!(route_of("10.0.0.66", 0xd00), "local 10.0.0.0/24 dev eth0 table 200 proto 50 scope host");
        assert_eq!(
            route_of("10.0.0.66", 0),
            "local 10.0.0.66 dev cilium_host table local proto kernel scope host src 10.0.0.66"
        );
        assert_eq!(route_of("10.0.7.7", 0x200), "local default dev lo table 2004 scope host");
        assert_eq!(route_of("1.1.1.1", 0xe00), "default via 172.18.0.1 dev eth0");
        assert_eq!(route_of("2001:db8::1", 0), "default via fc00:c111::1 dev eth0 metric 1024 pref medium");
    }

    #[test]
    fn each_rule_and_route_has_its_reason() {
        let (trace, _) = trace(RULES, &query("10.0.1.165", 0x3e00));
        let RuleOutcome::Skipped(reason) = &trace.steps[0].outcome else { panic!("{trace:?}") };
        assert_eq!(reason.to_string(), "wants fwmark 0xd00/0xf00, and 0x3e00 & 0xf00 = 0xe00");
        let RuleOutcome::Found { table, route: 1, misses } = &trace.steps[1].outcome else { panic!("{trace:?}") };
        assert_eq!(*table, TableId::Number(200));
        assert_eq!(*misses, [(0, RouteMiss::Destination), (2, RouteMiss::Destination)]);
        assert_eq!(trace.steps.len(), 2, "later rules are not asked");
    }

    #[test]
    fn a_table_without_a_route_leads_to_the_next_rule() {
        let (trace, _) = trace(RULES, &query("1.1.1.1", 0xe00));
        let outcomes: Vec<_> = trace.steps.iter().map(|step| step.outcome.clone()).collect();
        assert!(matches!(outcomes[1], RuleOutcome::NoRoute { .. }));
        assert!(matches!(outcomes[3], RuleOutcome::NoRoute { .. }), "local knows no such address");
        assert!(matches!(outcomes[4], RuleOutcome::Found { route: 4, .. }));
    }

    #[test]
    fn goto_suppress_not_and_drops_do_what_they_say() {
        let rules = "10: from all goto 30\n20: from all blackhole\n30: from all lookup main suppress_prefixlength 0\n\
                     40: not from all to 1.1.1.1 lookup main\n50: from all iif lo unreachable\n";
        let (trace, _) = trace(rules, &query("1.1.1.1", 0));
        let outcomes: Vec<_> = trace.steps.iter().map(|step| step.outcome.clone()).collect();
        assert_eq!(outcomes[0], RuleOutcome::WentTo(30));
        assert_eq!(outcomes[1], RuleOutcome::Suppressed { table: TableId::MAIN, route: 4 });
        assert_eq!(outcomes[2], RuleOutcome::Skipped(RuleMiss::Inverted));
        assert_eq!(trace.answer, Answer::Dropped { rule: 4 });
    }

    #[test]
    fn nothing_at_all_is_unreachable() {
        let (trace, _) = trace("100: from all lookup local\n", &query("1.1.1.1", 0));
        assert_eq!(trace.answer, Answer::Unreachable);
    }

    #[test]
    fn the_lower_metric_wins_among_equal_prefixes() {
        let routes =
            parse_routes("10.0.0.0/8 dev a metric 5\n10.0.0.0/8 dev b\n10.0.0.0/8 dev c\n", &TableId::MAIN).items;
        let lookup = lookup_table(&TableId::MAIN, &routes, &query("10.1.1.1", 0));
        assert_eq!(lookup.route, Some(1));
        assert_eq!(lookup.misses, [(0, RouteMiss::Metric { winner: 1 }), (2, RouteMiss::Metric { winner: 1 })]);
        let bound = Query { oif: Some("c".into()), ..query("10.1.1.1", 0) };
        assert_eq!(lookup_table(&TableId::MAIN, &routes, &bound).route, Some(2));
    }
}
