use super::cut::{Cut, Printed, be16, be32, from, octet, upto};
use super::ip::{Ends, right_checksum};
use super::{Line, names};
use crate::packet::transport_checksum;

impl Line<'_> {
    pub(super) fn udp(&mut self, octets: &[u8], mut length: usize, ends: &Ends) -> Printed {
        self.protocol = "udp";
        let (Ok(source), Ok(destination)) = (be16(octets, 0), be16(octets, 2)) else {
            if ends.protocol == 17 {
                self.ends(ends);
            }
            return Err(Cut::Seen);
        };
        self.transport_ends(ends, 17, source, destination);
        if length < 8 {
            self.put_fmt(format_args!("truncated-udp {length}"));
            return Ok(());
        }
        let said = usize::from(be16(octets, 4).map_err(|_| Cut::Seen)?);
        if said < 8 {
            self.put_fmt(format_args!("truncated-udplength {said}"));
            return Ok(());
        }
        let found = be16(octets, 6).map_err(|_| Cut::Seen)?;
        length = length.min(said);
        let ipv6 = ends.source.is_ipv6();
        if self.verbose(if ipv6 { 1 } else { 2 }) && !ends.fragmented {
            if found == 0 && !ipv6 {
                self.put("[no cksum] ");
            } else if let Some(datagram) = octets.get(..length) {
                let sum = transport_checksum(ends.source, ends.last_hop, 17, length, datagram);
                if sum == 0 {
                    self.put("[udp sum ok] ");
                } else {
                    let right = right_checksum(found, sum);
                    self.put_fmt(format_args!("[bad udp cksum 0x{found:04x} -> 0x{right:04x}!] "));
                }
            }
        }
        let (body, length) = (from(upto(octets, length), 8), length - 8);
        let on = |port| source == port || destination == port;
        if !self.options.quiet {
            // The name service, and that of multicast: what is shorter than a header is not read.
            if (on(53) || on(5353)) && length < 12 {
                self.put_fmt(format_args!("domain [length {length} < 12] (invalid)"));
                return Ok(());
            }
            if on(500) {
                return self.isakmp(body, length);
            }
            if on(4500) {
                return self.nat_t(body, length);
            }
            if on(4789) {
                return self.vxlan(body, length);
            }
            if on(8472) {
                return self.otv(body, length);
            }
        }
        if said - 8 > length {
            self.put_fmt(format_args!("UDP, bad length {} > {length}", said - 8));
        } else {
            self.put_fmt(format_args!("UDP, length {}", said - 8));
        }
        Ok(())
    }

    /// Addresses with ports. Behind IPv6 extension headers and AH the addresses stand there already.
    pub(super) fn transport_ends(&mut self, ends: &Ends, protocol: u8, source: u16, destination: u16) {
        let addresses = ends.protocol == protocol;
        if addresses {
            self.address(ends.source);
            self.put(".");
        }
        self.port(source);
        self.put(" > ");
        if addresses {
            self.address(ends.destination);
            self.put(".");
        }
        self.port(destination);
        self.put(": ");
    }

    /// A port; without `-n`, by its name.
    pub(super) fn port(&mut self, port: u16) {
        match names::port(port).filter(|_| !self.options.numeric) {
            Some(name) => self.put(name),
            None => self.put_fmt(format_args!("{port}")),
        }
    }

    fn vxlan(&mut self, octets: &[u8], length: usize) -> Printed {
        self.protocol = "vxlan";
        self.put("VXLAN");
        if length < 8 {
            self.put(" (invalid)");
            return Ok(());
        }
        let flags = octet(octets, 0)?;
        let vni = be32(octets, 4)? >> 8;
        let name = if flags & 8 == 0 { "invalid" } else { "I" };
        self.put_fmt(format_args!(", flags [{name}] (0x{flags:02x}), vni {vni}\n"));
        self.nested(|line| line.ethernet(from(octets, 8), length - 8).1)
    }

    /// What tcpdump takes for Cisco's OTV: the port is the one that Linux first used for VXLAN, and Cilium still does.
    fn otv(&mut self, octets: &[u8], length: usize) -> Printed {
        self.protocol = "otv";
        self.put("OTV, ");
        if length < 8 {
            self.put_fmt(format_args!("[length {length} < 8] (invalid)"));
            return Ok(());
        }
        let flags = octet(octets, 0)?;
        let name = if flags & 8 == 0 { "." } else { "I" };
        self.put_fmt(format_args!("flags [{name}] (0x{flags:02x}), "));
        let overlay = be32(octets, 0)? & 0x00ff_ffff;
        self.put_fmt(format_args!("overlay {overlay}, "));
        let instance = be32(octets, 4)? >> 8;
        self.put_fmt(format_args!("instance {instance}\n"));
        self.nested(|line| line.ethernet(from(octets, 8), length - 8).1)
    }
}
