use super::options::{self, Word};
use crate::packet::line::{Dump, Options, TimeFormat};

/// What `tcpdump` was asked for.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(super) struct TcpdumpOptions {
    pub(super) device: Option<String>,
    pub(super) count: Option<u64>,
    pub(super) write: Option<String>,
    pub(super) read: Option<String>,
    pub(super) filter_file: Option<String>,
    pub(super) snap_len: usize,
    pub(super) direction: Direction,
    pub(super) link_type: Option<String>,
    pub(super) list_devices: bool,
    pub(super) list_links: bool,
    /// `-d`: how often; shows the compiled filter.
    pub(super) compiled: u8,
    /// `-E`.
    pub(super) secrets: Option<String>,
    /// `--count`.
    pub(super) only_count: bool,
    /// `--print`: prints what is written, too.
    pub(super) print: bool,
    pub(super) nanoseconds: bool,
    pub(super) printing: Options,
    pub(super) expression: String,
}

/// `-Q`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    In,
    Out,
    Both,
}

/// How `tcpdump` ends without capturing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) out: String,
    pub(super) err: String,
    pub(super) status: i32,
}

impl Ended {
    pub(super) fn failed(text: impl std::fmt::Display) -> Self {
        Self { out: String::new(), err: format!("tcpdump: {text}\n"), status: 1 }
    }

    pub(super) fn done(out: String) -> Self {
        Self { out, err: String::new(), status: 0 }
    }

    /// Another ending where `other` holds.
    pub(super) fn or_if(self, other: bool, ending: impl FnOnce() -> Self) -> Self {
        if other { ending() } else { self }
    }
}

const SHORT: &str = "aAbB:c:C:dDeE:fF:G:hHi:IJj:KlLm:M:nNOpqQ:r:s:StT:uUvV:w:W:xXy:Yz:Z:#";
const LONG: &[(&str, &str, bool)] = &[
    ("buffer-size", "B", true),
    ("list-interfaces", "D", false),
    ("help", "h", false),
    ("interface", "i", true),
    ("monitor-mode", "I", false),
    ("time-stamp-type", "j", true),
    ("list-time-stamp-types", "J", false),
    ("micro", "micro", false),
    ("nano", "nano", false),
    ("count", "count", false),
    ("dont-verify-checksums", "K", false),
    ("list-data-link-types", "L", false),
    ("no-optimize", "O", false),
    ("no-promiscuous-mode", "p", false),
    ("direction", "Q", true),
    ("snapshot-length", "s", true),
    ("absolute-tcp-sequence-numbers", "S", false),
    ("packet-buffered", "U", false),
    ("linktype", "y", true),
    ("immediate-mode", "immediate-mode", false),
    ("relinquish-privileges", "Z", true),
    ("number", "#", false),
    ("print", "print", false),
    ("version", "version", false),
    ("time-stamp-precision", "precision", true),
];

impl TcpdumpOptions {
    /// Reads the arguments.
    pub(super) fn read(arguments: &[String]) -> Result<Self, Ended> {
        let words = options::read(arguments, SHORT, LONG).map_err(|misuse| Ended {
            out: String::new(),
            err: format!("tcpdump: {misuse}\n{USAGE}"),
            status: 1,
        })?;
        let mut read = Self {
            device: None,
            count: None,
            write: None,
            read: None,
            filter_file: None,
            snap_len: 262_144,
            direction: Direction::Both,
            link_type: None,
            list_devices: false,
            list_links: false,
            compiled: 0,
            secrets: None,
            only_count: false,
            print: false,
            nanoseconds: false,
            printing: Options::default(),
            expression: String::new(),
        };
        let (mut times, mut hex, mut mixed, mut ascii) = (0, 0, 0, 0);
        let mut expression = Vec::new();
        for word in words {
            match word {
                Word::Plain(word) => expression.push(word),
                Word::Option(name, value) => match name.as_str() {
                    "t" => times += 1,
                    "x" => hex += 1,
                    "X" => mixed += 1,
                    "A" => ascii += 1,
                    _ => read.option(&name, value.unwrap_or_default())?,
                },
            }
        }
        read.expression = expression.join(" ");
        read.printing.time = TimeFormat::of_count(times);
        read.printing.dump = match (ascii, mixed, hex) {
            (0, 0, 0) => Dump::None,
            (0, 0, count) => Dump::Hex { link: count > 1 },
            (0, count, _) => Dump::HexAscii { link: count > 1 },
            (count, ..) => Dump::Ascii { link: count > 1 },
        };
        read.printing.nanoseconds = read.nanoseconds;
        Ok(read)
    }

