//! The courses in the binary: they lint clean, and each step proves itself on the simulated lab, in every language.

use esplain::course::{Book, Files, Gravity, Role, SetupLine, Step, Template, lint};
use esplain::lab::sim::Sim;
use esplain::replay::{Claim, Plan, Report, replay};
use esplain::words::Language;
use proptest::prelude::*;

const SEED: u64 = 7;

/// The courses in the binary.
fn shelf() -> Vec<Files> {
    Files::embedded_courses().map(files).collect()
}

fn files(course: &str) -> Files {
    Files::embedded(course).expect("the course is in the binary")
}

fn book(files: &Files) -> Book {
    Book::read(files).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn replayed(book: &Book, language: Language, step: Option<&str>) -> Report {
    let mut lab = if book.course.ready { Sim::ready(SEED) } else { Sim::new(SEED) };
    replay(Plan { book, language, step }, &mut lab).unwrap_or_else(|trouble| panic!("{trouble}"))
}

#[test]
fn every_course_in_the_binary_lints_clean() {
    for id in Files::embedded_courses() {
        let files = Files::embedded(id).expect("it was listed");
        let told: Vec<String> = lint(&files).iter().map(|fault| fault.render(id, &files, false)).collect();
        assert!(told.is_empty(), "{}", told.join("\n\n"));
    }
}

#[test]
fn every_step_proves_itself_in_english() {
    for files in shelf() {
        let report = replayed(&book(&files), Language::En, None);
        assert!(report.failures() == 0, "{}", report.text());
    }
}

#[test]
fn every_step_proves_itself_in_chinese() {
    for files in shelf() {
        let report = replayed(&book(&files), Language::Zh, None);
        assert!(report.failures() == 0, "{}", report.text());
    }
}

/// Every step of every course.
fn steps() -> Vec<(Files, Step)> {
    let of = |files: Files| {
        let steps: Vec<Step> = book(&files).course.steps().cloned().collect();
        steps.into_iter().map(move |step| (files.clone(), step))
    };
    shelf().into_iter().flat_map(of).collect()
}

/// The solution of each step in turn does nothing: that step alone is red, and for that reason.
#[test]
fn a_step_whose_solution_is_broken_is_found() {
    for (files, step) in steps().into_iter().filter(|(_, step)| !step.checks.is_empty()) {
        let mut broken = book(&files);
        for other in broken.course.parts.iter_mut().flat_map(|part| &mut part.steps) {
            if other.id == step.id {
                other.solution = vec![Template::new("true")];
            }
        }
        let report = replayed(&broken, Language::En, Some(&step.id));
        let proof = report.proofs.last().expect("the step was proven");
        let solution = proof.findings.iter().find(|finding| finding.claim == Claim::Solution);
        assert!(solution.is_some_and(|finding| finding.failure.is_some()), "{}", report.text());
    }
}

/// Each check of each step in turn asks for what never happens.
#[test]
fn a_step_whose_check_is_broken_is_found() {
    for (files, step) in steps() {
        for check in &step.checks {
            let mut broken = book(&files);
            for other in broken.course.parts.iter_mut().flat_map(|part| &mut part.steps) {
                if other.id == step.id {
                    for other in other.checks.iter_mut().filter(|other| other.id == check.id) {
                        other.output.push(Template::new("this is never printed"));
                    }
                }
            }
            let report = replayed(&broken, Language::En, Some(&step.id));
            assert!(report.failures() > 0, "{}: {}", step.id, check.id);
        }
    }
}

/// The setup of each step in turn is left out: what the step is about is not there, and it is red. One that cannot run is
/// found, too.
#[test]
fn a_step_whose_setup_is_broken_is_found() {
    let with_setup = steps().into_iter().filter(|(_, step)| !step.setup.is_empty());
    for (files, step) in with_setup {
        for run in [None, Some("false")] {
            let mut broken = book(&files);
            for other in broken.course.parts.iter_mut().flat_map(|part| &mut part.steps) {
                if other.id == step.id {
                    let line = |run| SetupLine { at: Role::Worker, run: Template::new(run) };
                    other.setup = run.into_iter().map(line).collect();
                }
            }
            let report = replayed(&broken, Language::En, Some(&step.id));
            let proof = report.proofs.last().expect("the step was proven");
            let red = proof.findings.iter().filter(|finding| finding.failure.is_some());
            let claims: Vec<&Claim> = red.map(|finding| &finding.claim).collect();
            assert!(claims.contains(&&Claim::Solution), "{}: {claims:?}", step.id);
            assert_eq!(claims.contains(&&Claim::Setup), run.is_some(), "{}: {claims:?}", step.id);
        }
    }
}

/// Each hint, note, question and explanation in turn is taken out, in every language.
#[test]
fn words_that_are_missing_anywhere_are_found() {
    for files in shelf() {
        words_that_are_missing_are_found(&files);
    }
}

fn words_that_are_missing_are_found(files: &Files) {
    let pages: Vec<&str> = files.paths().filter(|path| path.contains('/') && !path.starts_with("steps/")).collect();
    assert!(pages.len() > 4, "{pages:?}");
    for page in pages {
        let text = files.text(page).expect("it was listed");
        let small = course_of_one_page(files, page);
        assert_eq!(lint(&small), [], "{page}");
        for heading in text.lines().filter(|line| line.starts_with("##")) {
            let mut broken = small.clone();
            broken.insert(page, without_section(text, heading));
            // A third hint may go; the others are needed.
            let spare = heading == "## hint" && text.lines().filter(|line| *line == "## hint").count() > 2;
            let red = lint(&broken).iter().any(|fault| fault.gravity == Gravity::Error);
            assert!(red || spare, "{page} is whole without `{heading}`");
        }
        let without: Files = small
            .paths()
            .filter(|path| *path != page)
            .map(|path| (path, small.text(path).unwrap_or_default()))
            .collect();
        assert!(!lint(&without).is_empty(), "the course is whole without {page}");
    }
}

/// A course of the one step that a page is about; the whole course for a `course.md`.
fn course_of_one_page(files: &Files, page: &str) -> Files {
    let (language, step) = page.strip_suffix(".md").and_then(|page| page.split_once('/')).expect("LANG/ID.md");
    if step == "course" {
        return files.clone();
    }
    let yaml = format!("steps/{step}.yaml");
    let plan = "format: 1\nid: small\nlabs: [sim]\n";
    let course = format!("{plan}languages: [{language}]\nparts: [{{ id: one, steps: [{step}] }}]\n");
    Files::from_iter([
        ("course.yaml", course.as_str()),
        (&format!("{language}/course.md"), "# Small\nSmall.\n## part one\nOne\n"),
        (&yaml, files.text(&yaml).unwrap_or_default()),
        (page, files.text(page).unwrap_or_default()),
    ])
}

/// A text without the first section of this heading, its subsections kept.
fn without_section(text: &str, heading: &str) -> String {
    let mut kept = String::new();
    let (mut inside, mut done) = (false, false);
    for line in text.lines() {
        if line.starts_with('#') {
            inside = !done && line == heading;
            done |= inside;
        }
        if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is cut out of a file or put into it: faults, and each can be shown.
    #[test]
    fn damaged_lessons_are_told_and_never_a_panic(
        page in prop::sample::select(vec!["course.yaml", "steps/states.yaml", "en/states.md", "en/course.md"]),
        at in any::<prop::sample::Index>(),
        cut in 0..60_usize,
        put in prop::sample::select(vec!["", ":", "- ", "{", "}", "\"", "'", "\t", "&a", "*a", "!x", "\0", "\u{feff}", "中", "# ", "## quiz ", "### wrong ", "{spy}", "\n"]),
    ) {
        let mut files = course_of_one_page(&files("cilium-ipsec"), "en/states.md");
        let text = files.text(page).unwrap_or_default().to_owned();
        let boundary = |near: usize| (near..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        let start = boundary(at.index(text.len() + 1));
        let end = boundary((start + cut).min(text.len()));
        files.insert(page, format!("{}{put}{}", &text[..start], &text[end..]));
        for fault in lint(&files) {
            prop_assert!(!fault.render("small", &files, true).is_empty());
            prop_assert!(!fault.to_string().is_empty());
        }
    }
}
