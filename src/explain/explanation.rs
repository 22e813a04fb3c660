use super::note::Note;
use super::sort::{Block, Kind, blocks};
use super::{link, mask_keys, route, tcpdump, xfrm};
use crate::listing::{Listing, Place, Span, Unread};
use crate::words::Words;
use crate::xfrm::read_counters;

/// A pasted text, explained.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Explanation {
    /// The sentences, in the order of the text.
    pub notes: Vec<Explained>,
    /// The lines that could not be read.
    pub unread: Vec<Unread>,
    /// The kinds of text that were recognised, each once, in the order of the text.
    pub kinds: Vec<Kind>,
}

/// One sentence about one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Where the field stands.
    pub span: Span,
    /// Which field: `state-src`, `rule-fwmark`, `counter-XfrmInNoStates`.
    pub field: &'static str,
    /// The id of the message; it says which case this is.
    pub message: String,
    /// The words of the field as they stand there, keys masked.
    pub words: String,
    /// The sentence.
    pub text: String,
}

impl Explanation {
    /// Whether nothing was recognised, commands aside.
    pub fn is_empty(&self) -> bool {
        self.kinds.iter().all(|kind| *kind == Kind::Command)
    }

    /// The sentences about one line, numbered from 1.
    pub fn of_line(&self, line: usize) -> impl Iterator<Item = &Explained> {
        self.notes.iter().filter(move |note| note.span.line == line)
    }
}

/// Explains each field of a pasted text in the language of `words`.
pub fn explain(text: &str, words: &Words) -> Explanation {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Explanation::default();
    for block in blocks(text) {
        let own = lines.get(block.first - 1..block.last).unwrap_or_default();
        let (notes, unread) = read(own, &block);
        if !notes.is_empty() && !found.kinds.contains(&block.kind) {
            found.kinds.push(block.kind);
        }
        // The readers count from the block's first line.
        let shift = block.first - 1;
        found.notes.extend(notes.into_iter().map(|note| said(&note, own, shift, words)));
        found.unread.extend(unread.into_iter().map(|unread| Unread { line: unread.line + shift, ..unread }));
    }
    found.notes.sort_by_key(|note| (note.span.line, note.span.start));
    found
}

fn said(note: &Note, lines: &[&str], shift: usize, words: &Words) -> Explained {
    // A comma after a value separates it from the next one.
    let own = slice(lines, note.span).trim_end_matches(',');
    let span = Span { line: note.span.line + shift, start: note.span.start, end: note.span.start + own.len() };
    Explained { span, field: note.field, message: note.message(), words: mask_keys(own), text: note.say(words) }
}

fn slice<'a>(lines: &[&'a str], span: Span) -> &'a str {
    let line = span.line.checked_sub(1).and_then(|index| lines.get(index)).copied().unwrap_or_default();
    line.get(span.start..span.end).unwrap_or_default()
}

/// Reads one block with the reader of its kind.
fn read(lines: &[&str], block: &Block) -> (Vec<Note>, Vec<Unread>) {
    let own = lines.join("\n");
    let masked = |span: Span| mask_keys(slice(lines, span));
    match block.kind {
        Kind::Blank => (Vec::new(), Vec::new()),
        Kind::Command => {
            let filled = lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty());
            let note = |(index, line): (usize, &&str)| {
                Note::of("command", Span { line: index + 1, start: 0, end: line.len() })
            };
            (filled.map(note).collect(), Vec::new())
        }
        Kind::Xfrm => {
            let (listing, places) = crate::xfrm::parse_excerpt(&own);
            notes(listing, &places, |place, entry| xfrm::note(place, entry, &masked(place.span)))
        }
        Kind::Rule => {
            let (listing, places) = crate::route::read_rules(&own);
            notes(listing, &places, |place, rule| route::of_rule(place, rule, &masked(place.span)))
        }
        Kind::Route => {
            let table = block.table.clone().unwrap_or_else(|| route::guess_table(&own));
            let (listing, places) = crate::route::read_routes(&own, &table);
            notes(listing, &places, |place, one| route::of_route(place, one, &masked(place.span)))
        }
        Kind::Counters => {
            let (listing, places) = read_counters(&own);
            notes(listing, &places, |place, _| Note::of(place.field.id(), place.span))
        }
        Kind::Link => link::notes(&own),
        Kind::Tcpdump => tcpdump::notes(&own),
        Kind::Unknown => (Vec::new(), unknown(lines)),
    }
}

fn notes<T, F>(
    listing: Listing<T>,
    places: &[Place<F>],
    note: impl Fn(&Place<F>, &T) -> Note,
) -> (Vec<Note>, Vec<Unread>) {
    let notes = places.iter().filter_map(|place| Some(note(place, listing.items.get(place.item)?))).collect();
    (notes, listing.unread)
}

