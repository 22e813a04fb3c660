use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::process::{Io, OnSignal, Process, Signal, Step};
use super::shell::{Shell, unreadable};
use super::{PATIENCE, World};
use crate::capture::Filter;
use crate::datapath::{TapId, Trace};
use crate::lab::{CaptureEnd, CaptureId, Input, JobEvent, JobId, Lab, LabKind, Place, Stream, TerminalSize, Typing};
use crate::packet::{Frame, LinkType, Timestamp};
use crate::trouble::Trouble;

/// The longest real wait for one virtual wait: ping's second feels like a second, Helm's minute does not.
const LONGEST_WAIT: Duration = Duration::from_millis(1200);
/// How long somebody takes to type a line.
const TYPING: Duration = Duration::from_secs(2);
/// How long a script's shell takes between two lines.
const AT_ONCE: Duration = Duration::from_millis(50);
/// How long, in virtual time, a line without a terminal waits at most for the cluster to come to rest before it runs.
const SETTLING: Duration = Duration::from_mins(3);
/// Nanoseconds of virtual time that a line without a terminal may take: two hours. A script can loop for ever.
const LONGEST_LINE: u64 = 2 * 3600 * 1_000_000_000;
/// Busy turns that a line may take, a few seconds of real time.
const LONGEST_LOOP: u32 = 120;
/// What is said when a script without end is stopped.
const NO_END: &str = "esplain: this line does not come to an end, so it was stopped as by Ctrl-C";
/// How much faster than the real one the clock goes while pods start: nobody learns from an image being pulled.
const HURRY: u32 = 4;
/// What is said when a command without end is stopped.
const NO_CTRL_C: &str =
    "esplain: without a terminal there is no Ctrl-C, so this command was stopped after 10 seconds of the lab's time";

/// How often jobs are stepped in one turn: somebody may always have more to say (`yes`).
const LONGEST_TURN: usize = 64;
/// Virtual time that a turn takes in which somebody always had more to say.
const BUSY: Duration = Duration::from_millis(100);

/// What came of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Nobody had anything to do.
    Quiet,
    /// Something went on, and now nobody has anything to do.
    Moved,
    /// Somebody still had something to do when the turn was cut.
    Busy,
}

/// How the virtual clock goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// It jumps to whatever comes next: scripts and tests end as fast as they can, and always the same.
    Jump,
    /// It goes with the real clock, and shortens long waits. The first line with a terminal brings the lab here.
    Real,
}

/// The embedded lab.
pub struct Sim {
    world: World,
    jobs: BTreeMap<JobId, Job>,
    captures: BTreeMap<CaptureId, Watch>,
    saved: BTreeMap<String, World>,
    ids: u64,
    pace: Pace,
    /// The pace to come back to when the hurry is over.
    kept_pace: Option<Pace>,
    /// Virtual time that passes before each line without a terminal, as if somebody had typed it.
    typing: Duration,
    /// When the virtual clock was last brought in line with the real one.
    looked: Instant,
    /// When something last went on.
    moved: Instant,
}

/// A line under way.
struct Job {
    shell: Shell,
    io: Io,
    events: VecDeque<JobEvent>,
    terminal: bool,
    until: Option<Timestamp>,
    over: bool,
    /// Since when it has been waited for in the foreground, on the virtual clock.
    awaited: Option<Timestamp>,
    /// The turns so far in which it always had more to do.
    busy: u32,
    /// When it was stopped for want of somebody to press Ctrl-C.
    interrupted: Option<Timestamp>,
}

