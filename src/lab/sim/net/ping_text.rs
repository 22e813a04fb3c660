//! What `ping` prints of a number, and of an ICMP error.

use crate::datapath::icmp6;
use crate::datapath::ipv4::icmp;

/// Milliseconds with the precision that ping thinks fit.
pub(super) fn triptime(microseconds: u64) -> String {
    let time = microseconds;
    match time {
        99_950.. => format!("{}", (time + 500) / 1000),
        9_995.. => format!("{}.{}", (time + 50) / 1000, (time + 50) % 1000 / 100),
        1_000.. => format!("{}.{:02}", (time + 5) / 1000, (time + 5) % 1000 / 10),
        _ => format!("{}.{time:03}", 0),
    }
}

/// C's `%g` of a share in percent: at most six digits, no zeros at the end.
pub(super) fn percent(part: u64, whole: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "ping computes the same in floating point")]
    let share = part as f64 * 100.0 / whole as f64;
    let digits = if share >= 100.0 {
        3
    } else if share >= 10.0 {
        4
    } else {
        5
    };
    let text = format!("{share:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// ping's words for an ICMP error (`pr_icmph`).
pub(super) fn complaint(kind: u8, code: u8, mtu: u16) -> String {
    let unreachable = match (kind, code) {
        (icmp::UNREACHABLE, 0) => "Destination Net Unreachable",
        (icmp::UNREACHABLE, 1) => "Destination Host Unreachable",
        (icmp::UNREACHABLE, 2) => "Destination Protocol Unreachable",
        (icmp::UNREACHABLE, 3) => "Destination Port Unreachable",
        (icmp::UNREACHABLE, 4) => return format!("Frag needed and DF set (mtu = {mtu})"),
        (icmp::UNREACHABLE, 5) => "Source Route Failed",
        (icmp::UNREACHABLE, 6) => "Destination Net Unknown",
        (icmp::UNREACHABLE, 7) => "Destination Host Unknown",
        (icmp::UNREACHABLE, 9) => "Destination Net Prohibited",
        (icmp::UNREACHABLE, 10) => "Destination Host Prohibited",
        (icmp::UNREACHABLE, 13) => "Packet filtered",
        (icmp::UNREACHABLE, _) => return format!("Dest Unreachable, Bad Code: {code}"),
        (icmp::TIME_EXCEEDED, 0) => "Time to live exceeded",
        (icmp::TIME_EXCEEDED, 1) => "Frag reassembly time exceeded",
        _ => return format!("Bad ICMP type: {kind}"),
    };
    unreachable.to_owned()
}

/// The same for ICMPv6 (`pr_icmph6`).
pub(super) fn complaint6(kind: u8, code: u8, value: u32) -> String {
    match (kind, code) {
        (icmp6::UNREACHABLE, icmp6::NO_ROUTE) => "Destination unreachable: No route".to_owned(),
        (icmp6::UNREACHABLE, icmp6::PROHIBITED) => "Destination unreachable: Administratively prohibited".to_owned(),
        (icmp6::UNREACHABLE, icmp6::BEYOND_SCOPE) => {
            "Destination unreachable: Beyond scope of source address".to_owned()
        }
        (icmp6::UNREACHABLE, icmp6::ADDRESS) => "Destination unreachable: Address unreachable".to_owned(),
        (icmp6::UNREACHABLE, icmp6::PORT) => "Destination unreachable: Port unreachable".to_owned(),
        (icmp6::UNREACHABLE, _) => format!("Destination unreachable: Unknown code {code}"),
        (icmp6::TOO_BIG, 0) => format!("Packet too big: mtu={value}"),
        (icmp6::TOO_BIG, _) => format!("Packet too big: mtu={value}, code={code}"),
        (icmp6::TIME_EXCEEDED, 0) => "Time exceeded: Hop limit".to_owned(),
        (icmp6::TIME_EXCEEDED, 1) => "Time exceeded: Defragmentation failure".to_owned(),
        (icmp6::PARAMETER, icmp6::UNKNOWN_HEADER) => format!("Parameter problem: Unknown header at {value}"),
        _ => format!("unknown icmp type: {kind}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_precise_as_pings() {
        let shown: Vec<String> = [287, 1_234, 12_345, 123_456].into_iter().map(triptime).collect();
        assert_eq!(shown, ["0.287", "1.23", "12.3", "123"]);
    }

    #[test]
    fn the_loss_prints_as_c_prints_it() {
        assert_eq!([percent(0, 3), percent(1, 3), percent(3, 3), percent(1, 8)], ["0", "33.3333", "100", "12.5"]);
    }
}
