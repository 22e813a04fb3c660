//! Engines elsewhere, and engines that cannot be used.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use esplain::lab::kind::{Certificates, Endpoint, Kind, Origin};
use esplain::lab::{Input, Lab, TerminalSize};
use esplain::trouble::Trouble;

use crate::CLUSTER;
use crate::beside::{esplain, finish, run, try_run};
use crate::job::wait_for;
use crate::sshd::{Sshd, clients, lay_out_home, program};

pub(crate) fn an_engine_far_away_is_reached_with_tls(_: &mut Kind) {
    let folder = std::path::PathBuf::from(std::env::var("ESPLAIN_DOCKER_FOLDER").expect("docker.sh says it"));
    let endpoint =
        |certificates| Endpoint { host: "tcp://127.0.0.1:2376".to_owned(), certificates, origin: Origin::Variable };
    let own = Certificates {
        authority: folder.join("ca.pem"),
        certificate: folder.join("cert.pem"),
        key: folder.join("key.pem"),
    };
    let patience = Duration::from_secs(20);
    let mut far = Kind::connect(endpoint(Some(own)), CLUSTER, patience).unwrap_or_else(|trouble| panic!("{trouble:?}"));
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

/// The lab behind `ssh://HOST`.
fn by_ssh(host: &str) -> Result<Kind, Trouble> {
    let endpoint = Endpoint { host: format!("ssh://{host}"), certificates: None, origin: Origin::Variable };
    Kind::connect(endpoint, CLUSTER, Duration::from_secs(20))
}

pub(crate) fn an_engine_far_away_is_reached_by_ssh(near: &mut Kind) {
    let program = program().expect("it was looked for");
    lay_out_home();
    let way = std::env::var("PATH").expect("a way");
    let sshd = Sshd::start(&program, 2222, &way);
    let mut far = by_ssh("far").unwrap_or_else(|trouble| panic!("{trouble:?}"));
    assert_eq!(far.endpoint().to_string(), "ssh://far (DOCKER_HOST)");
    // A line, fed and ended by the end of its input.
    let fed = far.start("worker", "wc -c; hostname; exit 5", None).expect("starts");
    far.send(fed, Input::Octets(vec![b'x'; 100_000])).expect("octets");
    far.send(fed, Input::End).expect("an end");
    assert_eq!(finish(&mut far, fed).expect("an end"), (format!("100000\n{CLUSTER}-worker\n"), 5));
    // A terminal, its new size and its Ctrl-C.
    let size = |columns, rows| TerminalSize { columns, rows };
    let line = "trap 'stty size; exit 3' INT; stty size; while :; do sleep 0.1; done";
    let shown = far.start("worker", line, Some(size(100, 30))).expect("starts");
    wait_for(&mut far, shown, "30 100");
    far.send(shown, Input::Resize(size(70, 20))).expect("resizes");
    far.send(shown, Input::Interrupt).expect("interrupts");
    let (said, status) = finish(&mut far, shown).expect("an end");
    assert!(status == 3 && said.contains("20 70"), "{status}: {said}");
    // A capture, and a file that is longer than what ssh sends at once.
    let capture = far.capture("worker", "any", "icmp").expect("captures");
    assert_eq!(run(&mut far, "worker", "ping -c 1 -W 5 172.18.0.2").1, 0);
    assert_eq!(far.stop_capture(capture).expect("stops").frames.len(), 2);
    let octets: Vec<u8> = (0..300_000_u32).map(|at| at.to_le_bytes()[usize::from(at % 3 == 0)]).collect();
    far.write_file("worker", "/tmp/far", &octets).unwrap_or_else(|trouble| panic!("{trouble:?}"));
    assert!(far.read_file("worker", "/tmp/far").expect("a file") == octets);
    // One connection carries all of it.
    assert_eq!(sshd.connections().len(), 1);
    // It is lost in the middle of a line, and found again.
    let line = far.start("worker", "echo begun; sleep 100", None).expect("starts");
    wait_for(&mut far, line, "begun");
    sshd.cut();
    let lost = finish(&mut far, line).expect_err("nothing leads there");
    let what = ["nobody answers ssh at ssh://far", "the connection to ssh://far (DOCKER_HOST) was lost"];
    assert!(what.iter().any(|what| lost.what.starts_with(what)), "{lost:?}");
    assert!(lost.hints[0].contains("`ssh far true`") && lost.hints[1].contains("is kept"), "{lost:?}");
    let sshd = Sshd::start(&program, 2222, &way);
    assert_eq!(run(&mut far, "worker", "echo again").0, "again\n");
    // Nothing stays when it goes: no ssh, no socket, nothing in the nodes.
    drop(far);
    nothing_is_left(near);
    // Nor when it is killed.
    let own = std::env::current_exe().expect("this binary has a path");
    let mut learner = std::process::Command::new(own)
        .args(["--exact", "inside::a_learner_far_away", "--ignored", "--nocapture"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut said = BufReader::new(learner.stdout.take().expect("a pipe")).lines();
    assert!(said.any(|line| line.expect("text").contains("begun")), "the line did not run");
    assert_eq!(clients().len(), 1);
    learner.kill().expect("it runs");
    learner.wait().expect("it ends");
    nothing_is_left(near);
    sshd.cut();
}

/// Runs a line by ssh that does not end, and says when it has begun.
pub(crate) fn wait_far_away(say: fn()) {
    let mut far = by_ssh("far").unwrap_or_else(|trouble| panic!("{trouble:?}"));
    let line = far.start("worker", "echo begun; sleep 1000", None).expect("starts");
    wait_for(&mut far, line, "begun");
    say();
    let _ = finish(&mut far, line);
}

fn nothing_is_left(near: &mut Kind) {
    let begun = Instant::now();
    while !clients().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "still there: {:?}", clients());
        std::thread::sleep(Duration::from_millis(50));
    }
    while run(near, "worker", "ls -d /run/esplain-* | wc -l").0.trim() != "1" {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", run(near, "worker", "ls -d /run/esplain-*").0);
    }
}

pub(crate) fn a_way_by_ssh_that_does_not_lead_there_says_why(_: &mut Kind) {
    let program = program().expect("it was looked for");
    lay_out_home();
    let sshd = Sshd::start(&program, 2222, &std::env::var("PATH").expect("a way"));
    let bare = Sshd::start(&program, 2223, "/nowhere");
    for (host, what, hint) in [
        ("unknown", "the host key of ssh://unknown", "`ssh unknown` in another terminal"),
        ("changed", "another host key than it did before", "ask whoever runs that machine"),
        ("stranger", "takes none of the keys", "`ssh-add`"),
        ("bare", "there is no `docker` at ssh://bare", "`ssh bare 'command -v docker; echo $PATH'`"),
        ("far/run/none.sock", "no Docker Engine answers at", "`ssh far sudo systemctl start docker`"),
        ("far:1", "nobody answers ssh at", "`ssh -p 1 far true`"),
        ("nowhere.invalid", "the name in ssh://nowhere.invalid", "~/.ssh/config"),
    ] {
        let trouble = by_ssh(host).err().unwrap_or_else(|| panic!("{host} leads somewhere"));
        assert!(trouble.what.contains(what) && trouble.hints[0].contains(hint), "{host}: {trouble:?}");
    }
    let away = try_run(&mut by_ssh("far").expect("it leads there"), "nobody", "true").expect_err("no such place");
    assert!(away.what.contains("has no place `nobody`"), "{away:?}");
    // As a learner meets it, by a context of docker's.
    let home = tempfile::tempdir().expect("a folder");
    let config = home.path().display().to_string();
    let docker = |words: &[&str]| crate::beside::outside("docker", &[&["--config", &config], words].concat());
    docker(&["context", "create", "far", "--docker", "host=ssh://far"]);
    docker(&["context", "use", "far"]);
    let status = || esplain(&["lab", "status", "--lab", "kind", "--lang", "en"], &[("DOCKER_CONFIG", &config)]);
    assert!(matches!(status(), (0, said) if said.contains("worker2")), "{:?}", status());
    sshd.cut();
    bare.cut();
    let (code, said) = status();
    assert!(code == 3 && said.contains("nobody answers ssh at ssh://far (docker context `far`)"), "{code}: {said}");
    assert!(said.contains("Connection refused") && said.contains("hint: `ssh far true`"), "{said}");
    let (code, said) =
        esplain(&["lab", "status", "--lab", "kind"], &[("DOCKER_HOST", "ssh://far"), ("PATH", "/nowhere")]);
    assert!(code == 3 && said.contains("cannot be started") && said.contains("openssh-client"), "{code}: {said}");
}

pub(crate) fn an_engine_that_cannot_be_used_says_why(_: &mut Kind) {
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
