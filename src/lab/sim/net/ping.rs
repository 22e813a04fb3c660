//! `ping` as iputils 20221126 has it.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Net;
use super::ping_options::{Ended, PingOptions};
use super::ping_route::options_words;
use super::ping_text::{complaint, complaint6, percent, triptime};
use crate::datapath::Device;
use crate::datapath::ipv4;
use crate::datapath::{Journey, Outgoing, Outgoing6, PathMtu, Received, SendError, SocketId, StackId, quoted_seq};
use crate::lab::sim::{Call, Io, OnSignal, Process, Signal, Step, World};
use crate::packet::Timestamp;

/// A `ping` under way.
pub(super) struct Ping {
    arguments: Vec<String>,
    network: String,
    run: Option<Run>,
    endless: bool,
}

/// What a `ping` that has started knows.
struct Run {
    options: PingOptions,
    stack: StackId,
    socket: SocketId,
    ident: u16,
    target: IpAddr,
    /// How many are still to go out at once (`-l`).
    preload: u64,
    /// The route that was printed last (`-R`).
    route: Vec<u8>,
    /// When the first request went out.
    started: Timestamp,
    /// When the next one goes out.
    next: Timestamp,
    /// When it stops to wait for the last answers.
    ends: Option<Timestamp>,
    /// The time of the last thing that happened.
    latest: Timestamp,
    sent: u64,
    received: u64,
    repeated: u64,
    errors: u64,
    /// Which sequence numbers were answered.
    answered: Vec<bool>,
    /// When each request went out.
    sent_at: Vec<Timestamp>,
    /// How many requests were under way at most.
    pipe: u64,
    times: Times,
}

/// Round-trip times in microseconds, as ping sums them.
#[derive(Default)]
struct Times {
    least: u64,
    most: u64,
    sum: u64,
    squares: u64,
    /// Eight times the exponentially weighted average.
    weighted: u64,
}

impl Ping {
    pub(super) fn new(call: &Call) -> Self {
        let endless = !call.arguments().iter().any(|word| word.starts_with("-c") || word.starts_with("-w"));
        Self { arguments: call.arguments().to_vec(), network: call.network.clone(), run: None, endless }
    }

    fn start(&self, world: &mut World, io: &mut Io) -> Result<Run, Ended> {
        let now = world.now();
        let net = &mut world.net;
        net.run_until(now);
        let Some((stack, own)) = net.stack_of(&self.network) else {
            return Err(Ended::failed(2, "socket: Network is down"));
        };
        let options = PingOptions::read(&self.arguments, |name| own.device(name).is_some())?;
        let target = resolve(net, &self.network, &options)?;
        let source = match probe(net, stack, &options, target) {
            Ok(source) => source,
            Err(SendError::Access) if target.is_ipv4() => {
                let text = "Do you want to ping broadcast? Then -b. If not, check your local firewall rules";
                return Err(Ended::failed(2, text));
            }
            Err(SendError::Invalid) if options.source.is_some() => {
                return Err(Ended::failed(2, "bind: Cannot assign requested address"));
            }
            Err(error) => return Err(Ended::failed(2, format!("connect: {error}"))),
        };
        // What the probing socket's own address is, `getsockname` does not say of a socket that is bound to a device and
        // connected to a link-local address.
        let on_link = matches!(target, IpAddr::V6(target) if target.is_unicast_link_local());
        let source = match &options.device {
            Some(device) if on_link && options.source.is_none() => {
                let warning = "Warning: source address might be selected on device other than";
                io.complain(format!("ping: {warning}: {device}\n"));
                Ipv6Addr::UNSPECIFIED.into()
            }
            _ => source,
        };
        let (socket, ident) = match target {
            IpAddr::V4(_) => net.cluster.open_ping(stack, options.ident),
            IpAddr::V6(_) => net.cluster.open_ping6(stack, options.ident),
        };
        io.complain(&options.warnings);
        let mut text = String::new();
        if options.verbose {
            let sockets = "sock4.fd: 3 (socktype: SOCK_RAW), sock6.fd: 4 (socktype: SOCK_RAW)";
            io.complain(format!("ping: {sockets}, hints.ai_family: AF_UNSPEC\n\n"));
            let family = if target.is_ipv6() { "AF_INET6" } else { "AF_INET" };
            let _ = writeln!(text, "ai->ai_family: {family}, ai->ai_canonname: '{}'", options.target);
        }
        if let Some(pattern) = &options.pattern {
            text.push_str("PATTERN: 0x");
            for octet in pattern {
                let _ = write!(text, "{octet:02x}");
            }
            text.push('\n');
        }
        if options.broadcast && target == IpAddr::V4(Ipv4Addr::BROADCAST) {
            io.complain("WARNING: pinging broadcast address\n");
        }
        let _ = match target {
            IpAddr::V4(_) => write!(text, "PING {} ({target}) ", options.target),
            IpAddr::V6(_) => {
                let scope = options.target.split_once('%').map(|(_, scope)| format!("%{scope}")).unwrap_or_default();
                write!(text, "PING {}({target}{scope}) ", options.target)
            }
        };
        if options.source.is_some() || options.device.is_some() || options.sticky {
            let device = options.device.as_deref().unwrap_or_default();
            let _ = write!(text, "from {source} {device}: ");
        }
        let _ = match target {
            IpAddr::V4(_) => {
                // Shorter options count as if they were whole.
                let whole = options.size + if options.ip_options.is_empty() { 28 } else { 68 };
                writeln!(text, "{}({whole}) bytes of data.", options.size)
            }
            IpAddr::V6(_) => writeln!(text, "{} data bytes", options.size),
        };
        io.print(text);
        Ok(Run {
            stack,
            socket,
            ident,
            target,
            preload: options.preload - 1,
            route: Vec::new(),
            started: now,
            next: now,
            ends: None,
            latest: now,
            sent: 0,
            received: 0,
            repeated: 0,
            errors: 0,
            answered: Vec::new(),
            sent_at: Vec::new(),
            pipe: 0,
            times: Times::default(),
            options,
        })
    }
}

