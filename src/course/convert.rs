//! From the shape of the YAML files ([`super::yaml`]) to lesson types, once; what is not meaningful is a fault with its place.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::check::{CaptureFile, Captured, Check, GuideCheck, Holds, Probe, WantedStatus};
use super::count::Count;
use super::fault::Fault;
use super::files::Files;
use super::quiz::{Question, QuestionKind, Values, WrongText};
use super::role::Role;
use super::seen::{Direction, PacketPattern};
use super::shows::{ItemKind, ItemPattern, Items, Shows};
use super::step::{Annotation, SetupLine, Step};
use super::template::{Facts, Template, VARIABLES};
use super::yaml::{self, Spanned};
use super::{Course, Part};

/// The version of the format that is read here.
const FORMAT: u64 = 1;

/// The commands of the guide that a check may wait for.
pub const GUIDE_COMMANDS: &[&str] =
    &["decrypt", "explain", "help", "hint", "map", "nodes", "notes", "packets", "show", "task", "trace", "watch"];

/// The labs that a course may name.
pub(super) const LABS: &[&str] = &["sim", "kernel", "kind", "recording"];

/// Reads `course.yaml` and the steps it names. Faults are added to `faults`; `None` when there is no course to speak of.
/// A step with a fault is left out, and so a course with faults is not whole.
pub(super) fn course(files: &Files, faults: &mut Vec<Fault>) -> Option<Course> {
    const FILE: &str = "course.yaml";
    let Some(source) = files.text(FILE) else {
        faults.push(
            Fault::error(FILE, None, "there is no such file").help("a course is a folder with a course.yaml in it"),
        );
        return None;
    };
    let raw: yaml::Course = yaml::read(FILE, source).map_err(|fault| faults.push(fault)).ok()?;
    let mut read = Reader { file: FILE.to_owned(), source, faults };
    if raw.format.value != FORMAT {
        read.error(&raw.format, format!("format {} is not read here; this esplain reads {FORMAT}", raw.format.value));
        return None;
    }
    let id = read.id(&raw.id);
    for lab in &raw.labs {
        read.one_of(lab, LABS, "lab");
    }
    if raw.languages.is_empty() {
        read.error(&raw.id, "a course needs a language".to_owned());
    }
    for (name, value) in &raw.plan {
        if !VARIABLES.contains(&name.as_str()) {
            let fault = read.fault(value, format!("there is no variable `{{{name}}}`"));
            read.faults.push(fault.did_you_mean(name, VARIABLES.iter().copied()));
        }
    }
    let plan = raw.plan.into_iter().map(|(name, value)| (name, value.value)).collect();
    let mut parts: Vec<Part> = Vec::new();
    let mut known = BTreeSet::new();
    for part in &raw.parts {
        let part_id = read.id(&part.id);
        if parts.iter().any(|earlier| earlier.id == part_id) {
            read.error(&part.id, format!("a second part `{part_id}`"));
        }
        if part.steps.is_empty() {
            read.error(&part.id, format!("the part `{part_id}` has no steps"));
        }
        let mut steps = Vec::new();
        for step_id in &part.steps {
            let name = read.id(step_id);
            if !known.insert(name.clone()) {
                read.error(step_id, format!("the step `{name}` stands here a second time"));
                continue;
            }
            let path = format!("steps/{name}.yaml");
            if let Some(text) = files.text(&path) {
                steps.extend(step(&path, text, &name, &part_id, read.faults));
            } else {
                let fault = read.fault(step_id, format!("there is no file {path}"));
                read.faults.push(fault.did_you_mean(&name, files.paths().filter_map(step_of_path)));
            }
        }
        parts.push(Part { id: part_id, steps });
    }
    let languages = raw.languages.into_iter().map(|language| language.value).collect();
    let labs = raw.labs.into_iter().map(|lab| lab.value).collect();
    Some(Course { id, languages, labs, plan, ready: raw.ready, parts })
}

/// The id of the step that a path holds: `states` for `steps/states.yaml`.
pub(super) fn step_of_path(path: &str) -> Option<&str> {
    path.strip_prefix("steps/")?.strip_suffix(".yaml")
}

