use std::collections::BTreeMap;

use super::object::{Cilium, Release};
use super::tale::{Tale, refuse};
use crate::command::{Canonical, canonical};
use crate::lab::sim::World;
use crate::lab::sim::process::{Call, Io, Process};
use crate::lab::sim::tools::zoned;
use crate::packet::Timestamp;
use crate::profile::Profile;

/// The one chart version of the simulated repository.
fn version(world: &World) -> &'static str {
    match world.kube.profile {
        Profile::Tutorial => "1.13.0-rc5",
        Profile::Current => "1.17.0",
    }
}

/// Chart values that this lab looks at, or that change nothing it simulates; others are taken silently, as Helm does.
const NO_CLUSTER: &str = "Kubernetes cluster unreachable: Get \"http://localhost:8080/version\": dial tcp 127.0.0.1:8080: connect: connection refused";

/// `helm`.
pub(super) fn program(call: &Call, world: &World) -> Box<dyn Process> {
    let given = canonical(&call.words);
    let words: Vec<&str> = given.words.iter().skip(1).map(String::as_str).collect();
    match words.as_slice() {
        ["repo", "add", name, url] => repo_add(name, url),
        ["repo", "add", ..] => refuse(1, "Error: \"helm repo add\" requires 2 arguments\n\nUsage:  helm repo add [NAME] [URL] [flags]"),
        ["repo", "update" | "up", ..] => repo_update(world),
        ["repo", "list" | "ls"] => repo_list(world),
        ["repo", "remove" | "rm", name] => repo_remove(name, world),
        ["search", "repo", ..] => search(world),
        ["install", ..] => install(&given, words.get(1..).unwrap_or_default(), call, world),
        ["upgrade", ..] => upgrade(&given, words.get(1..).unwrap_or_default(), call, world),
        ["list" | "ls"] => list(&given, world),
        ["status", name] => status(name, &given, world),
        ["get", "values", name] => values(name, &given, world),
        ["uninstall" | "un" | "delete" | "del", name] => uninstall(name, &given, world),
        ["template" | "show" | "pull" | "history" | "rollback" | "get", ..] => {
            refuse(1, format!("Error: `helm {}` is not simulated; `--lab kind` has the real helm", words.join(" ")))
        }
        ["version"] => Tale::default().print("version.BuildInfo{Version:\"v3.11.0\", GitCommit:\"simulated\", GitTreeState:\"clean\", GoVersion:\"go1.18.10\"}\n").start(),
        [] | ["help"] => Tale::default().print("The Kubernetes package manager\n\nUsage:\n  helm [command]\n\nSimulated here: repo add|update|list|remove, search repo, install, upgrade, list, status, get values, uninstall, version\n").start(),
        [other, ..] => refuse(1, format!("Error: unknown command \"{other}\" for \"helm\"\nRun 'helm --help' for usage.")),
    }
}

fn repo_add(name: &str, url: &str) -> Box<dyn Process> {
    let (name, url) = (name.to_owned(), url.to_owned());
    Tale::default()
        .wait(800)
        .act(move |world, io| {
            let bare = url.trim_end_matches('/');
            if bare != "https://helm.cilium.io" && bare != "http://helm.cilium.io" {
                io.complain(format!(
                    "Error: looks like \"{url}\" is not a valid chart repository or cannot be reached: the simulated lab knows https://helm.cilium.io/\n"
                ));
                return 1;
            }
            match world.kube.repositories.iter().find(|(known, _)| *known == name) {
                Some((_, known)) if known.trim_end_matches('/') == bare => {
                    io.print(format!("\"{name}\" already exists with the same configuration, skipping\n"));
                }
                Some(_) => {
                    io.complain(format!("Error: repository name ({name}) already exists, please specify a different name\n"));
                    return 1;
                }
                None => {
                    world.kube.repositories.push((name.clone(), url.clone()));
                    io.print(format!("\"{name}\" has been added to your repositories\n"));
                }
            }
            0
        })
        .start()
}

