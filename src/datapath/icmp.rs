//! ICMP.

use super::cluster::Cluster;
use super::device::StackId;
use super::hop::{Drop, RouteAnswer, Stage};
use super::ip_options;
use super::ipv4::{self, Ipv4Header, icmp, protocol};
use super::receive::can_be_answered;
use super::routing::RouteFlow;
use super::send::{Outgoing, PathMtu, SendError};
use super::skb::{Journey, Skb};
use super::socket::{Received, SocketId, SocketKind};
use super::stack::PathMtuNote;
use super::tcp::Failure;
use crate::packet::{PacketType, Timestamp};

/// How long a learned path MTU is believed: `net.ipv4.route.mtu_expires`, in nanoseconds.
const MTU_EXPIRES: u64 = 600_000_000_000;
/// The least path MTU that is believed: `net.ipv4.route.min_pmtu`.
const MIN_PMTU: u32 = 552;

impl Cluster {
    /// Opens an ICMP echo socket. Without an identifier the kernel gives the next free one (`ping_get_port`).
    pub fn open_ping(&mut self, stack: StackId, ident: Option<u16>) -> (SocketId, u16) {
        let ident = self.ping_ident(ident);
        (self.open(stack, SocketKind::Ping { ident }), ident)
    }

    /// The same for ICMPv6.
    pub fn open_ping6(&mut self, stack: StackId, ident: Option<u16>) -> (SocketId, u16) {
        let ident = self.ping_ident(ident);
        (self.open(stack, SocketKind::Ping6 { ident }), ident)
    }

    fn ping_ident(&mut self, wish: Option<u16>) -> u16 {
        wish.unwrap_or_else(|| {
            self.ping_rover = self.ping_rover.checked_add(1).unwrap_or(1);
            self.ping_rover
        })
    }

    /// Sends an echo request; `out.payload` is what follows the ICMP header.
    pub fn echo(&mut self, stack: StackId, ident: u16, seq: u16, mut out: Outgoing) -> Result<Journey, SendError> {
        let ([a, b], [c, d]) = (ident.to_be_bytes(), seq.to_be_bytes());
        out.payload = ipv4::icmp(icmp::ECHO, 0, [a, b, c, d], &out.payload);
        out.protocol = protocol::ICMP;
        let journey = self.send(stack, &out)?;
        self.count(stack, "IcmpOutMsgs");
        self.count(stack, "IcmpOutEchos");
        Ok(journey)
    }

    /// net/ipv4/icmp.c `icmp_rcv`.
    pub(super) fn receive_icmp(&mut self, stack: StackId, skb: &Skb, header: &Ipv4Header) {
        self.spend(800);
        self.count(stack, "IcmpInMsgs");
        let message = ipv4::payload(&skb.octets).to_vec();
        let Some((&[kind, code, _, _, a, b, c, d], body)) = message.split_first_chunk::<8>() else {
            return self.count(stack, "IcmpInErrors");
        };
        if ipv4::checksum(&message) != 0 {
            self.count(stack, "IcmpInCsumErrors");
            return self.count(stack, "IcmpInErrors");
        }
        match kind {
            icmp::ECHO => {
                self.count(stack, "IcmpInEchos");
                let ignores = self.stack(stack).is_none_or(|own| own.sysctl.ignore_echo);
                if ignores || skb.kind == PacketType::Broadcast {
                    return;
                }
                self.spend(1_500);
                let reply = ipv4::icmp(icmp::ECHO_REPLY, 0, [a, b, c, d], body);
                let mut out = Outgoing::new(ipv4::source(header), protocol::ICMP, reply);
                out.source = Some(ipv4::destination(header));
                out.tos = ipv4::tos(header);
                out.path_mtu = PathMtu::Dont;
                out.options = ip_options::echoed(header);
                if self.send(stack, &out).is_ok() {
                    self.count(stack, "IcmpOutMsgs");
                    self.count(stack, "IcmpOutEchoReps");
                }
            }
            icmp::ECHO_REPLY => {
                self.count(stack, "IcmpInEchoReps");
                self.hand_over(stack, u16::from_be_bytes([a, b]), skb, header, message, None);
            }
            icmp::UNREACHABLE | icmp::TIME_EXCEEDED => {
                let name = if kind == icmp::UNREACHABLE { "IcmpInDestUnreachs" } else { "IcmpInTimeExcds" };
                self.count(stack, name);
                let about = body.to_vec();
                let mtu = (kind == icmp::UNREACHABLE && code == icmp::FRAGMENTATION_NEEDED)
                    .then(|| u32::from(u16::from_be_bytes([c, d])).max(MIN_PMTU));
                if let Some(mtu) = mtu {
                    self.learn_mtu(stack, &about, mtu);
                }
                self.tell_of_error(stack, &about, (kind, code), mtu);
                self.hand_over_error(stack, skb, header, message, about);
            }
            _ => {}
        }
    }

