use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};

use super::cluster::Cluster;
use super::device::StackId;
use super::stack::Stack;
use super::tcp::{Connection, End, State};
use crate::packet::Timestamp;

/// Names a socket of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u64);

/// An open socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// Its name.
    pub id: SocketId,
    /// What it listens to.
    pub kind: SocketKind,
    /// What came, the oldest first.
    pub inbox: VecDeque<Received>,
    /// The listener that a connection came to, until it is accepted.
    pub(super) listener: Option<SocketId>,
    /// The identification of its next packet, where it has a destination of its own (`inet_id`).
    pub(super) ident: u16,
    /// For when its timer is set.
    pub(super) timer: Option<Timestamp>,
}

/// The kinds of sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketKind {
    /// ICMP echo replies with this identifier, and errors about its requests.
    Ping {
        /// The identifier of its messages.
        ident: u16,
    },
    /// ICMPv6 echo replies with this identifier.
    Ping6 {
        /// The identifier of its messages.
        ident: u16,
    },
    /// UDP datagrams to a port.
    Udp {
        /// The port.
        port: u16,
        /// The own address and the other end, of a socket that takes and sends datagrams to one other alone.
        ends: Option<(Ipv4Addr, End)>,
        /// Whether an ICMP error came that the program was not told of yet (ECONNREFUSED).
        refused: bool,
    },
    /// TCP connections to a port.
    Listener {
        /// The port.
        port: u16,
    },
    /// One TCP connection.
    Tcp(Box<Connection>),
}

/// What came to a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// When.
    pub time: Timestamp,
    /// Who sent it.
    pub from: IpAddr,
    /// From which UDP port; 0 for ICMP.
    pub port: u16,
    /// To which address of ours.
    pub to: IpAddr,
    /// The TTL it came with.
    pub ttl: u8,
    /// The TOS it came with.
    pub tos: u8,
    /// The options of the IP header it came with.
    pub options: Vec<u8>,
    /// The device it came by, where that matters: for IPv6.
    pub device: Option<super::IfIndex>,
    /// The message: ICMP header first, or the UDP payload.
    pub message: Vec<u8>,
    /// For an ICMP error: the packet it is about, as far as it was quoted.
    pub about: Option<Vec<u8>>,
}

impl Socket {
    /// Whether it is a connection that came to a listener and that nobody has accepted.
    pub fn came_to(&self, listener: SocketId) -> bool {
        self.listener == Some(listener)
    }

    /// The identification of the next packet, or the first of some that are cut from one.
    pub(super) fn next_ident(&mut self, packets: u16) -> u16 {
        let ident = self.ident;
        self.ident = ident.wrapping_add(packets);
        ident
    }
}

impl Stack {
    /// The socket of an id.
    pub fn socket(&self, id: SocketId) -> Option<&Socket> {
        self.sockets.iter().find(|socket| socket.id == id)
    }

    /// The same, to change it.
    pub(super) fn socket_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.sockets.iter_mut().find(|socket| socket.id == id)
    }

    /// The connection between two ends.
    pub(super) fn connection_of(&self, local: End, remote: End) -> Option<SocketId> {
        let fits = |kind: &SocketKind| match kind {
            SocketKind::Tcp(own) => own.local == local && own.remote == remote && own.state != State::Closed,
            _ => false,
        };
        self.sockets.iter().find(|socket| fits(&socket.kind)).map(|socket| socket.id)
    }

    /// Who listens at a TCP port.
    pub(super) fn listener_at(&self, port: u16) -> Option<SocketId> {
        let fits = |kind: &SocketKind| matches!(kind, SocketKind::Listener { port: own } if *own == port);
        self.sockets.iter().find(|socket| fits(&socket.kind)).map(|socket| socket.id)
    }
}

impl Cluster {
    /// Opens a socket.
    pub fn open(&mut self, stack: StackId, kind: SocketKind) -> SocketId {
        let Some(own) = self.stack_mut(stack) else { return SocketId(0) };
        let id = SocketId(own.next_socket);
        own.next_socket += 1;
        own.sockets.push(Socket { id, kind, inbox: VecDeque::new(), listener: None, ident: 0, timer: None });
        id
    }

    /// Closes a socket, as the end of its program does.
    pub fn close(&mut self, stack: StackId, socket: SocketId) {
        match self.stack(stack).and_then(|own| own.socket(socket)).map(|socket| &socket.kind) {
            Some(SocketKind::Tcp(_)) => self.close_connection(stack, socket),
            Some(SocketKind::Listener { .. }) => {
                self.close_listener(stack, socket);
                self.forget(stack, socket);
            }
            Some(SocketKind::Ping { .. } | SocketKind::Ping6 { .. } | SocketKind::Udp { .. }) => {
                self.forget(stack, socket);
            }
            None => {}
        }
    }

    /// Closes every socket without a word to anybody, as when all who used them are gone.
    pub fn forget_sockets(&mut self) {
        for stack in &mut self.stacks {
            stack.sockets.clear();
        }
    }

    /// The oldest message in a socket's inbox.
    pub fn take(&mut self, stack: StackId, socket: SocketId) -> Option<Received> {
        self.stack_mut(stack)?.socket_mut(socket)?.inbox.pop_front()
    }

    pub(super) fn forget(&mut self, stack: StackId, socket: SocketId) {
        if let Some(own) = self.stack_mut(stack) {
            own.sockets.retain(|open| open.id != socket);
        }
    }

    /// A free port of `ip_local_port_range` (32768 to 60999): an even one to `connect` with, any other for `bind`
    /// (`__inet_hash_connect`, net/ipv4/inet_hashtables.c).
    pub(super) fn free_port(&mut self, stack: StackId, even: bool) -> u16 {
        loop {
            let port = 32768 + self.random.below(28232) as u16;
            let port = if even { port & !1 } else { port };
            let takes = |kind: &SocketKind| match kind {
                SocketKind::Ping { .. } | SocketKind::Ping6 { .. } => false,
                SocketKind::Udp { port: own, .. } | SocketKind::Listener { port: own } => *own == port,
                SocketKind::Tcp(own) => own.local.1 == port,
            };
            if self.stack(stack).is_none_or(|own| !own.sockets.iter().any(|socket| takes(&socket.kind))) {
                return port;
            }
        }
    }
}
