use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::time::{Duration, Instant};

use super::entry::Head;
use super::spelling::Spelling;
use super::tape::{ActId, Deed, StateId, Tape};
use crate::capture::Filter;
use crate::lab::{CaptureEnd, CaptureId, Input, JobEvent, JobId, Lab, LabKind, Place, TerminalSize};
use crate::packet::{Frame, LinkType};
use crate::trouble::Trouble;
use crate::words::{FluentValue, Language, Said, Words};

/// A lab that plays a recording.
///
/// It is always in a state that the recording was in, and a line that was run in that state leads on to the next one. As
/// long as the recording holds several ways on that begin the same (a learner tried, set back and tried again), it is in
/// all of them. A line that was run earlier shows again what it showed then, and leads nowhere. Any other line is refused,
/// with the lines that were run here: what was never recorded cannot be known.
pub struct Playback {
    tape: Tape,
    /// The states that the lab may be in; the last is the likeliest. Never empty.
    at: Vec<StateId>,
    jobs: BTreeMap<JobId, Job>,
    captures: BTreeMap<CaptureId, Watch>,
    saved: BTreeMap<String, Vec<StateId>>,
    ids: u64,
    words: Words,
}

/// A line that is played.
struct Job {
    /// The acts that it may be.
    acts: Vec<ActId>,
    /// How much of what was said has been said again.
    next: usize,
    /// It shows what it showed, whatever the lab's state is.
    again: bool,
    /// What is not from an act: an answer, an end that was not recorded.
    events: VecDeque<JobEvent>,
    over: bool,
    /// When to say the next thing, for a job on a terminal.
    pace: Option<Pace>,
}

/// How what was recorded comes again on a terminal.
#[derive(Clone, Copy)]
struct Pace {
    /// When the last thing was said.
    said: Instant,
    /// When that was, in the recording.
    recorded: u64,
}

/// A capture that is played.
struct Watch {
    place: String,
    device: String,
    filter: String,
    /// States whose packets it has given, or that were before it began.
    given: BTreeSet<StateId>,
    waiting: Vec<Frame>,
}

/// The longest pause between two pieces of output, on a terminal.
const LONGEST_PAUSE: Duration = Duration::from_millis(600);
/// So many lines are named when another is refused.
const NAMED: usize = 4;

impl Playback {
    /// Opens a recording.
    pub fn open(path: &Path) -> Result<Self, Trouble> {
        Tape::read(path).map(Self::of)
    }

    pub(super) fn of(tape: Tape) -> Self {
        Self {
            tape,
            at: vec![0],
            jobs: BTreeMap::new(),
            captures: BTreeMap::new(),
            saved: BTreeMap::new(),
            ids: 0,
            words: Words::new(Language::En),
        }
    }

    /// The same, refusing in this language what it does not hold.
    #[must_use]
    pub fn in_language(mut self, language: Language) -> Self {
        self.words = Words::new(language);
        self
    }

    /// What the recording says of itself.
    pub fn head(&self) -> &Head {
        &self.tape.head
    }

    /// Why the recording could not be read to its end, if it could not.
    pub fn torn(&self) -> Option<&str> {
        self.tape.torn.as_deref()
    }

    /// The likeliest state.
    fn here(&self) -> StateId {
        self.at.last().copied().unwrap_or_default()
    }

    fn id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    /// The acts that were done in one of the present states and are what `is` says.
    fn done_here(&self, is: impl Fn(&Deed) -> bool) -> Vec<ActId> {
        let acts = self.at.iter().flat_map(|state| self.tape.acts_from(*state));
        acts.filter(|(_, act)| is(&act.deed)).map(|(id, _)| id).collect()
    }

    /// Goes where these acts led.
    fn follow(&mut self, acts: &[ActId]) {
        let mut at: Vec<StateId> = acts.iter().filter_map(|act| self.tape.acts.get(*act)).map(|act| act.to).collect();
        at.sort_unstable();
        if !at.is_empty() {
            self.at = at;
        }
    }

    /// Comes to states from elsewhere: what ran is over, and packets are new from here on.
    fn jump(&mut self, at: Vec<StateId>) {
        self.at = at;
        let given: BTreeSet<StateId> = self.at.iter().flat_map(|state| self.tape.back_from(*state)).collect();
        for watch in self.captures.values_mut() {
            watch.given.clone_from(&given);
        }
    }

