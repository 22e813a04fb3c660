//! `ip route` both ways (iproute2 6.1 `ip/iproute.c`).

use std::fmt::{self, Write};
use std::net::IpAddr;

use super::json::{self, Object};
use super::{
    Metric, MetricName, MetricValue, NextHop, Preference, Protocol, Route, RouteFlags, RouteType, Scope, TableId,
};

/// Which options `ip route` was called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub struct RouteStyle {
    /// `-d`: type, protocol and scope of every route.
    pub details: bool,
    /// `-o`: nexthops on the line of their route.
    pub oneline: bool,
    /// `table all`, and `ip route get`: each route says its table, unless it is `main`.
    pub tables: bool,
    /// `-N`: numbers for the names of types, tables, protocols and scopes.
    pub numeric: bool,
}

impl RouteStyle {
    /// The options that the text of a listing shows.
    pub fn of(text: &str) -> Self {
        let lines = || text.lines().filter(|line| !line.starts_with([' ', '\t']) && !line.is_empty());
        let has_table = |line: &str| line.split(' ').any(|word| word == "table");
        Self {
            // `unicast` is printed with -d only; a listing without such routes shows it by what is always there then.
            details: lines().any(|line| line.starts_with("unicast "))
                || (lines().next().is_some()
                    && lines().all(|line| line.contains(" proto ") && line.contains(" scope "))),
            oneline: text.contains("\\\t") || text.contains("\\    "),
            tables: text.lines().any(has_table),
            numeric: false,
        }
    }
}

impl fmt::Display for Route {
    /// Prints the route as `ip route show table all` does, without the line end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(line(self, RouteStyle { tables: true, ..RouteStyle::default() }).trim_end())
    }
}

/// Prints routes as `ip route` does; most lines end with a blank, as they do there.
pub fn print_routes<'a>(routes: impl IntoIterator<Item = &'a Route>, style: RouteStyle) -> String {
    routes.into_iter().map(|route| line(route, style) + "\n").collect()
}

/// Prints routes as `ip -j route` does.
pub fn print_routes_json<'a>(routes: impl IntoIterator<Item = &'a Route>, style: RouteStyle) -> String {
    json::array(&routes.into_iter().map(|route| object(route, style)).collect::<Vec<_>>())
}

impl Route {
    /// Whether iproute2 prints the type.
    fn shows_kind(&self, style: RouteStyle) -> bool {
        style.details || self.kind != RouteType::Unicast
    }

    fn shows_table(&self, style: RouteStyle) -> bool {
        style.tables && (style.details || self.table != TableId::MAIN)
    }

    /// `ip route get` prints neither protocol nor scope; for IPv6 the protocol is that of the route.
    fn shows_protocol(&self, style: RouteStyle) -> bool {
        (self.got.is_none() || self.dst.addr.is_ipv6()) && (style.details || self.protocol != Protocol::BOOT)
    }

    fn shows_scope(&self, style: RouteStyle) -> bool {
        self.got.is_none() && (style.details || self.scope != Scope::GLOBAL)
    }

    fn dst_words(&self) -> String {
        match self.dst {
            dst if dst.len == 0 => "default".to_owned(),
            dst if dst.is_host() => dst.addr.to_string(),
            dst => dst.to_string(),
        }
    }
}

