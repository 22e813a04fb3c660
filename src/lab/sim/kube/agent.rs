use std::collections::BTreeSet;

use super::object::Cilium;
use super::tale::{Tale, refuse};
use crate::command::canonical;
use crate::datapath::{Entry, StackId};
use crate::lab::sim::World;
use crate::lab::sim::process::{Call, Process};

/// `cilium` as it is inside an agent's pod.
pub(super) fn program(call: &Call, world: &World) -> Box<dyn Process> {
    let given = canonical(&call.words);
    let words: Vec<&str> = given.words.iter().skip(1).map(String::as_str).collect();
    let stack = world.net.cluster.find(&call.network);
    let cilium = world.kube.cluster.as_ref().and_then(|cluster| cluster.cilium.as_ref());
    let (Some(stack), Some(cilium)) = (stack, cilium) else {
        return refuse(
            1,
            "Cannot get status: Get \"http://localhost/v1/healthz\": dial unix /var/run/cilium/cilium.sock: connect: no such file or directory\nIs the agent running?",
        );
    };
    match words.as_slice() {
        ["status"] => status(call, cilium, stack, world),
        ["encrypt", "status"] => encrypt_status(cilium, stack, world, given.value("o") == Some("json")),
        ["encrypt", ..] => refuse(1, "Manage transparent encryption\n\nUsage:\n  cilium encrypt [command]\n\nAvailable Commands:\n  flush       Flushes the current IPsec state (not simulated)\n  status      Display the current encryption state"),
        ["endpoint", "list"] => endpoints(stack, world),
        ["node", "list"] => nodes(world),
        ["version"] => Tale::default().print("Client: 1.13.0-rc5 (simulated)\nDaemon: 1.13.0-rc5 (simulated)\n").start(),
        [] | ["help"] => Tale::default().print("CLI for interacting with the local Cilium Agent\n\nSimulated here: status, encrypt status, endpoint list, node list, version\n").start(),
        other => refuse(1, format!("Error: `cilium {}` is not simulated; the lab `kind` has the real agent (esplain --lab kind)", other.join(" "))),
    }
}

/// The states of a node, the oldest first.
fn states(stack: StackId, world: &World) -> &[Entry] {
    world.net.cluster.stack(stack).map_or(&[], |stack| stack.sad.as_slice())
}

/// The highest sequence number that a state of this node sent last.
fn max_sequence(stack: StackId, world: &World) -> Option<u64> {
    states(stack, world).iter().map(|entry| entry.sent).max().filter(|sequence| *sequence > 0)
}

/// cilium/cmd/encrypt_status.go, as of v1.13.
fn encrypt_status(cilium: &Cilium, stack: StackId, world: &World, json: bool) -> Box<dyn Process> {
    if !cilium.ipsec() {
        return Tale::default()
            .print(if json { "{\n  \"mode\": \"Disabled\"\n}\n" } else { "Encryption: Disabled\n" })
            .start();
    }
    let keys: BTreeSet<Vec<String>> = states(stack, world)
        .iter()
        .map(|entry| {
            let algorithms = entry.state.algorithms.iter();
            algorithms
                .map(|algorithm| algorithm.key.known().map(crate::esp::Secret::fingerprint).unwrap_or_default())
                .collect()
        })
        .collect();
    let sequence = max_sequence(stack, world).map_or("N/A".to_owned(), |sequence| format!("0x{sequence:x}/0xffffffff"));
    let errors: Vec<(String, u64)> = world
        .net
        .cluster
        .stack(stack)
        .map(|stack| stack.counters.xfrm.moved().map(|(counter, count)| (counter.name().to_owned(), count)).collect())
        .unwrap_or_default();
    let sum: u64 = errors.iter().map(|(_, count)| count).sum();
    if json {
        let text = serde_json::json!({ "mode": "IPsec", "ipsec": {
            "keys-in-use": keys.len(), "max-seq-number": sequence, "error-count": sum,
            "xfrm-errors": errors.iter().map(|(name, count)| (name.clone(), serde_json::Value::from(*count))).collect::<serde_json::Map<_, _>>(),
        } });
        return Tale::default().print(format!("{}\n", serde_json::to_string_pretty(&text).unwrap_or_default())).start();
    }
    let mut text = format!(
        "Encryption: {:<26}\nKeys in use: {:<26}\nMax Seq. Number: {sequence}\nErrors: {sum:<26}\n",
        "IPsec",
        keys.len()
    );
    for (name, count) in errors {
        text.push_str(&format!("\t{name}: {count}\n"));
    }
    Tale::default().print(text).start()
}

