use std::time::Duration;

use super::destination::Destination;
use super::endpoint::Endpoint;
use crate::trouble::Trouble;

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
        let (status, said) = match self {
            Self::NotStarted(why) => {
                let mut trouble = Trouble::unusable(format!("`ssh`, which leads to {endpoint}, cannot be started"));
                trouble.causes.push(why.clone());
                return trouble.hint("`sudo apt-get install openssh-client` (Debian, Ubuntu) or `sudo dnf install openssh-clients` (Fedora) brings it");
            }
            Self::Silent(patience) => {
                return Trouble::unusable(format!(
                    "ssh did not come to {endpoint} within {} seconds",
                    patience.as_secs()
                ))
                .hint(format!("`{destination} true` shows whether the machine is there, and how fast"));
            }
            Self::Ended(status, said) => (*status, said.as_str()),
        };
        let says = |words: &str| said.contains(words);
        let (what, hint) = if status == Some(255) {
            by_ssh(&says, endpoint, destination)
        } else if status == Some(127) || says("command not found") {
            (
                format!("there is no `docker` at {endpoint}, or not where a shell without a login finds it"),
                format!("`{destination} 'command -v docker; echo $PATH'` shows where it is looked for"),
            )
        } else if says("permission denied") || says("Permission denied") {
            (
                format!("the user at {endpoint} may not speak to the Docker Engine there"),
                format!(
                    "`{destination} 'sudo usermod -aG docker $USER'` lets it; `{destination} docker info` shows whether it works"
                ),
            )
        } else if says("no such file or directory")
            || says("connection refused")
            || says("Is the docker daemon running")
        {
            (
                format!("no Docker Engine answers at {endpoint}"),
                format!(
                    "`{destination} sudo systemctl start docker` starts it; `{destination} docker info` shows whether it runs"
                ),
            )
        } else {
            (
                format!("the Docker Engine at {endpoint} cannot be spoken to"),
                format!("`{destination} docker info` shows whether it answers"),
            )
        };
        let mut trouble = Trouble::unusable(what);
        trouble.causes.extend(reason(said));
        trouble.hint(hint)
    }
}

/// Where ssh itself could not go on.
fn by_ssh(says: &dyn Fn(&str) -> bool, endpoint: &Endpoint, destination: &Destination) -> (String, String) {
    if says("HOST IDENTIFICATION HAS CHANGED") {
        return (
            format!("{endpoint} shows another host key than it did before"),
            format!(
                "ask whoever runs that machine whether its key is new; if it is, `{destination}` says which line of known_hosts has the old one"
            ),
        );
    }
    if says("Host key verification failed") {
        return (
            format!("the host key of {endpoint} is not known here"),
            format!(
                "`{destination}` in another terminal shows its fingerprint and asks; a yes is remembered in ~/.ssh/known_hosts"
            ),
        );
    }
    if says("Permission denied") || says("Too many authentication failures") {
        return (
            format!("{endpoint} takes none of the keys that ssh has at hand, and nothing can be asked for here"),
            format!(
                "`ssh-add` gives a key with a passphrase to the agent, `ssh-add -l` lists those it has; `{destination} true` must work without a question"
            ),
        );
    }
    if says("Could not resolve hostname") {
        return (
            format!("the name in {endpoint} is not known"),
            format!("`{destination}` must work; names of your own stand in ~/.ssh/config as `Host`"),
        );
    }
    if says("administratively prohibited") {
        return (
            format!("sshd at {endpoint} lets nobody through to the engine's socket"),
            "`AllowStreamLocalForwarding yes` in /etc/ssh/sshd_config there lets through, then `sudo systemctl reload ssh`".to_owned(),
        );
    }
    if says("connect to host") {
        return (
            format!("nobody answers ssh at {endpoint}"),
            format!("`{destination} true` shows whether the machine is there and its sshd runs"),
        );
    }
    if says("closed") || says("Broken pipe") || says("reset by peer") || says("Timeout, server") {
        return (
            format!("the connection to {endpoint} was lost"),
            format!("`{destination} true` shows whether the machine is there again"),
        );
    }
    (format!("ssh does not come to {endpoint}"), format!("`{destination} true` shows why; `-v` tells more"))
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
