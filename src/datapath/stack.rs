use std::net::{IpAddr, Ipv4Addr};

use super::device::{Address, AddressScope, Device, DeviceKind};
use super::hook::{CiliumMaps, Hook, HookPoint};
use super::hop::{Drop, RouteAnswer};
use super::routing::{self, RouteFlow};
use super::sad::{DefaultPolicy, Entry, PolicyEntry, StateId};
use super::socket::Socket;
use super::{Counters, IfIndex, Mac, Neighbour};
use crate::packet::Timestamp;
use crate::route::{Protocol, Route, RouteType, Rule, RuleAction, Scope, TableId};
use crate::xfrm::{Flow, PolicyIndexes, Prefix};

/// One network stack: that of a node, of a pod, or of the machine the nodes run on.
#[derive(Debug, Clone)]
pub struct Stack {
    /// Its name in the cluster (`cilium-ipsec-native-routing-worker`, `pod-a`).
    pub name: String,
    /// Its devices by ascending index, `lo` first.
    pub devices: Vec<Device>,
    /// The routing policy database, in the order the rules were added.
    pub rules: Vec<Rule>,
    /// All routes of all tables; within a table in the order of the kernel's dump.
    pub routes: Vec<Route>,
    /// The neighbour table.
    pub neighbours: Vec<Neighbour>,
    /// The states, the oldest first.
    pub sad: Vec<Entry>,
    /// The policies, the oldest first.
    pub spd: Vec<PolicyEntry>,
    /// What happens where no policy fits (`ip xfrm policy getdefault`).
    pub default_policy: DefaultPolicy,
    /// What it counted.
    pub counters: Counters,
    /// The `net.ipv4` values that are not of a device.
    pub sysctl: Sysctl,
    /// The programs at its devices.
    pub hooks: Vec<Hook>,
    /// What Cilium's programs know here.
    pub cilium: CiliumMaps,
    /// Open sockets.
    pub sockets: Vec<Socket>,
    /// Path MTUs learned from ICMP.
    pub path_mtus: Vec<PathMtuNote>,
    /// The routes that packets of this host took, or `ip route get` asked about, and when the kernel made what it keeps of
    /// each (`rt_cache_route`, net/ipv4/route.c).
    pub(super) cached: Vec<(Route, Timestamp)>,
    /// The same of IPv6.
    pub(super) path_mtus6: Vec<super::ipv6::PathMtu6>,
    pub(super) fragments: Vec<(super::receive::FragmentKey, super::Skb)>,
    pub(super) fragments6: Vec<(super::ipv6::FragmentKey6, Vec<u8>)>,
    /// Whether devices or addresses have changed since the links were last looked at.
    pub(super) unsettled: bool,
    pub(super) tables: Vec<TableId>,
    pub(super) last_index: u32,
    pub(super) next_state: u64,
    pub(super) policy_indexes: PolicyIndexes,
    pub(super) next_socket: u64,
    pub(super) idents: [(u32, Timestamp); 16],
}

/// A path MTU that a router told of: an exception of one route (`fnhe`, net/ipv4/route.c).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathMtuNote {
    /// The destination that it is about.
    pub destination: Ipv4Addr,
    /// The route that led there. A packet whose mark takes another route does not profit.
    pub route: Route,
    /// What fits, in octets.
    pub mtu: u32,
    /// Until when it is believed.
    pub until: Timestamp,
}

/// Values of `sysctl net.ipv4` for the whole stack.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a sysctl of its own")]
pub struct Sysctl {
    /// `ip_forward`.
    pub ip_forward: bool,
    /// `net.ipv6.conf.all.forwarding`: a router answers to the anycast address of each subnet (RFC 4291 section 2.6.1).
    pub ipv6_forward: bool,
    /// `net.ipv6.conf.*.accept_dad`: asks whether a new address is taken before it is used.
    pub accept_dad: bool,
    /// `net.ipv6.conf.*.router_solicitations`: asks for routers, as long as it is none itself.
    pub solicits_routers: bool,
    /// `ip_default_ttl`.
    pub default_ttl: u8,
    /// `icmp_echo_ignore_all`.
    pub ignore_echo: bool,
    /// `conf.all`.
    pub all: super::DeviceConf,
    /// `conf.default`.
    pub default: super::DeviceConf,
    /// `net.core.xfrm_larval_drop`; 1 drops what waits for a state.
    pub larval_drop: bool,
}

/// The least MTU of IPv6 (`IPV6_MIN_MTU`).
pub(super) const MIN_IPV6_MTU: u32 = 1280;

