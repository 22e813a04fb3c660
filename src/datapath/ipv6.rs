//! IPv6 of a host with itself: echo requests to its own addresses (RFC 4443 section 4).

use std::net::Ipv6Addr;

use etherparse::{IpNumber, Ipv6FlowLabel, Ipv6Header};

use super::cluster::Cluster;
use super::device::{Mac, Port, StackId};
use super::hop::{Drop, Stage};
use super::send::SendError;
use super::skb::{Journey, Skb, ethertype};
use super::socket::{Received, SocketKind};

/// ICMPv6 types.
mod icmp {
    pub(super) const ECHO: u8 = 128;
    pub(super) const ECHO_REPLY: u8 = 129;
}

/// IPv6's number of ICMPv6.
const ICMPV6: u8 = 58;

/// An echo request as a program sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo6 {
    /// Where to.
    pub destination: Ipv6Addr,
    /// From which address; `None` leaves it to the route.
    pub source: Option<Ipv6Addr>,
    /// The hop limit; `None` is 64.
    pub hop_limit: Option<u8>,
    /// The traffic class.
    pub class: u8,
    /// What follows the ICMP header.
    pub payload: Vec<u8>,
}

impl Cluster {
    /// The source address of packets to a destination: what `connect` finds out. Only this host itself can be reached.
    pub fn probe6(&self, stack: StackId, echo: &Echo6) -> Result<Ipv6Addr, SendError> {
        let own = self.stack(stack).ok_or(SendError::NoDevice)?;
        if echo.source.is_some_and(|source| !own.has_address(source.into())) {
            return Err(SendError::Invalid);
        }
        if !own.has_address(echo.destination.into()) {
            return Err(SendError::NetUnreachable);
        }
        Ok(echo.source.unwrap_or(echo.destination))
    }

    /// Sends an echo request.
    pub fn echo6(&mut self, stack: StackId, ident: u16, seq: u16, echo: &Echo6) -> Result<Journey, SendError> {
        self.spend(4_000);
        let source = self.probe6(stack, echo)?;
        let ([a, b], [c, d]) = (ident.to_be_bytes(), seq.to_be_bytes());
        let message = message(icmp::ECHO, [a, b, c, d], &echo.payload, source, echo.destination);
        let header = header(source, echo.destination, echo.hop_limit.unwrap_or(64), echo.class);
        self.send6(stack, &header, &message)
    }

    /// Sends to this host itself.
    fn send6(&mut self, stack: StackId, header: &Ipv6Header, message: &[u8]) -> Result<Journey, SendError> {
        let own = self.stack(stack).ok_or(SendError::NoDevice)?;
        let lo = own.device("lo").filter(|lo| lo.up).ok_or(SendError::NetDown)?.index;
        let journey = self.new_journey();
        let mut octets = Ipv6Header { payload_length: message.len() as u16, ..header.clone() }.to_bytes().to_vec();
        octets.extend_from_slice(message);
        let skb = Skb { ethertype: ethertype::IPV6, ..Skb::ipv4(journey, octets) };
        self.note(stack, None, &skb, 0, || Stage::Sent);
        self.transmit_to(Port { stack, device: lo }, skb, Mac::default());
        Ok(journey)
    }

    /// A packet reaches a stack (net/ipv6/ip6_input.c `ipv6_rcv`).
    pub(super) fn receive_ipv6(&mut self, port: Port, skb: &Skb) {
        let stack = port.stack;
        self.spend(700);
        let Ok((header, rest)) = Ipv6Header::from_slice(&skb.octets) else {
            return self.drop(stack, Some(port.device), skb, Drop::BadHeader);
        };
        let (source, destination) = (header.source_addr(), header.destination_addr());
        let Some(own) = self.stack(stack) else { return };
        if !own.has_address(destination.into()) {
            return self.drop(stack, Some(port.device), skb, Drop::NoRoute);
        }
        let received = rest.get(..usize::from(header.payload_length)).unwrap_or(rest);
        let next = header.next_header.0;
        self.note(stack, Some(port.device), skb, skb.mark, || Stage::Delivered { protocol: next });
        let Some((&[kind, _, _, _, a, b, c, d], body)) = received.split_first_chunk::<8>() else { return };
        if next != ICMPV6 {
            return self.drop(stack, Some(port.device), skb, Drop::NoProtocol);
        }
        match kind {
            icmp::ECHO => {
                self.spend(1_500);
                let class = header.traffic_class;
                let answer = message(icmp::ECHO_REPLY, [a, b, c, d], body, destination, source);
                // Nobody waits for it to be sent; what cannot be sent is lost.
                let _ = self.send6(stack, &self::header(destination, source, 64, class), &answer);
            }
            icmp::ECHO_REPLY => {
                self.spend(12_000);
                let received = Received {
                    time: self.now(),
                    from: source.into(),
                    port: 0,
                    to: destination.into(),
                    ttl: header.hop_limit,
                    tos: header.traffic_class,
                    options: Vec::new(),
                    message: received.to_vec(),
                    about: None,
                };
                let kind = SocketKind::Ping6 { ident: u16::from_be_bytes([a, b]) };
                let own = self.stack_mut(stack);
                if let Some(socket) = own.and_then(|own| own.sockets.iter_mut().find(|open| open.kind == kind)) {
                    socket.inbox.push_back(received);
                }
            }
            _ => {}
        }
    }
}

fn header(source: Ipv6Addr, destination: Ipv6Addr, hop_limit: u8, class: u8) -> Ipv6Header {
    Ipv6Header {
        traffic_class: class,
        flow_label: Ipv6FlowLabel::ZERO,
        payload_length: 0,
        next_header: IpNumber(ICMPV6),
        hop_limit,
        source: source.octets(),
        destination: destination.octets(),
    }
}

/// An ICMPv6 message with its checksum, which covers the addresses, too.
fn message(kind: u8, rest: [u8; 4], body: &[u8], source: Ipv6Addr, destination: Ipv6Addr) -> Vec<u8> {
    let mut octets = vec![kind, 0, 0, 0];
    octets.extend_from_slice(&rest);
    octets.extend_from_slice(body);
    let pseudo =
        [&source.octets()[..], &destination.octets(), &(octets.len() as u32).to_be_bytes(), &[0, 0, 0, ICMPV6]];
    let sum = super::ipv4::checksum(&[pseudo.concat(), octets.clone()].concat()).to_be_bytes();
    octets.splice(2..4, sum);
    octets
}
