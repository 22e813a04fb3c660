//! A line that goes on while a test looks at it.

use std::time::{Duration, Instant};

use esplain::lab::{Input, JobEvent, JobId, Lab, TerminalSize};

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

/// A line on a terminal has a real one, of the size that it was given and is given later, and Ctrl-C is its signal.
pub(crate) fn a_line_has_a_real_terminal(lab: &mut dyn Lab) {
    let size = |columns, rows| TerminalSize { columns, rows };
    let line = "trap 'echo caught; stty size' INT; tty; stty size; for i in 1 2 3; do sleep 100; done";
    let job = lab.start("worker", line, Some(size(100, 30))).expect("starts");
    let mut said = wait_for(lab, job, "30 100");
    assert!(said.contains("/dev/pts/"), "{said}");
    lab.send(job, Input::Resize(size(70, 20))).expect("resizes");
    lab.send(job, Input::Interrupt).expect("interrupts");
    said = wait_for(lab, job, "20 70");
    assert!(said.contains("^C"), "{said}");
    lab.send(job, Input::Terminate).expect("ends");
    let begun = Instant::now();
    loop {
        match lab.poll(job, Duration::from_secs(1)).expect("a job") {
            JobEvent::Exited(status) => break assert_ne!(status, 0),
            _ => assert!(begun.elapsed() < Duration::from_mins(1), "it does not end"),
        }
    }
}
