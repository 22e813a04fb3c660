use super::Line;
use super::cut::{Cut, Printed, be16, be32, from, octet};
use crate::packet::EspHeader;

impl Line<'_> {
    pub(super) fn esp(&mut self, octets: &[u8], length: usize) -> Printed {
        self.protocol = "esp";
        // tcpdump wants one octet behind the header before it prints.
        let esp = EspHeader::read(octets).filter(|_| octets.len() > EspHeader::LEN).ok_or(Cut::Seen)?;
        self.put_fmt(format_args!("ESP(spi={},seq=0x{:x}), length {length}", esp.spi, esp.seq));
        Ok(())
    }

    /// An Authentication Header; returns the next header and the length in octets.
    pub(super) fn ah(&mut self, octets: &[u8]) -> Result<(u8, usize), Cut> {
        self.protocol = "ah";
        let (next, len) = (octet(octets, 0)?, octet(octets, 1)?);
        let header_len = (usize::from(len) + 2) * 4;
        self.put("AH(");
        if self.verbose(1) {
            self.put_fmt(format_args!("length={len}({header_len}-bytes),"));
        }
        let reserved = be16(octets, 2)?;
        if reserved != 0 {
            self.put("reserved[not MBZ],");
        }
        let spi = be32(octets, 4)?;
        self.put_fmt(format_args!("spi=0x{spi:08x},"));
        let seq = be32(octets, 8)?;
        self.put_fmt(format_args!("seq=0x{seq:x},icv=0x"));
        let icv = octets.get(12..header_len.max(12)).ok_or(Cut::Hit)?;
        for octet in icv {
            self.put_fmt(format_args!("{octet:02x}"));
        }
        self.put("): ");
        Ok((next, header_len))
    }

    /// UDP port 4500 (RFC 3948): a keepalive, IKE behind a non-ESP marker, or ESP.
    pub(super) fn nat_t(&mut self, octets: &[u8], length: usize) -> Printed {
        self.protocol = "isakmp_rfc3948";
        if length == 1 && octet(octets, 0)? == 0xff {
            self.put("isakmp-nat-keep-alive");
            return Ok(());
        }
        if length < 4 {
            return Err(Cut::Seen);
        }
        if be32(octets, 0)? == 0 {
            self.put("NONESP-encap: ");
            return self.isakmp(from(octets, 4), length - 4);
        }
        self.put("UDP-encap: ");
        self.esp(octets, length)
    }

    /// The header of IKE; its payloads are not printed.
    pub(super) fn isakmp(&mut self, octets: &[u8], length: usize) -> Printed {
        self.protocol = "isakmp";
        if octets.len() < 28 {
            return Err(Cut::Seen);
        }
        let (next, version, exchange) = (octet(octets, 16)?, octet(octets, 17)?, octet(octets, 18)?);
        let (flags, message, said) = (octet(octets, 19)?, be32(octets, 20)?, be32(octets, 24)?);
        let responder = octets.get(8..16).ok_or(Cut::Hit)?;
        self.put("isakmp");
        if self.verbose(1) {
            self.put_fmt(format_args!(" {}.{} msgid {message:08x}", version >> 4, version & 0xf));
        }
        if self.verbose(2) {
            self.put(" cookie ");
            self.hex_octets(octets.get(..8).ok_or(Cut::Hit)?);
            self.put("->");
            self.hex_octets(responder);
        }
        self.put(":");
        match version >> 4 {
            1 => {
                self.put(if message == 0 { " phase 1" } else { " phase 2/others" });
                self.put(if responder.iter().all(|octet| *octet == 0) { " I" } else { " ?" });
                match ike1_exchange(exchange) {
                    Some(name) => self.put_fmt(format_args!(" {name}")),
                    None => self.put_fmt(format_args!(" #{exchange}")),
                }
                if flags != 0 {
                    let encrypted = if flags & 1 == 0 { "" } else { "E" };
                    let commit = if flags & 2 == 0 { "" } else { "C" };
                    self.put_fmt(format_args!("[{encrypted}{commit}]"));
                }
                if flags & 1 != 0 && self.verbose(1) {
                    match ike1_payload(next) {
                        Some(name) => self.put_fmt(format_args!(": [encrypted {name}]")),
                        None => self.put_fmt(format_args!(": [encrypted #{next}]")),
                    }
                }
            }
            2 => {
                self.put(if message == 0 { " parent_sa " } else { " child_sa  " });
                match ike2_exchange(exchange) {
                    Some(name) => self.put(name),
                    None => self.put_fmt(format_args!("#{exchange}")),
                }
                if flags != 0 {
                    let initiator = if flags & 0x08 == 0 { "" } else { "I" };
                    let version = if flags & 0x10 == 0 { "" } else { "V" };
                    let response = if flags & 0x20 == 0 { "" } else { "R" };
                    self.put_fmt(format_args!("[{initiator}{version}{response}]"));
                }
            }
            _ => {}
        }
        if self.verbose(1) && said as usize != length && version >> 4 == 1 {
            self.put_fmt(format_args!(" (len mismatch: isakmp {said}/ip {length})"));
        }
        Ok(())
    }
}

fn ike1_exchange(exchange: u8) -> Option<&'static str> {
    Some(match exchange {
        0 => "none",
        1 => "base",
        2 => "ident",
        3 => "auth",
        4 => "agg",
        5 => "inf",
        32 => "oakley-quick",
        33 => "oakley-newgroup",
        _ => return None,
    })
}

fn ike1_payload(payload: u8) -> Option<&'static str> {
    Some(match payload {
        0 => "none",
        1 => "sa",
        2 => "p",
        3 => "t",
        4 => "ke",
        5 => "id",
        6 => "cert",
        7 => "cr",
        8 => "hash",
        9 => "sig",
        10 => "nonce",
        11 => "n",
        12 => "d",
        13 => "vid",
        14 => "pay14",
        15 => "pay15",
        16 => "pay16",
        _ => return None,
    })
}

fn ike2_exchange(exchange: u8) -> Option<&'static str> {
    Some(match exchange {
        34 => "ikev2_init",
        35 => "ikev2_auth",
        36 => "child_sa",
        37 => "inf2",
        _ => return None,
    })
}
