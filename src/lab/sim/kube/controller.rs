//! What a Kubernetes cluster does by itself: pods are made, scheduled, started; nodes become ready; Cilium's agents set
//! the nodes' datapath up and follow the secret. All of it on the virtual clock.

use std::collections::VecDeque;

use super::key::{Loaded, load};
use super::object::{Chore, Cilium, Cluster, Pod, State, Workload, WorkloadKind};
use crate::esp::Secret;
use crate::lab::PlaceKind;
use crate::lab::sim::World;
use crate::lab::sim::tools::{self, install_base};
use crate::packet::Timestamp;

/// Seconds of virtual time.
const SECOND: u64 = 1_000_000_000;
/// How long pulling Cilium's image takes.
const PULL_AGENT: u64 = 14;
/// How long pulling a small image takes.
const PULL: u64 = 5;
/// From the agent's start to its being ready.
const AGENT_STARTS: u64 = 7;
/// kubelet refreshes mounted secrets about once a minute.
const SECRET_REFRESH: u64 = 40;
/// IPsecKeyDeleteDelay (pkg/datapath/linux/ipsec).
const KEY_DELETE_DELAY: u64 = 300;

/// When something happens next.
pub(in crate::lab::sim) fn next_event(world: &World) -> Option<Timestamp> {
    let cluster = world.kube.cluster.as_ref()?;
    let pods = cluster.pods.iter().filter_map(|pod| pod.plan.front().map(|(time, _)| *time));
    let chores = cluster.cilium.iter().flat_map(|cilium| cilium.plan.iter().map(|(time, _)| *time));
    pods.chain(chores).min()
}

/// When a pod is the next to come nearer to being ready. One that crashes again and again does not.
pub(in crate::lab::sim) fn next_progress(world: &World) -> Option<Timestamp> {
    let cluster = world.kube.cluster.as_ref()?;
    let crashes = |pod: &&Pod| {
        matches!(pod.state, State::Error | State::BackOff) || pod.plan.iter().any(|(_, state)| *state == State::BackOff)
    };
    cluster.pods.iter().filter(|pod| !crashes(pod)).filter_map(|pod| pod.plan.front().map(|(time, _)| *time)).min()
}

/// Lets happen what is due.
pub(in crate::lab::sim) fn run_until(world: &mut World, now: Timestamp) {
    // Each round carries out what is due; a plan made in one is due in a later one at the earliest.
    for _ in 0..1000 {
        let Some(mut cluster) = world.kube.cluster.take() else { return };
        let mut any = false;
        let mut ready_agents = Vec::new();
        for pod in &mut cluster.pods {
            while pod.plan.front().is_some_and(|(time, _)| *time <= now) {
                let Some((time, state)) = pod.plan.pop_front() else { break };
                any = true;
                enter(pod, state, time);
                if is_agent(pod) && pod.state == State::Running {
                    ready_agents.push(pod.name.clone());
                }
            }
        }
        let gone: Vec<Pod> = cluster.pods.iter().filter(|pod| pod.state == State::Gone).cloned().collect();
        cluster.pods.retain(|pod| pod.state != State::Gone);
        for pod in &gone {
            world.net.cluster.remove_pod(&pod.name);
            world.files.remove(&pod.name);
            world.sessions.remove(&pod.name);
        }
        for name in ready_agents {
            start_agent(&mut cluster, &name, world, now);
        }
        any |= chores(&mut cluster, world, now);
        any |= reconcile(&mut cluster, world, now);
        world.kube.cluster = Some(cluster);
        if !any {
            return;
        }
    }
}

/// A moment so many seconds later.
pub(super) fn later(time: Timestamp, seconds: u64) -> Timestamp {
    Timestamp(time.0 + seconds * SECOND)
}

