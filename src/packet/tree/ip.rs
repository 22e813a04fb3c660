use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::link::{ends, flags};
use super::{Fields, Node, checksum_text, first_octets, hex};
use crate::packet::{Layer, Located, checksum, transport_checksum};

/// What a transport's checksum covers besides the transport itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    source: IpAddr,
    destination: IpAddr,
    /// Whether the transport is only a first fragment, whose checksum cannot be checked.
    fragment: bool,
}

impl Around {
    /// The checksum over a whole segment.
    pub(super) fn checksum(&self, protocol: u8, segment: &[u8]) -> Option<u16> {
        let sum = transport_checksum(self.source, self.destination, protocol, segment.len(), segment);
        (!self.fragment).then_some(sum)
    }

    /// Whether what is inside is only a part.
    pub(super) fn is_fragment(&self) -> bool {
        self.fragment
    }
}

/// What is around the layers behind `located`.
pub(super) fn around(located: &Located<'_>, before: Option<Around>) -> Option<Around> {
    if let Some((source, destination)) = located.layer.addresses() {
        return Some(Around { source, destination, fragment: located.layer.is_fragment() });
    }
    let fragment = matches!(located.layer, Layer::Ipv6Fragment(_)) && located.layer.is_fragment();
    before.map(|before| Around { fragment: before.fragment || fragment, ..before })
}

pub(super) fn ipv4(mut fields: Fields<'_>) -> Node {
    fields.add("ip.version", "Version", 0, 1, |octet| octet >> 4);
    fields.add("ip.hdr_len", "Header Length", 0, 1, |octet| format!("{} octets ({})", (octet & 0xf) * 4, octet & 0xf));
    fields.add("ip.dsfield", "Differentiated Services Field", 1, 1, |octet| {
        format!("0x{octet:02x} (DSCP: {}, ECN: {})", octet >> 2, ecn(octet))
    });
    fields.add("ip.len", "Total Length", 2, 2, |number| number);
    fields.add("ip.id", "Identification", 4, 2, |number| format!("0x{number:04x} ({number})"));
    fields.add("ip.flags", "Flags", 6, 1, |octet| format!("0x{:x}", octet >> 5));
    if let Some(octet) = fields.number(6, 1) {
        let range = fields.start + 6..fields.start + 7;
        let names = [
            ("ip.flags.rb", "Reserved bit", 0x80),
            ("ip.flags.df", "Don't fragment", 0x40),
            ("ip.flags.mf", "More fragments", 0x20),
        ];
        fields.parts(flags(octet, &names, &range));
    }
    fields.add("ip.frag_offset", "Fragment Offset", 6, 2, |number| (number & 0x1fff) * 8);
    fields.add("ip.ttl", "Time to Live", 8, 1, |number| number);
    fields.add("ip.proto", "Protocol", 9, 1, protocol);
    let header_len = fields.number(0, 1).map_or(0, |octet| (octet & 0xf) as usize * 4);
    let sum = fields.octets(0, header_len.max(20)).map(checksum);
    fields.add("ip.checksum", "Header Checksum", 10, 2, |found| checksum_text(found, sum));
    fields.add_octets("ip.src", "Source Address", 12, 4, v4);
    fields.add_octets("ip.dst", "Destination Address", 16, 4, v4);
    if header_len > 20 {
        fields.add_octets("ip.options", "Options", 20, header_len - 20, hex);
    }
    let gist = ends(&fields, "ip.src", "ip.dst");
    fields.layer("ip", "Internet Protocol Version 4", gist)
}

pub(super) fn ipv6(mut fields: Fields<'_>) -> Node {
    fields.add("ipv6.version", "Version", 0, 1, |octet| octet >> 4);
    fields.add("ipv6.tclass", "Traffic Class", 0, 2, |number| {
        let class = number >> 4 & 0xff;
        format!("0x{class:02x} (DSCP: {}, ECN: {})", class >> 2, ecn(class))
    });
    fields.add("ipv6.flow", "Flow Label", 0, 4, |number| format!("0x{:05x}", number & 0x000f_ffff));
    fields.add("ipv6.plen", "Payload Length", 4, 2, |number| number);
    fields.add("ipv6.nxt", "Next Header", 6, 1, protocol);
    fields.add("ipv6.hlim", "Hop Limit", 7, 1, |number| number);
    fields.add_octets("ipv6.src", "Source Address", 8, 16, v6);
    fields.add_octets("ipv6.dst", "Destination Address", 24, 16, v6);
    let gist = ends(&fields, "ipv6.src", "ipv6.dst");
    fields.layer("ipv6", "Internet Protocol Version 6", gist)
}

