//! Lines on the learner's own machine: shown, asked for, and only then permitted.

use super::session::Session;
use crate::course::Role;
use crate::lab::Permit;
use crate::render::{Line, Role as Ink, sanitised};
use crate::trouble::Trouble;

impl Session {
    /// Whether a line may run at a place. One that would run on the learner's own machine is shown and asked for.
    pub(super) fn may_run(&mut self, place: &str, line: &str) -> Result<bool, Trouble> {
        if !self.lab.asks_first(place, line)? {
            return Ok(true);
        }
        let yes = self.ask_for(&[line.to_owned()], "consent-line", "consent-question");
        if yes {
            self.lab.permit(line, Permit::Once);
        }
        Ok(yes)
    }

    /// The error of a line that was not permitted.
    pub(super) fn not_permitted(&self, line: &str) -> Trouble {
        Trouble::failed(self.say("consent-refused", &[("line", line.into())])).hint(self.say("consent-hint", &[]))
    }

    /// Asks once for all that the course looks at on the learner's own machine to see how far a step is.
    pub(super) fn ask_for_probes(&mut self) {
        let facts = self.facts();
        let probes: Vec<String> = self
            .guide
            .course()
            .steps()
            .flat_map(|step| step.checks.iter().flat_map(|check| &check.probes))
            .filter(|probe| probe.at == Role::Machine)
            .map(|probe| probe.run.show(&facts))
            .collect();
        let mut asked: Vec<String> = Vec::new();
        for line in probes {
            if !asked.contains(&line) && self.lab.asks_first(Role::Machine.name(), &line).unwrap_or(false) {
                asked.push(line);
            }
        }
        if !asked.is_empty() && self.ask_for(&asked, "consent-probes", "consent-question") {
            for line in asked {
                self.lab.permit(&line, Permit::Always);
            }
        }
    }

    fn ask_for(&mut self, lines: &[String], head: &str, question: &str) -> bool {
        self.tell(head, &[]);
        for line in lines {
            self.console.lines(&[Line::of(format!("    {}", sanitised(line)), Ink::Block)]);
        }
        let question = self.say(question, &[]);
        self.confirm(&question)
    }
}
