//! What the kind lab needs of the machine that the Docker Engine runs on: cgroups, memory, processors.

use std::path::{Path, PathBuf};

use super::doctor::Finding;
use crate::lab::kind::Host;
use crate::words::Words;

/// kubeadm refuses a control plane with less than 1700 MB (Kubernetes v1.23 `cmd/kubeadm/app/constants/constants.go`
/// `ControlPlaneMem`), and kind names no number (its page "Resource requirements"). That two workers with Cilium's agents
/// do with as much again and some for the system is an estimate.
const MEMORY: u64 = 4_000_000_000;
/// As kubeadm's documentation asks for ("2 CPUs or more for control plane machines").
const PROCESSORS: u64 = 2;
/// Tasks of three kubelets, containerds, Cilium's agents and their operator, and what the pods run: an estimate.
const TASKS: u64 = 2048;

/// Looks at what the engine says of its machine, and where that is this one, at the limits of the cgroups above the nodes'.
pub(super) fn findings(host: &Host, words: &Words) -> Vec<Finding> {
    let mut found = vec![cgroup(host, words), memory(host, words), processors(host, words)];
    if host.here {
        let root = Path::new("/sys/fs/cgroup");
        let limits = above(host, rustix::process::getuid().as_raw());
        let limits = limits.iter().flat_map(|slice| limit_findings(root, slice, host, words));
        found.extend(limits);
    }
    found
}

/// Which cgroups there are, and whether nodes can have limits of their own. kubelet ends without `cpu`, `cpuset` and `memory`
/// (Kubernetes v1.23 `pkg/kubelet/cm/container_manager_linux.go` `validateSystemRequirements`); kind refuses a rootless
/// engine without cgroup v2, `memory`, `pids` or `cpu` (kind v0.20 `pkg/cluster/internal/create/create.go` `validateProvider`).
fn cgroup(host: &Host, words: &Words) -> Finding {
    let version = if host.cgroup == 0 { "?".to_owned() } else { format!("v{}", host.cgroup) };
    let (kind, driver) = (if host.rootless { "rootless" } else { "rootful" }, host.driver.clone());
    let text =
        words.say("doctor-cgroup", &[("version", version.into()), ("driver", driver.into()), ("kind", kind.into())]);
    let mut finding = Finding { name: "cgroup".to_owned(), text, lacks: None, mend: None };
    if host.rootless && host.cgroup != 2 {
        finding.lacks = Some(words.say("doctor-cgroup-rootless", &[]));
        finding.mend = Some(of_the_kernel("systemd.unified_cgroup_hierarchy=1"));
        return finding;
    }
    let needed: &[&str] =
        if host.rootless { &["memory", "pids", "cpu", "cpuset"] } else { &["memory", "cpu", "cpuset"] };
    let missing: Vec<&str> = needed.iter().copied().filter(|name| !host.controllers.contains(name)).collect();
    if !missing.is_empty() {
        let lacks = words.say("doctor-cgroup-controllers", &[("missing", missing.join(", ").into())]);
        let said = host.warnings.iter().map(|warning| warning.trim_start_matches("WARNING: "));
        let said = said.filter(|said| said.contains("cgroup") || missing.iter().any(|name| said.contains(name)));
        finding.lacks = Some(std::iter::once(lacks.as_str()).chain(said).collect::<Vec<_>>().join("; "));
        finding.mend = match (host.rootless, missing.contains(&"memory")) {
            (true, _) => Some(DELEGATE.to_owned()),
            // Some kernels have it and leave it off.
            (false, true) => Some(of_the_kernel("cgroup_enable=memory")),
            (false, false) => Some(words.say("doctor-cgroup-kernel", &[])),
        };
    }
    finding
}

/// kind's page "Rootless", as is the next one.
fn of_the_kernel(parameter: &str) -> String {
    format!(
        "sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&{parameter} /' /etc/default/grub && sudo update-grub && sudo reboot"
    )
}

/// Older systemd does not hand `cpu` and `cpuset` on to a user's services by itself.
const DELEGATE: &str = "sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\nDelegate=yes\\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf && sudo systemctl daemon-reload && systemctl --user restart docker";

