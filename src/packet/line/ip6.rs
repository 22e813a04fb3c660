use std::net::Ipv6Addr;

use super::cut::{Cut, Printed, array, be16, be32, from, octet, upto};
use super::ip::{Ends, has_ports};
use super::{Line, names};

impl Line<'_> {
    pub(super) fn ip6(&mut self, octets: &[u8], length: usize) -> Printed {
        self.protocol = "ip6";
        if octets.len() < 40 {
            return Err(Cut::Seen);
        }
        if length < 40 {
            self.put_fmt(format_args!("truncated-ip6 {length}"));
            return Ok(());
        }
        if !self.options.link {
            self.put("IP6 ");
        }
        let version = octet(octets, 0)? >> 4;
        if version != 6 {
            self.put_fmt(format_args!("version error: {version} != 6"));
            return Ok(());
        }
        let payload_len = usize::from(be16(octets, 4)?);
        let total = payload_len + 40;
        if length < total {
            self.put_fmt(format_args!("truncated-ip6 - {} bytes missing!", total - length));
        }
        let (next, hop_limit) = (octet(octets, 6)?, octet(octets, 7)?);
        if self.verbose(1) {
            let flow = be32(octets, 0)?;
            self.put("(");
            if flow & 0x0ff0_0000 != 0 {
                self.put_fmt(format_args!("class 0x{:02x}, ", (flow >> 20) & 0xff));
            }
            if flow & 0x000f_ffff != 0 {
                self.put_fmt(format_args!("flowlabel 0x{:05x}, ", flow & 0x000f_ffff));
            }
            let name = names::protocol(next);
            self.put_fmt(format_args!("hlim {hop_limit}, next-header {name} ({next}) payload length: {payload_len}) "));
        }
        let destination = Ipv6Addr::from(array(octets, 24)?).into();
        let ends = Ends {
            source: Ipv6Addr::from(array(octets, 8)?).into(),
            destination,
            last_hop: destination,
            protocol: next,
            fragmented: false,
        };
        if !has_ports(next) {
            self.ends(&ends);
        }
        self.ip6_headers(from(upto(octets, total), 40), payload_len, ends, next)
    }

    /// The extension headers, and what is behind them.
    fn ip6_headers(&mut self, mut octets: &[u8], mut length: usize, mut ends: Ends, mut next: u8) -> Printed {
        loop {
            let header_len = match next {
                0 => {
                    self.protocol = "hbhopt";
                    self.ip6_options_checked("HBH ", octets)?
                }
                60 => {
                    self.protocol = "dstopt";
                    self.ip6_options_checked("DSTOPT ", octets)?
                }
                43 => self.routing(octets)?,
                44 => {
                    let Some(header_len) = self.fragment(octets, length)? else { return Ok(()) };
                    ends.fragmented = true;
                    header_len
                }
                _ => return self.payload(next, octets, length, &ends),
            };
            next = octet(octets, 0)?;
            (octets, length) = (from(octets, header_len), length.saturating_sub(header_len));
            if octets.is_empty() && length > 0 && has_ports(next) {
                self.protocol = if next == 6 { "tcp" } else { "udp" };
            }
        }
    }

    fn ip6_options_checked(&mut self, name: &str, octets: &[u8]) -> Result<usize, Cut> {
        let header_len = (usize::from(octet(octets, 1)?) + 1) * 8;
        if octets.len() < header_len {
            return Err(Cut::Seen);
        }
        self.put(name);
        self.ip6_options(octets)
    }

    /// The options of a hop-by-hop or destination options header; returns the header's length.
    fn ip6_options(&mut self, octets: &[u8]) -> Result<usize, Cut> {
        let header_len = (usize::from(octet(octets, 1)?) + 1) * 8;
        let header = octets.get(..header_len).ok_or(Cut::Hit)?;
        let verbose = self.verbose(1);
        let mut options = from(header, 2);
        while let Some(&kind) = options.first() {
            let option_len = if kind == 0 { 1 } else { usize::from(octet(options, 1)?) + 2 };
            let Some(option) = options.get(..option_len) else {
                return Err(Cut::Seen);
            };
            match kind {
                5 if option_len != 4 => {
                    self.put_fmt(format_args!("(rtalert: invalid len {})", option_len - 2));
                    return Err(Cut::Seen);
                }
                _ if !verbose => {}
                0 => self.put("(pad1) "),
                1 => self.put("(padn) "),
                5 => {
                    let value = be16(option, 2)?;
                    self.put_fmt(format_args!("(rtalert: 0x{value:04x}) "));
                }
                other => self.put_fmt(format_args!("(opt_type 0x{other:02x}: len={}) ", option_len - 2)),
            }
            options = from(options, option_len);
        }
        Ok(header_len)
    }

    /// A routing header; returns its length.
    fn routing(&mut self, octets: &[u8]) -> Result<usize, Cut> {
        if octets.is_empty() {
            return Err(Cut::Seen);
        }
        self.protocol = "rt6";
        let len = octet(octets, 1)?;
        let header_len = (usize::from(len) + 1) * 8;
        self.put_fmt(format_args!("RT6 (len={len}"));
        let kind = octet(octets, 2)?;
        self.put_fmt(format_args!(", type={kind}"));
        if kind == 0 {
            self.put(" [Deprecated]");
        }
        let left = octet(octets, 3)?;
        self.put_fmt(format_args!(", segleft={left}"));
        if matches!(kind, 0 | 2) {
            let reserved = be32(octets, 4)?;
            if reserved != 0 || self.verbose(1) {
                self.put_fmt(format_args!(", rsv=0x{reserved:x}"));
            }
            for (number, at) in (8..header_len).step_by(16).enumerate() {
                let address = Ipv6Addr::from(array(octets, at)?);
                self.put_fmt(format_args!(", [{number}]"));
                self.address(address);
            }
        }
        self.put(") ");
        Ok(header_len)
    }

    /// A fragment header; `None` when what is behind it is not the packet's first part.
    fn fragment(&mut self, octets: &[u8], length: usize) -> Result<Option<usize>, Cut> {
        self.protocol = "frag6";
        let offset = be16(octets, 2)?;
        let id = be32(octets, 4)?;
        let payload = length.saturating_sub(8);
        if self.verbose(1) {
            self.put_fmt(format_args!("frag (0x{id:08x}:{}|{payload})", offset & 0xfff8));
        } else {
            self.put_fmt(format_args!("frag ({}|{payload})", offset & 0xfff8));
        }
        if offset & 0xfff8 != 0 {
            return Ok(None);
        }
        self.put(" ");
        Ok(Some(8))
    }
}
