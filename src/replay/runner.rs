//! Types lines into a lab as a learner would, and says what was seen of each.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::feed::Feed;
use super::spoken::{DecryptArgs, Spoken};
use super::tape::Typed;
use super::world::{capture_packets, keyring, quietly};
use crate::course::{Course, Facts, GuideRun, Observation, Opening, Ran, Role, Seen};
use crate::decrypt::Keyring;
use crate::esp::Secret;
use crate::lab::{Input, JobEvent, JobId, Lab, Stream};
use crate::trouble::Trouble;
use crate::words::{self, Words};
use crate::xfrm::{Key, State, parse_states};

/// A command in the foreground that takes longer than this is given up.
const PATIENCE: Duration = Duration::from_mins(5);

/// A command in the background is waited for until it has said something, or this long.
const SETTLING: Duration = Duration::from_secs(3);

/// How long a single wait for a job is.
const WAIT: Duration = Duration::from_millis(50);

/// A learner that types what it is told.
pub(super) struct Runner<'l> {
    pub(super) lab: &'l mut dyn Lab,
    course: &'l Course,
    /// Where the next line is typed.
    pub(super) place: Role,
    jobs: BTreeMap<usize, Running>,
    feed: Feed,
    /// What was typed and printed since [`Runner::take_tape`].
    tape: Vec<Typed>,
}

/// A job in the background.
struct Running {
    id: JobId,
    line: String,
    place: Role,
    said: Said,
}

/// What a job has written so far.
#[derive(Default)]
struct Said {
    output: Vec<u8>,
    errors: Vec<u8>,
    /// Both, in the order they came, since the tape last had something of it.
    printed: Vec<u8>,
}

impl<'l> Runner<'l> {
    pub(super) fn new(lab: &'l mut dyn Lab, course: &'l Course) -> Self {
        Self { lab, course, place: Role::Machine, jobs: BTreeMap::new(), feed: Feed::default(), tape: Vec::new() }
    }

    /// The lab's values as they are now.
    pub(super) fn facts(&mut self) -> Result<Facts, Trouble> {
        self.lab.facts().map(|facts| self.course.facts(facts))
    }

    /// The packets that a learner at the present place would see listed.
    pub(super) fn packets(&self) -> &[Seen] {
        self.feed.packets(self.place)
    }

    /// What was typed and printed since the last time.
    pub(super) fn take_tape(&mut self) -> Vec<Typed> {
        std::mem::take(&mut self.tape)
    }

    /// How many lines are on the tape.
    pub(super) fn tape_length(&self) -> usize {
        self.tape.len()
    }

    /// What the lines on the tape from this one on printed.
    pub(super) fn screen_since(&self, line: usize, words: &Words) -> String {
        self.tape.iter().skip(line).map(|typed| typed.screen(words)).collect()
    }

    /// Types a line and waits for what it does. A line that starts a job, and one that ends it, gives what was seen of the
    /// job; `None` when there was nothing to see.
    pub(super) fn type_line(&mut self, line: &str) -> Result<Option<Observation>, Trouble> {
        self.feed.open(self.lab)?;
        match Spoken::read(line) {
            Spoken::Guide { name, rest } if name == "on" => {
                let place = rest.parse().map_err(|error| Trouble::usage(format!("`{line}`")).because(&error))?;
                self.keep(line, self.place, String::new());
                self.place = place;
                Ok(None)
            }
            Spoken::Guide { name, rest } => self.guide(line, &name, &rest).map(Some),
            Spoken::Run(command) => {
                let id = self.lab.start(self.place.name(), &command, None)?;
                let mut said = Said::default();
                let status = self.wait(id, &mut said, PATIENCE, |_| false)?.ok_or_else(|| {
                    Trouble::unusable(words::Said::of(
                        "trouble-not-ended",
                        &[("command", &command), ("seconds", &PATIENCE.as_secs())],
                    ))
                });
                if status.is_err() {
                    self.lab.send(id, Input::Terminate)?;
                }
                let place = self.place;
                self.keep(line, place, said.printed());
                self.observation(&command, place, &said, Some(status?)).map(Some)
            }
            Spoken::Background(command) => {
                let id = self.lab.start(self.place.name(), &command, None)?;
                let mut said = Said::default();
                let has_spoken = |said: &Said| !(said.output.is_empty() && said.errors.is_empty());
                let status = self.wait(id, &mut said, SETTLING, has_spoken)?;
                let place = self.place;
                self.keep(line, place, said.printed());
                let seen = self.observation(&format!("{command} &"), place, &said, status)?;
                if status.is_none() {
                    let number = self.jobs.keys().next_back().map_or(1, |last| last + 1);
                    self.jobs.insert(number, Running { id, line: command, place, said });
                }
                Ok(Some(seen))
            }
            Spoken::Kill(number) => {
                let Some(mut job) = self.jobs.remove(&number) else {
                    return Err(Trouble::usage(words::Said::of(
                        "trouble-no-job",
                        &[("line", &line), ("number", &number)],
                    )));
                };
                self.lab.send(job.id, Input::Terminate)?;
                let status = self.wait(job.id, &mut job.said, PATIENCE, |_| false)?;
                self.keep(line, self.place, job.said.printed());
                self.observation(&job.line, job.place, &job.said, status).map(Some)
            }
        }
    }

