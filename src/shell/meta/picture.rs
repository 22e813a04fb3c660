use super::{Reply, map};
use crate::decrypt::Scratch;
use crate::lab::PlaceKind;
use crate::render::{Display, EspLayout, Path, Picture};
use crate::shell::session::Session;
use crate::trouble::{Trouble, nearest};

/// The pictures there are.
pub(in crate::shell) const PICTURES: [&str; 3] = ["architecture", "path", "esp"];

/// `:picture NAME`: the cluster, the way of a ping, or the octets of the ESP packet seen last. As pixels on a terminal that
/// shows them, else as text.
pub(super) fn picture(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    let picture = match rest {
        "" | "architecture" => Picture::Architecture(map::of(session)),
        "path" => Picture::Path(path(session)?),
        "esp" => Picture::Esp(esp(session)?),
        other => {
            let trouble = Trouble::usage(session.say("picture-unknown", &[("name", other.into())]));
            return Err(match nearest(other, PICTURES) {
                Some(near) => {
                    trouble.hint(session.say("ui-did-you-mean", &[("word", format!(":picture {near}").into())]))
                }
                None => trouble.hint(session.say("picture-known", &[])),
            });
        }
    };
    let look = session.console.look();
    let display = if session.console.is_terminal() && !look.plain { Display::of_process() } else { None };
    // Where letters or room are missing, the text says as much.
    let shown = display.and_then(|display| display.show(&picture.svg()).ok());
    match shown {
        Some(shown) => session.console.raw(&shown),
        None => session.console.lines(&picture.lines(&look)),
    }
    Ok(Reply::ON)
}

fn path(session: &mut Session) -> Result<Path, Trouble> {
    let to = session.facts().get("pod_b_ip").and_then(|address| address.parse().ok());
    let to = to.ok_or_else(|| Trouble::unusable(session.say("picture-needs-cluster", &[])))?;
    let trace = session.lab.trace("pod-a", to, 56)?;
    let places = session.lab.places()?;
    let short = |name: &str| {
        let known = |place: &&crate::lab::Place| place.name == name || place.aliases.iter().any(|alias| alias == name);
        let place = places.iter().find(known).filter(|place| place.kind != PlaceKind::Machine)?;
        Some(place.aliases.first().unwrap_or(&place.name).clone())
    };
    let title = session.say("picture-path", &[]);
    Ok(Path::of(&trace, &session.words, title, &short))
}

/// The octets of the ESP packet that was seen last, if the node's states open it.
fn esp(session: &mut Session) -> Result<EspLayout, Trouble> {
    session.drain_feed();
    let number = super::packets::number(session, "esp");
    let drawn = number.and_then(|number| {
        let packet = session.feed.find(number)?;
        let keys = session.feed.keys(packet.node)?;
        let mut scratch = Scratch::default();
        let verdict = keys.decrypt_frame(&packet.frame, &mut scratch);
        EspLayout::of(&packet.frame.octets, &verdict, &session.words, session.say("picture-esp", &[]))
    });
    drawn.ok_or_else(|| {
        Trouble::failed(session.say("picture-no-esp", &[])).hint(session.say("picture-no-esp-hint", &[]))
    })
}
