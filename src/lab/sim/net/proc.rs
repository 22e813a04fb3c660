//! The files under `/proc` that a network stack writes, and `sysctl` over them (procps 4.0).

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use super::options::{self, Word};
use crate::datapath::{NeighbourState, SocketKind, Stack, TcpState, device_of, gateway_of};
use crate::lab::sim::{Call, Io, Process, Step, World};
use crate::route::{Route, RouteType, TableId};

/// A file of a stack, or `None` when it has no such file.
pub(super) fn file(stack: &Stack, path: &str) -> Option<String> {
    match path.strip_prefix("/proc/")? {
        "net/xfrm_stat" => Some(stack.counters.xfrm.text()),
        "net/dev" => Some(devices(stack)),
        "net/route" => Some(routes(stack)),
        "net/arp" => Some(neighbours(stack)),
        "net/snmp" => Some(tables(stack, SNMP)),
        "net/netstat" => Some(tables(stack, NETSTAT)),
        "net/snmp6" => Some(six_counters(stack)),
        "net/if_inet6" => Some(six_addresses(stack)),
        other => value(stack, other.strip_prefix("sys/")?).map(|value| format!("{value}\n")),
    }
}

/// The value of a sysctl by its path below `/proc/sys`.
fn value(stack: &Stack, path: &str) -> Option<String> {
    let flag = |on: bool| u8::from(on).to_string();
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["net", "ipv4", "ip_forward"] => Some(flag(stack.sysctl.ip_forward)),
        ["net", "ipv4", "ip_default_ttl"] => Some(stack.sysctl.default_ttl.to_string()),
        ["net", "ipv4", "icmp_echo_ignore_all"] => Some(flag(stack.sysctl.ignore_echo)),
        ["net", "core", "xfrm_larval_drop"] => Some(flag(stack.sysctl.larval_drop)),
        ["net", "ipv4", "conf", device, name] => {
            let conf = conf_of(stack, device)?;
            match *name {
                "forwarding" => Some(flag(conf.forwarding)),
                "rp_filter" => Some(conf.rp_filter.to_string()),
                "accept_local" => Some(flag(conf.accept_local)),
                "send_redirects" => Some(flag(conf.send_redirects)),
                "src_valid_mark" => Some(flag(conf.src_valid_mark)),
                _ => None,
            }
        }
        ["net", "ipv6", "conf", "all", "accept_dad"] => Some(flag(stack.sysctl.accept_dad)),
        ["net", "ipv6", "conf", device, "forwarding"] => {
            conf_of(stack, device)?;
            Some(flag(stack.sysctl.ipv6_forward))
        }
        ["kernel", "hostname"] => Some(stack.name.clone()),
        _ => None,
    }
}

fn conf_of(stack: &Stack, device: &str) -> Option<crate::datapath::DeviceConf> {
    match device {
        "all" => Some(stack.sysctl.all),
        "default" => Some(stack.sysctl.default),
        name => stack.device(name).map(|device| device.conf),
    }
}

/// Sets a sysctl; `false` when there is none of that name, or not of that value.
fn set(stack: &mut Stack, path: &str, value: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    if let ["net", "ipv6", "conf", "all", name] = parts.as_slice() {
        let Ok(number) = value.trim().parse::<i32>() else { return false };
        match *name {
            "forwarding" => stack.set_ipv6_forwarding(number != 0),
            "accept_dad" => stack.sysctl.accept_dad = number > 0,
            _ => return false,
        }
        return true;
    }
    let Ok(number) = value.trim().parse::<u8>() else { return false };
    let on = number != 0;
    match parts.as_slice() {
        ["net", "ipv4", "ip_forward"] | ["net", "ipv4", "conf", "all", "forwarding"] => stack.set_forwarding(on),
        ["net", "ipv4", "ip_default_ttl"] if on => stack.sysctl.default_ttl = number,
        ["net", "ipv4", "icmp_echo_ignore_all"] => stack.sysctl.ignore_echo = on,
        ["net", "core", "xfrm_larval_drop"] => stack.sysctl.larval_drop = on,
        ["net", "ipv4", "conf", device, name] => {
            let conf = match *device {
                "all" => Some(&mut stack.sysctl.all),
                "default" => Some(&mut stack.sysctl.default),
                name => stack.device_mut(name).map(|device| &mut device.conf),
            };
            let Some(conf) = conf else { return false };
            match *name {
                "forwarding" => conf.forwarding = on,
                "rp_filter" => conf.rp_filter = number,
                "accept_local" => conf.accept_local = on,
                "send_redirects" => conf.send_redirects = on,
                "src_valid_mark" => conf.src_valid_mark = on,
                _ => return false,
            }
        }
        _ => return false,
    }
    true
}

