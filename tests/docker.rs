#![cfg(target_os = "linux")]
//! The kind lab's nodes behind a real Docker Engine, on a kernel with ESP.
//!
//! The engine runs in the reference kernel (`tests/kernel/boot.sh`, `tests/kernel/docker.sh`), which is booted once; this
//! binary is called again beside it, and the test of `inside` is the one that runs there. Where that cannot be, it is said.

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
    let image = folder.path().join("node.tar");
    let docker = root.join("tests/kernel/docker.sh");
    let made = Command::new(&docker).arg("image").arg(&image).output().expect("docker.sh runs");
    assert!(made.status.success(), "no image: {}", String::from_utf8_lossy(&made.stderr));
    let own = std::env::current_exe().expect("this binary has a path");
    let mut boot = Command::new(root.join("tests/kernel/boot.sh"));
    boot.args(["--mem", "2G", "--timeout", "500", "--"]).arg(docker).arg("run").arg(&image);
    boot.arg(own).args(["--exact", "inside::the_nodes", "--ignored", "--nocapture"]);
    let output = boot.current_dir(root).output().expect("boot.sh runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}\n{complained}", output.status);
    assert!(said.contains("1 passed"), "it did not run:\n{said}\n{complained}");
    let _ = write!(std::io::stderr(), "{complained}{}", counts(&said));
}

/// The lines that say what was proven.
fn counts(said: &str) -> String {
    said.lines().filter(|line| line.starts_with("proven: ")).fold(String::new(), |lines, line| lines + line + "\n")
}

/// What runs beside the engine.
#[expect(clippy::print_stdout, reason = "what was proven is read by who booted the kernel")]
mod inside {
    use std::time::{Duration, Instant};

    use esplain::course::{Opening, Seen};
    use esplain::decrypt::Scratch;
    use esplain::lab::kind::{Endpoint, Kind};
    use esplain::lab::{JobEvent, JobId, Lab, PlaceKind};
    use esplain::replay::{device_names, keyring};
    use esplain::trouble::Trouble;

    use super::CLUSTER;

