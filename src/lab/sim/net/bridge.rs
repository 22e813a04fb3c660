//! `bridge` of iproute2 6.1: the ports of bridges, and where they have seen addresses.

use std::fmt::Write;

use crate::datapath::{Device, DeviceKind, IfIndex, Mac, Stack};
use crate::lab::sim::{Call, Io, Process, Step, World};

/// A `bridge` call; it does all it does in one step.
pub(super) struct Bridge {
    arguments: Vec<String>,
    network: String,
}

impl Bridge {
    pub(super) fn new(call: &Call) -> Self {
        Self { arguments: call.arguments().to_vec(), network: call.network.clone() }
    }
}

impl Process for Bridge {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        let now = world.now();
        world.net.run_until(now);
        let Some((_, stack)) = world.net.stack_of(&self.network) else { return Step::Exit(1) };
        let words: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        match run(stack, &words) {
            Ok(text) => {
                io.print(text);
                Step::Exit(0)
            }
            Err((err, status)) => {
                io.complain(err);
                Step::Exit(status)
            }
        }
    }
}

/// What goes to standard error, and the exit status.
type Failed = (String, i32);

fn run(stack: &Stack, words: &[&str]) -> Result<String, Failed> {
    let (object, rest) = match words {
        [] | ["help", ..] => return Err((USAGE.to_owned(), 255)),
        ["-V" | "-Version", ..] => return Ok("bridge utility, 6.1.0\n".to_owned()),
        [option, ..] if option.starts_with('-') => return Err(elsewhere(option)),
        [object, rest @ ..] => (*object, rest),
    };
    let rest = match rest {
        [verb @ ("add" | "del" | "delete" | "set" | "replace" | "flush" | "append" | "get"), ..] => {
            return Err(elsewhere(&format!("{object} {verb}")));
        }
        ["show" | "list" | "lst" | "ls", rest @ ..] | rest => rest,
    };
    let named = |word: &str| {
        let name = rest.iter().position(|own| *own == word).and_then(|at| rest.get(at + 1))?;
        Some(stack.device(name).ok_or_else(|| (format!("Cannot find device \"{name}\"\n"), 1)))
    };
    let device = named("dev").or_else(|| named("brport")).transpose()?.map(|device| device.index);
    let bridge = named("br").transpose()?.map(|device| device.index);
    match object {
        _ if "link".starts_with(object) => Ok(links(stack, device)),
        "fdb" | "fd" | "f" => Ok(forwarding(stack, device, bridge)),
        _ if "vlan".starts_with(object) => Ok(vlans(stack, device)),
        "mdb" | "monitor" | "vni" => Err(elsewhere(object)),
        other => Err((format!("Object \"{other}\" is unknown, try \"bridge help\".\n"), 255)),
    }
}

fn elsewhere(what: &str) -> Failed {
    (format!("bridge {}\n", super::elsewhere(what)), 1)
}

fn master(device: &Device) -> Option<IfIndex> {
    match device.kind {
        DeviceKind::Veth { master, .. } => master,
        _ => None,
    }
}

fn links(stack: &Stack, only: Option<IfIndex>) -> String {
    let mut text = String::new();
    for device in stack.devices.iter().filter(|device| only.is_none_or(|only| only == device.index)) {
        let Some(master) = master(device) else { continue };
        let (index, name) = (device.index.0, &device.name);
        // The message has the peer's number and not its stack, so its name is looked up in this one.
        let peer = device.peer().filter(|peer| peer.device != device.index);
        let peer = peer.map_or_else(String::new, |peer| format!("@{}", stack.device_name(peer.device)));
        let (flags, state) = if device.up { ("UP,LOWER_UP", "forwarding") } else { ("M-DOWN", "disabled") };
        let _ = writeln!(
            text,
            "{index}: {name}{peer}: <BROADCAST,MULTICAST,{flags}> mtu {} master {} state {state} priority 32 cost 2 ",
            device.mtu,
            stack.device_name(master)
        );
    }
    text
}

/// The forwarding database: of a port what it has learned, the newest first, and its own address; then the groups that a
/// device takes frames of.
fn forwarding(stack: &Stack, only: Option<IfIndex>, bridge: Option<IfIndex>) -> String {
    let mut text = String::new();
    for device in &stack.devices {
        let of_bridge = bridge.is_none_or(|bridge| bridge == device.index || master(device) == Some(bridge));
        if device.is_loopback() || !of_bridge || only.is_some_and(|only| only != device.index) {
            continue;
        }
        let at = if only.is_some() { String::new() } else { format!(" dev {}", device.name) };
        let groups = groups(stack, device)
            .into_iter()
            .fold(String::new(), |text, group| text + &format!("{group}{at} self permanent\n"));
        let own = |bridge: &str| {
            let mac = device.mac;
            format!("{mac}{at} vlan 1 master {bridge} permanent\n{mac}{at} master {bridge} permanent\n")
        };
        if let DeviceKind::Bridge { .. } = device.kind {
            text += &groups;
            text += &own(&device.name);
            continue;
        }
        if let Some(bridge) = master(device).and_then(|master| stack.device_at(master)) {
            if let DeviceKind::Bridge { seen } = &bridge.kind {
                for (mac, _) in seen.iter().filter(|(_, port)| **port == device.index) {
                    let _ = writeln!(text, "{mac}{at} master {} ", bridge.name);
                }
            }
            text += &own(&bridge.name);
        }
        text += &groups;
    }
    text
}

/// The Ethernet addresses of the groups that a device is in.
fn groups(stack: &Stack, device: &Device) -> Vec<Mac> {
    stack.link_groups_of(device).into_iter().map(|(mac, _)| mac).collect()
}

fn vlans(stack: &Stack, only: Option<IfIndex>) -> String {
    let in_bridge = |device: &&Device| master(device).is_some() || matches!(device.kind, DeviceKind::Bridge { .. });
    let devices: Vec<&Device> = stack.devices.iter().filter(in_bridge).collect();
    if devices.is_empty() {
        return String::new();
    }
    let wide = |name: &str| format!("{name:<16}");
    let mut text = format!("{}  vlan-id  \n", wide("port"));
    for device in devices.iter().filter(|device| only.is_none_or(|only| only == device.index)) {
        let _ = writeln!(text, "{}  1 PVID Egress Untagged", wide(&device.name));
    }
    text
}

const USAGE: &str = "Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }
       bridge [ -force ] -batch filename
where  OBJECT := { link | fdb | mdb | vlan | monitor }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] |
                    -o[neline] | -t[imestamp] | -n[etns] name |
                    -c[ompressvlans] -color -p[retty] -j[son] }
";
