//! What is wrong with a course beyond what stops it from being read: missing words, short hint ladders, unreachable
//! files, addresses and keys of one cluster, links that lead nowhere, lines too wide for a terminal. Each fault has its
//! place: what is missing is missed at the heading it belongs below.

use std::ops::Range;
use std::sync::LazyLock;

use pulldown_cmark::{Event, Options, Parser, Tag};
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
use super::yaml;
use crate::xfrm::hide_keys;

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
                if let Some(text) = book.text(language).and_then(|text| text.steps.get(&step.id)) {
                    let source = files.text(&file).unwrap_or_default();
                    step_words(step, text, &mut Page { file: &file, source, faults: &mut faults });
                } else {
                    let what = format!("the step `{}` has no words in `{language}`: {file} is missing", step.id);
                    faults.push(Fault::error("course.yaml", spot_of_step(files, &step.id), what));
                }
            }
        }
    }
    for path in files.paths() {
        let source = files.text(path).unwrap_or_default();
        if path.contains('/') && matches!(path.rsplit_once('.'), Some((_, "md"))) {
            markdown(path, source, &mut faults);
            links(path, source, files, &mut faults);
        }
        if matches!(path.rsplit_once('.'), Some((_, "md" | "yaml"))) {
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
        let beginning = || Some(Spot::of_line(files.text(path).unwrap_or_default(), 1));
        if let Some(id) = step_of_path(path) {
            // A step with faults is not in the course, and yet not out of reach.
            let named = source
                .lines()
                .any(|line| line.split(|c: char| !(c.is_alphanumeric() || c == '-')).any(|word| word == id));
            if course.step(id).is_none() && !named {
                let fault = Fault::error(path, beginning(), format!("no part of course.yaml names the step `{id}`"));
                faults.push(fault.help("add it to a part, or remove the file"));
            }
        } else if let Some((language, page)) = path.strip_suffix(".md").and_then(|path| path.split_once('/')) {
            if !course.languages.iter().any(|known| known == language) {
                let fault = Fault::error(path, beginning(), format!("`{language}` is none of the course's languages"));
                faults.push(fault.did_you_mean(language, course.languages.iter().map(String::as_str)));
            } else if page != "course"
                && course.step(page).is_none()
                && files.text(&format!("steps/{page}.yaml")).is_none()
            {
                let fault = Fault::error(path, beginning(), format!("there is no step `{page}`"));
                faults.push(fault.did_you_mean(page, course.steps().map(|step| step.id.as_str())));
            }
        }
    }
}

/// A Markdown file, and what is wrong with it.
struct Page<'a> {
    file: &'a str,
    source: &'a str,
    faults: &'a mut Vec<Fault>,
}

impl Page<'_> {
    /// The place of a heading; of the one it belongs below, if it is not there; or of the title.
    fn place(&self, heading: &str, below: &str) -> Spot {
        let line = |wanted: &str| {
            let wanted: Vec<&str> = wanted.split_whitespace().collect();
            let found = |line: &str| !wanted.is_empty() && line.split_whitespace().eq(wanted.iter().copied());
            self.source.lines().position(found)
        };
        let at = line(heading).or_else(|| line(below)).unwrap_or(0);
        Spot::of_line(self.source, at + 1)
    }

    /// A fault when the text below a heading is not there.
    fn need(&mut self, text: &str, heading: &str, below: &str, what: &str) {
        if text.trim().is_empty() {
            let at = self.place(heading, below);
            self.faults.push(Fault::error(self.file, Some(at), format!("{what} is missing")));
        }
    }

    /// A fault for each heading with an id that the logic does not know.
    fn unknown<'k>(
        &mut self,
        heading: &str,
        keys: impl Iterator<Item = &'k String>,
        known: impl Iterator<Item = &'k str>,
    ) {
        let known: Vec<&str> = known.collect();
        for key in keys.filter(|key| !known.contains(&key.as_str())) {
            let at = self.place(&format!("{heading} {key}"), "");
            let word = heading.trim_start_matches(['#', ' ']);
            let fault = Fault::error(self.file, Some(at), format!("`{word} {key}`: the YAML file has no such id"));
            self.faults.push(fault.did_you_mean(key, known.iter().copied()));
        }
    }
}

