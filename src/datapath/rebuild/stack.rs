use std::collections::BTreeMap;
use std::net::IpAddr;

use super::filter::{DeviceFilters, FoundFilter};
use super::{
    Assumed, CannotRebuild, Link, NodeTexts, Text, UnreadLine, parse_filters, parse_links, parse_neighbours,
    parse_sysctls, sysctl,
};
use crate::datapath::{Device, DeviceKind, Entry, Hook, Mac, Neighbour, PolicyEntry, Program, Random, Stack, StateId};
use crate::esp::{Secret, Unusable};
use crate::listing::Listing;
use crate::packet::Timestamp;
use crate::route::{TableId, parse_routes, parse_rules};
use crate::xfrm::{Key, parse_policies, parse_states};

/// A stack, and what its text says beyond it.
#[derive(Debug, Clone)]
pub(super) struct Built {
    /// The stack, its devices' cables not laid yet.
    pub(super) stack: Stack,
    /// Its devices as they were read.
    pub(super) links: Vec<Link>,
    /// Whether it is a node: it has `cilium_host`, or forwards for others.
    pub(super) is_node: bool,
    /// Whether its programs are known.
    pub(super) has_filters: bool,
    /// Where Cilium's programs were found by their names.
    pub(super) names_cilium: bool,
}

/// When the texts were taken, for the model.
pub(super) const NOW: Timestamp = Timestamp(1_000_000_000);

/// What is read while a stack is built.
struct Texts<'a> {
    node: &'a NodeTexts,
    unread: &'a mut Vec<UnreadLine>,
}

impl Texts<'_> {
    fn read<T>(&mut self, text: Text, read: impl Fn(&str) -> Listing<T>) -> Option<Vec<T>> {
        let listing = read(self.node.get(text)?);
        let (place, label) = (&self.node.name, self.node.label(text));
        self.unread.extend(listing.unread.into_iter().map(|unread| UnreadLine {
            place: place.clone(),
            label: label.to_owned(),
            unread,
        }));
        Some(listing.items)
    }

    /// A text that cannot be done without.
    fn need<T>(&mut self, text: Text, read: impl Fn(&str) -> Listing<T>) -> Result<Vec<T>, CannotRebuild> {
        let place = self.node.name.clone();
        self.read(text, read).ok_or(CannotRebuild::Missing { place, text })
    }

    /// A text that cannot be done without, and that no node has empty.
    fn need_some<T>(&mut self, text: Text, read: impl Fn(&str) -> Listing<T>) -> Result<Vec<T>, CannotRebuild> {
        let items = self.need(text, read)?;
        if items.is_empty() {
            let (place, label) = (self.node.name.clone(), self.node.label(text).to_owned());
            return Err(CannotRebuild::Nothing { place, label, text });
        }
        Ok(items)
    }
}

impl Built {
    pub(super) fn of(
        node: &NodeTexts,
        assumed: &mut Vec<Assumed>,
        unread: &mut Vec<UnreadLine>,
    ) -> Result<Self, CannotRebuild> {
        let mut texts = Texts { node, unread };
        let links = texts.need_some(Text::Addresses, parse_links)?;
        let of_a_node = |link: &Link| link.name == "cilium_host" || link.name.starts_with("lxc");
        // In a pod there is no XFRM; its `ip xfrm state` prints nothing.
        let says = |text| node.get(text).is_some_and(|text| !text.trim().is_empty());
        let is_node = links.iter().any(of_a_node) || says(Text::States) || says(Text::Policies);
        let mut stack = Stack::new(&node.name);
        add_devices(&mut stack, &links);
        if is_node || says(Text::Rules) {
            stack.rules = texts.need_some(Text::Rules, parse_rules)?;
        }
        add_routes(&mut stack, texts.need_some(Text::Routes, |text| parse_routes(text, &TableId::MAIN))?);
        if is_node {
            add_states(&mut stack, texts.need(Text::States, parse_states)?, assumed);
            // The newest is listed first.
            let policies = texts.need(Text::Policies, parse_policies)?.into_iter().rev();
            stack.spd.extend(policies.map(|policy| PolicyEntry { policy, added: NOW, used: None }));
        }
        for line in texts.read(Text::Neighbours, parse_neighbours).unwrap_or_default() {
            let Some(device) = stack.device(&line.device).map(|device| device.index) else { continue };
            stack.neighbours.push(Neighbour::new(device, line.address, line.state, line.mac, NOW));
        }
        match texts.read(Text::Sysctls, parse_sysctls).filter(|values| !values.is_empty()) {
            Some(values) => sysctl::set(&mut stack, &values),
            None if is_node => {
                assume_sysctls(&mut stack);
                assumed.push(Assumed::Sysctls { place: node.name.clone() });
            }
            None => {}
        }
        let filters = texts.read(Text::Filters, parse_filters);
        let has_filters = filters.is_some();
        let names_cilium = add_hooks(&mut stack, filters.unwrap_or_default(), assumed);
        Ok(Self { stack, links, is_node, has_filters, names_cilium })
    }
}