/// Five letters as Kubernetes ends a pod's name (k8s.io/apimachinery/pkg/util/rand: no vowels, no 0, 1 and 3).
pub(super) fn suffix(world: &mut World, letters: usize) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let random = world.net.cluster.random();
    let pick = |random: &mut crate::datapath::Random| {
        let at = usize::try_from(random.below(ALPHABET.len() as u64)).unwrap_or(0);
        ALPHABET.get(at).copied().map_or('x', char::from)
    };
    (0..letters).map(|_| pick(random)).collect()
}

/// Whether a pod is one of Cilium's agents.
pub(super) fn is_agent(pod: &Pod) -> bool {
    pod.container == "cilium-agent"
}

fn enter(pod: &mut Pod, state: State, time: Timestamp) {
    let (container, image) = (pod.container.clone(), pod.image.clone());
    match &state {
        State::Init(1) | State::Running => {
            if pod.state == State::Init(0) || pod.state == State::Creating {
                pod.event(time, "Pulled", "kubelet", format!("Successfully pulled image \"{image}\""));
            }
            if state == State::Running {
                pod.event(time, "Created", "kubelet", format!("Created container {container}"));
                pod.event(time, "Started", "kubelet", format!("Started container {container}"));
                pod.started = Some(time);
            }
        }
        State::Ready if pod.started.is_none() => {
            pod.event(time, "Pulled", "kubelet", format!("Successfully pulled image \"{image}\""));
            pod.event(time, "Created", "kubelet", format!("Created container {container}"));
            pod.event(time, "Started", "kubelet", format!("Started container {container}"));
            pod.started = Some(time);
        }
        State::BackOff => pod.event(time, "BackOff", "kubelet", "Back-off restarting failed container"),
        _ => {}
    }
    pod.state = state;
}

/// Brings what is in line with what was asked for; whether it changed anything.
fn reconcile(cluster: &mut Cluster, world: &mut World, now: Timestamp) -> bool {
    let mut any = node_readiness(cluster, now);
    for workload in cluster.workloads.clone() {
        any |= spawn(cluster, &workload, world, now);
    }
    for at in 0..cluster.pods.len() {
        any |= schedule(cluster, at, now);
        any |= connect(cluster, at, world, now);
    }
    any
}

fn node_readiness(cluster: &mut Cluster, now: Timestamp) -> bool {
    let mut any = false;
    for node in &mut cluster.nodes {
        let has_cni = cluster.pods.iter().any(|pod| {
            pod.node.as_deref() == Some(&node.name)
                && pod.state == State::Ready
                && (is_agent(pod) || pod.container == "kindnet-cni")
        });
        if has_cni != node.ready.is_some() {
            node.ready = has_cni.then_some(now);
            any = true;
        }
    }
    any
}

/// Makes the pods that a workload lacks, and ends those that are too many.
fn spawn(cluster: &mut Cluster, workload: &Workload, world: &mut World, now: Timestamp) -> bool {
    let mut any = false;
    let own: Vec<Option<String>> = cluster.pods_of(workload).map(|pod| pod.wanted_node.clone()).collect();
    let missing: Vec<Option<String>> = match workload.kind {
        WorkloadKind::DaemonSet => {
            cluster.nodes.iter().map(|node| Some(node.name.clone())).filter(|node| !own.contains(node)).collect()
        }
        WorkloadKind::Deployment => vec![None; workload.replicas.saturating_sub(own.len())],
    };
    for node in missing {
        let mut pod = workload.template.clone();
        pod.name = format!("{}-{}", workload.owner_name(), suffix(world, 5));
        pod.created = now;
        let owner = match workload.kind {
            WorkloadKind::DaemonSet => "DaemonSet",
            WorkloadKind::Deployment => "ReplicaSet",
        };
        pod.owner = Some((owner, workload.owner_name()));
        pod.wanted_node = node;
        cluster.pods.push(pod);
        any = true;
    }
    let most = match workload.kind {
        WorkloadKind::DaemonSet => usize::MAX,
        WorkloadKind::Deployment => workload.replicas,
    };
    if own.len() > most {
        let surplus: Vec<String> = cluster.pods_of(workload).skip(most).map(|pod| pod.name.clone()).collect();
        for pod in cluster.pods.iter_mut().filter(|pod| surplus.contains(&pod.name)) {
            terminate(pod, now);
            any = true;
        }
    }
    any
}

