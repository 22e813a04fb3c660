//! An engine that an ordinary user runs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use esplain::lab::kind::{Endpoint, Kind, Origin};
use esplain::lab::{Input, Lab, TerminalSize};

use crate::CLUSTER;
use crate::beside::{esplain, finish, outside, run};
use crate::job::wait_for;

const RUNTIME: &str = "/run/user/4321";
const USUAL: &str = "/var/run/docker.sock";

/// Whether this machine has what such an engine is started with.
pub(crate) fn is_possible() -> bool {
    ["rootlesskit", "newuidmap"].iter().all(|program| Path::new("/usr/bin").join(program).exists())
}

pub(crate) fn a_rootless_engine_is_found(_: &mut Kind) {
    let [script, folder] =
        ["ESPLAIN_DOCKER_SCRIPT", "ESPLAIN_DOCKER_FOLDER"].map(|name| std::env::var(name).expect("docker.sh says it"));
    let mut start = Command::new(script);
    start.args(["rootless", &folder]).stdin(Stdio::null()).stdout(Stdio::null());
    assert!(start.status().expect("it runs").success(), "no rootless engine");
    let host = format!("unix://{RUNTIME}/docker.sock");
    let endpoint = Endpoint { host, certificates: None, origin: Origin::Variable };
    let mut lab =
        Kind::connect(endpoint, CLUSTER, Duration::from_secs(20)).unwrap_or_else(|trouble| panic!("{trouble:?}"));
    let machine = lab.host().expect("it tells");
    assert!(machine.rootless && machine.here && machine.cgroup == 2 && machine.controllers.is_empty(), "{machine:?}");
    // The root of a node is an ordinary user of the machine's.
    assert_eq!(run(&mut lab, "worker", "id -u; read -r _ outside _ </proc/self/uid_map; echo $outside").0, "0\n4321\n");
    let size = |columns, rows| TerminalSize { columns, rows };
    let line = lab.start("worker", "stty size; read -r word; stty size; exit 5", Some(size(66, 33))).expect("starts");
    wait_for(&mut lab, line, "33 66");
    lab.send(line, Input::Resize(size(70, 20))).expect("resizes");
    lab.send(line, Input::Octets(b"this\r".to_vec())).expect("keys");
    let (said, status) = finish(&mut lab, line).expect("an end");
    assert!(status == 5 && said.contains("20 70"), "{status}: {said}");
    let capture = lab.capture("worker", "eth0", "icmp").expect("captures");
    assert_eq!(run(&mut lab, "worker", "ping -c 1 -W 5 172.18.0.1").1, 0);
    assert_eq!(lab.stop_capture(capture).expect("stops").frames.len(), 2);
    let octets = vec![7; 100_000];
    lab.write_file("worker", "/tmp/octets", &octets).unwrap_or_else(|trouble| panic!("{trouble:?}"));
    assert!(lab.read_file("worker", "/tmp/octets").expect("a file") == octets);
    drop(lab);
    // Where no engine of the whole machine is, it is found by itself.
    let away = format!("{USUAL}.away");
    std::fs::rename(USUAL, &away).expect("it is there");
    let words = ["doctor", "--lab", "kind", "--lang", "en"];
    let (status, said) = esplain(&words, &[("XDG_RUNTIME_DIR", RUNTIME)]);
    std::fs::rename(&away, USUAL).expect("it is there");
    assert_eq!(status, 3, "{said}");
    assert!(said.contains("v2, none, a rootless engine"), "{said}");
    assert!(
        said.contains("no limits by memory, pids, cpu, cpuset; Running in rootless-mode without cgroups."),
        "{said}"
    );
    assert!(
        said.contains(r"printf '[Service]\nDelegate=yes\n'") && said.contains("/srv/rootless/data: room"),
        "{said}"
    );
    let process = std::fs::read_to_string(format!("{RUNTIME}/docker.pid")).expect("the engine writes it");
    outside("kill", &["-s", "TERM", process.trim()]);
}
