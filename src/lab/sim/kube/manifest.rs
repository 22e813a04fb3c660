//! Objects of the API as JSON values, and their ways out: YAML, JSON, JSONPath, custom columns.

use serde_json::{Map, Value, json};

use super::object::{Cluster, Node, Pod, Secret, Workload, WorkloadKind};
use crate::lab::sim::World;
use crate::lab::sim::tools::{to_base64, zoned};
use crate::packet::Timestamp;

/// A moment as the API writes it.
pub(super) fn moment(time: Timestamp) -> String {
    zoned(time).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An id that looks like a UUID, made of an object's name, so that it stays the same.
fn uid(text: &str) -> String {
    use sha2::{Digest, Sha256};
    let hex: String = Sha256::digest(text.as_bytes()).iter().take(16).map(|octet| format!("{octet:02x}")).collect();
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

fn metadata(kind: &str, namespace: Option<&str>, name: &str, created: Timestamp) -> Value {
    let mut value = json!({
        "name": name,
        "creationTimestamp": moment(created),
        "uid": uid(&format!("{kind}/{}/{name}", namespace.unwrap_or(""))),
        "resourceVersion": (created.0 / 1_000_000_000 % 100_000).to_string(),
    });
    if let Some(namespace) = namespace {
        value["namespace"] = json!(namespace);
    }
    value
}

/// A pod.
pub(super) fn pod(pod: &Pod, cluster: &Cluster) -> Value {
    let mut meta = metadata("Pod", Some(&pod.namespace), &pod.name, pod.created);
    if !pod.labels.is_empty() {
        meta["labels"] = json!(pod.labels);
    }
    if let Some((kind, name)) = &pod.owner {
        meta["ownerReferences"] = json!([{ "apiVersion": "apps/v1", "kind": kind, "name": name, "controller": true }]);
    }
    let host = pod.node.as_deref().and_then(|name| cluster.node(name)).map(|node| node.address.to_string());
    let ready = pod.state == super::object::State::Ready;
    let condition = |name: &str, met: bool| json!({ "type": name, "status": if met { "True" } else { "False" } });
    let mut status = json!({
        "phase": pod.phase(),
        "conditions": [
            condition("Initialized", pod.started.is_some()), condition("Ready", ready),
            condition("ContainersReady", ready), condition("PodScheduled", pod.node.is_some()),
        ],
        "containerStatuses": [{ "name": pod.container, "image": pod.image, "ready": ready, "restartCount": pod.restarts, "started": pod.runs() }],
        "qosClass": "BestEffort",
    });
    if let Some(host) = host {
        status["hostIP"] = json!(host);
    }
    if let Some(address) = pod.address {
        status["podIP"] = json!(address.to_string());
        status["podIPs"] = json!([{ "ip": address.to_string() }]);
    }
    if let Some(started) = pod.started {
        status["startTime"] = json!(moment(started));
    }
    let mut spec = json!({ "containers": [{ "name": pod.container, "image": pod.image }], "restartPolicy": "Always" });
    if let Some(node) = &pod.node {
        spec["nodeName"] = json!(node);
    }
    if pod.host_network {
        spec["hostNetwork"] = json!(true);
    }
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status })
}

/// All taints of a node, the node controller's too.
pub(super) fn taints(node: &Node) -> Vec<String> {
    let mut taints = node.taints.clone();
    if node.ready.is_none() {
        taints.push("node.kubernetes.io/not-ready:NoSchedule".to_owned());
    }
    taints
}

/// A node.
pub(super) fn node(node: &Node, cluster: &Cluster) -> Value {
    let mut meta = metadata("Node", None, &node.name, node.created);
    meta["labels"] = json!(node.labels);
    let taints: Vec<Value> = taints(node)
        .iter()
        .map(|taint| {
            let (key, effect) = taint.rsplit_once(':').unwrap_or((taint, ""));
            let (key, value) = key.split_once('=').unwrap_or((key, ""));
            if value.is_empty() {
                json!({ "key": key, "effect": effect })
            } else {
                json!({ "key": key, "value": value, "effect": effect })
            }
        })
        .collect();
    let at = cluster.nodes.iter().position(|own| own.name == node.name).unwrap_or(0);
    let mut spec = json!({ "podCIDR": format!("10.244.{at}.0/24"), "podCIDRs": [format!("10.244.{at}.0/24")], "providerID": format!("kind://docker/{}/{}", cluster.name, node.name) });
    if !taints.is_empty() {
        spec["taints"] = Value::Array(taints);
    }
    let (ready, reason, message) = readiness(node);
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": spec,
        "status": {
            "addresses": [{ "address": node.address.to_string(), "type": "InternalIP" }, { "address": node.name, "type": "Hostname" }],
            "conditions": [{ "type": "Ready", "status": ready, "reason": reason, "message": message }],
            "nodeInfo": {
                "kubeletVersion": "v1.23.4", "kubeProxyVersion": "v1.23.4", "osImage": "Ubuntu 21.10", "operatingSystem": "linux",
                "kernelVersion": KERNEL, "containerRuntimeVersion": "containerd://1.5.10", "architecture": "amd64",
            },
        },
    })
}

