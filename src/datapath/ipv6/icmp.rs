//! ICMPv6 (RFC 4443; net/ipv6/icmp.c).

use etherparse::Ipv6Header;

use super::wire::{self, HEADER_LEN, icmp6, next};
use super::{Outgoing6, PathMtu6};
use crate::datapath::cluster::Cluster;
use crate::datapath::device::{Port, StackId};
use crate::datapath::hop::{Drop, Stage};
use crate::datapath::send::SendError;
use crate::datapath::skb::{Journey, Skb};
use crate::datapath::socket::{Received, SocketKind};
use crate::packet::{PacketType, Timestamp};

/// The counters of a message by its type: received, sent (net/ipv6/proc.c `icmp6type2name`).
const COUNTERS: [(u8, &str, &str); 10] = [
    (icmp6::UNREACHABLE, "Icmp6InDestUnreachs", "Icmp6OutDestUnreachs"),
    (icmp6::TOO_BIG, "Icmp6InPktTooBigs", "Icmp6OutPktTooBigs"),
    (icmp6::TIME_EXCEEDED, "Icmp6InTimeExcds", "Icmp6OutTimeExcds"),
    (icmp6::PARAMETER, "Icmp6InParmProblems", "Icmp6OutParmProblems"),
    (icmp6::ECHO, "Icmp6InEchos", "Icmp6OutEchos"),
    (icmp6::ECHO_REPLY, "Icmp6InEchoReplies", "Icmp6OutEchoReplies"),
    (icmp6::ROUTER_SOLICITATION, "Icmp6InRouterSolicits", "Icmp6OutRouterSolicits"),
    (icmp6::NEIGHBOUR_SOLICITATION, "Icmp6InNeighborSolicits", "Icmp6OutNeighborSolicits"),
    (icmp6::NEIGHBOUR_ADVERTISEMENT, "Icmp6InNeighborAdvertisements", "Icmp6OutNeighborAdvertisements"),
    (icmp6::REPORT, "Icmp6InMLDv2Reports", "Icmp6OutMLDv2Reports"),
];

/// How long a learned path MTU is believed: `net.ipv6.route.mtu_expires`, in nanoseconds.
const MTU_EXPIRES: u64 = 600_000_000_000;
/// An error is no longer than this (RFC 4443 section 2.4).
const LONGEST_ERROR: usize = 1280;

impl Cluster {
    /// Sends an echo request; `out.payload` is what follows the ICMP header.
    pub fn echo6(&mut self, stack: StackId, ident: u16, seq: u16, out: &Outgoing6) -> Result<Journey, SendError> {
        self.with_random6(|cluster| {
            cluster.spend(4_000);
            cluster.send_icmp6(stack, (icmp6::ECHO, 0), ends(ident, seq), out)
        })
    }

    fn send_icmp6(
        &mut self,
        stack: StackId,
        kind: (u8, u8),
        rest: [u8; 4],
        out: &Outgoing6,
    ) -> Result<Journey, SendError> {
        let (to, body) = (out.destination, &out.payload);
        let journey = self.send6(stack, next::ICMPV6, out, |source| wire::message((source, to), kind, rest, body))?;
        self.count_icmp6(stack, kind.0, false);
        Ok(journey)
    }

    /// Counts a message that came or went.
    pub(super) fn count_icmp6(&mut self, stack: StackId, kind: u8, came: bool) {
        self.count(stack, if came { "Icmp6InMsgs" } else { "Icmp6OutMsgs" });
        if let Some((_, input, output)) = COUNTERS.iter().find(|(own, ..)| *own == kind) {
            self.count(stack, if came { input } else { output });
        }
    }

    /// `icmpv6_rcv`.
    pub(super) fn receive_icmp6(&mut self, port: Port, skb: &Skb, header: &Ipv6Header, message: &[u8]) {
        let stack = port.stack;
        self.spend(800);
        let (source, destination) = (header.source_addr(), header.destination_addr());
        let Some((&[kind, code, _, _, a, b, c, d], body)) = message.split_first_chunk::<8>() else {
            self.count(stack, "Icmp6InMsgs");
            return self.count(stack, "Icmp6InErrors");
        };
        if wire::checksum(source, destination, next::ICMPV6, message) != 0 {
            self.count(stack, "Icmp6InMsgs");
            self.count(stack, "Icmp6InCsumErrors");
            return self.count(stack, "Icmp6InErrors");
        }
        self.count_icmp6(stack, kind, true);
        // What a neighbour said has not been through a router.
        let from_the_link = header.hop_limit == 255 && code == 0;
        match kind {
            icmp6::ECHO => {
                self.spend(1_500);
                let mut out = Outgoing6 {
                    class: header.traffic_class,
                    source: Some(destination).filter(|own| !own.is_multicast()),
                    ..Outgoing6::new(source, body.to_vec())
                };
                let own = self.stack(stack);
                // An anycast address is nobody's.
                out.source = out.source.filter(|held| own.is_some_and(|own| own.has_address((*held).into())));
                let on_link = source.is_unicast_link_local() || out.source.is_none();
                let arrived = own.and_then(|own| own.device_at(port.device)).filter(|device| !device.is_loopback());
                out.device = arrived.filter(|_| on_link).map(|device| device.name.clone());
                // Nobody waits for it to be sent; what cannot be sent is lost.
                let _ = self.send_icmp6(stack, (icmp6::ECHO_REPLY, 0), [a, b, c, d], &out);
            }
            icmp6::ECHO_REPLY => self.hand_over6(port, skb, header, (u16::from_be_bytes([a, b]), message), None),
            icmp6::UNREACHABLE | icmp6::TOO_BIG | icmp6::TIME_EXCEEDED | icmp6::PARAMETER => {
                let Some(quoted) = wire_header(body) else { return };
                if kind == icmp6::TOO_BIG {
                    let mtu = u32::from_be_bytes([a, b, c, d]).max(LONGEST_ERROR as u32);
                    let until = Timestamp(self.now().0 + MTU_EXPIRES);
                    self.learn_mtu6(stack, PathMtu6 { destination: quoted.destination_addr(), mtu, until });
                }
                let about = body.to_vec();
                if let Some(ident) = quoted_ident(&quoted, &about) {
                    self.hand_over6(port, skb, header, (ident, message), Some(about));
                }
            }
            icmp6::NEIGHBOUR_SOLICITATION if from_the_link => {
                self.receive_solicitation(port, (source, destination), body);
            }
            icmp6::NEIGHBOUR_ADVERTISEMENT if from_the_link => self.receive_advertisement(port, [a, b, c, d], body),
            icmp6::ROUTER_SOLICITATION if from_the_link => {
                let routes = self.stack(stack).is_some_and(|own| own.sysctl.ipv6_forward);
                // Its options stand where the target of others stands.
                let padded = [&[0; 16][..], &message[8..]].concat();
                if let Some((_, Some(mac))) = wire::read_about(&padded, false)
                    && routes
                    && !source.is_unspecified()
                {
                    self.seen_asking(port, mac, source.into());
                }
            }
            _ => {}
        }
    }

