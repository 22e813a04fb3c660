//! Transcripts as `tests/kernel/transcripts/record.sh` writes them: each command of a scenario and what it answered.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// One command, and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) place: String,
    pub(crate) line: String,
    /// Whether it ran beside others until it was stopped.
    pub(crate) beside: bool,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) status: i32,
    /// Whether it read a capture of the kernel's own: then nothing of its answer varies.
    pub(crate) exact: bool,
}

impl Said {
    /// A command before it answered.
    pub(crate) fn asked(place: &str, line: &str, beside: bool) -> Self {
        let (out, err) = (String::new(), String::new());
        Self { place: place.to_owned(), line: line.to_owned(), beside, out, err, status: 0, exact: false }
    }

    /// `worker $ ip rule`, as the transcript has it.
    pub(crate) fn title(&self) -> String {
        format!("{} {} {}", self.place, if self.beside { '&' } else { '$' }, self.line)
    }
}

/// What one lab answered to a scenario.
#[derive(Debug, Clone, Default)]
pub(crate) struct Transcript {
    pub(crate) all: Vec<Said>,
    /// The captures that the scenario left behind, by file name.
    pub(crate) captures: BTreeMap<String, Vec<u8>>,
}

impl Transcript {
    /// Reads `NAME.txt` and the captures of the folder `NAME`, packed with gzip or not. `None` where there is none.
    pub(crate) fn read(folder: &Path, name: &str) -> Option<Self> {
        let text = unpacked(&folder.join(format!("{name}.txt")))?;
        let mut transcript = Self { all: said(&String::from_utf8_lossy(&text)), captures: BTreeMap::new() };
        for entry in fs::read_dir(folder.join(name)).into_iter().flatten().flatten() {
            let path = entry.path();
            let file = entry.file_name().to_string_lossy().trim_end_matches(".gz").to_owned();
            if let Some(octets) = unpacked(&path.with_file_name(&file)) {
                transcript.captures.insert(file, octets);
            }
        }
        Some(transcript)
    }
}

/// What a file holds, or its packed form beside it.
fn unpacked(path: &Path) -> Option<Vec<u8>> {
    if let Ok(octets) = fs::read(path) {
        return Some(octets);
    }
    let packed = fs::File::open(PathBuf::from(format!("{}.gz", path.display()))).ok()?;
    let mut octets = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut octets).ok()?;
    Some(octets)
}

fn said(text: &str) -> Vec<Said> {
    let mut all: Vec<Said> = Vec::new();
    for line in text.lines() {
        let answered = line.split_at_checked(1).filter(|(_, rest)| rest.is_empty() || rest.starts_with([' ', '\\']));
        match (answered, all.last_mut()) {
            (Some(("|", rest)), Some(said)) => quoted(rest, &mut said.out),
            (Some(("!", rest)), Some(said)) => quoted(rest, &mut said.err),
            (Some(("=", rest)), Some(said)) => said.status = rest.trim().parse().expect("an exit status"),
            _ => {
                let mut words = line.splitn(3, ' ');
                if let (Some(place), Some(sign @ ("$" | "&")), Some(rest)) = (words.next(), words.next(), words.next())
                {
                    all.push(Said::asked(place, rest, sign == "&"));
                }
            }
        }
    }
    all
}

fn quoted(rest: &str, stream: &mut String) {
    if rest == "\\" {
        stream.pop();
    } else {
        stream.push_str(rest.strip_prefix(' ').unwrap_or(rest));
        stream.push('\n');
    }
}
