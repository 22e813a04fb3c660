/// What a wrapper runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inner {
    /// A program with its arguments.
    Words(Vec<String>),
    /// A line for a shell.
    Line(String),
}

/// Where a wrapper takes its command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elsewhere {
    /// Into a container by name or id: `docker exec NAME`, `crictl exec ID`. A kind node is one.
    Container(String),
    /// Into a pod: `kubectl exec [-n NAMESPACE] NAME`, where the name may be `ds/cilium` and the like.
    Pod {
        /// The namespace, where the call names one.
        namespace: Option<String>,
        /// The pod, or `TYPE/NAME` of what owns it.
        name: String,
    },
    /// Into a named network namespace: `ip netns exec NAME`, `ip -n NAME`.
    NetworkNamespace(String),
    /// Into namespaces of a process: `nsenter -t PID -n`.
    Process {
        /// The process id as typed (it may be a `$(…)`).
        pid: String,
        /// Whether the network namespace is among them.
        network: bool,
        /// Whether the mount namespace is among them, and so the files.
        files: bool,
    },
}

/// A wrapper and what is under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// The wrapper's own name: `sudo`, `docker`, `sh`, …
    pub wrapper: &'static str,
    /// Where it takes the command, if not where it was typed.
    pub elsewhere: Option<Elsewhere>,
    /// Variables that it sets: `env A=b`, `docker exec -e A=b`.
    pub environment: Vec<(String, String)>,
    /// What it runs.
    pub inner: Inner,
}

/// Takes one wrapper off: `sudo`, `env`, `command`, `time`, `timeout`, `nohup`, `nice`, `stdbuf`, `setsid`, `exec`,
/// `watch`, `docker exec`, `kubectl exec`, `crictl exec`, `nsenter`, `ip netns exec`, `ip -n`, `sh -c`.
///
/// `None` when the words are no wrapper, or one with nothing under it.
pub fn unwrap(words: &[String]) -> Option<Wrapped> {
    let name = words.first()?.rsplit('/').next()?;
    let arguments = words.get(1..)?;
    let plain = |wrapper, inner: &[String]| wrapped(wrapper, None, Vec::new(), Inner::Words(inner.to_vec()));
    match name {
        "sudo" => {
            let skipped = skip_options(arguments, "ugpCThrRDt", &["--user", "--group", "--chdir", "--host"]);
            assignments_then("sudo", arguments.get(skipped..)?)
        }
        "doas" => plain("doas", arguments.get(skip_options(arguments, "uC", &[])..)?),
        "env" => assignments_then("env", arguments.get(skip_options(arguments, "uCS", &["--unset", "--chdir"])..)?),
        "command" | "builtin" | "exec" | "nohup" | "setsid" | "time" => {
            if name == "command" && arguments.first().is_some_and(|word| word == "-v" || word == "-V") {
                return None;
            }
            let skipped = skip_options(arguments, if name == "exec" { "a" } else { "fo" }, &[]);
            let known = ["command", "builtin", "exec", "nohup", "setsid", "time"];
            plain(known.into_iter().find(|known| *known == name)?, arguments.get(skipped..)?)
        }
        "nice" => plain("nice", arguments.get(skip_options(arguments, "n", &["--adjustment"])..)?),
        "stdbuf" => plain("stdbuf", arguments.get(skip_options(arguments, "ioe", &[])..)?),
        "timeout" => {
            let skipped = skip_options(arguments, "sk", &["--signal", "--kill-after"]);
            plain("timeout", arguments.get(skipped + 1..)?)
        }
        "watch" => {
            let skipped = skip_options(arguments, "nq", &["--interval", "--equexit"]);
            let line = arguments.get(skipped..)?.join(" ");
            wrapped("watch", None, Vec::new(), Inner::Line(line))
        }
        "sh" | "bash" | "dash" | "ash" | "zsh" => shell(arguments),
        "busybox" => plain("busybox", arguments),
        "docker" | "podman" | "nerdctl" => {
            let start = usize::from(arguments.first().is_some_and(|word| word == "container"));
            container_exec("docker", arguments.get(start..)?)
        }
        "crictl" => container_exec("crictl", arguments),
        "kubectl" | "k" | "oc" => kubectl_exec(arguments),
        "nsenter" => nsenter(arguments),
        "ip" => ip_in_namespace(words),
        _ => None,
    }
}

fn wrapped(
    wrapper: &'static str,
    elsewhere: Option<Elsewhere>,
    environment: Vec<(String, String)>,
    inner: Inner,
) -> Option<Wrapped> {
    let something = match &inner {
        Inner::Words(words) => !words.is_empty(),
        Inner::Line(line) => !line.trim().is_empty(),
    };
    something.then_some(Wrapped { wrapper, elsewhere, environment, inner })
}

