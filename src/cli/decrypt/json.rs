use std::borrow::Cow;
use std::fmt::{self, Display, Write};
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use super::batch::one_line;
use super::output::{direction, time};
use crate::capture::Precision;
use crate::decrypt::{self, EspView, Verdict};
use crate::esp::Spi;
use crate::packet::{FrameView, Layer, Printer, Timestamp};

/// Writes the JSON object of a frame.
#[derive(Debug, Default)]
pub(super) struct Writer {
    summary: String,
    object: Vec<u8>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the keys of the JSON form")]
struct Frame<'a> {
    frame: u64,
    time: AsText<Rfc3339>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iface: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dir: Option<&'static str>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    outer: Option<Outer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    esp: Option<Box<Esp<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inner: Option<Box<Inner<'a>>>,
    /// Why an ESP packet was not opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// The counter of `/proc/net/xfrm_stat` that stands for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    xfrm_stat: Option<&'static str>,
    /// What a frame in clear is.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
}

#[derive(Serialize)]
struct Outer {
    src: IpAddr,
    dst: IpAddr,
    proto: AsText<Protocol>,
    ttl: u8,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the keys of the JSON form")]
struct Esp<'a> {
    spi: AsText<Spi>,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iv: Option<AsText<Hex<'a>>>,
    /// ESP inside this ESP.
    #[serde(skip_serializing_if = "Option::is_none")]
    esp: Option<Box<Esp<'a>>>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the keys of the JSON form")]
struct Inner<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    src: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dst: Option<IpAddr>,
    proto: AsText<Protocol>,
    len: usize,
    summary: Cow<'a, str>,
    /// What that packet carries (in VXLAN or IP-in-IP).
    #[serde(skip_serializing_if = "Option::is_none")]
    inner: Option<Box<Inner<'a>>>,
}

impl Writer {
    /// Appends the object without its closing brace: whether the packet was seen before is known only in order.
    #[expect(clippy::too_many_arguments, reason = "what belongs to the frame, and the room that is used again")]
    pub(super) fn write(
        &mut self,
        number: u64,
        precision: Precision,
        frame: FrameView<'_>,
        verdict: &Verdict<'_>,
        printer: &mut Printer,
        packet: &mut Vec<u8>,
        text: &mut String,
    ) {
        let status = verdict.outcome.status();
        let clear = status == "clear";
        self.summary.clear();
        packet.clear();
        if verdict.plain_packet(packet) {
            printer.print_ip(packet, &mut self.summary);
        } else if clear {
            printer.print_content(frame, &mut self.summary);
        }
        one_line(&mut self.summary, 0);
        let around = verdict.esp().rev().find(|esp| esp.opened.is_some());
        let inner = verdict.inner.map(|inner| Box::new(inner_of(&inner, around, &self.summary, printer)));
        let failed = !clear && inner.is_none();
        let object = Frame {
            frame: number,
            time: AsText(Rfc3339(frame.time, precision)),
            iface: frame.device,
            dir: direction(&frame),
            status,
            outer: verdict.outer.map(|outer| Outer {
                src: outer.src,
                dst: outer.dst,
                proto: AsText(Protocol(outer.proto)),
                ttl: outer.ttl,
            }),
            esp: verdict.esp().rev().fold(None, |inside, esp| Some(Box::new(esp_of(&esp, inside)))),
            inner,
            why: match &verdict.deeper {
                Some(deeper) => Some(deeper.to_string()),
                None => failed.then(|| verdict.outcome.to_string()),
            },
            xfrm_stat: verdict.outcome.xfrm_stat(),
            summary: clear.then_some(self.summary.as_str()),
        };
        self.object.clear();
        if serde_json::to_writer(&mut self.object, &object).is_ok()
            && let Ok(json) = std::str::from_utf8(&self.object)
        {
            text.push_str(json.strip_suffix('}').unwrap_or(json));
        }
    }
}

