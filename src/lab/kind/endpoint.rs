use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::trouble::Trouble;
use crate::words::Said;

/// Where the Docker Engine listens, found as the `docker` command finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `unix:///var/run/docker.sock`, `tcp://10.1.2.3:2376`, …
    pub host: String,
    /// For TLS.
    pub certificates: Option<Certificates>,
    /// Who said so.
    pub origin: Origin,
}

/// The files of a TLS connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// Who is trusted.
    pub authority: PathBuf,
    /// The learner's certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Who said where the engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The variable `DOCKER_HOST`.
    Variable,
    /// A context of the `docker` command.
    Context(String),
    /// A socket that is there.
    Socket,
    /// Nobody: the usual place.
    Usual,
}

/// The socket of an engine of the whole machine.
const USUAL: &str = "/var/run/docker.sock";

impl Endpoint {
    /// The endpoint that the `docker` command would use: `DOCKER_HOST`, then the context of `DOCKER_CONTEXT` or of
    /// `config.json`, then the usual socket; and where that is not there, the socket of a rootless engine or of Docker
    /// Desktop (docker/cli v28 `cli/command/cli.go` `resolveContextName`).
    pub fn of_environment() -> Result<Self, Trouble> {
        let home = etcetera::home_dir().ok();
        find(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()), home.as_deref(), Path::new(USUAL))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Variable => write!(f, "{} (DOCKER_HOST)", self.host),
            Origin::Context(name) => write!(f, "{} (docker context `{name}`)", self.host),
            Origin::Socket | Origin::Usual => f.write_str(&self.host),
        }
    }
}

fn find(variable: &dyn Fn(&str) -> Option<String>, home: Option<&Path>, usual: &Path) -> Result<Endpoint, Trouble> {
    let folder = variable("DOCKER_CONFIG").map(PathBuf::from).or_else(|| Some(home?.join(".docker")));
    if let Some(host) = variable("DOCKER_HOST") {
        let asked = variable("DOCKER_TLS_VERIFY").is_some() || variable("DOCKER_TLS").is_some();
        let from = variable("DOCKER_CERT_PATH").map(PathBuf::from).or(folder);
        let certificates = from.filter(|_| asked).map(|folder| Certificates::in_folder(&folder));
        return Ok(Endpoint { host, certificates, origin: Origin::Variable });
    }
    let named = variable("DOCKER_CONTEXT").or_else(|| current_context(folder.as_deref()?));
    if let (Some(name), Some(folder)) = (named.filter(|name| name != "default"), &folder) {
        return context(folder, name);
    }
    let unix =
        |path: &Path, origin| Endpoint { host: format!("unix://{}", path.display()), certificates: None, origin };
    if usual.exists() {
        return Ok(unix(usual, Origin::Usual));
    }
    let rootless = variable("XDG_RUNTIME_DIR").map(|folder| Path::new(&folder).join("docker.sock"));
    let desktop = home
        .into_iter()
        .flat_map(|home| [".docker/run/docker.sock", ".docker/desktop/docker.sock"].map(|path| home.join(path)));
    let found = rootless.into_iter().chain(desktop).find(|path| path.exists());
    Ok(found.map_or_else(|| unix(usual, Origin::Usual), |path| unix(&path, Origin::Socket)))
}

impl Certificates {
    fn in_folder(folder: &Path) -> Self {
        Self { authority: folder.join("ca.pem"), certificate: folder.join("cert.pem"), key: folder.join("key.pem") }
    }
}

/// The context that `docker context use` chose.
fn current_context(folder: &Path) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        current_context: Option<String>,
    }
    let text = std::fs::read_to_string(folder.join("config.json")).ok()?;
    serde_json::from_str::<Config>(&text).ok()?.current_context.filter(|name| !name.is_empty())
}

