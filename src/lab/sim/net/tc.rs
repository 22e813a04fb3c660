//! `tc` of iproute2 6.1: qdiscs, and filters with a skbedit action, drawn from the stack's hooks.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::datapath::{
    CiliumProgram, Device, Filter, FilterKind, HookPoint, IfIndex, Program, Stack, StackId, network,
};
use crate::lab::sim::{Call, Io, Process, Step, World};
use crate::packet::Timestamp;
use crate::xfrm::Prefix;

/// A `tc` call; it does all it does in one step.
pub(super) struct Tc {
    arguments: Vec<String>,
    network: String,
}

/// What a call that failed writes to standard error, and its exit status.
struct Failed {
    err: String,
    status: i32,
}

/// What one call works on.
struct Run<'w> {
    stack: &'w mut Stack,
    now: Timestamp,
    statistics: bool,
}

/// `dev NAME` and the place at it.
struct At {
    device: IfIndex,
    name: String,
    point: Option<HookPoint>,
}

impl Failed {
    fn misuse(err: impl Into<String>) -> Self {
        Self { err: format!("{}\n", err.into()), status: 255 }
    }

    fn device(name: &str) -> Self {
        Self { err: format!("Cannot find device \"{name}\"\n"), status: 1 }
    }

    fn kernel(error: impl std::fmt::Display, filter: bool) -> Self {
        let talk = if filter { "We have an error talking to the kernel\n" } else { "" };
        Self { err: format!("{error}\n{talk}"), status: 2 }
    }

    fn elsewhere(what: &str) -> Self {
        let err = format!("tc {}\n", super::elsewhere(what));
        Self { err, status: 1 }
    }
}

impl Tc {
    pub(super) fn new(call: &Call) -> Self {
        Self { arguments: call.arguments().to_vec(), network: call.network.clone() }
    }

    fn run(&self, stack: &mut Stack, now: Timestamp) -> Result<String, Failed> {
        let mut words = self.arguments.iter().map(String::as_str).peekable();
        let mut statistics = false;
        while let Some(option) = words.next_if(|word| word.starts_with('-')) {
            match option {
                "-V" | "-Version" => return Ok("tc utility, iproute2-6.1.0, libbpf 1.1.2\n".to_owned()),
                "-s" | "-stats" | "-statistics" => statistics = true,
                "-h" | "-help" => return Err(Failed { err: USAGE.to_owned(), status: 255 }),
                other => return Err(Failed::elsewhere(other)),
            }
        }
        let mut run = Run { stack, now, statistics };
        let Some(object) = words.next() else { return Err(Failed { err: USAGE.to_owned(), status: 0 }) };
        let is = |full: &str| full.starts_with(object);
        let words: Vec<&str> = words.collect();
        let (verb, rest) = words.split_first().map_or(("show", &[][..]), |(verb, rest)| (*verb, rest));
        if is("qdisc") {
            run.qdisc(verb, rest)
        } else if is("filter") {
            run.filter(verb, rest)
        } else if ["class", "chain", "action", "actions", "monitor", "exec"].contains(&object) {
            Err(Failed::elsewhere(object))
        } else if object == "help" {
            Err(Failed { err: USAGE.to_owned(), status: 0 })
        } else {
            Err(Failed::misuse(format!("Object \"{object}\" is unknown, try \"tc help\".")))
        }
    }
}

impl Process for Tc {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        let now = world.now();
        world.net.run_until(now);
        let cluster = &mut world.net.cluster;
        let id: Option<StackId> = cluster.find(&self.network);
        let Some(stack) = id.and_then(|id| cluster.stack_mut(id)) else { return Step::Exit(1) };
        match self.run(stack, now) {
            Ok(text) => {
                io.print(text);
                Step::Exit(0)
            }
            Err(failed) => {
                io.complain(failed.err);
                Step::Exit(failed.status)
            }
        }
    }
}

