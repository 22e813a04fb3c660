//! The kernel lab on a real kernel with ESP.
//!
//! Build machines rarely have one, so every test boots the reference kernel (`tests/kernel/boot.sh`) and calls this
//! binary again in it: the tests of `inside` are those that run there. Where it cannot be booted, that is said.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a test of `inside` in the reference kernel, as root or as an ordinary user.
fn in_guest(test: &str, as_user: bool) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lacks = Command::new(root.join("tests/kernel/prerequisites.sh")).output().expect("prerequisites.sh runs");
    if !lacks.status.success() {
        let said = String::from_utf8_lossy(&lacks.stdout).into_owned() + &String::from_utf8_lossy(&lacks.stderr);
        eprintln!("skipped: {test}: {}", said.trim().replace('\n', "; "));
        return;
    }
    let mut boot = Command::new(root.join("tests/kernel/boot.sh"));
    if as_user {
        boot.arg("--user");
    }
    let own = std::env::current_exe().expect("this binary has a path");
    boot.args(["--timeout", "500", "--"]).arg(own).args(["--exact", test, "--ignored", "--nocapture"]);
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
fn root_runs_the_lab() {
    in_guest("inside::the_lab", false);
}

#[test]
fn an_ordinary_user_runs_the_lab() {
    in_guest("inside::the_lab", true);
}

/// What runs in the reference kernel.
mod inside {
    use std::time::{Duration, Instant};

    use esplain::lab::kernel::Kernel;
    use esplain::lab::{JobEvent, Lab};

    /// Runs a line to its end: what it wrote, both streams together, and its status.
    fn run(lab: &mut Kernel, place: &str, line: &str) -> (String, i32) {
        let job =
            lab.start(place, line, None).unwrap_or_else(|trouble| panic!("{line}: {trouble} {:?}", trouble.hints));
        let (mut said, begun) = (String::new(), Instant::now());
        while begun.elapsed() < Duration::from_secs(120) {
            match lab.poll(job, Duration::from_millis(200)).expect("a job") {
                JobEvent::Output(_, octets) => said.push_str(&String::from_utf8_lossy(&octets)),
                JobEvent::Exited(status) => return (said, status),
                JobEvent::Idle => {}
            }
        }
        panic!("{line} did not end: {said}");
    }

    #[test]
    #[ignore = "runs in the reference kernel"]
    fn the_lab() {
        let begun = Instant::now();
        let mut lab = Kernel::ready(1, super::esplain()).unwrap_or_else(|trouble| panic!("{trouble}"));
        println!("up after {:?}", begun.elapsed());
        for line in [
            "ip -br a",
            "ip rule",
            "ip r",
            "ip r s t 200",
            "ip x s",
            "ip x p",
            "ps ax",
            "cat /proc/sys/kernel/hostname",
        ] {
            let begun = Instant::now();
            println!("$ {line}\n{}({:?})", run(&mut lab, "worker", line).0, begun.elapsed());
        }
        let capture = lab.capture("worker", "any", "esp or icmp").expect("captures");
        println!("{:?}", run(&mut lab, "pod-a", "ping -c 1 -W 2 10.0.1.165"));
        println!(
            "{:?}",
            run(&mut lab, "machine", "docker exec cilium-ipsec-native-routing-worker ip -br link | head -2")
        );
        println!("{:?}", run(&mut lab, "machine", "kubectl exec pod-a -- ping -c 1 10.0.1.165"));
        let end = lab.stop_capture(capture).expect("stops");
        println!("{} frames, {} dropped", end.frames.len(), end.dropped);
        println!("{}", run(&mut lab, "worker", "cat /proc/net/xfrm_stat").0);
    }
}
