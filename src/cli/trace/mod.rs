//! `esplain trace`: one packet through the embedded lab's cluster, or through real nodes whose text was saved, hop by hop.

mod saved;

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Io, learn};
use crate::datapath::rebuild::{Rebuilt, script};
use crate::datapath::{Comparison, Trace, TraceEnd};
use crate::explain::{TraceStep, assumed_words, comparison_lines, trace_steps};
use crate::lab::{Lab, PlaceKind, cannot_rebuild, sim::Sim};
use crate::packet::line::{Dump, Options, Printer, TimeFormat};
use crate::packet::{FrameView, LinkType, Timestamp};
use crate::trouble::{Exit, Trouble};
use crate::words::{Said, Words};

/// Follow one packet through the simulated cluster, or through real nodes by their saved text, hop by hop.
///
/// Shows for each hop the device, the rule, table and route that were used, the policy and the state, the mark before and
/// after, and the packet itself. The packet is an ICMP echo request; nothing of it remains in the lab. With `--state` the
/// cluster is built from what `ip`, `sysctl` and `tc` printed on real nodes; `--how-to-save` prints the script that saves
/// it. With `--seen` the prediction is held against captures of those nodes. Exits with 1 when the packet does not arrive,
/// or when a capture differs from the prediction.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where it starts: a pod, a node or one of their addresses.
    #[arg(value_name = "SRC", required_unless_present = "how_to_save")]
    source: Option<String>,
    /// Where it goes: a pod, a node or an address.
    #[arg(value_name = "DST", required_unless_present = "how_to_save")]
    destination: Option<String>,
    /// A folder with the saved texts of real nodes.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// A capture of a node of `--state`; for one of a single device, NODE:DEVICE=FILE.
    #[arg(long, value_name = "NODE=FILE", requires = "state", value_parser = saved::capture)]
    seen: Vec<saved::Capture>,
    /// Print the script that saves a node's texts, and how to use it.
    #[arg(long, conflicts_with_all = ["source", "destination", "state"])]
    how_to_save: bool,
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
    /// `sim`, or `state` for saved text.
    lab: &'static str,
    source: String,
    destination: String,
    delivered: bool,
    end: &'a str,
    hops: Vec<PrintedHop<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    assumed: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    unread: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<PrintedComparison<'a>>,
}

/// How a prediction compares with captures.
#[derive(Serialize)]
struct PrintedComparison<'a> {
    equal: bool,
    predicted: usize,
    seen: usize,
    words: &'a [String],
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

/// A way that was followed, and what is told beside it.
struct Followed {
    lab: &'static str,
    from: End,
    to: End,
    trace: Trace,
    /// Lines of texts that were not understood.
    unread: Vec<String>,
    comparison: Option<Comparison>,
}

pub(super) fn run(args: &Args, io: &mut Io) -> Result<Exit, Trouble> {
    let words = Words::new(learn::language(args.lang.as_deref())?);
    let (Some(source), Some(destination)) = (&args.source, &args.destination) else {
        let text = format!("{}{}", saved::HOW, script(false));
        std::io::Write::write_all(&mut io.out, text.as_bytes()).map_err(|error| Io::unwritable(&error))?;
        return Ok(Exit::Done);
    };
    let followed = match &args.state {
        Some(folder) => follow_saved(args, folder, source, destination)?,
        None => follow_simulated(args, source, destination)?,
    };
    io.page();
    let Followed { lab, from, to, trace, unread, comparison } = followed;
    let delivered = matches!(trace.end, TraceEnd::Delivered(_));
    let (steps, ended) = trace_steps(&trace, &words);
    let mut assumed: Vec<String> =
        trace.assumed.iter().map(|assumed| assumed_words(assumed, &words, str::to_owned)).collect();
    assumed.dedup();
    let compared = comparison.as_ref().map(|own| comparison_lines(own, &words, str::to_owned)).unwrap_or_default();
    let text = if args.json {
        let printed = Printed {
            lab,
            source: from.address.to_string(),
            destination: to.address.to_string(),
            delivered,
            end: &ended,
            hops: steps.iter().map(PrintedHop::of).collect(),
            assumed: &assumed,
            unread: &unread,
            comparison: comparison.as_ref().map(|own| PrintedComparison {
                equal: own.is_equal(),
                predicted: own.predicted,
                seen: own.seen,
                words: &compared,
            }),
        };
        serde_json::to_string(&printed).unwrap_or_default() + "\n"
    } else {
        let id = if args.state.is_some() { "trace-title-predicted" } else { "trace-title" };
        let title = words.say(id, &[("from", from.title(source).into()), ("to", to.title(destination).into())]);
        let mut text = format!("{title}\n{}\n{ended}\n", told(&steps, args.hex, &words));
        for (id, lines) in [("predict-assumed", &assumed), ("predict-unread", &unread)] {
            if !lines.is_empty() {
                let _ = writeln!(text, "\n{}", words.say(id, &[]));
                let _ = writeln!(text, "  {}", lines.join("\n  "));
            }
        }
        if !compared.is_empty() {
            let _ = writeln!(text, "\n{}", compared.join("\n  "));
        }
        text
    };
    std::io::Write::write_all(&mut io.out, text.as_bytes()).map_err(|error| Io::unwritable(&error))?;
    let as_predicted = comparison.as_ref().is_none_or(Comparison::is_equal);
    // A packet that was predicted to be dropped, and was, is no failure of the prediction.
    let fine = if comparison.is_some() { as_predicted } else { delivered };
    Ok(if fine { Exit::Done } else { Exit::Failed })
}

