//! Pictures as pixels, for the terminals that show them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{FontResolver, Options, Tree};

/// An SVG document as pixels.
pub struct Image {
    pixels: Pixmap,
}

/// How a terminal takes pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// kitty's graphics protocol: kitty, Ghostty, Konsole.
    Kitty,
    /// iTerm2's inline images: iTerm2, WezTerm.
    Iterm2,
    /// DEC's sixels: foot, mlterm, xterm with `-ti vt340`.
    Sixel,
}

/// Why a picture cannot be shown as pixels.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// No font of this machine has the letters.
    #[error("no font of this machine has all letters of the picture")]
    NoFont,
    /// The document is not what an SVG reader takes.
    #[error("the picture cannot be drawn: {0}")]
    Svg(String),
    /// In the room there is, its letters would be too small.
    #[error("the window is too small for the picture to be read")]
    NoRoom,
}

impl Protocol {
    /// The protocol of the terminal behind these variables, if it is known to have one. `ESPLAIN_PICTURES` overrules
    /// (`kitty`, `iterm2`, `sixel`, `none`); inside of tmux and screen, which swallow pictures, it alone counts.
    pub fn of(variable: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let is = |name: &str, values: &[&str]| {
            variable(name).is_some_and(|value| values.iter().any(|wanted| value.eq_ignore_ascii_case(wanted)))
        };
        let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        if set("ESPLAIN_PICTURES") {
            return [("kitty", Self::Kitty), ("iterm2", Self::Iterm2), ("sixel", Self::Sixel)]
                .into_iter()
                .find_map(|(name, protocol)| is("ESPLAIN_PICTURES", &[name]).then_some(protocol));
        }
        if set("TMUX") || set("STY") || is("TERM", &["dumb"]) {
            return None;
        }
        if set("KITTY_WINDOW_ID") || is("TERM", &["xterm-kitty", "xterm-ghostty"]) || set("KONSOLE_VERSION") {
            return Some(Self::Kitty);
        }
        if is("TERM_PROGRAM", &["iTerm.app", "WezTerm"]) || is("LC_TERMINAL", &["iTerm2"]) {
            return Some(Self::Iterm2);
        }
        is("TERM", &["foot", "foot-extra", "mlterm", "yaft-256color"]).then_some(Self::Sixel)
    }

    /// Whether nothing is said for or against pictures, so that the terminal itself may be asked.
    pub(super) fn may_be_asked(variable: &dyn Fn(&str) -> Option<String>) -> bool {
        let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        !["ESPLAIN_PICTURES", "TMUX", "STY"].into_iter().any(set) && variable("TERM").is_some_and(|term| term != "dumb")
    }
}

impl Image {
    /// Draws an SVG document with the fonts of this machine. `scale` is told its width and height, and says how many pixels
    /// there shall be for each of its own; `None` where there is no room.
    pub fn of_svg(svg: &str, scale: impl FnOnce((f32, f32)) -> Option<f32>) -> Result<Self, ImageError> {
        let missing = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&missing);
        let usual = FontResolver::default_fallback_selector();
        let resolver = FontResolver {
            select_font: FontResolver::default_font_selector(),
            select_fallback: Box::new(move |letter, used, fonts| {
                let found = usual(letter, used, fonts);
                if found.is_none() {
                    noted.store(true, Ordering::Relaxed);
                }
                found
            }),
        };
        let mut options = Options { font_resolver: resolver, ..Options::default() };
        options.fontdb_mut().load_system_fonts();
        if options.fontdb.is_empty() {
            return Err(ImageError::NoFont);
        }
        let tree = Tree::from_str(svg, &options).map_err(|error| ImageError::Svg(error.to_string()))?;
        if missing.load(Ordering::Relaxed) {
            return Err(ImageError::NoFont);
        }
        let scale = scale((tree.size().width(), tree.size().height())).ok_or(ImageError::NoRoom)?;
        let size = tree.size().to_int_size().scale_by(scale);
        let pixels = size.and_then(|size| Pixmap::new(size.width(), size.height()));
        let mut pixels = pixels.ok_or_else(|| ImageError::Svg("it has no size".to_owned()))?;
        resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
        Ok(Self { pixels })
    }

    /// The picture as a PNG file.
    pub fn png(&self) -> Result<Vec<u8>, ImageError> {
        self.pixels.encode_png().map_err(|error| ImageError::Svg(error.to_string()))
    }

    /// The octets that make a terminal show it at the cursor, with a newline behind.
    pub fn shown_by(&self, protocol: Protocol) -> Result<String, ImageError> {
        Ok(match protocol {
            Protocol::Kitty => kitty(&self.png()?),
            Protocol::Iterm2 => {
                let png = self.png()?;
                format!("\x1b]1337;File=inline=1;size={}:{}\x07\n", png.len(), BASE64.encode(&png))
            }
            Protocol::Sixel => {
                let (width, height) = (self.pixels.width() as usize, self.pixels.height() as usize);
                let octets = self.pixels.clone().take_demultiplied();
                let drawn = icy_sixel::sixel_encode(&octets, width, height, &icy_sixel::EncodeOptions::default());
                drawn.map_err(|error| ImageError::Svg(error.to_string()))? + "\n"
            }
        })
    }
}

