use rand_chacha::rand_core::Rng;

use super::lines::Options;
use super::{Whole, once};
use crate::lab::sim::World;
use crate::lab::sim::process::{Call, Io, Process};

/// `xxd`, `hexdump`, `od`, `base64`, `dd`.
pub(super) fn program(name: &str, call: &Call) -> Option<Box<dyn Process>> {
    let run: fn(&Options, &[u8], &mut Io) -> i32 = match name {
        "xxd" => xxd,
        "hexdump" | "hd" => hexdump,
        "od" => od,
        "base64" => base64,
        "dd" => return Some(dd(call)),
        _ => return None,
    };
    let (letters, valued) = match name {
        "xxd" => ("pruaebiEC", "cgls"),
        "hexdump" | "hd" => ("Cvbcdox", "ns"),
        "od" => ("vcxbdo", "AtNj"),
        _ => ("di", "w"),
    };
    let long = [
        ("decode", "d"),
        ("wrap=", "w"),
        ("canonical", "C"),
        ("address-radix=", "A"),
        ("format=", "t"),
        ("read-bytes=", "N"),
    ];
    let mut arguments = call.arguments().to_vec();
    if name == "xxd" {
        // xxd takes its long options with one dash.
        for (long, short) in
            [("-plain", "-p"), ("-ps", "-p"), ("-postscript", "-p"), ("-revert", "-r"), ("-cols", "-c"), ("-len", "-l")]
        {
            for word in &mut arguments {
                if word == long {
                    short.clone_into(word);
                }
            }
        }
    }
    let mut options = match Options::read(&arguments, letters, valued, &long) {
        Ok(options) => options,
        Err(error) => {
            let name = name.to_owned();
            return Some(once(move |_, io| {
                io.complain(format!("{name}: {error}\n"));
                1
            }));
        }
    };
    if name == "hd" {
        options.given.push(("C".to_owned(), None));
    }
    let (call, name) = (call.clone(), name.to_owned());
    let file = options.files.first().cloned().filter(|file| file != "-");
    let Some(file) = file else {
        return Some(Box::new(Whole(Some(move |_: &mut World, io: &mut Io, input: Vec<u8>| {
            run(&options, &input, io)
        }))));
    };
    Some(once(move |world, io| {
        let wanted = ["l", "n", "N"].iter().find_map(|letter| options.value(letter)).and_then(number).unwrap_or(4096);
        match device(&file, wanted, world).map_or_else(|| world.read_file(&call, &file), Ok) {
            Ok(octets) => run(&options, &octets, io),
            Err(error) => {
                io.complain(format!("{name}: {file}: {error}\n"));
                2
            }
        }
    }))
}

/// Octets of a device: random ones or zeros.
pub(super) fn device(path: &str, most: usize, world: &mut World) -> Option<Vec<u8>> {
    let mut octets = vec![0; most.min(1 << 20)];
    match path {
        "/dev/urandom" | "/dev/random" => world.random.fill_bytes(&mut octets),
        "/dev/zero" => {}
        _ => return None,
    }
    Some(octets)
}

/// A number as these tools take it: decimal, `0x` hex, with a unit behind.
fn number(text: &str) -> Option<usize> {
    if let Some(hex) = text.strip_prefix("0x") {
        return usize::from_str_radix(hex, 16).ok();
    }
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let unit = match &text[end..] {
        "" | "c" => 1,
        "b" => 512,
        "k" | "K" | "KiB" => 1024,
        "M" | "MiB" => 1 << 20,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        _ => return None,
    };
    text[..end].parse::<usize>().ok()?.checked_mul(unit)
}

