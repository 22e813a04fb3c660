//! How virtual time goes in the embedded lab: with the real clock before a terminal, from event to event without one.

use std::time::{Duration, Instant};

use super::process::{Process, Signal};
use super::{PATIENCE, Sim};
use crate::lab::{JobEvent, JobId, Stream};
use crate::packet::Timestamp;

/// How the virtual clock goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// It jumps to whatever comes next: scripts and tests end as fast as they can, and always the same.
    Jump,
    /// It goes with the real clock, and shortens long waits. The first line with a terminal brings the lab here.
    Real,
}

/// The longest real wait for one virtual wait: ping's second feels like a second, Helm's minute does not.
const LONGEST_WAIT: Duration = Duration::from_millis(1200);
/// How much faster than the real one the clock goes while pods start: nobody learns from an image being pulled.
const HURRY: u32 = 4;
/// How long, in virtual time, a line without a terminal waits at most for the cluster to come to rest before it runs.
const SETTLING: Duration = Duration::from_mins(3);
/// Nanoseconds of virtual time that a line without a terminal may take: two hours. A script can loop for ever.
const LONGEST_LINE: u64 = 2 * 3600 * 1_000_000_000;
/// How often jobs are stepped in one turn: somebody may always have more to say (`yes`).
const LONGEST_TURN: usize = 64;
/// Virtual time that a turn takes in which somebody always had more to say.
const BUSY: Duration = Duration::from_millis(100);
/// Busy turns that a line may take, a few seconds of real time.
const LONGEST_LOOP: u32 = 120;
/// What is said when a script without end is stopped.
const NO_END: &str = "esplain: this line does not come to an end, so it was stopped as by Ctrl-C";
/// What is said when a command without end is stopped.
const NO_CTRL_C: &str =
    "esplain: without a terminal there is no Ctrl-C, so this command was stopped after 10 seconds of the lab's time";

/// What came of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nobody had anything to do.
    Quiet,
    /// Something went on, and now nobody has anything to do.
    Moved,
    /// Somebody still had something to do when the turn was cut.
    Busy,
}

impl Sim {
    /// Lets every job go on as far as it can at this moment of the virtual clock.
    pub(super) fn turn(&mut self) -> Turn {
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
    pub(super) fn next(&self) -> Option<Timestamp> {
        let jobs = self.jobs.values().filter(|job| !job.over).filter_map(|job| job.until);
        jobs.chain(self.world.next_event()).min()
    }

    /// Goes on along the virtual clock to `time`, stopping at everything that happens.
    pub(super) fn go_to(&mut self, time: Timestamp) {
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
    pub(super) fn follow_clock(&mut self) {
        let spent = std::mem::replace(&mut self.looked, Instant::now()).elapsed();
        let hurry = if super::kube::next_progress(&self.world).is_some() { HURRY } else { 1 };
        let target = self.world.after(spent * hurry);
        self.go_to(target);
    }

    /// Lets the cluster come to rest, as somebody would who waits for it before the next line.
    pub(super) fn come_to_rest(&mut self) {
        self.go_to(self.world.after(self.typing));
        self.settle();
    }

    /// Lets the cluster do what it is about to do.
    pub(super) fn settle(&mut self) {
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
    pub(super) fn kill(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| !job.over) else { return };
        job.signal(Signal::Kill, &mut self.world);
        if !job.over {
            job.end(137);
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
    pub(super) fn jump(&mut self, id: JobId) {
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
        if job.reads() {
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

    /// Has a line that always has more to do take time, too, and ends it when nobody can want that much of it.
    pub(super) fn busy(&mut self, id: JobId) {
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

    /// Waits for the real clock, `left` at most; cuts a long wait short.
    pub(super) fn wait(&mut self, id: JobId, left: Duration) {
        let waits_for_time = self.jobs.get(&id).is_some_and(|job| job.until.is_some());
        if waits_for_time
            && self.moved.elapsed() >= LONGEST_WAIT
            && let Some(next) = self.next()
        {
            self.world.set_now(next);
            self.moved = Instant::now();
            return;
        }
        if let Some(job) = self.jobs.get_mut(&id).filter(|job| !job.terminal && job.reads()) {
            job.io.end_input();
            return;
        }
        std::thread::sleep(left.min(Duration::from_millis(5)));
    }
}
