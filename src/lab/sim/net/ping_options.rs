use std::net::IpAddr;

use super::options::{self, Misuse, Word};
use crate::datapath::{PathMtu, option};

/// What `ping` was asked for.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(super) struct PingOptions {
    pub(super) target: String,
    /// `-c`.
    pub(super) count: Option<u64>,
    /// `-i`, in nanoseconds.
    pub(super) interval: u64,
    /// `-s`.
    pub(super) size: usize,
    /// `-W`, in nanoseconds.
    pub(super) linger: u64,
    /// `-w`, in nanoseconds.
    pub(super) deadline: Option<u64>,
    /// `-M`.
    pub(super) path_mtu: PathMtu,
    /// `-I` with an address.
    pub(super) source: Option<IpAddr>,
    /// `-I` with a device.
    pub(super) device: Option<String>,
    /// `-t`.
    pub(super) ttl: Option<u8>,
    /// `-Q`.
    pub(super) tos: u8,
    /// `-m`.
    pub(super) mark: u32,
    /// `-e`.
    pub(super) ident: Option<u16>,
    /// `-p`.
    pub(super) pattern: Option<Vec<u8>>,
    pub(super) quiet: bool,
    pub(super) numeric: bool,
    /// `-D`.
    pub(super) stamps: bool,
    /// `-f`.
    pub(super) flood: bool,
    /// `-A`.
    pub(super) adaptive: bool,
    /// `-O`.
    pub(super) outstanding: bool,
    /// `-b`.
    pub(super) broadcast: bool,
    /// `-a`.
    pub(super) audible: bool,
    pub(super) verbose: bool,
    /// `-B`.
    pub(super) sticky: bool,
    /// `-l`: how many go out at once.
    pub(super) preload: u64,
    /// `-R` and `-T`: the options of the IP header.
    pub(super) ip_options: Vec<u8>,
    /// `-6`.
    pub(super) six: bool,
    /// `-4`.
    pub(super) family_given: bool,
    /// What is said before the first line.
    pub(super) warnings: String,
}

/// How `ping` ends before it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) out: String,
    pub(super) err: String,
    pub(super) status: i32,
}

impl Ended {
    pub(super) fn failed(status: i32, text: impl std::fmt::Display) -> Self {
        Self { out: String::new(), err: format!("ping: {text}\n"), status }
    }
}

const SECOND: u64 = 1_000_000_000;
const SHORT: &str = "h?4bRT:6F:N:aABc:CdDe:fi:I:l:Lm:M:nOp:qQ:rs:S:t:UvVw:W:";

impl PingOptions {
    /// Reads the arguments as iputils 20221126 does; `is_device` says which names are devices.
    pub(super) fn read(arguments: &[String], is_device: impl Fn(&str) -> bool) -> Result<Self, Ended> {
        let words = options::read(arguments, SHORT, &[]).map_err(|misuse| Ended {
            out: String::new(),
            err: format!("ping: {}\n{USAGE}", short_only(misuse)),
            status: 2,
        })?;
        let mut read = Self {
            target: String::new(),
            count: None,
            interval: SECOND,
            size: 56,
            linger: 10 * SECOND,
            deadline: None,
            path_mtu: PathMtu::Want,
            source: None,
            device: None,
            ttl: None,
            tos: 0,
            mark: 0,
            ident: None,
            pattern: None,
            quiet: false,
            numeric: false,
            stamps: false,
            flood: false,
            adaptive: false,
            outstanding: false,
            broadcast: false,
            audible: false,
            verbose: false,
            sticky: false,
            preload: 1,
            ip_options: Vec::new(),
            six: false,
            family_given: false,
            warnings: String::new(),
        };
        let mut targets = Vec::new();
        let mut interval_given = false;
        for word in words {
            match word {
                Word::Plain(target) => targets.push(target),
                Word::Option(name, value) => {
                    interval_given |= name == "i";
                    read.option(&name, value.as_deref().unwrap_or_default(), &is_device)?;
                }
            }
        }
        let Some(target) = targets.pop() else {
            return Err(Ended::failed(1, "usage error: Destination address required"));
        };
        if !targets.is_empty() {
            // The others would be a source route.
            return Err(Ended::failed(2, "record route: Operation not permitted"));
        }
        if read.flood && !interval_given {
            read.interval = 0;
        }
        read.target = target;
        Ok(read)
    }

