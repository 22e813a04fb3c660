use std::collections::{BTreeMap, BTreeSet};

use include_dir::{Dir, DirEntry, include_dir};

static LESSONS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/lessons");

/// The text files of a course, by their paths within its folder, with `/` between folders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files {
    texts: BTreeMap<String, String>,
    /// The paths of what is there and is no text: pictures.
    others: BTreeSet<String>,
}

impl Files {
    /// The ids of the courses in the binary.
    pub fn embedded_courses() -> impl Iterator<Item = &'static str> {
        LESSONS
            .dirs()
            .filter(|folder| folder.get_file(folder.path().join("course.yaml")).is_some())
            .filter_map(|folder| folder.path().to_str())
    }

    /// The files of a course in the binary.
    pub fn embedded(course: &str) -> Option<Self> {
        let folder = LESSONS.get_dir(course)?;
        let mut files = Self::default();
        files.collect(folder, course);
        Some(files)
    }

    /// Adds a file.
    pub fn insert(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.texts.insert(path.into(), text.into());
    }

    /// Notes that there is a file which is not read: a picture.
    pub fn note(&mut self, path: impl Into<String>) {
        self.others.insert(path.into());
    }

    /// Whether there is such a file, a text or not.
    pub fn holds(&self, path: &str) -> bool {
        self.texts.contains_key(path) || self.others.contains(path)
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// The paths of all files, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }

    fn collect(&mut self, folder: &Dir<'_>, course: &str) {
        for entry in folder.entries() {
            match entry {
                DirEntry::Dir(inner) => self.collect(inner, course),
                DirEntry::File(file) => {
                    let path = file.path().strip_prefix(course).ok().and_then(|path| path.to_str());
                    let Some(path) = path.map(|path| path.replace('\\', "/")) else { continue };
                    match file.contents_utf8().filter(|_| is_text(&path)) {
                        Some(text) => self.insert(path, text),
                        None => self.note(path),
                    }
                }
            }
        }
    }
}

impl<P: Into<String>, T: Into<String>> FromIterator<(P, T)> for Files {
    fn from_iter<I: IntoIterator<Item = (P, T)>>(files: I) -> Self {
        let texts = files.into_iter().map(|(path, text)| (path.into(), text.into())).collect();
        Self { texts, others: BTreeSet::new() }
    }
}

/// Whether a file of a course is one of those that are read.
fn is_text(path: &str) -> bool {
    matches!(path.rsplit_once('.'), Some((_, "yaml" | "md")))
}
