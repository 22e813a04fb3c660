use std::collections::BTreeMap;

use super::role::Role;
use super::seen::Seen;
use super::template::Facts;
use crate::command::{self, Elsewhere, Invocation};
use crate::trouble::Trouble;

/// What was seen of one line that a learner ran: all that a check may look at.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// The line as it was typed.
    pub line: String,
    /// The commands it ran, each at the place where it ran in the end. Empty for a line to the guide.
    pub ran: Vec<Ran>,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
    /// The exit status; `None` while it runs (a job in the background).
    pub status: Option<i32>,
    /// The packets that the guide captured while it ran, by node.
    pub captured: BTreeMap<Role, Vec<Seen>>,
    /// What the guide did, for a line that speaks to it.
    pub guide: Option<GuideRun>,
    /// The lab's values, completed by [`super::complete`].
    pub facts: Facts,
}

/// A command that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Where it ran, wrappers taken off.
    pub at: Role,
    /// Its words in their full spelling: `ip`, `xfrm`, `state`.
    pub words: Vec<String>,
}

impl Ran {
    /// The commands that a line typed at `typed_at` runs, as far as one can see without running it. What runs at a place
    /// that the course does not know is left out.
    pub fn all(line: &str, typed_at: Role, facts: &Facts) -> Vec<Self> {
        let ran = |invocation: &Invocation| {
            let at = invocation.elsewhere.iter().try_fold(typed_at, |at, elsewhere| place(elsewhere, at, facts))?;
            Some(Self { at, words: command::canonical(&invocation.words).words })
        };
        command::commands(line).unwrap_or_default().iter().filter_map(ran).collect()
    }
}

/// The role of the place that a wrapper leads to from `at`, if it is one of the course's.
fn place(elsewhere: &Elsewhere, at: Role, facts: &Facts) -> Option<Role> {
    let name = match elsewhere {
        Elsewhere::Container(name) | Elsewhere::Pod { name, .. } => name.strip_prefix("pod/").unwrap_or(name),
        // A pod's namespace is the pod, for what a lesson looks at; whose it is cannot be told from the line.
        Elsewhere::NetworkNamespace(_) | Elsewhere::Process { .. } => return Some(at),
    };
    Role::ALL.into_iter().find(|role| {
        let variable = role.name().replace('-', "_");
        role.name() == name || facts.get(&variable).is_some_and(|full| full == name)
    })
}

/// What the guide did for a `:` line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuideRun {
    /// The command's name without the colon: `decrypt`.
    pub command: String,
    /// Where the learner was.
    pub at: Option<Role>,
    /// Whether it did what it was asked; a file that is not there, say, makes this false.
    pub done: bool,
    /// The packets it worked on, as they came out: for `decrypt` with the keys that the learner gave.
    pub packets: Vec<Seen>,
}

/// What a check may ask of the world while it judges.
pub trait World {
    /// Runs a quiet command at a place: the learner sees nothing of it, and it must change nothing.
    fn run(&mut self, at: Role, line: &str) -> Result<Outcome, Trouble>;

    /// The packets of a capture file at a place, opened with the states of that place.
    fn packets(&mut self, at: Role, path: &str) -> Result<Vec<Seen>, Trouble>;
}

/// How a quiet command ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Standard output, then standard error.
    pub output: String,
    /// Its exit status.
    pub status: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ran_where_its_wrappers_took_it() {
        let facts = Facts::from([
            ("worker".to_owned(), "cilium-ipsec-native-routing-worker".to_owned()),
            ("pod_a".to_owned(), "pod-a".to_owned()),
        ]);
        for (line, at, words) in [
            ("ip x s", Role::Machine, "ip xfrm state list"),
            (
                "docker exec -it cilium-ipsec-native-routing-worker sudo ip x s | cat",
                Role::Worker,
                "ip xfrm state list",
            ),
            ("docker exec worker2 sh -c 'ip x s'", Role::Worker2, "ip xfrm state list"),
            ("kubectl exec pod-a -- ip x s", Role::PodA, "ip xfrm state list"),
            ("nsenter -t 42 -n ip x s", Role::Machine, "ip xfrm state list"),
        ] {
            let ran = Ran::all(line, Role::Machine, &facts);
            assert_eq!(ran.first().map(|ran| (ran.at, ran.words.join(" "))), Some((at, words.to_owned())), "{line}");
        }
        for elsewhere in ["kubectl -n kube-system exec ds/cilium -- ip x s", "docker exec another ip x s"] {
            assert_eq!(Ran::all(elsewhere, Role::Machine, &facts), []);
        }
    }
}
