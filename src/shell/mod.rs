//! The guided shell: line editing, `:` commands, jobs, the live packet feed.

mod capture_file;
mod compare;
mod complete;
mod consent;
mod feed;
mod foreground;
mod guide;
mod input;
mod jobs;
mod journal;
mod lesson;
mod live;
mod meta;
mod observe;
mod reload;
mod said;
mod screen;
mod session;
mod terminal;

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use self::complete::Vocabulary;
use self::feed::Feed;
use self::guide::Guide;
use self::input::{Editing, Input};
use self::jobs::Jobs;
pub use self::journal::{Journal, Notice, Opened};
pub use self::reload::{Changed, Changes};
use self::session::{Session, Watch};
use self::terminal::{Kept, Signals};
use crate::course::{Book, Entry};
use crate::lab::Lab;
use crate::render::Console;
use crate::trouble::{Exit, Trouble};
use crate::words::{Language, Said, Words};

/// Everything a sitting needs.
pub struct Setup {
    /// Where lines run.
    pub lab: Box<dyn Lab>,
    /// The course and its words.
    pub book: Book,
    /// The language to speak.
    pub language: Language,
    /// The screen.
    pub console: Console,
    /// The step to begin at, which the course has; `None` takes the walk up where it was left.
    pub step: Option<String>,
    /// Forgets earlier progress; the old record is kept beside the new one.
    pub fresh: bool,
    /// vi's editing keys instead of emacs's.
    pub vi: bool,
    /// The folder for progress and history; `None` keeps nothing.
    pub state: Option<PathBuf>,
    /// Asked at the prompt for what an author saved meanwhile.
    pub changes: Option<Changes>,
    /// What is watched for them, as it is named to the author.
    pub watching: Option<String>,
    /// Shown every event of the sitting.
    pub witness: Option<Witness>,
}

/// Somebody who is shown every event of a sitting.
pub type Witness = Box<dyn FnMut(&Entry)>;

/// Sits down with a learner, until they leave.
pub fn run(setup: Setup) -> Result<Exit, Trouble> {
    let _kept = Kept::now();
    let signals = Signals::caught();
    let log = setup.state.as_ref().map(|folder| log_of(folder, &setup.book.course.id));
    let Opened { mut journal, mut events, notice } = match &log {
        Some(path) => Journal::open(path),
        None => Opened { journal: Journal::in_memory(), events: Vec::new(), notice: None },
    };
    journal.witness = setup.witness;
    if setup.fresh && !events.is_empty() {
        events.clear();
        journal.begin_anew(log.as_deref());
    }
    let editing = Editing {
        vi: setup.vi,
        colour: setup.console.look().colour,
        history: setup.state.as_ref().map(|folder| folder.join("history")),
    };
    let vocabulary = Arc::new(Mutex::new(Vocabulary::default()));
    let mut session = Session {
        lab: setup.lab,
        console: setup.console,
        words: Words::new(setup.language),
        guide: Guide::new(setup.book, journal, events, setup.step.as_deref()),
        jobs: Jobs::default(),
        place: "machine".to_owned(),
        last: None,
        last_output: String::new(),
        prepared: BTreeSet::new(),
        input: Input::standard(editing, Arc::clone(&vocabulary)),
        signals,
        vocabulary,
        queue: VecDeque::new(),
        begun: String::new(),
        feed: Feed::new(),
        watching: Watch::AfterLines,
        unseen: 1,
        told_dropped: None,
        last_packets: 1,
        changes: setup.changes,
    };
    if let Some(notice) = notice {
        tell_notice(&mut session, &notice);
    }
    if let Some(folder) = setup.watching {
        session.tell("ui-watching-files", &[("folder", folder.into())]);
        session.console.raw("\n");
    }
    session.run();
    match session.console.broken() {
        // A reader that went away (`| head`) has had enough; anything else is worth a word.
        Some(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Trouble::unusable(Said::of("trouble-stdout", &[]))
                .because(error)
                .hint(Said::of("trouble-progress-kept", &[])))
        }
        Some(_) | None => Ok(Exit::Done),
    }
}

/// The event log of a course under the folder for progress.
pub fn log_of(state: &Path, course: &str) -> PathBuf {
    state.join(course).join("events.jsonl")
}

fn tell_notice(session: &mut Session, notice: &Notice) {
    let path = |path: &PathBuf| ("path", path.display().to_string().into());
    match notice {
        Notice::KeptAside(aside) => session.tell("ui-kept-aside", &[path(aside)]),
        Notice::Newer(log) => session.tell("ui-newer", &[path(log)]),
        Notice::InUse(log) => session.tell("ui-in-use", &[path(log)]),
        Notice::Unwritable(log, why) => session.tell("ui-unwritable", &[path(log), ("why", why.to_string().into())]),
    }
    session.console.raw("\n");
}
