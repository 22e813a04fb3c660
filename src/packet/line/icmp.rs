use std::net::Ipv4Addr;

use super::Line;
use super::cut::{Cut, Printed, array, be16, be32, from, octet, upto};
use super::ip::right_checksum;
use crate::packet::checksum;

impl Line<'_> {
    pub(super) fn icmp(&mut self, octets: &[u8], length: usize, fragmented: bool) -> Printed {
        self.protocol = "icmp";
        let (kind, code) = (octet(octets, 0)?, octet(octets, 1)?);
        let begin = self.out.len();
        self.put("ICMP ");
        if let Err(cut) = self.icmp_message(octets, kind, code) {
            // What cannot be said whole is not begun.
            self.out.truncate(begin);
            return Err(cut);
        }
        self.put_fmt(format_args!(", length {length}"));
        if self.verbose(1)
            && !fragmented
            && let Some(message) = octets.get(..length)
        {
            let sum = checksum(message);
            if sum != 0 {
                let found = be16(octets, 2)?;
                self.put_fmt(format_args!(" (wrong icmp cksum {found:x} (->{:x})!)", right_checksum(found, sum)));
            }
        }
        if self.verbose(1) && matches!(kind, 3 | 4 | 5 | 11 | 12) {
            self.put("\n\t");
            let quoted = from(octets, 8);
            self.protocol = "icmp";
            let total = usize::from(be16(quoted, 2)?);
            // tcpdump reads the length again after it cut the octets to it.
            be16(upto(quoted, total), 2)?;
            return self.nested(|line| line.ip(upto(quoted, total), total));
        }
        Ok(())
    }

    fn icmp_message(&mut self, octets: &[u8], kind: u8, code: u8) -> Printed {
        match kind {
            0 | 8 => {
                let (id, seq) = (be16(octets, 4)?, be16(octets, 6)?);
                let word = if kind == 8 { "request" } else { "reply" };
                self.put_fmt(format_args!("echo {word}, id {id}, seq {seq}"));
            }
            3 => self.icmp_unreachable(octets, code)?,
            5 => {
                let (destination, gateway) = (Ipv4Addr::from(array(octets, 24)?), Ipv4Addr::from(array(octets, 4)?));
                match code {
                    0 => self.put_fmt(format_args!("redirect {destination} to net {gateway}")),
                    1 => self.put_fmt(format_args!("redirect {destination} to host {gateway}")),
                    2 => self.put_fmt(format_args!("redirect-tos {destination} to net {gateway}")),
                    3 => self.put_fmt(format_args!("redirect-tos {destination} to host {gateway}")),
                    other => self.put_fmt(format_args!("redirect-#{other} {destination} to {gateway}")),
                }
            }
            4 => self.put("source quench"),
            9 => self.icmp_router_advertisement(octets)?,
            10 => self.put("router solicitation"),
            11 => {
                array::<4>(octets, 24).map_err(|_| Cut::Seen)?;
                match code {
                    0 => self.put("time exceeded in-transit"),
                    1 => self.put("ip reassembly time exceeded"),
                    other => self.put_fmt(format_args!("time exceeded-#{other}")),
                }
            }
            12 if code > 0 => self.put_fmt(format_args!("parameter problem - code {code}")),
            12 => {
                let pointer = octet(octets, 4)?;
                self.put_fmt(format_args!("parameter problem - octet {pointer}"));
            }
            13 => {
                let (id, seq) = (be16(octets, 4)?, be16(octets, 6)?);
                self.put_fmt(format_args!("time stamp query id {id} seq {seq}"));
            }
            14 => {
                let (id, seq) = (be16(octets, 4)?, be16(octets, 6)?);
                let [origin, received, sent] = [be32(octets, 8)?, be32(octets, 12)?, be32(octets, 16)?].map(of_day);
                self.put_fmt(format_args!("time stamp reply id {id} seq {seq}: "));
                self.put_fmt(format_args!("org {origin}, recv {received}, xmit {sent}"));
            }
            15 => self.put("information request"),
            16 => self.put("information reply"),
            17 => self.put("address mask request"),
            18 => {
                let mask = be32(octets, 8)?;
                self.put_fmt(format_args!("address mask is 0x{mask:08x}"));
            }
            other => self.put_fmt(format_args!("type-#{other}")),
        }
        Ok(())
    }

    fn icmp_unreachable(&mut self, octets: &[u8], code: u8) -> Printed {
        let to = Ipv4Addr::from(array(octets, 24)?);
        match code {
            0 => self.put_fmt(format_args!("net {to} unreachable")),
            1 => self.put_fmt(format_args!("host {to} unreachable")),
            2 => {
                let protocol = octet(octets, 17)?;
                self.put_fmt(format_args!("{to} protocol {protocol} unreachable"));
            }
            3 => {
                let (header_len, protocol) = (usize::from(octet(octets, 8)? & 0xf) * 4, octet(octets, 17)?);
                let port = be16(octets, 8 + header_len + 2)?;
                match protocol {
                    6 => self.put_fmt(format_args!("{to} tcp port ")),
                    17 => self.put_fmt(format_args!("{to} udp port ")),
                    other => {
                        self.put_fmt(format_args!("{to} protocol {other} port {port} unreachable"));
                        return Ok(());
                    }
                }
                self.port(port);
                self.put(" unreachable");
            }
            4 => match be16(octets, 6)? {
                0 => self.put_fmt(format_args!("{to} unreachable - need to frag")),
                mtu => self.put_fmt(format_args!("{to} unreachable - need to frag (mtu {mtu})")),
            },
            5 => self.put_fmt(format_args!("{to} unreachable - source route failed")),
            6 => self.put_fmt(format_args!("net {to} unreachable - unknown")),
            7 => self.put_fmt(format_args!("host {to} unreachable - unknown")),
            8 => self.put_fmt(format_args!("{to} unreachable - source host isolated")),
            9 => self.put_fmt(format_args!("net {to} unreachable - admin prohibited")),
            10 => self.put_fmt(format_args!("host {to} unreachable - admin prohibited")),
            11 => self.put_fmt(format_args!("net {to} unreachable - tos prohibited")),
            12 => self.put_fmt(format_args!("host {to} unreachable - tos prohibited")),
            13 => self.put_fmt(format_args!("host {to} unreachable - admin prohibited filter")),
            14 => self.put_fmt(format_args!("host {to} unreachable - host precedence violation")),
            15 => self.put_fmt(format_args!("host {to} unreachable - precedence cutoff")),
            other => self.put_fmt(format_args!("{to} unreachable - #{other}")),
        }
        Ok(())
    }

    fn icmp_router_advertisement(&mut self, octets: &[u8]) -> Printed {
        let (count, size, lifetime) = (octet(octets, 4)?, octet(octets, 5)?, be16(octets, 6)?);
        self.put("router advertisement lifetime ");
        let (hours, minutes, seconds) = (lifetime / 3600, lifetime / 60 % 60, lifetime % 60);
        match lifetime {
            0..60 => self.put_fmt(format_args!("{seconds}")),
            60..3600 => self.put_fmt(format_args!("{minutes}:{seconds:02}")),
            _ => self.put_fmt(format_args!("{hours}:{minutes:02}:{seconds:02}")),
        }
        self.put_fmt(format_args!(" {count}:"));
        if size != 2 {
            self.put_fmt(format_args!(" [size {size}]"));
            return Ok(());
        }
        for number in 0..usize::from(count) {
            let router = Ipv4Addr::from(array(octets, 8 + number * 8)?);
            let preference = be32(octets, 12 + number * 8)?;
            self.put_fmt(format_args!(" {{{router} {preference}}}"));
        }
        Ok(())
    }
}

/// Milliseconds since midnight.
fn of_day(milliseconds: u32) -> String {
    let seconds = milliseconds / 1000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}", seconds % 60, milliseconds % 1000)
}
