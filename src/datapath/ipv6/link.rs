//! What a stack sends by itself when a device comes up: whether its addresses are taken (RFC 4862 section 5.4), which
//! groups it listens to (RFC 3810), who the routers are (RFC 4861 section 6.3.7); net/ipv6/addrconf.c and mcast.c, Linux 6.1.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::wire::{self, ALL_NODES, ALL_REPORTS, ALL_ROUTERS, icmp6, next};
use crate::datapath::cluster::{Cluster, Event};
use crate::datapath::device::{Device, DeviceKind, Mac, Port};
use crate::datapath::skb::{Skb, ethertype};
use crate::datapath::stack::{MIN_IPV6_MTU, Stack};
use crate::packet::Timestamp;

/// IPv6's state of one device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that the kernel keeps apart")]
pub(in crate::datapath) struct Link {
    /// Whether it is up, and the other end of its cable was too (`IF_READY`).
    ready: bool,
    /// Whether the other end of its cable is up; of a bridge, whether a port of it forwards.
    carrier: bool,
    /// Whether it is up and waits for that.
    waits: bool,
    /// From when on it forwards, as a port of a bridge.
    forwards_from: Timestamp,
    /// Whether it was there when its host became a router.
    pub(in crate::datapath) became_router: bool,
    /// The addresses that were asked about, or need not be.
    known: Vec<Ipv6Addr>,
    /// The addresses that may be taken (`IFA_F_TENTATIVE`).
    tentative: Vec<Ipv6Addr>,
    /// The groups that it reports, the oldest first.
    joined: Vec<Ipv6Addr>,
    /// Groups that were joined or left, and how often that is still to be told (`mca_crcount`).
    changes: Vec<(Ipv6Addr, bool, u8)>,
    /// Reports of changes that are still to come (`mc_ifc_count`), and when the next one does.
    reports: (u8, Option<Timestamp>),
    /// The same of the reports of everything, once the link-local address is free to use (`mc_dad_count`).
    initial: (u8, Option<Timestamp>),
    /// When routers are asked again, and what was waited for that.
    solicits: Option<(Timestamp, u64)>,
}

/// The timers of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::datapath) enum Timer {
    /// Time to report what changed.
    Changes,
    /// Time to report everything.
    Initial,
    /// Time to ask whether an address is taken.
    Detect(Ipv6Addr),
    /// Nobody said that the address is taken.
    Free(Ipv6Addr),
    /// Time to ask for routers.
    Solicit,
    /// A port of a bridge begins to forward.
    Forwards,
}

/// All interfaces of this host (RFC 4291 section 2.7.1): never reported.
const THIS_HOST: Ipv6Addr = Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 1);
/// The routers' groups that a host joins besides [`ALL_ROUTERS`] when it becomes one (`dev_forward_change`); a device that
/// is made later does not.
const OTHER_ROUTERS: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 2), Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 2)];
/// All hosts of IPv4 (RFC 1112 section 4).
const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLISECOND;
/// Two jiffies: how long the kernel waits for more changes.
const SOON: u64 = 8 * MILLISECOND;
/// The longest time to the next report (RFC 3810 section 9.11), and to the first solicitation of an address.
const REPORT_INTERVAL: u64 = SECOND;
/// From the solicitation of an address to believing that nobody has it (`retrans_time`).
const RETRANS: u64 = SECOND;
/// The bridge hears of a cable at the latest a second after it is plugged in (net/core/link_watch.c).
const LINK_WATCH: u64 = SECOND;
/// How often each change is told (the robustness variable, RFC 3810 section 9.1).
const ROBUSTNESS: u8 = 2;
/// From one router solicitation to the next: the first time, and at most (`router_solicitation_interval`, `max_interval`).
const SOLICIT_INTERVAL: u64 = 4 * SECOND;
const SOLICIT_MOST: u64 = 3_600 * SECOND;

