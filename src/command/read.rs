use std::io::Cursor;

use brush_parser::ast;
use brush_parser::word::{self, BraceExpressionMember, BraceExpressionOrText, Parameter, ParameterExpr};
use brush_parser::word::{ParameterTestType, TildeExpr, WordPiece, WordPieceWithSource};
use brush_parser::{ParseError, Parser, ParserOptions, TokenizerError};

use super::syntax::{
    Assignment, Body, Change, Command, Item, Joint, Piece, Pipeline, Redirection, Script, Target, Word,
};

/// The longest text that is read as one line; pasted scripts are far shorter.
const LONGEST: usize = 64 * 1024;
/// The deepest nesting of brackets and quotes that is read.
const DEEPEST: usize = 40;

/// Why a line cannot be read as shell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It stops in the middle of a quote, a here-document, a bracket or a list: a shell asks for more.
    #[error("unfinished: {0}")]
    Unfinished(String),
    /// The grammar has nothing for what stands there.
    #[error("syntax error near `{near}'")]
    Syntax {
        /// The text from there to the end of its line.
        near: String,
    },
    /// Shell that exists and is not spoken here.
    #[error("{0} are not supported here")]
    Unsupported(&'static str),
    /// More than anyone types.
    #[error("too long or nested too deeply to be read")]
    TooLarge,
}

/// Reads one or several lines as a shell does.
pub fn script(text: &str) -> Result<Script, Unreadable> {
    if text.len() > LONGEST || depth(text) > DEEPEST {
        return Err(Unreadable::TooLarge);
    }
    let program = Parser::new(Cursor::new(text), &ParserOptions::default())
        .parse_program()
        .map_err(|error| unreadable(&error, text))?;
    let mut items = Vec::new();
    for list in &program.complete_commands {
        items.extend(compound_list(list)?.items);
    }
    Ok(Script { items })
}

/// Reads the inside of a here-document, or another text in which only `$` and backquotes mean something.
pub(super) fn expandable(text: &str) -> Result<Word, Unreadable> {
    let pieces = word::parse_heredoc(text, &ParserOptions::default()).map_err(|_| syntax(text))?;
    pieces_of(&pieces, true)
}

fn unreadable(error: &ParseError, text: &str) -> Unreadable {
    match error {
        ParseError::ParsingAtEndOfInput => Unreadable::Unfinished("the line goes on".to_owned()),
        ParseError::ParsingNear(at) => {
            let rest: String = text.chars().skip(at.index).collect();
            let near = rest.lines().next().unwrap_or_default();
            syntax(if near.is_empty() { "newline" } else { near })
        }
        ParseError::Tokenizing { inner, .. } => match inner {
            TokenizerError::UnterminatedSingleQuote(_)
            | TokenizerError::UnterminatedAnsiCQuote(_)
            | TokenizerError::UnterminatedDoubleQuote(_)
            | TokenizerError::UnterminatedBackquote(_)
            | TokenizerError::UnterminatedHereDocuments(..)
            | TokenizerError::UnterminatedEscapeSequence
            | TokenizerError::UnterminatedExpansion
            | TokenizerError::UnterminatedVariable
            | TokenizerError::UnterminatedCommandSubstitution => Unreadable::Unfinished(inner.to_string()),
            other => syntax(&other.to_string()),
        },
    }
}

fn syntax(near: &str) -> Unreadable {
    Unreadable::Syntax { near: near.to_owned() }
}

/// An upper bound of how deep brackets nest, so that a hostile line cannot exhaust the stack of the parser behind.
fn depth(text: &str) -> usize {
    let (mut now, mut deepest) = (0_usize, 0_usize);
    for octet in text.bytes() {
        match octet {
            b'(' | b'{' | b'`' => now += 1,
            b')' | b'}' => now = now.saturating_sub(1),
            b'\n' => now = 0,
            _ => {}
        }
        deepest = deepest.max(now);
    }
    deepest
}

fn compound_list(list: &ast::CompoundList) -> Result<Script, Unreadable> {
    let items = list
        .0
        .iter()
        .map(|ast::CompoundListItem(list, separator)| {
            let rest = list
                .additional
                .iter()
                .map(|next| match next {
                    ast::AndOr::And(next) => Ok((Joint::And, pipeline(next)?)),
                    ast::AndOr::Or(next) => Ok((Joint::Or, pipeline(next)?)),
                })
                .collect::<Result<_, _>>()?;
            let background = matches!(separator, ast::SeparatorOperator::Async);
            Ok(Item { first: pipeline(&list.first)?, rest, background })
        })
        .collect::<Result<_, _>>()?;
    Ok(Script { items })
}

