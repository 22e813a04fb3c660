//! `nc`: OpenBSD netcat, as Debian 12 has it (1.219), over IPv4.

use std::net::Ipv4Addr;

use super::Net;
use super::nc_options::{NcOptions, service};
use crate::datapath::{Failure, SocketId, StackId, TcpState};
use crate::lab::sim::{Call, Io, OnSignal, Process, Signal, Step, World};
use crate::packet::Timestamp;

/// How long `-z -u` waits for an ICMP error without `-w` (`UDP_SCAN_TIMEOUT`), in seconds.
const UDP_SCAN: u64 = 3;
const SECOND: u64 = 1_000_000_000;

/// A `nc` under way.
pub(super) struct Nc {
    arguments: Vec<String>,
    network: String,
    run: Option<Run>,
}

struct Run {
    options: NcOptions,
    stack: StackId,
    source: Option<Ipv4Addr>,
    host: Ipv4Addr,
    /// The ports that are still to be tried.
    ports: std::vec::IntoIter<u16>,
    port: u16,
    stage: Stage,
    status: i32,
}

/// What it is doing.
enum Stage {
    /// About to try the next port.
    Next,
    /// Waits for a connection.
    Connecting { socket: SocketId, since: Timestamp },
    /// Sends a datagram a second, to see whether somebody complains.
    Probing { socket: SocketId, left: u64, next: Timestamp },
    /// Waits for somebody to come.
    Listening { socket: SocketId },
    /// Carries data both ways.
    Talking(Talk),
}

/// A conversation.
struct Talk {
    socket: SocketId,
    /// The listener that it came to.
    listener: Option<SocketId>,
    /// Whether there is nothing more to read from standard input.
    input_done: bool,
    network_done: bool,
    /// When `-q` ends it.
    quits: Option<Timestamp>,
    /// When something last went either way.
    moved: Timestamp,
}

impl Nc {
    pub(super) fn new(call: &Call) -> Self {
        Self { arguments: call.arguments().to_vec(), network: call.network.clone(), run: None }
    }

    /// Opens what there is to open; on failure what is said and the exit status.
    fn start(&self, net: &mut Net, io: &mut Io) -> Result<Run, String> {
        let options = NcOptions::read(&self.arguments)?;
        let (stack, _) = net.stack_of(&self.network).ok_or("nc: Network is down\n")?;
        let address = |name: &str, port: u16| {
            net.resolve(&self.network, name)
                .ok_or_else(|| format!("nc: getaddrinfo for host \"{name}\" port {port}: Name or service not known\n"))
        };
        let first = options.ports.first().copied().unwrap_or(0);
        let host = if options.host.is_empty() { Ipv4Addr::UNSPECIFIED } else { address(&options.host, first)? };
        let source = options.source.as_deref().map(|name| address(name, options.source_port)).transpose()?;
        let ports = options.ports.clone().into_iter();
        let mut stage = Stage::Next;
        if options.listen {
            let cluster = &mut net.cluster;
            let socket = if options.udp { Some(cluster.open_udp(stack, first)) } else { cluster.listen(stack, first) };
            stage = Stage::Listening { socket: socket.ok_or("nc: Address already in use\n")? };
            if options.verbose {
                io.complain(format!("Listening on {host} {first}\n"));
            }
        }
        Ok(Run { options, stack, source, host, ports, port: first, stage, status: 1 })
    }
}

impl Process for Nc {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        let now = world.now();
        world.net.run_until(now);
        let run = match &mut self.run {
            Some(run) => run,
            None => match self.start(&mut world.net, io) {
                Ok(run) => self.run.insert(run),
                Err(said) => {
                    io.complain(said);
                    return Step::Exit(1);
                }
            },
        };
        loop {
            if let Some(step) = run.go_on(&mut world.net, now, io) {
                return step;
            }
        }
    }

    fn signal(&mut self, signal: Signal, world: &mut World, _: &mut Io) -> OnSignal {
        if let Some(run) = &mut self.run {
            run.let_go(&mut world.net);
        }
        OnSignal::Exits(128 + signal.number())
    }

    fn endless(&self) -> bool {
        self.run.as_ref().is_none_or(|run| run.options.listen || run.options.patience.is_none() && !run.options.scan)
    }
}

