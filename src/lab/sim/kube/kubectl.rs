use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::controller::{self, labels};
use super::get::{Answer, get, namespace, rows, selected, singular};
use super::object::{Cluster, Pod, Secret, State, Workload, WorkloadKind};
use super::tale::{Tale, refuse};
use super::{change, describe, manifest};
use crate::command::{Canonical, canonical, resource_name};
use crate::lab::sim::World;
use crate::lab::sim::process::{Call, Io, Process, Step};
use crate::lab::sim::tools::{Whole, from_base64, once};
use crate::packet::Timestamp;

/// What kubectl says when it finds no API server.
pub(super) const REFUSED: &str =
    "The connection to the server localhost:8080 was refused - did you specify the right host or port?";

/// `kubectl`.
pub(super) fn program(call: &Call, world: &World) -> Box<dyn Process> {
    let given = canonical(&call.words);
    let words: Vec<&str> = given.words.iter().skip(1).map(String::as_str).collect();
    let verb = words.first().copied().unwrap_or("help");
    match verb {
        "help" => return Tale::default().print(USAGE).start(),
        "version" => return version(&given, world),
        "config" => return config(&words, world),
        "completion" | "plugin" => return refuse(1, format!("error: `kubectl {verb}` is not simulated")),
        _ => {}
    }
    if !reaches(call, world) {
        return refuse(1, REFUSED);
    }
    if let Some(other) = given
        .value("context")
        .filter(|other| world.kube.cluster.as_ref().is_some_and(|cluster| *other != format!("kind-{}", cluster.name)))
    {
        return refuse(1, format!("error: context \"{other}\" does not exist"));
    }
    match verb {
        "get" if given.has("watch") || given.has("watch-only") => Box::new(Watching { given, shown: BTreeMap::new() }),
        "get" => once(move |world, io| {
            read(&given, io, |given| world.kube.cluster.as_ref().map(|cluster| get(given, cluster, world)))
        }),
        "describe" => once(move |world, io| {
            read(&given, io, |given| {
                world.kube.cluster.as_ref().map(|cluster| describe::describe(given, cluster, world))
            })
        }),
        "logs" => logs(&given, world),
        "taint" | "label" | "annotate" | "cordon" | "uncordon" => change::program(verb, &given),
        "create" => create(&given, &words, call),
        "apply" | "replace" => apply(&given, call, true),
        "run" => run(&given),
        "delete" => delete(&given, call),
        "patch" => patch(&given),
        "scale" => scale(&given),
        "rollout" => rollout(&given),
        "wait" => wait(&given),
        "exec" => refuse(1, "error: you must specify at least one command for the container"),
        "cluster-info" => cluster_info(world),
        "api-resources" => Tale::default().print(RESOURCES).start(),
        "edit" | "expose" | "top" | "cp" | "port-forward" | "proxy" | "attach" | "debug" | "drain" | "auth"
        | "explain" | "set" | "autoscale" | "diff" | "api-versions" | "kustomize" | "certificate" | "events" => refuse(
            1,
            format!(
                "error: `kubectl {verb}` is not simulated; the lab `kind` has the real kubectl (esplain --lab kind)"
            ),
        ),
        other => refuse(1, format!("error: unknown command \"{other}\" for \"kubectl\"")),
    }
}

const USAGE: &str = "kubectl controls the Kubernetes cluster manager.\n\nSimulated here: get, describe, logs, exec, create (secret generic, namespace, -f), apply, run, \
delete, patch secret, taint, label,\nscale, rollout status|restart, wait, config, cluster-info, version\n";

const RESOURCES: &str = "\
NAME              SHORTNAMES   APIVERSION       NAMESPACED   KIND
namespaces        ns           v1               false        Namespace
nodes             no           v1               false        Node
pods              po           v1               true         Pod
secrets                        v1               true         Secret
configmaps        cm           v1               true         ConfigMap
services          svc          v1               true         Service
daemonsets        ds           apps/v1          true         DaemonSet
deployments       deploy       apps/v1          true         Deployment
ciliumnodes       cn           cilium.io/v2     false        CiliumNode
ciliumendpoints   cep          cilium.io/v2     true         CiliumEndpoint
";

