use std::collections::VecDeque;

use brush_parser::ast::{ArithmeticExpr, ArithmeticTarget, BinaryOperator, UnaryOperator};

use super::session::Session;
use crate::command::{Change, Piece, Word};
use crate::lab::sim::{Files, Node};

/// Expands words: variables, `$( )` with results already at hand, field splitting, globs, quotes.
pub(super) struct Expander<'a> {
    pub(super) session: &'a Session,
    pub(super) files: Option<&'a Files>,
    /// The outputs of the substitutions, in the order of the words.
    pub(super) results: VecDeque<String>,
}

/// A part of a word under expansion: text, and whether it is protected from splitting and globs.
struct Part {
    text: String,
    quoted: bool,
}

impl Expander<'_> {
    /// All words, each giving none, one or several.
    pub(super) fn words(&mut self, words: &[Word]) -> Result<Vec<String>, String> {
        let mut expanded = Vec::new();
        for word in words {
            for field in self.fields(word)? {
                expanded.extend(self.glob(&field));
            }
        }
        Ok(expanded)
    }

    /// One word that stays one: a value, a file name, a here-document.
    pub(super) fn one(&mut self, word: &Word) -> Result<String, String> {
        let mut text = String::new();
        for piece in &word.pieces {
            for part in self.parts(piece)? {
                text.push_str(&part.text);
            }
        }
        Ok(text)
    }

    fn fields(&mut self, word: &Word) -> Result<Vec<Vec<Part>>, String> {
        let mut fields: Vec<Vec<Part>> = Vec::new();
        let mut open = false;
        for piece in &word.pieces {
            let splits =
                matches!(piece, Piece::Variable { quoted: false, .. } | Piece::Substitution { quoted: false, .. });
            if let Piece::Variable { name, quoted: true, .. } = piece
                && name == "@"
            {
                for argument in &self.session.arguments {
                    fields.push(vec![Part { text: argument.clone(), quoted: true }]);
                }
                open = !self.session.arguments.is_empty();
                continue;
            }
            for part in self.parts(piece)? {
                if !splits {
                    if !open {
                        fields.push(Vec::new());
                        open = true;
                    }
                    if let Some(field) = fields.last_mut() {
                        field.push(part);
                    }
                    continue;
                }
                let starts_blank = part.text.starts_with(char::is_whitespace);
                let ends_blank = part.text.ends_with(char::is_whitespace);
                for (at, text) in part.text.split_whitespace().enumerate() {
                    if at > 0 || starts_blank || !open {
                        fields.push(Vec::new());
                    }
                    open = true;
                    if let Some(field) = fields.last_mut() {
                        field.push(Part { text: text.to_owned(), quoted: false });
                    }
                }
                if ends_blank {
                    open = false;
                }
            }
        }
        Ok(fields)
    }

    fn parts(&mut self, piece: &Piece) -> Result<Vec<Part>, String> {
        let part = |text: String, quoted| vec![Part { text, quoted }];
        Ok(match piece {
            Piece::Text { text, quoted } => part(text.clone(), *quoted),
            Piece::Home => part(self.session.variable("HOME").unwrap_or("/root").to_owned(), true),
            Piece::Variable { name, change, quoted } => {
                let value = self.session.special(name);
                part(self.changed(value, change)?, *quoted)
            }
            Piece::Substitution { quoted, .. } => part(self.results.pop_front().unwrap_or_default(), *quoted),
            Piece::Arithmetic(expression) => part(self.arithmetic(expression)?.to_string(), true),
        })
    }

    fn changed(&mut self, value: Option<String>, change: &Change) -> Result<String, String> {
        Ok(match change {
            Change::None => value.unwrap_or_default(),
            Change::Length => value.unwrap_or_default().chars().count().to_string(),
            Change::Default { word, only_unset } => match value {
                Some(value) if *only_unset || !value.is_empty() => value,
                _ => self.inner(word)?,
            },
            Change::Instead(word) => match value {
                Some(value) if !value.is_empty() => self.inner(word)?,
                _ => String::new(),
            },
            Change::Trim { pattern, from_end, longest } => {
                let value = value.unwrap_or_default();
                trim(&value, pattern, *from_end, *longest)
            }
        })
    }

    fn inner(&mut self, word: &str) -> Result<String, String> {
        let script = crate::command::script(&format!("echo {word}")).map_err(|error| error.to_string())?;
        let mut words = Vec::new();
        for item in &script.items {
            for command in &item.first.commands {
                if let crate::command::Body::Simple { words: found, .. } = &command.body {
                    words.extend(found.iter().skip(1).cloned());
                }
            }
        }
        let texts = words.iter().map(|word| self.one(word)).collect::<Result<Vec<_>, _>>()?;
        Ok(texts.join(" "))
    }

    fn glob(&self, field: &[Part]) -> Vec<String> {
        let plain: String = field.iter().map(|part| part.text.as_str()).collect();
        let wild = field.iter().any(|part| !part.quoted && part.text.contains(['*', '?', '[']));
        let Some(files) = self.files.filter(|_| wild) else { return vec![plain] };
        let mut pattern = String::new();
        for part in field {
            pattern.push_str(&if part.quoted { regex::escape(&part.text) } else { glob_to_regex(&part.text) });
        }
        let absolute = plain.starts_with('/');
        let base = plain.rfind('/').map_or("", |at| &plain[..=at]);
        if base.contains(['*', '?', '[']) {
            return vec![plain];
        }
        let folder = crate::lab::sim::absolute(&self.session.folder, if base.is_empty() { "." } else { base });
        let Ok(matcher) = regex::Regex::new(&format!("^(?s:{pattern})$")) else { return vec![plain] };
        let found: Vec<String> = files
            .entries(&folder)
            .filter(|(name, _): &(&str, &Node)| !name.starts_with('.') || plain[base.len()..].starts_with('.'))
            .map(|(name, _)| format!("{base}{name}"))
            .filter(|path| matcher.is_match(path))
            .collect();
        let _ = absolute;
        if found.is_empty() { vec![plain] } else { found }
    }

    fn arithmetic(&mut self, expression: &str) -> Result<i64, String> {
        let mut text = String::new();
        // `$X` inside is replaced before the expression is read, as in a shell.
        let script = crate::command::script(&format!("echo \"{expression}\"")).map_err(|error| error.to_string())?;
        for item in &script.items {
            if let Some(crate::command::Command { body: crate::command::Body::Simple { words, .. }, .. }) =
                item.first.commands.first()
            {
                for word in words.iter().skip(1) {
                    text.push_str(&self.one(word)?);
                }
            }
        }
        let word = brush_parser::ast::UnexpandedArithmeticExpr { value: text };
        let parsed = brush_parser::arithmetic::parse(&word.value)
            .map_err(|_| format!("{expression}: syntax error in expression"))?;
        self.evaluate(&parsed)
    }

    fn evaluate(&self, expression: &ArithmeticExpr) -> Result<i64, String> {
        Ok(match expression {
            ArithmeticExpr::Literal(number) => *number,
            ArithmeticExpr::Reference(ArithmeticTarget::Variable(name)) => {
                self.session.variable(name).and_then(|value| value.trim().parse().ok()).unwrap_or(0)
            }
            ArithmeticExpr::UnaryOp(operator, inner) => {
                let value = self.evaluate(inner)?;
                match operator {
                    UnaryOperator::UnaryPlus => value,
                    UnaryOperator::UnaryMinus => value.wrapping_neg(),
                    UnaryOperator::BitwiseNot => !value,
                    UnaryOperator::LogicalNot => i64::from(value == 0),
                }
            }
            ArithmeticExpr::BinaryOp(operator, left, right) => {
                let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
                binary(*operator, left, right)?
            }
            ArithmeticExpr::Conditional(condition, yes, no) => {
                if self.evaluate(condition)? != 0 {
                    self.evaluate(yes)?
                } else {
                    self.evaluate(no)?
                }
            }
            _ => return Err("assignments in $(( )) are not supported here".to_owned()),
        })
    }
}

