//! What the kind lab needs of this machine.

use std::path::Path;
use std::process::{Command, Stdio};

use super::doctor::Finding;
use super::{engine_needs, learn};
use crate::lab::kind::Host;
use crate::profile::Profile;
use crate::trouble::Trouble;
use crate::words::{Said, Words};

/// A program, how it is asked for its version, the oldest that will do, and where it is to be had.
struct Program {
    name: &'static str,
    ask: &'static [&'static str],
    oldest: (u32, u32),
    mend: &'static str,
}

/// kind 0.11 is the first whose nodes run Kubernetes 1.23; Helm 3 has no server part; kubectl may be a version away from
/// the cluster on either side, and does with more for what is asked here.
const PROGRAMS: [Program; 3] = [
    Program {
        name: "kind",
        ask: &["version"],
        oldest: (0, 11),
        mend: "https://kind.sigs.k8s.io/docs/user/quick-start/#installation",
    },
    Program {
        name: "kubectl",
        ask: &["version", "--client"],
        oldest: (1, 20),
        mend: "https://kubernetes.io/docs/tasks/tools/#kubectl",
    },
    Program { name: "helm", ask: &["version", "--short"], oldest: (3, 0), mend: "https://helm.sh/docs/intro/install/" },
];

/// What kind's own page of known issues asks for ("Pod errors due to too many open files").
const INOTIFY: [(&str, u64); 2] = [("max_user_watches", 524_288), ("max_user_instances", 512)];
/// Octets that the images of a cluster of three nodes take, with Cilium's.
const ROOM: u64 = 8 << 30;

/// Looks at everything, and says of each whether it is there; and whether the nodes' kernel is this machine's, as far as
/// is known.
pub(super) fn findings(words: &Words) -> (Vec<Finding>, bool) {
    let (engine, host) = engine(words);
    let mut found = vec![engine];
    found.extend(PROGRAMS.iter().map(|program| program.finding(words)));
    let here = cfg!(target_os = "linux") && host.as_ref().is_none_or(|host| host.here);
    if let Some(host) = &host {
        found.extend(engine_needs::findings(host, words));
    }
    if here {
        found.extend(INOTIFY.iter().filter_map(|(name, least)| inotify(name, *least, words)));
        let folder = host.map(|host| host.folder).filter(|folder| !folder.as_os_str().is_empty());
        found.extend(room(&folder.unwrap_or_else(|| "/var/lib/docker".into()), words));
    }
    (found, here)
}

/// Refuses to begin where one of these programs is missing, or too old.
pub(super) fn have(names: &[&str], words: &Words) -> Result<(), Trouble> {
    let wanted = PROGRAMS.iter().filter(|program| names.contains(&program.name));
    let lacks: Vec<Finding> =
        wanted.map(|program| program.finding(words)).filter(|finding| finding.lacks.is_some()).collect();
    if lacks.is_empty() {
        return Ok(());
    }
    let mut trouble = Trouble::unusable(Said::of("doctor-programs-missing", &[]));
    for Finding { name, lacks, mend, .. } in lacks {
        trouble.causes.push(format!("{name}: {}", lacks.unwrap_or_default()));
        trouble.hints.extend(mend.map(|mend| format!("{name}: {mend}").into()));
    }
    Err(trouble.hint(Said::of("lab-kind-doctor-hint", &[])))
}

