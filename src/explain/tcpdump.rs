//! The lines of tcpdump: which fields stand where, and what to say about them.

use super::note::Note;
use super::sort::{is_octets, is_time};
use crate::listing::{Reader, Span, Unread, fields};

fields! {
    /// A field of a line of tcpdump.
    TcpdumpField:
    /// The time.
    Time "tcpdump-time",
    /// The device.
    Dev "tcpdump-dev",
    /// `In`, `Out`, `P`, `B`, `M`.
    Direction "tcpdump-direction",
    /// `ifindex`, with `-e`.
    Ifindex "tcpdump-ifindex",
    /// The sender's MAC address, with `-e`; on one device also the receiver's.
    Mac "tcpdump-mac",
    /// `ethertype`, with `-e`.
    Ethertype "tcpdump-ethertype",
    /// The length of the frame, with `-e`.
    FrameLength "tcpdump-frame-length",
    /// The addresses.
    Addresses "tcpdump-addresses",
    /// The word `ESP`.
    Esp "tcpdump-esp",
    /// `spi=`.
    Spi "tcpdump-spi",
    /// `seq=`.
    Seq "tcpdump-seq",
    /// The length of the ESP payload.
    Length "tcpdump-length",
    /// Anything else a packet carries.
    Payload "tcpdump-payload",
    /// `tos`, with `-v`.
    Tos "tcpdump-tos",
    /// `ttl`, with `-v`.
    Ttl "tcpdump-ttl",
    /// `id`, with `-v`.
    Id "tcpdump-id",
    /// `offset`, with `-v`.
    Offset "tcpdump-offset",
    /// `flags`, with `-v`.
    Flags "tcpdump-flags",
    /// `proto`, with `-v`.
    Proto "tcpdump-proto",
    /// The length of the IP packet, with `-v`.
    IpLength "tcpdump-ip-length",
    /// The octets, with `-x` or `-X`.
    Octets "tcpdump-octets",
    /// What tcpdump says about itself.
    Banner "tcpdump-banner",
}

/// The notes for the lines of tcpdump in `text`, and the lines that could not be read.
pub(super) fn notes(text: &str) -> (Vec<Note>, Vec<Unread>) {
    let mut walk = Walk { reader: Reader::new(text), notes: Vec::new(), device: String::new() };
    while !walk.reader.is_done() {
        let here = walk.reader.here();
        if let Err(reason) = walk.line(here) {
            walk.reader.refuse(here.line, reason);
        }
        walk.reader.skip_line(here.line);
    }
    (walk.notes, walk.reader.into_unread())
}

struct Walk<'a> {
    reader: Reader<'a>,
    notes: Vec<Note>,
    /// The device of the packet at hand.
    device: String,
}

/// The fields of an IPv4 header as `tcpdump -v` names them.
const HEADER: [(&str, TcpdumpField); 7] = [
    ("tos", TcpdumpField::Tos),
    ("ttl", TcpdumpField::Ttl),
    ("id", TcpdumpField::Id),
    ("offset", TcpdumpField::Offset),
    ("flags", TcpdumpField::Flags),
    ("proto", TcpdumpField::Proto),
    ("length", TcpdumpField::IpLength),
];

