#![cfg(target_os = "linux")]
//! The kind lab's nodes behind a real Docker Engine, on a kernel with ESP.
//!
//! The engine runs in the reference kernel (`tests/kernel/boot.sh`, `tests/kernel/docker.sh`), which is booted once; this
//! binary is called again beside it, and the test of `inside` is the one that runs there. Where that cannot be, it is said.

#[path = "kernel_lab/job.rs"]
mod job;
#[path = "host/lines.rs"]
#[allow(dead_code, reason = "what other tests ask for")]
mod lines;
#[path = "kernel_lab/ping.rs"]
mod ping;

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

/// The lines that say what was proven.
fn counts(said: &str) -> String {
    said.lines().filter(|line| line.starts_with("proven: ")).fold(String::new(), |lines, line| lines + line + "\n")
}

/// What runs beside the engine.
mod inside {
    use std::time::{Duration, Instant};

    use esplain::course::{Book, Files, Observation, Opening, Part, Ran};
    use esplain::lab::kind::{Certificates, Endpoint, Kind, Origin, OwnMachine};
    use esplain::lab::{Input, JobEvent, JobId, Lab, PlaceKind, TerminalSize};
    use esplain::replay::{LabWorld, Plan, capture_packets, keyring, replay};
    use esplain::trouble::Trouble;
    use esplain::words::Language;

    use super::CLUSTER;
    use crate::job::wait_for;

    /// The course whose steps are walked.
    const COURSE: &str = "cilium-ipsec";