fn pipeline(from: &ast::Pipeline) -> Result<Pipeline, Unreadable> {
    let commands = from.seq.iter().map(command).collect::<Result<_, _>>()?;
    Ok(Pipeline { negated: from.bang, timed: from.timed.is_some(), commands })
}

fn command(from: &ast::Command) -> Result<Command, Unreadable> {
    match from {
        ast::Command::Simple(simple) => simple_command(simple),
        ast::Command::Compound(compound, redirections) => {
            let redirections = redirections.iter().flat_map(|list| &list.0);
            Ok(Command {
                body: compound_command(compound)?,
                redirections: redirections.map(redirection).collect::<Result<_, _>>()?,
            })
        }
        ast::Command::Function(_) => Err(Unreadable::Unsupported("functions")),
        ast::Command::ExtendedTest(..) => Err(Unreadable::Unsupported("tests with [[ ]] (use [ ])")),
    }
}

fn simple_command(from: &ast::SimpleCommand) -> Result<Command, Unreadable> {
    let (mut assignments, mut words, mut redirections) = (Vec::new(), Vec::new(), Vec::new());
    for item in from.prefix.iter().flat_map(|prefix| &prefix.0) {
        match item {
            ast::CommandPrefixOrSuffixItem::AssignmentWord(given, _) => assignments.push(assignment(given)?),
            other => word_or_redirection(other, &mut words, &mut redirections)?,
        }
    }
    if let Some(name) = &from.word_or_name {
        words.extend(words_of(&name.value)?);
    }
    for item in from.suffix.iter().flat_map(|suffix| &suffix.0) {
        word_or_redirection(item, &mut words, &mut redirections)?;
    }
    Ok(Command { body: Body::Simple { assignments, words }, redirections })
}

fn word_or_redirection(
    item: &ast::CommandPrefixOrSuffixItem,
    words: &mut Vec<Word>,
    redirections: &mut Vec<Redirection>,
) -> Result<(), Unreadable> {
    match item {
        ast::CommandPrefixOrSuffixItem::IoRedirect(given) => redirections.push(redirection(given)?),
        ast::CommandPrefixOrSuffixItem::Word(given) | ast::CommandPrefixOrSuffixItem::AssignmentWord(_, given) => {
            words.extend(words_of(&given.value)?);
        }
        ast::CommandPrefixOrSuffixItem::ProcessSubstitution(..) => {
            return Err(Unreadable::Unsupported("process substitutions"));
        }
    }
    Ok(())
}

fn assignment(from: &ast::Assignment) -> Result<Assignment, Unreadable> {
    match (&from.name, &from.value) {
        (ast::AssignmentName::VariableName(name), ast::AssignmentValue::Scalar(value)) => {
            Ok(Assignment { name: name.clone(), value: one_word(&value.value)?, append: from.append })
        }
        _ => Err(Unreadable::Unsupported("arrays")),
    }
}

fn compound_command(from: &ast::CompoundCommand) -> Result<Body, Unreadable> {
    Ok(match from {
        ast::CompoundCommand::BraceGroup(group) => Body::Group(compound_list(&group.list)?),
        ast::CompoundCommand::Subshell(subshell) => Body::Subshell(compound_list(&subshell.list)?),
        ast::CompoundCommand::ForClause(clause) => {
            let mut words = Vec::new();
            for word in clause.values.iter().flatten() {
                words.extend(words_of(&word.value)?);
            }
            Body::For { name: clause.variable_name.clone(), words, body: compound_list(&clause.body.list)? }
        }
        ast::CompoundCommand::WhileClause(clause) => while_clause(clause, false)?,
        ast::CompoundCommand::UntilClause(clause) => while_clause(clause, true)?,
        ast::CompoundCommand::IfClause(clause) => {
            let mut branches = vec![(compound_list(&clause.condition)?, compound_list(&clause.then)?)];
            let mut otherwise = None;
            for branch in clause.elses.iter().flatten() {
                match &branch.condition {
                    Some(condition) => branches.push((compound_list(condition)?, compound_list(&branch.body)?)),
                    None => otherwise = Some(compound_list(&branch.body)?),
                }
            }
            Body::If { branches, otherwise }
        }
        ast::CompoundCommand::CaseClause(_) => return Err(Unreadable::Unsupported("case clauses")),
        ast::CompoundCommand::Coprocess(_) => return Err(Unreadable::Unsupported("coprocesses")),
        ast::CompoundCommand::Arithmetic(_) | ast::CompoundCommand::ArithmeticForClause(_) => {
            return Err(Unreadable::Unsupported("arithmetic commands"));
        }
    })
}

