use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::IpAddr;

use super::holder::Holder;
use super::inside::FOLDER;
use super::plan::{Piece, Tool, is_real, kernel_routes, namespace, pieces, scrub};
use crate::datapath::{Cluster, Stack, StackId};
use crate::trouble::Trouble;

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
            script.unmake(name);
        }
        let fresh: Vec<&Stack> =
            wanted.iter().filter(|(name, _)| !old.contains_key(*name)).map(|(_, (stack, _))| *stack).collect();
        if !fresh.is_empty() {
            let lines: String = fresh.iter().map(|stack| format!("netns add {}\n", namespace(stack))).collect();
            script.feed("ip", "", &lines);
            let hosts = hosts(cluster);
            if hosts != self.hosts {
                script.file(&format!("{FOLDER}/etc/hosts"), &hosts);
                self.hosts = hosts;
            }
            for stack in fresh {
                script.furnish(stack, is_place(cluster, stack));
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
        script.run(holder)?;
        self.known = known;
        Ok(())
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
            script.feed("ip", &name, &(scrub(stack).join("\n") + "\n"));
            let devices = stack.devices.iter().map(|device| &device.name);
            let qdiscs: String = devices.map(|device| format!("qdisc del dev {device} clsact\n")).collect();
            script.feed("tc", &name, &qdiscs);
            script.feed("ip", &name, "rule add lookup main pref 32766\nrule add lookup default pref 32767\n");
            for tool in [Tool::Sysctl, Tool::Ip, Tool::Tc] {
                let mut lines: Vec<&str> =
                    pieces.iter().filter(|piece| piece.tool == tool).map(|piece| piece.add.as_str()).collect();
                let own = kernel_routes(stack);
                if tool == Tool::Ip {
                    // Before the routes whose routers they lead to.
                    lines.splice(0..0, own.iter().map(String::as_str));
                }
                script.add(tool, &name, &lines);
            }
            if !stack.rules.iter().any(|rule| rule.priority == 0) {
                script.feed("ip", &name, "rule del pref 0\n");
            }
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
    !stack.name.starts_with("cilium-health@") && stack.name != "machine"
        || cluster.nodes.iter().any(|node| node.name == stack.name)
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

/// A script for the lab's own shell. Commands go to `ip` and `tc` in batches: a process costs more than what it does.
#[derive(Default)]
struct Script {
    text: String,
    /// Whether what fails is passed over.
    careless: bool,
}

impl Script {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A batch for `ip` or `tc` in a namespace (`""` is the lab's own). `-force` goes on behind a line that fails.
    fn feed(&mut self, tool: &str, name: &str, lines: &str) {
        if lines.is_empty() {
            return;
        }
        let place = if name.is_empty() { String::new() } else { format!("-n {name} ") };
        let quiet = if self.careless { " 2>/dev/null" } else { "" };
        self.line(&format!("{tool} {place}-force -batch -{quiet} <<'__end_of_batch'\n{lines}__end_of_batch"));
    }

    fn file(&mut self, path: &str, text: &str) {
        self.line(&format!("cat >{path} <<'__end_of_file'\n{text}__end_of_file"));
    }

    fn add(&mut self, tool: Tool, name: &str, lines: &[&str]) {
        if lines.is_empty() {
            return;
        }
        let text = lines.join("\n") + "\n";
        match tool {
            Tool::Cable | Tool::Ip => self.feed("ip", name, &text),
            Tool::Tc => self.feed("tc", name, &text),
            Tool::Sysctl => self.sysctls(name, &text),
        }
    }

    /// Values of `/proc/sys/net`, which is that of the process's own network namespace.
    fn sysctls(&mut self, name: &str, lines: &str) {
        self.line(&format!(
            "nsenter --net=/run/netns/{name} sh -c 'while read -r name value; do \
             echo \"$value\" >\"/proc/sys/net/$name\"; done' 2>/dev/null <<'__end_of_values'\n{lines}__end_of_values"
        ));
    }

    fn remove(&mut self, name: &str, gone: &[&str], before: &[Piece]) {
        if gone.is_empty() {
            return;
        }
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

    /// What a new namespace has beside its network: its host name and, for places, files of its own.
    fn furnish(&mut self, stack: &Stack, is_place: bool) {
        let name = namespace(stack);
        self.sysctls(&name, &format!("{QUIET}\n"));
        if !is_place {
            return;
        }
        // /sys is the network's own, as `ip netns exec` has it. A tmpfs over /run/netns makes `ip` print `link-netnsid N`
        // as on a real node, instead of names that no node has.
        let ns = format!("{FOLDER}/ns/{name}");
        self.line(&format!(
            "touch {ns}.mount {ns}.uts
nsenter --net=/run/netns/{name} unshare --mount={ns}.mount --uts={ns}.uts sh -c '
echo {name} >/proc/sys/kernel/hostname
mount -t sysfs lab /sys 2>/dev/null
for folder in /run/netns /root /home /tmp; do mount -t tmpfs lab $folder; done
chmod 1777 /tmp
for file in hosts nsswitch.conf; do mount --bind {FOLDER}/etc/$file /etc/$file 2>/dev/null; done
:'"
        ));
    }

    fn unmake(&mut self, name: &str) {
        self.line(&format!(
            "ip netns del {name} 2>/dev/null; for kind in mount uts; do umount {FOLDER}/ns/{name}.$kind && \
             rm {FOLDER}/ns/{name}.$kind; done 2>/dev/null; rm -f {FOLDER}/kept/{name}"
        ));
    }

    fn run(self, holder: &Holder) -> Result<(), Trouble> {
        if self.text.is_empty() {
            return Ok(());
        }
        let said = holder.script(None, &self.text)?;
        let complaints = complaints(&said);
        if complaints.is_empty() || self.careless {
            return Ok(());
        }
        let mut trouble = Trouble::unusable("the kernel lab could not be built");
        trouble.causes = complaints;
        Err(trouble.hint("`esplain doctor --lab kernel` says what this kernel lacks"))
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
