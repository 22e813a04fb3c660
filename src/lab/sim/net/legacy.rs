//! net-tools 2.10: `route`, `ifconfig`, `arp`, `netstat`, as far as they show things.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use super::proc::{main_routes, route_flags};
use crate::datapath::{
    AddressScope, Device, DeviceStatistics, Neighbour, NeighbourState, Stack, device_of, gateway_of,
};
use crate::lab::sim::{Call, Io, Process, Step, World};

/// One call of one of them.
pub(super) struct Legacy {
    name: String,
    arguments: Vec<String>,
    network: String,
}

/// Standard output, standard error, exit status.
type Said = (String, String, i32);

impl Legacy {
    pub(super) fn new(call: &Call) -> Self {
        Self { name: call.name().to_owned(), arguments: call.arguments().to_vec(), network: call.network.clone() }
    }

    fn run(&self, stack: &Stack) -> Said {
        let words: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        match self.name.as_str() {
            "route" => route(stack, &words),
            "ifconfig" => ifconfig(stack, &words),
            "arp" => arp(stack, &words),
            _ => netstat(stack, &words),
        }
    }
}

impl Process for Legacy {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        let now = world.now();
        world.net.run_until(now);
        let Some((_, stack)) = world.net.stack_of(&self.network) else { return Step::Exit(1) };
        let (out, err, status) = self.run(stack);
        io.print(out);
        io.complain(err);
        Step::Exit(status)
    }
}

fn elsewhere(what: &str) -> Said {
    let text = format!("{what}: not in the simulated lab, use ip; the kernel lab has it: esplain learn --lab kernel\n");
    (String::new(), text, 1)
}

fn route(stack: &Stack, words: &[&str]) -> Said {
    let mut numeric = false;
    for word in words {
        match *word {
            "-n" | "-ne" | "-en" => numeric = true,
            "-4" | "-e" | "-v" => {}
            "add" | "del" | "flush" => return elsewhere(&format!("route {word}")),
            _ => return (String::new(), ROUTE_USAGE.to_owned(), 3),
        }
    }
    let mut text = "Kernel IP routing table\n\
                    Destination     Gateway         Genmask         Flags Metric Ref    Use Iface\n"
        .to_owned();
    for row in rows(stack, numeric) {
        let Row { destination, gateway, mask, flags, metric, device } = row;
        let _ = writeln!(
            text,
            "{destination:<15} {gateway:<15} {mask:<15} {flags:<5} {metric:<6} {:<2} {:>7} {device}",
            0, 0
        );
    }
    (text, String::new(), 0)
}

struct Row {
    destination: String,
    gateway: String,
    mask: String,
    flags: String,
    metric: u32,
    device: String,
}

fn rows(stack: &Stack, numeric: bool) -> Vec<Row> {
    main_routes(stack)
        .map(|route| {
            let everything = route.dst.len == 0;
            let bits = route_flags(route);
            let letters = [(1, 'U'), (2, 'G'), (4, 'H'), (0x200, '!')];
            let flags = letters.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, letter)| letter).collect();
            let mask = Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(route.dst.len)).unwrap_or(0));
            Row {
                destination: if everything && !numeric { "default".to_owned() } else { route.dst.addr.to_string() },
                gateway: gateway_of(route).map_or_else(|| "0.0.0.0".to_owned(), |gateway| gateway.to_string()),
                mask: mask.to_string(),
                flags,
                metric: route.metric.unwrap_or(0),
                device: device_of(route).unwrap_or("-").to_owned(),
            }
        })
        .collect()
}

