use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::batch::{Batch, Row};
use super::table::Table;
use super::tally::Tally;
use super::{Args, Format};
use crate::capture::{self, Precision, Writer};
use crate::cli::Io;
use crate::decrypt::{Sighting, Sightings};
use crate::packet::line::Options;
use crate::packet::{Cooked, FrameView, LinkType, PacketType, Printer, Timestamp};
use crate::trouble::Trouble;
use crate::words::Said;

/// Where everything goes, in the order of the capture: what is printed, what is written, what is counted.
pub(super) struct Output<'io> {
    io: &'io mut Io,
    format: Format,
    printer: Printer,
    table: Table,
    sightings: Sightings,
    tally: Tally,
    write: Option<Copy>,
    line: String,
}

/// The plain copy of the capture.
struct Copy {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    writer: Option<Writer<BufWriter<File>>>,
    format: capture::Format,
    /// The link type of the last frame, for a file without any.
    link: LinkType,
}

/// Packets that are remembered, to recognise copies of them.
const REMEMBERED: usize = 4096;

impl<'io> Output<'io> {
    pub(super) fn new(args: &Args, io: &'io mut Io) -> Result<Self, Trouble> {
        let write = args.write.as_ref().map(|path| Copy::create(path, &args.capture)).transpose()?;
        let printer = Printer::new(Options { numeric: true, ..Options::default() });
        let table = Table::new(io.columns.map(usize::from), io.color);
        let sightings = Sightings::new(REMEMBERED);
        let (tally, line) = (Tally::default(), String::new());
        Ok(Self { io, format: args.format(), printer, table, sightings, tally, write, line })
    }

    /// Takes a batch that was decrypted.
    pub(super) fn take(&mut self, batch: &Batch) -> Result<(), Trouble> {
        for row in &batch.rows {
            let Some(frame) = batch.frame(row) else { continue };
            let number = batch.number(row);
            let sighting = row.identity.and_then(|identity| self.sightings.note(number, None, identity));
            self.tally.count(row, sighting.as_ref());
            self.line.clear();
            match self.format {
                Format::Json => json_line(batch.text(row), sighting, row, &mut self.line),
                Format::Table => self.table.row(batch, row, frame, sighting, &mut self.line),
                Format::Text => {
                    self.printer.print(frame, &mut self.line);
                    if row.status != "clear" {
                        self.line.push_str("    ");
                        self.line.push_str(batch.text(row));
                        self.line.push('\n');
                    }
                }
                Format::None => {}
            }
            if !self.line.is_empty() {
                self.io.out.write_all(self.line.as_bytes()).map_err(|error| Io::unwritable(&error))?;
            }
            if let Some(write) = &mut self.write {
                write.add(batch, row, number)?;
            }
        }
        // A pipe that is read while it is captured shows its frames at once.
        self.io.out.flush().map_err(|error| Io::unwritable(&error))
    }

    /// Ends the copy, and says on standard error what there was.
    pub(super) fn finish(self, skipped: u64) -> Result<Tally, Trouble> {
        if let Some(write) = self.write {
            write.finish()?;
        }
        // What cannot be said on standard error is not worth ending for.
        let _ = writeln!(self.io.err, "{}", self.tally);
        if skipped > 0 {
            let _ = writeln!(self.io.err, "{skipped} frames of link types that are not read here were left out");
        }
        Ok(self.tally)
    }
}

/// Closes a frame's JSON object, saying which frame showed the same packet first.
fn json_line(object: &str, sighting: Option<Sighting<'_>>, row: &Row, line: &mut String) {
    line.push_str(object);
    if let Some(first) = first_of(sighting.as_ref(), row) {
        line.push_str(",\"same_as\":");
        line.push_str(&first.to_string());
    }
    line.push_str("}\n");
}

