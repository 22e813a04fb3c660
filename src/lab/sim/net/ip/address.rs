//! `ip address` and `ip link` (ip/ipaddress.c, iplink.c).

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use super::json::{self, Object};
use super::words::{self, Failed, Family, Words, number};
use super::{Run, help};
use crate::command::keyword;
use crate::datapath::{Address, AddressScope, Device, DeviceKind, Mac, Port, Stack};
use crate::xfrm::Prefix;

/// Which devices and addresses are shown.
#[derive(Debug, Clone, Default)]
struct Filter {
    dev: Option<String>,
    up: bool,
    scope: Option<AddressScope>,
    to: Option<Prefix>,
    label: Option<String>,
    kind: Option<String>,
}

/// A device as it is shown: what the kernel tells of it beside its own fields.
struct Shown<'a> {
    device: &'a Device,
    /// `cilium_net`, or `if3` where the other end is in another stack.
    peer: Option<String>,
    peer_index: Option<u32>,
    /// The number of the other end's stack, as this one counts.
    netns: Option<usize>,
    master: Option<String>,
    flags: Vec<&'static str>,
    state: &'static str,
}

impl Run<'_> {
    pub(super) fn address(&mut self, mut words: Words<'_>) -> Result<String, Failed> {
        let Some(word) = words.next() else { return self.show(words, false) };
        let unknown = || Failed::unknown_command(word, "address");
        match keyword::verbs("address").and_then(|verbs| keyword::find(verbs, word)).ok_or_else(unknown)? {
            "show" => self.show(words, false),
            verb @ ("add" | "change" | "replace" | "delete") => self.edit_address(verb, words),
            "flush" if words.is_empty() => Err(Failed::new(1, "Flush requires arguments.")),
            "flush" => self.flush_addresses(words),
            "help" => Err(Failed { err: help::ADDRESS.to_owned(), status: 255 }),
            other => Err(Failed::elsewhere(&format!("ip address {other}"))),
        }
    }

    pub(super) fn link(&mut self, mut words: Words<'_>) -> Result<String, Failed> {
        let Some(word) = words.next() else { return self.show(words, true) };
        let unknown = || Failed::unknown_command(word, "link");
        match keyword::verbs("link").and_then(|verbs| keyword::find(verbs, word)).ok_or_else(unknown)? {
            "show" => self.show(words, true),
            "set" => self.set_link(words),
            "delete" => {
                let name = words.value()?;
                let name = if name == "dev" { words.value()? } else { name };
                self.device(name)?;
                let Some(device) = self.stack()?.device(name) else { return Err(Failed::no_device(name)) };
                if device.is_loopback() {
                    return Err(Failed::netlink("Operation not supported"));
                }
                let port = Port { stack: self.id, device: device.index };
                self.cluster.remove_device(port);
                Ok(String::new())
            }
            other => Err(Failed::elsewhere(&format!("ip link {other}"))),
        }
    }

    fn show(&self, words: Words<'_>, link: bool) -> Result<String, Failed> {
        let filter = read_filter(words)?;
        let stack = self.stack()?;
        if let Some(name) = &filter.dev {
            stack.device(name).ok_or_else(|| Failed::new(1, format!("Device \"{name}\" does not exist.")))?;
        }
        let family = self.options.family;
        let narrow = !link
            && (family == Family::Inet || family == Family::Inet6 || filter.scope.is_some() || filter.to.is_some());
        let mut text = String::new();
        let mut objects = Vec::new();
        for device in &stack.devices {
            let addresses: Vec<&Address> =
                device.addresses.iter().filter(|own| family.takes(own.address) && filter.takes_address(own)).collect();
            let hidden = filter.dev.as_ref().is_some_and(|name| *name != device.name)
                || filter.up && !device.up
                || filter.kind.as_ref().is_some_and(|kind| kind != kind_of(device))
                || narrow && addresses.is_empty();
            if hidden {
                continue;
            }
            let shown = Shown::of(stack, device, self.id);
            if self.options.json {
                objects.push(self.device_object(&shown, &addresses, link));
            } else if self.options.brief {
                text += &brief(&shown, &addresses, link);
            } else if self.options.oneline && !link {
                text += &one_line(&shown, &addresses, self.options.numeric);
            } else {
                text += &self.long(&shown, &addresses, link, &filter);
            }
        }
        Ok(if self.options.json { json::array(&objects) } else { text })
    }

    /// The usual form: a line or two for the device, two for each address.
    fn long(&self, shown: &Shown<'_>, addresses: &[&Address], link: bool, filter: &Filter) -> String {
        let device = shown.device;
        let six = self.options.family == Family::Inet6 && !link && filter.dev.is_none();
        // With a family the kernel is asked for less, and the second line falls away.
        let family = matches!(self.options.family, Family::Inet | Family::Inet6);
        let short = !link && (family || filter.to.is_some());
        let mut text = format!("{}: {}", device.index.0, device.name);
        if let Some(peer) = self.peer_name(shown, six) {
            let _ = write!(text, "@{peer}");
        }
        let _ = write!(text, ": <{}> mtu {} ", shown.flags.join(","), device.mtu);
        if !six {
            text.push_str("qdisc noqueue ");
        }
        if let Some(master) = &shown.master {
            let _ = write!(text, "master {master} ");
        }
        let _ = write!(text, "state {} ", shown.state);
        if link {
            text.push_str("mode DEFAULT ");
        }
        if !six {
            text.push_str(if self.options.numeric { "group 0 " } else { "group default " });
        }
        text.push_str("qlen 1000");
        let fold = if self.options.oneline { "\\" } else { "\n" };
        if short {
            if let Some(netns) = shown.netns.filter(|_| !six) {
                let _ = write!(text, " link-netnsid {netns}");
            }
        } else {
            let kind = match (device.is_loopback(), self.options.numeric) {
                (true, false) => "loopback",
                (false, false) => "ether",
                // ARPHRD_LOOPBACK and ARPHRD_ETHER (include/uapi/linux/if_arp.h).
                (true, true) => "[772]",
                (false, true) => "[1]",
            };
            let broadcast = if device.is_loopback() { Mac::default() } else { Mac::BROADCAST };
            let _ = write!(text, "{fold}    link/{kind} {} brd {broadcast}", device.mac);
            if let Some(netns) = shown.netns {
                let _ = write!(text, " link-netnsid {netns}");
            }
            if self.options.details {
                text += &details(device, link, fold);
            }
        }
        text.push_str(if link && self.options.stats > 0 && self.options.oneline { "\\" } else { "\n" });
        if !link {
            for own in addresses {
                let _ = {
                    let words = words_of(own, device, self.options.numeric);
                    writeln!(text, "    {words}{fold}       valid_lft forever preferred_lft forever")
                };
            }
        }
        if self.options.stats > 0 {
            text += &statistics(device, self.options.stats, fold);
        }
        text
    }

    fn device_object(&self, shown: &Shown<'_>, addresses: &[&Address], link: bool) -> Object {
        let device = shown.device;
        let mut object = Object::default();
        object.raw("ifindex", device.index.0);
        match (shown.netns, shown.peer_index, &shown.peer) {
            (Some(_), Some(index), _) => object.raw("link_index", index),
            (None, _, Some(peer)) => object.text("link", peer),
            _ => {}
        }
        object.text("ifname", &device.name);
        object.texts("flags", shown.flags.iter().copied());
        object.raw("mtu", device.mtu);
        object.text("qdisc", "noqueue");
        if let Some(master) = &shown.master {
            object.text("master", master);
        }
        object.text("operstate", shown.state);
        if link {
            object.text("linkmode", "DEFAULT");
        }
        object.text("group", "default");
        object.raw("txqlen", 1000);
        object.text("link_type", if device.is_loopback() { "loopback" } else { "ether" });
        object.text("address", device.mac);
        object.text("broadcast", if device.is_loopback() { Mac::default() } else { Mac::BROADCAST });
        if let Some(netns) = shown.netns {
            object.raw("link_netnsid", netns);
        }
        if self.options.details {
            object.raw("promiscuity", 0);
            object.raw("allmulti", 0);
            let (least, most) = if device.is_loopback() { (0, 0) } else { (68, 65535) };
            object.raw("min_mtu", least);
            object.raw("max_mtu", most);
            if !device.is_loopback() {
                let mut info = Object::default();
                info.text("info_kind", kind_of(device));
                object.object("linkinfo", &info);
            }
            if link {
                object.text("inet6_addr_gen_mode", "eui64");
            }
            for (name, value) in [
                ("num_tx_queues", 1),
                ("gso_max_size", 65536),
                ("gso_max_segs", 65535),
                ("tso_max_size", 524_280),
                ("tso_max_segs", 65535),
                ("gro_max_size", 65536),
            ] {
                object.raw(name, value);
            }
        }
        if !link {
            let infos: Vec<String> = addresses.iter().map(|own| address_object(own, device).to_string()).collect();
            object.raw("addr_info", format!("[{}]", infos.join(",")));
        }
        if self.options.stats > 0 {
            object.object("stats64", &statistics_object(device));
        }
        object
    }

    /// The other end's name; `-6` looks the number up here, whichever stack it is of.
    fn peer_name(&self, shown: &Shown<'_>, six: bool) -> Option<String> {
        if six && shown.peer_index == Some(shown.device.index.0) {
            return None;
        }
        let index = shown.peer_index.filter(|_| six);
        let here = index.and_then(|index| {
            self.stack().ok()?.device_at(crate::datapath::IfIndex(index)).map(|device| device.name.clone())
        });
        here.or_else(|| shown.peer.clone())
    }

    fn edit_address(&mut self, verb: &str, mut words: Words<'_>) -> Result<String, Failed> {
        let (mut local, mut dev, mut broadcast, mut scope) = (None, None, None, None);
        let mut nodad = false;
        while let Some(word) = words.next() {
            match word {
                "dev" => dev = Some(words.value()?),
                "broadcast" | "brd" => broadcast = Some(words.value()?),
                "scope" => scope = Some(read_scope(words.value()?)?),
                "label" => {
                    words.value()?;
                }
                "nodad" => nodad = true,
                "noprefixroute" => {}
                "peer" | "remote" | "anycast" | "metric" | "valid_lft" | "preferred_lft" => {
                    return Err(Failed::elsewhere(&format!("ip address {verb} … {word}")));
                }
                word => {
                    let word = if word == "local" { words.value()? } else { word };
                    if local.is_some() {
                        return Err(Failed::garbage("local", word));
                    }
                    local = Some(words::prefix(word, self.options.family)?);
                }
            }
        }
        let Some(dev) = dev else {
            return Err(Failed::new(1, "Not enough information: \"dev\" argument is required."));
        };
        self.device(dev)?;
        let Some(local) = local else { return Err(Failed::netlink("Invalid argument")) };
        let dev = dev.to_owned();
        let last = |addr: IpAddr| match addr {
            IpAddr::V4(own) => {
                Some(Ipv4Addr::from(u32::from(own) | u32::MAX.checked_shr(local.len.into()).unwrap_or(0)).into())
            }
            IpAddr::V6(_) => None,
        };
        let stack = self.stack_mut()?;
        if verb == "delete" {
            let gone = stack.remove_address(&dev, local.addr, local.len);
            return if gone { Ok(String::new()) } else { Err(Failed::netlink("Cannot assign requested address")) };
        }
        let default_scope = if local.addr.is_loopback() { AddressScope::Host } else { AddressScope::Global };
        let address = Address {
            broadcast: match broadcast {
                Some("+") => last(local.addr),
                Some("-") | None => None,
                Some(word) => Some(words::address(word, Family::Any)?),
            },
            nodad: nodad && local.addr.is_ipv6(),
            ..Address::new(local.addr, local.len, scope.unwrap_or(default_scope))
        };
        if verb == "replace" || verb == "change" {
            stack.remove_address(&dev, local.addr, local.len);
        }
        if stack.add_address(&dev, address) { Ok(String::new()) } else { Err(Failed::netlink("File exists")) }
    }

    fn flush_addresses(&mut self, words: Words<'_>) -> Result<String, Failed> {
        let filter = read_filter(words)?;
        let family = self.options.family;
        let stack = self.stack_mut()?;
        let gone: Vec<(String, Address)> = stack
            .devices
            .iter()
            .filter(|device| filter.dev.as_ref().is_none_or(|name| *name == device.name))
            .flat_map(|device| device.addresses.iter().map(|own| (device.name.clone(), *own)))
            .filter(|(_, own)| family.takes(own.address) && filter.takes_address(own))
            .collect();
        for (device, own) in gone {
            stack.remove_address(&device, own.address, own.prefix_len);
        }
        Ok(String::new())
    }

    fn set_link(&mut self, mut words: Words<'_>) -> Result<String, Failed> {
        let mut dev: Option<String> = None;
        let mut changes: Vec<(&str, String)> = Vec::new();
        while let Some(word) = words.next() {
            match word {
                "up" | "down" => changes.push((word, String::new())),
                "mtu" => {
                    let value = words.value()?;
                    number(value).ok_or_else(|| Failed::wrong(value, "Invalid \"mtu\" value\n"))?;
                    changes.push(("mtu", value.to_owned()));
                }
                "address" | "arp" => changes.push((word, words.value()?.to_owned())),
                "multicast" | "txqueuelen" | "qlen" | "alias" => {
                    words.value()?;
                }
                "name" | "netns" | "master" | "nomaster" | "type" | "vf" | "promisc" | "allmulticast" => {
                    return Err(Failed::elsewhere(&format!("ip link set … {word}")));
                }
                word => {
                    let word = if word == "dev" { words.value()? } else { word };
                    if dev.is_some() {
                        return Err(Failed::garbage("dev", word));
                    }
                    dev = Some(word.to_owned());
                }
            }
        }
        let Some(dev) = dev else {
            return Err(Failed::new(255, "Not enough information: \"dev\" argument is required."));
        };
        self.device(&dev)?;
        let stack = self.stack_mut()?;
        for (what, value) in changes {
            match what {
                "up" => stack.set_up(&dev),
                "down" => stack.set_down(&dev),
                "mtu" => {
                    let mtu = number(&value).unwrap_or_default();
                    if mtu < 68 {
                        return Err(Failed::kernel("mtu less than device minimum."));
                    }
                    if mtu > 65535 {
                        return Err(Failed::kernel("mtu greater than device maximum."));
                    }
                    stack.set_mtu(&dev, mtu);
                }
                "address" => {
                    let mac = super::neigh::read_mac(&value)
                        .ok_or_else(|| Failed::new(1, format!("\"{value}\" is invalid lladdr.")))?;
                    if let Some(device) = stack.device_mut(&dev) {
                        device.mac = mac;
                    }
                }
                _ => {
                    let noarp = match value.as_str() {
                        "on" => false,
                        "off" => true,
                        _ => return Err(Failed::new(1, "Error: argument of \"arp\" must be \"on\" or \"off\"")),
                    };
                    if let Some(device) = stack.device_mut(&dev) {
                        device.noarp = noarp;
                    }
                }
            }
        }
        Ok(String::new())
    }
}

