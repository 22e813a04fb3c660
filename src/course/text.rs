use std::collections::BTreeMap;

/// The words of a course in one language: its `course.md`, and a [`StepText`] for each step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CourseText {
    /// The course's title.
    pub title: String,
    /// What it is about, Markdown.
    pub blurb: String,
    /// The parts' titles, by id.
    pub parts: BTreeMap<String, String>,
    /// The steps' words, by id.
    pub steps: BTreeMap<String, StepText>,
}

/// The words of one step in one language. Each is Markdown with variables; show it through [`super::Template::show`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StepText {
    /// The title, plain text.
    pub title: String,
    /// Why the learner does this.
    pub why: String,
    /// What to do.
    pub task: String,
    /// What each check wants, one line, by id.
    pub checks: BTreeMap<String, String>,
    /// The hints, from vague to precise.
    pub hints: Vec<String>,
    /// What the solution does.
    pub solution: String,
    /// What has been seen.
    pub seen: String,
    /// What annotated lines mean, by id.
    pub notes: BTreeMap<String, String>,
    /// The questions, by id.
    pub quiz: BTreeMap<String, QuestionText>,
}

/// The words of one question.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuestionText {
    /// The question itself.
    pub question: String,
    /// The options, by key.
    pub options: BTreeMap<String, OptionText>,
    /// Why the right answer is right.
    pub right: String,
    /// Why a wrong answer is wrong, by key.
    pub wrong: BTreeMap<String, String>,
    /// Why any other wrong answer is wrong.
    pub wrong_otherwise: String,
}

/// The words of one option.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OptionText {
    /// What the learner reads before picking.
    pub text: String,
    /// What is said after it was picked.
    pub explanation: String,
}
