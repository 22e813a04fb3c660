//! Where courses come from: the binary, or folders.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::course::{Book, Fault, Files, Gravity};
use crate::trouble::{Trouble, nearest};
use crate::words::Said;

/// Names a folder of courses that are taken before those in the binary.
const FOLDER: &str = "ESPLAIN_LESSONS";

/// A course's files, and how to name the place they come from.
pub(super) struct Found {
    /// The course's name, or the folder's path as it was given.
    pub(super) label: String,
    /// The files.
    pub(super) files: Files,
    /// The folder that the call named. `None` for the binary and for `ESPLAIN_LESSONS`, which the reader set up.
    pub(super) folder: Option<PathBuf>,
}

impl Found {
    /// The folder or the name, as a call would say it.
    pub(super) fn place(&self) -> String {
        self.folder.as_ref().map_or_else(|| self.label.clone(), |folder| folder.display().to_string())
    }
}

/// The course that a word of a call means: a folder with a `course.yaml`, a folder or checkout with one course somewhere
/// in it, or the id of a course in `ESPLAIN_LESSONS` or in the binary.
pub(super) fn find(word: &str) -> Result<Found, Trouble> {
    let path = Path::new(word);
    if path.join("course.yaml").is_file() {
        return from_folder(path).map(|found| Found { folder: Some(path.to_owned()), ..found });
    }
    if path.is_dir() || word.contains(std::path::MAIN_SEPARATOR) || word.starts_with('.') {
        return only_course_in(path);
    }
    if let Some(folder) = lessons_folder().map(|folder| folder.join(word)).filter(|folder| folder.is_dir()) {
        return from_folder(&folder);
    }
    if let Some(files) = Files::embedded(word) {
        return Ok(Found { label: word.to_owned(), files, folder: None });
    }
    let trouble = Trouble::usage(Said::of("cli-no-course", &[("word", &word)]));
    let known = ids();
    Err(match nearest(word, known.iter().map(String::as_str)) {
        Some(near) => trouble.hint(Said::of("trouble-did-you-mean", &[("near", &near)])),
        None => trouble.hint(Said::of("cli-courses-lists", &[])),
    })
}

/// The course that a word means, ready to be walked.
pub(super) fn book(word: &str) -> Result<Book, Trouble> {
    open(&find(word)?)
}

/// The course that was found, ready to be walked.
pub(super) fn open(found: &Found) -> Result<Book, Trouble> {
    Book::read(&found.files).map_err(|faults| {
        let mut trouble = Trouble::unusable(Said::of("cli-course-unusable", &[("course", &found.label)]));
        trouble.causes.extend(faults.iter().filter(|fault| fault.gravity == Gravity::Error).map(Fault::to_string));
        trouble.hint(Said::of("cli-lint-shows", &[("course", &found.label)]))
    })
}

/// The ids of all courses that can be named: those of `ESPLAIN_LESSONS` and those in the binary.
pub(super) fn ids() -> Vec<String> {
    let mut ids: Vec<String> = Files::embedded_courses().map(str::to_owned).collect();
    let folder = lessons_folder().and_then(|folder| fs::read_dir(folder).ok());
    for entry in folder.into_iter().flatten().flatten() {
        if entry.path().join("course.yaml").is_file() {
            ids.extend(entry.file_name().to_str().map(str::to_owned));
        }
    }
    ids.sort();
    ids.dedup();
    ids
}

fn lessons_folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// The one course of a checkout: `FOLDER/COURSE`, or `FOLDER/lessons/COURSE`.
fn only_course_in(folder: &Path) -> Result<Found, Trouble> {
    let mut courses: Vec<PathBuf> = [folder.to_owned(), folder.join("lessons")]
        .iter()
        .filter_map(|shelf| fs::read_dir(shelf).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .filter(|path| path.join("course.yaml").is_file())
        .collect();
    courses.sort();
    match courses.as_slice() {
        [] => Err(Trouble::usage(Said::of("cli-no-course-in", &[("folder", &folder.display())]))
            .hint(Said::of("cli-author-begins", &[]))),
        [course] => from_folder(course).map(|found| Found { folder: Some(course.clone()), ..found }),
        several => {
            let names: Vec<String> = several.iter().map(|course| course.display().to_string()).collect();
            Err(Trouble::usage(Said::of(
                "cli-many-courses",
                &[("count", &several.len()), ("folder", &folder.display())],
            ))
            .hint(Said::of("cli-name-one", &[("names", &names.join(", "))])))
        }
    }
}

fn from_folder(folder: &Path) -> Result<Found, Trouble> {
    let files = read_folder(folder)?;
    Ok(Found { label: folder.display().to_string(), files, folder: None })
}

/// The texts of a course's folder, as they are now.
pub(super) fn read_folder(folder: &Path) -> Result<Files, Trouble> {
    let mut files = Files::default();
    collect(folder, "", &mut files).map_err(|(path, error)| {
        Trouble::unusable(Said::of("cli-lesson-unread", &[("path", &path.display())])).because(&error)
    })?;
    Ok(files)
}

/// Reads the texts of a folder, YAML and Markdown, and notes what else is there: two folders deep, hidden ones passed over.
fn collect(folder: &Path, below: &str, files: &mut Files) -> Result<(), (PathBuf, io::Error)> {
    let failed = |error| (folder.to_owned(), error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let Some(name) = path.file_name().and_then(OsStr::to_str).filter(|name| !name.starts_with('.')) else {
            continue;
        };
        if path.is_dir() {
            if below.is_empty() {
                collect(&path, &format!("{name}/"), files)?;
            }
        } else if matches!(path.extension().and_then(OsStr::to_str), Some("yaml" | "md")) {
            let text = fs::read_to_string(&path).map_err(|error| (path.clone(), error))?;
            files.insert(format!("{below}{name}"), text);
        } else {
            files.note(format!("{below}{name}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trouble::Exit;

    #[test]
    fn a_folder_is_read_as_the_binary_holds_it() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons/cilium-ipsec");
        let found = find(folder.to_str().unwrap()).unwrap();
        assert_eq!(found.files, Files::embedded("cilium-ipsec").unwrap());
    }

    #[test]
    fn a_word_that_means_no_course_is_answered_with_the_nearest() {
        let trouble = find("cilium-ipsek").err().unwrap();
        assert_eq!((trouble.exit, &*trouble.hints[0]), (Exit::Usage, "did you mean `cilium-ipsec`?"));
        assert!(find("./no-such-folder").err().unwrap().what.contains("no course.yaml"));
    }
}
