//! What `ping -R` and `ping -T` print of an answer's IP options (`pr_options`, iputils 20221126).

use std::fmt::Write;
use std::net::Ipv4Addr;

use crate::datapath::option;

/// The words after an answer's line; `last` is the route that was printed last, which is not printed twice.
pub(super) fn options_words(options: &[u8], last: &mut Vec<u8>) -> String {
    let mut text = String::new();
    let mut rest = options;
    while let Some((&kind, after)) = rest.split_first() {
        let len = match kind {
            option::END => break,
            option::NOP => 1,
            _ => after.first().map_or(0, |len| usize::from(*len)),
        };
        let Some(words) = rest.get(..len).filter(|words| !words.is_empty()) else { break };
        match kind {
            option::RECORD_ROUTE => text += &route(words, last),
            option::TIMESTAMP => text += &times(words),
            _ => {}
        }
        rest = rest.get(len..).unwrap_or_default();
    }
    text
}

/// What was written into an option: from its fixed part on to its pointer, which counts from 1.
fn written(words: &[u8], fixed: usize) -> &[u8] {
    let pointer = words.get(2).map_or(0, |pointer| usize::from(*pointer)).min(words.len() + 1);
    words.get(fixed..pointer.saturating_sub(1)).unwrap_or_default()
}

fn route(words: &[u8], last: &mut Vec<u8>) -> String {
    let route = written(words, 3);
    if route.is_empty() {
        return String::new();
    }
    if *last == route {
        return "\t(same route)".to_owned();
    }
    route.clone_into(last);
    let hops = route.chunks_exact(4).map(|hop| address(hop) + "\n");
    "\nRR: ".to_owned() + &hops.collect::<String>()
}

fn times(words: &[u8]) -> String {
    let flags = words.get(3).copied().unwrap_or_default();
    let mut text = String::from("\nTS: ");
    let mut first: Option<i64> = None;
    let (size, skipped) = if flags.is_multiple_of(16) { (4, 0) } else { (8, 4) };
    let stamps = written(words, 4);
    if stamps.is_empty() {
        return String::new();
    }
    for stamp in stamps.chunks_exact(size) {
        if skipped > 0 {
            text += &address(stamp);
        }
        let time = stamp.iter().skip(skipped).fold(0_i64, |time, octet| time << 8 | i64::from(*octet));
        let _ = match first {
            None => write!(text, "\t{time} absolute"),
            Some(before) => write!(text, "\t{}", time - before),
        };
        first = Some(time).filter(|time| *time != 0);
        text.push('\n');
    }
    if flags >> 4 > 0 {
        let _ = writeln!(text, "Unrecorded hops: {}", flags >> 4);
    }
    text
}

fn address(octets: &[u8]) -> String {
    let four = octets.first_chunk::<4>().copied().unwrap_or_default();
    format!("\t{}", Ipv4Addr::from(four))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_printed_once_and_then_called_the_same() {
        let words = [1, 7, 11, 12, 10, 0, 0, 1, 10, 0, 0, 2];
        let mut last = Vec::new();
        assert_eq!(options_words(&words, &mut last), "\nRR: \t10.0.0.1\n\t10.0.0.2\n");
        assert_eq!(options_words(&words, &mut last), "\t(same route)");
    }

    #[test]
    fn times_are_the_first_and_then_what_passed_since_the_one_before() {
        let words = [68, 16, 17, 0, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 12];
        assert_eq!(options_words(&words, &mut Vec::new()), "\nTS: \t9 absolute\n\t0\n\t3\n");
        let words = [68, 12, 13, 0x21, 10, 0, 0, 1, 0, 0, 0, 5];
        assert_eq!(options_words(&words, &mut Vec::new()), "\nTS: \t10.0.0.1\t5 absolute\nUnrecorded hops: 2\n");
    }

    #[test]
    fn damaged_options_print_nothing() {
        for damaged in [&[7][..], &[7, 0], &[7, 3, 0], &[7, 3, 255], &[68, 4, 1, 0], &[68, 3, 9], &[9, 200]] {
            assert_eq!(options_words(damaged, &mut Vec::new()), "", "{damaged:?}");
        }
    }
}
