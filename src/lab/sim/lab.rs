use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::World;
use super::clock::{Pace, Turn};
use super::job::Job;
use super::process::Signal;
use super::shell::{Shell, unreadable};
use super::watch::Watch;
use crate::datapath::Trace;
use crate::lab::{CaptureEnd, CaptureId, Input, JobEvent, JobId, Lab, LabKind, Place, Stream, TerminalSize, Typing};
use crate::packet::Frame;
use crate::profile::Profile;
use crate::trouble::Trouble;
use crate::words::Said;

/// How long somebody takes to type a line.
const TYPING: Duration = Duration::from_secs(2);
/// How long a script's shell takes between two lines.
const AT_ONCE: Duration = Duration::from_millis(50);
/// After so long IPv6 has asked whether its addresses are taken and told which groups it listens to.
const SETTLED: Duration = Duration::from_secs(5);

/// The embedded lab.
pub struct Sim {
    pub(super) world: World,
    pub(super) jobs: BTreeMap<JobId, Job>,
    captures: BTreeMap<CaptureId, Watch>,
    saved: BTreeMap<String, World>,
    ids: u64,
    pub(super) pace: Pace,
    /// The pace to come back to when the hurry is over.
    kept_pace: Option<Pace>,
    /// Virtual time that passes before each line without a terminal, as if somebody had typed it.
    pub(super) typing: Duration,
    /// When the virtual clock was last brought in line with the real one.
    pub(super) looked: Instant,
    /// When something last went on.
    pub(super) moved: Instant,
}

impl Sim {
    /// A machine with the course's files and no cluster yet. The same seed gives the same octets.
    pub fn new(seed: u64) -> Self {
        Self::with(World::new(seed))
    }

    /// The lab as it is when the set-up of the course is done: cluster, key, Cilium, tools and pods.
    pub fn ready(seed: u64) -> Self {
        let mut world = World::new(seed);
        super::kube::finish(&mut world);
        let mut lab = Self::with(world);
        lab.pass(SETTLED);
        lab
    }

    /// Has the tools of the machine stand for other versions than the tutorial's, before anything was made with them.
    pub fn set_profile(&mut self, profile: Profile) {
        super::kube::set_profile(&mut self.world, profile);
    }

    fn with(world: World) -> Self {
        let now = Instant::now();
        Self {
            world,
            jobs: BTreeMap::new(),
            captures: BTreeMap::new(),
            saved: BTreeMap::new(),
            ids: 0,
            pace: Pace::Jump,
            kept_pace: None,
            typing: TYPING,
            looked: now,
            moved: now,
        }
    }

    /// A lab whose lines follow each other as fast as those of a script.
    pub(super) fn at_once(world: World) -> Self {
        Self { typing: AT_ONCE, ..Self::with(world) }
    }

    /// Lets time pass on the virtual clock, and all that happens in it.
    pub fn pass(&mut self, time: Duration) {
        self.go_to(self.world.after(time));
    }

    /// The world inside, to read from.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The world inside, to change before a lesson or a test.
    pub fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }

    fn resolve(&mut self, place: &str) -> Result<String, Trouble> {
        let places = super::kube::places(&self.world);
        let found = places.iter().find(|known| known.name == place || known.aliases.iter().any(|alias| alias == place));
        found.map(|found| found.name.clone()).ok_or_else(|| {
            let names: Vec<&str> =
                places.iter().map(|known| known.aliases.first().unwrap_or(&known.name).as_str()).collect();
            let mut trouble = Trouble::unusable(Said::of("sim-no-place", &[("place", &place)]))
                .hint(Said::of("trouble-places", &[("places", &names.join(", "))]));
            if !names.contains(&"worker") {
                trouble = trouble.hint(Said::of("trouble-nodes-appear", &[]));
            }
            trouble
        })
    }
}

impl Lab for Sim {
    fn kind(&self) -> LabKind {
        LabKind::Sim
    }

    fn places(&mut self) -> Result<Vec<Place>, Trouble> {
        Ok(super::kube::places(&self.world))
    }

    fn facts(&mut self) -> Result<BTreeMap<String, String>, Trouble> {
        // Whoever runs a script asks what came of its last line, not what was on its way.
        if self.pace == Pace::Jump {
            self.settle();
        }
        Ok(super::kube::facts(&self.world))
    }

