use std::net::Ipv4Addr;

use super::{Fields, Node, flag, hex, mac};
use crate::packet::PacketType;

pub(super) fn ethernet(mut fields: Fields<'_>) -> Node {
    fields.add_octets("eth.dst", "Destination", 0, 6, mac);
    fields.add_octets("eth.src", "Source", 6, 6, mac);
    fields.add("eth.type", "Type", 12, 2, ether_type);
    let gist = ends(&fields, "eth.src", "eth.dst");
    fields.layer("eth", "Ethernet II", gist)
}

pub(super) fn cooked(mut fields: Fields<'_>, v2: bool) -> Node {
    let word = |number: u32| format!("{} ({number})", packet_type(number));
    if v2 {
        fields.add("sll.etype", "Protocol", 0, 2, ether_type);
        fields.add("sll.ifindex", "Interface index", 4, 4, |number| number);
        fields.add("sll.hatype", "Link-layer address type", 8, 2, hardware);
        fields.add("sll.pkttype", "Packet type", 10, 1, word);
        fields.add("sll.halen", "Link-layer address length", 11, 1, |number| number);
        let len = fields.number(11, 1).unwrap_or(0).min(8) as usize;
        fields.add_octets("sll.src.eth", "Source", 12, len, mac);
    } else {
        fields.add("sll.pkttype", "Packet type", 0, 2, word);
        fields.add("sll.hatype", "Link-layer address type", 2, 2, hardware);
        fields.add("sll.halen", "Link-layer address length", 4, 2, |number| number);
        let len = fields.number(4, 2).unwrap_or(0).min(8) as usize;
        fields.add_octets("sll.src.eth", "Source", 6, len, mac);
        fields.add("sll.etype", "Protocol", 14, 2, ether_type);
    }
    let gist = fields.nodes.iter().find(|node| node.id == "sll.pkttype").map(|node| node.value.clone());
    fields.layer(
        "sll",
        if v2 { "Linux cooked capture v2" } else { "Linux cooked capture v1" },
        gist.unwrap_or_default(),
    )
}

pub(super) fn loopback(mut fields: Fields<'_>) -> Node {
    fields.add("null.family", "Family", 0, 4, |number| {
        // In the byte order of the capturing machine; a family is a small number.
        let family = if number > 0xffff { number.swap_bytes() } else { number };
        match family {
            2 => "IP (2)".to_owned(),
            10 | 24 | 28 | 30 => format!("IPv6 ({family})"),
            other => other.to_string(),
        }
    });
    fields.layer("null", "Null/Loopback", "")
}

pub(super) fn vlan(mut fields: Fields<'_>) -> Node {
    fields.add("vlan.priority", "Priority", 0, 2, |tag| tag >> 13);
    fields.add("vlan.dei", "DEI", 0, 2, |tag| tag >> 12 & 1);
    fields.add("vlan.id", "ID", 0, 2, |tag| tag & 0xfff);
    fields.add("vlan.etype", "Type", 2, 2, ether_type);
    let gist = fields.number(0, 2).map(|tag| format!("ID {}", tag & 0xfff));
    fields.layer("vlan", "802.1Q Virtual LAN", gist.unwrap_or_default())
}

pub(super) fn arp(mut fields: Fields<'_>) -> Node {
    fields.add("arp.hw.type", "Hardware type", 0, 2, hardware);
    fields.add("arp.proto.type", "Protocol type", 2, 2, ether_type);
    fields.add("arp.hw.size", "Hardware size", 4, 1, |number| number);
    fields.add("arp.proto.size", "Protocol size", 5, 1, |number| number);
    fields.add("arp.opcode", "Opcode", 6, 2, |number| match number {
        1 => "request (1)".to_owned(),
        2 => "reply (2)".to_owned(),
        other => other.to_string(),
    });
    let hardware = fields.number(4, 1).unwrap_or(0) as usize;
    let protocol = fields.number(5, 1).unwrap_or(0) as usize;
    fields.add_octets("arp.src.hw_mac", "Sender MAC address", 8, hardware, mac);
    fields.add_octets("arp.src.proto_ipv4", "Sender IP address", 8 + hardware, protocol, address);
    fields.add_octets("arp.dst.hw_mac", "Target MAC address", 8 + hardware + protocol, hardware, mac);
    fields.add_octets("arp.dst.proto_ipv4", "Target IP address", 8 + 2 * hardware + protocol, protocol, address);
    let gist = ends(&fields, "arp.src.proto_ipv4", "arp.dst.proto_ipv4");
    fields.layer("arp", "Address Resolution Protocol", gist)
}

/// `SOURCE > DESTINATION`, if both are there.
pub(super) fn ends(fields: &Fields<'_>, source: &str, destination: &str) -> String {
    let value = |id: &str| fields.nodes.iter().find(|node| node.id == id).map(|node| node.value.as_str());
    match (value(source), value(destination)) {
        (Some(source), Some(destination)) => format!("{source} > {destination}"),
        _ => String::new(),
    }
}

/// The parts of a field of flags: each an id, a name and its bit.
pub(super) fn flags(
    bits: u32,
    names: &[(&'static str, &'static str, u32)],
    range: &std::ops::Range<usize>,
) -> Vec<Node> {
    names.iter().map(|(id, name, bit)| flag(id, name, bits & bit != 0, range.clone())).collect()
}

fn address(octets: &[u8]) -> String {
    <[u8; 4]>::try_from(octets).map_or_else(|_| hex(octets), |octets| Ipv4Addr::from(octets).to_string())
}

pub(super) fn ether_type(number: u32) -> String {
    let name = u16::try_from(number).ok().and_then(crate::packet::line::ether_type_name);
    name.map_or_else(|| format!("0x{number:04x}"), |name| format!("{name} (0x{number:04x})"))
}

fn hardware(number: u32) -> String {
    match number {
        1 => "Ethernet (1)".to_owned(),
        772 => "Loopback (772)".to_owned(),
        65534 => "none (65534)".to_owned(),
        other => other.to_string(),
    }
}

fn packet_type(number: u32) -> &'static str {
    match PacketType::from(number as u16) {
        PacketType::Host => "Unicast to us",
        PacketType::Broadcast => "Broadcast",
        PacketType::Multicast => "Multicast",
        PacketType::OtherHost => "Unicast to another host",
        PacketType::Outgoing => "Sent by us",
        PacketType::Unknown(_) => "Unknown",
    }
}
