#![cfg(target_os = "linux")]
//! The kernel lab on a real kernel with ESP.
//!
//! Build machines rarely have one, so every test boots the reference kernel (`tests/kernel/boot.sh`) and calls this
//! binary again in it: the tests of `inside` are those that run there. Where it cannot be booted, that is said.

mod job;
#[path = "../host/lines.rs"]
#[allow(dead_code, reason = "what other tests ask for")]
mod lines;
mod ping;
#[path = "../shell/terminal.rs"]
#[allow(clippy::unwrap_used, dead_code, reason = "the harness of another test, which uses all of it")]
mod pty;
mod terminal;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a test of `inside` in the reference kernel, as root or as an ordinary user.
fn in_guest(test: &str, as_user: bool) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lacks = Command::new(root.join("tests/kernel/prerequisites.sh")).output().expect("prerequisites.sh runs");
    if !lacks.status.success() {
        let said = String::from_utf8_lossy(&lacks.stdout).into_owned() + &String::from_utf8_lossy(&lacks.stderr);
        // Not `eprintln!`, which is shown for tests that fail only.
        let _ = writeln!(std::io::stderr(), "skipped: {test}: {}", said.trim().replace('\n', "; "));
        return;
    }
    let mut boot = Command::new(root.join("tests/kernel/boot.sh"));
    if as_user {
        boot.arg("--user");
    }
    let own = std::env::current_exe().expect("this binary has a path");
    boot.args(["--timeout", "1200", "--"]).arg(own).args(["--exact", test, "--ignored", "--nocapture"]);
    let output = boot.env("ESPLAIN_IN_GUEST", "1").current_dir(root).output().expect("boot.sh runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{test}: {}\n{said}\n{complained}", output.status);
    assert!(said.contains("1 passed"), "{test} did not run:\n{said}");
}

fn esplain() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_esplain"))
}

#[test]
fn root_runs_the_lab_and_walks_the_courses() {
    in_guest("inside::the_lab_and_the_courses", false);
}

#[test]
fn an_ordinary_user_runs_the_lab_and_walks_the_courses() {
    in_guest("inside::the_lab_and_the_courses", true);
}

/// What runs in the reference kernel.
mod inside {
    use std::io::Write;
    use std::time::{Duration, Instant};

    use esplain::datapath::rebuild::{NodeTexts, Rebuilt};
    use esplain::datapath::{Comparison, Trace, TraceEnd, compare, predicted};
    use esplain::decrypt::Scratch;
    use esplain::explain::sighting;
    use esplain::lab::kernel::Kernel;
    use esplain::lab::{Lab, node_texts};
    use esplain::replay::{device_names, keyring};

    use crate::job::a_line_has_a_real_terminal;
    use crate::lines;

