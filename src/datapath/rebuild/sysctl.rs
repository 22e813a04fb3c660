//! Reads what `sysctl` prints, as far as forwarding asks for it.

use std::collections::BTreeMap;

use crate::datapath::Stack;
use crate::listing::{Listing, Reader, is_command};

/// The values below `net.ipv4` that a text has, by their names there: `ip_forward`, `conf.eth0.rp_filter`.
///
/// `sysctl` writes a dot within a device's name as a slash; here it is a dot again.
pub fn parse_sysctls(text: &str) -> Listing<(String, u8)> {
    let mut reader = Reader::new(text);
    let mut items = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() || line.trim_start().starts_with("sysctl:") || is_command(line.split_whitespace()) {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            reader.refuse(number, "expected a line such as `net.ipv4.ip_forward = 1`");
            continue;
        };
        let Some(name) = name.trim().strip_prefix("net.ipv4.").filter(|name| is_wanted(name)) else { continue };
        match value.trim().parse() {
            Ok(value) => items.push((name.replace('/', "."), value)),
            Err(_) => reader.refuse(number, "expected a number up to 255"),
        }
    }
    Listing { items, unread: reader.into_unread() }
}

const OF_A_DEVICE: [&str; 4] = ["forwarding", "rp_filter", "accept_local", "src_valid_mark"];

fn is_wanted(name: &str) -> bool {
    match name.strip_prefix("conf.") {
        Some(rest) => rest.rsplit_once('.').is_some_and(|(_, value)| OF_A_DEVICE.contains(&value)),
        None => matches!(name, "ip_forward" | "ip_default_ttl" | "icmp_echo_ignore_all"),
    }
}

/// Sets what the values say.
pub(super) fn set(stack: &mut Stack, values: &[(String, u8)]) {
    let values: BTreeMap<&str, u8> = values.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let is_on = |name: &str| values.get(name).map(|value| *value != 0);
    if let Some(on) = is_on("ip_forward") {
        stack.set_forwarding(on);
    }
    if let Some(ttl) = values.get("ip_default_ttl") {
        stack.sysctl.default_ttl = *ttl;
    }
    if let Some(on) = is_on("icmp_echo_ignore_all") {
        stack.sysctl.ignore_echo = on;
    }
    let set = |conf: &mut crate::datapath::DeviceConf, device: &str| {
        let name = |value: &str| format!("conf.{device}.{value}");
        conf.forwarding = is_on(&name("forwarding")).unwrap_or(conf.forwarding);
        conf.rp_filter = values.get(name("rp_filter").as_str()).copied().unwrap_or(conf.rp_filter);
        conf.accept_local = is_on(&name("accept_local")).unwrap_or(conf.accept_local);
        conf.src_valid_mark = is_on(&name("src_valid_mark")).unwrap_or(conf.src_valid_mark);
    };
    set(&mut stack.sysctl.all, "all");
    set(&mut stack.sysctl.default, "default");
    for device in &mut stack.devices {
        set(&mut device.conf, &device.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_devices_are_set_and_others_passed_over() {
        let text = "net.ipv4.ip_forward = 1\nnet.ipv4.conf.lo.accept_local = 1\nnet.ipv4.conf.eth0/100.rp_filter = 2\n\
                    net.ipv4.tcp_rmem = 4096 131072 6291456\nnet.ipv4.conf.all.rp_filter = loose\nweather\n";
        let listing = parse_sysctls(text);
        let found: Vec<(&str, u8)> = listing.items.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!(found, [("ip_forward", 1), ("conf.lo.accept_local", 1), ("conf.eth0.100.rp_filter", 2)]);
        assert_eq!(listing.unread.iter().map(|line| line.line).collect::<Vec<_>>(), [5, 6]);
        let mut stack = Stack::new("node");
        set(&mut stack, &listing.items);
        assert!(stack.sysctl.ip_forward && stack.devices[0].conf.accept_local);
    }
}
