use std::collections::BTreeMap;

use include_dir::{Dir, DirEntry, include_dir};

static LESSONS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/lessons");

/// The text files of a course, by their paths within its folder, with `/` between folders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files(BTreeMap<String, String>);

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
        self.0.insert(path.into(), text.into());
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// The paths of all files, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn collect(&mut self, folder: &Dir<'_>, course: &str) {
        for entry in folder.entries() {
            match entry {
                DirEntry::Dir(inner) => self.collect(inner, course),
                DirEntry::File(file) => {
                    let path = file.path().strip_prefix(course).ok().and_then(|path| path.to_str());
                    if let (Some(path), Some(text)) = (path, file.contents_utf8()) {
                        self.insert(path.replace('\\', "/"), text);
                    }
                }
            }
        }
    }
}

impl<P: Into<String>, T: Into<String>> FromIterator<(P, T)> for Files {
    fn from_iter<I: IntoIterator<Item = (P, T)>>(files: I) -> Self {
        Self(files.into_iter().map(|(path, text)| (path.into(), text.into())).collect())
    }
}
