//! Reads `ip route` and `ip route get`, in whatever state the text arrives.

use std::net::IpAddr;

use super::route_text::{number, tos};
use super::{
    Field, Got, Metric, MetricName, MetricValue, NextHop, Preference, Protocol, Route, RouteFlags, RouteType, Scope,
    TableId,
};
use crate::listing::{Listing, Place, Reader, Span, is_command, is_noise, quoted};
use crate::xfrm::Prefix;

/// Reads the routes of a text; a route that does not say its table is in `table`.
pub fn parse_routes(text: &str, table: &TableId) -> Listing<Route> {
    read_routes(text, table).0
}

/// Reads the routes of a text, and where each field of them stands.
pub fn read_routes(text: &str, table: &TableId) -> (Listing<Route>, Vec<Place<Field>>) {
    let mut parser = Parser { reader: Reader::new(text), table, routes: Vec::new(), places: Vec::new() };
    parser.run();
    let items = parser.routes.into_iter().map(Draft::finish).collect();
    (Listing { items, unread: parser.reader.into_unread() }, parser.places)
}

/// A route while it is read: what `default` means is known only at its end.
struct Draft {
    route: Route,
    is_default: bool,
    /// Whether it is of IPv6, where a `via` of the other family says it.
    is_v6: Option<bool>,
}

impl Draft {
    fn finish(self) -> Route {
        let Self { mut route, is_default, is_v6: said } = self;
        let is_v6 = |addr: Option<IpAddr>| addr.is_some_and(|addr| addr.is_ipv6());
        let by_nexthop = !route.nexthops.is_empty() && route.nexthops.iter().all(|nexthop| is_v6(nexthop.via));
        let guessed = route.pref.is_some() || is_v6(route.via) || is_v6(route.src) || by_nexthop;
        if is_default && said.unwrap_or(guessed) {
            route.dst = Prefix::ANY_V6;
        }
        route
    }
}

type Read<T> = Result<T, String>;

struct Parser<'a> {
    reader: Reader<'a>,
    table: &'a TableId,
    routes: Vec<Draft>,
    places: Vec<Place<Field>>,
}

