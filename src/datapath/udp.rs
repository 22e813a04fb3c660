//! UDP (RFC 768): sockets, and what is said of closed ports.

use std::net::Ipv4Addr;

use super::cluster::Cluster;
use super::device::StackId;
use super::hop::{Drop, Stage};
use super::ipv4::{self, Ipv4Header, icmp, protocol};
use super::send::{Outgoing, SendError};
use super::skb::{Journey, Skb};
use super::socket::{Received, SocketId, SocketKind};
use super::tcp::{End, pseudo_sum, sums_up};

/// Octets of a UDP header.
const HEADER_LEN: usize = 8;

impl Cluster {
    /// Opens a socket at a port (`bind`), 0 for one that the kernel chooses.
    pub fn open_udp(&mut self, stack: StackId, port: u16) -> SocketId {
        let port = if port == 0 { self.free_port(stack, false) } else { port };
        self.open(stack, SocketKind::Udp { port, ends: None, refused: false })
    }

    /// Gives a socket one other end (`connect`): it takes and sends no other datagrams.
    pub fn connect_udp(
        &mut self,
        stack: StackId,
        socket: SocketId,
        source: Option<Ipv4Addr>,
        remote: End,
    ) -> Result<(), SendError> {
        let out = Outgoing { source, ..Outgoing::new(remote.0, protocol::UDP, Vec::new()) };
        let (local, _) = self.probe(stack, &out)?;
        let start = u16::from_be_bytes(self.random.octets());
        if let Some(own) = self.stack_mut(stack).and_then(|own| own.socket_mut(socket)) {
            own.ident = start;
            if let SocketKind::Udp { ends, .. } = &mut own.kind {
                *ends = Some((local, remote));
            }
        }
        Ok(())
    }

    /// Sends a datagram to the other end of a connected socket.
    pub fn send_udp(&mut self, stack: StackId, socket: SocketId, data: &[u8]) -> Result<Journey, SendError> {
        let own = self.stack_mut(stack).and_then(|own| own.socket_mut(socket)).ok_or(SendError::Invalid)?;
        let SocketKind::Udp { port, ends: Some((local, remote)), .. } = own.kind else {
            return Err(SendError::Invalid);
        };
        let identification = own.next_ident(1);
        let length = HEADER_LEN + data.len();
        let mut out = Outgoing { source: Some(local), ..Outgoing::new(remote.0, protocol::UDP, Vec::new()) };
        let mtu = self.probe(stack, &out)?.1 as usize;
        let mut datagram = Vec::with_capacity(length);
        for number in [port, remote.1, length as u16, pseudo_sum(local, remote.0, protocol::UDP, length)] {
            datagram.extend_from_slice(&number.to_be_bytes());
        }
        datagram.extend_from_slice(data);
        // The device sums up what goes out in one piece (`ip_make_skb`).
        out.partial = ipv4::HEADER_LEN + length <= mtu;
        if !out.partial {
            fill_checksum(&mut datagram);
        }
        out.payload = datagram;
        out.identification = Some(identification);
        let journey = self.send(stack, &out)?;
        self.count(stack, "UdpOutDatagrams");
        self.deliver_unless_under_way();
        Ok(journey)
    }

    /// Whether an ICMP error says that nobody is at the other end; told once (ECONNREFUSED).
    pub fn refused_udp(&mut self, stack: StackId, socket: SocketId) -> bool {
        match self.stack_mut(stack).and_then(|own| own.socket_mut(socket)).map(|socket| &mut socket.kind) {
            Some(SocketKind::Udp { refused, .. }) => std::mem::take(refused),
            _ => false,
        }
    }

    /// A datagram for this host: to its socket, or "port unreachable".
    pub(super) fn receive_udp(&mut self, stack: StackId, skb: &Skb, header: &Ipv4Header) {
        let datagram = ipv4::payload(&skb.octets);
        let Some((&[s0, s1, p0, p1, _, _, c0, c1], body)) = datagram.split_first_chunk::<HEADER_LEN>() else {
            return self.count(stack, "UdpInErrors");
        };
        let (from, to) = (ipv4::source(header), ipv4::destination(header));
        let summed = [c0, c1] != [0, 0] && !skb.partial;
        if summed && !sums_up(from, to, protocol::UDP, datagram) {
            self.count(stack, "UdpInCsumErrors");
            return self.count(stack, "UdpInErrors");
        }
        let (source, port) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([p0, p1]));
        let received = Received {
            time: self.now(),
            from: from.into(),
            port: source,
            to: to.into(),
            ttl: header.time_to_live,
            tos: ipv4::tos(header),
            device: None,
            options: header.options.as_slice().to_vec(),
            message: body.to_vec(),
            about: None,
        };
        // A connected socket is a better match than one that takes everybody's.
        let fits = |kind: &SocketKind| match kind {
            SocketKind::Udp { port: own, ends, .. } if *own == port => match ends {
                Some(ends) => (*ends == (to, (from, source))).then_some(2),
                None => Some(1),
            },
            _ => None,
        };
        let own = self.stack_mut(stack);
        let socket = own.and_then(|own| own.sockets.iter_mut().max_by_key(|socket| fits(&socket.kind)));
        if let Some(socket) = socket.filter(|socket| fits(&socket.kind).is_some()) {
            socket.inbox.push_back(received);
            return self.count(stack, "UdpInDatagrams");
        }
        self.count(stack, "UdpNoPorts");
        self.complain(stack, skb, icmp::UNREACHABLE, icmp::PORT, None);
        self.note(stack, None, skb, skb.mark, || Stage::Dropped(Drop::NoSocket));
    }

    /// An ICMP "port unreachable" quotes a datagram of ours.
    pub(super) fn udp_error(&mut self, stack: StackId, local: End, remote: End) {
        let Some(own) = self.stack_mut(stack) else { return };
        for socket in &mut own.sockets {
            if let SocketKind::Udp { port, ends: Some(ends), refused } = &mut socket.kind
                && *port == local.1
                && *ends == (local.0, remote)
            {
                *refused = true;
            }
        }
    }
}

/// Puts the checksum over a datagram whose field holds the sum of its pseudo-header; 0 means none, so it is sent as its
/// complement.
fn fill_checksum(datagram: &mut [u8]) {
    let sum = match ipv4::checksum(datagram) {
        0 => 0xffff,
        sum => sum,
    };
    if let Some(place) = datagram.get_mut(6..8) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
}