/// A context's endpoint. Its files are in folders named by the SHA-256 of its name (docker/cli v28
/// `cli/context/store/store.go` `contextdirOf`).
fn context(folder: &Path, name: String) -> Result<Endpoint, Trouble> {
    #[derive(Deserialize)]
    struct Meta {
        #[serde(rename = "Endpoints")]
        endpoints: Endpoints,
    }
    #[derive(Deserialize)]
    struct Endpoints {
        docker: Docker,
    }
    #[derive(Deserialize)]
    struct Docker {
        #[serde(rename = "Host")]
        host: String,
    }
    let id = folder_of(&name);
    let meta = folder.join("contexts/meta").join(&id).join("meta.json");
    let unreadable = |error: &dyn std::error::Error| {
        Trouble::unusable(Said::of("kind-context-unreadable", &[("name", &name), ("file", &meta.display())]))
            .because(error)
            .hint(Said::of("kind-context-hint", &[]))
    };
    let text = std::fs::read_to_string(&meta).map_err(|error| unreadable(&error))?;
    let host = serde_json::from_str::<Meta>(&text).map_err(|error| unreadable(&error))?.endpoints.docker.host;
    let tls = folder.join("contexts/tls").join(&id).join("docker");
    let certificates = tls.is_dir().then(|| Certificates::in_folder(&tls));
    Ok(Endpoint { host, certificates, origin: Origin::Context(name) })
}

fn folder_of(name: &str) -> String {
    Sha256::digest(name.as_bytes()).iter().fold(String::new(), |id, octet| id + &format!("{octet:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds with these variables in a home with these files.
    fn found(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Result<Endpoint, Trouble> {
        let home = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = home.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        let variable = |name: &str| {
            let value = variables.iter().find(|(known, _)| *known == name)?.1;
            Some(value.replace("HOME", &home.path().display().to_string()))
        };
        let mut endpoint = find(&variable, Some(home.path()), &home.path().join("docker.sock"))?;
        endpoint.host = endpoint.host.replace(&home.path().display().to_string(), "HOME");
        Ok(endpoint)
    }

    const REMOTE: &str = r#"{"Name":"remote","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://10.1.2.3:2376","SkipTLSVerify":false}}}"#;

    #[test]
    fn docker_host_wins_over_every_context() {
        let files = [(".docker/config.json", r#"{"currentContext":"remote"}"#)];
        let endpoint = found(&[("DOCKER_HOST", "tcp://h:2375"), ("DOCKER_CONTEXT", "other")], &files).expect("one");
        assert_eq!(
            (endpoint.host.as_str(), endpoint.origin, endpoint.certificates),
            ("tcp://h:2375", Origin::Variable, None)
        );
    }

    #[test]
    fn certificates_are_used_when_tls_is_asked_for() {
        let variables = [("DOCKER_HOST", "tcp://h:2376"), ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "/c")];
        let certificates = found(&variables, &[]).expect("one").certificates.expect("certificates");
        assert_eq!(certificates.key, Path::new("/c/key.pem"));
    }

    #[test]
    fn the_context_in_use_is_read_from_its_meta_file() {
        let id = folder_of("remote");
        let meta = format!(".docker/contexts/meta/{id}/meta.json");
        let ca = format!(".docker/contexts/tls/{id}/docker/ca.pem");
        let files = [(".docker/config.json", r#"{"currentContext":"remote"}"#), (&meta, REMOTE), (&ca, "")];
        let endpoint = found(&[], &files).expect("one");
        assert_eq!(
            (endpoint.host.as_str(), endpoint.origin),
            ("tcp://10.1.2.3:2376", Origin::Context("remote".into()))
        );
        assert!(endpoint.certificates.is_some());
    }

    #[test]
    fn a_context_that_is_not_there_is_named_with_the_command_that_lists_them() {
        let trouble = found(&[("DOCKER_CONTEXT", "gone")], &[]).expect_err("no such context");
        assert!(trouble.what.contains("`gone`") && trouble.hints[0].contains("docker context ls"), "{trouble:?}");
    }

    #[test]
    fn without_the_usual_socket_a_rootless_or_a_desktop_one_is_taken() {
        let cases: [(&[(&str, &str)], &str); 4] = [
            (&[("docker.sock", ""), ("run/docker.sock", "")], "unix://HOME/docker.sock"),
            (&[("run/docker.sock", ""), (".docker/run/docker.sock", "")], "unix://HOME/run/docker.sock"),
            (&[(".docker/run/docker.sock", "")], "unix://HOME/.docker/run/docker.sock"),
            (&[], "unix://HOME/docker.sock"),
        ];
        for (files, host) in cases {
            assert_eq!(found(&[("XDG_RUNTIME_DIR", "HOME/run")], files).expect("one").host, host);
        }
    }
}
