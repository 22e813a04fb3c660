use std::net::Ipv6Addr;

use super::Line;
use super::cut::{Cut, Printed, be16, be32, from, ip6, octet, upto};
use super::dump::hex;
use super::ip::{Ends, right_checksum};
use crate::packet::transport_checksum;

impl Line<'_> {
    pub(super) fn icmp6(&mut self, octets: &[u8], length: usize, ends: &Ends) -> Printed {
        self.protocol = "icmp6";
        if length == 0 {
            self.put("ICMP6, length 0 (invalid)");
            return Ok(());
        }
        let kind = octet(octets, 0)?;
        if self.verbose(1)
            && !ends.fragmented
            && let Some(message) = octets.get(..length)
        {
            let (found, sum) =
                (be16(octets, 2)?, transport_checksum(ends.source, ends.destination, 58, length, message));
            if sum == 0 {
                self.put("[icmp6 sum ok] ");
            } else {
                self.put_fmt(format_args!("[bad icmp6 cksum 0x{found:04x} -> 0x{:04x}!] ", right_checksum(found, sum)));
            }
        }
        match icmp6_name(kind) {
            Some(name) => self.put_fmt(format_args!("ICMP6, {name}")),
            None => self.put_fmt(format_args!("ICMP6, unknown icmp6 type ({kind})")),
        }
        // Those with options on lines of their own have the length in front.
        if self.verbose(1) && matches!(kind, 133..=137 | 145 | 147) {
            self.put_fmt(format_args!(", length {length}"));
        }
        // It quotes a packet, and is not begun without its destination.
        if kind == 4 && octets.len() < 48 {
            return Err(Cut::Seen);
        }
        match kind {
            1 => {
                if !self.icmp6_unreachable(octets)? {
                    if !self.verbose(2) {
                        hex(upto(octets, length), "\n\t", self.out);
                    }
                    return Ok(());
                }
            }
            2..=4 => self.icmp6_error(octets, kind)?,
            128 | 129 => {
                let (id, seq) = (be16(octets, 4)?, be16(octets, 6)?);
                self.put_fmt(format_args!(", id {id}, seq {seq}"));
            }
            130 if length >= 28 => self.mld2_query(octets, length)?,
            130..=132 if octets.len() < 24 => {}
            130..=132 => {
                let delay = be16(octets, 4)?;
                self.put_fmt(format_args!("max resp delay: {delay} addr: "));
                let group = ip6(octets, 8)?;
                self.address(group);
            }
            133 => {
                octet(octets, 3)?;
                self.nd_options(octets, length, 8)?;
            }
            134 => self.router_advertisement(octets, length)?,
            135 => {
                let target = ip6(octets, 8)?;
                self.put(", who has ");
                self.address(target);
                self.nd_options(octets, length, 24)?;
            }
            136 => {
                let target = ip6(octets, 8)?;
                self.put(", tgt is ");
                self.address(target);
                if self.verbose(1) {
                    let flags = be32(octets, 4)?;
                    self.flags(
                        &[(0x8000_0000, "router"), (0x4000_0000, "solicited"), (0x2000_0000, "override")],
                        flags,
                    );
                    self.nd_options(octets, length, 24)?;
                }
            }
            137 => {
                let (target, destination) = (ip6(octets, 8)?, ip6(octets, 24)?);
                self.put(", ");
                self.address(destination);
                self.put(" to ");
                self.address(target);
                self.nd_options(octets, length, 40)?;
            }
            143 => self.mld2_report(octets, length)?,
            _ => {
                self.put_fmt(format_args!(", length {length}"));
                if !self.verbose(2) {
                    hex(upto(octets, length), "\n\t", self.out);
                }
                return Ok(());
            }
        }
        if !self.verbose(1) {
            self.put_fmt(format_args!(", length {length}"));
        }
        Ok(())
    }

    /// Packet too big, time exceeded, parameter problem.
    fn icmp6_error(&mut self, octets: &[u8], kind: u8) -> Printed {
        match kind {
            2 => self.put_fmt(format_args!(", mtu {}", be32(octets, 4)?)),
            3 => match octet(octets, 1)? {
                0 => {
                    let to = ip6(octets, 8 + 24)?;
                    self.put(" for ");
                    self.address(to);
                }
                1 => self.put(" (reassembly)"),
                other => self.put_fmt(format_args!(", unknown code ({other})")),
            },
            _ => {
                let pointer = be32(octets, 4)?;
                match octet(octets, 1)? {
                    0 => self.put(", erroneous"),
                    1 => self.put(", next header"),
                    2 => self.put(", option"),
                    3 => self.put(", incomplete header chain"),
                    other => self.put_fmt(format_args!(", code-#{other}")),
                }
                if octet(octets, 1)? < 4 {
                    self.put_fmt(format_args!(" - octet {pointer}"));
                }
            }
        }
        Ok(())
    }

    /// `false` for a code that is not known.
    fn icmp6_unreachable(&mut self, octets: &[u8]) -> Result<bool, Cut> {
        let code = octet(octets, 1)?;
        self.put(match code {
            0 => ", unreachable route",
            1 => ",  unreachable prohibited",
            2 => ", beyond scope",
            3 => ", unreachable address",
            4 => ", unreachable port",
            other => {
                self.put_fmt(format_args!(", unknown unreach code ({other})"));
                return Ok(false);
            }
        });
        match code {
            2 => {
                let (source, destination) = (ip6(octets, 16)?, ip6(octets, 32)?);
                self.put(" ");
                self.address(destination);
                self.put(", source address ");
                self.address(source);
            }
            4 => {
                let to = ip6(octets, 32)?;
                let (protocol, at) = upper_layer(from(octets, 8)).map_err(|_| Cut::Seen)?;
                let port = be16(octets, 8 + at + 2).map_err(|_| Cut::Seen)?;
                self.put(", ");
                self.address(to);
                match protocol {
                    6 => self.put(" tcp port "),
                    17 => self.put(" udp port "),
                    other => {
                        self.put_fmt(format_args!(" protocol {other} port {port} unreachable"));
                        return Ok(true);
                    }
                }
                self.port(port);
            }
            _ => {
                let to = ip6(octets, 32)?;
                self.put(" ");
                self.address(to);
            }
        }
        Ok(true)
    }

    /// `, Flags [a, b]`.
    fn flags(&mut self, names: &[(u32, &str)], flags: u32) {
        self.put(", Flags [");
        let mut separator = "";
        for (_, name) in names.iter().filter(|(bit, _)| flags & bit != 0) {
            self.put_fmt(format_args!("{separator}{name}"));
            separator = ", ";
        }
        self.put(if separator.is_empty() { "none]" } else { "]" });
    }

    fn router_advertisement(&mut self, octets: &[u8], length: usize) -> Printed {
        if !self.verbose(1) {
            return Ok(());
        }
        let (hops, flags, lifetime) = (octet(octets, 4)?, octet(octets, 5)?, be16(octets, 6)?);
        let (reachable, retrans) = (be32(octets, 8)?, be32(octets, 12)?);
        self.put_fmt(format_args!("\n\thop limit {hops}"));
        let names = [(0x80, "managed"), (0x40, "other stateful"), (0x20, "home agent"), (0x04, "ND proxy")];
        self.flags(&names, flags.into());
        let preference = preference(flags);
        self.put_fmt(format_args!(", pref {preference}, router lifetime {lifetime}s"));
        self.put_fmt(format_args!(", reachable time {reachable}ms, retrans timer {retrans}ms"));
        self.nd_options(octets, length, 16)
    }

    /// The options of neighbour discovery, from `at` on, each on a line; only with `-v`.
    fn nd_options(&mut self, octets: &[u8], length: usize, at: usize) -> Printed {
        if !self.verbose(1) {
            return Ok(());
        }
        let mut left = length.saturating_sub(at);
        let mut octets = from(octets, at);
        while left > 0 && !octets.is_empty() {
            let (kind, len) = (octet(octets, 0)?, usize::from(octet(octets, 1)?) * 8);
            if len == 0 {
                return Err(Cut::Seen);
            }
            octet(octets, len - 1)?;
            let option = upto(octets, len);
            let name = nd_option_name(kind).unwrap_or("unknown");
            self.put_fmt(format_args!("\n\t  {name} option ({kind}), length {len} ({}): ", len / 8));
            self.nd_option(kind, option)?;
            if self.verbose(2) {
                hex(from(option, 2), "\n\t    ", self.out);
            }
            (octets, left) = (from(octets, len), left.saturating_sub(len));
        }
        Ok(())
    }

    fn nd_option(&mut self, kind: u8, option: &[u8]) -> Printed {
        match kind {
            1 | 2 => self.link_address(from(option, 2)),
            3 => {
                let (prefix_len, flags) = (octet(option, 2)?, octet(option, 3)?);
                let (valid, preferred) = (be32(option, 4)?, be32(option, 8)?);
                let prefix = ip6(option, 16)?;
                self.address(prefix);
                self.put_fmt(format_args!("/{prefix_len}"));
                self.flags(&[(0x80, "onlink"), (0x40, "auto"), (0x20, "router")], flags.into());
                self.put(", valid time ");
                self.lifetime(valid);
                self.put(", pref. time ");
                self.lifetime(preferred);
            }
            5 => {
                let mtu = be32(option, 4)?;
                let short = if option.len() == 8 { "" } else { ", bad option length" };
                self.put_fmt(format_args!(" {mtu}{short}"));
            }
            24 => {
                let (prefix_len, flags, lifetime) = (octet(option, 2)?, octet(option, 3)?, be32(option, 4)?);
                let mut prefix = [0; 16];
                for (to, from) in prefix.iter_mut().zip(from(option, 8)) {
                    *to = *from;
                }
                self.put(" ");
                self.address(Ipv6Addr::from(prefix));
                let preference = preference(flags);
                self.put_fmt(format_args!("/{prefix_len}, pref={preference}, lifetime="));
                self.lifetime(lifetime);
            }
            25 => {
                let lifetime = be32(option, 4)?;
                self.put(" lifetime ");
                self.lifetime(lifetime);
                self.put(",");
                for at in (8..option.len()).step_by(16) {
                    let Ok(server) = ip6(option, at) else { break };
                    self.put(" addr: ");
                    self.address(server);
                }
            }
            31 => {
                let lifetime = be32(option, 4)?;
                self.put(" lifetime ");
                self.lifetime(lifetime);
                self.put(", domain(s):");
                self.search_list(from(option, 8));
            }
            _ if self.verbose(2) => {}
            _ => hex(from(option, 2), "\n\t  ", self.out),
        }
        Ok(())
    }

    /// Domain names as DNS encodes them, without compression (RFC 8106 section 5.2).
    fn search_list(&mut self, mut octets: &[u8]) {
        while let Some((&len, rest)) = octets.split_first().filter(|(len, _)| **len > 0) {
            self.put(" ");
            let (mut len, mut rest) = (usize::from(len), rest);
            while len > 0 {
                let Some(label) = rest.get(..len) else { return };
                for octet in label {
                    self.put_fmt(format_args!("{}", if octet.is_ascii_graphic() { char::from(*octet) } else { '.' }));
                }
                self.put(".");
                rest = from(rest, len);
                let Some((&next, behind)) = rest.split_first() else { return };
                (len, rest) = (usize::from(next), behind);
            }
            octets = rest;
        }
    }

    fn lifetime(&mut self, seconds: u32) {
        if seconds == u32::MAX {
            self.put("infinity");
        } else {
            self.put_fmt(format_args!("{seconds}s"));
        }
    }

    fn mld2_query(&mut self, octets: &[u8], length: usize) -> Printed {
        let code = u32::from(be16(octets, 4)?);
        let sources = usize::from(be16(octets, 26)?);
        let group = ip6(octets, 8)?;
        self.put(" v2");
        if self.verbose(1) {
            let delay = if code < 32768 { code } else { ((code & 0x0fff) | 0x1000) << (((code & 0x7000) >> 12) + 3) };
            self.put_fmt(format_args!(" [max resp delay={delay}]"));
        }
        self.put(" [gaddr ");
        self.address(group);
        if self.verbose(1) {
            let (flags, interval) = (octet(octets, 24)?, u32::from(octet(octets, 25)?));
            if flags & 0x08 != 0 {
                self.put(" sflag");
            }
            if flags & 0x07 != 0 {
                self.put_fmt(format_args!(" robustness={}", flags & 0x07));
            }
            let interval =
                if interval < 128 { interval } else { ((interval & 0x0f) | 0x10) << (((interval & 0x70) >> 4) + 3) };
            self.put_fmt(format_args!(" qqi={interval}"));
        }
        if sources > 0 {
            if length < 28 + sources * 16 {
                self.put(" [invalid number of sources]");
            } else {
                self.mld2_sources(octets, 28, sources)?;
            }
        }
        self.put("]");
        Ok(())
    }

    /// The sources of a query or of a record, from `at` on: with `-vv` each by itself.
    fn mld2_sources(&mut self, octets: &[u8], at: usize, sources: usize) -> Printed {
        if !self.verbose(2) {
            self.put_fmt(format_args!(", {sources} source(s)"));
            return Ok(());
        }
        self.put(" {");
        for number in 0..sources {
            let source = ip6(octets, at + number * 16)?;
            self.put(" ");
            self.address(source);
        }
        self.put(" }");
        Ok(())
    }

    fn mld2_report(&mut self, octets: &[u8], length: usize) -> Printed {
        if length < 8 {
            self.put(" [invalid length]");
            return Ok(());
        }
        let records = be16(octets, 6)?;
        self.put_fmt(format_args!(", {records} group record(s)"));
        if !self.verbose(1) {
            return Ok(());
        }
        let mut at = 8;
        for _ in 0..records {
            if length < at + 20 {
                self.put(" [invalid number of groups]");
                return Ok(());
            }
            let group = ip6(octets, at + 4)?;
            self.put(" [gaddr ");
            self.address(group);
            let kind = octet(octets, at)?;
            match kind {
                1 => self.put(" is_in"),
                2 => self.put(" is_ex"),
                3 => self.put(" to_in"),
                4 => self.put(" to_ex"),
                5 => self.put(" allow"),
                6 => self.put(" block"),
                other => self.put_fmt(format_args!(" [v2-report-#{other}]")),
            }
            let sources = usize::from(be16(octets, at + 2)?);
            if length < at + 20 + sources * 16 {
                self.put_fmt(format_args!(" [invalid number of sources {sources}]"));
                return Ok(());
            }
            self.mld2_sources(octets, at + 20, sources)?;
            self.put("]");
            at += 20 + sources * 16;
        }
        Ok(())
    }
}

