use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::controller::{labels, later};
use super::object::{Cluster, Node, Pod, State, Workload, WorkloadKind};
use super::tale::{Tale, refuse};
use crate::command::canonical;
use crate::lab::PlaceKind;
use crate::lab::sim::World;
use crate::lab::sim::process::{Call, Io, Process};
use crate::lab::sim::tools::{Whole, install_base, modernise};
use crate::packet::Timestamp;
use crate::profile::Profile;

/// The node image of kind v0.12.0, which the course uses.
pub(super) const NODE_IMAGE: &str = "kindest/node:v1.23.4";

/// kind's configuration (sigs.k8s.io/kind/pkg/apis/config/v1alpha4), the fields that a simulated cluster can look at.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "such fields may stand there; they make no difference to what is simulated")]
struct Configuration {
    kind: Option<String>,
    api_version: Option<String>,
    name: Option<String>,
    #[serde(default)]
    nodes: Vec<NodeConfig>,
    #[serde(default)]
    networking: Networking,
    #[serde(default)]
    feature_gates: IgnoredAny,
    #[serde(default)]
    runtime_config: IgnoredAny,
    #[serde(default)]
    kubeadm_config_patches: IgnoredAny,
    #[serde(default)]
    #[serde(rename = "kubeadmConfigPatchesJSON6902")]
    json_patches: IgnoredAny,
    #[serde(default)]
    containerd_config_patches: IgnoredAny,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "such fields may stand there; they make no difference to what is simulated")]
struct NodeConfig {
    role: Option<String>,
    image: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    extra_mounts: IgnoredAny,
    #[serde(default)]
    extra_port_mappings: IgnoredAny,
    #[serde(default)]
    kubeadm_config_patches: IgnoredAny,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "such fields may stand there; they make no difference to what is simulated")]
struct Networking {
    #[serde(default, rename = "disableDefaultCNI")]
    disable_default_cni: bool,
    pod_subnet: Option<String>,
    service_subnet: Option<String>,
    ip_family: Option<String>,
    kube_proxy_mode: Option<String>,
    api_server_port: Option<u16>,
    api_server_address: Option<String>,
}

/// What a cluster is made of, after the flags and the configuration were read.
struct Plan {
    name: String,
    nodes: Vec<(bool, BTreeMap<String, String>)>,
    kindnet: bool,
    kube_proxy: bool,
    image: String,
    port: Option<u16>,
}

/// `kind`.
pub(super) fn program(call: &Call, world: &World) -> Box<dyn Process> {
    let given = canonical(&call.words);
    let words: Vec<&str> = given.words.iter().skip(1).map(String::as_str).collect();
    let clusters: Vec<String> = world.kube.cluster.iter().map(|cluster| cluster.name.clone()).collect();
    let named = given.value("name").unwrap_or("kind").to_owned();
    match words.as_slice() {
        ["create", "cluster"] => create(call, given.value("config"), given.value("name"), given.value("image"), world),
        ["delete", "cluster" | "clusters"] => delete(&named),
        ["get", "clusters"] if clusters.is_empty() => Tale::default().complain("No kind clusters found.\n").start(),
        ["get", "clusters"] => Tale::default().print(format!("{}\n", clusters.join("\n"))).start(),
        ["get", "nodes"] => {
            let nodes: Vec<String> = world
                .kube
                .cluster
                .iter()
                .filter(|cluster| cluster.name == named || given.has("all-clusters") || given.has("A"))
                .flat_map(|cluster| cluster.nodes.iter().map(|node| node.name.clone()))
                .collect();
            if nodes.is_empty() {
                let mut text = format!("No kind nodes found for cluster \"{named}\".\n");
                if let Some(other) = clusters.first() {
                    text.push_str(&format!(
                        "esplain: the cluster here is called {other}: kind get nodes --name {other}\n"
                    ));
                }
                return Tale::default().complain(text).start();
            }
            Tale::default().print(format!("{}\n", nodes.join("\n"))).start()
        }
        ["get", "kubeconfig"] => match world.kube.cluster.as_ref().filter(|cluster| cluster.name == named) {
            Some(cluster) => Tale::default().print(kubeconfig(cluster)).start(),
            None => refuse(
                1,
                format!(
                    "ERROR: could not locate any control plane nodes for cluster named '{named}'. Use the --name option to select a different cluster"
                ),
            ),
        },
        ["load", "docker-image" | "image-archive", ..] => {
            let images = words.get(2..).unwrap_or_default().join(" ");
            Tale::default()
                .wait(2000)
                .complain(format!("Image: \"{images}\" loaded (simulated images are everywhere already)\n"))
                .start()
        }
        ["version" | "--version"] => Tale::default().print("kind v0.12.0 go1.17.8 linux/amd64 (simulated)\n").start(),
        [] | ["help"] => Tale::default().print(USAGE).start(),
        [verb @ ("create" | "delete" | "get" | "load"), ..] => refuse(
            1,
            format!(
                "ERROR: Subcommand is required\nkind {verb}: the simulated lab knows `cluster`, `clusters`, `nodes`, `kubeconfig`"
            ),
        ),
        [other, ..] => refuse(1, format!("ERROR: unknown command \"{other}\" for \"kind\"")),
    }
}

