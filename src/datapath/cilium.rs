//! What Cilium v1.13.0-rc5 puts on a node with IPsec and native routing: devices, rules, routes, states, policies,
//! programs and their maps (pkg/datapath/linux/node.go, ipsec_linux.go; bpf/init.sh).

use std::net::{IpAddr, Ipv4Addr};

use super::cluster::Cluster;
use super::device::{Address, AddressScope, Port, StackId};
use super::hook::{CiliumProgram, Endpoint, Hook, HookPoint, Peer, Program, mark};
use super::stack::Stack;
use super::{DeviceConf, NeighbourState};
use crate::esp::Spi;
use crate::route::{Protocol, Route, RouteType, Rule, RuleAction, Scope, TableId};
use crate::xfrm::{Algorithm, Direction, Level, Mark, Policy, Prefix, Replay, Selector, State, Template};

/// What Cilium made of a node.
#[derive(Debug, Clone)]
pub struct CiliumNode {
    /// The addresses of its pods.
    pub pod_cidr: Prefix,
    /// The address of `cilium_host` (CiliumInternalIP): the pods' gateway and the end of the IPsec tunnels.
    pub router: Ipv4Addr,
    /// The address of the health endpoint.
    pub health: Ipv4Addr,
    /// The keys that are installed, the newest last; none without encryption.
    pub keys: Vec<IpsecKey>,
    /// The pods that run here, by name, with their addresses.
    pub pods: Vec<(String, Ipv4Addr)>,
}

/// A key as the secret `cilium-ipsec-keys` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpsecKey {
    /// Its number, 1 to 15: the SPI on the wire and bits 12 to 15 of the mark.
    pub id: u8,
    /// What a state is made of: one AEAD, or integrity and encryption.
    pub algorithms: Vec<Algorithm>,
}

/// The routing table of the IPsec marks.
const TABLE_IPSEC: TableId = TableId::Number(200);
/// The routing table of packets to the L7 proxy.
const TABLE_PROXY: TableId = TableId::Number(2004);
/// What Cilium calls itself in the IPsec routes (linux_defaults.RouteProtocolIPSec).
const PROTOCOL_IPSEC: Protocol = Protocol::Number(50);
/// The priority of FWD policies (linux_defaults.IPsecFwdPriority).
const FWD_PRIORITY: u32 = 0xb9f;
/// What a pod's route allows with encryption: 1500 less the 77 that Cilium reckons for ESP.
const POD_MTU_ENCRYPTED: u32 = 1423;
/// Reserved identities (pkg/identity/numericidentity.go).
mod identity {
    pub(super) const HOST: u32 = 1;
    pub(super) const WORLD: u32 = 2;
    pub(super) const HEALTH: u32 = 4;
    pub(super) const REMOTE_NODE: u32 = 6;
}

/// Pod subnet, `cilium_host` and the first pod of the course's nodes, in the order in which they get their subnets.
const COURSE: [(u8, u8, Option<u8>); 3] = [(0, 66, Some(144)), (1, 236, Some(165)), (2, 189, None)];

impl Cluster {
    /// Installs Cilium on every node, with this key or without encryption. Pod subnets go to workers first, as on the
    /// course's cluster: 10.0.0.0/24, 10.0.1.0/24, …
    pub fn install_cilium(&mut self, key: Option<&IpsecKey>) {
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.sort_by_key(|at| {
            self.nodes.get(*at).map(|node| (node.name.ends_with("control-plane"), node.name.clone()))
        });
        for (subnet, at) in (0_u8..).zip(order) {
            let (third, router) =
                COURSE.get(usize::from(subnet)).map_or((subnet, 10), |(third, router, _)| (*third, *router));
            let health = self.free_host(&[router, 144, 165]);
            let Some(node) = self.nodes.get_mut(at) else { continue };
            let (name, stack) = (node.name.clone(), node.stack);
            node.cilium = Some(CiliumNode {
                pod_cidr: Prefix { addr: Ipv4Addr::new(10, 0, third, 0).into(), len: 24 },
                router: Ipv4Addr::new(10, 0, third, router),
                health: Ipv4Addr::new(10, 0, third, health),
                keys: Vec::new(),
                pods: Vec::new(),
            });
            self.set_up_host(stack);
            let health = Ipv4Addr::new(10, 0, third, health);
            self.connect_pod(stack, &health_name(&name), "lxc_health", health, identity::HEALTH, key.is_some());
        }
        self.join_nodes();
        if let Some(key) = key {
            for stack in self.cilium_stacks() {
                self.install_key(stack, key);
                self.announce_key(stack, key.id);
            }
        }
    }

