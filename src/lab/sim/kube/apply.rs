use std::collections::BTreeMap;

use serde_json::Value;

use super::controller::{self, labels};
use super::get::namespace;
use super::kubectl::REFUSED;
use super::manifest;
use super::object::{Pod, Secret, Workload, WorkloadKind};
use super::tale::refuse;
use crate::command::Canonical;
use crate::lab::sim::World;
use crate::lab::sim::process::{Call, Io, Process};
use crate::lab::sim::tools::{Whole, from_base64, once};
use crate::packet::Timestamp;

/// `kubectl create`.
pub(super) fn create(given: &Canonical, words: &[&str], call: &Call) -> Box<dyn Process> {
    if given.has("filename") {
        return apply(given, call, false);
    }
    match words {
        [_, "secret", "generic", name] => {
            let (given, name, call) = (given.clone(), (*name).to_owned(), call.clone());
            if given.values("from-file").any(|file| file.ends_with("=/dev/stdin")) {
                return Box::new(Whole(Some(move |world: &mut World, io: &mut Io, text: Vec<u8>| {
                    create_secret(&given, &name, &call, Some(&text), world, io)
                })));
            }
            once(move |world, io| create_secret(&given, &name, &call, None, world, io))
        }
        [_, "secret", "generic", names @ ..] => {
            let count = names.len();
            refuse(
                1,
                format!(
                    "error: exactly one NAME is required, got {count}\nSee 'kubectl create secret generic -h' for help and examples"
                ),
            )
        }
        [_, "secret", ..] => refuse(1, "Error: must specify one of [docker-registry generic tls]"),
        [_, "namespace" | "ns", name] => {
            let name = (*name).to_owned();
            once(move |world, io| {
                let now = world.now();
                let Some(cluster) = &mut world.kube.cluster else { return 1 };
                if cluster.namespaces.iter().any(|(known, _)| *known == name) {
                    io.complain(format!("Error from server (AlreadyExists): namespaces \"{name}\" already exists\n"));
                    return 1;
                }
                cluster.namespaces.push((name.clone(), now));
                cluster.namespaces.sort();
                io.print(format!("namespace/{name} created\n"));
                0
            })
        }
        [] | [_] => refuse(1, "error: must specify one of -f and -k"),
        [_, other, ..] => refuse(
            1,
            format!(
                "error: of `kubectl create` the simulated lab knows `secret generic`, `namespace` and `-f FILE`, not `{other}`"
            ),
        ),
    }
}

fn create_secret(
    given: &Canonical,
    name: &str,
    call: &Call,
    input: Option<&[u8]>,
    world: &mut World,
    io: &mut Io,
) -> i32 {
    let mut data = BTreeMap::new();
    for literal in given.values("from-literal") {
        let Some((key, value)) = literal.split_once('=') else {
            io.complain(format!(
                "error: failed to create secret invalid literal source {literal}, expected key=value\n"
            ));
            return 1;
        };
        if data.insert(key.to_owned(), value.as_bytes().to_vec()).is_some() {
            io.complain(format!("error: failed to create secret cannot add key {key}, another key by that name already exists in Data for Secret {name}\n"));
            return 1;
        }
    }
    for file in given.values("from-file") {
        let (key, path) = match file.split_once('=') {
            Some((key, path)) => (key.to_owned(), path),
            None => (file.rsplit('/').next().unwrap_or(file).to_owned(), file),
        };
        let read = match input.filter(|_| path == "/dev/stdin") {
            Some(octets) => Ok(octets.to_vec()),
            None => world.read_file(call, path),
        };
        match read {
            Ok(octets) => {
                data.insert(key, octets);
            }
            Err(_) => {
                io.complain(format!("error: failed to create secret open {path}: no such file or directory\n"));
                return 1;
            }
        }
    }
    let kind = given.value("type").unwrap_or("Opaque").to_owned();
    let secret =
        Secret { namespace: namespace(given).to_owned(), name: name.to_owned(), kind, data, created: world.now() };
    if given.has("dry-run") {
        let mut value = manifest::secret(&secret);
        value["metadata"] =
            serde_json::json!({ "creationTimestamp": null, "name": name, "namespace": secret.namespace });
        match given.value("output") {
            Some("yaml") => io.print(manifest::to_yaml(&value)),
            Some("json") => io.print(format!("{}\n", serde_json::to_string_pretty(&value).unwrap_or_default())),
            _ => io.print(format!("secret/{name} created (dry run)\n")),
        }
        return 0;
    }
    match store_secret(secret, false, world) {
        Ok(_) => {
            io.print(format!("secret/{name} created\n"));
            0
        }
        Err(error) => {
            io.complain(format!("error: failed to create secret {error}\n"));
            1
        }
    }
}

