//! Octets as tools dump them: lines of an address, digits in groups, and often the characters beside them.

/// A line of `xxd`, `hexdump -C`, or `tcpdump -x` and `-X`.
pub(super) struct Dumped {
    /// Where the two digits of each octet stand.
    pub(super) digits: Vec<[usize; 2]>,
    /// Where the column of characters begins.
    column: usize,
    /// Whether that column shows a blank as a blank.
    blanks: bool,
}

/// Characters of eight groups of four digits with a blank between.
const GROUPS: usize = 39;

impl Dumped {
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let tcpdump = line.starts_with(b"\t0x");
        let address = if tcpdump { 3 } else { 0 };
        let end = address + line.iter().skip(address).take_while(|octet| octet.is_ascii_hexdigit()).count();
        let (lengths, separators): (_, &[&[u8]]) = if tcpdump { (4..=5, &[b":  "]) } else { (7..=8, &[b": ", b"  "]) };
        if !lengths.contains(&(end - address)) {
            return None;
        }
        let start =
            end + separators.iter().find(|own| line.get(end..).is_some_and(|rest| rest.starts_with(own)))?.len();
        let (mut digits, mut at) = (Vec::new(), start);
        // Groups of digits, one space between them; `hexdump -C` has two in the middle of its line.
        while digits.len() < 16 {
            match line.get(at..at + 2) {
                Some([high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    digits.push([at, at + 1]);
                    at += 2;
                }
                Some([b' ', next]) if next.is_ascii_hexdigit() => at += 1,
                Some([b' ', b' ']) if digits.len() == 8 && line.get(at + 2).is_some_and(u8::is_ascii_hexdigit) => {
                    at += 2;
                }
                _ => break,
            }
        }
        let blanks = line.iter().skip(at).take_while(|octet| **octet == b' ').count();
        // `hexdump -C` says where its column begins; that of the others has its place behind eight groups of four digits.
        let bar = !tcpdump && line.get(at + blanks) == Some(&b'|');
        let column = if bar { at + blanks + 1 } else { start + GROUPS + 2 };
        (!digits.is_empty()).then_some(Self { digits, column, blanks: !tcpdump })
    }

    pub(super) fn octets(&self, line: &[u8]) -> Vec<u8> {
        let value = |at: &usize| line.get(*at).map_or(0, |digit| nibble(*digit));
        self.digits.iter().map(|[high, low]| value(high) << 4 | value(low)).collect()
    }
}

/// Writes the column of characters anew that stands beside the digits.
pub(super) fn redraw_columns(text: &mut [u8]) {
    for line in text.split_mut(|octet| *octet == b'\n') {
        let Some(dumped) = Dumped::read(line) else { continue };
        let octets: Vec<u8> = dumped.octets(line);
        let column = line.get_mut(dumped.column..).unwrap_or_default();
        if column.len() < octets.len() {
            continue;
        }
        for (to, octet) in column.iter_mut().zip(octets) {
            let shown = octet.is_ascii_graphic() || dumped.blanks && octet == b' ';
            *to = if shown { octet } else { b'.' };
        }
    }
}

/// The packets in what `tcpdump -x` and its like show, each from its first octet on.
pub fn dumped_packets(text: &[u8]) -> Vec<Vec<u8>> {
    let mut packets: Vec<Vec<u8>> = Vec::new();
    for line in text.split(|octet| *octet == b'\n').filter(|line| line.starts_with(b"\t0x")) {
        let Some(dumped) = Dumped::read(line) else { continue };
        if line.starts_with(b"\t0x0000:") {
            packets.push(Vec::new());
        }
        if let Some(packet) = packets.last_mut() {
            packet.extend(dumped.octets(line));
        }
    }
    packets
}

/// The value of a hexadecimal digit; 0 for anything else.
pub(super) fn nibble(digit: u8) -> u8 {
    char::from(digit).to_digit(16).map_or(0, |value| value as u8)
}

/// Writes a hexadecimal digit over another.
pub(super) fn put_digit(text: &mut [u8], at: usize, nibble: u8, upper: bool) {
    if let Some(to) = text.get_mut(at) {
        let digit = char::from_digit(nibble.into(), 16).map_or(b'0', |digit| digit as u8);
        *to = if upper { digit.to_ascii_uppercase() } else { digit };
    }
}
