use regex::Regex;

use super::{Expression, Pattern, Rule, Statement};
use crate::lab::sim::tools::grep::extended_to_rust;
use crate::lab::sim::tools::sed::delimited;

/// Reads a program. Words are cut off the front as they are understood.
pub(super) struct Parser {
    words: Vec<Word>,
    at: usize,
}

#[derive(Debug, Clone, PartialEq)]
enum Word {
    Text(String),
    Number(f64),
    Regex(String),
    Name(String),
    Sign(&'static str),
    Line,
}

const SIGNS: &[&str] = &[
    "&&", "||", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=", "++", "--", "!~", "{", "}", "(", ")", "[", "]", ",",
    ";", "$", "!", "~", "<", ">", "+", "-", "*", "/", "%", "^", "=", "?", ":",
];

impl Parser {
    pub(super) fn new(program: &str) -> Result<Self, String> {
        let mut words: Vec<Word> = Vec::new();
        let mut rest = program;
        loop {
            rest = rest.trim_start_matches([' ', '\t', '\r']);
            let Some(letter) = rest.chars().next() else { break };
            if letter == '\n' {
                words.push(Word::Line);
                rest = &rest[1..];
            } else if letter == '#' {
                rest = rest.find('\n').map_or("", |at| &rest[at..]);
            } else if letter == '"' {
                let (text, after) = delimited(&rest[1..], '"').ok_or("non-terminated string")?;
                words.push(Word::Text(unescaped(&text)));
                rest = after;
            } else if letter == '/' && starts_value(words.last()) {
                let (text, after) = delimited(&rest[1..], '/').ok_or("non-terminated regular expression")?;
                words.push(Word::Regex(text));
                rest = after;
            } else if letter.is_ascii_digit() || letter == '.' {
                let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
                words.push(Word::Number(rest[..end].parse().map_err(|_| format!("syntax error at {rest}"))?));
                rest = &rest[end..];
            } else if letter.is_ascii_alphabetic() || letter == '_' {
                let end =
                    rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(rest.len());
                words.push(Word::Name(rest[..end].to_owned()));
                rest = &rest[end..];
            } else {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let sign = sign.ok_or_else(|| format!("syntax error at source line 1 near {letter}"))?;
                words.push(Word::Sign(sign));
                rest = &rest[sign.len()..];
            }
        }
        Ok(Self { words, at: 0 })
    }

    fn sign(&mut self, sign: &str) -> bool {
        let hit = matches!(self.words.get(self.at), Some(Word::Sign(found)) if *found == sign);
        self.at += usize::from(hit);
        hit
    }

    fn name(&mut self, name: &str) -> bool {
        let hit = matches!(self.words.get(self.at), Some(Word::Name(found)) if found == name);
        self.at += usize::from(hit);
        hit
    }

    fn ends(&mut self) {
        while matches!(self.words.get(self.at), Some(Word::Line | Word::Sign(";"))) {
            self.at += 1;
        }
    }

    fn wrong<T>(&self) -> Result<T, String> {
        let near = self.words.get(self.at).map_or("end of program".to_owned(), |word| format!("{word:?}"));
        Err(format!("syntax error at source line 1 near {near}"))
    }

    pub(super) fn rules(mut self) -> Result<Vec<Rule>, String> {
        let mut rules = Vec::new();
        loop {
            self.ends();
            if self.at >= self.words.len() {
                return Ok(rules);
            }
            let pattern = if self.name("BEGIN") {
                Pattern::Begin
            } else if self.name("END") {
                Pattern::End
            } else if matches!(self.words.get(self.at), Some(Word::Sign("{"))) {
                Pattern::Always
            } else {
                let first = self.expression()?;
                if self.sign(",") { Pattern::Range(first, self.expression()?, false) } else { Pattern::If(first) }
            };
            let action = if self.sign("{") { Some(self.block()?) } else { None };
            rules.push(Rule { pattern, action });
        }
    }

    fn block(&mut self) -> Result<Vec<Statement>, String> {
        let mut statements = Vec::new();
        loop {
            self.ends();
            if self.sign("}") {
                return Ok(statements);
            }
            if self.at >= self.words.len() {
                return Err("syntax error: missing }".to_owned());
            }
            statements.push(self.statement()?);
        }
    }

    fn branch(&mut self) -> Result<Vec<Statement>, String> {
        self.ends();
        if self.sign("{") { self.block() } else { Ok(vec![self.statement()?]) }
    }

    fn statement(&mut self) -> Result<Statement, String> {
        let statement = if self.name("print") {
            Statement::Print(self.list()?)
        } else if self.name("printf") {
            Statement::Printf(self.list()?)
        } else if self.name("next") {
            Statement::Next
        } else if self.name("exit") {
            let over = matches!(self.words.get(self.at), None | Some(Word::Line | Word::Sign(";" | "}")));
            Statement::Exit(if over { None } else { Some(self.expression()?) })
        } else if self.name("if") {
            if !self.sign("(") {
                return self.wrong();
            }
            let test = self.expression()?;
            if !self.sign(")") {
                return self.wrong();
            }
            let yes = self.branch()?;
            let before = self.at;
            self.ends();
            let no = if self.name("else") {
                self.branch()?
            } else {
                self.at = before;
                Vec::new()
            };
            return Ok(Statement::If(test, yes, no));
        } else {
            for name in ["for", "while", "do", "function", "getline", "delete"] {
                if self.name(name) {
                    return Err(format!("`{name}' is not simulated"));
                }
            }
            Statement::Value(self.expression()?)
        };
        match self.words.get(self.at) {
            None | Some(Word::Line | Word::Sign(";" | "}")) => Ok(statement),
            Some(Word::Sign(">")) => Err("output to files is not simulated; redirect awk itself".to_owned()),
            _ => self.wrong(),
        }
    }

