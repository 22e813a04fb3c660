use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::net::Ipv4Addr;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::entry::{Entry, FORMAT, FrameEntry, Head, Keys, Moment, Octets, PlaceEntry, VERSION};
use super::file::RecordingFile;
use super::veil::{Veil, ends_within_a_dump};
use crate::datapath::Trace;
use crate::esp::Secret;
use crate::lab::{
    CaptureEnd, CaptureId, Input, JobEvent, JobId, Lab, LabKind, Permit, Place, PlaceKind, Stream, TerminalSize, Typing,
};
use crate::packet::Frame;
use crate::trouble::Trouble;

/// A lab whose walk is written down.
pub struct Recorder {
    lab: Box<dyn Lab>,
    notes: Notebook,
}

/// Where a recorder writes; whoever made the recorder keeps one to end the recording.
#[derive(Clone)]
pub struct Notebook(Rc<RefCell<Pages>>);

struct Pages {
    /// `None` when the recording has ended.
    file: Option<RecordingFile>,
    begun: Instant,
    /// `None` when keys stay.
    veil: Option<Veil>,
    jobs: BTreeMap<JobId, Running>,
    captures: BTreeMap<CaptureId, (String, String, String)>,
    /// Packets that wait for the keys that open them.
    frames: Vec<(CaptureId, Vec<Frame>)>,
    /// What the recording says of the present state already, so that it is not said again.
    said: HashMap<(String, String), u64>,
    hasher: RandomState,
}

/// A line under way, or a question.
struct Running {
    /// Where and what, for a question.
    question: Option<(String, String)>,
    /// What it wrote that is not in the file yet: when, whether to standard error, what.
    held: Vec<(u64, bool, Vec<u8>)>,
}

/// A question of the recorder's own takes at most this long.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is held of a line's output at most before it is written, in octets.
const MOST_HELD: usize = 1 << 20;
/// The listing that opens packets.
const STATES: &str = "ip xfrm state";

impl Running {
    /// What it said that is not written yet, to standard output or to standard error.
    fn said(&self, error: bool) -> Vec<u8> {
        let of_it = self.held.iter().filter(|(_, err, _)| *err == error);
        of_it.flat_map(|(.., octets)| octets).copied().collect()
    }

    /// Whether it is in the middle of showing a packet.
    fn is_cut(&self) -> bool {
        ends_within_a_dump(&self.said(false))
    }
}

impl Recorder {
    /// Begins a recording of what goes through a lab. `now` is the time of day, RFC 3339. The file must not exist.
    pub fn begin(
        lab: Box<dyn Lab>,
        path: &Path,
        course: &str,
        now: &str,
        keys: Keys,
    ) -> Result<(Self, Notebook), Trouble> {
        let head = Head {
            format: FORMAT.to_owned(),
            version: VERSION,
            esplain: env!("CARGO_PKG_VERSION").to_owned(),
            lab: lab.kind().word().to_owned(),
            course: course.to_owned(),
            begun: now.to_owned(),
            keys,
        };
        let pages = Pages {
            file: Some(RecordingFile::create(path, &head)?),
            begun: Instant::now(),
            veil: (keys == Keys::Substitutes).then(|| Veil::new(drawn())),
            jobs: BTreeMap::new(),
            captures: BTreeMap::new(),
            frames: Vec::new(),
            said: HashMap::new(),
            hasher: RandomState::new(),
        };
        let notes = Notebook(Rc::new(RefCell::new(pages)));
        Ok((Self { lab, notes: notes.clone() }, notes))
    }

    /// Writes what is held: the lab is about to come into another state.
    fn turn_page(&mut self) {
        let places = self.notes.0.borrow_mut().places_without_keys();
        self.learn_keys(places);
        let shows_sealed = self.notes.0.borrow_mut().shows_sealed(None);
        if shows_sealed {
            self.learn_keys_of_all();
        }
        let mut notes = self.notes.0.borrow_mut();
        notes.learn_frames();
        notes.write_held(false);
        notes.write_frames();
        notes.flush();
    }

    /// Asks places for their states, so that what they sealed can be opened.
    fn learn_keys(&mut self, places: Vec<String>) {
        for place in places {
            if let Some(answer) = self.listed(&place) {
                self.notes.0.borrow_mut().answered(&place, STATES, answer);
            }
        }
    }

    fn learn_keys_of_all(&mut self) {
        let places = self.lab.places().unwrap_or_default();
        self.learn_keys(
            places.into_iter().filter(|place| place.kind == PlaceKind::Node).map(|place| place.name).collect(),
        );
    }