const USAGE: &str = "kind creates and manages local Kubernetes clusters using Docker container 'nodes'\n\nUsage:\n  kind [command]\n\n\
Available Commands (simulated here):\n  create      Creates one of [cluster]\n  delete      Deletes one of [cluster]\n  \
get         Gets one of [clusters, nodes, kubeconfig]\n  load        Loads images into nodes\n  version     Prints the kind CLI version\n";

fn create(
    call: &Call,
    config: Option<&str>,
    name: Option<&str>,
    image: Option<&str>,
    world: &World,
) -> Box<dyn Process> {
    let (name, image) = (name.map(str::to_owned), image.map(str::to_owned));
    let terminal = call.terminal.is_some();
    match config {
        None => build(Configuration::default(), name, image, terminal, world),
        Some("-") => Box::new(Whole(Some(move |world: &mut World, io: &mut Io, text: Vec<u8>| {
            match decode(&text).and_then(|config| plan(config, name, image)).and_then(|plan| may_create(plan, world)) {
                Err(error) => {
                    io.complain(format!("ERROR: failed to create cluster: {error}\n"));
                    1
                }
                Ok(plan) => {
                    io.complain(told(&plan));
                    make(&plan, world);
                    0
                }
            }
        }))),
        Some(path) => match world.read_file(call, path) {
            Err(_) => refuse(
                1,
                format!("ERROR: failed to create cluster: error reading file: open {path}: no such file or directory"),
            ),
            Ok(text) => match decode(&text) {
                Err(error) => refuse(1, format!("ERROR: failed to create cluster: {error}")),
                Ok(config) => build(config, name, image, terminal, world),
            },
        },
    }
}

fn decode(text: &[u8]) -> Result<Configuration, String> {
    let text = String::from_utf8_lossy(text);
    if text.trim().is_empty() {
        return Err("unknown apiVersion:  kind: ".to_owned());
    }
    let config: Configuration = serde_yaml::from_str(&text)
        .map_err(|error| format!("unable to decode config: yaml: {}", super::first_line(&error)))?;
    let (kind, version) = (config.kind.as_deref().unwrap_or(""), config.api_version.as_deref().unwrap_or(""));
    if kind != "Cluster" || version != "kind.x-k8s.io/v1alpha4" {
        return Err(format!("unknown apiVersion: {version} kind: {kind}"));
    }
    Ok(config)
}

fn plan(config: Configuration, name: Option<String>, image: Option<String>) -> Result<Plan, String> {
    let name = name.or(config.name).unwrap_or_else(|| "kind".to_owned());
    let valid = !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '.' | '-'));
    if !valid {
        return Err(format!("'{name}' is not a valid cluster name, cluster names must match `^[a-z0-9.-]+$`"));
    }
    let mut nodes = Vec::new();
    for node in config.nodes {
        match node.role.as_deref() {
            None | Some("control-plane" | "") => nodes.push((true, node.labels)),
            Some("worker") => nodes.push((false, node.labels)),
            Some(other) => {
                return Err(format!(
                    "invalid configuration for node {}: \"{other}\" is not a valid node role",
                    nodes.len()
                ));
            }
        }
    }
    if nodes.is_empty() {
        nodes.push((true, BTreeMap::new()));
    }
    match nodes.iter().filter(|(control_plane, _)| *control_plane).count() {
        0 => return Err("must have at least one control-plane node".to_owned()),
        1 => {}
        _ => return Err("several control planes are not simulated (kind itself would add a load balancer)".to_owned()),
    }
    if nodes.len() > 8 {
        return Err("more than eight nodes are not simulated".to_owned());
    }
    if config.networking.ip_family.as_deref().is_some_and(|family| family != "ipv4") {
        return Err("of the IP families only ipv4 is simulated".to_owned());
    }
    Ok(Plan {
        name,
        nodes,
        kindnet: !config.networking.disable_default_cni,
        kube_proxy: config.networking.kube_proxy_mode.as_deref() != Some("none"),
        image: image.unwrap_or_else(|| NODE_IMAGE.to_owned()),
        port: config.networking.api_server_port,
    })
}

