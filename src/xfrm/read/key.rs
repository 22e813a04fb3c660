//! The key at the end of an algorithm's line, whole, wrapped, hidden or painted over.

use crate::esp::Secret;
use crate::listing::Reader;
use crate::xfrm::{Hidden, Key};

/// Reads `0x<hex>`, with `-s` `0x<hex> (160 bits)`, `<<Keys hidden>>`, or somebody's `xxxx`; then, if `wants_bits`, the
/// number of bits that ends the line.
///
/// A key that a terminal has broken over lines is put together again: hex words go on the key until the next field.
pub(super) fn read_key(
    reader: &mut Reader<'_>,
    name: &str,
    wants_bits: bool,
    opens: fn(&str) -> bool,
) -> Result<(Key, Option<u32>), String> {
    let mut words = Vec::new();
    let mut bits = None;
    while let Some(word) = reader.peek() {
        if opens(word) || bits.is_some() {
            break;
        }
        if word.starts_with('(') && reader.peek_at(1) == Some("bits)") {
            reader.skip(2);
            continue;
        }
        let ends = reader.rest_of_line().len() == 1 || reader.peek_at(1).is_none_or(opens);
        match word.parse::<u32>() {
            // The key itself may end in decimal digits on a line of its own; the ICV's length never has more than three.
            Ok(number) if wants_bits && word.len() <= 3 && ends => bits = Some(number),
            _ if reader.at_line_start() && !goes_on(word, &words) => break,
            _ => words.push(word),
        }
        reader.skip(1);
    }
    // No key at all is whole for `digest_null` and `deflate`; elsewhere somebody cut it out.
    let cut_out = words.is_empty() && wants_bits && !name.contains("null");
    Ok((if cut_out { Key::Hidden(Hidden::ByHand) } else { key(&words)? }, bits))
}

/// Whether a word on a new line can belong to the key that `words` began.
fn goes_on(word: &str, words: &[&str]) -> bool {
    let hex = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_hexdigit());
    match words {
        [] => word.starts_with("0x") || word.starts_with('<'),
        [.., last] => hex(word) && hex(last.strip_prefix("0x").unwrap_or(last)),
    }
}

fn key(words: &[&str]) -> Result<Key, String> {
    if words == ["<<Keys", "hidden>>"] {
        return Ok(Key::Hidden(Hidden::ByIproute2));
    }
    let text = words.concat();
    let hex = text.strip_prefix("0x").unwrap_or(&text);
    if !hex.chars().all(|c| c.is_ascii_hexdigit()) || text == "0x" {
        return Ok(Key::Hidden(Hidden::ByHand));
    }
    if hex.len() % 2 == 1 {
        return Err(format!("a key has two hex digits an octet, and this one has {} digits in all", hex.len()));
    }
    let octets = (0..hex.len()).step_by(2).filter_map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect();
    Ok(Key::Known(Secret::new(octets)))
}