impl Walk<'_> {
    fn note(&self, field: TcpdumpField, open: Span) -> Note {
        Note::of(field.id(), open.to(self.reader.last()))
    }

    fn add(&mut self, field: TcpdumpField, open: Span) {
        let note = self.note(field, open);
        self.notes.push(note);
    }

    fn line(&mut self, here: Span) -> Result<(), String> {
        if self.reader.peek().is_some_and(is_octets) {
            self.reader.skip(self.reader.rest_of_line().len());
            self.add(TcpdumpField::Octets, here);
            return Ok(());
        }
        if self.reader.peek_at(1) == Some(">") {
            let device = std::mem::take(&mut self.device);
            return self.packet(&device);
        }
        if !self.reader.rest_of_line().iter().take(2).any(|token| is_time(token.text)) {
            self.reader.skip(self.reader.rest_of_line().len());
            self.add(TcpdumpField::Banner, here);
            return Ok(());
        }
        if !self.reader.peek().is_some_and(is_time) {
            self.reader.skip(1);
        }
        self.reader.skip(1);
        self.add(TcpdumpField::Time, here);
        let on = self.device();
        self.ethernet();
        if self.header() {
            // The addresses stand on the next line.
            self.device = on;
            return Ok(());
        }
        self.packet(&on)
    }

    /// `IP (tos 0x0, ttl 63, id 0, offset 0, flags [DF], proto ESP (50), length 140)`, with `-v`; `IP` is left out with `-e`.
    fn header(&mut self) -> bool {
        let at = usize::from(self.reader.peek() == Some("IP"));
        if self.reader.peek_at(at) != Some("(tos") {
            return false;
        }
        self.reader.skip(at);
        let line = self.reader.here().line;
        while self.reader.rest_of_line().first().is_some_and(|token| token.span.line == line) {
            let mut here = self.reader.here();
            let Some(token) = self.reader.next_token() else { break };
            let name = token.text.trim_start_matches('(');
            here.start += token.text.len() - name.len();
            let found = HEADER.iter().find(|(known, _)| *known == name);
            // A value may be of two words: `ESP (50),`.
            let mut last = token.text.ends_with([',', ')']);
            while !last && self.reader.rest_of_line().first().is_some_and(|token| token.span.line == line) {
                last = self.reader.next_token().is_none_or(|token| token.text.ends_with([',', ')']));
            }
            if let Some((_, field)) = found {
                self.add(*field, here);
            }
        }
        true
    }

    /// `eth0  Out`, with `-i any`; gives the device's name.
    fn device(&mut self) -> String {
        let variant = match self.reader.peek_at(1) {
            Some("In") => Some("in"),
            Some("Out") => Some("out"),
            Some("P") => Some("other-host"),
            Some("B") => Some("broadcast"),
            Some("M") => Some("multicast"),
            // tcpdump does not know the kind.
            Some("?") => None,
            _ => return String::new(),
        };
        let here = self.reader.here();
        let dev = self.reader.next_token().map(|token| token.text.to_owned()).unwrap_or_default();
        let note = self.note(TcpdumpField::Dev, here);
        self.notes.push(match dev.as_str() {
            "cilium_host" => note.variant("cilium-host"),
            "cilium_net" => note.variant("cilium-net"),
            "eth0" => note.variant("eth0"),
            name if name.starts_with("lxc") => note.variant("lxc"),
            name => note.with("dev", name),
        });
        let here = self.reader.here();
        self.reader.skip(1);
        let note = self.note(TcpdumpField::Direction, here);
        self.notes.push(match variant {
            Some(variant) => note.variant(variant),
            None => note,
        });
        dev
    }

    /// `ifindex 3 16:e7:cf:7e:03:be ethertype IPv4 (0x0800), length 104:`, with `-e`.
    fn ethernet(&mut self) {
        let here = self.reader.here();
        if self.reader.take("ifindex") {
            self.reader.skip(1);
            self.add(TcpdumpField::Ifindex, here);
        }
        let here = self.reader.here();
        if self.reader.peek().is_some_and(is_mac) {
            self.reader.skip(1);
            if self.reader.peek() == Some(">") && self.reader.peek_at(1).is_some_and(is_mac) {
                self.reader.skip(2);
            }
            self.add(TcpdumpField::Mac, here);
        }
        let here = self.reader.here();
        if self.reader.take("ethertype") {
            self.reader.skip(1);
            if self.reader.peek().is_some_and(|word| word.starts_with("(0x")) {
                self.reader.skip(1);
            }
            self.add(TcpdumpField::Ethertype, here);
        }
        let here = self.reader.here();
        if self.reader.peek() == Some("length") && self.reader.peek_at(1).is_some_and(|word| word.ends_with(':')) {
            self.reader.skip(2);
            self.add(TcpdumpField::FrameLength, here);
        }
    }

    /// `IP 10.0.0.66 > 10.0.1.236: ESP(spi=0x00000003,seq=0x1), length 120`.
    fn packet(&mut self, dev: &str) -> Result<(), String> {
        if !self.reader.take("IP") {
            self.reader.take("IP6");
        }
        // With -v the header comes in parentheses first.
        let rest = self.reader.rest_of_line();
        let arrow = rest.iter().position(|token| token.text == ">");
        let Some(before) = arrow.and_then(|arrow| arrow.checked_sub(1)) else {
            let here = self.reader.here();
            return self.payload(here);
        };
        self.reader.skip(before);
        let here = self.reader.here();
        let src = self.reader.word("an address")?.to_owned();
        self.reader.expect(">")?;
        let dst = self.reader.word("an address")?.trim_end_matches(':').to_owned();
        let esp = self.reader.peek().is_some_and(|word| word.starts_with("ESP("));
        let note = self.note(TcpdumpField::Addresses, here).with("src", src).with("dst", dst);
        self.notes.push(match dev {
            _ if esp => note.variant("esp"),
            "eth0" => note.variant("clear"),
            _ => note,
        });
        let here = self.reader.here();
        if esp { self.esp(here) } else { self.payload(here) }
    }

    /// `ESP(spi=0x00000003,seq=0x1), length 120`.
    fn esp(&mut self, here: Span) -> Result<(), String> {
        let word = self.reader.word("ESP")?;
        self.notes.push(Note::of(TcpdumpField::Esp.id(), Span { end: here.start + "ESP".len(), ..here }));
        for (name, field) in [("spi", TcpdumpField::Spi), ("seq", TcpdumpField::Seq)] {
            let Some(at) = word.find(&format!("{name}=")) else {
                return Err(format!("expected `{name}=…` in `{word}`"));
            };
            let value =
                word.get(at + name.len() + 1..).and_then(|rest| rest.split([',', ')']).next()).unwrap_or_default();
            let span = Span { start: here.start + at, end: here.start + at + name.len() + 1 + value.len(), ..here };
            self.notes.push(Note::of(field.id(), span).with(name, value));
        }
        let here = self.reader.here();
        if self.reader.take("length") {
            self.reader.word("a length")?;
            self.add(TcpdumpField::Length, here);
        }
        Ok(())
    }

    fn payload(&mut self, here: Span) -> Result<(), String> {
        let rest = self.reader.rest_of_line();
        if rest.first().is_none_or(|token| token.span.line != here.line) {
            return Err("expected a packet after the time".to_owned());
        }
        let text = rest.iter().map(|token| token.text).collect::<Vec<_>>().join(" ");
        self.reader.skip(rest.len());
        let note = self.note(TcpdumpField::Payload, here);
        let note = if text.contains("echo request") {
            note.variant("request")
        } else if text.contains("echo reply") {
            note.variant("reply")
        } else {
            note.with("text", text)
        };
        self.notes.push(note);
        Ok(())
    }
}

fn is_mac(word: &str) -> bool {
    let word = word.trim_end_matches(',');
    word.split(':').count() == 6 && word.split(':').all(|part| part.len() == 2 && u8::from_str_radix(part, 16).is_ok())
}
