use std::borrow::Cow;

use crossterm::style::{Attribute, Attributes, Color, ContentStyle};

use super::{Line, Look, Role};

/// The lines as octets for the reader's screen, each ending with a newline.
pub fn paint(lines: &[Line], look: &Look) -> String {
    let mut text = String::new();
    for line in lines {
        paint_line(line, look, &mut text);
        text.push('\n');
    }
    text
}

/// One line without its line end.
pub(super) fn paint_line(line: &Line, look: &Look, into: &mut String) {
    for span in &line.0 {
        let words = look.letters(&span.text);
        match style(span.role).filter(|_| look.colour) {
            Some(style) if !words.is_empty() => into.push_str(&style.apply(words).to_string()),
            _ => into.push_str(&words),
        }
    }
}

/// Colours of the sixteen that every terminal has; `None` leaves the terminal's own.
fn style(role: Role) -> Option<ContentStyle> {
    let (colour, attribute) = match role {
        Role::Text => return None,
        Role::Heading | Role::Strong => (None, Some(Attribute::Bold)),
        Role::Emphasis => (None, Some(Attribute::Italic)),
        Role::Code | Role::Block => (Some(Color::DarkCyan), None),
        Role::Quiet => (None, Some(Attribute::Dim)),
        Role::Good | Role::Clear => (Some(Color::DarkGreen), None),
        Role::Bad => (Some(Color::DarkRed), None),
        Role::Warning => (Some(Color::DarkYellow), None),
        Role::Device => (Some(Color::DarkBlue), Some(Attribute::Bold)),
        Role::Cipher => (Some(Color::DarkMagenta), None),
        Role::Prompt => (Some(Color::DarkGreen), Some(Attribute::Bold)),
    };
    Some(ContentStyle {
        foreground_color: colour,
        attributes: attribute.map_or_else(Attributes::default, Attributes::from),
        ..ContentStyle::default()
    })
}

/// `text` with typographic signs spelled in ASCII. Letters of a language (Chinese, say) stay as they are: there is no
/// other way to write them.
pub fn ascii(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|sign| spelled(sign).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match spelled(sign) {
            Some(letters) => out.push_str(letters),
            None => out.push(sign),
        }
    }
    Cow::Owned(out)
}

fn spelled(sign: char) -> Option<&'static str> {
    Some(match sign {
        '─' | '━' | '═' | '–' | '‐' | '‑' | '−' => "-",
        '—' => "--",
        '│' | '┃' | '║' | '▏' => "|",
        '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' | '╔' | '╗' | '╚' | '╝' => "+",
        '•' | '●' | '∙' => "*",
        '·' => ".",
        '→' | '▶' | '▸' | '➜' => "->",
        '←' => "<-",
        '↔' => "<->",
        '↑' => "^",
        '↓' => "v",
        '…' => "...",
        '‘' | '’' => "'",
        '“' | '”' => "\"",
        '×' => "x",
        '≤' => "<=",
        '≥' => ">=",
        '≠' => "!=",
        '≈' => "~",
        '‖' => "||",
        '⊕' => "xor",
        '✓' | '✔' => "ok",
        '✗' | '✘' => "no",
        '\u{a0}' | '\u{202f}' => " ",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOUR: Look = Look { width: 80, colour: true, unicode: true, plain: false };

    #[test]
    fn colour_is_closed_where_it_was_opened() {
        let text = paint(&[Line::text("SPI ").and("0x3", Role::Code)], &COLOUR);
        assert!(text.starts_with("SPI \u{1b}["), "{text:?}");
        assert!(text.trim_end().ends_with('m'), "{text:?}");
    }

    #[test]
    fn without_colour_there_is_no_escape() {
        let look = Look { colour: false, ..COLOUR };
        assert_eq!(paint(&[Line::of("eth0", Role::Device)], &look), "eth0\n");
    }

    #[test]
    fn ascii_spells_the_signs_and_keeps_the_language() {
        assert_eq!(ascii("salt ‖ IV → nonce — 密钥…"), "salt || IV -> nonce -- 密钥...");
    }
}