impl<'a> Shown<'a> {
    fn of(stack: &'a Stack, device: &'a Device, id: crate::datapath::StackId) -> Self {
        let peer = device.peer();
        let foreign = |port: &Port| port.stack != id;
        let peer_device = peer.filter(|port| !foreign(port)).and_then(|port| stack.device_at(port.device));
        let name = peer.map(|port| match peer_device {
            Some(peer) => peer.name.clone(),
            None => format!("if{}", port.device.0),
        });
        // The kernel numbers the other stacks as it meets them: Docker's first, then the pods'.
        let mut met: Vec<&Device> =
            stack.devices.iter().filter(|other| other.peer().is_some_and(|port| foreign(&port))).collect();
        met.sort_by_key(|other| (other.name != "eth0", other.index));
        let netns = met.iter().position(|other| other.index == device.index);
        let carrier = peer_device.is_none_or(|peer| peer.up);
        let master = match device.kind {
            DeviceKind::Veth { master: Some(master), .. } => Some(stack.device_name(master)),
            _ => None,
        };
        let mut flags = Vec::new();
        if device.up && !carrier {
            flags.push("NO-CARRIER");
        }
        flags.extend(if device.is_loopback() { &["LOOPBACK"][..] } else { &["BROADCAST", "MULTICAST"][..] });
        if device.noarp {
            flags.push("NOARP");
        }
        if device.up {
            flags.push("UP");
        }
        if device.up && carrier {
            flags.push("LOWER_UP");
        }
        if peer_device.is_some_and(|peer| !peer.up) {
            flags.push("M-DOWN");
        }
        let state = match (device.is_loopback(), device.up, carrier) {
            (true, true, _) => "UNKNOWN",
            (_, false, _) => "DOWN",
            (false, true, true) => "UP",
            (false, true, false) => "LOWERLAYERDOWN",
        };
        Self { device, peer: name, peer_index: peer.map(|port| port.device.0), netns, master, flags, state }
    }
}

