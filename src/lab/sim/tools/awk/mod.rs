//! A small awk: patterns, `BEGIN`, `END`, `print`, `printf`, `next`, `exit`, assignments, arithmetic, comparison, `~`, fields.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "awk's numbers are doubles; a field number below 1 is looked at before it is cast"
)]

mod parse;

use std::collections::BTreeMap;

use regex::Regex;

use self::parse::Parser;
use super::grep::extended_to_rust;
use super::lines::{Flow, From, LineTool, Lines, Options};
use super::once;
use super::system::format_printf;
use crate::lab::sim::process::{Call, Io, Process};

/// `awk`.
pub(super) fn program(call: &Call) -> Box<dyn Process> {
    let read = Options::read(call.arguments(), "", "Fvf", &[]).and_then(|options| {
        if options.has("f") {
            return Err("program files (-f) are not simulated".to_owned());
        }
        let mut files = options.files.clone();
        if files.is_empty() {
            return Err("usage: awk [-F fs][-v var=value][prog][file ...]".to_owned());
        }
        let rules = Parser::new(&files.remove(0))?.rules()?;
        let mut awk = Awk { rules, variables: BTreeMap::new(), fields: Vec::new(), line: String::new(), status: None };
        awk.set("FS", options.value("F").unwrap_or(" ").replace("\\t", "\t"));
        awk.set("OFS", " ".to_owned());
        for (_, value) in options.given.iter().filter(|(letter, _)| letter == "v") {
            if let Some((name, value)) = value.as_deref().and_then(|text| text.split_once('=')) {
                awk.set(name, value.to_owned());
            }
        }
        Ok((awk, files))
    });
    match read {
        Ok((mut awk, files)) => {
            let mut early = Io::default();
            awk.phase(&Pattern::Begin, &mut early);
            let only_begin = awk.rules.iter().all(|rule| matches!(rule.pattern, Pattern::Begin));
            let first = early.take_output();
            if only_begin || awk.status.is_some() {
                let status = awk.status.unwrap_or(0);
                return once(move |_, io| {
                    for (stream, octets) in first {
                        io.write(stream, &octets);
                    }
                    status
                });
            }
            let tool = Started { awk, first };
            Box::new(Lines::new("awk", call, files, tool))
        }
        Err(error) => once(move |_, io| {
            io.complain(format!("awk: {error}\n"));
            2
        }),
    }
}

/// An awk whose `BEGIN` has run; what that wrote comes before all else.
struct Started {
    awk: Awk,
    first: Vec<(crate::lab::Stream, Vec<u8>)>,
}

impl Started {
    fn begin(&mut self, io: &mut Io) {
        for (stream, octets) in std::mem::take(&mut self.first) {
            io.write(stream, &octets);
        }
    }
}

impl LineTool for Started {
    fn line(&mut self, from: &From<'_>, line: &[u8], io: &mut Io) -> Flow {
        self.begin(io);
        let count = self.awk.number("NR") + 1.0;
        self.awk.set("NR", number_text(count));
        self.awk.set("FNR", from.number.to_string());
        self.awk.set("FILENAME", from.name.unwrap_or("").to_owned());
        self.awk.split(&String::from_utf8_lossy(line));
        self.awk.record(io);
        if self.awk.status.is_some() { Flow::Enough } else { Flow::More }
    }

    fn finish(&mut self, io: &mut Io) -> i32 {
        self.begin(io);
        if self.awk.status.is_none() {
            self.awk.phase(&Pattern::End, io);
        }
        self.awk.status.unwrap_or(0)
    }
}

struct Rule {
    pattern: Pattern,
    action: Option<Vec<Statement>>,
}

enum Pattern {
    Begin,
    End,
    Always,
    If(Expression),
    Range(Expression, Expression, bool),
}

#[derive(Clone)]
enum Statement {
    Print(Vec<Expression>),
    Printf(Vec<Expression>),
    Value(Expression),
    If(Expression, Vec<Statement>, Vec<Statement>),
    Next,
    Exit(Option<Expression>),
}