    /// The states of a place, asked for without anybody looking.
    fn listed(&mut self, place: &str) -> Option<(Vec<u8>, Vec<u8>, i32)> {
        let job = self.lab.ask(place, STATES).ok()?;
        let _ = self.lab.send(job, Input::End);
        let (mut output, mut errors, begun) = (Vec::new(), Vec::new(), Instant::now());
        while begun.elapsed() < PATIENCE {
            match self.lab.poll(job, Duration::from_millis(50)).ok()? {
                JobEvent::Output(Stream::Out, octets) => output.extend(octets),
                JobEvent::Output(Stream::Err, octets) => errors.extend(octets),
                JobEvent::Exited(status) => return Some((output, errors, status)),
                JobEvent::Idle => {}
            }
        }
        let _ = self.lab.send(job, Input::Terminate);
        None
    }

    fn started(&mut self, job: JobId, place: &str, line: &str, unseen: bool) {
        self.turn_page();
        let mut notes = self.notes.0.borrow_mut();
        notes.jobs.insert(job, Running { question: None, held: Vec::new() });
        let line = notes.words(line);
        notes.add(Entry::Ran { job: job.0, place: place.to_owned(), line, unseen });
        notes.flush();
    }

    fn note(&self, entry: Entry) {
        self.notes.0.borrow_mut().add(entry);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.turn_page();
    }
}

impl Notebook {
    /// Writes down an event of the walk.
    pub fn event(&self, event: &impl serde::Serialize) {
        let mut pages = self.0.borrow_mut();
        let Ok(text) = serde_json::to_string(event) else { return };
        let text = pages.words(&text);
        if let Ok(event) = serde_json::from_str(&text) {
            pages.add(Entry::Event { event });
        }
    }

    /// Ends the recording. When not all of it could be written, that is said here.
    pub fn finish(self) -> Result<(), Trouble> {
        let mut pages = self.0.borrow_mut();
        pages.write_held(true);
        pages.write_frames();
        pages.file.take().map_or(Ok(()), RecordingFile::finish)
    }
}

impl Pages {
    fn at(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn add(&mut self, entry: Entry) {
        let at = self.at();
        self.add_at(at, entry);
    }

    fn add_at(&mut self, at: u64, entry: Entry) {
        if let Some(file) = &mut self.file {
            file.add(&Moment { at, entry });
        }
    }

    fn flush(&mut self) {
        if let Some(file) = &mut self.file {
            file.flush();
        }
    }

    fn words(&mut self, words: &str) -> String {
        self.veil.as_mut().map_or_else(|| words.to_owned(), |veil| veil.words(words))
    }

    fn text(&mut self, mut text: Vec<u8>) -> Octets {
        if let Some(veil) = &mut self.veil {
            veil.text(&mut text);
        }
        Octets(text)
    }

    /// Whether something is not what the recording says of the present state already.
    fn is_news(&mut self, kind: &str, of: &str, what: &impl std::hash::Hash) -> bool {
        let hash = self.hasher.hash_one(what);
        self.said.insert((kind.to_owned(), of.to_owned()), hash) != Some(hash)
    }

    /// Takes in what a job said.
    fn heard(&mut self, id: JobId, event: &JobEvent) {
        let at = self.at();
        let Some(job) = self.jobs.get_mut(&id) else { return };
        match event {
            JobEvent::Output(stream, octets) => {
                job.held.push((at, *stream == Stream::Err, octets.clone()));
                if job.question.is_none() && job.held.iter().map(|(.., octets)| octets.len()).sum::<usize>() > MOST_HELD
                {
                    self.write_out(id, false);
                }
            }
            JobEvent::Exited(status) => {
                let status = *status;
                if let Some((place, line)) = job.question.take() {
                    let held = std::mem::take(&mut job.held);
                    let of = |error| -> Vec<u8> {
                        let of_it = held.iter().filter(|(_, err, _)| *err == error);
                        of_it.flat_map(|(.., octets)| octets).copied().collect()
                    };
                    self.answered(&place, &line, (of(false), of(true), status));
                } else {
                    self.write_out(id, true);
                    self.add(Entry::Ended { job: id.0, status });
                    self.flush();
                }
                self.jobs.remove(&id);
            }
            JobEvent::Idle => {}
        }
    }

    fn answered(&mut self, place: &str, line: &str, (output, errors, status): (Vec<u8>, Vec<u8>, i32)) {
        let (output, errors, line) = (self.text(output), self.text(errors), self.words(line));
        if self.is_news(place, &line, &(&output.0, &errors.0, status)) {
            self.add(Entry::Asked { place: place.to_owned(), line, output, errors, status });
        }
    }

    /// Writes what lines have said so far; what may be the front half of something waits, unless it is the `last` chance.
    fn write_held(&mut self, last: bool) {
        let ids: Vec<JobId> = self.jobs.iter().filter(|(_, job)| job.question.is_none()).map(|(id, _)| *id).collect();
        for id in ids {
            self.write_out(id, last);
        }
    }

    fn write_out(&mut self, id: JobId, last: bool) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let is_whole = job.held.last().is_none_or(|(.., octets)| octets.ends_with(b"\n")) && !job.is_cut();
        if !is_whole && !last && job.held.iter().map(|(.., octets)| octets.len()).sum::<usize>() < MOST_HELD {
            return;
        }
        let mut held = std::mem::take(&mut job.held);
        // A key may be cut anywhere by the pieces in which it came; substitutes keep the length.
        if let Some(veil) = &mut self.veil {
            for error in [false, true] {
                let pieces = || held.iter().filter(|(_, err, _)| *err == error);
                let mut whole: Vec<u8> = pieces().flat_map(|(.., octets)| octets).copied().collect();
                veil.text(&mut whole);
                let mut rest = whole.as_slice();
                for (.., octets) in held.iter_mut().filter(|(_, err, _)| *err == error) {
                    let Some((piece, others)) = rest.split_at_checked(octets.len()) else { break };
                    octets.copy_from_slice(piece);
                    rest = others;
                }
            }
        }
        for (at, error, octets) in held {
            self.add_at(at, Entry::Said { job: id.0, error, text: Octets(octets) });
        }
    }