    /// Takes Cilium off every node again, with its pods.
    pub fn remove_cilium(&mut self) {
        let pods: Vec<String> = self
            .nodes
            .iter()
            .filter_map(|node| node.cilium.as_ref())
            .flat_map(|cilium| cilium.pods.iter().map(|(name, _)| name.clone()))
            .collect();
        for pod in pods {
            self.remove_pod(&pod);
        }
        for stack in self.cilium_stacks() {
            let host = self.stack(stack).and_then(|own| own.device("cilium_host")).map(|device| device.index);
            if let Some(device) = host {
                self.remove_device(Port { stack, device });
            }
            let Some(own) = self.stack_mut(stack) else { continue };
            own.sad.clear();
            own.spd.clear();
            own.hooks.clear();
            own.cilium = super::CiliumMaps::default();
            own.rules.retain(|rule| rule.priority >= 32766);
            own.add_rule(Rule { protocol: Protocol::KERNEL, ..Rule::all(0, RuleAction::Lookup(TableId::LOCAL)) });
            let keep = [TableId::MAIN, TableId::LOCAL, TableId::DEFAULT];
            own.routes.retain(|route| keep.contains(&route.table) && route.protocol != Protocol::Number(50));
            own.routes.retain(|route| !(route.dst.len == 24 && route.protocol == Protocol::BOOT));
        }
        for node in &mut self.nodes {
            let health = node.cilium.take().map(|_| health_name(&node.name));
            for stack in self.stacks.iter_mut().filter(|stack| Some(&stack.name) == health.as_ref()) {
                *stack = Stack::new("");
            }
        }
    }

    /// Starts a pod on a node: its stack, its cable, its address. The first one of a course's node gets the tutorial's
    /// address, the others one at random. `None` when Cilium is not there.
    pub fn add_pod(&mut self, node: StackId, name: &str, identity: u32) -> Option<Ipv4Addr> {
        let cilium = self.cilium_node(node)?;
        let IpAddr::V4(network) = cilium.pod_cidr.addr else { return None };
        let [a, b, third, _] = network.octets();
        let wished = COURSE.iter().find(|(own, ..)| *own == third).and_then(|(_, _, pod)| *pod);
        let taken: Vec<u8> = cilium
            .pods
            .iter()
            .map(|(_, address)| *address)
            .chain([cilium.router, cilium.health])
            .map(|address| address.octets()[3])
            .collect();
        let host = match wished {
            Some(wished) if !taken.contains(&wished) && is_workload(name) => wished,
            wished => {
                let reserved: Vec<u8> = taken.into_iter().chain(wished).collect();
                self.free_host(&reserved)
            }
        };
        let address = Ipv4Addr::new(a, b, third, host);
        self.add_pod_at(node, name, address, identity)
    }

    /// Starts a pod with a given address.
    pub fn add_pod_at(&mut self, node: StackId, name: &str, address: Ipv4Addr, identity: u32) -> Option<Ipv4Addr> {
        let encrypted = !self.cilium_node(node)?.keys.is_empty();
        let hex = self.random.hex(12);
        self.connect_pod(node, name, &format!("lxc{hex}"), address, identity, encrypted);
        if let Some(cilium) = self.cilium_node_mut(node) {
            cilium.pods.push((name.to_owned(), address));
        }
        Some(address)
    }

