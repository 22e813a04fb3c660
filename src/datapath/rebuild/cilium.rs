//! What Cilium's programs and their maps are taken to be: no text of `ip` tells of them.

use std::net::{IpAddr, Ipv4Addr};

use super::cables::plug;
use super::stack::{Built, NOW, known_mac};
use super::{Assumed, LinkPeer, Rebuilt};
use crate::datapath::{
    Address, AddressScope, CiliumProgram, DeviceKind, Endpoint, Hook, HookPoint, IfIndex, Mac, Neighbour,
    NeighbourState, Peer, Port, Program, RouteAnswer, RouteFlow, Stack, StackId, device_of, gateway_of, mark,
};
use crate::route::{Metrics, Protocol, Route, RouteType, Scope, TableId};
use crate::xfrm::{Direction, Prefix};

/// What a pod's route allows with encryption (pkg/mtu): 1500 less the 77 that Cilium reckons for ESP.
const POD_MTU_ENCRYPTED: u32 = 1423;

/// The keys of a node: key 3 has SPI 3 and is bits 12 to 15 of a mark.
struct Keys {
    /// The one that packets are sent with while nobody is behind.
    newest: Option<u8>,
    several: bool,
}

impl Keys {
    fn of(stack: &Stack) -> Self {
        let policies = stack.spd.iter().filter(|entry| entry.policy.dir == Direction::Out);
        let states = stack.sad.iter().map(|entry| &entry.state);
        let marks = policies.filter_map(|entry| entry.policy.mark).chain(states.clone().filter_map(|state| state.mark));
        let mut ids: Vec<u8> = marks
            .filter(|own| own.mask & 0xf000 != 0 && own.value & mark::MAGIC_MASK == mark::ENCRYPT)
            .map(|own| (own.value >> 12 & 0xf) as u8)
            .chain(states.filter_map(|state| u8::try_from(state.spi.0).ok()).filter(|spi| *spi < 16))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        // Key 1 follows key 15.
        let newest = if ids.contains(&1) && ids.contains(&15) { Some(1) } else { ids.last().copied() };
        Self { newest, several: ids.len() > 1 }
    }
}

/// What stands for a pod's identity: the smallest that Cilium gives to one. It is not 0, so that a mark's mask that is too
/// wide shows as it would.
const IDENTITY: u32 = 256;

impl Rebuilt {
    /// Puts Cilium's programs where no text says what is there, and fills the maps of all that are Cilium's.
    pub(super) fn programs(&mut self) {
        let keys: Vec<Keys> = self.built.iter().map(|own| Keys::of(&own.stack)).collect();
        for at in 0..self.built.len() {
            let Some(own) = self.built.get(at).cloned() else { continue };
            let has_host = own.links.iter().any(|link| link.name == "cilium_host");
            let assumes = own.is_node && has_host && !own.has_filters;
            if assumes {
                self.place_programs(at);
                self.assumed.push(Assumed::Programs { place: own.stack.name.clone() });
            }
            if assumes || own.names_cilium {
                self.fill_maps(at, &keys.iter().map(|keys| keys.newest).collect::<Vec<_>>());
                self.assumed.push(Assumed::Identity);
                let sent = keys.get(at).filter(|keys| keys.several).and_then(|keys| keys.newest);
                self.assumed.extend(sent.map(|key| Assumed::KeyId { place: own.stack.name.clone(), key }));
            }
        }
    }

    fn place_programs(&mut self, at: usize) {
        let Some(stack) = self.cluster.stack_mut(StackId(at)) else { return };
        let is_default = |route: &&Route| route.table == TableId::MAIN && route.dst == Prefix::ANY_V4;
        let towards = stack.routes.iter().find(is_default);
        let network = towards.and_then(device_of).unwrap_or("eth0").to_owned();
        let mut hooks = Vec::new();
        for device in &stack.devices {
            let mut hook = |point, program| {
                hooks.push(Hook { device: device.index, point, program: Program::Cilium(program) });
            };
            match device.name.as_str() {
                "cilium_host" => {
                    hook(HookPoint::Egress, CiliumProgram::FromHost);
                    hook(HookPoint::Ingress, CiliumProgram::ToHost);
                }
                "cilium_net" => hook(HookPoint::Ingress, CiliumProgram::ToHost),
                name if name.starts_with("lxc") => hook(HookPoint::Ingress, CiliumProgram::FromContainer),
                name if name == network => hook(HookPoint::Ingress, CiliumProgram::FromNetwork),
                _ => {}
            }
        }
        stack.hooks = hooks;
    }

    /// `ipcache`, the endpoints and the key, from the routes to the other nodes' pods and the pods that are known.
    fn fill_maps(&mut self, at: usize, keys: &[Option<u8>]) {
        let key_id = keys.get(at).copied().flatten().or_else(|| keys.iter().flatten().max().copied()).unwrap_or(0);
        let key_of_node = |address: IpAddr| {
            let owner = self.built.iter().position(|own| own.stack.has_address(address));
            owner.and_then(|owner| keys.get(owner).copied().flatten()).unwrap_or(key_id)
        };
        let Some(stack) = self.cluster.stack(StackId(at)) else { return };
        let own = |address: &IpAddr| stack.has_address(*address);
        let peers: Vec<(Prefix, Peer)> = stack
            .routes
            .iter()
            .filter(|route| route.table == TableId::MAIN && (9..=31).contains(&route.dst.len))
            .filter_map(|route| Some((route.dst, gateway_of(route).filter(|gateway| !own(gateway))?)))
            .filter_map(|(dst, gateway)| match gateway {
                IpAddr::V4(node) => {
                    let key_id = key_of_node(gateway);
                    Some((dst, Peer { identity: IDENTITY, tunnel_endpoint: Some(node), key_id }))
                }
                IpAddr::V6(_) => None,
            })
            .collect();
        let endpoints: Vec<Endpoint> =
            stack.devices.iter().filter_map(|device| self.endpoint(device.peer()?, device.mac)).collect();
        let host = stack.devices.iter().flat_map(|device| &device.addresses).filter_map(|own| match own.address {
            IpAddr::V4(address) if !address.is_loopback() => Some(address),
            _ => None,
        });
        let host: Vec<Ipv4Addr> = host.collect();
        let Some(stack) = self.cluster.stack_mut(StackId(at)) else { return };
        stack.cilium.key_id = key_id;
        stack.cilium.host = host;
        stack.cilium.endpoints = endpoints;
        for (prefix, peer) in peers {
            stack.cilium.learn(prefix, peer);
        }
    }

