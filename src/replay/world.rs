use std::collections::BTreeMap;
use std::io::Cursor;
use std::time::{Duration, Instant};

use crate::capture::Reader;
use crate::course::{Facts, Outcome, Role, Seen, Step, World};
use crate::decrypt::{Keyring, Scratch};
use crate::lab::{Input, JobEvent, JobId, Lab, LabKind, Stream};
use crate::trouble::Trouble;
use crate::words::Said;
use crate::xfrm::{State, parse_states};

/// A quiet command that takes longer than this is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a single wait for a job is.
const WAIT: Duration = Duration::from_millis(50);

/// A lab as the checks of a course see it.
pub struct LabWorld<'l>(pub &'l mut dyn Lab);

impl World for LabWorld<'_> {
    fn run(&mut self, at: Role, line: &str) -> Result<Outcome, Trouble> {
        let (output, errors, status) = quietly(self.0, at.name(), line)?;
        Ok(Outcome { output: output + &errors, status })
    }

    fn packets(&mut self, at: Role, path: &str) -> Result<Vec<Seen>, Trouble> {
        let keys = keyring(self.0, at.name())?;
        capture_packets(self.0, at.name(), path, &keys)
    }
}

/// How long packets of a line may be under way when it has ended. The simulated lab has none under way, and the kernel lab
/// knows when it has none; of a cluster of containers it is only known that none comes any more.
pub fn under_way(kind: LabKind) -> Duration {
    Duration::from_millis(match kind {
        LabKind::Sim | LabKind::Recording => 0,
        LabKind::Kernel => 2000,
        LabKind::Kind => 300,
    })
}

/// Runs a line that only looks, to its end and without anyone seeing it: standard output, standard error and exit status.
pub fn quietly(lab: &mut dyn Lab, place: &str, line: &str) -> Result<(String, String, i32), Trouble> {
    let job = lab.ask(place, line)?;
    to_its_end(lab, job, place, line)
}

/// As [`quietly`], for a line that does something.
pub fn unseen(lab: &mut dyn Lab, place: &str, line: &str) -> Result<(String, String, i32), Trouble> {
    let job = lab.start(place, line, None)?;
    to_its_end(lab, job, place, line)
}

/// As [`unseen`], for a line of a lesson's setup.
fn broken(lab: &mut dyn Lab, place: &str, line: &str) -> Result<(String, String, i32), Trouble> {
    let job = lab.break_quietly(place, line)?;
    to_its_end(lab, job, place, line)
}

fn to_its_end(lab: &mut dyn Lab, job: JobId, place: &str, line: &str) -> Result<(String, String, i32), Trouble> {
    lab.send(job, Input::End)?;
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match lab.poll(job, WAIT)? {
            JobEvent::Output(Stream::Out, octets) => output.extend(octets),
            JobEvent::Output(Stream::Err, octets) => errors.extend(octets),
            JobEvent::Exited(status) => {
                let text = |octets: Vec<u8>| String::from_utf8_lossy(&octets).into_owned();
                return Ok((text(output), text(errors), status));
            }
            JobEvent::Idle => {}
        }
    }
    lab.send(job, Input::Terminate)?;
    Err(Trouble::unusable(Said::of(
        "trouble-not-ended-at",
        &[("line", &line), ("place", &place), ("seconds", &PATIENCE.as_secs())],
    )))
}

/// Runs a step's setup without anyone looking. Each line has a shell of its own, which leaves nothing behind in the
/// learner's.
pub fn set_up(lab: &mut dyn Lab, step: &Step, facts: &Facts) -> Result<(), Trouble> {
    for line in &step.setup {
        let failed = || Trouble::unusable(Said::of("trouble-not-set-up", &[("step", &step.id)]));
        let run = line.run.fill(facts).map_err(|error| failed().because(&error))?;
        let (output, errors, status) = broken(lab, line.at.name(), &format!("({run})"))?;
        if status != 0 {
            let mut trouble = failed();
            let what = format!("`{}` on {} ended with {status}: {output}{errors}", line.run.as_written(), line.at);
            trouble.causes.push(what.trim_end().to_owned());
            return Err(trouble.hint(Said::of("trouble-set-up-again", &[])));
        }
    }
    Ok(())
}

/// The keys of a place's own states; none where there is no XFRM to ask.
pub fn keyring(lab: &mut dyn Lab, place: &str) -> Result<Keyring, Trouble> {
    let (output, _, _) = quietly(lab, place, "ip xfrm state")?;
    let states: Vec<State> = parse_states(&output).items;
    Ok(Keyring::new(&states))
}

/// The packets of a capture file at a place, opened as far as `keys` can.
pub fn capture_packets(lab: &mut dyn Lab, place: &str, path: &str, keys: &Keyring) -> Result<Vec<Seen>, Trouble> {
    let octets = lab.read_file(place, path)?;
    let unreadable = |error| Trouble::unusable(Said::of("trouble-no-capture-file", &[("path", &path)])).because(&error);
    let mut reader = Reader::new(Cursor::new(octets)).map_err(unreadable)?;
    let devices = device_names(lab, place)?;
    let (mut packets, mut scratch) = (Vec::new(), Scratch::default());
    // A capture that is still being written may end in the middle of a packet: what is before counts.
    while let Ok(Some(record)) = reader.next_record() {
        packets.push(Seen::of(&record.frame.to_frame(), keys, &devices, &mut scratch));
    }
    Ok(packets)
}

/// The names of a place's devices by ifindex.
pub fn device_names(lab: &mut dyn Lab, place: &str) -> Result<BTreeMap<u32, String>, Trouble> {
    let (output, _, _) = quietly(lab, place, "ip -o link")?;
    let name = |line: &str| {
        let (index, rest) = line.split_once(": ")?;
        let name = rest.split([':', '@', ' ']).next()?;
        Some((index.trim().parse().ok()?, name.to_owned()))
    };
    Ok(output.lines().filter_map(name).collect())
}
