//! Keys taken out of text, files and packets: each is replaced by a substitute that says nothing of it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Secret;
use super::dumped::{Dumped, nibble, put_digit, redraw_columns};

/// Replaces keys by substitutes, each key by the same one wherever it stands.
///
/// A substitute is HMAC-SHA-256 of the key under a secret that is drawn once and never written down, cut to the key's
/// length: so what is replaced keeps its length and its form, two equal keys stay equal, and nobody can go back. What is
/// taken for a key:
///
/// - a row of 32 to 144 hexadecimal digits (16 to 72 octets: every key of AES-GCM, AES-CBC and HMAC that the kernel
///   takes), with or without `0x`, also wrapped as `xxd -p` wraps it;
/// - a row of 8 digits or more right behind an algorithm's name: `aead rfc4106(gcm(aes)) 0x…`;
/// - such a row inside base64, as `kubectl get secret -o yaml` prints it, also wrapped as `base64` wraps it;
/// - such rows in what `xxd`, `hexdump -C` and `tcpdump -x` show of a text;
/// - from then on, any four octets of it in a row: in hex with spaces, colons or line ends in between (`xxd`,
///   `hexdump -C`), or eight of them as octets.
///
/// ESP packets that were sealed again with substitutes are replaced in the same forms, once they are
/// [known](Self::know_resealed).
///
/// Digits in octal or with swapped octets (plain `od`, `od -x`) are not recognised, nor is a dump in groups that comes
/// before anything showed the key in one row.
pub struct Disguise {
    secret: Secret,
    /// Keys and their substitutes.
    known: Vec<(Secret, Secret)>,
    /// Four octets of a known key: which key, and where in it.
    windows: HashMap<[u8; WINDOW], (usize, usize)>,
    /// Four octets of a substitute.
    substitutes: HashSet<[u8; WINDOW]>,
    /// ESP packets by how they begin, which stays: as they were, and as they are under substitutes.
    resealed: HashMap<[u8; HEAD], (Vec<u8>, Vec<u8>)>,
}

/// Octets that an ESP packet is known by: SPI, sequence number and IV.
const HEAD: usize = 16;

/// Octets of a known key in a row that are recognised in hex.
const WINDOW: usize = 4;
/// Octets of a known key in a row that are recognised as octets: more, for in binary files four may stand by chance.
const RAW: usize = 8;
/// Hexadecimal digits that are a key wherever they stand.
const KEY_DIGITS: Range<usize> = 32..145;
/// Hexadecimal digits that are a key behind an algorithm's name.
const NAMED_KEY_DIGITS: Range<usize> = 8..289;
/// A digit this often in a row is no key's: an address of `/proc/net/if_inet6`, an empty digest.
const REPEATED: usize = 8;
/// Characters of base64 that may hold a key of 16 octets.
const BASE64: usize = 22;
/// Base64 inside base64 is looked at this deep.
const DEPTH: usize = 2;

impl Disguise {
    /// A disguise under a secret of 16 octets or more, which decides every substitute.
    pub fn new(secret: Secret) -> Self {
        Self {
            secret,
            known: Vec::new(),
            windows: HashMap::new(),
            substitutes: HashSet::new(),
            resealed: HashMap::new(),
        }
    }

    /// Takes note of an ESP packet that was sealed again: wherever as much of the old one as its header and IV is shown
    /// from now on, the new one stands instead, also where less of it was captured.
    pub fn know_resealed(&mut self, before: &[u8], after: &[u8]) {
        if let Some(head) = before.first_chunk::<HEAD>()
            && before.len() == after.len()
        {
            self.resealed.insert(*head, (before.to_vec(), after.to_vec()));
        }
    }

    /// Replaces every key in a text or a file; whether there was one.
    pub fn apply(&mut self, text: &mut [u8]) -> bool {
        self.apply_at(text, 0)
    }

    fn apply_at(&mut self, text: &mut [u8], depth: usize) -> bool {
        // What is known first: a part of a key gets that part of its substitute.
        let mut found = self.replace_known_hex(text);
        for row in rows(text, u8::is_ascii_hexdigit, &[XXD_LINE]) {
            found |= self.replace_digits(text, &row);
            found |= self.replace_resealed_digits(text, &row);
        }
        if depth < DEPTH {
            let is_base64 = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/');
            for row in rows(text, is_base64, BASE64_LINES) {
                found |= self.replace_base64(text, &row, depth);
            }
        }
        if depth < DEPTH {
            found |= self.replace_dumps(text, depth);
        }
        found |= self.replace_known_hex(text);
        found |= self.replace_known_octets(text);
        found |= self.replace_resealed(text);
        found |= self.replace_resealed_shown(text);
        found
    }

