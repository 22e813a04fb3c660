use std::fmt::Write as _;

use super::report::Report;

/// TAP version 14 (<https://testanything.org/tap-version-14-specification.html>), a test point a claim; what was expected
/// and what came is in the YAML block below a point that failed.
pub fn tap(reports: &[Report]) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", reports.iter().map(Report::claims).sum::<usize>());
    let mut number = 0;
    for report in reports {
        let _ = writeln!(text, "# {} on {} in {}", report.course, report.lab, report.language);
        for (proof, finding) in report.findings() {
            number += 1;
            let word = if finding.failure.is_some() { "not ok" } else { "ok" };
            let name = format!("{}: {}", proof.step, finding.claim.words());
            let _ = writeln!(text, "{word} {number} - {}", escaped(&name));
            if let Some(failure) = &finding.failure {
                // Every JSON string is one of YAML.
                let quoted = |value: &str| serde_json::Value::from(value).to_string();
                let _ = writeln!(text, "  ---\n  expected: {}", quoted(&failure.expected));
                let _ = writeln!(text, "  got: {}", quoted(&failure.got));
                let _ = writeln!(text, "  alone: {}\n  ...", quoted(&report.alone(proof)));
            }
        }
    }
    text
}

/// A description in which `#` begins no directive.
fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\").replace('#', "\\#").replace('\n', " ")
}
