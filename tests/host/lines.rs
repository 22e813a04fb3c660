//! Lines that run in a lab, to their end.

use std::time::{Duration, Instant};

use esplain::lab::{JobEvent, JobId, Lab, Stream};

/// No line takes longer than this on the slowest machine; a test that passes never waits so long.
const PATIENCE: Duration = Duration::from_mins(2);

/// How a line ended.
#[derive(Debug)]
pub(crate) struct Said {
    /// What it wrote, both streams together.
    pub(crate) text: String,
    /// What of it went to standard error.
    pub(crate) err: String,
    /// Its exit status.
    pub(crate) status: i32,
}

/// Runs a line without a terminal.
pub(crate) fn run(lab: &mut dyn Lab, place: &str, line: &str) -> Said {
    let job = lab
        .start(place, line, None)
        .unwrap_or_else(|trouble| panic!("{place} $ {line}: {trouble} {:?}", trouble.hints));
    finish(lab, job)
}

/// Waits for the end of a line.
pub(crate) fn finish(lab: &mut dyn Lab, job: JobId) -> Said {
    let (mut text, mut err, begun) = (String::new(), String::new(), Instant::now());
    while begun.elapsed() < PATIENCE {
        match lab.poll(job, Duration::from_millis(200)).unwrap_or_else(|trouble| panic!("{trouble}")) {
            JobEvent::Output(stream, octets) => {
                let octets = String::from_utf8_lossy(&octets);
                text.push_str(&octets);
                if stream == Stream::Err {
                    err.push_str(&octets);
                }
            }
            JobEvent::Exited(status) => return Said { text, err, status },
            JobEvent::Idle => {}
        }
    }
    panic!("a line without end; so far it said {text}");
}
