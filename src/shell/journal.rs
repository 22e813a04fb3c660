use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::course::{Entry, EntryError};

/// The event log of one course on disk: a line of JSON an event, only ever added to.
///
/// A process may be killed at any octet: a torn last line is cut off when the log is next opened, and a line goes out in
/// one write. A log with a line that cannot be read is kept aside under another name, and what was readable goes on in a
/// new one. Two processes never write at once: the second one keeps its events in memory. Keys never come here: events
/// hold no output, and their lines are redacted.
pub struct Journal {
    file: Option<File>,
    /// Where the last whole line ends.
    end: u64,
    /// Events that could not be written yet.
    waiting: Vec<u8>,
    /// Shown every event that is added.
    pub(super) witness: Option<super::Witness>,
}

/// What opening a log found.
pub struct Opened {
    /// The log, ready to be added to.
    pub journal: Journal,
    /// The events so far.
    pub events: Vec<Entry>,
    /// What the learner should know.
    pub notice: Option<Notice>,
}

/// Something about a log that the learner should know.
#[derive(Debug)]
pub enum Notice {
    /// The log held a line that could not be read; the old file is kept here.
    KeptAside(PathBuf),
    /// A newer esplain wrote to it; this one leaves it alone.
    Newer(PathBuf),
    /// Another esplain has the log open.
    InUse(PathBuf),
    /// Nothing can be written there.
    Unwritable(PathBuf, io::Error),
}

impl Journal {
    /// Opens the log at `path`, making it and its folders if need be. Never fails: what cannot be kept is a [`Notice`].
    pub fn open(path: &Path) -> Opened {
        match Self::try_open(path) {
            Ok(opened) => opened,
            Err(error) => {
                // A log that can be read but not written still says where the learner was.
                let events = std::fs::read(path).map(|octets| parsed(&octets).events).unwrap_or_default();
                Opened { journal: Self::in_memory(), events, notice: Some(Notice::Unwritable(path.to_owned(), error)) }
            }
        }
    }

    /// The events of a log, without opening it for writing; lines that cannot be read are left out.
    pub fn read(path: &Path) -> io::Result<Vec<Entry>> {
        std::fs::read(path).map(|octets| parsed(&octets).events)
    }

    /// A log that keeps nothing.
    pub fn in_memory() -> Self {
        Self { file: None, end: 0, waiting: Vec::new(), witness: None }
    }

    fn try_open(path: &Path) -> io::Result<Opened> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = open_private(path)?;
        match file.try_lock() {
            // A file system without locks (some network homes) is no reason to lose progress.
            Ok(()) | Err(TryLockError::Error(_)) => {}
            Err(TryLockError::WouldBlock) => {
                let mut octets = Vec::new();
                file.read_to_end(&mut octets)?;
                return Ok(Opened {
                    journal: Self::in_memory(),
                    events: parsed(&octets).events,
                    notice: Some(Notice::InUse(path.to_owned())),
                });
            }
        }
        let mut octets = Vec::new();
        file.read_to_end(&mut octets)?;
        let parsed = parsed(&octets);
        if parsed.newer {
            let notice = Some(Notice::Newer(path.to_owned()));
            return Ok(Opened { journal: Self::in_memory(), events: parsed.events, notice });
        }
        let mut journal = Self { file: Some(file), ..Self::in_memory() };
        let mut notice = None;
        if parsed.damaged {
            let aside = free_name(path, "damaged");
            std::fs::copy(path, &aside)?;
            journal.rewrite(&parsed.events)?;
            notice = Some(Notice::KeptAside(aside));
        } else {
            journal.end = parsed.whole;
            journal.cut()?;
        }
        Ok(Opened { journal, events: parsed.events, notice })
    }

    /// Adds an event. On an error it stays in memory and goes out with the next one that can be written.
    pub fn add(&mut self, event: &Entry) -> io::Result<()> {
        if let Some(witness) = &mut self.witness {
            witness(event);
        }
        self.waiting.extend_from_slice(event.to_line().as_bytes());
        self.waiting.push(b'\n');
        let Some(file) = &mut self.file else {
            self.waiting.clear();
            return Ok(());
        };
        let written = file.seek(SeekFrom::Start(self.end)).and_then(|_| file.write_all(&self.waiting));
        match written {
            Ok(()) => {
                self.end += self.waiting.len() as u64;
                self.waiting.clear();
                Ok(())
            }
            Err(error) => {
                // Half a line may have arrived; if it cannot be cut off now, opening the log will do it.
                let _ = self.cut();
                Err(error)
            }
        }
    }

    /// Whether what is added goes to a file.
    pub fn is_kept(&self) -> bool {
        self.file.is_some()
    }

    /// Starts over, with a copy of the old log kept beside the new one.
    pub fn begin_anew(&mut self, path: Option<&Path>) {
        if let Some(path) = path.filter(|_| self.file.is_some()) {
            // Without room for a copy the old log goes: that is what was asked for.
            let _ = std::fs::copy(path, free_name(path, "before"));
        }
        // A log that cannot be cut is told about when the first event cannot be added.
        let _ = self.clear();
    }

    /// Empties the log.
    pub fn clear(&mut self) -> io::Result<()> {
        self.waiting.clear();
        self.end = 0;
        self.cut()
    }

    fn cut(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.set_len(self.end))
    }

    fn rewrite(&mut self, events: &[Entry]) -> io::Result<()> {
        self.clear()?;
        events.iter().try_for_each(|event| self.add(event))
    }
}

