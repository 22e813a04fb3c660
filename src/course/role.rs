use std::fmt;
use std::str::FromStr;

/// The part a place plays in the course's cluster. Labs name their places as they like and accept these names too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The machine that `kind`, `kubectl`, `helm` and `docker` run on.
    Machine,
    /// The node that pod-a runs on.
    Worker,
    /// The node that pod-b runs on.
    Worker2,
    /// The node without a pod of the course.
    ControlPlane,
    /// The pod that sends.
    PodA,
    /// The pod that answers.
    PodB,
}

impl Role {
    /// All of them, the order of the course's map.
    pub const ALL: [Self; 6] = [Self::Machine, Self::Worker, Self::Worker2, Self::ControlPlane, Self::PodA, Self::PodB];

    /// The name that lessons, learners and every lab use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Worker => "worker",
            Self::Worker2 => "worker2",
            Self::ControlPlane => "control-plane",
            Self::PodA => "pod-a",
            Self::PodB => "pod-b",
        }
    }

    /// Whether it is a node of the cluster: packets can be captured and states listed there.
    pub fn is_node(self) -> bool {
        matches!(self, Self::Worker | Self::Worker2 | Self::ControlPlane)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.name() == name).ok_or_else(|| UnknownRole(name.to_owned()))
    }
}

/// A name that is no role's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no place `{0}` in the course; places are machine, worker, worker2, control-plane, pod-a and pod-b")]
pub struct UnknownRole(pub String);
