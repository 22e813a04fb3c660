use std::collections::BTreeMap;
use std::net::IpAddr;

use super::object::{Pod, Secret, State};
use super::{controller, exec, kind};
use crate::lab::machine_files::{MACHINE_FILES, kind_config};
use crate::lab::sim::World;
use crate::lab::sim::shell::Session;
use crate::lab::sim::tools::{self, install_base};
use crate::lab::{Place, PlaceKind};
use crate::profile::Profile;

/// The cluster's name in the course's configuration.
const COURSE: &str = "cilium-ipsec-native-routing";

/// The chart values of the tutorial.
const VALUES: &[(&str, &str)] = &[
    ("k8sServiceHost", "cilium-ipsec-native-routing-control-plane"),
    ("k8sServicePort", "6443"),
    ("tunnel", "disabled"),
    ("autoDirectNodeRoutes", "true"),
    ("ipv4NativeRoutingCIDR", "10.0.0.0/8"),
    ("ipam.mode", "cluster-pool"),
    ("encryption.enabled", "true"),
    ("encryption.type", "ipsec"),
    ("debug.enabled", "true"),
    ("debug.verbose", "datapath"),
    ("monitorAggregation", "none"),
];

/// Lays the machine out: its programs and the course's files.
pub(in crate::lab::sim) fn furnish_machine(world: &mut World) {
    let now = world.now();
    let files = world.files.entry("machine".to_owned()).or_default();
    files.now = now;
    install_base(files, PlaceKind::Machine);
    for (name, text) in MACHINE_FILES {
        let laid = files.write(&format!("/root/{name}"), text.as_bytes());
        debug_assert!(laid.is_ok(), "{name}: {laid:?}");
    }
}

/// Has the tools and charts stand for other versions, before anything was made with them.
pub(in crate::lab::sim) fn set_profile(world: &mut World, profile: Profile) {
    world.kube.profile = profile;
    let config = kind_config(profile);
    let laid = world.files.entry("machine".to_owned()).or_default().write("/root/kind-config.yaml", config.as_bytes());
    debug_assert!(laid.is_ok(), "{laid:?}");
}

/// The places that there are now.
pub(in crate::lab::sim) fn places(world: &World) -> Vec<Place> {
    if !world.plain.is_empty() {
        return world.plain.clone();
    }
    let alias = |name: &str, full: &str| if name == full { Vec::new() } else { vec![name.to_owned()] };
    let mut places = vec![Place {
        name: "machine".to_owned(),
        aliases: vec!["machine".to_owned()],
        kind: PlaceKind::Machine,
        node: None,
        addresses: world.addresses("machine"),
    }];
    let Some(cluster) = &world.kube.cluster else { return places };
    let mut nodes: Vec<Place> = cluster
        .nodes
        .iter()
        .map(|node| {
            let short = node.name.strip_prefix(&format!("{}-", cluster.name)).unwrap_or(&node.name);
            Place {
                name: node.name.clone(),
                aliases: alias(short, &node.name),
                kind: PlaceKind::Node,
                node: None,
                addresses: vec![IpAddr::V4(node.address)],
            }
        })
        .collect();
    nodes.sort_by_key(|place| (place.name.ends_with("control-plane"), place.name.clone()));
    places.extend(nodes);
    let mut pods: Vec<&Pod> = cluster.pods.iter().filter(|pod| exec::is_place(pod)).collect();
    pods.sort_by_key(|pod| &pod.name);
    places.extend(pods.into_iter().map(|pod| Place {
        name: pod.name.clone(),
        aliases: Vec::new(),
        kind: PlaceKind::Pod,
        node: pod.node.clone(),
        addresses: pod.address.map(IpAddr::V4).into_iter().collect(),
    }));
    places
}

/// The session of somebody who comes to a place for the first time.
pub(in crate::lab::sim) fn login(world: &World, place: &str) -> Session {
    let in_container = world.kube.cluster.iter().any(|cluster| {
        cluster.nodes.iter().any(|node| node.name == place) || cluster.pods.iter().any(|pod| pod.name == place)
    });
    // `docker exec` and `kubectl exec` begin at the root of the container.
    Session::new(place, if in_container { "/" } else { "/root" })
}

