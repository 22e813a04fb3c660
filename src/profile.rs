//! Which Kubernetes and Cilium a cluster is set up with.

use schemars::JsonSchema;
use serde::Deserialize;

/// Which Kubernetes and Cilium a cluster is set up with. Lessons speak of what differs through variables, so that the same
/// steps fit; what is true of one alone says so (`profile:`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Those of the tutorial: Kubernetes 1.23.4, Cilium 1.13.0-rc5.
    #[default]
    Tutorial,
    /// Today's kind with its own node image, and the newest Cilium whose packets take the way that the course explains:
    /// from 1.18 on a packet is chosen for encryption on its way out of eth0 (cilium PR 37723), from 1.19 on ESP does not pass
    /// cilium_host any more (PR 41699).
    Current,
}

impl Profile {
    /// What the lessons call by a name, as it is here.
    pub fn facts(self) -> [(&'static str, &'static str); 5] {
        match self {
            Self::Tutorial => [
                ("cilium_version", "1.13.0-rc5"),
                ("routing", "tunnel=disabled"),
                ("key_number", "3"),
                ("control_plane_taint", "node-role.kubernetes.io/master"),
                ("apt_sources", "/etc/apt/sources.list"),
            ],
            Self::Current => [
                // Helm takes a range, and the newest in it.
                ("cilium_version", "1.17.x"),
                // `tunnel` became `routingMode` with 1.14 and went with 1.15 (PRs 24561, 29053).
                ("routing", "routingMode=native"),
                // A key of its own for each pair of nodes, made of the one in the secret (PR 31610).
                ("key_number", "3+"),
                // Named so alone since Kubernetes 1.25.
                ("control_plane_taint", "node-role.kubernetes.io/control-plane"),
                // The node image is Debian's since kind 0.20, whose file this is.
                ("apt_sources", "/etc/apt/sources.list.d/debian.sources"),
            ],
        }
    }

    /// One of [`Self::facts`]; nothing for a name that is none of them.
    pub fn fact(self, name: &str) -> &'static str {
        self.facts().into_iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_profiles_name_the_same_things() {
        let names = |profile: Profile| profile.facts().map(|(name, _)| name);
        assert_eq!(names(Profile::Tutorial), names(Profile::Current));
        assert_eq!(Profile::Current.fact("routing"), "routingMode=native");
        assert_eq!(Profile::Current.fact("no such name"), "");
    }
}
