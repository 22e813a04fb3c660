//! Whole walks through the simulated lab, as tests.

use std::time::{Duration, Instant};

use super::Sim;
use crate::lab::{Input, JobEvent, Lab, PlaceKind, TerminalSize};

/// Runs a line to its end; what it wrote, both streams together, and its status.
pub(super) fn run_at(sim: &mut Sim, place: &str, line: &str) -> (String, i32) {
    let job = match sim.start(place, line, None) {
        Ok(job) => job,
        Err(trouble) => return (trouble.to_string(), -1),
    };
    let mut text = String::new();
    for _ in 0..10_000 {
        match sim.poll(job, Duration::from_secs(5)).expect("a job") {
            JobEvent::Output(_, octets) => text.push_str(&String::from_utf8_lossy(&octets)),
            JobEvent::Exited(status) => return (text, status),
            JobEvent::Idle => panic!("idle: {line}: {text}"),
        }
    }
    panic!("no end: {line}");
}

fn run(sim: &mut Sim, line: &str) -> String {
    run_at(sim, "machine", line).0
}

/// Fails unless each of the texts stands in what a line prints.
fn shows(sim: &mut Sim, place: &str, line: &str, texts: &[&str]) {
    let (printed, status) = run_at(sim, place, line);
    for text in texts {
        assert!(printed.contains(text), "{place} $ {line}\nlacks {text:?}:\n{printed}= {status}");
    }
}

const INSTALL: &str = "helm install cilium cilium/cilium --version 1.13.0-rc5 --namespace kube-system \
    --set tunnel=disabled --set autoDirectNodeRoutes=true --set ipv4NativeRoutingCIDR=10.0.0.0/8 \
    --set encryption.enabled=true --set encryption.type=ipsec";

const SECRET: &str = "kubectl create -n kube-system secret generic cilium-ipsec-keys \
    --from-literal=keys=\"3 rfc4106(gcm(aes)) $(echo $(dd if=/dev/urandom count=20 bs=1 2> /dev/null | xxd -p -c 64)) 128\"";

/// A cluster without a CNI, and the repository of the chart.
fn with_cluster() -> Sim {
    let mut sim = Sim::new(1);
    run(&mut sim, "kind create cluster --config kind-config.yaml; helm repo add cilium https://helm.cilium.io/");
    sim
}

