use std::fmt;

/// How many of something a check wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// The smallest number that will do.
    pub at_least: u64,
    /// The greatest, if there is one.
    pub at_most: Option<u64>,
}

impl Count {
    /// Exactly this many.
    pub fn exactly(number: u64) -> Self {
        Self { at_least: number, at_most: Some(number) }
    }

    /// This many or more.
    pub fn at_least(number: u64) -> Self {
        Self { at_least: number, at_most: None }
    }

    /// Whether `number` will do.
    pub fn allows(self, number: usize) -> bool {
        let number = number as u64;
        number >= self.at_least && self.at_most.is_none_or(|most| number <= most)
    }
}

impl fmt::Display for Count {
    /// `3`, `≥ 3`, `≤ 5` or `3–5`: signs rather than words, since they stand in sentences of every language.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.at_least, self.at_most) {
            (least, Some(most)) if least == most => write!(f, "{least}"),
            (least, None) => write!(f, "≥ {least}"),
            (0, Some(most)) => write!(f, "≤ {most}"),
            (least, Some(most)) => write!(f, "{least}–{most}"),
        }
    }
}