impl Process for Ping {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        let run = match &mut self.run {
            Some(run) => run,
            None => match self.start(world, io) {
                Ok(run) => self.run.insert(run),
                Err(ended) => {
                    io.print(ended.out);
                    io.complain(ended.err);
                    return Step::Exit(ended.status);
                }
            },
        };
        run.step(world, io)
    }

    fn signal(&mut self, signal: Signal, world: &mut World, io: &mut Io) -> OnSignal {
        match (signal, &mut self.run) {
            (Signal::Interrupt, Some(run)) => {
                run.take_answers(world, io);
                OnSignal::Exits(run.finish(&mut world.net, io))
            }
            (Signal::Other(3), Some(run)) => {
                io.complain(run.status_line());
                OnSignal::Ignores
            }
            _ => OnSignal::Exits(128 + signal.number()),
        }
    }

    fn endless(&self) -> bool {
        self.endless
    }
}

impl Run {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        let now = world.now();
        world.net.run_until(now);
        loop {
            self.take_answers(world, io);
            let enough = self.options.count.is_some_and(|count| {
                self.options.deadline.is_none() && self.received + self.errors >= count
                    || self.options.deadline.is_some() && self.received >= count
            });
            let given_up = self
                .options
                .deadline
                .is_some_and(|deadline| self.errors > 0 || now.0 >= self.started.0.saturating_add(deadline));
            if enough || given_up || self.ends.is_some_and(|ends| now >= ends) {
                return Step::Exit(self.finish(&mut world.net, io));
            }
            if self.all_sent() {
                if self.options.linger == 0 && self.received == 0 {
                    // A timer of 0 never goes off.
                    return Step::Wait(None);
                }
                let ends =
                    *self.ends.get_or_insert(Timestamp(now.0 + linger(&self.options, &self.times, self.received)));
                return Step::Wait(Some(ends));
            }
            if now < self.next {
                let deadline = self.options.deadline.map(|deadline| Timestamp(self.started.0 + deadline));
                return Step::Wait(Some(deadline.map_or(self.next, |deadline| deadline.min(self.next))));
            }
            self.send(&mut world.net, io);
            for _ in 0..std::mem::take(&mut self.preload) {
                // A softirq lets each travel behind its system call; no answer is read in between.
                world.net.cluster.deliver();
                self.send(&mut world.net, io);
            }
            let interval =
                if self.options.flood { self.options.interval.max(10_000_000) } else { self.options.interval };
            self.next = Timestamp(now.0 + interval.max(if self.options.adaptive { 0 } else { 1_000_000 }));
            world.net.run_until(now);
        }
    }

    fn all_sent(&self) -> bool {
        self.options.deadline.is_none() && self.options.count.is_some_and(|count| self.sent >= count)
    }

    fn send(&mut self, net: &mut Net, io: &mut Io) {
        let at = net.cluster.now();
        if self.options.outstanding && self.sent > 0 && !self.is_answered(self.sent) {
            self.stamp(at, io);
            io.print(format!("no answer yet for icmp_seq={}\n", self.sent as u16));
        }
        let seq = self.sent + 1;
        let payload = self.payload(at);
        let target = match self.target {
            IpAddr::V4(target) => target,
            IpAddr::V6(target) => {
                let result =
                    net.cluster.echo6(self.stack, self.ident, seq as u16, &echo6(&self.options, target, payload));
                return self.sent(at, result, io);
            }
        };
        let out = outgoing(&self.options, target, payload);
        if self.options.size > 65507 {
            let mtu = net.cluster.probe(self.stack, &out).map_or(1500, |(_, mtu)| mtu);
            io.complain(format!("ping: local error: message too long, mtu={mtu}\n"));
            self.errors += 1;
            self.sent = seq;
            self.sent_at.push(at);
            self.answered.push(false);
            self.latest = at;
            return;
        }
        let result = net.cluster.echo(self.stack, self.ident, seq as u16, out);
        self.sent(at, result, io);
    }

    /// A request has gone out, or not.
    fn sent(&mut self, at: Timestamp, result: Result<Journey, SendError>, io: &mut Io) {
        self.sent += 1;
        self.sent_at.push(at);
        self.answered.push(false);
        self.latest = at;
        match result {
            Ok(_) if self.options.flood && !self.options.quiet => io.print("."),
            Err(SendError::TooLong { mtu }) => {
                self.errors += 1;
                if !self.options.quiet {
                    let sign = if self.target.is_ipv6() { ": " } else { "=" };
                    io.complain(format!("ping: local error: message too long, mtu{sign}{mtu}\n"));
                }
            }
            Err(error) if !self.options.quiet => io.complain(format!("ping: sendmsg: {error}\n")),
            Ok(_) | Err(_) => {}
        }
    }

    /// The data of a request: the time of day first, where there is room for it, then the pattern.
    fn payload(&self, at: Timestamp) -> Vec<u8> {
        let mut data: Vec<u8> = match &self.options.pattern {
            Some(pattern) => pattern.iter().copied().cycle().take(self.options.size).collect(),
            None => (0..=u8::MAX).cycle().take(self.options.size).collect(),
        };
        if let Some(place) = data.first_chunk_mut::<16>() {
            let (seconds, microseconds): (u64, u64) = (at.0 / 1_000_000_000, at.0 % 1_000_000_000 / 1000);
            place[..8].copy_from_slice(&seconds.to_le_bytes());
            place[8..].copy_from_slice(&microseconds.to_le_bytes());
        }
        data
    }

    fn take_answers(&mut self, world: &mut World, io: &mut Io) {
        while let Some(message) = world.net.cluster.take(self.stack, self.socket) {
            self.latest = message.time;
            match &message.about {
                Some(about) => self.failed(&world.net, &message, about, io),
                None => self.answered(&world.net, &message, io),
            }
        }
    }

    fn answered(&mut self, net: &Net, message: &Received, io: &mut Io) {
        let Some(seq) = message.message.get(6..8).map(|two| u16::from_be_bytes([two[0], two[1]])) else { return };
        let data = message.message.get(8..).unwrap_or_default();
        // The time is read back from the answer, as ping does.
        let sent = data.first_chunk::<16>().map(|stamp| {
            let number =
                |at: usize| stamp.iter().skip(at).take(8).rev().fold(0_u64, |sum, octet| sum << 8 | u64::from(*octet));
            number(0).wrapping_mul(1_000_000).wrapping_add(number(8))
        });
        let took = sent.map(|sent| (message.time.0 / 1000).saturating_sub(sent));
        self.acknowledge(seq);
        if self.options.flood || self.options.adaptive || self.options.interval == 0 {
            // The next one need not wait longer than the answer did.
            self.next = self.next.min(message.time);
        }
        let repeated = self.is_answered_seq(seq);
        if repeated {
            self.repeated += 1;
        } else {
            self.received += 1;
            self.mark_answered(seq);
        }
        if let Some(took) = took {
            self.times.add(took, self.received + self.repeated);
        }
        if self.options.quiet {
            return;
        }
        if self.options.flood {
            return io.print("\u{8} \u{8}");
        }
        self.stamp(message.time, io);
        let bell = if self.options.audible { "\u{7}" } else { "" };
        let from = name_of(net, self.stack, message, &self.options);
        let mut line = format!("{} bytes from {from}: icmp_seq={seq}", message.message.len());
        if self.options.verbose {
            let _ = write!(line, " ident={}", self.ident);
        }
        let _ = write!(line, " ttl={}", message.ttl);
        if let Some(took) = took {
            let _ = write!(line, " time={} ms", triptime(took));
        }
        if repeated {
            line.push_str(" (DUP!)");
        }
        line.push_str(bell);
        line += &options_words(&message.options, &mut self.route);
        line.push('\n');
        io.print(line);
    }

    fn failed(&mut self, net: &Net, message: &Received, about: &[u8], io: &mut Io) {
        let Some(&[kind, code, _, _, a, b, c, d]) = message.message.first_chunk::<8>() else { return };
        if self.target.is_ipv6() {
            let Some(seq) = quoted_seq(about) else { return };
            let what = complaint6(kind, code, u32::from_be_bytes([a, b, c, d]));
            return self.refused(net, message, seq, &what, io);
        }
        let at = ipv4::Ipv4Header::from_slice(about).map_or(20, |(header, _)| header.header_len()) + 6;
        let Some(seq) = about.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]])) else { return };
        let what = complaint(kind, code, u16::from_be_bytes([c, d]));
        self.refused(net, message, seq, &what, io);
    }

    /// An ICMP error about one of the requests.
    fn refused(&mut self, net: &Net, message: &Received, seq: u16, what: &str, io: &mut Io) {
        self.acknowledge(seq);
        self.errors += 1;
        if self.options.quiet {
            return;
        }
        if self.options.flood {
            return io.print("\u{8}E");
        }
        self.stamp(message.time, io);
        let from = match message.from {
            IpAddr::V6(_) => with_scope(net, self.stack, message),
            IpAddr::V4(from) => from.to_string(),
        };
        io.print(format!("From {from} icmp_seq={seq} {what}\n"));
    }

    /// How many requests are under way (`acknowledge`, ping.h).
    fn acknowledge(&mut self, seq: u16) {
        let behind = (self.sent as u16).wrapping_sub(seq);
        if behind <= 0x7fff {
            self.pipe = self.pipe.max(u64::from(behind) + 1);
        }
    }

    fn place(&self, seq: u16) -> Option<usize> {
        let behind = u64::from((self.sent as u16).wrapping_sub(seq));
        usize::try_from(self.sent.checked_sub(behind)?.checked_sub(1)?).ok()
    }

    fn is_answered_seq(&self, seq: u16) -> bool {
        self.place(seq).and_then(|at| self.answered.get(at)).copied().unwrap_or(false)
    }

    fn is_answered(&self, number: u64) -> bool {
        usize::try_from(number - 1).ok().and_then(|at| self.answered.get(at)).copied().unwrap_or(false)
    }

    fn mark_answered(&mut self, seq: u16) {
        let place = self.place(seq);
        if let Some(answered) = place.and_then(|at| self.answered.get_mut(at)) {
            *answered = true;
        }
    }

    fn stamp(&self, at: Timestamp, io: &mut Io) {
        if self.options.stamps {
            io.print(format!("[{}.{:06}] ", at.0 / 1_000_000_000, at.0 % 1_000_000_000 / 1000));
        }
    }

    /// The statistics, and the exit status: 0 when anything was answered.
    fn finish(&mut self, net: &mut Net, io: &mut Io) -> i32 {
        net.cluster.close(self.stack, self.socket);
        let mut text = format!("\n--- {} ping statistics ---\n", self.options.target);
        let _ = write!(text, "{} packets transmitted, {} received", self.sent, self.received);
        if self.repeated > 0 {
            let _ = write!(text, ", +{} duplicates", self.repeated);
        }
        if self.errors > 0 {
            let _ = write!(text, ", +{} errors", self.errors);
        }
        if self.sent > 0 {
            let lost = self.sent.saturating_sub(self.received);
            let time = self.latest.0.saturating_sub(self.started.0) / 1_000_000;
            let _ = write!(text, ", {}% packet loss, time {time}ms", percent(lost, self.sent));
        }
        text.push('\n');
        let mut comma = "";
        if self.received > 0 && self.options.size >= 16 {
            let times = &self.times;
            let average = times.sum / (self.received + self.repeated);
            let deviation = times.deviation(self.received + self.repeated);
            let ms = |time: u64| format!("{}.{:03}", time / 1000, time % 1000);
            let _ = write!(
                text,
                "rtt min/avg/max/mdev = {}/{}/{}/{} ms",
                ms(times.least),
                ms(average),
                ms(times.most),
                ms(deviation)
            );
            comma = ", ";
        }
        if self.pipe > 1 {
            let _ = write!(text, "{comma}pipe {}", self.pipe);
            comma = ", ";
        }
        if self.received > 0
            && self.sent > 1
            && (self.options.flood || self.options.adaptive || self.options.interval == 0)
        {
            let gap = self.latest.0.saturating_sub(self.started.0) / 1000 / (self.sent - 1);
            let weighted = self.times.weighted / 8;
            let _ = write!(
                text,
                "{comma}ipg/ewma {}.{:03}/{}.{:03} ms",
                gap / 1000,
                gap % 1000,
                weighted / 1000,
                weighted % 1000
            );
        }
        text.push('\n');
        io.print(text);
        let short = self.options.deadline.is_some() && self.options.count.is_some_and(|count| self.received < count);
        i32::from(self.received == 0 || short)
    }

    /// What SIGQUIT shows.
    fn status_line(&self) -> String {
        let lost = (self.sent.saturating_sub(self.received) * 100).checked_div(self.sent).unwrap_or(0);
        let mut text = format!("{}/{} packets, {lost}% loss", self.received, self.sent);
        if self.received > 0 {
            let times = &self.times;
            let ms = |time: u64| format!("{}.{:03}", time / 1000, time % 1000);
            let average = times.sum / (self.received + self.repeated);
            let ewma = ms(times.weighted / 8);
            let _ =
                write!(text, ", min/avg/ewma/max = {}/{}/{ewma}/{} ms", ms(times.least), ms(average), ms(times.most));
        }
        text.push('\n');
        text
    }
}