/// Puts a secret into the API; the word for what that did.
fn store_secret(secret: Secret, replace: bool, world: &mut World) -> Result<&'static str, String> {
    let now = world.now();
    let Some(cluster) = &mut world.kube.cluster else { return Err(REFUSED.to_owned()) };
    let (space, name) = (secret.namespace.clone(), secret.name.clone());
    if !cluster.namespaces.iter().any(|(known, _)| *known == space) {
        return Err(format!("namespaces \"{space}\" not found"));
    }
    let done = match cluster.secrets.iter_mut().find(|own| own.namespace == space && own.name == name) {
        Some(_) if !replace => return Err(format!("secrets \"{name}\" already exists")),
        Some(own) if own.data == secret.data => return Ok("unchanged"),
        Some(own) => {
            own.data = secret.data;
            "configured"
        }
        None => {
            cluster.secrets.push(secret);
            "created"
        }
    };
    controller::secret_changed(cluster, &space, &name, now);
    Ok(done)
}

/// `kubectl apply -f`, `kubectl create -f`: a file, or standard input for `-`.
pub(super) fn apply(given: &Canonical, call: &Call, may_exist: bool) -> Box<dyn Process> {
    let files: Vec<String> = given.values("filename").map(str::to_owned).collect();
    if files.is_empty() {
        return refuse(1, "error: must specify one of -f and -k");
    }
    let (given, call) = (given.clone(), call.clone());
    if files == ["-"] {
        return Box::new(Whole(Some(move |world: &mut World, io: &mut Io, text: Vec<u8>| {
            apply_text(&given, "STDIN", &text, may_exist, world, io)
        })));
    }
    once(move |world, io| {
        let mut status = 0;
        for file in &files {
            if file.starts_with("http") {
                io.complain(format!(
                    "error: unable to read URL \"{file}\": the simulated lab reaches no server outside it\n"
                ));
                status = 1;
                continue;
            }
            match world.read_file(&call, file) {
                Ok(text) => status = status.max(apply_text(&given, file, &text, may_exist, world, io)),
                Err(_) => {
                    io.complain(format!("error: the path \"{file}\" does not exist\n"));
                    status = 1;
                }
            }
        }
        status
    })
}

/// The documents of a YAML (or JSON) text.
pub(super) fn documents(text: &[u8]) -> Result<Vec<Value>, String> {
    let text = String::from_utf8_lossy(text);
    let mut found = Vec::new();
    for part in format!("\n{text}").split("\n---") {
        let part = part.split_once('\n').map_or("", |(_, rest)| rest);
        let bare = part.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
        if bare {
            continue;
        }
        let value: Value = serde_yaml::from_str(part)
            .map_err(|error| format!("error converting YAML to JSON: yaml: {}", super::first_line(&error)))?;
        match value.get("items").and_then(Value::as_array).filter(|_| value["kind"] == "List") {
            Some(items) => found.extend(items.iter().cloned()),
            None => found.push(value),
        }
    }
    Ok(found)
}

fn apply_text(given: &Canonical, file: &str, text: &[u8], may_exist: bool, world: &mut World, io: &mut Io) -> i32 {
    let found = match documents(text) {
        Ok(found) => found,
        Err(error) => {
            io.complain(format!("error: error parsing {file}: {error}\n"));
            return 1;
        }
    };
    if found.is_empty() {
        io.complain(if may_exist {
            "error: no objects passed to apply\n"
        } else {
            "error: no objects passed to create\n"
        });
        return 1;
    }
    let mut status = 0;
    for value in found {
        match apply_one(given, file, &value, may_exist, world) {
            Ok(text) => io.print(format!("{text}\n")),
            Err(error) => {
                io.complain(format!("{error}\n"));
                status = 1;
            }
        }
    }
    status
}

