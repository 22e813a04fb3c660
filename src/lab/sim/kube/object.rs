use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use crate::packet::Timestamp;

/// A kind cluster as Kubernetes' API shows it.
#[derive(Debug, Clone)]
pub(in crate::lab::sim) struct Cluster {
    pub(super) name: String,
    pub(super) created: Timestamp,
    /// The port of the API server on the machine.
    pub(super) port: u16,
    pub(super) nodes: Vec<Node>,
    pub(super) pods: Vec<Pod>,
    pub(super) workloads: Vec<Workload>,
    pub(super) secrets: Vec<Secret>,
    pub(super) releases: Vec<Release>,
    pub(super) namespaces: Vec<(String, Timestamp)>,
    /// What Cilium's agents do, once their release is there.
    pub(super) cilium: Option<Cilium>,
}

/// A node.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) control_plane: bool,
    pub(super) address: Ipv4Addr,
    pub(super) created: Timestamp,
    /// Since when it is ready.
    pub(super) ready: Option<Timestamp>,
    /// `key[=value]:Effect`, without those that the node controller manages.
    pub(super) taints: Vec<String>,
    pub(super) labels: BTreeMap<String, String>,
}

/// A pod.
#[derive(Debug, Clone)]
pub(super) struct Pod {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    /// The kind and name of what made it.
    pub(super) owner: Option<(&'static str, String)>,
    pub(super) container: String,
    pub(super) image: String,
    pub(super) init_containers: usize,
    pub(super) host_network: bool,
    /// Whether it runs on nodes that are tainted or not ready.
    pub(super) tolerates_all: bool,
    /// Whether it tolerates the control plane's taint (and not that of a node that is not ready).
    pub(super) tolerates_master: bool,
    /// The node that its manifest asks for.
    pub(super) wanted_node: Option<String>,
    pub(super) node: Option<String>,
    pub(super) created: Timestamp,
    pub(super) state: State,
    /// What it will become by itself, and when.
    pub(super) plan: VecDeque<(Timestamp, State)>,
    pub(super) started: Option<Timestamp>,
    pub(super) restarts: u32,
    pub(super) address: Option<Ipv4Addr>,
    pub(super) events: Vec<Event>,
    /// The last lines that its container wrote, for `kubectl logs`.
    pub(super) log: Vec<String>,
}

/// What a pod is in the middle of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// No node for it yet.
    Pending,
    /// Its image is pulled, its volumes are mounted, its network is made.
    Creating,
    /// So many of its init containers are done.
    Init(usize),
    /// All of its init containers are done.
    Initializing,
    /// Its container runs and is not ready.
    Running,
    /// Its container runs and is ready.
    Ready,
    /// Its container ended in an error.
    Error,
    /// Its container ended in an error and is started again after a while.
    BackOff,
    /// It was deleted and still ends.
    Terminating,
    /// It is gone.
    Gone,
}

/// A line of `kubectl describe pod`'s events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) time: Timestamp,
    pub(super) warning: bool,
    pub(super) reason: &'static str,
    pub(super) from: &'static str,
    pub(super) message: String,
    pub(super) count: u32,
}

/// A DaemonSet or Deployment.
#[derive(Debug, Clone)]
pub(super) struct Workload {
    pub(super) kind: WorkloadKind,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) created: Timestamp,
    pub(super) replicas: usize,
    /// The hash in the names of a Deployment's pods.
    pub(super) hash: String,
    pub(super) template: Pod,
}

/// The kinds of workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WorkloadKind {
    DaemonSet,
    Deployment,
}

/// A secret.
#[derive(Clone)]
pub(super) struct Secret {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) data: BTreeMap<String, Vec<u8>>,
    pub(super) created: Timestamp,
}

impl std::fmt::Debug for Secret {
    /// Names the keys of the data and never shows a value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys: Vec<&String> = self.data.keys().collect();
        write!(f, "Secret({}/{} with {keys:?})", self.namespace, self.name)
    }
}

/// A Helm release.
#[derive(Debug, Clone)]
pub(super) struct Release {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) revision: u32,
    pub(super) updated: Timestamp,
    pub(super) values: BTreeMap<String, String>,
}

/// What Cilium's agents and operator do.
#[derive(Debug, Clone)]
pub(super) struct Cilium {
    pub(super) namespace: String,
    pub(super) values: BTreeMap<String, String>,
    /// Whether the nodes' datapath was set up.
    pub(super) installed: bool,
    /// What the agents will do by themselves, and when.
    pub(super) plan: Vec<(Timestamp, Chore)>,
    /// The text of the secret that the agents loaded last.
    pub(super) loaded: Option<crate::esp::Secret>,
    /// Why the kernel refused the key, when it did.
    pub(super) refused: bool,
    /// The security identities by labels.
    pub(super) identities: Vec<String>,
}

