//! `ip route` (ip/iproute.c), and what the kernel makes of its words (net/ipv4/fib_semantics.c).

use std::net::{IpAddr, Ipv4Addr};

use super::words::{self, Failed, Family, Words, number};
use super::{Run, help};
use crate::command::keyword;
use crate::datapath::{Refusal, RouteAnswer, RouteFlow, network};
use crate::route::{
    CacheUsage, Got, Metric, MetricName, MetricValue, Metrics, Protocol, Route, RouteFlags, RouteStyle, RouteType,
    Scope, TableId, print_routes, print_routes_json,
};
use crate::xfrm::Prefix;

/// What `show` and `flush` choose by; a chosen value is not printed with each route.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    table: Option<TableId>,
    all: bool,
    /// What packets have taught, not the tables (`ip route show cache`).
    cached: bool,
    dev: Option<String>,
    protocol: Option<Protocol>,
    scope: Option<Scope>,
    kind: Option<RouteType>,
    via: Option<IpAddr>,
    src: Option<Prefix>,
    tos: Option<u8>,
    metric: Option<u32>,
    root: Option<Prefix>,
    matching: Option<Prefix>,
    exact: Option<Prefix>,
}

impl Run<'_> {
    pub(super) fn routes(&mut self, mut words: Words<'_>) -> Result<String, Failed> {
        let Some(word) = words.next() else { return self.list_routes(words) };
        let unknown = || Failed::unknown_command(word, "route");
        match keyword::verbs("route").and_then(|verbs| keyword::find(verbs, word)).ok_or_else(unknown)? {
            "show" => self.list_routes(words),
            "get" => self.get_route(words),
            "flush" if words.is_empty() => Err(Failed::new(1, "\"ip route flush\" requires arguments.")),
            "flush" => self.flush_routes(words),
            verb @ ("add" | "replace" | "append" | "prepend" | "change" | "delete") => self.edit_route(verb, words),
            "help" => Err(Failed { err: help::ROUTE.to_owned(), status: 255 }),
            other => Err(Failed::elsewhere(&format!("ip route {other}"))),
        }
    }

    fn list_routes(&self, words: Words<'_>) -> Result<String, Failed> {
        let filter = self.filter(words)?;
        if filter.cached {
            return self.list_path_mtus(&filter);
        }
        if self.options.family == Family::Other {
            return Ok(String::new());
        }
        let chosen: Vec<Route> =
            self.chosen_routes(&filter, "Dump")?.into_iter().map(|route| filter.bare(route)).collect();
        let style = self.route_style(filter.all);
        Ok(if self.options.json { print_routes_json(&chosen, style) } else { print_routes(&chosen, style) })
    }

    pub(super) fn route_style(&self, tables: bool) -> RouteStyle {
        let options = &self.options;
        RouteStyle { details: options.details, oneline: options.oneline, tables, numeric: options.numeric }
    }

    fn chosen_routes(&self, filter: &Filter, what: &str) -> Result<Vec<Route>, Failed> {
        let stack = self.stack()?;
        let family = match self.options.family {
            Family::Any if !filter.all => Family::Inet,
            family => family,
        };
        let table = filter.table.clone().unwrap_or(TableId::MAIN);
        if !filter.all && !stack.has_table(&table) {
            let name = if family == Family::Inet6 { "ipv6" } else { "ipv4" };
            return Err(Failed::new(2, format!("Error: {name}: FIB table does not exist.\n{what} terminated")));
        }
        let of_table = |route: &Route| filter.all || route.table == table;
        let routes = stack.routes.iter().filter(|route| of_table(route) && family.takes(route.dst.addr));
        Ok(routes.filter(|route| filter.takes(route)).cloned().collect())
    }

    fn flush_routes(&mut self, words: Words<'_>) -> Result<String, Failed> {
        let filter = self.filter(words)?;
        if filter.cached {
            self.stack_mut()?.path_mtus.clear();
            return Ok(String::new());
        }
        let gone = self.chosen_routes(&filter, "Flush")?;
        self.stack_mut()?.routes.retain(|route| !gone.contains(route));
        Ok(String::new())
    }

    fn filter(&self, mut words: Words<'_>) -> Result<Filter, Failed> {
        let table = keyword::arguments("route", "show").unwrap_or_default();
        let family = self.options.family;
        let mut filter = Filter::default();
        while let Some(word) = words.next() {
            match keyword::find(table, word) {
                Some("table") => match words.value()? {
                    "all" | "0" => filter.all = true,
                    "cache" => filter.cached = true,
                    word => filter.table = Some(read_table(word)?),
                },
                Some("cached") => filter.cached = true,
                Some("dev") => {
                    let name = words.value()?;
                    self.device(name)?;
                    filter.dev = Some(name.to_owned());
                }
                Some("protocol") => filter.protocol = Some(Protocol::of_word(words.value()?)),
                Some("scope") => {
                    let word = words.value()?;
                    filter.scope = (word != "all").then(|| Scope::of_word(word));
                }
                Some("type") => {
                    let word = words.value()?;
                    let kind =
                        RouteType::of_word(word).ok_or_else(|| Failed::wrong(word, "node type value is invalid\n"));
                    filter.kind = Some(kind?);
                }
                Some("via") => filter.via = Some(words::prefix(words.value()?, family)?.addr),
                Some("src") => filter.src = Some(words::prefix(words.value()?, family)?),
                Some("tos") => filter.tos = number(words.value()?).and_then(|tos| u8::try_from(tos).ok()),
                Some("metric") => {
                    let word = words.value()?;
                    filter.metric = Some(number(word).ok_or_else(|| Failed::wrong(word, "metric value is invalid\n"))?);
                }
                Some("to") => match words.value()? {
                    "match" => filter.matching = Some(words::prefix(words.value()?, family)?),
                    "root" => filter.root = Some(words::prefix(words.value()?, family)?),
                    "exact" => filter.exact = Some(words::prefix(words.value()?, family)?),
                    word => filter.exact = Some(words::prefix(word, family)?),
                },
                Some("root") => filter.root = Some(words::prefix(words.value()?, family)?),
                Some("match") => filter.matching = Some(words::prefix(words.value()?, family)?),
                Some("exact") => filter.exact = Some(words::prefix(words.value()?, family)?),
                Some(other) => return Err(Failed::elsewhere(&format!("ip route show … {other}"))),
                None => filter.exact = Some(words::prefix(word, family)?),
            }
        }
        Ok(filter)
    }

    fn get_route(&mut self, mut words: Words<'_>) -> Result<String, Failed> {
        let table = keyword::arguments("route", "get").unwrap_or_default();
        let family = self.options.family;
        let mut warning = String::new();
        let (mut dst, mut src, mut iif, mut oif) = (None, None, None, None);
        let (mut mark, mut tos, mut fib_match) = (None, 0, false);
        while let Some(word) = words.next() {
            match keyword::find(table, word) {
                Some("from") => {
                    src = Some(
                        words::prefix(words.value()?, if family == Family::Any { Family::Inet } else { family })?.addr,
                    );
                }
                Some("iif") => iif = Some(words.value()?.to_owned()),
                Some("dev") => oif = Some(words.value()?.to_owned()),
                Some("mark") => {
                    let word = words.value()?;
                    mark = Some(number(word).ok_or_else(|| Failed::wrong(word, "invalid mark value"))?);
                }
                Some("tos") => {
                    let word = words.value()?;
                    let bits = u8::from_str_radix(word.strip_prefix("0x").unwrap_or(word), 16);
                    tos = bits.map_err(|_| Failed::wrong(word, "TOS value is invalid\n"))?;
                }
                Some("fibmatch") => fib_match = true,
                Some("uid") => {
                    words.value()?;
                }
                Some("notify" | "connected") => {}
                Some("to") | None => {
                    let word = if word == "to" { words.value()? } else { word };
                    // After the first address the family is known.
                    let family = match (family, dst) {
                        (Family::Any, Some(IpAddr::V4(_))) => Family::Inet,
                        (family, _) => family,
                    };
                    let prefix = words::prefix(word, family)?;
                    if !prefix.is_host() {
                        let len = prefix.len;
                        warning = format!("Warning: /{len} as prefix is invalid, only /32 (or none) is supported.\n");
                    }
                    dst = Some(prefix.addr);
                }
                Some(other) => return Err(Failed::elsewhere(&format!("ip route get … {other}"))),
            }
        }
        let Some(dst) = dst else { return Err(Failed::new(1, "need at least a destination address")) };
        for device in [&iif, &oif].into_iter().flatten() {
            self.device(device)?;
        }
        let dst = match dst {
            IpAddr::V4(dst) => dst,
            IpAddr::V6(dst) => return self.got6(dst, src, mark, iif, oif),
        };
        let source = match src {
            Some(IpAddr::V4(src)) => Some(src),
            _ => None,
        };
        self.warnings += &warning;
        let flow = RouteFlow {
            dst: dst.into(),
            src: source.unwrap_or(Ipv4Addr::UNSPECIFIED).into(),
            mark: mark.unwrap_or(0),
            tos,
            iif: iif.clone().unwrap_or_else(|| "lo".to_owned()),
            oif,
        };
        let stack = self.stack()?;
        if let Some(iif) = &iif {
            if source.is_none() || stack.source_is_martian(iif, &flow) {
                return Err(Failed::netlink("Invalid argument"));
            }
        } else if source.is_some_and(|source| !stack.has_address(source.into())) {
            return Err(Failed::netlink("Network is unreachable"));
        }
        let answer = if iif.is_some() { stack.route(&flow) } else { stack.route_output(&flow) };
        let route = match answer {
            RouteAnswer::Found { route, .. } => *route,
            RouteAnswer::Nothing => return Err(Failed::netlink("Network is unreachable")),
            RouteAnswer::Refused(Refusal::Blackhole) => return Err(Failed::netlink("Invalid argument")),
            RouteAnswer::Refused(Refusal::Unreachable) => return Err(Failed::netlink("No route to host")),
            RouteAnswer::Refused(Refusal::Prohibit) => return Err(Failed::netlink("Permission denied")),
        };
        let style = self.route_style(true);
        let (now, own_packet) = (self.cluster.now(), iif.is_none());
        let mut found = if fib_match { route.clone() } else { self.got(dst, source, &flow, mark, iif, &route)? };
        if own_packet && !fib_match {
            let since = self.cluster.stack_mut(self.id).map_or(now, |own| own.cache_route(&route, now));
            if let Some(got) = found.got.as_mut().filter(|_| self.options.stats > 0) {
                // The table holds it, and the answer.
                let age = u32::try_from((now.0.saturating_sub(since.0)) / 1_000_000_000).unwrap_or(u32::MAX);
                got.usage = CacheUsage { users: 2, age, ..CacheUsage::default() };
            }
        }
        Ok(if self.options.json { print_routes_json([&found], style) } else { print_routes([&found], style) })
    }

    /// The route of one packet, as `get` prints it.
    pub(super) fn got(
        &self,
        dst: Ipv4Addr,
        source: Option<Ipv4Addr>,
        flow: &RouteFlow,
        mark: Option<u32>,
        iif: Option<String>,
        route: &Route,
    ) -> Result<Route, Failed> {
        let stack = self.stack()?;
        let local = route.kind == RouteType::Local;
        let device = if local { Some("lo".to_owned()) } else { crate::datapath::device_of(route).map(str::to_owned) };
        let via = crate::datapath::gateway_of(route).filter(|via| !stack.has_address(*via));
        // Only with rules of its own does a stack keep `local` apart from `main` (`fib_unmerge`).
        let unmerged = stack.rules.len() != 3 || stack.rules.first().is_none_or(|rule| rule.priority != 0);
        let table = if route.table == TableId::LOCAL && (!unmerged || dst.is_unspecified()) {
            TableId::MAIN
        } else {
            route.table.clone()
        };
        let own = if local { Some(dst) } else { stack.source_of(route) };
        let chosen = route.src.or(own.map(IpAddr::from));
        let group = dst.is_multicast();
        let flags: &[&str] = match route.kind {
            // Every host belongs to this group. The kernel's RTCF_MULTICAST is iproute2's "rt_offload_failed".
            _ if dst == Ipv4Addr::new(224, 0, 0, 1) => &["local", "mc"],
            _ if group => &["mc"],
            RouteType::Local => &["local"],
            RouteType::Broadcast => &["local", "brd"],
            _ => &[],
        };
        let now = self.cluster.now();
        let learned =
            stack.path_mtus.iter().find(|note| note.destination == dst && note.route == *route && note.until > now);
        let mut found = Route::to(Prefix::host(dst.into()), table);
        if let Some(note) = learned.filter(|_| iif.is_none()) {
            found.expires = Some(((note.until.0 - now.0) / 1_000_000_000).cast_signed());
            found.metrics = Metrics::mtu_of(note.mtu);
        } else {
            found.metrics = route.metrics.clone();
        }
        Ok(Route {
            kind: if group { RouteType::Multicast } else { route.kind },
            flags: if group { RouteFlags(0x2000_0000) } else { RouteFlags::default() },
            from: source.map(|source| Prefix::host(source.into())),
            via: via.filter(|_| !group),
            dev: device,
            protocol: Protocol::UNSPEC,
            src: chosen.filter(|_| source.is_none() && iif.is_none()),
            got: Some(Got {
                mark: mark.filter(|mark| *mark != 0),
                uid: iif.is_none().then_some(0),
                iif,
                cache: Some(flags.iter().map(|&flag| flag.to_owned()).collect()),
                usage: CacheUsage::default(),
            }),
            tos: flow.tos,
            ..found
        })
    }

    fn edit_route(&mut self, verb: &str, words: Words<'_>) -> Result<String, Failed> {
        let mut said = self.read_route(verb, words)?;
        let network = network(said.route.dst.addr, said.route.dst.len);
        if network.addr.is_ipv6() {
            said.route.dst = network;
        } else if network != said.route.dst {
            return Err(Failed::kernel("Invalid prefix for given prefix length."));
        }
        if verb == "delete" {
            return self.delete_route(&said);
        }
        let route = if said.route.dst.addr.is_ipv6() { self.complete6(said.route)? } else { self.complete(said)? };
        let stack = self.stack_mut()?;
        let rivals = |other: &Route| {
            other.table == route.table
                && other.dst == route.dst
                && other.tos == route.tos
                && other.metric.unwrap_or(0) == route.metric.unwrap_or(0)
        };
        let rival = stack.routes.iter().position(rivals);
        match (verb, rival) {
            ("add", Some(_)) => return Err(Failed::netlink("File exists")),
            ("change", None) => return Err(Failed::netlink("No such file or directory")),
            ("append" | "change" | "prepend", Some(_)) if stack.routes.contains(&route) => {
                return Err(Failed::netlink("File exists"));
            }
            ("replace" | "change", Some(at)) => {
                stack.routes[at] = route;
                return Ok(String::new());
            }
            ("prepend", Some(at)) => {
                stack.routes.insert(at, route);
                return Ok(String::new());
            }
            _ => {}
        }
        stack.add_route(route);
        Ok(String::new())
    }

    fn delete_route(&mut self, said: &Said) -> Result<String, Failed> {
        let stack = self.stack_mut()?;
        let wanted = &said.route;
        let at = stack.routes.iter().position(|route| {
            route.table == wanted.table
                && route.dst == wanted.dst
                && route.tos == wanted.tos
                && (wanted.metric.is_none() || route.metric.unwrap_or(0) == wanted.metric.unwrap_or(0))
                && said.kind.is_none_or(|kind| kind == route.kind)
                && said.scope.as_ref().is_none_or(|scope| *scope == route.scope)
                && said.protocol.as_ref().is_none_or(|protocol| *protocol == route.protocol)
                && (wanted.via.is_none() || wanted.via == route.via)
                && (wanted.dev.is_none() || wanted.dev == route.dev)
                && (wanted.src.is_none() || wanted.src == route.src)
        });
        let at = at.ok_or_else(|| Failed::netlink("No such process"))?;
        stack.routes.remove(at);
        Ok(String::new())
    }

    /// What iproute2 and the kernel add to the words: device, scope, checks.
    fn complete(&self, said: Said) -> Result<Route, Failed> {
        let mut route = said.route;
        let stack = self.stack()?;
        let sends = matches!(
            route.kind,
            RouteType::Unicast | RouteType::Local | RouteType::Broadcast | RouteType::Anycast | RouteType::Multicast
        );
        route.scope = said.scope.unwrap_or_else(|| match route.kind {
            RouteType::Local => Scope::HOST,
            RouteType::Broadcast | RouteType::Multicast | RouteType::Anycast => Scope::LINK,
            RouteType::Unicast if route.via.is_none() => Scope::LINK,
            _ => Scope::GLOBAL,
        });
        if !sends {
            route.dev = None;
            return Ok(route);
        }
        if let Some(IpAddr::V4(via)) = route.via
            && !route.flags.has(RouteFlags::ONLINK)
        {
            let flow = RouteFlow {
                dst: via.into(),
                src: Ipv4Addr::UNSPECIFIED.into(),
                mark: 0,
                tos: 0,
                iif: "lo".to_owned(),
                oif: route.dev.clone().filter(|_| !stack.has_address(via.into())),
            };
            let invalid = || Failed::kernel("Nexthop has invalid gateway.");
            let RouteAnswer::Found { route: way, .. } = stack.route(&flow) else { return Err(invalid()) };
            let near = way.scope == Scope::LINK || way.kind == RouteType::Local;
            if !near || way.kind == RouteType::Local && route.dev.is_none() {
                return Err(invalid());
            }
            let dev = route.dev.clone().or_else(|| way.dev.clone());
            route.dev = dev;
        }
        let Some(name) = &route.dev else { return Err(Failed::netlink("No such device")) };
        if stack.device(name).is_some_and(|device| !device.up) {
            return Err(Failed::kernel("Device for nexthop is not up."));
        }
        if let Some(src) = route.src
            && !stack.has_address(src)
        {
            return Err(Failed::kernel("Invalid prefsrc address."));
        }
        Ok(route)
    }

    fn read_route(&self, verb: &str, mut words: Words<'_>) -> Result<Said, Failed> {
        let table = keyword::arguments("route", "add").unwrap_or_default();
        let family = self.options.family;
        let mut said =
            Said { route: Route::to(Prefix::ANY_V4, TableId::MAIN), kind: None, scope: None, protocol: None };
        let mut dst = None;
        let mut metrics: Vec<Metric> = Vec::new();
        while let Some(word) = words.next() {
            match keyword::find(table, word) {
                Some("src") => said.route.src = Some(words::address(words.value()?, family)?),
                Some("via") => {
                    let word = words.value()?;
                    let word = if word == "inet" { words.value()? } else { word };
                    said.route.via = Some(words::address(word, family)?);
                }
                Some("dev") => {
                    let name = words.value()?;
                    self.device(name)?;
                    said.route.dev = Some(name.to_owned());
                }
                Some("table") => said.route.table = read_table(words.value()?)?,
                Some("protocol") => {
                    let protocol = Protocol::of_word(words.value()?);
                    said.protocol = Some(protocol);
                }
                Some("scope") => said.scope = Some(Scope::of_word(words.value()?)),
                Some("tos") => {
                    let word = words.value()?;
                    let bits = u8::from_str_radix(word.strip_prefix("0x").unwrap_or(word), 16);
                    said.route.tos = bits.map_err(|_| Failed::wrong(word, "TOS value is invalid\n"))?;
                }
                Some("metric") => {
                    let word = words.value()?;
                    let metric = number(word).ok_or_else(|| Failed::wrong(word, "\"metric\" value is invalid\n"))?;
                    said.route.metric = Some(metric).filter(|metric| *metric != 0);
                }
                Some(name @ ("mtu" | "hoplimit" | "advmss" | "window")) => {
                    let mut word = words.value()?;
                    let lock = word == "lock";
                    if lock {
                        word = words.value()?;
                    }
                    let value =
                        number(word).ok_or_else(|| Failed::wrong(word, &format!("\"{name}\" value is invalid\n")))?;
                    if let Some(name) = MetricName::of_word(name) {
                        metrics.push(Metric { name, lock, value: MetricValue::Number(value) });
                    }
                }
                Some("onlink") => said.route.flags = RouteFlags(said.route.flags.0 | RouteFlags::ONLINK.0),
                Some("to") => {
                    dst = Some(self.destination(&mut words, &mut said, None)?);
                }
                Some(other) => return Err(Failed::elsewhere(&format!("ip route {verb} … {other}"))),
                None if dst.is_some() => return Err(Failed::garbage("to", word)),
                None => dst = Some(self.destination(&mut words, &mut said, Some(word))?),
            }
        }
        metrics.sort_by_key(|metric| MetricName::ALL.iter().position(|name| *name == metric.name));
        said.route.metrics = Metrics(metrics);
        said.route.dst = dst.unwrap_or(Prefix::ANY_V4);
        said.route.kind = said.kind.unwrap_or_default();
        said.route.protocol = said.protocol.clone().unwrap_or(Protocol::BOOT);
        // Without a table of their own, routes to this host go to its table.
        if said.route.kind == RouteType::Local && said.route.table == TableId::MAIN {
            said.route.table = TableId::LOCAL;
        }
        Ok(said)
    }

    /// `[ TYPE ] PREFIX`.
    fn destination(&self, words: &mut Words<'_>, said: &mut Said, first: Option<&str>) -> Result<Prefix, Failed> {
        let mut word = match first {
            Some(word) => word,
            None => words.value()?,
        };
        if let Some(kind) = RouteType::of_word(word) {
            said.kind = Some(kind);
            word = words.value()?;
        }
        words::prefix(word, self.options.family)
    }
}