    /// Stops a pod.
    pub fn remove_pod(&mut self, name: &str) {
        let Some(id) = self.find(name) else { return };
        let eth0 = self.stack(id).and_then(|stack| stack.device("eth0")).map(|device| device.index);
        if let Some(device) = eth0 {
            self.remove_device(Port { stack: id, device });
        }
        self.empty_stack(id);
        for node in &mut self.nodes {
            let Some(cilium) = &mut node.cilium else { continue };
            let Some(at) = cilium.pods.iter().position(|(pod, _)| pod == name) else { continue };
            let (_, address) = cilium.pods.remove(at);
            for stack in &mut self.stacks {
                stack.cilium.forget(Prefix::host(address.into()));
            }
        }
    }

    /// Puts a key on a node: its IN state, and an OUT state and policy for each other node. What is there stays, so that
    /// packets of the old key are still read.
    pub fn install_key(&mut self, stack: StackId, key: &IpsecKey) {
        let Some(own) = self.cilium_node(stack).cloned() else { return };
        let first = own.keys.is_empty();
        let any = Ipv4Addr::UNSPECIFIED;
        self.put_state(stack, key, any, own.router, mark::IN, Mark { value: mark::DECRYPT, mask: mark::MAGIC_MASK });
        let magic = |value| Some(Mark { value, mask: mark::MAGIC_MASK });
        if first {
            let decrypted = template(any, own.router);
            self.put_policy(stack, Direction::In, (Prefix::ANY_V4, own.pod_cidr), magic(mark::DECRYPT), 0, decrypted);
            let proxy = Template { level: Level::Use, ..template(any, own.router) };
            self.put_policy(stack, Direction::In, (Prefix::ANY_V4, own.pod_cidr), magic(0x200), 0, proxy);
        }
        let mut all: Vec<(StackId, CiliumNode)> =
            self.nodes.iter().filter_map(|node| Some((node.stack, node.cilium.clone()?))).collect();
        all.sort_by_key(|(id, cilium)| (*id != stack, cilium.router));
        for (id, peer) in all {
            if id != stack {
                let encrypted = Mark { value: mark::ENCRYPT, mask: mark::MAGIC_MASK };
                self.put_state(stack, key, own.router, peer.router, mark::out(key.id), encrypted);
                let tunnel = Template { spi: Spi(key.id.into()), ..template(own.router, peer.router) };
                let between = (own.pod_cidr, peer.pod_cidr);
                self.put_policy(stack, Direction::Out, between, Some(mark::out(key.id)), 0, tunnel);
            }
            if first {
                let forward = Template { level: Level::Use, ..template(any, peer.router) };
                self.put_policy(
                    stack,
                    Direction::Fwd,
                    (Prefix::ANY_V4, peer.pod_cidr),
                    magic(0),
                    FWD_PRIORITY,
                    forward,
                );
            }
        }
        if first {
            self.route_ipsec(stack);
        }
        if let Some(cilium) = self.cilium_node_mut(stack) {
            cilium.keys.push(key.clone());
        }
    }

    /// Attaches `from-container` where it is missing on the pods' devices of a node, as an agent does when it starts. Filters
    /// of somebody else's that are there stay.
    pub fn attach_programs(&mut self, stack: StackId) {
        let Some(own) = self.stack_mut(stack) else { return };
        for device in own.cilium.endpoints.iter().map(|endpoint| endpoint.device).collect::<Vec<_>>() {
            let program = Program::Cilium(CiliumProgram::FromContainer);
            match own.hooks.iter_mut().find(|hook| hook.device == device && hook.point == HookPoint::Ingress) {
                None => own.hooks.push(Hook { device, point: HookPoint::Ingress, program }),
                Some(hook) if hook.program == Program::Tc(Vec::new()) => hook.program = program,
                Some(_) => {}
            }
        }
    }

    /// Tells the other nodes that this node has a key: they encrypt to it with the older of theirs and this.
    pub fn announce_key(&mut self, stack: StackId, id: u8) {
        let Some(address) = self.nodes.iter().find(|node| node.stack == stack).map(|node| node.address) else { return };
        if let Some(own) = self.stack_mut(stack) {
            own.cilium.key_id = id;
        }
        for stack in &mut self.stacks {
            for (_, peer) in &mut stack.cilium.ipcache {
                if peer.tunnel_endpoint == Some(address) {
                    peer.key_id = id;
                }
            }
        }
    }

