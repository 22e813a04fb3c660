//! Small changes to a `course.yaml` that leave everything else of it, comments included, as its author wrote it.

use super::yaml::{self, Spanned};

/// The text with the step `id` listed behind the step `after`; `None` when that one is not listed.
pub fn with_step(source: &str, after: &str, id: &str) -> Option<String> {
    let course: yaml::Course = yaml::read("course.yaml", source).ok()?;
    let listed = course.parts.iter().flat_map(|part| &part.steps).find(|step| step.value == after)?;
    with_item(source, listed, id)
}

/// The text with one more language; `None` when it lists none.
pub fn with_language(source: &str, language: &str) -> Option<String> {
    let course: yaml::Course = yaml::read("course.yaml", source).ok()?;
    with_item(source, course.languages.last()?, language)
}

/// The text with `item` behind `listed` in its list, whichever way the list is written.
fn with_item(source: &str, listed: &Spanned<String>, item: &str) -> Option<String> {
    let spot = yaml::spot(source, listed)?;
    let (before, behind) = (source.get(..spot.octets.end)?, source.get(spot.octets.end..)?);
    let line = before.get(before.rfind('\n').map_or(0, |at| at + 1)..)?;
    // `- item` stands alone on its line; in `[a, b]` items follow each other.
    if let Some(indent) = line.find("- ").filter(|at| line[..*at].trim().is_empty()) {
        let (rest, below) = behind.split_once('\n').map_or((behind, ""), |(rest, below)| (rest, below));
        return Some(format!("{before}{rest}\n{}- {item}\n{below}", &line[..indent]));
    }
    Some(format!("{before}, {item}{behind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: &str =
        "format: 1\nid: a\nlanguages: [en] # words\nlabs: [sim]\nparts:\n  - id: p\n    steps: [one, two] # two\n";
    const BLOCK: &str = "format: 1\nid: a\nlanguages:\n- en\nlabs: [sim]\nparts:\n  - id: p\n    steps:\n      - one # first\n      - two\n";

    #[test]
    fn a_step_is_listed_behind_another_and_nothing_else_changes() {
        assert_eq!(with_step(FLOW, "one", "new").unwrap(), FLOW.replace("[one, two]", "[one, new, two]"));
        assert_eq!(with_step(FLOW, "two", "new").unwrap(), FLOW.replace("[one, two]", "[one, two, new]"));
        assert_eq!(with_step(BLOCK, "one", "new").unwrap(), BLOCK.replace("# first\n", "# first\n      - new\n"));
        assert_eq!(with_step(BLOCK, "two", "new").unwrap(), format!("{BLOCK}      - new\n"));
        assert_eq!(with_step(FLOW, "three", "new"), None);
    }

    #[test]
    fn a_language_is_added_to_either_form_of_list() {
        assert_eq!(with_language(FLOW, "zh").unwrap(), FLOW.replace("[en]", "[en, zh]"));
        assert_eq!(with_language(BLOCK, "zh").unwrap(), BLOCK.replace("- en\n", "- en\n- zh\n"));
    }
}