impl Stack {
    /// A stack as a new network namespace has it: `lo`, the three rules, no addresses but the loopback's.
    pub fn new(name: impl Into<String>) -> Self {
        let mut lo = Device::new(IfIndex(1), "lo", DeviceKind::Loopback, Mac::default(), 65536);
        lo.up = true;
        let rule =
            |priority, table| Rule { protocol: Protocol::KERNEL, ..Rule::all(priority, RuleAction::Lookup(table)) };
        let mut stack = Self {
            name: name.into(),
            devices: vec![lo],
            rules: vec![rule(0, TableId::LOCAL), rule(32766, TableId::MAIN), rule(32767, TableId::DEFAULT)],
            routes: Vec::new(),
            neighbours: Vec::new(),
            sad: Vec::new(),
            spd: Vec::new(),
            default_policy: DefaultPolicy::default(),
            counters: Counters::default(),
            sysctl: Sysctl {
                ip_forward: false,
                ipv6_forward: false,
                accept_dad: true,
                solicits_routers: true,
                default_ttl: 64,
                ignore_echo: false,
                all: super::DeviceConf::default(),
                default: super::DeviceConf::default(),
                larval_drop: true,
            },
            hooks: Vec::new(),
            cilium: CiliumMaps::default(),
            sockets: Vec::new(),
            path_mtus: Vec::new(),
            cached: Vec::new(),
            path_mtus6: Vec::new(),
            fragments: Vec::new(),
            fragments6: Vec::new(),
            unsettled: true,
            tables: Vec::new(),
            last_index: 1,
            next_state: 1,
            policy_indexes: PolicyIndexes::default(),
            next_socket: 1,
            idents: [(0, Timestamp(0)); 16],
        };
        stack.add_address("lo", Address::new(Ipv4Addr::LOCALHOST.into(), 8, AddressScope::Host));
        stack.add_address("lo", Address::new(std::net::Ipv6Addr::LOCALHOST.into(), 128, AddressScope::Host));
        stack
    }

    /// The device of that name.
    pub fn device(&self, name: &str) -> Option<&Device> {
        self.devices.iter().find(|device| device.name == name)
    }

