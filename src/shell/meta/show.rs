use std::ops::Range;

use super::Reply;
use super::packets::number;
use crate::course::{Direction, Facts, Opening, Role as At, Seen};
use crate::decrypt::{Keyring, Scratch, Verdict};
use crate::lab::LabKind;
use crate::packet::{Frame, Node, Tree};
use crate::render::{FieldRow, Line, Role, fields, inline};
use crate::shell::session::Session;
use crate::trouble::Trouble;
use crate::words::{FluentValue, Words};

/// `:show N|esp|clear|last`: one packet as a tree of layers, each field with its octets and what it means here.
pub(super) fn show(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    session.drain_feed();
    let Some(number) = number(session, rest) else {
        return Err(Trouble::usage(session.say("ui-no-packet", &[("name", rest.into())]))
            .hint(session.say("ui-no-packet-hint", &[])));
    };
    let facts = session.facts();
    let Some(packet) = session.feed.find(number) else { return Ok(Reply::ON) };
    let (seen, frame, node) = (packet.seen.clone(), packet.frame.clone(), packet.node);
    let look = session.console.look();
    let heading = session.live(number, packet).lines(&look);
    let no_keys = Keyring::default();
    let keys = session.feed.keys(node).unwrap_or(&no_keys);
    let mut scratch = Scratch::default();
    let verdict = keys.decrypt_frame(&frame, &mut scratch);
    let teller = Teller { words: &session.words, facts: &facts };
    let mut lines = heading;
    lines.push(Line::default());
    lines.extend(fields(&teller.rows(&frame, &verdict), &look));
    if let Some(stop) = Tree::of_frame(&frame.view()).stop {
        lines.push(Line::of(stop.to_string(), Role::Bad));
    }
    lines.push(Line::default());
    let mut said = vec![teller.way(&seen, node)];
    if session.lab.kind() == LabKind::Sim {
        said.push(session.say("ui-show-simulated", &[]));
    }
    for sentence in said.into_iter().filter(|sentence| !sentence.is_empty()) {
        lines.extend(look.spelled(&inline(&sentence)).wrapped(look.width));
    }
    session.console.lines(&lines);
    Ok(Reply { packets: vec![seen], ..Reply::ON })
}

/// Octets beyond this many are counted instead of printed.
const MOST_OCTETS: usize = 8;

/// Says what fields mean here.
struct Teller<'a> {
    words: &'a Words,
    facts: &'a Facts,
}

/// Which part of a packet a field stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// A packet without ESP, or what was inside of ESP.
    Inner,
    /// Around ESP.
    Outer,
}

