use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::files;
use super::holder::Holder;
use super::job::Job;
use super::mirror::Mirror;
use super::watch::Watch;
use crate::command::commands;
use crate::datapath::Cluster;
use crate::lab::direct::{as_line, direct};
use crate::lab::line::{only_looks, quoted};
use crate::lab::sim::{Call, Io, OnSignal, Outside, Process, Signal, Sim, Step, World};
use crate::lab::{
    CaptureEnd, CaptureId, Input, JobEvent, JobId, Lab, LabKind, Place, PlaceKind, Stream, TerminalSize, Typing,
};
use crate::packet::Frame;
use crate::trouble::Trouble;
use crate::words::Said;

/// The kernel lab: the nodes and pods are namespaces of this Linux kernel; the machine with its tools is the embedded
/// lab's, and whatever those tools do to the cluster is done to the namespaces.
pub struct Kernel {
    sim: Sim,
    real: Arc<Mutex<Real>>,
    jobs: BTreeMap<JobId, Running>,
    watches: BTreeMap<CaptureId, Watch>,
    /// What the last line that ended had not read.
    unread: Option<(JobId, Vec<u8>)>,
    ids: u64,
    /// The tools of which it was said that they are simulated.
    told: Vec<String>,
}

/// The namespaces, and what they were last told.
struct Real {
    holder: Holder,
    mirror: Mirror,
    /// Places where something was called that may have changed their network.
    touched: BTreeSet<String>,
}

enum Running {
    /// A line of the machine's, and a word about it that comes first.
    Simulated(JobId, Option<String>),
    Real(Job),
}

/// The tools of the set-up steps; they answer as in the embedded lab, wherever they are called.
const SIMULATED: &[&str] = &[
    "kind",
    "kubectl",
    "helm",
    "docker",
    "cilium",
    "cilium-dbg",
    "cilium-agent",
    "apt",
    "apt-get",
    "apt-cache",
    "apt-key",
    "dpkg",
];

impl Kernel {
    /// A lab with a machine and no cluster yet. `program` is this program, which is called again inside the namespaces.
    pub fn new(seed: u64, program: &Path) -> Result<Self, Trouble> {
        Self::with(Sim::new(seed), program)
    }

    /// The lab as it is when the set-up of the course is done.
    pub fn ready(seed: u64, program: &Path) -> Result<Self, Trouble> {
        Self::with(Sim::ready(seed), program)
    }

    fn with(mut sim: Sim, program: &Path) -> Result<Self, Trouble> {
        let holder = Holder::start(program)?;
        let real = Arc::new(Mutex::new(Real { holder, mirror: Mirror::default(), touched: BTreeSet::new() }));
        let outside = Arc::clone(&real);
        sim.world_mut().outside = Some(Outside(Arc::new(move |call, world| start_outside(&outside, call, world))));
        let mut lab =
            Self { sim, real, jobs: BTreeMap::new(), watches: BTreeMap::new(), unread: None, ids: 0, told: Vec::new() };
        lab.follow()?;
        Ok(lab)
    }

    /// The process id of the lab's process 1, by which other processes find their way in.
    pub fn holder(&self) -> u32 {
        self.real.lock().unwrap_or_else(PoisonError::into_inner).holder.pid()
    }

    /// Brings the namespaces to where the machine's tools have brought the cluster.
    fn follow(&mut self) -> Result<(), Trouble> {
        let mut real = self.real.lock().unwrap_or_else(PoisonError::into_inner);
        real.follow(&self.sim.world().net.cluster)
    }

    fn resolve(&mut self, place: &str) -> Result<Place, Trouble> {
        let places = self.sim.places()?;
        let found = places.iter().find(|known| known.name == place || known.aliases.iter().any(|alias| alias == place));
        found.cloned().ok_or_else(|| {
            let names: Vec<&str> =
                places.iter().map(|known| known.aliases.first().unwrap_or(&known.name).as_str()).collect();
            let trouble = Trouble::unusable(Said::of("kernel-no-place", &[("place", &place)]))
                .hint(Said::of("trouble-places", &[("places", &names.join(", "))]));
            if names.contains(&"worker") {
                return trouble;
            }
            trouble.hint(Said::of("trouble-nodes-appear", &[]))
        })
    }

