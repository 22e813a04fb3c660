use std::fmt::Write as _;

use super::report::{Failure, Proof, Report};

/// JUnit's XML as CI systems read it: a suite a step, a case a claim. The language is in the names of suites and classes, so
/// that those of several languages stay apart.
pub fn junit(reports: &[Report]) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let claims: usize = reports.iter().map(Report::claims).sum();
    let failures: usize = reports.iter().map(Report::failures).sum();
    let proofs = || reports.iter().flat_map(|report| report.proofs.iter().map(move |proof| (report, proof)));
    let time: f64 = proofs().map(|(_, proof)| proof.took.as_secs_f64()).sum();
    let _ = writeln!(
        xml,
        "<testsuites name=\"esplain replay\" tests=\"{claims}\" failures=\"{failures}\" errors=\"0\" time=\"{time:.3}\">"
    );
    for (report, proof) in proofs() {
        suite(&mut xml, report, proof);
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn suite(xml: &mut String, report: &Report, proof: &Proof) {
    let failed = proof.findings.iter().filter(|finding| finding.failure.is_some()).count();
    let course = text(&report.course);
    let step = text(&proof.step);
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{course} {step} ({}, {})\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\" time=\"{:.3}\">",
        report.lab,
        report.language,
        proof.findings.len(),
        proof.took.as_secs_f64()
    );
    for finding in &proof.findings {
        let name = text(&finding.claim.words());
        let case = format!("    <testcase classname=\"{course}.{}.{step}\" name=\"{name}\"", report.language);
        let _ = match &finding.failure {
            None => writeln!(xml, "{case}/>"),
            Some(Failure { expected, got }) => writeln!(
                xml,
                "{case}>\n      <failure type=\"claim\" message=\"expected: {}\">got: {}\nalone: {}</failure>\n    </testcase>",
                text(expected),
                text(got),
                text(&report.alone(proof))
            ),
        };
    }
    xml.push_str("  </testsuite>\n");
}

/// A text within XML 1.0, characters that it cannot hold taken out.
fn text(raw: &str) -> String {
    let mut xml = String::new();
    for letter in raw.chars() {
        match letter {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\t' | '\n' | '\r' => xml.push(letter),
            '\u{fffe}' | '\u{ffff}' => {}
            control if control.is_control() => {}
            other => xml.push(other),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lab::LabKind;
    use crate::replay::{Claim, Finding};
    use crate::words::Language;

    #[test]
    fn what_a_program_printed_never_breaks_the_xml() {
        let failure = Failure { expected: "<a> & \"b\"".to_owned(), got: "\u{1b}[1m]]>\u{0}\u{ffff}".to_owned() };
        let mut report = Report::new("c", LabKind::Sim, Language::En);
        report.proofs.push(Proof {
            step: "s".to_owned(),
            findings: vec![Finding { claim: Claim::Solution, failure: Some(failure) }],
            took: Duration::from_millis(1500),
        });
        let xml = junit(&[report]);
        assert!(xml.contains("message=\"expected: &lt;a&gt; &amp; &quot;b&quot;\">got: [1m]]&gt;\nalone: "), "{xml}");
        assert!(xml.contains("tests=\"1\" failures=\"1\" errors=\"0\" time=\"1.500\""), "{xml}");
    }
}
