use std::collections::HashMap;
use std::net::IpAddr;

use super::Line;
use super::cut::{Cut, Printed, be16, be32, from, octet};
use super::ip::{Ends, right_checksum};
use crate::packet::transport_checksum;

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;
const URG: u8 = 0x20;

/// The first sequence numbers of each conversation: in the direction of its key, and in the other.
pub(super) type Flows = HashMap<Flow, (u32, u32)>;

/// How many conversations are remembered at a time; a capture with more of them begins anew.
const MOST_FLOWS: usize = 1 << 16;

/// A conversation, whatever its direction: the end with the lower port first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Flow {
    low: (u16, IpAddr),
    high: (u16, IpAddr),
}

impl Line<'_> {
    pub(super) fn tcp(&mut self, octets: &[u8], length: usize, ends: &Ends) -> Printed {
        self.protocol = "tcp";
        let (Ok(source), Ok(destination)) = (be16(octets, 0), be16(octets, 2)) else {
            self.address(ends.source);
            self.put(" > ");
            self.address(ends.destination);
            self.put(": [|tcp]");
            return Ok(());
        };
        self.transport_ends(ends, 6, source, destination);
        if octets.len() < 20 {
            return Err(Cut::Seen);
        }
        let header_len = usize::from(octet(octets, 12)? >> 4) * 4;
        if header_len < 20 {
            let rest = length.wrapping_sub(header_len) as u32;
            self.put_fmt(format_args!(" tcp {rest} [bad hdr length {header_len} - too short, < 20]"));
            return Ok(());
        }
        if self.options.quiet {
            let rest = length.wrapping_sub(header_len) as u32;
            self.put_fmt(format_args!("tcp {rest}"));
            if header_len > length {
                self.put_fmt(format_args!(" [bad hdr length {header_len} - too long, > {length}]"));
            }
            return Ok(());
        }
        let flags = octet(octets, 13)?;
        self.tcp_flags(flags);
        let (mut seq, mut ack) = (be32(octets, 4)?, be32(octets, 8)?);
        let mut sack_base = 0;
        if !self.options.absolute_seq && flags & ACK != 0 {
            (seq, ack, sack_base) =
                self.relative((ends.source, source), (ends.destination, destination), flags, seq, ack);
        }
        if header_len > length {
            self.put_fmt(format_args!(" [bad hdr length {header_len} - too long, > {length}]"));
            return Ok(());
        }
        if self.verbose(1)
            && !ends.fragmented
            && let Some(segment) = octets.get(..length)
        {
            let (found, sum) = (be16(octets, 16)?, transport_checksum(ends.source, ends.last_hop, 6, length, segment));
            self.put_fmt(format_args!(", cksum 0x{found:04x}"));
            if sum == 0 {
                self.put(" (correct)");
            } else {
                self.put_fmt(format_args!(" (incorrect -> 0x{:04x})", right_checksum(found, sum)));
            }
        }
        let data_len = length - header_len;
        if self.verbose(2) || data_len > 0 || flags & 0x07 != 0 {
            self.put_fmt(format_args!(", seq {seq}"));
            if data_len > 0 {
                self.put_fmt(format_args!(":{}", seq.wrapping_add(data_len as u32)));
            }
        }
        if flags & ACK != 0 {
            self.put_fmt(format_args!(", ack {ack}"));
        }
        self.put_fmt(format_args!(", win {}", be16(octets, 14)?));
        if flags & URG != 0 {
            self.put_fmt(format_args!(", urg {}", be16(octets, 18)?));
        }
        if header_len > 20 {
            self.put(", options [");
            if self.tcp_options(from(octets, 20), header_len - 20, sack_base)? {
                return Ok(());
            }
            self.put("]");
        }
        self.put_fmt(format_args!(", length {data_len}"));
        if data_len == 0 {
            return Ok(());
        }
        let data = from(octets, header_len);
        if flags & RST != 0 && self.verbose(1) {
            self.reset_text(data, data_len);
            return Ok(());
        }
        let on = |port| source == port || destination == port;
        if on(80) || on(8080) {
            self.http(data, data_len)?;
        } else if on(22) {
            self.ssh(data, data_len)?;
        }
        Ok(())
    }

    fn tcp_flags(&mut self, flags: u8) {
        self.put("Flags [");
        for (bit, letter) in
            [(0x01, "F"), (0x02, "S"), (0x04, "R"), (0x08, "P"), (0x10, "."), (0x20, "U"), (0x40, "E"), (0x80, "W")]
        {
            if flags & bit != 0 {
                self.put(letter);
            }
        }
        self.put(if flags == 0 { "none]" } else { "]" });
    }

    /// Sequence and acknowledgment number relative to the first of the conversation, and what selective
    /// acknowledgments are relative to.
    fn relative(
        &mut self,
        source: (IpAddr, u16),
        destination: (IpAddr, u16),
        flags: u8,
        seq: u32,
        ack: u32,
    ) -> (u32, u32, u32) {
        let (from, to) = ((source.1, source.0), (destination.1, destination.0));
        let reversed = from > to;
        let flow = if reversed { Flow { low: to, high: from } } else { Flow { low: from, high: to } };
        let known = self.flows.get(&flow).copied().filter(|_| flags & SYN == 0);
        let (first, other) =
            known.unwrap_or(if reversed { (ack.wrapping_sub(1), seq) } else { (seq, ack.wrapping_sub(1)) });
        if known.is_none() {
            if self.flows.len() >= MOST_FLOWS {
                self.flows.clear();
            }
            self.flows.insert(flow, (first, other));
        }
        let (mine, theirs) = if reversed { (other, first) } else { (first, other) };
        if known.is_some() { (seq.wrapping_sub(mine), ack.wrapping_sub(theirs), theirs) } else { (seq, ack, theirs) }
    }

    /// The options; `true` when a bad or cut one ended the line.
    fn tcp_options(&mut self, mut octets: &[u8], mut left: usize, sack_base: u32) -> Result<bool, Cut> {
        // tcpdump closes options that end badly, unless the first of them does; in its own way for each.
        let (mut separator, mut close_bad, mut close_cut) = ("", "", "");
        while left > 0 {
            self.put(separator);
            let kind = octet(octets, 0)?;
            let mut len = 1;
            if kind > 1 {
                len = usize::from(octet(octets, 1)?);
                if len < 2 || len > left {
                    self.put_fmt(format_args!("[bad opt]{close_bad}"));
                    return Ok(true);
                }
            }
            let data_at = if kind > 1 { 2 } else { 1 };
            let data = from(octets, data_at);
            let read = match self.tcp_option(kind, data, left - data_at, len.saturating_sub(2), sack_base) {
                Ok(Some(read)) => read,
                Ok(None) => {
                    self.put_fmt(format_args!("[bad opt]{close_bad}"));
                    return Ok(true);
                }
                Err(_) => {
                    self.put_fmt(format_args!(" [|tcp]{close_cut}"));
                    return Ok(true);
                }
            };
            if read + data_at != len {
                self.put_fmt(format_args!("[len {len}]"));
            }
            if kind == 0 {
                break;
            }
            (octets, left) = (from(octets, data_at + read), left - data_at - read);
            (separator, close_bad, close_cut) = (",", "]", ">");
        }
        Ok(false)
    }

    /// One option: `data_len` octets of data by its own length, `has` that the header leaves it. Returns how many were
    /// read, `None` when there are not enough.
    fn tcp_option(
        &mut self,
        kind: u8,
        data: &[u8],
        has: usize,
        data_len: usize,
        sack_base: u32,
    ) -> Result<Option<usize>, Cut> {
        match tcp_option_name(kind) {
            Some(name) => self.put(name),
            None => self.put_fmt(format_args!("unknown-{kind}")),
        }
        let fixed = match kind {
            2 | 28 => 2,
            3 => 1,
            6 | 7 | 11 | 12 | 13 => 4,
            8 => 8,
            19 => 16,
            _ => 0,
        };
        if fixed > has {
            return Ok(None);
        }
        if data.len() < fixed {
            return Err(Cut::Seen);
        }
        match kind {
            0 | 1 | 4 => {}
            2 => self.put_fmt(format_args!(" {}", be16(data, 0)?)),
            3 => self.put_fmt(format_args!(" {}", octet(data, 0)?)),
            6 | 7 | 11 | 12 | 13 => self.put_fmt(format_args!(" {}", be32(data, 0)?)),
            8 => self.put_fmt(format_args!(" val {} ecr {}", be32(data, 0)?, be32(data, 4)?)),
            28 => {
                let timeout = be16(data, 0)?;
                self.put_fmt(format_args!(" 0x{timeout:x}"));
                // tcpdump takes the lowest bit for the one that says minutes (RFC 5482 has it at the top).
                let seconds = u32::from(timeout >> 1) * if timeout & 1 == 0 { 1 } else { 60 };
                self.put_fmt(format_args!(" {seconds}"));
            }
            5 if !data_len.is_multiple_of(8) => {
                self.put(" invalid sack");
                return Ok(Some(data_len));
            }
            5 => {
                self.put_fmt(format_args!(" {} ", data_len / 8));
                for at in (0..data_len).step_by(8) {
                    let (left, right) = (be32(data, at)?, be32(data, at + 4)?);
                    self.put_fmt(format_args!(
                        "{{{}:{}}}",
                        left.wrapping_sub(sack_base),
                        right.wrapping_sub(sack_base)
                    ));
                }
                return Ok(Some(data_len));
            }
            19 => {
                self.put(" shared secret not supplied with -M, can't check - ");
                self.hex_octets(data.get(..16).ok_or(Cut::Hit)?);
            }
            34 => {
                if data_len == 0 {
                    self.put(" cookiereq");
                } else if !data_len.is_multiple_of(2) || !(4..=16).contains(&data_len) {
                    self.put(" invalid");
                } else {
                    self.put("  cookie ");
                    self.hex_octets(data.get(..data_len).ok_or(Cut::Hit)?);
                }
                return Ok(Some(data_len));
            }
            253 | 254 => {
                if data_len < 2 {
                    return Ok(None);
                }
                self.put_fmt(format_args!("{:04x}", be16(data, 0)?));
                if data_len > 2 {
                    self.put(" 0x");
                    self.hex_octets(data.get(2..data_len).ok_or(Cut::Hit)?);
                }
                return Ok(Some(data_len));
            }
            _ => {
                if data_len > 0 {
                    self.put(" 0x");
                    self.hex_octets(data.get(..data_len).ok_or(Cut::Hit)?);
                }
                return Ok(Some(data_len));
            }
        }
        Ok(Some(fixed))
    }

    pub(super) fn hex_octets(&mut self, octets: &[u8]) {
        for octet in octets {
            self.put_fmt(format_args!("{octet:02x}"));
        }
    }

    /// The text that a RST may carry.
    fn reset_text(&mut self, data: &[u8], length: usize) {
        self.put(if length > 30 { " [RST+ " } else { " [RST " });
        for at in 0..length.min(30) {
            let Some(&octet) = data.get(at) else { break };
            self.visible(octet);
        }
        self.put("]");
    }

    fn visible(&mut self, octet: u8) {
        let mut low = octet;
        if octet >= 0x80 {
            self.put("M-");
            low &= 0x7f;
        }
        if low.is_ascii_graphic() || low == b' ' {
            self.put_fmt(format_args!("{}", char::from(low)));
        } else {
            self.put_fmt(format_args!("^{}", char::from(low ^ 0x40)));
        }
    }
}

fn tcp_option_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        0 => "eol",
        1 => "nop",
        2 => "mss",
        3 => "wscale",
        4 => "sackOK",
        5 => "sack",
        6 => "echo",
        7 => "echoreply",
        8 => "TS",
        11 => "cc",
        12 => "ccnew",
        13 => "ccecho",
        19 => "md5",
        20 => "scps",
        28 => "uto",
        29 => "tcp-ao",
        30 => "mptcp",
        34 => "tfo",
        253 | 254 => "exp-",
        _ => return None,
    })
}