    /// Whether a line, or any, shows packets that no key seen so far opens.
    fn shows_sealed(&mut self, only: Option<JobId>) -> bool {
        let Some(veil) = &mut self.veil else { return false };
        let jobs = self.jobs.iter().filter(|(id, _)| only.is_none_or(|only| only == **id));
        jobs.into_iter().any(|(_, job)| veil.lacks_in(&job.said(false)))
    }

    /// Takes note of the packets that wait: lines may show them.
    fn learn_frames(&mut self) {
        let Some(veil) = &mut self.veil else { return };
        for frame in self.frames.iter().flat_map(|(_, frames)| frames) {
            veil.learn(frame);
        }
    }

    /// Places whose packets could not be opened so far.
    fn places_without_keys(&mut self) -> Vec<String> {
        let mut places = Vec::new();
        let Some(veil) = &mut self.veil else { return places };
        for (capture, frames) in &self.frames {
            let Some((place, ..)) = self.captures.get(capture) else { continue };
            if !places.contains(place) && frames.iter().any(|frame| veil.lacks(frame)) {
                places.push(place.clone());
            }
        }
        places
    }

    fn write_frames(&mut self) {
        for (capture, mut frames) in std::mem::take(&mut self.frames) {
            let Some((place, device, filter)) = self.captures.get(&capture).cloned() else { continue };
            if let Some(veil) = &mut self.veil {
                for frame in &mut frames {
                    veil.frame(frame);
                }
            }
            let frames = frames.iter().map(FrameEntry::from).collect();
            self.add(Entry::Frames { place, device, filter, frames });
        }
    }

    fn caught(&mut self, capture: CaptureId, frames: &[Frame]) {
        if !frames.is_empty() {
            self.frames.push((capture, frames.to_vec()));
        }
    }
}

impl Lab for Recorder {
    fn kind(&self) -> LabKind {
        self.lab.kind()
    }

    fn places(&mut self) -> Result<Vec<Place>, Trouble> {
        let places = self.lab.places()?;
        let entries: Vec<PlaceEntry> = places.iter().map(PlaceEntry::from).collect();
        let mut notes = self.notes.0.borrow_mut();
        if notes.is_news("", "places", &format!("{entries:?}")) {
            notes.add(Entry::Places { places: entries });
        }
        Ok(places)
    }

    fn facts(&mut self) -> Result<BTreeMap<String, String>, Trouble> {
        let facts = self.lab.facts()?;
        let mut notes = self.notes.0.borrow_mut();
        let veiled = facts.iter().map(|(name, value)| (name.clone(), notes.words(value))).collect();
        if notes.is_news("", "facts", &veiled) {
            notes.add(Entry::Facts { facts: veiled });
        }
        Ok(facts)
    }

    fn start(&mut self, place: &str, line: &str, terminal: Option<TerminalSize>) -> Result<JobId, Trouble> {
        let job = self.lab.start(place, line, terminal)?;
        self.started(job, place, line, false);
        Ok(job)
    }

    fn break_quietly(&mut self, place: &str, line: &str) -> Result<JobId, Trouble> {
        let job = self.lab.break_quietly(place, line)?;
        self.started(job, place, line, true);
        Ok(job)
    }

    fn ask(&mut self, place: &str, line: &str) -> Result<JobId, Trouble> {
        let job = self.lab.ask(place, line)?;
        let question = Some((place.to_owned(), line.to_owned()));
        self.notes.0.borrow_mut().jobs.insert(job, Running { question, held: Vec::new() });
        Ok(job)
    }