/// One route and its nexthops, without the last line end. (Writing to a String cannot fail, hence the `let _`s.)
fn line(route: &Route, style: RouteStyle) -> String {
    let mut line = String::new();
    let mut say = |text: &str| {
        line.push_str(text);
        line.push(' ');
    };
    if route.shows_kind(style) {
        if style.numeric { say(&route.kind.number().to_string()) } else { say(route.kind.word()) }
    }
    say(&route.dst_words());
    if let Some(from) = route.from {
        say("from");
        say(&if from.is_host() { from.addr.to_string() } else { from.to_string() });
    }
    if let Some(nhid) = route.nhid {
        say(&format!("nhid {nhid}"));
    }
    if let Some(encap) = &route.encap {
        say(&format!(" encap {encap}"));
    }
    if route.tos != 0 {
        say(&format!("tos {:#04x}", route.tos));
    }
    if let Some(via) = route.via {
        say(&via_words(via, route.dst.addr));
    }
    if let Some(dev) = &route.dev {
        say(&format!("dev {dev}"));
    }
    if route.shows_table(style) {
        say(&format!("table {}", if style.numeric { route.table.numeric() } else { route.table.clone() }));
    }
    if route.shows_protocol(style) {
        say(&format!("proto {}", if style.numeric { route.protocol.numeric() } else { route.protocol.clone() }));
    }
    if route.shows_scope(style) {
        say(&format!("scope {}", if style.numeric { route.scope.numeric() } else { route.scope.clone() }));
    }
    if let Some(src) = route.src {
        say(&format!("src {src}"));
    }
    if let Some(metric) = route.metric {
        say(&format!("metric {metric}"));
    }
    route.flags.words().for_each(&mut say);
    if let Some(mark) = route.got.as_ref().and_then(|got| got.mark) {
        say(&if mark >= 16 { format!("mark {mark:#x}") } else { format!("mark {mark}") });
    }
    if let Some(realms) = &route.realms {
        say(&realm_words(realms));
    }
    if let Some(uid) = route.got.as_ref().and_then(|got| got.uid) {
        say(&format!("uid {uid}"));
    }
    if let Some(cache) = route.got.as_ref().and_then(|got| got.cache.as_ref()) {
        line.push_str(if style.oneline { "\\    cache " } else { "\n    cache " });
        if !cache.is_empty() {
            let _ = write!(line, "<{}> ", cache.join(","));
        }
    }
    after_cache(&mut line, route);
    if let Some(nh_info) = &route.nh_info {
        // iproute2 does not heed `-o` here.
        let _ = write!(line, "\n\tnh_info {nh_info} ");
    }
    for nexthop in &route.nexthops {
        line.push_str(if style.oneline { "\\\tnexthop " } else { "\n\tnexthop " });
        nexthop_words(&mut line, nexthop, route.dst.addr);
    }
    line
}

fn after_cache(line: &mut String, route: &Route) {
    if let Some(seconds) = route.expires {
        let _ = write!(line, "expires {seconds}sec ");
    }
    if let Some(error) = route.error {
        let _ = write!(line, "error {error} ");
    }
    for (name, count) in route.got.iter().flat_map(|got| got.usage.shown()) {
        let unit = if name == "age" { "sec" } else { "" };
        let _ = write!(line, "{name} {count}{unit} ");
    }
    for metric in &route.metrics.0 {
        let lock = if metric.lock { "lock " } else { "" };
        let _ = write!(line, "{} {lock}{} ", metric.name.word(), metric.value);
    }
    if let Some(iif) = route.got.as_ref().and_then(|got| got.iif.as_ref()) {
        let _ = write!(line, "iif {iif} ");
    }
    if let Some(pref) = route.pref {
        // No blank follows: iproute2 prints "pref %s".
        let _ = write!(line, "pref {}", pref.word());
    }
}

fn nexthop_words(line: &mut String, nexthop: &NextHop, family: IpAddr) {
    let mut say = |text: &str| {
        line.push_str(text);
        line.push(' ');
    };
    if let Some(encap) = &nexthop.encap {
        say(&format!(" encap {encap}"));
    }
    if let Some(via) = nexthop.via {
        say(&via_words(via, family));
    }
    if let Some(realms) = &nexthop.realms {
        say(&realm_words(realms));
    }
    if let Some(dev) = &nexthop.dev {
        say(&format!("dev {dev}"));
    }
    if let Some(weight) = nexthop.weight {
        say(&format!("weight {weight}"));
    }
    nexthop.flags.words().for_each(say);
}

/// A router of the other family is announced as such: `via inet6 fe80::1`.
fn via_words(via: IpAddr, family: IpAddr) -> String {
    match via {
        IpAddr::V6(_) if family.is_ipv4() => format!("via inet6 {via}"),
        IpAddr::V4(_) if family.is_ipv6() => format!("via inet {via}"),
        _ => format!("via {via}"),
    }
}

fn realm_words(realms: &str) -> String {
    format!("realm{} {realms}", if realms.contains('/') { "s" } else { "" })
}

