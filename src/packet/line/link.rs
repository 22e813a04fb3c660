use std::net::{IpAddr, Ipv6Addr};

use super::cut::{Cut, Printed, be16, from};
use super::{Line, names};
use crate::packet::{Cooked, FrameView, LinkType};

/// EtherTypes up to this are lengths.
const LONGEST_802_3: u16 = 1500;

impl Line<'_> {
    /// Prints a whole frame; returns the length of its link header, in octets.
    pub(super) fn frame(&mut self, frame: FrameView<'_>) -> usize {
        let FrameView { octets, original_len, .. } = frame;
        let length = original_len as usize;
        let (header_len, ended) = match frame.link {
            LinkType::Ethernet => self.ethernet(octets, length),
            LinkType::LinuxSll | LinkType::LinuxSll2 => self.cooked(frame, length),
            LinkType::Null | LinkType::Loop => self.loopback(frame.link, octets, length),
            LinkType::Raw | LinkType::Ipv4 | LinkType::Ipv6 => {
                if self.options.link {
                    self.put("ip: ");
                }
                (0, self.ip_any(octets, length))
            }
        };
        self.end(ended);
        if ended == Err(Cut::Hit) { 0 } else { header_len }
    }

    /// Ethernet; returns the length of the header, VLAN tags included.
    pub(super) fn ethernet(&mut self, octets: &[u8], length: usize) -> (usize, Printed) {
        self.protocol = "ether";
        let Some((header, mut body)) = octets.split_first_chunk::<14>() else { return (octets.len(), Err(Cut::Seen)) };
        if length < 14 {
            return (length, Err(Cut::Seen));
        }
        let mut ether_type = u16::from_be_bytes([header[12], header[13]]);
        if self.options.link {
            self.ethernet_addresses(header);
        }
        let (mut header_len, mut rest, mut said) = (14, length - 14, None);
        while matches!(ether_type, 0x8100 | 0x88a8 | 0x9100 | 0x9200) {
            let Some((tag, behind)) = body.split_first_chunk::<4>() else {
                self.protocol = "vlan";
                return (octets.len(), Err(Cut::Seen));
            };
            if self.options.link {
                self.ethernet_type(ether_type, length, &mut said);
                self.vlan(u16::from_be_bytes([tag[0], tag[1]]));
            }
            ether_type = u16::from_be_bytes([tag[2], tag[3]]);
            (body, header_len, rest) = (behind, header_len + 4, rest.saturating_sub(4));
        }
        if self.options.link {
            self.ethernet_type(ether_type, length, &mut said);
        }
        let ended = self.ether_type(ether_type, body, rest).unwrap_or_else(|| {
            if !self.options.link {
                self.ethernet_addresses(header);
                self.ethernet_type(ether_type, length, &mut None);
            }
            self.unknown(body);
            Ok(())
        });
        (header_len, ended)
    }

    fn ethernet_addresses(&mut self, header: &[u8; 14]) {
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, ..] = *header;
        self.mac([s0, s1, s2, s3, s4, s5]);
        self.put(" > ");
        self.mac([d0, d1, d2, d3, d4, d5]);
        self.put(", ");
    }

    /// The EtherType, and behind the first one the length of the frame.
    fn ethernet_type(&mut self, ether_type: u16, length: usize, said: &mut Option<usize>) {
        let name = names::ether_type(ether_type);
        if ether_type <= LONGEST_802_3 {
            self.put("802.3");
        } else if !self.options.quiet {
            self.put_fmt(format_args!("ethertype {} (0x{ether_type:04x})", name.unwrap_or("Unknown")));
        } else if let Some(name) = name {
            self.put(name);
        } else {
            self.put_fmt(format_args!("Unknown Ethertype (0x{ether_type:04x})"));
        }
        if said.replace(length).is_some() {
            self.put(", ");
        } else {
            self.put_fmt(format_args!(", length {length}: "));
        }
    }

    fn cooked(&mut self, frame: FrameView<'_>, mut length: usize) -> (usize, Printed) {
        let octets = frame.octets;
        let (header_len, cooked) = if frame.link == LinkType::LinuxSll {
            self.protocol = "sll";
            (Cooked::V1_LEN, Cooked::read_v1(octets))
        } else {
            self.protocol = "sll2";
            (Cooked::V2_LEN, Cooked::read_v2(octets))
        };
        let Some(cooked) = cooked else { return (0, Err(Cut::Hit)) };
        if cooked.ifindex.is_some() && !self.content_only {
            let device = frame.device.unwrap_or("?");
            self.put_fmt(format_args!("{device:<5} {:<3} ", cooked.packet_type));
        }
        if self.options.link {
            self.cooked_header(&cooked, length);
        }
        let (mut at, mut ether_type) = (header_len, cooked.protocol);
        length = length.saturating_sub(header_len);
        while ether_type == 0x8100 {
            let body = from(octets, at);
            let (Ok(tag), Ok(inner)) = (be16(body, 0), be16(body, 2)) else {
                self.protocol = "vlan";
                return (octets.len(), Err(Cut::Seen));
            };
            if self.options.link {
                self.vlan(tag);
            }
            // Below 0x600 it would be a length, of an LLC frame.
            ether_type = if inner <= LONGEST_802_3 { 4 } else { inner };
            if !self.options.quiet {
                let name = names::ether_type(ether_type).unwrap_or("Unknown");
                self.put_fmt(format_args!("ethertype {name}, "));
            }
            (at, length) = (at + 4, length.saturating_sub(4));
        }
        let body = from(octets, at);
        let ended = self.ether_type(ether_type, body, length).unwrap_or_else(|| {
            if !self.options.link && ether_type > LONGEST_802_3 {
                self.cooked_header(&cooked, length + header_len);
            }
            self.unknown(body);
            Ok(())
        });
        (at, ended)
    }

    fn cooked_header(&mut self, cooked: &Cooked<'_>, length: usize) {
        if let Some(ifindex) = cooked.ifindex {
            self.put_fmt(format_args!("ifindex {ifindex} "));
        } else {
            self.put_fmt(format_args!("{:>3} ", cooked.packet_type));
        }
        if cooked.address_len == 6
            && let Some(address) = cooked.address.first_chunk()
        {
            self.mac(*address);
            self.put(" ");
        }
        if self.options.quiet {
            return;
        }
        match cooked.protocol {
            1 => self.put("802.3"),
            4 => self.put("802.2"),
            protocol => {
                let name = names::ether_type(protocol).filter(|_| protocol > LONGEST_802_3).unwrap_or("Unknown");
                self.put_fmt(format_args!("ethertype {name} (0x{protocol:04x})"));
            }
        }
        self.put_fmt(format_args!(", length {length}: "));
    }

    fn loopback(&mut self, link: LinkType, octets: &[u8], length: usize) -> (usize, Printed) {
        self.protocol = "null";
        let Some((family, body)) = octets.split_first_chunk::<4>() else { return (0, Err(Cut::Hit)) };
        let (big, little) = (u32::from_be_bytes(*family), u32::from_le_bytes(*family));
        // In the byte order of the capturing machine, which a small number shows.
        let family = if link == LinkType::Null && little >> 16 == 0 { little } else { big };
        let (name, ether_type) = match family {
            2 => ("IPv4", Some(0x0800)),
            24 | 28 | 30 => ("IPv6", Some(0x86dd)),
            _ => ("Unknown", None),
        };
        if self.options.link || ether_type.is_none() {
            if self.options.quiet && ether_type.is_none() {
                self.put_fmt(format_args!("Unknown AF {family}"));
            } else if self.options.quiet {
                self.put(name);
            } else {
                self.put_fmt(format_args!("AF {name} ({family})"));
            }
            self.put_fmt(format_args!(", length {length}: "));
        }
        let rest = length.saturating_sub(4);
        let known = ether_type.and_then(|ether_type| self.ether_type(ether_type, body, rest));
        let ended = known.unwrap_or_else(|| {
            self.unknown(body);
            Ok(())
        });
        (4, ended)
    }

    /// What an EtherType announces; `None` if there is no printer for it.
    fn ether_type(&mut self, ether_type: u16, body: &[u8], length: usize) -> Option<Printed> {
        match ether_type {
            0x0800 => Some(self.ip(body, length)),
            0x86dd => Some(self.ip6(body, length)),
            0x0806 | 0x8035 => Some(self.arp(body, length)),
            _ => None,
        }
    }

    fn vlan(&mut self, tag: u16) {
        let dei = if tag & 0x1000 == 0 { "" } else { ", DEI" };
        self.put_fmt(format_args!("vlan {}, p {}{dei}, ", tag & 0xfff, tag >> 13));
    }

    /// A MAC address; without `-n`, with the maker's name, which is not known here.
    pub(super) fn mac(&mut self, mac: [u8; 6]) {
        for (at, octet) in mac.iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            self.put_fmt(format_args!("{colon}{octet:02x}"));
        }
        if !self.options.numeric && mac != [0xff; 6] {
            self.put(" (oui Unknown)");
        }
    }

    /// An IP address. IPv6 addresses that embed an IPv4 address show it with dots.
    pub(super) fn address(&mut self, address: impl Into<IpAddr>) {
        match address.into() {
            IpAddr::V4(address) => dotted(address.octets(), self.out),
            IpAddr::V6(address) if embeds_ipv4(address) => {
                let [.., a, b, c, d] = address.octets();
                self.put_fmt(format_args!("::{a}.{b}.{c}.{d}"));
            }
            IpAddr::V6(address) => self.put_fmt(format_args!("{address}")),
        }
    }
}

/// `10.0.0.66`. A line has several: with the formatter they took half of its time.
fn dotted(octets: [u8; 4], out: &mut String) {
    let digit = |value: u8| char::from(b'0' + value % 10);
    for (place, octet) in octets.into_iter().enumerate() {
        if place > 0 {
            out.push('.');
        }
        if octet >= 100 {
            out.push(digit(octet / 100));
        }
        if octet >= 10 {
            out.push(digit(octet / 10));
        }
        out.push(digit(octet));
    }
}

/// `::a.b.c.d` (RFC 4291 section 2.5.5.1); `::ffff:a.b.c.d` is printed with dots anyway.
fn embeds_ipv4(address: Ipv6Addr) -> bool {
    let octets = address.octets();
    let (zeros, last) = octets.split_at(12);
    zeros.iter().all(|octet| *octet == 0) && last[..2] != [0, 0]
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn an_address_has_no_octet_with_zeros_in_front() {
        for octet in 0..=u8::MAX {
            let (octets, mut text) = ([octet, 0, 255 - octet, 7], String::new());
            dotted(octets, &mut text);
            assert_eq!(text, Ipv4Addr::from(octets).to_string());
        }
    }
}