fn while_clause(from: &ast::WhileOrUntilClauseCommand, until: bool) -> Result<Body, Unreadable> {
    Ok(Body::While { until, condition: compound_list(&from.0)?, body: compound_list(&from.1.list)? })
}

fn redirection(from: &ast::IoRedirect) -> Result<Redirection, Unreadable> {
    let number = |given: Option<i32>, default| given.and_then(|fd| u32::try_from(fd).ok()).unwrap_or(default);
    Ok(match from {
        ast::IoRedirect::OutputAndError(file, append) => {
            Redirection { descriptor: 1, target: Target::Both { file: one_word(&file.value)?, append: *append } }
        }
        ast::IoRedirect::HereString(fd, text) => {
            let mut text = one_word(&text.value)?;
            text.pieces.push(Piece::Text { text: "\n".to_owned(), quoted: true });
            Redirection { descriptor: number(*fd, 0), target: Target::Text(text) }
        }
        ast::IoRedirect::HereDocument(fd, document) => {
            let text = if document.requires_expansion {
                expandable(&document.doc.value)?
            } else {
                Word { pieces: vec![Piece::Text { text: document.doc.value.clone(), quoted: true }] }
            };
            Redirection { descriptor: number(*fd, 0), target: Target::Text(text) }
        }
        ast::IoRedirect::File(fd, kind, target) => file_redirection(*fd, kind, target)?,
    })
}

fn file_redirection(
    fd: Option<i32>,
    kind: &ast::IoFileRedirectKind,
    target: &ast::IoFileRedirectTarget,
) -> Result<Redirection, Unreadable> {
    use ast::IoFileRedirectKind as Kind;
    let default = u32::from(!matches!(kind, Kind::Read | Kind::ReadAndWrite | Kind::DuplicateInput));
    let descriptor = fd.and_then(|fd| u32::try_from(fd).ok()).unwrap_or(default);
    let target = match (kind, target) {
        (_, ast::IoFileRedirectTarget::ProcessSubstitution(..)) => {
            return Err(Unreadable::Unsupported("process substitutions"));
        }
        (_, ast::IoFileRedirectTarget::Fd(fd)) => Target::Same(u32::try_from(*fd).unwrap_or(default)),
        (_, ast::IoFileRedirectTarget::Duplicate(word)) => match word.value.as_str() {
            "-" => Target::Closed,
            text => match text.parse() {
                Ok(fd) => Target::Same(fd),
                // `>& FILE` is an older spelling of `&> FILE`.
                Err(_) if fd.is_none() => Target::Both { file: one_word(text)?, append: false },
                Err(_) => return Err(syntax(text)),
            },
        },
        (Kind::Read | Kind::ReadAndWrite | Kind::DuplicateInput, ast::IoFileRedirectTarget::Filename(file)) => {
            Target::Read(one_word(&file.value)?)
        }
        (Kind::Append, ast::IoFileRedirectTarget::Filename(file)) => Target::Append(one_word(&file.value)?),
        (Kind::Write | Kind::Clobber | Kind::DuplicateOutput, ast::IoFileRedirectTarget::Filename(file)) => {
            Target::Write(one_word(&file.value)?)
        }
    };
    Ok(Redirection { descriptor, target })
}

/// A word with its braces opened out: `{a,b}c` is two words.
fn words_of(text: &str) -> Result<Vec<Word>, Unreadable> {
    if !text.contains('{') {
        return Ok(vec![one_word(text)?]);
    }
    match word::parse_brace_expansions(text, &ParserOptions::default()) {
        Ok(Some(parts)) => opened(&parts).iter().map(|text| one_word(text)).collect(),
        Ok(None) | Err(_) => Ok(vec![one_word(text)?]),
    }
}

