use std::collections::HashMap;
use std::error::Error as _;
use std::future::Future;
use std::io::ErrorKind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{ContainerSummary, ContainerSummaryStateEnum, EndpointSettings};
use bollard::query_parameters::{ListContainersOptions, RemoveContainerOptions};
use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::endpoint::{Certificates, Endpoint};
use super::node::Node;
#[cfg(unix)]
use super::tunnel::Tunnel;
use crate::trouble::Trouble;
use crate::words::Said;

/// A connection to a Docker Engine, and the runtime on which everything asked of it runs: async stops here.
pub(super) struct Engine {
    docker: Docker,
    endpoint: Endpoint,
    /// The way to it, if it is behind `ssh://`. Its folder goes after all that is carried.
    #[cfg(unix)]
    tunnel: Option<Tunnel>,
    /// How long it has for an answer.
    patience: Duration,
    runtime: Handle,
    /// The runtime ends when this is dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// How long a node, and the engine in the middle of something, have for an answer.
pub(super) const ANSWER: Duration = Duration::from_secs(20);

impl Engine {
    /// Connects. The engine has `patience` for each answer; the first is whether somebody is there.
    pub(super) fn connect(endpoint: Endpoint, patience: Duration) -> Result<Self, Trouble> {
        let unable =
            |error: &dyn std::error::Error| Trouble::unusable("the lab cannot wait for the engine").because(error);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| unable(&error))?;
        let handle = runtime.handle().clone();
        #[cfg(unix)]
        let tunnel = endpoint.host.starts_with("ssh://").then(|| Tunnel::new(&endpoint)).transpose()?;
        #[cfg(unix)]
        if let Some(tunnel) = &tunnel {
            tunnel.open(patience).map_err(|refusal| tunnel.trouble(&refusal, &endpoint))?;
        }
        #[cfg(unix)]
        let near = tunnel.as_ref().map(|tunnel| format!("unix://{}", tunnel.socket().display()));
        #[cfg(not(unix))]
        let near: Option<String> = None;
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("kind".to_owned())
            .spawn(move || {
                // It ends when the lab goes, and every connection with it.
                let _ = runtime.block_on(stopped);
            })
            .map_err(|error| unable(&error))?;
        let docker = client(near.as_deref().unwrap_or(&endpoint.host), endpoint.certificates.as_ref())
            .map_err(|error| trouble(&endpoint, &Failure::Engine(error)))?;
        let engine = Self {
            docker,
            endpoint,
            #[cfg(unix)]
            tunnel,
            patience,
            runtime: handle,
            stop: Some(stop),
            thread: Some(thread),
        };
        engine.ask(|docker| async move { docker.ping().await })?;
        Ok(engine)
    }

    /// Where it is.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// A client of the engine's API.
    pub(super) fn docker(&self) -> Docker {
        self.docker.clone()
    }

