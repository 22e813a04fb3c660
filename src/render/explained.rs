use std::collections::{BTreeMap, HashMap};

use super::{Line, Look, Role, sanitised};
use crate::explain::{Explained, Explanation, mask_keys};
use crate::words::Words;

/// A pasted text with, below each of its lines, what the fields of that line mean.
///
/// Keys show as fingerprints unless `with_keys`. Lines that could not be read are followed by the reason.
pub fn explained(text: &str, explanation: &Explanation, with_keys: bool, look: &Look, words: &Words) -> Vec<Line> {
    let mut lines = Vec::new();
    // A sentence is said once; where it would be said again, the line is named.
    let mut said: HashMap<&str, usize> = HashMap::new();
    let mut notes = explanation.notes.iter().peekable();
    let mut unread = explanation.unread.iter().peekable();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let shown = if with_keys { line.to_owned() } else { mask_keys(line) };
        lines.push(Line::of(sanitised(shown.trim_end_matches('\r')), Role::Block));
        let mut own = Vec::new();
        while let Some(note) = notes.next_if(|note| note.span.line <= number) {
            own.push(note);
        }
        // The command that made a listing explains itself.
        own.retain(|note| note.field != "command");
        let (known, new): (Vec<_>, Vec<_>) =
            own.into_iter().partition(|note| said.get(note.text.as_str()).is_some_and(|first| *first < number));
        for note in &new {
            said.entry(&note.text).or_insert(number);
        }
        lines.extend(notes_of(&new, line, with_keys, look));
        lines.extend(as_above(&known, &said, look, words));
        while let Some(unread) = unread.next_if(|unread| unread.line <= number) {
            let reason = [("line", unread.line.into()), ("reason", sanitised(&unread.reason).into())];
            lines.extend(indented(&Line::of(words.say("words-unread", &reason), Role::Warning), 4, look));
        }
    }
    lines
}

/// The fields whose sentences were said before: `reqid 1, mode tunnel: as in line 3`.
fn as_above(notes: &[&Explained], said: &HashMap<&str, usize>, look: &Look, words: &Words) -> Vec<Line> {
    let mut by_line: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for note in notes {
        let first = said.get(note.text.as_str()).copied().unwrap_or_default();
        by_line.entry(first).or_default().push(sanitised(&note.words));
    }
    let line = |(first, fields): (usize, Vec<String>)| {
        let above = words.say("explain-as-above", &[("line", first.into())]);
        indented(&Line::of(format!("{}: {above}", fields.join(", ")), Role::Quiet), 4, look)
    };
    by_line.into_iter().flat_map(line).collect()
}

/// From this width on the sentences stand beside the words, below it under them.
const TWO_COLUMNS: usize = 70;
/// Wider words get a line of their own.
const WIDEST_WORDS: usize = 26;

fn notes_of(notes: &[&Explained], line: &str, with_keys: bool, look: &Look) -> Vec<Line> {
    let words = |note: &Explained| {
        let raw = line.get(note.span.start..note.span.end).unwrap_or_default();
        Line::of(sanitised(if with_keys { raw } else { &note.words }), Role::Code)
    };
    let widths = notes.iter().map(|note| words(note).width()).filter(|width| *width <= WIDEST_WORDS);
    let column = widths.max().unwrap_or(0);
    let mut lines = Vec::new();
    for note in notes {
        let own = words(note);
        let sentence = Line::text(&note.text);
        if look.plain {
            lines.push(own.and(": ", Role::Text).and(&note.text, Role::Text));
        } else if look.width < TWO_COLUMNS || own.width() > column {
            lines.extend(indented(&own, 4, look));
            let indent = if look.width < TWO_COLUMNS { 6 } else { column + 6 };
            lines.extend(indented(&sentence, indent, look));
        } else {
            let mut beside = indented(&sentence, column + 6, look).into_iter();
            let first = beside.next().unwrap_or_default();
            let padding = column + 2 - own.width();
            let mut joined = Line::text("    ");
            joined.append(own);
            joined.append(Line::text(" ".repeat(padding)));
            joined.append(without_indent(&first));
            lines.push(joined);
            lines.extend(beside);
        }
    }
    lines
}

/// The line broken to the width that is left, each part behind `indent` blanks.
fn indented(line: &Line, indent: usize, look: &Look) -> Vec<Line> {
    let parts = look.spelled(line).wrapped(look.width.saturating_sub(indent + 1));
    parts
        .into_iter()
        .map(|part| {
            let mut whole = Line::text(" ".repeat(indent));
            whole.append(part);
            whole
        })
        .collect()
}

fn without_indent(line: &Line) -> Line {
    let blanks = line.plain().len() - line.plain().trim_start().len();
    line.after(blanks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::explain;
    use crate::words::Language;

    const TEXT: &str = "src 0.0.0.0 dst 10.0.0.66\n\tproto esp spi 0x00000003 reqid 1 mode tunnel\nwhat?\n\
        \taead rfc4106(gcm(aes)) 0x57285668044570155efc572d5bd2f7427bfaadc6 128\n";

    fn shown(width: usize, with_keys: bool, language: Language) -> String {
        let words = Words::new(language);
        let look = Look { width, colour: false, unicode: true, plain: false };
        let lines = explained(TEXT, &explain(TEXT, &words), with_keys, &look, &words);
        for line in &lines {
            // What was pasted is not broken.
            assert!(line.width() <= width || line.0[0].role == Role::Block, "{width}: {}", line.plain());
        }
        lines.iter().map(|line| line.plain().trim_end().to_owned() + "\n").collect()
    }

    #[test]
    fn the_sentences_stand_below_the_line_and_beside_the_words() {
        let text = shown(100, false, Language::En);
        assert!(text.starts_with(
            "src 0.0.0.0 dst 10.0.0.66\n    src 0.0.0.0    Outer source 0.0.0.0 is a wildcard: any sender."
        ));
        assert!(text.contains("\n                   "), "a long sentence goes on under itself:\n{text}");
        assert!(text.contains("what?\n    line 3 could not be read: "));
    }

    #[test]
    fn a_narrow_screen_and_every_language_keep_to_the_width() {
        for language in Language::ALL {
            for width in [40, 60, 80, 120] {
                shown(width, false, language);
            }
        }
    }

    #[test]
    fn a_sentence_is_said_once() {
        let words = Words::new(Language::En);
        let look = Look { width: 80, colour: false, unicode: true, plain: false };
        let twice = TEXT.repeat(2);
        let lines = explained(&twice, &explain(&twice, &words), false, &look, &words);
        let text: String = lines.iter().map(|line| line.plain() + "\n").collect();
        assert_eq!(text.matches("is a wildcard").count(), 1);
        assert!(text.contains("    src 0.0.0.0, dst 10.0.0.66: as in line 1\n"), "{text}");
    }

    #[test]
    fn keys_show_only_when_asked_for() {
        assert!(!shown(80, false, Language::En).contains("57285668"));
        assert!(shown(80, true, Language::En).contains("0x57285668044570155efc572d5bd2f7427bfaadc6"));
    }
}