/// The kernel of the machine as `kubectl get nodes -o wide` shows it.
pub(super) const KERNEL: &str = "6.1.0-esplain-simulated";

/// Status, reason and message of a node's condition `Ready`.
pub(super) fn readiness(node: &Node) -> (&'static str, &'static str, &'static str) {
    if node.ready.is_some() {
        ("True", "KubeletReady", "kubelet is posting ready status")
    } else {
        (
            "False",
            "KubeletNotReady",
            "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized",
        )
    }
}

/// A secret, its values in base64.
pub(super) fn secret(secret: &Secret) -> Value {
    let data: Map<String, Value> =
        secret.data.iter().map(|(key, octets)| (key.clone(), Value::from(to_base64(octets)))).collect();
    let meta = metadata("Secret", Some(&secret.namespace), &secret.name, secret.created);
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data, "type": secret.kind })
}

/// A DaemonSet or Deployment.
pub(super) fn workload(workload: &Workload, cluster: &Cluster) -> Value {
    let mut meta = metadata(workload.api_kind(), Some(&workload.namespace), &workload.name, workload.created);
    meta["labels"] = json!(workload.template.labels);
    let pods: Vec<&Pod> = cluster.pods_of(workload).collect();
    let ready = pods.iter().filter(|pod| pod.state == super::object::State::Ready).count();
    let template = json!({
        "metadata": { "labels": workload.template.labels },
        "spec": { "containers": [{ "name": workload.template.container, "image": workload.template.image }] },
    });
    let status = match workload.kind {
        WorkloadKind::DaemonSet => {
            json!({ "currentNumberScheduled": pods.len(), "desiredNumberScheduled": cluster.nodes.len(), "numberReady": ready, "numberAvailable": ready })
        }
        WorkloadKind::Deployment => {
            json!({ "replicas": pods.len(), "readyReplicas": ready, "availableReplicas": ready })
        }
    };
    let mut spec = json!({ "selector": { "matchLabels": workload.template.labels }, "template": template });
    if workload.kind == WorkloadKind::Deployment {
        spec["replicas"] = json!(workload.replicas);
    }
    json!({ "apiVersion": "apps/v1", "kind": workload.api_kind(), "metadata": meta, "spec": spec, "status": status })
}

/// A namespace.
pub(super) fn namespace(name: &str, created: Timestamp) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata("Namespace", None, name, created), "status": { "phase": "Active" } })
}

/// A service.
pub(super) fn service(namespace: &str, name: &str, address: &str, ports: &str, created: Timestamp) -> Value {
    let ports: Vec<Value> = ports
        .split(',')
        .map(|port| {
            let (number, protocol) = port.split_once('/').unwrap_or((port, "TCP"));
            json!({ "port": number.parse::<u16>().unwrap_or(0), "protocol": protocol })
        })
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": metadata("Service", Some(namespace), name, created),
        "spec": { "clusterIP": address, "ports": ports, "type": "ClusterIP" },
    })
}

/// A CiliumNode: what one agent tells the others, the id of its key among it.
pub(super) fn cilium_node(node: &Node, world: &World) -> Option<Value> {
    let own = world.net.cluster.node(&node.name)?.cilium.as_ref()?;
    let mut spec = json!({
        "addresses": [{ "ip": node.address.to_string(), "type": "InternalIP" }, { "ip": own.router.to_string(), "type": "CiliumInternalIP" }],
        "health": { "ipv4": own.health.to_string() },
        "ipam": { "podCIDRs": [own.pod_cidr.to_string()] },
    });
    spec["encryption"] = own.keys.last().map_or(json!({}), |key| json!({ "key": key.id }));
    let meta = metadata("CiliumNode", None, &node.name, node.ready.unwrap_or(node.created));
    Some(json!({ "apiVersion": "cilium.io/v2", "kind": "CiliumNode", "metadata": meta, "spec": spec }))
}

/// Sets a field given by a dotted path.
pub(super) fn put(tree: &mut Value, path: &str, value: Value) {
    let mut at = tree;
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        if !at.is_object() {
            *at = json!({});
        }
        if names.peek().is_none() {
            at[name] = value;
            return;
        }
        at = &mut at[name];
    }
}