    /// Where a line of the machine's that only leads to a node or pod goes, and what runs there.
    fn exec(&mut self, line: &str) -> Option<(Place, String)> {
        let (place, words) = direct(line, &self.sim.places().ok()?)?;
        (!is_simulated(&words)).then(|| (place, as_line(&words)))
    }

    /// What is said the first time that a tool answers that is not the real one.
    fn notice(&mut self, line: &str) -> Option<String> {
        let tools = commands(line).ok()?.into_iter().flat_map(|command| {
            let outer = command.wrappers.iter().map(|wrapper| (*wrapper).to_owned());
            outer.chain(command.words.into_iter().take(1)).collect::<Vec<_>>()
        });
        let fresh: Vec<String> =
            tools.filter(|tool| SIMULATED.contains(&tool.as_str()) && !self.told.contains(tool)).collect();
        let tool = fresh.first()?.clone();
        self.told.extend(fresh);
        Some(format!(
            "esplain: {tool} is simulated in this lab; the nodes and pods are real network namespaces of this kernel\n"
        ))
    }

    /// The names of the places that are namespaces.
    fn real_places(&mut self) -> Result<Vec<String>, Trouble> {
        let places = self.sim.places()?.into_iter().filter(|place| place.kind != PlaceKind::Machine);
        Ok(places.map(|place| place.name).collect())
    }

    fn start_real(&mut self, place: &Place, line: &str, terminal: Option<TerminalSize>) -> Result<Job, Trouble> {
        let mut real = self.real.lock().unwrap_or_else(PoisonError::into_inner);
        real.start(&place.name, line, terminal)
    }
}

impl Real {
    fn follow(&mut self, cluster: &Cluster) -> Result<(), Trouble> {
        self.mirror.follow(cluster, &self.holder)
    }

    fn start(&mut self, place: &str, line: &str, terminal: Option<TerminalSize>) -> Result<Job, Trouble> {
        if !only_looks(line) {
            self.touched.insert(place.to_owned());
        }
        let mut command = self.holder.call("line", Some(place));
        command.arg("--line").arg(line);
        Job::start(command, line, terminal)
    }
}

impl Lab for Kernel {
    fn kind(&self) -> LabKind {
        LabKind::Kernel
    }

    fn places(&mut self) -> Result<Vec<Place>, Trouble> {
        self.sim.places()
    }

    fn facts(&mut self) -> Result<BTreeMap<String, String>, Trouble> {
        self.sim.facts()
    }

    fn start(&mut self, place: &str, line: &str, terminal: Option<TerminalSize>) -> Result<JobId, Trouble> {
        self.follow()?;
        let place = self.resolve(place)?;
        let running = match (place.kind, self.exec(line)) {
            (PlaceKind::Machine, Some((inner, inner_line))) => {
                Running::Real(self.start_real(&inner, &inner_line, terminal)?)
            }
            (PlaceKind::Node | PlaceKind::Pod, _) if !commands_simulated(line) => {
                Running::Real(self.start_real(&place, line, terminal)?)
            }
            _ => {
                let notice = self.notice(line);
                Running::Simulated(self.sim.start(&place.name, line, terminal)?, notice)
            }
        };
        self.ids += 1;
        let id = JobId(self.ids);
        self.jobs.insert(id, running);
        Ok(id)
    }