fn repo_update(world: &World) -> Box<dyn Process> {
    if world.kube.repositories.is_empty() {
        return refuse(1, "Error: no repositories found. You must add one before updating");
    }
    let mut tale =
        Tale::default().print("Hang tight while we grab the latest from your chart repositories...\n").wait(1200);
    for (name, _) in &world.kube.repositories {
        tale = tale.print(format!("...Successfully got an update from the \"{name}\" chart repository\n"));
    }
    tale.print("Update Complete. ⎈Happy Helming!⎈\n").start()
}

fn repo_list(world: &World) -> Box<dyn Process> {
    if world.kube.repositories.is_empty() {
        return refuse(1, "Error: no repositories to show");
    }
    let mut rows = vec![vec!["NAME".to_owned(), "URL".to_owned()]];
    rows.extend(world.kube.repositories.iter().map(|(name, url)| vec![name.clone(), url.clone()]));
    Tale::default().print(uitable(&rows)).start()
}

fn repo_remove(name: &str, world: &World) -> Box<dyn Process> {
    if !world.kube.repositories.iter().any(|(known, _)| known == name) {
        return refuse(1, format!("Error: no repo named \"{name}\" found"));
    }
    let name = name.to_owned();
    Tale::default()
        .act(move |world, io| {
            world.kube.repositories.retain(|(known, _)| *known != name);
            io.print(format!("\"{name}\" has been removed from your repositories\n"));
            0
        })
        .start()
}

fn search(world: &World) -> Box<dyn Process> {
    let mut rows = vec![["NAME", "CHART VERSION", "APP VERSION", "DESCRIPTION"].map(str::to_owned).to_vec()];
    for (name, _) in &world.kube.repositories {
        let description = "eBPF-based Networking, Security, and Observability".to_owned();
        rows.push(vec![format!("{name}/cilium"), version(world).to_owned(), version(world).to_owned(), description]);
    }
    if rows.len() == 1 {
        return refuse(1, "Error: no repositories configured");
    }
    Tale::default().print(uitable(&rows)).start()
}

/// Columns as Helm prints them (gosuri/uitable): padded with spaces and joined with tabs.
fn uitable(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = (0..columns)
            .map(|column| format!("{:width$}", row.get(column).map_or("", String::as_str), width = width(column)))
            .collect();
        format!("{}\n", cells.join("\t"))
    };
    rows.iter().map(line).collect()
}

fn namespace(given: &Canonical) -> String {
    given.value("namespace").unwrap_or("default").to_owned()
}

/// The values of `--set a=b,c=d`, `--set-string`, and of `-f FILE`.
fn set_values(given: &Canonical, call: &Call, world: &World) -> Result<BTreeMap<String, String>, String> {
    let mut values = BTreeMap::new();
    for file in given.values("values") {
        let text = world.read_file(call, file).map_err(|_| format!("open {file}: no such file or directory"))?;
        let value: serde_json::Value = serde_yaml::from_str(&String::from_utf8_lossy(&text))
            .map_err(|error| format!("failed to parse {file}: {error}"))?;
        flatten("", &value, &mut values);
    }
    for text in given.values("set").chain(given.values("set-string")) {
        for part in split_commas(text) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(format!("failed parsing --set data: key \"{part}\" has no value"));
            };
            values.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(values)
}

/// Splits at commas that no backslash and no brace protects.
fn split_commas(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut depth, mut escaped) = (Vec::new(), String::new(), 0_u32, false);
    for letter in text.chars() {
        match letter {
            _ if escaped => {
                part.push(letter);
                escaped = false;
            }
            '\\' => escaped = true,
            ',' if depth == 0 => parts.push(std::mem::take(&mut part)),
            other => {
                depth = match other {
                    '{' => depth + 1,
                    '}' => depth.saturating_sub(1),
                    _ => depth,
                };
                part.push(other);
            }
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

fn flatten(prefix: &str, value: &serde_json::Value, values: &mut BTreeMap<String, String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&path, value, values);
            }
        }
        serde_json::Value::String(text) => {
            values.insert(prefix.to_owned(), text.clone());
        }
        serde_json::Value::Null => {}
        other => {
            values.insert(prefix.to_owned(), other.to_string());
        }
    }
}