    /// The latest act like this in the past of the present states.
    fn done_before(&self, is: impl Fn(&Deed) -> bool) -> Option<ActId> {
        let past: BTreeSet<StateId> = self.at.iter().flat_map(|state| self.tape.back_from(*state)).collect();
        self.tape.acts.iter().rposition(|act| past.contains(&act.from) && is(&act.deed))
    }

    fn play(&mut self, acts: Vec<ActId>, again: bool, terminal: Option<TerminalSize>) -> JobId {
        let began = acts.last().and_then(|act| self.tape.acts.get(*act)).map_or(0, |act| act.at);
        let pace = terminal.map(|_| Pace { said: Instant::now(), recorded: began });
        let job = Job { acts, next: 0, again, events: VecDeque::new(), over: false, pace };
        let id = JobId(self.id());
        self.jobs.insert(id, job);
        id
    }

    /// A line that was never run here.
    fn refusal(&self, place: &str, line: &str) -> Trouble {
        let mut known: Vec<String> = Vec::new();
        for act in self.at.iter().rev().flat_map(|state| self.tape.acts_from(*state)).map(|(_, act)| act) {
            if let Deed::Ran { place, line, unseen: false, .. } = &act.deed {
                let said = self.say("recording-line-at", &[("place", self.tape.short(place)), ("line", line)]);
                if !known.contains(&said) {
                    known.push(said);
                }
            }
        }
        let refused = [("place", self.tape.short(place)), ("line", line)];
        let more = known.len().saturating_sub(NAMED);
        known.truncate(NAMED);
        let lines = known.join(&self.say("recording-between", &[]));
        let hint = match (known.is_empty(), more) {
            (true, _) => self.say("recording-no-more", &[]),
            (false, 0) => self.say("recording-lines", &[("lines", &lines)]),
            (false, more) => self.say("recording-lines-more", &[("lines", &lines), ("more", &more.to_string())]),
        };
        Trouble::unusable(self.say("recording-no-line", &refused)).hint(hint).hint(self.say("recording-not-run", &[]))
    }

    fn say(&self, id: &str, values: &[(&str, &str)]) -> String {
        let values: Vec<(&str, FluentValue<'_>)> =
            values.iter().map(|(name, value)| (*name, (*value).into())).collect();
        self.words.say(id, &values)
    }

    /// The next event of a job that plays an act, and when it is due.
    fn next_of_act(&self, job: &Job) -> Option<(JobEvent, u64)> {
        let likely = job.acts.iter().rev().filter_map(|act| Some((*act, self.tape.acts.get(*act)?)));
        let is_past = |state: StateId| self.at.iter().any(|now| self.tape.is_before(state, *now));
        let (id, act) = likely.clone().find(|(_, act)| is_past(act.to)).or_else(|| likely.clone().next())?;
        let has_come = |state: StateId| job.again || is_past(state);
        if let Some(said) = act.said.get(job.next) {
            return has_come(said.state).then(|| (JobEvent::Output(said.stream, said.octets.clone()), said.at));
        }
        match act.ended {
            Some(ended) if has_come(ended.state) => Some((JobEvent::Exited(ended.status), ended.at)),
            // The recording ends while this line runs: there is no more to come.
            None if id + 1 == self.tape.acts.len() => Some((JobEvent::Exited(143), act.at)),
            Some(_) | None => None,
        }
    }

    /// What a job says next of what was recorded, in its time where it has a terminal.
    fn recorded(&self, job: &mut Job, wait: Duration) -> JobEvent {
        let Some((event, at)) = self.next_of_act(job).filter(|_| !job.over) else {
            // What would come comes by another call only.
            std::thread::sleep(wait);
            return JobEvent::Idle;
        };
        if let Some(pace) = &mut job.pace {
            let pause = Duration::from_millis(at.saturating_sub(pace.recorded)).min(LONGEST_PAUSE);
            let left = pause.saturating_sub(pace.said.elapsed());
            if left > wait {
                std::thread::sleep(wait);
                return JobEvent::Idle;
            }
            std::thread::sleep(left);
            *pace = Pace { said: Instant::now(), recorded: at };
        }
        job.next += 1;
        event
    }

    fn collect(&mut self, capture: CaptureId) -> Result<Vec<Frame>, Trouble> {
        let here = self.here();
        // The other states that this may be have the same packets: they are given with these.
        let alike: BTreeSet<StateId> = self.at.iter().flat_map(|state| self.tape.back_from(*state)).collect();
        let Some(watch) = self.captures.get_mut(&capture) else {
            return Err(Trouble::unusable(Said::of("recording-no-capture", &[("capture", &capture.0)])));
        };
        let mut frames = std::mem::take(&mut watch.waiting);
        let mut fresh: Vec<StateId> =
            self.tape.back_from(here).take_while(|state| !watch.given.contains(state)).collect();
        fresh.reverse();
        for state in fresh {
            frames.extend(watch.frames_of(&self.tape, state));
        }
        watch.given.extend(alike);
        Ok(frames)
    }
}

impl Watch {
    /// What this capture would have seen of the packets of a state: those of a capture like it, else of one at the same
    /// place and device.
    fn frames_of(&self, tape: &Tape, state: StateId) -> Vec<Frame> {
        let Some(state) = tape.states.get(state) else { return Vec::new() };
        let at_hand =
            || state.frames.iter().filter(|caught| caught.place == self.place && caught.device == self.device);
        let same = || at_hand().filter(|caught| caught.filter == self.filter);
        if same().next().is_some() {
            return same().flat_map(|caught| caught.frames.iter().cloned()).collect();
        }
        let Some(widest) = at_hand().map(|caught| &caught.filter).min_by_key(|filter| filter.len()) else {
            return Vec::new();
        };
        let fits = |frame: &Frame| {
            self.filter.trim().is_empty()
                || Filter::compile(frame.link, &self.filter).is_ok_and(|filter| filter.matches(&frame.octets))
        };
        let frames = at_hand().filter(|caught| caught.filter == *widest).flat_map(|caught| &caught.frames);
        frames.filter(|frame| fits(frame)).cloned().collect()
    }
}

impl Lab for Playback {
    fn kind(&self) -> LabKind {
        LabKind::Recording
    }