impl Filter {
    fn takes_address(&self, own: &Address) -> bool {
        self.scope.is_none_or(|scope| scope == own.scope)
            && self.to.is_none_or(|to| to.contains(own.address))
            && self.label.as_ref().is_none_or(|_| own.address.is_ipv4())
    }
}

fn read_filter(mut words: Words<'_>) -> Result<Filter, Failed> {
    let table = keyword::arguments("address", "show").unwrap_or_default();
    let mut filter = Filter::default();
    while let Some(word) = words.next() {
        match keyword::find(table, word) {
            Some("to") => filter.to = Some(words::prefix(words.value()?, Family::Any)?),
            Some("scope") => {
                let word = words.value()?;
                filter.scope = if word == "all" { None } else { Some(read_scope(word)?) };
            }
            Some("up") => filter.up = true,
            Some("label") => filter.label = Some(words.value()?.to_owned()),
            Some("type") => filter.kind = Some(words.value()?.to_owned()),
            Some("permanent" | "primary" | "nomaster") => {}
            Some(other @ ("dynamic" | "secondary" | "tentative" | "deprecated" | "group" | "master" | "vrf")) => {
                return Err(Failed::elsewhere(&format!("ip address show … {other}")));
            }
            Some(_) | None => {
                let word = if word == "dev" { words.value()? } else { word };
                if filter.dev.is_some() {
                    return Err(Failed::garbage("dev", word));
                }
                filter.dev = Some(word.to_owned());
            }
        }
    }
    Ok(filter)
}