impl Teller<'_> {
    /// The rows of a whole packet: the layers around ESP, ESP itself, and what is inside.
    fn rows(&self, frame: &Frame, verdict: &Verdict<'_>) -> Vec<FieldRow> {
        let mut rows = Vec::new();
        let tree = Tree::of_frame(&frame.view());
        let part = if verdict.esp().len() > 0 { Part::Outer } else { Part::Inner };
        for layer in tree.layers.iter().take_while(|layer| layer.id != "esp") {
            self.add(layer, 0, &frame.octets, part, &mut rows);
        }
        for esp in verdict.esp() {
            // Of an opened packet the octets are those in clear, so that pad, pad length and next header read as they are said.
            self.add(&esp.tree(), 0, esp.packet, Part::Outer, &mut rows);
        }
        if let Some(inner) = verdict.inner {
            for layer in &Tree::of_protocol(inner.next_header, inner.octets).layers {
                self.add(layer, 0, inner.octets, Part::Inner, &mut rows);
            }
        }
        rows
    }

    fn add(&self, node: &Node, depth: usize, octets: &[u8], part: Part, rows: &mut Vec<FieldRow>) {
        rows.push(FieldRow {
            depth,
            name: node.name.to_owned(),
            value: crate::render::sanitised(&node.value),
            octets: if depth == 0 { String::new() } else { self.hex(octets, node.range.clone()) },
            meaning: self.meaning(node, part),
        });
        for child in &node.children {
            self.add(child, depth + 1, octets, part, rows);
        }
    }

    fn hex(&self, octets: &[u8], range: Range<usize>) -> String {
        let all = octets.get(range).unwrap_or_default();
        let shown: Vec<String> = all.iter().take(MOST_OCTETS).map(|octet| format!("{octet:02x}")).collect();
        let shown = shown.join(" ");
        if all.len() <= MOST_OCTETS {
            return shown;
        }
        format!("{shown} {}", self.say("show-octets", &[("count", all.len().into())]))
    }

    /// What a field means here, where there is something to say.
    fn meaning(&self, node: &Node, part: Part) -> Option<String> {
        let id = node.id.replace(['.', '_'], "-");
        let part = match part {
            Part::Outer => "outer",
            Part::Inner => "inner",
        };
        if matches!(node.id, "ip.src" | "ip.dst") {
            let who = self.who(&node.value)?;
            return Some(self.say(&format!("show-{part}-{id}"), &[("who", who.into())]));
        }
        // The most special message there is: for the value, for the part of the packet, for the field.
        let value: String = node.value.chars().take_while(char::is_ascii_alphanumeric).collect();
        let candidates =
            [format!("show-{part}-{id}-{}", value.to_lowercase()), format!("show-{part}-{id}"), format!("show-{id}")];
        let found = candidates.into_iter().find(|id| self.words.has(id))?;
        let fact = |name: &str| FluentValue::from(self.facts.get(name).cloned().unwrap_or_default());
        Some(self.say(
            &found,
            &[
                ("value", node.value.clone().into()),
                ("key_id", fact("key_id")),
                ("mark", fact("encrypt_mark")),
                ("octets", node.range.len().into()),
            ],
        ))
    }

    /// Whose address this is.
    fn who(&self, address: &str) -> Option<String> {
        let of = |fact: &str| self.facts.get(fact).is_some_and(|value| value == address);
        let nodes = [("a", "worker"), ("b", "worker2"), ("c", "control-plane")];
        if let Some((_, node)) = nodes.iter().find(|(letter, _)| of(&format!("cilium_host_{letter}"))) {
            return Some(self.say("show-who-host", &[("node", (*node).into())]));
        }
        if let Some(node) = ["worker", "worker2", "control_plane"].iter().find(|node| of(&format!("{node}_ip"))) {
            return Some(self.say("show-who-node", &[("node", node.replace('_', "-").into())]));
        }
        let pod = ["pod_a", "pod_b"].iter().find(|pod| of(&format!("{pod}_ip")))?;
        Some(self.say("show-who-pod", &[("pod", pod.replace('_', "-").into())]))
    }

    /// How the packet came to this device: the mark, the rule, the table.
    fn way(&self, seen: &Seen, node: At) -> String {
        let device = seen.device.as_deref().unwrap_or_default();
        let kind = if device.starts_with("lxc") { "lxc" } else { device };
        let form = if seen.opening == Opening::Clear { "clear" } else { "esp" };
        let direction = match seen.direction {
            Some(Direction::In) => "in",
            Some(Direction::Out) => "out",
            Some(Direction::Other) => "other",
            None => return String::new(),
        };
        let id = format!("show-way-{}-{form}-{direction}", kind.replace('_', "-"));
        if !self.words.has(&id) {
            return String::new();
        }
        let mark = self.facts.get("encrypt_mark").cloned().unwrap_or_default();
        let value = mark.split('/').next().unwrap_or_default().to_owned();
        self.say(&id, &[("node", node.name().into()), ("mark", mark.into()), ("value", value.into())])
    }

    fn say(&self, id: &str, args: &[(&str, FluentValue<'_>)]) -> String {
        self.words.say(id, args)
    }
}