/// Checks the chart that a call names; `Err` is Helm's text.
fn chart(name: &str, given: &Canonical, world: &World) -> Result<(), String> {
    let Some((repository, chart)) = name.split_once('/') else {
        return Err(format!(
            "failed to download \"{name}\" (hint: running `helm repo update` may help): this lab has no chart archives, name it REPOSITORY/cilium"
        ));
    };
    if !world.kube.repositories.iter().any(|(known, _)| known == repository) {
        return Err(format!("repo {repository} not found"));
    }
    if chart != "cilium" {
        return Err(format!(
            "chart \"{chart}\" matching {} not found in {repository} index. (try 'helm repo update'): no chart name found",
            given.value("version").unwrap_or("")
        ));
    }
    let (asked, only) = (given.value("version"), version(world));
    let bare = asked.unwrap_or("").trim_start_matches('v');
    let newest = match world.kube.profile {
        // A release candidate is the newest of nothing, unless it is asked for.
        Profile::Tutorial => asked.is_none() && given.has("devel"),
        // A range of the course's, or none at all.
        Profile::Current => asked.is_none() || bare == world.kube.profile.fact("cilium_version"),
    };
    if bare == only || newest {
        return Ok(());
    }
    Err(format!(
        "chart \"cilium\" matching {bare} not found in {repository} index. (try 'helm repo update'): no chart version found for cilium-{bare}\n\
         esplain: the simulated repository holds {only} alone; say --version {only}"
    ))
}

fn install(given: &Canonical, words: &[&str], call: &Call, world: &World) -> Box<dyn Process> {
    let fail = |error: String| refuse(1, format!("Error: INSTALLATION FAILED: {error}"));
    let [name, chart_name] = words else {
        return fail(match words.len() {
            0 | 1 => "must either provide a name or specify --generate-name".to_owned(),
            _ => format!(
                "expected at most two arguments, unexpected arguments: {}",
                words.get(2..).unwrap_or_default().join(", ")
            ),
        });
    };
    if let Err(error) = chart(chart_name, given, world) {
        return fail(error);
    }
    let values = match set_values(given, call, world) {
        Ok(values) => values,
        Err(error) => return fail(error),
    };
    let Some(cluster) = &world.kube.cluster else { return fail(NO_CLUSTER.to_owned()) };
    let namespace = namespace(given);
    if cluster.releases.iter().any(|release| release.name == *name && release.namespace == namespace) {
        return fail("cannot re-use a name that is still in use".to_owned());
    }
    if !cluster.namespaces.iter().any(|(known, _)| *known == namespace) && !given.has("create-namespace") {
        return fail(format!("create: failed to create: namespaces \"{namespace}\" not found"));
    }
    if cluster.cilium.is_some() {
        return fail("rendered manifests contain a resource that already exists. Unable to continue with install: ClusterRole \"cilium\" in namespace \"\" exists and cannot be imported into the current release: invalid ownership metadata".to_owned());
    }
    let (name, create, waits) = ((*name).to_owned(), given.has("create-namespace"), given.has("wait"));
    let tale = Tale::default().wait(2500).act(move |world, io| {
        let now = world.now();
        notes(&values, world.kube.profile, io);
        let version = version(world);
        let Some(cluster) = &mut world.kube.cluster else { return 1 };
        if create && !cluster.namespaces.iter().any(|(known, _)| *known == namespace) {
            cluster.namespaces.push((namespace.clone(), now));
        }
        let release = Release { name, namespace: namespace.clone(), revision: 1, updated: now, values: values.clone() };
        let text = described(&release, version);
        cluster.releases.push(release);
        super::controller::install_cilium(cluster, Cilium::new(namespace, values), now);
        io.print(text);
        0
    });
    if waits { tale.wait(45_000).start() } else { tale.start() }
}