    fn option(&mut self, name: &str, value: &str, is_device: &impl Fn(&str) -> bool) -> Result<(), Ended> {
        match name {
            "h" | "?" => return Err(Ended { out: String::new(), err: USAGE.to_owned(), status: 2 }),
            "V" => {
                let out = "ping from iputils 20221126\nlibcap: yes, IDN: yes, NLS: no, error.h: yes, getrandom(): yes, \
                           __fpending(): yes\n";
                return Err(Ended { out: out.to_owned(), err: String::new(), status: 0 });
            }
            "c" => self.count = Some(number(value, 1, i64::MAX)?),
            "i" => {
                let seconds: f64 = value
                    .parse()
                    .ok()
                    .filter(|seconds: &f64| seconds.is_finite() && (0.0..=2_147_483.0).contains(seconds))
                    .unwrap_or_else(|| self.garbage(value));
                self.interval = nanoseconds(seconds);
            }
            "s" => self.size = number(value, 0, i64::from(i32::MAX))?,
            "W" => {
                let seconds = value.parse().ok().filter(|seconds: &f64| (0.0..=2_147_483.0).contains(seconds));
                let seconds = seconds.unwrap_or_else(|| self.garbage(value));
                self.linger = nanoseconds(seconds);
            }
            "w" => {
                let seconds: u64 = number(value, 0, i64::from(i32::MAX))?;
                self.deadline = Some(seconds * SECOND).filter(|deadline| *deadline > 0);
            }
            "M" => {
                self.path_mtu = match value {
                    "do" => PathMtu::Do,
                    "want" => PathMtu::Want,
                    "dont" => PathMtu::Dont,
                    _ => return Err(Ended::failed(2, format!("invalid -M argument: {value}"))),
                };
            }
            "I" => match value.parse() {
                Ok(source) => self.source = Some(source),
                Err(_) if is_device(value) => self.device = Some(value.to_owned()),
                Err(_) => return Err(Ended::failed(2, format!("SO_BINDTODEVICE {value}: No such device"))),
            },
            "t" => {
                let ttl: u8 = number(value, 0, 255)?;
                if ttl == 0 {
                    return Err(Ended::failed(2, "cannot set unicast time-to-live: Invalid argument"));
                }
                self.ttl = Some(ttl);
            }
            "Q" => {
                let parsed = match value.strip_prefix("0x").or_else(|| value.strip_prefix("0X")) {
                    Some(hex) => i64::from_str_radix(hex, 16).ok(),
                    None => value.parse().ok(),
                };
                let tos = parsed.ok_or_else(|| Ended::failed(2, format!("bad TOS value: {value}")))?;
                self.tos = u8::try_from(tos).map_err(|_| {
                    Ended::failed(2, format!("the decimal value of TOS bits must be in range 0-255: {tos}"))
                })?;
            }
            "m" => self.mark = number(value, 0, i64::from(u32::MAX))?,
            "e" => self.ident = Some(number(value, 0, 65535)?).filter(|ident| *ident != 0),
            "p" => self.pattern = Some(pattern(value)?),
            "l" => self.preload = number(value, 1, 65536)?,
            "R" | "T" if !self.ip_options.is_empty() => {
                return Err(Ended::failed(2, "only one of -T or -R may be used"));
            }
            "R" => self.ip_options = filled(&[option::NOP, option::RECORD_ROUTE, 39, 4]),
            "T" => {
                self.ip_options = match value {
                    "tsonly" => filled(&[option::TIMESTAMP, 40, 5, 0]),
                    "tsandaddr" => filled(&[option::TIMESTAMP, 36, 5, 1]).split_at(36).0.to_vec(),
                    "tsprespec" => return Err(elsewhere("-T tsprespec")),
                    _ => return Err(Ended::failed(2, format!("invalid timestamp type: {value}"))),
                };
            }
            "6" => self.six = true,
            "F" | "N" => return Err(elsewhere(&format!("-{name}"))),
            "q" => self.quiet = true,
            "n" => self.numeric = true,
            "D" => self.stamps = true,
            "f" => self.flood = true,
            "A" => self.adaptive = true,
            "O" => self.outstanding = true,
            "b" => self.broadcast = true,
            "a" => self.audible = true,
            "v" => self.verbose = true,
            "B" => self.sticky = true,
            "4" => self.family_given = true,
            // -C -d -L -r -S -U change nothing that shows here.
            _ => {}
        }
        Ok(())
    }
}

