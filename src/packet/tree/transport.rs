use super::ip::Around;
use super::link::flags;
use super::{Fields, Node, Tree, checksum_text, hex};
use crate::packet::checksum;

pub(super) fn udp(mut fields: Fields<'_>, whole: Option<&[u8]>, around: Option<&Around>) -> Node {
    fields.add("udp.srcport", "Source Port", 0, 2, |number| number);
    fields.add("udp.dstport", "Destination Port", 2, 2, |number| number);
    fields.add("udp.length", "Length", 4, 2, |number| number);
    let v4_without = fields.number(6, 2) == Some(0);
    let sum = whole.and_then(|segment| around?.checksum(17, segment));
    fields.add("udp.checksum", "Checksum", 6, 2, |found| {
        if v4_without { "0x0000 [none]".to_owned() } else { checksum_text(found, sum) }
    });
    let gist = ports(&fields);
    fields.layer("udp", "User Datagram Protocol", gist)
}

pub(super) fn tcp(mut fields: Fields<'_>, whole: Option<&[u8]>, around: Option<&Around>) -> Node {
    fields.add("tcp.srcport", "Source Port", 0, 2, |number| number);
    fields.add("tcp.dstport", "Destination Port", 2, 2, |number| number);
    fields.add("tcp.seq_raw", "Sequence Number", 4, 4, |number| number);
    fields.add("tcp.ack_raw", "Acknowledgment number", 8, 4, |number| number);
    fields.add("tcp.hdr_len", "Header Length", 12, 1, |octet| format!("{} octets ({})", (octet >> 4) * 4, octet >> 4));
    let names = [
        ("tcp.flags.cwr", "Congestion Window Reduced", 0x80),
        ("tcp.flags.ece", "ECN-Echo", 0x40),
        ("tcp.flags.urg", "Urgent", 0x20),
        ("tcp.flags.ack", "Acknowledgment", 0x10),
        ("tcp.flags.push", "Push", 0x08),
        ("tcp.flags.reset", "Reset", 0x04),
        ("tcp.flags.syn", "Syn", 0x02),
        ("tcp.flags.fin", "Fin", 0x01),
    ];
    let set = |bits: u32| {
        let short = ["CWR", "ECE", "URG", "ACK", "PSH", "RST", "SYN", "FIN"];
        let set: Vec<&str> =
            names.iter().zip(short).filter(|((_, _, bit), _)| bits & bit != 0).map(|(_, name)| name).collect();
        set.join(", ")
    };
    let bits = fields.number(13, 1);
    fields.add("tcp.flags", "Flags", 13, 1, |bits| format!("0x{bits:03x} ({})", set(bits)));
    if let Some(bits) = bits {
        let range = fields.start + 13..fields.start + 14;
        fields.parts(flags(bits, &names, &range));
    }
    fields.add("tcp.window_size_value", "Window", 14, 2, |number| number);
    let sum = whole.and_then(|segment| around?.checksum(6, segment));
    fields.add("tcp.checksum", "Checksum", 16, 2, |found| checksum_text(found, sum));
    fields.add("tcp.urgent_pointer", "Urgent Pointer", 18, 2, |number| number);
    let header_len = fields.number(12, 1).map_or(0, |octet| (octet >> 4) as usize * 4);
    if header_len > 20
        && let Some(options) = fields.octets(20, header_len - 20)
    {
        let parts = tcp_options(options, fields.start + 20);
        fields.add_octets("tcp.options", "Options", 20, header_len - 20, |options| format!("{} octets", options.len()));
        fields.parts(parts);
    }
    let gist = format!("{} [{}]", ports(&fields), bits.map(set).unwrap_or_default());
    fields.layer("tcp", "Transmission Control Protocol", gist)
}