/// What this lab's datapath does not follow is said, once, where it is asked for.
fn notes(values: &BTreeMap<String, String>, profile: Profile, io: &mut Io) {
    let value = |name: &str, default: &'static str| values.get(name).map_or(default, String::as_str).to_owned();
    if profile == Profile::Current {
        io.complain(
            "esplain: whatever the chart's version, the simulated agents do what those of Cilium 1.13 do; keys of each pair of nodes' own are not simulated\n",
        );
        if value("routingMode", "tunnel") != "native" {
            io.complain(
                "esplain: the simulated datapath knows native routing only (routingMode=native); with a tunnel a real cluster would carry pods' packets in UDP, this one does not\n",
            );
        }
    } else if value("tunnel", "vxlan") != "disabled" {
        io.complain(format!(
            "esplain: the simulated datapath knows native routing only (tunnel=disabled); with tunnel={} a real cluster would carry pods' packets in UDP, this one does not\n",
            value("tunnel", "vxlan")
        ));
    }
    if value("encryption.enabled", "false") == "true" && value("encryption.type", "ipsec") != "ipsec" {
        io.complain(format!(
            "esplain: of the encryptions only ipsec is simulated; with encryption.type={} packets go in clear here\n",
            value("encryption.type", "ipsec")
        ));
    }
}

fn described(release: &Release, version: &str) -> String {
    let when = zoned(release.updated).strftime("%a %b %e %H:%M:%S %Y").to_string();
    format!(
        "NAME: {}\nLAST DEPLOYED: {when}\nNAMESPACE: {}\nSTATUS: deployed\nREVISION: {}\nTEST SUITE: None\nNOTES:\n\
         You have successfully installed Cilium with Hubble.\n\nYour release version is {version}.\n\n\
         For any further help, visit https://docs.cilium.io/en/v{}/gettinghelp\n",
        release.name,
        release.namespace,
        release.revision,
        version.rsplit_once('.').map_or(version, |(minor, _)| minor)
    )
}

fn upgrade(given: &Canonical, words: &[&str], call: &Call, world: &World) -> Box<dyn Process> {
    let [name, chart_name] = words else {
        return refuse(
            1,
            "Error: \"helm upgrade\" requires 2 arguments\n\nUsage:  helm upgrade [RELEASE] [CHART] [flags]",
        );
    };
    let namespace = namespace(given);
    let Some(cluster) = &world.kube.cluster else { return refuse(1, format!("Error: UPGRADE FAILED: {NO_CLUSTER}")) };
    let there = cluster.releases.iter().any(|release| release.name == *name && release.namespace == namespace);
    if !there {
        if given.has("install") {
            return install(given, words, call, world);
        }
        return refuse(1, format!("Error: UPGRADE FAILED: \"{name}\" has no deployed releases"));
    }
    let values = chart(chart_name, given, world).and_then(|()| set_values(given, call, world));
    let values = match values {
        Ok(values) => values,
        Err(error) => return refuse(1, format!("Error: UPGRADE FAILED: {error}")),
    };
    let (name, reuse) = ((*name).to_owned(), given.has("reuse-values"));
    Tale::default()
        .wait(2500)
        .act(move |world, io| {
            let (now, profile, version) = (world.now(), world.kube.profile, version(world));
            let Some(mut cluster) = world.kube.cluster.take() else { return 1 };
            let mut all = values.clone();
            let mut text = String::new();
            if let Some(release) = cluster.releases.iter_mut().find(|release| release.name == name) {
                if reuse {
                    let old = release.values.clone();
                    all = old.into_iter().chain(values.clone()).collect();
                }
                notes(&all, profile, io);
                release.revision += 1;
                release.updated = now;
                release.values.clone_from(&all);
                text = format!("Release \"{name}\" has been upgraded. Happy Helming!\n{}", described(release, version));
            }
            // The agents are started anew with the new values.
            super::controller::remove_cilium(&mut cluster, world, now);
            super::controller::install_cilium(&mut cluster, Cilium::new(namespace.clone(), all), now);
            super::controller::reconnect(&mut cluster);
            world.kube.cluster = Some(cluster);
            io.print(text);
            0
        })
        .start()
}

