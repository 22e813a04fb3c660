//! The file of a recording: gzip of JSON lines, only ever added to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::entry::{FORMAT, Head, Moment, VERSION};
use crate::trouble::Trouble;
use crate::words::Said;

/// Writes a recording.
///
/// What was put in goes out whole at each [`flush`](Self::flush), so that a session that is killed leaves a file that is
/// good up to there. What could not be written (a full disk) stays in memory and goes out with the next flush that can.
pub(super) struct RecordingFile {
    path: PathBuf,
    file: File,
    /// Where what was written whole ends.
    end: u64,
    encoder: GzEncoder<Vec<u8>>,
    /// Why the last flush did not succeed.
    broken: Option<io::Error>,
}

impl RecordingFile {
    /// A new file with its head. One that is there already is not overwritten.
    pub(super) fn create(path: &Path, head: &Head) -> Result<Self, Trouble> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| {
            let trouble =
                Trouble::unusable(Said::of("trouble-unwritten", &[("path", &path.display())])).because(&error);
            match error.kind() {
                io::ErrorKind::AlreadyExists => trouble.hint(Said::of("recording-never-overwritten", &[])),
                _ => trouble,
            }
        })?;
        let encoder = GzEncoder::new(Vec::new(), Compression::default());
        let mut this = Self { path: path.to_owned(), file, end: 0, encoder, broken: None };
        this.line(head);
        this.flush();
        match this.broken {
            None => Ok(this),
            Some(_) => Err(this.trouble()),
        }
    }

    /// Puts in a line; it goes out with the next flush.
    pub(super) fn add(&mut self, moment: &Moment) {
        self.line(moment);
    }

    /// Writes out everything that was put in.
    pub(super) fn flush(&mut self) {
        // Memory takes everything.
        let _ = self.encoder.flush();
        self.write_out();
    }

    /// Ends the file.
    pub(super) fn finish(mut self) -> Result<(), Trouble> {
        let _ = self.encoder.try_finish();
        self.write_out();
        match self.broken {
            None => Ok(()),
            Some(_) => Err(self.trouble()),
        }
    }

    fn line(&mut self, line: &impl serde::Serialize) {
        let text = serde_json::to_string(line).expect("strings, numbers and flags are always JSON");
        // Memory takes everything.
        let _ = writeln!(self.encoder, "{text}");
    }

    fn write_out(&mut self) {
        let waiting = self.encoder.get_mut();
        let written = self.file.seek(SeekFrom::Start(self.end)).and_then(|_| self.file.write_all(waiting));
        self.broken = match written {
            Ok(()) => {
                self.end += waiting.len() as u64;
                waiting.clear();
                None
            }
            Err(error) => {
                // Half of it may have arrived; what cannot be cut off now is overwritten by the next flush.
                let _ = self.file.set_len(self.end);
                Some(error)
            }
        };
    }

    fn trouble(&self) -> Trouble {
        let trouble = Trouble::unusable(Said::of("recording-not-whole", &[("path", &self.path.display())]));
        let trouble = match &self.broken {
            Some(error) => trouble.because(error),
            None => trouble,
        };
        let name = self.path.display();
        trouble.hint(Said::of("recording-usable", &[("name", &name)]))
    }
}

/// What was read of a file.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) head: Head,
    pub(super) moments: Vec<Moment>,
    /// Why reading ended before the recording did, if it did.
    pub(super) torn: Option<String>,
}

/// A recording that is read is at most this long, unpacked, in octets: nothing that claims to be one fills the memory.
const LONGEST: u64 = 512 << 20;

/// Reads a recording. A tail that was torn off is left out, and said.
pub(super) fn read(path: &Path) -> Result<Contents, Trouble> {
    let name = path.display();
    let unreadable =
        |error: &io::Error| Trouble::unusable(Said::of("trouble-unread", &[("name", &name)])).because(error);
    let mut file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut magic = [0; 2];
    let is_gzip = file.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
    file.seek(SeekFrom::Start(0)).map_err(|error| unreadable(&error))?;
    let mut octets = Vec::new();
    // JSON lines that somebody unpacked are as good.
    let ended = if is_gzip {
        MultiGzDecoder::new(file).take(LONGEST).read_to_end(&mut octets)
    } else {
        file.take(LONGEST).read_to_end(&mut octets)
    };
    let mut torn = ended.err().map(|error| error.to_string());
    let whole = octets.iter().rposition(|octet| *octet == b'\n').map_or(0, |at| at + 1);
    if whole < octets.len() {
        torn.get_or_insert_with(|| "its last line is not whole".to_owned());
    }
    let mut lines =
        octets.get(..whole).unwrap_or_default().split(|octet| *octet == b'\n').filter(|line| !line.is_empty());
    let head = head(lines.next().unwrap_or_default(), path)?;
    let mut moments = Vec::new();
    for (number, line) in lines.enumerate() {
        match serde_json::from_slice(line) {
            Ok(moment) => moments.push(moment),
            Err(error) => {
                torn = Some(format!("line {}: {error}", number + 2));
                break;
            }
        }
    }
    Ok(Contents { head, moments, torn })
}