impl Parser<'_> {
    fn run(&mut self) {
        while self.reader.peek().is_some() {
            let here = self.reader.here();
            let starts = self.reader.at_line_start();
            match self.attribute(here) {
                Ok(true) => {}
                Ok(false) if starts => self.route(here),
                Ok(false) => self.refuse_rest(here, None),
                Err(reason) => self.refuse_rest(here, Some(reason)),
            }
        }
    }

    /// Names the line and passes the rest of it.
    fn refuse_rest(&mut self, here: Span, reason: Option<String>) {
        let found = self.reader.peek().unwrap_or_default();
        let reason = reason.unwrap_or_else(|| format!("no part of a route begins with {}", quoted(found)));
        self.reader.refuse(here.line, reason);
        self.reader.skip_line(here.line);
    }

    /// `[type] destination` opens a route.
    fn route(&mut self, here: Span) {
        let before = self.reader.mark();
        // `ip -N` prints the type as a number.
        let numbered = |word: &str| RouteType::of_number(word.parse().ok()?);
        let opens = self.reader.peek_at(1).is_some_and(|word| destination(word).is_some());
        let kind = self.reader.peek().and_then(|word| RouteType::of_word(word).or(numbered(word).filter(|_| opens)));
        if kind.is_some() {
            self.reader.skip(1);
        }
        let dst_open = self.reader.here();
        let dst = self.reader.read("a destination such as 10.0.1.0/24 or `default`", destination);
        match dst {
            Ok((dst, is_default)) => {
                let mut route = Route::to(dst, self.table.clone());
                route.kind = kind.unwrap_or_default();
                self.routes.push(Draft { route, is_default, is_v6: None });
                let dst_span = self.reader.last();
                if kind.is_some() {
                    self.note(Field::RouteType, here);
                }
                self.note(Field::RouteDst, dst_open.to(dst_span));
            }
            Err(reason) => {
                self.reader.back(before);
                self.pass_over(here, reason);
            }
        }
    }

    /// Passes what stands in front of a route on its line, or a line without a route.
    fn pass_over(&mut self, here: Span, reason: String) {
        let rest = self.reader.rest_of_line();
        let opens = |word: &str| RouteType::of_word(word).is_some() || destination(word).is_some();
        let noise = rest.iter().take_while(|token| !opens(token.text) && is_noise(token.text)).count();
        if is_command(rest.iter().map(|token| token.text)) {
            let whole = rest.len();
            self.reader.skip(whole);
        } else if noise > 0 && rest.get(noise).is_some_and(|token| opens(token.text)) {
            self.reader.skip(noise);
            let here = self.reader.here();
            self.route(here);
        } else {
            self.refuse_rest(here, Some(reason));
        }
    }

    fn note(&mut self, field: Field, span: Span) {
        if let Some(item) = self.routes.len().checked_sub(1) {
            self.places.push(Place { item, field, span });
        }
    }

    fn current(&mut self) -> Read<&mut Route> {
        self.routes
            .last_mut()
            .map(|draft| &mut draft.route)
            .ok_or_else(|| "no destination stands before this".to_owned())
    }

    fn nexthop(&mut self) -> Option<&mut NextHop> {
        self.routes.last_mut().and_then(|draft| draft.route.nexthops.last_mut())
    }

    /// Takes one attribute of the newest route; false if the next word opens none.
    fn attribute(&mut self, here: Span) -> Read<bool> {
        let Some(word) = self.reader.peek() else { return Ok(false) };
        if self.routes.is_empty() {
            return Ok(false);
        }
        // `local` and `blackhole` open routes, `from` and `src` do not.
        let before = self.reader.mark();
        self.reader.skip(1);
        let field = match self.addressing(word)? {
            Some(field) => Some(field),
            None => match self.remark(word)? {
                Some(field) => Some(field),
                None => self.measure(word)?,
            },
        };
        if let Some(field) = field {
            self.note(field, here.to(self.reader.last()));
        } else {
            self.reader.back(before);
        }
        Ok(field.is_some())
    }

    /// Where the packet goes.
    fn addressing(&mut self, word: &str) -> Read<Option<Field>> {
        let field = match word {
            "from" => {
                let from: Prefix = self.reader.parsed("an address")?;
                self.current()?.from = Some(from);
                Field::RouteFrom
            }
            "via" => {
                // The family is named where it is not that of the route.
                let named = [("inet6", false), ("inet", true)].into_iter().find(|(word, _)| self.reader.take(word));
                if let Some((draft, (_, is_v6))) = self.routes.last_mut().zip(named) {
                    draft.is_v6 = Some(is_v6);
                }
                let via: IpAddr = self.reader.parsed("the address of a router")?;
                match self.nexthop() {
                    Some(nexthop) => nexthop.via = Some(via),
                    None => self.current()?.via = Some(via),
                }
                Field::RouteVia
            }
            "dev" => {
                let dev = Some(self.reader.word("a device")?.to_owned());
                match self.nexthop() {
                    Some(nexthop) => nexthop.dev = dev,
                    None => self.current()?.dev = dev,
                }
                Field::RouteDev
            }
            "src" => {
                let src: IpAddr = self.reader.parsed("an address")?;
                self.current()?.src = Some(src);
                Field::RouteSrc
            }
            "nhid" => {
                let nhid = self.reader.parsed("the number of a nexthop object")?;
                self.current()?.nhid = Some(nhid);
                Field::RouteNhid
            }
            "encap" => {
                let encap = Some(self.words_until(&["via", "dev", "table", "proto", "nexthop"]));
                match self.nexthop() {
                    Some(nexthop) => nexthop.encap = encap,
                    None => self.current()?.encap = encap,
                }
                Field::RouteEncap
            }
            "nexthop" => {
                let empty = NextHop {
                    encap: None,
                    via: None,
                    realms: None,
                    dev: None,
                    weight: None,
                    flags: RouteFlags::default(),
                };
                self.current()?.nexthops.push(empty);
                Field::RouteNextHop
            }
            "weight" => {
                let weight = self.reader.parsed("a weight")?;
                let nexthop = self.nexthop().ok_or("a weight belongs to a `nexthop`")?;
                nexthop.weight = Some(weight);
                Field::RouteWeight
            }
            "nh_info" => {
                let nh_info = Some(self.words_until(&[]));
                self.current()?.nh_info = nh_info;
                Field::RouteNhInfo
            }
            _ => return Ok(None),
        };
        Ok(Some(field))
    }

    /// What the route says about itself.
    fn remark(&mut self, word: &str) -> Read<Option<Field>> {
        let field = match word {
            "table" => {
                let table = TableId::of_word(self.reader.word("a table")?);
                self.current()?.table = table;
                Field::RouteTable
            }
            "proto" => {
                let protocol = Protocol::of_word(self.reader.word("a protocol")?);
                self.current()?.protocol = protocol;
                Field::RouteProto
            }
            "scope" => {
                let scope = Scope::of_word(self.reader.word("a scope")?);
                self.current()?.scope = scope;
                Field::RouteScope
            }
            "tos" => {
                let tos = self.reader.read("a type of service such as 0x10", tos)?;
                self.current()?.tos = tos;
                Field::RouteTos
            }
            "pref" => {
                let pref = self.reader.read("`low`, `medium` or `high`", Preference::of_word)?;
                self.current()?.pref = Some(pref);
                Field::RoutePref
            }
            "realm" | "realms" => {
                let realms = Some(self.reader.word("a realm")?.to_owned());
                match self.nexthop() {
                    Some(nexthop) => nexthop.realms = realms,
                    None => self.current()?.realms = realms,
                }
                Field::RouteRealms
            }
            "mark" => {
                let mark = self.reader.read("a mark", number)?;
                self.got()?.mark = Some(mark);
                Field::RouteMark
            }
            "uid" => {
                let uid = self.reader.parsed("a user number")?;
                self.got()?.uid = Some(uid);
                Field::RouteUid
            }
            "iif" => {
                let iif = self.reader.word("a device")?.to_owned();
                self.got()?.iif = Some(iif);
                Field::RouteIif
            }
            "cache" => {
                let flags = self.reader.peek().and_then(|word| word.strip_prefix('<')?.strip_suffix('>'));
                let cache = flags.map(|flags| flags.split(',').map(str::to_owned).collect::<Vec<_>>());
                if cache.is_some() {
                    self.reader.skip(1);
                }
                self.got()?.cache = Some(cache.unwrap_or_default());
                Field::RouteCache
            }
            _ => match RouteFlags::WORDS.iter().find(|(_, name)| *name == word) {
                Some((bit, _)) => {
                    match self.nexthop() {
                        Some(nexthop) => nexthop.flags.0 |= bit,
                        None => self.current()?.flags.0 |= bit,
                    }
                    Field::RouteFlag
                }
                None => return Ok(None),
            },
        };
        Ok(Some(field))
    }

    /// Numbers about the path.
    fn measure(&mut self, word: &str) -> Read<Option<Field>> {
        let field = match word {
            "metric" => {
                let metric = self.reader.parsed("a number")?;
                self.current()?.metric = Some(metric);
                Field::RouteMetric
            }
            "expires" => {
                let seconds =
                    self.reader.read("seconds such as 499sec", |word| word.strip_suffix("sec")?.parse().ok())?;
                self.current()?.expires = Some(seconds);
                Field::RouteExpires
            }
            "users" | "used" => {
                let count = self.reader.parsed("a number")?;
                let usage = &mut self.got()?.usage;
                *(if word == "users" { &mut usage.users } else { &mut usage.used }) = count;
                Field::RouteCache
            }
            "age" => {
                let age = self.reader.read("seconds such as 31sec", |word| word.strip_suffix("sec")?.parse().ok())?;
                self.got()?.usage.age = age;
                Field::RouteCache
            }
            "error" => {
                // Old versions print the kernel's -113 as it is, newer ones as an unsigned number.
                let error = self.reader.read("an error number", |word| match word.parse::<i64>() {
                    Ok(number) => u32::try_from(number & 0xffff_ffff).ok(),
                    Err(_) => None,
                })?;
                self.current()?.error = Some(error);
                Field::RouteError
            }
            _ => match MetricName::of_word(word) {
                Some(name) => {
                    let lock = self.reader.take("lock");
                    let value = self.reader.read("the value of a metric", |word| metric_value(name, word))?;
                    self.current()?.metrics.0.push(Metric { name, lock, value });
                    if name == MetricName::Mtu { Field::RouteMtu } else { Field::RouteMetrics }
                }
                None => return Ok(None),
            },
        };
        Ok(Some(field))
    }

    fn got(&mut self) -> Read<&mut Got> {
        Ok(self.current()?.got.get_or_insert_default())
    }

    /// The words up to one of `ends` or the end of the line.
    fn words_until(&mut self, ends: &[&str]) -> String {
        let rest = self.reader.rest_of_line();
        let words: Vec<_> = rest.iter().map(|token| token.text).take_while(|word| !ends.contains(word)).collect();
        let (text, count) = (words.join(" "), words.len());
        self.reader.skip(count);
        text
    }
}