impl Run<'_> {
    fn qdisc(&mut self, verb: &str, rest: &[&str]) -> Result<String, Failed> {
        let (at, _) = self.at(rest)?;
        match (verb, at) {
            ("show" | "list" | "ls" | "sh", at) => Ok(self.qdiscs(at.as_ref())),
            ("add", Some(at)) if rest.contains(&"clsact") => {
                let added = self.stack.add_clsact(at.device);
                added
                    .then(String::new)
                    .ok_or_else(|| Failed::kernel("Error: Exclusivity flag on, cannot modify.", false))
            }
            ("del" | "delete", Some(at)) if rest.contains(&"clsact") => {
                let gone = self.stack.remove_clsact(at.device);
                gone.then(String::new).ok_or_else(|| Failed::kernel("Error: Invalid handle.", false))
            }
            _ => Err(Failed::elsewhere(&format!("qdisc {verb}"))),
        }
    }

    fn qdiscs(&self, at: Option<&At>) -> String {
        let mut text = String::new();
        for device in &self.stack.devices {
            if at.is_some_and(|at| at.device != device.index) {
                continue;
            }
            // With `dev` the name is left out.
            let name = if at.is_some() { String::new() } else { format!("dev {} ", device.name) };
            let counted = if self.statistics {
                " Sent 0 bytes 0 pkt (dropped 0, overlimits 0 requeues 0) \n backlog 0b 0p requeues 0\n"
            } else {
                ""
            };
            let _ = write!(text, "qdisc noqueue 0: {name}root refcnt 2 \n{counted}");
            if self.stack.hooks.iter().any(|hook| hook.device == device.index) {
                let _ = write!(text, "qdisc clsact ffff: {name}parent ffff:fff1 \n{counted}");
            }
        }
        text
    }

    fn filter(&mut self, verb: &str, rest: &[&str]) -> Result<String, Failed> {
        let (at, rest) = self.at(rest)?;
        if matches!(verb, "show" | "list" | "ls" | "sh") {
            // Without a device, or without ingress or egress, the root qdisc is asked, which has none.
            return Ok(at.map_or_else(String::new, |at| self.filters(&at)));
        }
        let Some((at, point)) = at.and_then(|at| at.point.map(|point| (at, point))) else {
            return Err(Failed::elsewhere(&format!("filter {verb} without `dev DEVICE ingress` or `egress`")));
        };
        let done = match verb {
            "add" | "replace" | "change" => {
                let filter = Filter { statistics: self.fresh(), ..filter(&rest)? };
                self.stack.add_filter(at.device, point, filter, verb != "add")
            }
            "del" | "delete" => {
                let preference = number_after(&rest, &["prio", "pref", "preference", "priority"])?;
                self.stack.delete_filters(at.device, point, preference)
            }
            other => {
                return Err(Failed::misuse(format!("Command \"{other}\" is unknown, try \"tc filter help\".")));
            }
        };
        done.map(|()| String::new()).map_err(|error| Failed::kernel(error, true))
    }

    fn fresh(&self) -> crate::datapath::FilterStatistics {
        crate::datapath::FilterStatistics { installed: self.now, ..Default::default() }
    }

    fn filters(&self, at: &At) -> String {
        let Some(point) = at.point else { return String::new() };
        match self.stack.hook(at.device, point).map(|hook| &hook.program) {
            Some(Program::Cilium(program)) => bpf(*program, &at.name),
            _ => self.stack.filters(at.device, point).iter().fold(String::new(), |text, own| text + &self.shown(own)),
        }
    }

    fn shown(&self, filter: &Filter) -> String {
        let Filter { preference, handle, statistics, .. } = filter;
        let (kind, protocol) = match filter.kind() {
            FilterKind::Matchall => ("matchall", "all"),
            FilterKind::Flower => ("flower", "ip"),
            FilterKind::U32 => ("u32", "ip"),
        };
        let head = format!("filter protocol {protocol} pref {preference} {kind} chain 0 ");
        let mut text = String::new();
        if *handle == 1 {
            let _ = writeln!(text, "{head}");
            if kind == "u32" {
                let _ = writeln!(text, "{head}fh 800: ht divisor 1 ");
            }
        }
        let counted = |words: String| if self.statistics { words } else { String::new() };
        match filter.kind() {
            FilterKind::U32 => {
                let hits = counted(format!("(rule hit {} success {})", statistics.hits, statistics.packets));
                let successes = counted(format!(" (success {} ) ", statistics.packets));
                let (node, order) = (0x7ff + handle, 2047 + handle);
                let _ = writeln!(
                    text,
                    "{head}fh 800::{node:x} order {order} key ht 800 bkt 0 terminal flowid not_in_hw {hits}"
                );
                let protocol = u32::from(filter.protocol.unwrap_or(0)) << 16;
                let _ = writeln!(text, "  match {protocol:08x}/00ff0000 at 8{successes}");
            }
            FilterKind::Flower => {
                let _ = writeln!(text, "{head}handle 0x{handle:x} \n  eth_type ipv4");
                if let Some(number) = filter.protocol {
                    let _ = writeln!(text, "  ip_proto {}", protocol_name(number));
                }
                if let Some(prefix) = filter.destination {
                    let length = if prefix.len == 32 { String::new() } else { format!("/{}", prefix.len) };
                    let _ = writeln!(text, "  dst_ip {}{length}", prefix.addr);
                }
                text.push_str("  not_in_hw\n");
            }
            FilterKind::Matchall => {
                let hits = counted(format!(" (rule hit {})", statistics.hits));
                let _ = writeln!(text, "{head}handle 0x{handle:x} \n  not_in_hw{hits}");
            }
        }
        text + &self.action(filter)
    }

    fn action(&self, filter: &Filter) -> String {
        let Filter { statistics, action, .. } = filter;
        let mut text = "\taction order 1: skbedit ".to_owned();
        if let Some(mark) = filter.mark {
            let _ = write!(text, " mark {mark}");
            if let Some(mask) = filter.mark_mask {
                let _ = write!(text, "/{mask:#x}");
            }
        }
        if filter.to_host {
            text.push_str(" ptype host");
        }
        let _ = write!(text, " pipe\n\t index {action} ref 1 bind 1");
        if self.statistics {
            let ago = |time: Timestamp| self.now.0.saturating_sub(time.0) / 1_000_000_000;
            let used = statistics.used.unwrap_or(statistics.installed);
            let _ = write!(text, " installed {} sec used {} sec", ago(statistics.installed), ago(used));
            if let Some(first) = statistics.first_used {
                let _ = write!(text, " firstused {} sec", ago(first));
            }
            let (octets, packets) = (statistics.octets, statistics.packets);
            let _ = write!(
                text,
                "\n\tAction statistics:\n\tSent {octets} bytes {packets} pkt (dropped 0, overlimits 0 requeues 0) \n\
                 \tbacklog 0b 0p requeues 0"
            );
        }
        text + "\n\n"
    }

    /// Reads `dev NAME` and `ingress` or `egress`; the words that are left.
    fn at<'a>(&self, words: &[&'a str]) -> Result<(Option<At>, Vec<&'a str>), Failed> {
        let (mut name, mut point, mut left) = (None, None, Vec::new());
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            match *word {
                "dev" => name = rest.next().copied(),
                "ingress" => point = Some(HookPoint::Ingress),
                "egress" => point = Some(HookPoint::Egress),
                other => left.push(other),
            }
        }
        let Some(name) = name else { return Ok((None, left)) };
        let device: &Device = self.stack.device(name).ok_or_else(|| Failed::device(name))?;
        Ok((Some(At { device: device.index, name: name.to_owned(), point }), left))
    }
}

