use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::files::{FileError, Files};
use super::kube::Kube;
use super::net::Net;
use super::process::{Call, Process, Signal};
use super::shell::Session;
use crate::lab::Place;
use crate::packet::Timestamp;

/// The virtual clock's first moment: Wednesday, 2023-02-01 02:00:00 UTC, soon after Cilium v1.13.0-rc5 appeared.
pub const DAWN: Timestamp = Timestamp(1_675_216_800_000_000_000);

/// Everything of the simulated lab that a `save` keeps: clock, random numbers, network, files.
#[derive(Debug, Clone)]
pub struct World {
    /// The virtual clock.
    now: Timestamp,
    /// The one source of randomness; the same seed gives the same lab.
    pub random: ChaCha8Rng,
    /// Network stacks, links and the packets under way.
    pub net: Net,
    /// The files of each place.
    pub files: BTreeMap<String, Files>,
    /// Docker, kind, Kubernetes, Helm and Cilium's agents.
    pub(super) kube: Kube,
    /// The places of a cluster that has no Kubernetes; empty where there may be one.
    pub(super) plain: Vec<Place>,
    /// What the shell of each place remembers between lines.
    pub(super) sessions: BTreeMap<String, Session>,
    /// Who runs the programs of nodes and pods, where those are not simulated.
    pub(in crate::lab) outside: Option<Outside>,
    /// The processes under way, by process id.
    pub(super) processes: BTreeMap<u32, Running>,
    next_pid: u32,
}

/// A process as `ps` and `kill` see it.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) place: String,
    pub(super) words: Vec<String>,
    pub(super) started: Timestamp,
    signals: Vec<Signal>,
}

/// Runs programs that are called on nodes and in pods somewhere else: the kernel lab's namespaces. `None` for a program
/// that is simulated all the same.
#[derive(Clone)]
pub struct Outside(pub(in crate::lab) Arc<StartOutside>);

/// Starts a program as called.
pub(in crate::lab) type StartOutside = dyn Fn(&Call, &World) -> Option<Box<dyn Process>>;

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outside")
    }
}

impl World {
    /// A machine with the tools on it and no cluster yet.
    pub fn new(seed: u64) -> Self {
        let mut world = Self {
            now: DAWN,
            random: ChaCha8Rng::seed_from_u64(seed),
            net: Net::new(seed, DAWN),
            files: BTreeMap::new(),
            kube: Kube::default(),
            plain: Vec::new(),
            sessions: BTreeMap::new(),
            outside: None,
            processes: BTreeMap::new(),
            next_pid: 2718,
        };
        super::kube::furnish_machine(&mut world);
        world
    }

    /// The time on the virtual clock. It stands still while a process is stepped.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The time a while from now, for [`super::Step::Wait`].
    pub fn after(&self, wait: Duration) -> Timestamp {
        Timestamp(self.now.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// What a file holds as `call` sees it: kernel files of its network first, then the files of its place.
    pub fn read_file(&self, call: &Call, path: &str) -> Result<Vec<u8>, FileError> {
        let path = call.path(path);
        if path == "/dev/null" {
            return Ok(Vec::new());
        }
        if let Some(octets) = super::net::proc_file(&self.net, &call.network, &path) {
            return Ok(octets);
        }
        match self.files.get(&call.place) {
            Some(files) => files.read(&path).map(<[u8]>::to_vec),
            None => Err(FileError::Missing),
        }
    }

    /// Makes or replaces a file of the place of `call`.
    pub fn write_file(&mut self, call: &Call, path: &str, octets: &[u8]) -> Result<(), FileError> {
        let path = call.path(path);
        if path == "/dev/null" {
            return Ok(());
        }
        self.files.entry(call.place.clone()).or_default().write(&path, octets)
    }

    /// Lists a new process; its id.
    pub(super) fn new_process(&mut self, place: &str, words: Vec<String>) -> u32 {
        // Ids look like those of a machine that does other things too, and are the same for the same seed.
        self.next_pid += 1 + u32::try_from(self.processes.len()).unwrap_or(0) % 5;
        let running = Running { place: place.to_owned(), words, started: self.now, signals: Vec::new() };
        self.processes.insert(self.next_pid, running);
        self.next_pid
    }

    /// Takes a process off the list.
    pub(super) fn forget_process(&mut self, pid: u32) {
        self.processes.remove(&pid);
    }

    /// Sends a signal; whether there is such a process.
    pub(super) fn signal(&mut self, pid: u32, signal: Signal) -> bool {
        let found = self.processes.get_mut(&pid);
        found.map(|running| running.signals.push(signal)).is_some()
    }

    /// The signals that came for a process.
    pub(super) fn take_signals(&mut self, pid: u32) -> Vec<Signal> {
        self.processes.get_mut(&pid).map(|running| std::mem::take(&mut running.signals)).unwrap_or_default()
    }

    /// The addresses of a place's network stack, loopback left out.
    pub fn addresses(&self, network: &str) -> Vec<IpAddr> {
        let cluster = &self.net.cluster;
        let Some(stack) = cluster.find(network).and_then(|id| cluster.stack(id)) else { return Vec::new() };
        let own = |device: &&crate::datapath::Device| !device.is_loopback();
        let all = stack.devices.iter().filter(own).flat_map(|device| &device.addresses);
        all.map(|address| address.address).filter(|address| !is_link_local(address)).collect()
    }

    /// When something happens by itself next: a packet arrives, a pod gets ready.
    pub(super) fn next_event(&self) -> Option<Timestamp> {
        [self.net.next_event(), super::kube::next_event(self)].into_iter().flatten().min()
    }

    /// Lets happen what is due now.
    pub(super) fn settle_now(&mut self) {
        self.net.run_until(self.now);
        super::kube::run_until(self, self.now);
    }

    /// Lets time pass while a lab is built, and what happens in it by itself.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.after(time);
        while let Some(next) = self.next_event().filter(|next| *next <= end) {
            self.set_now(next);
            self.settle_now();
        }
        self.set_now(end);
        self.settle_now();
    }

    /// The scheduler's: moves the clock on, never back.
    pub(super) fn set_now(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        for files in self.files.values_mut() {
            files.now = self.now;
        }
    }
}

fn is_link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}