impl Cilium {
    /// Cilium as the chart asks for it, before an agent has done anything.
    pub(super) fn new(namespace: String, values: BTreeMap<String, String>) -> Self {
        Self {
            namespace,
            values,
            installed: false,
            plan: Vec::new(),
            loaded: None,
            refused: false,
            identities: Vec::new(),
        }
    }
}

/// Something that an agent does at its time.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Chore {
    /// The agent of a node sees the new text of the secret and installs its key.
    Reload(String),
    /// The agent of a node tells the others the id of its key.
    Announce(String, u8),
    /// The agent of a node removes what belongs to an old key.
    Retire(String, u8),
}

impl Cluster {
    /// The node of that name.
    pub(super) fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// The pod of that name.
    pub(super) fn pod(&self, namespace: &str, name: &str) -> Option<&Pod> {
        self.pods.iter().find(|pod| pod.namespace == namespace && pod.name == name)
    }

    /// The pods of a workload.
    pub(super) fn pods_of<'a>(&'a self, workload: &'a Workload) -> impl Iterator<Item = &'a Pod> {
        self.pods.iter().filter(|pod| {
            pod.namespace == workload.namespace
                && pod.owner.as_ref().is_some_and(|(_, name)| *name == workload.owner_name())
                && !matches!(pod.state, State::Terminating | State::Gone)
        })
    }

    /// The secret of that name.
    pub(super) fn secret(&self, namespace: &str, name: &str) -> Option<&Secret> {
        self.secrets.iter().find(|secret| secret.namespace == namespace && secret.name == name)
    }
}

impl Workload {
    /// The name of what owns its pods: itself, or a Deployment's ReplicaSet.
    pub(super) fn owner_name(&self) -> String {
        match self.kind {
            WorkloadKind::DaemonSet => self.name.clone(),
            WorkloadKind::Deployment => format!("{}-{}", self.name, self.hash),
        }
    }

    /// Its kind in the API.
    pub(super) fn api_kind(&self) -> &'static str {
        match self.kind {
            WorkloadKind::DaemonSet => "DaemonSet",
            WorkloadKind::Deployment => "Deployment",
        }
    }
}

impl Pod {
    /// A pod that nothing has been done with.
    pub(super) fn new(namespace: &str, name: &str, image: &str, now: Timestamp) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            labels: BTreeMap::new(),
            owner: None,
            container: name.to_owned(),
            image: image.to_owned(),
            init_containers: 0,
            host_network: false,
            tolerates_all: false,
            tolerates_master: false,
            wanted_node: None,
            node: None,
            created: now,
            state: State::Pending,
            plan: VecDeque::new(),
            started: None,
            restarts: 0,
            address: None,
            events: Vec::new(),
            log: Vec::new(),
        }
    }

    /// The word in kubectl's STATUS column.
    pub(super) fn status(&self) -> String {
        match &self.state {
            State::Pending => "Pending".to_owned(),
            State::Creating => "ContainerCreating".to_owned(),
            State::Init(done) => format!("Init:{done}/{}", self.init_containers),
            State::Initializing => "PodInitializing".to_owned(),
            State::Running | State::Ready => "Running".to_owned(),
            State::Error => "Error".to_owned(),
            State::BackOff => "CrashLoopBackOff".to_owned(),
            State::Terminating | State::Gone => "Terminating".to_owned(),
        }
    }

    /// `status.phase`.
    pub(super) fn phase(&self) -> &'static str {
        match self.state {
            State::Pending | State::Creating | State::Init(_) | State::Initializing => "Pending",
            _ => "Running",
        }
    }

    /// Whether its container takes `kubectl exec`.
    pub(super) fn runs(&self) -> bool {
        matches!(self.state, State::Running | State::Ready)
    }

    /// Writes an event down; one that came before is counted.
    pub(super) fn event(
        &mut self,
        time: Timestamp,
        reason: &'static str,
        from: &'static str,
        message: impl Into<String>,
    ) {
        let message = message.into();
        let warning =
            matches!(reason, "FailedMount" | "FailedScheduling" | "BackOff" | "FailedCreatePodSandBox" | "Unhealthy");
        if let Some(known) = self.events.iter_mut().find(|event| event.reason == reason && event.message == message) {
            known.count += 1;
            known.time = time;
            return;
        }
        self.events.push(Event { time, warning, reason, from, message, count: 1 });
    }
}

impl Cilium {
    /// A chart value, or its default.
    pub(super) fn value<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.values.get(name).map_or(default, String::as_str)
    }

    /// Whether it encrypts with IPsec. The chart's default for `encryption.type` is `ipsec`.
    pub(super) fn ipsec(&self) -> bool {
        self.value("encryption.enabled", "false") == "true" && self.value("encryption.type", "ipsec") == "ipsec"
    }

    /// Whether packets between nodes are routed natively.
    pub(super) fn native(&self) -> bool {
        self.value("tunnel", "vxlan") == "disabled"
    }

    /// The name of the secret with the keys.
    pub(super) fn secret_name(&self) -> &str {
        self.value("encryption.ipsec.secretName", "cilium-ipsec-keys")
    }
}