fn memory(host: &Host, words: &Words) -> Finding {
    let gigabytes = |octets: u64| format!("{}.{} GB", octets / 1_000_000_000, octets / 100_000_000 % 10);
    let text = words.say("doctor-memory", &[("has", gigabytes(host.memory).into())]);
    Finding {
        name: "memory".to_owned(),
        text,
        lacks: (host.memory < MEMORY).then(|| limit(&gigabytes(host.memory), &gigabytes(MEMORY), words)),
        mend: (host.memory < MEMORY).then(|| more(host, words)),
    }
}

fn processors(host: &Host, words: &Words) -> Finding {
    let text = words.say("doctor-processors", &[("has", host.processors.into())]);
    let lacks = host.processors < PROCESSORS;
    Finding {
        name: "processors".to_owned(),
        text,
        lacks: lacks.then(|| limit(&host.processors.to_string(), &PROCESSORS.to_string(), words)),
        mend: lacks.then(|| more(host, words)),
    }
}

fn limit(has: &str, least: &str, words: &Words) -> String {
    words.say("doctor-limit", &[("has", has.to_owned().into()), ("least", least.to_owned().into())])
}

/// Where an engine's machine gets more.
fn more(host: &Host, words: &Words) -> String {
    let id = if host.system == "Docker Desktop" { "doctor-more-desktop" } else { "doctor-more" };
    words.say(id, &[])
}

/// The cgroups of cgroup v2 that those of the containers lie in, outermost first, below `/sys/fs/cgroup`. The outermost has
/// limits where this machine is itself a container.
fn above(host: &Host, user: u32) -> Vec<PathBuf> {
    if host.cgroup != 2 {
        return Vec::new();
    }
    let mut path = PathBuf::new();
    let mut found = vec![path.clone()];
    let slices = match (host.rootless, host.driver.as_str()) {
        (true, _) => vec!["user.slice".to_owned(), format!("user-{user}.slice"), format!("user@{user}.service")],
        (false, "systemd") => vec!["system.slice".to_owned()],
        (false, _) => vec!["docker".to_owned()],
    };
    for slice in slices {
        path.push(slice);
        found.push(path.clone());
    }
    found
}

