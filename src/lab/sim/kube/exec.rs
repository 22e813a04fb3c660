use super::docker;
use super::kubectl::{REFUSED, defaulted, pod_of, reaches};
use super::object::Pod;
use super::tale::refuse;
use crate::lab::sim::World;
use crate::lab::sim::process::{Call, Io, OnSignal, Process, Signal, Step};
use crate::lab::sim::tools::{self, Failure};

/// `docker exec CONTAINER …`
pub(in crate::lab::sim) fn container(name: &str, inner: Call, world: &mut World) -> Box<dyn Process> {
    let Some(node) = docker::container(world, name) else {
        return refuse(1, format!("Error: No such container: {name}"));
    };
    let place = node.name.clone();
    let inner = Call { network: place.clone(), place, ..inner };
    entered(inner, "/", world)
}

/// `kubectl exec POD -- …`; `outer` is kubectl's own call.
pub(in crate::lab::sim) fn pod(
    namespace: Option<&str>,
    name: &str,
    inner: Call,
    outer: &Call,
    world: &mut World,
) -> Box<dyn Process> {
    if !reaches(outer, world) {
        return refuse(1, REFUSED);
    }
    let Some(cluster) = &world.kube.cluster else { return refuse(1, REFUSED) };
    let pod = match pod_of(cluster, namespace.unwrap_or("default"), name) {
        Ok(pod) => pod.clone(),
        Err(error) => return refuse(1, error),
    };
    if pod.node.is_none() {
        return refuse(1, format!("Error from server (BadRequest): pod {} does not have a host assigned", pod.name));
    }
    if !pod.runs() {
        return refuse(1, format!("error: unable to upgrade connection: container not found (\"{}\")", pod.container));
    }
    let named = outer
        .arguments()
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| word == "-c" || word.starts_with("--container"));
    let network = if pod.host_network { pod.node.clone().unwrap_or_default() } else { pod.name.clone() };
    let inner = Call { place: pod.name.clone(), network, ..inner };
    let process = entered(inner, "/", world);
    Box::new(Remote { process, first: (!named).then(|| defaulted(&pod)) })
}

/// `nsenter -t PID …`: into the namespaces of a node, or of nothing.
pub(in crate::lab::sim) fn enter(
    pid: &str,
    network: bool,
    files: bool,
    mut inner: Call,
    world: &mut World,
) -> Result<Box<dyn Process>, Failure> {
    let nodes = world.kube.cluster.iter().flat_map(|cluster| &cluster.nodes);
    let at = nodes.clone().find(|node| docker::pid(node).to_string() == pid).map(|node| node.name.clone());
    // Process 1 is that of the place itself.
    let at = at.filter(|_| inner.place == "machine").or_else(|| (pid == "1").then(|| inner.place.clone()));
    let Some(place) = at else {
        return Ok(refuse(1, format!("nsenter: cannot open /proc/{pid}/ns/net: No such file or directory")));
    };
    if network {
        inner.network.clone_from(&place);
    }
    if files {
        inner.place = place;
    }
    tools::start(&inner, world)
}

/// Starts a program in a container: a fresh environment, and the runtime's words for what it cannot start.
fn entered(mut inner: Call, folder: &str, world: &mut World) -> Box<dyn Process> {
    let kept: Vec<(String, String)> = Vec::new();
    folder.clone_into(&mut inner.folder);
    inner.environment = [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", "/root"),
        ("HOSTNAME", inner.network.as_str()),
        ("TERM", "xterm"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into_iter()
    .chain(kept)
    .collect();
    match tools::start(&inner, world) {
        Ok(process) => process,
        Err(failure) => {
            let why = match &failure {
                Failure::NotFound(name) | Failure::NotSimulated(name) => {
                    format!("exec: \"{name}\": executable file not found in $PATH: unknown")
                }
                Failure::NoSuchFile(path) => {
                    format!("exec: \"{path}\": stat {path}: no such file or directory: unknown")
                }
                Failure::Denied(path) | Failure::NotExecutable(path) => {
                    format!("exec: \"{path}\": permission denied: unknown")
                }
            };
            let mut text = format!("OCI runtime exec failed: exec failed: unable to start container process: {why}\n");
            if let Failure::NotSimulated(name) = &failure {
                text.push_str(&format!(
                    "esplain: the simulated lab has no {name}; the labs `kernel` and `kind` run the real one\n"
                ));
            }
            refuse(126, text)
        }
    }
}

/// A program behind `kubectl exec`: its container is named first, its failure last.
struct Remote {
    process: Box<dyn Process>,
    first: Option<String>,
}

impl Process for Remote {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        if let Some(text) = self.first.take() {
            io.complain(text);
        }
        match self.process.step(world, io) {
            Step::Exit(0) => Step::Exit(0),
            Step::Exit(status) => {
                io.complain(format!("command terminated with exit code {status}\n"));
                Step::Exit(status)
            }
            other => other.within(&mut self.process),
        }
    }

    fn signal(&mut self, signal: Signal, world: &mut World, io: &mut Io) -> OnSignal {
        self.process.signal(signal, world, io)
    }

    fn endless(&self) -> bool {
        self.process.endless()
    }
}

/// Whether a pod is one that the learner made, and so a place of its own.
pub(super) fn is_place(pod: &Pod) -> bool {
    pod.namespace == "default" && pod.runs() && !pod.host_network
}