fn stamp(time: Timestamp) -> String {
    let time = zoned(time);
    format!("{} +0000 UTC", time.strftime("%Y-%m-%d %H:%M:%S.%9f"))
}

fn list(given: &Canonical, world: &World) -> Box<dyn Process> {
    let Some(cluster) = &world.kube.cluster else { return refuse(1, format!("Error: {NO_CLUSTER}")) };
    let namespace = namespace(given);
    let all = given.has("all-namespaces");
    let shown: Vec<&Release> =
        cluster.releases.iter().filter(|release| all || release.namespace == namespace).collect();
    if given.has("short") || given.has("q") {
        return Tale::default()
            .print(shown.iter().map(|release| format!("{}\n", release.name)).collect::<String>())
            .start();
    }
    if given.value("output") == Some("json") {
        let rows: Vec<serde_json::Value> = shown
            .iter()
            .map(|release| {
                serde_json::json!({
                    "name": release.name, "namespace": release.namespace, "revision": release.revision.to_string(),
                    "updated": stamp(release.updated), "status": "deployed", "chart": format!("cilium-{}", version(world)), "app_version": version(world),
                })
            })
            .collect();
        return Tale::default().print(format!("{}\n", serde_json::Value::Array(rows))).start();
    }
    let mut rows = vec![
        ["NAME", "NAMESPACE", "REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION"].map(str::to_owned).to_vec(),
    ];
    for release in shown {
        rows.push(vec![
            release.name.clone(),
            release.namespace.clone(),
            release.revision.to_string(),
            stamp(release.updated),
            "deployed".to_owned(),
            format!("cilium-{}", version(world)),
            version(world).to_owned(),
        ]);
    }
    Tale::default().print(uitable(&rows)).start()
}

fn release<'a>(name: &str, given: &Canonical, world: &'a World) -> Result<&'a Release, String> {
    let cluster = world.kube.cluster.as_ref().ok_or_else(|| format!("Error: {NO_CLUSTER}"))?;
    let namespace = namespace(given);
    let found = cluster.releases.iter().find(|release| release.name == name && release.namespace == namespace);
    found.ok_or_else(|| "Error: release: not found".to_owned())
}

fn status(name: &str, given: &Canonical, world: &World) -> Box<dyn Process> {
    match release(name, given, world) {
        Ok(release) => Tale::default().print(described(release, version(world))).start(),
        Err(error) => refuse(1, error),
    }
}

fn values(name: &str, given: &Canonical, world: &World) -> Box<dyn Process> {
    let release = match release(name, given, world) {
        Ok(release) => release,
        Err(error) => return refuse(1, error),
    };
    let mut tree = serde_json::json!({});
    for (path, value) in &release.values {
        let typed = match value.as_str() {
            "true" => serde_json::Value::Bool(true),
            "false" => serde_json::Value::Bool(false),
            other => other.parse::<i64>().map_or_else(|_| serde_json::Value::from(other), serde_json::Value::from),
        };
        super::manifest::put(&mut tree, path, typed);
    }
    Tale::default().print(format!("USER-SUPPLIED VALUES:\n{}", super::manifest::to_yaml(&tree))).start()
}

fn uninstall(name: &str, given: &Canonical, world: &World) -> Box<dyn Process> {
    if release(name, given, world).is_err() {
        return refuse(1, format!("Error: uninstall: Release not loaded: {name}: release: not found"));
    }
    let (name, namespace) = (name.to_owned(), namespace(given));
    Tale::default()
        .wait(1500)
        .act(move |world, io| {
            let now = world.now();
            let Some(mut cluster) = world.kube.cluster.take() else { return 1 };
            cluster.releases.retain(|release| release.name != name || release.namespace != namespace);
            super::controller::remove_cilium(&mut cluster, world, now);
            world.kube.cluster = Some(cluster);
            io.print(format!("release \"{name}\" uninstalled\n"));
            0
        })
        .start()
}