    /// Asks something and waits for the answer, as long as there is patience.
    pub(super) fn ask<T, F>(&self, question: impl FnOnce(Docker) -> F) -> Result<T, Trouble>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        #[cfg(unix)]
        if let Some(tunnel) = &self.tunnel {
            tunnel.open(self.patience).map_err(|refusal| tunnel.trouble(&refusal, &self.endpoint))?;
        }
        let (answer, answered) = channel();
        let question = question(self.docker());
        self.spawn(async move {
            // Nobody waits any more when the time was up.
            let _ = answer.send(question.await);
        });
        match answered.recv_timeout(self.patience) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.trouble(&Failure::Engine(error))),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                Err(self.trouble(&Failure::Silent(self.patience)))
            }
        }
    }

    /// Lets something run beside everything else until the lab goes.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    /// What a failure means to a person.
    pub(super) fn trouble(&self, failure: &Failure) -> Trouble {
        #[cfg(unix)]
        if let (Some(tunnel), Failure::Engine(error)) = (&self.tunnel, failure)
            && !matches!(error, Error::DockerResponseServerError { .. })
            && let Some(refusal) = tunnel.refusal()
        {
            return tunnel.trouble(&refusal, &self.endpoint);
        }
        trouble(&self.endpoint, failure)
    }

    /// The containers of a kind cluster, running or not, by kind's label (kind v0.20
    /// `pkg/cluster/internal/providers/docker/constants.go`).
    fn containers(&self, cluster: &str) -> Result<Vec<ContainerSummary>, Trouble> {
        let filters = HashMap::from([("label".to_owned(), vec![format!("{CLUSTER_LABEL}={cluster}")])]);
        let options = ListContainersOptions { all: true, filters: Some(filters), ..ListContainersOptions::default() };
        self.ask(|docker| async move { docker.list_containers(Some(options)).await })
    }

    /// Ids and names of the containers of a kind cluster, running or not, load balancers among them.
    pub(super) fn members(&self, cluster: &str) -> Result<Vec<(String, String)>, Trouble> {
        let member = |container: ContainerSummary| {
            let name = container.names.and_then(|names| names.into_iter().next()).unwrap_or_default();
            Some((container.id?, name.trim_start_matches('/').to_owned()))
        };
        Ok(self.containers(cluster)?.into_iter().filter_map(member).collect())
    }

    /// Starts a container that does not run.
    pub(super) fn start(&self, container: String) -> Result<(), Trouble> {
        self.ask(|docker| async move { docker.start_container(&container, None).await })
    }

    /// Takes a container away, with what runs in it and its own volumes.
    pub(super) fn remove(&self, container: String) -> Result<(), Trouble> {
        let options = RemoveContainerOptions { force: true, v: true, ..RemoveContainerOptions::default() };
        self.ask(|docker| async move { docker.remove_container(&container, Some(options)).await })
    }

    /// The nodes of a kind cluster, running or not.
    pub(super) fn nodes(&self, cluster: &str) -> Result<Vec<Node>, Trouble> {
        let mut nodes: Vec<Node> = self
            .containers(cluster)?
            .into_iter()
            .filter_map(|container| {
                let labels = container.labels.unwrap_or_default();
                let role = labels.get(ROLE_LABEL)?;
                if role != "worker" && role != "control-plane" {
                    // A load balancer before several control planes.
                    return None;
                }
                let name = container.names?.into_iter().next()?.trim_start_matches('/').to_owned();
                let networks = container.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
                let network = networks.get("kind").or_else(|| networks.values().next());
                let address = |get: fn(&EndpointSettings) -> Option<&String>| network.and_then(get)?.parse().ok();
                Some(Node {
                    alias: name.strip_prefix(&format!("{cluster}-")).map(str::to_owned),
                    address: address(|network| network.ip_address.as_ref()),
                    gateway: address(|network| network.gateway.as_ref()),
                    is_control_plane: role == "control-plane",
                    running: container.state == Some(ContainerSummaryStateEnum::RUNNING),
                    container: container.id?,
                    name,
                })
            })
            .collect();
        // Workers first, as the course tells of them: worker, worker2, control-plane.
        nodes.sort_by(|one, other| (one.is_control_plane, &one.name).cmp(&(other.is_control_plane, &other.name)));
        Ok(nodes)
    }
}

/// The label that names a node's cluster.
const CLUSTER_LABEL: &str = "io.x-k8s.kind.cluster";
/// The label that says what a node is.
const ROLE_LABEL: &str = "io.x-k8s.kind.role";

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // What a lab leaves in its nodes is cleared by the end of its connections: they have ended when this has.
            let _ = thread.join();
        }
    }
}

/// How asking the engine failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// It said no, or it could not be reached.
    Engine(Error),
    /// It did not answer within this time.
    Silent(Duration),
    /// What was spoken to in a node is no longer there.
    Gone,
}

/// Seconds that a single request may take; what waits for it has bounds of its own.
const REQUEST: u64 = 120;

fn client(host: &str, certificates: Option<&Certificates>) -> Result<Docker, Error> {
    match (certificates, host.split_once("://").map_or("", |(scheme, _)| scheme)) {
        (Some(tls), "tcp" | "https") => {
            Docker::connect_with_ssl(host, &tls.key, &tls.certificate, &tls.authority, REQUEST, API_DEFAULT_VERSION)
        }
        (None, "tcp" | "http") => Docker::connect_with_http(host, REQUEST, API_DEFAULT_VERSION),
        #[cfg(unix)]
        (_, "unix") => Docker::connect_with_unix(host, REQUEST, API_DEFAULT_VERSION),
        #[cfg(windows)]
        (_, "npipe") => Docker::connect_with_named_pipe(host, REQUEST, API_DEFAULT_VERSION),
        _ => Err(Error::UnsupportedURISchemeError { uri: host.to_owned() }),
    }
}

