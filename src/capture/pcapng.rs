use pcap_parser::pcapng::{parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le};

use super::buffer::Buffer;
use super::error::CaptureError;
use super::reader::{ByteOrder, Interface, LONGEST_FRAME, Place, Precision};
use crate::packet::{LinkType, Timestamp};

/// A section of a pcapng file (draft-ietf-opsawg-pcapng): what its header and its interfaces say.
///
/// Packet blocks are read here, in place; the rest of the format is left to pcap-parser.
pub(super) struct Section {
    order: ByteOrder,
    clocks: Vec<Clock>,
}

/// How an interface counts time.
#[derive(Debug, Clone, Copy)]
struct Clock {
    units_per_second: u64,
    /// Seconds to add.
    offset: i64,
}

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
/// Obsolete, but old files have it.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Block type, length, and the length again at the end.
const BLOCK_HEADER: usize = 8;
const BLOCK_FRAME: usize = 12;
/// A block with frames or options longer than this is taken for damage.
const LONGEST_BLOCK: u32 = LONGEST_FRAME + 64 * 1024;

impl Section {
    /// Reads a section header block.
    pub(super) fn begin(buffer: &mut Buffer, frame: u64) -> Result<Self, CaptureError> {
        let octet = buffer.offset();
        let there = buffer.fill(12, frame)?;
        if there < 12 {
            let part = "a section header";
            return Err(CaptureError::Torn { octet, frame, part, expected: 12, found: there as u64 });
        }
        let header = buffer.peek(12);
        let order = match header.last_chunk().copied().map(u32::from_be_bytes) {
            Some(0x1a2b_3c4d) => ByteOrder::Big,
            Some(0x4d3c_2b1a) => ByteOrder::Little,
            other => {
                let what = format!("expected the byte-order magic 0x1a2b3c4d, found {:#010x}", other.unwrap_or(0));
                return Err(CaptureError::Damaged { octet, frame, what });
            }
        };
        let len = block_len(order.u32(header, 4), octet, frame)?;
        skip(buffer, len, octet, frame)?;
        Ok(Self { order, clocks: Vec::new() })
    }

    pub(super) fn next(
        &mut self,
        buffer: &mut Buffer,
        interfaces: &mut Vec<Interface>,
        frame: u64,
    ) -> Result<Option<Place>, CaptureError> {
        loop {
            let octet = buffer.offset();
            match buffer.fill(BLOCK_HEADER, frame)? {
                0 => return Ok(None),
                BLOCK_HEADER => {}
                there => {
                    let (expected, found) = (BLOCK_HEADER as u64, there as u64);
                    return Err(CaptureError::Torn { octet, frame, part: "a block header", expected, found });
                }
            }
            let header = buffer.peek(BLOCK_HEADER);
            let kind = self.order.u32(header, 0);
            if kind == SECTION_HEADER {
                // Interfaces are counted from 0 again, maybe in another byte order.
                *self = Self::begin(buffer, frame)?;
                interfaces.clear();
                continue;
            }
            let len = block_len(self.order.u32(header, 4), octet, frame)?;
            match kind {
                INTERFACE_DESCRIPTION => {
                    self.fill(buffer, len, octet, frame)?;
                    let (interface, clock) = self.interface(buffer.peek(len as usize), octet, frame)?;
                    interfaces.push(interface);
                    self.clocks.push(clock);
                    buffer.pass(len as usize);
                }
                PACKET | SIMPLE_PACKET | ENHANCED_PACKET => {
                    self.fill(buffer, len, octet, frame)?;
                    let block = buffer.peek(len as usize);
                    let place = self.packet(kind, block, interfaces, octet, frame)?;
                    buffer.pass(len as usize);
                    return Ok(Some(place));
                }
                _ => skip(buffer, len, octet, frame)?,
            }
        }
    }

    /// Whether the next block is in the buffer whole, so that it comes without waiting.
    pub(super) fn is_ready(&self, buffer: &Buffer) -> bool {
        let header = buffer.peek(BLOCK_HEADER);
        header.len() == BLOCK_HEADER && buffer.available() >= self.order.u32(header, 4) as usize
    }

    fn fill(&self, buffer: &mut Buffer, len: u32, octet: u64, frame: u64) -> Result<(), CaptureError> {
        if len > LONGEST_BLOCK {
            let (says, most) = (len.into(), LONGEST_BLOCK.into());
            return Err(CaptureError::TooLong { octet, frame, says, most });
        }
        let there = buffer.fill(len as usize, frame)?;
        if there < len as usize {
            let (expected, found) = (len.into(), there as u64);
            return Err(CaptureError::Torn { octet, frame, part: "a block", expected, found });
        }
        let block = buffer.peek(len as usize);
        let again = self.order.u32(block, len as usize - 4);
        if again != len {
            let what = format!("the block's length is {len} at its start and {again} at its end");
            return Err(CaptureError::Damaged { octet, frame, what });
        }
        Ok(())
    }

