use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::esp_sa::{Version, row};
use crate::cli::{Io, decrypt};
use crate::trouble::{Exit, Trouble};
use crate::words::Said;
use crate::xfrm::StateFlags;

/// Print the SAs of `ip xfrm state` as rows of Wireshark's `esp_sa` table.
///
/// The rows are what the file `esp_sa` of a Wireshark profile holds, and what `tshark -o 'uat:esp_sa:ROW'` takes. They hold
/// the keys in clear.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Text of `ip xfrm state` (`-` is standard input); may be given several times.
    #[arg(long, required = true, value_name = "FILE")]
    sa: Vec<PathBuf>,
    /// The version of Wireshark to write for, such as 4.0. Without it, that of the tshark installed here.
    #[arg(long = "for", value_name = "VERSION")]
    version: Option<Version>,
}

pub(super) fn run(args: &Args, io: &mut Io) -> Result<Exit, Trouble> {
    if args.sa.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err(Trouble::usage(Said::of("trouble-one-stdin", &[])));
    }
    let (version, whose) = match (args.version, installed()) {
        (Some(version), _) => (version, "as asked"),
        (None, Some(version)) => (version, "which is installed here"),
        (None, None) => (Version::USUAL, "and later ones; no tshark is installed here to ask"),
    };
    if version < Version::OLDEST {
        return Err(Trouble::usage(Said::of("export-too-old", &[("version", &version)]))
            .hint(Said::of("export-later", &[("version", &Version::OLDEST)])));
    }
    let keys = decrypt::sas(&args.sa, io)?;
    let mut states: Vec<_> = keys.entries().iter().map(|entry| &entry.state).collect();
    // The first row that fits a packet counts, so the rows for every source come last.
    states.sort_by_key(|state| state.src.is_unspecified());
    let (mut rows, mut say): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for state in states {
        let name = format!("src {} dst {} spi {}", state.src, state.dst, state.spi);
        match row(state, version) {
            Ok(row) if rows.contains(&row) => {}
            Ok(row) => {
                if state.flags.has(StateFlags::ESN) && !version.knows_esn() {
                    say.push(format!(
                        "warning: {name}: Wireshark {version} does not know ESN and will call its ICVs wrong"
                    ));
                }
                rows.push(row);
            }
            Err(why) => say.push(format!("warning: {name} has no row: {why}")),
        }
    }
    if rows.is_empty() {
        return Err(Trouble { causes: say, ..Trouble::unusable(Said::of("export-no-rows", &[])) }
            .hint(Said::of("export-with-keys", &[])));
    }
    say.push(format!("note: rows for Wireshark {version}, {whose}; `--for VERSION` writes for another"));
    say.push("warning: these rows hold keys in clear: whoever has them can read the traffic".to_owned());
    say.push(
        "note: they belong into the file esp_sa of the folder that `tshark -G folders` calls the personal configuration; \
         the preference esp.enable_encryption_decode must be TRUE"
            .to_owned(),
    );
    for line in say {
        // What cannot be said on standard error is not worth ending for.
        let _ = writeln!(io.err, "{line}");
    }
    for row in rows {
        writeln!(io.out, "{row}").map_err(|error| Io::unwritable(&error))?;
    }
    Ok(Exit::Done)
}

/// The version of the tshark on the path: `TShark (Wireshark) 4.0.17 (Git …).`
fn installed() -> Option<Version> {
    let output = Command::new("tshark").arg("--version").stdin(Stdio::null()).output().ok()?;
    version_in(&String::from_utf8_lossy(&output.stdout))
}

fn version_in(said: &str) -> Option<Version> {
    let line = said.lines().find(|line| line.contains("Wireshark"))?;
    line.split_whitespace().find_map(|word| word.trim_end_matches('.').parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tsharks_own_words_hold_its_version() {
        for (said, version) in [
            ("TShark (Wireshark) 4.0.17 (Git v4.0.17 packaged as 4.0.17-0+deb12u3).\n", Some("4.0.17")),
            ("Running as user \"root\"\nTShark (Wireshark) 4.4.2.\n\nCopyright 1998-2024\n", Some("4.4.2")),
            ("something else 1.2\n", None),
        ] {
            assert_eq!(version_in(said).map(|version| version.to_string()).as_deref(), version);
        }
    }
}
