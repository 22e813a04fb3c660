use std::path::PathBuf;

use bollard::models::SystemInfo;

use super::endpoint::Endpoint;
use super::lab::Kind;
use crate::trouble::Trouble;

/// The machine, real or virtual, that an engine runs its containers on, as the engine tells of it (`docker info`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Host {
    /// 1 or 2; 0 where the engine is too old to say it.
    pub cgroup: u8,
    /// Who makes the cgroups: `systemd`, `cgroupfs`, `none`.
    pub driver: String,
    /// Whether the engine runs as an ordinary user.
    pub rootless: bool,
    /// What the engine can limit by cgroups: `memory`, `pids`, `cpu`, `cpuset`, of these.
    pub controllers: Vec<&'static str>,
    /// What the engine itself finds missing.
    pub warnings: Vec<String>,
    /// Octets of memory.
    pub memory: u64,
    /// Processors.
    pub processors: u64,
    /// The engine's own folder there.
    pub folder: PathBuf,
    /// `Docker Desktop`, `Debian GNU/Linux 12 (bookworm)`, …
    pub system: String,
    /// Whether it is the machine that esplain runs on.
    pub here: bool,
}

impl Kind {
    /// The machine that the nodes run on, or would.
    pub fn host(&self) -> Result<Host, Trouble> {
        let info = self.engine.ask(|docker| async move { docker.info().await })?;
        let own = rustix::system::uname();
        Ok(Host::read(info, self.endpoint(), &own.release().to_string_lossy()))
    }
}

impl Host {
    /// Reads what an engine says, on a machine with this kernel. Behind a socket of this machine's there may be a virtual one
    /// (Docker Desktop), which has another kernel.
    fn read(info: SystemInfo, endpoint: &Endpoint, kernel: &str) -> Self {
        let limits = [
            ("memory", info.memory_limit),
            ("pids", info.pids_limit),
            ("cpu", info.cpu_shares),
            ("cpuset", info.cpu_set),
        ];
        let options = info.security_options.unwrap_or_default();
        Self {
            cgroup: info.cgroup_version.and_then(|version| version.to_string().parse().ok()).unwrap_or_default(),
            driver: info.cgroup_driver.map(|driver| driver.to_string()).unwrap_or_default(),
            rootless: options.iter().any(|option| option.split(',').any(|word| word == "name=rootless")),
            controllers: limits.into_iter().filter(|(_, has)| *has == Some(true)).map(|(name, _)| name).collect(),
            warnings: info.warnings.unwrap_or_default(),
            memory: info.mem_total.and_then(|octets| octets.try_into().ok()).unwrap_or_default(),
            processors: info.ncpu.and_then(|count| count.try_into().ok()).unwrap_or_default(),
            folder: info.docker_root_dir.unwrap_or_default().into(),
            system: info.operating_system.unwrap_or_default(),
            here: endpoint.host.starts_with("unix://") && info.kernel_version.as_deref() == Some(kernel),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::Origin;
    use super::*;

    /// As `docker info --format '{{json .}}'` has it, what is read of it (Docker 20.10 on Debian, rootless 26 on Fedora, Docker
    /// Desktop 4.30 on macOS).
    #[test]
    fn what_an_engine_says_of_its_machine_is_read() {
        let read = |json: &str, host: &str| {
            let info = serde_json::from_str(json).expect("an engine's words");
            Host::read(
                info,
                &Endpoint { host: host.to_owned(), certificates: None, origin: Origin::Usual },
                "6.1.0-40-amd64",
            )
        };
        let usual = read(
            r#"{"CgroupVersion":"2","CgroupDriver":"systemd","SecurityOptions":["name=apparmor","name=seccomp,profile=default"],
                "MemoryLimit":true,"PidsLimit":true,"CPUShares":true,"CPUSet":true,"MemTotal":16707166208,"NCPU":8,
                "DockerRootDir":"/var/lib/docker","KernelVersion":"6.1.0-40-amd64","OperatingSystem":"Debian GNU/Linux 12 (bookworm)",
                "Warnings":null}"#,
            "unix:///var/run/docker.sock",
        );
        let wanted = Host {
            cgroup: 2,
            driver: "systemd".to_owned(),
            rootless: false,
            controllers: vec!["memory", "pids", "cpu", "cpuset"],
            warnings: Vec::new(),
            memory: 16_707_166_208,
            processors: 8,
            folder: "/var/lib/docker".into(),
            system: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            here: true,
        };
        assert_eq!(usual, wanted);
        let rootless = read(
            r#"{"CgroupVersion":"2","CgroupDriver":"systemd","SecurityOptions":["name=seccomp,profile=builtin","name=rootless","name=cgroupns"],
                "MemoryLimit":true,"PidsLimit":true,"CPUShares":false,"CPUSet":false,"KernelVersion":"6.1.0-40-amd64",
                "Warnings":["WARNING: No cpu shares support"]}"#,
            "unix:///run/user/1000/docker.sock",
        );
        assert!(rootless.rootless && rootless.here && rootless.controllers == ["memory", "pids"]);
        assert_eq!(rootless.warnings.len(), 1);
        let desktop = r#"{"OperatingSystem":"Docker Desktop","KernelVersion":"6.6.26-linuxkit"}"#;
        assert!(!read(desktop, "unix:///home/me/.docker/desktop/docker.sock").here);
        let far = r#"{"KernelVersion":"6.1.0-40-amd64"}"#;
        assert!(!read(far, "ssh://far").here);
    }
}
