//! What the guide sees of a line: the commands it ran and where, what came out, which packets passed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::jobs::Job;
use super::session::Session;
use crate::command::{Elsewhere, Invocation, canonical, commands};
use crate::course::{Facts, GuideRun, Observation, Ran, Role, Seen};
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
            ran: ran(&job.line, at, &facts),
            output: String::from_utf8_lossy(&job.output).into_owned(),
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

/// The commands of a line in their one spelling, each at the place where it ran in the end.
fn ran(line: &str, at: Role, facts: &Facts) -> Vec<Ran> {
    let Ok(found) = commands(line) else { return Vec::new() };
    found
        .iter()
        .filter_map(|invocation| {
            Some(Ran { at: place_of(invocation, at, facts)?, words: canonical(&invocation.words).words })
        })
        .collect()
}

/// Where a command ran; `None` for a place that the course does not know.
fn place_of(invocation: &Invocation, at: Role, facts: &Facts) -> Option<Role> {
    invocation.elsewhere.iter().try_fold(at, |at, elsewhere| match elsewhere {
        Elsewhere::Container(name) => role_of(name, facts),
        Elsewhere::Pod { name, .. } => role_of(name.rsplit('/').next().unwrap_or(name), facts),
        // A pod's network is the pod, for what a lesson looks at; whose it is cannot be told from the line.
        Elsewhere::NetworkNamespace(_) | Elsewhere::Process { .. } => Some(at),
    })
}

fn role_of(name: &str, facts: &Facts) -> Option<Role> {
    let known = [
        ("worker", Role::Worker),
        ("worker2", Role::Worker2),
        ("control_plane", Role::ControlPlane),
        ("pod_a", Role::PodA),
        ("pod_b", Role::PodB),
    ];
    let by_fact = known.into_iter().find(|(fact, _)| facts.get(*fact).is_some_and(|value| value == name));
    by_fact.map(|(_, role)| role).or_else(|| name.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_command_ran_where_the_wrapper_took_it() {
        let facts =
            Facts::from([("worker".to_owned(), "c-worker".to_owned()), ("pod_a".to_owned(), "pod-a".to_owned())]);
        for (line, at, words) in [
            ("sudo ip x s | cat", Role::Machine, "ip xfrm state list"),
            ("docker exec c-worker ip x s", Role::Worker, "ip xfrm state list"),
            ("kubectl exec pod-a -- ping -c 1 10.0.1.165", Role::PodA, "ping 10.0.1.165"),
        ] {
            let found = ran(line, Role::Machine, &facts);
            assert_eq!(found[0].at, at, "{line}");
            assert_eq!(found[0].words.join(" "), words, "{line}");
        }
        assert!(ran("docker exec elsewhere ip x s", Role::Machine, &facts).is_empty());
    }
}
