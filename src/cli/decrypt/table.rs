use std::fmt::Write;

use super::batch::{Batch, Row};
use super::output::{direction, first_of, time};
use crate::capture::Precision;
use crate::decrypt::Sighting;
use crate::packet::FrameView;

/// The table for reading: one line a frame where there is room for it, as in a file; else what is inside on lines of its
/// own.
pub(super) struct Table {
    /// Columns of the terminal; `None` for as many as it takes.
    columns: Option<usize>,
    color: bool,
    begun: bool,
}

/// From so many columns on a frame is one line.
const WIDE: usize = 160;
/// How far the lines below the first are indented.
const INDENT: usize = 7;

impl Table {
    pub(super) fn new(columns: Option<usize>, color: bool) -> Self {
        Self { columns, color, begun: false }
    }

    fn is_wide(&self) -> bool {
        self.columns.is_none_or(|columns| columns >= WIDE)
    }

    /// Appends what is said of a frame.
    pub(super) fn row(
        &mut self,
        batch: &Batch,
        row: &Row,
        frame: FrameView<'_>,
        sighting: Option<Sighting<'_>>,
        out: &mut String,
    ) {
        if !self.begun {
            self.begun = true;
            self.header(out);
        }
        let device = match (frame.device, direction(&frame)) {
            (Some(device), Some(direction)) => format!("{device} {direction}"),
            (Some(one), None) | (None, Some(one)) => one.to_owned(),
            (None, None) => "-".to_owned(),
        };
        let clock = time(frame.time).map_or_else(String::new, |time| match batch.precision(row) {
            Precision::Microseconds => time.strftime("%H:%M:%S.%6f").to_string(),
            Precision::Nanoseconds => time.strftime("%H:%M:%S.%9f").to_string(),
        });
        let outer = row.outer.map(|(src, dst)| format!("{src} > {dst}")).filter(|_| row.esp.is_some());
        let first = first_of(sighting.as_ref(), row);
        let mut inside = match first {
            Some(first) => format!("same packet as frame {first}"),
            None => batch.text(row).to_owned(),
        };
        // The packet in clear and the one in ESP are told to be one, or the clear one looks like a leak.
        if row.esp.is_none()
            && let Some(sealed) = sighting.and_then(|sighting| sighting.other_form.first())
        {
            let _ = write!(inside, " [inside frame {}]", sealed.frame);
        }
        // A String takes everything.
        let _ = write!(out, "{:>6} {clock} {device:<18} ", batch.number(row));
        self.status(row.status, out);
        if self.is_wide() {
            let esp = row.esp.map(|(spi, seq)| format!("{spi} {seq}")).unwrap_or_default();
            let _ = writeln!(out, " {:<24} {esp:<16} {inside}", outer.unwrap_or_default());
            return;
        }
        let esp = row.esp.map(|(spi, seq)| format!("SPI {spi} seq {seq}"));
        let header: Vec<String> = outer.into_iter().chain(esp).collect();
        if !header.is_empty() {
            let header = header.join(", ");
            if first.is_some() {
                inside = format!("{header}: {inside}");
            } else {
                out.push('\n');
                self.below(&header, out);
            }
        }
        out.push('\n');
        self.below(&inside, out);
        out.push('\n');
    }

    fn header(&self, out: &mut String) {
        let _ = write!(out, "{:>6} {:<15} {:<18} {:<11}", "frame", "time (UTC)", "device", "status");
        if self.is_wide() {
            let _ = write!(out, " {:<24} {:<16} inside", "outer", "SPI and seq");
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }

    /// Text below the first line, wrapped to the columns there are.
    fn below(&self, text: &str, out: &mut String) {
        let indent = " ".repeat(INDENT);
        let width = self.columns.unwrap_or(80).max(INDENT + 20);
        let deeper = " ".repeat(INDENT + 2);
        let options = textwrap::Options::new(width).initial_indent(&indent).subsequent_indent(&deeper);
        for (number, line) in textwrap::wrap(text, options).iter().enumerate() {
            if number > 0 {
                out.push('\n');
            }
            out.push_str(line);
        }
    }

    fn status(&self, status: &str, out: &mut String) {
        let color = match status {
            _ if !self.color => None,
            "decrypted" => Some("\x1b[32m"),
            "clear" => None,
            "no-sa" | "unsupported" | "truncated" => Some("\x1b[33m"),
            _ => Some("\x1b[31m"),
        };
        let end = if color.is_some() { "\x1b[0m" } else { "" };
        let width = if self.is_wide() { 11 } else { 0 };
        let _ = write!(out, "{}{status:<width$}{end}", color.unwrap_or_default());
    }
}