fn course_words(book: &Book, language: &str, files: &Files, faults: &mut Vec<Fault>) {
    let file = format!("{language}/course.md");
    let Some(source) = files.text(&file) else {
        let what = format!("the course has no words in `{language}`: {file} is missing");
        faults.push(Fault::error("course.yaml", spot_of_language(files, language), what));
        return;
    };
    let Some(text) = book.text(language) else { return };
    let mut page = Page { file: &file, source, faults };
    page.need(&text.title, "", "", "the title, `# …`");
    page.need(&text.blurb, "", "", "some sentences below the title");
    for part in &book.course.parts {
        let title = text.parts.get(&part.id).map_or("", String::as_str);
        let heading = format!("## part {}", part.id);
        page.need(title, &heading, "", &format!("`{heading}`"));
    }
    for id in text.parts.keys().filter(|id| book.course.parts.iter().all(|part| part.id != **id)) {
        let at = page.place(&format!("## part {id}"), "");
        let fault = Fault::error(&file, Some(at), format!("`## part {id}`: there is no such part"));
        page.faults.push(fault.did_you_mean(id, book.course.parts.iter().map(|part| part.id.as_str())));
    }
}

fn step_words(step: &Step, text: &StepText, page: &mut Page<'_>) {
    page.need(&text.title, "", "", "the title, `# …`");
    for (said, heading) in [(&text.why, "## why"), (&text.seen, "## seen"), (&text.task, "## task")] {
        page.need(said, heading, "", &format!("`{heading}`"));
    }
    if !step.checks.is_empty() {
        page.need(&text.solution, "## solution", "", "`## solution`");
        if text.hints.len() < 2 {
            let what = format!("{} of at least 2 hints before the solution", text.hints.len());
            let fault = Fault::error(page.file, Some(page.place("## hint", "## solution")), what);
            page.faults.push(fault.help("add `## hint` sections, from vague to precise"));
        }
    }
    for (at, hint) in text.hints.iter().enumerate() {
        page.need(hint, "## hint", "", &format!("the text of hint {}", at + 1));
    }
    if step.checks.len() > 1 {
        for check in &step.checks {
            let said = text.checks.get(&check.id).map_or("", String::as_str);
            let heading = format!("## check {}", check.id);
            page.need(said, &heading, "## task", &format!("`{heading}`"));
        }
    }
    page.unknown("## check", text.checks.keys(), step.checks.iter().map(|check| check.id.as_str()));
    for annotation in &step.annotations {
        let note = text.notes.get(&annotation.id).map_or("", String::as_str);
        let heading = format!("## note {}", annotation.id);
        page.need(note, &heading, "## seen", &format!("`{heading}`"));
    }
    page.unknown("## note", text.notes.keys(), step.annotations.iter().map(|note| note.id.as_str()));
    for question in &step.quiz {
        match text.quiz.get(&question.id) {
            Some(words) => question_words(question, words, page),
            None => page.need("", "", "", &format!("`## quiz {}`", question.id)),
        }
    }
    page.unknown("## quiz", text.quiz.keys(), step.quiz.iter().map(|question| question.id.as_str()));
}

fn question_words(question: &Question, text: &QuestionText, page: &mut Page<'_>) {
    let id = &question.id;
    let quiz = format!("## quiz {id}");
    page.need(&text.question, &quiz, "", &format!("the question below `{quiz}`"));
    for option in question.options() {
        let words = text.options.get(option);
        let heading = format!("### choice {option}");
        page.need(words.map_or("", |words| &words.text), &quiz, "", &format!("`{heading}` of `{id}`"));
        let explained = words.map_or("", |words| &words.explanation);
        page.need(explained, &quiz, "", &format!("the explanation (`> …`) below `{heading}` of `{id}`"));
    }
    page.unknown("### choice", text.options.keys(), question.options().iter().map(String::as_str));
    if !matches!(question.kind, QuestionKind::Choice { .. } | QuestionKind::Choices { .. }) {
        page.need(&text.right, &quiz, "", &format!("`### right` of `{id}`"));
        page.need(&text.wrong_otherwise, &quiz, "", &format!("`### wrong` of `{id}`, for any other answer"));
    }
    let keys = question.wrong_keys();
    for key in &keys {
        let explained = text.wrong.get(*key).map_or("", String::as_str);
        page.need(explained, &quiz, "", &format!("`### wrong {key}` of `{id}`"));
    }
    page.unknown("### wrong", text.wrong.keys(), keys.into_iter());
}