fn status(call: &Call, cilium: &Cilium, stack: StackId, world: &World) -> Box<dyn Process> {
    let cluster = &world.net.cluster;
    let Some(own) = cluster.cilium_node(stack) else {
        return refuse(1, "Cannot get status: the agent has not set the node up yet");
    };
    let nodes = cluster.nodes.len();
    let encryption = if cilium.ipsec() { "IPsec" } else { "Disabled" };
    let (used, routing) = (
        own.pods.len() + 2,
        if cilium.native() { "Network: Native   Host: Legacy" } else { "Network: Tunnel [vxlan]   Host: Legacy" },
    );
    let controllers = 20 + own.pods.len() * 3;
    let masquerading = match cilium.values.get("ipv4NativeRoutingCIDR") {
        Some(cidr) => format!("IPTables [IPv4: Enabled, IPv6: Disabled] (not for {cidr})"),
        None => "IPTables [IPv4: Enabled, IPv6: Disabled]".to_owned(),
    };
    let name = call.place.clone();
    Tale::default()
        .print(format!(
            "KVStore:                 Ok   Disabled\n\
             Kubernetes:              Ok   1.23 (v1.23.4) [linux/amd64]\n\
             Kubernetes APIs:         [\"cilium/v2::CiliumClusterwideNetworkPolicy\", \"cilium/v2::CiliumEndpoint\", \"cilium/v2::CiliumNetworkPolicy\", \"cilium/v2::CiliumNode\", \"core/v1::Namespace\", \"core/v1::Node\", \"core/v1::Pods\", \"core/v1::Service\", \"discovery/v1::EndpointSlice\", \"networking.k8s.io/v1::NetworkPolicy\"]\n\
             KubeProxyReplacement:    Disabled   \n\
             Host firewall:           Disabled\n\
             CNI Chaining:            none\n\
             CNI Config file:         CNI configuration file management disabled\n\
             Cilium:                  Ok   1.13.0-rc5 (simulated, {name})\n\
             NodeMonitor:             Disabled\n\
             Cilium health daemon:    Ok   \n\
             IPAM:                    IPv4: {used}/254 allocated from {}, \n\
             IPv6 BIG TCP:            Disabled\n\
             BandwidthManager:        Disabled\n\
             Host Routing:            Legacy\n\
             Masquerading:            {masquerading}\n\
             Controller Status:       {controllers}/{controllers} healthy\n\
             Proxy Status:            OK, ip {}, 0 redirects active on ports 10000-20000\n\
             Global Identity Range:   min 256, max 65535\n\
             Encryption:              {encryption}   \n\
             Routing:                 {routing}\n\
             Cluster health:          {nodes}/{nodes} reachable   (simulated)\n",
            own.pod_cidr, own.router
        ))
        .start()
}

fn endpoints(stack: StackId, world: &World) -> Box<dyn Process> {
    let mut rows = vec![
        [
            "ENDPOINT",
            "POLICY (ingress)",
            "POLICY (egress)",
            "IDENTITY",
            "LABELS (source:key[=value])",
            "IPv6",
            "IPv4",
            "STATUS",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    let Some(own) = world.net.cluster.stack(stack) else { return refuse(1, "no endpoints") };
    for endpoint in &own.cilium.endpoints {
        let id = u32::from(endpoint.address) % 4096;
        let pod = world
            .kube
            .cluster
            .iter()
            .flat_map(|cluster| &cluster.pods)
            .find(|pod| pod.address == Some(endpoint.address));
        let label = pod.map_or("reserved:health".to_owned(), |pod| {
            pod.labels
                .iter()
                .next()
                .map_or("k8s:io.kubernetes.pod.namespace=".to_owned() + &pod.namespace, |(key, value)| {
                    format!("k8s:{key}={value}")
                })
        });
        rows.push(vec![
            id.to_string(),
            "Disabled".to_owned(),
            "Disabled".to_owned(),
            endpoint.identity.to_string(),
            label,
            String::new(),
            endpoint.address.to_string(),
            "ready".to_owned(),
        ]);
    }
    Tale::default().print(super::table(&rows)).start()
}

fn nodes(world: &World) -> Box<dyn Process> {
    let mut rows =
        vec![["Name", "IPv4 Address", "Endpoint CIDR", "IPv6 Address", "Endpoint CIDR"].map(str::to_owned).to_vec()];
    for node in &world.net.cluster.nodes {
        let Some(cilium) = &node.cilium else { continue };
        let name = world.kube.cluster.as_ref().map_or(node.name.clone(), |_| format!("default/{}", node.name));
        rows.push(vec![name, node.address.to_string(), cilium.pod_cidr.to_string(), String::new(), String::new()]);
    }
    Tale::default().print(super::table(&rows)).start()
}