/// Begins to end a pod.
pub(super) fn terminate(pod: &mut Pod, now: Timestamp) {
    if matches!(pod.state, State::Terminating | State::Gone) {
        return;
    }
    pod.state = State::Terminating;
    pod.plan = VecDeque::from([(later(now, 2), State::Gone)]);
}

/// Finds a node for a pod.
fn schedule(cluster: &mut Cluster, at: usize, now: Timestamp) -> bool {
    let Some(pod) = cluster.pods.get(at) else { return false };
    if pod.state != State::Pending || pod.node.is_some() {
        return false;
    }
    let by_name = pod.wanted_node.clone().filter(|_| !pod.tolerates_all || pod.owner.is_some());
    let load = |name: &str| cluster.pods.iter().filter(|pod| pod.node.as_deref() == Some(name)).count();
    let fits = |node: &&super::object::Node| {
        let master = node.taints.iter().any(|taint| taint.ends_with(":NoSchedule") || taint.ends_with(":NoExecute"));
        let others = node.taints.iter().any(|taint| !taint.starts_with("node-role.kubernetes.io/"));
        pod.tolerates_all || (node.ready.is_some() && (!master || (pod.tolerates_master && !others)))
    };
    let hostports = |node: &&super::object::Node| {
        // The operator's replicas each want a node of their own (host ports).
        !pod.tolerates_all
            || !cluster.pods.iter().any(|other| other.owner == pod.owner && other.node.as_deref() == Some(&node.name))
    };
    let chosen = match by_name {
        Some(name) => cluster.node(&name).map(|node| node.name.clone()),
        None => cluster
            .nodes
            .iter()
            .filter(fits)
            .filter(hostports)
            .min_by_key(|node| (node.control_plane, load(&node.name)))
            .map(|node| node.name.clone()),
    };
    let Some(pod) = cluster.pods.get_mut(at) else { return false };
    let full = format!("{}/{}", pod.namespace, pod.name);
    match chosen {
        None => {
            let (nodes, tainted) = (cluster.nodes.len(), "node(s) had taint that the pod didn't tolerate");
            let unready = cluster.nodes.iter().filter(|node| node.ready.is_none()).count();
            let why = if unready > 0 {
                format!(
                    "0/{nodes} nodes are available: {unready} node(s) had taint {{node.kubernetes.io/not-ready: }}, that the pod didn't tolerate."
                )
            } else {
                format!("0/{nodes} nodes are available: {nodes} {tainted}.")
            };
            if pod.events.iter().any(|event| event.reason == "FailedScheduling" && event.message == why) {
                return false;
            }
            pod.event(now, "FailedScheduling", "default-scheduler", why);
            false
        }
        Some(node) => {
            pod.event(now, "Scheduled", "default-scheduler", format!("Successfully assigned {full} to {node}"));
            let address = cluster.nodes.iter().find(|own| own.name == node).map(|own| own.address);
            pod.node = Some(node);
            if pod.host_network {
                pod.address = address;
            }
            start(pod, now);
            true
        }
    }
}

/// Plans a pod's start on its node.
fn start(pod: &mut Pod, now: Timestamp) {
    let image = pod.image.clone();
    pod.state = if pod.init_containers > 0 { State::Init(0) } else { State::Creating };
    if is_agent(pod) || !pod.host_network {
        // The agent waits for its secret, other pods for their network: `connect` goes on from here.
        return;
    }
    pod.event(now, "Pulling", "kubelet", format!("Pulling image \"{image}\""));
    pod.plan = VecDeque::from([(later(now, PULL), State::Ready)]);
}