fn binary(operator: BinaryOperator, left: i64, right: i64) -> Result<i64, String> {
    let shift = |by: i64| u32::try_from(by & 63).unwrap_or(0);
    let truth = i64::from;
    Ok(match operator {
        BinaryOperator::Power => {
            left.checked_pow(u32::try_from(right).map_err(|_| "exponent less than 0".to_owned())?).unwrap_or(0)
        }
        BinaryOperator::Multiply => left.wrapping_mul(right),
        BinaryOperator::Divide => left.checked_div(right).ok_or("division by 0")?,
        BinaryOperator::Modulo => left.checked_rem(right).ok_or("division by 0")?,
        BinaryOperator::Comma => right,
        BinaryOperator::Add => left.wrapping_add(right),
        BinaryOperator::Subtract => left.wrapping_sub(right),
        BinaryOperator::ShiftLeft => left.wrapping_shl(shift(right)),
        BinaryOperator::ShiftRight => left.wrapping_shr(shift(right)),
        BinaryOperator::LessThan => truth(left < right),
        BinaryOperator::LessThanOrEqualTo => truth(left <= right),
        BinaryOperator::GreaterThan => truth(left > right),
        BinaryOperator::GreaterThanOrEqualTo => truth(left >= right),
        BinaryOperator::Equals => truth(left == right),
        BinaryOperator::NotEquals => truth(left != right),
        BinaryOperator::BitwiseAnd => left & right,
        BinaryOperator::BitwiseXor => left ^ right,
        BinaryOperator::BitwiseOr => left | right,
        BinaryOperator::LogicalAnd => truth(left != 0 && right != 0),
        BinaryOperator::LogicalOr => truth(left != 0 || right != 0),
    })
}