impl Run {
    /// One step of what it is doing; `None` when it does something else from now on.
    fn go_on(&mut self, net: &mut Net, now: Timestamp, io: &mut Io) -> Option<Step> {
        match &mut self.stage {
            Stage::Next => self.try_next(net, now, io),
            Stage::Connecting { socket, since } => {
                let (socket, since) = (*socket, *since);
                self.connecting(net, now, io, socket, since)
            }
            Stage::Probing { socket, left, next } => {
                if net.cluster.refused_udp(self.stack, *socket) {
                    net.cluster.close(self.stack, *socket);
                    self.stage = Stage::Next;
                    return None;
                }
                if *left == 0 {
                    let socket = *socket;
                    return self.found(net, now, io, socket);
                }
                if now >= *next {
                    *left -= 1;
                    *next = Timestamp(now.0 + SECOND);
                    if *left > 0 {
                        // What is refused is told by the next look.
                        let _ = net.cluster.send_udp(self.stack, *socket, b"X");
                    }
                    return None;
                }
                Some(Step::Wait(Some(*next)))
            }
            Stage::Listening { socket } => {
                let socket = *socket;
                self.listening(net, now, io, socket)
            }
            Stage::Talking(talk) => {
                if let Some(step) = talk.go_on(&self.options, self.stack, net, now, io) {
                    return Some(step);
                }
                net.cluster.close(self.stack, talk.socket);
                self.stage = match talk.listener {
                    Some(socket) if self.options.keep && !self.options.udp => Stage::Listening { socket },
                    _ if self.options.listen => return Some(Step::Exit(0)),
                    _ => Stage::Next,
                };
                None
            }
        }
    }

    fn try_next(&mut self, net: &mut Net, now: Timestamp, io: &mut Io) -> Option<Step> {
        let Some(port) = self.ports.next() else { return Some(Step::Exit(self.status)) };
        self.port = port;
        let (cluster, stack, remote) = (&mut net.cluster, self.stack, (self.host, port));
        if !self.options.udp {
            match cluster.connect(stack, (self.source, self.options.source_port), remote) {
                Ok(socket) => self.stage = Stage::Connecting { socket, since: now },
                Err(error) => self.refused(&format!("failed: {error}"), io),
            }
            return None;
        }
        let socket = cluster.open_udp(stack, self.options.source_port);
        if let Err(error) = cluster.connect_udp(stack, socket, self.source, remote) {
            cluster.close(stack, socket);
            self.refused(&format!("failed: {error}"), io);
        } else if self.options.verbose || self.options.scan {
            // The first two at once, so that an error about the first is seen by the second.
            let first = cluster.send_udp(stack, socket, b"X");
            let refused = first.is_err() || cluster.refused_udp(stack, socket);
            let left = self.options.patience.map_or(UDP_SCAN, |patience| patience / SECOND) + 1;
            self.stage = Stage::Probing { socket, left, next: Timestamp(now.0 + SECOND) };
            if refused || cluster.send_udp(stack, socket, b"X").is_err() {
                cluster.close(stack, socket);
                self.stage = Stage::Next;
            }
        } else {
            return self.found(net, now, io, socket);
        }
        None
    }

    fn connecting(
        &mut self,
        net: &mut Net,
        now: Timestamp,
        io: &mut Io,
        socket: SocketId,
        since: Timestamp,
    ) -> Option<Step> {
        match net.cluster.connection(self.stack, socket).map(|connection| connection.state) {
            Some(TcpState::SynSent | TcpState::SynReceived) => {
                let gives_up = self.options.gives_up(since);
                if gives_up.is_none_or(|gives_up| now < gives_up) {
                    return Some(Step::Wait(gives_up));
                }
                net.cluster.close(self.stack, socket);
                self.refused("timed out: Operation now in progress", io);
                None
            }
            Some(TcpState::Closed) | None => {
                let failure = net.cluster.failure(self.stack, socket).unwrap_or(Failure::Reset);
                net.cluster.close(self.stack, socket);
                self.refused(&format!("failed: {failure}"), io);
                None
            }
            Some(_) => self.found(net, now, io, socket),
        }
    }

    /// Somebody is there.
    fn found(&mut self, net: &mut Net, now: Timestamp, io: &mut Io, socket: SocketId) -> Option<Step> {
        self.status = 0;
        let NcOptions { host, udp, numeric, verbose, scan, .. } = &self.options;
        if *verbose {
            let name = if *numeric { "*" } else { service(self.port, *udp) };
            let protocol = if *udp { "udp" } else { "tcp" };
            io.complain(format!("Connection to {host} {} port [{protocol}/{name}] succeeded!\n", self.port));
        }
        if *scan {
            net.cluster.close(self.stack, socket);
            self.stage = Stage::Next;
        } else {
            self.stage = Stage::Talking(Talk::new(socket, None, self.options.detached, now));
        }
        None
    }

