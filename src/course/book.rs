use std::collections::BTreeMap;

use super::fault::{Fault, Gravity};
use super::files::Files;
use super::text::{CourseText, StepText};
use super::{Course, convert, markdown};

/// A course together with its words in every language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    /// The logic.
    pub course: Course,
    /// The words, by language code.
    texts: BTreeMap<String, CourseText>,
}

impl Book {
    /// Reads a course from its files.
    ///
    /// # Errors
    /// The faults under which it cannot be used; [`super::lint()`] finds more.
    pub fn read(files: &Files) -> Result<Self, Vec<Fault>> {
        let (book, faults) = Self::read_what_is_there(files);
        match book {
            Some(book) if faults.iter().all(|fault| fault.gravity != Gravity::Error) => Ok(book),
            _ => Err(faults),
        }
    }

    /// Reads as much as can be read, and says what cannot.
    pub(super) fn read_what_is_there(files: &Files) -> (Option<Self>, Vec<Fault>) {
        let mut faults = Vec::new();
        let Some(course) = convert::course(files, &mut faults) else { return (None, faults) };
        let mut texts = BTreeMap::new();
        for language in &course.languages {
            let mut text = files
                .text(&format!("{language}/course.md"))
                .map(|source| markdown::course(&format!("{language}/course.md"), source, &mut faults))
                .unwrap_or_default();
            for step in course.steps() {
                let path = format!("{language}/{}.md", step.id);
                if let Some(source) = files.text(&path) {
                    text.steps.insert(step.id.clone(), markdown::step(&path, source, &mut faults));
                }
            }
            texts.insert(language.clone(), text);
        }
        (Some(Self { course, texts }), faults)
    }

    /// The course's own words in a language, or in the first language that has some.
    pub fn words(&self, language: &str) -> &CourseText {
        static NONE: CourseText =
            CourseText { title: String::new(), blurb: String::new(), parts: BTreeMap::new(), steps: BTreeMap::new() };
        self.languages_from(language).find(|text| !text.title.is_empty()).unwrap_or(&NONE)
    }

    /// The words of a step in a language, or in the first language that has some; `None` when none has.
    pub fn step_words(&self, language: &str, step: &str) -> Option<&StepText> {
        self.languages_from(language).find_map(|text| text.steps.get(step))
    }

    /// The words in one language and no other.
    pub fn text(&self, language: &str) -> Option<&CourseText> {
        self.texts.get(language)
    }

    /// The wanted language first, then the course's own order.
    fn languages_from(&self, language: &str) -> impl Iterator<Item = &CourseText> {
        let others = self.course.languages.iter().filter(move |other| *other != language);
        self.texts.get(language).into_iter().chain(others.filter_map(|other| self.texts.get(other)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_course_in_the_binary_can_be_read() {
        let ids: Vec<&str> = Files::embedded_courses().collect();
        assert!(ids.contains(&"cilium-ipsec"), "{ids:?}");
        for id in ids {
            let files = Files::embedded(id).unwrap();
            let book = Book::read(&files).unwrap_or_else(|faults| {
                let told: Vec<String> = faults.iter().map(|fault| fault.render(id, &files, false)).collect();
                panic!("{}", told.join("\n\n"))
            });
            assert_eq!(book.course.id, id);
            assert!(book.course.steps().count() > 0);
        }
    }
}