/// The frame that showed the same ESP packet first, if this is a copy of it.
pub(super) fn first_of(sighting: Option<&Sighting<'_>>, row: &Row) -> Option<u64> {
    row.esp?;
    let sighting = sighting.filter(|sighting| sighting.copy > 1)?;
    sighting.same.first().map(|seen| seen.frame)
}

/// Where a frame was going, as a cooked capture knows it.
pub(super) fn direction(frame: &FrameView<'_>) -> Option<&'static str> {
    let cooked = match frame.link {
        LinkType::LinuxSll => Cooked::read_v1(frame.octets)?,
        LinkType::LinuxSll2 => Cooked::read_v2(frame.octets)?,
        _ => return None,
    };
    Some(match cooked.packet_type {
        PacketType::Host => "in",
        PacketType::Broadcast => "broadcast",
        PacketType::Multicast => "multicast",
        PacketType::OtherHost => "other",
        PacketType::Outgoing => "out",
        PacketType::Unknown(_) => return None,
    })
}

/// A time stamp as a point in time, if there is such a one.
pub(super) fn time(time: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_nanosecond(time.0.into()).ok()
}

impl Copy {
    fn create(path: &Path, capture: &Path) -> Result<Self, Trouble> {
        let ending = path.extension().map(OsStr::to_ascii_lowercase);
        let format = match ending.as_ref().and_then(|ending| ending.to_str()) {
            Some("pcap" | "cap" | "dmp") => capture::Format::Pcap,
            _ => capture::Format::Pcapng,
        };
        if let (Ok(to), Ok(from)) = (path.canonicalize(), capture.canonicalize())
            && to == from
        {
            return Err(Trouble::usage(Said::of("decrypt-same-file", &[])).hint(Said::of("decrypt-other-name", &[])));
        }
        let file = File::create(path).map_err(|error| unwritable(path, &error))?;
        let file = Some(BufWriter::with_capacity(256 * 1024, file));
        let path = path.to_owned();
        Ok(Self { path, file, writer: None, format, link: LinkType::Ethernet })
    }

    fn add(&mut self, batch: &Batch, row: &Row, number: u64) -> Result<(), Trouble> {
        let plain = batch.plain(row);
        let Some(mut frame) = plain.or_else(|| batch.frame(row)) else { return Ok(()) };
        // What is inside need not be of the IP version that the link type says.
        if matches!(frame.link, LinkType::Ipv4 | LinkType::Ipv6) {
            frame.link = LinkType::Raw;
        }
        self.link = frame.link;
        let mut comment = None;
        if let (Some(_), capture::Format::Pcapng, Some((spi, seq))) = (plain, self.format, row.esp) {
            comment = Some(format!("decrypted from frame {number}: ESP, SPI {spi}, sequence number {seq}"));
        }
        let written = self.writer(batch.precision(row)).write(frame, comment.as_deref());
        written.map_err(|error| unwritable(&self.path, &error))
    }

    /// The writer, for a frame of this precision.
    fn writer(&mut self, precision: Precision) -> &mut Writer<BufWriter<File>> {
        let (file, format) = (&mut self.file, self.format);
        let writer = self.writer.get_or_insert_with(|| {
            let file = file.take().expect("the file is there until the writer takes it");
            Writer::new(file, format, precision)
        });
        writer.with_precision(precision)
    }

    fn finish(mut self) -> Result<(), Trouble> {
        self.writer(Precision::Microseconds);
        let Some(writer) = self.writer else { return Ok(()) };
        let file = writer.finish(self.link.number()).map_err(|error| unwritable(&self.path, &error))?;
        file.into_inner().map(|_| ()).map_err(|error| unwritable(&self.path, error.error()))
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Trouble {
    let trouble = Trouble::unusable(Said::of("trouble-unwritten", &[("path", &path.display())])).because(error);
    match error.kind() {
        io::ErrorKind::StorageFull => trouble.hint(Said::of("decrypt-free-space", &[])),
        io::ErrorKind::InvalidInput => trouble.hint(Said::of("decrypt-pcapng", &[])),
        _ => trouble,
    }
}
