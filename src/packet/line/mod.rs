//! tcpdump's line for a packet, octet for octet what tcpdump 4.99.3 prints.
//!
//! The lab's `tcpdump` and `esplain decrypt --format text` print through this. It covers what appears on the nodes of
//! the course and what learners cause there; protocols beyond that (OSPF, DNS, …) are printed as tcpdump prints a
//! protocol that it does not know.

mod arp;
mod cut;
mod dump;
mod esp;
mod icmp;
mod icmp6;
mod ip;
mod ip6;
mod link;
mod names;
mod tcp;
mod text;
mod time;
mod udp;

use std::fmt::Write;

use self::cut::Printed;
use self::tcp::Flows;
use super::FrameView;

pub use self::dump::Dump;
pub(super) use self::ip::right_checksum;
pub(super) use self::names::{ether_type as ether_type_name, protocol as protocol_name};
pub use self::time::TimeFormat;

/// What the options of `tcpdump` ask of the printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub struct Options {
    /// `-n`: ports as numbers. (Addresses are never looked up.)
    pub numeric: bool,
    /// `-e`: the link header too.
    pub link: bool,
    /// `-v`, `-vv`, `-vvv`.
    pub verbose: u8,
    /// `-q`: less of each protocol.
    pub quiet: bool,
    /// `-t` to `-ttttt`.
    pub time: TimeFormat,
    /// `--nano`: nine digits of a second instead of six.
    pub nanoseconds: bool,
    /// Seconds east of UTC, for times of day.
    pub utc_offset: i32,
    /// `-x`, `-xx`, `-X`, `-XX`, `-A`, `-AA`.
    pub dump: Dump,
    /// `-S`: TCP sequence numbers as they are, not relative to the first.
    pub absolute_seq: bool,
    /// `-#`: a number in front of each packet.
    pub numbered: bool,
}

/// Prints packets one after the other, remembering what later lines refer to: the first time stamp and the last, and
/// the first sequence numbers of each TCP conversation.
#[derive(Debug, Clone, Default)]
pub struct Printer {
    options: Options,
    times: time::Times,
    flows: Flows,
    printed: u64,
}

impl Printer {
    /// A printer that has seen nothing yet.
    pub fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    /// Appends the line (or lines) of a frame to `out`, with the line end.
    pub fn print(&mut self, frame: FrameView<'_>, out: &mut String) {
        self.printed += 1;
        if self.options.numbered {
            let _ = write!(out, "{:5}  ", self.printed);
        }
        if frame.octets.is_empty() || frame.original_len == 0 {
            out.push_str(invalid_header(frame));
        } else {
            self.times.print(frame.time, &self.options, out);
            let header_len = self.line(out).frame(frame);
            dump::print(self.options.dump, frame.octets, header_len, out);
        }
        out.push('\n');
    }

    /// Appends what the line says of a bare IPv4 or IPv6 packet: no time, no link header, no line end.
    pub fn print_ip(&mut self, packet: &[u8], out: &mut String) {
        let mut line = self.line(out);
        let ended = line.ip_any(packet, packet.len());
        line.end(ended);
    }

    /// Appends what the line says behind the link header: no time, no device, no line end, no dump.
    pub fn print_content(&mut self, frame: FrameView<'_>, out: &mut String) {
        if frame.octets.is_empty() || frame.original_len == 0 {
            out.push_str(invalid_header(frame));
            return;
        }
        let mut line = self.line(out);
        line.content_only = true;
        line.frame(frame);
    }

    fn line<'p>(&'p mut self, out: &'p mut String) -> Line<'p> {
        Line { options: &self.options, flows: &mut self.flows, out, protocol: "", depth: 0, content_only: false }
    }
}

/// What is printed of a frame that has no octets.
fn invalid_header(frame: FrameView<'_>) -> &'static str {
    match (frame.octets.is_empty(), frame.original_len) {
        (true, 0) => "[Invalid header: caplen==0, len==0]",
        (true, _) => "[Invalid header: caplen==0]",
        (false, _) => "[Invalid header: len==0]",
    }
}

/// One line while it is written. The printers of the protocols are methods of this, a file each; they take the captured
/// octets from their header on and, apart from that, the length that the layer below says they have.
struct Line<'p> {
    options: &'p Options,
    flows: &'p mut Flows,
    out: &'p mut String,
    /// Named in `[|…]` when the captured octets end too soon.
    protocol: &'static str,
    /// How deep packets are nested in packets.
    depth: u8,
    /// Leave out what the link header says.
    content_only: bool,
}