fn netstat(stack: &Stack, words: &[&str]) -> Said {
    let letters: String = words.iter().filter_map(|word| word.strip_prefix('-')).collect();
    if letters.contains('r') {
        let mut text = "Kernel IP routing table\n\
                        Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface\n"
            .to_owned();
        for row in rows(stack, letters.contains('n')) {
            let Row { destination, gateway, mask, flags, device, .. } = row;
            let _ = writeln!(
                text,
                "{destination:<15} {gateway:<15} {mask:<15} {flags:<6} {:>4} {:<4} {:>7} {device}",
                0, 0, 0
            );
        }
        return (text, String::new(), 0);
    }
    if letters.contains('i') {
        let header = "Iface             MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n";
        return (format!("Kernel Interface table\n{header}") + &short_list(stack), String::new(), 0);
    }
    elsewhere("netstat")
}

/// The devices that are up, by name, as net-tools sorts them.
fn sorted(stack: &Stack, all: bool) -> Vec<&Device> {
    let mut devices: Vec<&Device> = stack.devices.iter().filter(|device| all || device.up).collect();
    devices.sort_by(|a, b| a.name.cmp(&b.name));
    devices
}

/// What net-tools finds of a device in `/proc/net/dev`: a name that fills the field (`IFNAMSIZ` without its end) is cut when
/// it is read, belongs to nobody then, and counts nothing.
fn counted(device: &Device) -> DeviceStatistics {
    if device.name.len() < 15 { device.statistics } else { DeviceStatistics::default() }
}

fn short_list(stack: &Stack) -> String {
    sorted(stack, false).into_iter().fold(String::new(), |text, device| {
        let counted = counted(device);
        let mut flags = String::new();
        flags.push_str(if device.is_loopback() { "L" } else { "BM" });
        if device.noarp {
            flags.push('O');
        }
        flags.push_str("RU");
        text + &format!(
            "{:<15} {:>5} {:>8} {:>6} {:>6} {:<6} {:>8} {:>6} {:>6} {:>6} {flags}\n",
            device.name,
            device.mtu,
            counted.rx_packets,
            0,
            counted.rx_dropped,
            0,
            counted.tx_packets,
            0,
            counted.tx_dropped,
            0
        )
    })
}

fn ifconfig(stack: &Stack, words: &[&str]) -> Said {
    let mut all = false;
    let mut name = None;
    for word in words {
        match *word {
            "-a" => all = true,
            "-s" => {
                let header = "Iface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n";
                return (header.to_owned() + &short_list(stack), String::new(), 0);
            }
            "-v" => {}
            option if option.starts_with('-') => {
                let text = format!(
                    "ifconfig: option `{option}' not recognised.\nifconfig: `--help' gives usage information.\n"
                );
                return (String::new(), text, 1);
            }
            other if name.is_none() => name = Some(other),
            other => return elsewhere(&format!("ifconfig … {other}")),
        }
    }
    if let Some(name) = name {
        return match stack.device(name) {
            Some(device) => (interface(device), String::new(), 0),
            None => (String::new(), format!("{name}: error fetching interface information: Device not found\n"), 1),
        };
    }
    (sorted(stack, all).into_iter().map(interface).collect(), String::new(), 0)
}