/// Reads one step; `None` when it has faults.
fn step(file: &str, source: &str, id: &str, part: &str, faults: &mut Vec<Fault>) -> Option<Step> {
    let before = faults.len();
    let raw: yaml::Step = yaml::read(file, source).map_err(|fault| faults.push(fault)).ok()?;
    let mut read = Reader { file: file.to_owned(), source, faults };
    if raw.id.value != id {
        read.error(&raw.id, format!("the file is called {id}.yaml, so the id should be `{id}`"));
    }
    let place = read.role(&raw.place);
    let setup = read.setup(&raw.setup);
    if let (true, Some(line)) = (raw.checks.is_empty(), raw.setup.first()) {
        read.error(&line.run, "a setup needs checks and a solution that takes back what it did".to_owned());
    }
    let several = raw.checks.len() > 1;
    let mut checks: Vec<Check> = Vec::new();
    for check in &raw.checks {
        if let Some(check_read) = read.check(check, id, several) {
            if checks.iter().any(|earlier| earlier.id == check_read.id) {
                read.error(check, format!("a second check `{}`", check_read.id));
            }
            checks.push(check_read);
        }
    }
    if raw.solution.is_empty() && !raw.checks.is_empty() {
        read.error(&raw.id, "a step with checks needs a solution".to_owned());
    }
    if let (true, Some(line)) = (raw.checks.is_empty(), raw.solution.first()) {
        read.error(line, "a solution needs checks that it meets".to_owned());
    }
    let solution = raw.solution.iter().map(|line| read.template(line)).collect();
    let mut ways = |ways: &[Spanned<yaml::Many<Spanned<String>>>]| -> Vec<Vec<Template>> {
        ways.iter().map(|way| way.value.0.iter().map(|line| read.template(line)).collect()).collect()
    };
    let (variants, wrong) = (ways(&raw.variants), ways(&raw.wrong));
    let annotations = raw
        .annotations
        .iter()
        .map(|annotation| Annotation {
            id: read.id(&annotation.id),
            line: read.pattern(&annotation.line),
            profile: annotation.profile,
        })
        .collect();
    let mut quiz: Vec<Question> = Vec::new();
    for question in &raw.quiz {
        if let Some(question_read) = read.question(question) {
            if quiz.iter().any(|earlier| earlier.id == question_read.id) {
                read.error(&question.id, format!("a second question `{}`", question_read.id));
            }
            quiz.push(question_read);
        }
    }
    if raw.checks.is_empty() && raw.quiz.is_empty() {
        read.error(&raw.id, "a step needs checks or a quiz".to_owned());
    }
    let digest = Sha256::digest(source.as_bytes());
    let hash = digest.iter().take(4).fold(String::new(), |hash, octet| hash + &format!("{octet:02x}"));
    let whole = read.faults.len() == before;
    whole.then_some(())?;
    Some(Step {
        id: id.to_owned(),
        part: part.to_owned(),
        place: place?,
        setup,
        checks,
        solution,
        variants,
        wrong,
        annotations,
        quiz,
        hash,
    })
}

