use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::prove::{Plan, Prover, tail};
use super::report::{Claim, Failure, Finding, Proof, Report};
use super::spoken::Spoken;
use super::tape::Scene;
use super::world::quietly;
use crate::course::{Book, Entry, Event, GUIDE_COMMANDS, Role, Template};
use crate::lab::{Lab, LabKind};
use crate::trouble::{Trouble, nearest};
use crate::words::{Language, Words};

/// Lines as a learner types them, each with what it must come to: `lessons/FORMAT.md`, "Scripts".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    name: String,
    lines: Vec<ScriptLine>,
}

/// A line, and what it must come to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ScriptLine {
    /// Its number in the file, from 1.
    number: usize,
    text: Template,
    expected: Vec<Expected>,
}

/// What a line must come to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Expected {
    /// `=> REGEX`: its output has it.
    Output(Template),
    /// `=! REGEX`: its output has it not.
    NoOutput(Template),
    /// `=~ REGEX`: its output has it, if need be when the line is run again.
    InTime(Template),
    /// `=? NUMBER`: its exit status; 0 where nothing is said.
    Status(i32),
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// With `NAME:LINE` when a line expects something of nothing, or speaks to the guide in words that it does not know.
    pub fn read(name: &str, text: &str) -> Result<Self, Trouble> {
        let mut lines: Vec<ScriptLine> = Vec::new();
        let mut open: Option<(usize, String)> = None;
        for (at, line) in text.lines().enumerate() {
            let wrong = |what: String| Trouble::usage(format!("{name}:{}: {what}", at + 1));
            let (number, mut whole) = open.take().unwrap_or((at + 1, String::new()));
            whole.push_str(line.trim());
            if let Some(front) = whole.strip_suffix('\\') {
                open = Some((number, front.to_owned()));
                continue;
            }
            if whole.is_empty() || whole.starts_with('#') {
                continue;
            }
            if let Some(sign) = ["=>", "=!", "=~", "=?"].into_iter().find(|sign| whole.starts_with(sign)) {
                let rest = whole[sign.len()..].trim();
                let pattern = || Template::new(rest);
                let expected = match sign {
                    "=>" => Expected::Output(pattern()),
                    "=!" => Expected::NoOutput(pattern()),
                    "=~" => Expected::InTime(pattern()),
                    _ => Expected::Status(rest.parse().map_err(|_| wrong(format!("`{rest}` is no exit status")))?),
                };
                let line = lines.last_mut().ok_or_else(|| wrong(format!("`{whole}` stands below no line")))?;
                line.expected.push(expected);
                continue;
            }
            if let Spoken::Guide { name, .. } = Spoken::read(&whole) {
                let known: Vec<&str> = GUIDE_COMMANDS.iter().copied().chain(["on", "goto"]).collect();
                if !known.contains(&name.as_str()) {
                    let trouble = wrong(format!("a script cannot say `:{name}`"));
                    return Err(match nearest(&name, known.iter().copied()) {
                        Some(near) => trouble.hint(format!("did you mean `:{near}`?")),
                        None => trouble.hint(format!("it can say :{}", known.join(", :"))),
                    });
                }
            }
            lines.push(ScriptLine { number, text: Template::new(whole), expected: Vec::new() });
        }
        Ok(Self { name: name.to_owned(), lines })
    }
}

/// Types the lines of a script into a fresh lab and holds what comes against what they expect. The lab is brought to where
/// a step of `book` begins by a line `:goto STEP`. The first line that fails ends the script, since the rest stands on it.
pub fn replay_script(script: &Script, book: &Book, lab: &mut dyn Lab) -> Report {
    let language = Language::En;
    let mut report = Report::new(&script.name, lab.kind(), language);
    let lab_name = lab.kind().word().to_owned();
    let mut prover = Prover::new(lab, Plan { book, language, from: None, step: None });
    let begun = Instant::now();
    let mut findings = Vec::new();
    let mut log = Vec::new();
    let mut tell = |event| log.push(Entry::new(Timestamp::now(), event));
    tell(Event::Started { course: script.name.clone(), lab: lab_name.clone(), lang: language.code().to_owned() });
    for line in &script.lines {
        let place = prover.runner.place;
        let (failure, status) = match prover.play(line) {
            Ok(played) => played,
            Err(trouble) => (Some(Failure::of(&trouble)), None),
        };
        let failure = failure.map(Failure::without_keys);
        let claim = Claim::Line(line.number, line.text.as_written().to_owned());
        tell(Event::ran(&script.name, place.name(), line.text.as_written(), status));
        tell(Event::Claimed {
            step: script.name.clone(),
            claim: claim.words(),
            holds: failure.is_none(),
            expected: failure.as_ref().map(|failure| failure.expected.clone()),
            got: failure.as_ref().map(|failure| failure.got.clone()),
        });
        let broken = failure.is_some();
        findings.push(Finding { claim, failure });
        if broken {
            break;
        }
    }
    report.scenes.push(Scene {
        step: script.name.clone(),
        number: (0, 0),
        lab: lab_name,
        language,
        title: script.name.clone(),
        place: Role::Machine,
        task: String::new(),
        typed: prover.runner.take_tape(),
        seen: String::new(),
    });
    // What still runs ends with the lab, if it cannot be ended now.
    let _ = prover.runner.tidy_up();
    report.proofs.push(Proof { step: script.name.clone(), findings, took: begun.elapsed() });
    report.log = log;
    report
}