/// Goes on with pods that wait for something of their node: the agent for its secret, other pods for their network.
fn connect(cluster: &mut Cluster, at: usize, world: &mut World, now: Timestamp) -> bool {
    let Some(pod) = cluster.pods.get(at) else { return false };
    let waits = pod.node.is_some() && pod.plan.is_empty() && matches!(pod.state, State::Creating | State::Init(0));
    if !waits {
        return false;
    }
    if is_agent(pod) {
        return agent_mounts(cluster, at, now);
    }
    let node = pod.node.clone().unwrap_or_default();
    let cilium = cluster.cilium.as_ref().is_some_and(|cilium| cilium.installed);
    let ready = cluster.node(&node).is_some_and(|node| node.ready.is_some());
    let identity = identity(cluster, at);
    let Some(pod) = cluster.pods.get_mut(at) else { return false };
    if !ready {
        let text = "network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady \
                    message:Network plugin returns error: cni plugin not initialized";
        if !pod.events.iter().any(|event| event.reason == "NetworkNotReady") {
            pod.event(now, "NetworkNotReady", "kubelet", text);
        }
        return false;
    }
    if cilium {
        let stack = world.net.cluster.node(&node).map(|node| node.stack);
        pod.address = stack.and_then(|stack| world.net.cluster.add_pod(stack, &pod.name, identity));
    } else {
        // kindnet gives addresses of 10.244.0.0/16; packets to them are not simulated.
        let last = u8::try_from(2 + at % 200).unwrap_or(2);
        let third =
            cluster.nodes.iter().position(|own| own.name == node).and_then(|at| u8::try_from(at).ok()).unwrap_or(0);
        if let Some(pod) = cluster.pods.get_mut(at) {
            pod.address = Some([10, 244, third, last].into());
        }
    }
    let Some(pod) = cluster.pods.get_mut(at) else { return false };
    let image = pod.image.clone();
    pod.event(now, "Pulling", "kubelet", format!("Pulling image \"{image}\""));
    if pod.namespace == "default" {
        let files = world.files.entry(pod.name.clone()).or_default();
        install_base(files, PlaceKind::Pod);
    }
    pod.plan = VecDeque::from([(later(now, PULL), State::Ready)]);
    true
}

fn agent_mounts(cluster: &mut Cluster, at: usize, now: Timestamp) -> bool {
    let Some(cilium) = &cluster.cilium else { return false };
    let (needs, name, namespace) = (cilium.ipsec(), cilium.secret_name().to_owned(), cilium.namespace.clone());
    let found = cluster.secret(&namespace, &name).is_some();
    let Some(pod) = cluster.pods.get_mut(at) else { return false };
    if needs && !found {
        let text =
            format!("MountVolume.SetUp failed for volume \"cilium-ipsec-secrets\" : secret \"{name}\" not found");
        if !pod.events.iter().any(|event| event.message == text) {
            pod.event(now, "FailedMount", "kubelet", text);
        }
        return false;
    }
    let image = pod.image.clone();
    pod.event(now, "Pulling", "kubelet", format!("Pulling image \"{image}\""));
    let mut time = later(now, PULL_AGENT);
    let mut plan = VecDeque::new();
    for done in 1..pod.init_containers {
        plan.push_back((time, State::Init(done)));
        time = later(time, 1);
    }
    plan.push_back((time, State::Initializing));
    plan.push_back((later(time, 1), State::Running));
    pod.plan = plan;
    true
}

