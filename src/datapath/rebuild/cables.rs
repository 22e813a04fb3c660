//! Which device is the other end of which.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::stack::{Built, NOW};
use super::{Link, LinkPeer};
use crate::datapath::{
    Cluster, Device, DeviceKind, IfIndex, Mac, Neighbour, NeighbourState, Port, Stack, StackId, gateway_of, network,
};
use crate::route::TableId;
use crate::xfrm::Prefix;

/// Puts the stacks into one cluster and joins their devices: pairs within a node by their names, a pod's `eth0` and its
/// node's device by their numbers, and the nodes' devices on one subnet by a network between them, which is a stack
/// without a name.
pub(super) fn join(built: &[Built]) -> Cluster {
    let mut cluster = Cluster::new(1, NOW);
    for own in built {
        cluster.add_stack(own.stack.clone());
    }
    for (at, own) in built.iter().enumerate() {
        for link in &own.links {
            if let Some(peer) = peer(built, at, link) {
                plug(&mut cluster, Port { stack: StackId(at), device: link.index }, peer);
            }
        }
    }
    lay_networks(&mut cluster, built);
    cluster
}

fn peer(built: &[Built], at: usize, link: &Link) -> Option<Port> {
    match link.peer.as_ref()? {
        LinkPeer::Here(name) => {
            let peer = built.get(at)?.links.iter().find(|other| other.name == *name)?;
            Some(Port { stack: StackId(at), device: peer.index })
        }
        LinkPeer::Elsewhere(index) => {
            let fits = |other: &&Link| {
                other.index == *index && other.peer == Some(LinkPeer::Elsewhere(link.index)) && other.name != "lo"
            };
            let candidates = built.iter().enumerate().filter(|(other, _)| *other != at);
            let found: Vec<(u8, usize)> = candidates
                .filter_map(|(other, own)| {
                    let peer = own.links.iter().find(fits)?;
                    let by_name =
                        |link: &Link, stack: &Stack| link.netns.as_ref().is_some_and(|name| *name == stack.name);
                    let named = by_name(link, &own.stack) && by_name(peer, &built.get(at)?.stack);
                    let near = belongs(built.get(at)?, link, own, peer);
                    (named || near).then_some((2 * u8::from(named) + u8::from(near), other))
                })
                .collect();
            let best = found.iter().map(|(rank, _)| *rank).max()?;
            let mut of_the_best = found.iter().filter(|(rank, _)| *rank == best);
            let (_, stack) = of_the_best.next()?;
            // Of two that fit alike neither is taken.
            of_the_best.next().is_none().then_some(Port { stack: StackId(*stack), device: *index })
        }
    }
}

/// Whether two ends can be those of one cable: a pod's gateway is the node's, or both have an address on one subnet.
fn belongs(one: &Built, one_link: &Link, other: &Built, other_link: &Link) -> bool {
    let pod_of = |pod: &Built, node: &Built| {
        let gateways = pod.stack.routes.iter().filter(|route| route.table == TableId::MAIN).filter_map(gateway_of);
        !pod.is_node && node.is_node && gateways.filter(IpAddr::is_ipv4).any(|gateway| node.stack.has_address(gateway))
    };
    let subnets = |link: &Link| {
        let own = link.addresses.iter().filter(|own| own.address.is_ipv4() && own.prefix_len < 32);
        own.map(|own| network(own.address, own.prefix_len)).collect::<Vec<_>>()
    };
    pod_of(one, other) || pod_of(other, one) || subnets(one_link).iter().any(|own| subnets(other_link).contains(own))
}

/// Joins two ends.
pub(super) fn plug(cluster: &mut Cluster, one: Port, other: Port) {
    for (own, end) in [(one, other), (other, one)] {
        let device = cluster.stack_mut(own.stack).and_then(|stack| stack.device_at_mut(own.device));
        if let Some(DeviceKind::Veth { peer, .. }) = device.map(|device| &mut device.kind) {
            *peer = Some(end);
        }
    }
}

