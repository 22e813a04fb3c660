use std::net::IpAddr;

use crate::lab::{Place, PlaceKind};

/// A node of the cluster: a container that bears kind's labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// `cilium-ipsec-native-routing-worker`.
    pub(super) name: String,
    /// `worker`, `worker2`, `control-plane`: the name without the cluster's.
    pub(super) alias: Option<String>,
    /// The container's id. A node that is made anew has another.
    pub(super) container: String,
    /// Its address on the kind network.
    pub(super) address: Option<IpAddr>,
    /// The router of that network.
    pub(super) gateway: Option<IpAddr>,
    /// Whether the cluster's API is there.
    pub(super) is_control_plane: bool,
    /// Whether commands can run there now.
    pub(super) running: bool,
}

impl Node {
    /// As somewhere to run commands.
    pub(super) fn place(&self) -> Place {
        Place {
            name: self.name.clone(),
            aliases: self.alias.iter().cloned().collect(),
            kind: PlaceKind::Node,
            node: None,
            addresses: self.address.into_iter().collect(),
        }
    }

    /// Whether a name means this node.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.alias.as_deref() == Some(name)
    }

    /// What people call it.
    pub(super) fn short(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }
}
