//! A packet as a tree of layers and fields: what each field is called, what it says, and which octets it is.
//!
//! The ids are Wireshark's field names (`ip.ttl`, `esp.sequence`), so that what is learned here is found again there;
//! the names are Wireshark's too, or the RFC's. What a field *means* on a Cilium node is for `explain` to say, by id.
//!
//! The tree is made from octets: of a packet that was cut or is broken it shows every field that is there.

mod ip;
mod link;
mod transport;

use std::fmt::{self, Display, Write};
use std::ops::Range;

use super::layer::{Data, Layer, Located, Stop};
use super::{FrameView, Layers, LinkType};

/// A layer, or a field of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is, for programs: Wireshark's field name.
    pub id: &'static str,
    /// What it is, for people.
    pub name: &'static str,
    /// What it says; of a layer, the gist.
    pub value: String,
    /// Its octets, counted from the start of what the tree was made of.
    pub range: Range<usize>,
    /// The fields of a layer, or the parts of a field.
    pub children: Vec<Node>,
}

/// A packet as layers of fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// The layers, outermost first.
    pub layers: Vec<Node>,
    /// Why there is not more, if something was cut or broken; the last layer then holds the fields that could be read.
    pub stop: Option<Stop>,
}

impl Tree {
    /// The tree of a captured frame.
    pub fn of_frame(frame: &FrameView<'_>) -> Self {
        let walk = Layers::of_frame(frame.link, frame.octets, frame.original_len);
        Self::grow(walk, frame.octets, Some(frame.link))
    }

    /// The tree of a bare IPv4 or IPv6 packet.
    pub fn of_ip(octets: &[u8]) -> Self {
        Self::grow(Layers::of_ip(octets), octets, None)
    }

    /// The tree of what an IP packet with this protocol number, or ESP with this next header, carries.
    pub fn of_protocol(protocol: u8, octets: &[u8]) -> Self {
        Self::grow(Layers::of_protocol(protocol, octets), octets, None)
    }

    /// Every node, parents before children, with its depth.
    pub fn walk(&self) -> impl Iterator<Item = (usize, &Node)> {
        let mut stack: Vec<(usize, &Node)> = self.layers.iter().rev().map(|layer| (0, layer)).collect();
        std::iter::from_fn(move || {
            let (depth, node) = stack.pop()?;
            stack.extend(node.children.iter().rev().map(|child| (depth + 1, child)));
            Some((depth, node))
        })
    }

    /// The first field with this id.
    pub fn find(&self, id: &str) -> Option<&Node> {
        self.walk().map(|(_, node)| node).find(|node| node.id == id)
    }

    fn grow(walk: Layers<'_>, octets: &[u8], link: Option<LinkType>) -> Self {
        let mut layers = Vec::new();
        let mut stop = None;
        // What checksums of transports cover besides the transport.
        let mut around = None;
        for item in walk {
            match item {
                Ok(located) => {
                    layers.push(layer(&located, octets, around.as_ref()));
                    around = ip::around(&located, around);
                }
                Err(reason) => {
                    layers.extend(partial(&reason, octets, link));
                    stop = Some(reason);
                }
            }
        }
        Self { layers, stop }
    }
}

impl Node {
    /// A field without parts.
    pub fn new(id: &'static str, name: &'static str, value: impl Into<String>, range: Range<usize>) -> Self {
        Self { id, name, value: value.into(), range, children: Vec::new() }
    }

    /// The same with parts.
    #[must_use]
    pub fn with(self, children: Vec<Self>) -> Self {
        Self { children, ..self }
    }
}

impl Display for Tree {
    /// The tree as plain text, two columns deeper for each level.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, node) in self.walk() {
            let colon = if node.value.is_empty() { "" } else { ": " };
            writeln!(f, "{:indent$}{}{colon}{}", "", node.name, node.value, indent = depth * 2)?;
        }
        match &self.stop {
            Some(stop) => writeln!(f, "[{stop}]"),
            None => Ok(()),
        }
    }
}

/// The fields of one header, read from the octets that are there.
struct Fields<'a> {
    octets: &'a [u8],
    /// Where the header begins.
    start: usize,
    /// Where it ends; fields behind are not there.
    end: usize,
    nodes: Vec<Node>,
}

impl<'a> Fields<'a> {
    fn new(octets: &'a [u8], start: usize, end: usize) -> Self {
        Self { octets, start, end: end.min(octets.len()), nodes: Vec::new() }
    }

    /// The octets of a field, `at` octets into the header, if all of them are there.
    fn octets(&self, at: usize, len: usize) -> Option<&'a [u8]> {
        let (from, to) = (self.start.checked_add(at)?, self.start.checked_add(at + len)?);
        if to > self.end { None } else { self.octets.get(from..to) }
    }

    /// A field of at most 4 octets as a number in network byte order.
    fn number(&self, at: usize, len: usize) -> Option<u32> {
        let octets = self.octets(at, len)?;
        Some(octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
    }

    /// Adds a field that is a number, shown by `show`; nothing where its octets are not there.
    fn add<T: Display>(
        &mut self,
        id: &'static str,
        name: &'static str,
        at: usize,
        len: usize,
        show: impl FnOnce(u32) -> T,
    ) {
        if let Some(number) = self.number(at, len) {
            self.push(id, name, show(number).to_string(), at, len);
        }
    }

    /// Adds a field that is octets.
    fn add_octets(
        &mut self,
        id: &'static str,
        name: &'static str,
        at: usize,
        len: usize,
        show: impl FnOnce(&[u8]) -> String,
    ) {
        if let Some(octets) = self.octets(at, len) {
            self.push(id, name, show(octets), at, len);
        }
    }

    /// Gives the field that was added last parts.
    fn parts(&mut self, parts: Vec<Node>) {
        if let Some(last) = self.nodes.last_mut() {
            last.children = parts;
        }
    }

    fn push(&mut self, id: &'static str, name: &'static str, value: String, at: usize, len: usize) {
        let range = self.start + at..self.start + at + len;
        self.nodes.push(Node::new(id, name, value, range));
    }

    /// The header as a layer.
    fn layer(self, id: &'static str, name: &'static str, value: impl Into<String>) -> Node {
        Node::new(id, name, value, self.start..self.end).with(self.nodes)
    }
}