/// What lessons speak through, as far as it is known now. Names are known before the cluster is there, addresses after.
pub(in crate::lab::sim) fn facts(world: &World) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut say = |name: &str, value: String| {
        facts.insert(name.to_owned(), value);
    };
    let name = world.kube.cluster.as_ref().map_or(COURSE, |cluster| &cluster.name);
    say("cluster", name.to_owned());
    for (name, value) in world.kube.profile.facts() {
        say(name, value.to_owned());
    }
    say("gateway", "172.18.0.1".to_owned());
    let native = world.kube.cluster.as_ref().and_then(|cluster| cluster.cilium.as_ref());
    say(
        "native_cidr",
        native.map_or("10.0.0.0/8", |cilium| cilium.value("ipv4NativeRoutingCIDR", "10.0.0.0/8")).to_owned(),
    );
    say("pod_a", "pod-a".to_owned());
    say("pod_b", "pod-b".to_owned());
    // 20 octets that no secret of this lab holds: they are drawn nowhere.
    say("wrong_key", "00112233445566778899aabbccddeeff01234567".to_owned());
    for (role, letter) in [("worker", "a"), ("worker2", "b"), ("control-plane", "c")] {
        let full = format!("{name}-{role}");
        let variable = role.replace('-', "_");
        say(&variable, full.clone());
        let Some(node) = world.net.cluster.node(&full) else { continue };
        say(&format!("{variable}_ip"), node.address.to_string());
        let Some(cilium) = &node.cilium else { continue };
        say(&format!("pod_cidr_{letter}"), cilium.pod_cidr.to_string());
        say(&format!("cilium_host_{letter}"), cilium.router.to_string());
        if let Some(key) = cilium.keys.last() {
            say("key_id", key.id.to_string());
            say("spi", crate::esp::Spi(key.id.into()).to_string());
            say("encrypt_mark", crate::datapath::mark::out(key.id).to_string());
        }
    }
    for (pod, letter) in [("pod-a", "a"), ("pod-b", "b")] {
        let Some(found) = world.kube.cluster.iter().flat_map(|cluster| &cluster.pods).find(|own| own.name == pod)
        else {
            continue;
        };
        let Some(address) = found.address.filter(|_| !found.host_network) else { continue };
        say(&format!("pod_{letter}_ip"), address.to_string());
        let node = found.node.as_deref().and_then(|node| world.net.cluster.node(node));
        let stack = node.and_then(|node| world.net.cluster.stack(node.stack));
        let endpoint = stack.and_then(|stack| Some((stack, stack.cilium.endpoint(address)?)));
        if let Some((stack, endpoint)) = endpoint {
            say(&format!("lxc_{letter}"), stack.device_name(endpoint.device));
        }
    }
    facts
}

/// Does the whole set-up of the course at once, as its steps do it one by one: the cluster, the taint, the key, Cilium,
/// the tools, the pods.
pub(in crate::lab::sim) fn finish(world: &mut World) {
    kind::make_course(COURSE, world);
    settle(world);
    let key: String = world.net.cluster.random().hex(40);
    let text = format!("3 rfc4106(gcm(aes)) {key} 128");
    let now = world.now();
    world.kube.repositories.push(("cilium".to_owned(), "https://helm.cilium.io/".to_owned()));
    if let Some(cluster) = &mut world.kube.cluster {
        for node in &mut cluster.nodes {
            node.taints.clear();
        }
        cluster.secrets.push(Secret {
            namespace: "kube-system".to_owned(),
            name: "cilium-ipsec-keys".to_owned(),
            kind: "Opaque".to_owned(),
            data: BTreeMap::from([("keys".to_owned(), text.into_bytes())]),
            created: now,
        });
        let values: BTreeMap<String, String> =
            VALUES.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        cluster.releases.push(super::object::Release {
            name: "cilium".to_owned(),
            namespace: "kube-system".to_owned(),
            revision: 1,
            updated: now,
            values: values.clone(),
        });
        controller::install_cilium(cluster, super::object::Cilium::new("kube-system".to_owned(), values), now);
    }
    settle(world);
    for role in ["worker", "worker2"] {
        let files = world.files.entry(format!("{COURSE}-{role}")).or_default();
        for path in ["/usr/bin/tcpdump", "/usr/sbin/ifconfig", "/usr/sbin/route", "/usr/sbin/arp", "/usr/bin/ping"] {
            tools::install(files, path);
        }
    }
    let now = world.now();
    if let Some(cluster) = &mut world.kube.cluster {
        for (name, node) in [("pod-a", "worker"), ("pod-b", "worker2")] {
            let mut pod = Pod::new("default", name, "nicolaka/netshoot:v0.9", now);
            "netshoot".clone_into(&mut pod.container);
            pod.labels = controller::labels(&[("app", name)]);
            pod.wanted_node = Some(format!("{COURSE}-{node}"));
            cluster.pods.push(pod);
        }
    }
    settle(world);
    let ready = world.kube.cluster.iter().flat_map(|cluster| &cluster.pods).all(|pod| pod.state == State::Ready);
    debug_assert!(ready, "the finished cluster is not at rest");
}

/// Goes on along the virtual clock until the control plane rests.
fn settle(world: &mut World) {
    world.settle_now();
    for _ in 0..500 {
        let Some(next) = controller::next_event(world) else { return };
        world.set_now(next);
        world.settle_now();
    }
}