    fn poll(&mut self, job: JobId, wait: Duration) -> Result<JobEvent, Trouble> {
        let event = match self.jobs.get_mut(&job) {
            None => return Err(Trouble::unusable(Said::of("kernel-no-job", &[("job", &job.0)]))),
            Some(Running::Real(real)) => real.poll(wait),
            Some(Running::Simulated(inner, notice)) => {
                if let Some(notice) = notice.take() {
                    return Ok(JobEvent::Output(Stream::Err, notice.into_bytes()));
                }
                let event = self.sim.poll(*inner, wait)?;
                self.follow()?;
                event
            }
        };
        if matches!(event, JobEvent::Exited(_))
            && let Some(Running::Real(mut real)) = self.jobs.remove(&job)
        {
            self.unread = Some((job, real.unread()));
        }
        Ok(event)
    }

    fn typing(&mut self, job: JobId) -> Typing {
        match self.jobs.get(&job) {
            None => Typing::Later,
            Some(Running::Real(real)) => real.typing(),
            Some(Running::Simulated(inner, _)) => self.sim.typing(*inner),
        }
    }

    fn unread(&mut self, job: JobId) -> Vec<u8> {
        self.unread.take_if(|(ended, _)| *ended == job).map(|(_, octets)| octets).unwrap_or_default()
    }

    fn hurry(&mut self, hurried: bool) {
        self.sim.hurry(hurried);
    }

    fn send(&mut self, job: JobId, input: Input) -> Result<(), Trouble> {
        match self.jobs.get_mut(&job) {
            None => Ok(()),
            Some(Running::Real(real)) => {
                real.send(&input);
                Ok(())
            }
            Some(Running::Simulated(inner, _)) => self.sim.send(*inner, input),
        }
    }

    fn capture(&mut self, place: &str, device: &str, filter: &str) -> Result<CaptureId, Trouble> {
        self.follow()?;
        let place = self.resolve(place)?;
        let real = self.real.lock().unwrap_or_else(PoisonError::into_inner);
        let mut command = real.holder.call("capture", Some(&place.name));
        command.args(["--device", device, "--filter", filter]);
        let watch = Watch::start(command, &format!("{device} of {}", place.name))?;
        self.ids += 1;
        let id = CaptureId(self.ids);
        self.watches.insert(id, watch);
        Ok(id)
    }

    fn dropped(&mut self, capture: CaptureId) -> Option<u64> {
        self.watches.get(&capture).map(Watch::dropped)
    }

    fn frames(&mut self, capture: CaptureId, wait: Duration) -> Result<Vec<Frame>, Trouble> {
        match self.watches.get_mut(&capture) {
            Some(watch) => Ok(watch.frames(wait)),
            None => Err(Trouble::unusable(Said::of("kernel-no-capture", &[("capture", &capture.0)]))),
        }
    }

    fn stop_capture(&mut self, capture: CaptureId) -> Result<CaptureEnd, Trouble> {
        match self.watches.remove(&capture) {
            Some(watch) => Ok(watch.stop()),
            None => Err(Trouble::unusable(Said::of("kernel-no-capture", &[("capture", &capture.0)]))),
        }
    }

    fn read_file(&mut self, place: &str, path: &str) -> Result<Vec<u8>, Trouble> {
        let place = self.resolve(place)?;
        if place.kind == PlaceKind::Machine {
            return self.sim.read_file(&place.name, path);
        }
        let mut job = self.start_real(&place, &format!("cat -- {}", quoted(path)), None)?;
        let (mut octets, mut errors) = (Vec::new(), Vec::new());
        let begun = std::time::Instant::now();
        while begun.elapsed() < READING {
            match job.poll(Duration::from_millis(100)) {
                JobEvent::Output(Stream::Out, more) => octets.extend(more),
                JobEvent::Output(Stream::Err, more) => errors.extend(more),
                JobEvent::Exited(0) => return Ok(octets),
                JobEvent::Exited(_) => break,
                JobEvent::Idle => {}
            }
        }
        let mut trouble = Trouble::unusable(Said::of("kernel-file-unread", &[("path", &path), ("place", &place.name)]));
        trouble.causes.extend(String::from_utf8_lossy(&errors).lines().map(str::to_owned));
        Err(trouble.hint(Said::of("trouble-list-files", &[("place", &place.name)])))
    }

