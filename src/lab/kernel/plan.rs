//! A model's stack as commands: what `ip`, `tc` and `/proc/sys` are told so that a real namespace becomes the same.

use std::net::IpAddr;

use crate::datapath::{
    AddressScope, CiliumProgram, Cluster, Device, DeviceConf, DeviceKind, Filter, NeighbourState, Program, Stack,
    StackId, common_key, mark,
};
use crate::lab::told::{in_order, policy_id, policy_words, route_words, rule_words, state_id, state_words};
use crate::route::{Protocol, Route, Rule, TableId};
use crate::xfrm::{Policy, State};

/// One thing that a namespace has, and the commands that bring it and take it away.
///
/// Not `Debug`: a state's command holds its key.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Who is told.
    pub(super) tool: Tool,
    /// What brings it.
    pub(super) add: String,
    /// What takes it away; empty for what goes with something else, or is a value that the next one replaces.
    pub(super) remove: String,
}

/// Who is told, in the order of the telling: cables of all namespaces are laid before anything is put on one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tool {
    /// `ip link add … netns …`.
    Cable,
    /// A value below `/proc/sys/net`: `ipv4/ip_forward 1`.
    Sysctl,
    /// `ip`.
    Ip,
    /// `tc`.
    Tc,
}

/// The namespace of a stack: its own name, without the cluster's.
pub(super) fn namespace(stack: &Stack) -> String {
    stack.name.replace(['/', '@'], ".")
}

/// Whether a stack is a namespace of the lab. A stack that is gone leaves a nameless one behind.
pub(super) fn is_real(stack: &Stack) -> bool {
    !stack.name.is_empty()
}

/// Everything that the namespace of a stack is made of, in the order in which it can be told.
pub(super) fn pieces(cluster: &Cluster, id: StackId) -> Vec<Piece> {
    let Some(stack) = cluster.stack(id) else { return Vec::new() };
    let mut plan = Plan { pieces: Vec::new() };
    plan.ip("link set lo up", "");
    for device in &stack.devices {
        plan.cable(cluster, id, device);
    }
    plan.sysctl("ipv4/ip_forward", stack.sysctl.ip_forward);
    plan.conf("all", stack.sysctl.all);
    for device in stack.devices.iter().filter(|device| !device.is_loopback() && !is_loose(device)) {
        plan.device(stack, device);
    }
    let loose: Vec<&str> = stack.devices.iter().filter(|own| is_loose(own)).map(|own| own.name.as_str()).collect();
    for route in in_order(&stack.routes) {
        if !route.dev.as_deref().is_some_and(|device| loose.contains(&device)) {
            plan.route(route);
        }
    }
    for rule in &stack.rules {
        plan.rule(rule);
    }
    if !stack.rules.iter().any(|rule| rule.priority == 0) {
        // Every namespace begins with it. It goes when `local` has its new place: it is never absent.
        plan.ip("rule del pref 0", "rule add lookup local pref 0");
    }
    for neighbour in &stack.neighbours {
        let (Some(mac), Some(device)) = (neighbour.mac, stack.device_at(neighbour.device)) else { continue };
        if neighbour.address.is_ipv4() && is_known(neighbour.state) && !is_loose(device) {
            // Whoever has spoken once stays known. Its state changes with every packet and is left to the kernel.
            plan.ip(&format!("neigh replace {} lladdr {mac} dev {} nud stale", neighbour.address, device.name), "");
        }
    }
    for entry in &stack.sad {
        plan.state(&entry.state);
    }
    for entry in &stack.spd {
        plan.policy(&entry.policy);
    }
    plan.hooks(stack);
    plan.pieces.sort_by_key(|piece| piece.tool);
    plan.pieces
}

/// What takes the learner's own changes away from a namespace, before its pieces are told again.
pub(super) fn scrub(stack: &Stack) -> Vec<String> {
    let mut lines = vec!["xfrm state flush".to_owned(), "xfrm policy flush".to_owned(), "rule flush".to_owned()];
    lines.push("route flush cache".to_owned());
    let cables = stack.devices.iter().filter(|device| !device.is_loopback());
    lines.extend(cables.map(|device| format!("link set {} mtu {}", device.name, device.mtu)));
    let mut tables: Vec<String> = stack.routes.iter().map(|route| route.table.to_string()).collect();
    tables.sort();
    tables.dedup();
    lines.extend(tables.iter().filter(|table| *table != "local").map(|table| format!("route flush table {table}")));
    lines
}

/// The routes that the kernel makes by itself when an address is added; only a scrubbed namespace needs to be told.
pub(super) fn kernel_routes(stack: &Stack) -> Vec<String> {
    let own = stack.routes.iter().filter(|route| route.protocol == Protocol::KERNEL && route.table == TableId::MAIN);
    own.filter(|route| route.dst.addr.is_ipv4()).map(|route| format!("route add {}", route_words(route))).collect()
}

