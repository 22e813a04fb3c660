//! Lessons from elsewhere: what they would run is shown, and asked for, once for each version of their files.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::bookshelf::Found;
use super::learn;
use crate::course::{Book, Files};
use crate::lab::LabKind;
use crate::render::sanitised;
use crate::trouble::Trouble;
use crate::words::{FluentValue, Said, Words};

/// What a course is to be trusted with.
pub(super) struct Errand<'a> {
    /// The course, and where it comes from.
    pub(super) found: &'a Found,
    pub(super) book: &'a Book,
    /// The lab that its lines run on.
    pub(super) lab: LabKind,
    /// How far it goes.
    pub(super) extent: Extent,
    /// The call, which with ` --trust` behind it is a yes: `esplain replay ./folder --lab kernel`.
    pub(super) call: &'a str,
}

/// Which lines of a course are run without anybody's typing them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Setups, probes, and solutions of steps that are skipped.
    Walk,
    /// All there are: other ways and wrong ones, too.
    Proof,
}

/// Lets a course from a folder run on a lab after a yes: `given` with the call, or now, or earlier to the same files. A
/// course of the binary needs none.
///
/// # Errors
/// There is no yes: it was refused, or there is no terminal to ask on.
pub(super) fn ask(errand: &Errand<'_>, given: bool, words: &Words) -> Result<(), Trouble> {
    let &Errand { found, book, lab, extent, call } = errand;
    if given {
        grant(found);
        return Ok(());
    }
    let Some(folder) = &found.folder else { return Ok(()) };
    let known = learn::state_folder().map(|state| state.join("trusted"));
    let print = fingerprint(&found.files);
    if known.as_deref().is_some_and(|known| is_known(known, &print)) {
        return Ok(());
    }
    let say = |id: &str, args: &[(&str, FluentValue<'_>)]| words.say(id, args);
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Trouble::unusable(say("trust-cannot-ask", &[("folder", folder.display().to_string().into())]))
            .hint(say("trust-hint", &[("call", call.to_owned().into())])));
    }
    let head = match extent {
        Extent::Walk => "trust-head",
        Extent::Proof => "trust-head-proof",
    };
    let mut shown = say(head, &[("folder", folder.display().to_string().into())]);
    shown.push_str("\n\n");
    shown.push_str(&errands(book, extent));
    shown.push('\n');
    shown.push_str(&say(where_it_runs(lab), &[]));
    let mut screen = io::stderr().lock();
    let question = match extent {
        Extent::Walk => say("trust-question", &[]),
        Extent::Proof => say("trust-question-proof", &[]),
    };
    let unwritable = |error: io::Error| Trouble::unusable(Said::of("cli-not-asked", &[])).because(&error);
    write!(screen, "{shown}\n{question} [y/N] ").and_then(|()| screen.flush()).map_err(unwritable)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(unwritable)?;
    if !matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "是" | "好") {
        return Err(Trouble::unusable(say("trust-refused", &[])));
    }
    if let Some(known) = known {
        remember(&known, &print, folder);
    }
    Ok(())
}

/// Takes the files of a folder as trusted, as the call said.
fn grant(found: &Found) {
    if let (Some(folder), Some(state)) = (&found.folder, learn::state_folder()) {
        remember(&state.join("trusted"), &fingerprint(&found.files), folder);
    }
}

/// Every line that would be run without anybody's typing it: step, place, line.
fn errands(book: &Book, extent: Extent) -> String {
    let mut text = String::new();
    for step in book.course.steps() {
        let lines = match extent {
            Extent::Walk => step.errands(),
            Extent::Proof => step.errands_of_proof(),
        };
        for (at, (place, line)) in lines.into_iter().enumerate() {
            let id = if at == 0 { step.id.as_str() } else { "" };
            // A course's text may hold anything; the screen shows it harmlessly.
            let line = sanitised(line.as_written());
            let _ = writeln!(
                text,
                "  {id:<20} {:<13} {}",
                place.name(),
                line.replace('\n', "\n                                     ")
            );
        }
    }
    text
}

/// Where the lines run, in words: only a kind cluster has a `machine` that is the reader's own.
fn where_it_runs(lab: LabKind) -> &'static str {
    match lab {
        LabKind::Sim | LabKind::Recording => "trust-where-sim",
        LabKind::Kernel => "trust-where-kernel",
        LabKind::Kind => "trust-where-kind",
    }
}

/// Names the files of a course: SHA-256 over every path and text.
fn fingerprint(files: &Files) -> String {
    let mut digest = Sha256::new();
    for path in files.paths() {
        let text = files.text(path).unwrap_or_default();
        digest.update(format!("{path}\0{}\0", text.len()));
        digest.update(text);
    }
    digest.finalize().iter().fold(String::new(), |hex, octet| hex + &format!("{octet:02x}"))
}

/// A line a trusted version, as `sha256sum` writes them.
fn is_known(known: &Path, print: &str) -> bool {
    fs::read_to_string(known).is_ok_and(|text| text.lines().any(|line| line.split("  ").next() == Some(print)))
}

/// Writes the version down. Where that fails, the question comes again.
fn remember(known: &Path, print: &str, folder: &Path) {
    if is_known(known, print) {
        return;
    }
    if let Some(parent) = known.parent() {
        let _ = fs::create_dir_all(parent);
    }
    let folder: PathBuf = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let _ = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(known)
        .and_then(|mut file| writeln!(file, "{print}  {}", folder.display()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::Role;

    #[test]
    fn a_version_is_trusted_until_one_letter_of_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let known = folder.path().join("state/trusted");
        let first: Files = [("course.yaml", "id: a"), ("en/course.md", "# A")].into_iter().collect();
        let second: Files = [("course.yaml", "id: a"), ("en/course.md", "# B")].into_iter().collect();
        remember(&known, &fingerprint(&first), folder.path());
        remember(&known, &fingerprint(&first), folder.path());
        assert!(is_known(&known, &fingerprint(&first)) && !is_known(&known, &fingerprint(&second)));
        assert_eq!(fs::read_to_string(&known).unwrap().lines().count(), 1);
    }

    #[test]
    fn everything_that_would_run_is_shown_with_its_place() {
        let book = Book::read(&Files::embedded("cilium-ipsec").unwrap()).unwrap();
        let shown = errands(&book, Extent::Walk);
        assert!(shown.contains("states               worker        ip xfrm state\n"), "{shown}");
        let (lines, said) = (shown.lines().count(), book.course.steps().flat_map(|step| step.errands()).count());
        assert!(lines >= said && said > 20, "{lines} {said}");
        assert!(Role::ALL.iter().any(|role| shown.contains(role.name())));
        // `ip -s xfrm st ls` is a variant, `ip x p` a wrong way.
        let proof = errands(&book, Extent::Proof);
        assert!(proof.contains(" ip -s xfrm st ls\n") && !shown.contains(" ip -s xfrm st ls\n"), "{proof}");
        assert!(shown.lines().all(|line| proof.contains(line.trim())) && proof.contains(" ip x p\n"), "{proof}");
    }
}