/// Every sysctl that the lab has, by its path below `/proc/sys`, sorted as `sysctl -a` sorts.
fn all(stack: &Stack) -> Vec<String> {
    let devices = ["all", "default"].into_iter().chain(stack.devices.iter().map(|device| device.name.as_str()));
    let names = ["accept_local", "forwarding", "rp_filter", "send_redirects", "src_valid_mark"];
    let conf = devices.clone().flat_map(|device| names.map(|name| format!("net/ipv4/conf/{device}/{name}")));
    let six = devices.map(|device| format!("net/ipv6/conf/{device}/forwarding"));
    let others = [
        "net/core/xfrm_larval_drop",
        "net/ipv4/icmp_echo_ignore_all",
        "net/ipv4/ip_default_ttl",
        "net/ipv4/ip_forward",
        "net/ipv6/conf/all/accept_dad",
    ];
    let mut paths: Vec<String> = conf.chain(six).chain(others.map(str::to_owned)).collect();
    paths.sort();
    paths
}

/// `/proc/net/dev` (net/core/net-procfs.c).
fn devices(stack: &Stack) -> String {
    let mut text = "Inter-|   Receive                                                |  Transmit\n \
                    face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls \
                    carrier compressed\n"
        .to_owned();
    for device in &stack.devices {
        let counted = &device.statistics;
        let _ = writeln!(
            text,
            "{:>6}: {:>7} {:>7} {:>4} {:>4} {:>4} {:>5} {:>10} {:>9} {:>8} {:>7} {:>4} {:>4} {:>4} {:>5} {:>7} {:>10}",
            device.name,
            counted.rx_bytes,
            counted.rx_packets,
            0,
            counted.rx_dropped,
            0,
            0,
            0,
            counted.multicast,
            counted.tx_bytes,
            counted.tx_packets,
            0,
            counted.tx_dropped,
            0,
            0,
            0,
            0
        );
    }
    text
}

/// The flags of a route in `/proc/net/route` and `route`: up, gateway, host, reject.
pub(super) fn route_flags(route: &Route) -> u16 {
    let refuses = matches!(route.kind, RouteType::Unreachable | RouteType::Prohibit | RouteType::Blackhole);
    1 | u16::from(gateway_of(route).is_some()) << 1 | u16::from(route.dst.len == 32) << 2 | u16::from(refuses) << 9
}

/// The IPv4 routes of the table `main`.
pub(super) fn main_routes(stack: &Stack) -> impl Iterator<Item = &Route> {
    stack.routes.iter().filter(|route| route.table == TableId::MAIN && route.dst.addr.is_ipv4())
}

/// `/proc/net/route` (net/ipv4/fib_trie.c): addresses as the machine's words, each line filled up to 127 octets.
fn routes(stack: &Stack) -> String {
    let header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
    let mut text = format!("{header:<127}\n");
    for route in main_routes(stack) {
        let word = |address: IpAddr| match address {
            IpAddr::V4(address) => u32::from_le_bytes(address.octets()),
            IpAddr::V6(_) => 0,
        };
        let mask = Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(route.dst.len)).unwrap_or(0));
        let line = format!(
            "{}\t{:08X}\t{:08X}\t{:04X}\t0\t0\t{}\t{:08X}\t0\t0\t0",
            device_of(route).unwrap_or("*"),
            word(route.dst.addr),
            gateway_of(route).map_or(0, word),
            route_flags(route),
            route.metric.unwrap_or(0),
            word(mask.into()),
        );
        let _ = writeln!(text, "{line:<127}");
    }
    text
}

