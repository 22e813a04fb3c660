use std::fmt;

use crate::lab::line::quoted;
use crate::trouble::Trouble;
use crate::words::Said;

/// A machine as `ssh` names it, and the way to the Docker Engine from there: `ssh://[user@]host[:port][/path/of/socket]`
/// (docker/cli v28 `cli/connhelper/ssh/ssh.go`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    user: Option<String>,
    /// A name, an address, or a `Host` of the learner's `~/.ssh/config`.
    host: String,
    port: Option<u16>,
    /// The engine's socket there; without it, the one that `docker` finds there.
    socket: Option<String>,
}

impl Destination {
    /// Reads an address that begins with `ssh://`.
    pub(super) fn read(address: &str) -> Result<Self, Trouble> {
        // Somebody's password is not repeated.
        let shown = address.rsplit_once('@').filter(|(before, _)| before.matches(':').count() > 1);
        let shown = shown.map_or_else(|| address.to_owned(), |(_, behind)| format!("ssh://…@{behind}"));
        let refused = |why: &str| {
            let mut trouble = Trouble::unusable(Said::of("kind-ssh-no-address", &[("address", &shown)]));
            trouble.causes.push(why.to_owned());
            trouble.hint(Said::of("kind-ssh-no-address-hint", &[]))
        };
        let rest = address.strip_prefix("ssh://").ok_or_else(|| refused("it does not begin with ssh://"))?;
        if rest.contains(['?', '#']) {
            return Err(refused("nothing can stand behind `?` or `#`"));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, machine) = authority.rsplit_once('@').map_or((None, authority), |(user, rest)| (Some(user), rest));
        if user.is_some_and(|user| user.contains(':')) {
            return Err(refused("a password cannot stand in it; ssh takes keys"));
        }
        let bracketed = machine.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (host, port) = match bracketed {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => machine.split_once(':').map_or((machine, None), |(host, port)| (host, Some(port))),
        };
        if host.is_empty() {
            return Err(refused("it names no host"));
        }
        let port = port.map(str::parse).transpose().map_err(|_| refused("its port is no number up to 65535"))?;
        Ok(Self {
            user: user.filter(|user| !user.is_empty()).map(str::to_owned),
            host: host.to_owned(),
            port,
            socket: (path.len() > 1).then(|| path.to_owned()),
        })
    }

    /// The words that lead `ssh` there, and that a line of the far shell stands behind.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(port) = self.port {
            words.extend(["-p".to_owned(), port.to_string()]);
        }
        if let Some(user) = &self.user {
            words.extend(["-l".to_owned(), user.clone()]);
        }
        // A host that begins with a hyphen is no option.
        words.extend(["--".to_owned(), self.host.clone()]);
        words
    }

    /// The line for a shell there that says where its engine listens, and ends when its standard input does.
    pub(super) fn line(&self) -> String {
        let says = match &self.socket {
            Some(socket) => format!("echo {}", quoted(&format!("unix://{socket}"))),
            None => "docker context inspect --format '{{.Endpoints.docker.Host}}'".to_owned(),
        };
        format!("{says} && exec cat")
    }

    /// The line for a shell there that says whether its engine answers.
    pub(super) fn question(&self) -> String {
        let socket = self.socket.as_ref().map(|socket| format!("--host {} ", quoted(&format!("unix://{socket}"))));
        format!("docker {}version", socket.unwrap_or_default())
    }
}

/// What a person types to come there: `ssh -p 2222 me@far`.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ssh ")?;
        if let Some(port) = self.port {
            write!(f, "-p {port} ")?;
        }
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        f.write_str(&self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_ssh_as_it_leads_docker() {
        let usual = "docker version";
        for (address, typed, words, question) in [
            ("ssh://far", "ssh far", "-- far", usual),
            ("ssh://me@far/", "ssh me@far", "-l me -- far", usual),
            ("ssh://me@far:2222", "ssh -p 2222 me@far", "-p 2222 -l me -- far", usual),
            ("ssh://[2001:db8::1]:2222", "ssh -p 2222 2001:db8::1", "-p 2222 -- 2001:db8::1", usual),
            ("ssh://-oProxyCommand=x", "ssh -oProxyCommand=x", "-- -oProxyCommand=x", usual),
            (
                "ssh://me@far/run/user/1000/docker.sock",
                "ssh me@far",
                "-l me -- far",
                "docker --host unix:///run/user/1000/docker.sock version",
            ),
            ("ssh://far/a b", "ssh far", "-- far", "docker --host 'unix:///a b' version"),
        ] {
            let read = Destination::read(address).expect("an address");
            let seen = (read.to_string(), read.words().join(" "), read.question());
            assert_eq!(seen, (typed.to_owned(), words.to_owned(), question.to_owned()), "{address}");
        }
        let line = |address| Destination::read(address).expect("an address").line();
        assert_eq!(line("ssh://far"), "docker context inspect --format '{{.Endpoints.docker.Host}}' && exec cat");
        assert_eq!(line("ssh://far/a b"), "echo 'unix:///a b' && exec cat");
    }

    #[test]
    fn what_is_no_address_is_said_to_be_none() {
        for (address, why) in [
            ("ssh://", "no host"),
            ("ssh://me@:22", "no host"),
            ("ssh://me:secret@far", "password"),
            ("ssh://far:ssh", "port"),
            ("ssh://far:70000", "port"),
            ("ssh://far?x=y", "`?`"),
        ] {
            let trouble = Destination::read(address).expect_err(address);
            assert!(trouble.causes[0].contains(why) && !trouble.what.contains("secret"), "{trouble:?}");
        }
    }
}