    fn start(&mut self, place: &str, line: &str, terminal: Option<TerminalSize>) -> Result<JobId, Trouble> {
        if terminal.is_some() {
            if self.pace == Pace::Jump {
                self.looked = Instant::now();
            }
            self.pace = Pace::Real;
        }
        match self.pace {
            Pace::Jump => self.come_to_rest(),
            Pace::Real => self.follow_clock(),
        }
        let place = self.resolve(place)?;
        let session = match self.world.sessions.get(&place) {
            Some(session) => session.clone(),
            None => super::kube::login(&self.world, &place),
        };
        self.ids += 1;
        let id = JobId(self.ids);
        let is_terminal = terminal.is_some();
        let job = match crate::command::script(line) {
            Ok(script) => Job::new(Shell::line(session, script, terminal), is_terminal),
            Err(error) => {
                let shell = Shell::line(session, crate::command::Script::default(), terminal);
                let mut job = Job::new(shell, is_terminal);
                let text = format!("bash: {}\n", unreadable(&error));
                job.events.push_back(JobEvent::Output(Stream::Err, text.into_bytes()));
                job.end(2);
                job
            }
        };
        self.jobs.insert(id, job);
        Ok(id)
    }

    fn poll(&mut self, id: JobId, wait: Duration) -> Result<JobEvent, Trouble> {
        let begun = Instant::now();
        loop {
            let Some(job) = self.jobs.get_mut(&id) else {
                return Err(Trouble::unusable(Said::of("sim-no-job", &[("job", &id.0)])));
            };
            if let Some(event) = job.events.pop_front() {
                if matches!(event, JobEvent::Exited(_)) {
                    self.jobs.remove(&id);
                }
                return Ok(event);
            }
            if self.pace == Pace::Real {
                self.follow_clock();
            }
            let turn = self.turn();
            if turn == Turn::Busy && self.pace == Pace::Jump {
                self.busy(id);
            }
            if self.jobs.get(&id).is_some_and(|job| !job.events.is_empty()) {
                continue;
            }
            if begun.elapsed() >= wait {
                return Ok(JobEvent::Idle);
            }
            if turn != Turn::Quiet {
                continue;
            }
            match self.pace {
                Pace::Jump => self.jump(id),
                Pace::Real => self.wait(id, wait.saturating_sub(begun.elapsed())),
            }
        }
    }

    fn send(&mut self, id: JobId, input: Input) -> Result<(), Trouble> {
        let Some(job) = self.jobs.get_mut(&id) else { return Ok(()) };
        match input {
            Input::Octets(octets) => job.io.feed(&octets),
            Input::End => job.io.end_input(),
            Input::Interrupt => job.signal(Signal::Interrupt, &mut self.world),
            Input::Terminate => {
                job.signal(Signal::Terminate, &mut self.world);
                // tcpdump, for one, ends by itself on SIGTERM, with last words and a status of its own.
                self.turn();
                self.kill(id);
            }
            Input::Resize(_) => {}
        }
        Ok(())
    }

    fn capture(&mut self, place: &str, device: &str, filter: &str) -> Result<CaptureId, Trouble> {
        let place = self.resolve(place)?;
        let watch = Watch::begin(place, device, filter, &mut self.world)?;
        self.ids += 1;
        let id = CaptureId(self.ids);
        self.captures.insert(id, watch);
        Ok(id)
    }

    fn typing(&mut self, id: JobId) -> Typing {
        if self.jobs.get(&id).is_some_and(|job| !job.over && job.reads()) { Typing::Line } else { Typing::Later }
    }

    fn hurry(&mut self, hurried: bool) {
        if hurried {
            self.kept_pace = Some(std::mem::replace(&mut self.pace, Pace::Jump));
        } else if let Some(pace) = self.kept_pace.take() {
            self.pace = pace;
            self.looked = Instant::now();
        }
    }

    fn frames(&mut self, capture: CaptureId, _: Duration) -> Result<Vec<Frame>, Trouble> {
        if self.pace == Pace::Real {
            self.follow_clock();
        }
        // Whatever passed is here: nothing is under way from a kernel.
        match self.captures.get(&capture) {
            Some(watch) => Ok(watch.frames(&mut self.world)),
            None => Err(Trouble::unusable(Said::of("sim-no-capture", &[("capture", &capture.0)]))),
        }
    }

    fn stop_capture(&mut self, capture: CaptureId) -> Result<CaptureEnd, Trouble> {
        let Some(watch) = self.captures.remove(&capture) else {
            return Err(Trouble::unusable(Said::of("sim-no-capture", &[("capture", &capture.0)])));
        };
        Ok(CaptureEnd { frames: watch.end(&mut self.world), dropped: 0 })
    }

