//! TCP: connections, and how a stack carries them.

mod connection;
mod offload;
mod receiver;
mod segment;

use std::net::Ipv4Addr;

pub use connection::{Connection, End, Failure, State};

pub(super) use offload::segments;
pub(super) use segment::{pseudo_sum, sums_up};

use super::cluster::{Cluster, Event};
use super::device::StackId;
use super::ipv4::{self, Ipv4Header, protocol};
use super::send::{Outgoing, PathMtu, SendError};
use super::skb::Skb;
use super::socket::{SocketId, SocketKind};
use connection::Start;
use segment::Segment;

impl Cluster {
    /// Listens at a port (`listen`); `None` when another listener has it.
    pub fn listen(&mut self, stack: StackId, port: u16) -> Option<SocketId> {
        let taken = |kind: &SocketKind| matches!(kind, SocketKind::Listener { port: own } if *own == port && port != 0);
        if self.stack(stack)?.sockets.iter().any(|socket| taken(&socket.kind)) {
            return None;
        }
        let port = if port == 0 { self.free_port(stack, false) } else { port };
        Some(self.open(stack, SocketKind::Listener { port }))
    }

    /// Begins a connection (`connect`), and gives the kernel the time that an answer from near by takes. A port of 0 is
    /// for the kernel to choose.
    pub fn connect(
        &mut self,
        stack: StackId,
        source: (Option<Ipv4Addr>, u16),
        remote: End,
    ) -> Result<SocketId, SendError> {
        let out = Outgoing { source: source.0, ..Outgoing::new(remote.0, protocol::TCP, Vec::new()) };
        let (address, mtu) = self.probe(stack, &out)?;
        let port = if source.1 == 0 { self.free_port(stack, true) } else { source.1 };
        let start = self.start((address, port), remote, mtu);
        let connection = Connection::connect(start, self.now());
        let socket = self.open_connection(stack, connection, None);
        self.count(stack, "TcpActiveOpens");
        self.settle(stack, socket);
        self.deliver_unless_under_way();
        Ok(socket)
    }

    /// A connection that came to a listener and is open (`accept`).
    pub fn accept(&mut self, stack: StackId, listener: SocketId) -> Option<SocketId> {
        let own = self.stack_mut(stack)?;
        let waiting = own.sockets.iter_mut().find(|socket| {
            socket.listener == Some(listener)
                && matches!(&socket.kind, SocketKind::Tcp(connection) if connection.state != State::SynReceived)
        })?;
        waiting.listener = None;
        Some(waiting.id)
    }

    /// A connection, to look at. `None` once it is over and forgotten.
    pub fn connection(&self, stack: StackId, socket: SocketId) -> Option<&Connection> {
        match &self.stack(stack)?.socket(socket)?.kind {
            SocketKind::Tcp(connection) => Some(connection),
            _ => None,
        }
    }

    /// Sends data over a connection.
    pub fn write(&mut self, stack: StackId, socket: SocketId, data: &[u8]) {
        self.change(stack, socket, |connection, now| connection.write(data, now));
        // What an answer from near by takes, the program spends in the system call: the softirq runs in it.
        self.deliver_unless_under_way();
    }

    /// What a connection has to read, and whether nothing more comes.
    pub fn read(&mut self, stack: StackId, socket: SocketId) -> (Vec<u8>, bool) {
        self.change(stack, socket, Connection::read).unwrap_or((Vec::new(), true))
    }

    /// Says that no more data follows.
    pub fn shut(&mut self, stack: StackId, socket: SocketId) {
        self.change(stack, socket, Connection::shut);
        self.deliver_unless_under_way();
    }

    /// Why a connection failed; told once (SO_ERROR).
    pub fn failure(&mut self, stack: StackId, socket: SocketId) -> Option<Failure> {
        self.connection_mut(stack, socket)?.failure.take()
    }

    /// The program lets a connection go; it may last a while yet.
    pub(super) fn close_connection(&mut self, stack: StackId, socket: SocketId) {
        self.change(stack, socket, Connection::close);
        self.deliver_unless_under_way();
    }

    /// The program lets a listener go, and with it the connections that nobody took.
    pub(super) fn close_listener(&mut self, stack: StackId, listener: SocketId) {
        let Some(own) = self.stack(stack) else { return };
        let left = own.sockets.iter().filter(|socket| socket.listener == Some(listener)).map(|socket| socket.id);
        for socket in left.collect::<Vec<_>>() {
            self.change(stack, socket, |connection, now| {
                connection.orphan = true;
                connection.abort(now);
            });
        }
    }

