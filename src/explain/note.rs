use crate::listing::Span;
use crate::words::Words;

/// What there is to say about one field: which message, and what to put into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) field: &'static str,
    pub(super) variant: Option<&'static str>,
    pub(super) span: Span,
    pub(super) args: Vec<(&'static str, String)>,
}

impl Note {
    /// The message `explain-<field>`, without arguments.
    pub(super) fn of(field: &'static str, span: Span) -> Self {
        Self { field, variant: None, span, args: Vec::new() }
    }

    /// The message `explain-<field>-<variant>` instead.
    #[must_use]
    pub(super) fn variant(self, variant: &'static str) -> Self {
        Self { variant: Some(variant), ..self }
    }

    /// Puts a value into the message.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "callers give numbers and results of calls as they are")]
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.args.push((name, value.to_string()));
        self
    }

    /// The id of the message.
    pub(super) fn message(&self) -> String {
        match self.variant {
            Some(variant) => format!("explain-{}-{variant}", self.field),
            None => format!("explain-{}", self.field),
        }
    }

    /// The sentence.
    pub(super) fn say(&self, words: &Words) -> String {
        let args: Vec<_> = self.args.iter().map(|(name, value)| (*name, value.as_str().into())).collect();
        words.say(&self.message(), &args)
    }
}