/// The filter that the words after the device describe.
fn filter(words: &[&str]) -> Result<Filter, Failed> {
    let preference = number_after(words, &["prio", "pref", "preference", "priority"])?.unwrap_or(0);
    let handle = number_after(words, &["handle"])?.unwrap_or(0);
    let mut own = Filter { preference, handle: u32::from(handle), ..Filter::default() };
    let after = |word: &str| words.iter().position(|own| *own == word).and_then(|at| words.get(at + 1)).copied();
    if words.contains(&"flower") {
        own.destination = Some(prefix(after("dst_ip").ok_or_else(|| Failed::elsewhere("flower without dst_ip"))?)?);
        own.protocol = after("ip_proto").map(protocol).transpose()?;
    } else if words.contains(&"u32") {
        let at = words.iter().position(|word| *word == "match").unwrap_or(words.len());
        match words.get(at..at + 5) {
            Some(["match", "ip", "protocol", number, "0xff"]) => own.protocol = Some(protocol(number)?),
            _ => return Err(Failed::elsewhere("u32 with another match than `match ip protocol NUMBER 0xff`")),
        }
    } else if !words.contains(&"matchall") {
        return Err(Failed::kernel("Error: Specified filter kind does not match existing one.", true));
    }
    if !words.contains(&"skbedit") {
        return Err(Failed::elsewhere("filter with another action than skbedit"));
    }
    if let Some(mark) = after("mark") {
        let (value, mask) = mark.split_once('/').map_or((mark, None), |(value, mask)| (value, Some(mask)));
        let read = |text: &str| {
            number(text).ok_or_else(|| Failed::misuse(format!("Illegal \"mark\"\nskbedit: {text} is no number")))
        };
        own.mark = Some(read(value)?);
        own.mark_mask = mask.map(read).transpose()?;
    }
    match after("ptype") {
        None => {}
        Some("host") => own.to_host = true,
        Some(other) => return Err(Failed::elsewhere(&format!("skbedit ptype {other}"))),
    }
    Ok(own)
}

