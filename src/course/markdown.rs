//! The Markdown files of words: split at their headings, nothing more. What is between headings stays Markdown.

use super::fault::{Fault, Spot};
use super::text::{CourseText, OptionText, QuestionText, StepText};

/// A heading, and the text up to the next one.
struct Section<'a> {
    /// Number of `#`.
    level: usize,
    /// The heading's words.
    words: Vec<&'a str>,
    /// The heading as written, without its `#`.
    heading: &'a str,
    /// Line of the heading, from 1.
    line: usize,
    /// The text below it, without blank lines around it.
    body: String,
}

/// Reads the words of a step; a heading that means nothing is a fault.
pub(super) fn step(file: &str, source: &str, faults: &mut Vec<Fault>) -> StepText {
    const KNOWN: &[&str] = &["why", "task", "check", "hint", "solution", "seen", "note", "quiz"];
    let mut text = StepText::default();
    let mut question: Option<String> = None;
    let mut titled = false;
    for section in sections(source) {
        let fault = |what: String| Fault::error(file, Some(Spot::of_line(source, section.line)), what);
        let mut again = false;
        match (section.level, section.words.as_slice()) {
            (0, _) if section.body.is_empty() => {}
            (0, _) => faults.push(fault("a text begins with its title: `# …`".to_owned())),
            (1, _) => {
                again = titled;
                titled = true;
                section.heading.clone_into(&mut text.title);
                if !section.body.is_empty() {
                    faults.push(fault("between the title and the first `##` there is nothing".to_owned()));
                }
            }
            (2, ["why"]) => again = !put(&mut text.why, section.body),
            (2, ["task"]) => again = !put(&mut text.task, section.body),
            (2, ["hint"]) => text.hints.push(section.body),
            (2, ["solution"]) => again = !put(&mut text.solution, section.body),
            (2, ["seen"]) => again = !put(&mut text.seen, section.body),
            (2, ["check", id]) => again = text.checks.insert((*id).to_owned(), section.body).is_some(),
            (2, ["note", id]) => again = text.notes.insert((*id).to_owned(), section.body).is_some(),
            (2, ["quiz", id]) => {
                question = Some((*id).to_owned());
                let asked = QuestionText { question: section.body, ..QuestionText::default() };
                again = text.quiz.insert((*id).to_owned(), asked).is_some();
            }
            (2, words) => {
                let word = words.first().copied().unwrap_or_default();
                faults.push(
                    fault(format!("`## {}` is no section of a step", section.heading))
                        .did_you_mean(word, KNOWN.iter().copied()),
                );
            }
            (3, words) => match question.as_ref().and_then(|id| text.quiz.get_mut(id)) {
                Some(question) => again = !explanation(question, words, section.body, &fault, faults),
                None => faults.push(fault(format!("`### {}` belongs below a `## quiz`", section.heading))),
            },
            (_, _) => faults.push(fault("headings go from `#` to `###`".to_owned())),
        }
        if again {
            faults.push(Fault::error(
                file,
                Some(Spot::of_line(source, section.line)),
                format!("a second `{} {}`", "#".repeat(section.level), section.heading),
            ));
        }
    }
    text
}

/// Reads `course.md`.
pub(super) fn course(file: &str, source: &str, faults: &mut Vec<Fault>) -> CourseText {
    let mut text = CourseText::default();
    for section in sections(source) {
        match (section.level, section.words.as_slice()) {
            (0, _) if section.body.is_empty() => {}
            (1, _) => {
                section.heading.clone_into(&mut text.title);
                text.blurb = section.body;
            }
            (2, ["part", id]) => {
                text.parts.insert((*id).to_owned(), section.body);
            }
            _ => faults.push(Fault::error(
                file,
                Some(Spot::of_line(source, section.line)),
                "here stand the title (`# …`) and the parts' titles (`## part ID`)".to_owned(),
            )),
        }
    }
    text
}