fn opened(parts: &[BraceExpressionOrText]) -> Vec<String> {
    /// Enough for any list of nodes, too few to fill the memory with `{1..9}{1..9}…`.
    const MOST: usize = 1000;
    let mut words = vec![String::new()];
    for part in parts {
        let choices: Vec<String> = match part {
            BraceExpressionOrText::Text(text) => vec![text.clone()],
            BraceExpressionOrText::Expr(members) => members.iter().flat_map(member).take(MOST).collect(),
        };
        words = words
            .iter()
            .flat_map(|word| choices.iter().map(move |choice| format!("{word}{choice}")))
            .take(MOST)
            .collect();
    }
    words
}

fn member(from: &BraceExpressionMember) -> Vec<String> {
    match from {
        BraceExpressionMember::Child(parts) => opened(parts),
        BraceExpressionMember::NumberSequence { start, end, increment } => {
            let step = usize::try_from(increment.unsigned_abs()).unwrap_or(1).max(1);
            let numbers = (*start.min(end)..=*start.max(end)).step_by(step).take(1000).map(|number| number.to_string());
            if start <= end { numbers.collect() } else { numbers.collect::<Vec<_>>().into_iter().rev().collect() }
        }
        BraceExpressionMember::CharSequence { start, end, .. } => {
            let letters = (*start.min(end)..=*start.max(end)).map(String::from);
            if start <= end { letters.collect() } else { letters.collect::<Vec<_>>().into_iter().rev().collect() }
        }
    }
}

fn one_word(text: &str) -> Result<Word, Unreadable> {
    let pieces = word::parse(text, &ParserOptions::default()).map_err(|_| syntax(text))?;
    pieces_of(&pieces, false)
}

fn pieces_of(from: &[WordPieceWithSource], quoted: bool) -> Result<Word, Unreadable> {
    let mut pieces = Vec::new();
    for piece in from {
        add_piece(&piece.piece, quoted, &mut pieces)?;
    }
    if pieces.is_empty() && !from.is_empty() {
        // `""` is a word, an empty one.
        pieces.push(Piece::Text { text: String::new(), quoted: true });
    }
    Ok(Word { pieces })
}

fn add_piece(from: &WordPiece, quoted: bool, pieces: &mut Vec<Piece>) -> Result<(), Unreadable> {
    let protected = |text: String| Piece::Text { text, quoted: true };
    match from {
        WordPiece::Text(text) => pieces.push(Piece::Text { text: text.clone(), quoted }),
        WordPiece::SingleQuotedText(text) => pieces.push(protected(text.clone())),
        WordPiece::AnsiCQuotedText(text) => pieces.push(protected(ansi_c(text))),
        WordPiece::DoubleQuotedSequence(inner) | WordPiece::GettextDoubleQuotedSequence(inner) => {
            pieces.extend(pieces_of(inner, true)?.pieces);
            if inner.is_empty() {
                pieces.push(protected(String::new()));
            }
        }
        WordPiece::EscapeSequence(text) => match text.strip_prefix('\\').unwrap_or(text) {
            "\n" => {}
            escaped => pieces.push(protected(escaped.to_owned())),
        },
        WordPiece::TildeExpansion(TildeExpr::Home) => pieces.push(Piece::Home),
        WordPiece::TildeExpansion(TildeExpr::UserHome(user)) => pieces.push(protected(format!("~{user}"))),
        WordPiece::TildeExpansion(_) => return Err(Unreadable::Unsupported("tildes with a sign")),
        WordPiece::CommandSubstitution(source) | WordPiece::BackquotedCommandSubstitution(source) => {
            pieces.push(Piece::Substitution { script: script(source)?, source: source.clone(), quoted });
        }
        WordPiece::ArithmeticExpression(expression) => pieces.push(Piece::Arithmetic(expression.value.clone())),
        WordPiece::ParameterExpansion(expression) => pieces.push(variable(expression, quoted)?),
    }
    Ok(())
}