/// `default`, `10.0.1.0/24`, `10.0.0.66`, and the `0/8` of a prefix of zeros; whether it was `default`.
fn destination(word: &str) -> Option<(Prefix, bool)> {
    if word == "default" {
        return Some((Prefix::ANY_V4, true));
    }
    if let Some(len) = word.strip_prefix("0/").and_then(|len| len.parse().ok()).filter(|len| *len <= 32) {
        return Some((Prefix { len, ..Prefix::ANY_V4 }, false));
    }
    word.parse().ok().map(|prefix| (prefix, false))
}

fn metric_value(name: MetricName, word: &str) -> Option<MetricValue> {
    if name.is_time() {
        if let Some(ms) = word.strip_suffix("ms") {
            return ms.parse().ok().map(MetricValue::Milliseconds);
        }
        let seconds: f64 = word.strip_suffix('s')?.parse().ok()?;
        let ms = (seconds * 1000.0).round();
        // `as` saturates, and the bounds leave nothing to saturate.
        #[expect(clippy::cast_sign_loss, reason = "between 0 and 4294967295")]
        return (0.0..=f64::from(u32::MAX)).contains(&ms).then_some(MetricValue::Milliseconds(ms as u32));
    }
    match name {
        MetricName::Features | MetricName::CongCtl => Some(MetricValue::Word(word.to_owned())),
        _ => word.parse().ok().map(MetricValue::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RouteStyle, print_routes, print_routes_json};
    use super::*;

    fn assert_prints_back(text: &str) -> Vec<Route> {
        let listing = parse_routes(text, &TableId::MAIN);
        assert_eq!(listing.unread, [], "{text}");
        let printed = print_routes(&listing.items, RouteStyle::of(text));
        for (printed, original) in printed.lines().zip(text.lines()) {
            assert_eq!(printed, original);
        }
        assert_eq!(printed, text);
        listing.items
    }

    /// iproute2 6.1.0 on Linux 6.18, made with `ip route add` in a network namespace.
    const MANY: &str = "\
default via 10.9.0.9 dev v0 \n\
10.5.0.0/24 \n\
\tnexthop via 10.9.0.2 dev v0 weight 2 \n\
\tnexthop via 10.9.0.3 dev v0 weight 1 \n\
10.6.0.0/24 via 10.9.0.2 dev v0 proto static src 10.9.0.1 metric 100 mtu lock 1400 window 4000 rtt 100ms rttvar 50ms ssthresh 5 cwnd lock 5 advmss 1300 reordering 4 hoplimit 5 initcwnd 10 features ecn rto_min lock 200ms initrwnd 3 quickack 1 congctl reno \n\
10.9.0.0/24 dev v0 proto kernel scope link src 10.9.0.1 linkdown \n\
10.15.0.0/16 nhid 5 via 10.9.0.5 dev v0 \n\
10.16.0.0/16 nhid 7 \n\
\tnexthop via 10.9.0.5 dev v0 weight 1 \n\
\tnexthop via 10.9.0.6 dev v0 weight 2 \n\
10.20.0.0/24 \n\
\tnexthop via inet6 fe80::1 dev v0 weight 1 \n\
\tnexthop via 10.9.0.7 realm 4 dev v0 weight 1 onlink \n\
unreachable 10.7.0.0/16 \n\
blackhole 10.8.0.0/16 metric 5 \n\
prohibit 10.10.0.0/16 \n\
throw 10.11.0.0/16 \n\
10.12.0.0/16 via 1.2.3.4 dev v0 onlink linkdown \n\
10.13.0.0/16 via inet6 fe80::1 dev v0 linkdown \n\
10.14.0.0/16 tos 0x10 dev v0 proto bird scope link linkdown realm 3 \n\
10.17.0.0/24  encap ip id 3 src 0.0.0.0 dst 1.2.3.4 ttl 0 tos 0 dev v0 scope link linkdown \n";

    const MANY_JSON: &str = concat!(
        r#"[{"dst":"default","gateway":"10.9.0.9","dev":"v0","flags":[]},"#,
        r#"{"dst":"10.5.0.0/24","flags":[],"nexthops":[{"gateway":"10.9.0.2","dev":"v0","weight":2,"flags":[]},"#,
        r#"{"gateway":"10.9.0.3","dev":"v0","weight":1,"flags":[]}]},"#,
        r#"{"dst":"10.6.0.0/24","gateway":"10.9.0.2","dev":"v0","protocol":"static","prefsrc":"10.9.0.1","metric":100,"#,
        r#""flags":[],"metrics":[{"mtu":1400,"window":4000,"rtt":100,"rttvar":50,"ssthresh":5,"cwnd":5,"advmss":1300,"#,
        r#""reordering":4,"hoplimit":5,"initcwnd":10,"ecn":null,"rto_min":200,"initrwnd":3,"quickack":1,"#,
        r#""congestion":"reno"}]},"#,
        r#"{"dst":"10.9.0.0/24","dev":"v0","protocol":"kernel","scope":"link","prefsrc":"10.9.0.1","flags":["linkdown"]},"#,
        r#"{"dst":"10.15.0.0/16","nhid":5,"gateway":"10.9.0.5","dev":"v0","flags":[]},"#,
        r#"{"dst":"10.16.0.0/16","nhid":7,"flags":[],"nexthops":[{"gateway":"10.9.0.5","dev":"v0","weight":1,"flags":[]},"#,
        r#"{"gateway":"10.9.0.6","dev":"v0","weight":2,"flags":[]}]},"#,
        r#"{"dst":"10.20.0.0/24","flags":[],"nexthops":[{"via":{"family":"inet6","host":"fe80::1"},"dev":"v0","weight":1,"#,
        r#""flags":[]},{"gateway":"10.9.0.7","flow":{"to":"4"},"dev":"v0","weight":1,"flags":["onlink"]}]},"#,
        r#"{"type":"unreachable","dst":"10.7.0.0/16","flags":[]},"#,
        r#"{"type":"blackhole","dst":"10.8.0.0/16","metric":5,"flags":[]},{"type":"prohibit","dst":"10.10.0.0/16","flags":[]},"#,
        r#"{"type":"throw","dst":"10.11.0.0/16","flags":[]},"#,
        r#"{"dst":"10.12.0.0/16","gateway":"1.2.3.4","dev":"v0","flags":["onlink","linkdown"]},"#,
        r#"{"dst":"10.13.0.0/16","via":{"family":"inet6","host":"fe80::1"},"dev":"v0","flags":["linkdown"]},"#,
        r#"{"dst":"10.14.0.0/16","tos":"0x10","dev":"v0","protocol":"bird","scope":"link","flags":["linkdown"],"#,
        r#""flow":{"to":"3"}},"#,
        r#"{"dst":"10.17.0.0/24","encap":"ip","id":3,"src":"0.0.0.0","dst":"1.2.3.4","ttl":0,"tos":0,"dev":"v0","#,
        r#""scope":"link","flags":["linkdown"]}]"#,
        "\n"
    );

    #[test]
    fn every_kind_of_route_prints_back_as_iproute2_printed_it() {
        let routes = assert_prints_back(MANY);
        assert_eq!(print_routes_json(&routes, RouteStyle::default()), MANY_JSON);
    }

    #[test]
    fn details_oneline_ipv6_and_get_print_back_too() {
        assert_prints_back(
            "unicast default via 10.9.0.9 dev v0 proto boot scope global \n\
             unicast 10.15.0.0/16 nhid 5 via 10.9.0.5 dev v0 proto boot scope global \n\
             \tnh_info id 5 via 10.9.0.5 dev v0 scope link proto unspec \n",
        );
        assert_prints_back(
            "10.5.0.0/24 \\\tnexthop via 10.9.0.2 dev v0 weight 2 \\\tnexthop via 10.9.0.3 dev v0 weight 1 \n",
        );
        let routes = assert_prints_back(
            "2001:1::/64 dev v0 metric 1024 linkdown expires 499sec mtu 1400 pref high\n\
             2001:3::/64 from 2001:4::/64 dev v0 metric 1024 linkdown pref medium\n\
             default metric 1024 pref medium\n\
             \tnexthop via fe80::2 dev v0 weight 1 linkdown \n\
             \tnexthop via fe80::3 dev v0 weight 3 linkdown \n\
             unreachable default dev lo metric 4294967295 error 4294967183 pref medium\n",
        );
        assert_eq!(routes.iter().filter(|route| route.dst == Prefix::ANY_V6).count(), 2);
        assert_prints_back("10.1.0.5 dev v0 table 200 src 10.9.0.1 mark 0xd00 uid 0 \n    cache mtu 1500 \n");
        assert_prints_back("local 172.16.0.1 dev lo table local src 172.16.0.1 uid 0 \n    cache <local> \n");
        assert_prints_back("2001:db8::1 from :: via fe80::1 dev v0 src ::1 metric 1024 pref medium\n");
        let got = assert_prints_back("10.1.0.5 dev v0 table 200 src 10.9.0.1 mark 0xd00 uid 0 \n    cache mtu 1500 \n");
        let json = r#"[{"dst":"10.1.0.5","dev":"v0","table":"200","prefsrc":"10.9.0.1","flags":[],"mark":3328,"uid":0,"cache":[],"metrics":[{"mtu":1500}]}]"#;
        assert_eq!(print_routes_json(&got, RouteStyle { tables: true, ..RouteStyle::default() }), format!("{json}\n"));
    }

    #[test]
    fn counters_details_and_numbers_of_get_are_read() {
        assert_prints_back("10.0.1.165 via 172.18.0.2 dev eth0 src 172.18.0.3 uid 0 \n    cache users 2 age 31sec \n");
        assert_prints_back("unicast 10.0.1.165 via 172.18.0.2 dev eth0 table main src 172.18.0.3 uid 0 \n    cache \n");
        let numbers = parse_routes("2 10.0.0.0/24 dev eth0 proto 50 scope 254 \n", &TableId::Number(200));
        assert_eq!((numbers.items[0].kind, &numbers.items[0].scope), (RouteType::Local, &Scope::HOST));
    }

    #[test]
    fn a_damaged_listing_gives_its_routes_and_names_the_rest() {
        let text = "$ ip r s t 200\nlocal 10.0.0.0/24 dev eth0 proto 50\n   scope host\nError: ipv4: FIB table does not exist.\n10.0.1.0/24 dev cilium_host mtu lots\n";
        let listing = parse_routes(text, &TableId::Number(200));
        assert_eq!(listing.items.len(), 2);
        assert_eq!(listing.items[0].scope, Scope::HOST);
        assert_eq!(listing.items[0].table, TableId::Number(200));
        assert_eq!(listing.items[1].dev.as_deref(), Some("cilium_host"));
        assert_eq!(listing.unread.iter().map(|unread| unread.line).collect::<Vec<_>>(), [4, 5]);
    }
}