fn unknown(lines: &[&str]) -> Vec<Unread> {
    let filled = lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let unread = |(index, line): (usize, &&str)| Unread {
        line: index + 1,
        text: mask_keys(line),
        reason: "neither ip (xfrm, rule, route, addr, link) nor tcpdump nor /proc/net/xfrm_stat prints such a line"
            .to_owned(),
    };
    filled.map(unread).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{LinkField, TcpdumpField};
    use super::*;
    use crate::words::Language;
    use crate::xfrm::Counter;

    /// Text that shows every field in every case for which there is a sentence of its own.
    const EVERYTHING: &str = include_str!("everything.txt");

    #[test]
    fn every_field_that_a_reader_knows_is_explained_in_every_language() {
        let fields = crate::xfrm::Field::ALL.iter().map(|field| field.id());
        let fields = fields.chain(crate::route::Field::ALL.iter().map(|field| field.id()));
        let fields = fields.chain(LinkField::ALL.iter().map(|field| field.id()));
        let fields = fields.chain(TcpdumpField::ALL.iter().map(|field| field.id()));
        let fields: Vec<_> = fields.chain(Counter::ALL.iter().map(|counter| counter.id())).collect();
        for language in Language::ALL {
            let words = Words::new(language);
            let missing: Vec<_> = fields.iter().filter(|field| !words.has(&format!("explain-{field}"))).collect();
            assert!(missing.is_empty(), "{language}: {missing:?}");
        }
    }

    #[test]
    fn every_sentence_is_said_of_some_text_and_every_place_in_it_is_filled() {
        let mut said = BTreeSet::new();
        for language in Language::ALL {
            let explanation = explain(EVERYTHING, &Words::new(language));
            for note in explanation.notes {
                assert!(!note.text.contains(['⟦', '{']), "{language} {}: {}", note.message, note.text);
                said.insert(note.message);
            }
        }
        let written: BTreeSet<String> = include_str!("../../assets/words/explain.en.ftl")
            .lines()
            .filter_map(|line| line.split_once(" =").map(|(id, _)| id.to_owned()))
            // That one is of the screens.
            .filter(|id| id.starts_with("explain-") && id != "explain-as-above")
            .collect();
        let never: Vec<_> = written.difference(&said).collect();
        assert!(never.is_empty(), "never said: {never:#?}");
    }

    #[test]
    fn every_line_of_everything_is_read() {
        assert_eq!(explain(EVERYTHING, &Words::new(Language::En)).unread, []);
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = "57285668044570155efc572d5bd2f7427bfaadc6";
        let text = format!(
            "src 10.0.0.66 dst 10.0.1.236\n\tproto esp spi 0x3 reqid 1 mode tunnel\n\taead rfc4106(gcm(aes)) 0x{key} 128\n\
             oops 0x{key}\n"
        );
        let explanation = explain(&text, &Words::new(Language::En));
        assert!(!format!("{explanation:?}").contains(&key[..16]), "{explanation:?}");
        assert!(explanation.notes.iter().any(|note| note.words.contains("<fingerprint ")));
    }

    #[test]
    fn roles_follow_the_mark() {
        let words = Words::new(Language::En);
        let text = "src 0.0.0.0 dst 10.0.0.66\n\tproto esp spi 0x00000003 reqid 1 mode tunnel\n\tmark 0xd00/0xf00 output-mark 0xd00/0xf00\n";
        let explanation = explain(text, &words);
        let messages: Vec<_> = explanation.notes.iter().map(|note| (note.span.line, note.message.as_str())).collect();
        assert_eq!(
            messages,
            [
                (1, "explain-state-src-any"),
                (1, "explain-state-dst-decrypt"),
                (2, "explain-state-proto-esp"),
                (2, "explain-state-spi"),
                (2, "explain-state-reqid"),
                (2, "explain-state-mode-tunnel"),
                (3, "explain-state-mark-decrypt"),
                (3, "explain-output-mark-decrypt"),
            ]
        );
        assert_eq!(explanation.notes[0].words, "src 0.0.0.0");
    }

    #[test]
    fn an_excerpt_without_its_first_line_is_explained() {
        let words = Words::new(Language::En);
        let messages =
            |text: &str| explain(text, &words).notes.into_iter().map(|note| note.message).collect::<Vec<_>>();
        assert_eq!(
            messages("\tmark 0x3e00/0xff00 output-mark 0xe00/0xf00\n"),
            ["explain-state-mark-encrypt", "explain-output-mark-encrypt"]
        );
        assert_eq!(messages("src 0.0.0.0 dst 10.0.0.66\n"), ["explain-state-src-any", "explain-state-dst"]);
        assert_eq!(messages("\tdir fwd priority 2975\n"), ["explain-policy-dir-fwd", "explain-policy-priority-fwd"]);
    }

    #[test]
    fn prose_is_not_explained() {
        let explanation = explain("Dear all,\nour tunnel is down. Can you help?\n", &Words::new(Language::En));
        assert!(explanation.is_empty());
        assert_eq!(explanation.unread.len(), 2);
    }
}