    fn save(&mut self, name: &str) -> Result<(), Trouble> {
        self.sim.save(name)?;
        let places = self.real_places()?;
        files::keep(&self.real.lock().unwrap_or_else(PoisonError::into_inner).holder, &places, name)
    }

    fn restore(&mut self, name: &str) -> Result<(), Trouble> {
        self.sim.restore(name)?;
        let mut real = self.real.lock().unwrap_or_else(PoisonError::into_inner);
        let Real { holder, mirror, touched } = &mut *real;
        mirror.set_back(&self.sim.world().net.cluster, holder, &std::mem::take(touched))?;
        drop(real);
        let places = self.real_places()?;
        files::bring_back(&self.real.lock().unwrap_or_else(PoisonError::into_inner).holder, &places, name)
    }
}

/// How long a file may take to come.
const READING: Duration = Duration::from_secs(30);

/// Whether a line calls one of the simulated tools, or touches what they work on.
fn commands_simulated(line: &str) -> bool {
    line.contains("/etc/apt")
        || commands(line).is_ok_and(|found| found.iter().any(|command| is_simulated(&command.words)))
}

fn is_simulated(words: &[String]) -> bool {
    let name = words.first().map_or("", |word| word.rsplit('/').next().unwrap_or_default());
    SIMULATED.contains(&name) || words.iter().any(|word| word.contains("/etc/apt"))
}

/// Starts a program of the simulated machine's shell that belongs on a node or in a pod: `docker exec`, `kubectl exec`.
fn start_outside(real: &Mutex<Real>, call: &Call, world: &World) -> Option<Box<dyn Process>> {
    if call.network == "machine" || call.place == "machine" || is_simulated(&call.words) {
        return None;
    }
    let line = as_line(&call.words);
    if commands_simulated(&line) {
        return None;
    }
    let mut real = real.lock().unwrap_or_else(PoisonError::into_inner);
    let started = real.follow(&world.net.cluster).and_then(|()| real.start(&call.network, &line, None));
    Some(match started {
        Ok(job) => Box::new(Beyond { job, fed: false }),
        Err(trouble) => Box::new(Refused(trouble)),
    })
}

/// A real program in the simulated machine's shell.
struct Beyond {
    job: Job,
    fed: bool,
}

/// How long one step waits for a real program; the virtual clock goes on as long.
const STEP: Duration = Duration::from_millis(10);

impl Process for Beyond {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        let typed = io.read();
        if !typed.is_empty() {
            self.job.send(&Input::Octets(typed));
        }
        if io.input_ended() && !self.fed {
            self.fed = true;
            self.job.send(&Input::End);
        }
        loop {
            match self.job.poll(STEP) {
                JobEvent::Output(stream, octets) => io.write(stream, &octets),
                JobEvent::Exited(status) => return Step::Exit(status),
                JobEvent::Idle => return Step::Wait(Some(world.after(STEP))),
            }
        }
    }

    fn signal(&mut self, signal: Signal, _: &mut World, _: &mut Io) -> OnSignal {
        self.job.send(if signal == Signal::Interrupt { &Input::Interrupt } else { &Input::Terminate });
        // Its last words come, and then its end.
        OnSignal::Ignores
    }
}

/// A real program that could not be started.
struct Refused(Trouble);

impl Process for Refused {
    fn step(&mut self, _: &mut World, io: &mut Io) -> Step {
        io.complain(format!("esplain: {}\n", self.0));
        Step::Exit(126)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_up_a_node_is_simulated_and_looking_at_it_is_not() {
        assert!(commands_simulated("apt-get update && apt-get install -y tcpdump"));
        assert!(commands_simulated("sed -i s/a/b/ /etc/apt/sources.list"));
        assert!(commands_simulated("sudo cilium encrypt status"));
        assert!(!commands_simulated("ip link show cilium_host"));
        assert!(!commands_simulated("tcpdump -ni any esp"));
    }
}
