//! What the guide sees of a line: the commands it ran and where, what came out, which packets passed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::jobs::Job;
use super::session::Session;
use crate::course::{GuideRun, Observation, Ran, Role, Seen};
use crate::lab::{self, JobEvent, Lab};

/// A job that takes longer than this to end is left alone.
const PATIENCE: Duration = Duration::from_secs(20);

impl Session {
    /// What was seen of a line that ran in the lab.
    pub(super) fn observation(&mut self, job: &Job, status: Option<i32>) -> Observation {
        let facts = self.facts();
        let at = job.place.parse().unwrap_or(Role::Machine);
        Observation {
            line: job.line.clone(),
            ran: Ran::all(&job.line, at, &facts),
            output: job.text(),
            errors: String::from_utf8_lossy(&job.errors).into_owned(),
            status,
            captured: self.captured(job.since),
            guide: None,
            facts,
        }
    }

    /// The packets from a number on, by node.
    fn captured(&self, since: usize) -> BTreeMap<Role, Vec<Seen>> {
        let mut captured = BTreeMap::<Role, Vec<Seen>>::new();
        for (_, packet) in self.feed.since(since) {
            captured.entry(packet.node).or_default().push(packet.seen.clone());
        }
        captured
    }

    /// What was seen of a line to the guide.
    pub(super) fn guide_observation(&mut self, name: &str, rest: &str, done: bool, packets: Vec<Seen>) -> Observation {
        Observation {
            line: format!(":{name} {rest}").trim_end().to_owned(),
            status: Some(i32::from(!done)),
            guide: Some(GuideRun { command: name.to_owned(), at: self.place.parse().ok(), done, packets }),
            facts: self.facts(),
            ..Observation::default()
        }
    }
}

/// Waits, with a bound, until a job that was told to end has ended.
pub(super) fn drain(lab: &mut dyn Lab, job: lab::JobId) {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match lab.poll(job, Duration::from_millis(20)) {
            Ok(JobEvent::Output(..) | JobEvent::Idle) => {}
            Ok(JobEvent::Exited(_)) | Err(_) => return,
        }
    }
}
