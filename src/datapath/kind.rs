//! The machine, Docker's network on it, and the nodes that kind makes there.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::cluster::Cluster;
use super::device::{Address, AddressScope, Device, DeviceKind, IfIndex, Mac, Port, StackId};
use super::stack::Stack;
use super::{CiliumNode, NeighbourState};
use crate::route::{Preference, Route, TableId};
use crate::xfrm::Prefix;

/// One node of the cluster.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its stack.
    pub stack: StackId,
    /// Its name (`cilium-ipsec-native-routing-worker`).
    pub name: String,
    /// Its address on the kind network.
    pub address: Ipv4Addr,
    /// What Cilium made of it, while Cilium is installed.
    pub cilium: Option<CiliumNode>,
}

/// The machine's address on the kind network, every node's default gateway.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(172, 18, 0, 1);
/// kind's IPv6 subnet.
const SUBNET_V6: [u16; 4] = [0xfc00, 0xf853, 0x0ccd, 0xe793];

impl Cluster {
    /// The machine that the nodes run on: `lo`, `eth0` to the world, `docker0`.
    pub fn add_machine(&mut self, name: &str) -> StackId {
        let mut stack = Stack::new(name);
        stack.set_forwarding(true);
        // Captures hold the learner's packets only.
        stack.sysctl.solicits_routers = false;
        let none = DeviceKind::Veth { peer: None, master: None };
        let (eth0, docker0) = (stack.new_index(), stack.new_index());
        stack.add_device(Device::new(eth0, "eth0", none, self.random.mac(), 1500));
        let docker = DeviceKind::Bridge { seen: BTreeMap::new() };
        stack.add_device(Device::new(docker0, "docker0", docker, self.random.mac(), 1500));
        for (device, address, len) in [("eth0", [192, 168, 64, 10], 24), ("docker0", [172, 17, 0, 1], 16)] {
            stack.set_up(device);
            stack.add_address(device, with_broadcast(address.into(), len));
        }
        let world = Ipv4Addr::new(192, 168, 64, 1);
        let via = Some(world.into());
        let route = Route { via, dev: Some("eth0".to_owned()), ..Route::to(Prefix::ANY_V4, TableId::MAIN) };
        stack.add_route(route);
        self.add_stack(stack)
    }

    /// Docker's network `kind` on the machine: a bridge with the gateway's address. Returns its device.
    pub fn add_kind_network(&mut self, machine: StackId) -> Option<IfIndex> {
        let name = format!("br-{}", self.random.hex(12));
        let [a, b, c, d] = self.random.octets();
        let mac = Mac([0x02, 0x42, a, b, c, d]);
        let stack = self.stack_mut(machine)?;
        let known = stack.devices.iter().find(|device| device.name.starts_with("br-"));
        if let Some(bridge) = known {
            return Some(bridge.index);
        }
        let index = stack.new_index();
        stack.add_device(Device::new(index, &name, DeviceKind::Bridge { seen: BTreeMap::new() }, mac, 1500));
        stack.set_up(&name);
        stack.add_address(&name, with_broadcast(GATEWAY, 16));
        let own_v6 = Address { nodad: true, ..Address::new(v6(1), 64, AddressScope::Global) };
        stack.add_address(&name, own_v6);
        Some(index)
    }

