//! Reads `ip addr` and `ip link`, with `-d` and `-s` or without (ip/ipaddress.c, iproute2 6.1).

use std::net::IpAddr;

use crate::datapath::{Address, AddressScope, IfIndex, Mac};
use crate::listing::{Listing, Reader, is_command, quoted};

/// A device as `ip addr` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub index: IfIndex,
    /// Its name.
    pub name: String,
    /// What stands behind the `@`.
    pub peer: Option<LinkPeer>,
    /// The words between `<` and `>`: `UP`, `NOARP`, …
    pub flags: Vec<String>,
    /// Its MTU in octets.
    pub mtu: u32,
    /// The bridge it is a port of.
    pub master: Option<String>,
    /// What it is, as `-d` says: `veth`, `bridge`, …
    pub kind: Option<String>,
    /// Its Ethernet address.
    pub mac: Option<Mac>,
    /// The namespace of its other end: a name (`link-netns worker2`) or a number (`link-netnsid 0`).
    pub netns: Option<String>,
    /// Its addresses, in the order of the text.
    pub addresses: Vec<Address>,
}

/// The other end of a device, or the device it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkPeer {
    /// A device of the same node, by name: `cilium_net@cilium_host`.
    Here(String),
    /// A device of another namespace, by number: `eth0@if7`.
    Elsewhere(IfIndex),
}

impl Link {
    /// Whether a flag is set.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|own| own == flag)
    }
}

/// Kinds of devices: the word that begins their details.
const KINDS: &[&str] = &[
    "veth",
    "bridge",
    "dummy",
    "vlan",
    "vxlan",
    "geneve",
    "bond",
    "tun",
    "ipip",
    "sit",
    "gre",
    "gretap",
    "ip6tnl",
    "vti",
    "xfrm",
    "wireguard",
    "vrf",
    "macvlan",
    "ipvlan",
    "ifb",
    "team",
    "netkit",
    "can",
    "vcan",
];

/// Words that are followed by a value which forwarding does not ask for.
const WITH_VALUE: &[&str] = &[
    "qdisc",
    "state",
    "mode",
    "group",
    "qlen",
    "promiscuity",
    "allmulti",
    "minmtu",
    "maxmtu",
    "numtxqueues",
    "numrxqueues",
    "gso_max_size",
    "gso_max_segs",
    "tso_max_size",
    "tso_max_segs",
    "gro_max_size",
    "gso_ipv4_max_size",
    "gro_ipv4_max_size",
    "addrgenmode",
    "altname",
    "alias",
    "valid_lft",
    "preferred_lft",
    "parentbus",
    "parentdev",
    "permaddr",
    "new-ifindex",
    "new-netnsid",
    "portid",
    "portname",
    "switchid",
    "carrier_changes",
];

/// Reads the devices of a text. Text that begins nothing known is named as unread.
pub fn parse_links(text: &str) -> Listing<Link> {
    let mut parser = Parser { reader: Reader::new(text), links: Vec::new() };
    while let Some(word) = parser.reader.peek() {
        let (line, before) = (parser.reader.here().line, parser.reader.mark());
        if let Err(reason) = parser.item(word) {
            parser.reader.back(before);
            let rest = parser.reader.rest_of_line();
            let count = rest.len();
            if !is_command(rest.iter().map(|token| token.text)) {
                parser.reader.refuse(line, reason);
            }
            parser.reader.skip(count.max(1));
        }
    }
    Listing { items: parser.links, unread: parser.reader.into_unread() }
}

type Read<T> = Result<T, String>;

struct Parser<'a> {
    reader: Reader<'a>,
    links: Vec<Link>,
}

