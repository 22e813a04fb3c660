//! A machine far away: sshd on this one, and what a learner keeps in `~/.ssh`.

use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::beside::outside;

/// One sshd.
pub(crate) struct Sshd(Child);

/// Where `.ci/prerequisites.sh` unpacks it: its package is not installed, for it would bring a service.
const UNPACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/kernel/sshd");

/// The program, if there is one here.
pub(crate) fn program() -> Option<PathBuf> {
    let keys = keys().join("ssh-machine").exists();
    [UNPACKED, ""]
        .iter()
        .filter(|_| keys)
        .map(|root| PathBuf::from(format!("{root}/usr/sbin/sshd")))
        .find(|path| path.exists())
}

impl Sshd {
    /// Starts it on a port of this machine's; a line that comes finds programs on this way.
    pub(crate) fn start(program: &Path, port: u16, way: &str) -> Self {
        let mut command = Command::new(program);
        command.args(["-D", "-e", "-f", "/dev/null", "-p", &port.to_string(), "-h"]).arg(keys().join("ssh-machine"));
        for option in ["ListenAddress=127.0.0.1", "PidFile=none", &format!("SetEnv=PATH={way}")] {
            command.args(["-o", option]);
        }
        command.env("LD_LIBRARY_PATH", format!("{UNPACKED}/usr/lib/x86_64-linux-gnu"));
        let mut own = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("sshd runs");
        let mut said = BufReader::new(own.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
        assert!(said.any(|line| line.starts_with("Server listening")), "sshd does not listen");
        std::thread::spawn(move || said.for_each(drop));
        Self(own)
    }

    /// The process numbers of those that serve a connection each.
    pub(crate) fn connections(&self) -> Vec<u32> {
        let own = self.0.id().to_string();
        let listed = Command::new("ps").args(["--no-headers", "-o", "pid", "--ppid", &own]).output().expect("ps runs");
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        listed.lines().filter_map(|line| line.trim().parse().ok()).collect()
    }

    /// Ends it and all its connections, as a machine does that goes down.
    pub(crate) fn cut(mut self) {
        let connections = self.connections();
        self.0.kill().expect("it runs");
        self.0.wait().expect("it ends");
        for process in connections {
            outside("kill", &["-s", "KILL", &process.to_string()]);
        }
    }
}

/// The folder of what was prepared for the guest.
fn keys() -> PathBuf {
    PathBuf::from(std::env::var("ESPLAIN_DOCKER_FOLDER").expect("docker.sh says it"))
}

/// Makes this a machine that may be come to by ssh, and lays `~/.ssh` out: `far` is a name for an sshd on port 2222 whose host key is known and which knows the key, `bare` one
/// on port 2223; `unknown`, `changed` and `stranger` are `far` with one of these otherwise. The home is the guest's own.
pub(crate) fn lay_out_home() {
    let accounts = "grep -q ^sshd: /etc/passwd || echo sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin >>/etc/passwd; \
                    sed -i 's/^root:!/root:*/' /etc/shadow; mkdir -p /run/sshd /usr/lib/openssh";
    outside("sh", &["-c", accounts]);
    // Where newer ones find their other half.
    outside("sh", &["-c", &format!("cp -rn {UNPACKED}/usr/lib/openssh/. /usr/lib/openssh/ 2>/dev/null || true")]);
    // What the shells of this machine's own root begin with takes its time.
    std::fs::write("/root/.bashrc", "").expect("a file");
    let home = Path::new("/root/.ssh");
    std::fs::create_dir_all(home).expect("a folder");
    std::fs::set_permissions(home, PermissionsExt::from_mode(0o700)).expect("it is ours");
    let read = |name: &str| std::fs::read_to_string(keys().join(name)).expect("docker.sh wrote it");
    let write = |name: &str, text: &str| std::fs::write(home.join(name), text).expect("a file");
    for name in ["ssh-learner", "ssh-stranger"] {
        write(name, &read(name));
        std::fs::set_permissions(home.join(name), PermissionsExt::from_mode(0o600)).expect("it is ours");
    }
    write("authorized_keys", &read("ssh-learner.pub"));
    std::fs::set_permissions(home.join("authorized_keys"), PermissionsExt::from_mode(0o600)).expect("it is ours");
    let known = |key: &str| format!("[127.0.0.1]:2222 {key}[127.0.0.1]:2223 {key}");
    write("known", &known(&read("ssh-machine.pub")));
    write("known-otherwise", &known(&read("ssh-stranger.pub")));
    let mut config = String::new();
    for (host, port, key, known) in [
        ("far", 2222, "ssh-learner", "known"),
        ("bare", 2223, "ssh-learner", "known"),
        ("unknown", 2222, "ssh-learner", "known-nothing"),
        ("changed", 2222, "ssh-learner", "known-otherwise"),
        ("stranger", 2222, "ssh-stranger", "known"),
    ] {
        let _ = writeln!(
            config,
            "Host {host}\nHostName 127.0.0.1\nPort {port}\nUser root\nIdentitiesOnly yes\n\
             IdentityFile ~/.ssh/{key}\nUserKnownHostsFile ~/.ssh/{known}"
        );
    }
    write("config", &config);
}

/// The process numbers of every `ssh` that runs.
pub(crate) fn clients() -> Vec<String> {
    let listed = Command::new("ps").args(["--no-headers", "-o", "pid", "-C", "ssh"]).output().expect("ps runs");
    String::from_utf8_lossy(&listed.stdout).lines().map(|line| line.trim().to_owned()).collect()
}
