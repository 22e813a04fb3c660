use std::collections::VecDeque;
use std::net::IpAddr;

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
}

/// The kinds of sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    },
}

/// What came to a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// When.
    pub time: Timestamp,
    /// Who sent it.
    pub from: IpAddr,
    /// To which address of ours.
    pub to: IpAddr,
    /// The TTL it came with.
    pub ttl: u8,
    /// The TOS it came with.
    pub tos: u8,
    /// The options of the IP header it came with.
    pub options: Vec<u8>,
    /// The message: ICMP header first, or the UDP payload.
    pub message: Vec<u8>,
    /// For an ICMP error: the packet it is about, as far as it was quoted.
    pub about: Option<Vec<u8>>,
}
