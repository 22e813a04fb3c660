//! A recording as a tree: each line that ran leads from one state of the lab to the next, and setting the lab back makes a
//! branch.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::rc::Rc;

use super::entry::{Entry, FrameEntry, Head, stream};
use super::file::{self, Contents};
use super::spelling::Spelling;
use crate::lab::{Place, Stream};
use crate::packet::Frame;
use crate::trouble::Trouble;

/// A state of the lab, by its place in [`Tape::states`].
pub(super) type StateId = usize;
/// A line that ran, or something that was done to one, by its place in [`Tape::acts`].
pub(super) type ActId = usize;

/// A recording that was read.
#[derive(Debug)]
pub(super) struct Tape {
    pub(super) head: Head,
    pub(super) states: Vec<State>,
    pub(super) acts: Vec<Act>,
    /// Where the walk came to each step.
    pub(super) marks: BTreeMap<String, StateId>,
    /// Short names of places, and the names themselves.
    pub(super) names: HashMap<String, String>,
    /// The state in which the recording ends.
    pub(super) last: StateId,
    /// Why reading ended before the recording did, if it did.
    pub(super) torn: Option<String>,
}

/// What is known of the lab between two lines.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) parent: Option<StateId>,
    /// What led here from the parent.
    pub(super) act: Option<ActId>,
    pub(super) facts: Option<Rc<BTreeMap<String, String>>>,
    pub(super) places: Option<Rc<Vec<Place>>>,
    /// The last answer to each question.
    pub(super) answers: HashMap<(String, String), Rc<Answer>>,
    pub(super) files: HashMap<(String, String), Rc<Vec<u8>>>,
    pub(super) frames: Vec<Caught>,
}

/// The answer to a question.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) output: Vec<u8>,
    pub(super) errors: Vec<u8>,
    pub(super) status: i32,
}

/// Packets of one capture.
#[derive(Debug)]
pub(super) struct Caught {
    pub(super) place: String,
    pub(super) device: String,
    pub(super) filter: String,
    pub(super) frames: Vec<Frame>,
}

/// Something that was done in the lab.
#[derive(Debug)]
pub(super) struct Act {
    pub(super) from: StateId,
    pub(super) to: StateId,
    /// Milliseconds since the recording began.
    pub(super) at: u64,
    pub(super) deed: Deed,
    pub(super) said: Vec<Said>,
    pub(super) ended: Option<Ended>,
}

/// What was done.
#[derive(Debug)]
pub(super) enum Deed {
    /// A line was run.
    Ran {
        /// Where, by its full name.
        place: String,
        line: String,
        spelling: Spelling,
        /// Nobody saw it.
        unseen: bool,
    },
    /// The line of this act was told to end.
    Stopped(ActId),
    /// Something was typed into the line of this act.
    Typed(ActId, Vec<u8>),
}

/// Something that a line wrote.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) at: u64,
    /// The state of the lab when it came.
    pub(super) state: StateId,
    pub(super) stream: Stream,
    pub(super) octets: Vec<u8>,
}

/// How a line ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) at: u64,
    pub(super) state: StateId,
    pub(super) status: i32,
}

impl Tape {
    /// Reads a recording.
    pub(super) fn read(path: &Path) -> Result<Self, Trouble> {
        Ok(Self::of(file::read(path)?))
    }

    pub(super) fn of(contents: Contents) -> Self {
        let Contents { head, moments, torn } = contents;
        let mut names = HashMap::new();
        for moment in &moments {
            if let Entry::Places { places } = &moment.entry {
                for place in places {
                    let place = Place::from(place.clone());
                    names.insert(place.name.clone(), place.name.clone());
                    for alias in place.aliases {
                        names.insert(alias, place.name.clone());
                    }
                }
            }
        }
        let mut tape = Self {
            head,
            states: vec![State::default()],
            acts: Vec::new(),
            marks: BTreeMap::new(),
            names,
            last: 0,
            torn,
        };
        let (mut jobs, mut saved) = (HashMap::new(), HashMap::new());
        for moment in moments {
            tape.take(moment.at, moment.entry, &mut jobs, &mut saved);
        }
        tape
    }

    /// The full name of a place.
    pub(super) fn name<'n>(&'n self, place: &'n str) -> &'n str {
        self.names.get(place).map_or(place, String::as_str)
    }

    /// The shortest name of a place.
    pub(super) fn short<'n>(&'n self, place: &'n str) -> &'n str {
        let full = self.name(place);
        let aliases = self.names.iter().filter(|(_, name)| *name == full).map(|(alias, _)| alias.as_str());
        aliases.chain([full]).min_by_key(|name| (name.len(), *name)).unwrap_or(place)
    }

