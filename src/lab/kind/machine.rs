use std::time::Duration;

use crate::command::commands;
use crate::lab::{Input, JobEvent, JobId, TerminalSize};
use crate::trouble::Trouble;
use crate::words::Said;

/// The learner's own machine. The kind lab runs nothing there by itself: only a line that was shown, asked for and
/// permitted ([`Lab::permit`](crate::lab::Lab::permit)) comes here.
pub trait Machine {
    /// As [`Lab::start`](crate::lab::Lab::start).
    fn start(&mut self, line: &str, terminal: Option<TerminalSize>) -> Result<JobId, Trouble>;

    /// As [`Lab::poll`](crate::lab::Lab::poll).
    fn poll(&mut self, job: JobId, wait: Duration) -> Result<JobEvent, Trouble>;

    /// As [`Lab::send`](crate::lab::Lab::send).
    fn send(&mut self, job: JobId, input: Input) -> Result<(), Trouble>;

    /// A file of the machine's.
    fn read_file(&mut self, path: &str) -> Result<Vec<u8>, Trouble>;
}

/// What is said where nobody can be asked.
pub(super) fn refused(line: &str) -> Trouble {
    Trouble::unusable(Said::of("kind-nobody-asked", &[("line", &line)])).hint(Said::of("kind-nobody-asked-hint", &[]))
}

/// Programs that only ask the cluster, or only work on what they are given.
const HARMLESS: &[&str] = &[
    "kubectl", "cat", "grep", "head", "tail", "wc", "sort", "uniq", "cut", "awk", "sed", "tr", "sleep", "true",
    "false", "echo", "printf", "base64",
];
/// What makes `kubectl` read or write the machine's files, or speak to another cluster.
const OF_THE_MACHINE: &[&str] = &["-f", "-k", "cp", "config", "port-forward", "proxy", "edit", "debug", "plugin"];

/// Whether a line asks nothing but the cluster: it can run beside the cluster's own API, in the control plane's node,
/// wherever the engine is.
pub(super) fn asks_the_cluster(line: &str) -> bool {
    commands(line).is_ok_and(|found| {
        !found.is_empty()
            && found.iter().all(|command| {
                let program = command.wrappers.first().copied().or(command.words.first().map(String::as_str));
                let foreign = |word: &String| {
                    OF_THE_MACHINE.contains(&word.as_str())
                        || ["--filename", "--kustomize", "--kubeconfig", "--context", "--cluster"]
                            .iter()
                            .any(|option| word.starts_with(option))
                };
                let of_kubectl = program == Some("kubectl");
                program.is_some_and(|program| HARMLESS.contains(&program))
                    && command.writes.is_empty()
                    && !(of_kubectl && command.wrappers.is_empty() && command.words.iter().any(foreign))
            })
    }) && !line.contains('<')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_asks_the_cluster_is_told_from_what_touches_the_machine() {
        for line in [
            "kubectl get pods -A",
            "kubectl get pods -o wide | grep pod-a",
            "kubectl -n kube-system exec ds/cilium -- cilium encrypt status",
            "kubectl taint nodes c-control-plane node-role.kubernetes.io/master:NoSchedule-",
            "sleep 1",
        ] {
            assert!(asks_the_cluster(line), "{line}");
        }
        for line in [
            "kind create cluster",
            "kubectl apply -f pods.yaml",
            "kubectl get pods > file",
            "kubectl cp a pod-a:b",
            "kubectl --kubeconfig=other get pods",
            "kubectl get pods; rm -rf /",
            "kubectl apply -k . | cat",
            "cat < /etc/passwd",
            "echo $(rm x)",
            "",
        ] {
            assert!(!asks_the_cluster(line), "{line}");
        }
    }
}
