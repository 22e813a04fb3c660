use super::{Map, MapNode, MapRow};
use crate::course::{Facts, Role};
use crate::words::Words;

/// What a map of the course's cluster is drawn from.
pub struct Cluster<'a> {
    /// The lab's values; before there is a cluster, the plan's.
    pub facts: &'a Facts,
    /// Whether it is simulated, which the title says.
    pub simulated: bool,
    /// The place where the learner is.
    pub here: Option<&'a str>,
    /// The packets that were seen at a device of a node, by their numbers.
    pub packets: &'a dyn Fn(Role, &str) -> Vec<usize>,
}

impl Map {
    /// The map of the course's cluster. What is said below it is for the caller to add.
    pub fn of_cluster(cluster: &Cluster<'_>, words: &Words) -> Self {
        let gateway = cluster.facts.get("gateway").cloned().unwrap_or_default();
        Self {
            title: words.say(if cluster.simulated { "ui-map-simulated" } else { "ui-map" }, &[]),
            nodes: NODES.iter().map(|plan| plan.node(cluster, words)).collect(),
            wire: words.say("ui-map-wire", &[("gateway", gateway.into())]).trim_end().to_owned(),
            legend: vec![words.say("ui-map-legend", &[])],
            packets: words.say("ui-map-packets", &[]),
        }
    }
}

/// What stands on a node, by the names of the lab's facts.
struct Plan {
    role: Role,
    pod: Option<(&'static str, &'static str, &'static str)>,
    host: &'static str,
    eth0: &'static str,
}

const NODES: [Plan; 3] = [
    Plan { role: Role::Worker, pod: Some(("pod-a", "pod_a_ip", "lxc_a")), host: "cilium_host_a", eth0: "worker_ip" },
    Plan { role: Role::Worker2, pod: Some(("pod-b", "pod_b_ip", "lxc_b")), host: "cilium_host_b", eth0: "worker2_ip" },
    Plan { role: Role::ControlPlane, pod: None, host: "cilium_host_c", eth0: "control_plane_ip" },
];

impl Plan {
    fn node(&self, cluster: &Cluster<'_>, words: &Words) -> MapNode {
        let fact = |name: &str| cluster.facts.get(name).cloned().unwrap_or_default();
        let row = |name: &str, what: String, pair: bool| MapRow {
            name: name.to_owned(),
            what,
            packets: (cluster.packets)(self.role, name),
            pair,
        };
        let mut rows = Vec::new();
        if let Some((pod, address, device)) = self.pod {
            rows.push(row(pod, fact(address), true));
            let device = cluster.facts.get(device).cloned().unwrap_or_else(|| "lxc…".to_owned());
            rows.push(row(&device, words.say("ui-map-lxc", &[]), false));
        }
        rows.push(row("cilium_host", fact(self.host), true));
        rows.push(row("cilium_net", words.say("ui-map-net", &[]), false));
        rows.push(row("eth0", fact(self.eth0), false));
        let here = cluster
            .here
            .is_some_and(|here| here == self.role.name() || self.pod.is_some_and(|(pod, _, _)| here == pod));
        MapNode { name: self.role.name().to_owned(), here: here.then(|| words.say("ui-state-here", &[])), rows }
    }
}