/// Packets nested deeper than this are not opened.
const DEEPEST: u8 = 32;

impl Line<'_> {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn put_fmt(&mut self, text: std::fmt::Arguments<'_>) {
        // A String takes everything.
        let _ = self.out.write_fmt(text);
    }

    /// Closes a line whose octets may have ended too soon.
    fn end(&mut self, ended: Printed) {
        if ended.is_err() {
            let protocol = self.protocol;
            self.put_fmt(format_args!(" [|{protocol}]"));
        }
    }

    fn verbose(&self, least: u8) -> bool {
        self.options.verbose >= least
    }

    /// Goes into a nested packet, unless that is too deep.
    fn nested(&mut self, print: impl FnOnce(&mut Self) -> Printed) -> Printed {
        if self.depth >= DEEPEST {
            self.put("[nested too deep]");
            return Ok(());
        }
        self.depth += 1;
        let ended = print(self);
        self.depth -= 1;
        ended
    }

    /// Octets that have no printer, in the way of `-X`; unless the options show them anyway or want less.
    fn unknown(&mut self, octets: &[u8]) {
        if self.content_only {
            self.put_fmt(format_args!("{} octets", octets.len()));
        } else if matches!(self.options.dump, Dump::None | Dump::Ascii { .. }) && !self.options.quiet {
            dump::hex_and_ascii(octets, self.out);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packet::{LinkType, Timestamp};

    fn line(options: Options, link: LinkType, octets: &[u8], original_len: u32) -> String {
        let mut out = String::new();
        let time = Timestamp(1_700_000_000_000_001_000);
        Printer::new(options).print(FrameView { time, link, device: None, octets, original_len }, &mut out);
        out
    }

    /// An IPv4 packet inside an IPv4 packet, `depth` times.
    fn nested(depth: usize) -> Vec<u8> {
        let mut packet = Vec::new();
        for _ in 0..depth {
            let total = (packet.len() as u16 + 20).to_be_bytes();
            let header = [0x45, 0, total[0], total[1], 0, 0, 0, 0, 64, 4, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
            packet.splice(..0, header);
        }
        packet
    }

    #[test]
    fn packets_nested_without_end_are_opened_only_so_far() {
        let packet = nested(3000);
        let text = line(Options::default(), LinkType::Raw, &packet, packet.len() as u32);
        assert!(text.ends_with("10.0.0.1 > 10.0.0.2: [nested too deep]\n"), "{text}");
    }

    #[test]
    fn ports_have_names_only_without_n() {
        let mut packet = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        packet.extend([0x11, 0x94, 0, 53, 0, 8, 0, 0]);
        let options = Options { time: TimeFormat::None, quiet: true, ..Options::default() };
        let named = line(options, LinkType::Raw, &packet, 28);
        assert_eq!(named, "IP 10.0.0.1.ipsec-nat-t > 10.0.0.2.domain: UDP, length 0\n");
        let numeric = line(Options { numeric: true, ..options }, LinkType::Raw, &packet, 28);
        assert_eq!(numeric, "IP 10.0.0.1.4500 > 10.0.0.2.53: UDP, length 0\n");
    }

    proptest! {
        #[test]
        fn arbitrary_octets_never_panic(
            link in prop::sample::select(vec![
                LinkType::Null, LinkType::Ethernet, LinkType::Raw, LinkType::LinuxSll, LinkType::LinuxSll2,
            ]),
            octets in prop::collection::vec(any::<u8>(), 0..200),
            head in prop::sample::select(vec![0x0800_u16, 0x86dd, 0x0806, 0x8100]),
            original_len: u32,
            verbose in 0..4_u8,
        ) {
            let octets = [&[0; 12][..], &head.to_be_bytes(), &octets].concat();
            let options = Options { verbose, link: verbose % 2 == 0, dump: Dump::HexAscii { link: true }, ..Options::default() };
            prop_assert!(line(options, link, &octets, original_len).ends_with('\n'));
        }
    }
}
