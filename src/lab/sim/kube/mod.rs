//! The machine's side of the simulated lab: Docker, kind, Kubernetes, Helm and Cilium's control plane, as far as the
//! course meets them.

#![expect(
    clippy::format_push_string,
    clippy::format_collect,
    clippy::single_match_else,
    reason = "texts of a few lines read best as they are put together; the two arms of such a match weigh the same"
)]

mod agent;
mod apply;
mod change;
mod controller;
mod delete;
mod describe;
mod docker;
mod exec;
mod get;
mod helm;
mod key;
mod kind;
mod kubectl;
mod manifest;
mod object;
mod place;
mod tale;
mod wait;

pub(super) use controller::{next_event, next_progress, run_until};
pub(super) use exec::{container as exec_container, enter, pod as exec_pod};
pub(super) use place::{facts, finish, furnish_machine, login, places, set_profile};

use object::Cluster;

use super::World;
use super::process::{Call, Process};
use crate::packet::Timestamp;
use crate::profile::Profile;

/// What the tools of the machine know.
#[derive(Debug, Clone, Default)]
pub(super) struct Kube {
    /// The kind cluster, while there is one.
    cluster: Option<Cluster>,
    /// Helm's repositories by name.
    repositories: Vec<(String, String)>,
    /// Which versions its tools and charts stand for.
    profile: Profile,
}

/// The program of that name (`kind`, `kubectl`, `helm`, `docker`, `cilium`), as called.
pub(super) fn program(name: &str, call: &Call, world: &mut World) -> Option<Box<dyn Process>> {
    Some(match name {
        "kind" => kind::program(call, world),
        "kubectl" => kubectl::program(call, world),
        "helm" => helm::program(call, world),
        "docker" => docker::program(call, world),
        "cilium" => agent::program(call, world),
        _ => return None,
    })
}

/// Columns as Go's tabwriter lays them out for kubectl: three spaces between, none at the end.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        (cells.map(|cell| cell.chars().count()).max().unwrap_or(0) + 3).max(6)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let mut text = String::new();
        for (at, cell) in row.iter().enumerate() {
            if at + 1 == row.len() {
                text.push_str(cell);
            } else {
                text.push_str(&format!("{cell:width$}", width = widths.get(at).copied().unwrap_or(0)));
            }
        }
        text.push('\n');
        text
    };
    rows.iter().map(line).collect()
}

/// The first line of an error: a reader's picture of the place does not belong into another tool's one line.
fn first_line(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// An age as kubectl shows it (k8s.io/apimachinery/pkg/util/duration, `HumanDuration`).
fn terse_age(world: &World, since: Timestamp) -> String {
    let seconds = world.now().0.saturating_sub(since.0) / 1_000_000_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let with = |first: u64, unit: char, rest: u64, small: char| {
        if rest == 0 { format!("{first}{unit}") } else { format!("{first}{unit}{rest}{small}") }
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => with(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => with(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        _ => format!("{days}d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_as_wide_as_their_widest_cell_and_three() {
        let rows = [vec!["NAME".to_owned(), "AGE".to_owned()], vec!["a".to_owned(), "5s".to_owned()]];
        assert_eq!(table(&rows), "NAME   AGE\na      5s\n");
    }
}
