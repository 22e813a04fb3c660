//! The machine's side of the simulated lab: Docker, kind, Kubernetes, Helm and Cilium's control plane, as far as the
//! course meets them.

use std::collections::BTreeMap;

use super::World;
use super::process::{Call, Process};
use super::shell::Session;
use super::tools::{Failure, install_base, once};
use crate::lab::{Place, PlaceKind};
use crate::packet::Timestamp;

#[derive(Debug, Clone, Default)]
pub(super) struct Kube {}

pub(super) fn furnish_machine(world: &mut World) {
    install_base(world.files.entry("machine".to_owned()).or_default(), PlaceKind::Machine);
}
pub(super) fn places(world: &World) -> Vec<Place> {
    vec![Place {
        name: "machine".to_owned(),
        aliases: vec![],
        kind: PlaceKind::Machine,
        node: None,
        addresses: world.addresses("machine"),
    }]
}
pub(super) fn facts(_: &World) -> BTreeMap<String, String> {
    BTreeMap::new()
}
pub(super) fn next_event(_: &World) -> Option<Timestamp> {
    None
}
pub(super) fn run_until(_: &mut World, _: Timestamp) {}
pub(super) fn login(_: &World, place: &str) -> Session {
    Session::new(place, "/root")
}
pub(super) fn finish(_: &mut World) {}

/// The program of that name (`kind`, `kubectl`, `helm`, `docker`, `cilium`), as called.
pub(super) fn program(name: &str, call: &Call, world: &mut World) -> Option<Box<dyn Process>> {
    let _ = (name, call, world);
    None
}

/// `docker exec CONTAINER …`
pub(super) fn exec_container(container: &str, inner: Call, world: &mut World) -> Box<dyn Process> {
    let _ = (inner, world);
    let text = format!("Error: No such container: {container}\n");
    once(move |_, io| {
        io.complain(text);
        1
    })
}

/// `kubectl exec POD -- …`
pub(super) fn exec_pod(namespace: Option<&str>, name: &str, inner: Call, world: &mut World) -> Box<dyn Process> {
    let _ = (namespace, inner, world);
    let text = format!("Error from server (NotFound): pods \"{name}\" not found\n");
    once(move |_, io| {
        io.complain(text);
        1
    })
}

/// `nsenter -t PID …`
pub(super) fn enter(
    pid: &str,
    network: bool,
    files: bool,
    inner: Call,
    world: &mut World,
) -> Result<Box<dyn Process>, Failure> {
    let _ = (network, files, inner, world);
    let text = format!("nsenter: cannot open /proc/{pid}/ns/net: No such file or directory\n");
    Ok(once(move |_, io| {
        io.complain(text);
        1
    }))
}
