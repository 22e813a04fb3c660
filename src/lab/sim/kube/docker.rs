use super::controller::later;
use super::object::Node;
use super::tale::{Tale, refuse};
use super::{table, terse_age};
use crate::command::canonical;
use crate::lab::sim::World;
use crate::lab::sim::process::{Call, Process};
use crate::lab::sim::tools::{graft, once};
use crate::lab::sim::{FileError, Node as Entry};

/// `docker`, as far as kind's nodes are its containers.
pub(super) fn program(call: &Call, world: &World) -> Box<dyn Process> {
    let given = canonical(&call.words);
    let words: Vec<&str> = given.words.iter().skip(1).filter(|word| *word != "container").map(String::as_str).collect();
    let nodes: Vec<Node> = world.kube.cluster.iter().flat_map(|cluster| cluster.nodes.clone()).collect();
    match words.as_slice() {
        ["ps" | "ls"] => ps(&nodes, &given, world),
        ["cp", from, to] => copy(call, from, to),
        ["cp", ..] => refuse(1, "docker: 'docker cp' requires 2 arguments\n\nUsage:  docker cp [OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n        docker cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH"),
        ["exec", name] => refuse(1, format!("docker: 'docker exec' requires at least 2 arguments\n\nUsage:  docker exec [OPTIONS] CONTAINER COMMAND [ARG...]\n\n({name} is the container; the command is missing.)")),
        ["exec"] => refuse(1, "docker: 'docker exec' requires at least 2 arguments\n\nUsage:  docker exec [OPTIONS] CONTAINER COMMAND [ARG...]"),
        ["inspect", names @ ..] => inspect(&nodes, names, given.value("filter")),
        ["network", "ls"] => networks(&nodes, world),
        ["network", "inspect", "kind"] => network(&nodes, world),
        ["network", "inspect", name] => refuse(1, format!("[]\nError response from daemon: network {name} not found")),
        ["images"] => Tale::default().print("REPOSITORY     TAG       IMAGE ID       CREATED         SIZE\nkindest/node   v1.23.4   fffd0ea44e89   11 months ago   1.46GB\n").start(),
        ["version" | "info"] => Tale::default().print("Client: Docker Engine - Community\n Version: 20.10.21 (simulated)\n").start(),
        ["logs", name] => Tale::default().print(format!("(the simulated lab keeps no log of {name})\n")).start(),
        [] | ["help"] => Tale::default().print("Usage:  docker [OPTIONS] COMMAND\n\nSimulated here: ps, exec, cp, inspect, network ls, network inspect, images\n").start(),
        [verb, ..] => refuse(1, format!("docker: '{verb}' is not simulated here.\nSimulated are ps, exec, cp, inspect, network and images; `--lab kind` has the real docker.")),
    }
}

/// The node behind a container's name or the beginning of its id.
pub(super) fn container<'a>(world: &'a World, name: &str) -> Option<&'a Node> {
    let nodes = world.kube.cluster.iter().flat_map(|cluster| &cluster.nodes);
    nodes.into_iter().find(|node| node.name == name || (name.len() >= 4 && id(&node.name).starts_with(name)))
}

/// A container's id: as long as Docker's, made of its name.
fn id(name: &str) -> String {
    use sha2::{Digest, Sha256};
    let mut text = String::new();
    for octet in Sha256::digest(name.as_bytes()) {
        text.push_str(&format!("{octet:02x}"));
    }
    text
}

fn ps(nodes: &[Node], given: &crate::command::Canonical, world: &World) -> Box<dyn Process> {
    if given.has("quiet") {
        let ids: String = nodes.iter().rev().map(|node| format!("{}\n", &id(&node.name)[..12])).collect();
        return Tale::default().print(ids).start();
    }
    if let Some(format) = given.value("format") {
        let lines: String = nodes.iter().rev().map(|node| format!("{}\n", formatted(format, node))).collect();
        return Tale::default().print(lines.replace("table ", "")).start();
    }
    let port = world.kube.cluster.as_ref().map_or(0, |cluster| cluster.port);
    let mut rows =
        vec![["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"].map(str::to_owned).to_vec()];
    for node in nodes.iter().rev() {
        let age = ago(world, node);
        let ports = if node.control_plane { format!("127.0.0.1:{port}->6443/tcp") } else { String::new() };
        let image = super::kind::NODE_IMAGE.to_owned();
        let command = "\"/usr/local/bin/entr…\"".to_owned();
        rows.push(vec![
            id(&node.name)[..12].to_owned(),
            image,
            command,
            format!("{age} ago"),
            format!("Up {age}"),
            ports,
            node.name.clone(),
        ]);
    }
    Tale::default().print(table(&rows)).start()
}

fn ago(world: &World, node: &Node) -> String {
    let seconds = world.now().0.saturating_sub(later(node.created, 0).0) / 1_000_000_000 + 30;
    match seconds {
        0..=59 => format!("{seconds} seconds"),
        60..=119 => "About a minute".to_owned(),
        120..=3599 => format!("{} minutes", seconds / 60),
        3600..=7199 => "About an hour".to_owned(),
        _ => format!("{} hours", seconds / 3600),
    }
}