    /// Removes what belongs to a key from a node: Cilium does so five minutes after a newer one came.
    pub fn retire_key(&mut self, stack: StackId, id: u8) {
        let spi = Spi(id.into());
        if let Some(own) = self.stack_mut(stack) {
            own.sad.retain(|entry| entry.state.spi != spi);
            own.spd.retain(|entry| entry.policy.templates.iter().all(|template| template.spi != spi));
        }
        if let Some(cilium) = self.cilium_node_mut(stack) {
            cilium.keys.retain(|key| key.id != id);
        }
    }

    /// Rotates to a key everywhere: installs it on every node, then announces it. The old one stays until
    /// [`retire_key`](Self::retire_key).
    pub fn rotate_key(&mut self, key: &IpsecKey) {
        let stacks = self.cilium_stacks();
        for stack in &stacks {
            self.install_key(*stack, key);
        }
        for stack in stacks {
            self.announce_key(stack, key.id);
        }
    }

    /// The stacks of the nodes that run Cilium.
    pub fn cilium_stacks(&self) -> Vec<StackId> {
        self.nodes.iter().filter(|node| node.cilium.is_some()).map(|node| node.stack).collect()
    }

    /// What Cilium made of the node with this stack.
    pub fn cilium_node(&self, stack: StackId) -> Option<&CiliumNode> {
        self.nodes.iter().find(|node| node.stack == stack)?.cilium.as_ref()
    }

    fn cilium_node_mut(&mut self, stack: StackId) -> Option<&mut CiliumNode> {
        self.nodes.iter_mut().find(|node| node.stack == stack)?.cilium.as_mut()
    }

    /// init.sh: cilium_host and cilium_net, the moved `local` rule, the proxy's table; then the programs.
    fn set_up_host(&mut self, stack: StackId) {
        let Some(router) = self.cilium_node(stack).map(|cilium| cilium.router) else { return };
        let Some(own) = self.stack_mut(stack) else { return };
        let (net, host) = (own.new_index(), own.new_index());
        let (host_mac, net_mac) = (self.random.mac(), self.random.mac());
        self.add_veth((stack, "cilium_host", host, host_mac), (stack, "cilium_net", net, net_mac));
        let Some(own) = self.stack_mut(stack) else { return };
        for name in ["cilium_host", "cilium_net"] {
            own.set_up(name);
            if let Some(device) = own.device_mut(name) {
                device.noarp = true;
                device.conf = DeviceConf {
                    forwarding: true,
                    rp_filter: 0,
                    accept_local: true,
                    send_redirects: false,
                    src_valid_mark: false,
                };
            }
        }
        own.add_address("cilium_host", Address::new(router.into(), 32, AddressScope::Link));
        own.rules.retain(|rule| rule.priority != 0);
        own.add_rule(marked_rule(9, 0x200, TABLE_PROXY));
        own.add_rule(Rule::all(100, RuleAction::Lookup(TableId::LOCAL)));
        own.add_route(Route {
            kind: RouteType::Local,
            dev: Some("lo".to_owned()),
            scope: Scope::HOST,
            ..Route::to(Prefix::ANY_V4, TABLE_PROXY)
        });
        let eth0 = own.device("eth0").map(|device| device.index);
        let mut hook = |device, point, program| {
            own.hooks.push(Hook { device, point, program: Program::Cilium(program) });
        };
        hook(host, HookPoint::Egress, CiliumProgram::FromHost);
        hook(host, HookPoint::Ingress, CiliumProgram::ToHost);
        hook(net, HookPoint::Ingress, CiliumProgram::ToHost);
        if let Some(eth0) = eth0 {
            hook(eth0, HookPoint::Ingress, CiliumProgram::FromNetwork);
        }
    }