/// Takes in a `###` section of a question; false when it was there already.
fn explanation(
    question: &mut QuestionText,
    words: &[&str],
    body: String,
    fault: &impl Fn(String) -> Fault,
    faults: &mut Vec<Fault>,
) -> bool {
    match words {
        ["choice", key] => {
            let (text, explanation) = option(&body);
            question.options.insert((*key).to_owned(), OptionText { text, explanation }).is_none()
        }
        ["right"] => put(&mut question.right, body),
        ["wrong"] => put(&mut question.wrong_otherwise, body),
        ["wrong", key] => question.wrong.insert((*key).to_owned(), body).is_none(),
        _ => {
            let word = words.first().copied().unwrap_or_default();
            let what = format!("`### {}` is no part of a question", words.join(" "));
            faults.push(fault(what).did_you_mean(word, ["choice", "right", "wrong"]));
            true
        }
    }
}

/// The text of an option, and behind `>` its explanation.
fn option(body: &str) -> (String, String) {
    let (mut text, mut explanation) = (Vec::new(), Vec::new());
    for line in body.lines() {
        match line.strip_prefix('>') {
            Some(said) => explanation.push(said.strip_prefix(' ').unwrap_or(said)),
            None => text.push(line),
        }
    }
    (text.join("\n").trim().to_owned(), explanation.join("\n").trim().to_owned())
}

/// Sets a text that should not be set yet; false when it was.
fn put(place: &mut String, text: String) -> bool {
    let first = place.is_empty();
    *place = text;
    first
}

fn sections(source: &str) -> Vec<Section<'_>> {
    let mut found = vec![Section { level: 0, words: Vec::new(), heading: "", line: 1, body: String::new() }];
    let mut fence: Option<&str> = None;
    for (at, line) in source.lines().enumerate() {
        let trimmed = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            _ => {}
        }
        let level = line.bytes().take_while(|octet| *octet == b'#').count();
        match line.get(level..).and_then(|rest| rest.strip_prefix(' ')) {
            Some(heading) if level > 0 && fence.is_none() => {
                let heading = heading.trim();
                found.push(Section {
                    level,
                    words: heading.split_whitespace().collect(),
                    heading,
                    line: at + 1,
                    body: String::new(),
                });
            }
            _ => {
                if let Some(section) = found.last_mut() {
                    section.body.push_str(line);
                    section.body.push('\n');
                }
            }
        }
    }
    for section in &mut found {
        section.body = section.body.trim().to_owned();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str = "\
# States
## why
Because.

```
# not a heading
```
## task
Do.
## hint
one
## hint
two
## quiz who
Who?
### choice kernel
The kernel
> Yes,
> it does.
### wrong
No.
";

    #[test]
    fn the_words_of_a_step_are_split_at_their_headings() {
        let mut faults = Vec::new();
        let text = step("en/states.md", WORDS, &mut faults);
        assert_eq!(faults, []);
        assert_eq!(text.title, "States");
        assert_eq!(text.why, "Because.\n\n```\n# not a heading\n```");
        assert_eq!(text.hints, ["one", "two"]);
        let question = &text.quiz["who"];
        assert_eq!(question.question, "Who?");
        assert_eq!(question.options["kernel"].text, "The kernel");
        assert_eq!(question.options["kernel"].explanation, "Yes,\nit does.");
        assert_eq!(question.wrong_otherwise, "No.");
    }

    #[test]
    fn a_heading_that_means_nothing_is_named_with_its_line() {
        let mut faults = Vec::new();
        step("en/states.md", "# States\n## wyh\nBecause.\n### right\n", &mut faults);
        let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "en/states.md:2:1: `## wyh` is no section of a step",
                "en/states.md:4:1: `### right` belongs below a `## quiz`"
            ]
        );
        assert_eq!(faults[0].help.as_deref(), Some("did you mean `why`?"));
    }
}
