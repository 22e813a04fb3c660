//! Courses: lessons, steps, checks, hints, quizzes, events; progress is a fold over events.
//!
//! Knows neither how a command is run nor how text is drawn. `lessons/FORMAT.md` is the format that authors write.

mod book;
mod check;
mod convert;
mod count;
#[expect(clippy::module_inception, reason = "a course is the noun of its file and of the room")]
mod course;
mod edit;
mod event;
mod fault;
mod files;
mod items;
mod judge;
mod lint;
mod markdown;
mod miss;
mod observation;
mod progress;
mod quiz;
mod role;
mod schema;
mod seen;
mod shows;
mod step;
mod template;
mod text;
mod yaml;

pub use book::Book;
pub use check::{CaptureFile, Captured, Check, GuideCheck, Holds, Probe, WantedStatus};
pub use convert::GUIDE_COMMANDS;
pub use count::Count;
pub use course::{Course, Part};
pub use edit::{with_language, with_step};
pub use event::{Entry, EntryError, Event, How, StepRef, VERSION, without_keys};
pub use fault::{Fault, Gravity, Spot};
pub use files::Files;
pub use judge::{Near, StepVerdict, Verdict};
pub use lint::{dead_annotation, lint};
pub use miss::{Miss, PacketCount};
pub use observation::{GuideRun, Observation, Outcome, Ran, World};
pub use progress::{Progress, QuestionProgress, Score, StepProgress};
pub use quiz::{Answered, Answers, Judgement, Question, QuestionKind, Unclear, Values, WrongText};
pub use role::{Role, UnknownRole};
pub use schema::{FileKind, schema};
pub use seen::{Direction, Opening, PacketPattern, Seen, SeenEsp};
pub use shows::{ItemKind, ItemPattern, Items, Shows};
pub use step::{Annotation, SetupLine, Step};
pub use template::{Facts, FillError, Template, VARIABLES, complete};
pub use text::{CourseText, OptionText, QuestionText, StepText};