    /// autoDirectNodeRoutes, and what every node knows of every other.
    fn join_nodes(&mut self) {
        let all: Vec<(StackId, Ipv4Addr, CiliumNode)> =
            self.nodes.iter().filter_map(|node| Some((node.stack, node.address, node.cilium.clone()?))).collect();
        for (stack, own_address, own_cilium) in &all {
            let Some(own) = self.stack_mut(*stack) else { continue };
            let by = |dst, dev: &str| Route { dev: Some(dev.to_owned()), ..Route::to(dst, TableId::MAIN) };
            let router = IpAddr::from(own_cilium.router);
            let local = by(own_cilium.pod_cidr, "cilium_host");
            own.add_route(Route { via: Some(router), src: Some(router), ..local });
            own.add_route(Route { scope: Scope::LINK, ..by(Prefix::host(router), "cilium_host") });
            own.cilium.host = vec![*own_address, own_cilium.router];
            let plain = |identity| Peer { identity, tunnel_endpoint: None, key_id: 0 };
            own.cilium.learn(Prefix::ANY_V4, plain(identity::WORLD));
            own.cilium.learn(Prefix::host((*own_address).into()), plain(identity::HOST));
            own.cilium.learn(Prefix::host(router), plain(identity::HOST));
            for (_, address, peer) in all.iter().filter(|(other, ..)| other != stack) {
                let direct = by(peer.pod_cidr, "eth0");
                own.add_route(Route { via: Some((*address).into()), ..direct });
                own.cilium.learn(Prefix::host((*address).into()), plain(identity::REMOTE_NODE));
                let behind = |identity| Peer { identity, tunnel_endpoint: Some(*address), key_id: 0 };
                own.cilium.learn(Prefix::host(peer.router.into()), behind(identity::REMOTE_NODE));
                own.cilium.learn(Prefix::host(peer.health.into()), behind(identity::HEALTH));
            }
        }
    }

    /// The marked rules and table 200.
    fn route_ipsec(&mut self, stack: StackId) {
        let Some(own_cidr) = self.cilium_node(stack).map(|cilium| cilium.pod_cidr) else { return };
        let peers: Vec<Prefix> = self
            .nodes
            .iter()
            .filter(|node| node.stack != stack)
            .filter_map(|node| Some(node.cilium.as_ref()?.pod_cidr))
            .collect();
        let Some(own) = self.stack_mut(stack) else { return };
        own.add_rule(marked_rule(1, mark::DECRYPT, TABLE_IPSEC));
        own.add_rule(marked_rule(1, mark::ENCRYPT, TABLE_IPSEC));
        own.add_route(Route {
            kind: RouteType::Local,
            dev: Some("eth0".to_owned()),
            protocol: PROTOCOL_IPSEC,
            scope: Scope::HOST,
            ..Route::to(own_cidr, TABLE_IPSEC)
        });
        for peer in peers {
            own.add_route(Route {
                dev: Some("cilium_host".to_owned()),
                metrics: crate::route::Metrics::mtu_of(1500),
                ..Route::to(peer, TABLE_IPSEC)
            });
        }
    }

    fn put_state(&mut self, stack: StackId, key: &IpsecKey, src: Ipv4Addr, dst: Ipv4Addr, mark: Mark, output: Mark) {
        let any = Selector { uid: Some(0), ..Selector::between(Prefix::ANY_V4, Prefix::ANY_V4) };
        let state = State {
            reqid: 1,
            mark: Some(mark),
            output_mark: Some(output.into()),
            algorithms: key.algorithms.clone(),
            replay: Some(Replay::default()),
            selector: Some(any),
            ..State::esp_tunnel(src.into(), dst.into(), Spi(key.id.into()))
        };
        // A state that is there already stays: the kernel would not change its key either.
        let _ = self.add_state(stack, state);
    }

    fn put_policy(
        &mut self,
        stack: StackId,
        dir: Direction,
        (src, dst): (Prefix, Prefix),
        mark: Option<Mark>,
        priority: u32,
        template: Template,
    ) {
        let selector = Selector { uid: Some(0), ..Selector::between(src, dst) };
        let policy = Policy { mark, priority, templates: vec![template], ..Policy::allow(dir, selector) };
        // An update adds what is not there; it refuses nothing that a policy of this shape could be.
        let _ = self.add_policy(stack, policy, true);
    }