fn esp_of<'a>(esp: &EspView<'a>, inside: Option<Box<Esp<'a>>>) -> Esp<'a> {
    Esp { spi: AsText(esp.spi), seq: esp.seq, iv: esp.iv().map(|iv| AsText(Hex(iv))), esp: inside }
}

/// What is directly inside ESP, and what that carries in its turn.
fn inner_of<'a>(
    inner: &decrypt::Inner<'_>,
    around: Option<EspView<'_>>,
    summary: &'a str,
    printer: &mut Printer,
) -> Inner<'a> {
    let mut packets: Vec<Inner<'a>> = Vec::new();
    // In transport mode the addresses are those around ESP.
    if !matches!(inner.next_header, 4 | 41) {
        packets.push(Inner {
            src: around.map(|esp| esp.src),
            dst: around.map(|esp| esp.dst),
            proto: AsText(Protocol(inner.next_header)),
            len: inner.octets.len(),
            summary: summary.into(),
            inner: None,
        });
    }
    for located in inner.layers().map_while(Result::ok) {
        let proto = match &located.layer {
            Layer::Ipv4(ip) => ip.protocol().0,
            Layer::Ipv6(ip) => ip.next_header().0,
            Layer::Ipv6Extension(_, header) => header.next_header().0,
            Layer::Ipv6Fragment(header) => header.next_header().0,
            Layer::Ah(header) => header.next_header().0,
            _ => continue,
        };
        if let Some((src, dst)) = located.layer.addresses() {
            let octets = inner.octets.get(located.start..located.end).unwrap_or_default();
            let summary = if packets.is_empty() {
                summary.into()
            } else {
                let mut text = String::new();
                printer.print_ip(octets, &mut text);
                one_line(&mut text, 0);
                text.into()
            };
            let len = octets.len() + located.missing;
            let proto = AsText(Protocol(proto));
            packets.push(Inner { src: Some(src), dst: Some(dst), proto, len, summary, inner: None });
        } else if let Some(last) = packets.last_mut() {
            last.proto = AsText(Protocol(proto));
        }
    }
    let nested =
        packets.into_iter().rev().fold(None, |inside, packet| Some(Inner { inner: inside.map(Box::new), ..packet }));
    nested.unwrap_or(Inner {
        src: None,
        dst: None,
        proto: AsText(Protocol(inner.next_header)),
        len: inner.octets.len(),
        summary: summary.into(),
        inner: None,
    })
}

/// Serialised as the text that it displays as.
struct AsText<T>(T);

impl<T: Display> Serialize for AsText<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct Hex<'a>(&'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As many at once as an IV has: each piece that is written is looked through for what JSON escapes.
        self.0.chunks(16).try_for_each(|octets| {
            let mut digits = [0; 32];
            for (pair, octet) in digits.chunks_exact_mut(2).zip(octets) {
                pair.copy_from_slice(&[octet >> 4, octet & 0xf].map(|half| b"0123456789abcdef"[usize::from(half)]));
            }
            f.write_str(std::str::from_utf8(digits.get(..octets.len() * 2).unwrap_or_default()).unwrap_or_default())
        })
    }
}

struct Rfc3339(Timestamp, Precision);

impl Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (time(self.0), self.1) {
            (Some(time), Precision::Microseconds) => write!(f, "{time:.6}"),
            (Some(time), Precision::Nanoseconds) => write!(f, "{time:.9}"),
            (None, _) => f.write_char('-'),
        }
    }
}

/// An IP protocol, by the name that tools have for it.
struct Protocol(u8);

impl Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0 => "hopopt",
            1 => "icmp",
            2 => "igmp",
            4 => "ipip",
            6 => "tcp",
            17 => "udp",
            41 => "ipv6",
            43 => "ipv6-route",
            44 => "ipv6-frag",
            47 => "gre",
            50 => "esp",
            51 => "ah",
            58 => "icmpv6",
            59 => "none",
            60 => "ipv6-opts",
            108 => "comp",
            132 => "sctp",
            other => return write!(f, "{other}"),
        })
    }
}
