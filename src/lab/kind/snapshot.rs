use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::survey::sections;
use crate::lab::line::quoted;
use crate::lab::told::{in_order, policy_id, policy_words, route_words, rule_words, state_id, state_words};
use crate::route::{Protocol, Route, Rule, TableId, parse_routes, parse_rules};
use crate::xfrm::{Policy, Replay, State, parse_policies, parse_states};

/// What a node's kernel was told, as its own tools list it: states, policies, rules, routes, values, devices that are up.
///
/// It is kept in memory only, for the states hold keys. What Kubernetes and Cilium's BPF maps hold is not part of it.
#[derive(Default)]
pub(super) struct Snapshot {
    states: Vec<State>,
    policies: Vec<Policy>,
    rules: Vec<Rule>,
    routes: Vec<Route>,
    /// Values by their paths.
    values: BTreeMap<String, String>,
    up: BTreeSet<String>,
}

/// What a node is asked.
pub(super) const QUESTIONS: &str = r"echo '### states'; ip xfrm state
echo '### policies'; ip xfrm policy
echo '### rules'; ip -4 rule
echo '### routes'; ip -4 route show table all
echo '### links'; ip -o link show up
echo '### values'; cd /proc/sys/net/ipv4 && grep -s . ip_forward conf/*/{accept_local,forwarding,rp_filter,send_redirects}";

/// A state that is made anew goes on so far behind the sequence number that it was last seen with: the IV of a packet of
/// AES-GCM follows from that number, and none may be used twice with one key (RFC 4106 section 3.1).
const SKIP: u64 = 1 << 16;

impl Snapshot {
    /// Reads the answer.
    pub(super) fn read(text: &str) -> Self {
        let sections = sections(text, "### ");
        let text = |name: &str| sections.get(name).map_or("", String::as_str);
        let link = |line: &str| Some(line.split(": ").nth(1)?.split('@').next()?.to_owned());
        let value = |line: &str| line.split_once(':').map(|(path, value)| (path.to_owned(), value.to_owned()));
        Self {
            states: parse_states(text("states")).items,
            policies: parse_policies(text("policies")).items.into_iter().filter(|policy| !policy.socket).collect(),
            rules: parse_rules(text("rules")).items,
            routes: parse_routes(text("routes"), &TableId::MAIN).items.into_iter().filter(is_told).collect(),
            values: text("values").lines().filter_map(value).collect(),
            up: text("links").lines().filter_map(link).collect(),
        }
    }

    /// What has to be told to a node that is `now` like that, so that it becomes like this again; empty when it is. Only
    /// differences are told: a state that nobody touched keeps its counters.
    pub(super) fn script_from(&self, now: &Self) -> String {
        let mut script = String::new();
        for (path, value) in self.values.iter().filter(|(path, value)| now.values.get(*path) != Some(value)) {
            let _ = writeln!(script, "echo {} >{}", quoted(value), quoted(&format!("/proc/sys/net/ipv4/{path}")));
        }
        let mut lines = String::new();
        let mut tell = |line: String| {
            lines.push_str(&line);
            lines.push('\n');
        };
        for device in self.up.difference(&now.up) {
            tell(format!("link set {device} up"));
        }
        // What goes, goes first: a state in the place of another has its identity.
        missing(&now.routes, &self.routes, |one, other| one == other)
            .for_each(|route| tell(format!("route del {}", route_words(route))));
        // Rules of one priority are asked in the order in which they came: one that is missing brings back all of them.
        let other_order = |rule: &&Rule| at(&self.rules, rule.priority) != at(&now.rules, rule.priority);
        now.rules.iter().filter(other_order).for_each(|rule| tell(format!("rule del {}", rule_words(rule))));
        missing(&now.policies, &self.policies, same_policy)
            .for_each(|policy| tell(format!("xfrm policy delete {}", policy_id(policy))));
        missing(&now.states, &self.states, same_state)
            .for_each(|state| tell(format!("xfrm state delete {}", state_id(state))));
        let routes: Vec<Route> = missing(&self.routes, &now.routes, |one, other| one == other).cloned().collect();
        for route in in_order(&routes) {
            tell(format!("route add {}", route_words(route)));
        }
        self.rules.iter().filter(other_order).for_each(|rule| tell(format!("rule add {}", rule_words(rule))));
        // The kernel prints what was added last first.
        let states: Vec<&State> = missing(&self.states, &now.states, same_state).collect();
        states
            .into_iter()
            .rev()
            .for_each(|state| tell(format!("xfrm state add {}{}", state_words(state), going_on(state))));
        let policies: Vec<&Policy> = missing(&self.policies, &now.policies, same_policy).collect();
        policies.into_iter().rev().for_each(|policy| tell(format!("xfrm policy add {}", policy_words(policy))));
        if !lines.is_empty() {
            let _ = write!(script, "ip -force -batch - <<'END'\n{lines}END\n");
        }
        script
    }
}

/// The rules of a priority, in their order.
fn at(rules: &[Rule], priority: u32) -> Vec<&Rule> {
    rules.iter().filter(|rule| rule.priority == priority).collect()
}

/// What is in one list and not in the other.
fn missing<'l, T>(from: &'l [T], other: &'l [T], same: fn(&T, &T) -> bool) -> impl Iterator<Item = &'l T> {
    from.iter().filter(move |one| !other.iter().any(|own| same(one, own)))
}

/// A route that somebody told: the kernel's own come with addresses and devices.
fn is_told(route: &Route) -> bool {
    route.protocol != Protocol::KERNEL || (route.table != TableId::LOCAL && route.dst.addr.is_ipv4())
}

/// Whether two states are alike but for what packets do to them.
fn same_state(one: &State, other: &State) -> bool {
    let still = |state: &State| State { replay: None, stats: None, lastused: None, ..state.clone() };
    still(one) == still(other)
}

fn same_policy(one: &Policy, other: &Policy) -> bool {
    let still = |policy: &Policy| Policy { stats: None, index: None, ..policy.clone() };
    still(one) == still(other)
}

/// Where the sequence numbers of a state that is made anew begin.
fn going_on(state: &State) -> String {
    match &state.replay {
        Some(replay) if replay.sent() > 0 => {
            let next = replay.sent().saturating_add(SKIP);
            let high = matches!(replay, Replay::Esn { .. }).then(|| format!(" replay-oseq-hi {:#x}", next >> 32));
            format!(" replay-oseq {:#x}{}", next & 0xffff_ffff, high.unwrap_or_default())
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: &str = "### states
src 10.0.0.66 dst 10.0.1.236
\tproto esp spi 0x00000003 reqid 1 mode tunnel
\treplay-window 0
\tmark 0x3e00/0xff00 output-mark 0xe00/0xf00
\taead rfc4106(gcm(aes)) 0x6c6561726e2d79612d6769722d742d65732d6531 128
\tanti-replay context: seq 0x0, oseq 0x5, bitmap 0x00000000
\tsel src 0.0.0.0/0 dst 0.0.0.0/0
### policies
src 10.0.0.0/24 dst 10.0.1.0/24
\tdir out priority 0
\tmark 0x3e00/0xff00
\ttmpl src 10.0.0.66 dst 10.0.1.236
\t\tproto esp spi 0x00000003 reqid 1 mode tunnel
### rules
1:\tfrom all fwmark 0xd00/0xf00 lookup 200
1:\tfrom all fwmark 0xe00/0xf00 lookup 200
100:\tfrom all lookup local
### routes
local 10.0.0.0/24 dev eth0 table 200 proto 50 scope host
default via 172.18.0.1 dev eth0
172.18.0.0/16 dev eth0 proto kernel scope link src 172.18.0.3
local 172.18.0.3 dev eth0 table local proto kernel scope host src 172.18.0.3
### links
7: eth0@if8: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500
### values
ip_forward:1
conf/cilium_net/accept_local:1
";

    fn from(now: &str) -> String {
        Snapshot::read(NODE).script_from(&Snapshot::read(now))
    }

    #[test]
    fn a_node_that_is_as_it_was_is_told_nothing_whatever_its_counters_say() {
        assert_eq!(from(&NODE.replace("oseq 0x5", "oseq 0x9")), "");
    }

    #[test]
    fn a_state_that_is_made_anew_never_uses_an_iv_again() {
        let end = NODE.find("### policies").expect("policies");
        let script = from(&NODE[end..]);
        assert_eq!(
            script,
            "ip -force -batch - <<'END'\nxfrm state add src 10.0.0.66 dst 10.0.1.236 proto esp spi 0x3 mark 0x3e00 mask 0xff00 \
             reqid 1 mode tunnel output-mark 0xe00 mask 0xf00 aead rfc4106(gcm(aes)) \
             0x6c6561726e2d79612d6769722d742d65732d6531 128 sel src 0.0.0.0/0 dst 0.0.0.0/0 replay-oseq 0x10005\nEND\n"
        );
    }

    #[test]
    fn what_came_goes_and_what_went_comes_back() {
        let now = NODE
            .replace("ip_forward:1", "ip_forward:0")
            .replace("1:\tfrom all fwmark 0xd00/0xf00 lookup 200\n", "7:\tfrom all lookup 9\n")
            .replace("default via 172.18.0.1 dev eth0\n", "10.7.0.0/16 via 172.18.0.9 dev eth0\n")
            .replace("7: eth0@if8", "8: other");
        assert_eq!(
            from(&now),
            "echo 1 >/proc/sys/net/ipv4/ip_forward\nip -force -batch - <<'END'\nlink set eth0 up\n\
             route del 10.7.0.0/16 via 172.18.0.9 dev eth0 scope global\n\
             rule del from all lookup 9 pref 7\nrule del from all fwmark 0xe00/0xf00 lookup 200 pref 1\n\
             route add 0.0.0.0/0 via 172.18.0.1 dev eth0 scope global\n\
             rule add from all fwmark 0xd00/0xf00 lookup 200 pref 1\n\
             rule add from all fwmark 0xe00/0xf00 lookup 200 pref 1\nEND\n"
        );
    }
}