    /// A router says what fits: `ipv4_update_pmtu`. Kept for ten minutes with the route that a packet without mark takes.
    fn learn_mtu(&mut self, stack: StackId, about: &[u8], mtu: u32) {
        let until = Timestamp(self.now().0 + MTU_EXPIRES);
        let Some(quoted) = quoted_header(about) else { return };
        let destination = ipv4::destination(&quoted);
        let flow = RouteFlow {
            dst: destination.into(),
            src: ipv4::source(&quoted).into(),
            mark: 0,
            tos: 0,
            iif: "lo".to_owned(),
            oif: None,
        };
        let Some(own) = self.stack_mut(stack) else { return };
        let RouteAnswer::Found { route, .. } = own.route(&flow) else { return };
        let note = PathMtuNote { destination, route: *route, mtu, until };
        own.path_mtus.retain(|old| !(old.destination == note.destination && old.route == note.route));
        own.path_mtus.push(note);
    }

    /// Tells the UDP or TCP socket whose packet an error quotes (`udp_err`, `tcp_v4_err`).
    fn tell_of_error(&mut self, stack: StackId, about: &[u8], (kind, code): (u8, u8), mtu: Option<u32>) {
        let Some(quoted) = quoted_header(about) else { return };
        let Some(&[a, b, c, d]) = about.get(quoted.header_len()..).and_then(|rest| rest.first_chunk::<4>()) else {
            return;
        };
        let local = (ipv4::source(&quoted), u16::from_be_bytes([a, b]));
        let remote = (ipv4::destination(&quoted), u16::from_be_bytes([c, d]));
        let failure = match (kind, code) {
            (icmp::UNREACHABLE, icmp::NET) => Failure::NetUnreachable,
            (icmp::UNREACHABLE, icmp::PORT) => Failure::Refused,
            (icmp::UNREACHABLE, icmp::PROTOCOL) => Failure::NoProtocol,
            _ => Failure::HostUnreachable,
        };
        match quoted.protocol.0 {
            protocol::TCP => self.tcp_error(stack, (local, remote), Some(failure), mtu),
            protocol::UDP if failure == Failure::Refused => self.udp_error(stack, local, remote),
            _ => {}
        }
    }

    fn hand_over_error(&mut self, stack: StackId, skb: &Skb, header: &Ipv4Header, message: Vec<u8>, about: Vec<u8>) {
        let Some(quoted) = quoted_header(&about) else { return };
        let Some(&[_, _, _, _, a, b]) = about.get(quoted.header_len()..).and_then(|rest| rest.first_chunk::<6>())
        else {
            return;
        };
        if quoted.protocol.0 == protocol::ICMP {
            self.hand_over(stack, u16::from_be_bytes([a, b]), skb, header, message, Some(about));
        }
    }

    fn hand_over(
        &mut self,
        stack: StackId,
        ident: u16,
        skb: &Skb,
        header: &Ipv4Header,
        message: Vec<u8>,
        about: Option<Vec<u8>>,
    ) {
        self.spend(12_000);
        let received = Received {
            time: self.now(),
            from: ipv4::source(header).into(),
            port: 0,
            to: ipv4::destination(header).into(),
            ttl: header.time_to_live,
            tos: ipv4::tos(header),
            options: header.options.as_slice().to_vec(),
            device: None,
            message,
            about,
        };
        let socket = self
            .stack_mut(stack)
            .and_then(|own| own.sockets.iter_mut().find(|open| open.kind == SocketKind::Ping { ident }));
        match socket {
            Some(socket) => socket.inbox.push_back(received),
            None => self.note(stack, None, skb, skb.mark, || Stage::Dropped(Drop::NoSocket)),
        }
    }

    /// Sends an ICMP error about a packet (`icmp_send`): not about errors, broadcasts or later fragments.
    pub(super) fn complain(&mut self, stack: StackId, about: &Skb, kind: u8, code: u8, mtu: Option<u32>) {
        let Some(header) = ipv4::header(&about.octets) else { return };
        let source = ipv4::source(&header);
        let message = ipv4::payload(&about.octets);
        let is_error =
            header.protocol.0 == protocol::ICMP && !matches!(message.first(), Some(&(icmp::ECHO | icmp::ECHO_REPLY)));
        let grouped = matches!(about.kind, PacketType::Broadcast | PacketType::Multicast);
        if is_error || grouped || header.fragment_offset.value() != 0 || !can_be_answered(source) {
            return;
        }
        let quoted = about.octets.get(..about.octets.len().min(576 - 28)).unwrap_or_default();
        let [_, _, c, d] = mtu.unwrap_or(0).to_be_bytes();
        let body = ipv4::icmp(kind, code, [0, 0, c, d], quoted);
        let mut out = Outgoing::new(source, protocol::ICMP, body);
        let destination = ipv4::destination(&header);
        out.source = self.stack(stack).filter(|own| own.has_address(destination.into())).map(|_| destination);
        // Precedence "internetwork control", as RFC 1812 section 4.3.2.5 asks.
        out.tos = ipv4::tos(&header) & 0x1e | 0xc0;
        out.path_mtu = PathMtu::Dont;
        self.note(stack, None, about, about.mark, || Stage::Complaint { kind, code, to: source.into(), mtu });
        if self.send(stack, &out).is_ok() {
            self.count(stack, "IcmpOutMsgs");
            self.count(stack, if kind == icmp::UNREACHABLE { "IcmpOutDestUnreachs" } else { "IcmpOutTimeExcds" });
        }
    }
}

/// The header of a packet that an ICMP error quotes, which is mostly cut.
fn quoted_header(about: &[u8]) -> Option<Ipv4Header> {
    Ipv4Header::from_slice(about).ok().map(|(header, _)| header)
}
