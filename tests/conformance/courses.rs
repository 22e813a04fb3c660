//! Every command that a course has somebody run on a node or in a pod stands in a scenario, so that the simulator's answer
//! to it has been compared with a kernel's.

use std::collections::BTreeSet;
use std::path::Path;

use esplain::command::commands;
use esplain::course::{Book, Facts, Files, Ran, Role, Step, Template, complete};
use esplain::profile::Profile;

use crate::player;

/// Commands that no kernel answers: the shell's own, and what changes the software of a node's image.
const NOT_THE_KERNELS: [&str; 4] = ["kill", "apt-get", "sed", "command"];

/// The courses' commands that are in no scenario, as `PLACE $ WORDS (STEP)`, each once. Where they run counts; of `ip` its
/// full spelling, of other programs every word.
pub(crate) fn missing(scenarios: &Path) -> BTreeSet<String> {
    let facts = facts();
    let lines_of_scenarios = player::lines(scenarios);
    let compared: BTreeSet<(Role, Vec<String>)> = lines_of_scenarios
        .iter()
        .filter_map(|(place, line)| Some((place.parse().ok()?, line)))
        .flat_map(|(place, line): (Role, &String)| Ran::all(line, place, &facts))
        .map(|ran| (ran.at, ran.words))
        .collect();
    let words: BTreeSet<Vec<String>> = lines_of_scenarios.iter().flat_map(|(_, line)| words_of(line)).collect();
    let mut missing = BTreeSet::new();
    for course in Files::embedded_courses() {
        let files = Files::embedded(course).expect("it was named");
        let book = Book::read(&files).unwrap_or_else(|faults| panic!("{course}: {faults:?}"));
        for step in book.course.steps() {
            for (place, line) in lines(step) {
                let line = line.fill(&facts).unwrap_or_else(|error| panic!("{}: {error}", step.id));
                let ran = Ran::all(&line, place, &facts).into_iter().filter(|ran| is_kernels(ran.at, &ran.words));
                let unseen: Vec<Ran> = ran.filter(|ran| !compared.contains(&(ran.at, ran.words.clone()))).collect();
                missing.extend(unseen.iter().map(|ran| format!("{} $ {} ({})", ran.at, ran.words.join(" "), step.id)));
                let at_machine = Ran::all(&line, place, &facts).iter().all(|ran| ran.at == Role::Machine);
                for own in words_of(&line).into_iter().filter(|own| !at_machine && is_kernels(Role::Worker, own)) {
                    if own.first().is_some_and(|name| name != "ip") && !words.contains(&own) {
                        missing.insert(format!("{place} $ {} ({})", own.join(" "), step.id));
                    }
                }
            }
        }
    }
    missing
}

/// Whether a kernel has a part in the answer.
fn is_kernels(at: Role, words: &[String]) -> bool {
    at != Role::Machine && words.first().is_some_and(|name| !NOT_THE_KERNELS.contains(&name.as_str()))
}

/// The words of each program that a line runs, wrappers taken off.
fn words_of(line: &str) -> Vec<Vec<String>> {
    commands(line).unwrap_or_default().into_iter().map(|invocation| invocation.words).collect()
}

/// What the courses' placeholders stand for in the lab of the scenarios (`tests/kernel/lab.sh`).
fn facts() -> Facts {
    let facts = [
        ("worker", "worker"),
        ("worker2", "worker2"),
        ("control_plane", "control-plane"),
        ("worker_ip", "172.18.0.3"),
        ("worker2_ip", "172.18.0.2"),
        ("control_plane_ip", "172.18.0.4"),
        ("pod_cidr_a", "10.0.0.0/24"),
        ("pod_cidr_b", "10.0.1.0/24"),
        ("pod_cidr_c", "10.0.2.0/24"),
        ("cilium_host_a", "10.0.0.66"),
        ("cilium_host_b", "10.0.1.236"),
        ("cilium_host_c", "10.0.2.189"),
        ("pod_a", "pod-a"),
        ("pod_b", "pod-b"),
        ("pod_a_ip", "10.0.0.144"),
        ("pod_b_ip", "10.0.1.165"),
        ("lxc_a", "lxc9f1c7a20d5e3"),
        ("lxc_b", "lxc4b80e6f1a7c2"),
        ("spi", "0x00000003"),
        ("key_id", "3"),
        ("encrypt_mark", "0x3e00/0xff00"),
        ("native_cidr", "10.0.0.0/8"),
        ("gateway", "172.18.0.1"),
        ("cluster", "cilium-ipsec-native-routing"),
        ("wrong_key", "00112233445566778899aabbccddeeff01234567"),
    ];
    let facts = facts.into_iter().chain(Profile::Tutorial.facts());
    complete(facts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// The lines of a step that somebody runs, each at its place: setup, solution and probes, and every variant.
fn lines(step: &Step) -> Vec<(Role, Template)> {
    let mut lines: Vec<(Role, Template)> =
        step.errands().into_iter().map(|(place, line)| (place, line.clone())).collect();
    for variant in &step.variants {
        let mut place = step.place;
        for line in variant {
            match line.as_written().strip_prefix(':') {
                None => lines.push((place, line.clone())),
                Some(guide) => {
                    let at = guide.strip_prefix("on ").and_then(|at| at.trim().parse().ok());
                    place = at.unwrap_or(place);
                }
            }
        }
    }
    lines
}
