//! What goes wrong on the way: what hangs, nodes and engines that go, and disks that are full.

use std::time::{Duration, Instant};

use esplain::lab::kind::{Endpoint, Kind};
use esplain::lab::{Input, JobEvent, Lab};
use esplain::trouble::Trouble;

use crate::CLUSTER;
use crate::beside::{finish, outside, run, try_run};
use crate::cluster::Home;
use crate::engine::{live_restore, signal_engine, start_engine, stop_engine};
use crate::job::wait_for;

pub(crate) fn what_hangs_is_given_up(lab: &mut Kind) {
    let begun = Instant::now();
    // Nobody hears of a line that says nothing; it is bounded by whoever waits, and ends when it is told to.
    let line = lab.start("worker", "sleep 100", None).expect("starts");
    assert!(matches!(lab.poll(line, Duration::from_secs(1)), Ok(JobEvent::Idle)));
    lab.send(line, Input::Terminate).expect("ends");
    assert_eq!(finish(lab, line).expect("an end").1, 143);
    let endpoint = Endpoint::of_environment().expect("an endpoint");
    let mut hasty = Kind::connect(endpoint, CLUSTER, Duration::from_secs(2)).expect("connects");
    signal_engine("STOP");
    let trouble = hasty.places().expect_err("the engine is stopped");
    signal_engine("CONT");
    assert!(trouble.what.contains("did not answer within 2 seconds"), "{trouble:?}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(run(&mut hasty, "worker", "echo back").0, "back\n");
}

pub(crate) fn a_node_is_killed_and_started_again(lab: &mut Kind) {
    let node = "cilium-ipsec-native-routing-control-plane";
    let capture = lab.capture("control-plane", "any", "icmp").expect("captures");
    let line = lab.start("control-plane", "echo begun; sleep 100", None).expect("starts");
    wait_for(lab, line, "begun");
    outside("docker", &["kill", node]);
    let trouble = finish(lab, line).expect_err("its node is gone");
    assert!(trouble.what.contains("control-plane stopped while `echo begun; sleep 100` ran there"), "{trouble:?}");
    assert!(trouble.hints[0].contains(&format!("docker start {node}")), "{trouble:?}");
    let begun = Instant::now();
    while lab.frames(capture, Duration::from_millis(100)).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the capture outlives its node");
    }
    let trouble = try_run(lab, "control-plane", "true").expect_err("it is stopped");
    assert_eq!(trouble.what, "control-plane is stopped");
    // The others go on.
    assert_eq!(run(lab, "worker", "echo here").0, "here\n");
    assert!(!lab.runs().expect("an answer"));
    outside("docker", &["start", node]);
    assert_eq!(run(lab, "control-plane", "echo again").0, "again\n");
    assert!(lab.runs().expect("an answer"));
}

fn says_no_engine_answers(trouble: &Trouble) {
    assert!(trouble.what.starts_with("no Docker Engine answers at"), "{trouble:?}");
    assert!(trouble.hints[0].contains("systemctl start docker"), "{trouble:?}");
    assert!(trouble.hints.last().is_some_and(|hint| hint.contains("is kept")), "{trouble:?}");
}

pub(crate) fn the_engine_is_started_anew(lab: &mut Kind) {
    live_restore(true);
    let line = lab.start("worker", "echo begun; sleep 100", None).expect("starts");
    wait_for(lab, line, "begun");
    let capture = lab.capture("worker2", "any", "icmp").expect("captures");
    stop_engine();
    says_no_engine_answers(&finish(lab, line).expect_err("its engine is gone"));
    let begun = Instant::now();
    while lab.frames(capture, Duration::from_millis(100)).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the capture outlives its engine");
    }
    let trouble = try_run(lab, "worker", "true").expect_err("there is no engine");
    assert!(trouble.what.starts_with("no Docker Engine answers at"), "{trouble:?}");
    start_engine();
    assert_eq!(run(lab, "worker", "cd /tmp; echo again").0, "again\n");
    assert_eq!(run(lab, "worker", "pwd").0, "/tmp\n");
    let capture = lab.capture("worker2", "any", "icmp").expect("captures");
    assert_eq!(run(lab, "pod-a", "ping -c 1 -W 5 10.0.1.165").1, 0, "the nodes ran on");
    assert_eq!(lab.stop_capture(capture).expect("stops").frames.len(), 3);
    // Between two lines: nobody notices, and nothing of before stays in the nodes.
    stop_engine();
    start_engine();
    assert_eq!(run(lab, "worker", "echo once more").0, "once more\n");
    let begun = Instant::now();
    while run(lab, "worker", "ls -d /run/esplain-* | wc -l").0.trim() != "1" {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", run(lab, "worker", "ls -d /run/esplain-*").0);
    }
    live_restore(false);
}