/// Whether the engine answers, and whether somebody else's cluster has the course's name; and the machine it is on.
fn engine(words: &Words) -> (Finding, Option<Host>) {
    let text = words.say("doctor-docker", &[]);
    let mut finding = Finding { name: "docker".to_owned(), text, lacks: None, mend: None };
    let mut host = None;
    let asked = learn::kind(Profile::default(), learn::ANSWER).and_then(|mut lab| {
        host = Some(lab.host()?);
        let runs = lab.runs()?;
        let (own, others) = lab.members()?;
        Ok((runs, !own.is_empty() || !others.is_empty()))
    });
    match asked {
        Err(trouble) => {
            finding.lacks = Some(
                std::iter::once(trouble.what.in_words(words)).chain(trouble.causes).collect::<Vec<_>>().join(": "),
            );
            finding.mend = trouble.hints.first().map(|hint| hint.in_words(words));
        }
        Ok((false, true)) => {
            finding.lacks = Some(words.say("doctor-kind-name-taken", &[("name", crate::lab::kind::CLUSTER.into())]));
            finding.mend = Some(format!("kind delete cluster --name {}", crate::lab::kind::CLUSTER));
        }
        Ok(_) => {}
    }
    (finding, host)
}

impl Program {
    fn finding(&self, words: &Words) -> Finding {
        let text = words.say(&format!("doctor-program-{}", self.name), &[]);
        let asked = Command::new(self.name).args(self.ask).stdin(Stdio::null()).output();
        let lacks = match asked {
            Err(error) => Some(error.to_string()),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stdout).into_owned();
                match version(&said) {
                    Some(found) if found >= self.oldest => None,
                    Some((major, minor)) => {
                        let (wanted, least) = self.oldest;
                        let args = [
                            ("found", format!("{major}.{minor}").into()),
                            ("wanted", format!("{wanted}.{least}").into()),
                        ];
                        Some(words.say("doctor-too-old", &args))
                    }
                    None => Some(words.say("doctor-no-version", &[])),
                }
            }
        };
        let mend = lacks.is_some().then(|| self.mend.to_owned());
        Finding { name: self.name.to_owned(), text, lacks, mend }
    }
}

/// Major and minor of the first version in what a program says of itself (`kind v0.20.0 go1.20.4`).
fn version(said: &str) -> Option<(u32, u32)> {
    said.split(|letter: char| letter.is_whitespace() || letter == ':' || letter == '"' || letter == '+').find_map(
        |word| {
            let mut numbers = word.strip_prefix('v')?.split('.');
            Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
        },
    )
}

fn inotify(name: &str, least: u64, words: &Words) -> Option<Finding> {
    let has: u64 = std::fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?.trim().parse().ok()?;
    let lacks = (has < least).then(|| words.say("doctor-limit", &[("has", has.into()), ("least", least.into())]));
    let mend = lacks.is_some().then(|| format!("sudo sysctl -w fs.inotify.{name}={least}"));
    Some(Finding { name: format!("fs.inotify.{name}"), text: words.say("doctor-inotify", &[]), lacks, mend })
}

/// Room for the images in the engine's own folder.
fn room(folder: &Path, words: &Words) -> Option<Finding> {
    let has = rustix::fs::statvfs(folder).ok().map(|room| room.f_bavail.saturating_mul(room.f_frsize))?;
    let gib = |octets: u64| octets >> 30;
    let lacks = (has < ROOM).then(|| {
        words.say(
            "doctor-limit",
            &[("has", format!("{} GiB", gib(has)).into()), ("least", format!("{} GiB", gib(ROOM)).into())],
        )
    });
    let mend = lacks.is_some().then(|| "docker system prune".to_owned());
    Some(Finding { name: folder.display().to_string(), text: words.say("doctor-room", &[]), lacks, mend })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_say_their_version_each_in_its_own_way() {
        for (said, wanted) in [
            ("kind v0.20.0 go1.20.4 linux/amd64\n", Some((0, 20))),
            ("Client Version: v1.31.2\nKustomize Version: v5.4.2\n", Some((1, 31))),
            ("Client Version: version.Info{Major:\"1\", Minor:\"23\", GitVersion:\"v1.23.4\"}", Some((1, 23))),
            ("v3.16.2+g13654a5\n", Some((3, 16))),
            ("vast: command not found", None),
            ("", None),
        ] {
            assert_eq!(version(said), wanted, "{said}");
        }
    }
}