fn may_create(plan: Plan, world: &World) -> Result<Plan, String> {
    match &world.kube.cluster {
        Some(cluster) if cluster.name == plan.name => {
            Err(format!("node(s) already exist for a cluster with the name \"{}\"", plan.name))
        }
        Some(cluster) => Err(format!(
            "the simulated lab holds one cluster at a time, and `{}` is there; `kind delete cluster --name {}` makes room",
            cluster.name, cluster.name
        )),
        None => Ok(plan),
    }
}

/// kind's steps, as one text.
fn told(plan: &Plan) -> String {
    steps(plan)
        .into_iter()
        .map(|(_, text)| format!(" • {text}  ...\n ✓ {text}\n"))
        .fold(format!("Creating cluster \"{}\" ...\n", plan.name), |text, step| text + &step)
        + &farewell(&plan.name)
}

fn steps(plan: &Plan) -> Vec<(u64, String)> {
    let boxes = "📦 ".repeat(plan.nodes.len());
    let mut steps = vec![
        (9000, format!("Ensuring node image ({}) 🖼", plan.image)),
        (5000, format!("Preparing nodes {}", boxes.trim_end())),
        (1000, "Writing configuration 📜".to_owned()),
        (21000, "Starting control-plane 🕹️".to_owned()),
    ];
    if plan.kindnet {
        steps.push((1000, "Installing CNI 🔌".to_owned()));
    }
    steps.push((1000, "Installing StorageClass 💾".to_owned()));
    if plan.nodes.len() > 1 {
        steps.push((19000, "Joining worker nodes 🚜".to_owned()));
    }
    steps
}

fn farewell(name: &str) -> String {
    format!(
        "Set kubectl context to \"kind-{name}\"\nYou can now use your cluster with:\n\nkubectl cluster-info --context kind-{name}\n\nHave a nice day! 👋\n"
    )
}

fn build(
    config: Configuration,
    name: Option<String>,
    image: Option<String>,
    terminal: bool,
    world: &World,
) -> Box<dyn Process> {
    let plan = match plan(config, name, image).and_then(|plan| may_create(plan, world)) {
        Ok(plan) => plan,
        Err(error) => return refuse(1, format!("ERROR: failed to create cluster: {error}")),
    };
    let mut tale = Tale::default().complain(format!("Creating cluster \"{}\" ...\n", plan.name));
    for (wait, text) in steps(&plan) {
        tale = if terminal {
            // A spinner on the line, which the tick then takes the place of.
            tale.complain(format!(" • {text}  ...")).wait(wait).complain(format!("\r\u{1b}[K ✓ {text}\n"))
        } else {
            tale.complain(format!(" • {text}  ...\n")).wait(wait).complain(format!(" ✓ {text}\n"))
        };
    }
    let last = farewell(&plan.name);
    tale.act(move |world, io| match may_create(plan, world) {
        Ok(plan) => {
            make(&plan, world);
            0
        }
        Err(error) => {
            io.complain(format!("ERROR: failed to create cluster: {error}\n"));
            1
        }
    })
    .complain(last)
    .start()
}

/// Makes the course's cluster at once.
pub(super) fn make_course(name: &str, world: &mut World) {
    let nodes = vec![(true, BTreeMap::new()), (false, BTreeMap::new()), (false, BTreeMap::new())];
    let plan = Plan {
        name: name.to_owned(),
        nodes,
        kindnet: false,
        kube_proxy: true,
        image: NODE_IMAGE.to_owned(),
        port: None,
    };
    make(&plan, world);
}