pub(super) fn extension(mut fields: Fields<'_>, kind: u8) -> Node {
    fields.add("ipv6.ext.nxt", "Next Header", 0, 1, protocol);
    fields.add("ipv6.ext.len", "Length", 1, 1, |number| format!("{} octets ({number})", (number + 1) * 8));
    let options = fields.end.saturating_sub(fields.start + 2);
    fields.add_octets("ipv6.ext.data", "Content", 2, options, first_octets);
    let name = match kind {
        0 => "IPv6 Hop-by-Hop Option",
        43 => "IPv6 Routing Header",
        60 => "IPv6 Destination Option",
        _ => "IPv6 Extension Header",
    };
    fields.layer("ipv6.ext", name, "")
}

pub(super) fn fragment(mut fields: Fields<'_>) -> Node {
    fields.add("ipv6.fraghdr.nxt", "Next header", 0, 1, protocol);
    fields.add("ipv6.fraghdr.offset", "Offset", 2, 2, |number| number & 0xfff8);
    fields.add("ipv6.fraghdr.more", "More Fragments", 2, 2, |number| if number & 1 == 0 { "no" } else { "yes" });
    fields.add("ipv6.fraghdr.ident", "Identification", 4, 4, |number| format!("0x{number:08x}"));
    fields.layer("ipv6.fraghdr", "IPv6 Fragment Header", "")
}

pub(super) fn ah(mut fields: Fields<'_>) -> Node {
    fields.add("ah.next_header", "Next header", 0, 1, protocol);
    fields.add("ah.length", "Length", 1, 1, |number| format!("{} octets ({number})", (number + 2) * 4));
    fields.add("ah.spi", "AH SPI", 4, 4, |number| format!("0x{number:08x}"));
    fields.add("ah.sequence", "AH Sequence", 8, 4, |number| number);
    let icv = fields.end.saturating_sub(fields.start + 12);
    fields.add_octets("ah.icv", "AH ICV", 12, icv, hex);
    let gist = fields.number(4, 4).map(|spi| format!("SPI 0x{spi:08x}"));
    fields.layer("ah", "Authentication Header", gist.unwrap_or_default())
}

/// ESP as far as it can be read without a key.
pub(super) fn esp(mut fields: Fields<'_>, octets: &[u8], end: usize, missing: usize) -> Node {
    fields.add("esp.spi", "ESP SPI", 0, 4, |number| format!("0x{number:08x} ({number})"));
    fields.add("esp.sequence", "ESP Sequence", 4, 4, |number| number);
    let body = (fields.start + 8).min(end)..end;
    if let Some(encrypted) = octets.get(body.clone()).filter(|encrypted| !encrypted.is_empty()) {
        let mut value = format!("{} octets (IV, ciphertext and ICV)", encrypted.len());
        if missing > 0 {
            value = format!("{value}, {missing} more were not captured");
        }
        let octets = Node::new("data.data", "Octets", first_octets(encrypted), body.clone());
        fields.nodes.push(Node::new("esp.encrypted_data", "Encrypted", value, body).with(vec![octets]));
    }
    let gist = fields.number(0, 4).zip(fields.number(4, 4)).map(|(spi, seq)| format!("SPI 0x{spi:08x}, seq {seq}"));
    let start = fields.start;
    Node {
        range: start..end.max(start),
        ..fields.layer("esp", "Encapsulating Security Payload", gist.unwrap_or_default())
    }
}

fn v4(octets: &[u8]) -> String {
    octets.first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets).to_string()).unwrap_or_default()
}

fn v6(octets: &[u8]) -> String {
    octets.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets).to_string()).unwrap_or_default()
}

fn ecn(octet: u32) -> &'static str {
    ["Not-ECT", "ECT(1)", "ECT(0)", "CE"].get((octet & 3) as usize).copied().unwrap_or_default()
}

/// A protocol number with its name.
fn protocol(number: u32) -> String {
    let name = match number {
        0 => "IPv6 Hop-by-Hop Option",
        43 => "Routing Header for IPv6",
        44 => "Fragment Header for IPv6",
        59 => "No Next Header for IPv6",
        60 => "Destination Options for IPv6",
        other => match u8::try_from(other).map(crate::packet::line::protocol_name) {
            Ok(name) if name != "unknown" => name,
            _ => return number.to_string(),
        },
    };
    format!("{name} ({number})")
}
