//! Courses: lessons, steps, checks, hints, quizzes, events; progress is a fold over events.
//!
//! Knows neither how a command is run nor how text is drawn.
