use super::get::{Answer, namespace, rows};
use super::manifest::{readiness, taints};
use super::object::{Cluster, Node, Pod, Secret, State, Workload};
use super::terse_age;
use crate::command::{Canonical, resource_name};
use crate::lab::sim::World;
use crate::lab::sim::tools::zoned;
use crate::packet::Timestamp;

/// `kubectl describe`.
pub(super) fn describe(given: &Canonical, cluster: &Cluster, world: &World) -> Answer {
    let mut answer = Answer { out: String::new(), err: String::new(), status: 0 };
    let Some(kind) = given.words.get(2) else {
        "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported resources.\n\
                      error: Required resource not specified.\n".clone_into(&mut answer.err);
        answer.status = 1;
        return answer;
    };
    let (kind, first) = kind.split_once('/').map_or((kind.as_str(), None), |(kind, name)| (kind, Some(name)));
    let mut names: Vec<String> =
        first.into_iter().map(str::to_owned).chain(given.words.iter().skip(3).cloned()).collect();
    let resource = resource_name(kind);
    let Some(listing) = rows(&resource, cluster, world) else {
        answer.err = format!("error: the server doesn't have a resource type \"{kind}\"\n");
        answer.status = 1;
        return answer;
    };
    let space = namespace(given);
    let here = |own: Option<&str>| given.has("all-namespaces") || own.is_none_or(|own| own == space);
    if names.is_empty() {
        let wanted = |row: &&super::get::Row| {
            here(row.namespace.as_deref())
                && given.value("selector").is_none_or(|selector| super::get::selected(selector, &row.labels()))
        };
        names = listing.items.iter().filter(wanted).map(|row| row.name.clone()).collect();
        if names.is_empty() {
            answer.err = format!("No resources found in {space} namespace.\n");
            return answer;
        }
    }
    for (at, name) in names.iter().enumerate() {
        let text = match resource.as_str() {
            "nodes" => cluster.node(name).map(|node| node_text(node, cluster, world)),
            // A beginning of a name is enough for `describe`.
            "pods" => cluster
                .pods
                .iter()
                .find(|pod| here(Some(&pod.namespace)) && pod.name == *name)
                .or_else(|| {
                    cluster.pods.iter().find(|pod| here(Some(&pod.namespace)) && pod.name.starts_with(name.as_str()))
                })
                .map(|pod| pod_text(pod, cluster, world)),
            "secrets" => cluster.secret(space, name).map(secret_text),
            "daemonsets" | "deployments" => cluster
                .workloads
                .iter()
                .find(|own| own.name == *name && own.namespace == space)
                .map(|own| workload_text(own, cluster)),
            other => {
                answer.err =
                    format!("error: describing {other} is not simulated; `kubectl get {other} -o yaml` shows them\n");
                answer.status = 1;
                return answer;
            }
        };
        match text {
            Some(text) => {
                if at > 0 {
                    answer.out.push_str("\n\n");
                }
                answer.out.push_str(&text);
            }
            None => {
                answer
                    .err
                    .push_str(&format!("Error from server (NotFound): {} \"{name}\" not found\n", listing.resource));
                answer.status = 1;
            }
        }
    }
    answer
}