/// Whether a kubectl there has a cluster to speak to: the machine through its kubeconfig, the control plane by its own.
pub(super) fn reaches(call: &Call, world: &World) -> bool {
    let Some(cluster) = &world.kube.cluster else { return false };
    if call.place == "machine" {
        return world.files.get("machine").is_some_and(|files| files.read("/root/.kube/config").is_ok());
    }
    cluster.nodes.iter().any(|node| node.control_plane && node.name == call.place)
}

fn read(given: &Canonical, io: &mut Io, run: impl FnOnce(&Canonical) -> Option<Answer>) -> i32 {
    match run(given) {
        None => {
            io.complain(format!("{REFUSED}\n"));
            1
        }
        Some(answer) => {
            io.print(answer.out);
            io.complain(answer.err);
            answer.status
        }
    }
}

/// `kubectl get -w`: a line again whenever it changed.
struct Watching {
    given: Canonical,
    shown: BTreeMap<String, String>,
}

impl Process for Watching {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        let Some(cluster) = &world.kube.cluster else { return Step::Exit(0) };
        let answer = get(&self.given, cluster, world);
        if answer.status != 0 {
            io.complain(answer.err);
            return Step::Exit(answer.status);
        }
        let mut lines = answer.out.lines();
        let header = lines.next().unwrap_or_default().to_owned();
        if self.shown.is_empty() && !header.is_empty() {
            io.print(format!("{header}\n"));
        }
        // Ages change all the time; what else a line says is what counts.
        let age = header.find("AGE");
        for line in lines {
            // With -A the namespace stands in front of the name.
            let words = if self.given.has("all-namespaces") { 2 } else { 1 };
            let key: String = line.split_whitespace().take(words).collect::<Vec<_>>().join("/");
            let state = match age {
                Some(at) if line.is_char_boundary(at.min(line.len())) => line[..at.min(line.len())].to_owned(),
                _ => line.to_owned(),
            };
            if self.shown.get(&key) != Some(&state) {
                io.print(format!("{line}\n"));
                self.shown.insert(key, state);
            }
        }
        Step::Wait(Some(world.after(Duration::from_secs(1))))
    }

    fn endless(&self) -> bool {
        true
    }
}

fn version(given: &Canonical, world: &World) -> Box<dyn Process> {
    let client = "Client Version: version.Info{Major:\"1\", Minor:\"23\", GitVersion:\"v1.23.4\", GitCommit:\"simulated\", Platform:\"linux/amd64\"}\n";
    let server = client.replace("Client", "Server");
    let mut tale = Tale::default().print(if given.has("short") { "Client Version: v1.23.4\n" } else { client });
    if !given.has("client") {
        tale = match (&world.kube.cluster, given.has("short")) {
            (None, _) => tale.complain(format!("{REFUSED}\n")).status(1),
            (Some(_), true) => tale.print("Server Version: v1.23.4\n"),
            (Some(_), false) => tale.print(server),
        };
    }
    tale.start()
}

