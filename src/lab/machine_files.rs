//! The files that lie in the machine's home when the course begins, in every lab.

use crate::profile::Profile;

/// What the file with kind's configuration is called.
pub const KIND_CONFIG_NAME: &str = "kind-config.yaml";

/// kind's configuration for the course, as the tutorial has it.
pub const KIND_CONFIG: &str = "\
# The cluster of the course: one control plane, two workers, and no CNI, as Cilium will be it.
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
name: cilium-ipsec-native-routing
networking:
  disableDefaultCNI: true
nodes:
- role: control-plane
  image: kindest/node:v1.23.4
- role: worker
  image: kindest/node:v1.23.4
- role: worker
  image: kindest/node:v1.23.4
";

/// The manifest of the course's two pods.
pub const PODS: &str = "\
# Two pods on two workers: what they say to each other crosses the wire.
apiVersion: v1
kind: Pod
metadata:
  name: pod-a
  labels:
    app: pod-a
spec:
  nodeName: cilium-ipsec-native-routing-worker
  containers:
  - name: netshoot
    image: nicolaka/netshoot:v0.9
    command: [\"sleep\", \"infinity\"]
---
apiVersion: v1
kind: Pod
metadata:
  name: pod-b
  labels:
    app: pod-b
spec:
  nodeName: cilium-ipsec-native-routing-worker2
  containers:
  - name: netshoot
    image: nicolaka/netshoot:v0.9
    command: [\"sleep\", \"infinity\"]
";

/// All of them: names and texts.
pub const MACHINE_FILES: &[(&str, &str)] = &[(KIND_CONFIG_NAME, KIND_CONFIG), ("pods.yaml", PODS)];

/// kind's configuration of the cluster. Without a line for it, the node image is the one of the installed kind.
pub fn kind_config(profile: Profile) -> String {
    match profile {
        Profile::Tutorial => KIND_CONFIG.to_owned(),
        Profile::Current => {
            let lines = KIND_CONFIG.lines().filter(|line| !line.trim_start().starts_with("image:"));
            lines.fold(String::new(), |text, line| text + line + "\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_image_of_today_is_kinds_own_choice() {
        assert_eq!(kind_config(Profile::Tutorial), KIND_CONFIG);
        let today = kind_config(Profile::Current);
        assert!(
            !today.contains("image")
                && today.contains("disableDefaultCNI: true\nnodes:\n- role: control-plane\n- role")
        );
    }
}
