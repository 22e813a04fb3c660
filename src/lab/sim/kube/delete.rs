use serde_json::Value;

use super::apply::documents;
use super::controller;
use super::get::{namespace, rows, singular};
use super::kubectl::REFUSED;
use super::object::WorkloadKind;
use super::tale::{Tale, refuse};
use crate::command::{Canonical, resource_name};
use crate::lab::sim::World;
use crate::lab::sim::process::{Call, Process};
use crate::lab::sim::tools::once;

/// `kubectl delete`.
pub(super) fn delete(given: &Canonical, call: &Call) -> Box<dyn Process> {
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

/// `kubectl scale`.
pub(super) fn scale(given: &Canonical) -> Box<dyn Process> {
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