    /// Nobody is there, or no way.
    fn refused(&mut self, why: &str, io: &mut Io) {
        if self.options.verbose {
            let (host, protocol) = (&self.options.host, if self.options.udp { "udp" } else { "tcp" });
            let address = self.host.to_string();
            let shown = if *host == address { address } else { format!("{host} ({address})") };
            io.complain(format!("nc: connect to {shown} port {} ({protocol}) {why}\n", self.port));
        }
        self.stage = Stage::Next;
    }

    fn listening(&mut self, net: &mut Net, now: Timestamp, io: &mut Io, socket: SocketId) -> Option<Step> {
        let (cluster, stack) = (&mut net.cluster, self.stack);
        let (connected, remote) = if self.options.udp {
            let waiting = cluster.stack(stack).and_then(|own| own.socket(socket)?.inbox.front());
            let Some((std::net::IpAddr::V4(from), port)) = waiting.map(|first| (first.from, first.port)) else {
                return Some(Step::Wait(None));
            };
            let remote = (from, port);
            if cluster.connect_udp(stack, socket, None, remote).is_err() {
                return Some(Step::Exit(1));
            }
            (socket, remote)
        } else {
            let Some(accepted) = cluster.accept(stack, socket) else { return Some(Step::Wait(None)) };
            let Some(remote) = cluster.connection(stack, accepted).map(|connection| connection.remote) else {
                return Some(Step::Wait(None));
            };
            if !self.options.keep {
                cluster.close(stack, socket);
            }
            (accepted, remote)
        };
        if self.options.verbose {
            io.complain(format!("Connection received on {} {}\n", remote.0, remote.1));
        }
        self.stage = Stage::Talking(Talk::new(connected, Some(socket), self.options.detached, now));
        None
    }

    /// Closes what is open.
    fn let_go(&mut self, net: &mut Net) {
        let sockets = match &self.stage {
            Stage::Next => [None, None],
            Stage::Connecting { socket, .. } | Stage::Probing { socket, .. } | Stage::Listening { socket } => {
                [Some(*socket), None]
            }
            Stage::Talking(talk) => [Some(talk.socket), talk.listener],
        };
        for socket in sockets.into_iter().flatten() {
            net.cluster.close(self.stack, socket);
        }
    }
}

impl Talk {
    fn new(socket: SocketId, listener: Option<SocketId>, detached: bool, now: Timestamp) -> Self {
        Self { socket, listener, input_done: detached, network_done: false, quits: None, moved: now }
    }

    /// netcat.c `readwrite`; `None` when the conversation is over.
    fn go_on(
        &mut self,
        options: &NcOptions,
        stack: StackId,
        net: &mut Net,
        now: Timestamp,
        io: &mut Io,
    ) -> Option<Step> {
        if !self.input_done {
            let typed = io.read();
            if !typed.is_empty() {
                self.moved = now;
                if !self.send(options, stack, net, &typed) {
                    return None;
                }
            }
            if io.input_ended() {
                self.input_done = true;
                if options.shut && !options.udp {
                    net.cluster.shut(stack, self.socket);
                }
                self.quits = options.quit.map(|quit| Timestamp(now.0.saturating_add(quit)));
            }
        }
        let (came, ended) = self.receive(options, stack, net);
        if !came.is_empty() {
            self.moved = now;
            io.print(came);
        }
        self.network_done |= ended;
        let over = self.network_done && (self.input_done || options.listen);
        let gives_up = [options.gives_up(self.moved), self.quits].into_iter().flatten().min();
        if over || gives_up.is_some_and(|gives_up| now >= gives_up) {
            return None;
        }
        Some(Step::Wait(gives_up))
    }

    fn send(&self, options: &NcOptions, stack: StackId, net: &mut Net, data: &[u8]) -> bool {
        if !options.udp {
            net.cluster.write(stack, self.socket, data);
            return true;
        }
        // As much as `nc` reads at a time is a datagram.
        !net.cluster.refused_udp(stack, self.socket)
            && data.chunks(16_384).all(|piece| net.cluster.send_udp(stack, self.socket, piece).is_ok())
    }

    /// What came, and whether nothing more comes.
    fn receive(&self, options: &NcOptions, stack: StackId, net: &mut Net) -> (Vec<u8>, bool) {
        if !options.udp {
            return net.cluster.read(stack, self.socket);
        }
        let mut data = Vec::new();
        while let Some(datagram) = net.cluster.take(stack, self.socket) {
            data.extend(datagram.message);
        }
        (data, net.cluster.refused_udp(stack, self.socket))
    }
}