    fn places(&mut self) -> Result<Vec<Place>, Trouble> {
        let places = self.tape.nearest(self.here(), |state| state.places.clone());
        Ok(places.map(|places| places.to_vec()).unwrap_or_default())
    }

    fn facts(&mut self) -> Result<BTreeMap<String, String>, Trouble> {
        let facts = self.tape.nearest(self.here(), |state| state.facts.clone());
        Ok(facts.map(|facts| BTreeMap::clone(&facts)).unwrap_or_default())
    }

    fn start(&mut self, place: &str, line: &str, terminal: Option<TerminalSize>) -> Result<JobId, Trouble> {
        let name = self.tape.name(place).to_owned();
        let spelling = Spelling::of(line, &name, &self.tape.names);
        let typed_so = |deed: &Deed| match deed {
            Deed::Ran { place, line: ran, .. } => *place == name && ran.trim() == line.trim(),
            _ => false,
        };
        let the_same = |deed: &Deed| match deed {
            Deed::Ran { spelling: ran, .. } => ran.runs_the_same(&spelling),
            _ => false,
        };
        let mut acts = self.done_here(typed_so);
        if acts.is_empty() {
            acts = self.done_here(the_same);
        }
        if !acts.is_empty() {
            self.follow(&acts);
            return Ok(self.play(acts, false, terminal));
        }
        let Some(act) = self.done_before(typed_so).or_else(|| self.done_before(the_same)) else {
            return Err(self.refusal(place, line));
        };
        if let Some(to) = self.tape.acts.get(act).map(|act| act.to) {
            for watch in self.captures.values_mut() {
                let frames = watch.frames_of(&self.tape, to);
                watch.waiting.extend(frames);
            }
        }
        Ok(self.play(vec![act], true, terminal))
    }

    fn ask(&mut self, place: &str, line: &str) -> Result<JobId, Trouble> {
        let key = (self.tape.name(place).to_owned(), line.to_owned());
        let found =
            self.at.iter().rev().find_map(|state| self.tape.nearest(*state, |state| state.answers.get(&key).cloned()));
        let answer = match found {
            Some(answer) => answer,
            // Nothing changes by waiting, or by doing nothing.
            None if line.starts_with("sleep ") || line == "true" => {
                std::rc::Rc::new(super::tape::Answer { output: Vec::new(), errors: Vec::new(), status: 0 })
            }
            None => return Err(self.refusal(place, line)),
        };
        let mut events = VecDeque::new();
        for (stream, octets) in [(crate::lab::Stream::Out, &answer.output), (crate::lab::Stream::Err, &answer.errors)] {
            if !octets.is_empty() {
                events.push_back(JobEvent::Output(stream, octets.clone()));
            }
        }
        events.push_back(JobEvent::Exited(answer.status));
        let id = JobId(self.id());
        self.jobs.insert(id, Job { acts: Vec::new(), next: 0, again: false, events, over: false, pace: None });
        Ok(id)
    }

