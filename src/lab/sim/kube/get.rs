use serde_json::{Value, json};

use super::manifest;
use super::object::{Cluster, Node, Pod, State, Workload, WorkloadKind};
use super::{table, terse_age};
use crate::command::{Canonical, resource_name};
use crate::lab::sim::World;
use crate::packet::Timestamp;

/// One object of a listing: its row and its whole.
pub(super) struct Row {
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    cells: Vec<String>,
    wide: Vec<String>,
    labels: Vec<(String, String)>,
    value: Value,
}

impl Row {
    /// Its labels.
    pub(super) fn labels(&self) -> Vec<(String, String)> {
        self.labels.clone()
    }

    /// Whether a condition holds for it (`ready`, `available`), by its name in lower case.
    pub(super) fn meets(&self, condition: &str) -> bool {
        let status = &self.value["status"];
        if condition == "available" {
            return !status["availableReplicas"].is_null() && status["availableReplicas"] == status["replicas"];
        }
        let conditions = status["conditions"].as_array();
        conditions.into_iter().flatten().any(|own| {
            own["type"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(condition)) && own["status"] == "True"
        })
    }
}

/// A listing of one kind.
pub(super) struct Rows {
    /// Plural and, where it has one, group: `daemonsets.apps`.
    pub(super) resource: String,
    header: Vec<&'static str>,
    wide: Vec<&'static str>,
    pub(super) items: Vec<Row>,
    namespaced: bool,
}

/// What `get` has to print.
pub(super) struct Answer {
    pub(super) out: String,
    pub(super) err: String,
    pub(super) status: i32,
}

/// The namespace that a call works in.
pub(super) fn namespace(given: &Canonical) -> &str {
    given.value("namespace").unwrap_or("default")
}

/// `kubectl get`.
pub(super) fn get(given: &Canonical, cluster: &Cluster, world: &World) -> Answer {
    let mut answer = Answer { out: String::new(), err: String::new(), status: 0 };
    let Some(kinds) = given.words.get(2) else {
        "You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported resources.\n\n\
                      error: Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that resource (e.g. kubectl explain pods).\n\
                      See 'kubectl get -h' for help and examples\n".clone_into(&mut answer.err);
        answer.status = 1;
        return answer;
    };
    let mut names: Vec<String> = given.words.iter().skip(3).cloned().collect();
    let mut kinds: Vec<String> = kinds.split(',').map(str::to_owned).collect();
    if let [kind] = kinds.as_slice()
        && let Some((kind, name)) = kind.split_once('/')
    {
        names.insert(0, name.to_owned());
        kinds = vec![kind.to_owned()];
        // `get pods/a pods/b`
        for name in &mut names {
            if let Some((_, bare)) = name.split_once('/') {
                *name = bare.to_owned();
            }
        }
    }
    if kinds == ["all"] {
        kinds = ["pods", "services", "daemonsets", "deployments"].map(str::to_owned).to_vec();
    }
    let several = kinds.len() > 1;
    let mut listings = Vec::new();
    for kind in &kinds {
        match rows(&resource_name(kind), cluster, world) {
            None => {
                answer.err.push_str(&format!("error: the server doesn't have a resource type \"{kind}\"\n"));
                answer.status = 1;
            }
            Some(listing) => listings.push(listing),
        }
    }
    let all = given.has("all-namespaces");
    for listing in &mut listings {
        if listing.namespaced && !all {
            listing.items.retain(|row| row.namespace.as_deref() == Some(namespace(given)));
        }
        if let Some(selector) = given.value("selector") {
            listing.items.retain(|row| selected(selector, &row.labels));
        }
        if let Some(field) = given.value("field-selector") {
            listing.items.retain(|row| fields_fit(field, &row.value));
        }
        if !names.is_empty() {
            let mut chosen = Vec::new();
            for name in &names {
                match listing.items.iter().position(|row| row.name == *name) {
                    Some(at) => chosen.push(listing.items.remove(at)),
                    None if given.has("ignore-not-found") => {}
                    None => {
                        answer.err.push_str(&format!(
                            "Error from server (NotFound): {} \"{name}\" not found\n",
                            listing.resource
                        ));
                        answer.status = 1;
                    }
                }
            }
            listing.items = chosen;
        }
    }
    print(given, &listings, several, names.len() == 1, &mut answer);
    answer
}