    /// What is seen of a command that does nothing, of which nobody takes note.
    pub(super) fn nothing(&mut self) -> Result<Option<Observation>, Trouble> {
        self.feed.open(self.lab)?;
        let (_, _, status) = quietly(self.lab, self.place.name(), "true")?;
        self.observation("true", self.place, &Said::default(), Some(status)).map(Some)
    }

    /// Ends what still runs and forgets what was seen: before the lab is set back, or at the end of a step.
    pub(super) fn tidy_up(&mut self) -> Result<(), Trouble> {
        for (_, mut job) in std::mem::take(&mut self.jobs) {
            self.lab.send(job.id, Input::Terminate)?;
            self.wait(job.id, &mut job.said, PATIENCE, |_| false)?;
        }
        self.feed.close(self.lab);
        Ok(())
    }

    /// Takes in what a job says until it ends, `enough` holds or the time is up; gives its status if it ended.
    fn wait(
        &mut self,
        id: JobId,
        said: &mut Said,
        patience: Duration,
        enough: impl Fn(&Said) -> bool,
    ) -> Result<Option<i32>, Trouble> {
        let begun = Instant::now();
        while begun.elapsed() < patience && !enough(said) {
            match self.lab.poll(id, WAIT)? {
                JobEvent::Output(stream, octets) => said.take(stream, &octets),
                JobEvent::Exited(status) => return Ok(Some(status)),
                JobEvent::Idle => {}
            }
        }
        Ok(None)
    }

    /// Puts a line and what it printed on the tape.
    fn keep(&mut self, line: &str, place: Role, printed: String) {
        self.tape.push(Typed { place, line: line.to_owned(), printed, packets: Vec::new() });
    }

    fn observation(
        &mut self,
        line: &str,
        place: Role,
        said: &Said,
        status: Option<i32>,
    ) -> Result<Observation, Trouble> {
        let captured = self.feed.drain(self.lab)?;
        let facts = self.facts()?;
        Ok(Observation {
            ran: Ran::all(line, place, &facts),
            line: line.to_owned(),
            output: String::from_utf8_lossy(&said.output).into_owned(),
            errors: String::from_utf8_lossy(&said.errors).into_owned(),
            status,
            captured,
            guide: None,
            facts,
        })
    }

    fn guide(&mut self, line: &str, name: &str, rest: &str) -> Result<Observation, Trouble> {
        let captured = self.feed.drain(self.lab)?;
        let packets = match name {
            "decrypt" => self.decrypt(rest),
            "show" => self.show(rest),
            _ => Some(Vec::new()),
        };
        let guide = GuideRun {
            command: name.to_owned(),
            at: Some(self.place),
            done: packets.is_some(),
            packets: packets.unwrap_or_default(),
        };
        let packets = guide.packets.clone();
        self.tape.push(Typed { place: self.place, line: line.to_owned(), printed: String::new(), packets });
        Ok(Observation {
            line: line.to_owned(),
            status: Some(i32::from(!guide.done)),
            captured,
            guide: Some(guide),
            facts: self.facts()?,
            ..Observation::default()
        })
    }

    /// `:decrypt FILE [--sa FILE] [--key HEX]`; `None` when it cannot be done.
    fn decrypt(&mut self, rest: &str) -> Option<Vec<Seen>> {
        let args = DecryptArgs::read(rest)?;
        let place = self.place.name();
        let mut keys = keyring(self.lab, place).ok()?;
        if !args.sa.is_empty() {
            let mut states: Vec<State> = Vec::new();
            for file in &args.sa {
                let text = self.lab.read_file(place, file).ok()?;
                states.extend(parse_states(&String::from_utf8_lossy(&text)).items);
            }
            keys = Keyring::new(&states);
        }
        if let Some(key) = &args.key {
            keys = with_key(&keys, &octets(key)?);
        }
        capture_packets(self.lab, place, &args.capture, &keys).ok()
    }

    /// `:show N`, `:show esp`, `:show last`.
    fn show(&mut self, rest: &str) -> Option<Vec<Seen>> {
        let packets = self.packets();
        let found = match rest {
            "" | "last" => packets.last(),
            "esp" => packets.iter().rev().find(|packet| packet.opening != Opening::Clear),
            "clear" => packets.iter().rev().find(|packet| packet.opening == Opening::Clear),
            number => packets.get(number.trim_start_matches('#').parse::<usize>().ok()?.checked_sub(1)?),
        };
        Some(vec![found?.clone()])
    }
}

impl Said {
    fn take(&mut self, stream: Stream, octets: &[u8]) {
        match stream {
            Stream::Out => self.output.extend(octets),
            Stream::Err => self.errors.extend(octets),
        }
        self.printed.extend(octets);
    }

    /// What it said since this was last asked.
    fn printed(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.printed)).into_owned()
    }
}

/// The same states, each with another key.
fn with_key(keys: &Keyring, key: &[u8]) -> Keyring {
    let states: Vec<State> = keys
        .entries()
        .iter()
        .map(|entry| {
            let mut state = entry.state.clone();
            for algorithm in &mut state.algorithms {
                algorithm.key = Key::Known(Secret::new(key.to_vec()));
            }
            state
        })
        .collect();
    Keyring::new(&states)
}

/// A key in hex: an AES key of 16, 24 or 32 octets and a salt of 4.
fn octets(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.strip_prefix("0x").unwrap_or(hex);
    if !digits.is_ascii() || ![40, 56, 72].contains(&digits.len()) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}
