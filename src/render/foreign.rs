/// `text` that came from a packet or a program, made safe for a terminal: control characters in caret notation (`^[`),
/// invisible direction marks by their number; tabs and newlines stay.
pub fn sanitised(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        push_safe(letter, &mut out);
    }
    out
}

/// The output of one program, arriving in pieces that may end inside a UTF-8 character or an escape sequence.
///
/// Colours (`ESC [ … m`, as `ip -c` or `grep --color` print them) pass where the screen has colour and vanish where it
/// has none, as does `ESC [ K`; every other control sequence is shown, not obeyed. `\r\n` becomes `\n`.
#[derive(Debug, Default)]
pub struct Foreign {
    colour: bool,
    rest: Vec<u8>,
}

/// "Erase to the end of the line", as `grep --color` and kind's spinner print it: on a line of its own there is nothing
/// to erase, so it vanishes.
const ERASE: &str = "\u{1b}[K";

/// An SGR sequence longer than this is not one.
const LONGEST_SGR: usize = 32;

impl Foreign {
    /// Output for a screen that has colour, or none.
    pub fn new(colour: bool) -> Self {
        Self { colour, rest: Vec::new() }
    }

    /// What can be shown after `octets` arrived.
    pub fn push(&mut self, octets: &[u8]) -> String {
        self.rest.extend_from_slice(octets);
        let keep = self.rest.len() - incomplete_tail(&self.rest);
        let tail = self.rest.split_off(keep);
        let ready = std::mem::replace(&mut self.rest, tail);
        self.shown(&String::from_utf8_lossy(&ready))
    }

    /// What was still waiting for its end when the program ended.
    pub fn finish(&mut self) -> String {
        let ready = std::mem::take(&mut self.rest);
        self.shown(&String::from_utf8_lossy(&ready))
    }

    fn shown(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            if let Some(sequence) = sgr(rest) {
                if self.colour {
                    out.push_str(sequence);
                }
                rest = rest.get(sequence.len()..).unwrap_or_default();
                continue;
            }
            if let Some(after) = rest.strip_prefix(ERASE) {
                rest = after;
                continue;
            }
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            if letter == '\r' {
                if !rest.starts_with('\n') {
                    out.push('\n');
                }
                continue;
            }
            push_safe(letter, &mut out);
        }
        out
    }
}

fn push_safe(letter: char, out: &mut String) {
    match letter {
        '\n' | '\t' => out.push(letter),
        '\u{7f}' => out.push_str("^?"),
        '\0'..='\u{1f}' => {
            out.push('^');
            out.push(char::from(letter as u8 + b'@'));
        }
        '\u{80}'..='\u{9f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => {
            out.push_str(&letter.escape_unicode().to_string());
        }
        _ => out.push(letter),
    }
}

/// The SGR sequence (`ESC [ digits ; … m`) at the beginning of `text`.
fn sgr(text: &str) -> Option<&str> {
    let body = text.strip_prefix("\u{1b}[")?;
    let end = body.find(|letter: char| !(letter.is_ascii_digit() || letter == ';'))?;
    (end <= LONGEST_SGR && body.get(end..)?.starts_with('m')).then(|| text.get(..end + 3)).flatten()
}

/// How many octets at the end begin something whose end has not arrived.
fn incomplete_tail(octets: &[u8]) -> usize {
    if let Err(error) = std::str::from_utf8(octets)
        && error.error_len().is_none()
    {
        return octets.len() - error.valid_up_to();
    }
    if octets.last() == Some(&b'\r') {
        return 1;
    }
    let escape = octets.iter().rposition(|octet| *octet == 0x1b);
    let Some(tail) = escape.and_then(|at| octets.get(at..)) else { return 0 };
    let open = match tail {
        [_] => true,
        [_, b'[', digits @ ..] => digits.iter().all(|octet| octet.is_ascii_digit() || *octet == b';'),
        _ => false,
    };
    if open && tail.len() <= LONGEST_SGR { tail.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_cannot_move_the_cursor() {
        assert_eq!(sanitised("a\u{1b}]0;title\u{7}b\u{9b}2J\u{202e}x"), "a^[]0;title^Gb\\u{9b}2J\\u{202e}x");
    }

    #[test]
    fn colours_pass_only_where_there_is_colour() {
        let text = b"\x1b[36meth0\x1b[0m \x1b[2J";
        assert_eq!(Foreign::new(true).push(text), "\u{1b}[36meth0\u{1b}[0m ^[[2J");
        assert_eq!(Foreign::new(false).push(text), "eth0 ^[[2J");
    }

    #[test]
    fn what_erases_the_rest_of_a_line_vanishes() {
        assert_eq!(Foreign::new(true).push(b" ...\r\x1b[K ok\n"), " ...\n ok\n");
        assert_eq!(Foreign::new(true).push(b"\x1b[01;31m\x1b[Kesp\x1b[m\x1b[K"), "\u{1b}[01;31mesp\u{1b}[m");
    }

    #[test]
    fn pieces_may_end_anywhere() {
        let text = "密钥 \u{1b}[36meth0\u{1b}[0m\r\nend\u{1b}".as_bytes();
        for cut in 0..=text.len() {
            let (one, two) = text.split_at(cut);
            let mut foreign = Foreign::new(false);
            let shown = foreign.push(one) + &foreign.push(two) + &foreign.finish();
            assert_eq!(shown, "密钥 eth0\nend^[", "cut at {cut}");
        }
    }

    #[test]
    fn octets_that_are_no_text_are_marked() {
        assert_eq!(Foreign::new(false).push(b"a\xffb"), "a\u{fffd}b");
    }
}
