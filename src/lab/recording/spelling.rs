//! What a line runs, whatever its spelling.

use std::collections::HashMap;

use crate::command::{self, Elsewhere, Flag};

/// A line in its one spelling: `sudo ip x s | cat`, `ip xfrm st ls` and, on the machine, `docker exec worker ip x s` are
/// the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spelling {
    commands: Vec<Command>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Command {
    at: String,
    elsewhere: Vec<Elsewhere>,
    words: Vec<String>,
    options: Vec<(String, Option<String>)>,
    position: usize,
    writes: Vec<String>,
    substituted: bool,
}

impl Spelling {
    /// Reads a line that is typed at a place. `names` gives the full name of each place.
    pub(super) fn of(line: &str, place: &str, names: &HashMap<String, String>) -> Self {
        let invocations = command::commands(line).unwrap_or_default();
        // A `cat` at the end of a pipe shows what comes in.
        let is_cat = |invocation: &command::Invocation| invocation.position > 0 && invocation.words == ["cat"];
        let commands = invocations.iter().filter(|invocation| !is_cat(invocation)).map(|invocation| {
            let canonical = command::canonical(&invocation.words);
            let (mut at, mut elsewhere) = (place.to_owned(), Vec::new());
            for step in &invocation.elsewhere {
                match step {
                    Elsewhere::Container(name) | Elsewhere::Pod { name, .. } if elsewhere.is_empty() => {
                        let name = name.strip_prefix("pod/").unwrap_or(name);
                        match names.get(name) {
                            Some(full) => at.clone_from(full),
                            None => elsewhere.push(step.clone()),
                        }
                    }
                    _ => elsewhere.push(step.clone()),
                }
            }
            let mut options: Vec<_> = canonical.options.into_iter().map(|Flag { name, value }| (name, value)).collect();
            options.sort();
            Command {
                at,
                elsewhere,
                words: canonical.words,
                options,
                position: invocation.position,
                writes: invocation.writes.clone(),
                substituted: invocation.substituted,
            }
        });
        Self { commands: commands.collect() }
    }

    /// Whether both run the same. A line that cannot be read runs nothing that could be compared.
    pub(super) fn runs_the_same(&self, other: &Self) -> bool {
        !self.commands.is_empty() && self == other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_the_same_are_the_same_and_others_are_not() {
        let full = "cilium-ipsec-native-routing-worker";
        let names = HashMap::from([
            ("worker".to_owned(), full.to_owned()),
            ("pod-a".to_owned(), "pod-a".to_owned()),
            (full.to_owned(), full.to_owned()),
        ]);
        let at = |place: &str, line: &str| Spelling::of(line, names.get(place).map_or(place, String::as_str), &names);
        for (one, two) in [
            (("worker", "ip x s"), ("worker", "sudo ip xfrm state list | cat")),
            (("worker", "ip x s"), ("machine", "docker exec -it worker ip xfrm st")),
            (("worker", "ip x s"), ("machine", "docker exec cilium-ipsec-native-routing-worker ip x s")),
            (("pod-a", "ping -c 1 -s 100 10.0.1.165"), ("machine", "kubectl exec pod-a -- ping -s100 -c1 10.0.1.165")),
            (("machine", "helm list -n kube-system"), ("machine", "helm --namespace kube-system list")),
        ] {
            assert!(at(one.0, one.1).runs_the_same(&at(two.0, two.1)), "{one:?} {two:?}");
        }
        for (one, two) in [
            (("worker", "ip x s"), ("worker", "ip -s x s")),
            (("worker", "ip x s"), ("worker2", "ip x s")),
            (("worker", "ip x s"), ("worker", "ip x p")),
            (("worker", "ip x s"), ("worker", "ip x s > states.txt")),
            (("worker", "ip x s | head -1"), ("worker", "ip x s")),
            (("worker", "'"), ("worker", "'")),
        ] {
            assert!(!at(one.0, one.1).runs_the_same(&at(two.0, two.1)), "{one:?} {two:?}");
        }
    }
}
