use std::net::IpAddr;

use serde::Deserialize;

use crate::lab::line::quoted;
use crate::lab::{Place, PlaceKind};

/// A pod that commands can run in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pod {
    /// Its name.
    pub(super) name: String,
    /// The node it runs on, by its full name.
    pub(super) node: String,
    /// Its addresses; none while it starts.
    pub(super) addresses: Vec<IpAddr>,
    /// How one gets in.
    pub(super) way: Way,
}

impl Pod {
    /// As somewhere to run commands.
    pub(super) fn place(&self) -> Place {
        Place {
            name: self.name.clone(),
            aliases: Vec::new(),
            kind: PlaceKind::Pod,
            node: Some(self.node.clone()),
            addresses: self.addresses.clone(),
        }
    }
}

/// How one gets from a shell of the node to where a command is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// It runs on the node.
    Node,
    /// Into a network namespace that has a name there (`ip netns`); its files are the node's.
    Namespace(String),
    /// Into the first container of a Kubernetes pod, found through the node's container runtime.
    Container {
        /// The namespace of Kubernetes.
        namespace: String,
        /// The pod.
        pod: String,
    },
}

impl Way {
    /// Bash that puts the words before a command into the array `into`; `network` leaves the files the node's own.
    pub(super) fn script(&self, network: bool) -> String {
        match self {
            Self::Node => "into=()".to_owned(),
            Self::Namespace(name) => format!("into=(ip netns exec {})", quoted(name)),
            Self::Container { namespace, pod } => {
                let spaces = if network { "-n" } else { "-m -u -i -n -p -r -w" };
                let (namespace, pod) = (quoted(namespace), quoted(&format!("^{pod}$")));
                format!(
                    "sandbox=$(crictl pods --quiet --state ready --namespace {namespace} --name {pod} | head -n 1)
container=$(crictl ps --quiet --pod \"$sandbox\" | tail -n 1)
process=$(crictl inspect --output go-template --template '{{{{.info.pid}}}}' \"$container\")
[ -n \"$process\" ] || {{ echo \"esplain: no container of this pod runs on this node\" >&2; exit 126; }}
into=(nsenter -t \"$process\" {spaces} --)"
                )
            }
        }
    }
}

/// The pods of `kubectl get pods -A -o json` that are places: those of the namespace `default` with an own network.
pub(super) fn read_pods(json: &str) -> Option<Vec<Pod>> {
    let list: List = serde_json::from_str(json).ok()?;
    let is_place = |item: &Item| item.metadata.namespace == "default" && item.spec.host_network != Some(true);
    let mut pods: Vec<Pod> = list
        .items
        .into_iter()
        .filter(is_place)
        .filter_map(|item| {
            let Item { metadata, spec, status } = item;
            let addresses = status.pod_ips.into_iter().filter_map(|own| own.ip.parse().ok()).collect();
            let way = Way::Container { namespace: metadata.namespace, pod: metadata.name.clone() };
            Some(Pod { name: metadata.name, node: spec.node_name?, addresses, way })
        })
        .collect();
    pods.sort_by(|one, other| one.name.cmp(&other.name));
    Some(pods)
}

/// What is read of the API's answer (Kubernetes API v1, `PodList`).
#[derive(Deserialize)]
struct List {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    namespace: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    node_name: Option<String>,
    host_network: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    #[serde(rename = "podIPs")]
    pod_ips: Vec<PodIp>,
}

#[derive(Deserialize)]
struct PodIp {
    ip: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const PODS: &str = r#"{"apiVersion":"v1","kind":"List","items":[
        {"metadata":{"name":"cilium-8zq2b","namespace":"kube-system"},"spec":{"nodeName":"c-worker","hostNetwork":true},"status":{"podIPs":[{"ip":"172.18.0.3"}]}},
        {"metadata":{"name":"pod-b","namespace":"default"},"spec":{"nodeName":"c-worker2"},"status":{"phase":"Running","podIPs":[{"ip":"10.0.1.165"},{"ip":"fd00:10:1::9"}]}},
        {"metadata":{"name":"pod-a","namespace":"default"},"spec":{"nodeName":"c-worker"},"status":{"phase":"Pending"}},
        {"metadata":{"name":"waiting","namespace":"default"},"spec":{},"status":{}}]}"#;

    #[test]
    fn pods_of_the_learner_that_have_a_node_are_places() {
        let pods = read_pods(PODS).expect("a list");
        let names: Vec<(&str, &str, usize)> =
            pods.iter().map(|pod| (pod.name.as_str(), pod.node.as_str(), pod.addresses.len())).collect();
        assert_eq!(names, [("pod-a", "c-worker", 0), ("pod-b", "c-worker2", 2)]);
    }

    #[test]
    fn what_is_no_list_of_pods_is_none() {
        assert_eq!(read_pods("The connection to the server was refused"), None);
        assert_eq!(read_pods("{}"), None);
    }

    #[test]
    fn a_pods_name_is_a_word_of_the_script_whatever_it_holds() {
        let way = Way::Namespace("a b; rm -rf /".to_owned());
        assert_eq!(way.script(true), "into=(ip netns exec 'a b; rm -rf /')");
        let way = Way::Container { namespace: "default".into(), pod: "pod-a".into() };
        assert!(way.script(true).contains("--template '{{.info.pid}}'"), "{}", way.script(true));
    }
}
