//! What to say about the fields of `ip rule` and `ip route`.

use super::note::Note;
use super::xfrm::magic;
use crate::listing::Place;
use crate::route::{Field, Protocol, Route, RouteType, Rule, RuleAction, Scope, TableId};

/// Cilium's table for IPsec.
pub(super) const IPSEC_TABLE: TableId = TableId::Number(200);
/// Cilium's table for its proxy.
pub(super) const PROXY_TABLE: TableId = TableId::Number(2004);
/// The usual MTU of a device, in octets.
const ETHERNET_MTU: u32 = 1500;
/// Cilium's own protocol number for its IPsec routes.
const IPSEC_PROTOCOL: Protocol = Protocol::Number(50);

/// The note for a field of a rule.
pub(super) fn of_rule(place: &Place<Field>, rule: &Rule, text: &str) -> Note {
    let note = Note::of(place.field.id(), place.span);
    match place.field {
        Field::RulePriority => match (rule.priority, &rule.action) {
            (0, _) => note.variant("zero"),
            (100, RuleAction::Lookup(TableId::LOCAL)) => note.variant("local"),
            (_, RuleAction::Lookup(table)) if *table == IPSEC_TABLE || *table == PROXY_TABLE => note.variant("first"),
            (priority, _) => note.with("priority", priority),
        },
        Field::RuleFrom => match rule.src {
            None => note.variant("all"),
            Some(src) => note.with("prefix", src),
        },
        Field::RuleTo => note.with("prefix", rule.dst.map(|dst| dst.to_string()).unwrap_or_default()),
        Field::RuleFwmark => match rule.fwmark.map(|mark| (mark.value & mark.mask & magic::MASK, mark)) {
            Some((magic::DECRYPT, _)) => note.variant("decrypt"),
            Some((magic::ENCRYPT, _)) => note.variant("encrypt"),
            Some((magic::TO_PROXY, _)) => note.variant("proxy"),
            Some((magic::FROM_PROXY, _)) => note.variant("from-proxy"),
            Some((_, mark)) => note.with("mark", mark),
            None => note,
        },
        Field::RuleLookup => match &rule.action {
            RuleAction::Lookup(table) if *table == IPSEC_TABLE => note.variant("ipsec"),
            RuleAction::Lookup(table) if *table == PROXY_TABLE => note.variant("proxy"),
            RuleAction::Lookup(TableId::LOCAL) => note.variant("local"),
            RuleAction::Lookup(TableId::MAIN) => note.variant("main"),
            RuleAction::Lookup(TableId::DEFAULT) => note.variant("default"),
            RuleAction::Lookup(table) => note.with("table", table),
            _ => note,
        },
        _ => note.with("text", text),
    }
}

/// The note for a field of a route.
pub(super) fn of_route(place: &Place<Field>, route: &Route, text: &str) -> Note {
    let note = Note::of(place.field.id(), place.span);
    let value = text.split_whitespace().last().unwrap_or_default();
    let ipsec = route.table == IPSEC_TABLE;
    match place.field {
        Field::RouteType => match route.kind {
            RouteType::Local if ipsec => note.variant("decrypt"),
            RouteType::Local => note.variant("local"),
            RouteType::Broadcast => note.variant("broadcast"),
            RouteType::Throw => note.variant("throw"),
            kind if kind.drops() => note.variant("drop").with("kind", kind),
            kind => note.with("kind", kind),
        },
        Field::RouteDst => destination(note, route, ipsec),
        Field::RouteVia if route.dev.as_deref() == Some("cilium_host") => note.variant("self").with("addr", value),
        Field::RouteVia if is_between_nodes(route) => note.variant("node").with("addr", value),
        Field::RouteVia | Field::RouteSrc => note.with("addr", value),
        Field::RouteDev => match value {
            "cilium_host" => note.variant("cilium-host"),
            "eth0" => note.variant("eth0"),
            "lo" => note.variant("lo"),
            dev if dev.starts_with("lxc") => note.variant("lxc"),
            dev => note.with("dev", dev),
        },
        Field::RouteProto => match &route.protocol {
            protocol if *protocol == IPSEC_PROTOCOL => note.variant("ipsec"),
            protocol if *protocol == Protocol::KERNEL => note.variant("kernel"),
            protocol => note.with("proto", protocol),
        },
        Field::RouteScope => match route.scope {
            Scope::HOST => note.variant("host"),
            Scope::LINK => note.variant("link"),
            _ => note,
        },
        Field::RouteFlag => match value {
            "linkdown" => note.variant("linkdown"),
            "onlink" => note.variant("onlink"),
            _ => note.with("text", text),
        },
        Field::RouteMtu if ipsec && route.metrics.mtu().is_some_and(|mtu| mtu < ETHERNET_MTU) => {
            note.variant("inner").with("mtu", value)
        }
        Field::RouteMtu if ipsec => note.variant("ipsec").with("mtu", value),
        Field::RouteMtu => note.with("mtu", value),
        _ => note.with("text", text),
    }
}

fn destination(note: Note, route: &Route, ipsec: bool) -> Note {
    let by_cilium_host = route.dev.as_deref() == Some("cilium_host");
    let network = !route.dst.is_host();
    match route.kind {
        _ if route.dst.len == 0 => note.variant("default"),
        RouteType::Local if ipsec => note.variant("own").with("prefix", route.dst),
        RouteType::Unicast if ipsec && by_cilium_host => note.variant("pods").with("prefix", route.dst),
        RouteType::Unicast if network && by_cilium_host => note.variant("own").with("prefix", route.dst),
        _ => note.with("prefix", route.dst),
    }
}

/// Whether the route leads to the pods of another node: a private network by way of a router on eth0.
fn is_between_nodes(route: &Route) -> bool {
    let private = match route.dst.addr {
        std::net::IpAddr::V4(addr) => addr.is_private(),
        std::net::IpAddr::V6(addr) => addr.is_unique_local(),
    };
    private
        && route.dst.len > 0
        && !route.dst.is_host()
        && route.dev.as_deref() == Some("eth0")
        && route.table == TableId::MAIN
}

/// The table of a block of routes that does not say it: known from the command above, or from routes that only Cilium's
/// own tables have.
pub(super) fn guess_table(text: &str) -> TableId {
    let routes = crate::route::parse_routes(text, &TableId::MAIN).items;
    let ipsec = |route: &Route| route.kind == RouteType::Local && route.protocol == IPSEC_PROTOCOL;
    let proxy = |route: &Route| route.kind == RouteType::Local && route.dst.len == 0;
    if routes.iter().any(ipsec) && routes.iter().all(|route| route.table == TableId::MAIN) {
        IPSEC_TABLE
    } else if routes.iter().any(proxy) {
        PROXY_TABLE
    } else {
        TableId::MAIN
    }
}