#[test]
fn the_set_up_of_the_tutorial_runs() {
    let mut sim = Sim::new(1);
    let m = "machine";
    shows(&mut sim, m, "kubectl get nodes", &["The connection to the server localhost:8080 was refused"]);
    shows(
        &mut sim,
        m,
        "kind create cluster --config kind-config.yaml",
        &[
            "Creating cluster \"cilium-ipsec-native-routing\" ...",
            " ✓ Ensuring node image (kindest/node:v1.23.4) 🖼\n",
            " ✓ Joining worker nodes 🚜\n",
            "Set kubectl context to \"kind-cilium-ipsec-native-routing\"",
        ],
    );
    shows(
        &mut sim,
        m,
        "kubectl get nodes",
        &[
            "NAME                                        STATUS     ROLES                  AGE   VERSION\n",
            "cilium-ipsec-native-routing-worker2         NotReady   <none>",
        ],
    );
    shows(&mut sim, m, "kubectl get pods -A", &["coredns-64897985d-", "0/1     Pending"]);
    shows(
        &mut sim,
        m,
        "kubectl describe node cilium-ipsec-native-routing-control-plane",
        &[
            "Taints:             node-role.kubernetes.io/master:NoSchedule\n                    node.kubernetes.io/not-ready:NoSchedule\n",
            "cni plugin not initialized",
        ],
    );
    shows(
        &mut sim,
        m,
        "kubectl taint nodes cilium-ipsec-native-routing-control-plane node-role.kubernetes.io/master:NoSchedule-",
        &["node/cilium-ipsec-native-routing-control-plane untainted\n"],
    );
    shows(&mut sim, m, SECRET, &["secret/cilium-ipsec-keys created\n"]);
    shows(
        &mut sim,
        m,
        "kubectl -n kube-system get secret cilium-ipsec-keys -o yaml",
        &["  keys: MyByZmM0MTA2KGdjbShhZXMpKS"],
    );
    shows(&mut sim, m, "helm repo add cilium https://helm.cilium.io/ && helm repo update", &["Happy Helming!"]);
    shows(&mut sim, m, &format!("{INSTALL} && kubectl get pods -n kube-system"), &["STATUS: deployed", "Pending   0"]);
    shows(&mut sim, m, "kubectl get nodes", &["worker2         Ready ", "control-plane   Ready "]);
    shows(&mut sim, m, "helm list -n kube-system", &["\tdeployed\tcilium-1.13.0-rc5\t1.13.0-rc5"]);
    shows(&mut sim, m, "kubectl apply -f pods.yaml", &["pod/pod-a created\npod/pod-b created\n"]);
    shows(
        &mut sim,
        m,
        "kubectl get pods -o wide",
        &[
            "pod-a   1/1     Running   0",
            "10.0.0.144   cilium-ipsec-native-routing-worker ",
            "10.0.1.165   cilium-ipsec-native-routing-worker2 ",
        ],
    );
    shows(
        &mut sim,
        m,
        "kubectl -n kube-system exec ds/cilium -- cilium encrypt status",
        &[
            "Defaulted container \"cilium-agent\"",
            "Encryption: IPsec                     \nKeys in use: 1                         \nMax Seq. Number: N/A\nErrors: 0",
        ],
    );
    shows(&mut sim, "pod-a", "ping -c 1 10.0.1.165", &["64 bytes from 10.0.1.165: icmp_seq=1 ttl=61"]);
    shows(&mut sim, m, "kubectl -n kube-system exec ds/cilium -- ip x s", &["src 0.0.0.0 dst ", "spi 0x00000003"]);
    shows(&mut sim, "worker", "ip x s | grep -c 'spi 0x00000003'", &["3\n"]);
}

#[test]
fn a_node_has_neither_tcpdump_nor_ping_before_they_are_installed() {
    let mut sim = Sim::new(1);
    run(&mut sim, "kind create cluster --config kind-config.yaml");
    shows(&mut sim, "worker", "tcpdump -i any", &["bash: tcpdump: command not found"]);
    shows(&mut sim, "worker", "apt-get install -y tcpdump", &["E: Unable to locate package tcpdump"]);
    shows(&mut sim, "worker", "apt-get update", &["404  Not Found", "does not have a Release file"]);
    run_at(&mut sim, "worker", "sed -i s/archive.ubuntu/old-releases.ubuntu/ /etc/apt/sources.list");
    assert_eq!(run_at(&mut sim, "worker", "apt-get update").1, 100, "the security suite is still missing");
    run_at(&mut sim, "worker", "sed -i s/security.ubuntu/old-releases.ubuntu/ /etc/apt/sources.list");
    assert_eq!(run_at(&mut sim, "worker", "apt-get update && apt-get install -y iputils-ping").1, 0);
    assert_eq!(run_at(&mut sim, "worker", "command -v ping"), ("/usr/bin/ping\n".to_owned(), 0));
    assert_eq!(run_at(&mut sim, "worker2", "command -v ping").1, 1);
    let copy = "docker cp $(which tcpdump) cilium-ipsec-native-routing-worker2:/usr/bin/";
    assert_eq!(run_at(&mut sim, "machine", copy).1, 0);
    assert_eq!(run_at(&mut sim, "worker2", "command -v tcpdump").1, 0);
}

#[test]
fn without_its_secret_the_agent_waits_and_says_for_what() {
    let mut sim = with_cluster();
    run(&mut sim, INSTALL);
    shows(&mut sim, "machine", "kubectl -n kube-system get pods -l k8s-app=cilium", &["0/1     Init:0/5   0"]);
    shows(
        &mut sim,
        "machine",
        "kubectl -n kube-system describe pod -l k8s-app=cilium",
        &[
            "Warning  FailedMount",
            "MountVolume.SetUp failed for volume \"cilium-ipsec-secrets\" : secret \"cilium-ipsec-keys\" not found",
        ],
    );
    run(&mut sim, SECRET);
    shows(&mut sim, "machine", "kubectl get nodes", &["worker2         Ready "]);
    shows(&mut sim, "worker", "ip x s", &["spi 0x00000003"]);
}