/// How many words the options in front take: letters in `with_value` and the long names take the next word.
fn skip_options(words: &[String], with_value: &str, long_with_value: &[&str]) -> usize {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if word == "--" {
            return at + 1;
        }
        let Some(option) = word.strip_prefix('-').filter(|option| !option.is_empty()) else { break };
        let takes_next = if option.starts_with('-') {
            long_with_value.contains(&word.as_str())
        } else {
            option.find(|letter| with_value.contains(letter)).is_some_and(|found| found + 1 == option.len())
        };
        at += 1 + usize::from(takes_next);
    }
    at.min(words.len())
}

fn assignments_then(wrapper: &'static str, words: &[String]) -> Option<Wrapped> {
    let environment: Vec<(String, String)> = words.iter().map_while(|word| assignment(word)).collect();
    let rest = words.get(environment.len()..)?.to_vec();
    wrapped(wrapper, None, environment, Inner::Words(rest))
}

fn assignment(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    let is_name = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && name.chars().next().is_some_and(|letter| !letter.is_ascii_digit());
    is_name.then(|| (name.to_owned(), value.to_owned()))
}

fn shell(arguments: &[String]) -> Option<Wrapped> {
    let flags = arguments.iter().take_while(|word| word.starts_with('-')).count();
    let has_c = arguments.iter().take(flags).any(|word| !word.starts_with("--") && word.contains('c'));
    if !has_c {
        return None;
    }
    wrapped("sh", None, Vec::new(), Inner::Line(arguments.get(flags)?.clone()))
}

fn container_exec(wrapper: &'static str, arguments: &[String]) -> Option<Wrapped> {
    let (verb, rest) = arguments.split_first()?;
    if verb != "exec" {
        return None;
    }
    let skipped = skip_options(rest, "uwe", &["--user", "--workdir", "--env", "--env-file", "--detach-keys"]);
    let options = rest.get(..skipped)?;
    let mut environment = Vec::new();
    for (at, option) in options.iter().enumerate() {
        let value = match option.as_str() {
            "-e" | "--env" => options.get(at + 1).map(String::as_str),
            other => other.strip_prefix("--env="),
        };
        environment.extend(value.and_then(assignment));
    }
    let (name, inner) = rest.get(skipped..)?.split_first()?;
    wrapped(wrapper, Some(Elsewhere::Container(name.clone())), environment, Inner::Words(inner.to_vec()))
}

fn kubectl_exec(arguments: &[String]) -> Option<Wrapped> {
    let (mut namespace, mut name, mut exec, mut at) = (None, None, false, 0);
    while let Some(word) = arguments.get(at) {
        at += 1;
        if word == "--" {
            break;
        }
        if let Some(option) = word.strip_prefix('-') {
            if let Some(value) = word.strip_prefix("--namespace=").or_else(|| word.strip_prefix("-n=")) {
                namespace = Some(value.to_owned());
            } else if word == "--namespace" || word == "-n" {
                namespace = arguments.get(at).cloned();
                at += 1;
            } else if !word.contains('=') && ["-c", "--container", "--context", "--kubeconfig", "-f"].contains(&&**word)
            {
                at += 1;
            } else if let Some(value) = option.strip_prefix('n').filter(|value| !value.is_empty()) {
                namespace = Some(value.to_owned());
            }
        } else if !exec {
            if word != "exec" {
                return None;
            }
            exec = true;
        } else if name.is_none() {
            name = Some(word.clone());
        } else {
            // The old form without `--`.
            at -= 1;
            break;
        }
    }
    let elsewhere = Elsewhere::Pod { namespace, name: name.filter(|_| exec)? };
    wrapped("kubectl", Some(elsewhere), Vec::new(), Inner::Words(arguments.get(at..)?.to_vec()))
}

fn nsenter(arguments: &[String]) -> Option<Wrapped> {
    let (mut pid, mut network, mut files, mut at) = (None, false, false, 0);
    while let Some(word) = arguments.get(at) {
        let Some(option) = word.strip_prefix('-') else { break };
        at += 1;
        match word.as_str() {
            "--" => break,
            "--target" => {
                pid = arguments.get(at).cloned();
                at += 1;
            }
            "--all" => (network, files) = (true, true),
            _ if option.starts_with('-') => {
                network |= option.starts_with("-net");
                files |= option.starts_with("-mount");
                pid = word.strip_prefix("--target=").map(str::to_owned).or(pid);
            }
            _ => {
                let letters = option.split('t').next().unwrap_or_default();
                network |= letters.contains('n') || letters.contains('a');
                files |= letters.contains('m') || letters.contains('a');
                if let Some((_, value)) = option.split_once('t') {
                    if value.is_empty() {
                        pid = arguments.get(at).cloned();
                        at += 1;
                    } else {
                        pid = Some(value.to_owned());
                    }
                }
            }
        }
    }
    let elsewhere = Elsewhere::Process { pid: pid?, network, files };
    wrapped("nsenter", Some(elsewhere), Vec::new(), Inner::Words(arguments.get(at..)?.to_vec()))
}