/// A Go template with the fields that people ask for.
fn formatted(format: &str, node: &Node) -> String {
    let mut text = format.to_owned();
    for (field, value) in [
        ("Names", node.name.clone()),
        (".Name", node.name.clone()),
        ("ID", id(&node.name)[..12].to_owned()),
        ("Image", super::kind::NODE_IMAGE.to_owned()),
        ("State.Pid", pid(node).to_string()),
        ("NetworkSettings.Networks.kind.IPAddress", node.address.to_string()),
    ] {
        let field = field.trim_start_matches('.');
        for spelled in [format!("{{{{.{field}}}}}"), format!("{{{{ .{field} }}}}")] {
            text = text.replace(&spelled, &value);
        }
    }
    let range = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    text.replace(range, &node.address.to_string())
        .replace("{{range.NetworkSettings.Networks}}{{.IPAddress}}{{end}}", &node.address.to_string())
}

/// The process id of a node's init as the machine sees it.
pub(super) fn pid(node: &Node) -> u32 {
    4000 + u32::from(node.address.octets()[3]) * 137
}

fn copy(call: &Call, from: &str, to: &str) -> Box<dyn Process> {
    let (call, from, to) = (call.clone(), from.to_owned(), to.to_owned());
    once(move |world, io| {
        let side = |text: &str, world: &World| -> Result<(String, String), String> {
            match text.split_once(':') {
                Some((name, path)) => match container(world, name) {
                    Some(node) => Ok((node.name.clone(), crate::lab::sim::absolute("/", path))),
                    None => Err(format!("Error: No such container:path: {text}")),
                },
                None => Ok((call.place.clone(), call.path(text))),
            }
        };
        let done = side(&from, world).and_then(|(source, source_path)| {
            let (target, target_path) = side(&to, world)?;
            if !from.contains(':') && !to.contains(':') {
                return Err("must specify at least one container source".to_owned());
            }
            if from.contains(':') && to.contains(':') {
                return Err("copying between containers is not supported".to_owned());
            }
            let files = world.files.get(&source).cloned().unwrap_or_default();
            let target_files = world.files.entry(target).or_default();
            let name = source_path.rsplit('/').next().unwrap_or_default();
            let path = match target_files.node(&target_path) {
                Ok(Entry::Folder) => crate::lab::sim::absolute(&target_path, name),
                _ => target_path,
            };
            graft(&files, &source_path, target_files, &path).map_err(|error| match error {
                FileError::Missing if from.contains(':') => format!("Error: No such container:path: {from}"),
                FileError::Missing => format!("lstat {source_path}: no such file or directory"),
                other => other.to_string(),
            })
        });
        match done {
            Ok(()) => 0,
            Err(error) => {
                io.complain(format!("{error}\n"));
                1
            }
        }
    })
}

fn inspect(nodes: &[Node], names: &[&str], format: Option<&str>) -> Box<dyn Process> {
    let mut tale = Tale::default();
    let (mut found, mut status) = (Vec::new(), 0);
    for name in names {
        match nodes.iter().find(|node| node.name == *name || (name.len() >= 4 && id(&node.name).starts_with(name))) {
            None => {
                tale = tale.complain(format!("Error: No such object: {name}\n"));
                status = 1;
            }
            Some(node) => match format {
                Some(format) => tale = tale.print(format!("{}\n", formatted(format, node))),
                None => found.push(serde_json::json!({
                    "Id": id(&node.name),
                    "Name": format!("/{}", node.name),
                    "State": { "Status": "running", "Running": true, "Pid": pid(node) },
                    "Config": { "Hostname": node.name, "Image": super::kind::NODE_IMAGE },
                    "NetworkSettings": { "Networks": { "kind": {
                        "Gateway": "172.18.0.1", "IPAddress": node.address.to_string(), "IPPrefixLen": 16,
                        "MacAddress": format!("02:42:ac:12:00:{:02x}", node.address.octets()[3]),
                    } } },
                })),
            },
        }
    }
    if format.is_none() {
        let text = serde_json::to_string_pretty(&found).unwrap_or_default();
        tale = tale.print(format!("{text}\n"));
    }
    tale.status(status).start()
}

fn networks(nodes: &[Node], _: &World) -> Box<dyn Process> {
    let mut rows = vec![["NETWORK ID", "NAME", "DRIVER", "SCOPE"].map(str::to_owned).to_vec()];
    for (name, driver) in [("bridge", "bridge"), ("host", "host"), ("kind", "bridge"), ("none", "null")] {
        if name != "kind" || !nodes.is_empty() {
            rows.push(vec![id(name)[..12].to_owned(), name.to_owned(), driver.to_owned(), "local".to_owned()]);
        }
    }
    Tale::default().print(table(&rows)).start()
}

fn network(nodes: &[Node], world: &World) -> Box<dyn Process> {
    if nodes.is_empty() {
        return refuse(1, "[]\nError response from daemon: network kind not found");
    }
    let containers: serde_json::Map<String, serde_json::Value> = nodes
        .iter()
        .map(|node| {
            let value = serde_json::json!({
                "Name": node.name,
                "MacAddress": format!("02:42:ac:12:00:{:02x}", node.address.octets()[3]),
                "IPv4Address": format!("{}/16", node.address),
            });
            (id(&node.name), value)
        })
        .collect();
    let age = terse_age(world, nodes.first().map_or(world.now(), |node| node.created));
    let value = serde_json::json!([{
        "Name": "kind", "Id": id("kind"), "Scope": "local", "Driver": "bridge", "EnableIPv6": true,
        "IPAM": { "Driver": "default", "Config": [{ "Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1" }] },
        "Containers": containers,
        "Labels": { "esplain.simulated": format!("since {age}") },
    }]);
    Tale::default().print(format!("{}\n", serde_json::to_string_pretty(&value).unwrap_or_default())).start()
}