    /// net/ipv4/tcp_ipv4.c `tcp_v4_rcv`: to its connection, to its listener, or a reset (RFC 9293 section 3.5.2).
    pub(super) fn receive_tcp(&mut self, stack: StackId, skb: &Skb, header: &Ipv4Header) {
        self.spend(2_000);
        let whole = ipv4::payload(&skb.octets);
        let pieces = skb.gso_size.map_or(1, |size| whole.len().div_ceil(usize::from(size).max(1)) as u64);
        self.add(stack, "TcpInSegs", pieces.max(1));
        let (from, to) = (ipv4::source(header), ipv4::destination(header));
        let right = skb.partial || sums_up(from, to, protocol::TCP, whole);
        let Some(segment) = Segment::read(whole).filter(|_| right) else {
            return self.count(stack, if right { "TcpInErrs" } else { "TcpInCsumErrors" });
        };
        let (local, remote) = ((to, segment.destination), (from, segment.source));
        if let Some(socket) = self.stack(stack).and_then(|own| own.connection_of(local, remote)) {
            let rests = self.connection(stack, socket).is_some_and(|own| own.state == State::TimeWait);
            if !(rests && segment.syn) {
                self.change(stack, socket, |connection, now| connection.arrives(&segment, now));
                return;
            }
            // A new connection between the same ends: the old one is long over.
            self.forget(stack, socket);
        }
        let listener = self.stack(stack).and_then(|own| own.listener_at(segment.destination));
        match listener {
            Some(listener) if segment.syn && segment.ack.is_none() && !segment.rst => {
                let out = Outgoing { source: Some(to), ..Outgoing::new(from, protocol::TCP, Vec::new()) };
                let Ok((_, mtu)) = self.probe(stack, &out) else { return };
                let start = self.start(local, remote, mtu);
                let connection = Connection::accept(start, &segment, self.now());
                let socket = self.open_connection(stack, connection, Some(listener));
                self.settle(stack, socket);
            }
            _ => self.reset(stack, &segment, local, remote),
        }
    }

    /// Nobody is there for a segment.
    fn reset(&mut self, stack: StackId, segment: &Segment, local: End, remote: End) {
        if segment.rst {
            return;
        }
        let mut reset = Segment { source: local.1, destination: remote.1, rst: true, ..Segment::default() };
        match segment.ack {
            Some(ack) => reset.seq = ack,
            None => reset.ack = Some(segment.seq.wrapping_add(segment.len())),
        }
        let mut out = Outgoing::new(remote.0, protocol::TCP, reset.whole(local.0, remote.0));
        out.source = Some(local.0);
        out.path_mtu = PathMtu::Do;
        if self.send(stack, &out).is_ok() {
            self.count(stack, "TcpOutSegs");
            self.count(stack, "TcpOutRsts");
        }
    }

    /// An ICMP error quotes a segment of ours.
    pub(super) fn tcp_error(&mut self, stack: StackId, ends: (End, End), failure: Option<Failure>, mtu: Option<u32>) {
        let Some(socket) = self.stack(stack).and_then(|own| own.connection_of(ends.0, ends.1)) else { return };
        self.change(stack, socket, |connection, now| {
            if let Some(mtu) = mtu {
                connection.shorten(mtu, now);
            } else if let Some(failure) = failure {
                connection.fails(failure);
            }
        });
    }

    /// A connection's timer.
    pub(super) fn tcp_timer(&mut self, stack: StackId, socket: SocketId) {
        let now = self.now();
        let due = self.connection(stack, socket).and_then(Connection::deadline).is_some_and(|due| due <= now);
        if let Some(socket) = self.stack_mut(stack).and_then(|own| own.socket_mut(socket)) {
            socket.timer = None;
        }
        if due {
            self.change(stack, socket, Connection::tick);
        } else {
            self.settle(stack, socket);
        }
    }