#[test]
fn a_key_that_the_agent_cannot_read_keeps_it_from_starting() {
    for (keys, error) in [
        ("3 rfc4106(gcm(aes)) 00 128x", "ICV length is invalid or missing"),
        ("3 rfc4106(gcm(aes))", "missing IPSec key or invalid format"),
        ("16 rfc4106(gcm(aes)) 00112233445566778899aabbccddeeff00112233 128", "encryption key space exhausted"),
    ] {
        let mut sim = with_cluster();
        run(
            &mut sim,
            &format!("kubectl create -n kube-system secret generic cilium-ipsec-keys --from-literal=keys='{keys}'"),
        );
        run(&mut sim, INSTALL);
        run(&mut sim, "sleep 60");
        shows(&mut sim, "machine", "kubectl -n kube-system get pods -l k8s-app=cilium", &["CrashLoopBackOff"]);
        shows(&mut sim, "machine", "kubectl -n kube-system logs ds/cilium --tail 1", &["level=fatal", error]);
        shows(&mut sim, "machine", "kubectl get nodes", &["worker2         NotReady"]);
        assert_eq!(run_at(&mut sim, "worker", "ip xfrm state"), (String::new(), 0));
    }
}

#[test]
fn a_key_that_only_the_kernel_refuses_leaves_the_node_ready_and_without_states() {
    let mut sim = with_cluster();
    let keys = "3 rfc4106(gcm(aes)) $(head -c 16 /dev/urandom | xxd -p) 128";
    run(
        &mut sim,
        &format!("kubectl create -n kube-system secret generic cilium-ipsec-keys --from-literal=keys=\"{keys}\""),
    );
    run(&mut sim, INSTALL);
    shows(&mut sim, "machine", "kubectl get nodes", &["worker2         Ready "]);
    assert_eq!(run_at(&mut sim, "worker", "ip xfrm state"), (String::new(), 0));
    shows(&mut sim, "machine", "kubectl -n kube-system logs ds/cilium", &["IPsec enable failed", "invalid argument"]);
}

#[test]
fn a_patched_secret_rotates_the_key_and_the_old_one_goes_after_five_minutes() {
    let mut sim = Sim::ready(1);
    run(
        &mut sim,
        "kubectl -n kube-system patch secret cilium-ipsec-keys \
         -p '{\"stringData\":{\"keys\":\"4 rfc4106(gcm(aes)) 00112233445566778899aabbccddeeff00112233 128\"}}'",
    );
    let count = |sim: &mut Sim, spi: u8| run_at(sim, "worker", &format!("ip x s | grep -c 'spi 0x0000000{spi} '")).0;
    run(&mut sim, "sleep 60");
    assert_eq!((count(&mut sim, 3).as_str(), count(&mut sim, 4).as_str()), ("3\n", "3\n"));
    shows(&mut sim, "pod-a", "ping -c 1 10.0.1.165", &["0% packet loss"]);
    run(&mut sim, "sleep 310");
    assert_eq!((count(&mut sim, 3).as_str(), count(&mut sim, 4).as_str()), ("0\n", "3\n"));
    assert_eq!(sim.facts().expect("facts").get("spi").map(String::as_str), Some("0x00000004"));
}

