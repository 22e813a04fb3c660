use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::files::Files;

/// Something wrong in the files of a course, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Whether the course can be used in spite of it.
    pub gravity: Gravity,
    /// The file, as a path within the course's folder.
    pub file: String,
    /// Where in the file; `None` for the file as a whole, or for one that is missing.
    pub at: Option<Spot>,
    /// What is wrong, without a full stop.
    pub what: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// How grave a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gravity {
    /// A step cannot be read or cannot be done.
    Error,
    /// Something is missing or looks wrong.
    Warning,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The octets of the file that are meant.
    pub octets: Range<usize>,
}

impl Fault {
    /// A fault under which the course cannot be used.
    pub(super) fn error(file: impl Into<String>, at: Option<Spot>, what: impl Into<String>) -> Self {
        Self { gravity: Gravity::Error, file: file.into(), at, what: what.into(), help: None }
    }

    /// A fault under which it can.
    pub(super) fn warning(file: impl Into<String>, at: Option<Spot>, what: impl Into<String>) -> Self {
        Self { gravity: Gravity::Warning, ..Self::error(file, at, what) }
    }

    /// Adds what to do about it.
    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the nearest of the words that would have done, if one is near.
    #[must_use]
    pub(super) fn did_you_mean<'w>(self, word: &str, known: impl IntoIterator<Item = &'w str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match nearest(word, known.iter().copied()) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => self,
            None => self.help(format!("known here: {}", known.join(", "))),
        }
    }

    /// The fault with the lines of the file it is about and a caret below the place: `--> steps/states.yaml:14:7`.
    pub fn render(&self, folder: &str, files: &Files, color: bool) -> String {
        let level = match self.gravity {
            Gravity::Error => Level::ERROR,
            Gravity::Warning => Level::WARNING,
        };
        let path = if folder.is_empty() { self.file.clone() } else { format!("{folder}/{}", self.file) };
        let mut group = match (&self.at, files.text(&self.file)) {
            (Some(spot), Some(source)) => level.primary_title(&*self.what).element(
                Snippet::source(source).path(&*path).annotation(AnnotationKind::Primary.span(spot.within(source))),
            ),
            _ => Group::with_title(level.primary_title(format!("{path}: {}", self.what))),
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(&**help));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

impl Spot {
    /// The place of an octet range in a file.
    pub(super) fn of(source: &str, octets: Range<usize>) -> Self {
        let before = source.get(..octets.start).unwrap_or(source);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |start| start.chars().count()) + 1;
        Self { line, column, octets }
    }

    /// The place of a line, from 1, without its indent.
    pub(super) fn of_line(source: &str, line: usize) -> Self {
        let start = source.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let text = source.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let indent = text.len() - text.trim_start().len();
        Self::of(source, start + indent..start + text.trim_end().len().max(indent))
    }

    /// The octets, kept within the file as it is now.
    fn within(&self, source: &str) -> Range<usize> {
        let fits = |at: usize| (0..=at.min(source.len())).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0);
        fits(self.octets.start)..fits(self.octets.end.max(self.octets.start))
    }
}

impl fmt::Display for Fault {
    /// `steps/states.yaml:14:7: unknown key `chekcs``: one line, for listings.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(spot) = &self.at {
            write!(f, ":{}:{}", spot.line, spot.column)?;
        }
        write!(f, ": {}", self.what)
    }
}

impl Ord for Fault {
    /// Errors first, then by file and place.
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |fault: &Self| {
            let at = fault.at.as_ref().map(|spot| (spot.line, spot.column));
            (fault.gravity, fault.file.clone(), at, fault.what.clone())
        };
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Fault {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The known word that a mistyped one was most likely meant to be.
fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let distance = |known: &str| strsim::damerau_levenshtein(word, known);
    let near = known.min_by_key(|known| distance(known))?;
    (distance(near) <= word.chars().count().div_ceil(3).max(1)).then_some(near)
}
