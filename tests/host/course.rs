//! The courses in the binary: they lint clean, and each step proves itself on the simulated lab, in every language.

use std::collections::BTreeMap;
use std::time::Duration;

use esplain::course::{
    Book, Entry, Event, FileKind, Files, Gravity, Progress, Question, QuestionKind, Role, SetupLine, Step, Template,
    lint, schema,
};
use esplain::lab::sim::Sim;
use esplain::lab::{CaptureEnd, CaptureId, Input, JobEvent, JobId, Lab, LabKind, Place, TerminalSize};
use esplain::packet::Frame;
use esplain::profile::Profile;
use esplain::replay::{Claim, Keys, Plan, Report, cast, dead_annotations, junit, replay, tap, transcript};
use esplain::trouble::Trouble;
use esplain::words::Language;
use proptest::prelude::*;
use regex::Regex;
use serde_json::Value as Json;

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
    replay(Plan { book, language, from: None, step }, &mut lab)
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

#[test]
fn the_set_up_fits_todays_versions_as_well() {
    let mut book = book(&files("cilium-ipsec"));
    book.course.parts.retain(|part| ["set-up", "confirm"].contains(&part.id.as_str()));
    let mut sim = Sim::new(SEED);
    sim.set_profile(Profile::Current);
    let report = replay(Plan { book: &book, language: Language::En, from: None, step: None }, &mut sim);
    assert!(report.failures() == 0 && report.proofs.len() == 7, "{}", report.text());
    let typed = transcript(&report.scenes, Keys::Hidden);
    for word in
        ["--version 1.17.x", "--set routingMode=native", "'3+ rfc4106", "/control-plane:NoSchedule-", "debian.sources"]
    {
        assert!(typed.contains(word), "{word}: {typed}");
    }
    for word in ["rc5", "tunnel=", "/master"] {
        assert!(!typed.contains(word), "{word}: {typed}");
    }
}

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

/// Variants that do nothing, wrong ways that do it all, questions whose right answer is none of the answers to them: each of
/// every step is told.
#[test]
fn broken_variants_wrong_ways_and_questions_are_found() {
    let red = |proof: &esplain::replay::Proof, claim: &dyn Fn(&Claim) -> bool| {
        proof.findings.iter().any(|finding| finding.failure.is_some() && claim(&finding.claim))
    };
    for files in shelf() {
        let mut broken = book(&files);
        for step in broken.course.parts.iter_mut().flat_map(|part| &mut part.steps) {
            step.variants.iter_mut().for_each(|way| *way = vec![Template::new("true")]);
            step.wrong.iter_mut().for_each(|way| way.clone_from(&step.solution));
            step.quiz.iter_mut().for_each(|question| misjudge(&mut question.kind));
        }
        let report = replayed(&broken, Language::En, None);
        assert_eq!(report.proofs.len(), broken.course.steps().count());
        for (step, proof) in broken.course.steps().zip(&report.proofs) {
            for at in 1..=step.variants.len() {
                assert!(red(proof, &|claim| *claim == Claim::Variant(at)), "{}: variant {at}", step.id);
            }
            for at in 1..=step.wrong.len() {
                assert!(red(proof, &|claim| *claim == Claim::Wrong(at)), "{}: wrong way {at}", step.id);
            }
            for Question { id, .. } in &step.quiz {
                let of_it = |claim: &Claim| match claim {
                    Claim::Right(own) | Claim::Refused(own, _) => own == id,
                    _ => false,
                };
                assert!(red(proof, &of_it), "{}: question {id}", step.id);
            }
        }
    }
}

