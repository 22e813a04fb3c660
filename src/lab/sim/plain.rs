//! The course's cluster as a plain kernel has it (`tests/kernel/lab.sh`): the same nodes, pods, routes, states and
//! policies, and tc filters where Cilium has BPF programs. What the simulator says of it can be compared with what a
//! real kernel says.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::process::{Call, Io, Step};
use super::tools::{install, install_base};
use super::{Sim, World, net};
use crate::datapath::{Device, DeviceKind, Filter, HookPoint, IfIndex, Mac, Stack, StackId};
use crate::lab::{Place, PlaceKind};
use crate::xfrm::Prefix;

/// What the nodes' names begin with.
const CLUSTER: &str = "cilium-ipsec-native-routing-";

/// The lab's one key, in every state of every node. A test key.
const AEAD: &str = "aead rfc4106(gcm(aes)) 0x6c6561726e2d79612d6769722d742d65732d6531 128";

/// A node: short name, third octet of its pods' addresses, last octets of `cilium_host` and of `eth0`, and its pod: name,
/// last octet, device on the node.
type Row = (&'static str, u8, u8, u8, Option<(&'static str, u8, &'static str)>);

/// The number of the bridge between the nodes: it is made after their cables.
const BRIDGE: IfIndex = IfIndex(5);

const NODES: [Row; 3] = [
    ("worker", 0, 66, 3, Some(("pod-a", 144, "lxc9f1c7a20d5e3"))),
    ("worker2", 1, 236, 2, Some(("pod-b", 165, "lxc4b80e6f1a7c2"))),
    ("control-plane", 2, 189, 4, None),
];

/// Programs of that lab's places, which are all one Debian.
const PROGRAMS: &[&str] = &[
    "/usr/bin/nc",
    "/usr/bin/nstat",
    "/usr/bin/ping",
    "/usr/bin/ss",
    "/usr/bin/tcpdump",
    "/usr/bin/netstat",
    "/usr/sbin/arp",
    "/usr/sbin/bridge",
    "/usr/sbin/ifconfig",
    "/usr/sbin/ip",
    "/usr/sbin/route",
    "/usr/sbin/sysctl",
    "/usr/sbin/tc",
];

impl Sim {
    /// The cluster as a plain kernel has it, without machine, BPF and Kubernetes: worker, worker2, control-plane, pod-a,
    /// pod-b, and `kind`, the network between the nodes. It has stood for two seconds; lines follow each other at once.
    pub fn plain(seed: u64) -> Self {
        let mut world = World::new(seed);
        build(&mut world);
        furnish(&mut world);
        let mut lab = Self::at_once(world);
        lab.pass(Duration::from_secs(2));
        lab
    }
}

/// Puts the network of the plain cluster in the place of the machine's.
pub(super) fn build(world: &mut World) {
    world.net.cluster.stacks.clear();
    let mut kind = quiet(Stack::new("kind"));
    kind.set_forwarding(true);
    let bridge = DeviceKind::Bridge { seen: BTreeMap::new() };
    kind.add_device(Device::new(BRIDGE, "br-kind", bridge, Mac([2, 0x42, 0x5e, 0x1f, 0xa0, 1]), 1500));
    let kind = world.net.cluster.add_stack(kind);
    ip(world, "kind", "addr add 172.18.0.1/16 brd 172.18.255.255 dev br-kind");
    for (port, row) in (2..).zip(&NODES) {
        add_node(world, kind, IfIndex(port), row);
        add_pod(world, row);
        // A process costs more than what it does: the filters come after the first reports of IPv6.
        world.pass(Duration::from_millis(400));
        add_marks(world, row);
        add_peers(world, row);
    }
    // The network of the nodes comes last.
    ip(world, "kind", "link set br-kind up");
    for (_, _, _, node, _) in NODES {
        ip(world, "kind", &format!("link set veth{node} up"));
    }
}

/// The places' programs and names.
fn furnish(world: &mut World) {
    let mut places = vec![("kind".to_owned(), "kind", PlaceKind::Machine, None, Ipv4Addr::new(172, 18, 0, 1))];
    for (name, net, _, node, pod) in NODES {
        let full = format!("{CLUSTER}{name}");
        places.push((full.clone(), name, PlaceKind::Node, None, Ipv4Addr::new(172, 18, 0, node)));
        if let Some((pod, last, _)) = pod {
            places.push((pod.to_owned(), pod, PlaceKind::Pod, Some(full), Ipv4Addr::new(10, 0, net, last)));
        }
    }
    for (name, alias, kind, node, address) in places {
        let files = world.files.entry(name.clone()).or_default();
        install_base(files, PlaceKind::Machine);
        for program in PROGRAMS {
            install(files, program);
        }
        let aliases = if alias == name { Vec::new() } else { vec![alias.to_owned()] };
        world.plain.push(Place { name, aliases, kind, node, addresses: vec![IpAddr::V4(address)] });
    }
}

/// No address is asked about, and no router for.
fn quiet(mut stack: Stack) -> Stack {
    stack.sysctl.accept_dad = false;
    stack.sysctl.solicits_routers = false;
    stack
}

fn add_node(world: &mut World, kind: StackId, port: IfIndex, &(name, net, host, node, _): &Row) {
    let cluster = &mut world.net.cluster;
    let mut stack = quiet(Stack::new(format!("{CLUSTER}{name}")));
    stack.set_forwarding(true);
    stack.set_ipv6_forwarding(true);
    stack.sysctl.default.send_redirects = false;
    stack.sysctl.all.send_redirects = false;
    let id = cluster.add_stack(stack);
    let outside = format!("veth{node}");
    let mac = |a, b, address: [u8; 4]| Mac([a, b, address[0], address[1], address[2], address[3]]);
    let eth0 = mac(2, 0x42, [172, 18, 0, node]);
    cluster.add_veth((id, "eth0", IfIndex(2), eth0), (kind, &outside, port, Mac([2, 2, 2, 2, 2, node])));
    let host_mac = mac(0x5a, 1, [10, 0, net, host]);
    let net_mac = mac(0x5a, 2, [10, 0, net, host]);
    cluster.add_veth((id, "cilium_host", IfIndex(4), host_mac), (id, "cilium_net", IfIndex(3), net_mac));
    let cable = cluster.stack_mut(kind).and_then(|kind| kind.device_mut(&outside)).map(|device| &mut device.kind);
    if let Some(DeviceKind::Veth { master, .. }) = cable {
        *master = Some(BRIDGE);
    }
    ip(
        world,
        name,
        &format!(
            "addr add 172.18.0.{node}/16 brd 172.18.255.255 dev eth0\nlink set eth0 up\n\
             route add default via 172.18.0.1 dev eth0\nlink set cilium_net arp off up\n\
             link set cilium_host arp off up\naddr add 10.0.{net}.{host}/32 dev cilium_host scope link\n\
             rule add fwmark 0xd00/0xf00 lookup 200 pref 1\nrule add fwmark 0xe00/0xf00 lookup 200 pref 1\n\
             rule add fwmark 0x200/0xf00 lookup 2004 pref 9\nrule add lookup local pref 100\n\
             rule del lookup local pref 0\nroute add local 0.0.0.0/0 dev lo table 2004\n\
             route add local 10.0.{net}.0/24 dev eth0 proto 50 scope host table 200\n\
             route add 10.0.{net}.{host} dev cilium_host scope link\n\
             route add 10.0.{net}.0/24 via 10.0.{net}.{host} dev cilium_host src 10.0.{net}.{host}"
        ),
    );
    for device in ["cilium_net", "cilium_host"] {
        let stack = world.net.cluster.stack_mut(id);
        if let Some(device) = stack.and_then(|stack| stack.device_mut(device)) {
            device.conf.accept_local = true;
        }
    }
}

fn add_pod(world: &mut World, &(node, net, host, _, pod): &Row) {
    let Some((pod, last, device)) = pod else { return };
    let cluster = &mut world.net.cluster;
    let Some(on) = cluster.find(&format!("{CLUSTER}{node}")) else { return };
    let id = cluster.add_stack(quiet(Stack::new(pod)));
    let mac = |end| Mac([0x5a, end, 10, 0, net, last]);
    cluster.add_veth((on, device, IfIndex(5), mac(3)), (id, "eth0", IfIndex(2), mac(4)));
    ip(world, pod, "link set eth0 up");
    ip(world, node, &format!("link set {device} up\nroute add 10.0.{net}.{last} dev {device} proto kernel scope link"));
    ip(
        world,
        pod,
        &format!(
            "addr add 10.0.{net}.{last}/32 dev eth0\nroute add 10.0.{net}.{host} dev eth0 scope link\n\
             route add default via 10.0.{net}.{host} dev eth0 mtu 1423"
        ),
    );
}

/// What Cilium's programs do to a packet's mark.
fn add_marks(world: &mut World, &(name, net, _, _, pod): &Row) {
    let now = world.now();
    let cluster = &mut world.net.cluster;
    let Some(stack) = cluster.find(&format!("{CLUSTER}{name}")).and_then(|id| cluster.stack_mut(id)) else { return };
    let pods = |net: u8| Some(Prefix { addr: Ipv4Addr::new(10, 0, net, 0).into(), len: 24 });
    let marked = |mark| Filter { mark: Some(mark), ..Filter::default() };
    let peers = NODES.iter().filter(|(peer, ..)| *peer != name);
    let encrypt = peers.map(|(_, peer, ..)| Filter { destination: pods(*peer), ..marked(0x3e00) }).collect();
    let clear = vec![Filter { to_host: true, ..marked(0) }];
    let decrypt = vec![Filter { protocol: Some(50), ..marked(0xd00) }, Filter { destination: pods(net), ..marked(0) }];
    let lxc = pod.map(|(.., device)| (device, encrypt));
    for (device, filters) in lxc.into_iter().chain([("cilium_net", clear), ("eth0", decrypt)]) {
        let Some(device) = stack.device(device).map(|device| device.index) else { continue };
        stack.add_clsact(device);
        for (preference, mut filter) in (1..).zip(filters) {
            (filter.preference, filter.statistics.installed) = (preference, now);
            let added = stack.add_filter(device, HookPoint::Ingress, filter, false);
            debug_assert!(added.is_ok(), "{name}: {added:?}");
        }
    }
}

/// The ways to the other nodes, and encryption both ways.
fn add_peers(world: &mut World, &(name, net, host, ..): &Row) {
    ip(
        world,
        name,
        &format!(
            "xfrm state add src 0.0.0.0 dst 10.0.{net}.{host} proto esp spi 3 reqid 1 mode tunnel mark 0xd00 mask 0xf00 output-mark 0xd00 mask 0xf00 {AEAD}\n\
             xfrm policy add src 0.0.0.0/0 dst 10.0.{net}.0/24 dir in mark 0xd00 mask 0xf00 tmpl src 0.0.0.0 dst 10.0.{net}.{host} proto esp reqid 1 mode tunnel\n\
             xfrm policy add src 0.0.0.0/0 dst 10.0.{net}.0/24 dir in mark 0x200 mask 0xf00 tmpl src 0.0.0.0 dst 10.0.{net}.{host} proto esp reqid 1 mode tunnel level use\n\
             xfrm policy add src 0.0.0.0/0 dst 10.0.{net}.0/24 dir fwd priority 2975 mark 0 mask 0xf00 tmpl src 0.0.0.0 dst 10.0.{net}.{host} proto esp reqid 1 mode tunnel level use"
        ),
    );
    for (_, peer_net, peer_host, peer_node, _) in NODES.iter().filter(|(peer, ..)| *peer != name) {
        ip(
            world,
            name,
            &format!(
                "route add 10.0.{peer_net}.0/24 via 172.18.0.{peer_node} dev eth0\n\
                 route add 10.0.{peer_net}.0/24 dev cilium_host scope global mtu 1500 table 200\n\
                 xfrm state add src 10.0.{net}.{host} dst 10.0.{peer_net}.{peer_host} proto esp spi 3 reqid 1 mode tunnel mark 0x3e00 mask 0xff00 output-mark 0xe00 mask 0xf00 {AEAD}\n\
                 xfrm policy add src 10.0.{net}.0/24 dst 10.0.{peer_net}.0/24 dir out mark 0x3e00 mask 0xff00 tmpl src 10.0.{net}.{host} dst 10.0.{peer_net}.{peer_host} proto esp spi 3 reqid 1 mode tunnel\n\
                 xfrm policy add src 0.0.0.0/0 dst 10.0.{peer_net}.0/24 dir fwd priority 2975 mark 0 mask 0xf00 tmpl src 0.0.0.0 dst 10.0.{peer_net}.{peer_host} proto esp reqid 1 mode tunnel level use"
            ),
        );
    }
}

/// Runs `ip` at a place for each line, none of which it may refuse.
fn ip(world: &mut World, place: &str, lines: &str) {
    let network =
        if NODES.iter().any(|(name, ..)| *name == place) { format!("{CLUSTER}{place}") } else { place.into() };
    for line in lines.lines() {
        let words = std::iter::once("ip").chain(line.split_whitespace()).map(str::to_owned).collect();
        let call = Call {
            words,
            place: network.clone(),
            network: network.clone(),
            folder: "/".to_owned(),
            environment: BTreeMap::new(),
            terminal: None,
        };
        let mut io = Io::default();
        let ended = net::program(&call).map(|mut process| process.step(world, &mut io));
        debug_assert!(matches!(ended, Some(Step::Exit(0))), "{place}: ip {line}: {:?}", io.take_output());
    }
}