    /// The device of that name, to change it.
    pub fn device_mut(&mut self, name: &str) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.name == name)
    }

    /// The device of that number.
    pub fn device_at(&self, index: IfIndex) -> Option<&Device> {
        self.devices.iter().find(|device| device.index == index)
    }

    /// The device of that number, to change it.
    pub fn device_at_mut(&mut self, index: IfIndex) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.index == index)
    }

    /// The name of the device of that number, as messages print it.
    pub fn device_name(&self, index: IfIndex) -> String {
        self.device_at(index).map_or_else(|| format!("if{}", index.0), |device| device.name.clone())
    }

    /// A number for a new device: the next that none has; numbers are not used twice (`dev_new_index`).
    pub fn new_index(&mut self) -> IfIndex {
        loop {
            self.last_index += 1;
            let index = IfIndex(self.last_index);
            if self.device_at(index).is_none() {
                return index;
            }
        }
    }

    /// Adds a device, its place by its number.
    pub fn add_device(&mut self, mut device: Device) {
        device.conf = self.sysctl.default;
        self.unsettled = true;
        let at = self.devices.partition_point(|other| other.index < device.index);
        self.devices.insert(at, device);
    }

    /// Removes a device with its addresses, routes, neighbours and hooks, as the kernel does.
    pub fn remove_device(&mut self, index: IfIndex) -> Option<Device> {
        let at = self.devices.iter().position(|device| device.index == index)?;
        let device = self.devices.remove(at);
        self.unsettled = true;
        self.routes.retain(|route| routing::device_of(route) != Some(&device.name));
        self.neighbours.retain(|neighbour| neighbour.device != index);
        self.hooks.retain(|hook| hook.device != index);
        self.cilium.endpoints.retain(|endpoint| endpoint.device != index);
        Some(device)
    }

    /// Brings a device up; with it come the routes to its subnets and its link-local address.
    pub fn set_up(&mut self, name: &str) {
        let Some(device) = self.device_mut(name) else { return };
        if device.up {
            return;
        }
        device.up = true;
        self.unsettled = true;
        let Some(device) = self.device_mut(name) else { return };
        let addresses = std::mem::take(&mut device.addresses);
        let link_local = (!device.is_loopback()).then(|| Address::new(device.mac.link_local(), 64, AddressScope::Link));
        for address in addresses.into_iter().chain(link_local) {
            self.add_address(name, address);
        }
    }

    /// Gives a device another MTU. A learned path MTU by that device that is too large now, or that the device itself was
    /// the reason for, follows it (`fib_nhc_update_mtu`, net/ipv4/fib_semantics.c, Linux 6.1). One that is too small for IPv6
    /// (RFC 8200 section 5) leaves the device no IPv6 address.
    pub fn set_mtu(&mut self, name: &str, mtu: u32) {
        let Some(device) = self.device_mut(name) else { return };
        let before = std::mem::replace(&mut device.mtu, mtu);
        let up = device.up && !device.is_loopback();
        let link_local = Address::new(device.mac.link_local(), 64, AddressScope::Link);
        let six: Vec<Address> = device.addresses.iter().filter(|own| own.address.is_ipv6()).copied().collect();
        self.unsettled = true;
        for note in self.path_mtus.iter_mut().filter(|note| note.route.dev.as_deref() == Some(name)) {
            if mtu < note.mtu || note.mtu == before {
                note.mtu = mtu;
            }
        }
        if mtu < MIN_IPV6_MTU {
            for own in six {
                self.remove_address(name, own.address, own.prefix_len);
            }
        } else if before < MIN_IPV6_MTU && up {
            self.add_address(name, link_local);
        }
    }

    /// Takes a device down; the routes by it go, and its IPv6 addresses.
    pub fn set_down(&mut self, name: &str) {
        let Some(device) = self.device_mut(name) else { return };
        device.up = false;
        device.addresses.retain(|address| address.address.is_ipv4());
        let index = device.index;
        self.unsettled = true;
        self.routes.retain(|route| {
            routing::device_of(route) != Some(name) || route.kind == RouteType::Local && route.dst.addr.is_ipv4()
        });
        self.neighbours.retain(|neighbour| neighbour.device != index);
    }

    /// Adds an address, and the routes that come with it (net/ipv4/fib_frontend.c, `fib_add_ifaddr`). Returns `false`
    /// for one that is there, or a device that is not.
    pub fn add_address(&mut self, device: &str, address: Address) -> bool {
        let Some(found) = self.device_mut(device) else { return false };
        if found
            .addresses
            .iter()
            .any(|other| other.address == address.address && other.prefix_len == address.prefix_len)
        {
            return false;
        }
        // IPv4 first, and an IPv6 link-local address last, as `ip addr` shows them.
        let rank = |address: &Address| match address.address {
            IpAddr::V4(_) => 0,
            IpAddr::V6(_) if address.scope != AddressScope::Link => 1,
            IpAddr::V6(_) => 2,
        };
        let at = found.addresses.partition_point(|other| rank(other) <= rank(&address));
        found.addresses.insert(at, address);
        let up = found.up;
        let router = self.sysctl.ipv6_forward;
        self.unsettled = true;
        for route in routes_of(device, &address, up, router) {
            self.add_route(route);
        }
        true
    }

    /// Removes an address and its routes; `false` when there is none.
    pub fn remove_address(&mut self, device: &str, address: IpAddr, prefix_len: u8) -> bool {
        let Some(found) = self.device_mut(device) else { return false };
        let Some(at) = found.addresses.iter().position(|own| own.address == address && own.prefix_len == prefix_len)
        else {
            return false;
        };
        let gone = found.addresses.remove(at);
        let left = found.addresses.clone();
        self.unsettled = true;
        let kept: Vec<Route> = left.iter().flat_map(|own| routes_of(device, own, true, true)).collect();
        for route in routes_of(device, &gone, true, true) {
            if !kept.contains(&route) {
                self.routes.retain(|other| *other != route);
            }
        }
        self.routes.retain(|route| route.src != Some(address));
        true
    }

    /// Adds a route at its place in the table; one that is there already stays.
    pub fn add_route(&mut self, route: Route) {
        if self.routes.contains(&route) {
            return;
        }
        if !self.tables.contains(&route.table) {
            self.tables.push(route.table.clone());
        }
        let at = self.routes.partition_point(|other| dump_order(other) <= dump_order(&route));
        self.routes.insert(at, route);
    }

    /// Adds a rule after those of its priority.
    pub fn add_rule(&mut self, rule: Rule) {
        let at = self.rules.partition_point(|other| other.priority <= rule.priority);
        self.rules.insert(at, rule);
    }

    /// Whether an address is one of this stack's devices.
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.devices.iter().flat_map(|device| &device.addresses).any(|own| own.address == address)
    }

    /// Keeps a route that is used, and says since when it is kept.
    pub fn cache_route(&mut self, route: &Route, now: Timestamp) -> Timestamp {
        let routes = &self.routes;
        self.cached.retain(|(kept, _)| routes.contains(kept));
        if let Some((_, since)) = self.cached.iter().find(|(kept, _)| kept == route) {
            return *since;
        }
        self.cached.push((route.clone(), now));
        now
    }

    /// Asks rules and tables.
    pub fn route(&self, flow: &RouteFlow) -> RouteAnswer {
        routing::lookup(&self.rules, &self.routes, flow)
    }

    /// Whether the kernel has made a table: `main` and `local` always, others with their first route.
    pub fn has_table(&self, table: &TableId) -> bool {
        [TableId::MAIN, TableId::LOCAL].contains(table) || self.tables.contains(table)
    }

    /// Whether a packet from `flow.src` may not come in by a device (`fib_validate_source`, net/ipv4/fib_frontend.c):
    /// the reason, and the way back that was looked up for it. `decrypted` packets are not held to `rp_filter`.
    pub(super) fn refuses_source(
        &self,
        device: IfIndex,
        flow: &RouteFlow,
        decrypted: bool,
    ) -> Option<(Drop, RouteFlow, RouteAnswer)> {
        let conf = self.conf(device);
        let rp_filter = if decrypted { 0 } else { conf.rp_filter };
        if rp_filter == 0 && conf.accept_local {
            return None;
        }
        let back = RouteFlow {
            dst: flow.src,
            src: flow.dst,
            mark: if conf.src_valid_mark { flow.mark } else { 0 },
            tos: flow.tos,
            iif: "lo".to_owned(),
            oif: None,
        };
        let answer = self.route(&back);
        let reason = match &answer {
            RouteAnswer::Found { route, .. } => {
                let same = routing::device_of(route) == Some(self.device_name(device).as_str());
                match route.kind {
                    RouteType::Local if !conf.accept_local => Some(Drop::MartianSource),
                    RouteType::Local | RouteType::Unicast => (rp_filter == 1 && !same).then_some(Drop::ReversePath),
                    _ => Some(Drop::MartianSource),
                }
            }
            RouteAnswer::Nothing | RouteAnswer::Refused(_) => (rp_filter > 0).then_some(Drop::ReversePath),
        };
        reason.map(|reason| (reason, back, answer))
    }

    /// Whether a packet from `flow.src` may not come in by the device of that name.
    pub fn source_is_martian(&self, device: &str, flow: &RouteFlow) -> bool {
        self.device(device).is_some_and(|device| self.refuses_source(device.index, flow, false).is_some())
    }

    /// The program at a hook.
    pub fn hook(&self, device: IfIndex, point: HookPoint) -> Option<&Hook> {
        self.hooks.iter().find(|hook| hook.device == device && hook.point == point)
    }

    /// The source address for packets by a device to a next hop (net/ipv4/devinet.c `inet_select_addr`): an address that
    /// is valid as far as the route's scope, best one on the next hop's subnet, else one of another device.
    pub fn select_source(&self, device: &str, next_hop: Option<Ipv4Addr>, scope: AddressScope) -> Option<Ipv4Addr> {
        let valid = |own: &&Address| own.scope <= scope && own.address.is_ipv4();
        let on_subnet = |own: &&Address| {
            next_hop.is_none_or(|hop| Prefix { addr: own.address, len: own.prefix_len }.contains(hop.into()))
        };
        let own: Vec<&Address> =
            self.device(device).map(|own| own.addresses.iter().filter(valid).collect()).unwrap_or_default();
        let elsewhere = || {
            let others = self.devices.iter().flat_map(|device| &device.addresses);
            others.filter(valid).find(|own| own.scope != AddressScope::Link)
        };
        let chosen = own.iter().copied().find(on_subnet).or_else(|| own.first().copied()).or_else(elsewhere)?;
        match chosen.address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        }
    }

    /// The source address that a route gives to packets of this host that have none yet.
    pub fn source_of(&self, route: &Route) -> Option<Ipv4Addr> {
        if let Some(IpAddr::V4(preferred)) = route.src {
            return Some(preferred);
        }
        let next_hop = match routing::gateway_of(route) {
            Some(IpAddr::V4(gateway)) => Some(gateway),
            _ => None,
        };
        let scope = match route.scope {
            Scope::HOST => AddressScope::Host,
            Scope::LINK => AddressScope::Link,
            _ => AddressScope::Global,
        };
        self.select_source(routing::device_of(route)?, next_hop, scope)
    }

    /// Asks rules and tables for a packet of this host (net/ipv4/route.c `ip_route_output_key_hash_rcu`): nowhere is this
    /// host, everybody is everybody on the link, and a device that was asked for is believed to lead there.
    pub fn route_output(&self, flow: &RouteFlow) -> RouteAnswer {
        let IpAddr::V4(dst) = flow.dst else { return self.route(flow) };
        if dst.is_unspecified() {
            let mut here = self.route(&RouteFlow { dst: Ipv4Addr::LOCALHOST.into(), ..flow.clone() });
            if let RouteAnswer::Found { route, .. } = &mut here {
                route.src = Some(Ipv4Addr::LOCALHOST.into());
            }
            return here;
        }
        match (self.route(flow), &flow.oif) {
            (RouteAnswer::Found { rule, mut route }, _) if dst.is_broadcast() => {
                route.kind = RouteType::Broadcast;
                route.via = None;
                RouteAnswer::Found { rule, route }
            }
            (RouteAnswer::Nothing, Some(device)) => {
                let Some(rule) = self.rules.last() else { return RouteAnswer::Nothing };
                let route = Route {
                    dev: Some(device.clone()),
                    scope: Scope::LINK,
                    ..Route::to(Prefix::host(flow.dst), TableId::MAIN)
                };
                RouteAnswer::Found { rule: Box::new(rule.clone()), route: Box::new(route) }
            }
            (answer, _) => answer,
        }
    }

    /// The state of an id.
    pub fn state(&self, id: StateId) -> Option<&Entry> {
        self.sad.iter().find(|entry| entry.id == id)
    }

    /// The state of an id, to count with.
    pub fn state_mut(&mut self, id: StateId) -> Option<&mut Entry> {
        self.sad.iter_mut().find(|entry| entry.id == id)
    }

    /// What `conf` says for a device once `conf.all` is taken in.
    pub fn conf(&self, index: IfIndex) -> super::DeviceConf {
        let own = self.device_at(index).map(|device| device.conf).unwrap_or_default();
        let all = self.sysctl.all;
        super::DeviceConf {
            forwarding: own.forwarding,
            rp_filter: own.rp_filter.max(all.rp_filter),
            accept_local: own.accept_local || all.accept_local,
            send_redirects: own.send_redirects || all.send_redirects,
            src_valid_mark: own.src_valid_mark || all.src_valid_mark,
        }
    }

    /// Turns forwarding on or off, everywhere.
    pub fn set_forwarding(&mut self, on: bool) {
        self.sysctl.ip_forward = on;
        self.sysctl.all.forwarding = on;
        self.sysctl.default.forwarding = on;
        for device in &mut self.devices {
            device.conf.forwarding = on;
        }
    }

    /// Makes it a router of IPv6, or a host again: its anycast addresses come and go.
    pub fn set_ipv6_forwarding(&mut self, on: bool) {
        let before = self.sysctl.ipv6_forward;
        for device in self.devices.iter_mut().filter(|_| on != before) {
            device.six.became_router = on;
        }
        self.sysctl.ipv6_forward = on;
        self.unsettled = true;
        self.routes.retain(|route| route.kind != RouteType::Anycast || route.dst.addr.is_ipv4());
        let up = self.devices.iter().filter(|device| device.up);
        let all = up.flat_map(|device| device.addresses.iter().flat_map(|own| routes_of(&device.name, own, true, on)));
        let anycast: Vec<Route> = all.filter(|route| route.kind == RouteType::Anycast).collect();
        for route in anycast {
            self.add_route(route);
        }
    }

    /// What a selector is compared with, for an IPv4 packet (`xfrm_decode_session`).
    pub fn flow_of(&self, octets: &[u8], mark: u32, device: Option<IfIndex>) -> Option<Flow> {
        let header = super::ipv4::header(octets)?;
        let payload = super::ipv4::payload(octets);
        let port = |at: usize| payload.get(at..at + 2).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]));
        let proto = header.protocol.0;
        let (sport, dport) = match proto {
            _ if header.fragment_offset.value() != 0 => (0, 0),
            super::ipv4::protocol::TCP | super::ipv4::protocol::UDP => (port(0), port(2)),
            super::ipv4::protocol::ICMP => {
                (payload.first().copied().map_or(0, u16::from), payload.get(1).copied().map_or(0, u16::from))
            }
            _ => (0, 0),
        };
        Some(Flow {
            src: super::ipv4::source(&header).into(),
            dst: super::ipv4::destination(&header).into(),
            proto,
            sport,
            dport,
            mark,
            if_id: 0,
            dev: device.map(|index| self.device_name(index)),
        })
    }
}