#[expect(clippy::too_many_lines, reason = "one cluster, from its nodes to its pods")]
fn make(plan: &Plan, world: &mut World) {
    let now = world.now();
    let mut nodes = Vec::new();
    let mut workers = 0;
    let spaced = |seconds: u64| Timestamp(now.0.saturating_sub(seconds * 1_000_000_000));
    for (control_plane, own) in &plan.nodes {
        let role = if *control_plane {
            "control-plane".to_owned()
        } else {
            workers += 1;
            if workers == 1 { "worker".to_owned() } else { format!("worker{workers}") }
        };
        let name = format!("{}-{role}", plan.name);
        // Docker gives addresses as the containers come up, in no order; these are those of the course's recordings.
        let host = match role.as_str() {
            "worker" => 3,
            "worker2" => 2,
            "control-plane" => 4,
            _ => 3 + u8::try_from(workers).unwrap_or(9),
        };
        let mut labels = labels(&[
            ("beta.kubernetes.io/arch", "amd64"),
            ("beta.kubernetes.io/os", "linux"),
            ("kubernetes.io/arch", "amd64"),
            ("kubernetes.io/hostname", &name),
            ("kubernetes.io/os", "linux"),
        ]);
        let mut taints = Vec::new();
        if *control_plane {
            labels.insert("node-role.kubernetes.io/control-plane".to_owned(), String::new());
            labels.insert("node-role.kubernetes.io/master".to_owned(), String::new());
            if plan.nodes.len() > 1 {
                taints.push(format!("{}:NoSchedule", world.kube.profile.fact("control_plane_taint")));
            }
        }
        labels.extend(own.clone());
        let created = spaced(if *control_plane { 41 } else { 20 });
        nodes.push(Node {
            name,
            control_plane: *control_plane,
            address: [172, 18, 0, host].into(),
            created,
            ready: None,
            taints,
            labels,
        });
    }
    let machine = world.net.machine;
    let mut order: Vec<(Ipv4Addr, String)> = nodes.iter().map(|node| (node.address, node.name.clone())).collect();
    order.sort();
    for (address, name) in order {
        world.net.cluster.add_node(machine, &name, address);
        let files = world.files.entry(name).or_default();
        install_base(files, PlaceKind::Node);
        if world.kube.profile == Profile::Current {
            modernise(files);
        }
    }
    let control_plane = nodes.iter().find(|node| node.control_plane).map(|node| node.name.clone()).unwrap_or_default();
    let port = plan
        .port
        .filter(|port| *port != 0)
        .unwrap_or_else(|| u16::try_from(32768 + world.net.cluster.random().below(28000)).unwrap_or(40000));
    let mut cluster = Cluster {
        name: plan.name.clone(),
        created: spaced(41),
        port,
        nodes,
        pods: Vec::new(),
        workloads: system_workloads(plan, spaced(38)),
        secrets: Vec::new(),
        releases: Vec::new(),
        namespaces: ["default", "kube-node-lease", "kube-public", "kube-system", "local-path-storage"]
            .into_iter()
            .map(|name| (name.to_owned(), spaced(40)))
            .collect(),
        cilium: None,
    };
    for (name, image) in [
        ("etcd", "k8s.gcr.io/etcd:3.5.1-0"),
        ("kube-apiserver", "k8s.gcr.io/kube-apiserver:v1.23.4"),
        ("kube-controller-manager", "k8s.gcr.io/kube-controller-manager:v1.23.4"),
        ("kube-scheduler", "k8s.gcr.io/kube-scheduler:v1.23.4"),
    ] {
        let mut pod = Pod::new("kube-system", &format!("{name}-{control_plane}"), image, spaced(39));
        name.clone_into(&mut pod.container);
        pod.labels = labels(&[("component", name), ("tier", "control-plane")]);
        (pod.host_network, pod.tolerates_all) = (true, true);
        pod.owner = Some(("Node", control_plane.clone()));
        pod.node = Some(control_plane.clone());
        pod.address = cluster.node(&control_plane).map(|node| node.address);
        (pod.state, pod.started) = (State::Ready, Some(spaced(37)));
        cluster.pods.push(pod);
    }
    world.kube.cluster = Some(cluster);
    let config = world.kube.cluster.as_ref().map(kubeconfig).unwrap_or_default();
    let files = world.files.entry("machine".to_owned()).or_default();
    let laid = files.make_folders("/root/.kube").and_then(|()| files.write("/root/.kube/config", config.as_bytes()));
    debug_assert!(laid.is_ok(), "{laid:?}");
    super::controller::run_until(world, now);
    // kube-proxy ran before the nodes were reported as done.
    if let Some(cluster) = &mut world.kube.cluster {
        for pod in cluster.pods.iter_mut().filter(|pod| pod.container == "kube-proxy") {
            pod.plan.clear();
            (pod.state, pod.started, pod.created) = (State::Ready, Some(spaced(8)), spaced(15));
        }
        for pod in cluster.pods.iter_mut().filter(|pod| pod.state == State::Pending) {
            pod.created = spaced(25);
        }
        for pod in cluster.pods.iter_mut().filter(|pod| pod.container == "kindnet-cni") {
            pod.plan = [(later(now, 6), State::Ready)].into();
        }
    }
}