/// A route as it was said, and which parts were.
struct Said {
    route: Route,
    kind: Option<RouteType>,
    scope: Option<Scope>,
    protocol: Option<Protocol>,
}

impl Filter {
    pub(super) fn takes(&self, route: &Route) -> bool {
        let inside = |outer: Prefix, inner: Prefix| outer.len <= inner.len && outer.contains(inner.addr);
        self.dev.as_ref().is_none_or(|dev| route.dev.as_ref() == Some(dev))
            && self.protocol.as_ref().is_none_or(|protocol| *protocol == route.protocol)
            && self.scope.as_ref().is_none_or(|scope| *scope == route.scope)
            && self.kind.is_none_or(|kind| kind == route.kind)
            && self.via.is_none_or(|via| route.via == Some(via))
            && self.src.is_none_or(|src| route.src.is_some_and(|own| src.contains(own)))
            && self.tos.is_none_or(|tos| tos == route.tos)
            && self.metric.is_none_or(|metric| metric == route.metric.unwrap_or(0))
            && self.root.is_none_or(|root| inside(root, route.dst))
            && self.matching.is_none_or(|matching| inside(route.dst, matching))
            && self.exact.is_none_or(|exact| exact == route.dst)
    }

    /// The route without what the filter has said already.
    fn bare(&self, mut route: Route) -> Route {
        if self.dev.is_some() {
            route.dev = None;
        }
        if self.protocol.is_some() {
            route.protocol = Protocol::BOOT;
        }
        if self.scope.is_some() {
            route.scope = Scope::GLOBAL;
        }
        if self.via.is_some() {
            route.via = None;
        }
        if self.src.is_some() {
            route.src = None;
        }
        route
    }
}

/// A table by name or number.
pub(super) fn read_table(word: &str) -> Result<TableId, Failed> {
    let table = TableId::of_word(word);
    if !matches!(table, TableId::Named(_)) {
        return Ok(table);
    }
    number(word).map(TableId::Number).ok_or_else(|| Failed::wrong(word, "table id value is invalid\n"))
}
