use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use super::engine::ANSWER;
use super::keeper::Keeper;
use super::node::Node;
use super::pod::{Pod, Way, read_pods};
use crate::route::{TableId, parse_routes};
use crate::xfrm::{Prefix, State, parse_states};

/// The cluster in the words of its own nodes and of its API, read a moment ago.
#[derive(Default)]
pub(super) struct Survey {
    nodes: BTreeMap<String, Told>,
    /// The pods that commands can run in.
    pub(super) pods: Vec<Pod>,
}

/// What one node's tools told.
#[derive(Default)]
struct Told {
    /// The address of `cilium_host`.
    host: Option<IpAddr>,
    pod_cidr: Option<Prefix>,
    /// Without their keys.
    states: Vec<State>,
    /// Devices by number.
    links: BTreeMap<u32, String>,
    spaces: Vec<Space>,
}

/// A named network namespace.
#[derive(Debug, PartialEq, Eq)]
struct Space {
    name: String,
    addresses: Vec<IpAddr>,
    /// The number, on the node, of the other end of its `eth0`.
    peer: Option<u32>,
}

/// What a node is asked. No key leaves it: the survey needs none.
const QUESTIONS: &str = r#"echo '### addresses'; ip -o addr
echo '### links'; ip -o link
echo '### routes'; ip route
echo '### states'; ip xfrm state | grep -vE '^[[:space:]]*(aead|auth|auth-trunc|enc|comp) '
echo '### spaces'
for space in /run/netns/*; do
  [ -e "$space" ] || continue
  space=${space##*/}
  printf '## %s\n' "$space"; ip -n "$space" -o addr show dev eth0; ip -n "$space" -o link show dev eth0
done
if [ -r /etc/kubernetes/admin.conf ] && command -v kubectl >/dev/null; then
  echo '### pods'; kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=10s get pods -A -o json
fi 2>/dev/null"#;

/// The namespaces of Kubernetes' pods are named so by containerd.
const OF_KUBERNETES: &str = "cni-";

impl Survey {
    /// Asks all these nodes at once, through their keepers. One that does not answer in time is left out.
    pub(super) fn take<'k>(nodes: impl Iterator<Item = (&'k str, &'k mut Keeper)>) -> Self {
        let asked: Vec<(&str, &mut Keeper, u64)> = nodes
            .map(|(name, keeper)| {
                let question = keeper.ask(QUESTIONS, ANSWER);
                (name, keeper, question)
            })
            .collect();
        let until = Instant::now() + ANSWER;
        let mut survey = Self::default();
        let mut of_kubernetes = None;
        for (name, keeper, question) in asked {
            let Ok(looked) = keeper.answer(question, until) else { continue };
            let sections = sections(&String::from_utf8_lossy(&looked.output), "### ");
            of_kubernetes = of_kubernetes.or_else(|| read_pods(sections.get("pods")?));
            survey.nodes.insert(name.to_owned(), Told::read(&sections));
        }
        survey.pods = of_kubernetes.unwrap_or_else(|| survey.named_spaces());
        survey
    }

    /// Where the cluster's API does not answer, or there is none, the pods are the namespaces that somebody named.
    fn named_spaces(&self) -> Vec<Pod> {
        let of_node = |(node, told): (&String, &Told)| {
            let own = told.spaces.iter().filter(|space| !space.name.starts_with(OF_KUBERNETES));
            let pod = |space: &Space| Pod {
                name: space.name.clone(),
                node: node.clone(),
                addresses: space.addresses.clone(),
                way: Way::Namespace(space.name.clone()),
            };
            own.map(pod).collect::<Vec<_>>()
        };
        let mut pods: Vec<Pod> = self.nodes.iter().flat_map(of_node).collect();
        pods.sort_by(|one, other| one.name.cmp(&other.name));
        pods
    }

    /// The values that lessons speak through, as far as they are known.
    pub(super) fn facts(&self, cluster: &str, nodes: &[Node]) -> BTreeMap<String, String> {
        let mut facts = BTreeMap::from([("cluster".to_owned(), cluster.to_owned())]);
        let mut say = |name: String, value: Option<String>| {
            if let Some(value) = value {
                facts.insert(name, value);
            }
        };
        let told =
            |alias: &str| nodes.iter().find(|node| node.is_called(alias)).and_then(|node| self.nodes.get(&node.name));
        for (alias, letter) in [("worker", "a"), ("worker2", "b"), ("control-plane", "c")] {
            let variable = alias.replace('-', "_");
            let node = nodes.iter().find(|node| node.is_called(alias));
            say(variable.clone(), Some(format!("{cluster}-{alias}")));
            say(format!("{variable}_ip"), node.and_then(|node| node.address).map(|address| address.to_string()));
            say("gateway".to_owned(), node.and_then(|node| node.gateway).map(|gateway| gateway.to_string()));
            let Some(told) = told(alias) else { continue };
            say(format!("cilium_host_{letter}"), told.host.map(|host| host.to_string()));
            say(format!("pod_cidr_{letter}"), told.pod_cidr.map(|cidr| cidr.to_string()));
        }
        for (name, letter) in [("pod-a", "a"), ("pod-b", "b")] {
            say(format!("pod_{letter}"), Some(name.to_owned()));
            let Some(pod) = self.pods.iter().find(|pod| pod.name == name) else { continue };
            let address = pod.addresses.iter().find(|address| address.is_ipv4());
            say(format!("pod_{letter}_ip"), address.map(ToString::to_string));
            let on_node = self.nodes.get(&pod.node);
            say(format!("lxc_{letter}"), address.and_then(|address| on_node?.device_of(*address)).map(str::to_owned));
        }
        // From the states of worker that lead to worker2: the newest, which is the one in use.
        let towards = || {
            let (from, to) = (told("worker")?, told("worker2")?);
            from.states.iter().find(|state| Some(state.src) == from.host && Some(state.dst) == to.host)
        };
        if let Some(state) = towards() {
            say("spi".to_owned(), Some(state.spi.to_string()));
            say("encrypt_mark".to_owned(), state.mark.map(|mark| mark.to_string()));
        }
        facts
    }
}

