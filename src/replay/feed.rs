use std::collections::BTreeMap;

use super::world::{device_names, keyring, under_way};
use crate::course::{Role, Seen};
use crate::decrypt::Scratch;
use crate::lab::{CaptureId, Lab, PlaceKind};
use crate::trouble::Trouble;

/// The packets that the guide sees: a capture on every node.
#[derive(Default)]
pub(super) struct Feed {
    captures: BTreeMap<Role, CaptureId>,
    seen: BTreeMap<Role, Vec<Seen>>,
}

impl Feed {
    /// Starts capturing on nodes that have appeared since.
    pub(super) fn open(&mut self, lab: &mut dyn Lab) -> Result<(), Trouble> {
        let mut fresh: Vec<(Role, String)> = Vec::new();
        for place in lab.places()?.into_iter().filter(|place| place.kind == PlaceKind::Node) {
            let role = place.aliases.iter().find_map(|alias| alias.parse::<Role>().ok());
            fresh.extend(role.filter(|role| !self.captures.contains_key(role)).map(|role| (role, place.name)));
        }
        let names: Vec<&str> = fresh.iter().map(|(_, name)| name.as_str()).collect();
        for ((role, _), capture) in fresh.iter().zip(lab.captures(&names, "any", "")) {
            self.captures.insert(*role, capture?);
        }
        Ok(())
    }

    /// Takes in what was captured since the last time, and gives that alone.
    pub(super) fn drain(&mut self, lab: &mut dyn Lab) -> Result<BTreeMap<Role, Vec<Seen>>, Trouble> {
        let wait = under_way(lab.kind());
        let mut fresh: BTreeMap<Role, Vec<Seen>> = BTreeMap::new();
        for (role, capture) in &self.captures {
            let frames = lab.frames(*capture, wait)?;
            if frames.is_empty() {
                continue;
            }
            let keys = keyring(lab, role.name())?;
            let devices = device_names(lab, role.name())?;
            let mut scratch = Scratch::default();
            let seen: Vec<Seen> = frames.iter().map(|frame| Seen::of(frame, &keys, &devices, &mut scratch)).collect();
            self.seen.entry(*role).or_default().extend(seen.iter().cloned());
            fresh.insert(*role, seen);
        }
        Ok(fresh)
    }

    /// The packets of the node that a learner at `place` looks at.
    pub(super) fn packets(&self, place: Role) -> &[Seen] {
        let node = match place {
            Role::PodA | Role::Machine => Role::Worker,
            Role::PodB => Role::Worker2,
            node => node,
        };
        self.seen.get(&node).map_or(&[], Vec::as_slice)
    }

    /// Forgets everything: the lab was set back, and the captures with it.
    pub(super) fn close(&mut self, lab: &mut dyn Lab) {
        for capture in std::mem::take(&mut self.captures).into_values() {
            // A capture that is gone needs no stopping.
            let _ = lab.stop_capture(capture);
        }
        self.seen.clear();
    }
}
