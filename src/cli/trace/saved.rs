//! Saved texts of real nodes: where they stand in a folder, and captures that belong to them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use crate::capture::Reader;
use crate::datapath::rebuild::{NodeTexts, Rebuilt, Text};
use crate::datapath::{Comparison, Ends, Sighting, Trace, compare, predicted};
use crate::decrypt::{Keyring, Scratch};
use crate::explain::{pings, sighting};
use crate::trouble::Trouble;
use crate::words::Said;
use crate::xfrm::State;

/// How to save a node's texts, for `--how-to-save`.
pub(super) const HOW: &str = include_str!("how_to_save.sh");

/// Reads a folder: `NODE.txt` as the script of `--how-to-save` writes it, `NODE/ip-rule.txt` or `NODE.ip-rule.txt`.
pub(super) fn read(folder: &Path) -> Result<Vec<NodeTexts>, Trouble> {
    let mut saved = Saved::default();
    for path in entries(folder)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if path.is_dir() {
            for file in entries(&path)? {
                if let Some(stem) = file.file_stem().and_then(|stem| stem.to_str()) {
                    saved.put(name, stem, &file)?;
                }
            }
        } else if let Some(whole) = name.strip_suffix(".txt") {
            // A node's own name may have dots in it.
            let cut = whole.match_indices('.').map(|(at, _)| (&whole[..at], &whole[at + 1..]));
            let of_one_text = cut.into_iter().find(|(_, stem)| is_known(stem));
            match of_one_text {
                Some((node, stem)) => saved.put(node, stem, &path)?,
                None => saved.put_stream(whole, &path)?,
            }
        }
    }
    let nodes = saved.finish();
    if nodes.is_empty() {
        return Err(Trouble::unusable(Said::of("predict-folder-empty", &[("folder", &folder.display())]))
            .hint(Said::of("predict-how-to-save", &[])));
    }
    Ok(nodes)
}

/// Addresses and routes of a pod in one file.
const BOTH: &str = "addr-route";
/// Of one table alone; what is behind it is the table.
const TABLE: [&str; 2] = ["ip-r-s-t-", "ip-route-table-"];
/// The table `main` alone.
const MAIN: &str = "ip-r";

fn is_known(stem: &str) -> bool {
    Text::of_stem(stem).is_some() || stem == BOTH || stem == MAIN || TABLE.iter().any(|table| stem.starts_with(table))
}

#[derive(Default)]
struct Saved {
    nodes: BTreeMap<String, NodeTexts>,
    /// Routes of single tables, for a node whose routes of all tables are not there.
    tables: BTreeMap<String, String>,
}

impl Saved {
    fn node(&mut self, name: &str) -> &mut NodeTexts {
        self.nodes.entry(name.to_owned()).or_insert_with(|| NodeTexts::new(name))
    }

    fn put(&mut self, node: &str, stem: &str, path: &Path) -> Result<(), Trouble> {
        if !is_known(stem) {
            return Ok(());
        }
        let (content, label) = (text(path)?, path.display().to_string());
        if let Some(text) = Text::of_stem(stem) {
            let own = self.node(node);
            // `ip -d addr` says more than `ip addr`.
            if own.get(text).is_none() || stem.contains("-d-") {
                own.put(text, label, content);
            }
        } else if stem == BOTH {
            let is_route =
                |line: &str| !line.starts_with([' ', '\t']) && !line.split(':').next().is_some_and(is_number);
            let at = content.lines().take_while(|line| !is_route(line)).map(|line| line.len() + 1).sum::<usize>();
            let (addresses, routes) = content.split_at_checked(at).unwrap_or((&content, ""));
            let own = self.node(node);
            own.put(Text::Addresses, label.clone(), addresses);
            own.put(Text::Routes, label, routes);
        } else {
            let table = TABLE.iter().find_map(|table| stem.strip_prefix(table));
            let kept = self.tables.entry(node.to_owned()).or_default();
            for line in content.lines().filter(|line| !line.trim().is_empty()) {
                kept.push_str(line.trim_end());
                kept.push_str(&table.map(|table| format!(" table {table}")).unwrap_or_default());
                kept.push('\n');
            }
        }
        Ok(())
    }