    fn option(&mut self, name: &str, value: String) -> Result<(), Ended> {
        match name {
            "i" => self.device = Some(value),
            "c" => {
                let count = value.parse().ok().filter(|count: &u64| (1..=i32::MAX as u64).contains(count));
                self.count = Some(count.ok_or_else(|| Ended::failed(format!("invalid packet count {value}")))?);
            }
            "w" => self.write = Some(value),
            "r" => self.read = Some(value),
            "F" => self.filter_file = Some(value),
            "s" => {
                let len =
                    value.parse().ok().filter(|len| *len <= 262_144_usize).ok_or_else(|| {
                        Ended::failed(format!("invalid snaplen {value} (must be >= 0 and <= 262144)"))
                    })?;
                self.snap_len = if len == 0 { 262_144 } else { len };
            }
            "Q" => {
                self.direction = match value.as_str() {
                    "in" => Direction::In,
                    "out" => Direction::Out,
                    "inout" => Direction::Both,
                    _ => return Err(Ended::failed(format!("unknown capture direction `{value}'"))),
                };
            }
            "y" => self.link_type = Some(value),
            "D" => self.list_devices = true,
            "L" => self.list_links = true,
            "n" => self.printing.numeric = true,
            "e" => self.printing.link = true,
            "v" => self.printing.verbose = self.printing.verbose.saturating_add(1),
            "q" => self.printing.quiet = true,
            "S" => self.printing.absolute_seq = true,
            "#" => self.printing.numbered = true,
            "nano" => self.nanoseconds = true,
            "precision" => {
                self.nanoseconds = match value.as_str() {
                    "micro" => false,
                    "nano" => true,
                    _ => return Err(Ended::failed("unable to parse timestamp precision")),
                };
            }
            "count" => self.only_count = true,
            "print" => self.print = true,
            "h" => return Err(Ended::done(USAGE.to_owned())),
            "version" => {
                let end = USAGE.find("Usage").unwrap_or_default();
                return Err(Ended::done(USAGE.get(..end).unwrap_or_default().to_owned()));
            }
            "d" => self.compiled = self.compiled.saturating_add(1),
            "E" => self.secrets = Some(value),
            "G" | "C" | "W" | "z" | "T" | "V" | "I" | "J" | "j" => {
                return Err(Ended::failed(super::elsewhere(&format!("-{name}"))));
            }
            // The others change nothing that shows here: buffers, promiscuity, the optimiser, names.
            _ => {}
        }
        Ok(())
    }
}

const USAGE: &str = "tcpdump version 4.99.3
libpcap version 1.10.3 (with TPACKET_V3)
OpenSSL 3.0.19 27 Jan 2026
Usage: tcpdump [-AbdDefhHIJKlLnNOpqStuUvxX#] [ -B size ] [ -c count ] [--count]
\t\t[ -C file_size ] [ -E algo:secret ] [ -F file ] [ -G seconds ]
\t\t[ -i interface ] [ --immediate-mode ] [ -j tstamptype ]
\t\t[ -M secret ] [ --number ] [ --print ] [ -Q in|out|inout ]
\t\t[ -r file ] [ -s snaplen ] [ -T type ] [ --version ]
\t\t[ -V file ] [ -w file ] [ -W filecount ] [ -y datalinktype ]
\t\t[ --time-stamp-precision precision ] [ --micro ] [ --nano ]
\t\t[ -z postrotate-command ] [ -Z user ] [ expression ]
";