impl Stack {
    /// The multicast groups of a device in the order in which they were joined, each with how many want it: those of every
    /// host; a router's; one for each IPv6 address, and for the anycast address of a router's subnet.
    pub fn groups_of(&self, device: &Device) -> Vec<(IpAddr, usize)> {
        let wanted = self.wanted_groups(device);
        let mut groups: Vec<Ipv6Addr> = vec![THIS_HOST, ALL_NODES];
        let known = device.six.joined.iter().filter(|group| wanted.contains(group));
        for group in known.chain(&wanted) {
            if !groups.contains(group) {
                groups.push(*group);
            }
        }
        let users = |group: &Ipv6Addr| wanted.iter().filter(|other| *other == group).count().max(1);
        let mut all: Vec<(IpAddr, usize)> = groups.iter().map(|group| ((*group).into(), users(group))).collect();
        if device.up {
            // A device that was made on a router has joined the routers' group before it came up.
            let at = if groups.get(2) == Some(&ALL_ROUTERS) { 3 } else { 2 };
            all.insert(at, (ALL_HOSTS.into(), 1));
        }
        all
    }

    /// The Ethernet addresses of those groups that a device takes frames of, each with how many groups need it. Groups of
    /// this host alone need none.
    pub fn link_groups_of(&self, device: &Device) -> Vec<(Mac, usize)> {
        let mut macs: Vec<(Mac, usize)> = Vec::new();
        let on_link = |group: &IpAddr| six(*group).is_none_or(|group| group.octets()[1] & 15 > 1);
        for mac in self.groups_of(device).into_iter().map(|(group, _)| group).filter(on_link).map(Mac::of_group) {
            match macs.iter_mut().find(|(known, _)| *known == mac) {
                Some((_, users)) => *users += 1,
                None => macs.push((mac, 1)),
            }
        }
        macs
    }

    /// Who wants which group: a group that two want is there twice.
    fn wanted_groups(&self, device: &Device) -> Vec<Ipv6Addr> {
        let mut groups = Vec::new();
        if !device.up || device.is_loopback() {
            return groups;
        }
        let router = self.sysctl.ipv6_forward;
        if router {
            groups.push(ALL_ROUTERS);
            if device.six.became_router {
                groups.extend(OTHER_ROUTERS);
            }
        }
        if device.noarp {
            // Nobody is asked for on such a link.
            return groups;
        }
        let mut anycast: Vec<Ipv6Addr> = Vec::new();
        let own = device.addresses.iter().filter_map(|own| Some((six(own.address)?, own.prefix_len)));
        // The link-local address was there first.
        let mut own: Vec<(Ipv6Addr, u8)> = own.collect();
        own.sort_by_key(|(address, _)| !address.is_unicast_link_local());
        for (address, len) in own {
            groups.push(wire::solicited(address));
            let subnet = six(crate::datapath::network(address.into(), len).addr);
            if let Some(subnet) = subnet.filter(|subnet| router && len < 127 && !anycast.contains(subnet)) {
                anycast.push(subnet);
                groups.push(wire::solicited(subnet));
            }
        }
        groups
    }

    /// Puts the IPv6 routes of a device behind equal ones of others: they come when the device is ready.
    fn renew_routes6(&mut self, device: &str) {
        let of_device = |route: &crate::route::Route| route.dev.as_deref() == Some(device) && route.dst.addr.is_ipv6();
        let (moved, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.routes).into_iter().partition(of_device);
        self.routes = kept;
        for route in moved {
            self.add_route(route);
        }
    }

    /// Whether a packet to a group is for this host.
    pub(super) fn listens_to(&self, device: &Device, group: Ipv6Addr) -> bool {
        self.groups_of(device).iter().any(|(own, _)| *own == IpAddr::from(group))
    }
}

impl Device {
    /// Its link-local address.
    pub(super) fn link_local(&self) -> Option<Ipv6Addr> {
        self.addresses.iter().filter_map(|own| six(own.address)).find(Ipv6Addr::is_unicast_link_local)
    }

    /// Whether an address may still turn out to be another host's (`tentative` of `ip addr`).
    pub fn is_tentative(&self, address: IpAddr) -> bool {
        six(address).is_some_and(|address| self.six.tentative.contains(&address))
    }
}

impl Cluster {
    /// From now on stacks send what real ones send by themselves. A cluster in which only the way of a packet is to be
    /// found out is better silent.
    pub fn let_links_talk(&mut self) {
        self.links_talk = true;
    }

    /// Whether a port of a bridge takes and sends frames yet.
    pub(in crate::datapath) fn port_forwards(&self, port: Port) -> bool {
        let device = self.stack(port.stack).and_then(|own| own.device_at(port.device));
        !self.links_talk || device.is_some_and(|device| device.six.forwards_from <= self.now())
    }