fn neighbours(stack: &Stack) -> String {
    let mut text = "IP address       HW type     Flags       HW address            Mask     Device\n".to_owned();
    for entry in stack.neighbours.iter().filter(|entry| entry.address.is_ipv4() && entry.state != NeighbourState::Noarp)
    {
        let flags = match entry.state {
            NeighbourState::Permanent => "0x6",
            state if state.is_valid() => "0x2",
            _ => "0x0",
        };
        let mac = entry.mac.unwrap_or_default();
        let address = entry.address.to_string();
        let device = stack.device_name(entry.device);
        let _ = writeln!(text, "{address:<16} {:<10}  {flags:<10}  {mac}     *        {device}", "0x1");
    }
    text
}

fn six_addresses(stack: &Stack) -> String {
    let mut text = String::new();
    for device in &stack.devices {
        for own in &device.addresses {
            let IpAddr::V6(address) = own.address else { continue };
            let scope = if address.is_loopback() {
                0x10
            } else if own.scope == crate::datapath::AddressScope::Link {
                0x20
            } else {
                0
            };
            let flags = if own.nodad { 0x82 } else { 0x80 };
            let digits = format!("{:032x}", u128::from(address));
            let _ = writeln!(
                text,
                "{digits} {:02x} {:02x} {scope:02x} {flags:02x} {:>8}",
                device.index.0, own.prefix_len, device.name
            );
        }
    }
    text
}

/// `/proc/net/snmp6` (net/ipv6/proc.c): a counter a line; ICMPv6 messages once more by type, as far as there are any.
fn six_counters(stack: &Stack) -> String {
    six_values(stack).into_iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:<32}\t{value}");
        text
    })
}

fn six_values(stack: &Stack) -> Vec<(String, u64)> {
    let value = |name: &str| stack.counters.mib.value(name);
    let own = |name: &str| (name.to_owned(), value(name));
    let mut values: Vec<(String, u64)> = SIX
        .iter()
        .flat_map(|(group, names)| names.iter().map(move |name| format!("{group}{name}")))
        .map(|name| own(&name))
        .collect();
    let at = values.iter().position(|(name, _)| name.starts_with("Udp6")).unwrap_or(values.len());
    let types = ["In", "Out"].into_iter().flat_map(|way| SIX_TYPES.iter().map(move |(kind, name)| (way, kind, name)));
    let types = types.map(|(way, kind, name)| (format!("Icmp6{way}Type{kind}"), value(&format!("Icmp6{way}{name}"))));
    values.splice(at..at, types.filter(|(_, value)| *value > 0));
    values
}

/// The names of `/proc/net/snmp6`, in its order.
const SIX: &[(&str, &[&str])] = &[
    (
        "Ip6",
        &[
            "InReceives",
            "InHdrErrors",
            "InTooBigErrors",
            "InNoRoutes",
            "InAddrErrors",
            "InUnknownProtos",
            "InTruncatedPkts",
            "InDiscards",
            "InDelivers",
            "OutForwDatagrams",
            "OutRequests",
            "OutDiscards",
            "OutNoRoutes",
            "ReasmTimeout",
            "ReasmReqds",
            "ReasmOKs",
            "ReasmFails",
            "FragOKs",
            "FragFails",
            "FragCreates",
            "InMcastPkts",
            "OutMcastPkts",
            "InOctets",
            "OutOctets",
            "InMcastOctets",
            "OutMcastOctets",
            "InBcastOctets",
            "OutBcastOctets",
            "InNoECTPkts",
            "InECT1Pkts",
            "InECT0Pkts",
            "InCEPkts",
        ],
    ),
    (
        "Icmp6",
        &[
            "InMsgs",
            "InErrors",
            "OutMsgs",
            "OutErrors",
            "InCsumErrors",
            "OutRateLimitHost",
            "InDestUnreachs",
            "InPktTooBigs",
            "InTimeExcds",
            "InParmProblems",
            "InEchos",
            "InEchoReplies",
            "InGroupMembQueries",
            "InGroupMembResponses",
            "InGroupMembReductions",
            "InRouterSolicits",
            "InRouterAdvertisements",
            "InNeighborSolicits",
            "InNeighborAdvertisements",
            "InRedirects",
            "InMLDv2Reports",
            "OutDestUnreachs",
            "OutPktTooBigs",
            "OutTimeExcds",
            "OutParmProblems",
            "OutEchos",
            "OutEchoReplies",
            "OutGroupMembQueries",
            "OutGroupMembResponses",
            "OutGroupMembReductions",
            "OutRouterSolicits",
            "OutRouterAdvertisements",
            "OutNeighborSolicits",
            "OutNeighborAdvertisements",
            "OutRedirects",
            "OutMLDv2Reports",
        ],
    ),
    (
        "Udp6",
        &[
            "InDatagrams",
            "NoPorts",
            "InErrors",
            "OutDatagrams",
            "RcvbufErrors",
            "SndbufErrors",
            "InCsumErrors",
            "IgnoredMulti",
            "MemErrors",
        ],
    ),
    (
        "UdpLite6",
        &[
            "InDatagrams",
            "NoPorts",
            "InErrors",
            "OutDatagrams",
            "RcvbufErrors",
            "SndbufErrors",
            "InCsumErrors",
            "MemErrors",
        ],
    ),
];

