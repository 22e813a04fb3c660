use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::Reply;
use crate::explain::{TraceStep, assumed_words, trace_steps};
use crate::lab::{LabKind, PlaceKind};
use crate::render::{Line, Role, hanging, inline};
use crate::shell::session::{Session, short_name};
use crate::trouble::Trouble;

/// Octets of ICMP data, as `ping` sends them.
const USUAL_SIZE: u16 = 56;

/// One end of a way.
struct End {
    /// The place that has the address, where one has.
    place: Option<String>,
    address: Ipv4Addr,
}

/// `:trace SRC DST`: the way of one packet through the cluster, hop by hop, each with its reason. Nothing of it stays.
pub(super) fn trace(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    let words: Vec<&str> = rest.split_whitespace().filter(|word| *word != "->" && *word != "→").collect();
    let &[from, to] = words.as_slice() else {
        return Err(Trouble::usage(session.say("ui-trace-usage", &[])).hint(session.say("ui-trace-example", &[])));
    };
    let (source, target) = (end(session, from)?, end(session, to)?);
    let Some(place) = source.place else {
        return Err(Trouble::usage(session.say("ui-trace-source", &[("name", from.into())]))
            .hint(session.say("ui-trace-example", &[])));
    };
    let trace = session.lab.trace(&place, target.address, USUAL_SIZE)?;
    let (steps, ended) = trace_steps(&trace, &session.words);
    let title = |typed: &str, address: Ipv4Addr| {
        if typed == address.to_string() { typed.to_owned() } else { format!("{typed} ({address})") }
    };
    let args = [("from", title(from, source.address).into()), ("to", title(to, target.address).into())];
    let id = if session.lab.kind() == LabKind::Sim { "trace-title" } else { "trace-title-predicted" };
    session.console.line(Line::of(session.say(id, &args), Role::Heading));
    let short: BTreeMap<String, String> =
        session.lab.places()?.iter().map(|place| (place.name.clone(), short_name(place))).collect();
    let lines = told(session, &steps, &short);
    session.console.lines(&lines);
    session.console.raw("\n");
    session.console.markdown(&ended);
    if !trace.assumed.is_empty() {
        session.tell("predict-assumed", &[]);
        let name = |place: &str| short.get(place).cloned().unwrap_or_else(|| place.to_owned());
        let lines: Vec<Line> = trace
            .assumed
            .iter()
            .map(|assumed| Line::of(format!("  {}", assumed_words(assumed, &session.words, name)), Role::Quiet))
            .collect();
        session.console.lines(&lines);
    }
    Ok(Reply::ON)
}

/// A place by its name, alias or address; an address of `cilium_host`, or of nobody, is an end too.
fn end(session: &mut Session, typed: &str) -> Result<End, Trouble> {
    let places = session.lab.places()?;
    let v4 = |address: &IpAddr| match address {
        IpAddr::V4(address) => Some(*address),
        IpAddr::V6(_) => None,
    };
    let Ok(address) = typed.parse::<Ipv4Addr>() else {
        let place = session.find_place(typed)?;
        let address = place.addresses.iter().find_map(v4).filter(|_| place.kind != PlaceKind::Machine);
        return match address {
            Some(address) => Ok(End { place: Some(short_name(&place)), address }),
            None => Err(Trouble::usage(session.say("ui-trace-source", &[("name", typed.into())]))
                .hint(session.say("ui-trace-example", &[]))),
        };
    };
    let owner = places.iter().find(|place| place.addresses.contains(&address.into())).map(short_name);
    let facts = session.facts();
    let host = || {
        let known = [("cilium_host_a", "worker"), ("cilium_host_b", "worker2"), ("cilium_host_c", "control-plane")];
        let found = known.iter().find(|(fact, _)| facts.get(*fact).is_some_and(|value| *value == typed));
        found.map(|(_, node)| (*node).to_owned())
    };
    Ok(End { place: owner.or_else(host), address })
}

/// The hops: a headline for each place, a numbered sentence for each hop, the mark and the packet where they changed.
fn told(session: &Session, steps: &[TraceStep], short: &BTreeMap<String, String>) -> Vec<Line> {
    let look = session.console.look();
    let mut lines = Vec::new();
    let (mut place, mut packet) = ("", "");
    for (number, step) in steps.iter().enumerate() {
        if step.place != place {
            place = &step.place;
            lines.push(Line::default());
            lines.push(Line::of(short.get(place).map_or(place, String::as_str), Role::Device));
        }
        let mut line = Line::of(format!("{:>3}  ", number + 1), Role::Quiet);
        line.append(inline(&step.words));
        lines.extend(hanging(&look.spelled(&line), 5, look.width));
        if step.mark.0 != step.mark.1 {
            let shown = |mark: u32| if mark == 0 { "0".to_owned() } else { format!("{mark:#x}") };
            let args = [("before", shown(step.mark.0).into()), ("after", shown(step.mark.1).into())];
            let mark = Line::of(format!("     {}", session.say("trace-mark", &args)), Role::Warning);
            lines.extend(hanging(&look.spelled(&mark), 7, look.width));
        }
        if step.packet != packet {
            packet = &step.packet;
            let role = if packet.contains("ESP(") { Role::Cipher } else { Role::Clear };
            lines.extend(hanging(&Line::of(format!("     {packet}"), role), 7, look.width));
        }
    }
    lines
}