#[expect(clippy::too_many_lines, reason = "one arm a kind of the API")]
fn apply_one(
    given: &Canonical,
    file: &str,
    value: &Value,
    may_exist: bool,
    world: &mut World,
) -> Result<String, String> {
    let (kind, version) = (value["kind"].as_str(), value["apiVersion"].as_str());
    let (Some(kind), Some(version)) = (kind, version) else {
        let missing: Vec<&str> = [("apiVersion not set", version), ("kind not set", kind)]
            .into_iter()
            .filter(|(_, found)| found.is_none())
            .map(|(text, _)| text)
            .collect();
        let list = if missing.len() > 1 { format!("[{}]", missing.join(", ")) } else { missing.concat() };
        return Err(format!(
            "error: error validating \"{file}\": error validating data: {list}; if you choose to ignore these errors, turn validation off with --validate=false"
        ));
    };
    let Some(name) = value["metadata"]["name"].as_str() else {
        return Err(format!(
            "error: error when retrieving current configuration of:\nResource: \"/v1, Resource={}s\"\nfrom server for: \"{file}\": resource name may not be empty",
            kind.to_lowercase()
        ));
    };
    let space = value["metadata"]["namespace"].as_str().unwrap_or_else(|| namespace(given)).to_owned();
    let now = world.now();
    let exists = |resource: &str| {
        format!(
            "Error from server (AlreadyExists): error when creating \"{file}\": {resource} \"{name}\" already exists"
        )
    };
    match (kind, version) {
        ("Pod", "v1") => {
            let pod = pod_from(value, &space, name, now)?;
            let Some(cluster) = &mut world.kube.cluster else { return Err(REFUSED.to_owned()) };
            if !cluster.namespaces.iter().any(|(known, _)| *known == space) {
                return Err(format!(
                    "Error from server (NotFound): error when creating \"{file}\": namespaces \"{space}\" not found"
                ));
            }
            match cluster.pods.iter().find(|own| own.namespace == space && own.name == name) {
                Some(_) if !may_exist => Err(exists("pods")),
                Some(own) if own.image == pod.image && own.labels == pod.labels => Ok(format!("pod/{name} unchanged")),
                Some(_) => Err(format!(
                    "The Pod \"{name}\" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, `spec.activeDeadlineSeconds` or `spec.tolerations`; delete the pod first"
                )),
                None => {
                    cluster.pods.push(pod);
                    Ok(format!("pod/{name} created"))
                }
            }
        }
        ("Secret", "v1") => {
            let mut data = BTreeMap::new();
            for (key, text) in value["data"].as_object().into_iter().flatten() {
                let octets = text.as_str().and_then(|text| from_base64(text.as_bytes()));
                data.insert(key.clone(), octets.ok_or_else(|| format!("Error from server (BadRequest): error when creating \"{file}\": Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 0"))?);
            }
            for (key, text) in value["stringData"].as_object().into_iter().flatten() {
                data.insert(key.clone(), text.as_str().unwrap_or_default().as_bytes().to_vec());
            }
            let kind = value["type"].as_str().unwrap_or("Opaque").to_owned();
            let secret = Secret { namespace: space, name: name.to_owned(), kind, data, created: now };
            store_secret(secret, may_exist, world)
                .map(|word| format!("secret/{name} {word}"))
                .map_err(|error| format!("Error from server: error when creating \"{file}\": {error}"))
        }
        ("Namespace", "v1") => {
            let Some(cluster) = &mut world.kube.cluster else { return Err(REFUSED.to_owned()) };
            if cluster.namespaces.iter().any(|(known, _)| known == name) {
                return if may_exist { Ok(format!("namespace/{name} unchanged")) } else { Err(exists("namespaces")) };
            }
            cluster.namespaces.push((name.to_owned(), now));
            Ok(format!("namespace/{name} created"))
        }
        ("Deployment" | "DaemonSet", "apps/v1") => {
            let template = pod_from(&value["spec"]["template"], &space, name, now)?;
            let hash = controller::suffix(world, 9);
            let Some(cluster) = &mut world.kube.cluster else { return Err(REFUSED.to_owned()) };
            let wanted = if kind == "Deployment" { WorkloadKind::Deployment } else { WorkloadKind::DaemonSet };
            let plural = format!("{}s.apps", kind.to_lowercase());
            let replicas = usize::try_from(value["spec"]["replicas"].as_u64().unwrap_or(1)).unwrap_or(1).min(20);
            if let Some(own) = cluster
                .workloads
                .iter_mut()
                .find(|own| own.kind == wanted && own.name == name && own.namespace == space)
            {
                if !may_exist {
                    return Err(exists(&plural));
                }
                let same = own.replicas == replicas;
                own.replicas = replicas;
                return Ok(format!(
                    "{}.apps/{name} {}",
                    kind.to_lowercase(),
                    if same { "unchanged" } else { "configured" }
                ));
            }
            cluster.workloads.push(Workload {
                kind: wanted,
                namespace: space,
                name: name.to_owned(),
                created: now,
                replicas,
                hash,
                template,
            });
            Ok(format!("{}.apps/{name} created", kind.to_lowercase()))
        }
        _ => Err(format!(
            "error: resource mapping not found for name: \"{name}\" from \"{file}\": the simulated API has Pod, Secret, Namespace, Deployment and DaemonSet, not {kind} of {version}"
        )),
    }
}

