use super::canvas::{Canvas, Ink, width_of};
use crate::datapath::{Hop, RouteAnswer, Stage, Trace};
use crate::packet::{PacketType, Printer};
use crate::render::{Line, Look, Role};
use crate::route::TableId;
use crate::words::Words;

/// A packet's way: every place where `tcpdump -i any` sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// What stands above it.
    pub title: String,
    /// The sights, in order.
    pub stops: Vec<Stop>,
    /// What is said below it, in the colours of the two kinds of packet: in clear, and ESP.
    pub legend: (String, String),
}

/// One sight of the packet.
#[derive(Debug, Clone, PartialEq)]
pub struct Stop {
    /// The node or pod.
    pub place: String,
    /// The device.
    pub device: String,
    /// tcpdump's word for whom the frame was: `In`, `Out`, `P`.
    pub direction: &'static str,
    /// tcpdump's line of the packet, from the addresses on.
    pub line: String,
    /// Whether it is ESP.
    pub esp: bool,
    /// What was done to it since the sight before: marks, tables, encryption.
    pub since: Vec<String>,
    /// The octets of the IP packet.
    pub len: usize,
}

const MARGIN: f32 = 20.0;
const LANE: f32 = 104.0;
const STEP: f32 = 46.0;

impl Path {
    /// The way of a packet that a trace followed, as the nodes and pods saw it; `short` gives their names, and none for
    /// what is left out.
    pub fn of(trace: &Trace, words: &Words, title: String, short: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut printer = Printer::new(crate::packet::line::Options {
            numeric: true,
            time: crate::packet::line::TimeFormat::of_count(1),
            ..Default::default()
        });
        let mut stops = Vec::new();
        let mut since: Vec<String> = Vec::new();
        for hop in &trace.hops {
            if let Some(done) = done(hop, words).filter(|done| !since.contains(done)) {
                since.push(done);
            }
            let (Stage::Seen { kind }, Some(device)) = (&hop.stage, &hop.device) else { continue };
            let Some(place) = short(&hop.place) else { continue };
            let mut line = String::new();
            printer.print_ip(&hop.octets, &mut line);
            let line = line.trim_end();
            stops.push(Stop {
                place,
                device: device.clone(),
                direction: direction(*kind),
                line: line.strip_prefix("IP ").unwrap_or(line).to_owned(),
                // Protocol 50 in an IPv4 header.
                esp: hop.octets.get(9) == Some(&50),
                since: std::mem::take(&mut since),
                len: hop.octets.len(),
            });
        }
        let legend = (words.say("picture-path-clear", &[]), words.say("picture-path-esp", &[]));
        Self { title, stops, legend }
    }