impl Times {
    fn add(&mut self, took: u64, answers: u64) {
        self.least = if answers <= 1 { took } else { self.least.min(took) };
        self.most = self.most.max(took);
        self.sum += took;
        self.squares += took * took;
        self.weighted = if answers <= 1 { took * 8 } else { self.weighted + took - self.weighted / 8 };
    }

    /// The standard deviation, in the order of operations that ping chose against rounding.
    fn deviation(&self, answers: u64) -> u64 {
        let variance = self.squares.saturating_sub(self.sum * self.sum / answers) / answers;
        variance.isqrt()
    }
}

/// How long to wait for the last answers: twice the longest round trip, but no less than an interval; the linger time
/// when nothing was ever answered.
fn linger(options: &PingOptions, times: &Times, received: u64) -> u64 {
    if received == 0 { options.linger } else { (2 * times.most * 1000).max(options.interval) }
}

fn outgoing(options: &PingOptions, target: Ipv4Addr, payload: Vec<u8>) -> Outgoing {
    Outgoing {
        source: match options.source {
            Some(IpAddr::V4(source)) => Some(source),
            _ => None,
        },
        device: options.device.clone(),
        ttl: options.ttl,
        tos: options.tos,
        mark: options.mark,
        path_mtu: options.path_mtu,
        broadcast: options.broadcast,
        options: options.ip_options.clone(),
        ..Outgoing::new(target, ipv4::protocol::ICMP, payload)
    }
}

