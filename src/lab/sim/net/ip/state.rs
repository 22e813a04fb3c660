//! `ip xfrm state` (ip/xfrm_state.c, ipxfrm.c).

use std::net::{IpAddr, Ipv4Addr};

use super::words::{self, Failed, Family, Words, number};
use super::{Run, help};
use crate::command::keyword;
use crate::datapath::{Entry, Refused};
use crate::esp::{Secret, Spi, Unusable};
use crate::xfrm::{
    Algorithm, AlgorithmKind, Encap, EncapType, ExtraFlags, Key, Limits, Mark, Mode, OutputMark, Prefix, Proto, Replay,
    Selector, State, StateFlags, StateStats, Style, UpperProto, print_states,
};

/// What a state is named by on a command line: `ID` of the usage text, and the mark.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Id {
    pub(super) src: Option<IpAddr>,
    pub(super) dst: Option<IpAddr>,
    pub(super) proto: Option<Proto>,
    pub(super) spi: Option<Spi>,
    pub(super) mode: Option<Mode>,
    pub(super) reqid: Option<u32>,
    pub(super) flag: Option<StateFlags>,
    pub(super) mark: Option<Mark>,
}

impl Run<'_> {
    pub(super) fn states(&mut self, mut words: Words<'_>) -> Result<String, Failed> {
        let Some(word) = words.next() else { return self.list_states(words) };
        let unknown = || Failed::unknown_command(word, "xfrm state");
        match keyword::verbs("xfrm state").and_then(|verbs| keyword::find(verbs, word)).ok_or_else(unknown)? {
            "list" => self.list_states(words),
            "get" => self.get_state(words),
            "count" => self.count_states(words),
            "flush" => self.flush_states(words),
            "delete" => self.delete_state(words),
            "deleteall" => self.delete_all_states(words),
            "add" => self.add_state(words, false),
            "update" => self.add_state(words, true),
            "allocspi" => self.allocate_spi(words),
            "help" => Err(Failed { err: help::STATE.to_owned(), status: 255 }),
            other => Err(Failed::elsewhere(&format!("ip xfrm state {other}"))),
        }
    }

    fn print_these(&self, states: &[State], nokeys: bool) -> String {
        let style = Style { stats: self.options.stats > 0, oneline: self.options.oneline, nokeys };
        print_states(states, style)
    }

    /// The states that a filter takes, the newest first, as the kernel dumps them.
    fn chosen(&self, id: &Id) -> Result<Vec<State>, Failed> {
        let family = self.options.family;
        let entries = &self.stack()?.sad;
        Ok(entries.iter().rev().map(Entry::listed).filter(|state| id.takes(state, family)).collect())
    }

    fn list_states(&self, mut words: Words<'_>) -> Result<String, Failed> {
        let mut nokeys = false;
        let mut id = Id::default();
        while let Some(word) = words.next() {
            match word {
                "nokeys" => nokeys = true,
                word => id.filter(word, &mut words)?,
            }
        }
        Ok(self.print_these(&self.chosen(&id)?, nokeys))
    }

    fn get_state(&self, mut words: Words<'_>) -> Result<String, Failed> {
        let id = Id::exact(&mut words, true)?;
        let found = self.place(&id)?.and_then(|at| self.stack().ok()?.sad.get(at).map(Entry::listed));
        let state = found.ok_or_else(|| Failed::netlink(Refused::NoState))?;
        Ok(self.print_these(&[state], false))
    }

    fn count_states(&self, mut words: Words<'_>) -> Result<String, Failed> {
        if let Some(word) = words.next() {
            return Err(Failed::wrong(word, "unknown"));
        }
        let mut text = format!("\t SAD count {}", self.stack()?.sad.len());
        if self.options.stats > 0 {
            text.push_str(" (buckets count 8 Max 1048576)");
        }
        Ok(text + "\n")
    }

    fn flush_states(&mut self, mut words: Words<'_>) -> Result<String, Failed> {
        let mut proto = None;
        while let Some(word) = words.next() {
            if word != "proto" || proto.is_some() {
                return Err(Failed::wrong(word, "unknown"));
            }
            proto = Some(read_proto(words.value()?)?);
        }
        self.stack_mut()?.sad.retain(|entry| proto.is_some_and(|proto| proto != entry.state.proto));
        Ok(String::new())
    }

    fn delete_state(&mut self, mut words: Words<'_>) -> Result<String, Failed> {
        if words.is_empty() {
            return Err(Failed::netlink(Refused::Invalid));
        }
        let id = Id::exact(&mut words, false)?;
        let at = self.place(&id)?.ok_or_else(|| Failed::netlink(Refused::NoState))?;
        self.stack_mut()?.sad.remove(at);
        Ok(String::new())
    }

    fn delete_all_states(&mut self, mut words: Words<'_>) -> Result<String, Failed> {
        let mut id = Id::default();
        while let Some(word) = words.next() {
            id.filter(word, &mut words)?;
        }
        let family = self.options.family;
        self.stack_mut()?.sad.retain(|entry| !id.takes(&entry.state, family));
        Ok(String::new())
    }

    /// Which state the kernel finds by destination, SPI, protocol and mark.
    fn place(&self, id: &Id) -> Result<Option<usize>, Failed> {
        let dst = id.dst.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let (spi, proto) = (id.spi.unwrap_or(Spi(0)), id.proto.unwrap_or(Proto::Esp));
        let mark = id.mark.map_or(0, |mark| mark.value & mark.mask);
        Ok(self.stack()?.sad.iter().rposition(|entry| {
            let state = &entry.state;
            state.dst == dst && state.spi == spi && state.proto == proto && state.mark.is_none_or(|own| own.fits(mark))
        }))
    }

    /// `xfrm_state_allocspi`.
    fn allocate_spi(&mut self, mut words: Words<'_>) -> Result<String, Failed> {
        let mut id = Id::default();
        let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let mut state = State { mode: Mode::Transport, ..State::esp_tunnel(any, any, Spi(0)) };
        let (mut least, mut most) = (None, None);
        while let Some(word) = words.next() {
            match word {
                "mode" => state.mode = read_mode(words.value()?)?,
                "mark" => state.mark = Some(read_mark(&mut words)?),
                "reqid" => state.reqid = read_number(words.value()?, "REQID value is invalid")?,
                "seq" => state.acquire_seq = read_number(words.value()?, "SEQ value is invalid")?,
                "min" => least = Some(read_number(words.value()?, "MIN value is invalid")?),
                "max" => most = Some(read_number(words.value()?, "MAX value is invalid")?),
                word => {
                    if !id.part(word, &mut words)? {
                        id.proto.ok_or_else(|| Failed::missing("XFRM-PROTO"))?;
                        return Err(Failed::garbage("ID", word));
                    }
                }
            }
        }
        let range = match (least, most) {
            (Some(least), Some(most)) if least <= most => (least, most),
            (Some(_), Some(_)) => {
                return Err(Failed::new(1, "value after \"min\" is larger than value after \"max\""));
            }
            (Some(_), None) => return Err(Failed::new(1, "\"max\" is missing")),
            (None, Some(_)) => return Err(Failed::new(1, "\"min\" is missing")),
            // RFC 4303 section 2.1: the first 255 are kept for IANA.
            (None, None) => (0x100, 0x0fff_ffff),
        };
        state.proto = id.proto.ok_or_else(|| Failed::missing("XFRM-PROTO"))?;
        state.src = id.src.unwrap_or_else(|| unspecified(id.dst));
        state.dst = id.dst.unwrap_or_else(|| unspecified(id.src));
        let kept = self.cluster.allocate_spi(self.id, state, range).map_err(Failed::netlink)?;
        Ok(self.print_these(&[kept], false))
    }

    fn add_state(&mut self, mut words: Words<'_>, update: bool) -> Result<String, Failed> {
        if words.is_empty() {
            return Err(Failed::new(1, "Not enough information: ID is required"));
        }
        let state = read_state(&mut words)?;
        // Kernel: the AEAD is looked up by name and ICV length first, then the key is set.
        match state.compile() {
            Err(Unusable::Unsupported { .. } | Unusable::IcvLength { .. }) if state.proto == Proto::Esp => {
                let what = if state.aead().is_some() { "AEAD" } else { "CRYPT" };
                return Err(Failed::kernel(&format!("Requested {what} algorithm not found.")));
            }
            Err(Unusable::KeyLength { .. }) => {
                return Err(Failed::kernel("Kernel was unable to initialize cryptographic operations."));
            }
            _ => {}
        }
        let done = if update {
            self.cluster.update_state(self.id, &state)
        } else {
            self.cluster.add_state(self.id, state).map(|_| ())
        };
        done.map_err(Failed::netlink)?;
        Ok(String::new())
    }
}

