use super::{Reply, takes_nothing};
use crate::lab::LabKind;
use crate::render::{Cluster, Map};
use crate::shell::live::MANY;
use crate::shell::session::Session;
use crate::trouble::Trouble;

/// `:map`: the cluster, and where the packets of the last line have been.
pub(super) fn map(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "map", rest)?;
    let map = of(session);
    let lines = map.lines(&session.console.look());
    session.console.lines(&lines);
    if seen(session) {
        session.console.raw("\n");
        session.show_packets(session.last_packets, MANY, None);
    }
    Ok(Reply::ON)
}

/// The map as it is now.
pub(super) fn of(session: &mut Session) -> Map {
    let facts = session.facts();
    let feed = &session.feed;
    let from = session.last_packets;
    let packets = |role, device: &str| {
        feed.since(from)
            .filter(|(_, packet)| packet.node == role && packet.seen.device.as_deref() == Some(device))
            .map(|(number, _)| number)
            .collect()
    };
    let simulated = session.lab.kind() == LabKind::Sim;
    let cluster = Cluster { facts: &facts, simulated, here: Some(&session.place), packets: &packets };
    let mut map = Map::of_cluster(&cluster, &session.words);
    let id = match (facts.contains_key("cilium_host_a"), seen(session)) {
        (false, _) => "ui-map-plan",
        (true, true) => "ui-map-seen",
        (true, false) => "ui-map-unseen",
    };
    map.legend.push(session.say(id, &[]));
    map
}

fn seen(session: &Session) -> bool {
    session.feed.since(session.last_packets).next().is_some()
}
