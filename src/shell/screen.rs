use std::collections::BTreeSet;
use std::fmt::Write;

/// The output of a program on a terminal of its own, on its way to the learner's. It passes as it is; this only follows
/// what the program has done to the screen, so that nothing is written into it, and so that it is left in order.
#[derive(Debug, Default)]
pub(super) struct Screen {
    at: At,
    /// The numbers of the control sequence at hand.
    numbers: String,
    /// DEC private modes (`ESC [ ? N h`) that are not as a shell's prompt needs them.
    modes: BTreeSet<u16>,
    /// Whether the cursor stands somewhere in a line.
    within_line: bool,
    /// Whether the program has drawn a screen instead of writing lines.
    draws: bool,
}

/// Where in the stream.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    Text,
    /// Behind `ESC`.
    Escape,
    /// Behind `ESC` and an intermediate octet (`ESC ( B`).
    Designation,
    /// Behind `ESC [`.
    Control,
    /// In a string that ends with BEL or `ESC \` (a title, a colour).
    String,
    /// In such a string, behind `ESC`.
    StringEscape,
}

/// Modes that a program switches on and must switch off again: application cursor keys, mouse, alternate screens,
/// bracketed paste, focus. (xterm's "Control Sequences", DEC Private Mode Set.)
const OFF_AT_A_PROMPT: &[u16] = &[1, 47, 1000, 1002, 1003, 1004, 1006, 1015, 1047, 1049, 2004];
/// Modes that are on at a prompt: lines wrap, the cursor is shown.
const ON_AT_A_PROMPT: &[u16] = &[7, 25];
/// While one of these is on, the screen is the program's (alternate screens), or a line of it is (an editor that asks for
/// pasted text to be marked).
const OCCUPIES: &[u16] = &[47, 1047, 1049, 2004];
/// Control sequences that only colour, or erase the rest of a line.
const HARMLESS: &[u8] = b"mK";

impl Screen {
    /// Follows octets that pass.
    pub(super) fn pass(&mut self, octets: &[u8]) {
        for octet in octets {
            self.octet(*octet);
        }
    }

    /// Whether a line of somebody else's can be written now: the cursor is at the beginning of a line, and the program
    /// draws no screen.
    pub(super) fn is_free(&self) -> bool {
        self.at == At::Text
            && !self.within_line
            && !self.draws
            && !OCCUPIES.iter().any(|mode| self.modes.contains(mode))
    }

    /// What makes the terminal fit for a prompt again: the modes that a program left behind (it may have been killed),
    /// and the beginning of a line.
    pub(super) fn tidied(&mut self) -> String {
        let mut text = String::new();
        for mode in std::mem::take(&mut self.modes) {
            let end = if ON_AT_A_PROMPT.contains(&mode) { 'h' } else { 'l' };
            // Writing to a String cannot fail.
            let _ = write!(text, "\x1b[?{mode}{end}");
        }
        if std::mem::take(&mut self.within_line) {
            text.push_str("\r\n");
        }
        self.draws = false;
        text
    }

    fn octet(&mut self, octet: u8) {
        self.at = match (self.at, octet) {
            (At::Text | At::Escape, 0x1b) => At::Escape,
            (At::Text, b'\n' | b'\r') => {
                self.within_line = false;
                At::Text
            }
            // Other control characters ring, or move within the line.
            (At::Text, ..0x20) => At::Text,
            (At::Text, _) => {
                self.within_line = true;
                At::Text
            }
            (At::Escape, b'[') => {
                self.numbers.clear();
                At::Control
            }
            (At::Escape, b']' | b'P' | b'_' | b'^' | b'X') => At::String,
            (At::Escape | At::Designation, 0x20..=0x2f) => At::Designation,
            // A final octet: keypad modes, save and restore.
            (At::Escape | At::Designation, _) | (At::String, 0x07) | (At::StringEscape, b'\\') => At::Text,
            (At::String | At::StringEscape, 0x1b) => At::StringEscape,
            (At::String | At::StringEscape, _) => At::String,
            (At::Control, 0x40..=0x7e) => {
                self.control(octet);
                At::Text
            }
            (At::Control, _) => {
                // Longer than any that is looked at.
                if self.numbers.len() < 64 {
                    self.numbers.push(char::from(octet));
                }
                At::Control
            }
        };
    }

    fn control(&mut self, last: u8) {
        let Some(modes) = self.numbers.strip_prefix('?').filter(|_| matches!(last, b'h' | b'l')) else {
            // Moving about and erasing: not lines one below the other.
            self.draws |= !HARMLESS.contains(&last) && !OCCUPIES.iter().any(|mode| self.modes.contains(mode));
            return;
        };
        for mode in modes.split(';').filter_map(|mode| mode.parse::<u16>().ok()) {
            let usual = if last == b'h' { ON_AT_A_PROMPT } else { OFF_AT_A_PROMPT };
            let unusual = if last == b'h' { OFF_AT_A_PROMPT } else { ON_AT_A_PROMPT };
            if unusual.contains(&mode) {
                self.modes.insert(mode);
            } else if usual.contains(&mode) {
                self.modes.remove(&mode);
            }
            // An editor asks for a line: whatever drew has ended.
            self.draws &= mode != 2004;
            if matches!(mode, 47 | 1047 | 1049) {
                // The cursor of the other screen is another one; back on the first it is where a line was begun.
                self.within_line = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(text: &str) -> Screen {
        let mut screen = Screen::default();
        screen.pass(text.as_bytes());
        screen
    }

    #[test]
    fn lines_leave_the_screen_free_and_half_a_line_does_not() {
        assert!(screen("64 bytes\r\n\x1b[36meth0\x1b[0m\x1b[K\r\n").is_free());
        assert!(!screen("Password: ").is_free());
        assert_eq!(screen("Password: ").tidied(), "\r\n");
        assert_eq!(screen("a\r\n\x1b]0;title\x07\x1b(B").tidied(), "");
    }

    #[test]
    fn a_program_that_draws_keeps_the_screen() {
        for text in ["\x1b[?1049h", "\x1b[H\x1b[2Jtop\r\n", "\x1b[?2004h", "\x1b[?1049h\x1b[H\x1b[2J"] {
            assert!(!screen(text).is_free(), "{text:?}");
        }
        assert!(screen("\x1b[?1049h\x1b[Htext\x1b[?1049l").is_free());
        assert!(screen("\x1b[?2004hls\r\n\x1b[?2004l").is_free());
    }

    #[test]
    fn what_a_killed_program_left_behind_is_put_right() {
        let text = "\x1b[?1049h\x1b[?1h\x1b=\x1b[?25l\x1b[?1000;1006h\x1b[5;5Htext";
        let tidied = screen(text).tidied();
        for sequence in ["\x1b[?1049l", "\x1b[?1l", "\x1b[?25h", "\x1b[?1000l", "\x1b[?1006l"] {
            assert!(tidied.contains(sequence), "{tidied:?}");
        }
        assert_eq!(screen("\x1b[?1049h\x1b[?25l\x1b[?25h\x1b[?1049l").tidied(), "");
    }

    #[test]
    fn pieces_may_end_anywhere() {
        let text = "\x1b]0;a\x1b\\\x1b[?1049h\x1b[?25l\x1b[3;4Hx\x1b[?2004h";
        let whole = screen(text).tidied();
        for cut in 0..text.len() {
            let mut parts = screen(&text[..cut]);
            parts.pass(&text.as_bytes()[cut..]);
            assert_eq!(parts.tidied(), whole, "cut at {cut}");
        }
    }
}
