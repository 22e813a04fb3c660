//! What is wrong with a course beyond what stops it from being read: missing words, short hint ladders, unreachable
//! files, addresses of one cluster, lines too wide for a terminal.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use unicode_width::UnicodeWidthStr;

use super::Book;
use super::convert::step_of_path;
use super::fault::{Fault, Spot};
use super::files::Files;
use super::quiz::{Question, QuestionKind};
use super::step::Step;
use super::template::{Template, VARIABLES};
use super::text::{QuestionText, StepText};

/// The columns that lines which cannot wrap must fit into.
const WIDTH: usize = 80;

/// Finds every fault of a course, errors first. A course without any can be published.
pub fn lint(files: &Files) -> Vec<Fault> {
    let (book, mut faults) = Book::read_what_is_there(files);
    if let Some(book) = &book {
        strays(book, files, &mut faults);
        for language in &book.course.languages {
            course_words(book, language, files, &mut faults);
            for step in book.course.steps() {
                let file = format!("{language}/{}.md", step.id);
                match book.text(language).and_then(|text| text.steps.get(&step.id)) {
                    Some(text) => step_words(step, text, &file, &mut faults),
                    None => faults.push(Fault::error(file, None, format!("the step `{}` has no words here", step.id))),
                }
            }
        }
    }
    for path in files.paths() {
        let source = files.text(path).unwrap_or_default();
        if path.contains('/') && matches!(path.rsplit_once('.'), Some((_, "md"))) {
            markdown(path, source, &mut faults);
        }
        // The plan in course.yaml is where a course's own values stand.
        if path != "course.yaml" && matches!(path.rsplit_once('.'), Some((_, "md" | "yaml"))) {
            fixed_values(path, source, &mut faults);
        }
    }
    faults.sort();
    faults.dedup();
    faults
}

/// Files that no part of the course leads to.
fn strays(book: &Book, files: &Files, faults: &mut Vec<Fault>) {
    let course = &book.course;
    let source = files.text("course.yaml").unwrap_or_default();
    for path in files.paths() {
        if let Some(id) = step_of_path(path) {
            // A step with faults is not in the course, and yet not out of reach.
            let named = source
                .lines()
                .any(|line| line.split(|c: char| !(c.is_alphanumeric() || c == '-')).any(|word| word == id));
            if course.step(id).is_none() && !named {
                let fault = Fault::error(path, None, format!("no part of course.yaml names the step `{id}`"));
                faults.push(fault.help("add it to a part, or remove the file"));
            }
        } else if let Some((language, page)) = path.strip_suffix(".md").and_then(|path| path.split_once('/')) {
            if !course.languages.iter().any(|known| known == language) {
                let fault = Fault::error(path, None, format!("`{language}` is none of the course's languages"));
                faults.push(fault.did_you_mean(language, course.languages.iter().map(String::as_str)));
            } else if page != "course"
                && course.step(page).is_none()
                && files.text(&format!("steps/{page}.yaml")).is_none()
            {
                let fault = Fault::error(path, None, format!("there is no step `{page}`"));
                faults.push(fault.did_you_mean(page, course.steps().map(|step| step.id.as_str())));
            }
        }
    }
}

fn course_words(book: &Book, language: &str, files: &Files, faults: &mut Vec<Fault>) {
    let file = format!("{language}/course.md");
    if files.text(&file).is_none() {
        faults.push(Fault::error(file, None, "the course has no words here"));
        return;
    }
    let Some(text) = book.text(language) else { return };
    need(&text.title, &file, "the title, `# …`", faults);
    need(&text.blurb, &file, "some sentences below the title", faults);
    for part in &book.course.parts {
        let title = text.parts.get(&part.id).map_or("", String::as_str);
        need(title, &file, &format!("`## part {}`", part.id), faults);
    }
    for id in text.parts.keys().filter(|id| book.course.parts.iter().all(|part| part.id != **id)) {
        let fault = Fault::error(&file, None, format!("`## part {id}`: there is no such part"));
        faults.push(fault.did_you_mean(id, book.course.parts.iter().map(|part| part.id.as_str())));
    }
}