/// kube-proxy, CoreDNS, the local path provisioner, and kindnet where it was not switched off.
fn system_workloads(plan: &Plan, created: Timestamp) -> Vec<Workload> {
    let daemon_set = |name: &str, container: &str, image: &str| {
        let mut template = Pod::new("kube-system", name, image, created);
        container.clone_into(&mut template.container);
        template.labels = labels(&[("k8s-app", name)]);
        (template.host_network, template.tolerates_all) = (true, true);
        Workload {
            kind: WorkloadKind::DaemonSet,
            namespace: "kube-system".to_owned(),
            name: name.to_owned(),
            created,
            replicas: 0,
            hash: String::new(),
            template,
        }
    };
    let deployment = |namespace: &str, name: &str, hash: &str, replicas, image: &str, label: (&str, &str)| {
        let mut template = Pod::new(namespace, name, image, created);
        template.labels = labels(&[label]);
        template.tolerates_master = true;
        Workload {
            kind: WorkloadKind::Deployment,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            created,
            replicas,
            hash: hash.to_owned(),
            template,
        }
    };
    let mut workloads = Vec::new();
    if plan.kube_proxy {
        workloads.push(daemon_set("kube-proxy", "kube-proxy", "k8s.gcr.io/kube-proxy:v1.23.4"));
    }
    if plan.kindnet {
        workloads.push(daemon_set("kindnet", "kindnet-cni", "docker.io/kindest/kindnetd:v20211122-a2c10462"));
    }
    workloads.push(deployment(
        "kube-system",
        "coredns",
        "64897985d",
        2,
        "k8s.gcr.io/coredns/coredns:v1.8.6",
        ("k8s-app", "kube-dns"),
    ));
    let provisioner = "docker.io/rancher/local-path-provisioner:v0.0.14";
    let label = ("app", "local-path-provisioner");
    workloads.push(deployment("local-path-storage", "local-path-provisioner", "5ddd94ff66", 1, provisioner, label));
    workloads
}

fn delete(name: &str) -> Box<dyn Process> {
    let wanted = name.to_owned();
    Tale::default()
        .complain(format!("Deleting cluster \"{name}\" ...\n"))
        .wait(1500)
        .act(move |world, io| {
            let Some(cluster) = world.kube.cluster.take_if(|cluster| cluster.name == wanted) else {
                if let Some(cluster) = &world.kube.cluster {
                    io.complain(format!(
                        "esplain: the cluster here is called {}: kind delete cluster --name {}\n",
                        cluster.name, cluster.name
                    ));
                }
                return 0;
            };
            world.net.cluster.remove_nodes();
            let names = cluster.nodes.iter().map(|node| &node.name).chain(cluster.pods.iter().map(|pod| &pod.name));
            for name in names {
                world.files.remove(name);
                world.sessions.remove(name);
            }
            if let Some(files) = world.files.get_mut("machine") {
                // kubectl's contexts of the cluster go with it; without any, nothing is left.
                let removed = files.remove("/root/.kube/config");
                debug_assert!(removed.is_ok() || removed == Err(crate::lab::sim::FileError::Missing), "{removed:?}");
            }
            0
        })
        .start()
}

fn kubeconfig(cluster: &Cluster) -> String {
    let name = &cluster.name;
    format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: c2ltdWxhdGVk\n    server: https://127.0.0.1:{port}\n  name: kind-{name}\n\
         contexts:\n- context:\n    cluster: kind-{name}\n    user: kind-{name}\n  name: kind-{name}\ncurrent-context: kind-{name}\n\
         kind: Config\npreferences: {{}}\nusers:\n- name: kind-{name}\n  user:\n    client-certificate-data: c2ltdWxhdGVk\n    client-key-data: c2ltdWxhdGVk\n",
        port = cluster.port
    )
}