/// Limits of one cgroup that are too small. One that is large enough, or none, is not worth a word.
fn limit_findings(root: &Path, slice: &Path, host: &Host, words: &Words) -> Vec<Finding> {
    let read = |file: &str| -> Option<u64> {
        // `max` is no number.
        std::fs::read_to_string(root.join(slice).join(file)).ok()?.trim().parse().ok()
    };
    let unit = slice.file_name().map(|name| name.to_string_lossy().into_owned());
    [("pids.max", TASKS, "TasksMax"), ("memory.max", MEMORY, "MemoryMax")]
        .into_iter()
        .filter_map(|(file, least, property)| {
            let has = read(file).filter(|has| *has < least)?;
            let mend = match &unit {
                Some(unit) if unit.contains('.') => format!("sudo systemctl set-property {unit} {property}=infinity"),
                Some(_) => format!("echo max | sudo tee {}", root.join(slice).join(file).display()),
                None => words.say("doctor-limit-outside", &[]),
            };
            let name = root.join(slice).join(file).display().to_string();
            let text =
                words.say("doctor-limit-above", &[("kind", if host.rootless { "rootless" } else { "rootful" }.into())]);
            Some(Finding {
                name,
                text,
                lacks: Some(limit(&has.to_string(), &least.to_string(), words)),
                mend: Some(mend),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    fn host() -> Host {
        Host {
            cgroup: 2,
            driver: "systemd".to_owned(),
            controllers: vec!["memory", "pids", "cpu", "cpuset"],
            memory: 16_000_000_000,
            processors: 8,
            ..Host::default()
        }
    }

    #[test]
    fn an_engine_that_lacks_something_is_said_to_with_what_mends_it() {
        let all = host().controllers;
        let cases: [(&str, Host, &str, &str, &str); 9] = [
            ("cgroup", Host { rootless: true, cgroup: 1, ..host() }, "cgroup v2", "unified_cgroup_hierarchy=1", "v1"),
            (
                "cgroup",
                Host { rootless: true, controllers: vec!["memory", "pids"], ..host() },
                "cpu, cpuset",
                "Delegate=yes",
                "rootless",
            ),
            (
                "cgroup",
                Host {
                    controllers: vec!["cpu", "cpuset"],
                    warnings: ["WARNING: No swap limit support", "WARNING: No memory limit support"]
                        .map(str::to_owned)
                        .to_vec(),
                    ..host()
                },
                "memory; No memory limit support",
                "cgroup_enable=memory",
                "systemd",
            ),
            ("cgroup", Host { controllers: vec!["memory", "cpu"], ..host() }, "cpuset", "CONFIG_CPUSETS", "v2"),
            ("memory", Host { memory: 2_000_000_000, ..host() }, "2.0 GB, where 4.0 GB", "more", "2.0 GB"),
            (
                "memory",
                Host { memory: 2_000_000_000, system: "Docker Desktop".to_owned(), ..host() },
                "4.0 GB",
                "Settings",
                "2.0 GB",
            ),
            ("processors", Host { processors: 1, ..host() }, "1, where 2", "more", "has one"),
            ("cgroup", Host { controllers: vec!["memory", "cpu", "cpuset"], ..host() }, "", "", "v2"),
            (
                "cgroup",
                Host { cgroup: 1, driver: "cgroupfs".to_owned(), controllers: all, ..host() },
                "",
                "",
                "cgroupfs",
            ),
        ];
        let words = Words::new(Language::En);
        for (name, host, lacks, mend, text) in cases {
            let findings = findings(&host, &words);
            let found = findings.iter().find(|finding| finding.name == name).expect("it was looked at");
            assert!(found.text.contains(text), "{found:?}");
            assert_eq!(found.lacks.is_some(), !lacks.is_empty(), "{found:?}");
            assert!(found.lacks.as_deref().unwrap_or_default().contains(lacks), "{found:?}");
            assert!(found.mend.as_deref().unwrap_or_default().contains(mend), "{found:?}");
        }
    }

    #[test]
    fn a_limit_above_the_nodes_that_is_too_small_is_named_with_its_file() {
        let words = Words::new(Language::En);
        let root = tempfile::tempdir().expect("a folder");
        let rootless = Host { rootless: true, here: true, ..host() };
        for (slice, file, text) in [
            ("", "pids.max", "500\n"),
            ("user.slice", "pids.max", "max\n"),
            ("user.slice/user-1000.slice", "pids.max", "1024\n"),
            ("user.slice/user-1000.slice", "memory.max", "9000000000\n"),
            ("user.slice/user-1000.slice/user@1000.service", "memory.max", "1000000000\n"),
        ] {
            std::fs::create_dir_all(root.path().join(slice)).expect("a folder");
            std::fs::write(root.path().join(slice).join(file), text).expect("a file");
        }
        let found: Vec<Finding> = above(&rootless, 1000)
            .iter()
            .flat_map(|slice| limit_findings(root.path(), slice, &rootless, &words))
            .collect();
        let seen: Vec<(String, &str)> = found
            .iter()
            .map(|own| {
                let name = own.name.replace(&root.path().display().to_string(), "");
                (name, own.mend.as_deref().unwrap_or_default())
            })
            .collect();
        let outside = words.say("doctor-limit-outside", &[]);
        assert_eq!(
            seen,
            [
                ("/pids.max".to_owned(), outside.as_str()),
                (
                    "/user.slice/user-1000.slice/pids.max".to_owned(),
                    "sudo systemctl set-property user-1000.slice TasksMax=infinity"
                ),
                (
                    "/user.slice/user-1000.slice/user@1000.service/memory.max".to_owned(),
                    "sudo systemctl set-property user@1000.service MemoryMax=infinity"
                ),
            ]
        );
        assert!(found[0].lacks.as_deref().is_some_and(|lacks| lacks.contains("500, where 2048")), "{found:?}");
        let limits = |driver: &str| above(&Host { driver: driver.to_owned(), ..host() }, 0);
        assert_eq!(limits("systemd"), [PathBuf::new(), "system.slice".into()]);
        assert_eq!(limits("cgroupfs"), [PathBuf::new(), "docker".into()]);
        assert!(above(&Host { cgroup: 1, ..host() }, 0).is_empty());
    }
}