fn print(given: &Canonical, listings: &[Rows], several: bool, single: bool, answer: &mut Answer) {
    let rows = || listings.iter().flat_map(|listing| &listing.items);
    let whole = || match (single, rows().next()) {
        (true, Some(row)) => row.value.clone(),
        _ => {
            json!({ "apiVersion": "v1", "kind": "List", "items": rows().map(|row| row.value.clone()).collect::<Vec<_>>(), "metadata": { "resourceVersion": "" } })
        }
    };
    let output = given.value("output").unwrap_or("");
    let (format, argument) = output.split_once('=').unwrap_or((output, ""));
    if single && rows().next().is_none() {
        return;
    }
    match format {
        "" | "wide" => {}
        "json" => {
            answer.out = format!("{}\n", pretty_json(&whole()));
            return;
        }
        "yaml" => {
            answer.out = manifest::to_yaml(&whole());
            return;
        }
        "name" => {
            for listing in listings {
                for row in &listing.items {
                    let (plural, group) = listing
                        .resource
                        .split_once('.')
                        .map_or((listing.resource.as_str(), None), |(plural, group)| (plural, Some(group)));
                    let kind = singular(plural);
                    let group = group.map(|group| format!(".{group}")).unwrap_or_default();
                    answer.out.push_str(&format!("{kind}{group}/{}\n", row.name));
                }
            }
            return;
        }
        "jsonpath" => {
            match manifest::json_path(argument, &whole()) {
                Ok(text) => answer.out = text,
                Err(error) => {
                    answer.err.push_str(&format!("error: {error}\n"));
                    answer.status = 1;
                }
            }
            return;
        }
        "custom-columns" => {
            custom_columns(argument, rows().map(|row| &row.value), given.has("no-headers"), answer);
            return;
        }
        other => {
            answer.err.push_str(&format!(
                "error: unable to match a printer suitable for the output format \"{other}\", allowed formats are: \
                 custom-columns,json,jsonpath,name,wide,yaml\n"
            ));
            answer.status = 1;
            return;
        }
    }
    let all = given.has("all-namespaces");
    if rows().next().is_none() && answer.err.is_empty() {
        let namespaced = listings.iter().any(|listing| listing.namespaced);
        answer.err = if all || !namespaced {
            "No resources found\n".to_owned()
        } else {
            format!("No resources found in {} namespace.\n", namespace(given))
        };
        return;
    }
    let filled: Vec<&Rows> = listings.iter().filter(|listing| !listing.items.is_empty()).collect();
    for (at, listing) in filled.iter().enumerate() {
        if at > 0 {
            answer.out.push('\n');
        }
        answer.out.push_str(&text(listing, given, several, format == "wide", all));
    }
}

fn text(listing: &Rows, given: &Canonical, several: bool, wide: bool, all: bool) -> String {
    let mut lines = Vec::new();
    let labels = given.has("show-labels");
    if !given.has("no-headers") {
        let mut header: Vec<String> = listing.header.iter().map(|cell| (*cell).to_owned()).collect();
        if wide {
            header.extend(listing.wide.iter().map(|cell| (*cell).to_owned()));
        }
        if all && listing.namespaced {
            header.insert(0, "NAMESPACE".to_owned());
        }
        if labels {
            header.push("LABELS".to_owned());
        }
        lines.push(header);
    }
    for row in &listing.items {
        let mut cells = row.cells.clone();
        if several || given.has("show-kind") {
            let plural = listing.resource.split('.').next().unwrap_or_default();
            let group = listing.resource.split_once('.').map(|(_, group)| format!(".{group}")).unwrap_or_default();
            if let Some(name) = cells.first_mut() {
                *name = format!("{}{group}/{name}", singular(plural));
            }
        }
        if wide {
            cells.extend(row.wide.clone());
        }
        if all && listing.namespaced {
            cells.insert(0, row.namespace.clone().unwrap_or_default());
        }
        if labels {
            let text: Vec<String> = row.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            cells.push(if text.is_empty() { "<none>".to_owned() } else { text.join(",") });
        }
        lines.push(cells);
    }
    table(&lines)
}

