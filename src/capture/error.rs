use std::io;

/// Why a capture cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The operating system said no.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There are no octets at all.
    #[error("expected a pcap or pcapng file, found no octets at all")]
    Empty,
    /// The first octets are of something else.
    #[error("expected a pcap or pcapng file (perhaps gzipped), found one that begins with {found}")]
    NotACapture {
        /// The first octets, in hex, and what they look like.
        found: String,
    },
    /// A pcap version that is not read.
    #[error("expected pcap version 2.x, found {major}.{minor}")]
    Version {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// A link type that is not read.
    #[error("link type {number} is not read here: expected Ethernet, LINUX_SLL, LINUX_SLL2, RAW, NULL or LOOP")]
    LinkType {
        /// The LINKTYPE_ number.
        number: u32,
    },
    /// The file ends inside something.
    #[error("torn at octet {octet}, frame {frame}: expected {expected} octets of {part}, found {found}")]
    Torn {
        /// Where the torn part begins, in octets from the start of the (unpacked) capture.
        octet: u64,
        /// The frame that would have been next, from 1.
        frame: u64,
        /// What is torn (`a frame`, `a record header`).
        part: &'static str,
        /// How long it should be, in octets.
        expected: u64,
        /// How much of it is there.
        found: u64,
    },
    /// The compressed stream ends or breaks inside.
    #[error("torn at octet {octet}, frame {frame}: the gzip stream is damaged there: {why}")]
    TornGzip {
        /// How far the capture could be unpacked, in octets.
        octet: u64,
        /// The frame that would have been next, from 1.
        frame: u64,
        /// What the unpacking said.
        why: io::Error,
    },
    /// A length that no capture has.
    #[error("damaged at octet {octet}, frame {frame}: its length field says {says} octets, the most is {most}")]
    TooLong {
        /// Where the record begins.
        octet: u64,
        /// The frame, from 1.
        frame: u64,
        /// What the field says.
        says: u64,
        /// The most that is taken for right.
        most: u64,
    },
    /// Anything else that is not as it should be.
    #[error("damaged at octet {octet}, frame {frame}: {what}")]
    Damaged {
        /// Where the record begins.
        octet: u64,
        /// The frame that would have been next, from 1.
        frame: u64,
        /// What was expected and what is there.
        what: String,
    },
}
