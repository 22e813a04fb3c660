use super::session::Session;
use crate::course::Book;

/// Looks whether the lesson at hand was changed since the last look.
pub type Changes = Box<dyn FnMut() -> Option<Changed>>;

/// What an author saved.
pub struct Changed {
    /// The files, as paths within the course's folder.
    pub files: Vec<String>,
    /// The course as it is now; `None` when it cannot be used, and goes on as it was.
    pub book: Option<Book>,
    /// What lint says about it; empty when nothing.
    pub faults: String,
}

impl Session {
    /// Goes on with the lesson as it is now. Lab, place and what was done stay.
    pub(super) fn take_up_changes(&mut self) {
        let Some(changed) = self.changes.as_mut().and_then(|look| look()) else { return };
        let usable = changed.book.is_some();
        if let Some(book) = changed.book {
            self.guide.exchange(book);
        }
        let id = if usable { "ui-reloaded" } else { "ui-not-reloaded" };
        self.console.raw("\n");
        self.tell(id, &[("files", changed.files.join(", ").into())]);
        self.console.raw(&changed.faults);
        if usable {
            self.show_step(true);
        }
    }
}
