use std::io::Read;

use super::site::{Shown, Site};
use crate::lab::kind::CLUSTER;
use crate::lab::machine_files::PODS;
use crate::profile::Profile;
use crate::trouble::Trouble;
use crate::words::Said;

/// What has to be done, in order. Each part sees by itself whether it was done before, so that a set-up that was
/// interrupted goes on where it was.
pub(super) const PARTS: [(&str, Part); 7] = [
    ("cluster", cluster),
    ("taint", taint),
    ("key", key),
    ("install", install),
    ("ready", nodes_ready),
    ("tools", tools),
    ("pods", pods),
];

pub(super) type Part = fn(&mut Site<'_>) -> Result<(), Trouble>;

/// The line that makes the cluster. The configuration is the profile's.
pub(super) const CREATE: &str = "kind create cluster --config kind-config.yaml";

/// The lines that install Cilium. `upgrade --install` can be said again where it was interrupted.
pub(super) fn installing(profile: Profile) -> [String; 3] {
    let (version, routing) = (profile.fact("cilium_version"), profile.fact("routing"));
    [
        "helm repo add cilium https://helm.cilium.io/".to_owned(),
        "helm repo update".to_owned(),
        format!(
            "helm upgrade --install cilium cilium/cilium --version {version} --namespace kube-system \
             --set k8sServiceHost={CLUSTER}-control-plane --set k8sServicePort=6443 --set {routing} \
             --set autoDirectNodeRoutes=true --set ipv4NativeRoutingCIDR=10.0.0.0/8 --set ipam.mode=cluster-pool \
             --set encryption.enabled=true --set encryption.type=ipsec --set debug.enabled=true \
             --set debug.verbose=datapath --set monitorAggregation=none"
        ),
    ]
}

fn cluster(site: &mut Site<'_>) -> Result<(), Trouble> {
    let (own, others) = site.lab.members()?;
    if own.is_empty() && others.is_empty() {
        return create(site);
    }
    if !others.is_empty() {
        // Nothing is installed into what may be somebody else's.
        return Err(Trouble::unusable(Said::of("lab-kind-other-cluster", &[("name", &CLUSTER)]))
            .hint(Said::of("lab-kind-its-containers", &[("name", &CLUSTER)]))
            .hint(Said::of("lab-kind-walk-on-it", &[]))
            .hint(Said::of("lab-kind-if-yours", &[("name", &CLUSTER)])));
    }
    // They do not run after this machine was started anew.
    site.lab.start_nodes()?;
    if site.lab.runs()? && is_finished(site)? {
        site.tell_done()?;
        return until_the_api_answers(site);
    }
    // Nobody has used what was left in the middle.
    let count = site.lab.remove_own()?;
    site.tell_word("lab-kind-unfinished", &[("count", count.into())])?;
    create(site)
}

fn create(site: &mut Site<'_>) -> Result<(), Trouble> {
    site.must("machine", CREATE)?;
    until_the_api_answers(site)
}

/// Whether `kind create cluster` came to its end: joining a node to the cluster, its last errand there, ends with the
/// kubelet's configuration (kubeadm v1.23 `cmd/kubeadm/app/cmd/phases/join/kubelet.go`; `init` writes it too).
fn is_finished(site: &mut Site<'_>) -> Result<bool, Trouble> {
    for node in ["control-plane", "worker", "worker2"] {
        if !site.holds(node, "test -e /etc/kubernetes/kubelet.conf")? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// One that was started anew needs a while.
fn until_the_api_answers(site: &mut Site<'_>) -> Result<(), Trouble> {
    site.wait_for("kubectl get nodes --no-headers", |line| !line.is_empty(), "kubectl cluster-info")
}

fn taint(site: &mut Site<'_>) -> Result<(), Trouble> {
    const TAINTS: &str = r#"kubectl get nodes -o "jsonpath={.items[*].spec.taints[*].key}""#;
    // Named `master` before Kubernetes 1.24. Workers have none, which kubectl calls an error.
    for name in ["master", "control-plane"] {
        let line = format!("kubectl taint nodes --all node-role.kubernetes.io/{name}:NoSchedule-");
        site.run("machine", &line, None, Shown::No)?;
    }
    let (taints, status) = site.run("machine", TAINTS, None, Shown::No)?;
    if status == 0 && !taints.contains("node-role.kubernetes.io/") {
        return Ok(());
    }
    let mut trouble = Trouble::unusable(Said::of("lab-kind-still-tainted", &[]));
    trouble.causes.push(taints.trim().to_owned());
    Err(trouble.hint(Said::of("lab-kind-taints-hint", &[])))
}

/// The key goes from this process to the API as the manifest of a secret on standard input: no process list, no file and
/// no log has it.
fn key(site: &mut Site<'_>) -> Result<(), Trouble> {
    if site.holds("machine", "kubectl -n kube-system get secret cilium-ipsec-keys -o name")? {
        return site.tell_done();
    }
    let mut octets = zeroize::Zeroizing::new([0; 20]);
    std::fs::File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(octets.as_mut()))
        .map_err(|error| Trouble::unusable(Said::of("lab-kind-no-random", &[])).because(&error))?;
    let id = site.profile.fact("key_number");
    let mut manifest = zeroize::Zeroizing::new(format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: cilium-ipsec-keys, namespace: kube-system}}\n\
         stringData: {{keys: \"{id} rfc4106(gcm(aes)) "
    ));
    for octet in octets.iter() {
        for digit in [octet >> 4, octet & 0xf] {
            manifest.extend(char::from_digit(digit.into(), 16));
        }
    }
    manifest.push_str(" 128\"}\n");
    site.apply(manifest.as_bytes())
}

fn install(site: &mut Site<'_>) -> Result<(), Trouble> {
    installing(site.profile).iter().try_for_each(|line| site.must("machine", line))
}

fn nodes_ready(site: &mut Site<'_>) -> Result<(), Trouble> {
    site.wait_for(
        "kubectl get nodes --no-headers",
        |line| line.split_whitespace().nth(1) == Some("Ready"),
        "kubectl describe nodes",
    )?;
    site.wait_for(
        "kubectl -n kube-system get pods -l k8s-app=cilium --no-headers",
        is_ready,
        "kubectl -n kube-system get events --sort-by=.lastTimestamp",
    )
}

/// A kind node has no ping, no tcpdump and no net-tools; the tutorial's node image is past its end of life, so its
/// packages are on old-releases.
fn tools(site: &mut Site<'_>) -> Result<(), Trouble> {
    for node in ["worker", "worker2"] {
        if site.holds(node, "command -v tcpdump && command -v route && command -v ping")? {
            continue;
        }
        if site.profile == Profile::Tutorial {
            let sources = site.profile.fact("apt_sources");
            let line = format!("sed -i -E 's/(archive|security).ubuntu.com/old-releases.ubuntu.com/g' {sources}");
            site.must(node, &line)?;
        }
        site.must(node, "apt-get update && apt-get install -y tcpdump net-tools iputils-ping")?;
    }
    Ok(())
}

fn pods(site: &mut Site<'_>) -> Result<(), Trouble> {
    site.apply(PODS.as_bytes())?;
    site.wait_for("kubectl get pods pod-a pod-b --no-headers", is_ready, "kubectl get events --sort-by=.lastTimestamp")
}

/// A line of `kubectl get pods`: `pod-a   1/1   Running …`.
fn is_ready(line: &str) -> bool {
    let mut words = line.split_whitespace().skip(1);
    let all = words.next().and_then(|ready| ready.split_once('/')).is_some_and(|(ready, all)| ready == all);
    all && words.next() == Some("Running")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_ready_when_all_its_containers_run() {
        assert!(is_ready("pod-a   1/1   Running   0     10s"));
        for line in [
            "pod-a   0/1   Running   0   1s",
            "pod-a   0/1   ContainerCreating   0   1s",
            "pod-a   1/1   Terminating   0  1s",
            "",
        ] {
            assert!(!is_ready(line), "{line}");
        }
    }

    #[test]
    fn each_profile_speaks_its_own_versions_words() {
        let of = |profile| installing(profile).join("\n");
        assert!(
            of(Profile::Tutorial).contains("--version 1.13.0-rc5") && of(Profile::Tutorial).contains("tunnel=disabled")
        );
        assert!(!of(Profile::Current).contains("tunnel") && of(Profile::Current).contains("routingMode=native"));
        for profile in [Profile::Tutorial, Profile::Current] {
            assert!(of(profile).contains("encryption.type=ipsec") && !of(profile).contains("  "));
        }
    }
}