impl Told {
    fn read(sections: &BTreeMap<String, String>) -> Self {
        let text = |name: &str| sections.get(name).map_or("", String::as_str);
        let host = addresses(text("addresses"))
            .into_iter()
            .find(|(device, address)| device == "cilium_host" && address.is_ipv4())
            .map(|(_, address)| address);
        // `10.0.0.0/24 via 10.0.0.66 dev cilium_host src 10.0.0.66`: the node's own pods.
        let routes = parse_routes(text("routes"), &TableId::MAIN).items;
        let own = routes.iter().find(|route| {
            route.dev.as_deref() == Some("cilium_host")
                && route.src.is_some()
                && route.src == host
                && route.dst.len < 32
        });
        let spaces = self::sections(text("spaces"), "## ").into_iter().map(|(name, text)| {
            let own =
                addresses(&text).into_iter().map(|(_, address)| address).filter(|address| !is_link_local(*address));
            let (addresses, peer) = (own.collect(), text.lines().find_map(peer));
            Space { name, addresses, peer }
        });
        Self {
            host,
            pod_cidr: own.map(|route| route.dst),
            states: parse_states(text("states")).items,
            links: text("links").lines().filter_map(link).collect(),
            spaces: spaces.collect(),
        }
    }

    /// The node's device that leads to the pod with that address.
    fn device_of(&self, address: IpAddr) -> Option<&str> {
        let space = self.spaces.iter().find(|space| space.addresses.contains(&address))?;
        self.links.get(&space.peer?).map(String::as_str)
    }
}

/// The parts of a text, by the headings before them.
pub(super) fn sections(text: &str, heading: &str) -> BTreeMap<String, String> {
    let mut sections = BTreeMap::new();
    let mut part: Option<&mut String> = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix(heading) {
            part = Some(sections.entry(name.to_owned()).or_default());
        } else if let Some(part) = &mut part {
            part.push_str(line);
            part.push('\n');
        }
    }
    sections
}

/// Devices and addresses of `ip -o addr`: `3: eth0    inet 10.0.0.144/32 scope global eth0 …`.
fn addresses(text: &str) -> Vec<(String, IpAddr)> {
    let address = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let device = words.next()?.split('@').next()?.to_owned();
        words.next().filter(|family| family.starts_with("inet"))?;
        let address = words.next()?.split('/').next()?.parse().ok()?;
        Some((device, address))
    };
    text.lines().filter_map(address).collect()
}

/// Number and name of a line of `ip -o link`: `12: lxc9f1c7a20d5e3@if3: <BROADCAST…`.
fn link(line: &str) -> Option<(u32, String)> {
    let (number, rest) = line.split_once(": ")?;
    let name = rest.split([':', '@', ' ']).next()?;
    Some((number.trim().parse().ok()?, name.to_owned()))
}