#[test]
fn wrong_calls_fail_in_the_tools_own_words() {
    let mut sim = with_cluster();
    for (line, text) in [
        (
            "kind create cluster --config nothing.yaml",
            "error reading file: open nothing.yaml: no such file or directory",
        ),
        ("kind create cluster --config kind-config.yaml", "node(s) already exist for a cluster with the name"),
        (
            "printf 'kind: Cluster\\napiVersion: v1\\n' | kind create cluster --config -",
            "unknown apiVersion: v1 kind: Cluster",
        ),
        ("kind frob", "ERROR: unknown command \"frob\" for \"kind\""),
        ("helm install cilium nothing/cilium --version 1.13.0-rc5", "INSTALLATION FAILED: repo nothing not found"),
        ("helm install cilium cilium/cilium --version 9.9.9", "no chart version found for cilium-9.9.9"),
        (
            "helm install cilium cilium/cilium --version 1.13.0-rc5 --set a",
            "failed parsing --set data: key \"a\" has no value",
        ),
        ("helm upgrade cilium cilium/cilium", "UPGRADE FAILED: \"cilium\" has no deployed releases"),
        ("kubectl taint nodes --all foo-", "error: taint \"foo\" not found"),
        ("kubectl taint nodes --all foo:Bar", "error: invalid taint effect: Bar, unsupported taint effect"),
        ("kubectl get frobs", "error: the server doesn't have a resource type \"frobs\""),
        ("kubectl get pods nothing", "Error from server (NotFound): pods \"nothing\" not found"),
        ("kubectl get pods", "No resources found in default namespace."),
        ("kubectl exec nothing -- ls", "Error from server (NotFound): pods \"nothing\" not found"),
        ("kubectl frob", "error: unknown command \"frob\" for \"kubectl\""),
        ("kubectl apply -f nothing.yaml", "error: the path \"nothing.yaml\" does not exist"),
        ("docker exec nothing ls", "Error: No such container: nothing"),
        (
            "docker exec cilium-ipsec-native-routing-worker frob",
            "exec: \"frob\": executable file not found in $PATH: unknown",
        ),
    ] {
        shows(&mut sim, "machine", line, &[text]);
    }
    assert_eq!(run_at(&mut sim, "nowhere", "ls").1, -1);
}

#[test]
fn the_finished_cluster_is_the_one_that_the_set_up_makes() {
    let mut sim = Sim::ready(1);
    let facts = sim.facts().expect("facts");
    for (name, value) in [
        ("worker", "cilium-ipsec-native-routing-worker"),
        ("cilium_host_a", "10.0.0.66"),
        ("cilium_host_b", "10.0.1.236"),
        ("pod_a_ip", "10.0.0.144"),
        ("pod_b_ip", "10.0.1.165"),
        ("spi", "0x00000003"),
        ("encrypt_mark", "0x3e00/0xff00"),
    ] {
        assert_eq!(facts.get(name).map(String::as_str), Some(value), "{name}");
    }
    let places = sim.places().expect("places");
    let kinds = |kind| places.iter().filter(|place| place.kind == kind).count();
    assert_eq!((kinds(PlaceKind::Machine), kinds(PlaceKind::Node), kinds(PlaceKind::Pod)), (1, 3, 2));
    shows(&mut sim, "machine", "kubectl get pods -A | grep -v Running | wc -l", &["1\n"]);
    shows(&mut sim, "worker2", "command -v ping tcpdump route", &["/usr/bin/ping"]);
}

#[test]
fn the_same_seed_gives_the_same_octets() {
    let walk = |seed| {
        let mut sim = Sim::ready(seed);
        let capture = sim.capture("worker", "any", "esp or icmp").expect("a capture");
        let ping = run_at(&mut sim, "pod-a", "ping -c 2 10.0.1.165").0;
        let frames = sim.stop_capture(capture).expect("stopped").frames;
        let states = run_at(&mut sim, "worker", "ip -s x s; date +%s%N; head -c 8 /dev/urandom | xxd -p").0;
        (ping, frames, states)
    };
    let (one, again, other) = (walk(7), walk(7), walk(8));
    assert_eq!(one.1.len(), 14, "seven sightings of each ping");
    assert_eq!(one, again);
    assert_ne!(one.1, other.1);
}