fn custom_columns<'a>(argument: &str, values: impl Iterator<Item = &'a Value>, bare: bool, answer: &mut Answer) {
    let columns: Vec<(&str, &str)> = argument.split(',').filter_map(|column| column.split_once(':')).collect();
    if columns.is_empty() {
        answer.err.push_str("error: custom-columns format specified but no custom columns given\n");
        answer.status = 1;
        return;
    }
    let mut lines = Vec::new();
    if !bare {
        lines.push(columns.iter().map(|(name, _)| (*name).to_owned()).collect());
    }
    for value in values {
        let cells = columns.iter().map(|(_, path)| {
            let path = path.trim_matches(['{', '}']);
            let path = if path.starts_with(['.', '[']) { path.to_owned() } else { format!(".{path}") };
            let found = manifest::walk(&path, value).unwrap_or_default();
            let texts: Vec<String> =
                found.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
            if texts.is_empty() { "<none>".to_owned() } else { texts.join(",") }
        });
        lines.push(cells.collect::<Vec<_>>());
    }
    answer.out = table(&lines);
}

/// JSON as kubectl indents it, with four spaces.
fn pretty_json(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let deeper = |line: &str| {
        let spaces = line.len() - line.trim_start().len();
        format!("{}{}", " ".repeat(spaces * 2), line.trim_start())
    };
    text.lines().map(deeper).collect::<Vec<_>>().join("\n")
}

/// Whether labels fit a selector: `a=b`, `a==b`, `a!=b`, `a`, `!a`, joined with commas.
pub(super) fn selected(selector: &str, labels: &[(String, String)]) -> bool {
    let value = |key: &str| labels.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str());
    selector.split(',').all(|part| {
        if let Some((key, wanted)) = part.split_once("!=") {
            return value(key.trim()) != Some(wanted.trim());
        }
        match part.split_once('=') {
            Some((key, wanted)) => value(key.trim()) == Some(wanted.trim_start_matches('=').trim()),
            None => match part.strip_prefix('!') {
                Some(key) => value(key.trim()).is_none(),
                None => value(part.trim()).is_some(),
            },
        }
    })
}

fn fields_fit(selector: &str, value: &Value) -> bool {
    selector.split(',').all(|part| {
        let (path, wanted, equal) = match part.split_once("!=") {
            Some((path, wanted)) => (path, wanted, false),
            None => match part.split_once('=') {
                Some((path, wanted)) => (path, wanted.trim_start_matches('='), true),
                None => return false,
            },
        };
        let found = manifest::walk(&format!(".{path}"), value).unwrap_or_default();
        (found.first().and_then(|value| value.as_str()) == Some(wanted)) == equal
    })
}

/// `pods` → `pod`.
pub(super) fn singular(plural: &str) -> &str {
    match plural {
        "endpoints" => plural,
        "ciliumidentities" => "ciliumidentity",
        other => other.strip_suffix('s').unwrap_or(other),
    }
}