    fn list(&mut self) -> Result<Vec<Expression>, String> {
        if matches!(self.words.get(self.at), None | Some(Word::Line | Word::Sign(";" | "}"))) {
            return Ok(Vec::new());
        }
        let start = self.at;
        if self.sign("(") {
            let mut values = vec![self.expression()?];
            while self.sign(",") {
                values.push(self.expression()?);
            }
            if self.sign(")") && matches!(self.words.get(self.at), None | Some(Word::Line | Word::Sign(";" | "}"))) {
                return Ok(values);
            }
            self.at = start;
        }
        let mut values = vec![self.expression()?];
        while self.sign(",") {
            values.push(self.expression()?);
        }
        Ok(values)
    }

    fn expression(&mut self) -> Result<Expression, String> {
        let left = self.choice()?;
        for operator in ["=", "+=", "-=", "*=", "/="] {
            if matches!(left, Expression::Variable(_) | Expression::Field(_) | Expression::Element(..))
                && self.sign(operator)
            {
                return Ok(Expression::Assign(Box::new(left), operator, Box::new(self.expression()?)));
            }
        }
        Ok(left)
    }

    fn choice(&mut self) -> Result<Expression, String> {
        let test = self.level(0)?;
        if !self.sign("?") {
            return Ok(test);
        }
        let yes = self.choice()?;
        if !self.sign(":") {
            return self.wrong();
        }
        Ok(Expression::Choice(Box::new(test), Box::new(yes), Box::new(self.choice()?)))
    }

    /// Binary operators, from the loosest to the tightest.
    fn level(&mut self, level: usize) -> Result<Expression, String> {
        const LEVELS: &[&[&str]] = &[
            &["||"],
            &["&&"],
            &["~", "!~"],
            &["<=", "==", "!=", ">=", "<", ">"],
            &[" "],
            &["+", "-"],
            &["*", "/", "%"],
            &["^"],
        ];
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.level(level + 1)?;
        loop {
            if operators == &[" "] {
                if !self.starts_operand() {
                    return Ok(left);
                }
                left = Expression::Binary(" ", Box::new(left), Box::new(self.level(level + 1)?));
                continue;
            }
            let Some(operator) = operators
                .iter()
                .find(|operator| matches!(self.words.get(self.at), Some(Word::Sign(found)) if found == *operator))
            else {
                return Ok(left);
            };
            self.at += 1;
            let right = Box::new(self.level(level + 1)?);
            left = match *operator {
                "~" => Expression::Matches(true, Box::new(left), right),
                "!~" => Expression::Matches(false, Box::new(left), right),
                other => Expression::Binary(other, Box::new(left), right),
            };
        }
    }

    fn starts_operand(&self) -> bool {
        match self.words.get(self.at) {
            Some(Word::Text(_) | Word::Number(_) | Word::Name(_) | Word::Sign("$" | "(")) => true,
            Some(Word::Regex(_) | Word::Sign(_) | Word::Line) | None => false,
        }
    }

    fn unary(&mut self) -> Result<Expression, String> {
        if self.sign("!") {
            return Ok(Expression::Not(Box::new(self.unary()?)));
        }
        if self.sign("-") {
            return Ok(Expression::Minus(Box::new(self.unary()?)));
        }
        if self.sign("+") {
            return self.unary();
        }
        let one = || Box::new(Expression::Number(1.0));
        if self.sign("++") {
            return Ok(Expression::Assign(Box::new(self.unary()?), "+=", one()));
        }
        let value = self.primary()?;
        if self.sign("++") {
            // The old value is that of the assignment less one.
            let assigned = Expression::Assign(Box::new(value), "+=", one());
            return Ok(Expression::Binary("-", Box::new(assigned), one()));
        }
        Ok(value)
    }

    fn primary(&mut self) -> Result<Expression, String> {
        let Some(word) = self.words.get(self.at).cloned() else { return self.wrong() };
        self.at += 1;
        Ok(match word {
            Word::Text(text) => Expression::Text(text),
            Word::Number(number) => Expression::Number(number),
            Word::Regex(pattern) => {
                let found = Regex::new(&extended_to_rust(&pattern));
                Expression::Regex(found.map_err(|_| format!("illegal regular expression /{pattern}/"))?)
            }
            Word::Sign("$") => Expression::Field(Box::new(self.unary()?)),
            Word::Sign("(") => {
                let inner = self.expression()?;
                if !self.sign(")") {
                    return self.wrong();
                }
                inner
            }
            Word::Name(name) if self.sign("[") => {
                let index = self.expression()?;
                if !self.sign("]") {
                    return self.wrong();
                }
                Expression::Element(name, Box::new(index))
            }
            Word::Name(name) if self.sign("(") => {
                let mut arguments = Vec::new();
                while !self.sign(")") {
                    arguments.push(self.expression()?);
                    self.sign(",");
                    if self.at >= self.words.len() {
                        return self.wrong();
                    }
                }
                Expression::Function(name, arguments)
            }
            Word::Name(name) if name == "length" => Expression::Function(name, Vec::new()),
            Word::Name(name) => Expression::Variable(name),
            Word::Sign(_) | Word::Line => {
                self.at -= 1;
                return self.wrong();
            }
        })
    }
}

/// Whether a `/` behind this word begins a regular expression and is no division.
fn starts_value(last: Option<&Word>) -> bool {
    !matches!(last, Some(Word::Text(_) | Word::Number(_) | Word::Name(_) | Word::Sign(")" | "]")))
}

fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('\\') | None => out.push('\\'),
                Some(other) => out.push(other),
            },
            other => out.push(other),
        }
    }
    out
}