#[test]
fn a_capture_in_the_background_holds_what_a_ping_causes() {
    let mut sim = Sim::ready(1);
    let tcpdump = sim.start("worker", "tcpdump -pne -i any -w all-ipsec.cap", None).expect("started");
    shows(&mut sim, "pod-a", "ping -c 1 10.0.1.165", &["1 received"]);
    sim.send(tcpdump, Input::Interrupt).expect("sent");
    let mut text = String::new();
    let status = loop {
        match sim.poll(tcpdump, Duration::from_secs(5)).expect("a job") {
            JobEvent::Output(_, octets) => text.push_str(&String::from_utf8_lossy(&octets)),
            JobEvent::Exited(status) => break status,
            JobEvent::Idle => panic!("idle: {text}"),
        }
    };
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("7 packets captured"), "{text}");
    assert!(!sim.read_file("worker", "all-ipsec.cap").expect("a file").is_empty());
    assert_eq!(run_at(&mut sim, "worker", "tcpdump -nr all-ipsec.cap esp 2>/dev/null | wc -l").0, "4\n");
}

#[test]
fn with_a_terminal_virtual_time_goes_with_the_clock_and_long_waits_are_shortened() {
    let mut sim = Sim::ready(1);
    let size = Some(TerminalSize { columns: 80, rows: 24 });
    let begun = Instant::now();
    let job = sim.start("machine", "sleep 0.2; sleep 100; echo done", size).expect("started");
    let mut text = String::new();
    while begun.elapsed() < Duration::from_secs(20) {
        match sim.poll(job, Duration::from_millis(50)).expect("a job") {
            JobEvent::Output(_, octets) => text.push_str(&String::from_utf8_lossy(&octets)),
            JobEvent::Exited(status) => {
                assert_eq!((text.as_str(), status), ("done\n", 0));
                assert!(begun.elapsed() >= Duration::from_millis(200), "{:?}", begun.elapsed());
                return;
            }
            JobEvent::Idle => {}
        }
    }
    panic!("100 virtual seconds took longer than 20 real ones: {text}");
}

#[test]
fn the_guides_capture_goes_on_after_a_restore_and_the_jobs_end() {
    let mut sim = Sim::ready(1);
    let tcpdump = sim.start("worker", "tcpdump -i any -w f", None).expect("started");
    let capture = sim.capture("worker", "any", "esp").expect("a capture");
    sim.save("now").expect("saved");
    run_at(&mut sim, "pod-a", "ping -c 1 10.0.1.165");
    sim.restore("now").expect("restored");
    assert_eq!(sim.frames(capture, Duration::ZERO).expect("frames").len(), 0, "what came before is gone");
    run_at(&mut sim, "pod-a", "ping -c 1 10.0.1.165");
    assert_eq!(sim.frames(capture, Duration::ZERO).expect("frames").len(), 4);
    let mut last = sim.poll(tcpdump, Duration::from_secs(1)).expect("a job");
    while matches!(last, JobEvent::Output(..)) {
        last = sim.poll(tcpdump, Duration::from_secs(1)).expect("a job");
    }
    assert_eq!(last, JobEvent::Exited(143));
    assert_eq!(run_at(&mut sim, "worker", "ps | grep -c tcpdump").0, "0\n");
}

#[test]
fn a_shell_inside_the_shell_says_where_the_prompt_goes_instead() {
    let mut sim = Sim::ready(1);
    let size = Some(TerminalSize { columns: 80, rows: 24 });
    let line = "docker exec -it cilium-ipsec-native-routing-worker bash";
    let job = sim.start("machine", line, size).expect("started");
    let JobEvent::Output(_, octets) = sim.poll(job, Duration::from_secs(5)).expect("a job") else {
        panic!("no output")
    };
    assert!(String::from_utf8_lossy(&octets).contains("`:on worker` brings the prompt to worker"));
    let piped = "echo 'hostname; ip ru | head -1' | docker exec -i cilium-ipsec-native-routing-worker bash";
    shows(
        &mut sim,
        "machine",
        piped,
        &["cilium-ipsec-native-routing-worker\n1:\tfrom all fwmark 0xd00/0xf00 lookup 200\n"],
    );
}