    /// Finds what has changed at the devices, and begins to tell.
    pub(in crate::datapath) fn settle_links(&mut self) {
        if !self.links_talk || !self.stacks.iter().any(|stack| stack.unsettled) {
            return;
        }
        let ports: Vec<Port> = self
            .stacks
            .iter()
            .enumerate()
            .flat_map(|(at, stack)| {
                let stack_id = crate::datapath::StackId(at);
                stack.devices.iter().map(move |device| Port { stack: stack_id, device: device.index })
            })
            .collect();
        for stack in &mut self.stacks {
            stack.unsettled = false;
        }
        // A device that comes up is heard of at once; the other end of its cable a little later, from the watch on links.
        let waits = |port: &Port| {
            let device = self.stack(port.stack).and_then(|own| own.device_at(port.device));
            device.is_some_and(|device| device.six.waits || matches!(device.kind, DeviceKind::Bridge { .. }))
        };
        let (later, first): (Vec<Port>, Vec<Port>) = ports.into_iter().partition(waits);
        for port in first.into_iter().chain(later) {
            self.settle_link(port);
        }
    }

    fn settle_link(&mut self, port: Port) {
        let Some(own) = self.stack(port.stack) else { return };
        let Some(device) = own.device_at(port.device) else { return };
        let is_bridge = matches!(device.kind, DeviceKind::Bridge { .. });
        let is_port =
            |own: &Device| matches!(own.kind, DeviceKind::Veth { master: Some(master), .. } if master == port.device);
        let now = self.now();
        let has_port = own.devices.iter().any(|own| is_port(own) && own.six.carrier && own.six.forwards_from <= now);
        let enslaved = matches!(device.kind, DeviceKind::Veth { master: Some(_), .. });
        let name = device.name.clone();
        let is_up =
            |peer: Port| self.stack(peer.stack).and_then(|own| own.device_at(peer.device)).is_some_and(|d| d.up);
        let carrier = if is_bridge { has_port } else { device.peer().is_none_or(is_up) };
        let able = device.up && !device.is_loopback() && device.mtu >= MIN_IPV6_MTU;
        let accept_dad = own.sysctl.accept_dad && !device.noarp;
        let mut wanted = own.wanted_groups(device);
        let addresses: Vec<(Ipv6Addr, bool)> =
            device.addresses.iter().filter_map(|own| Some((six(own.address)?, own.nodad))).collect();
        let forwards_from = Timestamp(self.now().0 + self.random.below(LINK_WATCH));
        let Some(link) = self.link_mut(port) else { return };
        if !able {
            // What it leaves without a word is told when it comes up again.
            let left = link.joined.iter().filter(|group| is_reported(group)).map(|group| (*group, false, ROBUSTNESS));
            let changes = if link.ready { left.collect() } else { std::mem::take(&mut link.changes) };
            *link = Link { changes, became_router: link.became_router, ..Link::default() };
            return;
        }
        let returned = carrier && !link.carrier;
        link.carrier = carrier;
        let begins = carrier && !link.ready;
        link.ready |= carrier;
        link.waits = !link.ready;
        if !link.ready {
            return;
        }
        if returned && enslaved {
            link.forwards_from = forwards_from;
            let wait = forwards_from.0 - self.now().0;
            self.schedule(wait, Event::Link(port, Timer::Forwards));
        }
        if begins && let Some(own) = self.stack_mut(port.stack) {
            own.renew_routes6(&name);
        }
        let Some(link) = self.link_mut(port) else { return };
        let left: Vec<Ipv6Addr> = link.joined.iter().filter(|group| !wanted.contains(group)).copied().collect();
        link.joined.retain(|group| wanted.contains(group));
        wanted.retain(|group| !link.joined.contains(group));
        for group in &wanted {
            if !link.joined.contains(group) {
                link.joined.push(*group);
            }
        }
        // Whoever is plugged in again may be at another switch.
        let told: Vec<Ipv6Addr> =
            link.joined.iter().filter(|group| returned || wanted.contains(group)).copied().collect();
        let left = left.into_iter().map(|group| (group, false));
        let changed: Vec<(Ipv6Addr, bool)> =
            left.chain(told.into_iter().map(|group| (group, true))).filter(|(group, _)| is_reported(group)).collect();
        for (group, joins) in &changed {
            link.changes.retain(|(other, ..)| other != group);
            link.changes.push((*group, *joins, ROBUSTNESS));
        }
        let changed = !changed.is_empty();
        link.known.retain(|known| addresses.iter().any(|(own, _)| own == known));
        link.tentative.retain(|known| addresses.iter().any(|(own, _)| own == known));
        let new: Vec<(Ipv6Addr, bool)> = addresses.into_iter().filter(|(own, _)| !link.known.contains(own)).collect();
        link.known.extend(new.iter().map(|(own, _)| *own));
        for (address, nodad) in new {
            if accept_dad && !nodad {
                let delay = self.random.below(SECOND);
                if let Some(link) = self.link_mut(port) {
                    link.tentative.push(address);
                }
                self.schedule(delay, Event::Link(port, Timer::Detect(address)));
            } else {
                self.address_is_free(port, address);
            }
        }
        if changed {
            if let Some(link) = self.link_mut(port) {
                link.reports.0 = ROBUSTNESS;
            }
            self.report_later(port, Timer::Changes, SOON);
        }
    }

