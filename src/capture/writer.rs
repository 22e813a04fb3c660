use std::io::{self, Write};

use super::Precision;
use crate::packet::FrameView;

/// Writes a plain capture that Wireshark and tcpdump open.
///
/// pcap has one link type for all frames and no device names; pcapng has an interface for each device and link type,
/// described when its first frame comes, and comments.
pub struct Writer<W: Write> {
    to: W,
    format: Format,
    precision: Precision,
    /// The link type, device and precision of each interface that was described.
    interfaces: Vec<(u32, Option<String>, Precision)>,
    block: Vec<u8>,
}

/// The format of a capture file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The classic format (draft-ietf-opsawg-pcap).
    Pcap,
    /// The next generation (draft-ietf-opsawg-pcapng).
    Pcapng,
}

/// The snap length that the files state: libpcap's largest.
const SNAP_LEN: u32 = 262_144;

impl<W: Write> Writer<W> {
    /// A writer; the headers are written with the first frame.
    pub fn new(to: W, format: Format, precision: Precision) -> Self {
        Self { to, format, precision, interfaces: Vec::new(), block: Vec::new() }
    }

    /// Lets the frames from here on have this precision; a pcap file keeps that of its first.
    pub fn with_precision(&mut self, precision: Precision) -> &mut Self {
        if self.format == Format::Pcapng || self.interfaces.is_empty() {
            self.precision = precision;
        }
        self
    }

    /// Writes a frame, in pcapng with a comment. A frame of another link type than the first is an error in pcap.
    pub fn write(&mut self, frame: FrameView<'_>, comment: Option<&str>) -> io::Result<()> {
        match self.format {
            Format::Pcap => self.write_record(frame),
            Format::Pcapng => self.write_block(frame, comment),
        }
    }

    /// Writes the headers if no frame has, flushes, and gives the stream back. `link` is the link type of an empty pcap.
    pub fn finish(mut self, link: u32) -> io::Result<W> {
        if self.interfaces.is_empty() {
            match self.format {
                Format::Pcap => self.write_file_header(link)?,
                Format::Pcapng => self.write_section_header()?,
            }
        }
        self.to.flush()?;
        Ok(self.to)
    }

    fn write_record(&mut self, frame: FrameView<'_>) -> io::Result<()> {
        let link = frame.link.number();
        match self.interfaces.first() {
            None => {
                self.write_file_header(link)?;
                self.interfaces.push((link, None, self.precision));
            }
            Some((first, ..)) if *first != link => {
                let what = format!("a pcap file has one link type: the first frame is of {first}, this one of {link}");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
            }
            Some(_) => {}
        }
        let unit = if self.precision == Precision::Nanoseconds { 1 } else { 1_000 };
        let (seconds, fraction) = (frame.time.0 / 1_000_000_000, frame.time.0 % 1_000_000_000 / unit);
        let mut header = [0; 16];
        let words = [seconds as u32, fraction as u32, frame.octets.len() as u32, frame.original_len];
        for (to, word) in header.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        self.to.write_all(&header)?;
        self.to.write_all(frame.octets)
    }

    fn write_file_header(&mut self, link: u32) -> io::Result<()> {
        let magic: u32 = if self.precision == Precision::Nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
        self.to.write_all(&magic.to_le_bytes())?;
        self.to.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
        self.to.write_all(&SNAP_LEN.to_le_bytes())?;
        self.to.write_all(&link.to_le_bytes())
    }

    fn write_block(&mut self, frame: FrameView<'_>, comment: Option<&str>) -> io::Result<()> {
        let link = frame.link.number();
        let known = self.interfaces.iter().position(|(number, name, precision)| {
            *number == link && name.as_deref() == frame.device && *precision == self.precision
        });
        let interface = match known {
            Some(interface) => interface,
            None => self.describe(link, frame.device)?,
        };
        let unit = if self.precision == Precision::Nanoseconds { 1 } else { 1_000 };
        let time = frame.time.0 / unit;
        self.block.clear();
        for word in [interface as u32, (time >> 32) as u32, time as u32, frame.octets.len() as u32, frame.original_len]
        {
            self.block.extend(word.to_le_bytes());
        }
        self.block.extend(frame.octets);
        pad(&mut self.block);
        if let Some(comment) = comment {
            option(&mut self.block, 1, comment.as_bytes());
            option(&mut self.block, 0, &[]);
        }
        self.put_block(6)
    }

    /// Describes an interface; gives its number.
    fn describe(&mut self, link: u32, device: Option<&str>) -> io::Result<usize> {
        if self.interfaces.is_empty() {
            self.write_section_header()?;
        }
        self.block.clear();
        self.block.extend((link as u16).to_le_bytes());
        self.block.extend([0, 0]);
        self.block.extend(SNAP_LEN.to_le_bytes());
        if let Some(name) = device {
            option(&mut self.block, 2, name.as_bytes());
        }
        let resolution = if self.precision == Precision::Nanoseconds { 9 } else { 6 };
        option(&mut self.block, 9, &[resolution]);
        option(&mut self.block, 0, &[]);
        self.put_block(1)?;
        self.interfaces.push((link, device.map(str::to_owned), self.precision));
        Ok(self.interfaces.len() - 1)
    }

    fn write_section_header(&mut self) -> io::Result<()> {
        self.block.clear();
        self.block.extend(0x1a2b_3c4d_u32.to_le_bytes());
        self.block.extend([1, 0, 0, 0]);
        // The section's length is not known yet.
        self.block.extend([0xff; 8]);
        option(&mut self.block, 4, concat!("esplain ", env!("CARGO_PKG_VERSION")).as_bytes());
        option(&mut self.block, 0, &[]);
        self.put_block(0x0a0d_0d0a)
    }

    /// Writes `self.block` as the body of a block.
    fn put_block(&mut self, kind: u32) -> io::Result<()> {
        let len = (self.block.len() as u32 + 12).to_le_bytes();
        self.to.write_all(&kind.to_le_bytes())?;
        self.to.write_all(&len)?;
        self.to.write_all(&self.block)?;
        self.to.write_all(&len)
    }
}

/// Appends a pcapng option. A value longer than the field can say is cut.
fn option(block: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
    block.extend(code.to_le_bytes());
    block.extend((value.len() as u16).to_le_bytes());
    block.extend(value);
    pad(block);
}

fn pad(block: &mut Vec<u8>) {
    block.resize(block.len().next_multiple_of(4), 0);
}
