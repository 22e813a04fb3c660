//! `esplain trace`: one packet through the embedded lab's cluster, hop by hop.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use serde::Serialize;

use super::{Io, learn};
use crate::explain::{TraceStep, trace_steps};
use crate::lab::{Lab, PlaceKind, sim::Sim};
use crate::packet::line::{Dump, Options, Printer, TimeFormat};
use crate::packet::{FrameView, LinkType, Timestamp};
use crate::trouble::{Exit, Trouble};
use crate::words::Words;

/// Follow one packet through the simulated cluster, hop by hop.
///
/// Shows for each hop the device, the rule, table and route that were used, the policy and the state, the mark before and
/// after, and the packet itself. The packet is an ICMP echo request; nothing of it remains in the lab. Exits with 1 when
/// the packet does not arrive.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where it starts: a pod, a node or one of their addresses.
    #[arg(value_name = "SRC")]
    source: String,
    /// Where it goes: a pod, a node or an address.
    #[arg(value_name = "DST")]
    destination: String,
    /// Octets of ICMP data, as `ping -s`.
    #[arg(long, default_value_t = 56, value_name = "OCTETS", value_parser = clap::value_parser!(u16).range(0..=9000))]
    size: u16,
    /// Show the octets of the packet where it changed.
    #[arg(long)]
    hex: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// The language: `en` or `zh`. Without it, the one of the locale.
    #[arg(long, value_name = "LANGUAGE", env = "ESPLAIN_LANG")]
    lang: Option<String>,
    /// The seed of the simulated cluster: MACs, device names, IVs.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Printed<'a> {
    lab: &'static str,
    source: String,
    destination: String,
    delivered: bool,
    end: &'a str,
    hops: Vec<PrintedHop<'a>>,
}

#[derive(Serialize)]
struct PrintedHop<'a> {
    place: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a str>,
    stage: &'static str,
    words: &'a str,
    mark_before: String,
    mark_after: String,
    packet: &'a str,
    len: usize,
    octets: String,
    #[serde(flatten)]
    parts: serde_json::Map<String, serde_json::Value>,
}

pub(super) fn run(args: &Args, io: &mut Io) -> Result<Exit, Trouble> {
    let words = Words::new(learn::language(args.lang.as_deref())?);
    let mut lab = Sim::ready(args.seed);
    let from = end(&mut lab, &args.source)?;
    let to = end(&mut lab, &args.destination)?;
    let Some(place) = &from.place else {
        let what = format!("{} is an address of no pod or node here", args.source);
        return Err(Trouble::usage(what).hint("start at a pod or a node, such as pod-a or worker"));
    };
    let cluster = &lab.world().net.cluster;
    let stack =
        cluster.find(place).ok_or_else(|| Trouble::unusable(format!("{place} has no network in the simulated lab")))?;
    let trace = cluster.trace_echo(stack, to.address, usize::from(args.size), 0).map_err(|error| {
        Trouble::failed(format!("{} does not send to {}", args.source, args.destination)).because(&error)
    })?;
    let delivered = matches!(trace.end, crate::datapath::TraceEnd::Delivered(_));
    let (steps, ended) = trace_steps(&trace, &words);
    let title = words
        .say("trace-title", &[("from", from.title(&args.source).into()), ("to", to.title(&args.destination).into())]);
    io.page();
    let text = if args.json {
        let printed = Printed {
            lab: "sim",
            source: from.address.to_string(),
            destination: to.address.to_string(),
            delivered,
            end: &ended,
            hops: steps.iter().map(PrintedHop::of).collect(),
        };
        serde_json::to_string(&printed).unwrap_or_default() + "\n"
    } else {
        format!("{title}\n{}\n{ended}\n", told(&steps, args.hex, &words))
    };
    std::io::Write::write_all(&mut io.out, text.as_bytes()).map_err(|error| Io::unwritable(&error))?;
    Ok(if delivered { Exit::Done } else { Exit::Failed })
}

