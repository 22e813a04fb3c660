use std::net::IpAddr;

/// Somewhere to run commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its full name (`cilium-ipsec-native-routing-worker`, `pod-a`, `machine`).
    pub name: String,
    /// Short names that are accepted everywhere (`worker`).
    pub aliases: Vec<String>,
    /// What it is.
    pub kind: PlaceKind,
    /// The node a pod runs on; `None` for nodes and the machine.
    pub node: Option<String>,
    /// Its addresses: a node's on the kind network, a pod's own.
    pub addresses: Vec<IpAddr>,
}

/// What a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlaceKind {
    /// The machine that `kind`, `kubectl`, `helm` and `docker` run on.
    Machine,
    /// A node of the cluster.
    Node,
    /// A pod.
    Pod,
}