/// `ip netns exec NAME program …` and `ip -n NAME object …`.
fn ip_in_namespace(words: &[String]) -> Option<Wrapped> {
    let mut at = 1;
    while let Some(option) = words.get(at).filter(|word| word.starts_with('-')) {
        let option = option.replacen("--", "-", 1);
        if super::keyword::ip_option(&option) == Some("netns") {
            let name = words.get(at + 1)?.clone();
            let mut rest = words.get(..at)?.to_vec();
            rest.extend_from_slice(words.get(at + 2..)?);
            return wrapped("ip", Some(Elsewhere::NetworkNamespace(name)), Vec::new(), Inner::Words(rest));
        }
        at += if super::keyword::ip_option_takes_value(&option) { 2 } else { 1 };
    }
    let object = super::keyword::find(super::keyword::OBJECTS, words.get(at)?)?;
    let verb = words.get(at + 1)?;
    if object != "netns" || !super::keyword::matches(verb, "exec") {
        return None;
    }
    let name = words.get(at + 2)?.clone();
    let rest = words.get(at + 3..)?.to_vec();
    wrapped("ip", Some(Elsewhere::NetworkNamespace(name)), Vec::new(), Inner::Words(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn every_wrapper_comes_off() {
        for (line, inner) in [
            ("sudo -E ip x s", "ip x s"),
            ("sudo -u root -- ip x s", "ip x s"),
            ("sudo A=b ip x s", "ip x s"),
            ("/usr/bin/env -i A=b C=d ip x s", "ip x s"),
            ("command ip x s", "ip x s"),
            ("time -p ip x s", "ip x s"),
            ("timeout -s INT 5 ping x", "ping x"),
            ("timeout 5 ping x", "ping x"),
            ("nohup tcpdump -i any", "tcpdump -i any"),
            ("nice -n 5 ls -l", "ls -l"),
            ("stdbuf -oL tcpdump", "tcpdump"),
            ("docker exec -it -u root -e A=b node ip x s", "ip x s"),
            ("docker container exec node ip x s", "ip x s"),
            ("kubectl exec -it -n kube-system ds/cilium -c cilium-agent -- cilium status", "cilium status"),
            ("kubectl -n kube-system exec pod/x -- ls -l", "ls -l"),
            ("kubectl exec pod-a ping x", "ping x"),
            ("nsenter -t 42 -n ip a", "ip a"),
            ("nsenter --target=42 --net -- ip a", "ip a"),
            ("nsenter -mnt42 ip a", "ip a"),
            ("ip netns exec blue ip a", "ip a"),
            ("ip -4 net e blue ip a", "ip a"),
            ("ip netns list", ""),
            ("ip -4 -n blue -s x s", "ip -4 -s x s"),
        ] {
            let found = unwrap(&words(line));
            let expected = (!inner.is_empty()).then(|| Inner::Words(words(inner)));
            assert_eq!(found.map(|wrapped| wrapped.inner), expected, "{line}");
        }
    }

    #[test]
    fn a_shell_with_a_line_is_a_wrapper_and_one_without_is_not() {
        let line = ["bash", "-lc", "ip x s | cat", "x"].map(str::to_owned);
        assert_eq!(unwrap(&line).map(|wrapped| wrapped.inner), Some(Inner::Line("ip x s | cat".to_owned())));
        assert_eq!(unwrap(&words("bash -l")), None);
        assert_eq!(unwrap(&words("sudo -i")), None);
        assert_eq!(unwrap(&words("docker exec -it node")), None);
        assert_eq!(unwrap(&words("command -v ip")), None);
    }

    #[test]
    fn the_wrapper_says_where() {
        let pod = Elsewhere::Pod { namespace: Some("kube-system".to_owned()), name: "ds/cilium".to_owned() };
        let found = unwrap(&words("kubectl exec --namespace=kube-system ds/cilium -- ip r"));
        assert_eq!(found.and_then(|wrapped| wrapped.elsewhere), Some(pod));
        let process = Elsewhere::Process { pid: "42".to_owned(), network: true, files: false };
        assert_eq!(unwrap(&words("nsenter -t 42 -n ip a")).and_then(|wrapped| wrapped.elsewhere), Some(process));
    }
}