impl Parser<'_> {
    fn item(&mut self, word: &str) -> Read<()> {
        if self.reader.at_line_start()
            && let Some(index) = word.strip_suffix(':').and_then(|index| index.parse().ok())
        {
            return self.open(IfIndex(index));
        }
        self.reader.skip(1);
        let link = self.links.last_mut().ok_or_else(|| {
            "expected a line such as `2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500` before it".to_owned()
        })?;
        match word {
            "mtu" => link.mtu = self.reader.parsed("a number of octets")?,
            "master" => link.master = Some(self.reader.word("the name of a bridge")?.to_owned()),
            "link-netns" | "link-netnsid" => link.netns = Some(self.reader.word("a namespace")?.to_owned()),
            "brd" | "peer" | "permaddr" => {
                self.reader.word("an address")?;
            }
            "inet" | "inet6" => {
                let address = self.address()?;
                if let Some(link) = self.links.last_mut() {
                    link.addresses.push(address);
                }
            }
            _ if word.starts_with("link/") => link.mac = self.reader.read("an Ethernet address", mac).ok(),
            _ if WITH_VALUE.contains(&word) => {
                self.reader.word("a value")?;
            }
            "RX:" | "TX:" | "RX" | "TX" => self.pass_counters(),
            _ if word.ends_with("_slave") => {
                // `bridge_slave state forwarding …`: not the device's own state.
                self.reader.take("state");
                self.pass_details();
            }
            _ if KINDS.contains(&word) => {
                link.kind = Some(word.to_owned());
                self.pass_details();
            }
            _ => return Err(format!("no field of `ip addr` begins with {}", quoted(word))),
        }
        Ok(())
    }

    /// `2: eth0@if7: <UP> mtu 1500`.
    fn open(&mut self, index: IfIndex) -> Read<()> {
        self.reader.skip(1);
        let name = self.reader.word("the name of a device")?;
        let name = name
            .strip_suffix(':')
            .ok_or("a device begins with its name and flags; `ip -o addr` leaves them out, `ip -d addr` has them")?;
        let flags = self.reader.read("flags such as <UP>", |word| word.strip_prefix('<')?.strip_suffix('>'))?;
        let (name, behind) = name.split_once('@').map_or((name, None), |(name, behind)| (name, Some(behind)));
        let peer = behind.filter(|behind| *behind != "NONE").map(|behind| {
            let number = behind.strip_prefix("if").and_then(|number| number.parse().ok());
            number.map_or_else(|| LinkPeer::Here(behind.to_owned()), |number| LinkPeer::Elsewhere(IfIndex(number)))
        });
        self.links.push(Link {
            index,
            name: name.to_owned(),
            peer,
            flags: flags.split(',').map(str::to_owned).collect(),
            mtu: 1500,
            master: None,
            kind: None,
            mac: None,
            netns: None,
            addresses: Vec::new(),
        });
        Ok(())
    }

    /// `172.18.0.3/16 brd 172.18.255.255 scope global eth0`, up to its lifetimes or the line's end.
    fn address(&mut self) -> Read<Address> {
        let expected = "an address and a length such as 172.18.0.3/16";
        let (address, prefix_len) = self.reader.read(expected, |word| {
            let (address, len) = word.split_once('/').unwrap_or((word, ""));
            let address: IpAddr = address.parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let len = if len.is_empty() { most } else { len.parse().ok().filter(|len| *len <= most)? };
            Some((address, len))
        })?;
        let mut own = Address::new(address, prefix_len, AddressScope::Global);
        while !self.reader.at_line_start() {
            match self.reader.peek() {
                None | Some("valid_lft") => break,
                Some("brd") => {
                    self.reader.skip(1);
                    own.broadcast = Some(self.reader.parsed("a broadcast address")?);
                }
                Some("scope") => {
                    self.reader.skip(1);
                    own.scope = self.reader.read("global, link or host", |word| match word {
                        "global" | "site" | "0" | "200" => Some(AddressScope::Global),
                        "link" | "253" => Some(AddressScope::Link),
                        "host" | "254" => Some(AddressScope::Host),
                        _ => None,
                    })?;
                }
                Some("peer" | "metric" | "proto") => self.reader.skip(2),
                Some(word) => {
                    own.nodad |= word == "nodad";
                    self.reader.skip(1);
                }
            }
        }
        Ok(own)
    }

    /// What a kind of device has to tell of itself: names and values up to the words of every device.
    fn pass_details(&mut self) {
        while !self.reader.at_line_start() && !self.reader.peek().is_none_or(ends_details) {
            self.reader.skip(1);
        }
    }

    fn pass_line(&mut self) {
        let rest = self.reader.rest_of_line().len();
        if !self.reader.at_line_start() {
            self.reader.skip(rest);
        }
    }

    /// The titles and the numbers of `-s`.
    fn pass_counters(&mut self) {
        self.pass_line();
        while self.reader.peek().is_some_and(|word| word.chars().all(|c| c.is_ascii_digit())) {
            self.reader.skip(1);
        }
    }
}

