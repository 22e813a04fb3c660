use super::object::Node;
use super::tale::refuse;
use crate::command::Canonical;
use crate::lab::sim::process::{Io, Process};
use crate::lab::sim::tools::once;

/// `kubectl taint`, `kubectl label`, `kubectl cordon`, on nodes.
pub(super) fn program(verb: &str, given: &Canonical) -> Box<dyn Process> {
    let words: Vec<String> = given.words.iter().skip(2).cloned().collect();
    let (all, overwrite, selector) =
        (given.has("all"), given.has("overwrite"), given.value("selector").map(str::to_owned));
    if matches!(verb, "cordon" | "uncordon" | "annotate") {
        return refuse(1, format!("error: `kubectl {verb}` is not simulated"));
    }
    let Some((kind, rest)) = words.split_first() else {
        return refuse(1, "error: one or more resources must be specified as <resource> <name> or <resource>/<name>");
    };
    let (kind, first) =
        kind.split_once('/').map_or((kind.as_str(), None), |(kind, name)| (kind, Some(name.to_owned())));
    let is_node = crate::command::resource_name(kind) == "nodes";
    if !is_node {
        return refuse(
            1,
            match verb {
                "taint" => format!("error: invalid resource type {kind}, only node(s) is supported"),
                _ => format!("error: labels of {kind} are not simulated, those of nodes are"),
            },
        );
    }
    let is_change = |word: &String| {
        if verb == "taint" {
            word.contains(':') || word.ends_with('-') || word.contains('=')
        } else {
            word.contains('=') || word.ends_with('-')
        }
    };
    let changes: Vec<String> = rest.iter().filter(|word| is_change(word)).cloned().collect();
    let names: Vec<String> = first.into_iter().chain(rest.iter().filter(|word| !is_change(word)).cloned()).collect();
    if changes.is_empty() {
        return refuse(
            1,
            if verb == "taint" {
                "error: at least one taint update is required"
            } else {
                "error: at least one label update is required"
            },
        );
    }
    if names.is_empty() && !all && selector.is_none() {
        return refuse(1, "error: one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    let taints = verb == "taint";
    once(move |world, io| {
        let Some(cluster) = &mut world.kube.cluster else { return 1 };
        let mut status = 0;
        for name in names.iter().filter(|name| !cluster.nodes.iter().any(|node| node.name == **name)) {
            io.complain(format!("Error from server (NotFound): nodes \"{name}\" not found\n"));
            status = 1;
        }
        cluster.nodes.sort_by(|a, b| a.name.cmp(&b.name));
        for node in &mut cluster.nodes {
            let labels: Vec<(String, String)> = node.labels.clone().into_iter().collect();
            let chosen = names.contains(&node.name)
                || all
                || selector.as_ref().is_some_and(|selector| super::get::selected(selector, &labels));
            if !chosen {
                continue;
            }
            let done = if taints { taint(node, &changes, overwrite, io) } else { label(node, &changes, overwrite, io) };
            status = status.max(i32::from(!done));
        }
        status
    })
}

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

fn taint(node: &mut Node, changes: &[String], overwrite: bool, io: &mut Io) -> bool {
    let mut taints = node.taints.clone();
    let (mut added, mut removed) = (false, false);
    for change in changes {
        if let Some(old) = change.strip_suffix('-') {
            // `KEY-` takes every effect off, `KEY:EFFECT-` the one.
            let (key, effect) = old.split_once(':').map_or((old, None), |(key, effect)| (key, Some(effect)));
            let key = key.split('=').next().unwrap_or(key);
            let before = taints.len();
            taints.retain(|own| {
                let (own_key, own_effect) = own.rsplit_once(':').unwrap_or((own, ""));
                own_key.split('=').next() != Some(key) || effect.is_some_and(|effect| effect != own_effect)
            });
            if taints.len() == before {
                let shown = effect.map_or_else(|| key.to_owned(), |effect| format!("{key}:{effect}"));
                io.complain(format!("error: taint \"{shown}\" not found\n"));
                return false;
            }
            removed = true;
            continue;
        }
        let Some((key, effect)) = change.rsplit_once(':') else {
            io.complain(format!("error: invalid taint spec: {change}\n"));
            return false;
        };
        if !EFFECTS.contains(&effect) {
            io.complain(format!("error: invalid taint effect: {effect}, unsupported taint effect\n"));
            return false;
        }
        let bare = key.split('=').next().unwrap_or(key);
        let same = |own: &String| {
            own.rsplit_once(':')
                .is_some_and(|(own_key, own_effect)| own_key.split('=').next() == Some(bare) && own_effect == effect)
        };
        if taints.iter().any(same) && !overwrite {
            io.complain(format!(
                "error: node {} already has {bare} taint(s) with same effect(s) and --overwrite is false\n",
                node.name
            ));
            return false;
        }
        taints.retain(|own| !same(own));
        taints.push(change.clone());
        added = true;
    }
    node.taints = taints;
    let word = match (added, removed) {
        (true, true) => "modified",
        (false, true) => "untainted",
        _ => "tainted",
    };
    io.print(format!("node/{} {word}\n", node.name));
    true
}

fn label(node: &mut Node, changes: &[String], overwrite: bool, io: &mut Io) -> bool {
    for change in changes {
        if let Some(key) = change.strip_suffix('-') {
            if node.labels.remove(key).is_none() {
                io.print(format!("label \"{key}\" not found.\n"));
            }
            continue;
        }
        let Some((key, value)) = change.split_once('=') else { continue };
        if node.labels.get(key).is_some_and(|own| own != value) && !overwrite {
            io.complain(format!(
                "error: '{key}' already has a value ({}), and --overwrite is false\n",
                node.labels[key]
            ));
            return false;
        }
        node.labels.insert(key.to_owned(), value.to_owned());
    }
    io.print(format!("node/{} labeled\n", node.name));
    true
}