/// All objects of a kind; `None` for a kind that the API does not have.
#[expect(clippy::too_many_lines, reason = "one arm a kind of the API")]
pub(super) fn rows(resource: &str, cluster: &Cluster, world: &World) -> Option<Rows> {
    let age = |time: Timestamp| terse_age(world, time);
    let listing = |resource: &str,
                   header: &[&'static str],
                   wide: &[&'static str],
                   namespaced: bool,
                   items: Vec<Row>| {
        Some(Rows { resource: resource.to_owned(), header: header.to_vec(), wide: wide.to_vec(), items, namespaced })
    };
    let has_cilium = cluster.cilium.is_some();
    match resource {
        "pods" => {
            let mut pods: Vec<&Pod> = cluster.pods.iter().filter(|pod| pod.state != State::Gone).collect();
            pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
            let rows = pods.into_iter().map(|pod| pod_row(pod, cluster, world)).collect();
            listing(
                "pods",
                &["NAME", "READY", "STATUS", "RESTARTS", "AGE"],
                &["IP", "NODE", "NOMINATED NODE", "READINESS GATES"],
                true,
                rows,
            )
        }
        "nodes" => {
            let mut nodes: Vec<&Node> = cluster.nodes.iter().collect();
            nodes.sort_by(|a, b| a.name.cmp(&b.name));
            let rows = nodes.into_iter().map(|node| node_row(node, cluster, world)).collect();
            let wide = &["INTERNAL-IP", "EXTERNAL-IP", "OS-IMAGE", "KERNEL-VERSION", "CONTAINER-RUNTIME"];
            listing("nodes", &["NAME", "STATUS", "ROLES", "AGE", "VERSION"], wide, false, rows)
        }
        "namespaces" => {
            let row = |(name, created): &(String, Timestamp)| {
                simple(None, name, &["Active".to_owned(), age(*created)], manifest::namespace(name, *created))
            };
            listing("namespaces", &["NAME", "STATUS", "AGE"], &[], false, cluster.namespaces.iter().map(row).collect())
        }
        "secrets" => {
            let row = |secret: &super::object::Secret| {
                let cells = [secret.kind.clone(), secret.data.len().to_string(), age(secret.created)];
                simple(Some(&secret.namespace), &secret.name, &cells, manifest::secret(secret))
            };
            let mut rows: Vec<Row> = cluster.secrets.iter().map(row).collect();
            rows.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
            listing("secrets", &["NAME", "TYPE", "DATA", "AGE"], &[], true, rows)
        }
        "daemonsets" => {
            let rows = cluster
                .workloads
                .iter()
                .filter(|own| own.kind == WorkloadKind::DaemonSet)
                .map(|own| daemon_set_row(own, cluster, world));
            let header = &["NAME", "DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE", "NODE SELECTOR", "AGE"];
            listing("daemonsets.apps", header, &["CONTAINERS", "IMAGES", "SELECTOR"], true, rows.collect())
        }
        "deployments" => {
            let rows = cluster
                .workloads
                .iter()
                .filter(|own| own.kind == WorkloadKind::Deployment)
                .map(|own| deployment_row(own, cluster, world));
            listing(
                "deployments.apps",
                &["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"],
                &["CONTAINERS", "IMAGES", "SELECTOR"],
                true,
                rows.collect(),
            )
        }
        "services" => {
            let mut services = vec![
                ("default", "kubernetes", "10.96.0.1", "443/TCP", cluster.created),
                ("kube-system", "kube-dns", "10.96.0.10", "53/UDP,53/TCP,9153/TCP", cluster.created),
            ];
            if let Some(release) = cluster.releases.first() {
                services.push(("kube-system", "hubble-peer", "10.96.109.44", "443/TCP", release.updated));
            }
            services.sort_unstable_by_key(|(namespace, name, ..)| (*namespace, *name));
            let row = |(namespace, name, address, ports, created): (&str, &str, &str, &str, Timestamp)| {
                let cells =
                    ["ClusterIP".to_owned(), address.to_owned(), "<none>".to_owned(), ports.to_owned(), age(created)];
                simple(Some(namespace), name, &cells, manifest::service(namespace, name, address, ports, created))
            };
            listing(
                "services",
                &["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"],
                &[],
                true,
                services.into_iter().map(row).collect(),
            )
        }
        "configmaps" => {
            let mut rows = Vec::new();
            if let Some(cilium) = &cluster.cilium {
                let data: serde_json::Map<String, Value> =
                    config(cilium).into_iter().map(|(key, value)| (key, Value::from(value))).collect();
                let created = cluster.releases.first().map_or(cluster.created, |release| release.updated);
                let value = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "cilium-config", "namespace": cilium.namespace }, "data": data });
                rows.push(simple(
                    Some(&cilium.namespace),
                    "cilium-config",
                    &[data.len().to_string(), age(created)],
                    value,
                ));
            }
            listing("configmaps", &["NAME", "DATA", "AGE"], &[], true, rows)
        }
        "ciliumnodes" if has_cilium => {
            let row = |node: &Node| {
                let value = manifest::cilium_node(node, world)?;
                let router = value["spec"]["addresses"][1]["ip"].as_str().unwrap_or_default().to_owned();
                Some(simple(
                    None,
                    &node.name,
                    &[router, node.address.to_string(), age(node.ready.unwrap_or(node.created))],
                    value,
                ))
            };
            listing(
                "ciliumnodes.cilium.io",
                &["NAME", "CILIUMINTERNALIP", "INTERNALIP", "AGE"],
                &[],
                false,
                cluster.nodes.iter().filter_map(row).collect(),
            )
        }
        "ciliumendpoints" if has_cilium => {
            let row = |pod: &Pod| {
                let address = pod.address?;
                let stack = world.net.cluster.node(pod.node.as_deref()?)?.stack;
                let identity = world.net.cluster.stack(stack)?.cilium.endpoint(address)?.identity;
                let id = u32::from(address) % 4096;
                let value = json!({ "apiVersion": "cilium.io/v2", "kind": "CiliumEndpoint", "metadata": { "name": pod.name, "namespace": pod.namespace }, "status": { "id": id, "identity": { "id": identity }, "networking": { "addressing": [{ "ipv4": address.to_string() }] } } });
                Some(simple(
                    Some(&pod.namespace),
                    &pod.name,
                    &[
                        id.to_string(),
                        identity.to_string(),
                        String::new(),
                        String::new(),
                        String::new(),
                        "ready".to_owned(),
                        address.to_string(),
                        String::new(),
                    ],
                    value,
                ))
            };
            let header = &[
                "NAME",
                "ENDPOINT ID",
                "IDENTITY ID",
                "INGRESS ENFORCEMENT",
                "EGRESS ENFORCEMENT",
                "VISIBILITY POLICY",
                "ENDPOINT STATE",
                "IPV4",
                "IPV6",
            ];
            listing(
                "ciliumendpoints.cilium.io",
                header,
                &[],
                true,
                cluster.pods.iter().filter(|pod| !pod.host_network).filter_map(row).collect(),
            )
        }
        "serviceaccounts" | "replicasets" | "statefulsets" | "endpoints" | "events" | "customresourcedefinitions" => {
            listing(resource, &["NAME"], &[], true, Vec::new())
        }
        _ => None,
    }
}