/// The types of ICMPv6 messages that the model counts, each with its name above.
const SIX_TYPES: [(u8, &str); 10] = [
    (1, "DestUnreachs"),
    (2, "PktTooBigs"),
    (3, "TimeExcds"),
    (4, "ParmProblems"),
    (128, "Echos"),
    (129, "EchoReplies"),
    (133, "RouterSolicits"),
    (135, "NeighborSolicits"),
    (136, "NeighborAdvertisements"),
    (143, "MLDv2Reports"),
];

/// The lines of `/proc/net/snmp` that the model counts for, with the kernel's columns.
const SNMP: &[(&str, &[&str])] = &[
    (
        "Ip",
        &[
            "Forwarding",
            "DefaultTTL",
            "InReceives",
            "InHdrErrors",
            "InAddrErrors",
            "ForwDatagrams",
            "InUnknownProtos",
            "InDiscards",
            "InDelivers",
            "OutRequests",
            "OutDiscards",
            "OutNoRoutes",
            "ReasmTimeout",
            "ReasmReqds",
            "ReasmOKs",
            "ReasmFails",
            "FragOKs",
            "FragFails",
            "FragCreates",
        ],
    ),
    (
        "Icmp",
        &[
            "InMsgs",
            "InErrors",
            "InCsumErrors",
            "InDestUnreachs",
            "InTimeExcds",
            "InParmProbs",
            "InSrcQuenchs",
            "InRedirects",
            "InEchos",
            "InEchoReps",
            "InTimestamps",
            "InTimestampReps",
            "InAddrMasks",
            "InAddrMaskReps",
            "OutMsgs",
            "OutErrors",
            "OutRateLimitGlobal",
            "OutRateLimitHost",
            "OutDestUnreachs",
            "OutTimeExcds",
            "OutParmProbs",
            "OutSrcQuenchs",
            "OutRedirects",
            "OutEchos",
            "OutEchoReps",
            "OutTimestamps",
            "OutTimestampReps",
            "OutAddrMasks",
            "OutAddrMaskReps",
        ],
    ),
    (
        "Tcp",
        &[
            "RtoAlgorithm",
            "RtoMin",
            "RtoMax",
            "MaxConn",
            "ActiveOpens",
            "PassiveOpens",
            "AttemptFails",
            "EstabResets",
            "CurrEstab",
            "InSegs",
            "OutSegs",
            "RetransSegs",
            "InErrs",
            "OutRsts",
            "InCsumErrors",
        ],
    ),
    (
        "Udp",
        &[
            "InDatagrams",
            "NoPorts",
            "InErrors",
            "OutDatagrams",
            "RcvbufErrors",
            "SndbufErrors",
            "InCsumErrors",
            "IgnoredMulti",
            "MemErrors",
        ],
    ),
];

