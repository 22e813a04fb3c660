use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::{Captures, Regex};

/// What `ip xfrm state list nokeys` prints in place of a key (iproute2 6.1, ip/ipxfrm.c), and what is read as such.
pub const HIDDEN_KEY: &str = "<<Keys hidden>>";

/// A text that is to be kept or sent to someone, with every key in it taken out: runs of 32 or more hexadecimal digits
/// (half of the shortest AES key's, doubled), with `0x` or without, as `ip xfrm state` and Cilium's secret write them;
/// and base64 that holds such a run, as `kubectl get secret -o yaml` prints it. Digests (`sha256:…`) stay, and so do
/// hex dumps in groups, as `tcpdump -x` prints them.
pub fn hide_keys(text: &str) -> Cow<'_, str> {
    static HEX: LazyLock<Regex> = LazyLock::new(|| {
        // Before a key may stand the end of a colour, as `ip -c` prints them.
        Regex::new(r"(^|[^0-9A-Za-z:]|\x1b\[[0-9;]*m)(?:0[xX])?[0-9a-fA-F]{32,}")
            .expect("the pattern is a regular expression")
    });
    static BASE64: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"[A-Za-z0-9+/]{40,}={0,2}").expect("the pattern is a regular expression"));
    let hidden = HEX.replace_all(text, |found: &Captures<'_>| format!("{}{HIDDEN_KEY}", &found[1]));
    if !BASE64.is_match(&hidden) {
        return hidden;
    }
    let hidden = BASE64.replace_all(&hidden, |found: &Captures<'_>| {
        let inside = STANDARD.decode(&found[0]).ok().and_then(|octets| String::from_utf8(octets).ok());
        match inside {
            Some(inside) if HEX.is_match(&inside) => HIDDEN_KEY.to_owned(),
            _ => found[0].to_owned(),
        }
    });
    Cow::Owned(hidden.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xfrm::parse_states;

    const KEY: &str = "4a506a794f574265564551694d653768ec15dd77";

    #[test]
    fn a_key_is_hidden_wherever_a_tool_prints_one() {
        let secret = STANDARD.encode(format!("3 rfc4106(gcm(aes)) {KEY} 128"));
        for (text, shown) in [
            (
                format!("\taead rfc4106(gcm(aes)) 0x{KEY} 128"),
                "\taead rfc4106(gcm(aes)) <<Keys hidden>> 128".to_owned(),
            ),
            (format!("3 rfc4106(gcm(aes)) {KEY} 128\n"), "3 rfc4106(gcm(aes)) <<Keys hidden>> 128\n".to_owned()),
            (format!("  keys: {secret}\n"), "  keys: <<Keys hidden>>\n".to_owned()),
            (format!("\u{1b}[36m0x{KEY}\u{1b}[0m"), "\u{1b}[36m<<Keys hidden>>\u{1b}[0m".to_owned()),
            (format!("--key=0x{KEY}"), "--key=<<Keys hidden>>".to_owned()),
        ] {
            assert_eq!(hide_keys(&text), shown);
        }
    }

    #[test]
    fn a_listing_without_its_keys_is_still_one() {
        let text = format!(
            "src 10.0.0.66 dst 10.0.1.236\n\tproto esp spi 0x00000003 reqid 1 mode tunnel\n\treplay-window 0 \n\taead rfc4106(gcm(aes)) 0x{KEY} 128\n\tsel src 0.0.0.0/0 dst 0.0.0.0/0 \n"
        );
        let states = parse_states(&hide_keys(&text));
        assert_eq!((states.items.len(), states.unread.len()), (1, 0));
        assert!(states.items[0].aead().is_some_and(|aead| aead.key.known().is_none()));
    }

    #[test]
    fn what_is_no_key_stays() {
        let digest = "0123456789abcdef".repeat(4);
        for text in [
            "src 10.0.0.66 dst 10.0.1.236 spi 0x00000003".to_owned(),
            "\t0x0010:  0a00 0042 0a00 01ec 0000 0003 0000 0001  ...B............".to_owned(),
            format!("quay.io/cilium/cilium@sha256:{digest}"),
            "/opt/cni/bin/a/path/without/any/dot/that/is/quite/long".to_owned(),
        ] {
            assert_eq!(hide_keys(&text), text);
        }
    }
}
