use super::{Reply, takes_nothing};
use crate::course::{Facts, Role};
use crate::lab::LabKind;
use crate::render::{Map, MapNode, MapRow};
use crate::shell::live::MANY;
use crate::shell::session::Session;
use crate::trouble::Trouble;

/// `:map`: the cluster, and where the packets of the last line have been.
pub(super) fn map(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "map", rest)?;
    let facts = session.facts();
    let simulated = session.lab.kind() == LabKind::Sim;
    let title = session.say(if simulated { "ui-map-simulated" } else { "ui-map" }, &[]);
    let built = facts.contains_key("cilium_host_a");
    let nodes = NODES.iter().map(|plan| node(session, plan, &facts)).collect();
    let seen = session.feed.since(session.last_packets).next().is_some();
    let mut legend = vec![session.say("ui-map-legend", &[])];
    legend.push(session.say(
        if !built {
            "ui-map-plan"
        } else if seen {
            "ui-map-seen"
        } else {
            "ui-map-unseen"
        },
        &[],
    ));
    let map = Map {
        title,
        nodes,
        wire: session
            .say("ui-map-wire", &[("gateway", facts.get("gateway").cloned().unwrap_or_default().into())])
            .trim_end()
            .to_owned(),
        legend,
        packets: session.say("ui-map-packets", &[]),
    };
    let lines = map.lines(&session.console.look());
    session.console.lines(&lines);
    if seen {
        session.console.raw("\n");
        session.show_packets(session.last_packets, MANY, None);
    }
    Ok(Reply::ON)
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

fn node(session: &Session, plan: &Plan, facts: &Facts) -> MapNode {
    let fact = |name: &str| facts.get(name).cloned().unwrap_or_default();
    let row = |name: &str, what: String| MapRow {
        name: name.to_owned(),
        what,
        packets: session
            .feed
            .since(session.last_packets)
            .filter(|(_, packet)| packet.node == plan.role && packet.seen.device.as_deref() == Some(name))
            .map(|(number, _)| number)
            .collect(),
    };
    let mut rows = Vec::new();
    if let Some((pod, address, device)) = plan.pod {
        rows.push(row(pod, fact(address)));
        let device = facts.get(device).cloned().unwrap_or_else(|| "lxc…".to_owned());
        rows.push(row(&device, session.say("ui-map-lxc", &[])));
    }
    rows.push(row("cilium_host", fact(plan.host)));
    rows.push(row("cilium_net", session.say("ui-map-net", &[])));
    rows.push(row("eth0", fact(plan.eth0)));
    let here = session.place == plan.role.name() || plan.pod.is_some_and(|(pod, _, _)| session.place == pod);
    MapNode { name: plan.role.name().to_owned(), here: here.then(|| session.say("ui-state-here", &[])), rows }
}
