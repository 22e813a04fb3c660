use std::io::IsTerminal;

use super::{Image, ImageError, Protocol};

/// A terminal that shows pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Display {
    protocol: Protocol,
    /// The pixels of its window: width and height.
    window: (f32, f32),
    /// The largest picture that it takes, in pixels.
    largest: Option<(f32, f32)>,
}

/// What a terminal answered about itself.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Answer {
    sixel: bool,
    largest: Option<(f32, f32)>,
}

/// A cell of a terminal that does not say how many pixels its window has.
const CELL: (f32, f32) = (8.0, 16.0);
/// The prompt and the line that was typed want to be seen too.
const LINES_BESIDE: f32 = 3.0;
/// On screens with fine pixels a picture is drawn with twice as many.
const LARGEST_SCALE: f32 = 2.0;
/// Letters smaller than this part of their size cannot be read.
const SMALLEST_SCALE: f32 = 0.6;

impl Display {
    /// The one behind the standard streams, if it shows pictures: known by its variables, else asked for its attributes.
    pub fn of_process() -> Option<Self> {
        if !std::io::stdout().is_terminal() {
            return None;
        }
        let variable = |name: &str| std::env::var(name).ok();
        let known = Protocol::of(&variable);
        let answer = match known {
            Some(Protocol::Sixel) => ask(),
            None if Protocol::may_be_asked(&variable) => ask(),
            _ => Answer::default(),
        };
        let protocol = known.or(answer.sixel.then_some(Protocol::Sixel))?;
        let size = crossterm::terminal::window_size().ok()?;
        let cells = (f32::from(size.columns), f32::from(size.rows));
        let told = (f32::from(size.width), f32::from(size.height));
        let window = if told.0 > 0.0 && told.1 > 0.0 { told } else { (cells.0 * CELL.0, cells.1 * CELL.1) };
        let beside = LINES_BESIDE * window.1 / cells.1.max(1.0);
        Some(Self { protocol, window: (window.0, window.1 - beside), largest: answer.largest })
    }

    /// The octets that make it show an SVG document at the cursor, as large as the window has room; an error where it would
    /// be too small to be read, or cannot be drawn.
    pub fn show(&self, svg: &str) -> Result<String, ImageError> {
        let image = Image::of_svg(svg, |size| self.scale(size))?;
        image.shown_by(self.protocol)
    }

    /// How much larger than itself a document of this size is drawn. As wide as the window at most; higher than it, where
    /// the letters would be too small else: a terminal scrolls.
    fn scale(&self, (width, height): (f32, f32)) -> Option<f32> {
        let mut scale = (self.window.0 / width).min(LARGEST_SCALE).min((self.window.1 / height).max(SMALLEST_SCALE));
        if let Some(largest) = self.largest {
            scale = scale.min(largest.0 / width).min(largest.1 / height);
        }
        (scale >= SMALLEST_SCALE).then_some(scale)
    }
}

impl Answer {
    /// Reads what a terminal wrote: `CSI ? 2 ; 0 ; WIDTH ; HEIGHT S` (XTSMGRAPHICS, xterm's `ctlseqs.ms`) and
    /// `CSI ? 64 ; 1 ; 4 ; … c` (DA1, where the attribute 4 is sixel graphics: DEC VT510 manual, "DA1").
    fn read(text: &str) -> Self {
        let mut answer = Self::default();
        for part in text.split("\x1b[?").skip(1) {
            let Some(end) = part.find(|letter: char| letter != ';' && !letter.is_ascii_digit()) else { continue };
            let (numbers, end) = part.split_at(end);
            let mut numbers = numbers.split(';').map(|number| number.parse::<u16>().unwrap_or(0));
            if end.starts_with('c') {
                // The first says what kind of terminal it is.
                answer.sixel = numbers.skip(1).any(|attribute| attribute == 4);
            } else if end.starts_with('S') && numbers.next() == Some(2) && numbers.next() == Some(0) {
                let size = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
                answer.largest = (size.0 > 0 && size.1 > 0).then(|| (f32::from(size.0), f32::from(size.1)));
            }
        }
        answer
    }
}

/// Asks the terminal what it is. Every terminal answers DA1, so its answer is the end; what is typed already must not be
/// lost, so who has typed ahead is not asked.
#[cfg(unix)]
fn ask() -> Answer {
    use std::io::Write;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, isatty, tcgetattr, tcsetattr};

    const PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
    let stdin = std::io::stdin();
    let comes = |patience: &Timespec| {
        poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(patience)).is_ok_and(|ready| ready > 0)
    };
    let Ok(before) = tcgetattr(&stdin) else { return Answer::default() };
    if !isatty(&stdin) {
        return Answer::default();
    }
    let mut raw = before.clone();
    raw.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    raw.special_codes[SpecialCodeIndex::VMIN] = 0;
    raw.special_codes[SpecialCodeIndex::VTIME] = 0;
    if tcsetattr(&stdin, OptionalActions::Now, &raw).is_err() {
        return Answer::default();
    }
    let mut text = Vec::new();
    if !comes(&Timespec::default()) {
        let mut out = std::io::stdout();
        if out.write_all(b"\x1b[?2;1;0S\x1b[c").and_then(|()| out.flush()).is_ok() {
            let mut octets = [0; 64];
            while !text.contains(&b'c') && text.len() < 256 && comes(&PATIENCE) {
                match rustix::io::read(&stdin, &mut octets) {
                    Ok(count) if count > 0 => text.extend_from_slice(octets.get(..count).unwrap_or_default()),
                    _ => break,
                }
            }
        }
    }
    // A terminal that is gone needs no settings.
    let _ = tcsetattr(&stdin, OptionalActions::Now, &before);
    Answer::read(&String::from_utf8_lossy(&text))
}

#[cfg(not(unix))]
fn ask() -> Answer {
    Answer::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const XTERM: Display = Display { protocol: Protocol::Sixel, window: (1200.0, 1000.0), largest: None };

    #[test]
    fn a_terminal_says_whether_and_how_large_it_draws_sixels() {
        let drawn = Answer { sixel: true, largest: Some((1000.0, 800.0)) };
        assert_eq!(Answer::read("\x1b[?2;0;1000;800S\x1b[?64;1;2;4;6;9;15;22c"), drawn);
        assert_eq!(Answer::read("\x1b[?64;4c"), Answer { sixel: true, largest: None });
        // 2;3: "failure"; 64 and 44 are no 4, and the first number is none of the attributes.
        assert_eq!(Answer::read("\x1b[?2;3;0S\x1b[?4;64;44c"), Answer::default());
        for other in ["", "c", "\x1b[?", "\x1b[?64;1", "\x1b[?99999999;4", "\x1b[?;;;S", "4c"] {
            assert_eq!(Answer::read(other), Answer::default(), "{other:?}");
        }
    }

    #[test]
    fn a_picture_is_as_large_as_the_window_has_room_and_never_unreadable() {
        assert_eq!(XTERM.scale((600.0, 500.0)), Some(2.0));
        assert_eq!(XTERM.scale((300.0, 100.0)), Some(2.0));
        assert_eq!(XTERM.scale((1500.0, 500.0)), Some(0.8));
        // Higher than the window, where it would be too small else.
        assert_eq!(XTERM.scale((1000.0, 3000.0)), Some(0.6));
        assert_eq!(XTERM.scale((2400.0, 500.0)), None);
        let small = Display { largest: Some((1000.0, 1000.0)), ..XTERM };
        assert_eq!(small.scale((1250.0, 500.0)), Some(0.8));
        assert_eq!(small.scale((1000.0, 2000.0)), None);
    }
}
