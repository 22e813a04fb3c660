//! What captures should show of a packet and its answer, and how that differs from what they showed.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::hop::{Hop, RoutePurpose, Stage};
use super::ipv4::{self, protocol};
use super::{Journey, Trace};
use crate::esp::Spi;
use crate::packet::PacketType;

/// One packet at one device, as far as a prediction can be held to it. What is `None` is not known, and fits everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The node.
    pub place: String,
    /// The device.
    pub device: Option<String>,
    /// For whom the frame was, as `tcpdump -i any` prints it: `In`, `Out`, `P`.
    pub kind: Option<PacketType>,
    /// The outermost IP header.
    pub outer: Ends,
    /// The SPI; `None` for a packet in clear.
    pub spi: Option<Spi>,
    /// The IP header inside the ESP; `None` where it was not opened, or is none.
    pub inner: Option<Ends>,
    /// The IP protocol of what is in clear or was opened: 1 for ICMP.
    pub protocol: Option<u8>,
    /// Identifier and sequence number of the ICMP echo message, where it can be read.
    pub echo: Option<(u16, u16)>,
}

/// Source, destination and TTL of an IPv4 header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ends {
    /// The source.
    pub src: Ipv4Addr,
    /// The destination.
    pub dst: Ipv4Addr,
    /// The time to live.
    pub ttl: u8,
}

/// A sighting that a trace predicts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicted {
    /// It.
    pub sighting: Sighting,
    /// What has to go well since the sighting before for it to come.
    pub reason: Reason,
}

/// What lies between two sightings, so that its failure is the likely reason when the second one does not come.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Nothing: the sender sends it, or answers.
    Sender,
    /// A policy and a state encrypt it (`XfrmOutNoStates`, `XfrmOutPolError`, …).
    Encryption,
    /// A state opens it (`XfrmInNoStates`, `XfrmInStateProtoError`, …).
    Decryption,
    /// The `fwd` policies let what was decrypted pass (`XfrmInNoPols`, `XfrmInTmplMismatch`).
    PolicyCheck,
    /// Route, source check and forwarding at that device; none of them has a counter for a packet they drop.
    Forwarding(String),
    /// The network between two nodes, and the neighbour table.
    Network,
    /// The packet left in clear: no mark, no OUT policy.
    InClear,
    /// It was encrypted with another key.
    OtherKey(Spi),
}

/// A difference: predicted and not seen, or not often enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What was predicted.
    pub sighting: Sighting,
    /// How many of them did not come.
    pub times: usize,
    /// Why, likely. Only the first of a row has a reason: the others are what follows from it.
    pub reason: Option<Reason>,
}

/// A prediction held against captures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// How many sightings were predicted.
    pub predicted: usize,
    /// How many of them were seen.
    pub seen: usize,
    /// Predicted and not seen, in the order of the way.
    pub missing: Vec<Missing>,
    /// Seen and not predicted, each with how often.
    pub extra: Vec<(Sighting, usize)>,
}

impl Comparison {
    /// Whether everything was seen that was predicted, and nothing else.
    pub fn is_equal(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty()
    }
}

impl Sighting {
    /// Whether a captured sighting is this predicted one.
    fn is(&self, captured: &Self) -> bool {
        fn agree<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.zip(other).is_none_or(|(one, other)| one == other)
        }
        self.place == captured.place
            && agree(self.device.as_ref(), captured.device.as_ref())
            && agree(self.kind.as_ref(), captured.kind.as_ref())
            && self.outer == captured.outer
            && self.spi == captured.spi
            && agree(self.inner.as_ref(), captured.inner.as_ref())
            && agree(self.protocol.as_ref(), captured.protocol.as_ref())
    }

    /// The same without what tells one ping from the next.
    fn of_any_echo(&self) -> Self {
        Self { echo: None, ..self.clone() }
    }
}

