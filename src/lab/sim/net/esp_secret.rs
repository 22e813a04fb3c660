//! `tcpdump -E`: how it reads its secrets (print-esp.c, tcpdump 4.99.3). It does so when it meets the first ESP packet.

use std::net::IpAddr;

/// What tcpdump does with a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Secret {
    /// It says why it cannot be used, and goes on without.
    Useless(String),
    /// A file that it reads more of them from.
    File(String),
    /// A cipher that it would decrypt with.
    Cipher(String),
    /// `none`: nothing is encrypted.
    None,
}

/// Reads the argument of `-E`, or the lines of a file that it names.
pub(super) fn read(text: &str) -> Vec<Secret> {
    text.split(['\n', ',']).filter(|line| !line.is_empty()).map(one).collect()
}

/// `SPI@ADDRESS ALGO:SECRET`, `file NAME`, or `ALGO:SECRET` alone.
fn one(line: &str) -> Secret {
    let Some((key, algorithm)) = line.split_once([' ', '\t']) else { return cipher(line) };
    if key.eq_ignore_ascii_case("file") {
        return Secret::File(algorithm.to_owned());
    }
    let (spi, address) = key.split_once('@').unwrap_or((key, ""));
    let digits = spi.strip_prefix("0x").unwrap_or(spi);
    let radix = if digits.len() == spi.len() { 10 } else { 16 };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let garbage = digits.get(end..).unwrap_or_default();
    if spi.is_empty() || !garbage.is_empty() {
        return Secret::Useless(format!("print_esp: failed to decode spi# {garbage}"));
    }
    if address.parse::<IpAddr>().is_err() {
        return Secret::Useless(format!("print_esp: can not decode IP# {address}"));
    }
    cipher(algorithm.trim_start())
}

fn cipher(text: &str) -> Secret {
    let Some((name, _)) = text.split_once(':') else {
        return Secret::Useless(format!("failed to decode espsecret: {text}"));
    };
    if name.eq_ignore_ascii_case("none") {
        return Secret::None;
    }
    let name = name.strip_suffix("-hmac96").or_else(|| name.strip_suffix("-cbc")).unwrap_or(name);
    // OpenSSL's names of ciphers have no brackets; the kernel's, which one may try, have.
    if name.contains(['(', ')']) {
        return Secret::Useless(format!("failed to find cipher algo {name}"));
    }
    Secret::Cipher(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_as_tcpdump_reads_them() {
        let useless = |why: &str| vec![Secret::Useless(why.to_owned())];
        assert_eq!(read("3@10.0.1.236"), useless("failed to decode espsecret: 3@10.0.1.236"));
        assert_eq!(read("x@10.0.1.236 none:0x00"), useless("print_esp: failed to decode spi# x"));
        assert_eq!(read("3@foo none:0x00"), useless("print_esp: can not decode IP# foo"));
        assert_eq!(read("rfc4106(gcm(aes)):0x00"), useless("failed to find cipher algo rfc4106(gcm(aes))"));
        assert_eq!(read("file keys"), [Secret::File("keys".to_owned())]);
        assert_eq!(
            read("0x3@10.0.1.236 aes-256-cbc-hmac96:0x00,none:"),
            [Secret::Cipher("aes-256-cbc".to_owned()), Secret::None]
        );
    }
}
