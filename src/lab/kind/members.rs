//! The containers that the cluster is made of: whose they are, and how they are started and taken away.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::engine::Engine;
use super::lab::Kind;
use super::ledger::Ledger;
use crate::trouble::Trouble;

impl Kind {
    /// Whether the cluster of the course runs here: a control plane and two workers.
    pub fn runs(&mut self) -> Result<bool, Trouble> {
        let nodes = self.nodes()?;
        let running = |alias: &str| nodes.iter().any(|node| node.running && node.is_called(alias));
        Ok(["control-plane", "worker", "worker2"].into_iter().all(running))
    }

    /// Names of the cluster's containers, those that a line of this lab's made and those that somebody else did.
    pub fn members(&self) -> Result<(Vec<String>, Vec<String>), Trouble> {
        let made = self.ledger.as_ref().map(Ledger::containers).unwrap_or_default();
        let (own, others): (Vec<_>, Vec<_>) =
            self.engine.members(&self.cluster)?.into_iter().partition(|(id, _)| made.contains(id));
        let names = |members: Vec<(String, String)>| members.into_iter().map(|(_, name)| name).collect();
        Ok((names(own), names(others)))
    }

    /// Starts the cluster's nodes that do not run.
    pub fn start_nodes(&mut self) -> Result<(), Trouble> {
        self.nodes()?.into_iter().filter(|node| !node.running).try_for_each(|node| self.engine.start(node.container))
    }

    /// Takes away those of the cluster's containers that a line of this lab's made, their volumes with them; gives how
    /// many that were.
    pub fn remove_own(&mut self) -> Result<usize, Trouble> {
        let Some(ledger) = &self.ledger else { return Ok(0) };
        let made = ledger.containers();
        let mut removed = 0;
        for (id, _) in self.engine.members(&self.cluster)?.into_iter().filter(|(id, _)| made.contains(id)) {
            self.engine.remove(id)?;
            removed += 1;
        }
        ledger.keep(&BTreeSet::new());
        Ok(removed)
    }
}

/// What a line of the machine's makes. It is looked for while the line runs, so that it is known even if nobody is there
/// any more when the line ends.
pub(super) struct Births {
    /// Ids of the containers that are known. Where the engine did not say which there were, none is claimed.
    known: Option<BTreeSet<String>>,
    looked: Instant,
}

/// How often it is looked for.
const LOOK: Duration = Duration::from_secs(1);

impl Births {
    /// What there is before the line begins.
    pub(super) fn before(engine: &Engine, cluster: &str) -> Self {
        Self { known: ids(engine, cluster).ok(), looked: Instant::now() }
    }

    pub(super) fn are_due(&self) -> bool {
        self.looked.elapsed() > LOOK
    }

    /// Writes down what has come since the last look. An engine that does not answer is asked again next time.
    pub(super) fn write_down(
        &mut self,
        engine: &Engine,
        cluster: &str,
        ledger: Option<&Ledger>,
    ) -> Result<(), Trouble> {
        self.looked = Instant::now();
        let (Some(ledger), Some(known), Ok(now)) = (ledger, &mut self.known, ids(engine, cluster)) else {
            return Ok(());
        };
        let fresh: Vec<String> = now.difference(known).cloned().collect();
        if !fresh.is_empty() {
            ledger.add(fresh.iter().map(String::as_str))?;
            known.extend(fresh);
        }
        Ok(())
    }
}

/// Ids of the cluster's containers.
fn ids(engine: &Engine, cluster: &str) -> Result<BTreeSet<String>, Trouble> {
    Ok(engine.members(cluster)?.into_iter().map(|(id, _)| id).collect())
}