    fn asks_first(&mut self, place: &str, line: &str) -> Result<bool, Trouble> {
        self.lab.asks_first(place, line)
    }

    fn permit(&mut self, line: &str, permit: Permit) {
        self.lab.permit(line, permit);
    }

    fn mark(&mut self, name: &str) {
        self.turn_page();
        self.note(Entry::Mark { name: name.to_owned() });
        self.lab.mark(name);
    }

    fn poll(&mut self, job: JobId, wait: Duration) -> Result<JobEvent, Trouble> {
        let event = self.lab.poll(job, wait)?;
        if matches!(event, JobEvent::Exited(_)) {
            let shows_sealed = self.notes.0.borrow_mut().shows_sealed(Some(job));
            if shows_sealed {
                self.learn_keys_of_all();
            }
            self.notes.0.borrow_mut().learn_frames();
        }
        self.notes.0.borrow_mut().heard(job, &event);
        Ok(event)
    }

    fn send(&mut self, job: JobId, input: Input) -> Result<(), Trouble> {
        let is_line = self.notes.0.borrow().jobs.get(&job).is_some_and(|job| job.question.is_none());
        if is_line && matches!(input, Input::Interrupt | Input::Terminate | Input::Octets(_)) {
            self.turn_page();
            let mut notes = self.notes.0.borrow_mut();
            let entry = match &input {
                Input::Octets(octets) => Entry::Typed { job: job.0, text: notes.text(octets.clone()) },
                _ => Entry::Stopped { job: job.0 },
            };
            notes.add(entry);
        }
        self.lab.send(job, input)
    }

    fn typing(&mut self, job: JobId) -> Typing {
        self.lab.typing(job)
    }

    fn unread(&mut self, job: JobId) -> Vec<u8> {
        self.lab.unread(job)
    }

    fn hurry(&mut self, hurried: bool) {
        self.lab.hurry(hurried);
    }

    fn capture(&mut self, place: &str, device: &str, filter: &str) -> Result<CaptureId, Trouble> {
        let capture = self.lab.capture(place, device, filter)?;
        let of = (place.to_owned(), device.to_owned(), filter.to_owned());
        self.notes.0.borrow_mut().captures.insert(capture, of);
        Ok(capture)
    }

    fn frames(&mut self, capture: CaptureId, wait: Duration) -> Result<Vec<Frame>, Trouble> {
        let frames = self.lab.frames(capture, wait)?;
        self.notes.0.borrow_mut().caught(capture, &frames);
        Ok(frames)
    }

    fn dropped(&mut self, capture: CaptureId) -> Option<u64> {
        self.lab.dropped(capture)
    }

    fn stop_capture(&mut self, capture: CaptureId) -> Result<CaptureEnd, Trouble> {
        let end = self.lab.stop_capture(capture)?;
        self.notes.0.borrow_mut().caught(capture, &end.frames);
        Ok(end)
    }

    fn read_file(&mut self, place: &str, path: &str) -> Result<Vec<u8>, Trouble> {
        let content = self.lab.read_file(place, path)?;
        // The states that open a capture are listed before it is read, or now.
        if self.notes.0.borrow().veil.is_some()
            && let Some(answer) = self.listed(place)
        {
            self.notes.0.borrow_mut().answered(place, STATES, answer);
        }
        let mut notes = self.notes.0.borrow_mut();
        let veiled = match &mut notes.veil {
            Some(veil) => veil.file(content.clone()),
            None => content.clone(),
        };
        if notes.is_news(place, &format!("file {path}"), &veiled) {
            notes.add(Entry::File { place: place.to_owned(), path: path.to_owned(), content: Octets(veiled) });
        }
        Ok(content)
    }

    fn trace(&mut self, from: &str, to: Ipv4Addr, size: u16) -> Result<Trace, Trouble> {
        self.lab.trace(from, to, size)
    }

    fn save(&mut self, name: &str) -> Result<(), Trouble> {
        self.turn_page();
        self.lab.save(name)?;
        self.note(Entry::Saved { name: name.to_owned() });
        Ok(())
    }

    fn restore(&mut self, name: &str) -> Result<(), Trouble> {
        self.turn_page();
        self.lab.restore(name)?;
        let mut notes = self.notes.0.borrow_mut();
        notes.add(Entry::Restored { name: name.to_owned() });
        notes.said.clear();
        Ok(())
    }
}

/// A secret that nobody knows, from the randomness that the standard library draws from the operating system for its hash
/// tables: 128 bits.
fn drawn() -> Secret {
    let mut digest = Sha256::new();
    let random = RandomState::new();
    for part in 0_u8..4 {
        digest.update(random.hash_one(part).to_le_bytes());
    }
    Secret::new(digest.finalize().to_vec())
}