fn layer(located: &Located<'_>, octets: &[u8], around: Option<&ip::Around>) -> Node {
    let fields = Fields::new(octets, located.start, located.body);
    let body = octets.get(located.start..located.end).unwrap_or_default();
    let whole = if located.is_cut() { None } else { Some(body) };
    match &located.layer {
        Layer::Ethernet(_) => link::ethernet(fields),
        Layer::Cooked(cooked) => link::cooked(fields, cooked.ifindex.is_some()),
        Layer::Loopback(_) => link::loopback(fields),
        Layer::Vlan(_) => link::vlan(fields),
        Layer::Arp(_) => link::arp(fields),
        Layer::Ipv4(_) => ip::ipv4(fields),
        Layer::Ipv6(_) => ip::ipv6(fields),
        Layer::Ipv6Extension(kind, _) => ip::extension(fields, *kind),
        Layer::Ipv6Fragment(_) => ip::fragment(fields),
        Layer::Ah(_) => ip::ah(fields),
        Layer::Esp(_) => ip::esp(fields, octets, located.end, located.missing),
        Layer::Icmpv4(_) => transport::icmp(fields, octets, located.end, whole, around),
        Layer::Icmpv6(_) => transport::icmpv6(fields, octets, located.end, whole, around),
        Layer::Udp(_) => transport::udp(fields, whole, around),
        Layer::Tcp(_) => transport::tcp(fields, whole, around),
        Layer::NatKeepalive => {
            Node::new("udpencap.nat_keepalive", "NAT-T keepalive", "0xff", located.start..located.body)
        }
        Layer::NonEspMarker => {
            Node::new("udpencap.non_esp_marker", "Non-ESP marker", "0x00000000", located.start..located.body)
        }
        Layer::Vxlan(_) => transport::vxlan(fields),
        Layer::Data(data) => octets_of(*data, octets, located.start..located.end, located.missing),
    }
}

/// The fields that are there of a header that could not be read.
fn partial(stop: &Stop, octets: &[u8], link: Option<LinkType>) -> Option<Node> {
    let fields = Fields::new(octets, stop.offset, octets.len());
    let end = octets.len();
    Some(match stop.header {
        "Ethernet header" => link::ethernet(fields),
        "Linux cooked header" => link::cooked(fields, link == Some(LinkType::LinuxSll2)),
        "loopback header" => link::loopback(fields),
        "VLAN tag" => link::vlan(fields),
        "ARP packet" => link::arp(fields),
        "IPv4 header" => ip::ipv4(fields),
        "IPv6 header" => ip::ipv6(fields),
        "IPv6 fragment header" => ip::fragment(fields),
        "AH header" => ip::ah(fields),
        "ESP header" => ip::esp(fields, octets, end, 0),
        "ICMP header" => transport::icmp(fields, octets, end, None, None),
        "ICMPv6 header" => transport::icmpv6(fields, octets, end, None, None),
        "UDP header" => transport::udp(fields, None, None),
        "TCP header" => transport::tcp(fields, None, None),
        "VXLAN header" => transport::vxlan(fields),
        _ => return None,
    })
}

/// Octets that are not read further.
fn octets_of(data: Data, octets: &[u8], range: Range<usize>, missing: usize) -> Node {
    let len = range.len();
    let mut value = format!("{len} octets");
    if missing > 0 {
        let _ = write!(value, ", {missing} more were not captured");
    }
    let shown = octets.get(range.clone()).unwrap_or_default();
    let children = if shown.is_empty() {
        Vec::new()
    } else {
        vec![Node::new("data.data", "Octets", first_octets(shown), range.clone())]
    };
    let name = match data {
        Data::Payload => "Data",
        Data::Ike => "Internet Security Association and Key Management Protocol",
        Data::Fragment => "Fragment",
        Data::EtherType(_) => "Data of an EtherType that is not read here",
        Data::Protocol(_) => "Data of an IP protocol that is not read here",
        Data::Family(_) => "Data of an address family that is not read here",
    };
    Node::new("data", name, value, range).with(children)
}

/// Octets in hex, shortened.
fn first_octets(octets: &[u8]) -> String {
    const SHOWN: usize = 32;
    let mut text = hex(octets.get(..SHOWN).unwrap_or(octets));
    if octets.len() > SHOWN {
        text.push('…');
    }
    text
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        // A String takes everything.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// A MAC address; of any other length, hex.
fn mac(octets: &[u8]) -> String {
    let pairs: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    pairs.join(":")
}

/// A checksum, and whether it is right: `sum` is over everything with it, `None` if that is not all there.
fn checksum_text(found: u32, sum: Option<u16>) -> String {
    match sum {
        Some(0) => format!("0x{found:04x} [correct]"),
        Some(sum) => {
            let right = super::line::right_checksum(found as u16, sum);
            format!("0x{found:04x} [incorrect, should be 0x{right:04x}]")
        }
        None => format!("0x{found:04x} [not checked]"),
    }
}

/// A bit of a field: `set` or `not set`.
fn flag(id: &'static str, name: &'static str, set: bool, range: Range<usize>) -> Node {
    Node::new(id, name, if set { "set" } else { "not set" }, range)
}

#[cfg(test)]
mod tests;