/// The agent of a pod starts: reads its key, sets the node's datapath up, or ends with what it found wrong.
fn start_agent(cluster: &mut Cluster, name: &str, world: &mut World, now: Timestamp) {
    let Some(cilium) = &mut cluster.cilium else { return };
    let text = if cilium.ipsec() {
        let (namespace, secret) = (cilium.namespace.clone(), cilium.secret_name().to_owned());
        let found = cluster.secrets.iter().find(|own| own.namespace == namespace && own.name == secret);
        Some(found.and_then(|own| own.data.get("keys")).cloned())
    } else {
        None
    };
    let Some(pod) = cluster.pods.iter_mut().find(|pod| pod.name == name) else { return };
    let node = pod.node.clone();
    pod.log = vec![
        "level=info msg=\"Started gops server\" address=\"127.0.0.1:9890\" subsys=daemon".to_owned(),
        "level=info msg=\" _ _ _\" subsys=daemon".to_owned(),
        "level=info msg=\"Cilium 1.13.0-rc5 (simulated)\" subsys=daemon".to_owned(),
    ];
    let key = match &text {
        None => None,
        Some(None) => {
            return crash(pod, "unable to setup encryption: open /etc/ipsec/keys: no such file or directory", now);
        }
        Some(Some(text)) => {
            pod.log.push("level=info msg=\"Loading IPsec keyfile\" path=/etc/ipsec/keys subsys=ipsec".to_owned());
            match load(text, world.kube.profile) {
                Loaded::Fatal(error) => return crash(pod, &format!("unable to setup encryption: {error}"), now),
                Loaded::Refused(key) => {
                    pod.log.push(format!(
                        "level=error msg=\"IPsec enable failed\" error=\"unable to replace local state: invalid argument\" \
                         reason=\"local IPv4\" spi={} subsys=ipsec",
                        key.id
                    ));
                    cilium.refused = true;
                    None
                }
                Loaded::Key(key) => Some(key),
            }
        }
    };
    pod.log.push("level=info msg=\"Initializing node addressing\" subsys=daemon".to_owned());
    pod.log.push("level=info msg=\"Daemon initialization completed\" bootstrapTime=5.1s subsys=daemon".to_owned());
    pod.plan = VecDeque::from([(later(now, AGENT_STARTS), State::Ready)]);
    let place = name.to_owned();
    let files = world.files.entry(place).or_default();
    install_base(files, PlaceKind::Node);
    for path in tools::AGENT {
        tools::install(files, path);
    }
    if let Some(Some(text)) = &text {
        cilium.loaded = Some(Secret::new(text.clone()));
        let laid = files.make_folders("/etc/ipsec").and_then(|()| files.write("/etc/ipsec/keys", text));
        debug_assert!(laid.is_ok(), "{laid:?}");
    }
    if !cilium.installed {
        cilium.installed = true;
        world.net.cluster.install_cilium(key.as_ref());
        if cilium.native() && cilium.value("autoDirectNodeRoutes", "false") != "true" {
            forget_direct_routes(world);
        }
    }
    if let Some(stack) = node.and_then(|node| world.net.cluster.find(&node)) {
        world.net.cluster.attach_programs(stack);
    }
}

/// Without `autoDirectNodeRoutes` no node knows the way to another's pods.
fn forget_direct_routes(world: &mut World) {
    for stack in world.net.cluster.cilium_stacks() {
        if let Some(stack) = world.net.cluster.stack_mut(stack) {
            stack.routes.retain(|route| {
                route.table != crate::route::TableId::MAIN
                    || route.via.is_none()
                    || route.dst.len != 24
                    || route.dev.as_deref() != Some("eth0")
            });
        }
    }
}

/// The agent ends: `Error`, then `CrashLoopBackOff`, each wait twice as long as the last, five minutes at most.
fn crash(pod: &mut Pod, error: &str, now: Timestamp) {
    pod.log.push(format!(
        "level=fatal msg=\"Error while creating daemon\" error=\"{}\" subsys=daemon",
        error.replace('"', "\\\"")
    ));
    let wait = 10_u64.saturating_mul(1 << pod.restarts.min(5)).min(300);
    pod.restarts += 1;
    pod.plan = VecDeque::from([
        (later(now, 2), State::Error),
        (later(now, 4), State::BackOff),
        (later(now, 4 + wait), State::Running),
    ]);
}

