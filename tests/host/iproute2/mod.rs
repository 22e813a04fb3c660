//! Real output of iproute2, read and printed back, byte for byte.

mod properties;

use std::fs;

use esplain::route::{RouteStyle, TableId, parse_routes, parse_rules, print_routes, print_rules};
use esplain::xfrm::{Style, parse_counters, parse_policies, parse_states, print_policies, print_states};

use super::call::{Ended, with_input};
use super::shared::captures;

/// Every text below the captures whose name ends with `ending`, with its path for messages.
fn texts(ending: &str) -> Vec<(String, String)> {
    let Some(captures) = captures() else { return Vec::new() };
    let mut found = Vec::new();
    for case in fs::read_dir(captures).unwrap() {
        let case = case.unwrap().path();
        if !case.is_dir() {
            continue;
        }
        for file in fs::read_dir(case).unwrap() {
            let file = file.unwrap().path();
            if file.file_name().is_some_and(|name| name.to_string_lossy().ends_with(ending)) {
                found.push((file.display().to_string(), fs::read_to_string(&file).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no capture has a *{ending}");
    found
}

/// Fails with the first line that differs, so that blanks at its end are seen.
fn assert_same(path: &str, printed: &str, original: &str) {
    for (number, (printed, original)) in printed.lines().zip(original.lines()).enumerate() {
        assert_eq!(printed, original, "{path}:{}", number + 1);
    }
    assert_eq!(printed, original, "{path}");
}

#[test]
fn every_captured_state_prints_back_byte_for_byte() {
    for ending in ["ip-x-s.txt", "ip-s-x-s.txt"] {
        for (path, text) in texts(ending) {
            let listing = parse_states(&text);
            assert_eq!(listing.unread, [], "{path}");
            assert_same(&path, &print_states(&listing.items, Style::of(&text)), &text);
        }
    }
}

#[test]
fn every_captured_policy_prints_back_byte_for_byte() {
    for ending in ["ip-x-p.txt", "ip-s-x-p.txt"] {
        for (path, text) in texts(ending) {
            let listing = parse_policies(&text);
            assert_eq!(listing.unread, [], "{path}");
            assert_same(&path, &print_policies(&listing.items, Style::of(&text)), &text);
        }
    }
}

#[test]
fn every_captured_rule_prints_back_byte_for_byte() {
    for ending in ["ip-rule.txt", "ip-6-rule.txt"] {
        for (path, text) in texts(ending) {
            let listing = parse_rules(&text);
            assert_eq!(listing.unread, [], "{path}");
            assert_same(&path, &print_rules(&listing.items, false), &text);
        }
    }
}

#[test]
fn every_captured_route_prints_back_byte_for_byte() {
    for (ending, table) in [("ip-r.txt", 254), ("ip-r-s-t-200.txt", 200), ("ip-r-s-t-all.txt", 254)] {
        for (path, text) in texts(ending) {
            let listing = parse_routes(&text, &TableId::Number(table));
            if text.starts_with("Error: ipv4: FIB table does not exist.") {
                assert_eq!(listing.items, [], "{path}");
                assert_eq!(listing.unread.iter().map(|unread| unread.line).collect::<Vec<_>>(), [1, 2]);
                continue;
            }
            assert_eq!(listing.unread, [], "{path}");
            let style = RouteStyle { tables: ending.contains("all"), ..RouteStyle::default() };
            assert_same(&path, &print_routes(&listing.items, style), &text);
        }
    }
}

#[test]
fn every_captured_xfrm_stat_prints_back_byte_for_byte() {
    for (path, text) in texts("xfrm_stat.txt") {
        let (counters, unread) = parse_counters(&text);
        assert_eq!(unread, [], "{path}");
        assert_same(&path, &counters.to_string(), &text);
    }
}

/// A name for messages, and what it does to a text.
type Damage = (&'static str, fn(&str) -> String);

/// What pastes go through: none of it changes what is read from a state or a policy.
#[test]
fn every_captured_state_and_policy_survives_the_damage_of_pasting() {
    let damages: [Damage; 8] = [
        ("tabs became blanks", |text| text.replace('\t', "        ")),
        ("no indentation", |text| text.lines().map(str::trim_start).collect::<Vec<_>>().join("\n")),
        ("Windows line ends", |text| text.replace('\n', "\r\n")),
        ("one line", |text| text.replace('\n', " ")),
        ("oneline of ip -o", |text| text.replace("\nsrc", "\\\nSRC").replace("\n\t", "\\\t").replace("SRC", "src")),
        ("quoted", |text| format!("> {}\n", text.trim_end().replace('\n', "\n> "))),
        ("a prompt and times", |text| {
            let lines = text.lines().map(|line| format!("2026-11-23T03:32:13.123Z stdout F {line}\n"));
            format!("root@worker:/home# ip x s\n{}root@worker:/home# ", lines.collect::<String>())
        }),
        ("a word a line", |text| text.split_whitespace().collect::<Vec<_>>().join("\n")),
    ];
    for ending in ["ip-x-s.txt", "ip-s-x-s.txt", "ip-x-p.txt", "ip-s-x-p.txt"] {
        for (path, text) in texts(ending) {
            let (whole, _) = esplain::xfrm::parse(&text);
            for (damage, apply) in damages {
                let (read, _) = esplain::xfrm::parse(&apply(&text));
                assert_eq!(read.unread, [], "{path}, {damage}");
                assert_eq!(read.items, whole.items, "{path}, {damage}");
            }
        }
    }
}

/// Runs `esplain explain` with `text` on standard input.
fn explain(arguments: &[&str], text: &str) -> Ended {
    with_input(&[&["explain"], arguments].concat(), text.as_bytes())
}

#[test]
fn a_mixed_paste_is_explained_and_its_keys_are_hidden() {
    let key = "0x57285668044570155efc572d5bd2f7427bfaadc6";
    let text = format!(
        "$ ip x s\nsrc 0.0.0.0 dst 10.0.0.66\n\tproto esp spi 0x00000003 reqid 1 mode tunnel\n\
         \taead rfc4106(gcm(aes)) {key} 128\nwhat is this?\n\
         $ ip rule\n1:\tfrom all fwmark 0xd00/0xf00 lookup 200\n"
    );
    for (language, wildcard) in [("en", "is a wildcard"), ("zh", "是通配")] {
        let Ended { code, out: printed, .. } = explain(&["--lang", language], &text);
        assert_eq!(code, Some(0), "{printed}");
        assert!(printed.contains(wildcard) && printed.contains("1:\tfrom all"), "{printed}");
        assert!(printed.contains("<fingerprint 39a9f0f2>") && !printed.contains("57285668"), "{printed}");
    }
    let json: serde_json::Value = serde_json::from_str(&explain(&["--json"], &text).out).unwrap();
    assert_eq!(json["unread"][0]["line"], 5);
    let note = json["notes"].as_array().unwrap().iter().find(|note| note["field"] == "rule-fwmark").unwrap();
    assert_eq!(
        (&note["line"], &note["columns"][0], &note["case"]),
        (&7.into(), &13.into(), &"rule-fwmark-decrypt".into())
    );
    assert!(!json.to_string().contains("57285668"));
    assert!(explain(&["--json", "--with-keys"], &text).out.contains(key));
}

#[test]
fn text_that_nobody_prints_ends_with_3_and_a_hint() {
    for text in ["Dear all,\nit does not work.\n", "", "\0\u{fffd}\n"] {
        let Ended { code, out, err: said } = explain(&[], text);
        assert_eq!(code, Some(3));
        assert!(said.starts_with("error: standard input ") && said.contains("hint: "), "{said}");
        assert_eq!(out, "");
    }
    assert_eq!(explain(&["--lang", "fr"], "src").code, Some(2));
    assert_eq!(explain(&["/no/such/file"], "").code, Some(3));
}
