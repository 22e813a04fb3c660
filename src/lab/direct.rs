//! Lines of the machine's that are nothing but a way to somewhere else.

use super::line::quoted;
use super::{Place, PlaceKind};
use crate::command::{Elsewhere, commands};

/// Where a line that is nothing but `docker exec NODE …` or `kubectl exec POD -- …` goes, and the words that run there.
/// Such a line can be given to the place itself, with the learner's terminal; `None` for any other line.
pub(super) fn direct(line: &str, places: &[Place]) -> Option<(Place, Vec<String>)> {
    let mut found = commands(line).ok()?;
    let command = found.pop().filter(|_| found.is_empty())?;
    let ([elsewhere], [_]) = (command.elsewhere.as_slice(), command.wrappers.as_slice()) else { return None };
    let literal = command.words.iter().all(|word| !word.contains(['$', '*', '?', '[', '~', '`', '\'']));
    let alone = !command.background && command.pipeline == 1 && command.writes.is_empty() && !command.substituted;
    if !alone || !literal || line.contains(['<', '>', ';', '&', '|']) {
        return None;
    }
    let (name, kind) = match elsewhere {
        Elsewhere::Container(name) => (name.as_str(), PlaceKind::Node),
        Elsewhere::Pod { namespace, name } if namespace.as_deref().is_none_or(|space| space == "default") => {
            (name.strip_prefix("pod/").unwrap_or(name), PlaceKind::Pod)
        }
        _ => return None,
    };
    let place = places.iter().find(|place| place.name == name && place.kind == kind)?;
    Some((place.clone(), command.words))
}

/// Words as one line of a shell.
pub(crate) fn as_line(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_only_leads_elsewhere_is_told_from_one_that_does_more() {
        let place = |name: &str, kind| Place {
            name: name.to_owned(),
            aliases: Vec::new(),
            kind,
            node: None,
            addresses: Vec::new(),
        };
        let places = [place("c-worker", PlaceKind::Node), place("pod-a", PlaceKind::Pod)];
        let to = |line: &str| direct(line, &places).map(|(place, words)| (place.name, as_line(&words)));
        let here = |place: &str, line: &str| Some((place.to_owned(), line.to_owned()));
        assert_eq!(to("docker exec -it c-worker ip x s"), here("c-worker", "ip x s"));
        assert_eq!(to("kubectl exec pod-a -- ping -c 1 10.0.1.165"), here("pod-a", "ping -c 1 10.0.1.165"));
        for other in [
            "docker exec c-worker ip x s | cat",
            "docker exec pod-a ip a",
            "docker exec other ip a",
            "kubectl -n kube-system exec pod-a -- id",
            "docker exec $n ip a",
            "docker exec c-worker ip a; rm x",
            "ip a",
        ] {
            assert_eq!(to(other), None, "{other}");
        }
    }
}