/// Where course.yaml lists a step.
fn spot_of_step(files: &Files, step: &str) -> Option<Spot> {
    let source = files.text("course.yaml")?;
    let course: yaml::Course = yaml::read("course.yaml", source).ok()?;
    let listed = course.parts.iter().flat_map(|part| &part.steps).find(|listed| listed.value == step)?;
    yaml::spot(source, listed)
}

/// Where course.yaml lists a language.
fn spot_of_language(files: &Files, language: &str) -> Option<Spot> {
    let source = files.text("course.yaml")?;
    let course: yaml::Course = yaml::read("course.yaml", source).ok()?;
    yaml::spot(source, course.languages.iter().find(|listed| listed.value == language)?)
}

/// The fault of an annotation that finds no line in what the solution prints; of the solution, for `None`, when it does not
/// do the step. That is known only once the solution ran: `got` says what came.
pub fn dead_annotation(files: &Files, step: &str, annotation: Option<&str>, got: &str) -> Fault {
    let file = format!("steps/{step}.yaml");
    let source = files.text(&file).unwrap_or_default();
    let read: Option<yaml::Step> = yaml::read(&file, source).ok();
    let spot = read.and_then(|read| match annotation {
        Some(id) => {
            let found = read.annotations.iter().find(|annotation| annotation.id.value == id)?;
            yaml::spot(source, &found.line)
        }
        None => yaml::spot(source, read.solution.first()?),
    });
    let what = match annotation {
        Some(id) => format!("the annotation `{id}` finds no line in what the solution prints"),
        None => "the solution does not do the step".to_owned(),
    };
    Fault::error(file, spot, what).help(got.to_owned())
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
        let fence = ["```", "~~~"].iter().any(|mark| line.trim_start().starts_with(mark));
        fenced ^= fence;
        let cannot_wrap = (fenced && !fence) || line.trim_start().starts_with('|');
        // Chinese breaks between any two signs; a long word of letters does not.
        let word = line.split_whitespace().find(|word| word.is_ascii() && word.len() > WIDTH && !fenced);
        if let Some(word) = word.filter(|_| !cannot_wrap) {
            let what = format!("a word of {} columns cannot wrap", word.len());
            let fault = Fault::warning(path, Some(Spot::of_line(source, at + 1)), what);
            faults.push(fault.help(format!("keep words within {WIDTH} columns")));
        }
        if cannot_wrap && line.width() > WIDTH {
            let what = format!("this line cannot wrap and is {} columns wide", line.width());
            let fault = Fault::warning(path, Some(Spot::of_line(source, at + 1)), what);
            faults.push(fault.help(format!("keep code and tables within {WIDTH} columns")));
        }
    }
}

/// Links and images that lead nowhere. What is on the web is not asked, only whether it could be there.
fn links(path: &str, source: &str, files: &Files, faults: &mut Vec<Fault>) {
    static WEB: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^https?://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?([/?#]\S*)?$")
            .expect("the pattern is a regular expression")
    });
    for (event, octets) in Parser::new_ext(source, Options::ENABLE_TABLES).into_offset_iter() {
        let (noun, target) = match event {
            Event::Start(Tag::Link { dest_url, .. }) => ("link", dest_url),
            Event::Start(Tag::Image { dest_url, .. }) => ("image", dest_url),
            _ => continue,
        };
        let mut fault = |what: String| faults.push(Fault::error(path, Some(Spot::of(source, octets.clone())), what));
        // What the lab fills in is not known here.
        if target.contains('{') {
            continue;
        }
        if let Some((scheme, rest)) = target.split_once(':') {
            let possible = match scheme {
                "http" | "https" => WEB.is_match(&target),
                "mailto" => rest.contains('@'),
                _ => false,
            };
            if !possible {
                fault(format!("the {noun} `{target}` leads nowhere"));
            }
            continue;
        }
        let (file, anchor) = target.split_once('#').map_or((&*target, None), |(file, anchor)| (file, Some(anchor)));
        let Some(file) = resolved(path, file) else {
            fault(format!("the {noun} `{target}` leads out of the course's folder"));
            continue;
        };
        if !files.holds(&file) {
            fault(format!("the {noun} `{target}` leads to {file}, which is not there"));
            continue;
        }
        if let Some(anchor) = anchor.filter(|_| file.rsplit_once('.').is_some_and(|(_, ending)| ending == "md")) {
            let mut headings = files.text(&file).unwrap_or_default().lines().filter(|line| line.starts_with('#'));
            if !headings.any(|heading| slug(heading) == anchor) {
                fault(format!("{file} has no heading `#{anchor}`"));
            }
        }
    }
}