    fn hand_over6(
        &mut self,
        port: Port,
        skb: &Skb,
        header: &Ipv6Header,
        (ident, message): (u16, &[u8]),
        about: Option<Vec<u8>>,
    ) {
        self.spend(12_000);
        let received = Received {
            time: self.now(),
            from: header.source_addr().into(),
            port: 0,
            to: header.destination_addr().into(),
            ttl: header.hop_limit,
            tos: header.traffic_class,
            options: Vec::new(),
            device: Some(port.device),
            message: message.to_vec(),
            about,
        };
        let kind = SocketKind::Ping6 { ident };
        let own = self.stack_mut(port.stack);
        match own.and_then(|own| own.sockets.iter_mut().find(|open| open.kind == kind)) {
            Some(socket) => socket.inbox.push_back(received),
            None => self.note(port.stack, None, skb, skb.mark, || Stage::Dropped(Drop::NoSocket)),
        }
    }

    /// Sends an ICMPv6 error about a packet (`icmp6_send`): not about errors, and not to groups but for "too big".
    pub(in crate::datapath) fn complain6(&mut self, stack: StackId, about: &Skb, kind: u8, code: u8, value: u32) {
        let Some(header) = wire::header(&about.octets) else { return };
        let (source, destination) = (header.source_addr(), header.destination_addr());
        let message = about.octets.get(HEADER_LEN..).unwrap_or_default();
        let is_error = header.next_header.0 == next::ICMPV6 && message.first().is_some_and(|kind| *kind < 128);
        let grouped = destination.is_multicast() || about.kind != PacketType::Host;
        if is_error || source.is_unspecified() || source.is_multicast() || grouped && kind != icmp6::TOO_BIG {
            return;
        }
        let quoted = about.octets.get(..about.octets.len().min(LONGEST_ERROR - HEADER_LEN - 8)).unwrap_or_default();
        let Some(own) = self.stack(stack) else { return };
        let mut out = Outgoing6::new(source, quoted.to_vec());
        out.source = own.has_address(destination.into()).then_some(destination);
        if source.is_unicast_link_local() {
            out.device = about.received_on.map(|device| own.device_name(device));
        }
        let mtu = (kind == icmp6::TOO_BIG).then_some(value);
        self.note(stack, None, about, about.mark, || Stage::Complaint { kind, code, to: source.into(), mtu });
        // What cannot be sent is lost.
        let _ = self.send_icmp6(stack, (kind, code), value.to_be_bytes(), &out);
    }
}

fn ends(ident: u16, seq: u16) -> [u8; 4] {
    let ([a, b], [c, d]) = (ident.to_be_bytes(), seq.to_be_bytes());
    [a, b, c, d]
}

/// The header of a packet that an error quotes, which is mostly cut.
fn wire_header(about: &[u8]) -> Option<Ipv6Header> {
    Ipv6Header::from_slice(about).ok().map(|(header, _)| header)
}

/// The identifier of the echo request that an error quotes.
fn quoted_ident(quoted: &Ipv6Header, about: &[u8]) -> Option<u16> {
    let at = echo_at(quoted.next_header.0, about)?;
    about.get(at + 4..at + 6).map(|two| u16::from_be_bytes([two[0], two[1]]))
}

/// Where the ICMPv6 header begins: behind a fragment header, in a first piece.
pub(super) fn echo_at(next_header: u8, about: &[u8]) -> Option<usize> {
    match next_header {
        next::ICMPV6 => Some(HEADER_LEN),
        next::FRAGMENT if about.get(HEADER_LEN) == Some(&next::ICMPV6) => Some(HEADER_LEN + 8),
        _ => None,
    }
}

/// The sequence number of the echo request that an ICMPv6 error quotes.
pub fn quoted_seq(about: &[u8]) -> Option<u16> {
    let quoted = wire_header(about)?;
    let at = echo_at(quoted.next_header.0, about)?;
    about.get(at + 6..at + 8).map(|two| u16::from_be_bytes([two[0], two[1]]))
}