    /// A state and those before it, back to the first.
    pub(super) fn back_from(&self, state: StateId) -> impl Iterator<Item = StateId> {
        std::iter::successors(Some(state), |state| self.states.get(*state)?.parent)
    }

    /// Whether `state` is `later` or one of those before it.
    pub(super) fn is_before(&self, state: StateId, later: StateId) -> bool {
        // A state's number is greater than its parent's.
        self.back_from(later).take_while(|at| *at >= state).any(|at| at == state)
    }

    /// The nearest value going back from a state.
    pub(super) fn nearest<T>(&self, state: StateId, value: impl Fn(&State) -> Option<T>) -> Option<T> {
        self.back_from(state).filter_map(|state| self.states.get(state)).find_map(value)
    }

    /// What was done in a state.
    pub(super) fn acts_from(&self, state: StateId) -> impl Iterator<Item = (ActId, &Act)> {
        self.acts.iter().enumerate().filter(move |(_, act)| act.from == state)
    }

    /// The acts that lead to a state, from the first.
    pub(super) fn way_to(&self, state: StateId) -> Vec<ActId> {
        let mut way: Vec<ActId> = self.back_from(state).filter_map(|state| self.states.get(state)?.act).collect();
        way.reverse();
        way
    }

    /// The step in which a state is.
    pub(super) fn mark_of(&self, state: StateId) -> Option<&str> {
        let mark = |state: StateId| self.marks.iter().find(|(_, at)| **at == state).map(|(name, _)| name.as_str());
        self.back_from(state).find_map(mark)
    }

    fn take(&mut self, at: u64, entry: Entry, jobs: &mut HashMap<u64, ActId>, saved: &mut HashMap<String, StateId>) {
        let now = self.last;
        match entry {
            Entry::Mark { name } => {
                self.marks.entry(name).or_insert(now);
            }
            Entry::Ran { job, place, line, unseen } => {
                let place = self.name(&place).to_owned();
                let spelling = Spelling::of(&line, &place, &self.names);
                jobs.insert(job, self.acts.len());
                self.act(at, Deed::Ran { place, line, spelling, unseen });
            }
            Entry::Stopped { job } => {
                if let Some(act) = jobs.get(&job) {
                    self.act(at, Deed::Stopped(*act));
                }
            }
            Entry::Typed { job, text } => {
                if let Some(act) = jobs.get(&job) {
                    self.act(at, Deed::Typed(*act, text.0));
                }
            }
            Entry::Said { job, error, text } => {
                if let Some(act) = jobs.get(&job).and_then(|act| self.acts.get_mut(*act)) {
                    act.said.push(Said { at, state: now, stream: stream(error), octets: text.0 });
                }
            }
            Entry::Ended { job, status } => {
                if let Some(act) = jobs.get(&job).and_then(|act| self.acts.get_mut(*act)) {
                    act.ended = Some(Ended { at, state: now, status });
                }
            }
            Entry::Saved { name } => {
                saved.insert(name, now);
            }
            Entry::Restored { name } => self.last = saved.get(&name).copied().unwrap_or(now),
            Entry::Asked { place, line, output, errors, status } => {
                let answer = Answer { output: output.0, errors: errors.0, status };
                let place = self.name(&place).to_owned();
                self.now(|state| drop(state.answers.insert((place, line), Rc::new(answer))));
            }
            Entry::File { place, path, content } => {
                let place = self.name(&place).to_owned();
                self.now(|state| drop(state.files.insert((place, path), Rc::new(content.0))));
            }
            Entry::Places { places } => {
                let places: Vec<Place> = places.into_iter().map(Place::from).collect();
                self.now(|state| state.places = Some(Rc::new(places)));
            }
            Entry::Facts { facts } => self.now(|state| state.facts = Some(Rc::new(facts))),
            Entry::Frames { place, device, filter, frames } => {
                let frames = frames.iter().filter_map(FrameEntry::frame).collect();
                let place = self.name(&place).to_owned();
                self.now(|state| state.frames.push(Caught { place, device, filter, frames }));
            }
            Entry::Event { .. } => {}
        }
    }

    fn now(&mut self, change: impl FnOnce(&mut State)) {
        if let Some(state) = self.states.get_mut(self.last) {
            change(state);
        }
    }

    fn act(&mut self, at: u64, deed: Deed) {
        let (from, to) = (self.last, self.states.len());
        self.states.push(State { parent: Some(from), act: Some(self.acts.len()), ..State::default() });
        self.acts.push(Act { from, to, at, deed, said: Vec::new(), ended: None });
        self.last = to;
    }
}