/// The path that a link from `page` leads to, within the course's folder; `None` when it leads out of it. An empty link is
/// one to the page itself.
fn resolved(page: &str, link: &str) -> Option<String> {
    if link.is_empty() {
        return Some(page.to_owned());
    }
    let mut path: Vec<&str> = page.split('/').collect();
    path.pop();
    if link.starts_with('/') {
        return None;
    }
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                path.pop()?;
            }
            name => path.push(name),
        }
    }
    Some(path.join("/"))
}

/// The anchor that forges make of a heading.
fn slug(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

/// Addresses and keys of one cluster, which are another's on the next.
fn fixed_values(path: &str, source: &str, faults: &mut Vec<Fault>) {
    static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\b(?:10|172|192)\\?\.\d{1,3}\\?\.\d{1,3}\\?\.\d{1,3}\b")
            .expect("the pattern is a regular expression")
    });
    // 16 octets or more: in one piece, in words of four, octet by octet; or base64 of any length that could be a secret's.
    static KEY: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?x) \b(?:0x)?[0-9a-fA-F]{32,}\b
            | \b(?:0x)?[0-9a-fA-F]{8}(?:[\ _:][0-9a-fA-F]{8}){3,}\b
            | \b[0-9a-fA-F]{2}(?:[\ :][0-9a-fA-F]{2}){15,}\b
            | [A-Za-z0-9+/]{40,}={0,2}",
        )
        .expect("the pattern is a regular expression")
    });
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
    // The plan in course.yaml is where a course's own values stand.
    for address in ADDRESS.find_iter(source).filter(|_| path != "course.yaml") {
        found(address.range(), "the address", "write a variable: `{pod_b_ip}`, `{cilium_host_b}`, …");
    }
    let is_digest =
        |key: &regex::Match<'_>| source.get(..key.start()).is_some_and(|before| before.ends_with("sha256:"));
    let is_hex = |text: &str| {
        text.trim_start_matches("0x").bytes().all(|octet| octet.is_ascii_hexdigit() || b" _:".contains(&octet))
    };
    let is_key = |key: &regex::Match<'_>| is_hex(key.as_str()) || hide_keys(key.as_str()) != key.as_str();
    for key in KEY.find_iter(source).filter(|key| is_key(key) && !is_digest(key)) {
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
    #[expect(clippy::too_many_lines, reason = "a table, a fault a row")]
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
            (
                "steps/look.yaml",
                "solution:",
                "place: worker2\nsolution:",
                "steps/look.yaml:5:1: the key `place` stands here a second time",
            ),
            (
                "steps/look.yaml",
                "  - ip x s",
                "\t- ip x s",
                "steps/look.yaml:6:2: tabs disallowed within this context (block indentation)",
            ),
            ("course.yaml", "[look]", "[look, leap]", "course.yaml:7:19: there is no file steps/leap.yaml"),
            (
                "course.yaml",
                "format: 1",
                "format: 2",
                "course.yaml:1:9: format 2 is not read here; this esplain reads 1",
            ),
            (
                "course.yaml",
                "languages: [en]",
                "languages: [en, zh]",
                "course.yaml:7:13: the step `look` has no words in `zh`: zh/look.md is missing",
            ),
            ("course.yaml", "parts:", "parts: [", "course.yaml:"),
            ("en/course.md", "## part one\nOne", "", "en/course.md:1:1: `## part one` is missing"),
            ("en/look.md", "## hint\na\n", "", "en/look.md:6:1: 1 of at least 2 hints before the solution"),
            ("en/look.md", "## why\nBecause.\n", "", "en/look.md:1:1: `## why` is missing"),
            ("en/look.md", "## note spi\nSPI.\n", "", "en/look.md:12:1: `## note spi` is missing"),
            ("en/look.md", "## note spi", "## note sip", "en/look.md:14:1: `note sip`: the YAML file has no such id"),
            ("en/look.md", "### wrong two\nNo.\n", "", "en/look.md:16:1: `### wrong two` of `how-many` is missing"),
            (
                "en/look.md",
                "### wrong\nNo.\n",
                "",
                "en/look.md:16:1: `### wrong` of `how-many`, for any other answer is missing",
            ),
            ("en/look.md", "### right\nYes.\n", "", "en/look.md:16:1: `### right` of `how-many` is missing"),
            ("en/look.md", "Because.", "Because {spy}.", "en/look.md:3:9: there is no variable `{spy}`"),
            (
                "en/look.md",
                "Because.",
                "0123456789abcdef0123456789abcdef01234567",
                "en/look.md:3:1: the key `0123456789abcdef0123456789abcdef01234567` is that of one cluster",
            ),
            (
                "en/look.md",
                "Because.",
                "01234567 89abcdef 01234567 89abcdef 01234567",
                "en/look.md:3:1: the key `01234567 89abcdef 01234567 89abcdef 01234567` is that of one cluster",
            ),
            (
                "en/look.md",
                "Because.",
                "MyByZmM0MTA2KGdjbShhZXMpKSAwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3IDEyOA==",
                "en/look.md:3:1: the key `MyByZmM0",
            ),
            (
                "course.yaml",
                "parts:",
                "# 0x0\nplan: { pod_a: 0123456789abcdef0123456789abcdef }\nparts:",
                "course.yaml:6:16: the key",
            ),
            (
                "en/look.md",
                "Because.",
                "[x](gone.md)",
                "en/look.md:3:1: the link `gone.md` leads to en/gone.md, which is not there",
            ),
            (
                "en/look.md",
                "Because.",
                "![x](../map.svg)",
                "en/look.md:3:1: the image `../map.svg` leads to map.svg, which is not there",
            ),
            (
                "en/look.md",
                "Because.",
                "[x](../../a.md)",
                "en/look.md:3:1: the link `../../a.md` leads out of the course's folder",
            ),
            (
                "en/look.md",
                "Because.",
                "[x](course.md#part-two)",
                "en/look.md:3:1: en/course.md has no heading `#part-two`",
            ),
            ("en/look.md", "Because.", "So [x](http://)", "en/look.md:3:4: the link `http://` leads nowhere"),
            ("en/look.md", "Because.", "[x](gopher://x)", "en/look.md:3:1: the link `gopher://x` leads nowhere"),
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
            "steps/leap.yaml:1:1: no part of course.yaml names the step `leap`",
            "en/lok.md:1:1: there is no step `lok`",
            "fr/look.md:1:1: `fr` is none of the course's languages",
        ] {
            assert!(found.iter().any(|found| found == fault), "{found:#?}");
        }
    }

    #[test]
    fn links_that_lead_somewhere_are_no_fault() {
        for link in [
            "course.md",
            "course.md#part-one",
            "#why",
            "../map.svg",
            "https://docs.cilium.io/en/v1.13/#a",
            "mailto:a@b.c",
            "http://{pod_b_ip}/",
        ] {
            let mut files = changed("en/look.md", "Because.", &format!("See [it]({link})."));
            files.note("map.svg");
            assert_eq!(said(&files), [""; 0], "{link}");
        }
        let digest = "ab".repeat(32);
        assert_eq!(said(&changed("en/look.md", "Because.", &format!("node@sha256:{digest}"))), [""; 0]);
    }

    #[test]
    fn an_annotation_that_finds_nothing_is_shown_where_it_is_written() {
        let fault = dead_annotation(&small(), "look", Some("spi"), "nothing");
        assert_eq!(
            fault.to_string(),
            "steps/look.yaml:8:22: the annotation `spi` finds no line in what the solution prints"
        );
        let fault = dead_annotation(&small(), "look", None, "nothing");
        assert_eq!(fault.to_string(), "steps/look.yaml:6:5: the solution does not do the step");
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
