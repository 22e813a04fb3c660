//! The Docker Engine as something that is stopped and started.

use std::time::{Duration, Instant};

use crate::beside::outside;

pub(crate) fn signal_engine(signal: &str) {
    let pid = std::fs::read_to_string("/run/docker-lab/pid").expect("docker.sh writes it");
    outside("kill", &["-s", signal, pid.trim()]);
}

/// Stops the engine as a system does that restarts it.
pub(crate) fn stop_engine() {
    let pid = std::fs::read_to_string("/run/docker-lab/pid").expect("docker.sh writes it");
    outside("kill", &["-s", "TERM", pid.trim()]);
    let begun = Instant::now();
    while std::path::Path::new(&format!("/proc/{}", pid.trim())).exists() {
        assert!(begun.elapsed() < Duration::from_mins(1), "the engine does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn start_engine() {
    let [script, folder] =
        ["ESPLAIN_DOCKER_SCRIPT", "ESPLAIN_DOCKER_FOLDER"].map(|name| std::env::var(name).expect("docker.sh says it"));
    // It stays behind, and holds the streams that it was given.
    let started = std::process::Command::new(script)
        .args(["engine", &folder])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .status();
    assert!(started.expect("it runs").success(), "the engine did not come back");
}

/// Whether the engine leaves its containers alone when it stops.
pub(crate) fn live_restore(live: bool) {
    std::fs::write("/run/docker-lab/daemon.json", format!("{{\"live-restore\": {live}}}")).expect("a file");
    signal_engine("HUP");
    let begun = Instant::now();
    while outside("docker", &["info", "--format", "{{.LiveRestoreEnabled}}"]).trim() != live.to_string() {
        assert!(begun.elapsed() < Duration::from_mins(1), "the engine does not read its settings");
    }
}
