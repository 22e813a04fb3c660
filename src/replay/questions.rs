//! The words of a step, proven: whole, hints that open one a request, questions that take the right answers and refuse
//! the wrong ones with an explanation.

use super::report::{Claim, Failure};
use crate::course::{
    Answered, Event, Facts, Judgement, Progress, Question, QuestionKind, QuestionText, Seen, Step, StepRef, StepText,
    Template,
};

/// Answers a question in every way it foresees; gives the right answers, and whether each was taken for one.
pub(super) fn prove_question(
    question: &Question,
    words: &QuestionText,
    facts: &Facts,
    packets: &[Seen],
    note: &mut impl FnMut(Claim, Option<Failure>),
) -> Vec<(String, bool)> {
    let id = &question.id;
    let answers = match question.answers(facts, packets) {
        Ok(answers) => answers,
        Err(error) => {
            let failure = Failure { expected: "every value is known".to_owned(), got: error.to_string() };
            note(Claim::Right(id.clone()), Some(failure));
            return Vec::new();
        }
    };
    let is_choice = matches!(question.kind, QuestionKind::Choice { .. } | QuestionKind::Choices { .. });
    if answers.right.is_empty() {
        let got = format!("none of {} packets is one", packets.len());
        note(Claim::Right(id.clone()), Some(Failure { expected: "a right answer".to_owned(), got }));
    }
    let mut given = Vec::new();
    for text in &answers.right {
        let judgement = question.judge(Answered { text, facts, packets });
        let explained = match &judgement {
            Judgement::Right { picked } if is_choice => picked.iter().all(|key| explains(words, key, true)),
            Judgement::Right { .. } => !words.right.is_empty(),
            _ => false,
        };
        let failure =
            || Failure { expected: format!("{text:?} is right, with an explanation"), got: format!("{judgement:?}") };
        note(Claim::Right(id.clone()), (!explained).then(failure));
        given.push((text.clone(), matches!(judgement, Judgement::Right { .. })));
    }
    for (text, keys) in &answers.wrong {
        let judgement = question.judge(Answered { text, facts, packets });
        let expected = Judgement::Wrong { keys: keys.clone() };
        let explained = keys.iter().all(|key| explains(words, key, is_choice))
            && (!keys.is_empty() || !words.wrong_otherwise.is_empty());
        let got = if judgement == expected { "it has no explanation".to_owned() } else { format!("{judgement:?}") };
        let failure = || Failure { expected: format!("{expected:?}, each key explained"), got };
        note(Claim::Refused(id.clone(), text.clone()), (judgement != expected || !explained).then(failure));
    }
    given
}

/// Whether there is an explanation for a key.
fn explains(words: &QuestionText, key: &str, option: bool) -> bool {
    let text = if option { words.options.get(key).map(|option| &option.explanation) } else { words.wrong.get(key) };
    text.is_some_and(|text| !text.is_empty())
}

/// What is missing of a step's words once the world is as the step leaves it.
pub(super) fn words_failure(text: Option<&StepText>, facts: &Facts) -> Option<Failure> {
    let Some(text) = text else {
        return Some(Failure { expected: "words in this language".to_owned(), got: "none".to_owned() });
    };
    let sections = [&text.title, &text.why, &text.task, &text.solution, &text.seen];
    let quiz = text.quiz.values().flat_map(|question| {
        let options = question.options.values().flat_map(|option| [&option.text, &option.explanation]);
        [&question.question, &question.right, &question.wrong_otherwise]
            .into_iter()
            .chain(options)
            .chain(question.wrong.values())
    });
    let others = text.hints.iter().chain(text.notes.values()).chain(text.checks.values());
    let unknown = sections.into_iter().chain(others).chain(quiz).find_map(|section| {
        let template = Template::new(section.as_str());
        template.fill(facts).err()
    })?;
    Some(Failure { expected: "every variable has a value".to_owned(), got: unknown.to_string() })
}

/// Opens the hints one a request, as the learner does.
pub(super) fn hints_failure(step: &Step, text: &StepText) -> Option<Failure> {
    if step.checks.is_empty() {
        return None;
    }
    let here = StepRef { step: step.id.clone(), hash: step.hash.clone() };
    let mut progress = Progress::default();
    let ladder = text.hints.iter().chain([&text.solution]);
    let mut opened = 0;
    for said in ladder {
        let level = progress.step(&step.id).map_or(0, |step| step.hints) + 1;
        progress.take(&Event::Hinted { step: here.clone(), level });
        if said.trim().is_empty() || progress.step(&step.id).map(|step| step.hints) != Some(opened + 1) {
            break;
        }
        opened += 1;
    }
    let whole = opened == text.hints.len() + 1 && text.hints.len() >= 2;
    (!whole).then(|| Failure {
        expected: "at least two hints and then the solution".to_owned(),
        got: format!("{} hints, of which {opened} open", text.hints.len()),
    })
}
