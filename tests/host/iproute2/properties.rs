//! What holds for every state, policy, rule and route, and for every text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use esplain::esp::{Secret, Spi};
use esplain::explain::explain;
use esplain::route::{
    Metric, MetricName, MetricValue, Metrics, NextHop, Preference, Protocol, Route, RouteFlags, RouteStyle, RouteType,
    Rule, RuleAction, Scope, TableId, parse_routes, parse_rules, print_routes, print_rules,
};
use esplain::words::{Language, Words};
use esplain::xfrm::{
    Action, Algorithm, AlgorithmKind, Direction, Encap, EncapType, Entry, ExtraFlags, Hidden, Key, Level, Limit,
    Limits, Mark, Mode, Offload, OffloadMode, OutputMark, Policy, PolicyFlags, PolicyStats, PolicyType, Prefix, Proto,
    Replay, Selector, Share, SoftHard, State, StateDirection, StateFlags, StateStats, Style, Template, UpperProto,
    Usage, parse, parse_counters, parse_policies, parse_states, print_policies, print_states,
};
use jiff::civil::DateTime;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::damage::Damage;

/// Text that shows every field, from which damaged texts are made.
const EVERYTHING: &str = include_str!("../../../src/explain/everything.txt");

fn v4() -> impl Strategy<Value = IpAddr> {
    any::<u32>().prop_map(|bits| Ipv4Addr::from(bits).into())
}

/// Addresses that Rust and C print alike (the old `::1.2.3.4` is not among them).
fn v6() -> impl Strategy<Value = IpAddr> {
    any::<u128>().prop_map(|bits| Ipv6Addr::from(bits | 0x2000 << 112).into())
}

fn addr() -> impl Strategy<Value = IpAddr> {
    prop_oneof![3 => v4(), 1 => v6()]
}

fn prefix() -> impl Strategy<Value = Prefix> {
    prop_oneof![
        (v4(), 0..=32_u8).prop_map(|(addr, len)| Prefix { addr, len }),
        (v6(), 0..=128_u8).prop_map(|(addr, len)| Prefix { addr, len })
    ]
}

fn word() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_.]{1,12}"
}

fn time() -> impl Strategy<Value = Option<DateTime>> {
    option::of((2000..2100_i16, 1..=12_i8, 1..=28_i8, 0..24_i8, 0..60_i8, 0..60_i8).prop_map(
        |(year, month, day, hour, minute, second)| {
            DateTime::new(year, month, day, hour, minute, second, 0).expect("a day that every month has")
        },
    ))
}

fn mark() -> impl Strategy<Value = Mark> {
    (any::<u32>(), any::<u32>()).prop_map(|(value, mask)| Mark { value, mask })
}

fn key(shortest: usize) -> impl Strategy<Value = Key> {
    prop_oneof![
        4 => vec(any::<u8>(), shortest..40).prop_map(|octets| Key::Known(Secret::new(octets))),
        1 => select(vec![Hidden::ByIproute2, Hidden::ByHand]).prop_map(Key::Hidden),
    ]
}

fn algorithm(kind: AlgorithmKind) -> impl Strategy<Value = Algorithm> {
    let name =
        select(vec!["rfc4106(gcm(aes))", "cbc(aes)", "hmac(sha256)", "deflate", "rfc7539esp(chacha20,poly1305)"]);
    let shortest = usize::from(kind.trailing_bits().is_some());
    (name, key(shortest)).prop_map(move |(name, key)| Algorithm { kind, name: name.to_owned(), key })
}

/// Any of them, in the order in which iproute2 prints them.
fn algorithms() -> impl Strategy<Value = Vec<Algorithm>> {
    let bits = || select(vec![64, 96, 128, 256]);
    (
        option::of(algorithm(AlgorithmKind::Auth)),
        option::of(bits().prop_flat_map(|bits| algorithm(AlgorithmKind::AuthTrunc { bits }))),
        option::of(bits().prop_flat_map(|icv_bits| algorithm(AlgorithmKind::Aead { icv_bits }))),
        option::of(algorithm(AlgorithmKind::Enc)),
        option::of(algorithm(AlgorithmKind::Comp)),
    )
        .prop_map(|(auth, trunc, aead, enc, comp)| [auth, trunc, aead, enc, comp].into_iter().flatten().collect())
}

