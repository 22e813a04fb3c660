use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use super::devices::Devices;
use super::{Ended, Format, json};
use crate::capture::{Filter, Precision, Reader};
use crate::decrypt::{Identity, Keyring, Scratch, Verdict};
use crate::esp::Spi;
use crate::packet::line::Options;
use crate::packet::{FrameView, LinkType, Printer, Timestamp};

/// Where frames come from: the capture, filtered.
pub(super) struct Source {
    reader: Reader,
    devices: Devices,
    expression: Option<String>,
    filters: Vec<(LinkType, Filter)>,
    ended: Option<Ended>,
}

/// A run of frames that is decrypted as one, and what came of it. It is used again, so that nothing is allocated once
/// it has grown.
#[derive(Default)]
pub(super) struct Batch {
    octets: Vec<u8>,
    taken: Vec<Taken>,
    /// What is said of the frames.
    text: String,
    /// The plain frames.
    plain: Vec<u8>,
    pub(super) rows: Vec<Row>,
}

/// A frame as it was taken from the capture.
struct Taken {
    number: u64,
    time: Timestamp,
    precision: Precision,
    link: LinkType,
    device: Option<Arc<str>>,
    octets: Range<usize>,
    original_len: u32,
}

/// What came of a frame.
pub(super) struct Row {
    pub(super) status: &'static str,
    pub(super) identity: Option<Identity>,
    /// The addresses around the outermost ESP, or of the packet.
    pub(super) outer: Option<(IpAddr, IpAddr)>,
    /// Of the outermost ESP.
    pub(super) esp: Option<(Spi, u64)>,
    taken: usize,
    text: Range<usize>,
    plain: Option<(LinkType, Range<usize>)>,
}

/// What decrypts and says things, once for each thread.
pub(super) struct Worker<'k> {
    keyring: &'k Keyring,
    format: Format,
    wants_plain: bool,
    scratch: Scratch,
    json: json::Writer,
    /// Prints what is inside; sequence numbers are absolute, so that it needs to remember nothing.
    printer: Printer,
    packet: Vec<u8>,
}

/// A batch is full with so many octets or frames.
const MOST_OCTETS: usize = 256 * 1024;
const MOST_FRAMES: usize = 1024;

impl Source {
    pub(super) fn new(reader: Reader, devices: Devices, expression: Option<String>) -> Self {
        Self { reader, devices, expression, filters: Vec::new(), ended: None }
    }

    /// Fills an empty batch as far as can be done without waiting, with one frame at least; says whether there is one.
    pub(super) fn fill(&mut self, batch: &mut Batch) -> bool {
        while self.ended.is_none() {
            let record = match self.reader.next_record() {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(error) => {
                    self.ended = Some(Ended::Capture(error));
                    break;
                }
            };
            let (number, precision, interface) = (record.number, record.precision, record.interface);
            let frame = record.frame;
            if let Some(expression) = &self.expression {
                match passes(&mut self.filters, expression, &frame) {
                    Ok(true) => {}
                    Ok(false) if batch.taken.is_empty() || self.reader.is_ready() => continue,
                    Ok(false) => break,
                    Err(error) => {
                        self.ended = Some(Ended::Filter(error));
                        break;
                    }
                }
            }
            let start = batch.octets.len();
            batch.octets.extend_from_slice(frame.octets);
            let (time, link, original_len) = (frame.time, frame.link, frame.original_len);
            // The frame is read again, from the batch: the reader must be free to name its interfaces.
            let octets = batch.octets.get(start..).unwrap_or_default();
            let view = FrameView { time, link, device: None, octets, original_len };
            let device = self.devices.of(&view, interface, self.reader.interfaces());
            let octets = start..batch.octets.len();
            batch.taken.push(Taken { number, time, precision, link, device, octets, original_len });
            if batch.octets.len() >= MOST_OCTETS || batch.taken.len() >= MOST_FRAMES || !self.reader.is_ready() {
                break;
            }
        }
        !batch.taken.is_empty()
    }

    /// Why the capture was not read to its end, if so.
    pub(super) fn ended(&mut self) -> Result<(), Ended> {
        self.ended.take().map_or(Ok(()), Err)
    }

    /// Frames left out because their link type is not read.
    pub(super) fn skipped(&self) -> u64 {
        self.reader.skipped()
    }
}