fn xxd(options: &Options, input: &[u8], io: &mut Io) -> i32 {
    let input = input.get(..options.value("l").and_then(number).unwrap_or(input.len())).unwrap_or(input);
    let skip = options.value("s").and_then(number).unwrap_or(0);
    let rest = input.get(skip..).unwrap_or_default();
    if options.has("r") {
        let text = String::from_utf8_lossy(rest);
        let mut digits = String::new();
        for line in text.lines() {
            let hex = match line.split_once(": ") {
                Some((_, rest)) if !options.has("p") => rest.split("  ").next().unwrap_or_default(),
                _ => line,
            };
            digits.extend(hex.chars().filter(char::is_ascii_hexdigit));
        }
        let pairs = digits.as_bytes().chunks_exact(2);
        let octets: Vec<u8> = pairs
            .filter_map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
            .collect();
        io.print(octets);
        return 0;
    }
    let upper = options.has("u");
    let hex = |octet: &u8| if upper { format!("{octet:02X}") } else { format!("{octet:02x}") };
    if options.has("p") {
        let columns = options.value("c").and_then(number).unwrap_or(30).max(1);
        for row in rest.chunks(columns) {
            io.print(format!("{}\n", row.iter().map(hex).collect::<String>()));
        }
        return 0;
    }
    let columns = options.value("c").and_then(number).unwrap_or(16).max(1);
    let group = options.value("g").and_then(number).unwrap_or(2).max(1);
    for (at, row) in rest.chunks(columns).enumerate() {
        let mut cells = String::new();
        for column in 0..columns {
            if column > 0 && column % group == 0 {
                cells.push(' ');
            }
            cells.push_str(&row.get(column).map_or("  ".to_owned(), hex));
        }
        io.print(format!("{:08x}: {cells}  {}\n", skip + at * columns, printable(row)));
    }
    0
}

fn printable(row: &[u8]) -> String {
    row.iter().map(|octet| if (0x20..0x7f).contains(octet) { char::from(*octet) } else { '.' }).collect()
}

fn hexdump(options: &Options, input: &[u8], io: &mut Io) -> i32 {
    let skip = options.value("s").and_then(number).unwrap_or(0);
    let end =
        options.value("n").and_then(number).map_or(input.len(), |count| skip.saturating_add(count).min(input.len()));
    let rest = input.get(skip..end).unwrap_or_default();
    let canonical = options.has("C");
    let digits = if canonical { 8 } else { 7 };
    let (mut last, mut starred): (Option<&[u8]>, bool) = (None, false);
    for (at, row) in rest.chunks(16).enumerate() {
        if last == Some(row) && !options.has("v") {
            if !std::mem::replace(&mut starred, true) {
                io.print("*\n");
            }
            continue;
        }
        (last, starred) = (Some(row), false);
        let offset = skip + at * 16;
        if canonical {
            let mut cells = String::new();
            for column in 0..16 {
                if column == 8 {
                    cells.push(' ');
                }
                cells.push_str(&row.get(column).map_or("   ".to_owned(), |octet| format!("{octet:02x} ")));
            }
            io.print(format!("{offset:08x}  {cells} |{}|\n", printable(row)));
        } else {
            let words: Vec<String> = row
                .chunks(2)
                .map(|pair| {
                    let low = u16::from(pair.first().copied().unwrap_or(0));
                    let high = u16::from(pair.get(1).copied().unwrap_or(0));
                    format!("{:04x}", high << 8 | low)
                })
                .collect();
            io.print(format!("{offset:07x} {:<39}\n", words.join(" ")));
        }
    }
    if !rest.is_empty() {
        io.print(format!("{:0digits$x}\n", skip + rest.len()));
    }
    0
}

