use super::prove::{Plan, Prover, tail};
use crate::course::Book;
use crate::lab::Lab;
use crate::trouble::Trouble;
use crate::words::Language;
use crate::xfrm::hide_keys;

/// Something in a step that comes to nothing when its solution runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dead {
    /// The step.
    pub step: String,
    /// The annotation whose pattern fits no line; `None` when the solution itself does not do the step.
    pub annotation: Option<String>,
    /// What was printed instead, or why the solution does not do; without keys.
    pub got: String,
}

/// Runs each solution once, on a fresh lab, and gives the annotations that find no line in what it prints. Ends at a step
/// that its solution does not do, since what follows stands on it.
///
/// # Errors
/// When the lab itself gives out.
pub fn dead_annotations(book: &Book, lab: &mut dyn Lab) -> Result<Vec<Dead>, Trouble> {
    let mut dead = Vec::new();
    let mut prover = Prover::new(lab, Plan { book, language: Language::default(), from: None, step: None });
    for step in book.course.steps() {
        let walked = prover.pass(step)?;
        if let Some(failure) = walked.failure(step, &step.solution) {
            dead.push(Dead { step: step.id.clone(), annotation: None, got: failure.without_keys().got });
            break;
        }
        let facts = prover.runner.facts()?;
        for annotation in &step.annotations {
            if !annotation.line.pattern(&facts).is_ok_and(|line| line.is_match(&walked.output)) {
                let annotation = Some(annotation.id.clone());
                let got = hide_keys(&tail(&walked.output)).into_owned();
                dead.push(Dead { step: step.id.clone(), annotation, got });
            }
        }
    }
    prover.runner.tidy_up()?;
    Ok(dead)
}
