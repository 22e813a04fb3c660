use super::{Reply, takes_nothing};
use crate::lab::PlaceKind;
use crate::render::{Block, Line, Role, Table};
use crate::shell::session::{Session, short_name};
use crate::trouble::Trouble;

/// `:on PLACE`: plain lines run there from now on.
pub(super) fn on(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    if rest.is_empty() {
        return nodes(session, "");
    }
    session.go_to(rest)?;
    Ok(Reply::ON)
}

/// `:nodes`: where lines can run.
pub(super) fn nodes(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    takes_nothing(session, "nodes", rest)?;
    let places = session.lab.places()?;
    let header = ["ui-place", "ui-place-kind", "ui-place-addresses", "ui-place-name"].map(|id| session.say(id, &[]));
    let mut table = Table::new(&header.each_ref().map(String::as_str));
    for place in &places {
        let short = short_name(place);
        let kind = match place.kind {
            PlaceKind::Machine => session.say("ui-kind-machine", &[]),
            PlaceKind::Node => session.say("ui-kind-node", &[]),
            PlaceKind::Pod => session.say("ui-kind-pod", &[("node", place.node.clone().unwrap_or_default().into())]),
        };
        let addresses: Vec<String> = place.addresses.iter().map(ToString::to_string).collect();
        let here = if short == session.place { session.say("ui-here", &[]) } else { String::new() };
        let name = Line::of(short, Role::Device).and(here, Role::Good);
        table.rows.push(vec![name, kind.into(), addresses.join(", ").into(), place.name.clone().into()]);
    }
    session.console.blocks(&[Block::Table(table)]);
    Ok(Reply::ON)
}
