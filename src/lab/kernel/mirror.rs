use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::IpAddr;

use super::build::Work;
use super::holder::Holder;
use super::plan::{Piece, Tool, is_real, kernel_routes, namespace, pieces, scrub};
use crate::datapath::{Cluster, Stack, StackId};
use crate::trouble::Trouble;
use crate::words::Said;

/// Keeps the real namespaces like the model's stacks: what the machine's tools change there is done here.
///
/// Only differences are told, so that what the learner changes on a node stays until the lab is set back.
#[derive(Default)]
pub(super) struct Mirror {
    /// What each namespace was made of when it was last told.
    known: BTreeMap<String, Vec<Piece>>,
    hosts: String,
}

/// Told to every namespace when it is made: no packets but the learner's.
const QUIET: &str = "ipv6/conf/all/accept_dad 0
ipv6/conf/default/accept_dad 0
ipv6/conf/all/router_solicitations 0
ipv6/conf/default/router_solicitations 0";

impl Mirror {
    /// Brings the namespaces to where the model is now.
    pub(super) fn follow(&mut self, cluster: &Cluster, holder: &Holder) -> Result<(), Trouble> {
        let wanted = wanted(cluster);
        let old = &self.known;
        if wanted.len() == old.len() && wanted.iter().all(|(name, (_, pieces))| old.get(name) == Some(pieces)) {
            return Ok(());
        }
        let mut script = Script::default();
        for name in old.keys().filter(|name| !wanted.contains_key(*name)) {
            script.works.push(Work::Unmake(name.clone()));
        }
        let fresh: Vec<&Stack> =
            wanted.iter().filter(|(name, _)| !old.contains_key(*name)).map(|(_, (stack, _))| *stack).collect();
        if !fresh.is_empty() {
            let hosts = hosts(cluster);
            if hosts != self.hosts {
                script.works.push(Work::Hosts(hosts.clone()));
                self.hosts = hosts;
            }
            for stack in &fresh {
                let place = is_place(cluster, stack);
                script.works.push(Work::Make { name: namespace(stack), place });
            }
            for stack in fresh {
                script.sysctls(&namespace(stack), QUIET);
            }
        }
        // What goes, goes first: a state in the place of another has its identity.
        let empty = Vec::new();
        for (name, (_, pieces)) in &wanted {
            let before = old.get(name).unwrap_or(&empty);
            let gone: Vec<&str> = before
                .iter()
                .rev()
                .filter(|piece| !piece.remove.is_empty() && !pieces.contains(piece))
                .map(|piece| piece.remove.as_str())
                .collect();
            script.remove(name, &gone, before);
        }
        for tool in [Tool::Cable, Tool::Sysctl, Tool::Ip, Tool::Tc] {
            for (name, (_, pieces)) in &wanted {
                let before = old.get(name).unwrap_or(&empty);
                let new: Vec<&str> = pieces
                    .iter()
                    .filter(|piece| piece.tool == tool && !before.contains(piece))
                    .map(|piece| piece.add.as_str())
                    .collect();
                script.add(tool, name, &new);
            }
        }
        let known = wanted.into_iter().map(|(name, (_, pieces))| (name, pieces)).collect();
        // What was told is not told again, even if some of it was refused.
        self.known = known;
        script.run(holder)
    }

    /// Takes the learner's changes back: the `touched` namespaces are told everything again.
    pub(super) fn set_back(
        &mut self,
        cluster: &Cluster,
        holder: &Holder,
        touched: &BTreeSet<String>,
    ) -> Result<(), Trouble> {
        self.follow(cluster, holder)?;
        let mut script = Script { careless: true, ..Script::default() };
        for (name, (stack, pieces)) in wanted(cluster).into_iter().filter(|(name, _)| touched.contains(name)) {
            let of = |tool| pieces.iter().filter(move |piece| piece.tool == tool).map(|piece| piece.add.clone());
            // The rules that every namespace has at first; a rule that is to go is among the pieces.
            let rules = ["local pref 0", "main pref 32766", "default pref 32767"];
            let mut ip = scrub(stack);
            ip.extend(rules.map(|rule| format!("rule add lookup {rule}")));
            // Before the routes whose routers they lead to.
            ip.extend(kernel_routes(stack));
            ip.extend(of(Tool::Ip));
            let mut tc: Vec<String> =
                stack.devices.iter().map(|device| format!("qdisc del dev {} clsact", device.name)).collect();
            tc.extend(of(Tool::Tc));
            script.sysctls(&name, &of(Tool::Sysctl).collect::<Vec<_>>().join("\n"));
            script.feed("ip", &name, &(ip.join("\n") + "\n"));
            script.feed("tc", &name, &(tc.join("\n") + "\n"));
        }
        script.run(holder)
    }
}

