use std::collections::BTreeMap;
use std::time::Duration;

use super::controller;
use super::get::{Answer, get, namespace, selected};
use super::object::{Cluster, Pod, State, WorkloadKind};
use super::tale::{Tale, refuse};
use super::{apply, change, delete, describe, wait};
use crate::command::{Canonical, canonical, resource_name};
use crate::lab::sim::World;
use crate::lab::sim::process::{Call, Io, Process, Step};
use crate::lab::sim::tools::once;

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
        "create" => apply::create(&given, &words, call),
        "apply" | "replace" => apply::apply(&given, call, true),
        "run" => apply::run(&given),
        "delete" => delete::delete(&given, call),
        "patch" => apply::patch(&given),
        "scale" => delete::scale(&given),
        "rollout" => wait::rollout(&given),
        "wait" => wait::wait(&given),
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
