//! Engines elsewhere, and engines that cannot be used.

use std::time::Duration;

use esplain::lab::kind::{Certificates, Endpoint, Kind, Origin};
use esplain::lab::{Input, Lab, TerminalSize};

use crate::CLUSTER;
use crate::beside::finish;
use crate::job::wait_for;

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