/// Opens for reading and writing, for this user alone.
fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// `events.jsonl` becomes `events.damaged-1.jsonl`, with the first number that is free.
fn free_name(path: &Path, what: &str) -> PathBuf {
    let mut number = 1;
    loop {
        let name = path.with_extension(format!("{what}-{number}.jsonl"));
        if !name.exists() {
            return name;
        }
        number += 1;
    }
}

struct Parsed {
    events: Vec<Entry>,
    /// Octets up to the end of the last whole line.
    whole: u64,
    /// Whether a whole line could not be read.
    damaged: bool,
    /// Whether a newer esplain wrote some of it.
    newer: bool,
}

fn parsed(octets: &[u8]) -> Parsed {
    let whole = octets.iter().rposition(|octet| *octet == b'\n').map_or(0, |at| at + 1);
    let mut parsed = Parsed { events: Vec::new(), whole: whole as u64, damaged: false, newer: false };
    for line in octets.get(..whole).unwrap_or_default().split(|octet| *octet == b'\n').filter(|line| !line.is_empty()) {
        match std::str::from_utf8(line).map(Entry::from_line) {
            Ok(Ok(event)) => parsed.events.push(event),
            Ok(Err(EntryError::Newer { .. })) => parsed.newer = true,
            Ok(Err(EntryError::Broken(_))) | Err(_) => parsed.damaged = true,
        }
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::Event;

    fn path() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/course/events.jsonl");
        (folder, path)
    }

    fn entry(line: &str) -> Entry {
        Entry::new(jiff::Timestamp::UNIX_EPOCH, Event::ran("states", "worker", line, Some(0)))
    }

    fn lines(entries: &[Entry]) -> Vec<String> {
        let line = |entry: &Entry| match &entry.event {
            Event::Ran { line, .. } => line.clone(),
            other => panic!("{other:?}"),
        };
        entries.iter().map(line).collect()
    }

    #[test]
    fn a_log_cut_at_any_octet_opens_with_every_whole_event() {
        let (_folder, path) = path();
        let mut journal = Journal::open(&path).journal;
        for line in ["one", "zwei", "三"] {
            journal.add(&entry(line)).unwrap();
        }
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let ends = String::from_utf8_lossy(&whole[..cut]).matches('\n').count();
            let mut opened = Journal::open(&path);
            assert_eq!(opened.events.len(), ends, "cut at {cut}");
            assert!(opened.notice.is_none());
            opened.journal.add(&entry("after")).unwrap();
            drop(opened);
            assert_eq!(lines(&Journal::open(&path).events).last().unwrap(), "after", "cut at {cut}");
        }
    }

    #[test]
    fn a_damaged_log_is_kept_aside_and_its_readable_events_go_on() {
        let (_folder, path) = path();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = format!("{}\n\0rubbish\n{}\n", entry("one").to_line(), entry("two").to_line());
        std::fs::write(&path, text).unwrap();
        let opened = Journal::open(&path);
        let Some(Notice::KeptAside(aside)) = opened.notice else { panic!("no notice") };
        assert_eq!(lines(&opened.events), ["one", "two"]);
        assert!(std::fs::read_to_string(aside).unwrap().contains("rubbish"));
        drop(opened.journal);
        let again = Journal::open(&path);
        assert!(again.notice.is_none());
        assert_eq!(lines(&again.events), ["one", "two"]);
    }

    #[test]
    fn a_log_of_a_newer_esplain_is_left_alone() {
        let (_folder, path) = path();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = format!("{}\n{{\"v\":99,\"event\":\"dreamt\"}}\n", entry("one").to_line());
        std::fs::write(&path, &text).unwrap();
        let mut opened = Journal::open(&path);
        assert!(matches!(opened.notice, Some(Notice::Newer(_))));
        opened.journal.add(&entry("two")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn a_second_process_reads_the_log_and_writes_nothing() {
        let (_folder, path) = path();
        let mut first = Journal::open(&path).journal;
        first.add(&entry("one")).unwrap();
        let mut second = Journal::open(&path);
        assert!(matches!(second.notice, Some(Notice::InUse(_))));
        assert_eq!(lines(&second.events), ["one"]);
        second.journal.add(&entry("two")).unwrap();
        drop(second);
        first.add(&entry("three")).unwrap();
        drop(first);
        assert_eq!(lines(&Journal::open(&path).events), ["one", "three"]);
    }

    #[test]
    fn a_home_that_cannot_be_written_is_told_and_survived() {
        let (folder, _) = path();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let mut opened = Journal::open(&file.join("state/events.jsonl"));
        assert!(matches!(opened.notice, Some(Notice::Unwritable(..))));
        opened.journal.add(&entry("one")).unwrap();
    }
}
