use std::net::{IpAddr, Ipv4Addr};

use super::cut::{Cut, Printed, array, be16, from, octet, upto};
use super::{Line, names};
use crate::packet::checksum;

/// The IP header that a transport header stands behind.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// The end of a source route, which transport checksums cover; without one, the destination.
    pub(super) last_hop: IpAddr,
    /// The protocol (next header) in the IP header itself; with extension headers it is not the transport's.
    pub(super) protocol: u8,
    /// Whether the payload is a first fragment.
    pub(super) fragmented: bool,
}

impl Line<'_> {
    /// IPv4 or IPv6, as the first octet says.
    pub(super) fn ip_any(&mut self, octets: &[u8], length: usize) -> Printed {
        self.protocol = "ip";
        if length == 0 {
            self.put("truncated-ip 0");
            return Ok(());
        }
        match octet(octets, 0)? >> 4 {
            4 => self.ip(octets, length),
            6 => self.ip6(octets, length),
            other => {
                self.put_fmt(format_args!("unknown ip {other}"));
                Ok(())
            }
        }
    }

    pub(super) fn ip(&mut self, octets: &[u8], length: usize) -> Printed {
        self.protocol = "ip";
        let first = octet(octets, 0)?;
        if first >> 4 != 4 {
            if first >> 4 == 6 {
                self.put("IP6, wrong link-layer encapsulation");
            } else {
                self.put_fmt(format_args!("IP{}", first >> 4));
            }
            self.put(" (invalid)");
            return Ok(());
        }
        if !self.options.link {
            self.put("IP ");
        }
        if octets.len() < 20 {
            return Err(Cut::Seen);
        }
        if length < 20 {
            self.put_fmt(format_args!("truncated-ip {length}"));
            return Ok(());
        }
        let header_len = usize::from(first & 0xf) * 4;
        if header_len < 20 {
            self.put_fmt(format_args!("bad-hlen {header_len}"));
            return Ok(());
        }
        let total = usize::from(be16(octets, 2)?);
        if length < total {
            self.put_fmt(format_args!("truncated-ip - {} bytes missing! ", total - length));
        }
        if total < header_len {
            self.put_fmt(format_args!("bad-len {total}"));
            return Ok(());
        }
        let octets = upto(octets, total);
        let (fragment, protocol) = (be16(octets, 6)?, octet(octets, 9)?);
        let source = Ipv4Addr::from(array(octets, 12)?);
        let destination = Ipv4Addr::from(array(octets, 16)?);
        if self.verbose(1) {
            self.ip_header(octets, header_len, total)?;
        }
        let offset = fragment & 0x1fff;
        if offset > 0 {
            self.address(source);
            self.put(" > ");
            self.address(destination);
            match names::listed_protocol(protocol).filter(|_| !self.options.numeric) {
                Some(name) => self.put_fmt(format_args!(": {name}")),
                None => self.put_fmt(format_args!(": ip-proto-{protocol}")),
            }
            return Ok(());
        }
        let ends = Ends {
            source: source.into(),
            destination: destination.into(),
            last_hop: source_route_end(octets.get(20..header_len).unwrap_or_default()).unwrap_or(destination).into(),
            protocol,
            fragmented: fragment & 0x2000 != 0,
        };
        if !has_ports(protocol) {
            self.ends(&ends);
        }
        if octets.len() < header_len {
            let captured = octets.len();
            self.put_fmt(format_args!(" [remaining caplen({captured}) < header length({header_len})]"));
            return Err(Cut::Seen);
        }
        self.payload(protocol, from(octets, header_len), total - header_len, &ends)
    }

    /// The addresses, as protocols without ports have them in front.
    pub(super) fn ends(&mut self, ends: &Ends) {
        self.address(ends.source);
        self.put(" > ");
        self.address(ends.destination);
        self.put(": ");
    }

    /// What an IP protocol number announces.
    pub(super) fn payload(&mut self, protocol: u8, octets: &[u8], length: usize, ends: &Ends) -> Printed {
        let version = if ends.source.is_ipv4() { 4 } else { 6 };
        match protocol {
            51 => {
                let (next, header_len) = self.ah(octets)?;
                // The packet ends with the header.
                let Some(rest) = length.checked_sub(header_len) else {
                    return Err(Cut::Seen);
                };
                self.payload(next, from(octets, header_len), rest, ends)
            }
            50 => self.esp(octets, length),
            6 => self.tcp(octets, length, ends),
            17 => self.udp(octets, length, ends),
            1 if version == 4 => self.icmp(octets, length, ends.fragmented),
            1 => {
                self.put("[ICMP requires IPv4] (invalid)");
                Ok(())
            }
            58 if version == 6 => self.icmp6(octets, length, ends),
            58 => {
                self.put("[ICMPv6 requires IPv6] (invalid)");
                Ok(())
            }
            4 => self.nested(|line| line.ip(octets, length)),
            41 => self.nested(|line| line.ip6(octets, length)),
            59 => {
                self.put("no next header");
                Ok(())
            }
            2 if version == 6 => {
                self.put("[IGMP requires IPv4] (invalid)");
                Ok(())
            }
            143 if version == 4 => {
                self.put("[Ethernet requires IPv6] (invalid)");
                Ok(())
            }
            other => {
                self.put_fmt(format_args!(" ip-proto-{other} {length}"));
                Ok(())
            }
        }
    }

    /// The verbose part in parentheses, and the line break behind it.
    fn ip_header(&mut self, octets: &[u8], header_len: usize, total: usize) -> Printed {
        let (tos, ttl, protocol) = (octet(octets, 1)?, octet(octets, 8)?, octet(octets, 9)?);
        let (id, fragment) = (be16(octets, 4)?, be16(octets, 6)?);
        let ecn = ["", ",ECT(1)", ",ECT(0)", ",CE"][usize::from(tos & 3)];
        self.put_fmt(format_args!("(tos 0x{tos:x}{ecn}"));
        if ttl > 0 {
            self.put_fmt(format_args!(", ttl {ttl}"));
        }
        self.put_fmt(format_args!(", id {id}, offset {}, flags [", u32::from(fragment & 0x1fff) * 8));
        let flags = [(0x2000, "+"), (0x4000, "DF"), (0x8000, "rsvd")];
        let mut separator = "";
        for (_, flag) in flags.iter().filter(|(bit, _)| fragment & bit != 0) {
            self.put_fmt(format_args!("{separator}{flag}"));
            separator = ", ";
        }
        if separator.is_empty() {
            self.put("none");
        }
        self.put_fmt(format_args!("], proto {} ({protocol}), length {total}", names::protocol(protocol)));
        let mut cut = false;
        if header_len > 20 {
            self.put(", options (");
            if self.ip_options(from(octets, 20), header_len - 20).is_err() {
                self.put(" [truncated-option]");
                cut = true;
            }
            self.put(")");
        }
        if let Some(header) = octets.get(..header_len) {
            let found = be16(octets, 10)?;
            let sum = checksum(header);
            if sum != 0 {
                self.put_fmt(format_args!(", bad cksum {found:x} (->{:x})!", right_checksum(found, sum)));
            }
        }
        self.put(")\n    ");
        if cut {
            self.address(Ipv4Addr::from(array(octets, 12)?));
            self.put(" > ");
            self.address(Ipv4Addr::from(array(octets, 16)?));
            self.put(": ");
            return Err(Cut::Seen);
        }
        Ok(())
    }

    fn ip_options(&mut self, mut octets: &[u8], mut length: usize) -> Printed {
        let mut separator = "";
        while length > 0 {
            self.put(separator);
            separator = ",";
            let code = octet(octets, 0)?;
            match code {
                0 => self.put("EOL"),
                1 => self.put("NOP"),
                7 => self.put("RR"),
                68 => self.put("timestamp"),
                82 => self.put("traceroute"),
                130 => self.put("security"),
                131 => self.put("LSRR"),
                137 => self.put("SSRR"),
                148 => self.put("RA"),
                other => self.put_fmt(format_args!("unknown {other}")),
            }
            let option_len = if code < 2 { 1 } else { usize::from(octet(octets, 1)?) };
            if (code > 1 && option_len < 2) || option_len > length {
                self.put_fmt(format_args!(" [bad length {option_len}]"));
                return Ok(());
            }
            let option = octets.get(..option_len).ok_or(Cut::Hit)?;
            match code {
                0 => return Ok(()),
                7 | 131 | 137 => self.ip_route_option(option)?,
                68 => self.ip_timestamp_option(option)?,
                148 if option_len < 4 => self.put_fmt(format_args!(" [bad length {option_len}]")),
                148 => {
                    let value = be16(option, 2)?;
                    if value != 0 {
                        self.put_fmt(format_args!(" value {value}"));
                    }
                }
                _ => {}
            }
            (octets, length) = (from(octets, option_len), length - option_len);
        }
        Ok(())
    }

    fn ip_route_option(&mut self, option: &[u8]) -> Printed {
        let length = option.len();
        if length < 3 {
            self.put_fmt(format_args!(" [bad length {length}]"));
            return Ok(());
        }
        if (length + 1) & 3 != 0 {
            self.put_fmt(format_args!(" [bad length {length}]"));
        }
        let pointer = usize::from(octet(option, 2)?);
        let next = pointer.wrapping_sub(1);
        if next < 3 || (next.wrapping_add(1)) & 3 != 0 || next > length + 1 {
            self.put_fmt(format_args!(" [bad ptr {pointer}]"));
        }
        for at in (3..length).step_by(4) {
            self.put(" ");
            self.address(Ipv4Addr::from(array(option, at)?));
            if next > at {
                self.put(",");
            }
        }
        Ok(())
    }

    fn ip_timestamp_option(&mut self, option: &[u8]) -> Printed {
        let length = option.len();
        if length < 4 {
            self.put_fmt(format_args!("[bad length {length}]"));
            return Ok(());
        }
        self.put(" TS{");
        let (pointer, kind) = (usize::from(octet(option, 2)?), octet(option, 3)?);
        let hop_len = if matches!(kind & 0xf, 0) { 4 } else { 8 };
        if !(length - 4).is_multiple_of(hop_len) {
            self.put_fmt(format_args!("[bad length {length}]"));
        }
        let next = pointer.wrapping_sub(1);
        if next < 4 || !(next.wrapping_sub(4)).is_multiple_of(hop_len) || next > length + 1 {
            self.put_fmt(format_args!("[bad ptr {pointer}]"));
        }
        let mut at = 0;
        match kind & 0xf {
            kind @ (0 | 1 | 3) => {
                self.put(match kind {
                    0 => "TSONLY",
                    1 => "TS+ADDR",
                    _ => "PRESPEC",
                });
                at = 4;
                while at < length {
                    self.put(if next == at { " ^ " } else { " " });
                    let stamp = super::cut::be32(option, at + hop_len - 4)?;
                    self.put_fmt(format_args!("{stamp}@"));
                    if hop_len == 8 {
                        self.address(Ipv4Addr::from(array(option, at)?));
                    }
                    at += hop_len;
                }
            }
            other => self.put_fmt(format_args!("[bad ts type {other}]")),
        }
        if next == at {
            self.put(" ^ ");
        }
        match kind >> 4 {
            0 => self.put("}"),
            hops => self.put_fmt(format_args!(" [{hops} hops not recorded]}} ")),
        }
        Ok(())
    }
}

/// The last address of a loose or strict source route among the options.
fn source_route_end(mut options: &[u8]) -> Option<Ipv4Addr> {
    loop {
        match options {
            [] | [0, ..] => return None,
            [1, rest @ ..] => options = rest,
            [131 | 137, len, ..] if *len >= 7 => {
                let route = options.get(..usize::from(*len))?;
                return route.last_chunk::<4>().copied().map(Ipv4Addr::from);
            }
            [_, len, ..] if *len >= 2 => options = options.get(usize::from(*len)..)?,
            _ => return None,
        }
    }
}

/// Whether the addresses are printed with the ports, by the transport.
pub(super) fn has_ports(protocol: u8) -> bool {
    matches!(protocol, 6 | 17 | 33 | 132)
}

/// The checksum that would be right, given the one found and the sum over everything with it.
pub(in crate::packet) fn right_checksum(found: u16, sum: u16) -> u16 {
    let mut shouldbe = u32::from(found) + u32::from(sum);
    shouldbe = (shouldbe & 0xffff) + (shouldbe >> 16);
    shouldbe = (shouldbe & 0xffff) + (shouldbe >> 16);
    shouldbe as u16
}
