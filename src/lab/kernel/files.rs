//! The files of the places, across a reset: what is in their homes and in `/tmp` is copied to the lab's own folder, and
//! back.

use std::process::{Child, Stdio};

use super::holder::Holder;
use super::inside::FOLDER;
use crate::trouble::Trouble;
use crate::words::Said;

/// Copies the files of these places away, under a name.
pub(super) fn keep(holder: &Holder, places: &[String], name: &str) -> Result<(), Trouble> {
    everywhere(holder, places, |place| {
        let copy = folder(name, place);
        format!("rm -rf {copy}; mkdir -p {copy}; cp -a /root /home /tmp {copy}")
    })
}

/// Brings back what was kept under a name; a place that was not there then keeps what it has.
pub(super) fn bring_back(holder: &Holder, places: &[String], name: &str) -> Result<(), Trouble> {
    everywhere(holder, places, |place| {
        let copy = folder(name, place);
        format!(
            "[ -d {copy} ] || exit 0; find /root /home /tmp -mindepth 1 -delete; cp -a {copy}/root {copy}/home {copy}/tmp /"
        )
    })
}

fn folder(name: &str, place: &str) -> String {
    // A step's id and a place's name, which need no quotes; whatever else a name may hold is left out.
    let plain = |text: &str| text.replace(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'), "_");
    format!("{FOLDER}/saved/{}/{}", plain(name), plain(place))
}

/// Runs a script at every place at once, each for itself, and waits for all.
fn everywhere(holder: &Holder, places: &[String], script: impl Fn(&str) -> String) -> Result<(), Trouble> {
    let mut running: Vec<Child> = Vec::new();
    for place in places {
        let mut command = holder.call("exec", Some(place));
        command.args(["--", "sh", "-c", &script(place)]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let failed =
            |error| Trouble::unusable(Said::of("kernel-files-unreached", &[("place", &place)])).because(&error);
        running.push(child.map_err(failed)?);
    }
    for mut child in running {
        // A file that went while it was copied makes `cp` end with 1; all others are there.
        let _ = child.wait();
    }
    Ok(())
}
