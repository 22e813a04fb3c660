//! What a listing's text lists, as fields and values that a pattern can be held against.

use std::net::IpAddr;

use super::shows::{ItemKind, ItemPattern};
use super::template::{Facts, FillError, number};
use crate::esp::Secret;
use crate::route::{self, RuleAction, TableId};
use crate::xfrm::{self, Mark, Prefix};

/// One item of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Its fields, by the names of [`ItemKind::fields`], with values as the tool prints them.
    fields: Vec<(&'static str, String)>,
    /// Whether its key cannot be read (states only).
    pub(super) key_hidden: bool,
}

/// Reads the items of one kind from a text.
pub(super) fn read(kind: ItemKind, text: &str) -> Vec<Item> {
    match kind {
        ItemKind::States => xfrm::parse_states(text).items.iter().map(state).collect(),
        ItemKind::Policies => xfrm::parse_policies(text).items.iter().map(policy).collect(),
        ItemKind::Rules => route::parse_rules(text).items.iter().map(rule).collect(),
        ItemKind::Routes => route::parse_routes(text, &TableId::MAIN).items.iter().map(one_route).collect(),
        ItemKind::Addresses => addresses(text),
    }
}

impl Item {
    fn of(fields: impl IntoIterator<Item = (&'static str, Option<String>)>) -> Self {
        let fields = fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        Self { fields, key_hidden: false }
    }

    /// Whether every field of the pattern has its value here.
    pub(super) fn fits(&self, pattern: &ItemPattern, facts: &Facts) -> Result<bool, FillError> {
        for (name, wanted) in &pattern.0 {
            let wanted = wanted.fill(facts)?;
            if !self.fields.iter().any(|(field, value)| field == name && same_value(value, &wanted)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether two spellings say the same value: a number, a mark with its mask, an address or prefix, or else the same words.
pub(super) fn same_value(one: &str, other: &str) -> bool {
    fn same<T: PartialEq>(read: fn(&str) -> Option<T>, one: &str, other: &str) -> bool {
        read(one).is_some_and(|one| read(other) == Some(one))
    }
    one == other || same(number, one, other) || same(mark, one, other) || same(prefix, one, other)
}

/// Reads `0xd00/0xf00`; a mark without a mask has the whole one.
pub(super) fn mark(text: &str) -> Option<Mark> {
    let (value, mask) = text.split_once('/').map_or((text, None), |(value, mask)| (value, Some(mask)));
    let value = u32::try_from(number(value)?).ok()?;
    let mask = mask.map_or(Some(u32::MAX), |mask| u32::try_from(number(mask)?).ok())?;
    Some(Mark { value, mask })
}

/// Reads an address, or a prefix; an address is the prefix that holds only it.
pub(super) fn prefix(text: &str) -> Option<Prefix> {
    if text == "default" {
        return Some(Prefix::any_like(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)));
    }
    match text.parse::<IpAddr>() {
        Ok(address) => Some(Prefix::host(address)),
        Err(_) => text.parse().ok(),
    }
}

fn state(state: &xfrm::State) -> Item {
    let algorithm = state.aead().or_else(|| state.enc());
    let hidden = state.algorithms.iter().any(|algorithm| algorithm.key.known().is_none_or(Secret::is_empty));
    let item = Item::of([
        ("src", Some(state.src.to_string())),
        ("dst", Some(state.dst.to_string())),
        ("spi", Some(state.spi.to_string())),
        ("mode", Some(state.mode.to_string())),
        ("reqid", Some(state.reqid.to_string())),
        ("mark", state.mark.map(|mark| mark.to_string())),
        ("output_mark", state.output_mark.map(|output| output.mark().to_string())),
        ("algorithm", algorithm.map(|algorithm| algorithm.name.clone())),
    ]);
    Item { key_hidden: hidden || state.algorithms.is_empty(), ..item }
}

fn policy(policy: &xfrm::Policy) -> Item {
    let template = policy.templates.first();
    Item::of([
        ("src", Some(policy.selector.src.to_string())),
        ("dst", Some(policy.selector.dst.to_string())),
        ("dir", Some(policy.dir.to_string())),
        ("priority", Some(policy.priority.to_string())),
        ("mark", policy.mark.map(|mark| mark.to_string())),
        ("tmpl_src", template.map(|template| template.src.to_string())),
        ("tmpl_dst", template.map(|template| template.dst.to_string())),
        ("level", template.map(|template| template.level.to_string())),
    ])
}

fn rule(rule: &route::Rule) -> Item {
    let table = match &rule.action {
        RuleAction::Lookup(table) => Some(table.to_string()),
        _ => None,
    };
    Item::of([
        ("priority", Some(rule.priority.to_string())),
        ("mark", rule.fwmark.map(|mark| mark.to_string())),
        ("table", table),
    ])
}

fn one_route(route: &route::Route) -> Item {
    Item::of([
        ("kind", Some(route.kind.to_string())),
        ("dst", Some(route.dst.to_string())),
        ("via", route.via.map(|via| via.to_string())),
        ("dev", route.dev.clone()),
        ("src", route.src.map(|src| src.to_string())),
        ("mtu", route.metrics.mtu().map(|mtu| mtu.to_string())),
        ("protocol", Some(route.protocol.to_string())),
    ])
}

/// Reads `ip addr` (also `-br` and `-o`) and `ifconfig`: which device has which address.
fn addresses(text: &str) -> Vec<Item> {
    let mut found = Vec::new();
    let mut device = "";
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if !line.starts_with(char::is_whitespace) {
            let name = match words.as_slice() {
                // `3: cilium_host@cilium_net: <…>`, and `3: cilium_host    inet …` under `-o`
                [index, name, ..] if index.strip_suffix(':').is_some_and(|index| number(index).is_some()) => name,
                [name, ..] => name,
                [] => "",
            };
            device = name.trim_end_matches(':').split('@').next().unwrap_or_default();
        }
        let labelled = words.windows(2).filter(|pair| matches!(pair[0], "inet" | "inet6")).map(|pair| pair[1]);
        let brief = words.iter().copied().skip(2).take_while(|_| !line.starts_with(char::is_whitespace));
        for word in labelled.chain(brief) {
            let address = word.split('/').next().unwrap_or_default();
            if address.parse::<IpAddr>().is_ok() {
                found.push(Item::of([("dev", Some(device.to_owned())), ("address", Some(address.to_owned()))]));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::Template;

    fn lists(kind: ItemKind, text: &str, pattern: &[(&'static str, &str)]) -> bool {
        let pattern = ItemPattern(pattern.iter().map(|(name, value)| (*name, Template::new(*value))).collect());
        read(kind, text).iter().any(|item| item.fits(&pattern, &Facts::new()).unwrap())
    }

    #[test]
    fn values_are_compared_and_not_spellings() {
        for (one, other) in [
            ("0x3", "0x00000003"),
            ("3", "0x3"),
            ("0xD00/0xf00", "0xd00/0xf00"),
            ("10.0.0.66", "10.0.0.66/32"),
            ("default", "default"),
        ] {
            assert!(same_value(one, other), "{one} {other}");
        }
        for (one, other) in
            [("0xd00/0xf00", "0xe00/0xf00"), ("10.0.0.6", "10.0.0.66"), ("10.0.0.0/24", "10.0.0.0/25"), ("a", "b")]
        {
            assert!(!same_value(one, other), "{one} {other}");
        }
    }

    #[test]
    fn an_address_is_read_from_every_tool_that_shows_it() {
        for text in [
            "3: cilium_host@cilium_net: <BROADCAST,MULTICAST,NOARP,UP,LOWER_UP> mtu 1500\n    link/ether 16:e7:cf:7e:03:be brd ff:ff:ff:ff:ff:ff\n    inet 10.0.0.66/32 scope link cilium_host\n       valid_lft forever preferred_lft forever\n",
            "cilium_host@cilium_net UP             10.0.0.66/32 fe80::14e7:cfff:fe7e:3be/64 \n",
            "3: cilium_host    inet 10.0.0.66/32 scope link cilium_host\\       valid_lft forever preferred_lft forever\n",
            "cilium_host: flags=4291<UP,BROADCAST,RUNNING,NOARP,MULTICAST>  mtu 1500\n        inet 10.0.0.66  netmask 255.255.255.255  broadcast 0.0.0.0\n",
        ] {
            assert!(lists(ItemKind::Addresses, text, &[("dev", "cilium_host"), ("address", "10.0.0.66")]), "{text}");
            assert!(!lists(ItemKind::Addresses, text, &[("dev", "eth0"), ("address", "10.0.0.66")]));
        }
    }

    #[test]
    fn rules_and_routes_fit_by_their_fields() {
        let rules = "1:\tfrom all fwmark 0xd00/0xf00 lookup 200\n100:\tfrom all lookup local\n";
        assert!(lists(ItemKind::Rules, rules, &[("priority", "1"), ("mark", "0xd00/0xf00"), ("table", "200")]));
        assert!(lists(ItemKind::Rules, rules, &[("priority", "100"), ("table", "local")]));
        assert!(!lists(ItemKind::Rules, rules, &[("priority", "100"), ("table", "200")]));
        let routes = "local 10.0.0.0/24 dev eth0 proto 50 scope host \n10.0.1.0/24 dev cilium_host mtu 1500 \ndefault via 172.18.0.1 dev eth0 \n";
        assert!(lists(ItemKind::Routes, routes, &[("kind", "local"), ("dst", "10.0.0.0/24"), ("protocol", "50")]));
        assert!(lists(ItemKind::Routes, routes, &[("dst", "10.0.1.0/24"), ("dev", "cilium_host"), ("mtu", "1500")]));
        assert!(lists(ItemKind::Routes, routes, &[("dst", "default"), ("via", "172.18.0.1")]));
        assert!(!lists(ItemKind::Routes, routes, &[("dst", "10.0.1.0/24"), ("dev", "eth0")]));
    }

    #[test]
    fn a_state_fits_by_its_fields_and_shows_its_key_or_not() {
        let text = "src 10.0.0.66 dst 10.0.1.236\n\tproto esp spi 0x00000003 reqid 1 mode tunnel\n\treplay-window 0 \n\tmark 0x3e00/0xff00 output-mark 0xe00/0xf00\n\taead rfc4106(gcm(aes)) 0x0101010101010101010101010101010101010101 128\n\tsel src 0.0.0.0/0 dst 0.0.0.0/0 \n";
        assert!(lists(
            ItemKind::States,
            text,
            &[
                ("spi", "3"),
                ("mark", "0x3e00/0xff00"),
                ("output_mark", "0xe00/0xf00"),
                ("algorithm", "rfc4106(gcm(aes))")
            ]
        ));
        assert!(!lists(ItemKind::States, text, &[("mark", "0xd00/0xf00")]));
        let hidden = |text: &str| read(ItemKind::States, text).first().map(|item| item.key_hidden);
        assert_eq!(hidden(text), Some(false));
        assert_eq!(hidden(&text.replace("0x0101010101010101010101010101010101010101", "<<Keys hidden>>")), Some(true));
    }
}