/// The devices whose other end is in no text, by the subnet of their address: each subnet becomes a bridge with a port for
/// each of them, and one that leads to everybody else.
fn lay_networks(cluster: &mut Cluster, built: &[Built]) {
    let mut subnets: BTreeMap<(IpAddr, u8), Vec<(Port, Mac)>> = BTreeMap::new();
    for (at, own) in built.iter().enumerate() {
        let Some(stack) = cluster.stack(StackId(at)) else { continue };
        for link in &own.links {
            let loose = stack
                .device_at(link.index)
                .is_some_and(|device| matches!(device.kind, DeviceKind::Veth { peer: None, master: None }));
            let subnet = link.addresses.iter().find(|address| address.address.is_ipv4() && address.prefix_len < 32);
            if let (true, Some(address)) = (loose, subnet) {
                let Prefix { addr, len } = network(address.address, address.prefix_len);
                let port = Port { stack: StackId(at), device: link.index };
                subnets.entry((addr, len)).or_default().push((port, link.mac.unwrap_or_default()));
            }
        }
    }
    for ((addr, len), ports) in subnets {
        know_routers(cluster, Prefix { addr, len }, &ports);
        lay_network(cluster, &ports);
    }
}

/// A router that is no node is there all the same: whoever has a route by it and no entry for it would get an answer.
fn know_routers(cluster: &mut Cluster, subnet: Prefix, ports: &[(Port, Mac)]) {
    let known: Vec<IpAddr> = cluster
        .stacks
        .iter()
        .flat_map(|stack| &stack.devices)
        .flat_map(|device| &device.addresses)
        .map(|own| own.address)
        .collect();
    for (port, _) in ports {
        let Some(stack) = cluster.stack_mut(port.stack) else { continue };
        let mut routers: Vec<IpAddr> = stack.routes.iter().filter_map(gateway_of).collect();
        routers.retain(|router| subnet.contains(*router) && !known.contains(router));
        routers
            .retain(|router| !stack.neighbours.iter().any(|own| own.address == *router && own.device == port.device));
        routers.sort();
        routers.dedup();
        let made = routers
            .into_iter()
            .map(|router| Neighbour::new(port.device, router, NeighbourState::Stale, Some(ROUTER), NOW));
        stack.neighbours.extend(made);
    }
}

/// The Ethernet address of a router that no text knows.
const ROUTER: Mac = Mac([2, 0, 0, 0, 0, 0xfe]);

const BRIDGE: IfIndex = IfIndex(2);
const BEYOND: IfIndex = IfIndex(3);

fn lay_network(cluster: &mut Cluster, ports: &[(Port, Mac)]) {
    let mut stack = Stack::new("");
    let port_of = |at: usize| IfIndex(BEYOND.0 + 1 + at as u32);
    let mut seen: BTreeMap<Mac, IfIndex> = BTreeMap::new();
    let known = cluster.stacks.iter().flat_map(|stack| &stack.neighbours).filter_map(|neighbour| neighbour.mac);
    seen.extend(known.map(|mac| (mac, BEYOND)));
    seen.extend(ports.iter().enumerate().map(|(at, (_, mac))| (*mac, port_of(at))));
    let up = |index: IfIndex, name: &str, kind: DeviceKind| {
        let mut device = Device::new(index, name, kind, Mac([2, 0, 0, 0, 0, index.0 as u8]), 65535);
        device.up = true;
        device
    };
    let to_bridge = |peer: Option<Port>| DeviceKind::Veth { peer, master: Some(BRIDGE) };
    stack.add_device(up(BRIDGE, "network", DeviceKind::Bridge { seen }));
    stack.add_device(up(BEYOND, "beyond", to_bridge(None)));
    for (at, (port, _)) in ports.iter().enumerate() {
        stack.add_device(up(port_of(at), &format!("port{at}"), to_bridge(Some(*port))));
    }
    let id = cluster.add_stack(stack);
    for (at, (port, _)) in ports.iter().enumerate() {
        plug(cluster, *port, Port { stack: id, device: port_of(at) });
    }
}