fn config(words: &[&str], world: &World) -> Box<dyn Process> {
    let context = world.kube.cluster.as_ref().map(|cluster| format!("kind-{}", cluster.name));
    match (words.get(1).copied(), context) {
        (Some("current-context"), Some(context)) => Tale::default().print(format!("{context}\n")).start(),
        (Some("current-context"), None) => refuse(1, "error: current-context is not set"),
        (Some("get-contexts"), context) => {
            let mut rows = vec![["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"].map(str::to_owned).to_vec()];
            rows.extend(context.map(|name| vec!["*".to_owned(), name.clone(), name.clone(), name, String::new()]));
            Tale::default().print(super::table(&rows)).start()
        }
        (Some("use-context" | "use"), Some(context)) if words.get(2) == Some(&context.as_str()) => {
            Tale::default().print(format!("Switched to context \"{context}\".\n")).start()
        }
        (Some("use-context" | "use"), _) => {
            refuse(1, format!("error: no context exists with the name: \"{}\"", words.get(2).unwrap_or(&"")))
        }
        (Some("view"), _) => {
            let text = world.files.get("machine").and_then(|files| files.read("/root/.kube/config").ok());
            let text = text.map(|text| String::from_utf8_lossy(text).replace("c2ltdWxhdGVk", "DATA+OMITTED"));
            Tale::default().print(text.unwrap_or_else(|| "apiVersion: v1\nclusters: null\ncontexts: null\ncurrent-context: \"\"\nkind: Config\npreferences: {}\nusers: null\n".to_owned())).start()
        }
        _ => refuse(
            1,
            "error: of `kubectl config` the simulated lab knows current-context, get-contexts, use-context and view",
        ),
    }
}

fn cluster_info(world: &World) -> Box<dyn Process> {
    let port = world.kube.cluster.as_ref().map_or(0, |cluster| cluster.port);
    Tale::default()
        .print(format!(
            "Kubernetes control plane is running at https://127.0.0.1:{port}\n\
             CoreDNS is running at https://127.0.0.1:{port}/api/v1/namespaces/kube-system/services/kube-dns:dns/proxy\n\n\
             To further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n"
        ))
        .start()
}

/// The pod behind `POD`, `pod/POD`, `ds/NAME`, `deploy/NAME`; `Err` is kubectl's text.
pub(super) fn pod_of<'a>(cluster: &'a Cluster, namespace: &str, name: &str) -> Result<&'a Pod, String> {
    let full = resource_name(name);
    let (kind, bare) = full.split_once('/').unwrap_or(("pods", name));
    let missing = |resource: &str| format!("Error from server (NotFound): {resource} \"{bare}\" not found");
    match kind {
        "pods" => cluster.pod(namespace, bare).ok_or_else(|| missing("pods")),
        "daemonsets" | "deployments" => {
            let wanted = if kind == "daemonsets" { WorkloadKind::DaemonSet } else { WorkloadKind::Deployment };
            let found = cluster
                .workloads
                .iter()
                .find(|own| own.kind == wanted && own.name == bare && own.namespace == namespace)
                .ok_or_else(|| missing(&format!("{kind}.apps")))?;
            // kubectl takes the pod that runs longest.
            let mut pods: Vec<&Pod> = cluster.pods_of(found).collect();
            pods.sort_by_key(|pod| (!pod.runs(), pod.started, &pod.node));
            pods.first()
                .copied()
                .ok_or_else(|| format!("error: timed out waiting for the condition: no pods of {kind}/{bare}"))
        }
        other => Err(format!("error: cannot attach to *v1.{other}: selector for {other} not implemented")),
    }
}

/// kubectl's remark on which container it took, for the one pod here that has several.
pub(super) fn defaulted(pod: &Pod) -> String {
    if !controller::is_agent(pod) {
        return String::new();
    }
    "Defaulted container \"cilium-agent\" out of: cilium-agent, mount-cgroup (init), apply-sysctl-overwrites (init), mount-bpf-fs (init), \
     clean-cilium-state (init), install-cni-binaries (init)\n"
        .to_owned()
}