fn read_scope(word: &str) -> Result<AddressScope, Failed> {
    Ok(match word {
        "global" | "0" => AddressScope::Global,
        "link" | "253" => AddressScope::Link,
        "host" | "254" => AddressScope::Host,
        _ => return Err(Failed::wrong(word, "invalid \"scope\"\n")),
    })
}

fn kind_of(device: &Device) -> &'static str {
    match device.kind {
        DeviceKind::Loopback => "",
        DeviceKind::Veth { .. } => "veth",
        DeviceKind::Bridge { .. } => "bridge",
    }
}

fn scope_word(scope: AddressScope) -> &'static str {
    match scope {
        AddressScope::Global => "global",
        AddressScope::Link => "link",
        AddressScope::Host => "host",
    }
}

/// `RT_SCOPE_*`.
fn scope_number(scope: AddressScope) -> &'static str {
    match scope {
        AddressScope::Global => "0",
        AddressScope::Link => "253",
        AddressScope::Host => "254",
    }
}

/// `inet 172.18.0.3/16 brd 172.18.255.255 scope global eth0`; of IPv6 with a blank at the end.
fn words_of(own: &Address, device: &Device, numeric: bool) -> String {
    let family = if own.address.is_ipv4() { "inet" } else { "inet6" };
    let mut text = format!("{family} {}/{} ", own.address, own.prefix_len);
    if let Some(broadcast) = own.broadcast {
        let _ = write!(text, "brd {broadcast} ");
    }
    let scope = if numeric { scope_number(own.scope) } else { scope_word(own.scope) };
    let _ = write!(text, "scope {scope} ");
    if own.nodad {
        text.push_str("nodad ");
    }
    if device.is_tentative(own.address) {
        text.push_str("tentative ");
    }
    if own.address.is_ipv4() {
        text.push_str(&device.name);
    }
    text
}

