use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::buffer::Buffer;
use super::error::CaptureError;
use super::{pcap, pcapng};
use crate::packet::{FrameView, LinkType};

/// Reads a capture from front to back: pcap (micro- and nanoseconds, both byte orders), pcapng, gzip of these.
///
/// Memory does not grow with the capture. Every whole frame of a torn capture is given before the error.
pub struct Reader {
    buffer: Buffer,
    format: Format,
    interfaces: Vec<Interface>,
    frames: u64,
    skipped: u64,
    /// An error was given: there is nothing behind it.
    ended: bool,
}

/// One device that was captured on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// What its frames begin with; `None` for a link type that is not read here.
    pub link: Option<LinkType>,
    /// The LINKTYPE_ number.
    pub link_number: u32,
    /// Its name, where the capture says it.
    pub name: Option<String>,
    /// The snap length, in octets; 0 for none.
    pub snap_len: u32,
    /// How fine its time stamps are.
    pub precision: Precision,
}

/// How many digits of a second a capture's time stamps have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// Six or fewer.
    Microseconds,
    /// More.
    Nanoseconds,
}

/// One frame of a capture.
#[derive(Debug, Clone, Copy)]
pub struct Record<'r> {
    /// Its number in the capture, from 1, as Wireshark counts.
    pub number: u64,
    /// Which of [`Reader::interfaces`] it was seen on.
    pub interface: usize,
    /// How fine its time stamp is.
    pub precision: Precision,
    /// The frame.
    pub frame: FrameView<'r>,
}

enum Format {
    Pcap(pcap::Header),
    Pcapng(pcapng::Section),
}

/// A frame longer than this is taken for damage. libpcap's limit is a quarter of it.
pub(super) const LONGEST_FRAME: u32 = 1024 * 1024;

impl Reader {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        Self::new(File::open(path)?)
    }

    /// Reads the beginning of a stream and finds out what it is.
    pub fn new(source: impl Read + Send + 'static) -> Result<Self, CaptureError> {
        let mut buffer = Buffer::new(Box::new(source));
        buffer.fill(4, 1)?;
        if buffer.peek(2) == [0x1f, 0x8b] {
            buffer = buffer.unpacked();
            buffer.fill(4, 1)?;
        }
        let mut interfaces = Vec::new();
        let format = match *buffer.peek(4) {
            [] => return Err(CaptureError::Empty),
            [0x0a, 0x0d, 0x0d, 0x0a] => Format::Pcapng(pcapng::Section::begin(&mut buffer, 1)?),
            _ => {
                let (header, interface) = pcap::Header::read(&mut buffer)?;
                interfaces.push(interface);
                Format::Pcap(header)
            }
        };
        Ok(Self { buffer, format, interfaces, frames: 0, skipped: 0, ended: false })
    }

    /// The next frame; `None` at the end.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, CaptureError> {
        if self.ended {
            return Ok(None);
        }
        loop {
            let number = self.frames + 1;
            let place = match &mut self.format {
                Format::Pcap(header) => header.next(&mut self.buffer, number),
                Format::Pcapng(section) => section.next(&mut self.buffer, &mut self.interfaces, number),
            };
            let place = match place {
                Ok(Some(place)) => place,
                Ok(None) => {
                    self.ended = true;
                    return Ok(None);
                }
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
            };
            self.frames = number;
            let Some((precision, link)) =
                self.interfaces.get(place.interface).and_then(|interface| Some((interface.precision, interface.link?)))
            else {
                self.skipped += 1;
                continue;
            };
            // Looked up again: the loop would otherwise keep the borrow of a frame that is skipped.
            let device = self.interfaces.get(place.interface).and_then(|interface| interface.name.as_deref());
            let octets = self.buffer.passed(place.behind, place.captured);
            let frame = FrameView { time: place.time, link, device, octets, original_len: place.original_len };
            return Ok(Some(Record { number, interface: place.interface, precision, frame }));
        }
    }

    /// Whether more of the capture is at hand, so that the next frame comes without waiting for the source.
    pub fn is_ready(&self) -> bool {
        match &self.format {
            Format::Pcap(header) => header.is_ready(&self.buffer),
            Format::Pcapng(section) => section.is_ready(&self.buffer),
        }
    }

    /// The devices that the capture has told of so far.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Frames left out because their link type is not read here.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}

/// Where a frame is that was passed in the buffer.
pub(super) struct Place {
    pub(super) interface: usize,
    pub(super) time: crate::packet::Timestamp,
    pub(super) captured: usize,
    pub(super) original_len: u32,
    /// Octets behind the frame that were passed with it.
    pub(super) behind: usize,
}