impl Ends {
    /// Reads them off an IPv4 packet.
    pub fn of(octets: &[u8]) -> Option<Self> {
        let header = ipv4::header(octets)?;
        Some(Self { src: ipv4::source(&header), dst: ipv4::destination(&header), ttl: header.time_to_live })
    }
}

/// Identifier and sequence number of an ICMP echo request or reply.
pub fn echo_of(octets: &[u8]) -> Option<(u16, u16)> {
    const ECHO: [u8; 2] = [0, 8];
    let header = ipv4::header(octets)?;
    let [kind, _, _, _, i0, i1, s0, s1] = *ipv4::payload(octets).first_chunk()?;
    let whole = header.protocol.0 == protocol::ICMP && header.fragment_offset.value() == 0;
    (whole && ECHO.contains(&kind)).then(|| (u16::from_be_bytes([i0, i1]), u16::from_be_bytes([s0, s1])))
}

/// What captures at the places of `is_captured` (a place's name and a device's) show of a trace's packet and its answer.
pub fn predicted(trace: &Trace, is_captured: impl Fn(&str, &str) -> bool) -> Vec<Predicted> {
    let mut way: BTreeMap<Journey, Way<'_>> = BTreeMap::new();
    let mut found = Vec::new();
    let between = trace.hops.first().and_then(|hop| Ends::of(&hop.octets)).map(|ends| (ends.src, ends.dst));
    for hop in trace.hops.iter().chain(&trace.answers) {
        let own = way.entry(hop.journey).or_default();
        if let Some(sighting) = own.take(hop) {
            let reason = own.reason(hop);
            own.between.clear();
            own.last = Some(&hop.place);
            // An ICMP error of somebody on the way is not between the two ends.
            let of = sighting.inner.unwrap_or(sighting.outer);
            let of_the_ping = between == Some((of.src, of.dst)) || between == Some((of.dst, of.src));
            if of_the_ping && is_captured(&hop.place, hop.device.as_deref().unwrap_or_default()) {
                found.push(Predicted { sighting, reason });
            }
        } else {
            own.between.push(hop);
        }
    }
    found
}

/// A packet on its way.
#[derive(Default)]
struct Way<'a> {
    /// Its innermost header and protocol, when it was last in clear.
    clear: Option<(Ends, u8)>,
    /// Where it was last seen.
    last: Option<&'a str>,
    /// What happened since.
    between: Vec<&'a Hop>,
    decrypted: bool,
}

impl Way<'_> {
    fn take(&mut self, hop: &Hop) -> Option<Sighting> {
        let outer = Ends::of(&hop.octets)?;
        let header = ipv4::header(&hop.octets)?;
        let spi = (header.protocol.0 == protocol::ESP).then(|| {
            let octets = ipv4::payload(&hop.octets).first_chunk().copied().unwrap_or_default();
            Spi(u32::from_be_bytes(octets))
        });
        if spi.is_none() {
            self.clear = Some((outer, header.protocol.0));
        }
        self.decrypted |= matches!(hop.stage, Stage::Decrypted { .. });
        let Stage::Seen { kind } = hop.stage else { return None };
        Some(Sighting {
            place: hop.place.clone(),
            device: hop.device.clone(),
            kind: Some(kind),
            outer,
            spi,
            inner: spi.and(self.clear).map(|(ends, _)| ends),
            protocol: self.clear.map(|(_, protocol)| protocol),
            echo: None,
        })
    }

    /// What has to go well for the packet to be seen at `hop`.
    fn reason(&self, hop: &Hop) -> Reason {
        let any = |wanted: fn(&Stage) -> bool| self.between.iter().any(|hop| wanted(&hop.stage));
        let route = |hop: &&&Hop| matches!(hop.stage, Stage::Route { purpose: RoutePurpose::Input, .. });
        if any(|stage| matches!(stage, Stage::Encrypted { .. })) {
            return Reason::Encryption;
        }
        if any(|stage| matches!(stage, Stage::Decrypted { .. })) {
            return Reason::Decryption;
        }
        if self.last.is_none() {
            return Reason::Sender;
        }
        if self.decrypted && any(|stage| matches!(stage, Stage::Policy { .. })) {
            return Reason::PolicyCheck;
        }
        if self.last != Some(&hop.place) {
            return Reason::Network;
        }
        let device = self.between.iter().find(route).or(self.between.first()).unwrap_or(&hop).device.clone();
        Reason::Forwarding(device.unwrap_or_default())
    }
}