/// Makes a question take another answer for the right one than it should.
fn misjudge(kind: &mut QuestionKind) {
    match kind {
        QuestionKind::Choice { answer, .. } => "no-such-option".clone_into(answer),
        QuestionKind::Choices { answer, .. } => *answer = vec!["no-such-option".to_owned()],
        QuestionKind::Number(values) | QuestionKind::Address(values) | QuestionKind::Hex(values) => {
            // One of the wrong answers is the right one: it cannot be both.
            let (_, wrong) = values.wrong.first().expect("a question names a wrong answer");
            values.answer = wrong.clone();
        }
        QuestionKind::Text { answer, .. } => *answer = Template::new("no such answer"),
        QuestionKind::Packet { answer, .. } => answer.src = Some(Template::new("192.0.2.1")),
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
        let hints = text.lines().filter(|line| *line == "## hint").count();
        for (at, heading) in text.lines().enumerate().filter(|(_, line)| line.starts_with("##")) {
            for (broken_text, how) in
                [(without_section(text, at), "without"), (emptied_section(text, at), "with an empty")]
            {
                let mut broken = small.clone();
                broken.insert(page, broken_text);
                // A third hint may go; the others are needed.
                let spare = how == "without" && heading == "## hint" && hints > 2;
                let red = lint(&broken).iter().any(|fault| fault.gravity == Gravity::Error);
                assert!(red || spare, "{page} is whole {how} `{heading}` of line {}", at + 1);
            }
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

/// No annotation of any step fits a line any more.
#[test]
fn an_annotation_that_finds_nothing_is_found() {
    let key = Regex::new("[0-9a-fA-F]{32,}").expect("a regular expression");
    for files in shelf() {
        let mut broken = book(&files);
        let mut expected = Vec::new();
        for step in broken.course.parts.iter_mut().flat_map(|part| &mut part.steps) {
            for annotation in &mut step.annotations {
                annotation.line = Template::new("this is never printed");
                expected.push((step.id.clone(), Some(annotation.id.clone())));
            }
        }
        let found = |book: &Book| {
            let mut lab = if book.course.ready { Sim::ready(SEED) } else { Sim::new(SEED) };
            let dead = dead_annotations(book, &mut lab).unwrap_or_else(|trouble| panic!("{trouble}"));
            assert!(!dead.iter().any(|dead| key.is_match(&dead.got)), "a key is told: {dead:?}");
            dead.into_iter().map(|dead| (dead.step, dead.annotation)).collect::<Vec<_>>()
        };
        assert_eq!(found(&broken), expected);
        assert_eq!(found(&book(&files)), []);
    }
}

/// The files that editors check lessons with are made of the types that lessons are read into.
#[test]
fn the_published_schemas_are_those_of_the_types() {
    for (kind, name) in [(FileKind::Course, "course"), (FileKind::Step, "step")] {
        let path = format!("{}/lessons/schema/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        let made = schema(kind);
        let differing = published.lines().zip(made.lines()).position(|(is, should)| is != should).map(|at| at + 1);
        let write = format!("esplain lint --schema {name} > lessons/schema/{name}.schema.json");
        assert!(published == made, "line {differing:?} of {path} is not what `{write}` writes");
    }
}

#[test]
fn every_lesson_fits_its_schema_and_names_it() {
    let schemas = [FileKind::Course, FileKind::Step]
        .map(|kind| serde_json::from_str::<Json>(&schema(kind)).expect("a schema is JSON"));
    let yaml = |text: &str| serde_yaml::from_str::<Json>(text).unwrap_or_else(|error| panic!("{error}"));
    let mut named_by = 0;
    for files in shelf() {
        for path in files.paths().filter(|path| path.rsplit_once('.').is_some_and(|(_, ending)| ending == "yaml")) {
            let text = files.text(path).expect("it was listed");
            let (schema, named) = if path == "course.yaml" {
                (&schemas[0], "# yaml-language-server: $schema=../schema/course.schema.json")
            } else {
                (&schemas[1], "# yaml-language-server: $schema=../../schema/step.schema.json")
            };
            assert_eq!(misfit(schema, schema, &yaml(text)), None, "{path}");
            let first = text.lines().next().unwrap_or_default();
            assert!(first == named || !first.starts_with("# yaml-language-server"), "{path}: {first}");
            named_by += usize::from(first == named);
        }
    }
    assert!(named_by >= 25, "{named_by} lessons name their schema");
    for (text, why) in [
        ("id: a\nplace: worker9\n", "place: \"worker9\" is none of the words"),
        ("id: a\nplace: worker\nchekcs: []\n", "the key `chekcs`"),
        ("id: a\n", "`place` is missing"),
        ("id: A B\nplace: worker\n", "id: \"A B\" does not fit"),
        ("id: a\nplace: worker\nchecks: [{ shows: { rules: { like: [{ prio: 1 }] } } }]\n", "the key `prio`"),
        ("id: a\nplace: worker\nchecks: [{ shows: { states: { count: -1 } } }]\n", "count"),
        ("id: a\nplace: worker\nquiz: [{ id: b, kind: nunber, answer: 3 }]\n", "kind"),
    ] {
        let found = misfit(&schemas[1], &schemas[1], &yaml(text));
        assert!(found.as_ref().is_some_and(|found| found.contains(why)), "{text}: {found:?}");
    }
}

/// Why a value does not fit a schema: as much of JSON Schema as the published ones use; any other word in them is a panic.
fn misfit(root: &Json, schema: &Json, value: &Json) -> Option<String> {
    let words = schema.as_object().expect("a schema is an object");
    for (word, rule) in words {
        let found = match word.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" | "format" => None,
            "$ref" => {
                let path = rule.as_str().and_then(|path| path.strip_prefix('#')).expect("a reference into this file");
                misfit(root, root.pointer(path).expect("it leads somewhere"), value)
            }
            "type" => {
                let kinds = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                let is = |kind: &Json| match kind.as_str().expect("a type is a word") {
                    "string" => value.is_string(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "number" => value.is_number(),
                    "boolean" => value.is_boolean(),
                    "array" => value.is_array(),
                    "object" => value.is_object(),
                    "null" => value.is_null(),
                    other => panic!("the type {other}"),
                };
                (!kinds.iter().any(is)).then(|| format!("{value} is no {rule}"))
            }
            "enum" => {
                let known = rule.as_array().expect("a list of words");
                (!known.contains(value)).then(|| format!("{value} is none of the words {rule}"))
            }
            "const" => (rule != value).then(|| format!("{value} is not {rule}")),
            "minimum" => (value.as_f64().zip(rule.as_f64()).is_some_and(|(value, least)| value < least))
                .then(|| format!("{value} is too small")),
            "maximum" => (value.as_f64().zip(rule.as_f64()).is_some_and(|(value, most)| value > most))
                .then(|| format!("{value} is too great")),
            "pattern" => {
                let pattern = Regex::new(rule.as_str().expect("a text")).expect("a regular expression");
                value.as_str().filter(|text| !pattern.is_match(text)).map(|_| format!("{value} does not fit {rule}"))
            }
            "anyOf" | "oneOf" => {
                let misfits: Vec<Option<String>> =
                    rule.as_array().expect("a list").iter().map(|one| misfit(root, one, value)).collect();
                misfits
                    .iter()
                    .all(Option::is_some)
                    .then(|| misfits.into_iter().flatten().collect::<Vec<_>>().join(", nor: "))
            }
            "items" => value.as_array().into_iter().flatten().find_map(|item| misfit(root, rule, item)),
            "required" => rule
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(Json::as_str)
                .find(|key| value.is_object() && value.get(key).is_none())
                .map(|key| format!("`{key}` is missing")),
            "properties" => rule
                .as_object()
                .expect("keys")
                .iter()
                .find_map(|(key, rule)| Some(format!("{key}: {}", misfit(root, rule, value.get(key)?)?))),
            "additionalProperties" => {
                let known = words.get("properties").and_then(Json::as_object);
                let mut others = value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key)));
                match rule {
                    Json::Bool(allowed) => {
                        others.next().filter(|_| !allowed).map(|(key, _)| format!("the key `{key}`"))
                    }
                    rule => others.find_map(|(key, value)| Some(format!("{key}: {}", misfit(root, rule, value)?))),
                }
            }
            other => panic!("the schema says `{other}`, which this test does not know"),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// A lab whose reset does nothing, and which may say that it is a real cluster.
struct Forgetful {
    sim: Sim,
    kind: LabKind,
    /// What was run on the machine.
    on_the_machine: Vec<String>,
}

impl Forgetful {
    fn new(kind: LabKind) -> Self {
        Self { sim: Sim::new(SEED), kind, on_the_machine: Vec::new() }
    }
}

impl Lab for Forgetful {
    fn kind(&self) -> LabKind {
        self.kind
    }
    fn places(&mut self) -> Result<Vec<Place>, Trouble> {
        self.sim.places()
    }
    fn facts(&mut self) -> Result<BTreeMap<String, String>, Trouble> {
        self.sim.facts()
    }
    fn start(&mut self, place: &str, line: &str, terminal: Option<TerminalSize>) -> Result<JobId, Trouble> {
        if place == "machine" {
            self.on_the_machine.push(line.to_owned());
        }
        self.sim.start(place, line, terminal)
    }
    fn poll(&mut self, job: JobId, wait: Duration) -> Result<JobEvent, Trouble> {
        self.sim.poll(job, wait)
    }
    fn send(&mut self, job: JobId, input: Input) -> Result<(), Trouble> {
        self.sim.send(job, input)
    }
    fn capture(&mut self, place: &str, device: &str, filter: &str) -> Result<CaptureId, Trouble> {
        self.sim.capture(place, device, filter)
    }
    fn frames(&mut self, capture: CaptureId, wait: Duration) -> Result<Vec<Frame>, Trouble> {
        self.sim.frames(capture, wait)
    }
    fn stop_capture(&mut self, capture: CaptureId) -> Result<CaptureEnd, Trouble> {
        self.sim.stop_capture(capture)
    }
    fn read_file(&mut self, place: &str, path: &str) -> Result<Vec<u8>, Trouble> {
        self.sim.read_file(place, path)
    }
    fn save(&mut self, name: &str) -> Result<(), Trouble> {
        self.sim.save(name)
    }
    fn restore(&mut self, _: &str) -> Result<(), Trouble> {
        Ok(())
    }
}

#[test]
fn a_lab_that_does_not_reset_is_found() {
    let book = book(&files("cilium-ipsec"));
    let report = replay(
        Plan { book: &book, language: Language::En, from: None, step: Some("cluster") },
        &mut Forgetful::new(LabKind::Sim),
    );
    let proof = report.proofs.last().expect("the step was proven");
    let reset = proof.findings.iter().find(|finding| finding.claim == Claim::Reset).expect("it was claimed");
    let failure = reset.failure.as_ref().expect("nothing was restored");
    assert!(failure.got.contains("`ls` on machine: esplain-wandered"), "{failure:?}");
}

#[test]
fn what_is_done_on_the_machine_of_a_real_cluster_is_done_once() {
    let book = book(&files("cilium-ipsec"));
    let mut real = Forgetful::new(LabKind::Kind);
    let report = replay(Plan { book: &book, language: Language::En, from: None, step: Some("taint") }, &mut real);
    assert_eq!(report.failures(), 0, "{}", report.text());
    for line in ["kind create cluster --config kind-config.yaml", "kubectl taint nodes"] {
        let times = real.on_the_machine.iter().filter(|typed| typed.starts_with(line)).count();
        assert_eq!(times, 1, "{line}: {:?}", real.on_the_machine);
    }
}

#[test]
fn a_replay_may_begin_on_a_cluster_that_is_up() {
    let book = book(&files("cilium-ipsec"));
    let plan = Plan { book: &book, language: Language::En, from: Some("states"), step: None };
    let report = replay(plan, &mut Sim::ready(SEED));
    assert_eq!(report.failures(), 0, "{}", report.text());
    let first = report.proofs.first().map(|proof| proof.step.as_str());
    assert_eq!((first, report.proofs.len()), (Some("states"), 16));
}

/// A report that fails says what to run; every form of it says the same.
#[test]
fn every_form_of_a_report_is_whole() {
    let mut broken = book(&files("cilium-ipsec"));
    for step in broken.course.parts.iter_mut().flat_map(|part| &mut part.steps).filter(|step| step.id == "taint") {
        step.solution = vec![Template::new("echo '<&#>'")];
    }
    let good = replayed(&book(&files("ipsec-troubleshooting")), Language::Zh, None);
    let reports = [good, replayed(&broken, Language::En, None)];
    let claims: usize = reports.iter().map(Report::claims).sum();
    let failures: usize = reports.iter().map(Report::failures).sum();
    assert!(failures > 0, "a broken solution is green");
    let alone = "esplain replay cilium-ipsec --lab sim --lang en --step taint";
    assert!(reports[1].text().contains(alone), "{}", reports[1].text());

    let tap = tap(&reports);
    let points = tap.lines().filter(|line| line.starts_with("ok ") || line.starts_with("not ok "));
    assert_eq!((tap.lines().next(), points.count()), (Some("TAP version 14"), claims));
    assert_eq!(tap.lines().nth(1), Some(format!("1..{claims}").as_str()));
    assert_eq!(tap.lines().filter(|line| line.starts_with("not ok ")).count(), failures);
    assert!(tap.contains(alone), "{tap}");

    let xml = junit(&reports);
    assert_eq!(xml.matches("<testcase ").count(), claims);
    assert_eq!(xml.matches("<failure ").count(), failures);
    assert!(xml.contains(alone) && xml.contains("echo '&lt;&amp;#&gt;'"), "{xml}");
    balanced(&xml);

    let log: Vec<Entry> = reports[1].json_lines().lines().map(|line| Entry::from_line(line).expect(line)).collect();
    let claimed = log.iter().filter(|entry| matches!(entry.event, Event::Claimed { .. }));
    assert_eq!(claimed.count(), reports[1].claims());
    let progress = Progress::of(&replayed(&book(&files("cilium-ipsec")), Language::En, None).log);
    let course = book(&files("cilium-ipsec")).course;
    let open: Vec<&str> =
        course.steps().map(|step| step.id.as_str()).filter(|step| !progress.is_finished(step)).collect();
    assert!(open.is_empty(), "the log of a replay leaves {open:?} undone");
}

/// Every element of an XML text is closed where it must be, and no attribute is without its quotes.
fn balanced(xml: &str) {
    let tag = Regex::new(r#"<(/?)([a-z]+)((?: [a-z]+="[^"<]*")*)(/?)>"#).expect("a regular expression");
    let mut open: Vec<&str> = Vec::new();
    let body = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").expect("an XML declaration");
    let mut end = 0;
    for found in tag.captures_iter(body) {
        let whole = found.get(0).expect("the whole match");
        assert!(!body[end..whole.start()].contains('<'), "{:?}", &body[end..whole.end()]);
        end = whole.end();
        let name = found.get(2).expect("a name").as_str();
        if &found[1] == "/" {
            assert_eq!(open.pop(), Some(name));
        } else if &found[4] != "/" {
            open.push(name);
        }
    }
    assert!(open.is_empty() && body[end..].trim().is_empty(), "{open:?}");
}

#[test]
fn a_cast_has_a_marker_a_step_and_a_transcript_every_line_and_neither_a_key() {
    let book = book(&files("cilium-ipsec"));
    let report = replayed(&book, Language::En, None);
    let cast = cast(&report.scenes, "cilium-ipsec", Keys::Hidden, 0);
    let mut lines = cast.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect(line));
    assert_eq!(lines.next().expect("a header")["version"], 3);
    let events: Vec<serde_json::Value> = lines.collect();
    let marks: Vec<&str> =
        events.iter().filter(|event| event[1] == "m").filter_map(|event| event[2].as_str()).collect();
    let steps: Vec<String> = book.course.steps().map(|step| step.id.clone()).collect();
    assert_eq!(marks.iter().map(|mark| mark.split(' ').next().unwrap_or_default()).collect::<Vec<_>>(), steps);
    assert_eq!(events.last().map(|event| (&event[1], &event[2])), Some((&"x".into(), &"0".into())));
    let long = |event: &&serde_json::Value| !event[0].as_f64().is_some_and(|time| (0.0..=7.0).contains(&time));
    assert_eq!(events.iter().find(long), None, "nobody waits so long");

    let transcript = transcript(&report.scenes, Keys::Hidden);
    assert!(transcript.lines().any(|line| line == "worker 9/24 sim> ip xfrm state"), "{transcript}");
    let key = Regex::new("[0-9a-fA-F]{32,}").expect("a regular expression");
    let shown = |text: &str| key.find_iter(text).map(|found| found.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!((shown(&transcript), shown(&cast)), (Vec::new(), Vec::new()));
    assert!(!shown(&esplain::replay::transcript(&report.scenes, Keys::Shown)).is_empty());
}

/// A text without the section whose heading is this line, from 0; its subsections are kept.
fn without_section(text: &str, at: usize) -> String {
    without_lines(text, at, |line| line == at)
}

/// The same, but the heading stays.
fn emptied_section(text: &str, at: usize) -> String {
    without_lines(text, at, |_| false)
}

fn without_lines(text: &str, at: usize, heading_goes: impl Fn(usize) -> bool) -> String {
    let end = text.lines().enumerate().position(|(line, text)| line > at && text.starts_with('#'));
    let goes = |line: usize| heading_goes(line) || line > at && end.is_none_or(|end| line < end);
    text.lines().enumerate().filter(|(line, _)| !goes(*line)).fold(String::new(), |kept, (_, line)| kept + line + "\n")
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
