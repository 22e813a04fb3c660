use std::fmt::Write as _;
use std::time::Duration;

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The course.
    pub course: String,
    /// The lab it ran on.
    pub lab: String,
    /// The language of the words that were proven.
    pub language: String,
    /// The steps, in the order they ran.
    pub proofs: Vec<Proof>,
}

/// What was found of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The step.
    pub step: String,
    /// What was claimed, and whether it held.
    pub findings: Vec<Finding>,
    /// How long it took.
    pub took: Duration,
}

/// Something that must hold, and whether it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What must hold.
    pub claim: Claim,
    /// Why it does not, if it does not.
    pub failure: Option<Failure>,
}

/// The kinds of things that must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The setup runs: the fault is there.
    Setup,
    /// Nothing is met before anything is done.
    FailsBefore,
    /// The solution meets every check.
    Solution,
    /// This variant, from 1, meets every check.
    Variant(usize),
    /// This wrong way, from 1, does not meet every check.
    Wrong(usize),
    /// The hints open one a request, and the solution after them.
    Hints,
    /// This annotation finds a line in what the solution printed.
    Annotation(String),
    /// The words are there in this language, and each of their variables has a value.
    Words,
    /// A right answer to this question is accepted.
    Right(String),
    /// A wrong answer to this question is refused, with its explanation.
    Refused(String, String),
}

/// What was expected, and what came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What was expected.
    pub expected: String,
    /// What came.
    pub got: String,
}

impl Report {
    /// How many things were claimed.
    pub fn claims(&self) -> usize {
        self.findings().count()
    }

    /// How many of them did not hold.
    pub fn failures(&self) -> usize {
        self.findings().filter(|(_, finding)| finding.failure.is_some()).count()
    }

    /// For people: a line a step, and each failure with how to run that step alone.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for proof in &self.proofs {
            let failed = proof.findings.iter().filter(|finding| finding.failure.is_some()).count();
            let word = if failed == 0 { "ok" } else { "FAILED" };
            let _ = writeln!(text, "{word:<6} {} ({} claims)", proof.step, proof.findings.len());
            for finding in &proof.findings {
                if let Some(failure) = &finding.failure {
                    let _ = writeln!(text, "       {}", finding.claim.words());
                    let _ = writeln!(text, "         expected: {}", indented(&failure.expected));
                    let _ = writeln!(text, "         got:      {}", indented(&failure.got));
                }
            }
            if failed > 0 {
                let _ = writeln!(text, "       alone: {}", self.alone(proof));
            }
        }
        let _ = writeln!(
            text,
            "{} on {} in {}: {} steps, {} claims, {} failures.",
            self.course,
            self.lab,
            self.language,
            self.proofs.len(),
            self.claims(),
            self.failures()
        );
        text
    }

    /// TAP version 14, a test point a claim.
    pub fn tap(&self) -> String {
        let mut text = format!("TAP version 14\n1..{}\n", self.claims());
        for (number, (proof, finding)) in self.findings().enumerate() {
            let word = if finding.failure.is_some() { "not ok" } else { "ok" };
            let name = format!("{}: {}", proof.step, finding.claim.words()).replace('#', "\\#");
            let _ = writeln!(text, "{word} {} - {name}", number + 1);
            if let Some(failure) = &finding.failure {
                let quoted = |value: &str| serde_json::Value::from(value).to_string();
                let _ = writeln!(text, "  ---\n  expected: {}", quoted(&failure.expected));
                let _ = writeln!(text, "  got: {}", quoted(&failure.got));
                let _ = writeln!(text, "  alone: {}\n  ...", quoted(&self.alone(proof)));
            }
        }
        text
    }

    /// JUnit's XML: a suite a step, a case a claim.
    pub fn junit(&self) -> String {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let name = xml_text(&format!("{} on {} in {}", self.course, self.lab, self.language));
        let (claims, failures) = (self.claims(), self.failures());
        let _ = writeln!(xml, "<testsuites name=\"{name}\" tests=\"{claims}\" failures=\"{failures}\">");
        for proof in &self.proofs {
            let failed = proof.findings.iter().filter(|finding| finding.failure.is_some()).count();
            let _ = writeln!(
                xml,
                "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\" time=\"{:.3}\">",
                xml_text(&proof.step),
                proof.findings.len(),
                proof.took.as_secs_f64()
            );
            for finding in &proof.findings {
                let case = format!(
                    "    <testcase classname=\"{}.{}\" name=\"{}\"",
                    xml_text(&self.course),
                    xml_text(&proof.step),
                    xml_text(&finding.claim.words())
                );
                let _ = match &finding.failure {
                    None => writeln!(xml, "{case}/>"),
                    Some(Failure { expected, got }) => writeln!(
                        xml,
                        "{case}>\n      <failure message=\"expected: {}\">got: {}\nalone: {}</failure>\n    </testcase>",
                        xml_text(expected),
                        xml_text(got),
                        xml_text(&self.alone(proof))
                    ),
                };
            }
            xml.push_str("  </testsuite>\n");
        }
        xml.push_str("</testsuites>\n");
        xml
    }

    /// One JSON object a claim.
    pub fn json_lines(&self) -> String {
        let mut lines = String::new();
        for (proof, finding) in self.findings() {
            let mut line = serde_json::json!({
                "course": self.course,
                "lab": self.lab,
                "language": self.language,
                "step": proof.step,
                "claim": finding.claim.words(),
                "holds": finding.failure.is_none(),
            });
            if let Some(failure) = &finding.failure {
                line["expected"] = failure.expected.as_str().into();
                line["got"] = failure.got.as_str().into();
            }
            lines.push_str(&line.to_string());
            lines.push('\n');
        }
        lines
    }

    fn findings(&self) -> impl Iterator<Item = (&Proof, &Finding)> {
        self.proofs.iter().flat_map(|proof| proof.findings.iter().map(move |finding| (proof, finding)))
    }

    /// How to run a step alone.
    fn alone(&self, proof: &Proof) -> String {
        format!("esplain replay {} --lab {} --lang {} --step {}", self.course, self.lab, self.language, proof.step)
    }
}

impl Claim {
    /// The claim in words.
    pub fn words(&self) -> String {
        match self {
            Self::Setup => "the setup runs".to_owned(),
            Self::FailsBefore => "nothing is met before the solution".to_owned(),
            Self::Solution => "the solution meets every check".to_owned(),
            Self::Variant(number) => format!("variant {number} meets every check"),
            Self::Wrong(number) => format!("wrong way {number} does not count"),
            Self::Hints => "the hints open one a request".to_owned(),
            Self::Annotation(id) => format!("the annotation `{id}` finds its line"),
            Self::Words => "the words are whole".to_owned(),
            Self::Right(question) => format!("quiz `{question}`: the right answer is accepted"),
            Self::Refused(question, answer) => {
                format!("quiz `{question}`: {answer:?} is refused with its explanation")
            }
        }
    }
}

fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n                   ")
}

/// A text within XML, characters that XML cannot hold taken out.
fn xml_text(text: &str) -> String {
    let mut xml = String::new();
    for letter in text.chars() {
        match letter {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\t' | '\n' | '\r' => xml.push(letter),
            control if control.is_control() => {}
            other => xml.push(other),
        }
    }
    xml
}