    /// A fact, and what proves it.
    type Fact = (&'static str, fn(&mut Kind));

    /// What is proven, in order. One boot and one engine serve all of it.
    const FACTS: &[Fact] = &[
        ("the nodes and pods are found by kind's labels", the_nodes_and_pods_are_found),
        ("lines run in their place and remember the ones before", lines_run_in_their_place),
        ("the facts of the lessons are what the nodes say", the_facts_are_what_the_nodes_say),
        ("a ping is captured and opens with the nodes' own keys", a_ping_is_captured_and_opened),
    ];

    #[test]
    #[ignore = "runs beside the engine in the reference kernel"]
    fn the_nodes() {
        // Behind the line that the harness has begun.
        println!();
        let mut lab = connect();
        for (at, (fact, prove)) in FACTS.iter().enumerate() {
            let begun = Instant::now();
            prove(&mut lab);
            println!("proven: {}/{} {fact} ({:.1} s)", at + 1, FACTS.len(), begun.elapsed().as_secs_f64());
        }
    }

    fn connect() -> Kind {
        let endpoint = Endpoint::of_environment().expect("an endpoint");
        Kind::connect(endpoint, CLUSTER, Duration::from_secs(20)).unwrap_or_else(|trouble| panic!("{trouble:?}"))
    }

    /// Runs a line to its end: what it wrote, both streams together, and its status.
    fn run(lab: &mut Kind, place: &str, line: &str) -> (String, i32) {
        try_run(lab, place, line).unwrap_or_else(|trouble| panic!("{line}: {trouble:?}"))
    }

    fn try_run(lab: &mut Kind, place: &str, line: &str) -> Result<(String, i32), Trouble> {
        let job = lab.start(place, line, None)?;
        finish(lab, job)
    }

    fn finish(lab: &mut Kind, job: JobId) -> Result<(String, i32), Trouble> {
        let (mut said, begun) = (String::new(), Instant::now());
        while begun.elapsed() < Duration::from_mins(1) {
            match lab.poll(job, Duration::from_millis(200))? {
                JobEvent::Output(_, octets) => said.push_str(&String::from_utf8_lossy(&octets)),
                JobEvent::Exited(status) => return Ok((said, status)),
                JobEvent::Idle => {}
            }
        }
        panic!("it did not end: {said}");
    }

    fn the_nodes_and_pods_are_found(lab: &mut Kind) {
        assert!(lab.runs().expect("an answer"));
        let places = lab.places().expect("places");
        let found: Vec<(&str, PlaceKind, usize)> = places
            .iter()
            .map(|place| (place.aliases.first().unwrap_or(&place.name).as_str(), place.kind, place.addresses.len()))
            .collect();
        let node = |name| (name, PlaceKind::Node, 1);
        let pod = |name| (name, PlaceKind::Pod, 1);
        let machine = ("machine", PlaceKind::Machine, 0);
        assert_eq!(
            found,
            [machine, node("worker"), node("worker2"), node("control-plane"), pod("pod-a"), pod("pod-b")]
        );
        assert_eq!(places[1].name, "cilium-ipsec-native-routing-worker");
        assert_eq!(places[4].node.as_deref(), Some("cilium-ipsec-native-routing-worker"));
    }

    fn lines_run_in_their_place(lab: &mut Kind) {
        assert_eq!(run(lab, "worker", "cd /tmp; X=7; false").1, 1);
        assert_eq!(
            run(lab, "worker", "echo $? $X $PWD $(hostname)").0,
            "1 7 /tmp cilium-ipsec-native-routing-worker\n"
        );
        assert_eq!(run(lab, "cilium-ipsec-native-routing-worker2", "echo $X; pwd").0, "\n/\n");
        assert_eq!(run(lab, "pod-a", "cd /tmp; Y=1; ip -o -4 addr show dev eth0").1, 0);
        assert_eq!(run(lab, "pod-a", "echo $Y $X $PWD").0, "1 /tmp\n");
        assert_eq!(run(lab, "worker", "kill -9 $$").1, 137);
        assert_eq!(run(lab, "worker", "exit 42").1, 42);
        let (rules, _) = run(lab, "worker", "ip rule");
        assert!(rules.starts_with("1:\tfrom all fwmark 0xd00/0xf00 lookup 200"), "{rules}");
        let node = "cilium-ipsec-native-routing-worker";
        let (said, status) = run(lab, "machine", &format!("docker exec {node} ip r s t 200"));
        assert!(status == 0 && said.contains("10.0.1.0/24 dev cilium_host mtu 1500"), "{said}");
        let refused = try_run(lab, "machine", "rm -rf /").expect_err("nobody was asked");
        assert!(refused.what.contains("would run on this machine itself"), "{refused:?}");
    }

    fn the_facts_are_what_the_nodes_say(lab: &mut Kind) {
        let facts = lab.facts().expect("facts");
        for (name, value) in [
            ("worker", "cilium-ipsec-native-routing-worker"),
            ("worker_ip", "172.18.0.3"),
            ("worker2_ip", "172.18.0.2"),
            ("control_plane_ip", "172.18.0.4"),
            ("gateway", "172.18.0.1"),
            ("cilium_host_a", "10.0.0.66"),
            ("cilium_host_c", "10.0.2.189"),
            ("pod_cidr_b", "10.0.1.0/24"),
            ("pod_a_ip", "10.0.0.144"),
            ("pod_b_ip", "10.0.1.165"),
            ("lxc_a", "lxc9f1c7a20d5e3"),
            ("lxc_b", "lxc4b80e6f1a7c2"),
            ("spi", "0x00000003"),
            ("encrypt_mark", "0x3e00/0xff00"),
        ] {
            assert_eq!(facts.get(name).map(String::as_str), Some(value), "{name}");
        }
    }

    fn a_ping_is_captured_and_opened(lab: &mut Kind) {
        let capture = lab.capture("worker", "any", "esp or icmp").unwrap_or_else(|trouble| panic!("{trouble:?}"));
        let (said, status) = run(lab, "pod-a", "ping -c 2 -i 0.2 -W 5 10.0.1.165");
        assert!(status == 0 && said.contains("2 received"), "{said}");
        let end = lab.stop_capture(capture).expect("stops");
        assert_eq!(end.dropped, 0);
        let keys = keyring(lab, "worker").expect("states");
        let devices = device_names(lab, "worker").expect("devices");
        let mut scratch = Scratch::default();
        let seen: Vec<Seen> = end.frames.iter().map(|frame| Seen::of(frame, &keys, &devices, &mut scratch)).collect();
        let at: Vec<(Option<&str>, Opening)> = seen.iter().map(|seen| (seen.device.as_deref(), seen.opening)).collect();
        // Twice: in clear from the pod; sealed on cilium_host, cilium_net, eth0; the answer sealed, and in clear twice.
        assert_eq!(at.len(), 14, "{at:?}");
        let count = |device: &str, opened: bool| {
            let of_device = at.iter().filter(|(own, _)| own.is_some_and(|own| own.starts_with(device)));
            of_device.filter(|(_, opening)| (*opening == Opening::Opened) == opened).count()
        };
        for (device, sealed, clear) in [("cilium_host", 2, 0), ("cilium_net", 2, 0), ("eth0", 4, 2), ("lxc", 0, 4)] {
            assert_eq!((count(device, true), count(device, false)), (sealed, clear), "{device}: {at:?}");
        }
    }
}
