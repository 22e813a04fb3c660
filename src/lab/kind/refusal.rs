use std::time::Duration;

use super::destination::Destination;
use super::endpoint::Endpoint;
use crate::trouble::Trouble;
use crate::words::Said;

/// Why no way to an engine far away came about, or why one broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// `ssh` could not be started.
    NotStarted(String),
    /// It ended with this status (255 is its own, any other the far side's), and said this on standard error.
    Ended(Option<i32>, String),
    /// It came to nothing within this time.
    Silent(Duration),
}

impl Refusal {
    /// What it means to a person. The words are those of OpenSSH's client (9.2 `ssh.c`, `sshconnect.c`, `sshconnect2.c`,
    /// `channels.c`, `clientloop.c`), which knows no other language, and of `docker` there (docker/cli v20 and v28).
    pub(super) fn trouble(&self, endpoint: &Endpoint, destination: &Destination) -> Trouble {
        let of = |id| Said::of(id, &[("engine", endpoint), ("ssh", destination)]);
        let (status, said) = match self {
            Self::NotStarted(why) => {
                let mut trouble = Trouble::unusable(of("kind-ssh-missing"));
                trouble.causes.push(why.clone());
                return trouble.hint(of("kind-ssh-missing-hint"));
            }
            Self::Silent(patience) => {
                let places: [(_, &dyn std::fmt::Display); 2] = [("engine", endpoint), ("seconds", &patience.as_secs())];
                return Trouble::unusable(Said::of("kind-ssh-silent", &places)).hint(of("kind-ssh-silent-hint"));
            }
            Self::Ended(status, said) => (*status, said.as_str()),
        };
        let says = |words: &str| said.contains(words);
        let [what, hint] = if status == Some(255) {
            by_ssh(&says)
        } else if status == Some(127) || says("command not found") {
            ["kind-ssh-no-docker", "kind-ssh-no-docker-hint"]
        } else if says("permission denied") || says("Permission denied") {
            ["kind-ssh-not-permitted", "kind-ssh-not-permitted-hint"]
        } else if says("no such file or directory")
            || says("connection refused")
            || says("Is the docker daemon running")
        {
            ["kind-no-engine", "kind-ssh-no-engine-hint"]
        } else {
            ["kind-engine-unreachable", "kind-ssh-unreachable-hint"]
        };
        let mut trouble = Trouble::unusable(of(what));
        trouble.causes.extend(reason(said));
        trouble.hint(of(hint))
    }
}

/// Where ssh itself could not go on: what is said of it, and what is to be done.
fn by_ssh(says: &dyn Fn(&str) -> bool) -> [&'static str; 2] {
    if says("HOST IDENTIFICATION HAS CHANGED") {
        ["kind-ssh-other-key", "kind-ssh-other-key-hint"]
    } else if says("Host key verification failed") {
        ["kind-ssh-unknown-key", "kind-ssh-unknown-key-hint"]
    } else if says("Permission denied") || says("Too many authentication failures") {
        ["kind-ssh-no-key", "kind-ssh-no-key-hint"]
    } else if says("Could not resolve hostname") {
        ["kind-ssh-no-name", "kind-ssh-no-name-hint"]
    } else if says("administratively prohibited") {
        ["kind-ssh-prohibited", "kind-ssh-prohibited-hint"]
    } else if says("connect to host") {
        ["kind-ssh-nobody", "kind-ssh-nobody-hint"]
    } else if says("closed") || says("Broken pipe") || says("reset by peer") || says("Timeout, server") {
        ["kind-ssh-lost", "kind-ssh-lost-hint"]
    } else {
        ["kind-ssh-no-way", "kind-ssh-no-way-hint"]
    }
}

/// The line that tells the reason: the last one, for ssh warns first and gives up then.
fn reason(said: &str) -> Option<String> {
    said.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::Origin;
    use super::*;

    fn of(refusal: &Refusal) -> Trouble {
        let host = "ssh://me@far:2222".to_owned();
        let destination = Destination::read(&host).expect("an address");
        refusal.trouble(&Endpoint { host, certificates: None, origin: Origin::Variable }, &destination)
    }

    /// As OpenSSH 9.2, bash, dash and Docker 20.10 and 28.2 said it.
    #[test]
    fn what_ssh_says_leads_to_a_command() {
        for (status, said, what, hint) in [
            (255, "Host key verification failed.\r\n", "is not known here", "`ssh -p 2222 me@far` in another terminal"),
            (
                255,
                "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.\n",
                "another host key",
                "ask whoever runs that machine",
            ),
            (255, "root@127.0.0.1: Permission denied (publickey,password).\n", "none of the keys", "ssh-add"),
            (255, "ssh: Could not resolve hostname far: Name or service not known\n", "is not known", "~/.ssh/config"),
            (255, "ssh: connect to host far port 2222: Connection refused\n", "nobody answers ssh", "sshd runs"),
            (255, "ssh: connect to host far port 2222: Connection timed out\n", "nobody answers ssh", "sshd runs"),
            (255, "Shared connection to far closed.\n", "was lost", "there again"),
            (255, "client_loop: send disconnect: Broken pipe\n", "was lost", "there again"),
            (255, "Timeout, server far not responding.\n", "was lost", "there again"),
            (
                255,
                "channel 2: open failed: administratively prohibited: open failed\r\n",
                "nobody through",
                "AllowStreamLocal",
            ),
            (255, "hostname contains invalid characters\n", "ssh does not come to", "-v"),
            (127, "bash: line 1: docker: command not found\n", "there is no `docker`", "command -v docker"),
            (127, "sh: 1: docker: not found\n", "there is no `docker`", "command -v docker"),
            (
                1,
                "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
                "no Docker Engine answers",
                "systemctl start docker",
            ),
            (
                1,
                "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock\n",
                "may not speak",
                "usermod -aG docker",
            ),
            (1, "docker: 'context' is not a docker command.\n", "cannot be spoken to", "docker info"),
        ] {
            let trouble = of(&Refusal::Ended(Some(status), said.to_owned()));
            assert!(trouble.what.contains(what) && trouble.hints[0].contains(hint), "{said}: {trouble:?}");
            assert_eq!(trouble.causes.first().map(String::as_str), said.lines().last().map(str::trim), "{said}");
        }
        let missing = of(&Refusal::NotStarted("No such file or directory (os error 2)".to_owned()));
        assert!(missing.what.contains("cannot be started") && missing.hints[0].contains("openssh-client"));
    }
}