    /// The substitute of a key.
    fn substitute(&mut self, key: &[u8]) -> Secret {
        if let Some((_, substitute)) = self.known.iter().find(|(known, _)| known.reveal() == key) {
            return substitute.clone();
        }
        let mut octets = Vec::with_capacity(key.len() + 31);
        for part in 0..=u8::MAX {
            if octets.len() >= key.len() {
                break;
            }
            let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.reveal()).expect("HMAC takes a key of any length");
            mac.update(&[part]);
            mac.update(key);
            octets.extend_from_slice(&mac.finalize().into_bytes());
        }
        octets.truncate(key.len());
        let (key, substitute) = (Secret::new(key.to_vec()), Secret::new(octets));
        for (at, window) in key.reveal().array_windows::<WINDOW>().enumerate() {
            self.windows.entry(*window).or_insert((self.known.len(), at));
        }
        self.substitutes.extend(substitute.reveal().array_windows::<WINDOW>());
        self.known.push((key, substitute.clone()));
        substitute
    }

    fn replace_digits(&mut self, text: &mut [u8], row: &[usize]) -> bool {
        let digits: Vec<u8> = row.iter().filter_map(|at| text.get(*at).copied()).collect();
        let octets: Vec<u8> =
            digits.as_chunks::<2>().0.iter().map(|[high, low]| nibble(*high) << 4 | nibble(*low)).collect();
        let named = follows_a_name(text, row);
        let upper = digits.iter().any(u8::is_ascii_uppercase);
        let mut found = false;
        // What is a substitute already stays; each part between is looked at by itself.
        for part in self.parts_without_substitute(&octets) {
            let (length, lengths) = match part.start {
                0 if named => (2 * part.len(), NAMED_KEY_DIGITS),
                _ => (2 * part.len(), KEY_DIGITS),
            };
            let whole = part.end < octets.len() || digits.len().is_multiple_of(2);
            let repeated = lengths == KEY_DIGITS
                && digits
                    .get(2 * part.start..2 * part.end)
                    .is_some_and(|digits| digits.chunk_by(|a, b| a == b).any(|run| run.len() >= REPEATED));
            if !lengths.contains(&length) || !whole || repeated {
                continue;
            }
            let substitute = self.substitute(octets.get(part.clone()).unwrap_or_default());
            let nibbles = substitute.reveal().iter().flat_map(|octet| [octet >> 4, octet & 15]);
            for (at, nibble) in row.iter().skip(2 * part.start).zip(nibbles) {
                put_digit(text, *at, nibble, upper);
            }
            found = true;
        }
        found
    }

    /// The parts of a row of octets that are not of a substitute.
    fn parts_without_substitute(&self, octets: &[u8]) -> Vec<Range<usize>> {
        let mut substituted = vec![false; octets.len()];
        for (at, window) in octets.array_windows::<WINDOW>().enumerate() {
            if self.substitutes.contains(window) {
                substituted.iter_mut().skip(at).take(WINDOW).for_each(|octet| *octet = true);
            }
        }
        let mut parts = Vec::new();
        let mut start = 0;
        for run in substituted.chunk_by(|a, b| a == b) {
            if run.first() == Some(&false) {
                parts.push(start..start + run.len());
            }
            start += run.len();
        }
        parts
    }

    fn replace_base64(&mut self, text: &mut [u8], row: &[usize], depth: usize) -> bool {
        // What does not fill four characters at the end is of less than three octets, or is padded with `=`.
        let padding =
            row.last().map_or(0, |last| text.iter().skip(last + 1).take(2).take_while(|c| **c == b'=').count());
        let length = if (row.len() + padding).is_multiple_of(4) { row.len() } else { row.len() / 4 * 4 };
        let row = row.get(..length).unwrap_or_default();
        if row.len() < BASE64 {
            return false;
        }
        let encoded: Vec<u8> = row.iter().filter_map(|at| text.get(*at).copied()).collect();
        let Ok(mut decoded) = STANDARD_NO_PAD.decode(&encoded) else { return false };
        if !self.apply_at(&mut decoded, depth + 1) {
            return false;
        }
        for (at, character) in row.iter().zip(STANDARD.encode(&decoded).bytes()) {
            if let Some(to) = text.get_mut(*at) {
                *to = character;
            }
        }
        true
    }

    /// Keys in what `xxd`, `hexdump -C` and `tcpdump -x` show.
    fn replace_dumps(&mut self, text: &mut [u8], depth: usize) -> bool {
        let (mut octets, mut digits, mut start) = (Vec::new(), Vec::new(), 0);
        for line in text.split(|octet| *octet == b'\n') {
            if let Some(dumped) = Dumped::read(line) {
                octets.extend(dumped.octets(line));
                digits.extend(dumped.digits.iter().map(|[high, low]| [start + high, start + low]));
            }
            start += line.len() + 1;
        }
        if octets.is_empty() || !self.apply_at(&mut octets, depth + 1) {
            return false;
        }
        for ([high, low], octet) in digits.iter().zip(&octets) {
            put_digit(text, *high, octet >> 4, false);
            put_digit(text, *low, octet & 15, false);
        }
        redraw_columns(text);
        true
    }

    /// Parts of known keys in hex, however they are grouped.
    fn replace_known_hex(&self, text: &mut [u8]) -> bool {
        if self.known.is_empty() {
            return false;
        }
        let digits = digits_of(text);
        let (mut at, mut found) = (0, false);
        while let Some(window) = digits.get(at..at + 2 * WINDOW) {
            let mut octets = [0; WINDOW];
            for (octet, [high, low]) in octets.iter_mut().zip(window.as_chunks::<2>().0) {
                *octet = high.value << 4 | low.value;
            }
            let joined = window.iter().skip(1).all(|digit| digit.joined);
            let Some(&(key, offset)) = self.windows.get(&octets).filter(|_| joined) else {
                at += 1;
                continue;
            };
            let Some((key, substitute)) = self.known.get(key) else { break };
            let rest = key.reveal().get(offset..).unwrap_or_default();
            let pairs = digits.get(at..).unwrap_or_default().as_chunks::<2>().0;
            let length = pairs
                .iter()
                .zip(rest)
                .enumerate()
                .take_while(|(nth, ([high, low], octet))| {
                    high.value << 4 | low.value == **octet && low.joined && (*nth == 0 || high.joined)
                })
                .count();
            let octets = substitute.reveal().get(offset..offset + length).unwrap_or_default();
            let places = || pairs.iter().take(length).flatten().map(|digit| digit.at);
            let upper = places().any(|at| text.get(at).is_some_and(u8::is_ascii_uppercase));
            for ([high, low], octet) in pairs.iter().zip(octets) {
                put_digit(text, high.at, octet >> 4, upper);
                put_digit(text, low.at, octet & 15, upper);
            }
            found = true;
            at += 2 * length.max(1);
        }
        if found {
            redraw_columns(text);
        }
        found
    }

    /// ESP packets as octets.
    fn replace_resealed(&self, octets: &mut [u8]) -> bool {
        let (mut at, mut found) = (0, false);
        while let Some(head) = octets.get(at..).and_then(|rest| rest.first_chunk::<HEAD>()) {
            let Some((before, after)) = self.resealed.get(head) else {
                at += 1;
                continue;
            };
            let rest = octets.get_mut(at..).unwrap_or_default();
            let length = rest.iter().zip(before).take_while(|(a, b)| a == b).count();
            for (to, octet) in rest.iter_mut().zip(after).take(length) {
                *to = *octet;
            }
            found |= length > HEAD;
            at += HEAD;
        }
        found
    }

    /// ESP packets in a row of digits, as `xxd -p` shows a capture.
    fn replace_resealed_digits(&self, text: &mut [u8], row: &[usize]) -> bool {
        if self.resealed.is_empty() || row.len() < 2 * HEAD {
            return false;
        }
        let pairs = row.as_chunks::<2>().0;
        let value = |at: usize| text.get(at).map_or(0, |digit| nibble(*digit));
        let mut octets: Vec<u8> = pairs.iter().map(|[high, low]| value(*high) << 4 | value(*low)).collect();
        if !self.replace_resealed(&mut octets) {
            return false;
        }
        for ([high, low], octet) in pairs.iter().zip(octets) {
            put_digit(text, *high, octet >> 4, false);
            put_digit(text, *low, octet & 15, false);
        }
        true
    }

    /// ESP packets as `tcpdump -A` shows them, behind the line that names SPI and sequence number.
    fn replace_resealed_shown(&self, text: &mut [u8]) -> bool {
        const NAMED: &[u8] = b"ESP(spi=0x";
        if self.resealed.is_empty() || !text.windows(NAMED.len()).any(|window| window == NAMED) {
            return false;
        }
        let mut named: HashSet<[u8; 8]> = HashSet::new();
        for line in text.split(|octet| *octet == b'\n') {
            let line = String::from_utf8_lossy(line);
            let number = |label: &str| {
                let (_, rest) = line.split_once(label)?;
                u32::from_str_radix(rest.split(|c: char| !c.is_ascii_hexdigit()).next()?, 16).ok()
            };
            if let (Some(spi), Some(seq)) = (number("ESP(spi=0x"), number(",seq=0x")) {
                let mut head = [0; 8];
                head[..4].copy_from_slice(&spi.to_be_bytes());
                head[4..].copy_from_slice(&seq.to_be_bytes());
                named.insert(head);
            }
        }
        let mut found = false;
        for (head, (before, after)) in &self.resealed {
            if !named.iter().any(|named| head.starts_with(named)) {
                continue;
            }
            let shown = |octets: &[u8]| -> Vec<u8> {
                let stays = |octet: u8| octet.is_ascii_graphic() || matches!(octet, b' ' | b'\t' | b'\n');
                octets.iter().skip(HEAD).map(|octet| if stays(*octet) { *octet } else { b'.' }).collect()
            };
            let (before, after) = (shown(before), shown(after));
            // What is cut short has its first octets at least.
            let Some(begin) = before.get(..HEAD.min(before.len())).filter(|begin| !begin.is_empty()) else { continue };
            let mut at = 0;
            while let Some(next) =
                text.get(at..).and_then(|rest| rest.windows(begin.len()).position(|own| own == begin))
            {
                let rest = text.get_mut(at + next..).unwrap_or_default();
                let length = rest.iter().zip(&before).take_while(|(a, b)| a == b).count();
                for (to, octet) in rest.iter_mut().zip(&after).take(length) {
                    *to = *octet;
                }
                found = true;
                at += next + length;
            }
        }
        found
    }

    /// Parts of known keys as octets.
    fn replace_known_octets(&self, text: &mut [u8]) -> bool {
        let (mut at, mut found) = (0, false);
        while let Some(window) = text.get(at..).and_then(|rest| rest.first_chunk::<WINDOW>()) {
            let part = self.windows.get(window).and_then(|&(key, offset)| {
                let (key, substitute) = self.known.get(key)?;
                let (key, substitute) = (key.reveal().get(offset..)?, substitute.reveal().get(offset..)?);
                let length = text.iter().skip(at).zip(key).take_while(|(a, b)| a == b).count();
                (length >= RAW).then(|| substitute.get(..length)).flatten()
            });
            match part {
                Some(part) => {
                    if let Some(to) = text.get_mut(at..at + part.len()) {
                        to.copy_from_slice(part);
                    }
                    at += part.len();
                    found = true;
                }
                None => at += 1,
            }
        }
        found
    }
}

