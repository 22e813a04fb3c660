//! `tcpdump` 4.99.3 over libpcap 1.10.3: the frames of a stack, filtered by libpcap itself and printed by
//! [`crate::packet::line`].

use std::cell::RefCell;
use std::io::{self, Cursor};
use std::rc::Rc;

use super::esp_secret::{self, Secret};
use super::tcpdump_options::{Direction, Ended, TcpdumpOptions};
use crate::capture::{Filter, Format, Precision, Reader, Writer};
use crate::datapath::{Device, Sight, Stack, TapId};
use crate::lab::sim::{Call, Io, OnSignal, Process, Signal, Step, World};
use crate::packet::line::Printer;
use crate::packet::{Cooked, Frame, FrameView, LinkType, PacketType};

/// A `tcpdump` under way.
pub(super) struct Tcpdump {
    call: Call,
    run: Option<Run>,
    counted: bool,
    /// The capture on standard input (`-r -`), once it is whole.
    piped: Option<Vec<u8>>,
}

/// A capture that has started.
struct Run {
    tap: TapId,
    output: Output,
    filter: Filter,
    seen: u64,
}

/// Where frames go: printed, written, or counted.
struct Output {
    options: TcpdumpOptions,
    printer: Printer,
    file: Option<Writer<Sink>>,
    sink: Sink,
    link: LinkType,
    frames: u64,
    /// The secrets of `-E`, until the first ESP packet.
    secrets: Option<Vec<Secret>>,
    /// Why it ends in the middle.
    failed: Option<Ended>,
}

impl Tcpdump {
    pub(super) fn new(call: &Call) -> Self {
        let counted = call.arguments().iter().any(|word| {
            let is_short = word.starts_with('-') && !word.starts_with("--");
            is_short && word.contains(['c', 'r', 'D', 'L', 'h']) || word.starts_with("--")
        });
        Self { call: call.clone(), run: None, counted, piped: None }
    }

    fn start(&self, world: &mut World, io: &mut Io) -> Result<Run, Ended> {
        let mut options = TcpdumpOptions::read(self.call.arguments())?;
        if let Some(path) = options.filter_file.clone() {
            let text = world.files.get(&self.call.place).and_then(|files| files.read(&self.call.path(&path)).ok());
            let Some(text) = text else {
                return Err(Ended::failed(format!("can't open {path}: No such file or directory")));
            };
            options.expression = String::from_utf8_lossy(text).into_owned();
        }
        let now = world.now();
        world.net.run_until(now);
        let Some((stack, own)) = world.net.stack_of(&self.call.network) else {
            return Err(Ended::failed("no network here"));
        };
        if options.compiled > 0 && options.device.is_none() && options.read.is_none() {
            let link = if options.link_type.as_deref() == Some("LINUX_SLL2") {
                LinkType::LinuxSll2
            } else if options.link_type.as_deref() == Some("LINUX_SLL") {
                LinkType::LinuxSll
            } else {
                if options.link_type.is_none() {
                    io.complain("Warning: assuming Ethernet\n");
                }
                LinkType::Ethernet
            };
            return Err(Ended::done(listing(&compile(link, &options.expression)?, &options)));
        }
        if options.list_devices {
            return Err(Ended::done(devices(own)));
        }
        if let Some(path) = options.read.clone() {
            return Err(self.read_file(world, io, options, &path));
        }
        let name = match &options.device {
            Some(name) => name.clone(),
            None => default_device(own).unwrap_or_else(|| "any".to_owned()),
        };
        let cooked = name == "any";
        let device = match own.device(&by_number(own, &name)) {
            Some(device) => Some((device.index, device.up)),
            None if cooked => None,
            None => return Err(Ended::failed(format!("{name}: No such device exists\n(No such device exists)"))),
        };
        if let Some((_, false)) = device {
            return Err(Ended::failed(format!("{name}: That device is not up")));
        }
        let name = device.map_or(name, |(index, _)| own.device_name(index));
        if options.list_links {
            return Err(Ended { out: String::new(), err: link_types(&name, cooked), status: 0 });
        }
        let cooked_v1 = options.link_type.as_deref() == Some("LINUX_SLL") && cooked;
        if let Some(wanted) = &options.link_type {
            let fits = if cooked { wanted.starts_with("LINUX_SLL") } else { wanted == "EN10MB" };
            if !LINK_TYPES.contains(&wanted.as_str()) {
                return Err(Ended::failed(format!("invalid data link type {wanted}")));
            }
            if !fits {
                return Err(Ended::failed(format!("{wanted} is not one of the DLTs supported by this device")));
            }
        }
        let link = match (cooked, cooked_v1) {
            (false, _) => LinkType::Ethernet,
            (true, true) => LinkType::LinuxSll,
            (true, false) => LinkType::LinuxSll2,
        };
        let filter = compile(link, &options.expression)?;
        if options.compiled > 0 {
            io.complain(link_chosen(link, &options));
            return Err(Ended::done(listing(&filter, &options)));
        }
        let output = Output::new(options, link, world, &self.call)?;
        let tap = world.net.cluster.tap(stack, device.map(|(index, _)| index));
        io.complain(opening(&output, &name));
        Ok(Run { tap, output, filter, seen: 0 })
    }