fn interface(device: &Device) -> String {
    let names =
        [(0x1, "UP"), (0x2, "BROADCAST"), (0x8, "LOOPBACK"), (0x40, "RUNNING"), (0x80, "NOARP"), (0x1000, "MULTICAST")];
    let mut bits = if device.is_loopback() { 0x8 } else { 0x1002 };
    if device.up {
        bits |= 0x41;
    }
    if device.noarp {
        bits |= 0x80;
    }
    let set: Vec<&str> = names.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    let mut text = format!("{}: flags={bits}<{}>  mtu {}\n", device.name, set.join(","), device.mtu);
    for own in &device.addresses {
        match own.address {
            IpAddr::V4(address) => {
                let mask = Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(own.prefix_len)).unwrap_or(0));
                let _ = write!(text, "        inet {address}  netmask {mask}");
                if !device.is_loopback() {
                    let broadcast = own.broadcast.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
                    let _ = write!(text, "  broadcast {broadcast}");
                }
                text.push('\n');
            }
            IpAddr::V6(address) => {
                let scope = match own.scope {
                    AddressScope::Global => "0x0<global>",
                    AddressScope::Link => "0x20<link>",
                    AddressScope::Host => "0x10<host>",
                };
                let _ = writeln!(text, "        inet6 {address}  prefixlen {}  scopeid {scope}", own.prefix_len);
            }
        }
    }
    if device.is_loopback() {
        text.push_str("        loop  txqueuelen 1000  (Local Loopback)\n");
    } else {
        let _ = writeln!(text, "        ether {}  txqueuelen 1000  (Ethernet)", device.mac);
    }
    let counted = counted(device);
    for (side, packets, bytes) in
        [("RX", counted.rx_packets, counted.rx_bytes), ("TX", counted.tx_packets, counted.tx_bytes)]
    {
        let _ = writeln!(text, "        {side} packets {packets}  bytes {bytes} ({})", human(bytes));
        if side == "RX" {
            let dropped = counted.rx_dropped;
            let _ = writeln!(text, "        RX errors 0  dropped {dropped}  overruns 0  frame 0");
        } else {
            let dropped = counted.tx_dropped;
            let _ = writeln!(text, "        TX errors 0  dropped {dropped} overruns 0  carrier 0  collisions 0");
        }
    }
    text + "\n"
}

/// Octets in the units that ifconfig likes.
fn human(octets: u64) -> String {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.into_iter().find(|(_, shift)| octets >> shift > 0) {
        Some((unit, shift)) => {
            let tenths = (u128::from(octets) * 10) >> shift;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{octets}.0 B"),
    }
}

fn arp(stack: &Stack, words: &[&str]) -> Said {
    let letters: String = words.iter().filter_map(|word| word.strip_prefix('-')).collect();
    if words.iter().any(|word| !word.starts_with('-')) || letters.contains(['s', 'd', 'f', 'i']) {
        return elsewhere("arp with an address");
    }
    let entries: Vec<&Neighbour> = stack
        .neighbours
        .iter()
        .filter(|entry| entry.address.is_ipv4() && entry.state != NeighbourState::Noarp)
        .collect();
    let bsd = letters.contains('a');
    let mut text = String::new();
    if !bsd && !entries.is_empty() {
        text.push_str("Address                  HWtype  HWaddress           Flags Mask            Iface\n");
    }
    for entry in entries {
        let (address, device) = (entry.address, stack.device_name(entry.device));
        let _ = match (bsd, entry.mac) {
            (true, Some(mac)) => writeln!(text, "? ({address}) at {mac} [ether] on {device}"),
            (true, None) => writeln!(text, "? ({address}) at <incomplete> on {device}"),
            (false, Some(mac)) => {
                let flags = if entry.state == NeighbourState::Permanent { "CM" } else { "C" };
                writeln!(text, "{:<24} {:<7} {mac}   {flags:<21} {device}", address.to_string(), "ether")
            }
            (false, None) => writeln!(text, "{:<24}         {:<41} {device}", address.to_string(), "(incomplete)"),
        };
    }
    (text, String::new(), 0)
}

const ROUTE_USAGE: &str = "Usage: route [-nNvee] [-FC] [<AF>]           List kernel routing tables
       route [-v] [-FC] {add|del|flush} ...  Modify routing table for AF.

       route {-h|--help} [<AF>]              Detailed usage syntax for specified AF.
       route {-V|--version}                  Display version/author and exit.

        -v, --verbose            be verbose
        -n, --numeric            don't resolve names
        -e, --extend             display other/more information
        -F, --fib                display Forwarding Information Base (default)
        -C, --cache              display routing cache instead of FIB

  <AF>=Use -4, -6, '-A <af>' or '--<af>'; default: inet
  List of possible address families (which support routing):
    inet (DARPA Internet) inet6 (IPv6) ax25 (AMPR AX.25) 
    netrom (AMPR NET/ROM) rose (AMPR ROSE) ipx (Novell IPX) 
    ddp (Appletalk DDP) x25 (CCITT X.25) 
";
