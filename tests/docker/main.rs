#![cfg(target_os = "linux")]
//! The kind lab's nodes behind a real Docker Engine, on a kernel with ESP.
//!
//! The engine runs in the reference kernel (`tests/kernel/boot.sh`, `tests/kernel/docker.sh`), which is booted once; this
//! binary is called again beside it, and the test of `inside` is the one that runs there. Where that cannot be, it is said.

mod beside;
mod cluster;
mod doctor;
mod engine;
#[path = "../kernel_lab/job.rs"]
mod job;
#[path = "../host/lines.rs"]
#[allow(dead_code, reason = "what other tests ask for")]
mod lines;
mod loss;
mod nodes;
#[path = "../kernel_lab/ping.rs"]
mod ping;
mod remote;
mod rootless;
mod sshd;
#[path = "../shell/terminal.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "what other tests ask for, which may unwrap")]
mod terminal;

use std::io::Write;
use std::path::Path;
use std::process::Command;

/// What `docker.sh` calls the course's cluster.
const CLUSTER: &str = "cilium-ipsec-native-routing";

#[test]
fn the_nodes_are_walked_through_a_real_engine() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lacks = Command::new(root.join("tests/kernel/prerequisites.sh")).output().expect("prerequisites.sh runs");
    if !lacks.status.success() {
        let said = String::from_utf8_lossy(&lacks.stdout).into_owned() + &String::from_utf8_lossy(&lacks.stderr);
        // Not `eprintln!`, which is shown for tests that fail only.
        let _ = writeln!(std::io::stderr(), "skipped: a real Docker Engine: {}", said.trim().replace('\n', "; "));
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let docker = root.join("tests/kernel/docker.sh");
    let made = Command::new(&docker).arg("prepare").arg(folder.path()).output().expect("docker.sh runs");
    assert!(made.status.success(), "nothing prepared: {}", String::from_utf8_lossy(&made.stderr));
    let own = std::env::current_exe().expect("this binary has a path");
    let mut boot = Command::new(root.join("tests/kernel/boot.sh"));
    boot.args(["--mem", "2G", "--timeout", "1200", "--"]).arg(docker).arg("run").arg(folder.path());
    boot.arg(own).args(["--exact", "inside::the_nodes", "--ignored", "--nocapture"]);
    let output = boot.current_dir(root).output().expect("boot.sh runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}\n{complained}", output.status);
    assert!(said.contains("1 passed"), "it did not run:\n{said}\n{complained}");
    let _ = write!(std::io::stderr(), "{complained}{}", counts(&said));
}

/// The lines that say what was proven, and what was not.
fn counts(said: &str) -> String {
    said.lines()
        .filter(|line| line.starts_with("proven: ") || line.starts_with("skipped: "))
        .fold(String::new(), |lines, line| lines + line + "\n")
}

/// What runs beside the engine.
mod inside {
    use std::time::Instant;

    use esplain::lab::kind::Kind;

    use crate::beside::connect;
    use crate::{cluster, doctor, loss, nodes, remote, rootless, sshd};

    /// A fact, and what proves it.
    type Fact = (&'static str, fn(&mut Kind));

    /// What is proven, in order. One boot and one engine serve all of it.
    const FACTS: &[Fact] = &[
        ("the nodes and pods are found by kind's labels", nodes::the_nodes_and_pods_are_found),
        ("lines run in their place and remember the ones before", nodes::lines_run_in_their_place),
        ("the facts of the lessons are what the nodes say", nodes::the_facts_are_what_the_nodes_say),
        ("a ping is captured and opens with the nodes' own keys", nodes::a_ping_is_captured_and_opened),
        ("a line on a terminal has a real one", nodes::a_line_on_a_terminal_has_a_real_one),
        ("a full-screen program runs and ends by its own key", nodes::a_full_screen_program_runs),
        ("lines without a terminal are fed, interrupted and ended", nodes::lines_are_fed_interrupted_and_ended),
        ("files go in and out, a learner's capture among them", nodes::files_go_in_and_out),
        ("what a learner changed is set back", nodes::what_a_learner_changed_is_set_back),
        ("a node without tcpdump is said to have none", nodes::a_node_without_tcpdump_says_so),
        ("a hanging line and a hanging engine are given up", loss::what_hangs_is_given_up),
        ("two learners at once do not meet, and one who goes leaves nothing", nodes::two_learners_do_not_meet),
        ("an engine far away is reached with TLS", remote::an_engine_far_away_is_reached_with_tls),
        ("an engine far away is reached by ssh", remote::an_engine_far_away_is_reached_by_ssh),
        ("a way by ssh that does not lead there says why", remote::a_way_by_ssh_that_does_not_lead_there_says_why),
        ("a rootless engine is found, and its nodes are used", rootless::a_rootless_engine_is_found),
        ("doctor says what the engine says", doctor::doctor_says_what_the_engine_says),
        ("an engine that cannot be used says why", remote::an_engine_that_cannot_be_used_says_why),
        ("the course's own steps are met on the nodes", nodes::the_steps_are_met_on_the_nodes),
        ("the engine is started anew, and the nodes run on", loss::the_engine_is_started_anew),
        ("a node is killed in the middle of a line, and started again", loss::a_node_is_killed_and_started_again),
        ("a disk that is full is said to be, and the lab goes on", loss::a_full_disk_is_said_to_be),
        ("the engine is started anew, and the nodes stop with it", loss::the_nodes_stop_with_the_engine),
        ("a node is removed in the middle of a line, and the cluster is half of one", loss::a_node_is_removed),
        ("down takes away what was made from here, and nothing else", cluster::down_takes_away_what_was_made),
        ("a set-up that cannot go on says why", cluster::a_set_up_that_cannot_go_on_says_why),
        (
            "a set-up is asked for, and goes on where it was interrupted",
            cluster::a_set_up_is_asked_for_and_goes_on_where_it_was_interrupted,
        ),
        (
            "the guided shell asks before a line on the machine",
            cluster::the_guided_shell_asks_before_a_line_on_the_machine,
        ),
    ];

    #[test]
    #[ignore = "runs beside the engine in the reference kernel"]
    fn the_nodes() {
        // Behind the line that the harness has begun.
        println!();
        let mut lab = connect();
        // For whoever works on some of them: `terminal|anew`.
        let wanted = std::env::var("ESPLAIN_DOCKER_FACT").unwrap_or_default();
        for (at, (fact, prove)) in
            FACTS.iter().enumerate().filter(|(_, (fact, _))| wanted.split('|').any(|wanted| fact.contains(wanted)))
        {
            let lacks = [("ssh", sshd::program().is_none()), ("rootless", !rootless::is_possible())];
            if lacks.iter().any(|(word, lacks)| *lacks && fact.contains(word)) {
                println!("skipped: {fact}: this machine lacks what `.ci/prerequisites.sh test` brings");
                continue;
            }
            let begun = Instant::now();
            prove(&mut lab);
            println!("proven: {}/{} {fact} ({:.1} s)", at + 1, FACTS.len(), begun.elapsed().as_secs_f64());
        }
    }

    #[test]
    #[ignore = "is killed by a fact"]
    fn a_learner_far_away() {
        println!();
        remote::wait_far_away(|| println!("begun"));
    }
}