#[test]
fn key_octets_stay_out_of_debug_output() {
    let mut sim = Sim::ready(1);
    let text =
        run(&mut sim, "kubectl -n kube-system get secret cilium-ipsec-keys -o jsonpath='{.data.keys}' | base64 -d");
    let key = text.split(' ').nth(2).expect("a key");
    assert_eq!(key.len(), 40);
    let shown = format!("{:?}{:?}", sim.world().kube, sim.world().net);
    let octets: Vec<String> =
        (0..3).map(|at| u8::from_str_radix(&key[at * 2..at * 2 + 2], 16).expect("hex").to_string()).collect();
    assert!(!shown.contains(key) && !shown.contains(&octets.join(", ")));
}

/// Words that lines are made of at random: programs, options, files, operators.
const WORDS: &[&str] = &[
    "kubectl",
    "get",
    "pods",
    "-A",
    "-o",
    "yaml",
    "jsonpath={.items[*]}",
    "describe",
    "node",
    "delete",
    "exec",
    "ds/cilium",
    "--",
    "-n",
    "kube-system",
    "kind",
    "create",
    "cluster",
    "--config",
    "kind-config.yaml",
    "helm",
    "install",
    "repo",
    "add",
    "cilium",
    "docker",
    "ps",
    "cp",
    "worker",
    "inspect",
    "-f",
    "{{.State.Pid}}",
    "ip",
    "x",
    "s",
    "route",
    "get",
    "10.0.1.165",
    "mark",
    "0x3e00",
    "ping",
    "-c",
    "1",
    "tcpdump",
    "-i",
    "any",
    "-w",
    "f",
    "-r",
    "esp",
    "cat",
    "head",
    "-3",
    "tail",
    "-f",
    "grep",
    "-A2",
    "[",
    "(",
    ")",
    "{",
    "}",
    "|",
    ";",
    "&",
    "&&",
    "||",
    ">",
    "<",
    "2>&1",
    "$(",
    "`",
    "\"",
    "'",
    "$X",
    "${X%%.*}",
    "$((1+2))",
    "sed",
    "s/a/b/g",
    "-i",
    "awk",
    "{print $2}",
    "sort",
    "-k2",
    "-u",
    "uniq",
    "cut",
    "-d:",
    "-f1",
    "tr",
    "a-z",
    "A-Z",
    "xxd",
    "-p",
    "dd",
    "if=/dev/urandom",
    "count=2",
    "bs=9999999999999",
    "base64",
    "-d",
    "sleep",
    "3",
    "timeout",
    "watch",
    "kill",
    "%1",
    "wait",
    "jobs",
    "cd",
    "/",
    "ls",
    "-l",
    "rm",
    "-rf",
    "printf",
    "%s%99999d",
    "echo",
    "-e",
    "\\x4",
    "test",
    "-z",
    "date",
    "+%s",
    "ps",
    "yes",
    "sudo",
    "nsenter",
    "-t",
    "é",
    "\u{1F4E6}",
    "{1..99999}",
    "*",
    "?",
    "if",
    "then",
    "fi",
    "for",
    "in",
    "do",
    "done",
    "while",
    "true",
    "break",
    "apt-get",
    "update",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 300, ..Default::default() })]
    #[test]
    fn no_line_makes_the_lab_panic_or_hang(
        chosen in proptest::collection::vec(proptest::sample::select(WORDS), 1..9),
        at in proptest::sample::select(&["machine", "worker", "pod-a"][..]),
    ) {
        thread_local! {
            static READY: std::cell::RefCell<Sim> = std::cell::RefCell::new({
                let mut sim = Sim::ready(1);
                sim.save("ready").expect("saved");
                sim
            });
        }
        READY.with_borrow_mut(|sim| {
            sim.restore("ready").expect("restored");
            let begun = Instant::now();
            let line = chosen.join(" ");
            let job = sim.start(at, &line, None).expect("started");
            loop {
                match sim.poll(job, Duration::from_secs(5)).expect("a job") {
                    JobEvent::Exited(_) => break,
                    JobEvent::Output(..) => assert!(begun.elapsed() < Duration::from_secs(20), "does not end: {line}"),
                    JobEvent::Idle => panic!("idle: {line}"),
                }
            }
        });
    }
}
