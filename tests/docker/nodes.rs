//! Nodes that run: lines, terminals, captures, files, and the steps of the course.

use std::time::{Duration, Instant};

use esplain::course::{Book, Files, Observation, Opening, Part, Ran};
use esplain::lab::kind::{Kind, OwnMachine};
use esplain::lab::{Input, Lab, PlaceKind, TerminalSize};
use esplain::replay::{LabWorld, Plan, capture_packets, keyring, replay};
use esplain::words::Language;

use crate::beside::{connect, finish, run, try_run};
use crate::job::{a_line_has_a_real_terminal, wait_for};

/// The course whose steps are walked.
const COURSE: &str = "cilium-ipsec";

pub(crate) fn the_nodes_and_pods_are_found(lab: &mut Kind) {
    assert!(lab.runs().expect("an answer"));
    let places = lab.places().expect("places");
    let found: Vec<(&str, PlaceKind, usize)> = places
        .iter()
        .map(|place| (place.aliases.first().unwrap_or(&place.name).as_str(), place.kind, place.addresses.len()))
        .collect();
    let node = |name| (name, PlaceKind::Node, 1);
    let pod = |name| (name, PlaceKind::Pod, 1);
    let machine = ("machine", PlaceKind::Machine, 0);
    assert_eq!(found, [machine, node("worker"), node("worker2"), node("control-plane"), pod("pod-a"), pod("pod-b")]);
    assert_eq!(places[1].name, "cilium-ipsec-native-routing-worker");
    assert_eq!(places[4].node.as_deref(), Some("cilium-ipsec-native-routing-worker"));
}

