//! Objects as the words that `ip` takes: what goes behind `add` and `delete`.

use std::fmt::Write;

use crate::route::{Protocol, Route, RouteType, Rule, TableId};
use crate::xfrm::{
    Action, Level, Mark, Policy, Prefix, Replay, Selector, State, StateFlags, Style, Template, print_states,
};

/// A rule, for `ip rule add|del`.
pub(super) fn rule_words(rule: &Rule) -> String {
    let text = rule.to_string();
    let words = text.split_once('\t').map_or("", |(_, words)| words);
    format!("{} pref {}", words.trim_end(), rule.priority)
}

/// A state, for `ip xfrm state add`. The words hold its keys.
pub(super) fn state_words(state: &State) -> String {
    let mut words = state_id(state);
    let _ = write!(words, " reqid {} mode {}", state.reqid, state.mode);
    let window = match &state.replay {
        Some(Replay::Esn { window, .. }) => *window,
        _ => state.replay_window.into(),
    };
    if window != 0 {
        let _ = write!(words, " replay-window {window}");
    }
    // The kernel sets this one by itself.
    let flags = StateFlags(state.flags.0 & !StateFlags::AF_UNSPEC.0);
    if flags.0 != 0 {
        let _ = write!(words, " flag {flags}");
    }
    if let Some(output) = state.output_mark {
        let Mark { value, mask } = output.mark();
        let _ = write!(words, " output-mark {value:#x} mask {mask:#x}");
    }
    words.push_str(&algorithm_words(state));
    if let Some(selector) = &state.selector {
        let _ = write!(words, " sel {}", selector_words(selector));
    }
    words
}

/// Which state it is, for `ip xfrm state delete`.
pub(super) fn state_id(state: &State) -> String {
    let mark = state.mark.map(mark_words).unwrap_or_default();
    format!("src {} dst {} proto {} spi {:#x}{mark}", state.src, state.dst, state.proto, state.spi.0)
}

/// A policy, for `ip xfrm policy add`.
pub(super) fn policy_words(policy: &Policy) -> String {
    let mut words = policy_id(policy);
    if policy.action == Action::Block {
        words.push_str(" action block");
    }
    if policy.priority != 0 {
        let _ = write!(words, " priority {}", policy.priority);
    }
    for template in &policy.templates {
        words.push_str(&template_words(template));
    }
    words
}

/// Which policy it is, for `ip xfrm policy delete`.
pub(super) fn policy_id(policy: &Policy) -> String {
    let mark = policy.mark.map(mark_words).unwrap_or_default();
    format!("{} dir {}{mark}", selector_words(&policy.selector), policy.dir)
}

/// A route, for `ip route add|del`.
pub(super) fn route_words(route: &Route) -> String {
    let mut words = String::new();
    if route.kind != RouteType::Unicast {
        let _ = write!(words, "{} ", route.kind);
    }
    let _ = write!(words, "{}", dst_words(route.dst));
    let mut say = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(words, " {name} {value}");
        }
    };
    say("via", route.via.map(|via| via.to_string()));
    say("dev", route.dev.clone());
    say("table", (route.table != TableId::MAIN).then(|| route.table.to_string()));
    say("proto", (route.protocol != Protocol::BOOT).then(|| route.protocol.to_string()));
    // A route without a router would get the scope `link`, which Cilium's has not.
    say("scope", route.dst.addr.is_ipv4().then(|| route.scope.to_string()));
    say("src", route.src.map(|src| src.to_string()));
    say("metric", route.metric.map(|metric| metric.to_string()));
    for metric in &route.metrics.0 {
        let lock = if metric.lock { "lock " } else { "" };
        let _ = write!(words, " {} {lock}{}", metric.name.word(), metric.value);
    }
    words
}

fn dst_words(dst: Prefix) -> String {
    // The family shows: a line of a batch takes no options.
    format!("{}/{}", dst.addr, dst.len)
}

fn mark_words(Mark { value, mask }: Mark) -> String {
    format!(" mark {value:#x} mask {mask:#x}")
}

fn selector_words(selector: &Selector) -> String {
    let mut words = format!("src {} dst {}", selector.src, selector.dst);
    if let Some(proto) = selector.proto {
        let _ = write!(words, " proto {}", proto.number);
    }
    for (name, port) in [("sport", selector.sport), ("dport", selector.dport)] {
        if let Some(port) = port {
            let _ = write!(words, " {name} {port}");
        }
    }
    if let Some(dev) = &selector.dev {
        let _ = write!(words, " dev {dev}");
    }
    words
}

fn template_words(template: &Template) -> String {
    let mut words = format!(" tmpl src {} dst {} proto {}", template.src, template.dst, template.proto);
    if template.spi.0 != 0 {
        let _ = write!(words, " spi {:#x}", template.spi.0);
    }
    let _ = write!(words, " reqid {} mode {}", template.reqid, template.mode);
    if template.level == Level::Use {
        words.push_str(" level use");
    }
    words
}

/// The algorithms with their keys, as `ip` prints them, which is as it takes them.
fn algorithm_words(state: &State) -> String {
    let printed = print_states([state], Style::default());
    let words: Vec<&str> = state.algorithms.iter().map(|algorithm| algorithm.kind.word()).collect();
    let of_algorithm = |line: &&str| line.split(' ').next().is_some_and(|first| words.contains(&first));
    let lines = printed.lines().map(str::trim).filter(of_algorithm);
    lines.fold(String::new(), |said, line| said + " " + line)
}

/// Routes whose router is reached by another of the routes come after that one.
pub(super) fn in_order(routes: &[Route]) -> Vec<&Route> {
    let mut ordered: Vec<&Route> = routes.iter().collect();
    ordered.sort_by_key(|route| route.via.is_some());
    ordered
}