fn passes(filters: &mut Vec<(LinkType, Filter)>, expression: &str, frame: &FrameView<'_>) -> Result<bool, String> {
    if let Some((_, filter)) = filters.iter().find(|(link, _)| *link == frame.link) {
        return Ok(filter.matches(frame.octets));
    }
    let filter = Filter::compile(frame.link, expression).map_err(|error| error.to_string())?;
    let passes = filter.matches(frame.octets);
    filters.push((frame.link, filter));
    Ok(passes)
}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.octets.clear();
        self.taken.clear();
        self.text.clear();
        self.plain.clear();
        self.rows.clear();
    }

    /// The frame of a row, as captured.
    pub(super) fn frame(&self, row: &Row) -> Option<FrameView<'_>> {
        self.taken.get(row.taken).map(|taken| taken.view(&self.octets))
    }

    /// The frame's number.
    pub(super) fn number(&self, row: &Row) -> u64 {
        self.taken.get(row.taken).map_or(0, |taken| taken.number)
    }

    /// How fine its time stamp is.
    pub(super) fn precision(&self, row: &Row) -> Precision {
        self.taken.get(row.taken).map_or(Precision::Microseconds, |taken| taken.precision)
    }

    /// What is said of it: a JSON object without its closing brace, or a line on what is inside or what is wrong.
    pub(super) fn text(&self, row: &Row) -> &str {
        self.text.get(row.text.clone()).unwrap_or_default()
    }

    /// The frame as it would have been captured without ESP, if it was decrypted.
    pub(super) fn plain(&self, row: &Row) -> Option<FrameView<'_>> {
        let (link, range) = row.plain.clone()?;
        let octets = self.plain.get(range)?;
        Some(FrameView { link, octets, original_len: octets.len() as u32, ..self.frame(row)? })
    }
}

impl Taken {
    fn view<'b>(&'b self, octets: &'b [u8]) -> FrameView<'b> {
        FrameView {
            time: self.time,
            link: self.link,
            device: self.device.as_deref(),
            octets: octets.get(self.octets.clone()).unwrap_or_default(),
            original_len: self.original_len,
        }
    }
}

impl<'k> Worker<'k> {
    pub(super) fn new(keyring: &'k Keyring, format: Format, wants_plain: bool) -> Self {
        let options = Options { numeric: true, absolute_seq: true, ..Options::default() };
        Self {
            keyring,
            format,
            wants_plain,
            scratch: Scratch::default(),
            json: json::Writer::default(),
            printer: Printer::new(options),
            packet: Vec::new(),
        }
    }

    /// Decrypts the frames of a batch.
    pub(super) fn decrypt(&mut self, batch: &mut Batch) {
        let Batch { octets, taken, text, plain, rows } = batch;
        for (number, frame) in taken.iter().enumerate() {
            let view = frame.view(octets);
            let verdict = self.keyring.decrypt(&view, &mut self.scratch);
            let text_start = text.len();
            let (printer, packet) = (&mut self.printer, &mut self.packet);
            let no_keys = self.keyring.entries().is_empty() && verdict.outcome.status() == "no-sa";
            match self.format {
                Format::Json => {
                    self.json.write(frame.number, frame.precision, view, &verdict, printer, packet, text);
                }
                Format::Table | Format::Text => inside(view, &verdict, printer, packet, no_keys, text),
                Format::None => {}
            }
            let plain_start = plain.len();
            let plain_link = if self.wants_plain { verdict.plain_frame(&view, plain) } else { None };
            rows.push(Row {
                status: verdict.outcome.status(),
                identity: match self.format {
                    Format::Table => Identity::of(view.octets, &verdict),
                    Format::Text | Format::Json | Format::None => Identity::of_sealed(&verdict),
                },
                outer: verdict.outer.map(|outer| (outer.src, outer.dst)),
                esp: verdict.esp().next().map(|esp| (esp.spi, esp.seq)),
                taken: number,
                text: text_start..text.len(),
                plain: plain_link.map(|link| (link, plain_start..plain.len())),
            });
        }
    }
}

/// What is inside ESP, as tcpdump prints it; of a frame in clear, what it is; of any other, what is wrong.
fn inside(
    frame: FrameView<'_>,
    verdict: &Verdict<'_>,
    printer: &mut Printer,
    packet: &mut Vec<u8>,
    no_keys: bool,
    text: &mut String,
) {
    let start = text.len();
    if verdict.inner.is_some() {
        packet.clear();
        if verdict.plain_packet(packet) {
            printer.print_ip(packet, text);
        } else {
            text.push_str("no packet inside (a dummy, RFC 4303 section 2.6)");
        }
        if let Some(deeper) = &verdict.deeper {
            text.push_str(" [ESP inside: ");
            text.push_str(&deeper.to_string());
            text.push(']');
        }
    } else if verdict.outcome.status() == "clear" {
        printer.print_content(frame, text);
    } else if no_keys {
        text.push_str("encrypted, and no keys were given");
    } else {
        text.push_str(&verdict.outcome.to_string());
        if let Some(counter) = verdict.outcome.xfrm_stat() {
            text.push_str(" (");
            text.push_str(counter);
            text.push(')');
        }
    }
    one_line(text, start);
}

/// VXLAN is printed on two lines by tcpdump; here everything of a frame is one.
pub(super) fn one_line(text: &mut String, start: usize) {
    let added = text.as_bytes().get(start..).unwrap_or_default();
    if added.contains(&b'\n') || added.contains(&b'\t') {
        let joined = text.split_off(start).split_whitespace().collect::<Vec<_>>().join(" ");
        text.push_str(&joined);
    }
}