/// YAML as kubectl writes it: keys sorted, lists not indented under their key.
pub(super) fn to_yaml(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(fields) => {
            for (at, (name, value)) in fields.iter().enumerate() {
                // The first field of a list's item stands behind its dash.
                if at > 0 || !text.ends_with("- ") {
                    text.push_str(&pad);
                }
                text.push_str(&scalar(name));
                text.push(':');
                match value {
                    Value::Object(inner) if !inner.is_empty() => {
                        text.push('\n');
                        block(value, indent + 2, text);
                    }
                    Value::Array(items) if !items.is_empty() => {
                        text.push('\n');
                        block(value, indent, text);
                    }
                    other => text.push_str(&format!(" {}\n", plain(other))),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                text.push_str(&format!("{pad}- "));
                match item {
                    Value::Object(fields) if !fields.is_empty() => block(item, indent + 2, text),
                    other => text.push_str(&format!("{}\n", plain(other))),
                }
            }
        }
        other => text.push_str(&format!("{pad}{}\n", plain(other))),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
        other => other.to_string(),
    }
}

/// A string as YAML wants it: quoted where it would read as something else.
fn scalar(text: &str) -> String {
    let special = text.is_empty()
        || text.starts_with(|letter: char| "-?:,[]{}#&*!|>'\"%@` ".contains(letter))
        || text.contains(": ")
        || text.contains(" #")
        || text.ends_with([':', ' ']);
    let typed = matches!(text, "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "~" | "y" | "n")
        || text.parse::<f64>().is_ok()
        || (text.len() == 20 && text.ends_with('Z') && text.contains('T'));
    if text.contains('\n') {
        return serde_json::to_string(text).unwrap_or_default();
    }
    if typed {
        return format!("\"{text}\"");
    }
    if special { format!("'{}'", text.replace('\'', "''")) } else { text.to_owned() }
}

/// Evaluates a JSONPath template as kubectl does: `{.items[*].metadata.name}`, `{range .items[*]}…{end}`, text between.
pub(super) fn json_path(template: &str, value: &Value) -> Result<String, String> {
    let template = template.trim();
    // `-o jsonpath=.data.keys` without braces is accepted too.
    let owned = if template.contains('{') { template.to_owned() } else { format!("{{{template}}}") };
    let parts = split_template(&owned)?;
    let mut text = String::new();
    render(&parts, value, &mut text)?;
    Ok(text)
}

enum Part {
    Text(String),
    Path(String),
    Range(String, Vec<Part>),
}

fn split_template(template: &str) -> Result<Vec<Part>, String> {
    let mut stack: Vec<(String, Vec<Part>)> = vec![(String::new(), Vec::new())];
    let mut rest = template;
    while !rest.is_empty() {
        let Some(open) = rest.find('{') else {
            push(&mut stack, Part::Text(escapes(rest)));
            break;
        };
        if open > 0 {
            push(&mut stack, Part::Text(escapes(&rest[..open])));
        }
        let close = closing(&rest[open..]).ok_or("error parsing jsonpath: unclosed action")? + open;
        let inside = rest[open + 1..close].trim();
        rest = &rest[close + 1..];
        if let Some(path) = inside.strip_prefix("range ") {
            stack.push((path.trim().to_owned(), Vec::new()));
        } else if inside == "end" {
            let (path, parts) = stack
                .pop()
                .filter(|_| !stack.is_empty())
                .ok_or("error parsing jsonpath: not in range, nothing to end")?;
            push(&mut stack, Part::Range(path, parts));
        } else if let Some(text) = inside.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            push(&mut stack, Part::Text(escapes(text)));
        } else {
            push(&mut stack, Part::Path(inside.to_owned()));
        }
    }
    if stack.len() > 1 {
        return Err("error parsing jsonpath: unclosed range".to_owned());
    }
    Ok(stack.pop().map(|(_, parts)| parts).unwrap_or_default())
}

fn push(stack: &mut [(String, Vec<Part>)], part: Part) {
    if let Some((_, parts)) = stack.last_mut() {
        parts.push(part);
    }
}

/// Where the brace that opens `text` is closed; quotes protect.
fn closing(text: &str) -> Option<usize> {
    let mut quoted = None;
    for (at, letter) in text.char_indices() {
        match (quoted, letter) {
            (None, '"' | '\'') => quoted = Some(letter),
            (Some(quote), letter) if letter == quote => quoted = None,
            (None, '}') => return Some(at),
            _ => {}
        }
    }
    None
}

fn escapes(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t")
}

fn render(parts: &[Part], value: &Value, text: &mut String) -> Result<(), String> {
    for part in parts {
        match part {
            Part::Text(plain) => text.push_str(plain),
            Part::Path(path) => {
                let found: Vec<String> = walk(path, value)?.into_iter().map(show).collect();
                text.push_str(&found.join(" "));
            }
            Part::Range(path, inner) => {
                for item in walk(path, value)? {
                    render(inner, item, text)?;
                }
            }
        }
    }
    Ok(())
}