fn date(time: Timestamp) -> String {
    zoned(time).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// `Name:` and its lines, the first value beside the title, the others below it.
fn field(title: &str, width: usize, values: &[String]) -> String {
    let first = values.first().map_or("<none>", String::as_str);
    let mut text = format!("{:width$}{first}\n", format!("{title}:"));
    for value in values.iter().skip(1) {
        text.push_str(&format!("{}{value}\n", " ".repeat(width)));
    }
    text
}

fn pairs(labels: &std::collections::BTreeMap<String, String>) -> Vec<String> {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

fn node_text(node: &Node, cluster: &Cluster, world: &World) -> String {
    let roles = if node.control_plane { "control-plane,master" } else { "<none>" };
    let mut text = field("Name", 20, std::slice::from_ref(&node.name));
    text += &field("Roles", 20, &[roles.to_owned()]);
    text += &field("Labels", 20, &pairs(&node.labels));
    text += &field(
        "Annotations",
        20,
        &["kubeadm.alpha.kubernetes.io/cri-socket: unix:///run/containerd/containerd.sock".to_owned()],
    );
    text += &field("CreationTimestamp", 20, &[date(node.created)]);
    text += &field("Taints", 20, &taints(node));
    text += &field("Unschedulable", 20, &["false".to_owned()]);
    let (ready, reason, message) = readiness(node);
    let since = date(node.ready.unwrap_or(node.created));
    text += "Conditions:\n  Type             Status  LastHeartbeatTime                 LastTransitionTime                Reason                       Message\n";
    text += "  ----             ------  -----------------                 ------------------                ------                       -------\n";
    let beat = date(world.now());
    for (kind, status, reason, message) in [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", ready, reason, message),
    ] {
        text += &format!("  {kind:<16} {status:<7} {beat:<33} {since:<33} {reason:<28} {message}\n");
    }
    text += &format!("Addresses:\n  InternalIP:  {}\n  Hostname:    {}\n", node.address, node.name);
    text += "System Info:\n  OS Image:                   Ubuntu 21.10\n  Operating System:           linux\n  Architecture:               amd64\n";
    text += &format!(
        "  Kernel Version:             {}\n  Container Runtime Version:  containerd://1.5.10\n  Kubelet Version:            v1.23.4\n  Kube-Proxy Version:         v1.23.4\n",
        super::manifest::KERNEL
    );
    let pods: Vec<&Pod> = cluster.pods.iter().filter(|pod| pod.node.as_deref() == Some(&node.name)).collect();
    text += &format!("Non-terminated Pods:          ({} in total)\n", pods.len());
    let rows: Vec<Vec<String>> = [
        ["Namespace", "Name", "Age"].map(str::to_owned).to_vec(),
        ["---------", "----", "---"].map(str::to_owned).to_vec(),
    ]
    .into_iter()
    .chain(pods.iter().map(|pod| vec![pod.namespace.clone(), pod.name.clone(), terse_age(world, pod.created)]))
    .collect();
    for line in super::table(&rows).lines() {
        text += &format!("  {line}\n");
    }
    text
}

fn pod_text(pod: &Pod, cluster: &Cluster, world: &World) -> String {
    let address = pod.node.as_deref().and_then(|name| cluster.node(name)).map(|node| node.address.to_string());
    let node = match (&pod.node, address) {
        (Some(name), Some(address)) => format!("{name}/{address}"),
        _ => "<none>".to_owned(),
    };
    let mut text = field("Name", 14, std::slice::from_ref(&pod.name));
    text += &field("Namespace", 14, std::slice::from_ref(&pod.namespace));
    text += &field("Priority", 14, &["0".to_owned()]);
    text += &field("Node", 14, &[node]);
    if let Some(started) = pod.started {
        text += &field("Start Time", 14, &[date(started)]);
    }
    text += &field("Labels", 14, &pairs(&pod.labels));
    text += &field("Annotations", 14, &[]);
    text += &field("Status", 14, &[pod.phase().to_owned()]);
    let ip = pod.address.map(|address| address.to_string());
    text += &format!("IP:{}{}\n", " ".repeat(11), ip.clone().unwrap_or_default());
    text += "IPs:";
    match &ip {
        Some(ip) => text += &format!("\n  IP:  {ip}\n"),
        None => text += "          <none>\n",
    }
    if let Some((kind, name)) = &pod.owner {
        text += &format!("Controlled By:  {kind}/{name}\n");
    }
    let ready = pod.state == State::Ready;
    let state = match &pod.state {
        State::Running | State::Ready => {
            format!("Running\n      Started:      {}", date(pod.started.unwrap_or(pod.created)))
        }
        State::Error => "Terminated\n      Reason:       Error\n      Exit Code:    1".to_owned(),
        State::BackOff => "Waiting\n      Reason:       CrashLoopBackOff".to_owned(),
        State::Init(_) | State::Initializing => "Waiting\n      Reason:       PodInitializing".to_owned(),
        _ => "Waiting\n      Reason:       ContainerCreating".to_owned(),
    };
    text += &format!(
        "Containers:\n  {}:\n    Image:          {}\n    State:          {state}\n    Ready:          {}\n    Restart Count:  {}\n",
        pod.container,
        pod.image,
        if ready { "True" } else { "False" },
        pod.restarts
    );
    text += "Conditions:\n  Type              Status\n";
    for (kind, met) in [
        ("Initialized", pod.started.is_some()),
        ("Ready", ready),
        ("ContainersReady", ready),
        ("PodScheduled", pod.node.is_some()),
    ] {
        text += &format!("  {kind:<17} {} \n", if met { "True" } else { "False" });
    }
    if super::controller::is_agent(pod) && cluster.cilium.as_ref().is_some_and(super::object::Cilium::ipsec) {
        let secret = cluster.cilium.as_ref().map_or("", |cilium| cilium.secret_name());
        text += &format!(
            "Volumes:\n  cilium-ipsec-secrets:\n    Type:        Secret (a volume populated by a Secret)\n    SecretName:  {secret}\n    Optional:    false\n"
        );
    }
    text += "QoS Class:                   BestEffort\n";
    if pod.events.is_empty() {
        return text + "Events:                      <none>\n";
    }
    text += "Events:\n";
    let mut rows = vec![
        ["Type", "Reason", "Age", "From", "Message"].map(str::to_owned).to_vec(),
        ["----", "------", "----", "----", "-------"].map(str::to_owned).to_vec(),
    ];
    for event in &pod.events {
        let age = terse_age(world, event.time);
        let age = if event.count > 1 {
            format!("{age} (x{} over {})", event.count, terse_age(world, pod.created))
        } else {
            age
        };
        let kind = if event.warning { "Warning" } else { "Normal" };
        rows.push(vec![kind.to_owned(), event.reason.to_owned(), age, event.from.to_owned(), event.message.clone()]);
    }
    // Events stand closer than tables do: two spaces between columns.
    let widths: Vec<usize> = (0..4)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0) + 2)
        .collect();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text += &format!("  {}{}\n", cells.concat(), row.last().map_or("", String::as_str));
    }
    text
}

fn secret_text(secret: &Secret) -> String {
    let mut text = field("Name", 14, std::slice::from_ref(&secret.name));
    text += &field("Namespace", 14, std::slice::from_ref(&secret.namespace));
    text += &field("Labels", 14, &[]);
    text += &field("Annotations", 14, &[]);
    text += &format!("\nType:  {}\n\nData\n====\n", secret.kind);
    for (key, octets) in &secret.data {
        text += &format!("{key}:  {} bytes\n", octets.len());
    }
    text
}

fn workload_text(workload: &Workload, cluster: &Cluster) -> String {
    let mut text = field("Name", 16, std::slice::from_ref(&workload.name));
    text += &field("Namespace", 16, std::slice::from_ref(&workload.namespace));
    text += &field("Selector", 16, &[pairs(&workload.template.labels).join(",")]);
    let pods: Vec<&Pod> = cluster.pods_of(workload).collect();
    let ready = pods.iter().filter(|pod| pod.state == State::Ready).count();
    text += &format!("Pods Status:    {} Running / {} Waiting\n", ready, pods.len() - ready);
    text += &format!(
        "Pod Template:\n  Containers:\n   {}:\n    Image:  {}\n",
        workload.template.container, workload.template.image
    );
    text
}
