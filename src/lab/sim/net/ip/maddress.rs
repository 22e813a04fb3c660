//! `ip maddress` (ip/ipmaddr.c): the multicast groups that each device listens to.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Run;
use super::words::{Failed, Family, Words};
use crate::datapath::{Device, Mac, Stack};
use crate::route::RouteType;

/// All nodes on the link and on this host, and all routers on the link (RFC 4291 section 2.7.1).
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const THIS_HOST: Ipv6Addr = Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 1);
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// All hosts (RFC 1112 section 4).
const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);

impl Run<'_> {
    pub(super) fn groups(&self, mut words: Words<'_>) -> Result<String, Failed> {
        match words.peek() {
            Some("show" | "list" | "lst") => {
                words.next();
            }
            Some(verb @ ("add" | "delete" | "del")) => return Err(Failed::elsewhere(&format!("ip maddress {verb}"))),
            _ => {}
        }
        let mut dev = None;
        while let Some(word) = words.next() {
            let name = if word == "dev" { words.value()? } else { word };
            if dev.replace(name).is_some() {
                return Err(Failed::garbage("dev", name));
            }
        }
        if self.options.json {
            return Err(Failed::elsewhere("ip -j maddress"));
        }
        let stack = self.stack()?;
        let devices = stack.devices.iter().filter(|device| dev.is_none_or(|name| name == device.name));
        Ok(devices.fold(String::new(), |text, device| text + &self.groups_of(stack, device)))
    }

    fn groups_of(&self, stack: &Stack, device: &Device) -> String {
        let family = self.options.family;
        let joined = joined(stack, device);
        let mut text = String::new();
        if matches!(family, Family::Any | Family::Other) && !device.is_loopback() {
            let mut links: Vec<Mac> = Vec::new();
            for mac in joined.iter().map(|group| link_group(*group)) {
                if !links.contains(&mac) {
                    links.push(mac);
                }
            }
            for mac in links {
                let _ = writeln!(text, "\tlink  {mac}");
            }
        }
        // The newest first.
        let (four, six): (Vec<IpAddr>, Vec<IpAddr>) = joined.iter().rev().partition(|group| group.is_ipv4());
        if matches!(family, Family::Any | Family::Inet) {
            for group in four {
                let _ = writeln!(text, "\tinet  {group}");
            }
        }
        if matches!(family, Family::Any | Family::Inet6) {
            for group in six {
                let _ = writeln!(text, "\tinet6 {group}");
            }
        }
        if text.is_empty() {
            return text;
        }
        format!("{}:\t{}\n{text}", device.index.0, device.name)
    }
}

/// The groups of a device that is up, in the order in which the kernel joins them: those of every host, then one for
/// each IPv6 address, and for the anycast address of a router's subnet.
fn joined(stack: &Stack, device: &Device) -> Vec<IpAddr> {
    let mut groups: Vec<IpAddr> = vec![THIS_HOST.into(), ALL_NODES.into()];
    if !device.up {
        return groups;
    }
    let six = |address: IpAddr| match address {
        IpAddr::V6(address) => Some(address),
        IpAddr::V4(_) => None,
    };
    let anycast: Vec<Ipv6Addr> = stack
        .routes
        .iter()
        .filter(|route| route.kind == RouteType::Anycast && route.dev.as_ref() == Some(&device.name))
        .filter_map(|route| six(route.dst.addr))
        .collect();
    if !anycast.is_empty() {
        groups.push(ALL_ROUTERS.into());
    }
    groups.push(ALL_HOSTS.into());
    if device.noarp {
        // Nobody is asked for on such a link.
        return groups;
    }
    let own = device.addresses.iter().filter_map(|own| six(own.address)).filter(|own| !own.is_loopback());
    for group in own.chain(anycast).map(solicited) {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

/// The solicited-node group of an address: its last 24 bits (RFC 4291 section 2.7.1).
fn solicited(address: Ipv6Addr) -> IpAddr {
    let [.., a, b] = address.segments();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | a & 0xff, b).into()
}

/// The Ethernet address of a group (RFC 1112 section 6.4, RFC 2464 section 7).
fn link_group(group: IpAddr) -> Mac {
    match group {
        IpAddr::V4(group) => {
            let [_, b, c, d] = group.octets();
            Mac([1, 0, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V6(group) => {
            let [.., a, b, c, d] = group.octets();
            Mac([0x33, 0x33, a, b, c, d])
        }
    }
}