#[derive(Clone)]
enum Expression {
    Text(String),
    Number(f64),
    Regex(Regex),
    Variable(String),
    Field(Box<Expression>),
    Not(Box<Expression>),
    Minus(Box<Expression>),
    Binary(&'static str, Box<Expression>, Box<Expression>),
    Matches(bool, Box<Expression>, Box<Expression>),
    Assign(Box<Expression>, &'static str, Box<Expression>),
    Element(String, Box<Expression>),
    Function(String, Vec<Expression>),
    Choice(Box<Expression>, Box<Expression>, Box<Expression>),
}

struct Awk {
    rules: Vec<Rule>,
    variables: BTreeMap<String, String>,
    fields: Vec<String>,
    line: String,
    status: Option<i32>,
}

/// Whether the rest of a rule's statements runs.
enum After {
    On,
    Next,
}

impl Awk {
    fn set(&mut self, name: &str, value: String) {
        self.variables.insert(name.to_owned(), value);
    }

    fn number(&self, name: &str) -> f64 {
        to_number(self.variables.get(name).map_or("", String::as_str))
    }

    fn split(&mut self, line: &str) {
        let separator = self.variables.get("FS").cloned().unwrap_or_default();
        self.fields = if separator == " " {
            line.split_whitespace().map(str::to_owned).collect()
        } else if separator.chars().count() == 1 {
            line.split(separator.as_str()).map(str::to_owned).collect()
        } else {
            match Regex::new(&extended_to_rust(&separator)) {
                Ok(pattern) => pattern.split(line).map(str::to_owned).collect(),
                Err(_) => vec![line.to_owned()],
            }
        };
        if line.is_empty() {
            self.fields.clear();
        }
        line.clone_into(&mut self.line);
        self.set("NF", self.fields.len().to_string());
    }

    fn phase(&mut self, which: &Pattern, io: &mut Io) {
        let rules = std::mem::take(&mut self.rules);
        for rule in &rules {
            let same =
                matches!((which, &rule.pattern), (Pattern::Begin, Pattern::Begin) | (Pattern::End, Pattern::End));
            if same && let Some(action) = &rule.action {
                self.run(action, io);
            }
        }
        self.rules = rules;
    }

    fn record(&mut self, io: &mut Io) {
        let mut rules = std::mem::take(&mut self.rules);
        for rule in &mut rules {
            let hit = match &mut rule.pattern {
                Pattern::Begin | Pattern::End => false,
                Pattern::Always => true,
                Pattern::If(test) => self.truth(test),
                Pattern::Range(first, last, inside) => {
                    let hit = *inside || self.truth(first);
                    *inside = hit && !self.truth(last);
                    hit
                }
            };
            if !hit {
                continue;
            }
            match &rule.action {
                None => io.print(format!("{}\n", self.line)),
                Some(action) => {
                    if matches!(self.run(action, io), After::Next) {
                        break;
                    }
                }
            }
            if self.status.is_some() {
                break;
            }
        }
        self.rules = rules;
    }

    fn run(&mut self, statements: &[Statement], io: &mut Io) -> After {
        for statement in statements {
            match statement {
                Statement::Print(values) => {
                    let separator = self.variables.get("OFS").cloned().unwrap_or_default();
                    let texts: Vec<String> = values.iter().map(|value| self.text(value)).collect();
                    let line = if texts.is_empty() { self.line.clone() } else { texts.join(&separator) };
                    io.print(format!("{line}\n"));
                }
                Statement::Printf(values) => {
                    let texts: Vec<String> = values.iter().map(|value| self.text(value)).collect();
                    if let Some((format, arguments)) = texts.split_first() {
                        io.print(format_printf(format, arguments, false));
                    }
                }
                Statement::Value(value) => {
                    self.text(value);
                }
                Statement::If(test, yes, no) => {
                    let branch = if self.truth(test) { yes } else { no };
                    if matches!(self.run(branch, io), After::Next) {
                        return After::Next;
                    }
                }
                Statement::Next => return After::Next,
                Statement::Exit(value) => {
                    let status = value.as_ref().map_or(0.0, |value| to_number(&self.text(value)));
                    self.status = Some(status as i32 & 0xff);
                    return After::Next;
                }
            }
        }
        After::On
    }

    fn truth(&mut self, expression: &Expression) -> bool {
        if let Expression::Regex(pattern) = expression {
            return pattern.is_match(&self.line);
        }
        let text = self.text(expression);
        match numeric(&text) {
            Some(number) => number != 0.0,
            None => !text.is_empty(),
        }
    }

    fn text(&mut self, expression: &Expression) -> String {
        let truth = |value: bool| if value { "1".to_owned() } else { "0".to_owned() };
        match expression {
            Expression::Text(text) => text.clone(),
            Expression::Number(number) => number_text(*number),
            Expression::Regex(pattern) => truth(pattern.is_match(&self.line)),
            Expression::Variable(name) => self.variables.get(name).cloned().unwrap_or_default(),
            Expression::Element(name, index) => {
                let key = format!("{name}\u{1}{}", self.text(index));
                self.variables.get(&key).cloned().unwrap_or_default()
            }
            Expression::Field(index) => {
                let index = to_number(&self.text(index));
                if index < 1.0 {
                    self.line.clone()
                } else {
                    self.fields.get(index as usize - 1).cloned().unwrap_or_default()
                }
            }
            Expression::Not(inner) => truth(!self.truth(inner)),
            Expression::Minus(inner) => number_text(-to_number(&self.text(inner))),
            Expression::Matches(wanted, value, pattern) => {
                let value = self.text(value);
                let hit = match &**pattern {
                    Expression::Regex(pattern) => pattern.is_match(&value),
                    other => {
                        let pattern = self.text(other);
                        Regex::new(&extended_to_rust(&pattern)).is_ok_and(|pattern| pattern.is_match(&value))
                    }
                };
                truth(hit == *wanted)
            }
            Expression::Assign(target, operator, value) => {
                let value = self.text(value);
                let value = match *operator {
                    "=" => value,
                    other => {
                        let before = self.text(target);
                        number_text(arithmetic(&other[..1], to_number(&before), to_number(&value)))
                    }
                };
                match &**target {
                    Expression::Variable(name) => self.set(name, value.clone()),
                    Expression::Element(name, index) => {
                        let key = format!("{name}\u{1}{}", self.text(index));
                        self.variables.insert(key, value.clone());
                    }
                    Expression::Field(index) => {
                        let index = to_number(&self.text(index)) as usize;
                        if index == 0 {
                            self.split(&value);
                        } else if index < 1000 {
                            if self.fields.len() < index {
                                self.fields.resize(index, String::new());
                            }
                            if let Some(field) = self.fields.get_mut(index - 1) {
                                field.clone_from(&value);
                            }
                            let separator = self.variables.get("OFS").cloned().unwrap_or_default();
                            self.line = self.fields.join(&separator);
                            self.set("NF", self.fields.len().to_string());
                        }
                    }
                    _ => {}
                }
                value
            }
            Expression::Choice(test, yes, no) => {
                if self.truth(test) {
                    self.text(yes)
                } else {
                    self.text(no)
                }
            }
            Expression::Function(name, arguments) => self.function(name, arguments),
            Expression::Binary("&&", left, right) => truth(self.truth(left) && self.truth(right)),
            Expression::Binary("||", left, right) => truth(self.truth(left) || self.truth(right)),
            Expression::Binary(operator, left, right) => {
                let constant = |side: &Expression| matches!(side, Expression::Text(_));
                let as_text = constant(left) || constant(right);
                let (left, right) = (self.text(left), self.text(right));
                match *operator {
                    " " => left + &right,
                    "<" | "<=" | "==" | "!=" | ">" | ">=" => {
                        let order = match (numeric(&left), numeric(&right)) {
                            (Some(left), Some(right)) if !as_text => left.total_cmp(&right),
                            _ => left.cmp(&right),
                        };
                        truth(match *operator {
                            "<" => order.is_lt(),
                            "<=" => order.is_le(),
                            "==" => order.is_eq(),
                            "!=" => order.is_ne(),
                            ">" => order.is_gt(),
                            _ => order.is_ge(),
                        })
                    }
                    other => number_text(arithmetic(other, to_number(&left), to_number(&right))),
                }
            }
        }
    }

    fn function(&mut self, name: &str, arguments: &[Expression]) -> String {
        let pattern_of = |awk: &mut Self, expression: &Expression| match expression {
            Expression::Regex(pattern) => Some(pattern.clone()),
            other => Regex::new(&extended_to_rust(&awk.text(other))).ok(),
        };
        let given: Vec<String> = arguments.iter().map(|argument| self.text(argument)).collect();
        let first = given.first().cloned().unwrap_or_else(|| self.line.clone());
        match name {
            "length" => number_text(first.chars().count() as f64),
            "tolower" => first.to_lowercase(),
            "toupper" => first.to_uppercase(),
            "int" => number_text(to_number(&first).trunc()),
            "substr" => {
                let start = given.get(1).map_or(1.0, |text| to_number(text)).round();
                let count = given.get(2).map_or(f64::MAX, |text| to_number(text)).round();
                let in_range = |at: usize| (at as f64 + 1.0) >= start && (at as f64 + 1.0) < start + count;
                first.chars().enumerate().filter(|(at, _)| in_range(*at)).map(|(_, letter)| letter).collect()
            }
            "index" => {
                let found = given.get(1).and_then(|text| first.find(text.as_str()));
                number_text(found.map_or(0.0, |at| first[..at].chars().count() as f64 + 1.0))
            }
            "sprintf" => {
                given.split_first().map(|(format, rest)| format_printf(format, rest, false)).unwrap_or_default()
            }
            "gsub" | "sub" => {
                let Some(pattern) = arguments.first().and_then(|argument| pattern_of(self, argument)) else {
                    return "0".to_owned();
                };
                let with = given.get(1).cloned().unwrap_or_default().replace('$', "$$").replace('&', "${0}");
                let target = arguments.get(2).cloned().unwrap_or(Expression::Field(Box::new(Expression::Number(0.0))));
                let before = self.text(&target);
                let most = usize::from(name == "sub");
                let times = if name == "sub" {
                    usize::from(pattern.is_match(&before))
                } else {
                    pattern.find_iter(&before).count()
                };
                let after = pattern.replacen(&before, most, with.as_str()).into_owned();
                self.text(&Expression::Assign(Box::new(target), "=", Box::new(Expression::Text(after))));
                number_text(times as f64)
            }
            "strtonum" => match first.strip_prefix("0x") {
                Some(hex) => number_text(u64::from_str_radix(hex, 16).unwrap_or(0) as f64),
                None => number_text(to_number(&first)),
            },
            _ => String::new(),
        }
    }
}

fn arithmetic(operator: &str, left: f64, right: f64) -> f64 {
    match operator {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" => left / right,
        "%" => left % right,
        _ => left.powf(right),
    }
}

fn numeric(text: &str) -> Option<f64> {
    let trimmed = text.trim();
    let plain = trimmed.starts_with(|letter: char| letter.is_ascii_digit() || matches!(letter, '-' | '+' | '.'));
    if plain { trimmed.parse().ok() } else { None }
}

fn to_number(text: &str) -> f64 {
    let text = text.trim_start();
    let end = text
        .char_indices()
        .find(|(at, letter)| !(letter.is_ascii_digit() || *letter == '.' || (*at == 0 && matches!(letter, '-' | '+'))))
        .map_or(text.len(), |(at, _)| at);
    text[..end].parse().unwrap_or(0.0)
}

/// A number as awk prints it: whole ones without a point, others with `%.6g`.
fn number_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e16 {
        return format!("{number:.0}");
    }
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn awk(program: &str, separator: &str, input: &str) -> String {
        let rules = Parser::new(program).expect(program).rules().expect(program);
        let mut awk = Awk { rules, variables: BTreeMap::new(), fields: Vec::new(), line: String::new(), status: None };
        awk.set("FS", separator.to_owned());
        awk.set("OFS", " ".to_owned());
        let mut io = Io::default();
        awk.phase(&Pattern::Begin, &mut io);
        let mut tool = Started { awk, first: Vec::new() };
        for (at, line) in input.lines().enumerate() {
            let from = From { name: None, several: false, number: at as u64 + 1, whole: true };
            if tool.line(&from, line.as_bytes(), &mut io) == Flow::Enough {
                break;
            }
        }
        tool.finish(&mut io);
        io.take_output().into_iter().map(|(_, octets)| String::from_utf8(octets).expect("text")).collect()
    }

    #[test]
    fn the_awk_that_people_type_works() {
        let states = "src 10.0.0.66 dst 10.0.1.236\n\tproto esp spi 0x00000003 reqid 1 mode tunnel\n";
        assert_eq!(awk("{print $2}", " ", states), "10.0.0.66\nesp\n");
        assert_eq!(awk("/spi/ {print $4, NF}", " ", states), "0x00000003 8\n");
        assert_eq!(awk("$1 == \"src\" { print $4 }", " ", states), "10.0.1.236\n");
        assert_eq!(awk("NR==2{print $NF}", " ", states), "tunnel\n");
        assert_eq!(awk("$1 ~ /^pro/", " ", states), "\tproto esp spi 0x00000003 reqid 1 mode tunnel\n");
        assert_eq!(awk("{n += $2} END {print \"sum\", n}", ":", "a:1\nb:2\n"), "sum 3\n");
        assert_eq!(awk("BEGIN{printf \"%s-%d\\n\", \"x\", 7} NR>1{exit}", " ", "a\nb\n"), "x-7\n");
        assert_eq!(awk("!/a/", " ", "a\nb\n"), "b\n");
        assert_eq!(awk("{c[$1]++} END {print c[\"a\"]}", " ", "a\na\nb\n"), "2\n");
        assert_eq!(awk("{print $1\"/\"$2}", " ", "a b\n"), "a/b\n");
        assert_eq!(awk("{print length($1), substr($1, 2, 2), toupper($1)}", " ", "abcd\n"), "4 bc ABCD\n");
        assert_eq!(awk("{gsub(/\\./, \"-\"); print}", " ", "10.0.0.1\n"), "10-0-0-1\n");
        assert_eq!(awk("NR==1,/b/", " ", "a\nb\nc\n"), "a\nb\n");
    }

    #[test]
    fn a_wrong_program_is_refused() {
        for program in ["{print", "{print $}", "/a", "{for (i in x) print}", "@"] {
            let parsed = Parser::new(program).and_then(Parser::rules);
            assert!(parsed.is_err(), "{program}");
        }
    }
}
