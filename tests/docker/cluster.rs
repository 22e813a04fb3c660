//! The cluster as something that is made and taken away.

use esplain::lab::kind::{Kind, OwnMachine};

use crate::CLUSTER;
use crate::beside::{esplain, outside, run};

pub(crate) fn down_takes_away_what_was_made(lab: &mut Kind) {
    let there = || {
        let names = outside("docker", &["ps", "-a", "--format", "{{.Names}}"]);
        let mut names: Vec<String> = names.lines().map(str::to_owned).collect();
        names.sort();
        names
    };
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