    fn interface(&self, block: &[u8], octet: u64, frame: u64) -> Result<(Interface, Clock), CaptureError> {
        let parsed = match self.order {
            ByteOrder::Little => parse_interfacedescriptionblock_le(block),
            ByteOrder::Big => parse_interfacedescriptionblock_be(block),
        };
        let Ok((_, described)) = parsed else {
            let what = "expected an interface description, found options that cannot be read".to_owned();
            return Err(CaptureError::Damaged { octet, frame, what });
        };
        let Some(units_per_second) = described.ts_resolution() else {
            let what = format!("the time resolution {:#04x} is finer than can be counted", described.if_tsresol);
            return Err(CaptureError::Damaged { octet, frame, what });
        };
        let name = described.if_name().and_then(Result::ok).map(|name| name.trim_end_matches('\0').to_owned());
        let link_number = described.linktype.0.cast_unsigned() & 0xffff;
        let precision = if units_per_second > 1_000_000 { Precision::Nanoseconds } else { Precision::Microseconds };
        let snap_len = described.snaplen;
        let link = LinkType::from_number(link_number);
        let name = name.filter(|name| !name.is_empty());
        let clock = Clock { units_per_second, offset: described.ts_offset() };
        Ok((Interface { link, link_number, name, snap_len, precision }, clock))
    }

    fn packet(
        &self,
        kind: u32,
        block: &[u8],
        interfaces: &[Interface],
        octet: u64,
        frame: u64,
    ) -> Result<Place, CaptureError> {
        let word = |at| self.order.u32(block, at);
        let damaged = |what| Err(CaptureError::Damaged { octet, frame, what });
        let header_len = if kind == SIMPLE_PACKET { 12 } else { 28 };
        let Some(room) = block.len().checked_sub(header_len + 4) else {
            return damaged(format!(
                "expected a packet block of at least {} octets, found {}",
                header_len + 4,
                block.len()
            ));
        };
        let (interface, captured, original_len) = match kind {
            // It has no length of its own: as much as the snap length and the block leave.
            SIMPLE_PACKET => {
                let snap_len = interfaces.first().map_or(0, |interface| interface.snap_len);
                let longest = if snap_len == 0 { u32::MAX } else { snap_len };
                (0, word(8).min(longest).min(room as u32), word(8))
            }
            PACKET => (usize::from(self.order.u16(block, 8)), word(20), word(24)),
            _ => (word(8) as usize, word(20), word(24)),
        };
        let Some(clock) = self.clocks.get(interface) else {
            let there = interfaces.len();
            return damaged(format!("it is of interface {interface}, and only {there} were described"));
        };
        if captured as usize > room {
            return damaged(format!("its captured length says {captured} octets, the block has room for {room}"));
        }
        let time = if kind == SIMPLE_PACKET {
            Timestamp(0)
        } else {
            clock.time(u64::from(word(12)) << 32 | u64::from(word(16)))
        };
        let captured = captured as usize;
        Ok(Place { interface, time, captured, original_len, behind: block.len() - header_len - captured })
    }
}

impl Clock {
    fn time(self, units: u64) -> Timestamp {
        let nanoseconds = if self.units_per_second == 1_000_000 {
            u128::from(units) * 1_000
        } else {
            u128::from(units) * 1_000_000_000 / u128::from(self.units_per_second.max(1))
        };
        let shifted = i128::try_from(nanoseconds).unwrap_or(i128::MAX) + i128::from(self.offset) * 1_000_000_000;
        Timestamp(u64::try_from(shifted.max(0)).unwrap_or(u64::MAX))
    }
}

/// Checks a block's length; blocks that are skipped may be of any.
fn block_len(len: u32, octet: u64, frame: u64) -> Result<u32, CaptureError> {
    if (len as usize) < BLOCK_FRAME || !len.is_multiple_of(4) {
        let what = format!("expected a block length of at least 12 that is a multiple of 4, found {len}");
        return Err(CaptureError::Damaged { octet, frame, what });
    }
    Ok(len)
}

fn skip(buffer: &mut Buffer, len: u32, octet: u64, frame: u64) -> Result<(), CaptureError> {
    let found = buffer.skip(len.into(), frame)?;
    if found < u64::from(len) {
        return Err(CaptureError::Torn { octet, frame, part: "a block", expected: len.into(), found });
    }
    Ok(())
}
