use std::io::{ErrorKind, Read};

use super::CaptureError;

/// A window on a stream: octets are read in large pieces and looked at without being copied again.
pub(super) struct Buffer {
    source: Box<dyn Read + Send>,
    octets: Vec<u8>,
    /// The part of `octets` that was read and not yet passed.
    start: usize,
    end: usize,
    /// Where `start` is in the stream.
    offset: u64,
    gzip: bool,
}

/// How much is read at a time.
const PIECE: usize = 256 * 1024;

impl Buffer {
    pub(super) fn new(source: Box<dyn Read + Send>) -> Self {
        Self { source, octets: vec![0; PIECE], start: 0, end: 0, offset: 0, gzip: false }
    }

    /// Takes the source out again, with the octets that were already read from it in front.
    pub(super) fn unpacked(self) -> Self {
        let read = self.octets.get(self.start..self.end).unwrap_or_default().to_vec();
        let packed = std::io::Cursor::new(read).chain(self.source);
        let source = Box::new(flate2::read::MultiGzDecoder::new(packed));
        Self { gzip: true, ..Self::new(source) }
    }

    /// Where the next octet is in the stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// How many octets are there without reading on.
    pub(super) fn available(&self) -> usize {
        self.end - self.start
    }

    /// Reads on until `need` octets are there, or the stream ends; says how many are there, `need` at most.
    /// `frame` is named in errors.
    pub(super) fn fill(&mut self, need: usize, frame: u64) -> Result<usize, CaptureError> {
        if self.end - self.start < need {
            self.octets.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.octets.len() < need {
                self.octets.resize(need, 0);
            }
            while self.end < need {
                let room = self.octets.get_mut(self.end..).unwrap_or_default();
                match self.source.read(room) {
                    Ok(0) => break,
                    Ok(read) => self.end += read,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(why) if self.gzip => {
                        let octet = self.offset + (self.end - self.start) as u64;
                        return Err(CaptureError::TornGzip { octet, frame, why });
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(need.min(self.end - self.start))
    }

    /// The next `len` octets, which must have been filled.
    pub(super) fn peek(&self, len: usize) -> &[u8] {
        self.octets.get(self.start..(self.start + len).min(self.end)).unwrap_or_default()
    }

    /// Goes past octets that were filled.
    pub(super) fn pass(&mut self, len: usize) {
        let len = len.min(self.end - self.start);
        self.start += len;
        self.offset += len as u64;
    }

    /// Octets that were passed just now: `len` of them, that end `back` octets before the place reached.
    pub(super) fn passed(&self, back: usize, len: usize) -> &[u8] {
        let end = self.start.saturating_sub(back);
        self.octets.get(end.saturating_sub(len)..end).unwrap_or_default()
    }

    /// Goes past `len` octets however many these are; says how many there were.
    pub(super) fn skip(&mut self, len: u64, frame: u64) -> Result<u64, CaptureError> {
        let mut left = len;
        while left > 0 {
            let piece = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let there = self.fill(piece, frame)?;
            self.pass(there);
            left -= there as u64;
            if there < piece {
                break;
            }
        }
        Ok(len - left)
    }
}
