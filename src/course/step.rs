use super::check::Check;
use super::quiz::Question;
use super::role::Role;
use super::template::Template;
use crate::profile::Profile;

/// The logic of one step. Its words are in `super::CourseText`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its id, unique in the course.
    pub id: String,
    /// The part of the course it belongs to.
    pub part: String,
    /// Where it begins.
    pub place: Role,
    /// What the guide does quietly when the step begins: the fault that is to be found.
    pub setup: Vec<SetupLine>,
    /// What must be seen; empty for a step to read.
    pub checks: Vec<Check>,
    /// The lines of the model solution, typed at `place`.
    pub solution: Vec<Template>,
    /// Other ways that count too.
    pub variants: Vec<Vec<Template>>,
    /// Ways that do not count.
    pub wrong: Vec<Vec<Template>>,
    /// What is said beside the output.
    pub annotations: Vec<Annotation>,
    /// Asked when the checks are met.
    pub quiz: Vec<Question>,
    /// Names this content: progress made under another hash was made with another step.
    pub hash: String,
}

/// A line that the guide runs, unseen, before the learner begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupLine {
    /// Where it runs: a node or a pod, never the learner's machine.
    pub at: Role,
    /// The line.
    pub run: Template,
}

/// A line of output to say something about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Names the note in the words.
    pub id: String,
    /// A regular expression for the line.
    pub line: Template,
    /// The profile of the cluster that it is true of; `None` for each.
    pub profile: Option<Profile>,
}

impl Step {
    /// The check with this id.
    pub fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// Every line that the guide may run by itself for this step, with its place, in order and each once: the setup, the
    /// solution (when the step is skipped, or prepared for a later one) and the probes of its checks.
    pub fn errands(&self) -> Vec<(Role, &Template)> {
        self.errands_with(std::iter::once(&self.solution))
    }

    /// Every line that proving this step runs, with its place, in order and each once: beside the [errands](Self::errands)
    /// the other ways that count and those that do not.
    pub fn errands_of_proof(&self) -> Vec<(Role, &Template)> {
        self.errands_with(std::iter::once(&self.solution).chain(&self.variants).chain(&self.wrong))
    }

    fn errands_with<'s>(&'s self, ways: impl Iterator<Item = &'s Vec<Template>>) -> Vec<(Role, &'s Template)> {
        let mut errands: Vec<(Role, &Template)> = self.setup.iter().map(|line| (line.at, &line.run)).collect();
        for way in ways {
            let mut place = self.place;
            for line in way {
                match line.as_written().strip_prefix(':') {
                    None => errands.push((place, line)),
                    Some(guide) => {
                        let on = guide.strip_prefix("on ").and_then(|at| at.trim().parse().ok());
                        place = on.unwrap_or(place);
                    }
                }
            }
        }
        errands.extend(self.checks.iter().flat_map(|check| &check.probes).map(|probe| (probe.at, &probe.run)));
        let mut seen = std::collections::BTreeSet::new();
        errands.retain(|(place, line)| seen.insert((*place, line.as_written())));
        errands
    }

    /// The question with this id.
    pub fn question(&self, id: &str) -> Option<&Question> {
        self.quiz.iter().find(|question| question.id == id)
    }
}