    /// The pod at the other end of a cable.
    fn endpoint(&self, pod: Port, node_mac: Mac) -> Option<Endpoint> {
        let stack = self.cluster.stack(pod.stack)?;
        let is_node = self.built.get(pod.stack.0).is_some_and(|own| own.is_node);
        if is_node || stack.name.is_empty() {
            return None;
        }
        let device = stack.device_at(pod.device)?;
        let address = device.addresses.iter().find_map(|own| match own.address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        })?;
        Some(Endpoint { address, device: device.peer()?.device, mac: device.mac, node_mac, identity: IDENTITY })
    }

    /// Makes the pod of an address at the node whose routes lead to it, if there is one.
    pub(super) fn make_pod(&mut self, address: Ipv4Addr) -> bool {
        let found = (0..self.built.len()).find_map(|at| Some((at, self.device_of_pod(at, address)?)));
        let Some((at, (device, router))) = found else { return false };
        let node = StackId(at);
        let Some(own) = self.cluster.stack(node) else { return false };
        let Some(outside) = own.device_at(device) else { return false };
        let (place, name, node_mac) = (own.name.clone(), outside.name.clone(), outside.mac);
        let inside = self.built.get(at).and_then(|built| built.links.iter().find(|link| link.index == device));
        let index = match inside.and_then(|link| link.peer.as_ref()) {
            Some(LinkPeer::Elsewhere(index)) => *index,
            _ => IfIndex(2),
        };
        let [.., third, last] = address.octets();
        let mac = known_mac(own, address.into()).unwrap_or(Mac([2, 0, 10, 0, third, last]));
        let encrypted = !own.sad.is_empty() || !own.spd.is_empty();
        let mut pod = Stack::new(address.to_string());
        let kind = DeviceKind::Veth { peer: None, master: None };
        let mut eth0 = crate::datapath::Device::new(index, "eth0", kind, mac, 1500);
        eth0.up = true;
        pod.add_device(eth0);
        pod.add_address("eth0", Address::new(address.into(), 32, AddressScope::Global));
        let by_eth0 =
            |dst| Route { dev: Some("eth0".to_owned()), protocol: Protocol::BOOT, ..Route::to(dst, TableId::MAIN) };
        let metrics = if encrypted { Metrics::mtu_of(POD_MTU_ENCRYPTED) } else { Metrics::default() };
        pod.add_route(Route { scope: Scope::LINK, ..by_eth0(Prefix::host(router.into())) });
        pod.add_route(Route { via: Some(router.into()), metrics, ..by_eth0(Prefix::ANY_V4) });
        pod.neighbours.push(Neighbour::new(index, router.into(), NeighbourState::Stale, Some(node_mac), NOW));
        let id = self.cluster.add_stack(pod);
        plug(&mut self.cluster, Port { stack: node, device }, Port { stack: id, device: index });
        self.assumed.push(Assumed::Pod { address, place, device: name });
        true
    }

    /// The device of a node's that an unknown pod must hang on, and the pods' gateway there.
    fn device_of_pod(&self, at: usize, address: Ipv4Addr) -> Option<(IfIndex, Ipv4Addr)> {
        let Built { is_node: true, .. } = self.built.get(at)? else { return None };
        let stack = self.cluster.stack(StackId(at))?;
        let host = stack.device("cilium_host")?;
        let router = host.addresses.iter().find_map(|own| match own.address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        })?;
        let free = |index: IfIndex| {
            let device = stack.device_at(index)?;
            matches!(device.kind, DeviceKind::Veth { peer: None, .. }).then_some(device)
        };
        let flow = RouteFlow {
            dst: address.into(),
            src: Ipv4Addr::UNSPECIFIED.into(),
            mark: 0,
            tos: 0,
            iif: "lo".to_owned(),
            oif: None,
        };
        let RouteAnswer::Found { route, .. } = stack.route(&flow) else { return None };
        let by_route = device_of(&route).and_then(|name| stack.device(name)).map(|device| device.index);
        if let Some(device) = by_route.and_then(free) {
            return (device.name != "cilium_host" && !has_subnet(device)).then_some((device.index, router));
        }
        // Without endpoint routes all pods of the node are behind cilium_host, and BPF knows which is where.
        let own_pods = gateway_of(&route) == Some(router.into()) && route.kind == RouteType::Unicast;
        if !own_pods {
            return None;
        }
        let neighbour = stack.neighbours.iter().find(|neighbour| neighbour.address == IpAddr::from(address));
        let of_a_pod =
            stack.devices.iter().filter(|device| device.name.starts_with("lxc") && device.name != "lxc_health");
        let device = neighbour
            .and_then(|neighbour| free(neighbour.device))
            .or_else(|| of_a_pod.into_iter().find_map(|device| free(device.index)))?;
        Some((device.index, router))
    }
}

fn has_subnet(device: &crate::datapath::Device) -> bool {
    device.addresses.iter().any(|own| own.address.is_ipv4() && own.prefix_len < 32)
}
