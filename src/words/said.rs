use std::fmt;
use std::ops::Deref;
use std::sync::LazyLock;

use super::{FluentValue, Language, Words};

/// A sentence that was made where nobody knows the reader's language: it reads as English, and is said in any other by
/// whoever shows it. What comes from elsewhere (an error of the system, a tool's line) stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    english: String,
    message: Option<(&'static str, Vec<(&'static str, String)>)>,
}

static ENGLISH: LazyLock<Words> = LazyLock::new(|| Words::new(Language::En));

impl Said {
    /// The message `id` with its places filled.
    pub fn of(id: &'static str, places: &[(&'static str, &dyn fmt::Display)]) -> Self {
        let places: Vec<_> = places.iter().map(|(name, value)| (*name, value.to_string())).collect();
        Self { english: say(&ENGLISH, id, &places), message: Some((id, places)) }
    }

    /// The sentence in another language.
    pub fn in_words(&self, words: &Words) -> String {
        self.message.as_ref().map_or_else(|| self.english.clone(), |(id, places)| say(words, id, places))
    }
}

fn say(words: &Words, id: &str, places: &[(&'static str, String)]) -> String {
    let places: Vec<_> = places.iter().map(|(name, value)| (*name, FluentValue::from(value.as_str()))).collect();
    words.say(id, &places)
}

impl Deref for Said {
    type Target = str;

    fn deref(&self) -> &str {
        &self.english
    }
}

impl From<String> for Said {
    fn from(english: String) -> Self {
        Self { english, message: None }
    }
}

impl From<&str> for Said {
    fn from(english: &str) -> Self {
        english.to_owned().into()
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl PartialEq<&str> for Said {
    fn eq(&self, other: &&str) -> bool {
        self.english == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_read_in_english_and_said_in_the_readers_language() {
        let said = Said::of("words-unread", &[("line", &3), ("reason", &"x")]);
        for language in Language::ALL {
            let wanted = Words::new(language).say("words-unread", &[("line", "3".into()), ("reason", "x".into())]);
            assert_eq!(said.in_words(&Words::new(language)), wanted);
        }
        assert_eq!(said.to_string(), said.in_words(&Words::new(Language::En)));
        let foreign = Said::from("as the system says it");
        assert_eq!(foreign.in_words(&Words::new(Language::Zh)), "as the system says it");
    }
}