    /// The timer of a device goes off.
    pub(in crate::datapath) fn link_timer(&mut self, port: Port, timer: Timer) {
        let now = self.now();
        let Some(link) = self.link_mut(port).filter(|link| link.ready) else { return };
        let due = |at: &mut Option<Timestamp>| at.take_if(|due| *due <= now).is_some();
        match timer {
            Timer::Changes => {
                if !due(&mut link.reports.1) {
                    return;
                }
                // Those that were left first, and of each kind the newest, as the kernel's lists have them.
                let mut records: Vec<(Ipv6Addr, bool)> =
                    link.changes.iter().rev().map(|(group, joins, _)| (*group, *joins)).collect();
                records.sort_by_key(|(_, joins)| *joins);
                link.changes.iter_mut().for_each(|(.., left)| *left -= 1);
                link.changes.retain(|(.., left)| *left > 0);
                link.reports.0 = link.reports.0.saturating_sub(1);
                let again = link.reports.0 > 0;
                self.send_report(port, &records);
                if again {
                    self.report_at_random(port, Timer::Changes);
                }
            }
            Timer::Initial => {
                if due(&mut link.initial.1) {
                    self.report_everything(port);
                }
            }
            Timer::Detect(address) => {
                if link.tentative.contains(&address) {
                    let nonce = self.random.octets();
                    let group = wire::solicited(address);
                    let ends = (Ipv6Addr::UNSPECIFIED, group);
                    self.send_on_link(port, ends, icmp6::NEIGHBOUR_SOLICITATION, &wire::detection(address, nonce));
                    self.schedule(RETRANS, Event::Link(port, Timer::Free(address)));
                }
            }
            Timer::Free(address) => {
                let before = link.tentative.len();
                link.tentative.retain(|own| *own != address);
                if link.tentative.len() < before {
                    self.address_is_free(port, address);
                }
            }
            Timer::Forwards => {
                if let Some(own) = self.stack_mut(port.stack) {
                    own.unsettled = true;
                }
                self.settle_links();
            }
            Timer::Solicit => {
                if link.solicits.is_some_and(|(due, _)| due <= now) {
                    self.solicit_routers(port);
                }
            }
        }
    }

    /// `addrconf_dad_completed`: with a link-local address of its own the device tells its groups, and asks for routers.
    fn address_is_free(&mut self, port: Port, address: Ipv6Addr) {
        if !address.is_unicast_link_local() {
            return;
        }
        if let Some(link) = self.link_mut(port) {
            link.initial.0 = ROBUSTNESS;
        }
        self.report_later(port, Timer::Initial, 0);
        let Some(own) = self.stack(port.stack) else { return };
        if own.sysctl.solicits_routers && !own.sysctl.ipv6_forward {
            let now = self.now();
            if let Some(link) = self.link_mut(port) {
                link.solicits = Some((now, 0));
            }
            self.schedule(0, Event::Link(port, Timer::Solicit));
        }
    }

