//! The cluster as something that is made and taken away.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use esplain::lab::kind::{Kind, OwnMachine};
use tempfile::TempDir;

use crate::CLUSTER;
use crate::beside::{esplain, outside, run};
use crate::terminal::{Options, Terminal};

/// The words that make the cluster.
const UP: [&str; 6] = ["lab", "up", "--lab", "kind", "--lang", "en"];
/// What the engine has, of the course's cluster.
const OF_THE_CLUSTER: &str = "label=io.x-k8s.kind.cluster=cilium-ipsec-native-routing";

pub(crate) fn down_takes_away_what_was_made(lab: &mut Kind) {
    let there = || names(&[]);
    let home = tempfile::tempdir().expect("a folder");
    let state = home.path().display().to_string();
    let down = || esplain(&["lab", "down", "--lab", "kind", "--yes", "--lang", "en"], &[("XDG_STATE_HOME", &state)]);
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

/// Programs in place of kind and Helm, and where their lines and what is written down have their folder.
pub(crate) struct Home {
    folder: TempDir,
    path: String,
}

impl Home {
    /// `kind` is `tests/kernel/kind.sh`, which makes its nodes through the real engine; of Helm there is the version alone.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).expect("a folder");
        let kind = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernel/kind.sh");
        std::os::unix::fs::symlink(kind, bin.join("kind")).expect("a link");
        outside(
            "sh",
            &["-c", &format!("printf '#!/bin/sh\\necho v3.17.1\\n' >{0}/helm; chmod +x {0}/helm", bin.display())],
        );
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        Self { folder, path }
    }

    /// And no cluster is there yet.
    fn without_a_cluster() -> Self {
        let remove = format!("docker ps -aq --filter {OF_THE_CLUSTER} | xargs -r docker rm --force --volumes");
        outside("sh", &["-c", &remove]);
        Self::new()
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Runs the program there: its status, and all it said.
    pub(crate) fn esplain(&self, words: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
        let state = self.state().display().to_string();
        let own = [("PATH", self.path.as_str()), ("XDG_STATE_HOME", state.as_str())];
        esplain(words, &[&own, variables].concat())
    }

    /// The program on a learner's terminal.
    fn terminal(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Terminal {
        let environment = [&[("PATH", self.path.as_str())], variables].concat();
        Terminal::open(self.folder.path(), &Options { arguments, environment: &environment, ..Options::default() })
    }

    /// How many containers are written down as made from here.
    fn written_down(&self) -> usize {
        std::fs::read_to_string(self.state().join("esplain/kind-made")).unwrap_or_default().lines().count()
    }
}

/// The names of the engine's containers, sorted.
fn names(filter: &[&str]) -> Vec<String> {
    let names = outside("docker", &[&["ps", "-a", "--format", "{{.Names}}"], filter].concat());
    let mut names: Vec<String> = names.lines().map(str::to_owned).collect();
    names.sort();
    names
}

fn of_the_cluster() -> usize {
    names(&["--filter", OF_THE_CLUSTER]).len()
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_mins(1), "not yet: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub(crate) fn a_set_up_that_cannot_go_on_says_why(_: &mut Kind) {
    let home = Home::without_a_cluster();
    let up = [&UP[..], &["--yes"]].concat();
    let nowhere = home.folder.path().display().to_string();
    for (variables, said_of) in [
        (
            &[("PATH", nowhere.as_str())][..],
            &["this machine lacks what the set-up runs", "kind: ", "helm: ", "kind.sigs.k8s.io/docs/user/quick-start"]
                [..],
        ),
        (&[("KIND_VERSION", "v0.8.1")], &["kind: version 0.8, where 0.11 or newer is needed", "doctor --lab kind"]),
        // The engine's own words: the guest has no network.
        (
            &[("KIND_PULL", "1")],
            &[
                "`kind create cluster --config kind-config.yaml` ended with 1",
                "dial tcp",
                "docker pull hello-world",
                "goes on from here",
            ],
        ),
    ] {
        let (status, said) = home.esplain(&up, variables);
        assert_eq!(status, 3, "{said}");
        for words in said_of {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert_eq!(of_the_cluster(), 0, "{said}");
    }
}

pub(crate) fn a_set_up_is_asked_for_and_goes_on_where_it_was_interrupted(_: &mut Kind) {
    let home = Home::without_a_cluster();
    // No is no.
    let mut asked = home.terminal(&UP, &[]);
    let screen = asked.wait_for("Run it? [y/N]");
    assert!(screen.contains("kind create cluster --config kind-config.yaml"), "{screen}");
    assert!(screen.contains("encryption.type=ipsec"), "{screen}");
    asked.type_keys("n\r");
    assert_eq!(asked.wait_for_end(), 1);
    assert_eq!(of_the_cluster(), 0);
    // Ctrl-C ends the line that runs, too, and what that has made is known.
    let mut interrupted = home.terminal(&["lab", "up", "--lab", "kind", "--lang", "zh"], &[("KIND_AFTER", "2")]);
    interrupted.wait_for("[y/N]");
    interrupted.type_keys("是\r");
    interrupted.wait_for("✓ worker");
    interrupted.type_keys("\x03");
    assert_eq!(interrupted.wait_for_end(), 1);
    let screen = interrupted.screen();
    assert!(screen.contains("已中断") && screen.contains("就从这里继续"), "{screen}");
    assert_eq!((of_the_cluster(), home.written_down()), (2, 2), "{screen}");
    assert!(!outside("ps", &["-eo", "args"]).contains("kind create cluster"), "kind runs on");
    // What stayed in the middle is made anew; then there is a cluster, in which nobody has a kubectl.
    let up = [&UP[..], &["--yes"]].concat();
    let (status, said) = home.esplain(&up, &[]);
    assert!(said.contains("had left (2 containers) was taken away") && said.contains("✓ worker2"), "{said}");
    assert!(status == 3 && said.contains("a program is missing") && said.contains("kubectl"), "{status}: {said}");
    assert_eq!((of_the_cluster(), home.written_down()), (3, 3), "{said}");
    // After the machine was started anew the nodes are stopped. They are started, and nothing is made twice.
    outside("sh", &["-c", &format!("docker ps -q --filter {OF_THE_CLUSTER} | xargs docker stop --time 1")]);
    let (status, said) = home.esplain(&up, &[]);
    assert!(status == 3 && said.contains("done before") && !said.contains("✓"), "{status}: {said}");
    let running = outside("docker", &["ps", "-q", "--filter", OF_THE_CLUSTER]).lines().count();
    assert_eq!((running, of_the_cluster()), (3, 3), "{said}");
    let down = ["lab", "down", "--lab", "kind", "--lang", "en", "--yes"];
    let (status, said) = home.esplain(&down, &[]);
    assert!(status == 0 && said.contains("Deleted nodes") && said.contains("is gone"), "{status}: {said}");
    assert_eq!(of_the_cluster(), 0);
    // Killed, it can say nothing any more; what was made by then is known all the same.
    let mut killed = home.terminal(&[&up[..], &[]].concat(), &[("KIND_AFTER", "1")]);
    killed.wait_for("✓ control-plane");
    until("one container is written down", || home.written_down() == 1);
    killed.child.kill().expect("it runs");
    killed.wait_for_end();
    let (status, said) = home.esplain(&down, &[]);
    assert!(status == 0 && of_the_cluster() == 0, "{status}: {said}");
}

pub(crate) fn the_guided_shell_asks_before_a_line_on_the_machine(_: &mut Kind) {
    const CREATE: &str = "kind create cluster --config kind-config.yaml";
    let home = Home::without_a_cluster();
    let mut shell = home.terminal(&["learn", "--lab", "kind", "--step", "cluster", "--lang", "en"], &[]);
    // Before anything: what the guide itself would look at.
    shell.wait_for("kind get clusters");
    shell.type_keys("n\r");
    shell.wait_until("a prompt", |screen| screen.trim_end().ends_with("kind>"));
    shell.type_keys(&format!("{CREATE}\r"));
    shell.wait_for("This runs on your own machine");
    shell.type_keys("n\r");
    shell.wait_for("was not run");
    assert_eq!(of_the_cluster(), 0);
    shell.type_keys(&format!("{CREATE}\r"));
    shell.wait_until("a second question", |screen| screen.matches("This runs on your own machine").count() == 2);
    shell.type_keys("y\r");
    shell.wait_for("✓ worker2");
    until("three containers", || home.written_down() == 3);
    shell.type_keys(":quit\r");
    assert_eq!(shell.wait_for_end(), 0);
    let (status, said) = home.esplain(&["lab", "down", "--lab", "kind", "--lang", "en", "--yes"], &[]);
    assert!(status == 0 && of_the_cluster() == 0, "{status}: {said}");
}