fn address_object(own: &Address, device: &Device) -> Object {
    let mut object = Object::default();
    object.text("family", if own.address.is_ipv4() { "inet" } else { "inet6" });
    object.text("local", own.address);
    object.raw("prefixlen", own.prefix_len);
    if let Some(broadcast) = own.broadcast {
        object.text("broadcast", broadcast);
    }
    object.text("scope", scope_word(own.scope));
    if own.nodad {
        object.raw("nodad", true);
    }
    if device.is_tentative(own.address) {
        object.raw("tentative", true);
    }
    if own.address.is_ipv4() {
        object.text("label", &device.name);
    }
    object.raw("valid_life_time", u32::MAX);
    object.raw("preferred_life_time", u32::MAX);
    object
}

fn brief(shown: &Shown<'_>, addresses: &[&Address], link: bool) -> String {
    let device = shown.device;
    let name = match &shown.peer {
        Some(peer) => format!("{}@{peer}", device.name),
        None => device.name.clone(),
    };
    let mut text = format!("{name:<16} {:<14} ", shown.state);
    if link {
        let _ = write!(text, "{} <{}> ", device.mac, shown.flags.join(","));
    } else {
        for own in addresses {
            let _ = write!(text, "{}/{} ", own.address, own.prefix_len);
        }
    }
    text + "\n"
}