    fn read_file(&mut self, place: &str, path: &str) -> Result<Vec<u8>, Trouble> {
        let name = self.resolve(place)?;
        let folder = match self.world.sessions.get(&name) {
            Some(session) => session.folder.clone(),
            None => super::kube::login(&self.world, &name).folder,
        };
        let full = super::absolute(&folder, path);
        let files = self.world.files.get(&name);
        let read = files.ok_or(super::FileError::Missing).and_then(|files| files.read(&full).map(<[u8]>::to_vec));
        read.map_err(|error| {
            Trouble::unusable(Said::of("trouble-file-unread-at", &[("full", &full), ("place", &place)]))
                .because(&error)
                .hint(Said::of("trouble-list-files", &[("place", &place)]))
        })
    }

    fn trace(&mut self, from: &str, to: Ipv4Addr, size: u16) -> Result<Trace, Trouble> {
        let place = self.resolve(from)?;
        let cluster = &self.world.net.cluster;
        let stack =
            cluster.find(&place).ok_or_else(|| Trouble::unusable(Said::of("sim-no-network", &[("place", &place)])))?;
        cluster.trace_echo(stack, to, usize::from(size), 0).map_err(|error| {
            Trouble::failed(Said::of("trouble-not-sent", &[("from", &from), ("to", &to)])).because(&error)
        })
    }

    fn save(&mut self, name: &str) -> Result<(), Trouble> {
        self.saved.insert(name.to_owned(), self.world.clone());
        Ok(())
    }

    fn restore(&mut self, name: &str) -> Result<(), Trouble> {
        let Some(kept) = self.saved.get(name) else {
            return Err(Trouble::unusable(Said::of("sim-no-state", &[("name", &name)])));
        };
        let now = self.world.now();
        self.world = kept.clone();
        self.world.processes.clear();
        // Whoever captured in the kept state is gone; the guide's own captures look at the new one.
        self.world.net.cluster.untap_all();
        self.world.net.cluster.forget_sockets();
        for watch in self.captures.values_mut() {
            watch.open(&mut self.world);
        }
        for job in self.jobs.values_mut().filter(|job| !job.over) {
            job.end(143);
        }
        if self.pace == Pace::Real {
            // The clock on the wall does not go back with the lab.
            let target = now.max(self.world.now());
            self.go_to(target);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::transcripts::run_at;
    use super::*;

    #[test]
    fn virtual_time_passes_in_no_time() {
        let mut sim = Sim::new(1);
        let begun = Instant::now();
        assert_eq!(
            run_at(&mut sim, "machine", "time sleep 3600").0,
            "\nreal\t60m0.000s\nuser\t0m0.000s\nsys\t0m0.000s\n"
        );
        assert_eq!(run_at(&mut sim, "machine", "timeout 5 sleep 100").1, 124);
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn without_a_terminal_a_command_without_end_is_stopped_and_that_is_said() {
        let mut sim = Sim::new(1);
        let (text, status) = run_at(&mut sim, "machine", "watch -n 1 true");
        assert!(text.contains("esplain: without a terminal there is no Ctrl-C"), "{text}");
        assert_eq!(status, 130);
        let (text, status) = run_at(&mut sim, "machine", "yes");
        assert!(text.starts_with("y\ny\n") && text.ends_with("of the lab's time\n"), "{} octets", text.len());
        assert_eq!(status, 130);
        for line in ["while true; do true; done", "while true; do date; sleep 1; done"] {
            let (text, _) = run_at(&mut sim, "machine", line);
            assert!(
                text.ends_with("esplain: this line does not come to an end, so it was stopped as by Ctrl-C\n"),
                "{line}"
            );
        }
        // What stands behind it on the line still runs.
        assert!(run_at(&mut sim, "machine", "tail -f kind-config.yaml; echo after").0.ends_with("lab's time\n"));
        // Standard input is empty, not waited for.
        assert_eq!(run_at(&mut sim, "machine", "cat; echo after").0, "after\n");
    }

    #[test]
    fn ctrl_c_ends_the_foreground_and_the_line() {
        let mut sim = Sim::new(1);
        let size = Some(TerminalSize { columns: 80, rows: 24 });
        let job = sim.start("machine", "sleep 1000; echo never", size).expect("started");
        assert_eq!(sim.poll(job, Duration::ZERO).expect("a job"), JobEvent::Idle);
        sim.send(job, Input::Interrupt).expect("sent");
        assert_eq!(sim.poll(job, Duration::ZERO).expect("a job"), JobEvent::Exited(130));
    }

    #[test]
    fn a_saved_state_comes_back() {
        let mut sim = Sim::new(1);
        run_at(&mut sim, "machine", "echo one > f");
        sim.save("before").expect("saved");
        run_at(&mut sim, "machine", "echo two > f");
        sim.restore("before").expect("restored");
        assert_eq!(run_at(&mut sim, "machine", "cat f").0, "one\n");
        assert!(sim.restore("never").is_err());
    }
}
