//! IP options that hosts and routers write into: record route and time stamp (RFC 791 section 3.1, net/ipv4/ip_options.c).

use std::net::Ipv4Addr;

use etherparse::Ipv4Options;

use super::ipv4::{self, Ipv4Header};
use crate::packet::Timestamp;

/// Option types, with the "copied" bit and class.
pub mod option {
    /// Ends the list.
    pub const END: u8 = 0;
    /// Fills.
    pub const NOP: u8 = 1;
    /// Every host writes its address.
    pub const RECORD_ROUTE: u8 = 7;
    /// Every host writes the time, or address and time.
    pub const TIMESTAMP: u8 = 68;
}

/// Milliseconds since midnight UTC (`inet_current_timestamp`).
fn of_day(time: Timestamp) -> u32 {
    (time.0 / 1_000_000 % 86_400_000) as u32
}

/// Writes what the sender of a packet has to write into its options: its address, the time.
pub(super) fn send(octets: &mut [u8], address: Ipv4Addr, now: Timestamp) {
    fill(octets, address, now, false);
}

/// The same for a host that gets the packet, for itself or to pass it on: one for which there is no room is counted.
pub(super) fn visit(octets: &mut [u8], address: Ipv4Addr, now: Timestamp) {
    fill(octets, address, now, true);
}

fn fill(octets: &mut [u8], address: Ipv4Addr, now: Timestamp, counts: bool) {
    ipv4::rewrite(octets, |header| {
        let mut words = header.options.as_slice().to_vec();
        for (kind, range) in each(&words) {
            let Some(words) = words.get_mut(range) else { continue };
            match kind {
                option::RECORD_ROUTE => {
                    write(words, &address.octets());
                }
                option::TIMESTAMP => stamp(words, address, of_day(now), counts),
                _ => {}
            }
        }
        set(header, &words);
    });
}

/// The options of an echo reply: the routes and times that the request brought go on (`__ip_options_echo`).
pub(super) fn echoed(header: &Ipv4Header) -> Vec<u8> {
    let words = header.options.as_slice();
    let kept = each(words).into_iter().filter(|(kind, _)| matches!(*kind, option::RECORD_ROUTE | option::TIMESTAMP));
    kept.filter_map(|(_, range)| words.get(range)).flatten().copied().collect()
}

/// Sets a header's options, filled up to whole words; what is too long is left out.
pub(super) fn set(header: &mut Ipv4Header, words: &[u8]) {
    let mut filled = words.to_vec();
    filled.resize(words.len().next_multiple_of(4), option::END);
    header.options = Ipv4Options::try_from(filled.as_slice()).unwrap_or_default();
}

/// Type and place of each option, as far as they are whole.
fn each(words: &[u8]) -> Vec<(u8, std::ops::Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&kind) = words.get(at) {
        let len = match kind {
            option::END => break,
            option::NOP => 1,
            _ => words.get(at + 1).map_or(0, |len| usize::from(*len)),
        };
        if len == 0 || at + len > words.len() {
            break;
        }
        found.push((kind, at..at + len));
        at += len;
    }
    found
}

/// Writes at the option's pointer, which counts from 1, and moves it on; `false` where there is no room left.
fn write(words: &mut [u8], value: &[u8]) -> bool {
    let Some(&pointer) = words.get(2) else { return false };
    let start = usize::from(pointer).saturating_sub(1);
    let Some(place) = words.get_mut(start..start + value.len()) else { return false };
    place.copy_from_slice(value);
    if let Some(pointer) = words.get_mut(2) {
        *pointer = pointer.saturating_add(value.len() as u8);
    }
    true
}

/// One time stamp; where none fits any more, the high four bits of the flags count the hosts that could not write.
fn stamp(words: &mut [u8], address: Ipv4Addr, time: u32, counts: bool) {
    let Some(&flags) = words.get(3) else { return };
    let with_address = [address.octets(), time.to_be_bytes()].concat();
    let written = match flags & 0xf {
        0 => write(words, &time.to_be_bytes()),
        1 => write(words, &with_address),
        // Addresses said beforehand are not simulated.
        _ => return,
    };
    if !written
        && counts
        && flags < 0xf0
        && let Some(flags) = words.get_mut(3)
    {
        *flags += 0x10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(options: &[u8]) -> Vec<u8> {
        let mut header = ipv4::between(Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2), 1, 64);
        set(&mut header, options);
        ipv4::packet(header, &[])
    }

    fn options(octets: &[u8]) -> Vec<u8> {
        ipv4::header(octets).expect("a header").options.as_slice().to_vec()
    }

    #[test]
    fn a_host_writes_its_address_once_there_is_room() {
        let mut octets = packet(&[1, 7, 7, 4, 0, 0, 0, 0]);
        visit(&mut octets, Ipv4Addr::new(10, 9, 8, 7), Timestamp(0));
        assert_eq!(options(&octets), [1, 7, 7, 8, 10, 9, 8, 7]);
        visit(&mut octets, Ipv4Addr::new(1, 1, 1, 1), Timestamp(0));
        assert_eq!(options(&octets), [1, 7, 7, 8, 10, 9, 8, 7]);
        assert_eq!(echoed(&ipv4::header(&octets).expect("a header")), [7, 7, 8, 10, 9, 8, 7]);
    }

    #[test]
    fn a_time_that_finds_no_room_is_counted() {
        let mut octets = packet(&[68, 8, 5, 0, 0, 0, 0, 0]);
        visit(&mut octets, Ipv4Addr::LOCALHOST, Timestamp(86_400_001_000_000));
        assert_eq!(options(&octets), [68, 8, 9, 0, 0, 0, 0, 1]);
        visit(&mut octets, Ipv4Addr::LOCALHOST, Timestamp(0));
        assert_eq!(options(&octets), [68, 8, 9, 0x10, 0, 0, 0, 1]);
    }

    #[test]
    fn damaged_options_are_left_alone() {
        for damaged in [&[7, 0, 4, 0][..], &[7, 40, 4, 0], &[68, 2, 1, 1], &[7, 3, 0, 1], &[7, 3, 255, 1]] {
            let mut octets = packet(damaged);
            let before = octets.clone();
            visit(&mut octets, Ipv4Addr::LOCALHOST, Timestamp(0));
            assert_eq!(octets, before, "{damaged:?}");
        }
    }
}
