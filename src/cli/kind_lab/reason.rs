use crate::words::Said;

/// The line in which a tool of the set-up says why it failed, and what is to be done about that.
pub(super) fn reason(said: &str) -> Option<(&str, Said)> {
    const REASONS: &[(&[&str], &str)] = &[
        (&["no space left on device"], "lab-kind-reason-room"),
        (&["too many open files", "inotify"], "lab-kind-reason-inotify"),
        (&["already exist for a cluster with the name"], "lab-kind-reason-taken"),
        (&["cgroup"], "lab-kind-reason-cgroups"),
        (
            &[
                "dial tcp",
                "no such host",
                "i/o timeout",
                "TLS handshake timeout",
                "network is unreachable",
                "Temporary failure in name resolution",
                "cannot be reached",
            ],
            "lab-kind-reason-network",
        ),
    ];
    let of = |(words, hint): &(&[&str], &'static str)| {
        let line = said.lines().find(|line| words.iter().any(|word| line.contains(word)))?;
        Some((line, Said::of(hint, &[])))
    };
    REASONS.iter().find_map(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Helm 3.17, kind 0.20 and Docker 20.10 say it.
    #[test]
    fn what_the_tools_say_of_a_failure_leads_to_a_command() {
        for (said, hint) in [
            (
                "Error: looks like \"https://helm.cilium.io/\" is not a valid chart repository or cannot be reached: Get \"https://helm.cilium.io/index.yaml\": dial tcp: lookup helm.cilium.io on 10.255.255.53:53: no such host\n",
                "docker pull",
            ),
            (
                "ERROR: failed to create cluster: failed to pull image \"kindest/node:v1.23.4\": exit status 1\nCommand Output: Error response from daemon: Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host\n",
                "docker pull",
            ),
            ("Error response from daemon: write /blob: no space left on device\n", "docker system prune"),
            ("ERROR: failed to create cluster: node(s) already exist for a cluster with the name \"c\"\n", "lab down"),
            (
                "ERROR: failed to create cluster: running kind with rootless provider requires cgroup v2\n",
                "docker info --format '{{.CgroupVersion}} {{.CgroupDriver}}'",
            ),
            ("Failed to create inotify object: Too many open files\n", "fs.inotify.max_user_instances=512"),
        ] {
            assert!(reason(said).is_some_and(|(_, found)| found.contains(hint)), "{said}");
        }
        assert!(reason("error: unknown flag: --config\n").is_none());
    }
}