/// The transport of a quoted IPv6 packet, and where it begins.
fn upper_layer(packet: &[u8]) -> Result<(u8, usize), Cut> {
    let (mut next, mut at) = (octet(packet, 6)?, 40);
    loop {
        match next {
            6 | 17 => return Ok((next, at)),
            0 | 43 | 60 => {
                next = octet(packet, at)?;
                at += (usize::from(octet(packet, at + 1)?) + 1) * 8;
            }
            44 if be16(packet, at + 2)? & 0xfff8 == 0 => {
                next = octet(packet, at)?;
                at += 8;
            }
            _ => return Err(Cut::Seen),
        }
    }
}

fn preference(flags: u8) -> &'static str {
    ["medium", "high", "rsv", "low"][usize::from((flags >> 3) & 3)]
}

fn icmp6_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 => "destination unreachable",
        2 => "packet too big",
        3 => "time exceeded in-transit",
        4 => "parameter problem",
        128 => "echo request",
        129 => "echo reply",
        130 => "multicast listener query",
        131 => "multicast listener report",
        132 => "multicast listener done",
        133 => "router solicitation",
        134 => "router advertisement",
        135 => "neighbor solicitation",
        136 => "neighbor advertisement",
        137 => "redirect",
        138 => "router renumbering",
        139 => "who-are-you request",
        140 => "who-are-you reply",
        141 => "inverse neighbor solicitation",
        142 => "inverse neighbor advertisement",
        143 => "multicast listener report v2",
        144 => "ha discovery request",
        145 => "ha discovery reply",
        146 => "mobile router solicitation",
        147 => "mobile router advertisement",
        200 => "mtrace response",
        201 => "mtrace message",
        _ => return None,
    })
}

fn nd_option_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 => "source link-address",
        2 => "destination link-address",
        3 => "prefix info",
        4 => "redirected header",
        5 => "mtu",
        7 => "advertisement interval",
        8 => "homeagent information",
        24 => "route info",
        25 => "rdnss",
        31 => "dnssl",
        _ => return None,
    })
}