fn head(line: &[u8], path: &Path) -> Result<Head, Trouble> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        format: String,
        version: u32,
    }
    let name = path.display();
    let not_one = || {
        Trouble::unusable(Said::of("recording-no-recording", &[("name", &name)]))
            .hint(Said::of("recording-makes-one", &[]))
    };
    let Versioned { format, version } = serde_json::from_slice(line).map_err(|error| not_one().because(&error))?;
    if format != FORMAT {
        return Err(not_one());
    }
    if version > VERSION {
        return Err(Trouble::unusable(Said::of("trouble-newer", &[("name", &name)]))
            .hint(Said::of("recording-version", &[("version", &version), ("newest", &VERSION)])));
    }
    serde_json::from_slice(line).map_err(|error| not_one().because(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::recording::{Entry, Keys};

    pub(super) fn a_head() -> Head {
        Head {
            format: FORMAT.into(),
            version: VERSION,
            esplain: "0".into(),
            lab: "sim".into(),
            course: "c".into(),
            begun: "2023-02-01T02:00:00Z".into(),
            keys: Keys::Substitutes,
        }
    }

    fn mark(name: &str) -> Moment {
        Moment { at: 0, entry: Entry::Mark { name: name.into() } }
    }

    fn names(contents: &Contents) -> Vec<&str> {
        let name = |moment| match moment {
            &Moment { entry: Entry::Mark { ref name }, .. } => Some(name.as_str()),
            _ => None,
        };
        contents.moments.iter().filter_map(name).collect()
    }

    #[test]
    fn a_file_cut_at_any_octet_holds_all_that_was_flushed_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("walk.esplain");
        let mut file = RecordingFile::create(&path, &a_head()).unwrap();
        let head_ends = file.end;
        let mut ends = Vec::new();
        for name in ["one", "zwei", "三"] {
            file.add(&mark(name));
            file.flush();
            ends.push(file.end);
        }
        file.finish().unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert!(read(&path).unwrap().torn.is_none());
        for cut in head_ends as usize..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let contents = read(&path).unwrap();
            let flushed = ends.iter().filter(|end| **end <= cut as u64).count();
            assert!(names(&contents).len() >= flushed, "cut at {cut}");
            assert!(contents.torn.is_some(), "cut at {cut}");
        }
        // Unpacked by hand it is the same.
        let mut text = Vec::new();
        MultiGzDecoder::new(&whole[..]).read_to_end(&mut text).unwrap();
        std::fs::write(&path, &text).unwrap();
        assert_eq!(names(&read(&path).unwrap()), ["one", "zwei", "三"]);
    }

    #[test]
    fn what_is_no_recording_or_a_newer_one_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for (text, said) in [
            ("", "is not a recording"),
            ("{\"format\":\"else\",\"version\":1}\n", "is not a recording"),
            ("{\"format\":\"esplain recording\",\"version\":99}\n", "was written by a newer esplain"),
        ] {
            std::fs::write(&path, text).unwrap();
            let trouble = read(&path).unwrap_err();
            assert!(trouble.what.contains(said) && !trouble.hints.is_empty(), "{trouble}");
        }
        assert!(RecordingFile::create(&path, &a_head()).err().unwrap().hints[0].contains("never overwritten"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_said_and_what_waits_goes_out_when_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("walk.esplain");
        let mut file = RecordingFile::create(&path, &a_head()).unwrap();
        let disk = std::mem::replace(&mut file.file, OpenOptions::new().write(true).open("/dev/full").unwrap());
        file.add(&mark("kept"));
        file.flush();
        assert!(file.trouble().to_string().contains("No space left"));
        file.file = disk;
        file.finish().unwrap();
        assert_eq!(names(&read(&path).unwrap()), ["kept"]);
    }
}
