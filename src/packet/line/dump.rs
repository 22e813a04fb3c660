use std::fmt::Write;

/// The octets below a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dump {
    /// None.
    #[default]
    None,
    /// In hex (`-x`), with the link header (`-xx`).
    Hex {
        /// Whether the link header is shown too.
        link: bool,
    },
    /// In hex and ASCII (`-X`), with the link header (`-XX`).
    HexAscii {
        /// Whether the link header is shown too.
        link: bool,
    },
    /// In ASCII (`-A`), with the link header (`-AA`).
    Ascii {
        /// Whether the link header is shown too.
        link: bool,
    },
}

/// Appends the dump of a frame whose link header has `header_len` octets.
pub(super) fn print(dump: Dump, octets: &[u8], header_len: usize, out: &mut String) {
    let (Dump::Hex { link } | Dump::HexAscii { link } | Dump::Ascii { link }) = dump else { return };
    let shown = if link { octets } else { octets.get(header_len..).unwrap_or_default() };
    if shown.is_empty() {
        return;
    }
    match dump {
        Dump::None => {}
        Dump::Hex { .. } => hex(shown, "\n\t", out),
        Dump::HexAscii { .. } => hex_and_ascii(shown, out),
        Dump::Ascii { .. } => ascii(shown, out),
    }
}

/// Sixteen octets a line, in pairs, with their offset.
pub(super) fn hex(octets: &[u8], indent: &str, out: &mut String) {
    for (row, line) in octets.chunks(16).enumerate() {
        let _ = write!(out, "{indent}0x{:04x}: ", row * 16);
        pairs(line, out);
    }
}

/// The same with the printable characters beside them.
pub(super) fn hex_and_ascii(octets: &[u8], out: &mut String) {
    for (row, line) in octets.chunks(16).enumerate() {
        let _ = write!(out, "\n\t0x{:04x}: ", row * 16);
        let begin = out.len();
        pairs(line, out);
        let width = out.len() - begin;
        let _ = write!(out, "{:pad$}  ", "", pad = 40_usize.saturating_sub(width));
        out.extend(line.iter().map(|octet| if octet.is_ascii_graphic() { char::from(*octet) } else { '.' }));
    }
}

fn pairs(line: &[u8], out: &mut String) {
    for pair in line.chunks(2) {
        out.push(' ');
        for octet in pair {
            let _ = write!(out, "{octet:02x}");
        }
    }
}

fn ascii(octets: &[u8], out: &mut String) {
    out.push('\n');
    for (at, octet) in octets.iter().enumerate() {
        match octet {
            // A CR at the end of a line is not shown, nor is one with less than two octets behind it.
            b'\r' if at + 2 >= octets.len() || octets.get(at + 1) == Some(&b'\n') => {}
            b'\n' | b'\t' | b' ' => out.push(char::from(*octet)),
            octet if octet.is_ascii_graphic() => out.push(char::from(*octet)),
            _ => out.push('.'),
        }
    }
}