/// Refuses texts of two moments: what has one address is one node.
pub(super) fn refuse_twins(built: &[Built]) -> Result<(), CannotRebuild> {
    let mut owners: BTreeMap<IpAddr, &str> = BTreeMap::new();
    for own in built {
        let devices = own.stack.devices.iter().filter(|device| !device.is_loopback());
        for address in devices.flat_map(|device| &device.addresses) {
            let link_local = matches!(address.address, IpAddr::V6(own) if own.is_unicast_link_local());
            if link_local || address.address.is_loopback() {
                continue;
            }
            if let Some(first) =
                owners.insert(address.address, &own.stack.name).filter(|first| *first != own.stack.name)
            {
                let second = own.stack.name.clone();
                return Err(CannotRebuild::Twice { first: first.to_owned(), second, address: address.address });
            }
        }
    }
    Ok(())
}

fn add_devices(stack: &mut Stack, links: &[Link]) {
    stack.devices.clear();
    stack.routes.clear();
    for link in links {
        let kind = if link.has("LOOPBACK") {
            DeviceKind::Loopback
        } else if link.kind.as_deref() == Some("bridge") {
            DeviceKind::Bridge { seen: BTreeMap::new() }
        } else {
            let master = link.master.as_ref().and_then(|name| links.iter().find(|other| other.name == *name));
            DeviceKind::Veth { peer: None, master: master.map(|bridge| bridge.index) }
        };
        let mut device = Device::new(link.index, &link.name, kind, link.mac.unwrap_or_default(), link.mtu);
        device.up = link.has("UP");
        device.noarp = link.has("NOARP");
        stack.add_device(device);
        for address in &link.addresses {
            stack.add_address(&link.name, *address);
        }
    }
}

/// A text of all tables says everything; one of `main` alone goes with what the addresses bring.
fn add_routes(stack: &mut Stack, routes: Vec<crate::route::Route>) {
    if routes.iter().any(|route| route.table == TableId::LOCAL) {
        stack.routes.clear();
    }
    for route in routes {
        stack.add_route(route);
    }
}

fn add_states(stack: &mut Stack, states: Vec<crate::xfrm::State>, assumed: &mut Vec<Assumed>) {
    let mut random = Random::of_seed(1);
    // The newest is listed first.
    for mut state in states.into_iter().rev() {
        if matches!(state.compile(), Err(Unusable::NoKey { .. })) {
            for algorithm in &mut state.algorithms {
                if algorithm.key.known().is_none() {
                    algorithm.key = Key::Known(Secret::new(vec![0x5a; key_len(&algorithm.name)]));
                }
            }
            assumed.push(Assumed::Keys);
        }
        let id = StateId(stack.next_state);
        stack.next_state += 1;
        stack.sad.extend(Entry::new(id, state, NOW, &mut random));
    }
}

/// Octets of a key that an algorithm takes; of several lengths the usual one.
fn key_len(name: &str) -> usize {
    match name {
        "cbc(des)" => 8,
        "rfc4309(ccm(aes))" => 19,
        "rfc4106(gcm(aes))" | "rfc4543(gcm(aes))" | "rfc3686(ctr(aes))" | "hmac(sha1)" | "hmac(rmd160)" => 20,
        "cbc(des3_ede)" => 24,
        "hmac(sha256)" => 32,
        "rfc7539esp(chacha20,poly1305)" => 36,
        "hmac(sha384)" => 48,
        "hmac(sha512)" => 64,
        _ => 16,
    }
}

/// As Cilium's init.sh and loader leave them.
fn assume_sysctls(stack: &mut Stack) {
    stack.set_forwarding(true);
    for device in &mut stack.devices {
        device.conf.rp_filter = 0;
        device.conf.accept_local = matches!(device.name.as_str(), "cilium_host" | "cilium_net");
    }
}

/// Puts the programs at their devices. Says whether Cilium's are among them.
fn add_hooks(stack: &mut Stack, listed: Vec<DeviceFilters>, assumed: &mut Vec<Assumed>) -> bool {
    let mut cilium = false;
    for DeviceFilters { device: name, point, found } in listed {
        let Some(device) = stack.device(&name).map(|device| device.index) else { continue };
        let mut filters = Vec::new();
        let mut program = None;
        for one in found {
            match one {
                FoundFilter::Edit(filter) => filters.push(filter),
                FoundFilter::Cilium(own) => program = Some(own),
                FoundFilter::Other(program) => {
                    let (place, device) = (stack.name.clone(), name.clone());
                    assumed.push(Assumed::Passes { place, device, program });
                }
            }
        }
        cilium |= program.is_some();
        let program = program.map(Program::Cilium).or_else(|| (!filters.is_empty()).then_some(Program::Tc(filters)));
        stack.hooks.extend(program.map(|program| Hook { device, point, program }));
    }
    cilium
}

/// The Ethernet address that a node knows for an address at a device, if it does.
pub(super) fn known_mac(stack: &Stack, address: IpAddr) -> Option<Mac> {
    stack.neighbours.iter().find(|neighbour| neighbour.address == address).and_then(|neighbour| neighbour.mac)
}
