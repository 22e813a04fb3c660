use std::net::Ipv4Addr;

use super::cut::{Cut, Printed, array, be16, octet, upto};
use super::dump::hex_and_ascii;
use super::{Line, names};

impl Line<'_> {
    pub(super) fn arp(&mut self, octets: &[u8], length: usize) -> Printed {
        self.protocol = "arp";
        let (hardware, protocol) = (be16(octets, 0)?, be16(octets, 2)?);
        let (hardware_len, protocol_len) = (usize::from(octet(octets, 4)?), usize::from(octet(octets, 5)?));
        let operation = be16(octets, 6)?;
        let (sender_ip, target) = (8 + hardware_len, 8 + hardware_len + protocol_len);
        let target_ip = target + hardware_len;
        if octets.len() < target_ip + protocol_len {
            return Err(Cut::Hit);
        }
        if !self.options.link {
            self.put("ARP, ");
        }
        let ipv4 = matches!(protocol, 0x0800 | 0x1000);
        let understood = ipv4 && protocol_len == 4 && hardware_len > 0;
        if !understood || self.verbose(1) {
            match hardware_name(hardware) {
                Some(name) => self.put(name),
                None => self.put_fmt(format_args!("Unknown Hardware ({hardware})")),
            }
            self.put_fmt(format_args!(" (len {hardware_len}), "));
            match names::ether_type(protocol) {
                Some(name) => self.put(name),
                None => self.put_fmt(format_args!("Unknown Protocol (0x{protocol:04x})")),
            }
            self.put_fmt(format_args!(" (len {protocol_len})"));
            if !self.verbose(1) {
                self.put_fmt(format_args!(", length {length}"));
                return Ok(());
            }
            self.put(", ");
        }
        let hardware_at = |at: usize| octets.get(at..at + hardware_len).unwrap_or_default();
        let ip_at = |at| array::<4>(octets, at).map(Ipv4Addr::from);
        let ip = |line: &mut Self, at| {
            if !ipv4 {
                line.put("<wrong proto type>");
            } else if protocol_len == 4 {
                line.address(ip_at(at)?);
            } else {
                line.put("<wrong len>");
            }
            Ok(())
        };
        match operation {
            1 => {
                self.put("Request who-has ");
                ip(self, target_ip)?;
                if hardware_at(target).iter().any(|octet| *octet != 0) {
                    self.put(" (");
                    self.link_address(hardware_at(target));
                    self.put(")");
                }
                self.put(" tell ");
                ip(self, sender_ip)?;
            }
            2 => {
                self.put("Reply ");
                ip(self, sender_ip)?;
                self.put(" is-at ");
                self.link_address(hardware_at(8));
            }
            3 | 8 => {
                self.put(if operation == 3 { "Reverse Request who-is " } else { "Inverse Request who-is " });
                self.link_address(hardware_at(target));
                self.put(" tell ");
                self.link_address(hardware_at(8));
            }
            4 => {
                self.put("Reverse Reply ");
                self.link_address(hardware_at(target));
                self.put(" at ");
                ip(self, target_ip)?;
            }
            9 => {
                self.put("Inverse Reply ");
                self.link_address(hardware_at(8));
                self.put(" at ");
                ip(self, sender_ip)?;
            }
            other => {
                if other == 10 {
                    self.put("NACK Reply ");
                } else {
                    self.put_fmt(format_args!("Unknown ({other}) "));
                }
                hex_and_ascii(upto(octets, length), self.out);
                return Ok(());
            }
        }
        self.put_fmt(format_args!(", length {length}"));
        Ok(())
    }

    /// A link address of any length.
    pub(super) fn link_address(&mut self, address: &[u8]) {
        if let Ok(mac) = <[u8; 6]>::try_from(address) {
            return self.mac(mac);
        }
        if address.is_empty() {
            self.put("<empty>");
        }
        for (at, octet) in address.iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            self.put_fmt(format_args!("{colon}{octet:02x}"));
        }
    }
}

fn hardware_name(hardware: u16) -> Option<&'static str> {
    Some(match hardware {
        1 => "Ethernet",
        6 => "TokenRing",
        7 => "ArcNet",
        15 => "FrameRelay",
        19 => "ATM",
        23 => "Strip",
        24 => "IEEE 1394",
        32 => "InfiniBand",
        _ => return None,
    })
}
