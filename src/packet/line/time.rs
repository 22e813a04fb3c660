use std::fmt::Write;

use super::Options;
use crate::packet::Timestamp;

/// How a line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeFormat {
    /// The time of day, `03:24:25.176225`.
    #[default]
    TimeOfDay,
    /// Nothing (`-t`).
    None,
    /// Seconds since 1970 (`-tt`).
    Epoch,
    /// The time since the line before (`-ttt`).
    SincePrevious,
    /// The date too (`-tttt`).
    Date,
    /// The time since the first line (`-ttttt`).
    SinceFirst,
}

impl TimeFormat {
    /// The format that so many `t` ask for (`-ttt`: 3); more than five are like five.
    pub fn of_count(count: usize) -> Self {
        match count {
            0 => Self::TimeOfDay,
            1 => Self::None,
            2 => Self::Epoch,
            3 => Self::SincePrevious,
            4 => Self::Date,
            _ => Self::SinceFirst,
        }
    }
}

/// The time stamps that others are counted from.
#[derive(Debug, Clone, Default)]
pub(super) struct Times {
    reference: Option<Timestamp>,
}

impl Times {
    pub(super) fn print(&mut self, time: Timestamp, options: &Options, out: &mut String) {
        let nanoseconds = options.nanoseconds;
        let local = time.0.saturating_add_signed(i64::from(options.utc_offset) * 1_000_000_000);
        // A String takes everything.
        let _ = match options.time {
            TimeFormat::None => Ok(()),
            TimeFormat::TimeOfDay => clock(local % (86_400 * 1_000_000_000), nanoseconds, out),
            TimeFormat::Epoch => {
                write!(out, "{}", time.0 / 1_000_000_000).and_then(|()| fraction(time.0, nanoseconds, out))
            }
            TimeFormat::Date => {
                date(local, out).and_then(|()| clock(local % (86_400 * 1_000_000_000), nanoseconds, out))
            }
            TimeFormat::SincePrevious | TimeFormat::SinceFirst => {
                let reference = *self.reference.get_or_insert(time);
                if options.time == TimeFormat::SincePrevious {
                    self.reference = Some(time);
                }
                out.push(if time < reference { '-' } else { ' ' });
                // Whole units are subtracted, as the digits of the time stamps show them.
                let unit = if nanoseconds { 1 } else { 1_000 };
                clock((time.0 / unit).abs_diff(reference.0 / unit) * unit, nanoseconds, out)
            }
        };
        if options.time != TimeFormat::None {
            out.push(' ');
        }
    }
}

fn clock(since: u64, nanoseconds: bool, out: &mut String) -> std::fmt::Result {
    let seconds = since / 1_000_000_000;
    write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
    fraction(since, nanoseconds, out)
}

fn fraction(time: u64, nanoseconds: bool, out: &mut String) -> std::fmt::Result {
    let fraction = time % 1_000_000_000;
    if nanoseconds { write!(out, ".{fraction:09}") } else { write!(out, ".{:06}", fraction / 1_000) }
}

fn date(local: u64, out: &mut String) -> std::fmt::Result {
    let seconds = i64::try_from(local / 1_000_000_000).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => write!(out, "{} ", time.strftime("%Y-%m-%d")),
        Err(_) => out.write_str("[Error converting time] "),
    }
}