/// A glob as a regular expression; `*` and `?` do not cross `/`.
pub(super) fn glob_to_regex(glob: &str) -> String {
    let mut pattern = String::new();
    let mut letters = glob.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '*' => pattern.push_str("[^/]*"),
            '?' => pattern.push_str("[^/]"),
            '[' if letters.clone().any(|next| next == ']') => {
                pattern.push('[');
                if letters.next_if(|next| matches!(next, '!' | '^')).is_some() {
                    pattern.push('^');
                }
                for next in letters.by_ref() {
                    if matches!(next, '\\' | '[' | '&' | '~') {
                        pattern.push('\\');
                    }
                    pattern.push(next);
                    if next == ']' {
                        break;
                    }
                }
            }
            other => pattern.push_str(&regex::escape(&other.to_string())),
        }
    }
    pattern
}

fn trim(value: &str, pattern: &str, from_end: bool, longest: bool) -> String {
    let pattern = glob_to_regex(pattern).replace("[^/]", ".");
    let Ok(matcher) = regex::Regex::new(&format!("^(?s:{pattern})$")) else { return value.to_owned() };
    let mut cuts: Vec<usize> = value.char_indices().map(|(at, _)| at).chain([value.len()]).collect();
    if from_end != longest {
        cuts.reverse();
    }
    // Shortest prefix: cuts from the start; longest prefix: from the end; for a suffix the other way round.
    let cut = cuts.into_iter().find(|cut| matcher.is_match(if from_end { &value[*cut..] } else { &value[..*cut] }));
    match cut {
        Some(cut) if from_end => value[..cut].to_owned(),
        Some(cut) => value[cut..].to_owned(),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trims_take_the_shortest_or_the_longest_match() {
        assert_eq!(trim("a/b/c.tar.gz", "*/", false, false), "b/c.tar.gz");
        assert_eq!(trim("a/b/c.tar.gz", "*/", false, true), "c.tar.gz");
        assert_eq!(trim("a/b/c.tar.gz", ".*", true, false), "a/b/c.tar");
        assert_eq!(trim("a/b/c.tar.gz", ".*", true, true), "a/b/c");
    }
}
