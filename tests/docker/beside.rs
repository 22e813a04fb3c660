//! What every fact needs: a lab, lines in it, and programs beside it.

use std::time::{Duration, Instant};

use esplain::lab::kind::{Endpoint, Kind};
use esplain::lab::{JobEvent, JobId, Lab};
use esplain::trouble::Trouble;

use crate::CLUSTER;

pub(crate) fn connect() -> Kind {
    let endpoint = Endpoint::of_environment().expect("an endpoint");
    Kind::connect(endpoint, CLUSTER, Duration::from_secs(20)).unwrap_or_else(|trouble| panic!("{trouble:?}"))
}

/// Runs a line to its end: what it wrote, both streams together, and its status.
pub(crate) fn run(lab: &mut Kind, place: &str, line: &str) -> (String, i32) {
    try_run(lab, place, line).unwrap_or_else(|trouble| panic!("{line}: {trouble:?}"))
}

pub(crate) fn try_run(lab: &mut Kind, place: &str, line: &str) -> Result<(String, i32), Trouble> {
    let job = lab.start(place, line, None)?;
    finish(lab, job)
}

pub(crate) fn finish(lab: &mut Kind, job: JobId) -> Result<(String, i32), Trouble> {
    let (mut said, begun) = (String::new(), Instant::now());
    while begun.elapsed() < Duration::from_mins(1) {
        match lab.poll(job, Duration::from_millis(200))? {
            JobEvent::Output(_, octets) => said.push_str(&String::from_utf8_lossy(&octets)),
            JobEvent::Exited(status) => return Ok((said, status)),
            JobEvent::Idle => {}
        }
    }
    panic!("it did not end: {said}");
}

/// Runs a command beside the lab.
pub(crate) fn outside(program: &str, words: &[&str]) -> String {
    let output = std::process::Command::new(program).args(words).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {words:?}: {said}");
    said
}

/// Runs the program: its status, and all it said.
pub(crate) fn esplain(words: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_esplain"));
    let output = command.args(words).envs(variables.iter().copied()).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(255), said)
}