fn number(text: &str) -> Option<u32> {
    text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok())
}

fn number_after(words: &[&str], names: &[&str]) -> Result<Option<u16>, Failed> {
    let Some(at) = words.iter().position(|word| names.contains(word)) else { return Ok(None) };
    let text = words.get(at + 1).copied().unwrap_or_default();
    let read = number(text).and_then(|number| u16::try_from(number).ok());
    read.map(Some).ok_or_else(|| Failed::misuse(format!("Error: argument \"{text}\" is wrong: invalid priority value")))
}

fn prefix(text: &str) -> Result<Prefix, Failed> {
    let (address, length) = text.split_once('/').unwrap_or((text, "32"));
    match (address.parse(), length.parse()) {
        (Ok(address), Ok(length @ 0..=32)) => Ok(network(std::net::IpAddr::V4(address), length)),
        _ => Err(Failed::misuse("Illegal \"dst_ip\"")),
    }
}

const PROTOCOLS: [(&str, u8); 4] = [("icmp", 1), ("tcp", 6), ("udp", 17), ("sctp", 132)];

fn protocol(text: &str) -> Result<u8, Failed> {
    let named = PROTOCOLS.iter().find(|(name, _)| *name == text).map(|(_, number)| *number);
    let read = named.or_else(|| number(text).and_then(|number| u8::try_from(number).ok()));
    read.ok_or_else(|| Failed::misuse("Illegal \"ip_proto\""))
}

fn protocol_name(number: u8) -> String {
    let named = PROTOCOLS.iter().find(|(_, own)| *own == number).map(|(name, _)| (*name).to_owned());
    named.unwrap_or_else(|| format!("{number:02x}"))
}

/// One of Cilium's programs, as its loader attaches them (pkg/datapath/loader/netlink.go of Cilium 1.13). Id and tag are
/// numbers that the kernel gives; here they only tell one program from another.
fn bpf(program: CiliumProgram, device: &str) -> String {
    let entry = match program {
        CiliumProgram::FromContainer => "cil_from_container",
        CiliumProgram::FromHost => "cil_from_host",
        CiliumProgram::ToHost => "cil_to_host",
        CiliumProgram::FromNetwork => "cil_from_network",
    };
    let mut hasher = DefaultHasher::new();
    (entry, device).hash(&mut hasher);
    let tag = hasher.finish();
    let id = 1000 + tag % 9000;
    let head = "filter protocol all pref 1 bpf chain 0 ";
    format!("{head}\n{head}handle 0x1 {entry}-{device} direct-action not_in_hw id {id} tag {tag:016x} jited \n")
}

const USAGE: &str = "Usage:\ttc [ OPTIONS ] OBJECT { COMMAND | help }
\ttc [-force] -batch filename
where  OBJECT := { qdisc | class | filter | chain |
\t\t    action | monitor | exec }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] | -r[aw] |
\t\t    -o[neline] | -j[son] | -p[retty] | -c[olor]
\t\t    -b[atch] [filename] | -n[etns] name | -N[umeric] |
\t\t     -nm | -nam[es] | { -cf | -conf } path
\t\t     -br[ief] }
";