fn logs(given: &Canonical, world: &World) -> Box<dyn Process> {
    let Some(cluster) = &world.kube.cluster else { return refuse(1, REFUSED) };
    let pods: Vec<&Pod> = match (given.words.get(2), given.value("selector")) {
        (Some(name), _) => match pod_of(cluster, namespace(given), name) {
            Ok(pod) => vec![pod],
            Err(error) => return refuse(1, error),
        },
        (None, Some(selector)) => {
            let own = |pod: &&Pod| {
                let labels: Vec<(String, String)> = pod.labels.clone().into_iter().collect();
                pod.namespace == namespace(given) && selected(selector, &labels)
            };
            cluster.pods.iter().filter(own).collect()
        }
        (None, None) => {
            return refuse(
                1,
                "error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command\nSee 'kubectl logs -h' for help and examples",
            );
        }
    };
    let mut tale = Tale::default();
    for pod in pods {
        if pod.started.is_none() && pod.log.is_empty() {
            let why = match pod.state {
                State::Init(_) | State::Initializing => "PodInitializing",
                _ => "ContainerCreating",
            };
            return refuse(
                1,
                format!(
                    "Error from server (BadRequest): container \"{}\" in pod \"{}\" is waiting to start: {why}",
                    pod.container, pod.name
                ),
            );
        }
        if !given.has("container") {
            tale = tale.complain(defaulted(pod));
        }
        let most = given.value("tail").and_then(|text| text.parse::<usize>().ok()).unwrap_or(usize::MAX);
        let skip = pod.log.len().saturating_sub(most);
        tale = tale.print(pod.log.iter().skip(skip).map(|line| format!("{line}\n")).collect::<String>());
    }
    tale.start()
}

