//! `esplain trace`, as it is run on the simulated lab.

use serde_json::Value;

use super::call::{Ended, esplain};

fn traced(words: &[&str]) -> (Option<i32>, Value) {
    let Ended { code, out, err } = esplain(&[&["trace", "--json"], words].concat());
    assert_eq!(err, "");
    (code, serde_json::from_str(&out).unwrap())
}

fn text<'a>(hop: &'a Value, name: &str) -> &'a str {
    hop[name].as_str().unwrap_or_default()
}

#[test]
fn a_packet_between_pods_meets_rule_policy_state_and_mark() {
    let (code, story) = traced(&["pod-a", "pod-b"]);
    assert_eq!(code, Some(0));
    assert_eq!(story["delivered"], true);
    let hops = story["hops"].as_array().unwrap();
    let marks: Vec<(&str, &str)> = hops
        .iter()
        .map(|hop| (text(hop, "mark_before"), text(hop, "mark_after")))
        .filter(|(before, after)| before != after)
        .collect();
    let changes = [("0x0", "0x6cff3e00"), ("0x6cff3e00", "0x0"), ("0x0", "0xd00")];
    assert_eq!(marks.get(..3), Some(&changes[..]), "the marks of the way there");
    let says = |place: &str, words: &str| {
        hops.iter().any(|hop| text(hop, "place").ends_with(place) && text(hop, "words").contains(words))
    };
    assert!(says("-worker", "rule `1: from all fwmark 0xe00/0xf00 lookup 200`"));
    assert!(says("-worker", "mark 0x3e00/0xff00` asks for encryption"));
    assert!(says("-worker", "84 octets become 140"));
    assert!(says("-worker2", "rule `1: from all fwmark 0xd00/0xf00 lookup 200`"));
    assert!(says("-worker2", "decrypts it, sequence number 0x1"));
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let story = |seed| traced(&["pod-a", "pod-b", "--seed", seed]).1;
    assert_eq!(story("7"), story("7"));
    assert_ne!(story("7"), story("8"));
}

#[test]
fn every_octet_of_a_hop_is_shown_on_request() {
    let Ended { code, out, .. } = esplain(&["trace", "pod-a", "pod-b", "--hex"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("\t0x0000:  4500 0054 0000 4000 4001 2475 0a00 0090  E..T..@.@.$u...."), "{out}");
}

#[test]
fn a_packet_that_does_not_arrive_is_a_failure_and_an_unknown_name_a_mistake() {
    let (code, story) = traced(&["pod-a", "10.244.9.9"]);
    assert_eq!((code, &story["delivered"]), (Some(1), &Value::Bool(false)));
    let Ended { code, out, err } = esplain(&["trace", "nope", "pod-b"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.starts_with("error: the simulated lab has no pod or node `nope`\nhint: "), "{err}");
}

#[test]
fn chinese_words_tell_of_the_same_hops() {
    let Ended { out: english, .. } = esplain(&["trace", "pod-a", "pod-b"]);
    let Ended { code, out: chinese, .. } = esplain(&["trace", "pod-a", "pod-b", "--lang", "zh"]);
    assert_eq!(code, Some(0));
    assert_eq!(english.lines().count(), chinese.lines().count());
    assert_ne!(english, chinese);
}