fn od(options: &Options, input: &[u8], io: &mut Io) -> i32 {
    let skip = options.value("j").and_then(number).unwrap_or(0);
    let end =
        options.value("N").and_then(number).map_or(input.len(), |count| skip.saturating_add(count).min(input.len()));
    let rest = input.get(skip..end).unwrap_or_default();
    let address = |at: usize| match options.value("A") {
        Some("n") => String::new(),
        Some("x") => format!("{at:06x}"),
        Some("d") => format!("{at:07}"),
        _ => format!("{at:07o}"),
    };
    let octetwise = match options.value("t") {
        Some(kind) => kind.starts_with("x1"),
        None => options.has("b"),
    };
    let hex = options.value("t").is_some_and(|kind| kind.starts_with('x')) || options.has("x");
    for (at, row) in rest.chunks(16).enumerate() {
        let cells: String = if octetwise {
            row.iter().map(|octet| if hex { format!(" {octet:02x}") } else { format!(" {octet:03o}") }).collect()
        } else {
            let word = |pair: &[u8]| {
                u16::from(pair.first().copied().unwrap_or(0)) | u16::from(pair.get(1).copied().unwrap_or(0)) << 8
            };
            row.chunks(2)
                .map(|pair| if hex { format!(" {:04x}", word(pair)) } else { format!(" {:06o}", word(pair)) })
                .collect()
        };
        io.print(format!("{}{cells}\n", address(skip + at * 16)));
    }
    let last = address(skip + rest.len());
    if !last.is_empty() {
        io.print(format!("{last}\n"));
    }
    0
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 (RFC 4648 section 4) with padding.
pub(in crate::lab::sim) fn to_base64(octets: &[u8]) -> String {
    let mut text = String::new();
    for chunk in octets.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, octet| bits << 8 | u32::from(*octet)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let letter = BASE64.get((bits >> (18 - 6 * at) & 63) as usize).copied().unwrap_or(b'=');
            text.push(if at <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

/// The octets of a base64 text; white space is skipped.
pub(in crate::lab::sim) fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let (mut octets, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for letter in text.iter().filter(|letter| !letter.is_ascii_whitespace()) {
        if *letter == b'=' {
            break;
        }
        let value = BASE64.iter().position(|known| known == letter)?;
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            octets.push((bits >> count & 0xff) as u8);
        }
    }
    Some(octets)
}

fn base64(options: &Options, input: &[u8], io: &mut Io) -> i32 {
    if options.has("d") {
        return match from_base64(input) {
            Some(octets) => {
                io.print(octets);
                0
            }
            None => {
                io.complain("base64: invalid input\n");
                1
            }
        };
    }
    let text = to_base64(input);
    let columns = options.value("w").and_then(|text| text.parse().ok()).unwrap_or(76);
    if columns == 0 {
        io.print(text);
        return 0;
    }
    for row in text.as_bytes().chunks(columns) {
        io.print(row);
        io.print("\n");
    }
    0
}

fn dd(call: &Call) -> Box<dyn Process> {
    let (mut from, mut to, mut block, mut count, mut quiet) = (None, None, 512_usize, None, false);
    for word in call.arguments() {
        let wrong = match word.split_once('=') {
            Some(("if", value)) => {
                from = Some(value.to_owned());
                None
            }
            Some(("of", value)) => {
                to = Some(value.to_owned());
                None
            }
            Some((name @ ("bs" | "count" | "ibs" | "obs" | "skip"), value)) => match (name, number(value)) {
                (_, None) => Some(format!("dd: invalid number: '{value}'")),
                ("bs" | "ibs", Some(value)) => {
                    block = value.max(1);
                    None
                }
                ("count", value) => {
                    count = value;
                    None
                }
                _ => None,
            },
            Some(("status", value)) => {
                quiet = value == "none";
                None
            }
            Some(("conv" | "iflag" | "oflag", _)) => None,
            _ => Some(format!("dd: unrecognized operand '{word}'\nTry 'dd --help' for more information.")),
        };
        if let Some(text) = wrong {
            return once(move |_, io| {
                io.complain(format!("{text}\n"));
                1
            });
        }
    }
    let (call, reader) = (call.clone(), call.clone());
    let finish = move |world: &mut World, io: &mut Io, mut octets: Vec<u8>| {
        if let Some(count) = count {
            octets.truncate(count.saturating_mul(block));
        }
        match &to {
            None => io.print(&octets),
            Some(path) => {
                if let Err(error) = world.write_file(&call, path, &octets) {
                    io.complain(format!("dd: failed to open '{path}': {error}\n"));
                    return 1;
                }
            }
        }
        if !quiet {
            let (full, part) = (octets.len() / block, usize::from(!octets.len().is_multiple_of(block)));
            let bytes = if octets.len() == 1 { "byte" } else { "bytes" };
            io.complain(format!(
                "{full}+{part} records in\n{full}+{part} records out\n{} {bytes} copied, 7.2e-05 s, {} kB/s\n",
                octets.len(),
                octets.len() / 72
            ));
        }
        0
    };
    let Some(from) = from else { return Box::new(Whole(Some(finish))) };
    let most = count.map_or(1 << 20, |count: usize| count.saturating_mul(block));
    once(move |world, io| {
        let read = device(&from, most, world).map_or_else(|| world.read_file(&reader, &from), Ok);
        match read {
            Ok(octets) => finish(world, io, octets),
            Err(error) => {
                io.complain(format!("dd: failed to open '{from}': {error}\n"));
                1
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_its_own_inverse_and_rfc_4648s() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(to_base64(plain.as_bytes()), coded);
            assert_eq!(from_base64(coded.as_bytes()).as_deref(), Some(plain.as_bytes()));
        }
        assert_eq!(from_base64(b"!"), None);
    }
}