/// One end of the way.
struct End {
    address: Ipv4Addr,
    /// The place that has the address.
    place: Option<String>,
}

impl End {
    fn title(&self, typed: &str) -> String {
        let address = self.address.to_string();
        match &self.place {
            Some(_) if typed != address => format!("{typed} ({address})"),
            Some(place) => format!("{place} ({address})"),
            None => address,
        }
    }
}

/// Finds a place by name or address; an address of nobody is one, too.
fn end(lab: &mut Sim, typed: &str) -> Result<End, Trouble> {
    let places = lab.places()?;
    let wanted: Option<Ipv4Addr> = typed.parse().ok();
    for place in &places {
        let first = place.addresses.iter().find_map(|address| match address {
            std::net::IpAddr::V4(address) => Some(*address),
            std::net::IpAddr::V6(_) => None,
        });
        let named = place.name == typed || place.aliases.iter().any(|alias| alias == typed);
        let by_address = wanted.filter(|wanted| place.addresses.contains(&(*wanted).into()));
        if let Some(address) = if named { first } else { by_address } {
            return Ok(End { address, place: Some(place.name.clone()) });
        }
    }
    if let Some(address) = wanted {
        // An address of a node that is not its first, such as that of cilium_host.
        let cluster = &lab.world().net.cluster;
        let owner = cluster.stacks.iter().find(|stack| stack.has_address(address.into()) && !address.is_loopback());
        return Ok(End { address, place: owner.map(|stack| stack.name.clone()) });
    }
    let names: Vec<&str> = places
        .iter()
        .filter(|place| place.kind != PlaceKind::Machine)
        .map(|place| place.aliases.first().unwrap_or(&place.name).as_str())
        .collect();
    Err(Trouble::usage(format!("the simulated lab has no pod or node `{typed}`"))
        .hint(format!("pods and nodes: {}; or write an address", names.join(", "))))
}

impl<'a> PrintedHop<'a> {
    fn of(step: &'a TraceStep) -> Self {
        let hex = |mark: u32| format!("{mark:#x}");
        Self {
            place: &step.place,
            device: step.device.as_deref(),
            stage: step.stage,
            words: &step.words,
            mark_before: hex(step.mark.0),
            mark_after: hex(step.mark.1),
            packet: &step.packet,
            len: step.octets.len(),
            octets: step.octets.iter().fold(String::new(), |text, octet| text + &format!("{octet:02x}")),
            parts: step.parts.iter().map(|(name, value)| ((*name).replace('-', "_"), value.clone().into())).collect(),
        }
    }
}

/// The hops as text: a headline for each place, a line for each hop, the packet where it changed.
fn told(steps: &[TraceStep], hex: bool, words: &Words) -> String {
    let mut text = String::new();
    let mut place = "";
    let mut packet = "";
    for (number, step) in (1..).zip(steps) {
        if step.place != place {
            place = &step.place;
            let _ = write!(text, "\n{place}\n");
        }
        let _ = writeln!(text, "{number:>4}  {}", step.words);
        if step.mark.0 != step.mark.1 {
            let shown = |mark: u32| if mark == 0 { "0".to_owned() } else { format!("{mark:#x}") };
            let args = [("before", shown(step.mark.0).into()), ("after", shown(step.mark.1).into())];
            let _ = writeln!(text, "      {}", words.say("trace-mark", &args));
        }
        if step.packet != packet {
            packet = &step.packet;
            let _ = writeln!(text, "      {packet}");
            if hex {
                text += &dump(&step.octets);
            }
        }
    }
    text
}

fn dump(octets: &[u8]) -> String {
    let options = Options { time: TimeFormat::None, dump: Dump::HexAscii { link: false }, ..Options::default() };
    let len = octets.len() as u32;
    let frame = FrameView { time: Timestamp(0), link: LinkType::Ipv4, device: None, octets, original_len: len };
    let mut text = String::new();
    Printer::new(options).print(frame, &mut text);
    text.lines().skip(1).fold(String::new(), |text, line| text + line + "\n")
}
