/// The line in which a tool of the set-up says why it failed, and what is to be done about that.
pub(super) fn reason(said: &str) -> Option<(&str, &'static str)> {
    const REASONS: &[(&[&str], &str)] = &[
        (
            &["no space left on device"],
            "`docker system df` shows what takes the room, `docker system prune` frees what nobody uses",
        ),
        (
            &["too many open files", "inotify"],
            "`sudo sysctl -w fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512`, then `esplain lab down --lab kind` and once more",
        ),
        (
            &["already exist for a cluster with the name"],
            "the name is taken: `esplain lab down --lab kind` takes away a cluster that esplain made, `kind delete cluster` any",
        ),
        (
            &["cgroup"],
            "`docker info --format '{{.CgroupVersion}} {{.CgroupDriver}}'` shows the cgroups; a rootless engine needs version 2 with the controllers delegated",
        ),
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
            "the images and charts come over the network: `docker pull hello-world` shows whether the engine reaches it; behind a proxy both the engine and this shell need HTTPS_PROXY",
        ),
    ];
    let of = |(words, hint): &(&[&str], &'static str)| {
        let line = said.lines().find(|line| words.iter().any(|word| line.contains(word)))?;
        Some((line, *hint))
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
            ("Failed to create inotify object: Too many open files\n", "fs.inotify.max_user_instances=512"),
        ] {
            assert!(reason(said).is_some_and(|(_, found)| found.contains(hint)), "{said}");
        }
        assert!(reason("error: unknown flag: --config\n").is_none());
    }
}