/// The security identity of a pod: one a set of labels, from 25669 (0x6445) on.
fn identity(cluster: &mut Cluster, at: usize) -> u32 {
    let Some(pod) = cluster.pods.get(at) else { return 0 };
    let labels: Vec<String> = pod.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let key = format!("{}/{}", pod.namespace, labels.join(","));
    let Some(cilium) = &mut cluster.cilium else { return 0 };
    let found = cilium.identities.iter().position(|known| *known == key).unwrap_or_else(|| {
        cilium.identities.push(key);
        cilium.identities.len() - 1
    });
    25_669 + u32::try_from(found).unwrap_or(0) * 1_117
}

/// The secret was written: mounted copies follow after a while, and the agents read them.
pub(super) fn secret_changed(cluster: &mut Cluster, namespace: &str, name: &str, now: Timestamp) {
    let nodes: Vec<String> = cluster.nodes.iter().map(|node| node.name.clone()).collect();
    let Some(cilium) = &mut cluster.cilium else { return };
    if cilium.namespace != namespace || cilium.secret_name() != name || !cilium.installed {
        return;
    }
    cilium.plan.retain(|(_, chore)| !matches!(chore, Chore::Reload(_)));
    for (at, node) in (0..).zip(nodes) {
        cilium.plan.push((later(now, SECRET_REFRESH + 5 * at), Chore::Reload(node)));
    }
}

/// Carries out what Cilium's agents have planned for now.
fn chores(cluster: &mut Cluster, world: &mut World, now: Timestamp) -> bool {
    let Some(cilium) = &mut cluster.cilium else { return false };
    let due: Vec<Chore> = cilium.plan.iter().filter(|(time, _)| *time <= now).map(|(_, chore)| chore.clone()).collect();
    cilium.plan.retain(|(time, _)| *time > now);
    for chore in &due {
        match chore {
            Chore::Reload(node) => reload(cluster, node, world, now),
            Chore::Announce(node, id) => {
                if let Some(stack) = world.net.cluster.node(node).map(|node| node.stack) {
                    world.net.cluster.announce_key(stack, *id);
                }
            }
            Chore::Retire(node, id) => {
                if let Some(stack) = world.net.cluster.node(node).map(|node| node.stack) {
                    world.net.cluster.retire_key(stack, *id);
                }
            }
        }
    }
    !due.is_empty()
}

fn reload(cluster: &mut Cluster, node: &str, world: &mut World, now: Timestamp) {
    let Some(cilium) = &mut cluster.cilium else { return };
    let (namespace, name) = (cilium.namespace.clone(), cilium.secret_name().to_owned());
    let secret = cluster.secrets.iter().find(|own| own.namespace == namespace && own.name == name);
    let Some(text) = secret.and_then(|own| own.data.get("keys")).cloned() else { return };
    let pod = cluster.pods.iter_mut().find(|pod| is_agent(pod) && pod.node.as_deref() == Some(node));
    let say = |line: String| {
        if let Some(pod) = pod {
            pod.log.push(line);
        }
    };
    let stack = world.net.cluster.node(node).map(|node| node.stack);
    let old: Vec<u8> = stack
        .and_then(|stack| world.net.cluster.cilium_node(stack))
        .map(|own| own.keys.iter().map(|key| key.id).collect())
        .unwrap_or_default();
    match load(&text, world.kube.profile) {
        Loaded::Key(key) if old.contains(&key.id) => {
            say(format!(
                "level=error msg=\"Failed to load IPsec keyfile\" error=\"the key with id {} is in use: a new key needs a new id (simulated)\" subsys=ipsec",
                key.id
            ));
        }
        Loaded::Key(key) => {
            say("level=info msg=\"Loading IPsec keyfile\" path=/etc/ipsec/keys subsys=ipsec".to_owned());
            if let Some(stack) = stack {
                world.net.cluster.install_key(stack, &key);
            }
            cilium.loaded = Some(Secret::new(text));
            cilium.plan.push((later(now, 1), Chore::Announce(node.to_owned(), key.id)));
            for id in old {
                cilium.plan.push((later(now, KEY_DELETE_DELAY), Chore::Retire(node.to_owned(), id)));
            }
        }
        Loaded::Refused(_) => {
            say("level=error msg=\"IPsec enable failed\" error=\"unable to replace local state: invalid argument\" subsys=ipsec".to_owned());
        }
        Loaded::Fatal(error) => {
            say(format!("level=error msg=\"Failed to load IPsec keyfile\" error=\"{error}\" subsys=ipsec"));
        }
    }
}

