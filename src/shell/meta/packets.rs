use super::{Reply, takes_nothing};
use crate::capture::Filter;
use crate::course::Opening;
use crate::lab::LabKind;
use crate::packet::LinkType;
use crate::render::{Line, Role};
use crate::replay::under_way;
use crate::shell::live::MANY;
use crate::shell::session::{Session, Watch};
use crate::trouble::Trouble;

/// `:packets` shows this many, the latest.
const SHOWN: usize = 60;

/// `:watch [FILTER|off]`: shows the packets of the node above the prompt as they happen.
pub(super) fn watch(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    if rest == "off" {
        session.watching = Watch::Off;
        session.tell("ui-watching-off", &[]);
        return Ok(Reply::ON);
    }
    let filter = if rest.is_empty() {
        None
    } else {
        // A capture on `any` gives cooked frames, in every lab.
        let compiled = Filter::compile(LinkType::LinuxSll2, rest).map_err(|error| {
            Trouble::usage(session.say("ui-watch-filter", &[("filter", rest.into())]))
                .because(&error)
                .hint(session.say("ui-watch-hint", &[]))
        })?;
        Some(compiled)
    };
    session.watching = Watch::Live(filter);
    session.feed.listen(&mut *session.lab);
    let nodes: Vec<&str> = session.nodes_here().iter().map(|role| role.name()).collect();
    session.tell("ui-watching", &[("nodes", nodes.join(", ").into())]);
    Ok(Reply::ON)
}

/// `:packets`: the packets that passed the node, numbered.
pub(super) fn packets(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "packets", rest)?;
    session.take_in_packets(under_way(session.lab.kind()));
    let here = session.nodes_here();
    let numbers: Vec<usize> =
        session.feed.since(0).filter(|(_, packet)| here.contains(&packet.node)).map(|(number, _)| number).collect();
    let Some(last) = numbers.len().checked_sub(1) else {
        session.tell("ui-packets-none", &[]);
        return Ok(Reply::ON);
    };
    let from = numbers.get((last + 1).saturating_sub(SHOWN)).copied().unwrap_or(0);
    let nodes: Vec<&str> = here.iter().map(|role| role.name()).collect();
    let id = if session.lab.kind() == LabKind::Sim { "ui-packets-title-simulated" } else { "ui-packets-title" };
    let title = session.say(id, &[("count", numbers.len().into()), ("nodes", nodes.join(", ").into())]);
    session.console.line(Line::of(title, Role::Heading));
    session.show_packets(from, MANY, None);
    if let Some(dropped) = session.feed.dropped() {
        let role = if dropped == 0 { Role::Quiet } else { Role::Bad };
        let line = session.say("ui-packets-dropped", &[("count", dropped.into())]);
        session.console.line(Line::of(line, role));
        session.told_dropped = Some(dropped);
    }
    Ok(Reply::ON)
}

/// The number that `N`, `last`, `esp` or `clear` means.
pub(super) fn number(session: &Session, rest: &str) -> Option<usize> {
    let here = session.nodes_here();
    let latest = |fits: fn(Opening) -> bool| {
        let mut fitting = session.feed.since(0).filter(|(_, packet)| fits(packet.seen.opening));
        let nearest = fitting.by_ref().filter(|(_, packet)| here.contains(&packet.node)).last();
        nearest.map(|(number, _)| number)
    };
    match rest {
        "" | "last" => latest(|_| true),
        "esp" => latest(|opening| opening != Opening::Clear),
        "clear" => latest(|opening| opening == Opening::Clear),
        number => number.trim_start_matches('#').parse().ok().filter(|number| session.feed.find(*number).is_some()),
    }
}
