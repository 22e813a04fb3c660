use std::time::Duration;

use super::controller;
use super::get::{namespace, rows, selected, singular};
use super::kubectl::REFUSED;
use super::object::{State, WorkloadKind};
use super::tale::refuse;
use crate::command::{Canonical, resource_name};
use crate::lab::sim::World;
use crate::lab::sim::process::{Io, Process, Step};
use crate::lab::sim::tools::once;
use crate::packet::Timestamp;

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

/// `kubectl rollout`.
pub(super) fn rollout(given: &Canonical) -> Box<dyn Process> {
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

/// `kubectl wait`.
pub(super) fn wait(given: &Canonical) -> Box<dyn Process> {
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
