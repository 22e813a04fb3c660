use crate::esp::Secret;

/// The shortest run of hex digits that is taken for a key: 8 octets. (Words of a replay bitmap have 8 digits.)
const SHORTEST: usize = 16;

/// A text in which every key shows only its fingerprint, as `<fingerprint 4844a34d>`.
///
/// A run of hex digits that is no whole number of octets, or shorter than 16 octets, may be part of a key that a line end
/// cut in two; it shows as `<hidden>`.
pub fn mask_keys(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(from.len());
        let (run, after) = from.split_at(end);
        out.push_str(before);
        if run.len() < SHORTEST {
            out.push_str(run);
        } else {
            // The `0` of `0x` ended the run before, and both its letters are out already.
            out.truncate(out.strip_suffix("0x").map_or(out.len(), str::len));
            out.push_str(&shown(run));
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn shown(run: &str) -> String {
    let octets: Option<Vec<u8>> =
        (0..run.len()).step_by(2).map(|at| u8::from_str_radix(run.get(at..at + 2)?, 16).ok()).collect();
    match octets {
        Some(octets) if octets.len() >= 16 => format!("<fingerprint {}>", Secret::new(octets).fingerprint()),
        _ => "<hidden>".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_show_their_fingerprint_and_everything_else_stays() {
        let key = "ab".repeat(20);
        let line = format!("\taead rfc4106(gcm(aes)) 0x{key} (160 bits) 128");
        assert_eq!(mask_keys(&line), "\taead rfc4106(gcm(aes)) <fingerprint 4844a34d> (160 bits) 128");
        let plain = "src fd00::66 dst 10.0.0.66 spi 0x00000003 mark 0x3e00/0xff00 06:78:ba:c6:eb:bc 密钥 deadbeef";
        assert_eq!(mask_keys(plain), plain);
        assert_eq!(mask_keys(&format!("{} and 0x{}", "ab".repeat(9), "1".repeat(33))), "<hidden> and <hidden>");
    }
}