    /// `addrconf_rs_timer`; the time to the next grows as RFC 7559 section 2 says.
    fn solicit_routers(&mut self, port: Port) {
        let Some(own) = self.stack(port.stack) else { return };
        let Some(device) = own.device_at(port.device) else { return };
        let Some(source) = device.link_local().filter(|_| !own.sysctl.ipv6_forward) else { return };
        let body = wire::router_solicitation(device.mac);
        self.send_on_link(port, (source, ALL_ROUTERS), icmp6::ROUTER_SOLICITATION, &body);
        let spread = self.random.below(200_001);
        let now = self.now();
        let Some((_, waited)) = self.link_mut(port).and_then(|link| link.solicits) else { return };
        let (times, base) = if waited == 0 { (0, SOLICIT_INTERVAL) } else { (1, waited) };
        let wait = base / 1_000_000 * (1_000_000 * times + 900_000 + spread);
        let wait = if wait > SOLICIT_MOST { SOLICIT_MOST / 1_000_000 * (900_000 + spread) } else { wait };
        if let Some(link) = self.link_mut(port) {
            link.solicits = Some((Timestamp(now.0 + wait), wait));
        }
        self.schedule(wait, Event::Link(port, Timer::Solicit));
    }

    /// `mld_send_initial_cr`.
    fn report_everything(&mut self, port: Port) {
        let Some(link) = self.link_mut(port) else { return };
        let told = link.joined.iter().rev().filter(|group| is_reported(group));
        let records = told.map(|group| (*group, true)).collect::<Vec<_>>();
        link.initial.0 = link.initial.0.saturating_sub(1);
        let again = link.initial.0 > 0;
        self.send_report(port, &records);
        if again {
            self.report_at_random(port, Timer::Initial);
        }
    }

    fn report_at_random(&mut self, port: Port, timer: Timer) {
        let wait = self.random.below(REPORT_INTERVAL) + SOON;
        self.report_later(port, timer, wait);
    }

    /// Sets one of the two timers of reports anew.
    fn report_later(&mut self, port: Port, timer: Timer, wait: u64) {
        let due = Timestamp(self.now().0 + wait);
        let Some(link) = self.link_mut(port) else { return };
        match timer {
            Timer::Initial => link.initial.1 = Some(due),
            _ => link.reports.1 = Some(due),
        }
        self.schedule(wait, Event::Link(port, timer));
    }

    fn send_report(&mut self, port: Port, records: &[(Ipv6Addr, bool)]) {
        let Some(device) = self.stack(port.stack).and_then(|own| own.device_at(port.device)) else { return };
        // Before the link-local address is known to be free, nobody says who he is (RFC 3590).
        let source = device.link_local().filter(|own| !device.is_tentative((*own).into()));
        let source = source.unwrap_or(Ipv6Addr::UNSPECIFIED);
        if records.is_empty() {
            return;
        }
        let header = wire::between(source, ALL_REPORTS, next::HOP_BY_HOP, 1);
        let octets = wire::packet(&header, &wire::report(source, records));
        self.send_to_group(port, octets, ALL_REPORTS, icmp6::REPORT);
    }

    /// Sends a message of neighbour discovery to a group of the link.
    fn send_on_link(&mut self, port: Port, (source, group): (Ipv6Addr, Ipv6Addr), kind: u8, body: &[u8]) {
        let message = wire::message((source, group), (kind, 0), [0; 4], body);
        let octets = wire::packet(&wire::between(source, group, next::ICMPV6, 255), &message);
        self.send_to_group(port, octets, group, kind);
    }

    fn send_to_group(&mut self, port: Port, octets: Vec<u8>, group: Ipv6Addr, kind: u8) {
        let journey = self.new_journey();
        let skb = Skb { ethertype: ethertype::IPV6, ..Skb::ipv4(journey, octets) };
        self.count6_out(port.stack, &skb);
        self.count_icmp6(port.stack, kind, false);
        self.neighbour_output6(port, skb, group);
    }

    fn link_mut(&mut self, port: Port) -> Option<&mut Link> {
        self.stack_mut(port.stack)?.device_at_mut(port.device).map(|device| &mut device.six)
    }
}

/// Whether a group is one that others are told of.
fn is_reported(group: &Ipv6Addr) -> bool {
    *group != ALL_NODES && group.octets()[1] & 15 > 1
}

fn six(address: IpAddr) -> Option<Ipv6Addr> {
    match address {
        IpAddr::V6(address) => Some(address),
        IpAddr::V4(_) => None,
    }
}