/// A capture of the guide's.
struct Watch {
    place: String,
    device: String,
    tap: TapId,
    link: LinkType,
    filter: Option<Filter>,
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
        Self::with(world)
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
            let mut trouble = Trouble::unusable(format!("the simulated lab has no place `{place}` now"))
                .hint(format!("places: {}", names.join(", ")));
            if !names.contains(&"worker") {
                trouble = trouble
                    .hint("nodes appear with `kind create cluster --config kind-config.yaml` on the machine, pods after Cilium is installed");
            }
            trouble
        })
    }

    /// Lets every job go on as far as it can at this moment of the virtual clock.
    fn turn(&mut self) -> Turn {
        let mut turn = Turn::Quiet;
        for round in 0..LONGEST_TURN {
            self.world.settle_now();
            let mut again = false;
            let activity = self.world.net.cluster.activity();
            for job in self.jobs.values_mut().filter(|job| !job.over) {
                again |= job.step(&mut self.world);
            }
            // What one job sent may be what another waits for.
            again |= self.world.net.cluster.activity() != activity;
            if !again {
                break;
            }
            turn = if round + 1 == LONGEST_TURN { Turn::Busy } else { Turn::Moved };
        }
        if turn != Turn::Quiet {
            self.moved = Instant::now();
        }
        turn
    }

    /// When something happens next by itself.
    fn next(&self) -> Option<Timestamp> {
        let jobs = self.jobs.values().filter(|job| !job.over).filter_map(|job| job.until);
        jobs.chain(self.world.next_event()).min()
    }

    /// Goes on along the virtual clock to `time`, stopping at everything that happens.
    fn go_to(&mut self, time: Timestamp) {
        self.turn();
        // As many stops as a minute of pings at full speed has; a lab that never comes to rest is left where it is.
        for _ in 0..200_000 {
            let Some(next) = self.next().filter(|next| *next <= time) else { break };
            self.world.set_now(next);
            self.turn();
        }
        self.world.set_now(time);
        self.turn();
    }

    /// Brings the virtual clock in line with the real one.
    fn follow_clock(&mut self) {
        let spent = std::mem::replace(&mut self.looked, Instant::now()).elapsed();
        let hurry = if super::kube::next_progress(&self.world).is_some() { HURRY } else { 1 };
        let target = self.world.after(spent * hurry);
        self.go_to(target);
    }

    /// Lets the cluster come to rest, as somebody would who waits for it before the next line.
    fn come_to_rest(&mut self) {
        self.go_to(self.world.after(self.typing));
        self.settle();
    }

    /// Lets the cluster do what it is about to do.
    fn settle(&mut self) {
        let limit = self.world.after(SETTLING);
        while let Some(next) = super::kube::next_progress(&self.world).filter(|next| *next <= limit) {
            self.go_to(next);
        }
    }

    fn end(&mut self, id: JobId, why: &str) {
        let now = self.world.now();
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if job.interrupted.replace(now) == Some(now) {
            // Ctrl-C did not help.
            job.signal(Signal::Terminate, &mut self.world);
            job.signal(Signal::Kill, &mut self.world);
            return;
        }
        job.events.push_back(JobEvent::Output(Stream::Err, format!("{why}\n").into_bytes()));
        // What comes behind on the line has its own time to end in.
        job.awaited = None;
        job.signal(Signal::Interrupt, &mut self.world);
    }

    /// SIGKILL, for a job that is still there.
    fn kill(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| !job.over) else { return };
        job.signal(Signal::Kill, &mut self.world);
        if !job.over {
            job.over = true;
            job.events.push_back(JobEvent::Exited(137));
        }
    }

    /// Whether a job has run longer than anybody without a terminal can want.
    fn is_past_patience(&mut self, id: JobId) -> bool {
        let now = self.world.now();
        let Some(job) = self.jobs.get_mut(&id).filter(|job| !job.over && job.shell.endless()) else { return false };
        let since = *job.awaited.get_or_insert(now);
        now >= Timestamp(since.0.saturating_add(u64::try_from(PATIENCE.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Brings a job on that waits, along the virtual clock.
    fn jump(&mut self, id: JobId) {
        let now = self.world.now();
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let since = *job.awaited.get_or_insert(now);
        let endless = job.shell.endless();
        let patience = Timestamp(since.0.saturating_add(u64::try_from(PATIENCE.as_nanos()).unwrap_or(u64::MAX)));
        if endless && now >= patience {
            self.end(id, NO_CTRL_C);
            return;
        }
        if now.0.saturating_sub(since.0) > LONGEST_LINE {
            self.end(id, NO_END);
            return;
        }
        if job.io.wants_input() && !job.io.input_ended() {
            // Nobody is there to type.
            job.io.end_input();
            return;
        }
        match self.next() {
            Some(next) => self.world.set_now(if endless { next.min(patience) } else { next }),
            None => self.end(
                id,
                "esplain: nothing more happens in the simulated cluster, so this command was stopped as by Ctrl-C",
            ),
        }
    }
}

impl Job {
    /// One step; whether anything went on.
    fn step(&mut self, world: &mut World) -> bool {
        let step = self.shell.step(world, &mut self.io);
        let said = self.collect();
        match step {
            Step::Again | Step::Become(_) => true,
            Step::Wait(until) => {
                self.until = until;
                said
            }
            Step::Exit(status) => {
                self.over = true;
                self.events.push_back(JobEvent::Exited(status));
                true
            }
        }
    }

    fn signal(&mut self, signal: Signal, world: &mut World) {
        if self.over {
            return;
        }
        let done = self.shell.signal(signal, world, &mut self.io);
        self.collect();
        if let OnSignal::Exits(status) = done {
            self.over = true;
            self.events.push_back(JobEvent::Exited(status));
        }
    }

    fn collect(&mut self) -> bool {
        let written = self.io.take_output();
        let any = !written.is_empty();
        for (stream, octets) in written {
            let stream = if self.terminal { Stream::Out } else { stream };
            match self.events.back_mut() {
                Some(JobEvent::Output(last, earlier)) if *last == stream => earlier.extend(octets),
                _ => self.events.push_back(JobEvent::Output(stream, octets)),
            }
        }
        any
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
        let mut events = VecDeque::new();
        let (shell, over) = match crate::command::script(line) {
            Ok(script) => (Shell::line(session, script, terminal), false),
            Err(error) => {
                let text = format!("bash: {}\n", unreadable(&error));
                events.push_back(JobEvent::Output(Stream::Err, text.into_bytes()));
                events.push_back(JobEvent::Exited(2));
                (Shell::line(session, crate::command::Script::default(), terminal), true)
            }
        };
        let terminal = terminal.is_some();
        let job = Job {
            shell,
            io: Io::default(),
            events,
            terminal,
            until: None,
            over,
            awaited: None,
            busy: 0,
            interrupted: None,
        };
        self.jobs.insert(id, job);
        Ok(id)
    }

    fn poll(&mut self, id: JobId, wait: Duration) -> Result<JobEvent, Trouble> {
        let begun = Instant::now();
        loop {
            let Some(job) = self.jobs.get_mut(&id) else {
                return Err(Trouble::unusable(format!("the simulated lab has no job {}", id.0)));
            };
            if let Some(event) = job.events.pop_front() {
                if matches!(event, JobEvent::Exited(_)) {
                    self.jobs.remove(&id);
                }
                return Ok(event);
            }
            let terminal = job.terminal;
            if self.pace == Pace::Real {
                self.follow_clock();
            }
            let turn = self.turn();
            if turn == Turn::Busy && self.pace == Pace::Jump {
                self.world.set_now(self.world.after(BUSY));
                let busy = self.jobs.get_mut(&id).map_or(0, |job| {
                    job.busy += 1;
                    job.busy
                });
                if self.is_past_patience(id) {
                    self.end(id, NO_CTRL_C);
                } else if busy.is_multiple_of(LONGEST_LOOP) {
                    self.end(id, NO_END);
                }
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
                Pace::Real => {
                    let waits_for_time = self.jobs.get(&id).is_some_and(|job| job.until.is_some());
                    if waits_for_time
                        && self.moved.elapsed() >= LONGEST_WAIT
                        && let Some(next) = self.next()
                    {
                        self.world.set_now(next);
                        self.moved = Instant::now();
                        continue;
                    }
                    let job = self.jobs.get_mut(&id);
                    if let Some(job) = job.filter(|job| !terminal && job.io.wants_input() && !job.io.input_ended()) {
                        job.io.end_input();
                        continue;
                    }
                    let left = wait.saturating_sub(begun.elapsed());
                    std::thread::sleep(left.min(Duration::from_millis(5)));
                }
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
        let cluster = &mut self.world.net.cluster;
        let stack = cluster.find(&place).ok_or_else(|| Trouble::unusable(format!("`{place}` has no network here")))?;
        let (index, link) = if device == "any" {
            (None, LinkType::LinuxSll2)
        } else {
            let found = cluster.stack(stack).and_then(|stack| stack.device(device));
            let found = found.ok_or_else(|| {
                Trouble::unusable(format!("{place} has no device `{device}`"))
                    .hint(format!("`:on {place}`, then `ip -br link` lists its devices"))
            })?;
            (Some(found.index), LinkType::Ethernet)
        };
        let filter = if filter.trim().is_empty() {
            None
        } else {
            let compiled = Filter::compile(link, filter);
            Some(compiled.map_err(|error| Trouble::usage(format!("the filter `{filter}` is off")).because(&error))?)
        };
        let tap = cluster.tap(stack, index);
        self.ids += 1;
        let id = CaptureId(self.ids);
        let device = device.to_owned();
        self.captures.insert(id, Watch { place, device, tap, link, filter });
        Ok(id)
    }

    fn typing(&mut self, id: JobId) -> Typing {
        let waits = |job: &Job| !job.over && job.io.wants_input() && !job.io.input_ended();
        if self.jobs.get(&id).is_some_and(waits) { Typing::Line } else { Typing::Later }
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
            None => Err(Trouble::unusable(format!("the simulated lab has no capture {}", capture.0))),
        }
    }

    fn stop_capture(&mut self, capture: CaptureId) -> Result<CaptureEnd, Trouble> {
        let Some(watch) = self.captures.remove(&capture) else {
            return Err(Trouble::unusable(format!("the simulated lab has no capture {}", capture.0)));
        };
        let frames = watch.frames(&mut self.world);
        self.world.net.cluster.untap(watch.tap);
        Ok(CaptureEnd { frames, dropped: 0 })
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
            Trouble::unusable(format!("cannot read {full} on {place}"))
                .because(&error)
                .hint(format!("`:on {place}`, then `ls` lists its files"))
        })
    }

    fn trace(&mut self, from: &str, to: Ipv4Addr, size: u16) -> Result<Trace, Trouble> {
        let place = self.resolve(from)?;
        let cluster = &self.world.net.cluster;
        let stack = cluster.find(&place).ok_or_else(|| Trouble::unusable(format!("`{place}` has no network here")))?;
        cluster
            .trace_echo(stack, to, usize::from(size), 0)
            .map_err(|error| Trouble::failed(format!("{from} does not send to {to}")).because(&error))
    }

    fn save(&mut self, name: &str) -> Result<(), Trouble> {
        self.saved.insert(name.to_owned(), self.world.clone());
        Ok(())
    }

    fn restore(&mut self, name: &str) -> Result<(), Trouble> {
        let Some(kept) = self.saved.get(name) else {
            return Err(Trouble::unusable(format!("the simulated lab kept no state `{name}`")));
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
            job.over = true;
            job.events.push_back(JobEvent::Exited(143));
        }
        if self.pace == Pace::Real {
            // The clock on the wall does not go back with the lab.
            let target = now.max(self.world.now());
            self.go_to(target);
        }
        Ok(())
    }
}

impl Watch {
    /// Opens the tap anew, where its place and device are there.
    fn open(&mut self, world: &mut World) {
        let cluster = &mut world.net.cluster;
        let Some(stack) = cluster.find(&self.place) else { return };
        let index = cluster.stack(stack).and_then(|stack| stack.device(&self.device)).map(|device| device.index);
        if self.device == "any" || index.is_some() {
            self.tap = cluster.tap(stack, index);
        }
    }

    fn frames(&self, world: &mut World) -> Vec<Frame> {
        let sights = world.net.cluster.seen(self.tap);
        let wanted = sights.iter().filter(|sight| !sight.is_left_out());
        let frames =
            wanted.map(|sight| if self.link == LinkType::LinuxSll2 { sight.cooked() } else { sight.ethernet() });
        frames.filter(|frame| self.filter.as_ref().is_none_or(|filter| filter.matches(&frame.octets))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::transcripts::run_at;
    use super::*;

    /// Checks what a line prints on a fresh machine.
    fn check(line: &str, expected: &str) {
        let mut sim = Sim::new(1);
        assert_eq!(run_at(&mut sim, "machine", line).0, expected, "{line}");
    }

    #[test]
    fn the_shell_joins_pipes_and_redirects_commands() {
        check("echo a b | wc -w; echo 'x  y' \"z\"", "2\nx  y z\n");
        check("false || echo no && echo yes", "no\nyes\n");
        check("true && false && echo never; echo $?", "1\n");
        check("echo one > f; echo two >> f; cat f; wc -l < f", "one\ntwo\n2\n");
        check("printf '3\\n1\\n2\\n' | sort -n | head -2 | tail -1", "2\n");
        check("X=5; echo $X ${X}y '$X' \"$X\" ${Y:-none}", "5 5y $X 5 none\n");
        check("echo $(echo a; echo b) \"$(printf 'c\\nd')\"", "a b c\nd\n");
        check("for i in 1 2 3; do echo -n $i; done; echo", "123\n");
        check("i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done | tr '\\n' ' '", "1 2 3 ");
        check("if grep -q root <<< 'root'; then echo found; else echo not; fi", "found\n");
        check("(cd /tmp; pwd); pwd", "/tmp\n/root\n");
        check("cat <<EOF\n$HOME\nEOF\ncat <<'EOF'\n$HOME\nEOF", "/root\n$HOME\n");
        check("echo err >&2 2>/dev/null | cat; ls nothing 2>&1 | wc -l", "err\n1\n");
        check("{ echo a; echo b; } | grep -c .", "2\n");
        check("echo a | tee x y | cat - x y", "a\na\na\n");
        check("touch f1 f2 g1; ls f*; echo f? nomatch*", "f1\nf2\nf1 f2 nomatch*\n");
        check("yes | head -2", "y\ny\n");
        check("! true; echo $?; sh -c 'exit 3'; echo $?", "1\n3\n");
        check("echo a | while read x; do echo got $x; done", "got a\n");
        check("seq 5 | sed -n '2,3p'; echo 10.0.0.1 | sed 's/\\./-/g'", "2\n3\n10-0-0-1\n");
        check("echo 'a:b' | awk -F: '{print $2}'; echo 'a b' | cut -d' ' -f2", "b\nb\n");
        check("head -c 20 /dev/urandom | xxd -p | tr -d '\\n' | wc -c", "40\n");
        check(
            "echo hi | base64 | base64 -d; echo -n 3 | xxd",
            "hi\n00000000: 33                                       3\n",
        );
        check(
            "time true 2>/dev/null; env A=b sh -c 'echo $A'; sudo -E whoami",
            "\nreal\t0m0.000s\nuser\t0m0.000s\nsys\t0m0.000s\nb\nroot\n",
        );
    }

    #[test]
    fn what_is_not_there_is_said_as_bash_says_it() {
        let mut sim = Sim::new(1);
        assert_eq!(run_at(&mut sim, "machine", "foo bar"), ("bash: foo: command not found\n".to_owned(), 127));
        let (text, status) = run_at(&mut sim, "machine", "iptables -L");
        assert!(text.starts_with("bash: iptables: command not found\nesplain: "), "{text}");
        assert!(text.contains("--lab kernel") && status == 127, "{text}");
        assert_eq!(run_at(&mut sim, "machine", "cat nothing").0, "cat: nothing: No such file or directory\n");
        assert_eq!(run_at(&mut sim, "machine", "cd nothing").0, "bash: cd: nothing: No such file or directory\n");
        assert_eq!(
            run_at(&mut sim, "machine", "ls | | wc"),
            ("bash: syntax error near unexpected token `|'\n".to_owned(), 2)
        );
        assert_eq!(run_at(&mut sim, "machine", "./x").0, "bash: ./x: No such file or directory\n");
    }

    #[test]
    fn a_line_remembers_the_one_before() {
        let mut sim = Sim::new(1);
        run_at(&mut sim, "machine", "cd /tmp; X=7; export Y=8");
        assert_eq!(run_at(&mut sim, "machine", "pwd; echo $X; sh -c 'echo $Y'").0, "/tmp\n7\n8\n");
        run_at(&mut sim, "machine", "false");
        assert_eq!(run_at(&mut sim, "machine", "echo $?").0, "1\n");
    }

    #[test]
    fn background_commands_are_listed_killed_and_waited_for() {
        let mut sim = Sim::new(1);
        let (text, status) = run_at(&mut sim, "machine", "sleep 100 & sleep 200 & jobs; kill %1 %2; wait; jobs");
        assert_eq!(text, "[1]-  Running                 sleep 100 &\n[2]+  Running                 sleep 200 &\n");
        assert_eq!(status, 0);
        let (text, _) = run_at(&mut sim, "machine", "(sleep 3; echo late) & echo early; wait; echo end");
        assert_eq!(text, "early\nlate\nend\n");
        assert_eq!(run_at(&mut sim, "machine", "kill %9").0, "bash: kill: %9: no such job\n");
    }

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
