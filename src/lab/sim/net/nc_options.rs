//! The command line of OpenBSD netcat.

use super::options::{self, Word};
use crate::packet::Timestamp;

/// What `nc` was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct NcOptions {
    /// `-l`.
    pub listen: bool,
    /// `-u`.
    pub udp: bool,
    /// `-z`: only looks whether somebody is there.
    pub scan: bool,
    /// `-v`.
    pub verbose: bool,
    /// `-N`, and `-q` with a time: says that no more follows once standard input has ended.
    pub shut: bool,
    /// `-n`.
    pub numeric: bool,
    /// `-k`: one connection after the other.
    pub keep: bool,
    /// `-d`: standard input is not read.
    pub detached: bool,
    /// `-w`, in nanoseconds.
    pub patience: Option<u64>,
    /// `-q`, in nanoseconds.
    pub quit: Option<u64>,
    /// `-s`.
    pub source: Option<String>,
    /// `-p` of a client.
    pub source_port: u16,
    /// The other host, or the own address to listen at.
    pub host: String,
    /// The ports, in order.
    pub ports: Vec<u16>,
}

const USAGE: &str = "usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]
\t  [-m minttl] [-O length] [-P proxy_username] [-p source_port]
\t  [-q seconds] [-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]
\t  [-w timeout] [-X proxy_protocol] [-x proxy_address[:port]]
\t  [destination] [port]
";

const SECOND: u64 = 1_000_000_000;

impl NcOptions {
    /// Reads a command line; on a misuse what `nc` writes to standard error.
    pub(super) fn read(arguments: &[String]) -> Result<Self, String> {
        let words = options::read(arguments, "46CDdFhI:i:klM:m:NnO:P:p:q:rSs:tT:UuV:vW:w:X:x:Zz", &[])
            .map_err(|misuse| format!("nc: {misuse}\n{USAGE}"))?;
        let mut own = Self::default();
        let mut plain = Vec::new();
        let mut port = None;
        for word in words {
            let (name, value) = match word {
                Word::Plain(word) => {
                    plain.push(word);
                    continue;
                }
                Word::Option(name, value) => (name, value.unwrap_or_default()),
            };
            match name.as_str() {
                "l" => own.listen = true,
                "u" => own.udp = true,
                "z" => own.scan = true,
                "v" => own.verbose = true,
                "N" => own.shut = true,
                "n" => own.numeric = true,
                "k" => own.keep = true,
                "d" => own.detached = true,
                "p" => port = Some(value),
                "s" => own.source = Some(value),
                "w" => own.patience = Some(seconds(&value).ok_or_else(|| format!("nc: timeout invalid: {value}\n"))?),
                "q" if value.starts_with('-') => {}
                "q" => {
                    own.quit = Some(seconds(&value).ok_or_else(|| format!("nc: quit timer invalid: {value}\n"))?);
                    own.shut = true;
                }
                "h" => return Err(format!("OpenBSD netcat (Debian patchlevel 1.219-1)\n{USAGE}")),
                "4" | "r" | "t" | "D" => {}
                other => {
                    return Err(format!("nc: {}\n", super::elsewhere(&format!("-{other}"))));
                }
            }
        }
        let (host, range) = match (plain.as_slice(), own.listen) {
            ([], false) => return Err(USAGE.to_owned()),
            ([], true) => (String::new(), port.take()),
            ([only], true) if port.is_some() => (only.clone(), port.take()),
            ([only], true) => (String::new(), Some(only.clone())),
            ([only], false) => (only.clone(), None),
            ([host, range, ..], _) => (host.clone(), Some(range.clone())),
        };
        own.host = host;
        let range = range.ok_or("nc: missing port number\n")?;
        // What is listened at is not checked, and what is too much for a port number is cut off.
        own.ports = match range.parse::<u32>() {
            Ok(port) if own.listen => vec![port as u16],
            _ => ports(&range)?,
        };
        own.source_port = port.map_or(Ok(0), |port| one_port(&port))?;
        Ok(own)
    }

    /// When patience ends that began at a time.
    pub(super) fn gives_up(&self, since: Timestamp) -> Option<Timestamp> {
        self.patience.map(|patience| Timestamp(since.0.saturating_add(patience)))
    }
}

fn seconds(text: &str) -> Option<u64> {
    text.parse::<u32>().ok().map(|seconds| u64::from(seconds) * SECOND)
}

fn ports(range: &str) -> Result<Vec<u16>, String> {
    match range.split_once('-').filter(|(low, _)| !low.is_empty()) {
        None => Ok(vec![one_port(range)?]),
        Some((low, high)) => {
            let (low, high) = (one_port(low)?, one_port(high)?);
            Ok((low.min(high)..=low.max(high)).collect())
        }
    }
}

fn one_port(text: &str) -> Result<u16, String> {
    if let Some((_, _, number)) = SERVICES.iter().find(|(name, ..)| *name == text) {
        return Ok(*number);
    }
    match text.parse::<i64>() {
        Err(_) => Err(format!("nc: port number invalid: {text}\n")),
        Ok(..=0) => Err(format!("nc: port number too small: {text}\n")),
        Ok(number) => u16::try_from(number).map_err(|_| format!("nc: port number too large: {text}\n")),
    }
}

/// The name of a port in `/etc/services`, or `*`.
pub(super) fn service(port: u16, udp: bool) -> &'static str {
    let protocol = if udp { "udp" } else { "tcp" };
    let found = SERVICES.iter().find(|(_, protocols, number)| *number == port && protocols.contains(protocol));
    found.map_or("*", |(name, ..)| name)
}

/// The lines of Debian's `/etc/services` that one meets: name, protocols, port.
const SERVICES: &[(&str, &str, u16)] = &[
    ("echo", "tcp udp", 7),
    ("discard", "tcp udp", 9),
    ("ftp", "tcp", 21),
    ("ssh", "tcp", 22),
    ("telnet", "tcp", 23),
    ("smtp", "tcp", 25),
    ("domain", "tcp udp", 53),
    ("http", "tcp", 80),
    ("pop3", "tcp", 110),
    ("ntp", "udp", 123),
    ("imap2", "tcp", 143),
    ("snmp", "tcp udp", 161),
    ("https", "tcp udp", 443),
    ("syslog", "udp", 514),
    ("ipsec-nat-t", "udp", 4500),
    ("mdns", "udp", 5353),
    ("postgresql", "tcp", 5432),
    ("http-alt", "tcp udp", 8080),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<NcOptions, String> {
        NcOptions::read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn hosts_and_ports_are_read_as_netcat_reads_them() {
        let listen = read("-l -p 8080").expect("understood");
        assert_eq!((listen.host.as_str(), listen.ports.as_slice()), ("", &[8080][..]));
        assert_eq!(read("-l 127.0.0.1 80").expect("understood").host, "127.0.0.1");
        assert_eq!(read("-z 10.0.1.165 9091-9089").expect("understood").ports, [9089, 9090, 9091]);
        assert_eq!(read("-q 0 h http").expect("understood").ports, [80]);
        for (line, said) in [
            ("10.0.1.165", "nc: missing port number\n"),
            ("10.0.1.165 x", "nc: port number invalid: x\n"),
            ("10.0.1.165 99999", "nc: port number too large: 99999\n"),
        ] {
            assert_eq!(read(line), Err(said.to_owned()));
        }
        assert_eq!(read("").expect_err("nothing"), USAGE);
    }
}