    fn put_stream(&mut self, node: &str, path: &Path) -> Result<(), Trouble> {
        let read = NodeTexts::from_stream(node, &text(path)?);
        if !read.is_empty() {
            self.nodes.insert(node.to_owned(), read);
        }
        Ok(())
    }

    fn finish(mut self) -> Vec<NodeTexts> {
        for (node, routes) in std::mem::take(&mut self.tables) {
            let own = self.node(&node);
            if own.get(Text::Routes).is_none() {
                own.put(Text::Routes, "the routes of single tables", routes);
            }
        }
        self.nodes.into_values().collect()
    }
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_digit())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Trouble> {
    let read = fs::read_dir(folder).map_err(|error| {
        Trouble::unusable(Said::of("predict-folder-unread", &[("folder", &folder.display())]))
            .because(&error)
            .hint(Said::of("predict-how-to-save-all", &[]))
    })?;
    let mut paths: Vec<PathBuf> = read.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    Ok(paths)
}

fn text(path: &Path) -> Result<String, Trouble> {
    let octets = fs::read(path).map_err(|error| {
        Trouble::unusable(Said::of("predict-file-unread", &[("path", &path.display())])).because(&error)
    })?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

/// A capture that belongs to saved texts: `NODE=FILE`, or `NODE:DEVICE=FILE` for one of a single device.
#[derive(Debug, Clone)]
pub(super) struct Capture {
    node: String,
    device: Option<String>,
    file: PathBuf,
}

/// Reads `NODE[:DEVICE]=FILE`.
pub(super) fn capture(word: &str) -> Result<Capture, String> {
    let (place, file) = word.split_once('=').ok_or("expected NODE=FILE, such as worker=worker-any.pcap")?;
    let (node, device) = place.split_once(':').map_or((place, None), |(node, device)| (node, Some(device.to_owned())));
    Ok(Capture { node: node.to_owned(), device, file: PathBuf::from(file) })
}

/// Holds a trace's prediction against captures of the nodes.
pub(super) fn held_against(rebuilt: &Rebuilt, trace: &Trace, captures: &[Capture]) -> Result<Comparison, Trouble> {
    let states: Vec<&State> =
        rebuilt.cluster.stacks.iter().flat_map(|stack| &stack.sad).map(|entry| &entry.state).collect();
    let hidden = trace.assumed.contains(&crate::datapath::rebuild::Assumed::Keys);
    // A key that was assumed opens nothing.
    let keys = if hidden { Keyring::default() } else { Keyring::new(states) };
    let mut seen = Vec::new();
    for capture in captures {
        seen.extend(sightings(rebuilt, capture, &keys)?);
    }
    let is_captured = |place: &str, device: &str| {
        captures.iter().any(|own| own.node == place && own.device.as_ref().is_none_or(|own| own == device))
    };
    let times = trace.hops.first().and_then(|hop| Ends::of(&hop.octets)).map_or(1, |ends| pings(&seen, ends));
    Ok(compare(&predicted(trace, is_captured), &seen, times))
}

fn sightings(rebuilt: &Rebuilt, capture: &Capture, keys: &Keyring) -> Result<Vec<Sighting>, Trouble> {
    let stack = rebuilt.cluster.find(&capture.node).and_then(|id| rebuilt.cluster.stack(id)).ok_or_else(|| {
        Trouble::usage(Said::of("predict-no-text-of-node", &[("node", &capture.node)]))
            .hint(Said::of("predict-with-texts", &[("names", &rebuilt.names().join(", "))]))
    })?;
    let unreadable = |error: &dyn std::error::Error| {
        Trouble::unusable(Said::of("predict-capture-unread", &[("path", &capture.file.display())])).because(error)
    };
    let file = File::open(&capture.file).map_err(|error| unreadable(&error))?;
    let mut reader = Reader::new(BufReader::new(file)).map_err(|error| unreadable(&error))?;
    let devices: BTreeMap<u32, String> =
        stack.devices.iter().map(|device| (device.index.0, device.name.clone())).collect();
    let (mut found, mut scratch) = (Vec::new(), Scratch::default());
    while let Some(record) = reader.next_record().map_err(|error| unreadable(&error))? {
        let own = sighting(&record.frame.to_frame(), &capture.node, &devices, keys, &mut scratch);
        found.extend(own.map(|own| Sighting { device: capture.device.clone().or(own.device.clone()), ..own }));
    }
    Ok(found)
}