struct Plan {
    pieces: Vec<Piece>,
}

impl Plan {
    fn tell(&mut self, tool: Tool, add: &str, remove: &str) {
        self.pieces.push(Piece { tool, add: add.to_owned(), remove: remove.to_owned() });
    }

    fn ip(&mut self, add: &str, remove: &str) {
        self.tell(Tool::Ip, add, remove);
    }

    fn sysctl(&mut self, name: &str, value: impl Into<u8>) {
        self.tell(Tool::Sysctl, &format!("{name} {}", value.into()), "");
    }

    /// A bridge, or a cable if this is the end that makes it: the one with the lower numbers.
    fn cable(&mut self, cluster: &Cluster, id: StackId, device: &Device) {
        let (name, index, mac) = (&device.name, device.index.0, device.mac);
        match &device.kind {
            DeviceKind::Loopback | DeviceKind::Veth { peer: None, .. } => {}
            DeviceKind::Bridge { .. } => {
                let own = cluster.stack(id).map(namespace).unwrap_or_default();
                let add =
                    format!("link add {name} index {index} address {mac} netns {own} type bridge mcast_snooping 0");
                self.tell(Tool::Cable, &add, &format!("link del {name}"));
            }
            DeviceKind::Veth { peer: Some(port), .. } => {
                let Some(stack) = cluster.stack(port.stack) else { return };
                let Some(peer) = stack.device_at(port.device) else { return };
                if (id, device.index) > (port.stack, port.device) {
                    return;
                }
                let own = cluster.stack(id).map(namespace).unwrap_or_default();
                let add = format!(
                    "link add {name} index {index} address {mac} netns {own} type veth \
                     peer name {} index {} address {} netns {}",
                    peer.name,
                    port.device.0,
                    peer.mac,
                    namespace(stack)
                );
                self.tell(Tool::Cable, &add, &format!("link del {name}"));
            }
        }
    }

    fn device(&mut self, stack: &Stack, device: &Device) {
        let name = &device.name;
        self.conf(name, device.conf);
        if device.noarp {
            self.ip(&format!("link set {name} arp off"), "");
        }
        if device.mtu != 1500 {
            self.ip(&format!("link set {name} mtu {}", device.mtu), &format!("link set {name} mtu 1500"));
        }
        if let DeviceKind::Veth { master: Some(master), .. } = device.kind {
            self.ip(&format!("link set {name} master {}", stack.device_name(master)), "");
        }
        if device.up {
            self.ip(&format!("link set {name} up"), &format!("link set {name} down"));
        }
        for address in &device.addresses {
            if is_link_local(address.address) {
                continue;
            }
            let own = format!("{}/{} dev {name}", address.address, address.prefix_len);
            let broadcast = address.broadcast.map(|broadcast| format!(" brd {broadcast}")).unwrap_or_default();
            let nodad = if address.nodad { " nodad" } else { "" };
            let scope = match address.scope {
                AddressScope::Global => "",
                AddressScope::Link => " scope link",
                AddressScope::Host => " scope host",
            };
            self.ip(&format!("addr add {own}{broadcast}{scope}{nodad}"), &format!("addr del {own}"));
        }
    }

    fn conf(&mut self, device: &str, conf: DeviceConf) {
        // The kernel's own values are not told again: a process more costs more than what it does.
        let usual = DeviceConf::default();
        if conf.forwarding != usual.forwarding && device == "all" {
            self.sysctl(&format!("ipv4/conf/{device}/forwarding"), conf.forwarding);
        }
        self.sysctl(&format!("ipv4/conf/{device}/rp_filter"), conf.rp_filter);
        self.sysctl(&format!("ipv4/conf/{device}/accept_local"), conf.accept_local);
        self.sysctl(&format!("ipv4/conf/{device}/send_redirects"), conf.send_redirects);
    }

    fn route(&mut self, route: &Route) {
        if route.protocol == Protocol::KERNEL || route.table == TableId::LOCAL || is_link_local(route.dst.addr) {
            return;
        }
        let words = route_words(route);
        self.ip(&format!("route add {words}"), &format!("route del {words}"));
    }

    fn rule(&mut self, rule: &Rule) {
        if ![0, 32766, 32767].contains(&rule.priority) {
            let words = rule_words(rule);
            self.ip(&format!("rule add {words}"), &format!("rule del {words}"));
        }
    }

    fn state(&mut self, state: &State) {
        let add = format!("xfrm state add {}", state_words(state));
        self.ip(&add, &format!("xfrm state delete {}", state_id(state)));
    }

    fn policy(&mut self, policy: &Policy) {
        let add = format!("xfrm policy add {}", policy_words(policy));
        self.ip(&add, &format!("xfrm policy delete {}", policy_id(policy)));
    }