fn step_words(step: &Step, text: &StepText, file: &str, faults: &mut Vec<Fault>) {
    need(&text.title, file, "the title, `# …`", faults);
    need(&text.why, file, "`## why`", faults);
    need(&text.seen, file, "`## seen`", faults);
    need(&text.task, file, "`## task`", faults);
    if !step.checks.is_empty() {
        need(&text.solution, file, "`## solution`", faults);
        if text.hints.len() < 2 {
            let what = format!("{} of at least 2 hints before the solution", text.hints.len());
            faults.push(Fault::error(file, None, what).help("add `## hint` sections, from vague to precise"));
        }
    }
    for (at, hint) in text.hints.iter().enumerate() {
        need(hint, file, &format!("the text of hint {}", at + 1), faults);
    }
    if step.checks.len() > 1 {
        for check in &step.checks {
            let said = text.checks.get(&check.id).map_or("", String::as_str);
            need(said, file, &format!("`## check {}`", check.id), faults);
        }
    }
    unknown(file, "check", text.checks.keys(), step.checks.iter().map(|check| check.id.as_str()), faults);
    for annotation in &step.annotations {
        let note = text.notes.get(&annotation.id).map_or("", String::as_str);
        need(note, file, &format!("`## note {}`", annotation.id), faults);
    }
    unknown(file, "note", text.notes.keys(), step.annotations.iter().map(|note| note.id.as_str()), faults);
    for question in &step.quiz {
        match text.quiz.get(&question.id) {
            Some(words) => question_words(question, words, file, faults),
            None => need("", file, &format!("`## quiz {}`", question.id), faults),
        }
    }
    unknown(file, "quiz", text.quiz.keys(), step.quiz.iter().map(|question| question.id.as_str()), faults);
}

fn question_words(question: &Question, text: &QuestionText, file: &str, faults: &mut Vec<Fault>) {
    let id = &question.id;
    need(&text.question, file, &format!("the question below `## quiz {id}`"), faults);
    for option in question.options() {
        let words = text.options.get(option);
        need(words.map_or("", |words| &words.text), file, &format!("`### choice {option}` of `{id}`"), faults);
        let explained = words.map_or("", |words| &words.explanation);
        need(explained, file, &format!("the explanation (`> …`) below `### choice {option}` of `{id}`"), faults);
    }
    unknown(file, "choice", text.options.keys(), question.options().iter().map(String::as_str), faults);
    if !matches!(question.kind, QuestionKind::Choice { .. } | QuestionKind::Choices { .. }) {
        need(&text.right, file, &format!("`### right` of `{id}`"), faults);
        need(&text.wrong_otherwise, file, &format!("`### wrong` of `{id}`, for any other answer"), faults);
    }
    let keys = question.wrong_keys();
    for key in &keys {
        let explained = text.wrong.get(*key).map_or("", String::as_str);
        need(explained, file, &format!("`### wrong {key}` of `{id}`"), faults);
    }
    unknown(file, "wrong", text.wrong.keys(), keys.into_iter(), faults);
}

/// A fault when a text is not there.
fn need(text: &str, file: &str, what: &str, faults: &mut Vec<Fault>) {
    if text.trim().is_empty() {
        faults.push(Fault::error(file, None, format!("{what} is missing")));
    }
}

/// A fault for each key that the logic does not know.
fn unknown<'k>(
    file: &str,
    heading: &str,
    keys: impl Iterator<Item = &'k String>,
    known: impl Iterator<Item = &'k str>,
    faults: &mut Vec<Fault>,
) {
    let known: Vec<&str> = known.collect();
    for key in keys.filter(|key| !known.contains(&key.as_str())) {
        let fault = Fault::error(file, None, format!("`{heading} {key}`: the YAML file has no such id"));
        faults.push(fault.did_you_mean(key, known.iter().copied()));
    }
}

/// Variables that do not exist, and lines that cannot wrap and are too wide.
fn markdown(path: &str, source: &str, faults: &mut Vec<Fault>) {
    let text = Template::new(source);
    for name in text.variables().filter(|name| !VARIABLES.contains(name)) {
        let written = format!("{{{name}}}");
        let at = source.find(&written).map(|start| Spot::of(source, start..start + written.len()));
        let fault = Fault::error(path, at, format!("there is no variable `{written}`"));
        faults.push(fault.did_you_mean(name, VARIABLES.iter().copied()));
    }
    let mut fenced = false;
    for (at, line) in source.lines().enumerate() {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        let cannot_wrap = (fenced && !fence) || line.starts_with('|');
        if cannot_wrap && line.width() > WIDTH {
            let what = format!("this line cannot wrap and is {} columns wide", line.width());
            let fault = Fault::warning(path, Some(Spot::of_line(source, at + 1)), what);
            faults.push(fault.help(format!("keep code and tables within {WIDTH} columns")));
        }
    }
}