pub(crate) fn the_nodes_stop_with_the_engine(lab: &mut Kind) {
    let line = lab.start("worker", "echo begun; sleep 100", None).expect("starts");
    wait_for(lab, line, "begun");
    stop_engine();
    start_engine();
    let trouble = finish(lab, line).expect_err("its node is gone");
    assert!(trouble.what.contains("worker stopped while"), "{trouble:?}");
    let trouble = try_run(lab, "worker", "true").expect_err("it is stopped");
    assert!(trouble.what == "worker is stopped" && trouble.hints[0].contains("docker start"), "{trouble:?}");
    assert!(!lab.runs().expect("an answer"));
    for node in ["worker", "worker2", "control-plane"] {
        outside("docker", &["start", &format!("{CLUSTER}-{node}")]);
    }
    assert!(lab.runs().expect("an answer"));
    assert_eq!(run(lab, "worker", "echo again").0, "again\n");
}

pub(crate) fn a_full_disk_is_said_to_be(lab: &mut Kind) {
    // A node's own.
    assert_eq!(run(lab, "worker2", "head -c 1G /dev/zero >/tmp/full").1, 1);
    let trouble = lab.write_file("worker2", "/tmp/more", b"octets").expect_err("no room");
    assert!(trouble.causes.iter().any(|cause| cause.contains("No space left on device")), "{trouble:?}");
    assert_eq!(run(lab, "worker2", "rm /tmp/full; echo on").0, "on\n");
    // The learner's: progress, history, and the folder for lines of the machine's.
    let home = tempfile::tempdir().expect("a folder");
    let state = home.path().display().to_string();
    outside("mount", &["-t", "tmpfs", "-o", "size=64k", "full", &state]);
    let course = || {
        let mut learn = std::process::Command::new("sh");
        let script = format!(
            "printf ':on worker\nip xfrm state\nhostname\n' | {} learn --lab kind --step states --lang en --trust",
            env!("CARGO_BIN_EXE_esplain")
        );
        let output = learn.args(["-c", &script]).env("XDG_STATE_HOME", &state).output().expect("it runs");
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    // Full is what takes not one more octet.
    let fill = format!("cat /dev/zero >{state}/fill");
    let filled = std::process::Command::new("sh").args(["-c", &fill]).output().expect("it runs");
    assert!(!filled.status.success(), "there is no end of room");
    let (said, complained) = course();
    assert!((said.clone() + &complained).contains("No space left on device"), "{said}{complained}");
    assert!(said.contains(&format!("{CLUSTER}-worker")), "the lines run all the same: {said}{complained}");
    outside("umount", &[&state]);
}

pub(crate) fn a_node_is_removed(lab: &mut Kind) {
    let node = format!("{CLUSTER}-worker2");
    let line = lab.start("worker2", "echo begun; sleep 100", None).expect("starts");
    wait_for(lab, line, "begun");
    outside("docker", &["rm", "--force", &node]);
    let trouble = finish(lab, line).expect_err("its node is gone");
    assert!(trouble.what.contains("worker2 was removed while `echo begun; sleep 100` ran there"), "{trouble:?}");
    assert!(trouble.hints[0].contains("kind create cluster") && trouble.hints[0].contains("is kept"), "{trouble:?}");
    let trouble = try_run(lab, "worker2", "true").expect_err("it is gone");
    assert!(trouble.what.contains("has no place `worker2`"), "{trouble:?}");
    assert_eq!(run(lab, "worker", "echo here").0, "here\n");
    let (status, said) = Home::new().esplain(&["lab", "up", "--lab", "kind", "--yes", "--lang", "en"], &[]);
    assert!(status == 3 && said.contains("that esplain did not make, and it is left as it is"), "{status}: {said}");
    assert!(said.contains("docker ps -a --filter label=io.x-k8s.kind.cluster="), "{said}");
}
