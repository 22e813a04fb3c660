use std::borrow::Cow;
use std::io::IsTerminal;

use super::{Line, Role, Span, ascii};

/// What the reader's screen can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns.
    pub width: usize,
    /// Whether colours may be used. Every meaning that a colour has is also said in words.
    pub colour: bool,
    /// Whether letters beyond ASCII (lines, arrows, bullets) may be used for decoration.
    pub unicode: bool,
    /// Whether the text is for a screen reader: no drawing, tables as `name: value` lines.
    pub plain: bool,
}

/// The choice of `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Colour {
    /// Colour where the environment and the terminal want it.
    #[default]
    Auto,
    /// Colour even into a pipe.
    Always,
    /// No colour.
    Never,
}

/// Everything that decides the look, as values.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `--color`.
    pub colour: Colour,
    /// `--plain`.
    pub plain: bool,
    /// Whether standard output is a terminal.
    pub terminal: bool,
    /// The terminal's columns, where there is one.
    pub width: Option<usize>,
    /// `NO_COLOR`.
    pub no_color: Option<String>,
    /// `FORCE_COLOR`.
    pub force_color: Option<String>,
    /// `CLICOLOR_FORCE`.
    pub clicolor_force: Option<String>,
    /// `TERM`.
    pub term: Option<String>,
    /// The first of `LC_ALL`, `LC_CTYPE`, `LANG` that is set and not empty.
    pub locale: Option<String>,
}

impl Surroundings {
    /// Those of this process, with the choices of its command line.
    pub fn of_process(colour: Colour, plain: bool) -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        let terminal = std::io::stdout().is_terminal();
        Self {
            colour,
            plain,
            terminal,
            width: if terminal { terminal_width() } else { None },
            no_color: variable("NO_COLOR"),
            force_color: variable("FORCE_COLOR"),
            clicolor_force: variable("CLICOLOR_FORCE"),
            term: variable("TERM"),
            locale: ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty()),
        }
    }
}

/// The columns of the terminal, if there is one.
pub(super) fn terminal_width() -> Option<usize> {
    crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns))
}

/// Columns where nothing says how many there are.
const USUAL_WIDTH: usize = 80;
/// Running text wider than this is hard to read; a wider terminal keeps a margin.
const WIDEST: usize = 100;

impl Look {
    /// Decides. Colour, in this order: the flag `--color always|never`; `NO_COLOR` (non-empty) turns it off;
    /// `FORCE_COLOR` and `CLICOLOR_FORCE` (non-empty and not `0`) turn it on; then a terminal that is not
    /// `TERM=dumb` has it. `--plain` has no colour unless the flag asks for it.
    pub fn decide(around: &Surroundings) -> Self {
        let dumb = around.term.as_deref() == Some("dumb");
        let set = |value: &Option<String>| value.as_deref().is_some_and(|value| !value.is_empty());
        let forced = |value: &Option<String>| set(value) && value.as_deref() != Some("0");
        let colour = match around.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto if around.plain || set(&around.no_color) => false,
            Colour::Auto if forced(&around.force_color) || forced(&around.clicolor_force) => true,
            Colour::Auto => around.terminal && !dumb,
        };
        Self {
            width: around.width.filter(|width| *width > 0).unwrap_or(USUAL_WIDTH).min(WIDEST),
            colour,
            unicode: !around.plain && !dumb && around.locale.as_deref().is_some_and(speaks_utf8),
            plain: around.plain,
        }
    }

    /// `text` with its typographic signs (arrows, dashes, bullets, borders) spelled in ASCII where the screen needs it.
    pub fn letters<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.unicode { Cow::Borrowed(text) } else { ascii(text) }
    }

    /// [`Look::letters`] for a whole line; done before a line is wrapped, since it may change its width. Without colour,
    /// code in running text gets backquotes, or it would melt into it.
    #[must_use]
    pub fn spelled(&self, line: &Line) -> Line {
        let spell = |span: &Span| match span.role {
            Role::Code if !self.colour => Span::new(format!("`{}`", self.letters(&span.text)), Role::Code),
            role => Span::new(self.letters(&span.text), role),
        };
        Line(line.0.iter().map(spell).collect())
    }
}

fn speaks_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_comes_first_then_no_color_then_force_then_the_terminal() {
        let terminal = Surroundings { terminal: true, ..Surroundings::default() };
        let colour = |around: Surroundings| Look::decide(&around).colour;
        assert!(colour(terminal.clone()));
        assert!(!colour(Surroundings::default()));
        assert!(!colour(Surroundings { term: Some("dumb".to_owned()), ..terminal.clone() }));
        assert!(!colour(Surroundings {
            no_color: Some("1".to_owned()),
            force_color: Some("1".to_owned()),
            ..terminal.clone()
        }));
        assert!(
            colour(Surroundings { no_color: Some(String::new()), ..terminal.clone() }),
            "an empty NO_COLOR means nothing"
        );
        assert!(colour(Surroundings { clicolor_force: Some("1".to_owned()), ..Surroundings::default() }));
        assert!(!colour(Surroundings { force_color: Some("0".to_owned()), ..Surroundings::default() }));
        assert!(colour(Surroundings {
            no_color: Some("1".to_owned()),
            colour: Colour::Always,
            ..Surroundings::default()
        }));
        assert!(!colour(Surroundings { force_color: Some("1".to_owned()), colour: Colour::Never, ..terminal }));
    }

    #[test]
    fn a_locale_without_utf8_gets_ascii() {
        let unicode = |locale| Look::decide(&Surroundings { locale, ..Surroundings::default() }).unicode;
        assert!(unicode(Some("zh_CN.UTF-8".to_owned())) && unicode(Some("C.utf8".to_owned())));
        assert!(!unicode(Some("C".to_owned())) && !unicode(Some("zh_CN.GB18030".to_owned())) && !unicode(None));
    }
}