    pub(super) fn svg(&self) -> String {
        let mut lanes: Vec<(&str, &str)> = Vec::new();
        for stop in &self.stops {
            if !lanes.contains(&(stop.place.as_str(), stop.device.as_str())) {
                lanes.push((&stop.place, &stop.device));
            }
        }
        let lane = |stop: &Stop| {
            lanes.iter().position(|lane| *lane == (stop.place.as_str(), stop.device.as_str())).unwrap_or(0)
        };
        let x_of = |at: usize| MARGIN + LANE / 2.0 + f32::from(u16::try_from(at).unwrap_or(u16::MAX)) * LANE;
        let text_x = x_of(lanes.len()) - LANE / 2.0 + 10.0;
        let told = |stop: &Stop| width_of(&stop.line).max(width_of(&stop.told()));
        let widest = self.stops.iter().map(told).fold(0.0, f32::max);
        let width = text_x + widest + MARGIN;
        let top = 104.0;
        let rows = f32::from(u16::try_from(self.stops.len()).unwrap_or(u16::MAX));
        let bottom = top + rows * STEP;
        let mut canvas = Canvas::new(width);
        canvas.text("title", (MARGIN, 34.0), &self.title);
        let mut last_place = "";
        for (at, (place, device)) in lanes.iter().enumerate() {
            canvas.line(Ink::Quiet, (x_of(at), top - 18.0), (x_of(at), bottom - STEP / 2.0));
            if *place != last_place {
                canvas.centred("name", (x_of(at), 62.0), place);
                last_place = place;
            }
            // A name such as lxc4133d8541f3c is longer than its lane.
            let short: String = device.chars().take(12).collect();
            canvas.centred("quiet", (x_of(at), 80.0), &short);
        }
        // Boxes stand upon the lines between them.
        let mut y = top;
        for pair in self.stops.windows(2) {
            if let [from, to] = pair {
                let ink = if to.esp { Ink::Cipher } else { Ink::Clear };
                canvas.line(ink, (x_of(lane(from)), y), (x_of(lane(to)), y + STEP));
            }
            y += STEP;
        }
        let mut y = top;
        for (number, stop) in self.stops.iter().enumerate() {
            let ink = if stop.esp { Ink::Cipher } else { Ink::Clear };
            let here = (x_of(lane(stop)), y);
            canvas.rect(ink, (here.0 - 12.0, here.1 - 12.0), (24.0, 24.0));
            canvas.centred("name", (here.0, here.1 + 5.0), &(number + 1).to_string());
            canvas.text(if stop.esp { "cipher" } else { "clear" }, (text_x, y), &stop.line);
            canvas.text("quiet", (text_x, y + 17.0), &stop.told());
            y += STEP;
        }
        for (ink, sentence) in [(Ink::Clear, &self.legend.0), (Ink::Cipher, &self.legend.1)] {
            canvas.rect(ink, (MARGIN, y - 10.0), (12.0, 12.0));
            canvas.text("quiet", (MARGIN + 20.0, y), sentence);
            y += 20.0;
        }
        canvas.finish(y, &self.title)
    }

    pub(super) fn lines(&self, look: &Look) -> Vec<Line> {
        let mut lines = Line::of(self.title.clone(), Role::Heading).wrapped(look.width);
        for (number, stop) in self.stops.iter().enumerate() {
            let head = Line::of(format!("{:>2} ", number + 1), Role::Strong)
                .and(format!("{} ", stop.place), Role::Device)
                .and(stop.told(), Role::Quiet);
            lines.extend(look.spelled(&head).wrapped(look.width));
            let line = Line::of(format!("   {}", stop.line), if stop.esp { Role::Cipher } else { Role::Clear });
            lines.extend(line.wrapped(look.width));
        }
        for (role, sentence) in [(Role::Clear, &self.legend.0), (Role::Cipher, &self.legend.1)] {
            lines.extend(look.spelled(&Line::of(sentence.clone(), role)).wrapped(look.width));
        }
        lines
    }
}

impl Stop {
    /// `cilium_host Out, 140 B: mark 0x3e00, table 200, encrypted`: device and direction as tcpdump prints them, octets,
    /// and what was done before.
    fn told(&self) -> String {
        let since = if self.since.is_empty() { String::new() } else { format!(": {}", self.since.join(", ")) };
        format!("{} {}, {} B{since}", self.device, self.direction, self.len)
    }
}

/// What a hop did to the packet, if that is worth a word in a picture.
fn done(hop: &Hop, words: &Words) -> Option<String> {
    match &hop.stage {
        Stage::Hook { .. } if hop.mark_before != hop.mark_after => Some(format!("mark {:#x}", hop.mark_after)),
        Stage::Route { answer: RouteAnswer::Found { route, .. }, .. } if route.table == TableId::Number(200) => {
            Some("table 200".to_owned())
        }
        Stage::Encrypted { .. } => Some(words.say("picture-path-encrypted", &[])),
        Stage::Decrypted { .. } => Some(words.say("picture-path-decrypted", &[])),
        _ => None,
    }
}

/// tcpdump's words for `any` (`print-sll.c`, 4.99).
fn direction(kind: PacketType) -> &'static str {
    match kind {
        PacketType::Host => "In",
        PacketType::Outgoing => "Out",
        PacketType::Broadcast => "B",
        PacketType::Multicast => "M",
        _ => "P",
    }
}
