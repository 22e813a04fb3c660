use super::step::Step;
use super::template::{Facts, complete};
use crate::profile::Profile;

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

    /// Leaves out what is not true of a cluster of this profile.
    pub fn fit(&mut self, profile: Profile) {
        let fits = |of: Option<Profile>| of.is_none_or(|of| of == profile);
        for step in self.parts.iter_mut().flat_map(|part| &mut part.steps) {
            step.annotations.retain(|annotation| fits(annotation.profile));
            step.quiz.retain(|question| fits(question.profile));
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::{Book, Files};

    #[test]
    fn a_profile_leaves_out_what_is_true_of_another_alone() {
        let course = "format: 1\nid: c\nlanguages: [en]\nlabs: [sim]\nparts: [{ id: p, steps: [one] }]\n";
        let step = "id: one\nplace: worker\nannotations:\n  - { id: a, line: x }\n  - { id: b, line: x, profile: current }\n\
                    quiz:\n  - { id: c, kind: number, answer: 3 }\n  - { id: d, kind: number, answer: 3, profile: tutorial }\n";
        let files = Files::from_iter([
            ("course.yaml".to_owned(), course.to_owned()),
            ("steps/one.yaml".to_owned(), step.to_owned()),
        ]);
        let whole = Book::read(&files).unwrap_or_else(|faults| panic!("{faults:?}")).course;
        for (profile, left) in [(Profile::Tutorial, ["a", "c", "d"]), (Profile::Current, ["a", "b", "c"])] {
            let mut course = whole.clone();
            course.fit(profile);
            let step = course.step("one").expect("it is there");
            let ids = step.annotations.iter().map(|note| &note.id).chain(step.quiz.iter().map(|question| &question.id));
            assert_eq!(ids.collect::<Vec<_>>(), left, "{profile:?}");
        }
    }
}