impl PingOptions {
    /// A number that is none counts as what its beginning says: nothing.
    fn garbage(&mut self, value: &str) -> f64 {
        let complaint = format!(
            "ping: option argument contains garbage: {value}\nping: this will become fatal error in the future\n"
        );
        self.warnings.push_str(&complaint);
        0.0
    }
}

/// ping's getopt knows no long options: the second hyphen is an option to it, and none that it has.
fn short_only(misuse: Misuse) -> Misuse {
    match misuse {
        Misuse::UnknownLong(_) | Misuse::NoValueLong(_) => Misuse::Unknown('-'),
        short => short,
    }
}

/// What the embedded lab leaves to the kernel's.
fn elsewhere(what: &str) -> Ended {
    let err = format!("ping: {}\n", super::elsewhere(what));
    Ended { out: String::new(), err, status: 2 }
}

/// The options of a header as long as it can be.
fn filled(start: &[u8]) -> Vec<u8> {
    let mut options = start.to_vec();
    options.resize(40, option::END);
    options
}

fn nanoseconds(seconds: f64) -> u64 {
    #[expect(clippy::cast_sign_loss, reason = "the caller has checked the range")]
    let nanoseconds = (seconds * 1e9).round() as u64;
    nanoseconds
}

fn number<N: TryFrom<i64>>(value: &str, least: i64, most: i64) -> Result<N, Ended> {
    let parsed: i64 = value.parse().map_err(|_| Ended::failed(1, format!("invalid argument: '{value}'")))?;
    let inside = Some(parsed).filter(|parsed| (least..=most).contains(parsed));
    inside.and_then(|parsed| N::try_from(parsed).ok()).ok_or_else(|| {
        Ended::failed(1, format!("invalid argument: '{value}': out of range: {least} <= value <= {most}"))
    })
}

/// The octets of `-p`: two hex digits each, up to 16; a last digit alone is an octet.
fn pattern(value: &str) -> Result<Vec<u8>, Ended> {
    if value.is_empty() || !value.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Ended::failed(2, format!("patterns must be specified as hex digits: {value}")));
    }
    let octets = value.as_bytes().chunks(2).take(16);
    Ok(octets.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect())
}

const USAGE: &str = "\nUsage\n  ping [options] <destination>\n\nOptions:
  <destination>      dns name or ip address
  -a                 use audible ping
  -A                 use adaptive ping
  -B                 sticky source address
  -c <count>         stop after <count> replies
  -C                 call connect() syscall on socket creation
  -D                 print timestamps
  -d                 use SO_DEBUG socket option
  -e <identifier>    define identifier for ping session, default is random for
                     SOCK_RAW and kernel defined for SOCK_DGRAM
                     Imply using SOCK_RAW (for IPv4 only for identifier 0)
  -f                 flood ping
  -h                 print help and exit
  -I <interface>     either interface name or address
  -i <interval>      seconds between sending each packet
  -L                 suppress loopback of multicast packets
  -l <preload>       send <preload> number of packages while waiting replies
  -m <mark>          tag the packets going out
  -M <pmtud opt>     define mtu discovery, can be one of <do|dont|want>
  -n                 no dns name resolution
  -O                 report outstanding replies
  -p <pattern>       contents of padding byte
  -q                 quiet output
  -Q <tclass>        use quality of service <tclass> bits
  -s <size>          use <size> as number of data bytes to be sent
  -S <size>          use <size> as SO_SNDBUF socket option value
  -t <ttl>           define time to live
  -U                 print user-to-user latency
  -v                 verbose output
  -V                 print version and exit
  -w <deadline>      reply wait <deadline> in seconds
  -W <timeout>       time to wait for response

IPv4 options:
  -4                 use IPv4
  -b                 allow pinging broadcast
  -R                 record route
  -T <timestamp>     define timestamp, can be one of <tsonly|tsandaddr|tsprespec>

IPv6 options:
  -6                 use IPv6
  -F <flowlabel>     define flow label, default is random
  -N <nodeinfo opt>  use icmp6 node info query, try <help> as argument

For more details see ping(8).
";