fn follow_simulated(args: &Args, source: &str, destination: &str) -> Result<Followed, Trouble> {
    let mut lab = Sim::ready(args.seed);
    let from = end(&mut lab, source)?;
    let to = end(&mut lab, destination)?;
    let Some(place) = &from.place else { return Err(no_source(source)) };
    let cluster = &lab.world().net.cluster;
    let stack = cluster
        .find(place)
        .ok_or_else(|| Trouble::unusable(Said::of("predict-no-sim-network", &[("place", &place)])))?;
    let trace = cluster.trace_echo(stack, to.address, usize::from(args.size), 0).map_err(|error| {
        Trouble::failed(Said::of("trouble-not-sent", &[("from", &source), ("to", &destination)])).because(&error)
    })?;
    Ok(Followed { lab: "sim", from, to, trace, unread: Vec::new(), comparison: None })
}

fn follow_saved(args: &Args, folder: &Path, source: &str, destination: &str) -> Result<Followed, Trouble> {
    let texts = saved::read(folder)?;
    let mut rebuilt = Rebuilt::from_texts(&texts).map_err(|error| cannot_rebuild(&error))?;
    let from = saved_end(&mut rebuilt, source)?;
    let to = saved_end(&mut rebuilt, destination)?;
    let stack = from.place.as_ref().and_then(|place| rebuilt.cluster.find(place)).ok_or_else(|| no_source(source))?;
    let trace = rebuilt.trace(stack, to.address, usize::from(args.size)).map_err(|error| {
        Trouble::failed(Said::of("trouble-not-sent", &[("from", &source), ("to", &destination)])).because(&error)
    })?;
    let comparison = match args.seen.as_slice() {
        [] => None,
        captures => Some(saved::held_against(&rebuilt, &trace, captures)?),
    };
    let unread = rebuilt
        .unread
        .iter()
        .map(|line| format!("{}: {} line {}: {}", line.place, line.label, line.unread.line, line.unread.reason))
        .collect();
    Ok(Followed { lab: "state", from, to, trace, unread, comparison })
}

/// A node or pod of saved text by its name or address; an address of nobody is an end, too.
fn saved_end(rebuilt: &mut Rebuilt, typed: &str) -> Result<End, Trouble> {
    if let Ok(address) = typed.parse::<Ipv4Addr>() {
        let owner = rebuilt.find_address(address).and_then(|id| rebuilt.cluster.stack(id));
        return Ok(End { address, place: owner.map(|stack| stack.name.clone()) });
    }
    match rebuilt.find_name(typed) {
        Some((_, address)) => Ok(End { address, place: Some(typed.to_owned()) }),
        None => Err(Trouble::usage(Said::of("predict-no-text-of", &[("typed", &typed)]))
            .hint(Said::of("predict-with-texts-or", &[("names", &rebuilt.names().join(", "))]))),
    }
}

fn no_source(typed: &str) -> Trouble {
    Trouble::usage(Said::of("predict-nobodys-address", &[("typed", &typed)])).hint(Said::of("predict-start-at", &[]))
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
    Err(Trouble::usage(Said::of("predict-no-sim-place", &[("typed", &typed)]))
        .hint(Said::of("predict-places-or", &[("names", &names.join(", "))])))
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