    /// A fact, and what proves it.
    type Fact = (&'static str, fn(&mut Kind));

    /// What is proven, in order. One boot and one engine serve all of it.
    const FACTS: &[Fact] = &[
        ("the nodes and pods are found by kind's labels", the_nodes_and_pods_are_found),
        ("lines run in their place and remember the ones before", lines_run_in_their_place),
        ("the facts of the lessons are what the nodes say", the_facts_are_what_the_nodes_say),
        ("a ping is captured and opens with the nodes' own keys", a_ping_is_captured_and_opened),
        ("a line on a terminal has a real one", a_line_on_a_terminal_has_a_real_one),
        ("a full-screen program runs and ends by its own key", a_full_screen_program_runs),
        ("lines without a terminal are fed, interrupted and ended", lines_are_fed_interrupted_and_ended),
        ("files go in and out, a learner's capture among them", files_go_in_and_out),
        ("what a learner changed is set back", what_a_learner_changed_is_set_back),
        ("a node without tcpdump is said to have none", a_node_without_tcpdump_says_so),
        ("a hanging line and a hanging engine are given up", what_hangs_is_given_up),
        ("two learners at once do not meet, and one who goes leaves nothing", two_learners_do_not_meet),
        ("an engine far away is reached with TLS", an_engine_far_away_is_reached_with_tls),
        ("an engine that cannot be used says why", an_engine_that_cannot_be_used_says_why),
        ("the course's own steps are met on the nodes", the_steps_are_met_on_the_nodes),
        ("the engine is started anew, and the nodes run on", the_engine_is_started_anew),
        ("a node is killed in the middle of a line, and started again", a_node_is_killed_and_started_again),
        ("a disk that is full is said to be, and the lab goes on", a_full_disk_is_said_to_be),
        ("the engine is started anew, and the nodes stop with it", the_nodes_stop_with_the_engine),
        ("a node is removed in the middle of a line, and the cluster is half of one", a_node_is_removed),
        ("down takes away what was made from here, and nothing else", down_takes_away_what_was_made),
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
        crate::ping::a_ping_is_captured_and_opened(lab);
    }

    fn a_line_on_a_terminal_has_a_real_one(lab: &mut Kind) {
        let size = |columns, rows| TerminalSize { columns, rows };
        let line = "trap 'echo caught; stty size' INT; tty; stty size; for i in 1 2 3; do sleep 100; done";
        let job = lab.start("worker", line, Some(size(100, 30))).expect("starts");
        let mut said = wait_for(lab, job, "30 100");
        assert!(said.contains("/dev/pts/"), "{said}");
        lab.send(job, Input::Resize(size(70, 20))).expect("resizes");
        lab.send(job, Input::Interrupt).expect("interrupts");
        said = wait_for(lab, job, "20 70");
        assert!(said.contains("^C"), "{said}");
        lab.send(job, Input::Terminate).expect("ends");
        assert_ne!(finish(lab, job).expect("an end").1, 0);
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

    fn a_full_screen_program_runs(lab: &mut Kind) {
        let job = lab.start("worker", "TERM=xterm top", Some(TerminalSize { columns: 80, rows: 24 })).expect("starts");
        let said = wait_for(lab, job, "PID");
        assert!(said.contains("\x1b["), "{said:?}");
        lab.send(job, Input::Octets(b"q".to_vec())).expect("a key");
        assert_eq!(finish(lab, job).expect("an end").1, 0);
    }

    fn lines_are_fed_interrupted_and_ended(lab: &mut Kind) {
        let fed = lab.start("worker", "wc -c; echo done >&2", None).expect("starts");
        lab.send(fed, Input::Octets(vec![b'x'; 100_000])).expect("octets");
        lab.send(fed, Input::End).expect("an end");
        let ping = lab.start("pod-a", "ping 10.0.1.165", None).expect("starts");
        let stubborn =
            lab.start("worker2", "trap '' TERM; echo here; while :; do sleep 1; done", None).expect("starts");
        assert_eq!(finish(lab, fed).expect("an end"), ("100000\ndone\n".to_owned(), 0));
        wait_for(lab, ping, "icmp_seq=2");
        lab.send(ping, Input::Interrupt).expect("interrupts");
        wait_for(lab, stubborn, "here");
        lab.send(stubborn, Input::Terminate).expect("ends");
        let (said, status) = finish(lab, ping).expect("an end");
        assert!(status == 0 && said.contains(" 0% packet loss"), "{status}: {said}");
        assert_eq!(finish(lab, stubborn).expect("an end").1, 137, "SIGKILL follows where SIGTERM is ignored");
    }

    fn files_go_in_and_out(lab: &mut Kind) {
        let octets: Vec<u8> = (0..300_000_u32).map(|at| at.to_le_bytes()[usize::from(at % 3 == 0)]).collect();
        lab.write_file("worker", "/tmp/octets", &octets).unwrap_or_else(|trouble| panic!("{trouble:?}"));
        assert!(lab.read_file("worker", "/tmp/octets").expect("a file") == octets);
        let missing = lab.read_file("worker", "none").expect_err("no such file");
        assert!(missing.causes[0].contains("No such file"), "{missing:?}");
        // A capture of the learner's own, in the folder where the learner is.
        let dump =
            lab.start("worker", "cd /tmp && tcpdump -ni any -w all-ipsec.cap esp or icmp", None).expect("starts");
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

    fn what_a_learner_changed_is_set_back(lab: &mut Kind) {
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

    fn a_node_without_tcpdump_says_so(lab: &mut Kind) {
        assert_eq!(run(lab, "control-plane", "mv /usr/bin/tcpdump /tmp/").1, 0);
        let trouble = lab.capture("control-plane", "any", "").expect_err("no tcpdump");
        assert!(trouble.what.contains("no tcpdump on control-plane"), "{trouble:?}");
        assert!(trouble.hints[0].contains("apt-get install -y tcpdump"), "{trouble:?}");
        assert_eq!(run(lab, "control-plane", "mv /tmp/tcpdump /usr/bin/").1, 0);
        let trouble = lab.capture("worker", "eth9", "").expect_err("no such device");
        assert!(trouble.causes.iter().any(|cause| cause.contains("eth9")), "{trouble:?}");
    }

    fn what_hangs_is_given_up(lab: &mut Kind) {
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

    fn signal_engine(signal: &str) {
        let pid = std::fs::read_to_string("/run/docker-lab/pid").expect("docker.sh writes it");
        outside("kill", &["-s", signal, pid.trim()]);
    }

    /// Runs a command beside the lab.
    fn outside(program: &str, words: &[&str]) -> String {
        let output = std::process::Command::new(program).args(words).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {words:?}: {said}");
        said
    }

    fn two_learners_do_not_meet(lab: &mut Kind) {
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

    fn an_engine_far_away_is_reached_with_tls(_: &mut Kind) {
        let folder = std::path::PathBuf::from(std::env::var("ESPLAIN_DOCKER_FOLDER").expect("docker.sh says it"));
        let endpoint =
            |certificates| Endpoint { host: "tcp://127.0.0.1:2376".to_owned(), certificates, origin: Origin::Variable };
        let own = Certificates {
            authority: folder.join("ca.pem"),
            certificate: folder.join("cert.pem"),
            key: folder.join("key.pem"),
        };
        let patience = Duration::from_secs(20);
        let mut far =
            Kind::connect(endpoint(Some(own)), CLUSTER, patience).unwrap_or_else(|trouble| panic!("{trouble:?}"));
        let fed = far.start(
            "worker",
            "stty size; read -r word; echo \"got $word\"; exit 5",
            Some(TerminalSize { columns: 66, rows: 33 }),
        );
        let fed = fed.expect("starts");
        wait_for(&mut far, fed, "33 66");
        far.send(fed, Input::Octets(b"this\r".to_vec())).expect("keys");
        wait_for(&mut far, fed, "got this");
        assert_eq!(finish(&mut far, fed).expect("an end").1, 5);
        let refused = Kind::connect(endpoint(None), CLUSTER, patience).err().expect("it speaks TLS only");
        assert!(refused.what.contains("HTTP request to an HTTPS server"), "{refused:?}");
    }

    fn an_engine_that_cannot_be_used_says_why(_: &mut Kind) {
        let status = ["lab", "status", "--lab", "kind", "--lang", "en"];
        let of_nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups", env!("CARGO_BIN_EXE_esplain")];
        for (program, before, host, what, hint) in [
            ("setpriv", &of_nobody[..], None, "this user may not speak to the Docker Engine", "usermod -aG docker"),
            (of_nobody[5], &[], Some("unix:///run/none.sock"), "no Docker Engine answers at", "docker info"),
            (of_nobody[5], &[], Some("tcp://127.0.0.1:1"), "no Docker Engine answers at", "docker info"),
        ] {
            let mut command = std::process::Command::new(program);
            command.args(before).args(status).envs(host.map(|host| ("DOCKER_HOST", host)));
            let output = command.output().expect("it runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(3), "{said}");
            assert!(said.contains(what) && said.contains(hint), "{said}");
        }
    }

    /// Every step that looks at a cluster which is there: its checks fail before its solution and are met by it. Other
    /// spellings, wrong ways and resets are proven elsewhere, on labs that are quicker.
    fn the_steps_are_met_on_the_nodes(_: &mut Kind) {
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
            let nothing =
                Observation { ran, line: "true".to_owned(), status: Some(0), facts, ..Observation::default() };
            let verdict = step.judge(&nothing, &mut LabWorld(&mut lab), []);
            assert!(verdict.met.is_empty(), "{}: met by nothing: {:?}", step.id, verdict.met);
            let checks = step.checks.len();
            book.course.parts = vec![Part { id: "alone".to_owned(), steps: vec![step] }];
            // A step before the one to prove is done, and its checks must be met by that.
            let report = replay(Plan { book: &book, language: Language::En, step: Some("none") }, &mut lab);
            assert_eq!(report.failures(), 0, "{}", report.text());
            met += checks;
        }
        assert!(met >= 20, "{met} checks alone");
    }

    fn a_node_is_killed_and_started_again(lab: &mut Kind) {
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

    /// Stops the engine as a system does that restarts it.
    fn stop_engine() {
        let pid = std::fs::read_to_string("/run/docker-lab/pid").expect("docker.sh writes it");
        outside("kill", &["-s", "TERM", pid.trim()]);
        let begun = Instant::now();
        while std::path::Path::new(&format!("/proc/{}", pid.trim())).exists() {
            assert!(begun.elapsed() < Duration::from_mins(1), "the engine does not end");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn start_engine() {
        let [script, folder] = ["ESPLAIN_DOCKER_SCRIPT", "ESPLAIN_DOCKER_FOLDER"]
            .map(|name| std::env::var(name).expect("docker.sh says it"));
        // It stays behind, and holds the streams that it was given.
        let started = std::process::Command::new(script)
            .args(["engine", &folder])
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .status();
        assert!(started.expect("it runs").success(), "the engine did not come back");
    }

    /// Whether the engine leaves its containers alone when it stops.
    fn live_restore(live: bool) {
        std::fs::write("/run/docker-lab/daemon.json", format!("{{\"live-restore\": {live}}}")).expect("a file");
        signal_engine("HUP");
        let begun = Instant::now();
        while outside("docker", &["info", "--format", "{{.LiveRestoreEnabled}}"]).trim() != live.to_string() {
            assert!(begun.elapsed() < Duration::from_mins(1), "the engine does not read its settings");
        }
    }

    fn says_no_engine_answers(trouble: &Trouble) {
        assert!(trouble.what.starts_with("no Docker Engine answers at"), "{trouble:?}");
        assert!(trouble.hints[0].contains("systemctl start docker"), "{trouble:?}");
        assert!(trouble.hints.last().is_some_and(|hint| hint.contains("is kept")), "{trouble:?}");
    }

    fn the_engine_is_started_anew(lab: &mut Kind) {
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

    fn the_nodes_stop_with_the_engine(lab: &mut Kind) {
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

    fn a_full_disk_is_said_to_be(lab: &mut Kind) {
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

    fn a_node_is_removed(lab: &mut Kind) {
        let node = format!("{CLUSTER}-worker2");
        let line = lab.start("worker2", "echo begun; sleep 100", None).expect("starts");
        wait_for(lab, line, "begun");
        outside("docker", &["rm", "--force", &node]);
        let trouble = finish(lab, line).expect_err("its node is gone");
        assert!(trouble.what.contains("worker2 was removed while `echo begun; sleep 100` ran there"), "{trouble:?}");
        assert!(
            trouble.hints[0].contains("kind create cluster") && trouble.hints[0].contains("is kept"),
            "{trouble:?}"
        );
        let trouble = try_run(lab, "worker2", "true").expect_err("it is gone");
        assert!(trouble.what.contains("has no place `worker2`"), "{trouble:?}");
        assert_eq!(run(lab, "worker", "echo here").0, "here\n");
        let (status, said) = esplain(&["lab", "up", "--lab", "kind", "--yes", "--lang", "en"], &[]);
        assert!(status == 3 && said.contains("does not run as the course's"), "{status}: {said}");
        assert!(said.contains("docker ps -a --filter label=io.x-k8s.kind.cluster="), "{said}");
    }

    /// Runs the program: its status, and all it said.
    fn esplain(words: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_esplain"));
        let output = command.args(words).envs(variables.iter().copied()).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap_or(255), said)
    }

    fn down_takes_away_what_was_made(lab: &mut Kind) {
        let there = || {
            let names = outside("docker", &["ps", "-a", "--format", "{{.Names}}"]);
            let mut names: Vec<String> = names.lines().map(str::to_owned).collect();
            names.sort();
            names
        };
        let home = tempfile::tempdir().expect("a folder");
        let state = home.path().display().to_string();
        let down =
            || esplain(&["lab", "down", "--lab", "kind", "--yes", "--lang", "en"], &[("XDG_STATE_HOME", &state)]);
        // The nodes here were not made by a line of esplain's.
        let before = there();
        let (status, said) = down();
        assert!(status == 1 && said.contains("was not made by esplain, so it stays"), "{status}: {said}");
        assert!(said.contains(&format!("kind delete cluster --name {CLUSTER}")), "{said}");
        assert_eq!(there(), before);
        let names: Vec<&str> = before.iter().map(String::as_str).collect();
        outside("docker", &[&["rm", "--force"], names.as_slice()].concat());
        // What a line makes is written down, whoever runs it; here it is not kind that puts its labels on them.
        let folder = home.path().join("esplain");
        let made = |name: &str, cluster: &str| {
            format!(
                "docker run --detach --volume /var --label io.x-k8s.kind.cluster={cluster} \
                 --label io.x-k8s.kind.role=worker --name {name} esplain-node bash -c 'sleep 1000'"
            )
        };
        outside("sh", &["-c", &made("other-worker", "other")]);
        lab.set_machine(Box::new(OwnMachine::new(folder.join("kind"), &[]).expect("a machine")), true);
        lab.set_ledger(folder.join("kind-made"));
        for node in ["worker", "worker2"] {
            let (said, status) = run(lab, "machine", &made(&format!("{CLUSTER}-{node}"), CLUSTER));
            assert_eq!(status, 0, "{said}");
        }
        let volumes = || outside("docker", &["volume", "ls", "--quiet"]).lines().count();
        assert_eq!((there().len(), volumes()), (3, 3));
        // Somebody joins in a container of his own: all of it stays.
        outside("sh", &["-c", &made("foreign", CLUSTER)]);
        let (status, said) = down();
        assert!(status == 1 && said.contains("so it stays: foreign"), "{status}: {said}");
        assert_eq!(there().len(), 4);
        outside("docker", &["rm", "--force", "--volumes", "foreign"]);
        // There is no kind here, so the engine does it.
        let (status, said) = down();
        assert!(status == 0 && said.contains("2 containers were taken away through the Docker Engine"), "{said}");
        assert_eq!((there(), volumes()), (vec!["other-worker".to_owned()], 1));
        let (status, said) = down();
        assert!(status == 0 && said.contains("is not up"), "{status}: {said}");
    }
}
