use std::collections::BTreeSet;

use super::prove::Prover;
use super::report::Failure;
use super::world::{quietly, unseen};
use crate::lab::PlaceKind;
use crate::trouble::Trouble;

/// What the wanderer leaves behind at every node that there is, and at the machine.
const LEFT_ON_NODES: &str = "ip rule add priority 4242 lookup 4242";
const LEFT_EVERYWHERE: &str = "echo wandered > esplain-wandered";

/// What one looks at to see whether a place is as it was: its files, and what the kernel was told. Counters run on.
const LOOKS_ON_NODES: &[&str] = &["ip rule", "ip route show table all", "ip xfrm policy", "ls"];
const LOOKS_EVERYWHERE: &[&str] = &["ls"];

/// How a place looked: the place, the command, what it printed.
pub(super) type Look = (String, &'static str, String);

impl Prover<'_> {
    /// How the lab looks, place by place.
    pub(super) fn look_around(&mut self) -> Result<Vec<Look>, Trouble> {
        let mut looks = Vec::new();
        for place in self.runner.lab.places()? {
            let commands = if place.kind == PlaceKind::Node { LOOKS_ON_NODES } else { LOOKS_EVERYWHERE };
            for command in commands {
                let (output, _, _) = quietly(self.runner.lab, &place.name, command)?;
                looks.push((place.name.clone(), *command, output));
            }
        }
        Ok(looks)
    }

    /// Leaves traces everywhere, as a learner does who tries things out.
    pub(super) fn wander(&mut self) -> Result<(), Trouble> {
        for place in self.runner.lab.places()? {
            let node = (place.kind == PlaceKind::Node).then_some(LEFT_ON_NODES);
            for command in node.into_iter().chain([LEFT_EVERYWHERE]) {
                unseen(self.runner.lab, &place.name, command)?;
            }
        }
        Ok(())
    }

    /// What of the way the lab looked before is not there any more, or what is there besides.
    pub(super) fn differs_from(&mut self, before: &[Look]) -> Result<Option<Failure>, Trouble> {
        let after = self.look_around()?;
        let (was, is) = (lines_of(before), lines_of(&after));
        let only_in = |these: &BTreeSet<String>, those: &BTreeSet<String>| {
            these.difference(those).cloned().collect::<Vec<_>>().join("\n")
        };
        let (gone, new) = (only_in(&was, &is), only_in(&is, &was));
        let places = |looks: &[Look]| looks.iter().map(|(place, _, _)| place.clone()).collect::<BTreeSet<_>>();
        if gone.is_empty() && new.is_empty() && places(before) == places(&after) {
            return Ok(None);
        }
        let told = |lines: String| if lines.is_empty() { "nothing more".to_owned() } else { lines };
        Ok(Some(Failure { expected: told(gone), got: told(new) }))
    }
}

/// Each line that was seen, with where and by which command.
fn lines_of(looks: &[Look]) -> BTreeSet<String> {
    let of = |(place, command, text): &Look| {
        text.lines().map(|line| format!("`{command}` on {place}: {line}")).collect::<Vec<_>>()
    };
    looks.iter().flat_map(of).collect()
}