fn show(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The values that a path finds: `.a.b`, `['a']`, `[0]`, `[*]`, `[?(@.a=="b")]`, `..name`. A field that is not there finds
/// nothing.
pub(super) fn walk<'a>(path: &str, value: &'a Value) -> Result<Vec<&'a Value>, String> {
    let mut found = vec![value];
    let mut rest = path.trim_start_matches(['$', '@']);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("..") {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let name = &after[..end];
            found = found.iter().flat_map(|value| everywhere(value, name)).collect();
            rest = &after[end..];
        } else if let Some(after) = rest.strip_prefix('.') {
            // A dot in a name is protected by a backslash: `.metadata.labels.app\.kubernetes\.io/name`.
            let (mut name, mut end, mut escaped) = (String::new(), after.len(), false);
            for (at, letter) in after.char_indices() {
                match letter {
                    '\\' if !escaped => escaped = true,
                    '.' | '[' if !escaped => {
                        end = at;
                        break;
                    }
                    other => {
                        name.push(other);
                        escaped = false;
                    }
                }
            }
            found = match name.as_str() {
                "" => found,
                "*" => found.iter().flat_map(|value| children(value)).collect(),
                name => found.iter().filter_map(|value| value.get(name)).collect(),
            };
            rest = &after[end..];
        } else if let Some(after) = rest.strip_prefix('[') {
            let end = after.find(']').ok_or("error parsing jsonpath: unterminated array")?;
            let inside = after[..end].trim();
            found = if inside == "*" {
                found.iter().flat_map(|value| children(value)).collect()
            } else if let Some(test) = inside.strip_prefix("?(").and_then(|test| test.strip_suffix(')')) {
                let mut kept = Vec::new();
                for item in found.iter().flat_map(|value| children(value)) {
                    if holds(test, item)? {
                        kept.push(item);
                    }
                }
                kept
            } else if let Ok(index) = inside.parse::<i64>() {
                let pick = |value: &&'a Value| {
                    let items = value.as_array()?;
                    let at = if index < 0 {
                        items.len().checked_sub(usize::try_from(-index).ok()?)?
                    } else {
                        usize::try_from(index).ok()?
                    };
                    items.get(at)
                };
                found.iter().filter_map(pick).collect()
            } else {
                let name = inside.trim_matches(['\'', '"']);
                found.iter().filter_map(|value| value.get(name)).collect()
            };
            rest = &after[end + 1..];
        } else {
            return Err(format!("error parsing jsonpath {path}: unrecognized character in action: {rest}"));
        }
    }
    Ok(found)
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    }
}

fn everywhere<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    let mut found: Vec<&Value> = value.get(name).into_iter().collect();
    for child in children(value) {
        found.extend(everywhere(child, name));
    }
    found
}

fn holds(test: &str, item: &Value) -> Result<bool, String> {
    for operator in ["==", "!="] {
        if let Some((path, wanted)) = test.split_once(operator) {
            let wanted = wanted.trim().trim_matches(['"', '\'']);
            let found = walk(path.trim(), item)?.first().is_some_and(|value| show(value) == wanted);
            return Ok(found == (operator == "=="));
        }
    }
    Ok(!walk(test.trim(), item)?.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_is_laid_out_as_kubectl_does() {
        let value = json!({ "b": [{ "x": 1, "z": ["p"] }, "q"], "a": { "c": "3", "d": "v: w", "e": {}, "f": [] } });
        assert_eq!(to_yaml(&value), "a:\n  c: \"3\"\n  d: 'v: w'\n  e: {}\n  f: []\nb:\n- x: 1\n  z:\n  - p\n- q\n");
    }

    #[test]
    fn json_paths_find_what_kubectl_finds() {
        let value = json!({ "items": [
            { "metadata": { "name": "a" }, "s": [{ "type": "X", "ip": "1" }, { "type": "Y", "ip": "2" }] },
            { "metadata": { "name": "b", "labels": { "k.io/x": "v" } } },
        ] });
        let path = |template: &str| json_path(template, &value).expect(template);
        assert_eq!(path("{.items[*].metadata.name}"), "a b");
        assert_eq!(path("{.items[0].metadata.name}"), "a");
        assert_eq!(path("{.items[-1:].metadata.name}"), "");
        assert_eq!(path("{range .items[*]}{.metadata.name}{\"\\n\"}{end}"), "a\nb\n");
        assert_eq!(path("{.items[0].s[?(@.type==\"Y\")].ip}"), "2");
        assert_eq!(path("{.items[1].metadata.labels.k\\.io/x}"), "v");
        assert_eq!(path("{..name}"), "a b");
        assert_eq!(path(".items[1].metadata.name"), "b");
        assert!(json_path("{.a", &value).is_err());
    }
}
