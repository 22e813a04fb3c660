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

#[cfg(test)]
mod tests {
    use super::super::super::{State, Style, parse_states, print_states};
    use super::*;

    const KEY: &str = "0x57285668044570155efc572d5bd2f7427bfaadc6";

    fn state(key: &str) -> State {
        let text = format!(
            "src 10.0.0.66 dst 10.0.1.236\n\tproto esp spi 0x3 reqid 1 mode tunnel\n\taead rfc4106(gcm(aes)) {key}\n\tmark 0xe00/0xf00\n"
        );
        let mut listing = parse_states(&text);
        assert_eq!(listing.unread, [], "{text}");
        let state = listing.items.remove(0);
        assert_eq!(state.aead().and_then(|aead| aead.kind.trailing_bits()), Some(128), "{text}");
        assert!(state.mark.is_some(), "{text}");
        state
    }

    #[test]
    fn a_key_that_a_terminal_broke_is_whole_again() {
        let whole = state(&format!("{KEY} 128"));
        let (left, right) = KEY.split_at(25);
        for broken in [
            format!("{left}\n{right} 128"),
            format!("{left}\n  {right}\n  128"),
            format!("\n{KEY}\n128"),
            format!("{KEY} (160 bits) 128"),
            format!("{KEY} (160 bits)\n128"),
            format!("{} 128", KEY.trim_start_matches("0x")),
        ] {
            assert_eq!(state(&broken), whole, "{broken}");
        }
    }

    #[test]
    fn a_hidden_key_is_known_to_be_hidden() {
        for (hidden, how) in [
            ("<<Keys hidden>> 128", Hidden::ByIproute2),
            ("0xXXXXXXXXXXXXXXXX 128", Hidden::ByHand),
            ("0x5728…aadc6 128", Hidden::ByHand),
            ("<redacted> 128", Hidden::ByHand),
            ("[key removed] (160 bits) 128", Hidden::ByHand),
            ("**** 128", Hidden::ByHand),
            ("128", Hidden::ByHand),
        ] {
            assert_eq!(state(hidden).aead().map(|aead| aead.key.clone()), Some(Key::Hidden(how)), "{hidden}");
        }
    }

    #[test]
    fn nokeys_prints_what_iproute2_prints() {
        let printed = print_states([&state(&format!("{KEY} 128"))], Style { nokeys: true, ..Style::default() });
        assert!(printed.contains("\taead rfc4106(gcm(aes)) <<Keys hidden>> 128\n"), "{printed}");
    }

    #[test]
    fn half_an_octet_is_no_key() {
        let text = "src 10.0.0.66 dst 10.0.1.236 proto esp spi 0x3 reqid 1 mode tunnel\naead rfc4106(gcm(aes)) 0x5728566 128\n";
        let listing = parse_states(text);
        assert_eq!(listing.items[0].algorithms, []);
        let [unread] = listing.unread.as_slice() else { panic!("{listing:?}") };
        assert_eq!(unread.reason, "a key has two hex digits an octet, and this one has 7 digits in all");
    }
}