fn variable(from: &ParameterExpr, quoted: bool) -> Result<Piece, Unreadable> {
    let trim = |pattern: &Option<String>, from_end, longest| Change::Trim {
        pattern: pattern.clone().unwrap_or_default(),
        from_end,
        longest,
    };
    let (parameter, change) = match from {
        ParameterExpr::Parameter { parameter, indirect: false } => (parameter, Change::None),
        ParameterExpr::ParameterLength { parameter, indirect: false } => (parameter, Change::Length),
        ParameterExpr::UseDefaultValues { parameter, indirect: false, test_type, default_value } => {
            let only_unset = matches!(test_type, ParameterTestType::Unset);
            (parameter, Change::Default { word: default_value.clone().unwrap_or_default(), only_unset })
        }
        ParameterExpr::UseAlternativeValue { parameter, indirect: false, alternative_value, .. } => {
            (parameter, Change::Instead(alternative_value.clone().unwrap_or_default()))
        }
        ParameterExpr::RemoveSmallestPrefixPattern { parameter, indirect: false, pattern } => {
            (parameter, trim(pattern, false, false))
        }
        ParameterExpr::RemoveLargestPrefixPattern { parameter, indirect: false, pattern } => {
            (parameter, trim(pattern, false, true))
        }
        ParameterExpr::RemoveSmallestSuffixPattern { parameter, indirect: false, pattern } => {
            (parameter, trim(pattern, true, false))
        }
        ParameterExpr::RemoveLargestSuffixPattern { parameter, indirect: false, pattern } => {
            (parameter, trim(pattern, true, true))
        }
        _ => return Err(Unreadable::Unsupported("such expansions of a variable")),
    };
    let name = match parameter {
        Parameter::Named(name) => name.clone(),
        Parameter::Positional(number) => number.to_string(),
        Parameter::Special(special) => special.to_string().trim_start_matches('$').to_owned(),
        Parameter::NamedWithIndex { .. } | Parameter::NamedWithAllIndices { .. } => {
            return Err(Unreadable::Unsupported("arrays"));
        }
    };
    Ok(Piece::Variable { name, change, quoted })
}

/// The text of `$'…'` (bash manual, "ANSI-C Quoting").
fn ansi_c(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match rest.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('e' | 'E') => out.push('\u{1b}'),
            Some('x') => {
                let digits: String = rest.clone().take(2).take_while(char::is_ascii_hexdigit).collect();
                for _ in 0..digits.len() {
                    rest.next();
                }
                out.extend(u8::from_str_radix(&digits, 16).ok().map(char::from));
            }
            Some(plain @ ('\\' | '\'' | '"' | '?')) => out.push(plain),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        let script = script(line).expect("readable");
        let Body::Simple { words, .. } = &script.items[0].first.commands[0].body else { panic!("not simple") };
        words.iter().map(Word::as_typed).collect()
    }

    #[test]
    fn quotes_and_backslashes_leave_the_text() {
        assert_eq!(
            words(r#"echo a\ b "c \"d\" \n" 'e $f' $'g\th' "" i"j"'k'"#),
            ["echo", "a b", "c \"d\" \\n", "e $f", "g\th", "", "ijk"]
        );
    }

    #[test]
    fn braces_open_out_into_words() {
        assert_eq!(
            words("docker x-{a,b} {1..3} {3..1} '{x,y}' {z}"),
            ["docker", "x-a", "x-b", "1", "2", "3", "3", "2", "1", "{x,y}", "{z}"]
        );
    }

    #[test]
    fn a_line_that_stops_in_the_middle_asks_for_more() {
        for line in ["echo 'x", "echo \"x", "cat <<EOF\nhi", "ls |", "a &&", "echo $(ls", "for i in 1; do", "{ a;"] {
            assert!(matches!(script(line), Err(Unreadable::Unfinished(_))), "{line}: {:?}", script(line));
        }
    }

    #[test]
    fn a_line_that_cannot_be_is_refused_at_its_place() {
        assert_eq!(script("ip x s | | wc"), Err(Unreadable::Syntax { near: "| wc".to_owned() }));
        assert_eq!(script(") x"), Err(Unreadable::Syntax { near: ") x".to_owned() }));
    }

    #[test]
    fn redirections_say_their_descriptor() {
        let script = script("a > f 2>&1 >> g &> h < i 2>/dev/null <<< j").expect("readable");
        let given = &script.items[0].first.commands[0].redirections;
        let descriptors: Vec<u32> = given.iter().map(|redirection| redirection.descriptor).collect();
        assert_eq!(descriptors, [1, 2, 1, 1, 0, 2, 0]);
        assert_eq!(given[1].target, Target::Same(1));
    }

    #[test]
    fn deep_nesting_is_refused_before_it_can_hurt() {
        assert_eq!(script(&"$(".repeat(5000)), Err(Unreadable::TooLarge));
        assert_eq!(script(&"(".repeat(5000)), Err(Unreadable::TooLarge));
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_the_reader_panic(line in "[ -~\n\t]{0,60}|[a-z$(){}'\"`|&;<>*?~\\[\\] \n\\\\]{0,40}|\\PC{0,20}") {
            let _ = script(&line);
        }
    }
}