/// The same of `/proc/net/netstat`.
const NETSTAT: &[(&str, &[&str])] = &[(
    "IpExt",
    &[
        "InNoRoutes",
        "InTruncatedPkts",
        "InMcastPkts",
        "OutMcastPkts",
        "InBcastPkts",
        "OutBcastPkts",
        "InOctets",
        "OutOctets",
        "InMcastOctets",
        "OutMcastOctets",
        "InBcastOctets",
        "OutBcastOctets",
        "InCsumErrors",
        "InNoECTPkts",
        "InECT1Pkts",
        "InECT0Pkts",
        "InCEPkts",
        "ReasmOverlaps",
    ],
)];

fn tables(stack: &Stack, tables: &[(&str, &[&str])]) -> String {
    let mut text = String::new();
    for (group, columns) in tables {
        let numbers: Vec<String> = columns.iter().map(|column| number(stack, group, column)).collect();
        let _ = writeln!(text, "{group}: {}\n{group}: {}", columns.join(" "), numbers.join(" "));
        let types = if *group == "Icmp" { icmp_types(stack) } else { Vec::new() };
        if !types.is_empty() {
            let (names, values): (Vec<String>, Vec<String>) =
                types.into_iter().map(|(name, value)| (name, value.to_string())).unzip();
            let _ = writeln!(text, "IcmpMsg: {}\nIcmpMsg: {}", names.join(" "), values.join(" "));
        }
    }
    text
}

fn number(stack: &Stack, group: &str, column: &str) -> String {
    let open = |socket: &&crate::datapath::Socket| match &socket.kind {
        SocketKind::Tcp(own) => matches!(own.state, TcpState::Established | TcpState::CloseWait),
        _ => false,
    };
    match (group, column) {
        ("Ip", "Forwarding") => if stack.sysctl.ip_forward { "1" } else { "2" }.to_owned(),
        ("Ip", "DefaultTTL") => stack.sysctl.default_ttl.to_string(),
        // `TCP_RTO_MIN` and `TCP_RTO_MAX` in milliseconds; the algorithm is "other".
        ("Tcp", "RtoAlgorithm") => "1".to_owned(),
        ("Tcp", "RtoMin") => "200".to_owned(),
        ("Tcp", "RtoMax") => "120000".to_owned(),
        ("Tcp", "MaxConn") => "-1".to_owned(),
        ("Tcp", "CurrEstab") => stack.sockets.iter().filter(open).count().to_string(),
        _ => stack.counters.mib.value(&format!("{group}{column}")).to_string(),
    }
}

/// ICMP messages by their type, as far as there are any (`icmpmsg_put`, net/ipv4/proc.c).
fn icmp_types(stack: &Stack) -> Vec<(String, u64)> {
    let kinds = [(0, "EchoReps"), (3, "DestUnreachs"), (8, "Echos"), (11, "TimeExcds")];
    let rows = ["In", "Out"].into_iter().flat_map(|way| kinds.map(|(kind, name)| (way, kind, name)));
    rows.map(|(way, kind, name)| (format!("{way}Type{kind}"), stack.counters.mib.value(&format!("Icmp{way}{name}"))))
        .filter(|(_, value)| *value > 0)
        .collect()
}

/// All counters of `/proc/net/snmp`, `snmp6` and `netstat` by the names that `nstat` joins, in its order.
pub(super) fn counters(stack: &Stack) -> Vec<(String, u64)> {
    let mut counters = Vec::new();
    for (group, columns) in SNMP.iter().chain(NETSTAT) {
        if *group == "IpExt" {
            counters.extend(six_values(stack));
        }
        let values = columns
            .iter()
            .map(|column| (format!("{group}{column}"), number(stack, group, column).parse().unwrap_or(0)));
        counters.extend(values);
        if *group == "Icmp" {
            counters.extend(icmp_types(stack).into_iter().map(|(name, value)| (format!("IcmpMsg{name}"), value)));
        }
    }
    counters
}

/// `sysctl`.
pub(super) struct Sysctl {
    arguments: Vec<String>,
    network: String,
}

