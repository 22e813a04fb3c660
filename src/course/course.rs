use super::step::Step;
use super::template::{Facts, complete};

/// A course: its steps in order, and the parts they belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// Its id, which is also its folder's name.
    pub id: String,
    /// The codes of its languages; the first is fallen back to.
    pub languages: Vec<String>,
    /// The labs it runs on, as `--lab` names them.
    pub labs: Vec<String>,
    /// Values that are known before the lab knows them, since the course itself brings them about: names, mostly.
    pub plan: Facts,
    /// Whether it begins on a cluster that is set up already, and not on a bare machine.
    pub ready: bool,
    /// Its parts, in order.
    pub parts: Vec<Part>,
}

/// A part of a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its id; the words hold its title.
    pub id: String,
    /// Its steps, in order; never empty.
    pub steps: Vec<Step>,
}

impl Course {
    /// The lab's values, the planned ones where it has none yet, and those that follow from them.
    pub fn facts(&self, of_lab: Facts) -> Facts {
        let mut facts = self.plan.clone();
        facts.extend(of_lab);
        complete(facts)
    }

    /// All steps, in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.parts.iter().flat_map(|part| &part.steps)
    }

    /// The step with this id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps().find(|step| step.id == id)
    }

    /// The number of a step, from 1, and how many there are: the `3/24` of the prompt.
    pub fn number(&self, id: &str) -> Option<(usize, usize)> {
        let at = self.steps().position(|step| step.id == id)?;
        Some((at + 1, self.steps().count()))
    }

    /// The step after this one.
    pub fn after(&self, id: &str) -> Option<&Step> {
        self.steps().skip_while(|step| step.id != id).nth(1)
    }

    /// The step before this one.
    pub fn before(&self, id: &str) -> Option<&Step> {
        self.steps().take_while(|step| step.id != id).last().filter(|_| self.step(id).is_some())
    }
}
