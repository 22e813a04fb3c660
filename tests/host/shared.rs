//! What lies beside the project and is not part of it: captures of real kernels, with the text of their tools.

use std::path::{Path, PathBuf};

/// The folder with the captures, `captures` in `$ESPLAIN_SHARED` or in `../shared`; `None`, loudly, where it is not.
pub(crate) fn captures() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("ESPLAIN_SHARED").map_or(here, PathBuf::from).join("captures");
    if folder.is_dir() {
        return Some(folder);
    }
    println!(
        "skipped: there are no captures in {} (set ESPLAIN_SHARED to the folder that has captures/)",
        folder.display()
    );
    None
}
