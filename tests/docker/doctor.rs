//! What `esplain doctor` says beside a real engine.

use std::process::Command;

use esplain::lab::kind::Kind;
use serde_json::Value;

use crate::beside::{esplain, outside};

pub(crate) fn doctor_says_what_the_engine_says(_: &mut Kind) {
    let info: Value = serde_json::from_str(&outside("docker", &["info", "--format", "{{json .}}"])).expect("JSON");
    let text = |name: &str| info[name].as_str().unwrap_or_default().to_owned();
    let words = ["doctor", "--lab", "kind", "--lang", "en"];
    let (status, said) = esplain(&words, &[]);
    assert_eq!(status, 3, "there is no kind here: {said}");
    let line = |name: &str| {
        let found = said.lines().find(|line| line.contains(&format!("  {name}: ")));
        found.unwrap_or_else(|| panic!("nothing of {name}: {said}")).trim().to_owned()
    };
    assert!(line("docker").starts_with("ok "), "{said}");
    let cgroup = format!("v{}, {}, an engine of the whole machine", text("CgroupVersion"), text("CgroupDriver"));
    assert!(line("cgroup").ends_with(&cgroup), "{said}");
    // The guest has one processor and two gigabytes, and kind is not there.
    assert_eq!(
        (info["NCPU"].as_u64(), info["MemTotal"].as_u64().is_some_and(|octets| octets < 4_000_000_000)),
        (Some(1), true)
    );
    // Its kernel has no cpusets, and the engine says so.
    assert!(outside("docker", &["info"]).contains("No cpuset support"));
    for (name, lacks, mend) in [
        ("cgroup", "because: no limits by cpuset; No cpuset support", "CONFIG_CPUSETS"),
        ("processors", "because: 1, where 2 are needed", "mend it: give the machine"),
        ("memory", "GB, where 4.0 GB are needed", "mend it: give the machine"),
        ("kind", "No such file or directory", "mend it: https://kind.sigs.k8s.io"),
    ] {
        assert!(line(name).starts_with("MISSING "), "{said}");
        let behind: Vec<&str> = said.lines().skip_while(|own| own.trim() != line(name)).skip(1).take(2).collect();
        assert!(behind[0].contains(lacks) && behind[1].contains(mend), "{name}: {behind:?}");
    }
    // Its own folder, not the usual one.
    assert_eq!(text("DockerRootDir"), "/run/docker-lab/data");
    assert!(line("/run/docker-lab/data").contains("room for the images"), "{said}");
    let output = Command::new(env!("CARGO_BIN_EXE_esplain")).args(words).arg("--json").output().expect("it runs");
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), &json["labs"][0]["runs"]), (Some(3), &Value::Bool(false)));
    let needs = json["labs"][0]["needs"].as_array().expect("a list");
    let need = |name: &str| needs.iter().find(|need| need["name"] == name).unwrap_or_else(|| panic!("{name}: {json}"));
    assert!(need("cgroup")["text"].as_str().is_some_and(|text| text.ends_with(&cgroup)), "{json}");
    assert_eq!(need("cgroup")["met"], Value::Bool(line("cgroup").starts_with("ok ")));
    assert!(need("processors")["lacks"] == "1, where 2 are needed", "{json}");
}