/// Addresses and keys of one cluster, which are another's on the next.
fn fixed_values(path: &str, source: &str, faults: &mut Vec<Fault>) {
    static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\b(?:10|172|192)\\?\.\d{1,3}\\?\.\d{1,3}\\?\.\d{1,3}\b")
            .expect("the pattern is a regular expression")
    });
    static KEY: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\b(?:0x)?[0-9a-fA-F]{32,}\b").expect("the pattern is a regular expression"));
    let mut found = |octets: Range<usize>, noun: &str, help: &str| {
        let line = source.get(..octets.start).and_then(|before| before.rsplit('\n').next()).unwrap_or_default();
        let comment =
            path.strip_suffix(".yaml").is_some() && (line.trim_start().starts_with('#') || line.contains(" #"));
        if !comment {
            let value = source.get(octets.clone()).unwrap_or_default();
            let what = format!("{noun} `{value}` is that of one cluster");
            faults.push(Fault::error(path, Some(Spot::of(source, octets)), what).help(help));
        }
    };
    for address in ADDRESS.find_iter(source) {
        found(address.range(), "the address", "write a variable: `{pod_b_ip}`, `{cilium_host_b}`, …");
    }
    for key in KEY.find_iter(source) {
        found(key.range(), "the key", "no key belongs into a lesson; `{wrong_key}` is for being wrong on purpose");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::Gravity;

    fn small() -> Files {
        Files::from_iter([
            (
                "course.yaml",
                "format: 1\nid: small\nlanguages: [en]\nlabs: [sim]\nparts:\n  - id: one\n    steps: [look]\n",
            ),
            (
                "steps/look.yaml",
                "id: look\nplace: worker\nchecks:\n  - output: 'x'\nsolution:\n  - ip x s\nannotations:\n  - { id: spi, line: spi }\nquiz:\n  - { id: how-many, kind: number, answer: 3, wrong: { two: 2 } }\n",
            ),
            ("en/course.md", "# Small\nA small course.\n## part one\nOne\n"),
            (
                "en/look.md",
                "# Look\n## why\nBecause.\n## task\nLook.\n## hint\na\n## hint\nb\n## solution\nThis.\n## seen\nThat.\n## note spi\nSPI.\n## quiz how-many\nHow many?\n### right\nYes.\n### wrong two\nNo.\n### wrong\nNo.\n",
            ),
        ])
    }

    fn changed(path: &str, from: &str, to: &str) -> Files {
        let mut files = small();
        let text = files.text(path).unwrap().to_owned();
        assert!(text.contains(from), "{path} has no {from:?}");
        files.insert(path, text.replacen(from, to, 1));
        files
    }

    fn said(files: &Files) -> Vec<String> {
        lint(files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_whole_course_has_no_fault() {
        assert_eq!(said(&small()), [""; 0]);
    }

    #[test]
    fn each_missing_or_stray_thing_is_a_fault() {
        for (path, from, to, fault) in [
            ("steps/look.yaml", "checks:", "chekcs:", "steps/look.yaml:3:1: unknown key `chekcs`"),
            ("steps/look.yaml", "place: worker", "place: worker3", "steps/look.yaml:2:8: there is no place `worker3`"),
            ("steps/look.yaml", "'x'", "'('", "steps/look.yaml:4:13: not a regular expression: unclosed group"),
            ("steps/look.yaml", "ip x s", "ping {pod_c_ip}", "steps/look.yaml:6:5: there is no variable `{pod_c_ip}`"),
            (
                "steps/look.yaml",
                "ip x s",
                "ping 10.0.1.165",
                "steps/look.yaml:6:10: the address `10.0.1.165` is that of one cluster",
            ),
            (
                "steps/look.yaml",
                "solution:\n  - ip x s\n",
                "",
                "steps/look.yaml:1:5: a step with checks needs a solution",
            ),
            (
                "steps/look.yaml",
                "checks:\n  - output: 'x'\n",
                "",
                "steps/look.yaml:4:5: a solution needs checks that it meets",
            ),
            (
                "steps/look.yaml",
                "kind: number",
                "kind: nunber",
                "steps/look.yaml:10:27: `nunber` is not one of the words for this",
            ),
            (
                "steps/look.yaml",
                "id: look",
                "id: loo k",
                "steps/look.yaml:1:5: the file is called look.yaml, so the id should be `look`",
            ),
            (
                "steps/look.yaml",
                "place: worker",
                "place: worker\nsetup: [{ at: machine, run: 'true' }]",
                "steps/look.yaml:3:15: a setup runs on nodes and in pods, not on the learner's machine",
            ),
            (
                "steps/look.yaml",
                "checks:\n  - output: 'x'\nsolution:\n  - ip x s\n",
                "setup: [{ at: worker, run: 'true' }]\n",
                "steps/look.yaml:3:28: a setup needs checks and a solution that takes back what it did",
            ),
            (
                "steps/look.yaml",
                "place: worker",
                "place: worker\nsetup: [{ at: worker, rum: 'true' }]",
                "steps/look.yaml:3:23: unknown key `rum`",
            ),
            ("course.yaml", "[look]", "[look, leap]", "course.yaml:7:19: there is no file steps/leap.yaml"),
            (
                "course.yaml",
                "format: 1",
                "format: 2",
                "course.yaml:1:9: format 2 is not read here; this esplain reads 1",
            ),
            ("course.yaml", "languages: [en]", "languages: [en, zh]", "zh/look.md: the step `look` has no words here"),
            ("course.yaml", "parts:", "parts: [", "course.yaml:"),
            ("en/course.md", "## part one\nOne", "", "en/course.md: `## part one` is missing"),
            ("en/look.md", "## hint\na\n", "", "en/look.md: 1 of at least 2 hints before the solution"),
            ("en/look.md", "## why\nBecause.\n", "", "en/look.md: `## why` is missing"),
            ("en/look.md", "## note spi\nSPI.\n", "", "en/look.md: `## note spi` is missing"),
            ("en/look.md", "## note spi", "## note sip", "en/look.md: `note sip`: the YAML file has no such id"),
            ("en/look.md", "### wrong two\nNo.\n", "", "en/look.md: `### wrong two` of `how-many` is missing"),
            (
                "en/look.md",
                "### wrong\nNo.\n",
                "",
                "en/look.md: `### wrong` of `how-many`, for any other answer is missing",
            ),
            ("en/look.md", "### right\nYes.\n", "", "en/look.md: `### right` of `how-many` is missing"),
            ("en/look.md", "Because.", "Because {spy}.", "en/look.md:3:9: there is no variable `{spy}`"),
            (
                "en/look.md",
                "Because.",
                "0123456789abcdef0123456789abcdef01234567",
                "en/look.md:3:1: the key `0123456789abcdef0123456789abcdef01234567` is that of one cluster",
            ),
        ] {
            let found = said(&changed(path, from, to));
            assert!(found.iter().any(|found| found.starts_with(fault)), "{from:?} -> {to:?}: {found:#?}");
        }
    }

    #[test]
    fn a_file_that_nothing_leads_to_is_a_fault() {
        let mut files = small();
        files.insert("steps/leap.yaml", "id: leap\nplace: worker\nquiz: []\n");
        files.insert("en/lok.md", "# Lok\n");
        files.insert("fr/look.md", "# Regarder\n");
        let found = said(&files);
        for fault in [
            "steps/leap.yaml: no part of course.yaml names the step `leap`",
            "en/lok.md: there is no step `lok`",
            "fr/look.md: `fr` is none of the course's languages",
        ] {
            assert!(found.iter().any(|found| found == fault), "{found:#?}");
        }
    }

    #[test]
    fn code_wider_than_a_terminal_is_a_warning_and_prose_is_not() {
        let wide = "中".repeat(41);
        let files = changed("en/look.md", "Because.", &format!("{wide}\n```\n{wide}\n```"));
        let found = lint(&files);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!((found[0].gravity, found[0].at.as_ref().map(|spot| spot.line)), (Gravity::Warning, Some(5)));
    }

    #[test]
    fn a_fault_is_shown_with_its_line_and_a_caret() {
        let files = changed("steps/look.yaml", "checks:", "chekcs:");
        let faults = lint(&files);
        let fault = faults.iter().find(|fault| fault.what.contains("chekcs")).unwrap();
        assert_eq!(
            fault.render("lessons/small", &files, false),
            "error: unknown key `chekcs`\n \
             --> lessons/small/steps/look.yaml:3:1\n  |\n3 | chekcs:\n  | ^^^^^^\n  |\n  = help: did you mean `checks`?"
        );
    }
}