/// Cilium's release is there: its agents and operator.
pub(super) fn install_cilium(cluster: &mut Cluster, cilium: Cilium, now: Timestamp) {
    let namespace = cilium.namespace.clone();
    let mut agent = Pod::new(&namespace, "cilium", "quay.io/cilium/cilium:v1.13.0-rc5", now);
    "cilium-agent".clone_into(&mut agent.container);
    agent.labels = labels(&[
        ("k8s-app", "cilium"),
        ("app.kubernetes.io/name", "cilium-agent"),
        ("app.kubernetes.io/part-of", "cilium"),
    ]);
    (agent.init_containers, agent.host_network, agent.tolerates_all) = (5, true, true);
    let mut operator = Pod::new(&namespace, "cilium-operator", "quay.io/cilium/operator-generic:v1.13.0-rc5", now);
    operator.labels = labels(&[
        ("io.cilium/app", "operator"),
        ("name", "cilium-operator"),
        ("app.kubernetes.io/name", "cilium-operator"),
    ]);
    (operator.host_network, operator.tolerates_all) = (true, true);
    let replicas = cilium.value("operator.replicas", "2").parse().unwrap_or(2);
    cluster.workloads.push(Workload {
        kind: WorkloadKind::DaemonSet,
        namespace: namespace.clone(),
        name: "cilium".to_owned(),
        created: now,
        replicas: 0,
        hash: String::new(),
        template: agent,
    });
    cluster.workloads.push(Workload {
        kind: WorkloadKind::Deployment,
        namespace,
        name: "cilium-operator".to_owned(),
        created: now,
        replicas,
        hash: "7c5f8b9d5".to_owned(),
        template: operator,
    });
    cluster.cilium = Some(cilium);
}

/// Cilium's release is removed: its pods end, what its agents did to the nodes is undone with them.
///
/// A real agent leaves devices, rules and states behind; the simulated nodes are put back to what they were.
pub(super) fn remove_cilium(cluster: &mut Cluster, world: &mut World, now: Timestamp) {
    cluster.workloads.retain(|workload| !matches!(workload.name.as_str(), "cilium" | "cilium-operator"));
    for pod in &mut cluster.pods {
        let of_cilium =
            pod.owner.as_ref().is_some_and(|(_, owner)| owner == "cilium" || owner.starts_with("cilium-operator-"));
        if of_cilium {
            terminate(pod, now);
        } else if !pod.host_network && pod.node.is_some() {
            // Its network went with Cilium.
            pod.address = None;
        }
    }
    if cluster.cilium.take().is_some_and(|cilium| cilium.installed) {
        world.net.cluster.remove_cilium();
    }
}

/// A map of labels.
pub(super) fn labels(pairs: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Pods that lost their network wait for the new one.
pub(super) fn reconnect(cluster: &mut Cluster) {
    let lost = |pod: &&mut Pod| !pod.host_network && pod.node.is_some() && pod.address.is_none();
    for pod in cluster.pods.iter_mut().filter(lost) {
        if pod.state != State::Terminating {
            pod.state = State::Creating;
            pod.plan.clear();
        }
    }
}