/// kitty takes a PNG in pieces of at most 4096 octets of base64
/// (<https://sw.kovidgoyal.net/kitty/graphics-protocol/>, "Remote client").
fn kitty(png: &[u8]) -> String {
    const PIECE: usize = 4096;
    let text = BASE64.encode(png);
    let mut shown = String::new();
    let mut rest = text.as_str();
    let mut begun = false;
    loop {
        let (piece, behind) = rest.split_at(rest.len().min(PIECE));
        let more = u8::from(!behind.is_empty());
        // a=T: transmit and show; f=100: PNG; q=2: no answer, which would look like typing.
        let keys = if begun { format!("m={more}") } else { format!("a=T,f=100,q=2,m={more}") };
        shown.extend(["\x1b_G", &keys, ";", piece, "\x1b\\"]);
        begun = true;
        rest = behind;
        if rest.is_empty() {
            return shown + "\n";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: &str = "<svg xmlns='http://www.w3.org/2000/svg' width='300' height='200'>\
        <rect width='300' height='200' fill='#d1603d'/><rect x='9' y='9' width='99' height='9' fill='#0b6b4f'/></svg>";

    #[test]
    fn terminals_are_known_by_their_variables() {
        let of = |known: &[(&str, &str)]| {
            Protocol::of(&|name| known.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(of(&[("TERM", "xterm-kitty")]), Some(Protocol::Kitty));
        assert_eq!(of(&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "iTerm.app")]), Some(Protocol::Iterm2));
        assert_eq!(of(&[("TERM", "foot")]), Some(Protocol::Sixel));
        assert_eq!(of(&[("TERM", "xterm-256color")]), None);
        assert_eq!(of(&[("TERM", "xterm-kitty"), ("TMUX", "/tmp/tmux")]), None);
        assert_eq!(of(&[("TERM", "xterm-kitty"), ("ESPLAIN_PICTURES", "none")]), None);
        assert_eq!(of(&[("TERM", "dumb"), ("ESPLAIN_PICTURES", "sixel")]), Some(Protocol::Sixel));
        let may = |known: &[(&str, &str)]| {
            let of = |name: &str| known.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
            Protocol::may_be_asked(&of)
        };
        assert!(may(&[("TERM", "xterm-256color")]));
        for silent in [("STY", "1.pts"), ("TMUX", "/tmp/tmux"), ("ESPLAIN_PICTURES", "none")] {
            assert!(!may(&[("TERM", "xterm"), silent]), "{silent:?}");
        }
        assert!(!may(&[("TERM", "dumb")]) && !may(&[]));
    }

    #[test]
    fn what_kitty_and_iterm2_are_sent_is_the_png() {
        let Ok(image) = Image::of_svg(SQUARE, |_| Some(2.0)) else {
            eprintln!("skipped: this machine has no fonts, and so draws no pictures");
            return;
        };
        let png = image.png().unwrap();
        assert!(png.starts_with(b"\x89PNG") && (image.pixels.width(), image.pixels.height()) == (600, 400));
        let shown = image.shown_by(Protocol::Kitty).unwrap();
        let pieces: Vec<&str> =
            shown.split("\x1b\\").filter_map(|piece| piece.split_once(';')).map(|(_, text)| text).collect();
        assert!(pieces.iter().all(|piece| piece.len() <= 4096));
        assert_eq!(BASE64.decode(pieces.concat()).unwrap(), png);
        let shown = image.shown_by(Protocol::Iterm2).unwrap();
        let text = shown.split_once(':').unwrap().1.trim_end().trim_end_matches('\x07');
        assert_eq!(BASE64.decode(text).unwrap(), png);
    }

    #[test]
    fn sixels_draw_the_same_pixels() {
        let Ok(image) = Image::of_svg(SQUARE, |_| Some(1.0)) else {
            eprintln!("skipped: this machine has no fonts, and so draws no pictures");
            return;
        };
        let shown = image.shown_by(Protocol::Sixel).unwrap();
        let drawn = icy_sixel::SixelImage::decode(shown.trim_end().as_bytes()).unwrap();
        // Sixels are six pixels high.
        assert_eq!((drawn.width, drawn.height), (300, 204));
        let pixel = |x: usize, y: usize| drawn.pixels.get(4 * (y * 300 + x)..4 * (y * 300 + x) + 3).unwrap().to_vec();
        // Sixels count colours in per cent.
        let near = |found: &[u8], wanted: [u8; 3]| found.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 6);
        assert!(near(&pixel(200, 100), [0xd1, 0x60, 0x3d]), "{:?}", pixel(200, 100));
        assert!(near(&pixel(50, 13), [0x0b, 0x6b, 0x4f]), "{:?}", pixel(50, 13));
    }
}