fn echo6(options: &PingOptions, destination: Ipv6Addr, payload: Vec<u8>) -> Outgoing6 {
    let source = match options.source {
        Some(IpAddr::V6(source)) => Some(source),
        _ => None,
    };
    let scope = options.target.split_once('%').map(|(_, scope)| scope.to_owned());
    Outgoing6 {
        source,
        hop_limit: options.ttl,
        class: options.tos,
        mark: options.mark,
        device: options.device.clone().or(scope),
        whole: matches!(options.path_mtu, PathMtu::Do | PathMtu::Probe),
        ..Outgoing6::new(destination, payload)
    }
}

/// The source address that requests will have.
fn probe(net: &Net, stack: StackId, options: &PingOptions, target: IpAddr) -> Result<IpAddr, SendError> {
    match target {
        IpAddr::V4(target) => {
            net.cluster.probe(stack, &outgoing(options, target, Vec::new())).map(|(source, _)| source.into())
        }
        IpAddr::V6(target) => {
            net.cluster.probe6(stack, &echo6(options, target, Vec::new())).map(|(source, _)| source.into())
        }
    }
}

fn resolve(net: &Net, network: &str, options: &PingOptions) -> Result<IpAddr, Ended> {
    let whole = options.target.as_str();
    let (name, scope) = whole.split_once('%').map_or((whole, None), |(name, scope)| (name, Some(scope)));
    if scope.is_some_and(|scope| net.stack_of(network).is_none_or(|(_, own)| own.device(scope).is_none())) {
        return Err(Ended::failed(2, format!("{whole}: Name or service not known")));
    }
    if let Ok(address) = name.parse::<std::net::Ipv6Addr>() {
        if options.family_given {
            return Err(Ended::failed(2, format!("{name}: Address family for hostname not supported")));
        }
        return Ok(address.into());
    }
    if options.six {
        let known = name.parse::<Ipv4Addr>().is_ok() || net.resolve(network, name).is_some();
        let why = if known { "Address family for hostname not supported" } else { "Name or service not known" };
        return Err(Ended::failed(2, format!("{name}: {why}")));
    }
    let found = net.resolve(network, name);
    // 0.0.0.0 is this host, by way of the loopback.
    let found = found.map(|address| if address.is_unspecified() { Ipv4Addr::LOCALHOST } else { address });
    found.map(IpAddr::from).ok_or_else(|| Ended::failed(2, format!("{name}: Name or service not known")))
}