/// Digits in a full line of `xxd -p`.
const XXD_LINE: usize = 60;
/// Characters in a full line of base64: of `base64`, and of PEM and MIME.
const BASE64_LINES: &[usize] = &[76, 64];

/// The rows of octets of one kind, as positions. A row goes on behind a line end when its line is exactly as long as a
/// tool that wraps makes it.
fn rows(text: &[u8], belongs: impl Fn(&u8) -> bool, wrapped: &[usize]) -> Vec<Vec<usize>> {
    let mut rows: Vec<Vec<usize>> = Vec::new();
    let mut row: Vec<usize> = Vec::new();
    let mut in_line = 0;
    for at in visible(text) {
        let Some(octet) = text.get(at) else { break };
        let next = text.get(at + 1);
        let wraps = in_line > 0 && wrapped.contains(&in_line);
        if belongs(octet) {
            row.push(at);
            in_line += 1;
        } else if wraps && *octet == b'\r' && next == Some(&b'\n') {
            // A terminal's line end.
        } else if wraps && *octet == b'\n' && next.is_some_and(&belongs) {
            in_line = 0;
        } else if !row.is_empty() {
            rows.push(std::mem::take(&mut row));
            in_line = 0;
        }
    }
    rows.push(row);
    rows.retain(|row| row.len() >= NAMED_KEY_DIGITS.start);
    rows
}