/// Holds a prediction for one packet against what was captured of `times` such packets.
///
/// `captured` may hold other traffic too: only what is between the same two ends is looked at, and of ESP that could not
/// be opened only what has the SPI and ends of a predicted packet's, or of none when no ESP was predicted.
pub fn compare(predicted: &[Predicted], captured: &[Sighting], times: usize) -> Comparison {
    let mut left: Vec<&Sighting> = captured.iter().filter(|own| is_relevant(own, predicted)).collect();
    let mut comparison = Comparison { predicted: predicted.len() * times, ..Comparison::default() };
    let mut missed: Vec<(&Predicted, usize)> = Vec::new();
    for own in predicted {
        let mut found = 0;
        while found < times {
            // One that was opened is surer than one that was not.
            let fits = |captured: &&Sighting| own.sighting.is(captured);
            let opened = left.iter().position(|captured| captured.inner == own.sighting.inner && fits(captured));
            let Some(at) = opened.or_else(|| left.iter().position(fits)) else { break };
            left.remove(at);
            found += 1;
        }
        comparison.seen += found;
        missed.push((own, times - found));
    }
    let mut before = 0;
    for (own, times) in missed {
        if times > 0 {
            let reason = (times > before).then(|| reason(own, &left));
            comparison.missing.push(Missing { sighting: own.sighting.clone(), times, reason });
        }
        before = times;
    }
    for own in left {
        let own = own.of_any_echo();
        match comparison.extra.iter_mut().find(|(known, _)| *known == own) {
            Some((_, times)) => *times += 1,
            None => comparison.extra.push((own, 1)),
        }
    }
    comparison
}

/// A packet that was to be ESP and is there in clear has left in clear.
fn reason(own: &Predicted, left: &[&Sighting]) -> Reason {
    let ends = own.sighting.inner.map(|inner| (inner.src, inner.dst));
    let in_clear = |captured: &&&Sighting| {
        captured.spi.is_none()
            && Some((captured.outer.src, captured.outer.dst)) == ends
            && captured.place == own.sighting.place
    };
    if own.sighting.spi.is_some() && left.iter().any(|captured| in_clear(&captured)) {
        return Reason::InClear;
    }
    let elsewise = |captured: &&&Sighting| {
        let ends = |sighting: &Sighting| (sighting.outer.src, sighting.outer.dst);
        let same_place = captured.place == own.sighting.place && captured.device == own.sighting.device;
        same_place && captured.kind == own.sighting.kind && ends(captured) == ends(&own.sighting)
    };
    let other_key = left.iter().filter(elsewise).find_map(|captured| captured.spi);
    match other_key.filter(|spi| own.sighting.spi.is_some_and(|own| own != *spi)) {
        Some(spi) => Reason::OtherKey(spi),
        None => own.reason.clone(),
    }
}