    /// cilium-cni: a veth pair whose one end is the pod's `eth0`, and the endpoint's program at the other.
    fn connect_pod(
        &mut self,
        node: StackId,
        name: &str,
        device: &str,
        address: Ipv4Addr,
        identity: u32,
        encrypted: bool,
    ) {
        let Some(router) = self.cilium_node(node).map(|cilium| cilium.router) else { return };
        let node_address = self.nodes.iter().find(|own| own.stack == node).map(|own| own.address);
        let Some(own) = self.stack_mut(node) else { return };
        let (inside, outside) = (own.new_index(), own.new_index());
        let mut pod = Stack::new(name);
        // Captures hold the learner's packets only.
        pod.sysctl.solicits_routers = false;
        let pod = self.add_stack(pod);
        let (mac, node_mac) = (self.random.mac(), self.random.mac());
        self.add_veth((pod, "eth0", inside, mac), (node, device, outside, node_mac));
        let Some(stack) = self.stack_mut(pod) else { return };
        stack.set_up("eth0");
        stack.add_address("eth0", Address::new(address.into(), 32, AddressScope::Global));
        let by_eth0 = |dst| Route { dev: Some("eth0".to_owned()), ..Route::to(dst, TableId::MAIN) };
        let metrics =
            if encrypted { crate::route::Metrics::mtu_of(POD_MTU_ENCRYPTED) } else { crate::route::Metrics::default() };
        stack.add_route(Route { via: Some(router.into()), metrics, ..by_eth0(Prefix::ANY_V4) });
        stack.add_route(Route { scope: Scope::LINK, ..by_eth0(Prefix::host(router.into())) });
        let Some(stack) = self.stack_mut(node) else { return };
        stack.set_up(device);
        stack.hooks.push(Hook {
            device: outside,
            point: HookPoint::Ingress,
            program: Program::Cilium(CiliumProgram::FromContainer),
        });
        stack.cilium.endpoints.push(Endpoint { address, device: outside, mac, node_mac, identity });
        // The pod asked for its gateway when it started.
        self.know_neighbour(Port { stack: pod, device: inside }, router.into(), node_mac, NeighbourState::Stale);
        let keys: Vec<(StackId, u8)> = self
            .nodes
            .iter()
            .map(|own| (own.stack, own.stack))
            .filter_map(|(id, _)| Some((id, self.stack(id)?.cilium.key_id)))
            .collect();
        let key_id = keys.iter().find(|(id, _)| *id == node).map_or(0, |(_, key)| *key);
        for (id, _) in keys {
            let peer = if id == node {
                Peer { identity, tunnel_endpoint: None, key_id: 0 }
            } else {
                Peer { identity, tunnel_endpoint: node_address, key_id }
            };
            if let Some(own) = self.stack_mut(id) {
                own.cilium.learn(Prefix::host(address.into()), peer);
            }
        }
    }

    /// A host part of an address that is not among those.
    fn free_host(&mut self, taken: &[u8]) -> u8 {
        loop {
            let host = 2 + self.random.below(252) as u8;
            if !taken.contains(&host) {
                return host;
            }
        }
    }
}

/// The name of a node's health endpoint among the stacks.
fn health_name(node: &str) -> String {
    format!("cilium-health@{node}")
}

/// Whether a pod is one of the learner's, not of the cluster itself.
fn is_workload(name: &str) -> bool {
    !["coredns", "cilium", "local-path"].iter().any(|system| name.starts_with(system))
}

fn template(src: Ipv4Addr, dst: Ipv4Addr) -> Template {
    Template { reqid: 1, ..Template::esp_tunnel(src.into(), dst.into()) }
}

fn marked_rule(priority: u32, value: u32, table: TableId) -> Rule {
    let fwmark = Some(Mark { value, mask: mark::MAGIC_MASK });
    Rule { fwmark, ..Rule::all(priority, RuleAction::Lookup(table)) }
}