    /// `tcpdump -r`.
    fn read_file(&self, world: &mut World, io: &mut Io, options: TcpdumpOptions, path: &str) -> Ended {
        let missing = || Ended::failed(format!("{path}: No such file or directory"));
        let octets = if path == "-" {
            self.piped.clone()
        } else {
            let files = world.files.get(&self.call.place);
            files.and_then(|files| files.read(&self.call.path(path)).ok()).map(<[u8]>::to_vec)
        };
        let Some(octets) = octets else { return missing() };
        if octets.len() < 24 {
            let have = octets.len();
            return Ended::failed(format!("truncated dump file; tried to read 4 file header bytes, only got {have}"))
                .or_if(have >= 4, || Ended::failed("unknown file format"));
        }
        let Ok(mut reader) = Reader::new(Cursor::new(octets)) else { return Ended::failed("unknown file format") };
        let first = reader.interfaces().first().cloned();
        let link = first.as_ref().and_then(|first| first.link).unwrap_or(LinkType::Ethernet);
        let snap_len = first.as_ref().map_or(262_144, |first| first.snap_len);
        let (name, words) = link_words(link);
        io.complain(format!("reading from file {path}, link-type {name} ({words}), snapshot length {snap_len}\n"));
        if link == LinkType::LinuxSll2 {
            io.complain("Warning: interface names might be incorrect\n");
        }
        let filter = match compile(link, &options.expression) {
            Ok(filter) => filter,
            Err(ended) => return ended,
        };
        if options.compiled > 0 {
            return Ended::done(listing(&filter, &options));
        }
        let count = options.count;
        let only_count = options.only_count;
        let mut output = match Output::new(options, link, world, &self.call) {
            Ok(output) => output,
            Err(ended) => return ended,
        };
        let names = world.net.stack_of(&self.call.network).map(|(_, own)| own.clone());
        let mut matched = 0;
        let error = loop {
            if count.is_some_and(|count| matched >= count) {
                break None;
            }
            if let Some(failed) = output.failed.take() {
                return failed;
            }
            match reader.next_record() {
                Ok(Some(record)) => {
                    let frame = record.frame;
                    if !filter.matches(frame.octets) {
                        continue;
                    }
                    matched += 1;
                    let device = Cooked::read_v2(frame.octets)
                        .filter(|_| link == LinkType::LinuxSll2)
                        .and_then(|cooked| cooked.ifindex)
                        .and_then(|index| names.as_ref()?.device_at(crate::datapath::IfIndex(index)))
                        .map(|device| device.name.as_str());
                    output.frame(FrameView { device, ..frame }, io);
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        if only_count {
            io.print(format!("{matched} packet{}\n", plural(matched)));
        }
        output.save(world, &self.call, io, true);
        match error {
            None => Ended { out: String::new(), err: String::new(), status: 0 },
            Some(error) => Ended::failed(format!("pcap_loop: {error}")),
        }
    }
}

impl Process for Tcpdump {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        if self.run.is_none() {
            let reads_input =
                TcpdumpOptions::read(self.call.arguments()).is_ok_and(|options| options.read.as_deref() == Some("-"));
            if reads_input && self.piped.is_none() {
                self.piped = io.read_to_end();
                if self.piped.is_none() {
                    return Step::Wait(None);
                }
            }
            match self.start(world, io) {
                Ok(run) => self.run = Some(run),
                Err(ended) => {
                    io.print(ended.out);
                    io.complain(ended.err);
                    return Step::Exit(ended.status);
                }
            }
        }
        let Some(run) = &mut self.run else { return Step::Exit(1) };
        if run.drain(world, io) {
            if let Some(failed) = run.output.failed.take() {
                world.net.cluster.untap(run.tap);
                io.complain(failed.err);
                return Step::Exit(failed.status);
            }
            run.close(world, &self.call, io);
            return Step::Exit(0);
        }
        run.output.save(world, &self.call, io, false);
        Step::Wait(None)
    }

    fn signal(&mut self, signal: Signal, world: &mut World, io: &mut Io) -> OnSignal {
        match (signal, &mut self.run) {
            (Signal::Interrupt | Signal::Terminate, Some(run)) => {
                let _ = run.drain(world, io);
                if run.output.options.write.is_none() {
                    // A line may be half printed: tcpdump makes sure that it ends.
                    io.print("\n");
                }
                run.close(world, &self.call, io);
                OnSignal::Exits(0)
            }
            (Signal::Other(10), Some(run)) => {
                io.complain(run.summary());
                OnSignal::Ignores
            }
            _ => OnSignal::Exits(128 + signal.number()),
        }
    }

    fn endless(&self) -> bool {
        !self.counted
    }
}

impl Run {
    /// Takes what was captured; whether that was enough (`-c`).
    fn drain(&mut self, world: &mut World, io: &mut Io) -> bool {
        let now = world.now();
        world.net.run_until(now);
        for sight in world.net.cluster.seen(self.tap) {
            if self.output.is_full() || self.output.failed.is_some() {
                break;
            }
            let frame = self.frame(&sight);
            if !self.filter.matches(&frame.octets) {
                continue;
            }
            self.seen += 1;
            // libpcap leaves frames of the other direction out itself, behind the count.
            if sight.is_left_out() || !self.output.options.direction.takes(sight.kind) {
                continue;
            }
            self.output.frame(frame.view(), io);
        }
        self.output.is_full() || self.output.failed.is_some()
    }

    fn frame(&self, sight: &Sight) -> Frame {
        match self.output.link {
            LinkType::LinuxSll2 => sight.cooked(),
            LinkType::LinuxSll => sight.cooked_v1(),
            _ => sight.ethernet(),
        }
    }

    fn close(&mut self, world: &mut World, call: &Call, io: &mut Io) {
        world.net.cluster.untap(self.tap);
        self.output.save(world, call, io, true);
        io.complain(self.summary());
    }

    fn summary(&self) -> String {
        let (captured, received) = (self.output.frames, self.seen);
        format!(
            "{captured} packet{} captured\n{received} packet{} received by filter\n0 packets dropped by kernel\n",
            plural(captured),
            plural(received)
        )
    }
}

impl Output {
    fn new(options: TcpdumpOptions, link: LinkType, world: &mut World, call: &Call) -> Result<Self, Ended> {
        let precision = if options.nanoseconds { Precision::Nanoseconds } else { Precision::Microseconds };
        let sink = Sink::default();
        let file = match &options.write {
            None => None,
            Some(path) => {
                if path != "-" {
                    let files = world.files.entry(call.place.clone()).or_default();
                    if let Err(error) = files.write(&call.path(path), b"") {
                        return Err(Ended::failed(format!("{path}: {error}")));
                    }
                }
                Some(Writer::new(sink.clone(), Format::Pcap, precision))
            }
        };
        let secrets = match &options.secrets {
            Some(text) => Some(secrets(text, world, call)?),
            None => None,
        };
        let printer = Printer::new(options.printing);
        Ok(Self { printer, options, file, sink, link, frames: 0, secrets, failed: None })
    }

    fn is_full(&self) -> bool {
        self.options.count.is_some_and(|count| self.frames >= count)
    }

    fn frame(&mut self, frame: FrameView<'_>, io: &mut Io) {
        self.frames += 1;
        let kept = frame.octets.get(..frame.octets.len().min(self.options.snap_len)).unwrap_or_default();
        let frame = FrameView { octets: kept, ..frame };
        if let Some(file) = &mut self.file {
            // A Vec takes everything, and all frames of a run have one link type.
            let _ = file.write(frame, None);
        }
        if (self.file.is_none() || self.options.print) && !self.options.only_count {
            let mut text = String::new();
            self.printer.print(frame, &mut text);
            if text.contains(": ESP(spi=")
                && let Some(secrets) = self.secrets.take()
            {
                self.use_secrets(&secrets, &mut text, io);
            }
            io.print(text);
        }
    }

    /// Says what is wrong with the secrets, in the middle of the first ESP packet's line.
    fn use_secrets(&mut self, secrets: &[Secret], text: &mut String, io: &mut Io) {
        for secret in secrets {
            match secret {
                Secret::Useless(why) => io.complain(format!("tcpdump: WARNING: {why}\n")),
                Secret::File(name) => {
                    let why = format!("esp_print_decode_onesecret: can't open {name}: No such file or directory");
                    self.failed = Some(Ended { status: 13, ..Ended::failed(why) });
                    let end = text.trim_end_matches('\n').len();
                    text.truncate(end);
                    return;
                }
                Secret::Cipher(_) | Secret::None => {}
            }
        }
    }

    /// Brings the file up to date: what was captured is there for other programs at once, as with `-U`.
    fn save(&mut self, world: &mut World, call: &Call, io: &mut Io, last: bool) {
        if last && let Some(file) = self.file.take() {
            // The sink is memory and takes everything.
            let _ = file.finish(self.link.number());
        }
        let octets = self.sink.take();
        match self.options.write.as_deref() {
            Some("-") => io.print(octets),
            Some(path) if !octets.is_empty() => {
                let files = world.files.entry(call.place.clone()).or_default();
                // The folder may have gone meanwhile; then so has the file, as on a disk.
                let _ = files.append(&call.path(path), &octets);
            }
            _ => {}
        }
    }
}

/// Names of link types that libpcap knows and a learner may try.
const LINK_TYPES: [&str; 8] = ["EN10MB", "LINUX_SLL", "LINUX_SLL2", "DOCSIS", "RAW", "NULL", "PPP", "IEEE802_11"];

/// Where the capture writer writes to, and who saves the file takes from.
#[derive(Debug, Clone, Default)]
struct Sink(Rc<RefCell<Vec<u8>>>);

impl Sink {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.borrow_mut())
    }
}