/// The positions of a text without the escape sequences that colour it (`ESC [ … m`).
fn visible(text: &[u8]) -> impl Iterator<Item = usize> {
    let mut hidden = 0;
    (0..text.len()).filter(move |at| {
        if *at >= hidden && text.get(*at..at + 2) == Some(b"\x1b[") {
            let length = text.iter().skip(at + 2).take_while(|octet| !(0x40..=0x7e).contains(*octet)).count();
            hidden = at + 2 + length + 1;
        }
        *at >= hidden
    })
}

/// Whether an algorithm's name stands right before the row, as in `enc cbc(aes) 0x…` or `"rfc4106(gcm(aes))" 0x…`.
fn follows_a_name(text: &[u8], row: &[usize]) -> bool {
    let before = text.get(..row.first().copied().unwrap_or_default()).unwrap_or_default();
    let before = before.strip_suffix(b"0x").or_else(|| before.strip_suffix(b"0X")).unwrap_or(before).trim_ascii_end();
    let before = before.strip_suffix(b"\"").or_else(|| before.strip_suffix(b"'")).unwrap_or(before);
    before.ends_with(b")")
}

/// A hexadecimal digit of a text.
struct Digit {
    at: usize,
    value: u8,
    /// Only what groups digits stands between it and the one before.
    joined: bool,
}