fn is_relevant(captured: &Sighting, predicted: &[Predicted]) -> bool {
    if captured.protocol.is_some_and(|number| number != protocol::ICMP) {
        return false;
    }
    let between = |ends: Ends| {
        predicted.iter().any(|own| {
            let of = own.sighting.inner.unwrap_or(own.sighting.outer);
            (of.src, of.dst) == (ends.src, ends.dst) || (of.src, of.dst) == (ends.dst, ends.src)
        })
    };
    match (captured.spi, captured.inner) {
        (None, _) => between(captured.outer),
        (Some(_), Some(inner)) => between(inner),
        (Some(spi), None) => {
            let mut esp = predicted.iter().filter(|own| own.sighting.spi.is_some()).peekable();
            let none = esp.peek().is_none();
            none || esp.any(|own| {
                let of = own.sighting.outer;
                own.sighting.spi == Some(spi) && (of.src, of.dst) == (captured.outer.src, captured.outer.dst)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(device: &str, spi: Option<u32>, ttl: u8) -> Sighting {
        let clear = Ends { src: [10, 0, 0, 144].into(), dst: [10, 0, 1, 165].into(), ttl: 63 };
        let outer = match spi {
            Some(_) => Ends { src: [10, 0, 0, 66].into(), dst: [10, 0, 1, 236].into(), ttl },
            None => Ends { ttl, ..clear },
        };
        Sighting {
            place: "worker".to_owned(),
            device: Some(device.to_owned()),
            kind: Some(PacketType::Outgoing),
            outer,
            spi: spi.map(Spi),
            inner: spi.map(|_| clear),
            protocol: Some(protocol::ICMP),
            echo: None,
        }
    }

    fn way() -> Vec<Predicted> {
        let steps = [
            (sighting("lxc_a", None, 64), Reason::Sender),
            (sighting("cilium_host", Some(3), 64), Reason::Encryption),
            (sighting("eth0", Some(3), 63), Reason::Forwarding("cilium_net".to_owned())),
        ];
        steps.into_iter().map(|(sighting, reason)| Predicted { sighting, reason }).collect()
    }

    fn seen(way: &[Predicted]) -> Vec<Sighting> {
        way.iter().map(|own| own.sighting.clone()).collect()
    }

    #[test]
    fn what_comes_as_often_as_predicted_is_equal() {
        let captured = [seen(&way()), seen(&way())].concat();
        let comparison = compare(&way(), &captured, 2);
        assert!(comparison.is_equal());
        assert_eq!((comparison.seen, comparison.predicted), (6, 6));
    }

    #[test]
    fn esp_that_nobody_opened_is_the_predicted_one() {
        let closed = seen(&way()).into_iter().map(|own| Sighting { inner: None, device: None, protocol: None, ..own });
        // A capture of one device that does not say which: the TTL tells them apart.
        let captured: Vec<Sighting> = closed.collect();
        assert!(compare(&way(), &captured, 1).is_equal());
    }

    #[test]
    fn the_first_that_is_missing_has_the_reason() {
        let captured = vec![sighting("lxc_a", None, 64)];
        let comparison = compare(&way(), &captured, 1);
        assert_eq!(comparison.seen, 1);
        let reasons: Vec<_> = comparison.missing.iter().map(|missing| missing.reason.clone()).collect();
        assert_eq!(reasons, [Some(Reason::Encryption), None]);
        assert_eq!(comparison.extra, []);
    }

    #[test]
    fn a_leak_is_missing_esp_and_an_unpredicted_packet_in_clear() {
        let captured = vec![sighting("lxc_a", None, 64), sighting("eth0", None, 63), sighting("eth0", None, 63)];
        let comparison = compare(&way(), &captured, 1);
        assert_eq!(comparison.missing[0].reason, Some(Reason::InClear));
        assert_eq!(comparison.extra, [(sighting("eth0", None, 63), 2)]);
    }

    #[test]
    fn a_wrong_ttl_and_a_wrong_spi_are_differences_and_other_traffic_is_none() {
        let mut captured = seen(&way());
        captured[2].outer.ttl = 62;
        captured[1].spi = Some(Spi(4));
        let mut health = sighting("eth0", Some(3), 63);
        health.inner = Some(Ends { src: [10, 0, 0, 9].into(), dst: [10, 0, 1, 9].into(), ttl: 63 });
        captured.push(health);
        let comparison = compare(&way(), &captured, 1);
        assert_eq!((comparison.seen, comparison.missing.len(), comparison.extra.len()), (1, 2, 2));
        let reasons: Vec<_> = comparison.missing.iter().map(|missing| missing.reason.clone()).collect();
        assert_eq!(reasons, [Some(Reason::OtherKey(Spi(4))), None]);
    }
}