pub(crate) fn lines_run_in_their_place(lab: &mut Kind) {
    assert_eq!(run(lab, "worker", "cd /tmp; X=7; false").1, 1);
    assert_eq!(run(lab, "worker", "echo $? $X $PWD $(hostname)").0, "1 7 /tmp cilium-ipsec-native-routing-worker\n");
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

pub(crate) fn the_facts_are_what_the_nodes_say(lab: &mut Kind) {
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

pub(crate) fn a_ping_is_captured_and_opened(lab: &mut Kind) {
    crate::ping::a_ping_is_captured_and_opened(lab);
}

pub(crate) fn a_line_on_a_terminal_has_a_real_one(lab: &mut Kind) {
    a_line_has_a_real_terminal(lab);
    let size = |columns, rows| TerminalSize { columns, rows };
    // A shell in a node, by the command that the learner knows.
    let shell = "docker exec -it cilium-ipsec-native-routing-worker2 bash";
    let job = lab.start("machine", shell, Some(size(90, 25))).expect("starts");
    lab.send(job, Input::Octets(b"cd /tmp; stty size; hostname; echo $((6 * 7))\r".to_vec())).expect("keys");
    wait_for(lab, job, "\r\n42\r\n");
    lab.send(job, Input::Octets(b"sh -c 'echo ready; exec sleep 100'\r".to_vec())).expect("keys");
    wait_for(lab, job, "ready\r\n");
    lab.send(job, Input::Interrupt).expect("interrupts");
    lab.send(job, Input::Octets(b"pwd; exit 6\r".to_vec())).expect("keys");
    let (said, status) = finish(lab, job).expect("an end");
    assert!(status == 6 && said.contains("^C") && said.contains("/tmp"), "{status}: {said:?}");
    // A pod's terminal, too, and its status.
    let job = lab.start("pod-a", "stty size; exit 3", Some(size(90, 25))).expect("starts");
    let (said, status) = finish(lab, job).expect("an end");
    assert_eq!((said.trim(), status), ("25 90", 3));
}

pub(crate) fn a_full_screen_program_runs(lab: &mut Kind) {
    let job = lab.start("worker", "TERM=xterm top", Some(TerminalSize { columns: 80, rows: 24 })).expect("starts");
    let said = wait_for(lab, job, "PID");
    assert!(said.contains("\x1b["), "{said:?}");
    lab.send(job, Input::Octets(b"q".to_vec())).expect("a key");
    assert_eq!(finish(lab, job).expect("an end").1, 0);
}

pub(crate) fn lines_are_fed_interrupted_and_ended(lab: &mut Kind) {
    let fed = lab.start("worker", "wc -c; echo done >&2", None).expect("starts");
    lab.send(fed, Input::Octets(vec![b'x'; 100_000])).expect("octets");
    lab.send(fed, Input::End).expect("an end");
    let ping = lab.start("pod-a", "ping 10.0.1.165", None).expect("starts");
    let stubborn = lab.start("worker2", "trap '' TERM; echo here; while :; do sleep 1; done", None).expect("starts");
    assert_eq!(finish(lab, fed).expect("an end"), ("100000\ndone\n".to_owned(), 0));
    wait_for(lab, ping, "icmp_seq=2");
    lab.send(ping, Input::Interrupt).expect("interrupts");
    wait_for(lab, stubborn, "here");
    lab.send(stubborn, Input::Terminate).expect("ends");
    let (said, status) = finish(lab, ping).expect("an end");
    assert!(status == 0 && said.contains(" 0% packet loss"), "{status}: {said}");
    assert_eq!(finish(lab, stubborn).expect("an end").1, 137, "SIGKILL follows where SIGTERM is ignored");
}

pub(crate) fn files_go_in_and_out(lab: &mut Kind) {
    let octets: Vec<u8> = (0..300_000_u32).map(|at| at.to_le_bytes()[usize::from(at % 3 == 0)]).collect();
    lab.write_file("worker", "/tmp/octets", &octets).unwrap_or_else(|trouble| panic!("{trouble:?}"));
    assert!(lab.read_file("worker", "/tmp/octets").expect("a file") == octets);
    let missing = lab.read_file("worker", "none").expect_err("no such file");
    assert!(missing.causes[0].contains("No such file"), "{missing:?}");
    // A capture of the learner's own, in the folder where the learner is.
    let dump = lab.start("worker", "cd /tmp && tcpdump -ni any -w all-ipsec.cap esp or icmp", None).expect("starts");
    wait_for(lab, dump, "listening on any");
    assert_eq!(run(lab, "pod-a", "ping -c 1 -W 5 10.0.1.165").1, 0);
    lab.send(dump, Input::Terminate).expect("ends");
    let (said, _) = finish(lab, dump).expect("an end");
    assert!(said.contains("7 packets captured"), "{said}");
    let keys = keyring(lab, "worker").expect("states");
    let packets = capture_packets(lab, "worker", "all-ipsec.cap", &keys).expect("a capture");
    let opened = packets.iter().filter(|packet| packet.opening == Opening::Opened).count();
    assert_eq!((packets.len(), opened), (7, 4));
}

pub(crate) fn what_a_learner_changed_is_set_back(lab: &mut Kind) {
    const LISTINGS: &str = "ip x s; ip x p; ip rule; ip r; ip r s t 200; cat /proc/sys/net/ipv4/ip_forward";
    // A state that was made anew counts from elsewhere.
    let listings = |lab: &mut Kind| {
        let lines = run(lab, "worker", LISTINGS).0;
        lines.lines().filter(|line| !line.contains("anti-replay context")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = listings(lab);
    assert!(before.len() > 30, "{before:?}");
    lab.save("before").unwrap_or_else(|trouble| panic!("{trouble:?}"));
    run(
        lab,
        "worker",
        "ip x s flush; ip x p flush; ip rule del pref 1; ip route flush table 200; ip r d default; ip r a 10.9.0.0/16 dev eth0; echo 0 >/proc/sys/net/ipv4/ip_forward",
    );
    assert_ne!(run(lab, "pod-a", "ping -c 1 -W 1 10.0.1.165").1, 0);
    lab.restore("before").unwrap_or_else(|trouble| panic!("{trouble:?}"));
    assert_eq!(listings(lab), before);
    assert_eq!(run(lab, "pod-a", "ping -c 1 -W 5 10.0.1.165").1, 0);
}

pub(crate) fn a_node_without_tcpdump_says_so(lab: &mut Kind) {
    assert_eq!(run(lab, "control-plane", "mv /usr/bin/tcpdump /tmp/").1, 0);
    let trouble = lab.capture("control-plane", "any", "").expect_err("no tcpdump");
    assert!(trouble.what.contains("no tcpdump on control-plane"), "{trouble:?}");
    assert!(trouble.hints[0].contains("apt-get install -y tcpdump"), "{trouble:?}");
    assert_eq!(run(lab, "control-plane", "mv /tmp/tcpdump /usr/bin/").1, 0);
    let trouble = lab.capture("worker", "eth9", "").expect_err("no such device");
    assert!(trouble.causes.iter().any(|cause| cause.contains("eth9")), "{trouble:?}");
}

pub(crate) fn two_learners_do_not_meet(lab: &mut Kind) {
    let own = |lab: &mut Kind| run(lab, "worker", "ls -d /run/esplain-* | wc -l").0.trim().to_owned();
    let alone = own(lab);
    let mut other = connect();
    let captures = [lab.capture("worker", "any", "icmp"), other.capture("worker", "any", "esp")];
    assert_eq!(run(lab, "worker", "WHO=one; cd /tmp").1, 0);
    assert_eq!(run(&mut other, "worker", "echo $WHO $PWD").0, "/\n");
    assert_ne!(own(&mut other), alone);
    assert_eq!(run(&mut other, "pod-a", "ping -c 1 -W 5 10.0.1.165").1, 0);
    let counts: Vec<usize> = captures
        .into_iter()
        .zip([&mut *lab, &mut other])
        .map(|(capture, lab)| lab.stop_capture(capture.expect("captures")).expect("stops").frames.len())
        .collect();
    assert_eq!(counts, [3, 4]);
    // One leaves in the middle of a line that would never end, and of a capture.
    let left = other.start("worker", "while :; do sleep 11; done", None).expect("starts");
    other.poll(left, Duration::from_secs(2)).expect("a job");
    other.capture("worker", "any", "udp").expect("captures");
    assert!(run(lab, "worker", "ps -eo args").0.contains("sleep 11"));
    drop(other);
    let begun = Instant::now();
    loop {
        let processes = run(lab, "worker", "ps -eo args").0;
        let stays = processes.contains("sleep 11") || processes.contains(" any udp") || own(lab) != alone;
        if !stays {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{processes}");
    }
    assert_eq!(run(lab, "worker", "echo $WHO").0, "one\n");
}

/// Every step that looks at a cluster which is there: its checks fail before its solution and are met by it. Other
/// spellings, wrong ways and resets are proven elsewhere, on labs that are quicker.
pub(crate) fn the_steps_are_met_on_the_nodes(_: &mut Kind) {
    let home = tempfile::tempdir().expect("a folder");
    let mut lab = connect();
    lab.set_machine(Box::new(OwnMachine::new(home.path().to_owned(), &[]).expect("a machine")), true);
    let mut book = Book::read(&Files::embedded(COURSE).expect("it is in the binary")).expect("it is sound");
    book.course.ready = true;
    let parts = std::mem::take(&mut book.course.parts);
    let steps = parts.into_iter().skip_while(|part| part.id != "keys-and-marks").flat_map(|part| part.steps);
    let mut met = 0;
    for step in steps.filter(|step| !step.checks.is_empty()) {
        let facts = book.course.facts(lab.facts().expect("facts"));
        let ran = Ran::all("true", step.place, &facts);
        let nothing = Observation { ran, line: "true".to_owned(), status: Some(0), facts, ..Observation::default() };
        let verdict = step.judge(&nothing, &mut LabWorld(&mut lab), []);
        assert!(verdict.met.is_empty(), "{}: met by nothing: {:?}", step.id, verdict.met);
        let checks = step.checks.len();
        book.course.parts = vec![Part { id: "alone".to_owned(), steps: vec![step] }];
        // A step before the one to prove is done, and its checks must be met by that.
        let report = replay(Plan { book: &book, language: Language::En, from: None, step: Some("none") }, &mut lab);
        assert_eq!(report.failures(), 0, "{}", report.text());
        met += checks;
    }
    assert!(met >= 20, "{met} checks alone");
}
