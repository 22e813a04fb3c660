//! A line that goes on while a test looks at it.

use std::time::{Duration, Instant};

use esplain::lab::{JobEvent, JobId, Lab};

/// What a job says until `text` is in it.
pub(crate) fn wait_for(lab: &mut dyn Lab, job: JobId, text: &str) -> String {
    let (mut said, begun) = (String::new(), Instant::now());
    while begun.elapsed() < Duration::from_mins(1) && !said.contains(text) {
        match lab.poll(job, Duration::from_millis(200)).expect("a job") {
            JobEvent::Output(_, octets) => said.push_str(&String::from_utf8_lossy(&octets)),
            JobEvent::Exited(status) => panic!("it ended with {status}: {said}"),
            JobEvent::Idle => {}
        }
    }
    assert!(said.contains(text), "{said:?}");
    said
}