fn one_line(shown: &Shown<'_>, addresses: &[&Address], numeric: bool) -> String {
    let device = shown.device;
    addresses.iter().fold(String::new(), |text, own| {
        let words = words_of(own, device, numeric);
        let line =
            format!("{}: {}    {words}\\       valid_lft forever preferred_lft forever\n", device.index.0, device.name);
        text + &line
    })
}

/// What `-d` adds.
fn details(device: &Device, link: bool, fold: &str) -> String {
    let mode = if link { "addrgenmode eui64 " } else { "" };
    let queues = "numtxqueues 1 gso_max_size 65536 gso_max_segs 65535 tso_max_size 524280 tso_max_segs 65535 \
                  gro_max_size 65536 ";
    if device.is_loopback() {
        return format!(" promiscuity 0  allmulti 0 minmtu 0 maxmtu 0 {mode}{queues}");
    }
    format!(" promiscuity 0  allmulti 0 minmtu 68 maxmtu 65535 {fold}    {} {mode}{queues}", kind_of(device))
}

/// What `-s` adds (`print_stats64`): columns as wide as their widest number.
fn statistics(device: &Device, level: u8, line: &str) -> String {
    let counted = &device.statistics;
    let received = [counted.rx_bytes, counted.rx_packets, 0, counted.rx_dropped, 0, counted.multicast];
    let sent = [counted.tx_bytes, counted.tx_packets, 0, counted.tx_dropped, 0, 0];
    let mut widths = [10, 7, 6, 7, 7, 7];
    for (width, (received, sent)) in widths.iter_mut().zip(received.iter().zip(&sent)) {
        *width = (*width).max(received.to_string().len()).max(sent.to_string().len());
    }
    let table = |name: &str, heads: [&str; 6], numbers: &[u64; 6]| {
        let mut text = format!("    {name}: {:>1$}", heads[0], widths[0] - 4);
        for (head, width) in heads.iter().zip(widths).skip(1) {
            let _ = write!(text, " {head:>width$}");
        }
        let _ = write!(text, " {:>10}{line}    ", "");
        for (number, width) in numbers.iter().zip(widths) {
            let _ = write!(text, "{number:>width$} ");
        }
        text
    };
    let errors = |name: &str, heads: &str, last: u64| {
        format!("{line}    {name} errors:{heads}{line}    {:>18} {:>6} {:>7} {:>7} {last:>7} ", 0, 0, 0, 0)
    };
    let mut text = table("RX", ["bytes", "packets", "errors", "dropped", "missed", "mcast"], &received);
    if level > 1 {
        text += &errors("RX", "  length    crc   frame    fifo overrun", 0);
    }
    text += line;
    text += &table("TX", ["bytes", "packets", "errors", "dropped", "carrier", "collsns"], &sent);
    if level > 1 {
        text += &errors("TX", " aborted   fifo  window heartbt transns", 2);
    }
    text + "\n"
}

fn statistics_object(device: &Device) -> Object {
    let counted = &device.statistics;
    let side = |bytes, packets, dropped, names: [&str; 2]| {
        let mut object = Object::default();
        object.raw("bytes", bytes);
        object.raw("packets", packets);
        object.raw("errors", 0);
        object.raw("dropped", dropped);
        for name in names {
            object.raw(name, 0);
        }
        object
    };
    let mut object = Object::default();
    let received = side(counted.rx_bytes, counted.rx_packets, counted.rx_dropped, ["over_errors", "multicast"]);
    object.object("rx", &received);
    let sent = side(counted.tx_bytes, counted.tx_packets, counted.tx_dropped, ["carrier_errors", "collisions"]);
    object.object("tx", &sent);
    object
}
