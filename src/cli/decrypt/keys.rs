use std::io::Write;
use std::path::PathBuf;

use super::text_of;
use crate::cli::Io;
use crate::decrypt::Keyring;
use crate::trouble::Trouble;
use crate::words::Said;
use crate::xfrm::parse_states;

/// The SAs of all `--sa` files.
pub(super) struct Keys {
    pub(super) ring: Keyring,
    /// Whether any file was given at all.
    pub(super) given: bool,
}

/// How many lines that could not be read are named for each file.
const NAMED: usize = 5;

/// Reads the files. Lines that could not be read are named on standard error; a file without any state is a failure.
pub(super) fn read(paths: &[PathBuf], io: &mut Io) -> Result<Keys, Trouble> {
    let mut ring = Keyring::default();
    for path in paths {
        let listing = parse_states(&text_of(path, io)?);
        let name = path.display();
        let mut unread: Vec<_> = listing
            .unread
            .iter()
            .take(NAMED)
            .map(|unread| format!("line {}: {}", unread.line, unread.reason))
            .collect();
        if listing.unread.len() > NAMED {
            unread.push(format!("and {} more lines", listing.unread.len() - NAMED));
        }
        if listing.items.is_empty() {
            let trouble = Trouble::unusable(Said::of("decrypt-no-states", &[("name", &name)]));
            return Err(Trouble { causes: unread, ..trouble }.hint(Said::of("decrypt-save-states", &[])));
        }
        for line in unread {
            // What cannot be said on standard error is not worth ending for.
            let _ = writeln!(io.err, "warning: {name}: {line}");
        }
        listing.items.iter().for_each(|state| ring.add(state));
    }
    Ok(Keys { ring, given: !paths.is_empty() })
}
