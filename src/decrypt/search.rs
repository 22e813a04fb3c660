use std::fmt;
use std::net::IpAddr;

use super::Keyring;
use crate::packet::{Data, EspHeader, Layer, Layers, Located, NAT_T_PORT, Stop};

/// An IP header around ESP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outer {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// The protocol that it carries, behind IPv6 extension headers: 50 for ESP, 17 for ESP in UDP.
    pub proto: u8,
    /// Where the IP header begins, in octets from the start of the frame.
    pub start: usize,
    /// Where the IP packet ends, as far as captured; padding of the frame lies behind.
    pub end: usize,
}

/// One step on the way from the link header to ESP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A VLAN tag, with its identifier.
    Vlan(u16),
    /// An IP packet directly inside an IP packet.
    IpIp,
    /// An Authentication Header, whose content is in clear.
    Ah,
    /// UDP that carries ESP or VXLAN, with the port that says so.
    Udp(u16),
    /// VXLAN, with its VNI.
    Vxlan(u32),
    /// ESP.
    Esp,
    /// The octet 0xff that keeps a NAT mapping alive.
    NatKeepalive,
    /// IKE behind a non-ESP marker.
    Ike,
    /// A fragment that is not the first.
    Fragment,
}

/// What a walk through clear layers came to.
pub(super) struct Found {
    pub(super) outer: Option<Outer>,
    /// Octets before the outermost IP header.
    pub(super) link_len: usize,
    pub(super) end: End,
}

pub(super) enum End {
    /// ESP: its header, where it begins and ends, how many octets of it were not captured, whether it is in a fragment.
    Esp { header: EspHeader, start: usize, end: usize, missing: usize, fragment: bool },
    /// A later fragment of an IP packet that carries ESP.
    EspFragment,
    /// Nothing, and nothing wrong.
    Clear,
    /// A header that could not be read.
    Stopped(Stop),
}

impl Keyring {
    /// Walks clear layers until ESP, or the end; notes the steps.
    pub(super) fn search(&self, layers: Layers<'_>, path: &mut Vec<Step>) -> Found {
        let mut ip = IpHeaders { first: None, last: None };
        let end = self.walk(layers, &mut ip, path);
        let link_len = ip.first.as_ref().map_or(0, |outer| outer.start);
        let outer = match end {
            End::Esp { .. } | End::EspFragment => ip.last.or(ip.first),
            End::Clear | End::Stopped(_) => ip.first,
        };
        Found { outer, link_len, end }
    }

    fn walk(&self, mut layers: Layers<'_>, ip: &mut IpHeaders, path: &mut Vec<Step>) -> End {
        let mut fragment = false;
        let mut udp_ports = None;
        let mut was_ip = false;
        while let Some(item) = layers.next() {
            let (layer, start, end, missing) = match &item {
                Ok(Located { layer, start, end, missing, .. }) => (layer, *start, *end, *missing),
                Err(stop) => return End::Stopped(*stop),
            };
            let ports = udp_ports.take();
            let behind_ip = was_ip;
            match layer {
                Layer::Vlan(tag) => path.push(Step::Vlan(tag.vlan_identifier().value())),
                Layer::Ipv4(header) => {
                    path.extend(behind_ip.then_some(Step::IpIp));
                    fragment = header.is_fragmenting_payload();
                    let (src, dst) = (header.source_addr().into(), header.destination_addr().into());
                    ip.enter(Outer { src, dst, ttl: header.ttl(), proto: header.protocol().0, start, end });
                }
                Layer::Ipv6(header) => {
                    path.extend(behind_ip.then_some(Step::IpIp));
                    fragment = false;
                    let (src, dst) = (header.source_addr().into(), header.destination_addr().into());
                    ip.enter(Outer { src, dst, ttl: header.hop_limit(), proto: header.next_header().0, start, end });
                }
                Layer::Ipv6Extension(_, header) => ip.set_proto(header.next_header().0),
                Layer::Ipv6Fragment(header) => {
                    ip.set_proto(header.next_header().0);
                    fragment |= layer.is_fragment();
                }
                Layer::Ah(header) => {
                    ip.set_proto(header.next_header().0);
                    path.push(Step::Ah);
                }
                Layer::Udp(udp) => {
                    let (from, to) = (udp.source_port(), udp.destination_port());
                    udp_ports = Some((from, to));
                    if self.is_encap_port(from) || self.is_encap_port(to) {
                        layers.expect_nat_t();
                    }
                }
                Layer::Vxlan(vxlan) => {
                    path.extend(ports.map(|(_, to)| Step::Udp(to)));
                    path.push(Step::Vxlan(vxlan.vni));
                }
                Layer::NatKeepalive | Layer::NonEspMarker => {
                    path.extend(ports.map(|ports| Step::Udp(self.nat_t_port(ports))));
                    path.push(if *layer == Layer::NatKeepalive { Step::NatKeepalive } else { Step::Ike });
                }
                Layer::Esp(header) => {
                    path.extend(ports.map(|ports| Step::Udp(self.nat_t_port(ports))));
                    path.push(Step::Esp);
                    return End::Esp { header: *header, start, end, missing, fragment };
                }
                Layer::Data(Data::Fragment) => {
                    path.push(Step::Fragment);
                    let esp = ip.innermost().is_some_and(|outer| outer.proto == ESP);
                    return if esp { End::EspFragment } else { End::Clear };
                }
                // What these carry is not walked into.
                Layer::Arp(_) | Layer::Icmpv4(_) | Layer::Icmpv6(_) | Layer::Tcp(_) => return End::Clear,
                _ => {}
            }
            was_ip = matches!(
                layer,
                Layer::Ipv4(_) | Layer::Ipv6(_) | Layer::Ipv6Extension(..) | Layer::Ipv6Fragment(_) | Layer::Ah(_)
            );
        }
        End::Clear
    }

    /// The port for which a datagram was read as ESP in UDP.
    fn nat_t_port(&self, (from, to): (u16, u16)) -> u16 {
        let says_so = |port: u16| port == NAT_T_PORT || self.is_encap_port(port);
        if says_so(to) || !says_so(from) { to } else { from }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vlan(id) => write!(f, "vlan {id}"),
            Self::IpIp => f.write_str("ipip"),
            Self::Ah => f.write_str("ah"),
            Self::Udp(port) => write!(f, "udp {port}"),
            Self::Vxlan(vni) => write!(f, "vxlan {vni}"),
            Self::Esp => f.write_str("esp"),
            Self::NatKeepalive => f.write_str("nat-keepalive"),
            Self::Ike => f.write_str("ike"),
            Self::Fragment => f.write_str("fragment"),
        }
    }
}

/// The IP protocol number of ESP.
const ESP: u8 = 50;

/// The IP headers on the way.
struct IpHeaders {
    first: Option<Outer>,
    /// The last one, if there are several.
    last: Option<Outer>,
}

impl IpHeaders {
    fn enter(&mut self, header: Outer) {
        let place = if self.first.is_none() { &mut self.first } else { &mut self.last };
        *place = Some(header);
    }

    fn innermost(&mut self) -> Option<&mut Outer> {
        self.last.as_mut().or(self.first.as_mut())
    }

    /// An extension header behind the last IP header says what that one carries.
    fn set_proto(&mut self, proto: u8) {
        if let Some(header) = self.innermost() {
            header.proto = proto;
        }
    }
}