fn tcp_options(mut options: &[u8], mut at: usize) -> Vec<Node> {
    let mut nodes = Vec::new();
    while let [kind, rest @ ..] = options {
        let len = match (kind, rest.first()) {
            (0 | 1, _) => 1,
            (_, Some(len)) if *len >= 2 => usize::from(*len),
            _ => break,
        };
        let Some(option) = options.get(..len) else { break };
        let data = option.get(2..).unwrap_or_default();
        let number = |at: usize, len: usize| {
            let octets = data.get(at..at + len).unwrap_or_default();
            octets.iter().fold(0_u32, |number, octet| number << 8 | u32::from(*octet))
        };
        let range = at..at + len;
        nodes.push(match (kind, data.len()) {
            (0, _) => Node::new("tcp.options.eol", "End of Option List", "", range),
            (1, _) => Node::new("tcp.options.nop", "No-Operation", "", range),
            (2, 2) => Node::new("tcp.options.mss_val", "Maximum segment size", number(0, 2).to_string(), range),
            (3, 1) => Node::new("tcp.options.wscale.shift", "Window scale", number(0, 1).to_string(), range),
            (4, 0) => Node::new("tcp.options.sack_perm", "SACK permitted", "", range),
            (8, 8) => {
                let value = format!("value {}, echo reply {}", number(0, 4), number(4, 4));
                Node::new("tcp.options.timestamp", "Timestamps", value, range)
            }
            (5, _) => Node::new("tcp.options.sack", "SACK", hex(data), range),
            (kind, _) => Node::new("tcp.options.unknown", "Option", format!("{kind}: {}", hex(data)), range),
        });
        if *kind == 0 {
            break;
        }
        (options, at) = (options.get(len..).unwrap_or_default(), at + len);
    }
    nodes
}

pub(super) fn icmp(
    mut fields: Fields<'_>,
    octets: &[u8],
    end: usize,
    whole: Option<&[u8]>,
    around: Option<&Around>,
) -> Node {
    let kind = fields.number(0, 1);
    fields.add("icmp.type", "Type", 0, 1, |kind| named(kind, icmp_type(kind)));
    fields.add("icmp.code", "Code", 1, 1, |code| named(code, icmp_code(kind, code)));
    let fragment = around.is_some_and(Around::is_fragment);
    let sum = whole.filter(|_| !fragment).map(checksum);
    fields.add("icmp.checksum", "Checksum", 2, 2, |found| checksum_text(found, sum));
    match (kind, fields.number(1, 1)) {
        (Some(0 | 8), _) => {
            fields.add("icmp.ident", "Identifier", 4, 2, |number| format!("{number} (0x{number:04x})"));
            fields.add("icmp.seq", "Sequence Number", 6, 2, |number| format!("{number} (0x{number:04x})"));
        }
        (Some(3), Some(4)) => fields.add("icmp.mtu", "MTU of next hop", 6, 2, |number| number),
        (Some(5), _) => fields.add_octets("icmp.redir_gw", "Gateway Address", 4, 4, |octets| {
            octets.first_chunk::<4>().map(|octets| std::net::Ipv4Addr::from(*octets).to_string()).unwrap_or_default()
        }),
        _ => {}
    }
    if matches!(kind, Some(3 | 4 | 5 | 11 | 12)) {
        quoted(&mut fields, octets, end);
    }
    let gist = kind.and_then(icmp_type).unwrap_or_default();
    fields.layer("icmp", "Internet Control Message Protocol", gist)
}

pub(super) fn icmpv6(
    mut fields: Fields<'_>,
    octets: &[u8],
    end: usize,
    whole: Option<&[u8]>,
    around: Option<&Around>,
) -> Node {
    let kind = fields.number(0, 1);
    fields.add("icmpv6.type", "Type", 0, 1, |kind| named(kind, icmpv6_type(kind)));
    fields.add("icmpv6.code", "Code", 1, 1, |number| number);
    let sum = whole.and_then(|segment| around?.checksum(58, segment));
    fields.add("icmpv6.checksum", "Checksum", 2, 2, |found| checksum_text(found, sum));
    match kind {
        Some(128 | 129) => {
            fields.add("icmpv6.echo.identifier", "Identifier", 4, 2, |number| format!("0x{number:04x}"));
            fields.add("icmpv6.echo.sequence_number", "Sequence", 6, 2, |number| number);
        }
        Some(2) => fields.add("icmpv6.mtu", "MTU", 4, 4, |number| number),
        Some(135 | 136) => {
            // The target is behind the part of the header that all messages share.
            fields.end = end.min(octets.len());
            fields.add_octets("icmpv6.nd.target_address", "Target Address", 8, 16, |octets| {
                octets
                    .first_chunk::<16>()
                    .map(|octets| std::net::Ipv6Addr::from(*octets).to_string())
                    .unwrap_or_default()
            });
        }
        _ => {}
    }
    if matches!(kind, Some(1..=4)) {
        quoted(&mut fields, octets, end);
    }
    let gist = kind.and_then(icmpv6_type).unwrap_or_default();
    fields.layer("icmpv6", "Internet Control Message Protocol v6", gist)
}