/// A pod from its manifest, or from the template of a workload.
fn pod_from(value: &Value, namespace: &str, name: &str, now: Timestamp) -> Result<Pod, String> {
    let spec = &value["spec"];
    let container = spec["containers"].get(0).unwrap_or(&Value::Null);
    let Some(image) = container["image"].as_str() else {
        return Err(format!("The Pod \"{name}\" is invalid: spec.containers: Required value"));
    };
    let mut pod = Pod::new(namespace, name, image, now);
    container["name"].as_str().unwrap_or(name).clone_into(&mut pod.container);
    pod.labels = value["metadata"]["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    pod.host_network = spec["hostNetwork"].as_bool().unwrap_or(false);
    let by_label = spec["nodeSelector"]["kubernetes.io/hostname"].as_str();
    pod.wanted_node = spec["nodeName"].as_str().or(by_label).map(str::to_owned);
    let tolerations = spec["tolerations"].as_array().into_iter().flatten();
    let of_master = |own: &Value| own["key"].as_str().is_none_or(|key| key.starts_with("node-role.kubernetes.io/"));
    pod.tolerates_master = tolerations.into_iter().any(of_master);
    Ok(pod)
}

/// `kubectl run`.
pub(super) fn run(given: &Canonical) -> Box<dyn Process> {
    let (Some(name), Some(image)) = (given.words.get(2), given.value("image")) else {
        return refuse(
            1,
            if given.words.len() < 3 {
                "error: NAME is required for run"
            } else {
                "error: required flag(s) \"image\" not set"
            },
        );
    };
    let mut value = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "labels": { "run": name } },
        "spec": { "containers": [{ "name": name, "image": image }] },
    });
    if let Some(text) = given.value("overrides") {
        match serde_json::from_str::<Value>(text) {
            Err(_) => return refuse(1, "error: Invalid JSON Patch"),
            Ok(overrides) => merge(&mut value, &overrides),
        }
        if value["spec"]["containers"].get(0).is_none_or(|own| own["image"].is_null()) {
            value["spec"]["containers"] = serde_json::json!([{ "name": name, "image": image }]);
        }
    }
    if let Some(text) = given.value("labels") {
        let pairs: Vec<(&str, &str)> = text.split(',').filter_map(|pair| pair.split_once('=')).collect();
        value["metadata"]["labels"] = serde_json::json!(labels(&pairs));
    }
    let given = given.clone();
    once(move |world, io| match apply_one(&given, "STDIN", &value, false, world) {
        Ok(text) => {
            io.print(format!("{text}\n"));
            0
        }
        Err(error) => {
            io.complain(format!("{}\n", error.replace("error when creating \"STDIN\": ", "")));
            1
        }
    })
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = serde_json::json!({});
    }
    for (key, value) in fields {
        if value.is_null() {
            if let Some(own) = target.as_object_mut() {
                own.remove(key);
            }
        } else {
            merge(&mut target[key.as_str()], value);
        }
    }
}

/// `kubectl patch`, of secrets.
pub(super) fn patch(given: &Canonical) -> Box<dyn Process> {
    let words: Vec<&str> = given.words.iter().skip(2).map(String::as_str).collect();
    let (kind, name) = match words.as_slice() {
        [one] => one.split_once('/').unwrap_or((one, "")),
        [kind, name, ..] => (*kind, *name),
        [] => return refuse(1, "error: You must provide one or more resources by argument or filename."),
    };
    let Some(text) = given.value("patch") else {
        return refuse(1, "error: must specify --patch or --patch-file containing the contents of the patch");
    };
    if kind != "secrets" {
        return refuse(1, format!("error: of patches the simulated lab knows those of secrets, not of {kind}"));
    }
    let patch: Value = match serde_yaml::from_str(text) {
        Ok(patch) => patch,
        Err(error) => {
            return refuse(1, format!("error: unable to parse \"{text}\": yaml: {}", super::first_line(&error)));
        }
    };
    let (name, space) = (name.to_owned(), namespace(given).to_owned());
    once(move |world, io| {
        let Some(cluster) = &world.kube.cluster else { return 1 };
        let Some(secret) = cluster.secret(&space, &name) else {
            io.complain(format!("Error from server (NotFound): secrets \"{name}\" not found\n"));
            return 1;
        };
        let mut secret = secret.clone();
        for (key, text) in patch["stringData"].as_object().into_iter().flatten() {
            secret.data.insert(key.clone(), text.as_str().unwrap_or_default().as_bytes().to_vec());
        }
        for (key, text) in patch["data"].as_object().into_iter().flatten() {
            let Some(octets) = text.as_str().and_then(|text| from_base64(text.as_bytes())) else {
                io.complain("Error from server (BadRequest): illegal base64 data at input byte 0\n");
                return 1;
            };
            secret.data.insert(key.clone(), octets);
        }
        match store_secret(secret, true, world) {
            Ok("unchanged") => io.print(format!("secret/{name} patched (no change)\n")),
            Ok(_) => io.print(format!("secret/{name} patched\n")),
            Err(error) => {
                io.complain(format!("Error from server: {error}\n"));
                return 1;
            }
        }
        0
    })
}