    /// Does something to a connection, sends what comes of it, and sets its timer.
    fn change<T>(
        &mut self,
        stack: StackId,
        socket: SocketId,
        change: impl FnOnce(&mut Connection, crate::packet::Timestamp) -> T,
    ) -> Option<T> {
        let now = self.now();
        let connection = self.connection_mut(stack, socket)?;
        let before = connection.state;
        let done = change(connection, now);
        let after = connection.state;
        let opening = |state| matches!(state, State::SynSent | State::SynReceived);
        match (before, after) {
            (State::SynReceived, _) if !opening(after) && after != State::Closed => {
                self.count(stack, "TcpPassiveOpens");
            }
            // One that its program gives up is not counted, and one that ends by an ICMP error is given up.
            (_, State::Closed) if opening(before) => {
                let failed = matches!(connection.failure, Some(Failure::Refused | Failure::TimedOut));
                self.add(stack, "TcpAttemptFails", u64::from(failed));
            }
            (State::Established | State::CloseWait, State::Closed) => self.count(stack, "TcpEstabResets"),
            _ => {}
        }
        self.settle(stack, socket);
        Some(done)
    }

    /// Sends what a connection has ready, sets its timer, and forgets it when it is over and nobody holds it.
    fn settle(&mut self, stack: StackId, socket: SocketId) {
        let Some(connection) = self.connection_mut(stack, socket) else { return };
        let (local, remote) = (connection.local, connection.remote);
        let repeated = std::mem::take(&mut connection.repeated);
        let full = connection.payload_max();
        for segment in connection.take_segments() {
            self.send_segment(stack, socket, &segment, (local, remote), full);
        }
        self.add(stack, "TcpRetransSegs", repeated);
        let Some(own) = self.stack_mut(stack).and_then(|own| own.socket_mut(socket)) else { return };
        let SocketKind::Tcp(connection) = &own.kind else { return };
        if connection.state == State::Closed && (connection.orphan || own.listener.is_some()) {
            return self.forget(stack, socket);
        }
        if let Some(deadline) = connection.deadline()
            && own.timer.is_none_or(|timer| deadline < timer)
        {
            own.timer = Some(deadline);
            let now = self.now();
            self.schedule(deadline.0.saturating_sub(now.0), Event::Tcp(stack, socket));
        }
    }

    fn send_segment(&mut self, stack: StackId, socket: SocketId, segment: &Segment, ends: (End, End), full: usize) {
        let (local, remote) = ends;
        let pieces = segment.payload.len().div_ceil(full).max(1);
        let mut out = Outgoing::new(remote.0, protocol::TCP, segment.partial(local.0, remote.0));
        out.source = Some(local.0);
        out.path_mtu = PathMtu::Do;
        out.partial = true;
        out.gso_size = (pieces > 1).then_some(full as u16);
        // A SYN-ACK has no identification, all else of a connection counts its own.
        let answer = segment.syn && segment.ack.is_some();
        out.identification = match self.stack_mut(stack).and_then(|own| own.socket_mut(socket)) {
            Some(own) if !answer => Some(own.next_ident(pieces as u16)),
            _ => None,
        };
        match self.send(stack, &out) {
            Ok(_) => {
                self.add(stack, "TcpOutSegs", pieces as u64);
                if segment.rst {
                    self.count(stack, "TcpOutRsts");
                }
            }
            Err(SendError::TooLong { mtu }) => {
                let now = self.now();
                let Some(connection) = self.connection_mut(stack, socket) else { return };
                connection.shorten(mtu, now);
                for shorter in connection.take_segments() {
                    let full = self.connection(stack, socket).map_or(full, Connection::payload_max);
                    self.send_segment(stack, socket, &shorter, ends, full);
                }
            }
            // As if it had been lost: the timer tries again.
            Err(_) => {}
        }
    }

    fn start(&mut self, local: End, remote: End, mtu: u32) -> Start {
        let isn = u32::from_be_bytes(self.random.octets());
        let clock_offset = u32::from_be_bytes(self.random.octets());
        Start { local, remote, mtu, isn, clock_offset }
    }

    fn open_connection(&mut self, stack: StackId, connection: Connection, listener: Option<SocketId>) -> SocketId {
        let ident = u16::from_be_bytes(self.random.octets());
        let id = self.open(stack, SocketKind::Tcp(Box::new(connection)));
        if let Some(socket) = self.stack_mut(stack).and_then(|own| own.socket_mut(id)) {
            (socket.listener, socket.ident) = (listener, ident);
        }
        id
    }

    fn connection_mut(&mut self, stack: StackId, socket: SocketId) -> Option<&mut Connection> {
        match &mut self.stack_mut(stack)?.socket_mut(socket)?.kind {
            SocketKind::Tcp(connection) => Some(connection),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