/// The hexadecimal digits of a text. The `0` of a `0x` is none.
fn digits_of(text: &[u8]) -> Vec<Digit> {
    let mut digits = Vec::new();
    let mut joined = false;
    for at in visible(text) {
        let Some(octet) = text.get(at) else { break };
        let prefix = *octet == b'0' && matches!(text.get(at + 1), Some(b'x' | b'X'));
        if octet.is_ascii_hexdigit() && !prefix {
            digits.push(Digit { at, value: nibble(*octet), joined });
            joined = true;
        } else if !prefix && !b" \t\r\n:_-,;\\xX\"'".contains(octet) {
            joined = false;
        }
    }
    digits
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const KEY: [u8; 20] = *b"\x2c\xf9\xc4\x8aA\x53\x1e\x4d\x0a\xc9\x94\xd7\x75\x1a\x6a\xd5\x6b\xbc\xdf\xfe";

    fn disguise() -> Disguise {
        Disguise::new(Secret::new(vec![7; 32]))
    }

    fn hex(octets: &[u8]) -> String {
        let digits = octets.iter().map(|octet| format!("{octet:02x}"));
        digits.collect::<Vec<_>>().concat()
    }

    fn after(disguise: &mut Disguise, text: &str) -> String {
        let mut octets = text.as_bytes().to_vec();
        disguise.apply(&mut octets);
        assert_eq!(octets.len(), text.len());
        String::from_utf8(octets).unwrap()
    }

    /// The same listing as `xxd` and `hexdump -C` would show it.
    fn dumps(octets: &[u8]) -> [String; 2] {
        let character = |octet: &u8| if octet.is_ascii_graphic() || *octet == b' ' { char::from(*octet) } else { '.' };
        let (mut xxd, mut hexdump) = (String::new(), String::new());
        for (line, part) in octets.chunks(16).enumerate() {
            let at = 16 * line;
            let pairs: Vec<String> = part.chunks(2).map(hex).collect();
            let column: String = part.iter().map(character).collect();
            writeln!(xxd, "{at:08x}: {:<39}  {column}", pairs.join(" ")).unwrap();
            let halves: Vec<String> = part
                .chunks(8)
                .map(|half| half.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(" "))
                .collect();
            writeln!(hexdump, "{at:08x}  {:<48}  |{column}|", halves.join("  ")).unwrap();
        }
        [xxd, hexdump]
    }

    #[test]
    fn a_key_has_one_substitute_in_every_form_it_is_shown_in() {
        let mut disguise = disguise();
        let digits = hex(&KEY);
        let listing = after(&mut disguise, &format!("\taead rfc4106(gcm(aes)) 0x{digits} 128\n"));
        let substitute: Vec<u8> = disguise.substitute(&KEY).reveal().to_vec();
        assert_eq!(listing, format!("\taead rfc4106(gcm(aes)) 0x{} 128\n", hex(&substitute)));
        let forms = |octets: &[u8]| {
            let secret = format!("3 rfc4106(gcm(aes)) {} 128", hex(octets));
            let base64 = STANDARD.encode(&secret);
            let wrapped = format!("{}\n{}\n", &base64[..76], &base64[76..]);
            let [xxd, hexdump] = dumps(octets);
            let colons: Vec<String> = octets.iter().map(|octet| format!("{octet:02X}")).collect();
            let array: Vec<String> = octets.iter().map(|octet| format!("0x{octet:02x}")).collect();
            let spaced = [hex(&octets[..8]), hex(&octets[8..16]), hex(&octets[16..])].join(" ");
            [
                secret,
                format!("  keys: {base64}\n"),
                wrapped,
                xxd,
                hexdump,
                colons.join(":"),
                array.join(", "),
                format!("\tenc cbc(aes) 0x{spaced}"),
                STANDARD.encode(octets),
                dumps(format!("3 rfc4106(gcm(aes)) {} 128", hex(octets)).as_bytes()).concat(),
                format!("grep: {}", &hex(octets)[4..30]),
                format!("{}\x1b[01;31m\x1b[K{}\x1b[m{}", &hex(octets)[..6], &hex(octets)[6..9], &hex(octets)[9..]),
                format!("head: {}", &hex(octets)[..36]),
            ]
        };
        for (real, expected) in forms(&KEY).iter().zip(forms(&substitute)) {
            assert_eq!(after(&mut disguise, real), expected, "{real}");
        }
        let mut raw = [b"junk".as_slice(), &KEY, b"junk"].concat();
        assert!(disguise.apply(&mut raw));
        assert_eq!(raw, [b"junk".as_slice(), &substitute, b"junk"].concat());
    }

    #[test]
    fn an_unknown_key_beside_a_known_one_goes_too() {
        let mut disguise = disguise();
        after(&mut disguise, &hex(&KEY));
        let other = "00112233445566778899aabbccddeeff01234567";
        let shown = after(&mut disguise, &format!("{}{other} \x1b[1m{}\x1b[m{}", hex(&KEY), &other[..8], &other[8..]));
        assert!(!shown.contains(&other[..12]) && !shown.contains(&other[12..20]), "{shown}");
        assert!(!shown.contains(&hex(&KEY)[..12]), "{shown}");
    }

    #[test]
    fn a_key_that_was_seen_in_base64_only_is_known_from_then_on() {
        let mut disguise = disguise();
        let secret = STANDARD.encode(format!("3 rfc4106(gcm(aes)) {} 128", hex(&KEY)));
        assert!(!after(&mut disguise, &secret).contains(&secret[30..50]));
        let [xxd, _] = dumps(&KEY);
        let shown = after(&mut disguise, &xxd);
        assert!(!shown.contains("2cf9") && !shown.contains("6bbc dffe"), "{shown}");
    }

    #[test]
    fn keys_of_every_length_go_also_where_they_are_wrapped() {
        let mut disguise = disguise();
        let long: Vec<u8> = (0..36).map(|n: u8| n.wrapping_mul(53).wrapping_add(9)).collect();
        let digits = hex(&long);
        let shown = after(&mut disguise, &format!("{}\n{}\n", &digits[..60], &digits[60..]));
        assert_eq!(shown.replace('\n', ""), hex(disguise.substitute(&long).reveal()));
        for (text, part) in [
            ("\tenc cbc(des) 0x0123456789abcdef\n", "0123456789abcdef"),
            ("ip x s a enc 'cbc(aes)' 0x00112233445566778899aabbccddeeff", "8899aabb"),
            ("auth-trunc hmac(sha256) 0x00000000000000000000000000000000000000ff 128", "000ff 128"),
        ] {
            let shown = after(&mut disguise, text);
            assert!(!shown.contains(part) && shown != text, "{shown}");
        }
    }

    #[test]
    fn what_is_no_key_stays_as_it_is() {
        let mut disguise = disguise();
        after(&mut disguise, &hex(&KEY));
        for harmless in [
            "src 10.0.0.66 dst 10.0.1.236\n\tproto esp spi 0x00000003 reqid 1 mode tunnel\n",
            "link/ether 02:42:ac:12:00:03 brd ff:ff:ff:ff:ff:ff",
            "fe800000000000000042acfffe120003 0b 40 20 80     eth0\n",
            "\t0x0000:  4500 0054 3a88 4000 3f01 eaec 0a00 0090  E..T:.@.?.......\n",
            "6f1d4e1c-9d1f-4b57-9d39-0c1f9d2b7f10",
            "/usr/lib/x86_64-linux-gnu/libwireshark.so.16 and a long/path/of/words/without/any/key/in/it",
        ] {
            assert_eq!(after(&mut disguise, harmless), harmless);
        }
    }
}