fn trouble(endpoint: &Endpoint, failure: &Failure) -> Trouble {
    let error = match failure {
        Failure::Silent(wait) => {
            return Trouble::unusable(Said::of(
                "kind-engine-silent",
                &[("engine", &endpoint), ("seconds", &wait.as_secs())],
            ))
            .hint(Said::of("kind-engine-silent-hint", &[]));
        }
        Failure::Gone => {
            return Trouble::unusable(Said::of("kind-footing-lost", &[])).hint(Said::of("kind-footing-lost-hint", &[]));
        }
        Failure::Engine(error) => error,
    };
    match error {
        Error::UnsupportedURISchemeError { uri } => {
            Trouble::unusable(Said::of("kind-no-address", &[("address", &uri)]))
                .hint(Said::of("kind-no-address-hint", &[]))
        }
        Error::DockerResponseServerError { status_code, message } => {
            Trouble::unusable(Said::of("kind-engine-refused", &[("why", &message.trim()), ("status", &status_code)]))
                .hint(Said::of("kind-engine-refused-hint", &[]))
        }
        error => match kind_of(error) {
            Some(ErrorKind::PermissionDenied) => {
                Trouble::unusable(Said::of("kind-engine-not-permitted", &[("engine", &endpoint)]))
                    .because(error)
                    .hint(Said::of("kind-engine-not-permitted-hint", &[]))
            }
            Some(ErrorKind::ConnectionRefused | ErrorKind::NotFound) => nobody(endpoint).because(error),
            _ if matches!(error, Error::SocketNotFoundError(_)) => nobody(endpoint).because(error),
            _ => Trouble::unusable(Said::of("kind-engine-unreachable", &[("engine", &endpoint)]))
                .because(error)
                .hint(Said::of("kind-engine-unreachable-hint", &[])),
        },
    }
}

fn nobody(endpoint: &Endpoint) -> Trouble {
    let start = match (cfg!(target_os = "macos"), endpoint.host.starts_with("unix:///run/user/")) {
        (true, _) => "open -a Docker",
        (false, true) => "systemctl --user start docker",
        (false, false) => "sudo systemctl start docker",
    };
    Trouble::unusable(Said::of("kind-no-engine", &[("engine", &endpoint)]))
        .hint(Said::of("kind-no-engine-hint", &[("start", &start)]))
}

/// What the operating system said at the bottom of an error.
fn kind_of(error: &Error) -> Option<ErrorKind> {
    let mut next = error.source();
    if let Error::IOError { err } = error {
        return Some(err.kind());
    }
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return Some(error.kind());
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::Origin;
    use super::*;

    fn endpoint(host: &str) -> Endpoint {
        Endpoint { host: host.to_owned(), certificates: None, origin: Origin::Variable }
    }

    fn refused(host: &str) -> Trouble {
        match Engine::connect(endpoint(host), Duration::from_secs(5)) {
            Ok(_) => panic!("nobody is at {host}"),
            Err(trouble) => trouble,
        }
    }

    #[test]
    fn where_nobody_listens_the_command_that_starts_an_engine_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = format!("unix://{}/docker.sock", folder.path().display());
        let closed = folder.path().join("closed.sock");
        drop(std::os::unix::net::UnixListener::bind(&closed).expect("a socket"));
        for host in [missing, format!("unix://{}", closed.display()), "tcp://127.0.0.1:1".to_owned()] {
            let trouble = refused(&host);
            assert!(trouble.what.starts_with("no Docker Engine answers at"), "{trouble:?}");
            assert!(trouble.hints[0].contains("docker info"), "{trouble:?}");
        }
    }

    #[test]
    fn a_users_own_engine_is_started_by_the_user() {
        let hint = nobody(&endpoint("unix:///run/user/1000/docker.sock")).hints[0].to_string();
        assert!(cfg!(target_os = "macos") || hint.contains("`systemctl --user start docker`"), "{hint}");
    }

    #[test]
    fn one_that_never_answers_is_given_up() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = format!("tcp://{}", silent.local_addr().expect("an address"));
        let begun = std::time::Instant::now();
        let trouble = Engine::connect(endpoint(&host), Duration::from_millis(300)).err().expect("silence");
        assert!(trouble.what.contains("did not answer"), "{trouble:?}");
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}
