use std::collections::BTreeMap;
use std::net::IpAddr;

use super::template::{Facts, FillError, Template};
use crate::decrypt::{Keyring, Outcome, Scratch};
use crate::esp::Spi;
use crate::packet::{Cooked, Frame, LinkType, PacketType};

/// A packet as a lesson looks at it: where it was seen, between whom, and what became of its ESP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The device, where the capture knows it.
    pub device: Option<String>,
    /// Which way it went there, where the capture knows it.
    pub direction: Option<Direction>,
    /// Source and destination of the outermost IP header; `None` for what is not IP.
    pub outer: Option<(IpAddr, IpAddr)>,
    /// Its ESP header, if it has one.
    pub esp: Option<SeenEsp>,
    /// What became of the ESP.
    pub opening: Opening,
    /// Source and destination of the packet inside, once opened.
    pub inner: Option<(IpAddr, IpAddr)>,
}

/// What tells one ESP packet from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SeenEsp {
    /// The SPI on the wire.
    pub spi: Spi,
    /// The sequence number on the wire.
    pub seq: u32,
    /// Everything after the sequence number: two copies of one packet are equal here, whatever routers did to the outer
    /// header.
    pub payload: Vec<u8>,
}

/// Which way a packet went at its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Received by this host (broadcast and multicast too).
    In,
    /// Sent by this host.
    Out,
    /// Received, but for another host's link address (tcpdump's `P`).
    Other,
}

/// What became of a packet's ESP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Opening {
    /// There was none: the packet is readable as it is.
    Clear,
    /// The ICV fitted, and it was decrypted.
    Opened,
    /// There was a state for it, and its ICV did not fit: a wrong key, or a changed packet.
    BadIcv,
    /// There was no state for it.
    NoSa,
    /// It was cut short, broken, or of an algorithm that is not read here.
    Unreadable,
}

impl Seen {
    /// Looks at a frame, opening what `keys` can open. `devices` names ifindexes, for captures whose frames say no more.
    pub fn of(frame: &Frame, keys: &Keyring, devices: &BTreeMap<u32, String>, scratch: &mut Scratch) -> Self {
        let cooked = match frame.link {
            LinkType::LinuxSll => Cooked::read_v1(&frame.octets),
            LinkType::LinuxSll2 => Cooked::read_v2(&frame.octets),
            _ => None,
        };
        let named = || cooked.and_then(|cooked| devices.get(&cooked.ifindex?).cloned());
        let verdict = keys.decrypt_frame(frame, scratch);
        let esp = verdict.esp().next().map(|esp| SeenEsp {
            spi: esp.spi,
            seq: esp.seq as u32,
            payload: esp.packet.get(8..).unwrap_or_default().to_vec(),
        });
        let inner = verdict.inner.and_then(|inner| inner.layers().find_map(|located| located.ok()?.layer.addresses()));
        Self {
            device: frame.device.clone().or_else(named),
            direction: cooked.and_then(|cooked| direction(cooked.packet_type)),
            outer: verdict.outer.map(|outer| (outer.src, outer.dst)),
            opening: match verdict.outcome {
                Outcome::Decrypted => Opening::Opened,
                Outcome::Clear => Opening::Clear,
                Outcome::BadIcv { .. } => Opening::BadIcv,
                Outcome::NoSa { .. } => Opening::NoSa,
                _ => Opening::Unreadable,
            },
            esp,
            inner,
        }
    }
}

fn direction(packet_type: PacketType) -> Option<Direction> {
    match packet_type {
        PacketType::Host | PacketType::Broadcast | PacketType::Multicast => Some(Direction::In),
        PacketType::Outgoing => Some(Direction::Out),
        PacketType::OtherHost => Some(Direction::Other),
        PacketType::Unknown(_) => None,
    }
}

/// What a check or a quiz wants a packet to be; what is `None` does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PacketPattern {
    /// Whether it is ESP.
    pub esp: Option<bool>,
    /// The device it was seen on.
    pub device: Option<Template>,
    /// Which way it went.
    pub direction: Option<Direction>,
    /// The source in its outermost IP header.
    pub src: Option<Template>,
    /// The destination in its outermost IP header.
    pub dst: Option<Template>,
}

impl PacketPattern {
    /// Whether `seen` fits.
    pub fn fits(&self, seen: &Seen, facts: &Facts) -> Result<bool, FillError> {
        let outer = seen.outer.map(|(src, dst)| (src.to_string(), dst.to_string()));
        let (src, dst) = outer.as_ref().map_or((None, None), |(src, dst)| (Some(src.as_str()), Some(dst.as_str())));
        Ok(self.esp.is_none_or(|esp| esp == seen.esp.is_some())
            && self.direction.is_none_or(|direction| seen.direction == Some(direction))
            && value_fits(self.device.as_ref(), seen.device.as_deref(), facts)?
            && value_fits(self.src.as_ref(), src, facts)?
            && value_fits(self.dst.as_ref(), dst, facts)?)
    }
}

fn value_fits(wanted: Option<&Template>, found: Option<&str>, facts: &Facts) -> Result<bool, FillError> {
    Ok(match wanted {
        None => true,
        Some(template) => found == Some(template.fill(facts)?.as_str()),
    })
}
