use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use crate::trouble::Trouble;
use crate::words::Said;

/// Which containers the lab had made: their ids in a file, one a line. kind labels a node with its cluster's name and no
/// more, and somebody else may call a cluster the same.
#[derive(Debug)]
pub(super) struct Ledger {
    file: PathBuf,
}

impl Ledger {
    /// The ledger in that file, which need not be there yet.
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file }
    }

    /// The ids in it; none where it cannot be read.
    pub(super) fn containers(&self) -> BTreeSet<String> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Writes ids into it, behind those that it has.
    pub(super) fn add<'c>(&self, containers: impl Iterator<Item = &'c str>) -> Result<(), Trouble> {
        let text = lines(containers);
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.file)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_data()))
            .map_err(|error| {
                Trouble::unusable(Said::of("kind-unwritable", &[("file", &self.file.display())]))
                    .because(&error)
                    .hint(Said::of("kind-not-written-down-hint", &[]))
            })
    }

    /// Leaves only these ids in it: those that are still there.
    pub(super) fn keep(&self, containers: &BTreeSet<String>) {
        let text = lines(containers.iter().map(String::as_str));
        // Ids of containers that are gone do no harm.
        let _ = if text.is_empty() { std::fs::remove_file(&self.file) } else { std::fs::write(&self.file, text) };
    }
}

fn lines<'c>(ids: impl Iterator<Item = &'c str>) -> String {
    ids.fold(String::new(), |text, id| text + id + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_down_is_known_until_it_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::new(folder.path().join("made"));
        assert!(ledger.containers().is_empty());
        ledger.add(["a1", "b2"].into_iter()).expect("written");
        ledger.add(["c3"].into_iter()).expect("written");
        assert_eq!(ledger.containers().len(), 3);
        ledger.keep(&BTreeSet::from(["b2".to_owned()]));
        assert_eq!(ledger.containers().into_iter().collect::<Vec<_>>(), ["b2"]);
        ledger.keep(&BTreeSet::new());
        assert!(!folder.path().join("made").exists());
    }
}
