//! Reads `tc filter show dev DEVICE ingress` of several devices, each under a line with that command (tc/f_u32.c,
//! f_flower.c, f_matchall.c, f_bpf.c, m_skbedit.c, iproute2 6.1).

use crate::datapath::{CiliumProgram, Filter, HookPoint};
use crate::listing::{Listing, Reader, quoted};

/// The programs at one side of a device, in the order in which they are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceFilters {
    /// The device.
    pub device: String,
    /// Which side.
    pub point: HookPoint,
    /// What is there.
    pub found: Vec<FoundFilter>,
}

/// A program that `tc filter show` lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundFilter {
    /// A filter that edits the packet.
    Edit(Filter),
    /// A BPF program of Cilium's.
    Cilium(CiliumProgram),
    /// Something else: how it is called, or what it asks for.
    Other(String),
}

/// Reads the filters of a text. Those for IPv6 are passed over.
pub fn parse_filters(text: &str) -> Listing<DeviceFilters> {
    let mut reader = Reader::new(text);
    let mut items: Vec<DeviceFilters> = Vec::new();
    let mut open: Option<Draft> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some(heading) = heading(&words) {
            close(&mut open, &mut items);
            items.push(heading);
        } else if words.first() == Some(&"filter") {
            close(&mut open, &mut items);
            open = Draft::of(&words);
            if items.is_empty() {
                reader.refuse(number, "expected a line `# tc filter show dev DEVICE ingress` before the filters");
            }
        } else if let Err(reason) = field(open.as_mut(), &words) {
            reader.refuse(number, reason);
        }
    }
    close(&mut open, &mut items);
    Listing { items, unread: reader.into_unread() }
}

/// `# tc -s filter show dev eth0 ingress`, with any prompt.
fn heading(words: &[&str]) -> Option<DeviceFilters> {
    let tc = words.iter().position(|word| *word == "tc")?;
    let rest = words.get(tc..)?;
    let device = rest.iter().position(|word| *word == "dev").and_then(|at| rest.get(at + 1))?;
    rest.contains(&"filter").then_some(())?;
    let point = if rest.contains(&"egress") { HookPoint::Egress } else { HookPoint::Ingress };
    Some(DeviceFilters { device: (*device).to_owned(), point, found: Vec::new() })
}

/// A filter while it is read.
struct Draft {
    kind: String,
    filter: Filter,
    /// Whether an action was read.
    edits: bool,
    /// A BPF program's name.
    program: Option<String>,
    /// What it asks for that is not understood.
    strange: Option<String>,
}

impl Draft {
    /// The line of a filter; the lines that only announce its priority or its hash table have no handle.
    fn of(words: &[&str]) -> Option<Self> {
        let after = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1)).copied();
        let is_entry = match after("fh") {
            Some(handle) => handle.contains("::"),
            None => after("handle").is_some(),
        };
        let protocol = after("protocol").unwrap_or("all");
        if !is_entry || !matches!(protocol, "ip" | "all") {
            return None;
        }
        let kind = words.iter().position(|word| *word == "pref").and_then(|at| words.get(at + 2)).copied()?;
        let program = (kind == "bpf").then(|| {
            let at = words.iter().position(|word| *word == "handle");
            at.and_then(|at| words.get(at + 2)).copied().unwrap_or("bpf").to_owned()
        });
        let strange = (!matches!(kind, "u32" | "flower" | "matchall" | "bpf")).then(|| kind.to_owned());
        let filter = Filter::default();
        Some(Self { kind: kind.to_owned(), filter, edits: false, program, strange })
    }

    fn found(self) -> FoundFilter {
        if let Some(name) = self.program {
            return cilium(&name).map_or(FoundFilter::Other(name), FoundFilter::Cilium);
        }
        match self.strange {
            Some(strange) => FoundFilter::Other(format!("{} {strange}", self.kind)),
            None if !self.edits => FoundFilter::Other(self.kind),
            None => FoundFilter::Edit(self.filter),
        }
    }
}

/// Cilium's program of a section's or function's name: `bpf_lxc.o:[from-container]`, `cil_from_container-lxc1a2b`.
fn cilium(name: &str) -> Option<CiliumProgram> {
    let name = name.replace('-', "_");
    [
        ("from_container", CiliumProgram::FromContainer),
        ("from_host", CiliumProgram::FromHost),
        ("to_host", CiliumProgram::ToHost),
        ("from_network", CiliumProgram::FromNetwork),
        // With kube-proxy replacement or the host firewall bpf_host stands on the network device, and does the same.
        ("from_netdev", CiliumProgram::FromNetwork),
    ]
    .into_iter()
    .find(|(part, _)| name.contains(part))
    .map(|(_, program)| program)
}

fn close(open: &mut Option<Draft>, items: &mut [DeviceFilters]) {
    if let (Some(draft), Some(device)) = (open.take(), items.last_mut()) {
        device.found.push(draft.found());
    }
}

/// A line below a filter.
fn field(open: Option<&mut Draft>, words: &[&str]) -> Result<(), String> {
    let Some(&first) = words.first() else { return Ok(()) };
    let passed =
        matches!(first, "index" | "Action" | "Sent" | "backlog" | "not_in_hw" | "in_hw" | "skip_hw" | "skip_sw")
            || first.starts_with('#')
            || first == "eth_type";
    // Without a draft it belongs to a filter for IPv6.
    let Some(draft) = open.filter(|_| !passed) else { return Ok(()) };
    match words {
        ["dst_ip", value, ..] => {
            draft.filter.destination = Some(value.parse().map_err(|_| {
                format!("expected an address and a length such as 10.0.1.0/24, found {}", quoted(value))
            })?);
        }
        ["ip_proto", value, ..] => match *value {
            "icmp" => draft.filter.protocol = Some(1),
            "tcp" => draft.filter.protocol = Some(6),
            "udp" => draft.filter.protocol = Some(17),
            number => match number.parse() {
                Ok(number) => draft.filter.protocol = Some(number),
                Err(_) => draft.strange = Some(format!("ip_proto {number}")),
            },
        },
        ["match", value, "at", place, ..] => key(draft, value, place),
        ["action", "order", _, "skbedit", edits @ ..] => edit(draft, edits),
        ["action", "order", _, action, ..] => draft.strange = Some(format!("action {action}")),
        [name, value, ..] if draft.kind == "flower" => draft.strange = Some(format!("{name} {value}")),
        _ => return Err(format!("no line of a filter begins with {}", quoted(first))),
    }
    Ok(())
}