fn wanted(cluster: &Cluster) -> BTreeMap<String, (&Stack, Vec<Piece>)> {
    let stacks = cluster.stacks.iter().enumerate().filter(|(_, stack)| is_real(stack));
    stacks.map(|(at, stack)| (namespace(stack), (stack, pieces(cluster, StackId(at))))).collect()
}

/// Whether somebody can go there; only such a namespace needs files and a name of its own.
fn is_place(cluster: &Cluster, stack: &Stack) -> bool {
    let of_the_cluster = ["machine", "cilium-", "coredns-", "local-path-"];
    cluster.nodes.iter().any(|node| node.name == stack.name)
        || !of_the_cluster.iter().any(|start| stack.name.starts_with(start))
}

/// Docker's resolver knows the nodes by name.
fn hosts(cluster: &Cluster) -> String {
    let mut hosts = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n".to_owned();
    for node in &cluster.nodes {
        // Writing to a String cannot fail.
        let _ = writeln!(hosts, "{}\t{}", IpAddr::V4(node.address), node.name);
    }
    hosts
}

/// What is to be done, put together before it is done at once.
#[derive(Default)]
struct Script {
    works: Vec<Work>,
    /// Whether what fails is passed over.
    careless: bool,
}

impl Script {
    /// Lines for `ip` or `tc` in a namespace.
    fn feed(&mut self, tool: &str, name: &str, lines: &str) {
        if !lines.is_empty() {
            let name = Some(name.to_owned());
            let (tool, lines) = (tool.to_owned(), lines.to_owned());
            self.works.push(Work::Batch { tool, name, lines, careless: self.careless });
        }
    }

    fn add(&mut self, tool: Tool, name: &str, lines: &[&str]) {
        if lines.is_empty() {
            return;
        }
        let text = lines.join("\n") + "\n";
        match tool {
            Tool::Ip => self.feed("ip", name, &text),
            Tool::Tc => self.feed("tc", name, &text),
            Tool::Sysctl => self.sysctls(name, &text),
            // The first end goes where it belongs, too: one batch lays all cables.
            Tool::Cable => {
                if let Some(Work::Batch { name: None, lines, .. }) = self.works.last_mut() {
                    lines.push_str(&text);
                } else {
                    let tool = "ip".to_owned();
                    self.works.push(Work::Batch { tool, name: None, lines: text, careless: self.careless });
                }
            }
        }
    }

    fn sysctls(&mut self, name: &str, lines: &str) {
        let pair = |line: &str| line.split_once(' ').map(|(key, value)| (key.to_owned(), value.to_owned()));
        self.works.push(Work::Sysctl { name: name.to_owned(), values: lines.lines().filter_map(pair).collect() });
    }

    fn remove(&mut self, name: &str, gone: &[&str], before: &[Piece]) {
        let is_tc = |line: &&&str| before.iter().any(|piece| piece.tool == Tool::Tc && piece.remove == **line);
        let (tc, ip): (Vec<&str>, Vec<&str>) = gone.iter().partition(|line| is_tc(line));
        // Much of it is gone with its device, or by the learner's hand.
        let careless = std::mem::replace(&mut self.careless, true);
        for (tool, lines) in [("tc", tc), ("ip", ip)] {
            if !lines.is_empty() {
                self.feed(tool, name, &(lines.join("\n") + "\n"));
            }
        }
        self.careless = careless;
    }

    fn run(self, holder: &Holder) -> Result<(), Trouble> {
        if self.works.is_empty() {
            return Ok(());
        }
        let text = serde_json::to_string(&self.works)
            .map_err(|error| Trouble::unusable(Said::of("kernel-not-built", &[])).because(&error))?;
        let complaints = complaints(&holder.run("build", &text)?);
        if complaints.is_empty() || self.careless {
            return Ok(());
        }
        let mut trouble = Trouble::unusable(Said::of("kernel-not-built", &[]));
        trouble.causes = complaints;
        Err(trouble.hint(Said::of("kernel-doctor-kernel", &[])))
    }
}

/// What went wrong in earnest: something that is there already is what was wanted.
fn complaints(said: &str) -> Vec<String> {
    let lines = said.lines().map(str::trim);
    let serious = lines
        .filter(|line| !line.is_empty() && !line.ends_with("File exists") && !line.starts_with("Command failed -"));
    serious.take(8).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_already_is_no_complaint() {
        let said = "RTNETLINK answers: File exists\nCommand failed -:3\n";
        assert!(complaints(said).is_empty());
        assert_eq!(complaints("Error: Unknown device type.\nCommand failed -:1\n"), ["Error: Unknown device type."]);
    }
}