impl Id {
    /// One word of a filter (`list`, `deleteall`).
    fn filter(&mut self, word: &str, words: &mut Words<'_>) -> Result<(), Failed> {
        match word {
            "mode" => self.mode = Some(read_mode(words.value()?)?),
            "reqid" => self.reqid = Some(read_number(words.value()?, "REQID value is invalid")?),
            "flag" => self.flag = Some(read_flags(words)?),
            word => {
                if !self.part(word, words)? {
                    return Err(Failed::wrong(word, "unknown"));
                }
            }
        }
        Ok(())
    }

    /// What `get` and `delete` take.
    fn exact(words: &mut Words<'_>, get: bool) -> Result<Self, Failed> {
        let mut id = Self::default();
        while let Some(word) = words.next() {
            if word == "mark" {
                id.mark = Some(read_mark(words)?);
            } else if !id.part(word, words)? {
                return Err(Failed::wrong(word, "unknown"));
            }
        }
        if id.proto.is_none() && (get || id.src.is_some() || id.dst.is_some()) {
            return Err(Failed::missing("XFRM-PROTO"));
        }
        Ok(id)
    }

    /// A part of `ID`; whether it was one.
    pub(super) fn part(&mut self, word: &str, words: &mut Words<'_>) -> Result<bool, Failed> {
        match word {
            "src" => self.src = Some(words::prefix(words.value()?, Family::Any)?.addr),
            "dst" => self.dst = Some(words::prefix(words.value()?, Family::Any)?.addr),
            "proto" => self.proto = Some(read_proto(words.value()?)?),
            "spi" => self.spi = Some(Spi(read_number(words.value()?, "SPI value is invalid")?)),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn takes(&self, state: &State, family: Family) -> bool {
        family.takes(state.dst)
            && self.src.is_none_or(|src| src == state.src)
            && self.dst.is_none_or(|dst| dst == state.dst)
            && self.proto.is_none_or(|proto| proto == state.proto)
            && self.spi.is_none_or(|spi| spi == state.spi)
            && self.mode.is_none_or(|mode| mode == state.mode)
            && self.reqid.is_none_or(|reqid| reqid == state.reqid)
            && self.flag.is_none_or(|flag| state.flags.has(flag))
    }
}

/// `xfrm_state_modify`: `ip xfrm state add`'s words.
fn read_state(words: &mut Words<'_>) -> Result<State, Failed> {
    let mut id = Id::default();
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let mut state = State { mode: Mode::Transport, ..State::esp_tunnel(any, any, Spi(0)) };
    let mut limits = Limits::default();
    let mut selector = None;
    let mut window = 0;
    let (mut numbers, mut high) = ((0, 0), (0, 0));
    let mut has_id = false;
    while let Some(word) = words.next() {
        match word {
            "mode" => state.mode = read_mode(words.value()?)?,
            "mark" => state.mark = Some(read_mark(words)?),
            "reqid" => state.reqid = read_number(words.value()?, "REQID value is invalid")?,
            "seq" => state.acquire_seq = read_number(words.value()?, "SEQ value is invalid")?,
            "replay-window" => window = read_number(words.value()?, "\"replay-window\" value is invalid")?,
            "replay-seq" => numbers.0 = read_number(words.value()?, "\"replay-seq\" value is invalid")?,
            "replay-oseq" => numbers.1 = read_number(words.value()?, "\"replay-oseq\" value is invalid")?,
            "replay-seq-hi" => high.0 = read_number(words.value()?, "\"replay-seq-hi\" value is invalid")?,
            "replay-oseq-hi" => high.1 = read_number(words.value()?, "\"replay-oseq-hi\" value is invalid")?,
            "flag" => state.flags = StateFlags(state.flags.0 | read_flags(words)?.0),
            "extra-flag" => state.extra_flags = Some(read_extra_flags(words)?),
            "sel" => selector = Some(read_selector(words)?),
            "limit" => read_limit(words, &mut limits)?,
            "encap" => state.encap = Some(read_encap(words)?),
            "output-mark" => {
                let value = read_number(words.value()?, "mark value is invalid")?;
                let mask = match words.peek() {
                    Some("mask") => {
                        words.next();
                        read_number(words.value()?, "mask value is invalid")?
                    }
                    _ => u32::MAX,
                };
                state.output_mark = Some(OutputMark { value, mask: Some(mask) });
            }
            "if_id" => state.if_id = Some(read_number(words.value()?, "value after \"if_id\" is invalid")?),
            "tfcpad" => state.tfcpad = Some(read_number(words.value()?, "value after \"tfcpad\" is invalid")?),
            "coa" | "ctx" | "offload" | "dir" => {
                return Err(Failed::elsewhere(&format!("ip xfrm state add … {word}")));
            }
            "enc" | "auth" | "auth-trunc" | "aead" | "comp" => {
                let algorithm = read_algorithm(word, words)?;
                state.algorithms.push(algorithm);
            }
            word => {
                if !id.part(word, words)? {
                    return Err(Failed::garbage("ID", word));
                }
                has_id = true;
            }
        }
    }
    if !has_id {
        return Err(Failed::new(1, "Not enough information: ID is required"));
    }
    state.proto = id.proto.ok_or_else(|| Failed::missing("XFRM-PROTO"))?;
    state.src = id.src.unwrap_or_else(|| unspecified(id.dst));
    state.dst = id.dst.unwrap_or_else(|| unspecified(id.src));
    state.spi = id.spi.unwrap_or(Spi(0));
    let encrypts = state
        .algorithms
        .iter()
        .any(|algorithm| matches!(algorithm.kind, AlgorithmKind::Enc | AlgorithmKind::Aead { .. }));
    match state.proto {
        Proto::Esp if !encrypts => {
            let text = "ALGO-TYPE value \"enc\" or \"aead\" is required with XFRM-PROTO value \"esp\"";
            return Err(Failed::new(1, text));
        }
        Proto::Ah if state.auth().is_none() => {
            let text = "ALGO-TYPE value \"auth\" is required with XFRM-PROTO value \"ah\"";
            return Err(Failed::new(1, text));
        }
        _ => {}
    }
    // The kernel answers with auth first, then aead, then enc; plain `auth` has the algorithm's usual truncation.
    state.algorithms.sort_by_key(|algorithm| match algorithm.kind {
        AlgorithmKind::Auth | AlgorithmKind::AuthTrunc { .. } => 0,
        AlgorithmKind::Aead { .. } => 1,
        AlgorithmKind::Enc => 2,
        AlgorithmKind::Comp => 3,
    });
    if state.flags.has(StateFlags::ESN) || window > 32 {
        let bitmap = vec![0; window.div_ceil(32) as usize];
        state.replay = Some(Replay::Esn { seq: (high.0, numbers.0), oseq: (high.1, numbers.1), window, bitmap });
    } else {
        state.replay_window = window as u8;
        state.replay = Some(Replay::Short { seq: numbers.0, oseq: numbers.1, bitmap: 0 });
    }
    let every = Prefix::any_like(state.dst);
    state.selector = Some(selector.unwrap_or(Selector { uid: Some(0), ..Selector::between(every, every) }));
    state.stats = Some(StateStats { limits, ..StateStats::default() });
    Ok(state)
}

fn unspecified(like: Option<IpAddr>) -> IpAddr {
    match like {
        Some(IpAddr::V6(_)) => std::net::Ipv6Addr::UNSPECIFIED.into(),
        _ => Ipv4Addr::UNSPECIFIED.into(),
    }
}

fn read_algorithm(word: &str, words: &mut Words<'_>) -> Result<Algorithm, Failed> {
    let name = words.next().ok_or_else(|| Failed::missing("ALGO-NAME"))?.to_owned();
    if word == "comp" {
        return Ok(Algorithm { kind: AlgorithmKind::Comp, name, key: Key::Known(Secret::new(Vec::new())) });
    }
    let material = words.next().ok_or_else(|| Failed::missing("ALGO-KEYMAT"))?;
    let octets = match material.strip_prefix("0x").or_else(|| material.strip_prefix("0X")) {
        Some(hex) => read_hex(hex).ok_or_else(|| Failed::wrong(material, "ALGO-KEYMAT value is invalid"))?,
        None => material.as_bytes().to_vec(),
    };
    let mut bits = |what: &str| -> Result<u32, Failed> {
        let word = words.next().ok_or_else(|| Failed::missing(what))?;
        number(word).ok_or_else(|| Failed::wrong(word, &format!("{what} value is invalid")))
    };
    let kind = match word {
        "aead" => AlgorithmKind::Aead { icv_bits: bits("ALGO-ICV-LEN")? },
        "auth-trunc" => AlgorithmKind::AuthTrunc { bits: bits("ALGO-TRUNC-LEN")? },
        "auth" => AlgorithmKind::AuthTrunc { bits: usual_truncation(&name) },
        _ => AlgorithmKind::Enc,
    };
    Ok(Algorithm { kind, name, key: Key::Known(Secret::new(octets)) })
}

/// The ICV length that the kernel gives a plain `auth` (net/xfrm/xfrm_algo.c).
fn usual_truncation(name: &str) -> u32 {
    match name {
        "hmac(sha384)" => 192,
        "hmac(sha512)" | "hmac(sm3)" => 256,
        _ => 96,
    }
}

/// Hex digits; an odd one is the low half of the first octet.
fn read_hex(hex: &str) -> Option<Vec<u8>> {
    let padded = if hex.len() % 2 == 1 { format!("0{hex}") } else { hex.to_owned() };
    if padded.is_empty() || !padded.is_ascii() {
        return None;
    }
    let pairs = padded.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

pub(super) fn read_proto(word: &str) -> Result<Proto, Failed> {
    let known = [Proto::Esp, Proto::Ah, Proto::Comp, Proto::Route2, Proto::Hao];
    let found = known.into_iter().find(|proto| proto.to_string() == word);
    found
        .or_else(|| number(word).and_then(|number| u8::try_from(number).ok()).map(Proto::of_number))
        .ok_or_else(|| Failed::wrong(word, "XFRM-PROTO value is invalid"))
}

pub(super) fn read_mode(word: &str) -> Result<Mode, Failed> {
    let found = Mode::ALL.iter().find(|mode| mode.to_string() == word && **mode != Mode::Iptfs);
    found.copied().ok_or_else(|| Failed::wrong(word, "MODE value is invalid"))
}

pub(super) fn read_number(word: &str, why: &str) -> Result<u32, Failed> {
    number(word).ok_or_else(|| Failed::wrong(word, why))
}

/// `mark MARK [ mask MASK ]`, after the word `mark`.
pub(super) fn read_mark(words: &mut Words<'_>) -> Result<Mark, Failed> {
    let value = words.value()?;
    let why = "MARK value is invalid\n";
    let value = number(value).ok_or_else(|| Failed::wrong(value, why))?;
    let mask = match words.peek() {
        Some("mask") => {
            words.next();
            let mask = words.value()?;
            number(mask).ok_or_else(|| Failed::wrong(mask, "MASK value is invalid\n"))?
        }
        _ => u32::MAX,
    };
    Ok(Mark { value, mask })
}

fn read_flags(words: &mut Words<'_>) -> Result<StateFlags, Failed> {
    let known = |word: &str| StateFlags::WORDS.iter().find(|(_, name)| *name == word).map(|(flag, _)| flag.0);
    let word = words.value()?;
    let mut bits = known(word)
        .or_else(|| word.strip_prefix("0x").and_then(|hex| u8::from_str_radix(hex, 16).ok()))
        .ok_or_else(|| Failed::wrong(word, "FLAG value is invalid"))?;
    while let Some(more) = words.peek().and_then(known) {
        bits |= more;
        words.next();
    }
    Ok(StateFlags(bits))
}

fn read_extra_flags(words: &mut Words<'_>) -> Result<ExtraFlags, Failed> {
    let word = words.value()?;
    let found = ExtraFlags::WORDS.iter().find(|(_, name)| *name == word).map(|(flag, _)| *flag);
    found.ok_or_else(|| Failed::wrong(word, "EXTRA-FLAG value is invalid"))
}

fn read_encap(words: &mut Words<'_>) -> Result<Encap, Failed> {
    let word = words.value()?;
    let kind = EncapType::ALL.iter().find(|kind| kind.to_string() == word).copied();
    let kind = kind.ok_or_else(|| Failed::wrong(word, "ENCAP-TYPE value is invalid"))?;
    let mut port = |why: &str| -> Result<u16, Failed> {
        let word = words.value()?;
        number(word).and_then(|port| u16::try_from(port).ok()).ok_or_else(|| Failed::wrong(word, why))
    };
    let (sport, dport) = (port("SPORT value is invalid")?, port("DPORT value is invalid")?);
    let addr = words::address(words.value()?, Family::Any)?;
    Ok(Encap { kind, sport, dport, addr })
}

/// `limit LIMIT`, after the word `limit`.
pub(super) fn read_limit(words: &mut Words<'_>, limits: &mut Limits) -> Result<(), Failed> {
    let name = words.value()?;
    let word = words.value()?;
    let wrong = || Failed::wrong(word, &format!("\"{name}\" value is invalid"));
    let value: u64 = word.parse().map_err(|_| wrong())?;
    match name {
        "time-soft" => limits.add_seconds.soft = value,
        "time-hard" => limits.add_seconds.hard = value,
        "time-use-soft" => limits.use_seconds.soft = value,
        "time-use-hard" => limits.use_seconds.hard = value,
        "byte-soft" => limits.bytes.soft = Some(value),
        "byte-hard" => limits.bytes.hard = Some(value),
        "packet-soft" => limits.packets.soft = Some(value),
        "packet-hard" => limits.packets.hard = Some(value),
        _ => return Err(Failed::wrong(name, "LIMIT value is invalid")),
    }
    Ok(())
}

/// The words of a selector, as far as they go.
pub(super) fn read_selector(words: &mut Words<'_>) -> Result<Selector, Failed> {
    let mut selector = Selector { uid: Some(0), ..Selector::between(Prefix::ANY_V4, Prefix::ANY_V4) };
    let mut given = (false, false);
    loop {
        let mut ahead = words.clone();
        let Some(word) = ahead.next() else { break };
        if !selector_part(word, &mut ahead, &mut selector, &mut given)? {
            break;
        }
        *words = ahead;
    }
    finish_selector(&mut selector, given);
    Ok(selector)
}

/// Makes the half that was not given one of the other half's family.
pub(super) fn finish_selector(selector: &mut Selector, (src, dst): (bool, bool)) {
    match (src, dst) {
        (true, false) => selector.dst = Prefix::any_like(selector.src.addr),
        (false, true) => selector.src = Prefix::any_like(selector.dst.addr),
        _ => {}
    }
}

/// One part of a selector; whether the word began one.
pub(super) fn selector_part(
    word: &str,
    words: &mut Words<'_>,
    selector: &mut Selector,
    given: &mut (bool, bool),
) -> Result<bool, Failed> {
    let port = |words: &mut Words<'_>, why: &str| -> Result<u16, Failed> {
        let word = words.value()?;
        number(word).and_then(|port| u16::try_from(port).ok()).ok_or_else(|| Failed::wrong(word, why))
    };
    match word {
        "src" => {
            selector.src = words::prefix(words.value()?, Family::Any)?;
            given.0 = true;
        }
        "dst" => {
            selector.dst = words::prefix(words.value()?, Family::Any)?;
            given.1 = true;
        }
        "dev" => selector.dev = Some(words.value()?.to_owned()),
        "proto" => {
            let word = words.value()?;
            let number = protocol_number(word).ok_or_else(|| Failed::wrong(word, "PROTO value is invalid"))?;
            selector.proto = Some(UpperProto { number, as_number: false });
        }
        "sport" => selector.sport = Some(port(words, "SPORT value is invalid")?),
        "dport" => selector.dport = Some(port(words, "DPORT value is invalid")?),
        "type" => selector.sport = Some(port(words, "TYPE value is invalid")?),
        "code" => selector.dport = Some(port(words, "CODE value is invalid")?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn protocol_number(word: &str) -> Option<u8> {
    Some(match word {
        "icmp" => 1,
        "tcp" => 6,
        "udp" => 17,
        "gre" => 47,
        "esp" => 50,
        "ah" => 51,
        "ipv6-icmp" => 58,
        "sctp" => 132,
        "any" => 0,
        other => u8::try_from(number(other)?).ok()?,
    })
}