/// `match 00320000/00ff0000 at 8`: the word at that octet of the IPv4 header.
fn key(draft: &mut Draft, value: &str, place: &str) {
    let strange = Some(format!("match {value} at {place}"));
    let parsed = value
        .split_once('/')
        .and_then(|(value, mask)| Some((u32::from_str_radix(value, 16).ok()?, u32::from_str_radix(mask, 16).ok()?)));
    match (parsed, place) {
        (Some((value, 0x00ff_0000)), "8") => draft.filter.protocol = Some((value >> 16) as u8),
        (Some((value, mask)), "16") if mask.leading_ones() + mask.trailing_zeros() == 32 => {
            let len = mask.leading_ones() as u8;
            draft.filter.destination = Some(super::super::network(std::net::Ipv4Addr::from(value).into(), len));
        }
        (Some((_, 0)), _) => {}
        _ => draft.strange = strange,
    }
}

/// `skbedit  mark 3328 ptype host pipe`.
fn edit(draft: &mut Draft, words: &[&str]) {
    draft.edits = true;
    for pair in words.windows(2) {
        match pair {
            ["mark", value] => match value.split_once('/').map_or(*value, |(value, _)| value).parse() {
                Ok(mark) => draft.filter.mark = Some(mark),
                Err(_) => draft.strange = Some(format!("mark {value}")),
            },
            ["ptype", "host"] => draft.filter.to_host = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# tc -s filter show dev eth0 ingress
filter protocol ip pref 1 u32 chain 0 
filter protocol ip pref 1 u32 chain 0 fh 800: ht divisor 1 
filter protocol ip pref 1 u32 chain 0 fh 800::800 order 2048 key ht 800 bkt 0 terminal flowid not_in_hw (rule hit 6 success 3)
  match 00320000/00ff0000 at 8 (success 3 ) 
\taction order 1: skbedit  mark 3328 pipe
\t index 4 ref 1 bind 1 installed 10 sec used 2 sec firstused 2 sec
\tAction statistics:
\tSent 420 bytes 3 pkt (dropped 0, overlimits 0 requeues 0) 
\tbacklog 0b 0p requeues 0

filter protocol ipv6 pref 2 u32 chain 0 fh 801::800 order 2048 key ht 801 bkt 0 terminal flowid not_in_hw
  match 00003200/0000ff00 at 4 (success 0 ) 
\taction order 1: skbedit  mark 3328 pipe
filter protocol ip pref 3 flower chain 0 
filter protocol ip pref 3 flower chain 0 handle 0x1 
  eth_type ipv4
  dst_ip 10.0.0.0/24
  not_in_hw
\taction order 1: skbedit  mark 0 pipe
# tc -s filter show dev cilium_net ingress
filter protocol all pref 1 matchall chain 0 handle 0x1 
  not_in_hw (rule hit 3)
\taction order 1: skbedit  mark 0 ptype host pipe
# tc filter show dev lxc1 ingress
filter protocol all pref 1 bpf chain 0 
filter protocol all pref 1 bpf chain 0 handle 0x1 bpf_lxc.o:[from-container] direct-action not_in_hw id 90 tag 3da 
# tc filter show dev lxc2 ingress
filter protocol all pref 1 bpf chain 0 handle 0x1 mine.o:[acl] direct-action not_in_hw id 91
";

    #[test]
    fn filters_are_read_as_the_kernel_lists_them() {
        let listing = parse_filters(TEXT);
        assert_eq!(listing.unread, []);
        let none = Filter::default();
        let found: Vec<(&str, &[FoundFilter])> =
            listing.items.iter().map(|device| (device.device.as_str(), device.found.as_slice())).collect();
        let esp = Filter { protocol: Some(50), mark: Some(0xd00), ..none.clone() };
        let plain = Filter { destination: Some("10.0.0.0/24".parse().unwrap()), mark: Some(0), ..none.clone() };
        let host = Filter { mark: Some(0), to_host: true, ..none };
        assert_eq!(
            found,
            [
                ("eth0", &[FoundFilter::Edit(esp), FoundFilter::Edit(plain)][..]),
                ("cilium_net", &[FoundFilter::Edit(host)][..]),
                ("lxc1", &[FoundFilter::Cilium(CiliumProgram::FromContainer)][..]),
                ("lxc2", &[FoundFilter::Other("mine.o:[acl]".to_owned())][..]),
            ]
        );
    }

    #[test]
    fn a_filter_that_asks_for_more_is_not_taken_for_one_that_asks_for_less() {
        let text = "# tc filter show dev eth0 ingress
filter protocol ip pref 3 flower chain 0 handle 0x1 
  eth_type ipv4
  src_ip 10.0.0.0/24
\taction order 1: skbedit  mark 1 pipe
";
        let listing = parse_filters(text);
        assert_eq!(listing.items[0].found, [FoundFilter::Other("flower src_ip 10.0.0.0/24".to_owned())]);
    }
}