fn object(route: &Route, style: RouteStyle) -> Object {
    let mut object = Object::default();
    if route.shows_kind(style) {
        object.put("type", route.kind.word());
    }
    object.put("dst", route.dst_words());
    object
        .put_some("from", route.from.map(|from| if from.is_host() { from.addr.to_string() } else { from.to_string() }));
    object.put_some("nhid", route.nhid);
    put_encap(&mut object, route.encap.as_deref());
    if route.tos != 0 {
        object.put("tos", format!("{:#04x}", route.tos));
    }
    put_via(&mut object, route.via, route.dst.addr);
    object.put_some("dev", route.dev.clone());
    if route.shows_table(style) {
        object.put("table", route.table.to_string());
    }
    if route.shows_protocol(style) {
        object.put("protocol", route.protocol.to_string());
    }
    if route.shows_scope(style) {
        object.put("scope", route.scope.to_string());
    }
    object.put_some("prefsrc", route.src.map(|src| src.to_string()));
    object.put_some("metric", route.metric);
    put_flags(&mut object, route.flags);
    object.put_some("mark", route.got.as_ref().and_then(|got| got.mark));
    put_realms(&mut object, route.realms.as_deref());
    object.put_some("uid", route.got.as_ref().and_then(|got| got.uid));
    object.put_some("cache", route.got.as_ref().and_then(|got| got.cache.clone()));
    object.put_some("expires", route.expires);
    object.put_some("error", route.error);
    for (name, count) in route.got.iter().flat_map(|got| got.usage.shown()) {
        object.put(name, count);
    }
    if !route.metrics.0.is_empty() {
        let mut metrics = Object::default();
        route.metrics.0.iter().for_each(|metric| put_metric(&mut metrics, metric));
        object.put_objects("metrics", vec![metrics]);
    }
    object.put_some("iif", route.got.as_ref().and_then(|got| got.iif.clone()));
    object.put_some("pref", route.pref.map(Preference::word));
    if !route.nexthops.is_empty() {
        let nexthops = route.nexthops.iter().map(|nexthop| {
            let mut object = Object::default();
            put_encap(&mut object, nexthop.encap.as_deref());
            put_via(&mut object, nexthop.via, route.dst.addr);
            put_realms(&mut object, nexthop.realms.as_deref());
            object.put_some("dev", nexthop.dev.clone());
            object.put_some("weight", nexthop.weight);
            put_flags(&mut object, nexthop.flags);
            object
        });
        object.put_objects("nexthops", nexthops.collect());
    }
    object
}

/// `ip id 3 dst 1.2.3.4` becomes members of the route itself.
fn put_encap(object: &mut Object, encap: Option<&str>) {
    let mut words = encap.into_iter().flat_map(str::split_whitespace);
    object.put_some("encap", words.next());
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        match value.parse::<u64>() {
            Ok(number) => object.put(name, number),
            Err(_) => object.put(name, value),
        }
    }
}

fn put_via(object: &mut Object, via: Option<IpAddr>, family: IpAddr) {
    match via {
        Some(via) if via.is_ipv4() != family.is_ipv4() => {
            let mut other = Object::default();
            other.put("family", if via.is_ipv4() { "inet" } else { "inet6" });
            other.put("host", via.to_string());
            object.put_object("via", other);
        }
        Some(via) => object.put("gateway", via.to_string()),
        None => {}
    }
}

fn put_flags(object: &mut Object, flags: RouteFlags) {
    object.put("flags", flags.words().collect::<Vec<_>>());
}

fn put_realms(object: &mut Object, realms: Option<&str>) {
    let Some(realms) = realms else { return };
    let mut flow = Object::default();
    let (from, to) = realms.split_once('/').map_or((None, realms), |(from, to)| (Some(from), to));
    flow.put_some("from", from);
    flow.put("to", to);
    object.put_object("flow", flow);
}

fn put_metric(object: &mut Object, metric: &Metric) {
    let name = if metric.name == MetricName::CongCtl { "congestion" } else { metric.name.word() };
    match &metric.value {
        MetricValue::Number(number) | MetricValue::Milliseconds(number) => object.put(name, *number),
        // Features are members without a value.
        MetricValue::Word(word) if metric.name == MetricName::Features => object.put_flag(word, true),
        MetricValue::Word(word) => object.put(name, word.clone()),
    }
}

impl Preference {
    /// iproute2's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The preference of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High].into_iter().find(|pref| pref.word() == word)
    }
}

/// A type of service: `0x10`, or one of the old names.
pub(super) fn tos(word: &str) -> Option<u8> {
    match word {
        "lowdelay" => Some(0x10),
        "throughput" => Some(0x08),
        "reliability" => Some(0x04),
        _ => u8::try_from(number(word)?).ok(),
    }
}

/// A number as C reads it.
pub(super) fn number(word: &str) -> Option<u32> {
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}