impl io::Write for Sink {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The secrets of `-E`, those in files of the place with them. A file that is not there is left as one.
fn secrets(text: &str, world: &World, call: &Call) -> Result<Vec<Secret>, Ended> {
    let file = |name: &str| world.files.get(&call.place).and_then(|files| files.read(&call.path(name)).ok());
    let mut all = Vec::new();
    for secret in esp_secret::read(text) {
        match &secret {
            Secret::File(name) => match file(name) {
                Some(lines) => all.extend(esp_secret::read(&String::from_utf8_lossy(lines))),
                None => all.push(secret),
            },
            _ => all.push(secret),
        }
    }
    if let Some(name) = all.iter().find_map(|secret| if let Secret::Cipher(name) = secret { Some(name) } else { None })
    {
        return Err(Ended::failed(super::elsewhere(&format!("-E {name}"))));
    }
    Ok(all)
}

/// What it says before the first packet.
fn opening(output: &Output, device: &str) -> String {
    let (name, words) = link_words(output.link);
    let options = &output.options;
    let mut text = link_chosen(output.link, options);
    if options.write.is_none() && options.printing.verbose == 0 {
        text.push_str("tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n");
    } else {
        text.push_str("tcpdump: ");
    }
    let snap_len = options.snap_len;
    text + &format!("listening on {device}, link-type {name} ({words}), snapshot length {snap_len} bytes\n")
}

/// Said where the link type is not what the device has by itself, or was asked for.
fn link_chosen(link: LinkType, options: &TcpdumpOptions) -> String {
    if matches!(link, LinkType::LinuxSll | LinkType::LinuxSll2) || options.link_type.is_some() {
        return format!("tcpdump: data link type {}\n", link_words(link).0);
    }
    String::new()
}

/// What `-d`, `-dd` and `-ddd` print.
fn listing(filter: &Filter, options: &TcpdumpOptions) -> String {
    let program = filter.instructions(u32::try_from(options.snap_len).unwrap_or(u32::MAX));
    match options.compiled {
        1 => program.iter().enumerate().map(|(at, instruction)| instruction.line(at) + "\n").collect(),
        2 => program.iter().map(|instruction| instruction.c_line() + "\n").collect(),
        _ => program.iter().fold(format!("{}\n", program.len()), |text, own| {
            text + &format!("{} {} {} {}\n", own.code, own.jump_true, own.jump_false, own.k)
        }),
    }
}

fn compile(link: LinkType, expression: &str) -> Result<Filter, Ended> {
    Filter::compile(link, expression).map_err(Ended::failed)
}

fn link_words(link: LinkType) -> (&'static str, &'static str) {
    match link {
        LinkType::Null => ("NULL", "BSD loopback"),
        LinkType::Ethernet => ("EN10MB", "Ethernet"),
        LinkType::Raw => ("RAW", "Raw IP"),
        LinkType::Loop => ("LOOP", "OpenBSD loopback"),
        LinkType::LinuxSll => ("LINUX_SLL", "Linux cooked v1"),
        LinkType::Ipv4 => ("IPV4", "Raw IPv4"),
        LinkType::Ipv6 => ("IPV6", "Raw IPv6"),
        LinkType::LinuxSll2 => ("LINUX_SLL2", "Linux cooked v2"),
    }
}

fn link_types(device: &str, cooked: bool) -> String {
    let types = if cooked {
        "  LINUX_SLL (Linux cooked v1)\n  LINUX_SLL2 (Linux cooked v2)\n"
    } else {
        "  EN10MB (Ethernet)\n  DOCSIS (DOCSIS) (printing not supported)\n"
    };
    format!("Data link types for {device} (use option -y to set):\n{types}")
}

/// The devices in libpcap's order: those that are up first, by the number at the end of the name, `any`, loopbacks.
fn in_order(own: &Stack) -> Vec<&Device> {
    let number = |device: &Device| {
        let letters = device.name.trim_end_matches(|c: char| c.is_ascii_digit());
        device.name.get(letters.len()..).and_then(|digits| digits.parse::<u32>().ok()).unwrap_or(0)
    };
    let mut devices: Vec<&Device> = own.devices.iter().collect();
    devices.sort_by_key(|device| (!device.up, device.is_loopback(), number(device)));
    devices
}

fn default_device(own: &Stack) -> Option<String> {
    in_order(own).first().filter(|device| device.up).map(|device| device.name.clone())
}

/// A device may be named by its number in `-D`.
fn by_number(own: &Stack, name: &str) -> String {
    let listed = listed(own);
    name.parse::<usize>()
        .ok()
        .and_then(|number| listed.get(number.checked_sub(1)?))
        .map_or_else(|| name.to_owned(), |(name, _)| name.clone())
}

fn listed(own: &Stack) -> Vec<(String, &'static str)> {
    let (loopbacks, others): (Vec<&Device>, Vec<&Device>) =
        in_order(own).into_iter().partition(|device| device.is_loopback());
    let entry = |device: &Device| {
        let words = match (device.up, device.is_loopback()) {
            (true, true) => "[Up, Running, Loopback]",
            (true, false) => "[Up, Running, Connected]",
            (false, _) => "[none]",
        };
        (device.name.clone(), words)
    };
    let up = others.iter().filter(|device| device.up).map(|device| entry(device));
    let down = others.iter().filter(|device| !device.up).map(|device| entry(device));
    let any = ("any".to_owned(), "(Pseudo-device that captures on all interfaces) [Up, Running]");
    up.chain([any]).chain(loopbacks.into_iter().map(entry)).chain(down).collect()
}

fn devices(own: &Stack) -> String {
    let lines = listed(own).into_iter().enumerate();
    lines.fold(String::new(), |text, (at, (name, words))| text + &format!("{}.{name} {words}\n", at + 1))
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

impl Direction {
    fn takes(self, kind: PacketType) -> bool {
        match self {
            Self::Both => true,
            Self::In => kind != PacketType::Outgoing,
            Self::Out => kind == PacketType::Outgoing,
        }
    }
}
