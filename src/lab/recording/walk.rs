use std::collections::BTreeMap;
use std::path::Path;

use super::entry::Head;
use super::tape::{Deed, Tape};
use crate::lab::Stream;
use crate::packet::Frame;
use crate::trouble::Trouble;

/// What was done in a recording from its beginning to its end, in order, to be read or shown. What was set back is not in
/// it.
#[derive(Debug)]
pub struct Walk {
    /// What the recording says of itself.
    pub head: Head,
    /// The lines that ran.
    pub lines: Vec<WalkedLine>,
    /// Why the recording could not be read to its end, if it could not.
    pub torn: Option<String>,
}

/// A line that ran.
#[derive(Debug, Clone, PartialEq)]
pub struct WalkedLine {
    /// The step in which it ran, where the recording says.
    pub step: Option<String>,
    /// Where it ran, by the shortest name.
    pub place: String,
    /// The line.
    pub line: String,
    /// When it began, in milliseconds since the recording did.
    pub at: u64,
    /// What it wrote, and when: in milliseconds since the recording began.
    pub said: Vec<(u64, Stream, Vec<u8>)>,
    /// Its exit status, where it ended.
    pub status: Option<i32>,
    /// The packets that were captured while it was the last line: where, and what.
    pub packets: Vec<(String, Frame)>,
    /// The lab's values then.
    pub facts: BTreeMap<String, String>,
    /// What the place's own states were then: the text of `ip xfrm state`, by place.
    pub states: Vec<(String, String)>,
}

impl Walk {
    /// Reads the walk of a recording.
    pub fn read(path: &Path) -> Result<Self, Trouble> {
        let tape = Tape::read(path)?;
        let mut lines: Vec<WalkedLine> = Vec::new();
        for id in tape.way_to(tape.last) {
            let Some(act) = tape.acts.get(id) else { continue };
            let state = tape.states.get(act.to);
            let mut packets: Vec<(String, Frame)> = state
                .iter()
                .flat_map(|state| &state.frames)
                .flat_map(|caught| {
                    caught.frames.iter().map(|frame| (tape.short(&caught.place).to_owned(), frame.clone()))
                })
                .collect();
            packets.sort_by_key(|(_, frame)| frame.time);
            let Deed::Ran { place, line, unseen: false, .. } = &act.deed else {
                // What came of a line's being stopped, or of one that nobody saw, belongs to the line before.
                if let Some(last) = lines.last_mut() {
                    last.packets.extend(packets);
                }
                continue;
            };
            let mut states: Vec<(String, String)> = Vec::new();
            for (place, _) in &packets {
                let full = tape.name(place).to_owned();
                if states.iter().all(|(known, _)| known != place)
                    && let Some(answer) = tape.nearest(act.to, |state| {
                        state.answers.get(&(full.clone(), "ip xfrm state".to_owned())).cloned()
                    })
                {
                    states.push((place.clone(), String::from_utf8_lossy(&answer.output).into_owned()));
                }
            }
            lines.push(WalkedLine {
                step: tape.mark_of(act.from).map(str::to_owned),
                place: tape.short(place).to_owned(),
                line: line.clone(),
                at: act.at,
                said: act.said.iter().map(|said| (said.at, said.stream, said.octets.clone())).collect(),
                status: act.ended.map(|ended| ended.status),
                packets,
                facts: tape
                    .nearest(act.to, |state| state.facts.clone())
                    .map(|facts| BTreeMap::clone(&facts))
                    .unwrap_or_default(),
                states,
            });
        }
        Ok(Self { head: tape.head, lines, torn: tape.torn })
    }
}

impl WalkedLine {
    /// What it wrote, both streams together.
    pub fn output(&self) -> String {
        let octets: Vec<u8> = self.said.iter().flat_map(|(.., octets)| octets).copied().collect();
        String::from_utf8_lossy(&octets).into_owned()
    }
}