    /// A node as `kind create cluster` makes it with `disableDefaultCNI`: `lo`, `eth0` on the kind network, a default
    /// route. The order of the calls is the order of Docker's device numbers.
    pub fn add_node(&mut self, machine: StackId, name: &str, address: Ipv4Addr) -> StackId {
        let bridge = self.add_kind_network(machine);
        let mut stack = Stack::new(name);
        stack.set_forwarding(true);
        stack.set_ipv6_forwarding(true);
        let id = self.add_stack(stack);
        let [.., host] = address.octets();
        let mac = Mac([0x02, 0x42, 172, 18, 0, host]);
        let (inside, outside) =
            self.stack_mut(machine).map_or((IfIndex(7), IfIndex(8)), |stack| (stack.new_index(), stack.new_index()));
        let outer_name = format!("veth{}", self.random.hex(7));
        let outer_mac = self.random.mac();
        self.add_veth((id, "eth0", inside, mac), (machine, &outer_name, outside, outer_mac));
        if let Some(stack) = self.stack_mut(machine) {
            if let Some(DeviceKind::Veth { master, .. }) = stack.device_mut(&outer_name).map(|device| &mut device.kind)
            {
                *master = bridge;
            }
            stack.set_up(&outer_name);
            // The node's traffic is never silent for long enough to be forgotten.
            if let Some(DeviceKind::Bridge { seen }) =
                bridge.and_then(|bridge| stack.device_at_mut(bridge)).map(|device| &mut device.kind)
            {
                seen.insert(mac, outside);
            }
        }
        if let Some(stack) = self.stack_mut(id) {
            stack.set_up("eth0");
            stack.add_address("eth0", with_broadcast(address, 16));
            let own_v6 = Address { nodad: true, ..Address::new(v6(u16::from(host)), 64, AddressScope::Global) };
            stack.add_address("eth0", own_v6);
            let by_eth0 =
                |dst, via| Route { via: Some(via), dev: Some("eth0".to_owned()), ..Route::to(dst, TableId::MAIN) };
            stack.add_route(by_eth0(Prefix::ANY_V4, GATEWAY.into()));
            let default = by_eth0(Prefix::ANY_V6, v6(1));
            stack.add_route(Route { metric: Some(1024), pref: Some(Preference::Medium), ..default });
        }
        self.nodes.push(Node { stack: id, name: name.to_owned(), address, cilium: None });
        self.nodes_talk();
        id
    }

    /// `kind delete cluster`: the nodes' stacks are emptied, their cables go.
    pub fn remove_nodes(&mut self) {
        let names: Vec<String> = self.nodes.iter().map(|node| node.name.clone()).collect();
        self.remove_cilium();
        self.nodes.clear();
        for name in names {
            let Some(id) = self.find(&name) else { continue };
            let Some(eth0) = self.stack(id).and_then(|stack| stack.device("eth0")).map(|device| device.index) else {
                continue;
            };
            self.remove_device(Port { stack: id, device: eth0 });
            self.empty_stack(id);
        }
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// kubelets and the API server talk all the time: every node knows every other, and the machine.
    fn nodes_talk(&mut self) {
        let ends: Vec<(StackId, Ipv4Addr)> = self.nodes.iter().map(|node| (node.stack, node.address)).collect();
        for (stack, _) in &ends {
            for (peer, address) in ends.iter().filter(|(peer, _)| peer != stack) {
                let own = self.stack(*stack).and_then(|own| own.device("eth0")).map(|device| device.index);
                let mac = self.stack(*peer).and_then(|own| own.device("eth0")).map(|device| device.mac);
                if let (Some(device), Some(mac)) = (own, mac) {
                    let port = Port { stack: *stack, device };
                    self.know_neighbour(port, (*address).into(), mac, NeighbourState::Reachable);
                }
            }
        }
    }

    pub(super) fn empty_stack(&mut self, id: StackId) {
        if let Some(stack) = self.stack_mut(id) {
            *stack = Stack::new("");
        }
    }
}

/// An address with the subnet's broadcast address, as Docker sets it.
fn with_broadcast(address: Ipv4Addr, prefix_len: u8) -> Address {
    let last = u32::from(address) | u32::MAX.checked_shr(prefix_len.into()).unwrap_or(0);
    let broadcast = Some(IpAddr::from(Ipv4Addr::from(last)));
    Address { broadcast, ..Address::new(address.into(), prefix_len, AddressScope::Global) }
}

fn v6(host: u16) -> IpAddr {
    let [a, b, c, d] = SUBNET_V6;
    Ipv6Addr::new(a, b, c, d, 0, 0, 0, host).into()
}