    /// What Cilium's BPF programs do to a packet's mark and type, done with tc:
    ///   lxc, from-container     a packet of the pod for a pod elsewhere is to be encrypted
    ///   cilium_net, to-host     the encrypted packet loses its mark, else it would be encrypted again on every pass; and
    ///                           it is made ours: on a NOARP device the frame bears the sender's own Ethernet address
    ///   eth0, from-network      ESP that comes in is to be decrypted (`flower ip_proto 50` does not match ESP, u32 does);
    ///                           the decrypted packet comes round once more with 0xd00 (output-mark), and table 200
    ///                           would take it for one to the node itself
    fn hooks(&mut self, stack: &Stack) {
        for hook in &stack.hooks {
            let Some(device) = stack.device_at(hook.device) else { continue };
            let filters = match &hook.program {
                Program::Tc(filters) => filters.clone(),
                Program::Cilium(CiliumProgram::FromContainer) => encrypting(stack, device),
                Program::Cilium(CiliumProgram::FromNetwork) => decrypting(stack),
                Program::Cilium(CiliumProgram::ToHost) if device.name == "cilium_net" => {
                    vec![Filter { mark: Some(0), to_host: true, ..Filter::default() }]
                }
                Program::Cilium(CiliumProgram::ToHost | CiliumProgram::FromHost) => Vec::new(),
            };
            if filters.is_empty() {
                continue;
            }
            self.tell(Tool::Tc, &format!("qdisc add dev {} clsact", device.name), "");
            for (prio, filter) in (1..).zip(&filters) {
                let at = format!("dev {} ingress prio {prio}", device.name);
                self.tell(Tool::Tc, &format!("filter add {at} {}", filter_words(filter)), &format!("filter del {at}"));
            }
        }
        // With BPF the last hop is a redirect to the pod's device; on a plain kernel it is a route, as with Cilium's
        // endpoint routes. It stands in the local table, so that `ip route` prints what it prints on a node of Cilium.
        for endpoint in &stack.cilium.endpoints {
            let Some(device) = stack.device_at(endpoint.device) else { continue };
            let words = format!("{} dev {} proto kernel scope link table local", endpoint.address, device.name);
            self.ip(&format!("route add {words}"), &format!("route del {words}"));
        }
    }
}

/// The filters of a pod's device: to each pod network that is encrypted to, by the key that both ends have.
fn encrypting(stack: &Stack, device: &Device) -> Vec<Filter> {
    let Some(own) = stack.cilium.endpoints.iter().find(|endpoint| endpoint.device == device.index) else {
        return Vec::new();
    };
    let key_id = stack.cilium.key_id;
    let mut filters: Vec<Filter> = Vec::new();
    if key_id == 0 {
        return filters;
    }
    for entry in &stack.spd {
        let policy = &entry.policy;
        let announced = stack.cilium.ipcache.iter().filter(|(prefix, _)| policy.selector.dst.contains(prefix.addr));
        let peer = announced.filter_map(|(_, peer)| peer.tunnel_endpoint.map(|_| peer.key_id)).max().unwrap_or(key_id);
        let common = mark::out(common_key(key_id, peer));
        if policy.dir == crate::xfrm::Direction::Out && policy.mark == Some(common) {
            let mark = Some(mark::encrypt(own.identity, common_key(key_id, peer)));
            let filter = Filter { destination: Some(policy.selector.dst), mark, ..Filter::default() };
            if !filters.contains(&filter) {
                filters.push(filter);
            }
        }
    }
    filters
}

/// The filters of `eth0`: ESP is to be decrypted; what is for this node's pods goes its plain way.
fn decrypting(stack: &Stack) -> Vec<Filter> {
    let mut filters = vec![Filter { protocol: Some(50), mark: Some(mark::DECRYPT), ..Filter::default() }];
    let own = stack.routes.iter().find(|route| route.dev.as_deref() == Some("cilium_host") && route.src.is_some());
    filters.extend(own.map(|route| Filter { destination: Some(route.dst), mark: Some(0), ..Filter::default() }));
    filters
}

fn filter_words(filter: &Filter) -> String {
    let matched = match (filter.protocol, filter.destination) {
        (Some(protocol), _) => format!("protocol ip u32 match ip protocol {protocol} 0xff"),
        (None, Some(destination)) => format!("protocol ip flower dst_ip {destination}"),
        (None, None) => "protocol all matchall".to_owned(),
    };
    let mark = filter.mark.map(|mark| format!(" mark {mark:#x}")).unwrap_or_default();
    format!("{matched} action skbedit{mark}{}", if filter.to_host { " ptype host" } else { "" })
}

fn is_known(state: NeighbourState) -> bool {
    !matches!(state, NeighbourState::Incomplete | NeighbourState::Failed | NeighbourState::Noarp)
}

/// A cable whose other end is outside the model.
fn is_loose(device: &Device) -> bool {
    matches!(device.kind, DeviceKind::Veth { peer: None, .. })
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local() || address.is_multicast(),
    }
}