/// Whether a word is not of the details of a kind of device.
fn ends_details(word: &str) -> bool {
    WITH_VALUE.contains(&word) || word.ends_with("_slave") || matches!(word, "inet" | "inet6")
}

/// An Ethernet address.
pub(super) fn mac(word: &str) -> Option<Mac> {
    let mut octets = [0; 6];
    let mut parts = word.split(':');
    for octet in &mut octets {
        *octet = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(Mac(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: &str = "\
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00 promiscuity 0  allmulti 0 minmtu 0 maxmtu 0 numtxqueues 1 gso_max_size 65536 gso_max_segs 65535 tso_max_size 524280 tso_max_segs 65535 gro_max_size 65536 
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
    inet6 ::1/128 scope host 
       valid_lft forever preferred_lft forever
2: eth0@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP group default qlen 1000
    link/ether c2:42:08:f3:e0:a6 brd ff:ff:ff:ff:ff:ff link-netns worker2 promiscuity 0  allmulti 0 minmtu 68 maxmtu 65535 
    veth 
    bridge_slave state forwarding priority 32 cost 2 hairpin off numtxqueues 1 gso_max_size 65536
    inet 172.18.0.3/16 brd 172.18.255.255 scope global eth0
       valid_lft forever preferred_lft forever
    RX:  bytes packets errors dropped  missed   mcast           
          1000      10      0       0       0       0 
    TX:  bytes packets errors dropped carrier collsns           
          1000      10      0       0       0       0 
";

    #[test]
    fn devices_are_read_with_their_peers_and_addresses() {
        let listing = parse_links(NODE);
        assert_eq!(listing.unread, []);
        let [lo, eth0] = listing.items.as_slice() else { panic!("{listing:?}") };
        assert_eq!((lo.name.as_str(), lo.mtu, lo.addresses.len()), ("lo", 65536, 2));
        assert_eq!(eth0.peer, Some(LinkPeer::Elsewhere(IfIndex(2))));
        assert_eq!(eth0.netns.as_deref(), Some("worker2"));
        assert_eq!(eth0.master.as_deref(), Some("br0"));
        assert_eq!(eth0.kind.as_deref(), Some("veth"));
        assert!(eth0.has("UP") && !eth0.has("NOARP"));
        let address = eth0.addresses[0];
        assert_eq!((address.prefix_len, address.scope), (16, AddressScope::Global));
        assert_eq!(address.broadcast, Some("172.18.255.255".parse().unwrap()));
    }

    #[test]
    fn one_line_a_device_reads_the_same() {
        // With -o a line end is a backslash.
        let node = NODE.split("    RX:").next().unwrap();
        let folded = node.replace("\n    ", "\\    ").replace("\n       ", "\\       ");
        assert_eq!(parse_links(&folded).items, parse_links(node).items);
    }

    #[test]
    fn what_is_no_listing_is_named_and_does_not_stop_the_reading() {
        let text = format!("root@worker:/# ip -d addr\nbash: weather is fine\n{NODE}    weather fine\n");
        let listing = parse_links(&text);
        assert_eq!(listing.items, parse_links(NODE).items);
        let lines: Vec<usize> = listing.unread.iter().map(|line| line.line).collect();
        assert_eq!(lines, [2, NODE.lines().count() + 3]);
        let short = parse_links("2: eth0    inet 172.18.0.3/16 scope global eth0\n");
        assert!(short.unread[0].reason.contains("`ip -d addr` has them"), "{:?}", short.unread);
    }
}