/// The number of the other end: `3: eth0@if12: <BROADCAST…`.
fn peer(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once(": eth0@if")?;
    rest.split(':').next()?.parse().ok()
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a node of the course answers.
    const WORKER: &str = "### addresses
1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
3: cilium_host    inet 10.0.0.66/32 scope link cilium_host\\       valid_lft forever preferred_lft forever
7: eth0    inet 172.18.0.3/16 brd 172.18.255.255 scope global eth0\\       valid_lft forever preferred_lft forever
### links
2: cilium_net@cilium_host: <BROADCAST,MULTICAST,NOARP,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000\\    link/ether 5a:02:0a:00:00:42 brd ff:ff:ff:ff:ff:ff
12: lxc9f1c7a20d5e3@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000\\    link/ether 5a:03:0a:00:00:90 brd ff:ff:ff:ff:ff:ff link-netnsid 0
### routes
default via 172.18.0.1 dev eth0
10.0.0.0/24 via 10.0.0.66 dev cilium_host src 10.0.0.66
10.0.0.66 dev cilium_host scope link
10.0.1.0/24 via 172.18.0.2 dev eth0
### states
src 10.0.0.66 dst 10.0.1.236
\tproto esp spi 0x00000003 reqid 1 mode tunnel
\treplay-window 0
\tmark 0x3e00/0xff00 output-mark 0xe00/0xf00
\tanti-replay context: seq 0x0, oseq 0x5, bitmap 0x00000000
\tsel src 0.0.0.0/0 dst 0.0.0.0/0
### spaces
## cni-1a5c8e21-0000-4f5a-9d47-2b5d8e8b3f60
2: eth0    inet 10.0.0.144/32 scope global eth0\\       valid_lft forever preferred_lft forever
2: eth0    inet6 fe80::5804:aff:fe00:90/64 scope link \\       valid_lft forever preferred_lft forever
2: eth0@if12: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000\\    link/ether 5a:04:0a:00:00:90 brd ff:ff:ff:ff:ff:ff link-netnsid 0
";

    fn node(alias: &str) -> Node {
        Node {
            name: format!("c-{alias}"),
            alias: Some(alias.to_owned()),
            container: alias.to_owned(),
            address: "172.18.0.3".parse().ok(),
            gateway: "172.18.0.1".parse().ok(),
            is_control_plane: false,
            running: true,
        }
    }

    fn survey() -> Survey {
        let other =
            WORKER.replace("10.0.1.236", "10.9.9.9").replace("10.0.0.", "10.0.1.").replace("10.0.1.66", "10.0.1.236");
        let told = |text: &str| Told::read(&sections(text, "### "));
        let nodes = BTreeMap::from([("c-worker".to_owned(), told(WORKER)), ("c-worker2".to_owned(), told(&other))]);
        Survey { nodes, pods: Vec::new() }
    }

    #[test]
    fn facts_come_from_what_the_nodes_tools_say() {
        let way = Way::Node;
        let addresses = vec!["10.0.0.144".parse().expect("an address")];
        let pods = vec![Pod { name: "pod-a".into(), node: "c-worker".into(), addresses, way }];
        let facts = Survey { pods, ..survey() }.facts("c", &[node("worker"), node("worker2")]);
        for (name, value) in [
            ("worker", "c-worker"),
            ("worker_ip", "172.18.0.3"),
            ("gateway", "172.18.0.1"),
            ("cilium_host_a", "10.0.0.66"),
            ("cilium_host_b", "10.0.1.236"),
            ("pod_cidr_a", "10.0.0.0/24"),
            ("pod_cidr_b", "10.0.1.0/24"),
            ("pod_a_ip", "10.0.0.144"),
            ("lxc_a", "lxc9f1c7a20d5e3"),
            ("spi", "0x00000003"),
            ("encrypt_mark", "0x3e00/0xff00"),
        ] {
            assert_eq!(facts.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert_eq!(facts.get("cilium_host_c"), None);
    }

    #[test]
    fn only_namespaces_that_somebody_named_stand_for_pods() {
        let mut survey = survey();
        assert_eq!(survey.named_spaces(), []);
        let text = WORKER.replace("cni-1a5c8e21-0000-4f5a-9d47-2b5d8e8b3f60", "pod-a");
        survey.nodes.insert("c-worker".to_owned(), Told::read(&sections(&text, "### ")));
        let pods = survey.named_spaces();
        assert_eq!((pods.len(), pods[0].name.as_str(), pods[0].node.as_str()), (1, "pod-a", "c-worker"));
        assert_eq!(pods[0].addresses.len(), 1, "link-local addresses are no pod's");
    }

    #[test]
    fn text_that_is_none_of_a_tools_tells_nothing() {
        let told = Told::read(&sections("### addresses\nx\n3:\n### links\n: :\n### spaces\n## \n: eth0@if", "### "));
        assert!(told.host.is_none() && told.links.is_empty() && told.spaces.len() == 1);
    }
}
