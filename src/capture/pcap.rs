use super::buffer::Buffer;
use super::error::CaptureError;
use super::reader::{ByteOrder, Interface, LONGEST_FRAME, Place, Precision};
use crate::packet::{LinkType, Timestamp};

/// The header of a pcap file, as far as reading on needs it (draft-ietf-opsawg-pcap).
pub(super) struct Header {
    order: ByteOrder,
    precision: Precision,
}

/// Octets of the file header, and of the header of each record.
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

impl Header {
    pub(super) fn read(buffer: &mut Buffer) -> Result<(Self, Interface), CaptureError> {
        let there = buffer.fill(FILE_HEADER, 1)?;
        let header = buffer.peek(FILE_HEADER);
        let (order, precision) = match header.first_chunk().copied().map(u32::from_be_bytes) {
            Some(0xa1b2_c3d4) => (ByteOrder::Big, Precision::Microseconds),
            Some(0xd4c3_b2a1) => (ByteOrder::Little, Precision::Microseconds),
            Some(0xa1b2_3c4d) => (ByteOrder::Big, Precision::Nanoseconds),
            Some(0x4d3c_b2a1) => (ByteOrder::Little, Precision::Nanoseconds),
            _ => return Err(CaptureError::NotACapture { found: beginning(header) }),
        };
        if there < FILE_HEADER {
            let (expected, found) = (FILE_HEADER as u64, there as u64);
            return Err(CaptureError::Torn { octet: 0, frame: 1, part: "the file header", expected, found });
        }
        let (major, minor) = (order.u16(header, 4), order.u16(header, 6));
        if major != 2 {
            return Err(CaptureError::Version { major, minor });
        }
        // The upper bits say whether frames end with a checksum; only the lower 16 are the link type.
        let link_number = order.u32(header, 20) & 0xffff;
        let snap_len = order.u32(header, 16);
        let link = LinkType::from_number(link_number);
        if link.is_none() {
            return Err(CaptureError::LinkType { number: link_number });
        }
        buffer.pass(FILE_HEADER);
        Ok((Self { order, precision }, Interface { link, link_number, name: None, snap_len, precision }))
    }

    pub(super) fn next(&self, buffer: &mut Buffer, frame: u64) -> Result<Option<Place>, CaptureError> {
        let octet = buffer.offset();
        let torn = |part, expected: usize, found: usize| {
            let (expected, found) = (expected as u64, found as u64);
            Err(CaptureError::Torn { octet, frame, part, expected, found })
        };
        match buffer.fill(RECORD_HEADER, frame)? {
            0 => return Ok(None),
            RECORD_HEADER => {}
            there => return torn("a record header", RECORD_HEADER, there),
        }
        let header = buffer.peek(RECORD_HEADER);
        let [seconds, fraction, captured, original_len] = [0, 4, 8, 12].map(|at| self.order.u32(header, at));
        if captured > LONGEST_FRAME {
            let (says, most) = (captured.into(), LONGEST_FRAME.into());
            return Err(CaptureError::TooLong { octet, frame, says, most });
        }
        let captured = captured as usize;
        let there = buffer.fill(RECORD_HEADER + captured, frame)? - RECORD_HEADER;
        if there < captured {
            return torn("a frame", captured, there);
        }
        buffer.pass(RECORD_HEADER + captured);
        let unit = if self.precision == Precision::Nanoseconds { 1 } else { 1_000 };
        let time = Timestamp(u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * unit);
        Ok(Some(Place { interface: 0, time, captured, original_len, behind: 0 }))
    }
}

impl Header {
    /// Whether the next record is in the buffer whole, so that it comes without waiting.
    pub(super) fn is_ready(&self, buffer: &Buffer) -> bool {
        let header = buffer.peek(RECORD_HEADER);
        header.len() == RECORD_HEADER && buffer.available() - RECORD_HEADER >= self.order.u32(header, 8) as usize
    }
}

/// The first octets, and what they look like.
fn beginning(octets: &[u8]) -> String {
    let shown = octets.get(..8).unwrap_or(octets);
    let digits = shown.iter().flat_map(|octet| [octet >> 4, octet & 0xf]);
    let hex: String = digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
    if shown.iter().all(|octet| octet.is_ascii_graphic() || octet.is_ascii_whitespace()) {
        let text: String = shown.iter().copied().map(char::from).collect();
        return format!("0x{hex} (the text {text:?})");
    }
    format!("0x{hex}")
}