    fn poll(&mut self, id: JobId, wait: Duration) -> Result<JobEvent, Trouble> {
        let Some(mut job) = self.jobs.remove(&id) else {
            return Err(Trouble::unusable(Said::of("recording-no-job", &[("job", &id.0)])));
        };
        let event = job.events.pop_front().unwrap_or_else(|| self.recorded(&mut job, wait));
        if !matches!(event, JobEvent::Exited(_)) {
            self.jobs.insert(id, job);
        }
        Ok(event)
    }

    fn send(&mut self, id: JobId, input: Input) -> Result<(), Trouble> {
        let Some(acts) = self.jobs.get(&id).map(|job| job.acts.clone()) else { return Ok(()) };
        match input {
            Input::Interrupt | Input::Terminate => {
                let stopped = self.done_here(|deed| matches!(deed, Deed::Stopped(act) if acts.contains(act)));
                self.follow(&stopped);
                if let Some(job) = self.jobs.get_mut(&id)
                    && stopped.is_empty()
                {
                    job.over = true;
                    let status = if matches!(input, Input::Interrupt) { 130 } else { 143 };
                    job.events.push_back(JobEvent::Exited(status));
                }
            }
            Input::Octets(octets) => {
                let typed = self
                    .done_here(|deed| matches!(deed, Deed::Typed(act, text) if acts.contains(act) && *text == octets));
                self.follow(&typed);
            }
            Input::End | Input::Resize(_) => {}
        }
        Ok(())
    }

    fn capture(&mut self, place: &str, device: &str, filter: &str) -> Result<CaptureId, Trouble> {
        if !filter.trim().is_empty() {
            Filter::compile(LinkType::LinuxSll2, filter)
                .map_err(|error| Trouble::usage(Said::of("trouble-filter", &[("filter", &filter)])).because(&error))?;
        }
        let given = self.at.iter().flat_map(|state| self.tape.back_from(*state)).collect();
        let place = self.tape.name(place).to_owned();
        let watch = Watch { place, device: device.to_owned(), filter: filter.to_owned(), given, waiting: Vec::new() };
        let id = CaptureId(self.id());
        self.captures.insert(id, watch);
        Ok(id)
    }

    fn frames(&mut self, capture: CaptureId, _wait: Duration) -> Result<Vec<Frame>, Trouble> {
        self.collect(capture)
    }

    fn stop_capture(&mut self, capture: CaptureId) -> Result<CaptureEnd, Trouble> {
        let frames = self.collect(capture)?;
        self.captures.remove(&capture);
        Ok(CaptureEnd { frames, dropped: 0 })
    }

    fn read_file(&mut self, place: &str, path: &str) -> Result<Vec<u8>, Trouble> {
        let key = (self.tape.name(place).to_owned(), path.to_owned());
        let found =
            self.at.iter().rev().find_map(|state| self.tape.nearest(*state, |state| state.files.get(&key).cloned()));
        found.map(|content| content.to_vec()).ok_or_else(|| {
            let mut others: Vec<&str> = self
                .tape
                .back_from(self.here())
                .filter_map(|state| self.tape.states.get(state))
                .flat_map(|state| state.files.keys())
                .filter(|(place, _)| *place == key.0)
                .map(|(_, path)| path.as_str())
                .collect();
            others.sort_unstable();
            others.dedup();
            let refused = [("path", path), ("place", self.tape.short(place))];
            let hint = match others.as_slice() {
                [] => self.say("recording-files-read", &[]),
                others => self.say("recording-files", &[("files", &others.join(", "))]),
            };
            Trouble::unusable(self.say("recording-no-file", &refused)).hint(hint)
        })
    }

    fn mark(&mut self, name: &str) {
        if let Some(state) = self.tape.marks.get(name) {
            self.jump(vec![*state]);
        }
    }

    fn save(&mut self, name: &str) -> Result<(), Trouble> {
        self.saved.insert(name.to_owned(), self.at.clone());
        Ok(())
    }

    fn restore(&mut self, name: &str) -> Result<(), Trouble> {
        let Some(at) = self.saved.get(name).cloned() else {
            return Err(Trouble::unusable(Said::of("recording-no-state", &[("name", &name)])));
        };
        for job in self.jobs.values_mut().filter(|job| !job.over) {
            job.over = true;
            job.events.push_back(JobEvent::Exited(143));
        }
        self.jump(at);
        Ok(())
    }
}