    /// For whoever reads the test's output.
    fn told(text: &str) {
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    /// Runs a line to its end: what it wrote, both streams together, and its status.
    fn run(lab: &mut Kernel, place: &str, line: &str) -> (String, i32) {
        let said = lines::run(lab, place, line);
        (said.text, said.status)
    }

    /// The lab when the set-up of the course is done.
    fn ready() -> Kernel {
        Kernel::ready(1, &super::esplain()).unwrap_or_else(|trouble| panic!("{trouble}"))
    }

    /// The terminal alone, to be called by hand.
    #[test]
    #[ignore = "runs in the reference kernel"]
    fn the_terminal() {
        super::terminal::a_learner_sits_at_a_real_terminal();
    }

    /// One boot for everything.
    #[test]
    #[ignore = "runs in the reference kernel"]
    fn the_lab_and_the_courses() {
        the_lab();
        super::terminal::a_learner_sits_at_a_real_terminal();
        a_recorded_course("cilium-ipsec", "final");
        the_course("ipsec-troubleshooting", "summary");
    }

    fn the_lab() {
        let begun = Instant::now();
        let mut lab = ready();
        told(&format!("up after {:?}", begun.elapsed()));
        a_ping_is_encrypted_and_opens_with_the_nodes_own_keys(&mut lab);
        nothing_is_lost_at_the_end_of_a_capture(&mut lab);
        lines_run_in_their_place_and_remember_the_ones_before(&mut lab);
        the_machines_tools_reach_the_real_nodes(&mut lab);
        pings_are_seen_as_predicted(&mut lab);
        a_line_on_a_terminal_has_a_real_one(&mut lab);
        what_a_learner_changed_is_set_back(&mut lab);
        told(&format!("everything else after {:?}", begun.elapsed()));
        two_labs_run_side_by_side(&mut lab);
        a_lab_stays_up_until_it_is_taken_down();
        drop(lab);
        nothing_stays_of_a_lab_that_was_killed();
    }

    fn a_ping_is_encrypted_and_opens_with_the_nodes_own_keys(lab: &mut Kernel) {
        crate::ping::a_ping_is_captured_and_opened(lab);
        let (counters, _) = run(lab, "worker", "cat /proc/net/xfrm_stat");
        assert!(counters.lines().all(|line| line.split_whitespace().nth(1) == Some("0")), "{counters}");
    }

    /// The nodes' own text predicts what captures show, healthy and broken; text from before a fault does not.
    fn pings_are_seen_as_predicted(lab: &mut Kernel) {
        let healthy = node_texts(lab).expect("texts");
        let (trace, comparison) = predicted_and_captured(lab, None);
        assert!(comparison.is_equal() && comparison.seen == 28, "{comparison:#?}");
        assert_eq!((trace.end, trace.assumed), (TraceEnd::Delivered("pod-b".to_owned()), Vec::new()));
        for (fault, mended, sightings) in [
            (
                "sysctl -w net.ipv4.conf.cilium_net.accept_local=0",
                "sysctl -w net.ipv4.conf.cilium_net.accept_local=1",
                6,
            ),
            ("ip rule del fwmark 0xe00/0xf00", "ip rule add fwmark 0xe00/0xf00 lookup 200 pref 1", 24),
        ] {
            assert_eq!(run(lab, "worker", fault).1, 0, "{fault}");
            let (_, comparison) = predicted_and_captured(lab, None);
            assert!(comparison.is_equal() && comparison.seen == sightings, "{fault}: {comparison:#?}");
            let (_, comparison) = predicted_and_captured(lab, Some(&healthy));
            assert!(comparison.missing.iter().any(|missing| missing.reason.is_some()), "{fault}: {comparison:#?}");
            assert_eq!(run(lab, "worker", mended).1, 0, "{mended}");
        }
    }

    /// Two pings, what the nodes' text of now or of then predicts of them, and how the captures compare with it.
    fn predicted_and_captured(lab: &mut Kernel, then: Option<&[NodeTexts]>) -> (Trace, Comparison) {
        let nodes = ["worker", "worker2"];
        let captures = nodes.map(|node| lab.capture(node, "any", "esp or icmp").expect("captures"));
        run(lab, "pod-a", "ping -c 2 -i 0.2 -W 1 10.0.1.165");
        let to = [10, 0, 1, 165].into();
        let trace = match then {
            None => lab.trace("pod-a", to, 56).expect("a prediction"),
            Some(texts) => {
                let mut rebuilt = Rebuilt::from_texts(texts).expect("stacks");
                let from = rebuilt.cluster.find("pod-a").expect("pod-a");
                rebuilt.trace(from, to, 56).expect("a prediction")
            }
        };
        let name = |node: &str| format!("cilium-ipsec-native-routing-{node}");
        let (mut seen, mut scratch) = (Vec::new(), Scratch::default());
        for (node, capture) in nodes.into_iter().zip(captures) {
            let end = lab.stop_capture(capture).expect("stops");
            let (keys, devices) = (keyring(lab, node).expect("states"), device_names(lab, node).expect("devices"));
            let own = end.frames.iter().filter_map(|frame| sighting(frame, &name(node), &devices, &keys, &mut scratch));
            seen.extend(own.collect::<Vec<_>>());
        }
        let on_workers = |place: &str, _: &str| nodes.into_iter().any(|node| name(node) == place);
        let comparison = compare(&predicted(&trace, on_workers), &seen, 2);
        (trace, comparison)
    }

    /// A flood that ends just before the capture is stopped: every frame of it is there.
    fn nothing_is_lost_at_the_end_of_a_capture(lab: &mut Kernel) {
        let capture = lab.capture("worker", "eth0", "esp").expect("captures");
        let (said, status) = run(lab, "pod-a", "ping -f -c 400 -W 5 10.0.1.165");
        let asked = lab.frames(capture, Duration::from_secs(10)).expect("frames");
        assert!(status == 0 && said.contains("400 received"), "{said}");
        // There and back; what the capture was asked for holds all that had passed.
        assert_eq!((asked.len(), lab.dropped(capture)), (800, Some(0)));
        run(lab, "pod-a", "ping -f -c 400 -W 5 10.0.1.165");
        let end = lab.stop_capture(capture).expect("stops");
        assert_eq!((end.frames.len(), end.dropped), (800, 0));
    }

    fn lines_run_in_their_place_and_remember_the_ones_before(lab: &mut Kernel) {
        assert_eq!(run(lab, "worker", "cd /tmp; X=7; false").1, 1);
        assert_eq!(
            run(lab, "worker", "echo $? $X $PWD $(hostname)").0,
            "1 7 /tmp cilium-ipsec-native-routing-worker\n"
        );
        assert_eq!(run(lab, "worker2", "echo $X; cd /root").0, "\n");
        let (processes, _) = run(lab, "worker", "ps -eo args");
        assert!(processes.lines().count() < 12 && processes.contains("kernel-lab hold"), "{processes}");
        let (rules, _) = run(lab, "worker", "ip rule");
        assert!(rules.starts_with("1:\tfrom all fwmark 0xd00/0xf00 lookup 200"), "{rules}");
        let (table, _) = run(lab, "worker", "ip r s t 200");
        assert!(table.contains("local 10.0.0.0/24 dev eth0 proto 50 scope host"), "{table}");
        assert!(table.contains("10.0.1.0/24 dev cilium_host mtu 1500"), "{table}");
    }

    fn the_machines_tools_reach_the_real_nodes(lab: &mut Kernel) {
        let node = "cilium-ipsec-native-routing-worker";
        let (said, status) = run(lab, "machine", &format!("docker exec {node} cat /proc/version"));
        assert!(status == 0 && said.contains("Linux version"), "{said}");
        let (said, _) = run(
            lab,
            "machine",
            &format!("for n in {node} {node}2; do docker exec $n cat /proc/sys/kernel/hostname; done | sort -r"),
        );
        assert!(said.ends_with(&format!("{node}2\n{node}\n")), "{said}");
        let (said, _) = run(lab, "machine", "kubectl get pods");
        assert!(said.contains("kubectl is simulated in this lab") || said.contains("pod-a"), "{said}");
        let (said, status) = run(lab, "machine", "kubectl exec pod-a -- ping -c 1 -W 5 10.0.1.165 | tail -3");
        assert!(status == 0 && said.contains("1 received"), "{said}");
    }

    fn a_line_on_a_terminal_has_a_real_one(lab: &mut Kernel) {
        a_line_has_a_real_terminal(lab);
    }

    fn what_a_learner_changed_is_set_back(lab: &mut Kernel) {
        let before =
            ["ip x s", "ip x p", "ip rule", "ip r", "ip r s t 200"].map(|line| (line, run(lab, "worker", line).0));
        run(lab, "worker", "echo before > /root/note; mkdir -p /tmp/kept");
        lab.save("before").expect("saves");
        run(lab, "worker", "echo after > /root/note; rmdir /tmp/kept; touch /root/new");
        run(
            lab,
            "worker",
            "ip x s flush; ip x p flush; ip rule del pref 1; ip route flush table 200; ip r d default; tc qdisc del dev cilium_net clsact",
        );
        assert_ne!(run(lab, "pod-a", "ping -c 1 -W 1 10.0.1.165").1, 0);
        lab.restore("before").expect("restores");
        assert_eq!(run(lab, "worker", "cat /root/note; ls -d /tmp/kept").0, "before\n/tmp/kept\n");
        assert_ne!(run(lab, "worker", "ls /root/new").1, 0);
        // A state that was made anew counts from the start.
        let uncounted = |text: &str| {
            let lines = text.lines().filter(|line| !line.contains("anti-replay context"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        for (line, before) in before {
            assert_eq!(uncounted(&run(lab, "worker", line).0), uncounted(&before), "{line}");
        }
        assert_eq!(run(lab, "pod-a", "ping -c 1 -W 5 10.0.1.165").1, 0);
    }

    fn two_labs_run_side_by_side(lab: &mut Kernel) {
        let mut other = Kernel::new(2, &super::esplain()).unwrap_or_else(|trouble| panic!("{trouble}"));
        let (said, status) = run(&mut other, "machine", "kind create cluster --config kind-config.yaml");
        assert_eq!(status, 0, "{said}");
        assert_eq!(run(&mut other, "worker", "ip x s").0, "");
        assert_eq!(run(&mut other, "worker", "ping -c 1 -W 5 172.18.0.2").1, 0);
        assert!(run(lab, "worker", "ip x s").0.contains("proto esp spi 0x00000003"));
    }

    fn a_lab_stays_up_until_it_is_taken_down() {
        let state = std::env::temp_dir().join(format!("esplain-{}", std::process::id()));
        let esplain = |words: &[&str]| {
            let output = std::process::Command::new(super::esplain())
                .args(words)
                .env("XDG_STATE_HOME", &state)
                .output()
                .expect("esplain runs");
            let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            (said, output.status.code())
        };
        let (said, status) = esplain(&["doctor", "--lab", "kernel", "--lang", "en"]);
        assert!(status == Some(0) && !said.contains("MISSING"), "{said}");
        assert_eq!(esplain(&["lab", "status"]).1, Some(1));
        let (said, status) = esplain(&["lab", "up", "--lab", "kernel", "--lang", "en"]);
        assert!(status == Some(0) && said.contains("worker, worker2, control-plane, pod-a, pod-b"), "{said}");
        let (said, status) = esplain(&["lab", "exec", "pod-a", "ping", "-c", "1", "-W", "5", "10.0.1.165"]);
        assert!(status == Some(0) && said.contains("1 received"), "{said}");
        assert_eq!(esplain(&["lab", "status"]).1, Some(0));
        assert_eq!(esplain(&["lab", "down"]).1, Some(0));
        assert_eq!(esplain(&["lab", "status"]).1, Some(1));
    }

    /// Says the lab's process 1, and stays.
    #[test]
    #[ignore = "is started and killed by another test"]
    fn a_lab_to_be_killed() {
        let lab = Kernel::new(3, &super::esplain()).unwrap_or_else(|trouble| panic!("{trouble}"));
        println!("holder {}", lab.holder());
        std::thread::sleep(Duration::from_mins(10));
    }

    fn nothing_stays_of_a_lab_that_was_killed() {
        let own = std::env::current_exe().expect("this binary has a path");
        let mut child = std::process::Command::new(own)
            .args(["--exact", "inside::a_lab_to_be_killed", "--ignored", "--nocapture"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("starts");
        let lines = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
        let holder = std::io::BufRead::lines(lines)
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("holder ")?.1.trim().to_owned()))
            .expect("it says its holder");
        let process = std::path::PathBuf::from(format!("/proc/{holder}"));
        assert!(process.exists());
        child.kill().expect("kill -9");
        child.wait().expect("it ends");
        let begun = Instant::now();
        while process.exists() {
            assert!(begun.elapsed() < Duration::from_secs(10), "the lab outlived its program");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Walks a whole course on real namespaces: every step's solution meets every check, and the last is proven. (To
    /// prove every step with its wrong ways takes ten times as long: `esplain replay --lab kernel` without `--step`.)
    fn the_course(course: &str, last: &str) {
        walk(&["replay", course, "--lab", "kernel", "--lang", "en", "--step", last]);
    }

    /// As `the_course`, with a recording made of it that is walked once more.
    fn a_recorded_course(course: &str, last: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("walk.esplain");
        let file = file.to_str().expect("a name");
        walk(&["record", course, "--lab", "kernel", "--unattended", "--lang", "en", "-o", file, "--step", last]);
        walk(&["replay", course, "--lab", "recording", "--recording", file, "--step", last]);
    }

    fn walk(words: &[&str]) {
        let begun = Instant::now();
        let output = std::process::Command::new(super::esplain()).args(words).output().expect("esplain runs");
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {}\n{said}\n{complained}", output.status);
        told(&format!("{said}{complained}{words:?} after {:?}", begun.elapsed()));
    }
}