/// Reads the values of one file and keeps what is wrong with them.
struct Reader<'a> {
    file: String,
    source: &'a str,
    faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    fn fault<T>(&self, at: &Spanned<T>, what: String) -> Fault {
        Fault::error(self.file.clone(), yaml::spot(self.source, at), what)
    }

    fn error<T>(&mut self, at: &Spanned<T>, what: String) {
        let fault = self.fault(at, what);
        self.faults.push(fault);
    }

    fn one_of(&mut self, word: &Spanned<String>, known: &[&str], noun: &str) -> bool {
        let found = known.contains(&word.value.as_str());
        if !found {
            let fault = self.fault(word, format!("there is no {noun} `{}`", word.value));
            self.faults.push(fault.did_you_mean(&word.value, known.iter().copied()));
        }
        found
    }

    fn id(&mut self, id: &Spanned<String>) -> String {
        let well_formed = !id.value.is_empty()
            && id
                .value
                .split('-')
                .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        if !well_formed {
            self.error(id, format!("`{}` is no id: ids are lower case words joined by `-`", id.value));
        }
        id.value.clone()
    }

    fn role(&mut self, role: &Spanned<String>) -> Option<Role> {
        let names = Role::ALL.map(Role::name);
        self.one_of(role, &names, "place").then(|| role.value.parse().ok()).flatten()
    }

    fn template(&mut self, text: &Spanned<String>) -> Template {
        let template = Template::new(text.value.clone());
        let unknown: Vec<String> =
            template.variables().filter(|name| !VARIABLES.contains(name)).map(str::to_owned).collect();
        for name in unknown {
            let fault = self.fault(text, format!("there is no variable `{{{name}}}`"));
            self.faults.push(fault.did_you_mean(&name, VARIABLES.iter().copied()));
        }
        template
    }

    fn pattern(&mut self, text: &Spanned<String>) -> Template {
        let template = self.template(text);
        // Any value will do for seeing whether the text around it is a regular expression.
        let facts: Facts = VARIABLES.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect();
        if let Err(super::FillError::Pattern(why)) = template.pattern(&facts) {
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            self.error(text, format!("not a regular expression: {why}"));
        }
        template
    }

    fn patterns(&mut self, many: &yaml::Many<Spanned<String>>) -> Vec<Template> {
        many.0.iter().map(|text| self.pattern(text)).collect()
    }

    fn setup(&mut self, lines: &[yaml::SetupLine]) -> Vec<SetupLine> {
        let mut setup = Vec::new();
        for line in lines {
            let Some(at) = self.role(&line.at) else { continue };
            if at == Role::Machine {
                self.error(&line.at, "a setup runs on nodes and in pods, not on the learner's machine".to_owned());
            }
            setup.push(SetupLine { at, run: self.template(&line.run) });
        }
        setup
    }

    fn check(&mut self, raw: &Spanned<yaml::Check>, step: &str, several: bool) -> Option<Check> {
        let check = &raw.value;
        let id = match &check.id {
            Some(id) => self.id(id),
            None if several => {
                self.error(raw, "each of several checks needs an id".to_owned());
                return None;
            }
            None => step.to_owned(),
        };
        let at = check.at.0.iter().filter_map(|role| self.role(role)).collect();
        let status = check.status.as_ref().map(|status| match status.value {
            yaml::Status::Ended(number) => WantedStatus::Ended(number),
            yaml::Status::Running => WantedStatus::Running,
        });
        let captured = check.captured.as_ref().and_then(|captured| {
            let at = self.role(&captured.at)?;
            if !at.is_node() {
                self.error(&captured.at, format!("packets are captured on nodes, and {at} is none"));
            }
            let counts = [captured.esp, captured.clear, captured.leaked, captured.decrypted, captured.copies];
            let holds = self.holds(counts, &captured.devices);
            Some(Captured { at, holds })
        });
        let file = check.file.as_ref().and_then(|file| {
            let wanted = &file.holds;
            let counts = [wanted.esp, wanted.clear, wanted.leaked, wanted.decrypted, wanted.copies];
            let holds = self.holds(counts, &wanted.devices);
            Some(CaptureFile { at: self.role(&file.at)?, path: self.template(&file.path), holds })
        });
        let guide = check.guide.as_ref().map(|guide| {
            self.one_of(&guide.command, GUIDE_COMMANDS, "command of the guide");
            GuideCheck {
                command: guide.command.value.clone(),
                decrypted: guide.decrypted.map(count),
                refused: guide.refused.map(count),
                no_sa: guide.no_sa.map(count),
                packet: guide.packet.as_ref().map(packet),
            }
        });
        let probes = check.probe.0.iter().filter_map(|probe| {
            Some(Probe {
                at: self.role(&probe.at)?,
                run: self.template(&probe.run),
                status: probe.status,
                output: self.patterns(&probe.output),
                not_output: self.patterns(&probe.not_output),
                shows: probe.shows.as_ref().map(|shows| self.shows(shows)).unwrap_or_default(),
            })
        });
        let probes = probes.collect();
        let found = Check {
            id,
            at,
            ran: check.ran.clone(),
            status,
            output: self.patterns(&check.output),
            not_output: self.patterns(&check.not_output),
            shows: check.shows.as_ref().map(|shows| self.shows(shows)).unwrap_or_default(),
            captured,
            file,
            guide,
            probes,
        };
        if found.asks_nothing() {
            self.error(raw, format!("the check `{}` would be met by any command", found.id));
        }
        Some(found)
    }

    fn holds(&mut self, counts: [Option<yaml::Count>; 5], devices: &[Spanned<String>]) -> Holds {
        let [esp, clear, leaked, decrypted, copies] = counts.map(|wanted| wanted.map(count));
        let devices = devices.iter().map(|device| self.template(device)).collect();
        Holds { esp, clear, leaked, decrypted, devices, copies }
    }

    fn shows(&mut self, shows: &yaml::Shows) -> Shows {
        let mut found = Vec::new();
        if let Some(states) = &shows.states {
            found.push(self.items(ItemKind::States, states.count, states.keys, &states.like));
        }
        for (kind, items) in [
            (ItemKind::Policies, &shows.policies),
            (ItemKind::Rules, &shows.rules),
            (ItemKind::Routes, &shows.routes),
            (ItemKind::Addresses, &shows.addresses),
        ] {
            if let Some(items) = items {
                found.push(self.items(kind, items.count, false, &items.like));
            }
        }
        Shows(found)
    }

    fn items(&mut self, kind: ItemKind, wanted: Option<yaml::Count>, keys: bool, like: &[yaml::Pattern]) -> Items {
        let mut patterns = Vec::new();
        for pattern in like {
            let mut fields = Vec::new();
            for (name, value) in pattern {
                if let Some(known) = kind.fields().iter().find(|known| *known == name) {
                    fields.push((*known, self.template(value)));
                } else {
                    let fault = self.fault(value, format!("{} have no field `{name}`", kind.key()));
                    self.faults.push(fault.did_you_mean(name, kind.fields().iter().copied()));
                }
            }
            patterns.push(ItemPattern(fields));
        }
        Items { kind, count: wanted.map_or(Count::at_least(1), count), keys, like: patterns }
    }

    fn question(&mut self, raw: &yaml::Question) -> Option<Question> {
        let id = self.id(&raw.id);
        let kind = match raw.kind {
            yaml::Kind::Choice | yaml::Kind::Choices => self.choice(raw)?,
            yaml::Kind::Number => QuestionKind::Number(self.values(raw)?),
            yaml::Kind::Address => QuestionKind::Address(self.values(raw)?),
            yaml::Kind::Hex => QuestionKind::Hex(self.values(raw)?),
            yaml::Kind::Text => self.text(raw)?,
            yaml::Kind::Packet => self.packet(raw)?,
        };
        if !matches!(raw.kind, yaml::Kind::Choice | yaml::Kind::Choices) && !raw.options.is_empty() {
            self.error(&raw.id, "only `choice` and `choices` have options".to_owned());
        }
        if raw.kind != yaml::Kind::Text
            && let Some(example) = &raw.example
        {
            self.error(example, "only `text` has an example".to_owned());
        }
        Some(Question { id, kind, profile: raw.profile })
    }

    fn choice(&mut self, raw: &yaml::Question) -> Option<QuestionKind> {
        let options: Vec<String> = raw.options.iter().map(|option| self.id(option)).collect();
        if options.len() < 2 {
            self.error(&raw.id, "a choice needs two options or more".to_owned());
        }
        let one = |value: &str| Spanned {
            value: value.to_owned(),
            referenced: raw.answer.referenced,
            defined: raw.answer.defined,
        };
        let known: Vec<&str> = options.iter().map(String::as_str).collect();
        match (raw.kind, &raw.answer.value) {
            (yaml::Kind::Choice, yaml::Answer::Value(answer)) => {
                self.one_of(&one(answer), &known, "option").then_some(())?;
                Some(QuestionKind::Choice { answer: answer.clone(), options })
            }
            (yaml::Kind::Choices, yaml::Answer::List(answers)) => {
                if !answers.iter().all(|answer| self.one_of(answer, &known, "option")) {
                    return None;
                }
                let answer = answers.iter().map(|answer| answer.value.clone()).collect();
                Some(QuestionKind::Choices { answer, options })
            }
            _ => {
                self.error(&raw.answer, "`choice` wants one option, `choices` a list of options".to_owned());
                None
            }
        }
    }

    fn values(&mut self, raw: &yaml::Question) -> Option<Values> {
        let yaml::Answer::Value(answer) = &raw.answer.value else {
            self.error(&raw.answer, "a value is expected here".to_owned());
            return None;
        };
        let answer = self.template_at(&raw.answer, answer);
        let mut wrong = Vec::new();
        for (key, value) in &raw.wrong {
            match &value.value {
                yaml::Wrong::Value(text) => wrong.push((key.clone(), self.template_at(value, text))),
                yaml::Wrong::Fields(_) => self.error(value, "a value is expected here".to_owned()),
            }
        }
        Some(Values { answer, wrong })
    }

    fn text(&mut self, raw: &yaml::Question) -> Option<QuestionKind> {
        let yaml::Answer::Value(answer) = &raw.answer.value else {
            self.error(&raw.answer, "a regular expression is expected here".to_owned());
            return None;
        };
        let answer = self.pattern_at(&raw.answer, answer);
        let Some(example) = &raw.example else {
            self.error(&raw.id, "a `text` question needs an `example:`, an answer that is right".to_owned());
            return None;
        };
        let example = self.template(example);
        let mut wrong = Vec::new();
        for (key, value) in &raw.wrong {
            match &value.value {
                yaml::Wrong::Fields(yaml::WrongFields { like: Some(like), example: Some(example), .. }) => {
                    wrong.push(WrongText {
                        key: key.clone(),
                        like: self.pattern_at(value, like),
                        example: self.template_at(value, example),
                    });
                }
                _ => self.error(value, "`like` and `example` are expected here".to_owned()),
            }
        }
        Some(QuestionKind::Text { answer, example, wrong })
    }

    fn packet(&mut self, raw: &yaml::Question) -> Option<QuestionKind> {
        let yaml::Answer::Packet(answer) = &raw.answer.value else {
            self.error(&raw.answer, "a packet's fields are expected here".to_owned());
            return None;
        };
        let mut wrong = Vec::new();
        for (key, value) in &raw.wrong {
            match &value.value {
                yaml::Wrong::Fields(fields) if fields.like.is_none() && fields.example.is_none() => {
                    let pattern = PacketPattern {
                        esp: fields.esp,
                        device: fields.device.clone().map(Template::new),
                        direction: fields.direction.map(direction),
                        src: fields.src.clone().map(Template::new),
                        dst: fields.dst.clone().map(Template::new),
                    };
                    wrong.push((key.clone(), pattern));
                }
                _ => self.error(value, "a packet's fields are expected here".to_owned()),
            }
        }
        Some(QuestionKind::Packet { answer: packet(answer), wrong })
    }

    fn template_at<T>(&mut self, at: &Spanned<T>, text: &str) -> Template {
        self.template(&moved(at, text))
    }

    fn pattern_at<T>(&mut self, at: &Spanned<T>, text: &str) -> Template {
        self.pattern(&moved(at, text))
    }
}

fn moved<T>(at: &Spanned<T>, text: &str) -> Spanned<String> {
    Spanned { value: text.to_owned(), referenced: at.referenced, defined: at.defined }
}

fn count(raw: yaml::Count) -> Count {
    Count { at_least: raw.at_least, at_most: raw.at_most }
}

fn packet(raw: &yaml::Packet) -> PacketPattern {
    PacketPattern {
        esp: raw.esp,
        device: raw.device.clone().map(Template::new),
        direction: raw.direction.map(direction),
        src: raw.src.clone().map(Template::new),
        dst: raw.dst.clone().map(Template::new),
    }
}

fn direction(way: yaml::Way) -> Direction {
    match way {
        yaml::Way::In => Direction::In,
        yaml::Way::Out => Direction::Out,
        yaml::Way::Other => Direction::Other,
    }
}