impl Address {
    /// An address with nothing but what every address has.
    pub fn new(address: IpAddr, prefix_len: u8, scope: AddressScope) -> Self {
        Self { address, prefix_len, scope, broadcast: None, nodad: false }
    }
}

/// The order of the kernel's dump: table by table (their hash is the number's low octet), IPv4 before IPv6, then by
/// address, the longer prefix first.
fn dump_order(route: &Route) -> impl Ord + use<> {
    let table = match route.table {
        TableId::Number(number) => (number & 0xff, number),
        TableId::Named(_) => (u32::MAX, u32::MAX),
    };
    let key = match route.dst.addr {
        IpAddr::V4(address) => (0, u128::from(u32::from(address)), 32 - i32::from(route.dst.len)),
        IpAddr::V6(address) => {
            // IPv6 keeps its tables as trees of another kind: default routes last, then by prefix.
            (1 + u8::from(route.dst.len == 0), u128::from(address), 128 - i32::from(route.dst.len))
        }
    };
    (route.dst.addr.is_ipv6(), table, key, u8::MAX - route.tos, route.metric.unwrap_or(0))
}

/// The routes that an address brings.
fn routes_of(device: &str, address: &Address, up: bool, forwards: bool) -> Vec<Route> {
    let by_kernel = |kind, dst: Prefix, table, scope| Route {
        kind,
        dev: Some(device.to_owned()),
        protocol: Protocol::KERNEL,
        scope,
        ..Route::to(dst, table)
    };
    let host = Prefix::host(address.address);
    let subnet = network(address.address, address.prefix_len);
    let mut routes = Vec::new();
    match address.address {
        IpAddr::V4(own) => {
            let src = Some(address.address);
            let local = |dst| Route { src, ..by_kernel(RouteType::Local, dst, TableId::LOCAL, Scope::HOST) };
            routes.push(local(host));
            if !up {
                return routes;
            }
            if address.prefix_len < 32 {
                if own.is_loopback() {
                    routes.push(local(subnet));
                } else {
                    routes.push(Route { src, ..by_kernel(RouteType::Unicast, subnet, TableId::MAIN, Scope::LINK) });
                }
            }
            if address.prefix_len < 31 {
                let last = u32::from(own) | u32::MAX.checked_shr(address.prefix_len.into()).unwrap_or(0);
                let broadcast = Prefix::host(Ipv4Addr::from(last).into());
                routes.push(Route { src, ..by_kernel(RouteType::Broadcast, broadcast, TableId::LOCAL, Scope::LINK) });
            }
        }
        IpAddr::V6(_) => {
            if !up {
                return routes;
            }
            let with = |route: Route, metric| Route {
                metric: Some(metric),
                pref: Some(crate::route::Preference::Medium),
                ..route
            };
            let all = Scope::GLOBAL;
            routes.push(with(by_kernel(RouteType::Local, host, TableId::LOCAL, all.clone()), 0));
            if !address.address.is_loopback() {
                if forwards && address.prefix_len < 127 {
                    let anycast = Prefix::host(subnet.addr);
                    routes.push(with(by_kernel(RouteType::Anycast, anycast, TableId::LOCAL, all.clone()), 0));
                }
                routes.push(with(by_kernel(RouteType::Unicast, subnet, TableId::MAIN, all.clone()), 256));
                let group = Prefix { addr: IpAddr::from([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), len: 8 };
                routes.push(with(by_kernel(RouteType::Multicast, group, TableId::LOCAL, all), 256));
            }
        }
    }
    routes
}

/// The prefix with the bits past its length cleared.
pub fn network(address: IpAddr, len: u8) -> Prefix {
    let addr = match address {
        IpAddr::V4(own) => {
            Ipv4Addr::from(u32::from(own) & u32::MAX.checked_shl(32 - u32::from(len.min(32))).unwrap_or(0)).into()
        }
        IpAddr::V6(own) => std::net::Ipv6Addr::from(
            u128::from(own) & u128::MAX.checked_shl(128 - u32::from(len.min(128))).unwrap_or(0),
        )
        .into(),
    };
    Prefix { addr, len }
}
