use super::Line;
use super::cut::{Cut, Printed, octet};

/// The first words of an HTTP request that tcpdump knows.
const HTTP_METHODS: [&str; 34] = [
    "GET",
    "PUT",
    "COPY",
    "HEAD",
    "LOCK",
    "MOVE",
    "POLL",
    "POST",
    "BCOPY",
    "BMOVE",
    "MKCOL",
    "TRACE",
    "LABEL",
    "MERGE",
    "DELETE",
    "SEARCH",
    "UNLOCK",
    "REPORT",
    "UPDATE",
    "NOTIFY",
    "BDELETE",
    "CONNECT",
    "OPTIONS",
    "CHECKIN",
    "PROPFIND",
    "CHECKOUT",
    "CCM_POST",
    "SUBSCRIBE",
    "PROPPATCH",
    "BPROPFIND",
    "BPROPPATCH",
    "UNCHECKOUT",
    "MKACTIVITY",
    "MKWORKSPACE",
];

impl Line<'_> {
    pub(super) fn http(&mut self, octets: &[u8], length: usize) -> Printed {
        self.protocol = "http";
        self.put(": HTTP");
        let Some((first, next)) = token(octets, 0, length) else { return Ok(()) };
        let request = HTTP_METHODS.iter().any(|method| method.as_bytes().eq_ignore_ascii_case(first));
        // The second word of a response is its code.
        let response = next != 0
            && token(octets, next, length)
                .is_some_and(|(code, _)| code.len() == 3 && code.iter().all(u8::is_ascii_digit));
        if request || response {
            self.text(octets, length)?;
        }
        Ok(())
    }

    pub(super) fn ssh(&mut self, octets: &[u8], length: usize) -> Printed {
        self.protocol = "ssh";
        self.put(": SSH");
        self.text_line(": ", octets, 0, length).map(|_| ())
    }

    /// The first line of text, or with `-v` every line.
    fn text(&mut self, octets: &[u8], length: usize) -> Printed {
        if !self.verbose(1) {
            return self.text_line(": ", octets, 0, length).map(|_| ());
        }
        self.put_fmt(format_args!(", length: {length}"));
        let mut at = 0;
        while at < length {
            match self.text_line("\n\t", octets, at, length)? {
                Some(next) => at = next,
                None => break,
            }
        }
        Ok(())
    }

    /// One line of text; returns where the next begins, or `None` when this is not text.
    fn text_line(&mut self, prefix: &str, octets: &[u8], begin: usize, length: usize) -> Result<Option<usize>, Cut> {
        let mut at = begin;
        let (end, next) = loop {
            if at >= length {
                self.text_piece(prefix, octets, begin, at);
                return Err(Cut::Seen);
            }
            match octet(octets, at)? {
                b'\n' => break (at, at + 1),
                b'\r' if at + 1 >= length => break (at, at + 1),
                b'\r' => match octet(octets, at + 1)? {
                    b'\n' => break (at, at + 2),
                    _ => return Ok(None),
                },
                octet if octet.is_ascii_graphic() || matches!(octet, b' ' | b'\t') => at += 1,
                _ => return Ok(None),
            }
        };
        self.text_piece(prefix, octets, begin, end);
        Ok(Some(next))
    }

    fn text_piece(&mut self, prefix: &str, octets: &[u8], begin: usize, end: usize) {
        self.put(prefix);
        let piece = octets.get(begin..end).unwrap_or_default();
        self.out.extend(piece.iter().copied().map(char::from));
    }
}

/// A word, and where the next one begins (0 when the captured octets or the printable ones end before).
fn token(octets: &[u8], begin: usize, length: usize) -> Option<(&[u8], usize)> {
    let captured = octets.get(begin..length.min(octets.len()))?;
    let len = captured.iter().position(|octet| !octet.is_ascii() || octet.is_ascii_whitespace());
    // A word that the capture cuts is none.
    let len = match len {
        Some(len) => len,
        None if octets.len() < length => return None,
        None => captured.len(),
    };
    let word = captured.get(..len).filter(|word| !word.is_empty())?;
    let mut at = begin + len;
    while let Some(&octet) = octets.get(at).filter(|_| at < length) {
        match octet {
            b'\r' | b'\n' => break,
            b' ' | b'\t' => at += 1,
            octet if octet.is_ascii_graphic() => break,
            _ => return None,
        }
    }
    Some((word, at))
}
