//! The words of every screen, in every language: Fluent files embedded in the binary, and one way to say a message.
//!
//! Words live in `assets/words/*.en.ftl` and `assets/words/*.zh.ftl`, a file a subject; a message that is missing in one
//! language is a failing test, not a surprise on a screen. Pure: the files are part of the binary, and which language
//! to speak is an argument.

mod said;

use std::fmt;
use std::str::FromStr;

pub use fluent_bundle::FluentValue;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use include_dir::{Dir, include_dir};
use unic_langid::LanguageIdentifier;

pub use self::said::Said;

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/assets/words");

/// A language that esplain speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Chinese, simplified.
    Zh,
}

impl Language {
    /// Every language, English first.
    pub const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// The code used in file names and in `--lang`: `en`, `zh`.
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// The language that a locale such as `zh_CN.UTF-8` or `en_GB` asks for, if it is one of ours.
    pub fn of_locale(locale: &str) -> Option<Self> {
        locale.split(['_', '-', '.', '@']).next()?.parse().ok()
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A language that esplain does not speak.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no language {0:?}: esplain speaks en (English) and zh (中文)")]
pub struct UnknownLanguage(pub String);

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(text: &str) -> Result<Self, UnknownLanguage> {
        Self::ALL
            .into_iter()
            .find(|language| language.code().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownLanguage(text.to_owned()))
    }
}

/// All messages of one language.
pub struct Words {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl Words {
    /// Reads the embedded files of `language`.
    pub fn new(language: Language) -> Self {
        let locale: LanguageIdentifier = language.code().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![locale]);
        // Isolation marks (U+2068, U+2069) would be seen as rubbish in a terminal and break a copied command.
        bundle.set_use_isolating(false);
        for source in sources(language) {
            // A broken message loses itself only; that none is broken is a test of this module.
            let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(resource, _)| resource);
            bundle.add_resource_overriding(resource);
        }
        Self { language, bundle }
    }

    /// The language of these words.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Whether there is a message of this id.
    pub fn has(&self, id: &str) -> bool {
        self.bundle.get_message(id).is_some_and(|message| message.value().is_some())
    }

    /// The message `id` with its `{ $name }` places filled; an unknown id is said as `⟦id⟧`, which no screen test lets through.
    ///
    /// ```
    /// use esplain::words::{Language, Words};
    /// let words = Words::new(Language::En);
    /// assert_eq!(words.say("no-such-message", &[]), "⟦no-such-message⟧");
    /// ```
    pub fn say(&self, id: &str, args: &[(&str, FluentValue<'_>)]) -> String {
        let Some(pattern) = self.bundle.get_message(id).and_then(|message| message.value()) else {
            return format!("⟦{id}⟧");
        };
        let args: FluentArgs<'_> = args.iter().map(|(name, value)| (*name, value.clone())).collect();
        // A place that no argument fills shows as `{$name}`: the reader sees what is missing, and so does the test.
        self.bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Words").field(&self.language).finish()
    }
}

fn sources(language: Language) -> impl Iterator<Item = &'static str> {
    let ending = format!(".{language}.ftl");
    FILES
        .files()
        .filter(move |file| file.path().to_str().is_some_and(|path| path.ends_with(&ending)))
        .filter_map(include_dir::File::contents_utf8)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use fluent_syntax::ast::{Entry, Expression, InlineExpression, PatternElement};

    use super::*;

    /// Message id to the names of its places, for one language; panics on a file that is not whole.
    fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
        let mut found = BTreeMap::new();
        for source in sources(language) {
            let resource = FluentResource::try_new(source.to_owned()).map_err(|(_, errors)| errors).unwrap();
            for entry in resource.entries() {
                let Entry::Message(message) = entry else { continue };
                let mut places = BTreeSet::new();
                for element in message.value.iter().flat_map(|pattern| &pattern.elements) {
                    if let PatternElement::Placeable { expression } = element {
                        names(expression, &mut places);
                    }
                }
                let id = message.id.name.to_owned();
                assert!(found.insert(id.clone(), places).is_none(), "{id} is said twice in {language}");
            }
        }
        found
    }

    fn names(expression: &Expression<&str>, places: &mut BTreeSet<String>) {
        let inline = match expression {
            Expression::Inline(inline) | Expression::Select { selector: inline, .. } => inline,
        };
        if let InlineExpression::VariableReference { id } = inline {
            places.insert(id.name.to_owned());
        }
    }

    #[test]
    fn every_language_says_the_same_messages_with_the_same_places() {
        let english = messages(Language::En);
        assert!(!english.is_empty(), "no words are embedded");
        for language in Language::ALL {
            let other = messages(language);
            let differing: Vec<_> = english
                .keys()
                .chain(other.keys())
                .filter(|id| english.get(*id) != other.get(*id))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect();
            assert!(differing.is_empty(), "en and {language} differ in {differing:?}");
        }
    }

    #[test]
    fn a_locale_names_its_language() {
        assert_eq!(Language::of_locale("zh_CN.UTF-8"), Some(Language::Zh));
        assert_eq!(Language::of_locale("en"), Some(Language::En));
        assert_eq!(Language::of_locale("C"), None);
        assert_eq!("fr".parse::<Language>(), Err(UnknownLanguage("fr".into())));
    }

    #[test]
    fn a_message_is_said_without_isolation_marks() {
        let words = Words::new(Language::Zh);
        let said = words.say("words-unread", &[("line", 3.into()), ("reason", "x".into())]);
        assert!(said.contains('3') && !said.contains('\u{2068}'), "{said}");
    }
}