fn create(given: &Canonical, words: &[&str], call: &Call) -> Box<dyn Process> {
    if given.has("filename") {
        return apply(given, call, false);
    }
    match words {
        [_, "secret", "generic", name] => {
            let (given, name, call) = (given.clone(), (*name).to_owned(), call.clone());
            once(move |world, io| create_secret(&given, &name, &call, world, io))
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

fn create_secret(given: &Canonical, name: &str, call: &Call, world: &mut World, io: &mut Io) -> i32 {
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
        match world.read_file(call, path) {
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
fn apply(given: &Canonical, call: &Call, may_exist: bool) -> Box<dyn Process> {
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
fn documents(text: &[u8]) -> Result<Vec<Value>, String> {
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

fn run(given: &Canonical) -> Box<dyn Process> {
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

fn delete(given: &Canonical, call: &Call) -> Box<dyn Process> {
    let (given, call) = (given.clone(), call.clone());
    Tale::default()
        .act(move |world, io| {
            let mut wanted: Vec<(String, String, String)> = Vec::new();
            for file in given.values("filename") {
                let Ok(text) = world.read_file(&call, file) else {
                    io.complain(format!("error: the path \"{file}\" does not exist\n"));
                    return 1;
                };
                for value in documents(&text).unwrap_or_default() {
                    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                    let space = value["metadata"]["namespace"].as_str().unwrap_or_else(|| namespace(&given)).to_owned();
                    wanted.push((resource_name(&text(&value["kind"])), space, text(&value["metadata"]["name"])));
                }
            }
            if let Some(kind) = given.words.get(2) {
                let (kind, first) =
                    kind.split_once('/').map_or((kind.as_str(), None), |(kind, name)| (kind, Some(name)));
                let names = first.into_iter().chain(given.words.iter().skip(3).map(String::as_str));
                let names: Vec<String> = names.map(str::to_owned).collect();
                let resource = resource_name(kind);
                let space = namespace(&given).to_owned();
                if names.is_empty() {
                    let Some(cluster) = &world.kube.cluster else { return 1 };
                    let Some(listing) = rows(&resource, cluster, world) else {
                        io.complain(format!("error: the server doesn't have a resource type \"{kind}\"\n"));
                        return 1;
                    };
                    if !given.has("all") && !given.has("selector") {
                        io.complain("error: resource(s) were provided, but no name was specified\n");
                        return 1;
                    }
                    let own = |row: &&super::get::Row| row.namespace.as_deref().is_none_or(|own| own == space);
                    wanted.extend(
                        listing.items.iter().filter(own).map(|row| (resource.clone(), space.clone(), row.name.clone())),
                    );
                } else {
                    wanted.extend(names.into_iter().map(|name| (resource.clone(), space.clone(), name)));
                }
            }
            if wanted.is_empty() {
                io.complain("error: You must provide one or more resources by argument or filename.\n");
                return 1;
            }
            let mut status = 0;
            for (resource, space, name) in wanted {
                match delete_one(&resource, &space, &name, world) {
                    Ok(kind) => io.print(format!("{kind} \"{name}\" deleted\n")),
                    Err(_) if given.has("ignore-not-found") => {}
                    Err(error) => {
                        io.complain(format!("{error}\n"));
                        status = 1;
                    }
                }
            }
            status
        })
        .wait(2100)
        .start()
}

fn delete_one(resource: &str, space: &str, name: &str, world: &mut World) -> Result<String, String> {
    let now = world.now();
    let Some(cluster) = &mut world.kube.cluster else { return Err(REFUSED.to_owned()) };
    let missing = |resource: &str| format!("Error from server (NotFound): {resource} \"{name}\" not found");
    match resource {
        "pods" => {
            let pod = cluster.pods.iter_mut().find(|pod| pod.namespace == space && pod.name == name);
            controller::terminate(pod.ok_or_else(|| missing("pods"))?, now);
            Ok("pod".to_owned())
        }
        "secrets" => {
            let at = cluster.secrets.iter().position(|own| own.namespace == space && own.name == name);
            cluster.secrets.remove(at.ok_or_else(|| missing("secrets"))?);
            Ok("secret".to_owned())
        }
        "namespaces" => {
            let at = cluster.namespaces.iter().position(|(own, _)| own == name);
            let at = at.ok_or_else(|| missing("namespaces"))?;
            if name == "default" || name.starts_with("kube-") {
                return Err(format!(
                    "Error from server (Forbidden): namespaces \"{name}\" is forbidden: this namespace may not be deleted"
                ));
            }
            cluster.namespaces.remove(at);
            Ok("namespace".to_owned())
        }
        "daemonsets" | "deployments" => {
            let at = cluster.workloads.iter().position(|own| own.namespace == space && own.name == name);
            let gone = cluster.workloads.remove(at.ok_or_else(|| missing(&format!("{resource}.apps")))?);
            let owner = gone.owner_name();
            for pod in cluster.pods.iter_mut().filter(|pod| pod.owner.as_ref().is_some_and(|(_, name)| *name == owner))
            {
                controller::terminate(pod, now);
            }
            Ok(format!("{}.apps", singular(resource)))
        }
        "nodes" => Err("error: deleting nodes is not simulated; `kind delete cluster` removes them all".to_owned()),
        other => Err(missing(other)),
    }
}

fn patch(given: &Canonical) -> Box<dyn Process> {
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

fn scale(given: &Canonical) -> Box<dyn Process> {
    let words: Vec<&str> = given.words.iter().skip(2).map(String::as_str).collect();
    let name = match words.as_slice() {
        [one] => one.split_once('/').map_or("", |(_, name)| name),
        [_, name, ..] => name,
        [] => "",
    }
    .to_owned();
    let Some(replicas) = given.value("replicas").and_then(|text| text.parse::<usize>().ok()) else {
        return refuse(1, "error: required flag(s) \"replicas\" not set");
    };
    let space = namespace(given).to_owned();
    once(move |world, io| {
        let Some(cluster) = &mut world.kube.cluster else { return 1 };
        let found = cluster
            .workloads
            .iter_mut()
            .find(|own| own.kind == WorkloadKind::Deployment && own.name == name && own.namespace == space);
        let Some(found) = found else {
            io.complain(format!("Error from server (NotFound): deployments.apps \"{name}\" not found\n"));
            return 1;
        };
        found.replicas = replicas.min(20);
        io.print(format!("deployment.apps/{name} scaled\n"));
        0
    })
}

/// A moment so long from now as `--timeout` says.
fn deadline(given: &Canonical, default: &str, world: &World) -> Timestamp {
    let text = given.value("timeout").unwrap_or(default);
    let seconds = crate::lab::sim::tools::duration(text).unwrap_or(Duration::from_secs(30));
    world.after(if seconds.is_zero() { Duration::from_hours(7 * 24) } else { seconds })
}

/// Waits, on the virtual clock, until something holds.
struct Until<F> {
    check: F,
    given: Canonical,
    default: &'static str,
    deadline: Option<Timestamp>,
}

/// What a look brought.
enum Look {
    /// It holds; a last word, and the status.
    Done(String, i32),
    /// Not yet; something to say once, and what to say when the time is over.
    NotYet { note: String, late: String },
}

impl<F: FnMut(&Canonical, &World) -> Look> Process for Until<F> {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        let until = *self.deadline.get_or_insert(deadline(&self.given, self.default, world));
        match (self.check)(&self.given, world) {
            Look::Done(text, 0) => {
                io.print(text);
                Step::Exit(0)
            }
            Look::Done(text, status) => {
                io.complain(text);
                Step::Exit(status)
            }
            Look::NotYet { note, late } => {
                io.print(note);
                if world.now() >= until {
                    io.complain(late);
                    return Step::Exit(1);
                }
                Step::Wait(Some(world.after(Duration::from_secs(1)).min(until)))
            }
        }
    }
}

fn rollout(given: &Canonical) -> Box<dyn Process> {
    let verb = given.words.get(2).map_or("", String::as_str);
    let rest: Vec<&str> = given.words.iter().skip(3).map(String::as_str).collect();
    let (kind, name) = match rest.as_slice() {
        [one] => match one.split_once('/') {
            Some((kind, name)) => (resource_name(kind), name.to_owned()),
            None => return refuse(1, "error: required resource not specified"),
        },
        [kind, name, ..] => (resource_name(kind), (*name).to_owned()),
        [] => return refuse(1, "error: required resource not specified"),
    };
    let space = namespace(given).to_owned();
    match verb {
        "status" => {
            let mut said = String::new();
            let check = move |_: &Canonical, world: &World| {
                let found = world.kube.cluster.as_ref().and_then(|cluster| {
                    let own = cluster.workloads.iter().find(|own| own.name == name && own.namespace == space)?;
                    let ready = cluster.pods_of(own).filter(|pod| pod.state == State::Ready).count();
                    let wanted = if own.kind == WorkloadKind::DaemonSet { cluster.nodes.len() } else { own.replicas };
                    Some((own.kind, ready, wanted))
                });
                let Some((workload, ready, wanted)) = found else {
                    return Look::Done(format!("Error from server (NotFound): {kind}.apps \"{name}\" not found\n"), 1);
                };
                let title = if workload == WorkloadKind::DaemonSet { "daemon set" } else { "deployment" };
                if ready >= wanted {
                    return Look::Done(format!("{title} \"{name}\" successfully rolled out\n"), 0);
                }
                let text = format!(
                    "Waiting for {title} \"{name}\" rollout to finish: {ready} of {wanted} updated pods are available...\n"
                );
                let note = if text == said { String::new() } else { text.clone() };
                said = text;
                Look::NotYet { note, late: "error: timed out waiting for the condition\n".to_owned() }
            };
            // Without --timeout, kubectl waits as long as it takes; ten minutes here.
            Box::new(Until { check, given: given.clone(), default: "600s", deadline: None })
        }
        "restart" => once(move |world, io| {
            let now = world.now();
            let Some(cluster) = &mut world.kube.cluster else { return 1 };
            let Some(own) = cluster.workloads.iter().find(|own| own.name == name && own.namespace == space).cloned()
            else {
                io.complain(format!("Error from server (NotFound): {kind}.apps \"{name}\" not found\n"));
                return 1;
            };
            let owner = own.owner_name();
            for pod in cluster.pods.iter_mut().filter(|pod| pod.owner.as_ref().is_some_and(|(_, name)| *name == owner))
            {
                controller::terminate(pod, now);
            }
            io.print(format!("{}.apps/{name} restarted\n", singular(&kind)));
            0
        }),
        other => {
            refuse(1, format!("error: of `kubectl rollout` the simulated lab knows status and restart, not `{other}`"))
        }
    }
}

fn wait(given: &Canonical) -> Box<dyn Process> {
    let Some(condition) = given.value("for").map(str::to_lowercase) else {
        return refuse(1, "error: unrecognized condition: \"\"");
    };
    let wanted = condition.strip_prefix("condition=").map(|name| name.split('=').next().unwrap_or(name).to_owned());
    if wanted.is_none() && condition != "delete" {
        return refuse(1, format!("error: unrecognized condition: \"{condition}\""));
    }
    let words: Vec<String> = given.words.iter().skip(2).cloned().collect();
    let check = move |given: &Canonical, world: &World| {
        let Some(cluster) = &world.kube.cluster else { return Look::Done(format!("{REFUSED}\n"), 1) };
        let Some(first) = words.first() else {
            return Look::Done("error: You must provide one or more resources\n".to_owned(), 1);
        };
        let (kind, name) =
            first.split_once('/').map_or((first.as_str(), None), |(kind, name)| (kind, Some(name.to_owned())));
        let resource = resource_name(kind);
        let Some(mut listing) = rows(&resource, cluster, world) else {
            return Look::Done(format!("error: the server doesn't have a resource type \"{kind}\"\n"), 1);
        };
        let names: Vec<String> = name
            .into_iter()
            .chain(words.iter().skip(1).map(|word| word.rsplit('/').next().unwrap_or(word).to_owned()))
            .collect();
        if !given.has("all-namespaces") {
            listing.items.retain(|row| row.namespace.as_deref().is_none_or(|own| own == namespace(given)));
        }
        if let Some(selector) = given.value("selector") {
            listing.items.retain(|row| selected(selector, &row.labels()));
        }
        if !names.is_empty() {
            if let Some(missing) = names.iter().find(|name| !listing.items.iter().any(|row| row.name == **name)) {
                if condition == "delete" {
                    return Look::Done(String::new(), 0);
                }
                return Look::Done(
                    format!("Error from server (NotFound): {} \"{missing}\" not found\n", listing.resource),
                    1,
                );
            }
            listing.items.retain(|row| names.contains(&row.name));
        }
        if listing.items.is_empty() {
            return if condition == "delete" {
                Look::Done(String::new(), 0)
            } else {
                Look::Done("error: no matching resources found\n".to_owned(), 1)
            };
        }
        let plural = resource.split('.').next().unwrap_or(&resource).to_owned();
        let kind = listing
            .resource
            .split_once('.')
            .map_or_else(|| singular(&plural).to_owned(), |(_, group)| format!("{}.{group}", singular(&plural)));
        let late = |names: Vec<&str>| {
            names
                .iter()
                .map(|name| format!("error: timed out waiting for the condition on {plural}/{name}\n"))
                .collect()
        };
        match &wanted {
            None => Look::NotYet {
                note: String::new(),
                late: late(listing.items.iter().map(|row| row.name.as_str()).collect()),
            },
            Some(wanted) => {
                let unmet: Vec<&str> =
                    listing.items.iter().filter(|row| !row.meets(wanted)).map(|row| row.name.as_str()).collect();
                if unmet.is_empty() {
                    return Look::Done(
                        listing.items.iter().map(|row| format!("{kind}/{} condition met\n", row.name)).collect(),
                        0,
                    );
                }
                Look::NotYet { note: String::new(), late: late(unmet) }
            }
        }
    };
    Box::new(Until { check, given: given.clone(), default: "30s", deadline: None })
}