impl Prover<'_> {
    /// Types a line, again and again if it expects something in time; gives why it does not do, and its exit status.
    fn play(&mut self, line: &ScriptLine) -> Result<(Option<Failure>, Option<i32>), Trouble> {
        let facts = self.runner.facts()?;
        let failed = |expected: String, got: String| Ok((Some(Failure { expected, got }), None));
        let text = match line.text.fill(&facts) {
            Ok(text) => text,
            Err(error) => return failed("every variable has a value".to_owned(), error.to_string()),
        };
        if let Spoken::Guide { name, rest } = Spoken::read(&text)
            && name == "goto"
        {
            return Ok((self.go_to(&rest)?, None));
        }
        let patience = match self.runner.lab.kind() {
            LabKind::Kind => Duration::from_mins(5),
            LabKind::Sim | LabKind::Kernel | LabKind::Recording => Duration::from_secs(10),
        };
        let begun = Instant::now();
        let words = Words::new(Language::En);
        loop {
            let taped = self.runner.tape_length();
            let Some(seen) = self.runner.type_line(&text)? else { return Ok((None, None)) };
            // What the guide says of packets is output, too.
            let screen = self.runner.screen_since(taped, &words);
            let mut misses: Vec<String> = Vec::new();
            let (mut wanted_status, mut may_come) = (0, true);
            for expected in &line.expected {
                let (pattern, wanted, in_time) = match expected {
                    Expected::Status(status) => {
                        wanted_status = *status;
                        continue;
                    }
                    Expected::Output(pattern) => (pattern, true, false),
                    Expected::InTime(pattern) => (pattern, true, true),
                    Expected::NoOutput(pattern) => (pattern, false, false),
                };
                match pattern.pattern(&seen.facts) {
                    Ok(found) if found.is_match(&screen) == wanted => {}
                    Ok(_) => {
                        may_come &= in_time;
                        misses.push(format!(
                            "{} {}",
                            if wanted { "a line with" } else { "no line with" },
                            pattern.show(&seen.facts)
                        ));
                    }
                    Err(error) => return failed(format!("a pattern, `{}`", pattern.as_written()), error.to_string()),
                }
            }
            if let Some(status) = seen.status.filter(|status| *status != wanted_status) {
                misses.push(format!("the exit status {wanted_status}, and it was {status}"));
                may_come &= line.expected.iter().any(|expected| matches!(expected, Expected::InTime(_)));
            }
            if misses.is_empty() {
                return Ok((None, seen.status));
            }
            if !may_come || begun.elapsed() > patience {
                let failure = Failure { expected: misses.join("\n"), got: format!("printed:\n{}", tail(&screen)) };
                return Ok((Some(failure), seen.status));
            }
            quietly(self.runner.lab, "machine", "sleep 1")?;
        }
    }

    /// Does the steps before one, without proving them.
    fn go_to(&mut self, step: &str) -> Result<Option<Failure>, Trouble> {
        let book = self.book();
        let Some(there) = book.course.step(step) else {
            let ids: Vec<&str> = book.course.steps().map(|step| step.id.as_str()).collect();
            let expected = format!("a step of the course `{}`: {}", book.course.id, ids.join(", "));
            return Ok(Some(Failure { expected, got: step.to_owned() }));
        };
        for before in book.course.steps().take_while(|before| before.id != step) {
            let walked = self.pass(before)?;
            if let Some(failure) = walked.failure(before, &before.solution) {
                return Ok(Some(failure));
            }
        }
        self.runner.tidy_up()?;
        self.runner.take_tape();
        self.runner.place = there.place;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::Files;
    use crate::lab::sim::Sim;

    fn played(text: &str) -> Report {
        let book = Book::read(&Files::embedded("cilium-ipsec").unwrap()).unwrap();
        let script = Script::read("smoke.esplain", text).unwrap_or_else(|trouble| panic!("{trouble}"));
        replay_script(&script, &book, &mut Sim::new(1))
    }

    #[test]
    fn a_script_whose_lines_come_to_what_it_says_holds() {
        let report = played(
            "# A smoke test.\n:goto states\nip xfrm state\n=> proto esp spi {spi}\n=! no such thing\n:on pod-a\nping -c 1 \\\n  {pod_b_ip}\n=~ 1 received\nfalse\n=? 1\n",
        );
        assert_eq!((report.claims(), report.failures()), (5, 0), "{}", report.text());
    }

    #[test]
    fn the_first_line_that_fails_ends_it_and_is_named() {
        for (text, failing, expected) in [
            (":goto states\nip x s\n=> spi 0x7\ntrue\n", "line 2, `ip x s`", "a line with spi 0x7"),
            (":goto states\nip x s\n=! {spi}\ntrue\n", "line 2, `ip x s`", "no line with 0x00000003"),
            ("true\nfalse\ntrue\n", "line 2, `false`", "the exit status 0, and it was 1"),
            ("ls\n=> (\n", "line 1, `ls`", "a pattern, `(`"),
            (":goto nowhere\n", "line 1, `:goto nowhere`", "a step of the course `cilium-ipsec`"),
            ("echo {pod_a_ip}\n", "line 1, `echo {pod_a_ip}`", "every variable has a value"),
        ] {
            let report = played(text);
            let (_, last) = report.findings().last().unwrap();
            let failure = last.failure.clone().unwrap();
            assert_eq!((report.failures(), last.claim.words().as_str()), (1, failing), "{}", report.text());
            assert!(failure.expected.starts_with(expected), "{failure:?}");
            assert!(report.text().contains("alone: esplain replay smoke.esplain --lab sim"), "{}", report.text());
        }
    }

    #[test]
    fn a_script_that_cannot_be_one_is_refused_with_its_line() {
        for (text, why) in [
            ("# only\n=> x\n", "s:2: `=> x` stands below no line"),
            ("true\n=? no\n", "s:2: `no` is no exit status"),
            ("true\n:decript x\n", "s:2: a script cannot say `:decript`"),
        ] {
            assert_eq!(Script::read("s", text).unwrap_err().what, why);
        }
    }
}
