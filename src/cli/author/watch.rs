use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::trust::{self, Errand, Extent};
use super::super::{bookshelf, learn};
use crate::course::{Book, Files, lint};
use crate::lab::LabKind;
use crate::render::Colour;
use crate::shell::{self, Changed};
use crate::trouble::{Exit, Trouble};
use crate::words::Words;

/// How often the files are looked at. They are read and compared, since notices of changes do not come from every file
/// system (those of Windows under WSL, network mounts); a course is a few dozen small files.
const LOOK: Duration = Duration::from_millis(400);

/// Walks through a course that follows its files. On a real lab the course is asked for as it is at the beginning: whoever
/// changes it while it is watched is its author.
pub(super) fn run(folder: &Path, options: learn::Options, trusted: bool, colour: Colour) -> Result<Exit, Trouble> {
    let found = bookshelf::find(&folder.display().to_string())?;
    let folder = found.folder.clone().unwrap_or_else(|| folder.to_owned());
    let asked_for = options.lab_kind();
    let ask = |lab: LabKind, book: &Book, words: &Words| {
        let call = format!("esplain author watch {} --lab {}", found.place(), lab.word());
        let errand = Errand { found: &found, book, lab, extent: Extent::Walk, call: &call };
        if lab.is_real() { trust::ask(&errand, trusted, words) } else { Ok(()) }
    };
    if let Some(lab) = asked_for {
        ask(lab, &bookshelf::open(&found)?, &Words::new(options.language()?))?;
    }
    let mut setup = learn::setup(&found, options, colour)?;
    if asked_for.is_none() {
        ask(setup.lab.kind(), &setup.book, &Words::new(setup.language))?;
    }
    // An author's walk is none of a learner's progress.
    setup.state = None;
    setup.watching = Some(folder.display().to_string());
    let colour = setup.console.look().colour;
    let mut watched = Watched { label: found.label, folder, files: found.files, looked: Instant::now(), colour };
    setup.changes = Some(Box::new(move || watched.look()));
    shell::run(setup)
}

/// A folder and what was in it at the last look.
struct Watched {
    label: String,
    folder: PathBuf,
    files: Files,
    looked: Instant,
    colour: bool,
}

impl Watched {
    fn look(&mut self) -> Option<Changed> {
        if self.looked.elapsed() < LOOK {
            return None;
        }
        self.looked = Instant::now();
        // A file may be gone for the moment in which an editor puts the new one in its place.
        let files = bookshelf::read_folder(&self.folder).ok()?;
        if files == self.files {
            return None;
        }
        let paths: std::collections::BTreeSet<&str> = files.paths().chain(self.files.paths()).collect();
        let changed = paths.into_iter().filter(|path| files.text(path) != self.files.text(path));
        let changed = changed.map(str::to_owned).collect();
        let faults: String =
            lint(&files).iter().map(|fault| fault.render(&self.label, &files, self.colour) + "\n").collect();
        let book = Book::read(&files).ok();
        self.files = files;
        Some(Changed { files: changed, book, faults })
    }
}