fn replay() -> impl Strategy<Value = Replay> {
    prop_oneof![
        any::<[u32; 3]>().prop_map(|[seq, oseq, bitmap]| Replay::Short { seq, oseq, bitmap }),
        (any::<[u32; 5]>(), vec(any::<u32>(), 0..20)).prop_map(|([a, b, c, d, window], bitmap)| Replay::Esn {
            seq: (a, b),
            oseq: (c, d),
            window,
            bitmap
        })
    ]
}

/// iproute2 prints the direction for a state, and none for a policy.
fn offload(of_state: bool) -> impl Strategy<Value = Offload> {
    let dir = select(vec![StateDirection::In, StateDirection::Out]).prop_map(move |dir| of_state.then_some(dir));
    let mode = option::of(select(vec![OffloadMode::Crypto, OffloadMode::Packet]));
    (word(), dir, mode).prop_map(|(dev, dir, mode)| Offload { dev, dir, mode })
}

/// With `stats` the user is printed.
fn selector(stats: bool) -> impl Strategy<Value = Selector> {
    let upper = prop_oneof![
        2 => Just((None, None, None)),
        1 => (select(vec![6_u8, 17, 132]), option::of(any::<u16>()), option::of(any::<u16>()))
            .prop_map(|(proto, sport, dport)| (Some(proto), sport, dport)),
        1 => (select(vec![1_u8, 58]), option::of(0..256_u16), option::of(0..256_u16))
            .prop_map(|(proto, kind, code)| (Some(proto), kind, code)),
        1 => any::<(u16, u16)>().prop_map(|(high, low)| (Some(47), Some(high), Some(low))),
        1 => (1..=255_u8).prop_map(|proto| (Some(proto), None, None)),
    ];
    (prefix(), prefix(), upper, option::of(word()), any::<u32>()).prop_map(move |(src, dst, upper, dev, uid)| {
        let (proto, sport, dport) = upper;
        let uid = stats.then_some(uid);
        Selector { src, dst, proto: proto.map(UpperProto::of), sport, dport, dev, uid }
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    let limit = || (option::of(0..u64::MAX), option::of(0..u64::MAX)).prop_map(|(soft, hard)| Limit { soft, hard });
    let seconds = || any::<(u64, u64)>().prop_map(|(soft, hard)| SoftHard { soft, hard });
    (limit(), limit(), seconds(), seconds()).prop_map(|(bytes, packets, add_seconds, use_seconds)| Limits {
        bytes,
        packets,
        add_seconds,
        use_seconds,
    })
}

fn usage() -> impl Strategy<Value = Usage> {
    (any::<u64>(), any::<u64>(), time(), time()).prop_map(|(bytes, packets, added, used)| Usage {
        bytes,
        packets,
        added,
        used,
    })
}

fn state(stats: bool) -> impl Strategy<Value = State> {
    let identity = (addr(), addr(), any::<u8>(), any::<u32>(), any::<u32>(), any::<u8>());
    let marks = (option::of(mark()), option::of((any::<u32>(), option::of(any::<u32>()))));
    let small = (any::<u8>(), any::<u8>(), option::of(0..4_u32), any::<u32>());
    let rest = (option::of(addr()), time(), option::of(replay()), option::of(offload(true)), option::of(any::<u32>()));
    let late = (option::of(any::<u32>()), option::of(any::<bool>()), option::of(any::<u32>()), option::of(word()));
    let encap = (select(EncapType::ALL.to_vec()), any::<(u16, u16)>(), addr());
    let counts = (limits(), usage(), any::<[u32; 3]>());
    // In boxes: all these strategies in one value are too much for a test thread's stack.
    (
        identity.boxed(),
        marks.boxed(),
        small.boxed(),
        algorithms().boxed(),
        option::of(encap).boxed(),
        rest.boxed(),
        late.boxed(),
        option::of(selector(stats)).boxed(),
        counts.boxed(),
    )
        .prop_map(move |(identity, marks, small, algorithms, encap, rest, late, selector, counts)| {
            let (src, dst, proto, spi, reqid, mode) = identity;
            let (limits, usage, [outside_window, replayed, failed]) = counts;
            State {
                proto: Proto::of_number(proto),
                reqid,
                mode: Mode::of_number(mode),
                replay_window: small.0,
                acquire_seq: if stats { small.3 } else { 0 },
                flags: StateFlags(small.1),
                extra_flags: small.2.map(ExtraFlags).filter(|_| stats),
                mark: marks.0,
                output_mark: marks.1.map(|(value, mask)| OutputMark { value, mask }),
                algorithms,
                encap: encap.map(|(kind, (sport, dport), addr)| Encap { kind, sport, dport, addr }),
                coa: rest.0,
                lastused: rest.1,
                replay: rest.2,
                offload: rest.3,
                if_id: rest.4,
                tfcpad: late.0,
                dir: late.1.map(|out| if out { StateDirection::Out } else { StateDirection::In }),
                pcpu: late.2,
                security_context: late.3,
                selector,
                stats: stats.then_some(StateStats { limits, usage, outside_window, replayed, failed }),
                ..State::esp_tunnel(src, dst, Spi(spi))
            }
        })
}

fn template(stats: bool) -> impl Strategy<Value = Template> {
    (addr(), addr(), any::<[u8; 4]>(), any::<u32>(), any::<u32>(), any::<[u32; 3]>()).prop_map(
        move |(src, dst, [proto, mode, level, share], spi, reqid, algorithms)| Template {
            proto: Proto::of_number(proto),
            spi: Spi(spi),
            reqid,
            mode: Mode::of_number(mode),
            level: Level::of_number(level),
            share: if stats { Share::of_number(share) } else { Share::Any },
            algorithms: if stats { algorithms } else { [u32::MAX; 3] },
            ..Template::esp_tunnel(src, dst)
        },
    )
}

fn policy(stats: bool) -> impl Strategy<Value = Policy> {
    let head = (selector(stats), any::<[u8; 4]>(), any::<u32>(), any::<u32>(), any::<bool>(), option::of(any::<u8>()));
    let tail = (option::of(mark()), vec(template(stats), 0..3), option::of(offload(false)), option::of(any::<u32>()));
    (head.boxed(), tail.boxed(), option::of(word()), limits().boxed(), usage().boxed()).prop_map(
        move |(head, tail, context, limits, usage)| {
            let (selector, [dir, action, share, flags], priority, index, socket, ptype) = head;
            Policy {
                security_context: context,
                socket,
                action: Action::of_number(action),
                index: stats.then_some(index),
                priority,
                ptype: ptype.map(PolicyType::of_number),
                share: if stats { Share::of_number(share) } else { Share::Any },
                flags: PolicyFlags(flags),
                stats: stats.then_some(PolicyStats { limits, usage }),
                mark: tail.0,
                templates: tail.1,
                offload: tail.2,
                if_id: tail.3,
                ..Policy::allow(Direction::of_number(dir), selector)
            }
        },
    )
}

fn rule() -> impl Strategy<Value = Rule> {
    let action = prop_oneof![
        3 => any::<u32>().prop_map(|table| RuleAction::Lookup(TableId::Number(table))),
        1 => any::<(u32, bool)>().prop_map(|(priority, unresolved)| RuleAction::Goto { priority, unresolved }),
        1 => select(vec![RuleAction::Nop, RuleAction::Blackhole, RuleAction::Unreachable, RuleAction::Prohibit]),
    ];
    let upper = (option::of(word()), option::of(any::<(u16, u16)>()), option::of(any::<(u16, u16)>()));
    (
        any::<u32>(),
        action,
        any::<bool>(),
        option::of(prefix()),
        option::of(prefix()),
        any::<u8>(),
        option::of(mark()),
        upper,
        any::<u8>(),
    )
        .prop_map(|(priority, action, not, src, dst, tos, fwmark, (ipproto, sport, dport), protocol)| Rule {
            not,
            src,
            dst,
            tos,
            fwmark,
            ipproto,
            sport,
            dport,
            // The kernel's own is not printed.
            protocol: if protocol == 2 { Protocol::UNSPEC } else { Protocol::Number(protocol) },
            ..Rule::all(priority, action)
        })
}

fn route() -> impl Strategy<Value = Route> {
    let family = prop_oneof![
        (v4(), 0..=32_u8, Just(None)).boxed(),
        (v6(), 0..=128_u8, select(vec![Preference::Low, Preference::Medium, Preference::High]).prop_map(Some)).boxed()
    ];
    let metrics = vec(select(vec![MetricName::Mtu, MetricName::Advmss, MetricName::RtoMin, MetricName::CongCtl]), 0..3);
    let way = (option::of(addr()), word(), 1..256_u32, select(vec![0_u32, 4, 16, 20]));
    (
        family,
        select(RouteType::ALL.to_vec()),
        any::<(u8, u8, u8, u32)>(),
        option::of(addr()),
        option::of(word()),
        metrics,
        vec(way, 0..3),
    )
        .prop_map(|((addr, len, pref), kind, (tos, protocol, scope, table), via, dev, metrics, ways)| {
            let dst = if len == 0 { Prefix::any_like(addr) } else { Prefix { addr, len } };
            let metric = |name: MetricName| {
                let value = match name {
                    MetricName::RtoMin => MetricValue::Milliseconds(1500),
                    MetricName::CongCtl => MetricValue::Word("reno".to_owned()),
                    _ => MetricValue::Number(1400),
                };
                Metric { name, lock: name == MetricName::RtoMin, value }
            };
            let nexthop = |(via, dev, weight, flags)| NextHop {
                encap: None,
                via,
                realms: None,
                dev: Some(dev),
                weight: Some(weight),
                flags: RouteFlags(flags),
            };
            Route {
                kind,
                tos,
                via,
                dev,
                protocol: Protocol::Number(protocol),
                scope: Scope::Number(scope),
                metrics: Metrics(metrics.into_iter().map(metric).collect()),
                pref,
                nexthops: ways.into_iter().map(nexthop).collect(),
                ..Route::to(dst, TableId::Number(table))
            }
        })
}

proptest! {
    #[test]
    fn a_state_is_read_as_it_was_printed(plain in state(false), full in state(true), oneline: bool) {
        for state in [plain, full] {
            let style = Style { stats: state.stats.is_some(), oneline, nokeys: false };
            let text = print_states([&state], style);
            let listing = parse_states(&text);
            prop_assert_eq!(&listing.unread, &[], "{}", text);
            prop_assert_eq!(&listing.items, &[state], "{}", text);
        }
    }

    #[test]
    fn a_policy_is_read_as_it_was_printed(plain in policy(false), full in policy(true), oneline: bool) {
        for policy in [plain, full] {
            let style = Style { stats: policy.stats.is_some(), oneline, nokeys: false };
            let text = print_policies([&policy], style);
            let listing = parse_policies(&text);
            prop_assert_eq!(&listing.unread, &[], "{}", text);
            prop_assert_eq!(&listing.items, &[policy], "{}", text);
        }
    }

    #[test]
    fn a_rule_is_read_as_it_was_printed(rules in vec(rule(), 1..4)) {
        let text = print_rules(&rules, false);
        let listing = parse_rules(&text);
        prop_assert_eq!(&listing.unread, &[], "{}", text);
        prop_assert_eq!(listing.items, rules, "{}", text);
    }

    #[test]
    fn a_route_is_read_as_it_was_printed(routes in vec(route(), 1..4), oneline: bool) {
        let text = print_routes(&routes, RouteStyle { tables: true, oneline, details: true, numeric: false });
        let listing = parse_routes(&text, &TableId::MAIN);
        prop_assert_eq!(&listing.unread, &[], "{}", text);
        prop_assert_eq!(listing.items, routes, "{}", text);
    }
}

proptest! {
    // Each case reads a long text in many ways.
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_text_is_too_strange(text in "\\PC{0,200}|[a-z0-9 ./:(),\n\t\\\\-]{0,300}") {
        read_everything(&text);
    }

    #[test]
    fn no_damage_is_too_strange(damage in Damage::some()) {
        read_everything(&damage.of(EVERYTHING));
    }
}

static WORDS: LazyLock<[Words; 2]> = LazyLock::new(|| Language::ALL.map(Words::new));

/// Reads `text` in every way; what was read prints, and reads the same again.
fn read_everything(text: &str) {
    for entry in parse(text).0.items {
        let style = Style { stats: true, ..Style::default() };
        match entry {
            Entry::State(state) => drop(print_states([&*state], style)),
            Entry::Policy(policy) => drop(print_policies([&*policy], style)),
        }
    }
    let rules = print_rules(&parse_rules(text).items, true);
    assert_eq!(print_rules(&parse_rules(&rules).items, true), rules);
    drop(print_routes(&parse_routes(text, &TableId::MAIN).items, RouteStyle::default()));
    drop(parse_counters(text));
    let lines: Vec<&str> = text.lines().collect();
    for words in WORDS.iter() {
        let explanation = explain(text, words);
        for note in &explanation.notes {
            let line = lines[note.span.line - 1];
            assert!(line.get(note.span.start..note.span.end).is_some(), "{note:?} is not in {line:?}");
        }
        assert!(explanation.unread.iter().all(|unread| (1..=lines.len()).contains(&unread.line)));
    }
}