impl Sysctl {
    pub(super) fn new(call: &Call) -> Self {
        Self { arguments: call.arguments().to_vec(), network: call.network.clone() }
    }
}

const LONG: &[(&str, &str, bool)] = &[
    ("all", "a", false),
    ("ignore", "e", false),
    ("names", "N", false),
    ("values", "n", false),
    ("pattern", "r", true),
    ("quiet", "q", false),
    ("write", "w", false),
    ("help", "h", false),
    ("version", "V", false),
];

impl Process for Sysctl {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        let words = match options::read(&self.arguments, "aAXbeNnpfr:qwoxdhV", LONG) {
            Ok(words) => words,
            Err(misuse) => {
                io.complain(format!("sysctl: {misuse}\n{USAGE}"));
                return Step::Exit(1);
            }
        };
        let has = |name: &str| words.iter().any(|word| matches!(word, Word::Option(own, _) if own == name));
        if has("V") {
            io.print("sysctl from procps-ng 4.0.2\n");
            return Step::Exit(0);
        }
        if has("h") || has("d") {
            io.print(USAGE);
            return Step::Exit(0);
        }
        let pattern = words.iter().find_map(|word| match word {
            Word::Option(name, Some(pattern)) if name == "r" => regex::Regex::new(pattern).ok(),
            _ => None,
        });
        let mut names: Vec<String> = words
            .iter()
            .filter_map(|word| match word {
                Word::Plain(name) => Some(name.clone()),
                Word::Option(..) => None,
            })
            .collect();
        let Some(id) = world.net.cluster.find(&self.network) else { return Step::Exit(255) };
        let Some(stack) = world.net.cluster.stack_mut(id) else { return Step::Exit(255) };
        let every = has("a") || has("A") || has("X");
        if every {
            names.extend(all(stack).into_iter().map(|path| path.replace('/', ".")));
        }
        if names.is_empty() {
            io.complain(USAGE);
            return Step::Exit(1);
        }
        let mut status = 0;
        for word in names {
            let (name, wished) =
                word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name.trim(), Some(value.trim())));
            if pattern.as_ref().is_some_and(|pattern| !pattern.is_match(name)) {
                continue;
            }
            let path = if name.contains('/') { name.to_owned() } else { name.replace('.', "/") };
            let known = value(stack, &path);
            let done = match wished {
                Some(wished) if known.is_some() => set(stack, &path, wished),
                _ => known.is_some(),
            };
            if !done {
                if known.is_some() {
                    io.complain(format!("sysctl: setting key \"{name}\": Invalid argument\n"));
                    status = 1;
                } else if !has("e") {
                    io.complain(format!("sysctl: cannot stat /proc/sys/{path}: No such file or directory\n"));
                    status = 1;
                }
                continue;
            }
            let shown = wished.map(str::to_owned).or(known).unwrap_or_default();
            let dotted = path.replace('/', ".");
            if wished.is_some() && has("q") {
                continue;
            }
            io.print(match (has("n") || has("b"), has("N")) {
                (_, true) => format!("{dotted}\n"),
                (true, _) => format!("{shown}\n"),
                _ => format!("{dotted} = {shown}\n"),
            });
        }
        Step::Exit(status)
    }
}

const USAGE: &str = "
Usage:
 sysctl [options] [variable[=value] ...]

Options:
  -a, --all            display all variables
  -A                   alias of -a
  -X                   alias of -a
      --deprecated     include deprecated parameters to listing
      --dry-run        Print the key and values but do not write
  -b, --binary         print value without new line
  -e, --ignore         ignore unknown variables errors
  -N, --names          print variable names without values
  -n, --values         print only values of the given variable(s)
  -p, --load[=<file>]  read values from file
  -f                   alias of -p
      --system         read values from all system directories
  -r, --pattern <expression>
                       select setting that match expression
  -q, --quiet          do not echo variable set
  -w, --write          enable writing a value to variable
  -o                   does nothing
  -x                   does nothing
  -d                   alias of -h

 -h, --help     display this help and exit
 -V, --version  output version information and exit

For more details see sysctl(8).
";