/// Numbers in the byte order of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    pub(super) fn u16(self, octets: &[u8], at: usize) -> u16 {
        let octets = octets.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        if self == Self::Little { u16::from_le_bytes(octets) } else { u16::from_be_bytes(octets) }
    }

    pub(super) fn u32(self, octets: &[u8], at: usize) -> u32 {
        let octets = octets.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        if self == Self::Little { u32::from_le_bytes(octets) } else { u32::from_be_bytes(octets) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use proptest::prelude::*;

    use super::*;
    use crate::capture::{Format as FileFormat, Writer};
    use crate::packet::{Frame, Timestamp};

    fn frames() -> Vec<Frame> {
        let frame = |number: u32, link, device: Option<&str>| Frame {
            time: Timestamp(1_700_000_000_000_000_000 + u64::from(number) * 1_001_000),
            link,
            device: device.map(str::to_owned),
            octets: (0..number * 7 + 20).map(|octet| octet as u8).collect(),
            original_len: number * 7 + 20 + number % 2,
        };
        let (any, ethernet) = (LinkType::LinuxSll2, LinkType::Ethernet);
        vec![frame(0, any, None), frame(1, any, None), frame(2, ethernet, Some("eth0")), frame(3, any, None)]
    }

    fn written(frames: &[Frame], format: FileFormat, precision: Precision) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), format, precision);
        for frame in frames {
            writer.write(frame.view(), Some("a comment")).expect("a Vec takes everything");
        }
        writer.finish(1).expect("a Vec takes everything")
    }

    /// Every frame that can be read, and the error behind them.
    fn read(octets: impl Into<Vec<u8>>) -> (Vec<Frame>, Option<String>) {
        let mut frames = Vec::new();
        let mut reader = match Reader::new(Cursor::new(octets.into())) {
            Ok(reader) => reader,
            Err(error) => return (frames, Some(error.to_string())),
        };
        loop {
            match reader.next_record() {
                Ok(Some(record)) => frames.push(record.frame.to_frame()),
                Ok(None) => return (frames, None),
                Err(error) => return (frames, Some(error.to_string())),
            }
        }
    }

    fn pcap() -> Vec<u8> {
        let mut frames = frames();
        frames.remove(2);
        written(&frames, FileFormat::Pcap, Precision::Microseconds)
    }

    fn gzipped(octets: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(octets).expect("a Vec takes everything");
        gzip.finish().expect("a Vec takes everything")
    }

    /// The same pcap in the other byte order.
    fn swapped(pcap: &[u8]) -> Vec<u8> {
        let mut octets = pcap.to_vec();
        let swap = |octets: &mut [u8], at: usize, len: usize| octets[at..at + len].reverse();
        for (at, len) in [(0, 4), (4, 2), (6, 2), (8, 4), (12, 4), (16, 4), (20, 4)] {
            swap(&mut octets, at, len);
        }
        let mut at = 24;
        while at < octets.len() {
            let captured = u32::from_le_bytes([octets[at + 8], octets[at + 9], octets[at + 10], octets[at + 11]]);
            (0..4).for_each(|word| swap(&mut octets, at + word * 4, 4));
            at += 16 + captured as usize;
        }
        octets
    }

    #[test]
    fn what_is_written_is_read_back_with_devices_and_lengths() {
        for precision in [Precision::Microseconds, Precision::Nanoseconds] {
            let octets = written(&frames(), FileFormat::Pcapng, precision);
            assert_eq!(read(octets.as_slice()), (frames(), None));
            assert_eq!(read(gzipped(&octets)), (frames(), None));
        }
    }

    #[test]
    fn interfaces_of_one_pcapng_may_have_time_stamps_of_different_precision() {
        let mut frames = frames();
        frames[1].time = Timestamp(1_700_000_000_123_456_789);
        let mut writer = Writer::new(Vec::new(), FileFormat::Pcapng, Precision::Microseconds);
        for (frame, precision) in frames.iter().zip([Precision::Microseconds, Precision::Nanoseconds].repeat(2)) {
            writer.with_precision(precision).write(frame.view(), None).expect("a Vec takes everything");
        }
        assert_eq!(read(writer.finish(1).expect("a Vec takes everything")), (frames, None));
    }

    #[test]
    fn pcap_is_read_in_both_byte_orders_and_precisions() {
        let mut expected = frames();
        expected.remove(2);
        assert_eq!(read(pcap()), (expected.clone(), None));
        assert_eq!(read(swapped(&pcap())), (expected.clone(), None));
        expected[0].time = Timestamp(1_700_000_000_123_456_789);
        let nano = written(&expected, FileFormat::Pcap, Precision::Nanoseconds);
        assert_eq!(read(nano.as_slice()), (expected.clone(), None));
        assert_eq!(read(swapped(&nano)), (expected, None));
    }

    #[test]
    fn a_torn_capture_gives_every_whole_frame_and_then_says_where_it_is_torn() {
        let octets = pcap();
        let (frames, error) = read(&octets[..octets.len() - 3]);
        assert_eq!(frames.len(), 2);
        assert_eq!(error.as_deref(), Some("torn at octet 103, frame 3: expected 41 octets of a frame, found 38"));
        let (frames, error) = read(&octets[..50]);
        assert_eq!(frames.len(), 0);
        assert_eq!(error.as_deref(), Some("torn at octet 24, frame 1: expected 20 octets of a frame, found 10"));

        let octets = written(&super::tests::frames(), FileFormat::Pcapng, Precision::Microseconds);
        let (frames, error) = read(&octets[..octets.len() - 1]);
        assert_eq!(frames.len(), 3);
        assert!(error.is_some_and(|error| error.contains("frame 4: expected") && error.contains("of a block")));
    }

    #[test]
    fn a_torn_gzip_stream_gives_the_frames_before_and_is_named() {
        let many: Vec<Frame> = frames().into_iter().cycle().take(4000).collect();
        let octets = gzipped(&written(&many, FileFormat::Pcapng, Precision::Microseconds));
        let (frames, error) = read(&octets[..octets.len() / 2]);
        assert!(frames.len() > 100, "{}", frames.len());
        assert!(error.is_some_and(|error| error.contains("the gzip stream is damaged")));
    }

    #[test]
    fn a_record_that_says_4_gigabytes_is_refused_before_anything_is_reserved() {
        let mut octets = pcap();
        octets[24 + 8..24 + 12].copy_from_slice(&[0xff; 4]);
        let (_, error) = read(octets);
        assert_eq!(
            error.as_deref(),
            Some("damaged at octet 24, frame 1: its length field says 4294967295 octets, the most is 1048576")
        );
        let mut octets = written(&frames(), FileFormat::Pcapng, Precision::Microseconds);
        let packet = octets.windows(4).rposition(|window| window == [6, 0, 0, 0]).expect("a packet block");
        octets[packet + 4..packet + 8].copy_from_slice(&[0xfc, 0xff, 0xff, 0xff]);
        assert!(read(octets).1.is_some_and(|error| error.contains("says 4294967292 octets")));
    }

    #[test]
    fn what_is_no_capture_is_named() {
        let error = |octets: &[u8]| read(octets).1.unwrap_or_default();
        assert_eq!(error(b""), "expected a pcap or pcapng file, found no octets at all");
        assert_eq!(
            error(b"src 10.0.0.66 dst 10.0.1.236"),
            "expected a pcap or pcapng file (perhaps gzipped), found one that begins with 0x7372632031302e30 (the text \"src 10.0\")"
        );
        assert!(error(&gzipped(b"text")).contains("(the text \"text\")"));
        assert_eq!(error(&pcap()[..10]), "torn at octet 0, frame 1: expected 24 octets of the file header, found 10");
        let mut wireless = pcap();
        wireless[20..22].copy_from_slice(&[127, 0]);
        assert!(error(&wireless).contains("link type 127 is not read here"));
    }

    #[test]
    fn frames_of_a_link_type_that_is_not_read_are_counted_and_left_out() {
        let mut octets = written(&frames(), FileFormat::Pcapng, Precision::Microseconds);
        let ethernet =
            octets.windows(8).position(|window| window == [1, 0, 0, 0, 0, 0, 4, 0]).expect("its description");
        octets[ethernet] = 127;
        let mut reader = Reader::new(Cursor::new(octets)).expect("a section header");
        let mut numbers = Vec::new();
        while let Some(record) = reader.next_record().expect("a whole file") {
            numbers.push(record.number);
        }
        assert_eq!((numbers, reader.skipped()), (vec![1, 2, 4], 1));
    }

    #[test]
    fn simple_packet_blocks_take_the_first_interface() {
        let mut octets = written(&frames()[..1], FileFormat::Pcapng, Precision::Microseconds);
        let block = [3, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 0xaa, 0xbb, 0xcc, 0, 20, 0, 0, 0];
        octets.extend(block);
        let (frames, error) = read(octets);
        assert_eq!(error, None);
        assert_eq!((frames[1].octets.as_slice(), frames[1].original_len), (&[0xaa, 0xbb, 0xcc][..], 3));
    }

    #[test]
    fn a_new_section_begins_its_interfaces_anew() {
        let one = written(&frames()[2..3], FileFormat::Pcapng, Precision::Nanoseconds);
        let two = written(&frames()[..1], FileFormat::Pcapng, Precision::Microseconds);
        let (frames, error) = read([one, two].concat());
        assert_eq!((frames, error), (vec![super::tests::frames().remove(2), super::tests::frames().remove(0)], None));
    }

    proptest! {
        #[test]
        fn a_capture_cut_or_changed_anywhere_never_panics(
            ng in any::<bool>(), at in 0..400_usize, value in any::<u8>(), cut in 0..500_usize,
        ) {
            let mut octets =
                if ng { written(&frames(), FileFormat::Pcapng, Precision::Microseconds) } else { pcap() };
            if let Some(octet) = octets.get_mut(at) {
                *octet = value;
            }
            octets.truncate(cut);
            prop_assert!(read(octets).0.len() <= 40);
        }

        #[test]
        fn arbitrary_octets_behind_a_header_never_panic(tail in prop::collection::vec(any::<u8>(), 0..300)) {
            for header in [&pcap()[..24], &written(&[], FileFormat::Pcapng, Precision::Microseconds)] {
                let _ = read([header, &tail].concat());
            }
        }
    }
}