/// The settings of `cilium-config` that this course looks at.
pub(super) fn config(cilium: &super::object::Cilium) -> Vec<(String, String)> {
    let mut settings = vec![
        ("auto-direct-node-routes", cilium.value("autoDirectNodeRoutes", "false").to_owned()),
        ("debug", cilium.value("debug.enabled", "false").to_owned()),
        ("enable-ipsec", cilium.ipsec().to_string()),
        ("enable-ipv4", cilium.value("ipv4.enabled", "true").to_owned()),
        ("enable-ipv6", cilium.value("ipv6.enabled", "false").to_owned()),
        ("ipam", cilium.value("ipam.mode", "cluster-pool").to_owned()),
        ("kube-proxy-replacement", cilium.value("kubeProxyReplacement", "disabled").to_owned()),
        ("monitor-aggregation", cilium.value("bpf.monitorAggregation", "medium").to_owned()),
        ("tunnel", cilium.value("tunnel", "vxlan").to_owned()),
    ];
    if cilium.ipsec() {
        settings.push(("ipsec-key-file", "/etc/ipsec/keys".to_owned()));
    }
    if let Some(cidr) = cilium.values.get("ipv4NativeRoutingCIDR") {
        settings.push(("ipv4-native-routing-cidr", cidr.clone()));
    }
    settings.sort_unstable();
    settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn simple(namespace: Option<&str>, name: &str, cells: &[String], value: Value) -> Row {
    let labels = value["metadata"]["labels"].as_object();
    let labels = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    Row {
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
        cells: std::iter::once(name.to_owned()).chain(cells.iter().cloned()).collect(),
        wide: Vec::new(),
        labels,
        value,
    }
}

fn pod_row(pod: &Pod, cluster: &Cluster, world: &World) -> Row {
    let ready = usize::from(pod.state == State::Ready);
    let restarts = match (pod.restarts, pod.started) {
        (0, _) | (_, None) => pod.restarts.to_string(),
        (count, Some(started)) => format!("{count} ({} ago)", terse_age(world, started)),
    };
    let none = || "<none>".to_owned();
    let cells = [format!("{ready}/1"), pod.status(), restarts, terse_age(world, pod.created)];
    let mut row = simple(Some(&pod.namespace), &pod.name, &cells, manifest::pod(pod, cluster));
    let address = pod.address.map_or_else(none, |address| address.to_string());
    row.wide = vec![address, pod.node.clone().unwrap_or_else(none), none(), none()];
    row
}

fn node_row(node: &Node, cluster: &Cluster, world: &World) -> Row {
    let ready = if node.ready.is_some() { "Ready" } else { "NotReady" };
    let roles = if node.control_plane { "control-plane,master" } else { "<none>" };
    let cells = [ready.to_owned(), roles.to_owned(), terse_age(world, node.created), "v1.23.4".to_owned()];
    let mut row = simple(None, &node.name, &cells, manifest::node(node, cluster));
    row.wide = vec![
        node.address.to_string(),
        "<none>".to_owned(),
        "Ubuntu 21.10".to_owned(),
        manifest::KERNEL.to_owned(),
        "containerd://1.5.10".to_owned(),
    ];
    row
}

fn wide_columns(workload: &Workload) -> Vec<String> {
    let selector: Vec<String> =
        workload.template.labels.iter().take(1).map(|(key, value)| format!("{key}={value}")).collect();
    vec![workload.template.container.clone(), workload.template.image.clone(), selector.join(",")]
}

fn daemon_set_row(workload: &Workload, cluster: &Cluster, world: &World) -> Row {
    let pods: Vec<&Pod> = cluster.pods_of(workload).collect();
    let ready = pods.iter().filter(|pod| pod.state == State::Ready).count().to_string();
    let count = pods.len().to_string();
    let cells = [
        count.clone(),
        count.clone(),
        ready.clone(),
        count,
        ready,
        "kubernetes.io/os=linux".to_owned(),
        terse_age(world, workload.created),
    ];
    let mut row = simple(Some(&workload.namespace), &workload.name, &cells, manifest::workload(workload, cluster));
    row.wide = wide_columns(workload);
    row
}

fn deployment_row(workload: &Workload, cluster: &Cluster, world: &World) -> Row {
    let pods: Vec<&Pod> = cluster.pods_of(workload).collect();
    let ready = pods.iter().filter(|pod| pod.state == State::Ready).count();
    let cells = [
        format!("{ready}/{}", workload.replicas),
        pods.len().to_string(),
        ready.to_string(),
        terse_age(world, workload.created),
    ];
    let mut row = simple(Some(&workload.namespace), &workload.name, &cells, manifest::workload(workload, cluster));
    row.wide = wide_columns(workload);
    row
}