/// Who answered, as `-n` or the resolver says.
fn name_of(net: &Net, stack: StackId, message: &Received, options: &PingOptions) -> String {
    let address = message.from;
    if address.is_ipv6() {
        return with_scope(net, stack, message);
    }
    let by_name = !options.numeric && options.target.parse::<Ipv4Addr>().is_err();
    match net.cluster.nodes.iter().find(|node| by_name && IpAddr::from(node.address) == address) {
        Some(node) => format!("{}.kind ({address})", node.name),
        None => address.to_string(),
    }
}

/// An IPv6 address; a link-local one means something only together with its link.
fn with_scope(net: &Net, stack: StackId, message: &Received) -> String {
    let address = message.from;
    if !matches!(address, IpAddr::V6(six) if six.is_unicast_link_local()) {
        return address.to_string();
    }
    let devices = net.cluster.stack(stack).map(|own| own.devices.as_slice()).unwrap_or_default();
    // What this host sent to itself came by `lo`, and is named by the device that has the address.
    let holds = |device: &&Device| device.addresses.iter().any(|own| own.address == address);
    let came_by = |device: &&Device| Some(device.index) == message.device;
    let link = devices.iter().find(holds).or_else(|| devices.iter().find(came_by));
    link.map_or_else(|| address.to_string(), |link| format!("{address}%{}", link.name))
}