pub(super) fn vxlan(mut fields: Fields<'_>) -> Node {
    fields.add("vxlan.flags", "Flags", 0, 1, |octet| format!("0x{octet:02x}"));
    fields.add("vxlan.vni", "VXLAN Network Identifier (VNI)", 4, 3, |number| number);
    let gist = fields.number(4, 3).map(|vni| format!("VNI {vni}"));
    fields.layer("vxlan", "Virtual eXtensible Local Area Network", gist.unwrap_or_default())
}

/// The packet that an ICMP error quotes, as far as it does: its own tree, in the place where it stands.
fn quoted(fields: &mut Fields<'_>, octets: &[u8], end: usize) {
    let start = fields.start + 8;
    let Some(packet) = octets.get(start..end).filter(|packet| !packet.is_empty()) else { return };
    let mut tree = Tree::of_ip(packet);
    for layer in &mut tree.layers {
        shift(layer, start);
    }
    fields.nodes.push(Node::new("icmp.quoted", "Quoted packet", "", start..end).with(tree.layers));
}

fn shift(node: &mut Node, by: usize) {
    node.range = node.range.start + by..node.range.end + by;
    node.children.iter_mut().for_each(|child| shift(child, by));
}

fn ports(fields: &Fields<'_>) -> String {
    match (fields.number(0, 2), fields.number(2, 2)) {
        (Some(source), Some(destination)) => format!("{source} > {destination}"),
        _ => String::new(),
    }
}

fn named(number: u32, name: Option<&str>) -> String {
    name.map_or_else(|| number.to_string(), |name| format!("{number} ({name})"))
}

fn icmp_type(kind: u32) -> Option<&'static str> {
    Some(match kind {
        0 => "Echo (ping) reply",
        3 => "Destination unreachable",
        4 => "Source quench",
        5 => "Redirect",
        8 => "Echo (ping) request",
        11 => "Time-to-live exceeded",
        12 => "Parameter problem",
        13 => "Timestamp request",
        14 => "Timestamp reply",
        _ => return None,
    })
}

fn icmp_code(kind: Option<u32>, code: u32) -> Option<&'static str> {
    Some(match (kind?, code) {
        (3, 0) => "Network unreachable",
        (3, 1) => "Host unreachable",
        (3, 2) => "Protocol unreachable",
        (3, 3) => "Port unreachable",
        (3, 4) => "Fragmentation needed",
        (3, 13) => "Communication administratively filtered",
        (11, 0) => "Time to live exceeded in transit",
        (11, 1) => "Fragment reassembly time exceeded",
        _ => return None,
    })
}

fn icmpv6_type(kind: u32) -> Option<&'static str> {
    Some(match kind {
        1 => "Destination Unreachable",
        2 => "Packet Too Big",
        3 => "Time Exceeded",
        4 => "Parameter Problem",
        128 => "Echo (ping) request",
        129 => "Echo (ping) reply",
        130 => "Multicast Listener Query",
        131 => "Multicast Listener Report",
        132 => "Multicast Listener Done",
        133 => "Router Solicitation",
        134 => "Router Advertisement",
        135 => "Neighbor Solicitation",
        136 => "Neighbor Advertisement",
        137 => "Redirect",
        143 => "Multicast Listener Report Message v2",
        _ => return None,
    })
}
