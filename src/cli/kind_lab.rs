//! `esplain lab … --lab kind`: the cluster of the tutorial made unattended, looked after, and taken away.

use std::io::{IsTerminal, Read, Write};
use std::time::{Duration, Instant};

use super::{Io, learn};
use crate::lab::kind::{CLUSTER, Kind};
use crate::lab::machine_files::PODS;
use crate::lab::{Input, JobEvent, Lab, Permit, PlaceKind, Profile};
use crate::trouble::{Exit, Trouble};
use crate::words::{FluentValue, Words};

/// What has to be done, in order. Each part sees by itself whether it was done before, so that a set-up that was
/// interrupted goes on where it was.
const PARTS: [(&str, Part); 7] = [
    ("cluster", cluster),
    ("taint", taint),
    ("key", key),
    ("install", install),
    ("ready", nodes_ready),
    ("tools", tools),
    ("pods", pods),
];

type Part = fn(&mut SetUp<'_>) -> Result<(), Trouble>;

/// How long the images may take to come and the pods to be ready.
const PATIENCE: Duration = Duration::from_mins(15);
/// How often what is waited for is told.
const NEWS: Duration = Duration::from_secs(10);

struct SetUp<'a> {
    lab: Kind,
    profile: Profile,
    words: &'a Words,
    io: &'a mut Io,
}

/// Makes the cluster, after showing what will run on this machine, and a yes.
pub(super) fn up(profile: Profile, yes: bool, words: &Words, io: &mut Io) -> Result<Exit, Trouble> {
    let lab = learn::kind(profile, learn::ANSWER)?;
    let mut lines = vec![CREATE.to_owned()];
    lines.extend(installing(profile));
    ask("lab-kind-will-run", &lines, yes, words, io)?;
    let mut set_up = SetUp { lab, profile, words, io };
    for line in lines {
        set_up.lab.permit(&line, Permit::Always);
    }
    for (number, (name, part)) in PARTS.into_iter().enumerate() {
        let title = words.say(&format!("lab-kind-{name}"), &[]);
        set_up.tell(&format!("[{}/{}] {title}", number + 1, PARTS.len()))?;
        part(&mut set_up).map_err(|trouble| trouble.hint(words.say("lab-kind-again", &[])))?;
    }
    status(false, words, set_up.io)
}

/// Says whether the cluster runs, and its places. Ends with 1 when it does not.
pub(super) fn status(json: bool, words: &Words, io: &mut Io) -> Result<Exit, Trouble> {
    let mut lab = learn::kind(Profile::Tutorial, learn::ANSWER)?;
    let up = lab.runs()?;
    let places: Vec<_> = if up { lab.places()? } else { Vec::new() };
    let places = places.iter().filter(|place| place.kind != PlaceKind::Machine);
    let text = if json {
        let places: Vec<_> =
            places.map(|place| serde_json::json!({ "name": place.name, "aliases": place.aliases })).collect();
        serde_json::json!({ "lab": "kind", "up": up, "places": places }).to_string()
    } else if up {
        let names: Vec<&str> = places.map(|place| place.aliases.first().unwrap_or(&place.name).as_str()).collect();
        words.say("lab-kind-is-up", &[("places", FluentValue::from(names.join(", ")))])
    } else {
        words.say("lab-kind-is-down", &[])
    };
    writeln!(io.out, "{text}").map_err(|error| Io::unwritable(&error))?;
    Ok(if up { Exit::Done } else { Exit::Failed })
}

/// Takes the cluster away: the containers that bear its label and that esplain had made, and nothing else. `kind` does it
/// where it is, since it also takes its entry out of kubectl's configuration; else the engine is asked.
pub(super) fn down(yes: bool, words: &Words, io: &mut Io) -> Result<Exit, Trouble> {
    let mut lab = learn::kind(Profile::Tutorial, learn::ANSWER)?;
    let (own, others) = lab.members()?;
    if !others.is_empty() {
        let what =
            words.say("lab-kind-not-ours", &[("name", CLUSTER.into()), ("containers", others.join(", ").into())]);
        return Err(Trouble::failed(what)
            .hint(format!("`docker ps -a --filter label=io.x-k8s.kind.cluster={CLUSTER}` shows its containers"))
            .hint(format!("if it is yours and can go: kind delete cluster --name {CLUSTER}")));
    }
    if own.is_empty() {
        writeln!(io.out, "{}", words.say("lab-kind-is-down", &[])).map_err(|error| Io::unwritable(&error))?;
        return Ok(Exit::Done);
    }
    let line = format!("kind delete cluster --name {CLUSTER}");
    ask("lab-kind-will-run", std::slice::from_ref(&line), yes, words, io)?;
    lab.permit(&line, Permit::Once);
    let mut set_up = SetUp { lab, profile: Profile::Tutorial, words, io };
    set_up.tell(&format!("      machine: {line}"))?;
    let (_, status) = set_up.run("machine", &line, None, Shown::News)?;
    let left = set_up.lab.remove_own()?;
    if status != 0 {
        let args = [("count", left.into()), ("name", CLUSTER.into())];
        set_up.tell(&format!("      {}", words.say("lab-kind-by-the-engine", &args)))?;
    }
    set_up.tell(&words.say("lab-kind-went-down", &[]))?;
    Ok(Exit::Done)
}

/// Runs a command at a place of the cluster, on this call's own streams.
pub(super) fn exec(place: &str, command: &[String], words: &Words, io: &mut Io) -> Result<Exit, Trouble> {
    let lab = learn::kind(Profile::Tutorial, learn::ANSWER)?;
    let line = crate::lab::as_line(command);
    let mut set_up = SetUp { lab, profile: Profile::Tutorial, words, io };
    let (_, status) = set_up.run(place, &line, None, Shown::Here)?;
    Ok(if status == 0 { Exit::Done } else { Exit::Failed })
}

/// Shows what will run on this machine, and asks. No terminal, no yes.
fn ask(head: &str, lines: &[String], yes: bool, words: &Words, io: &mut Io) -> Result<(), Trouble> {
    let mut text = words.say(head, &[]) + "\n";
    for line in lines {
        text.extend(["    ", line, "\n"]);
    }
    let unwritable = |error: std::io::Error| Trouble::unusable("the question cannot be shown").because(&error);
    io.err.write_all(text.as_bytes()).map_err(unwritable)?;
    if yes || std::env::var("ESPLAIN_YES").is_ok_and(|value| value == "1") {
        return Ok(());
    }
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(Trouble::usage(words.say("lab-kind-cannot-ask", &[])).hint(words.say("lab-kind-yes", &[])));
    }
    let question = words.say("consent-question", &[]);
    write!(io.err, "{question} [y/N] ").and_then(|()| io.err.flush()).map_err(unwritable)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(unwritable)?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "是" | "好") {
        return Ok(());
    }
    Err(Trouble::failed(words.say("trust-refused", &[])))
}

/// The line that makes the cluster. The configuration is the profile's.
const CREATE: &str = "kind create cluster --config kind-config.yaml";

/// The lines that install Cilium. `upgrade --install` can be said again where it was interrupted.
fn installing(profile: Profile) -> [String; 3] {
    let (version, routing) = (profile.fact("cilium_version"), profile.fact("routing"));
    [
        "helm repo add cilium https://helm.cilium.io/".to_owned(),
        "helm repo update".to_owned(),
        format!(
            "helm upgrade --install cilium cilium/cilium --version {version} --namespace kube-system \
             --set k8sServiceHost={CLUSTER}-control-plane --set k8sServicePort=6443 --set {routing} \
             --set autoDirectNodeRoutes=true --set ipv4NativeRoutingCIDR=10.0.0.0/8 --set ipam.mode=cluster-pool \
             --set encryption.enabled=true --set encryption.type=ipsec --set debug.enabled=true \
             --set debug.verbose=datapath --set monitorAggregation=none"
        ),
    ]
}

fn cluster(set_up: &mut SetUp<'_>) -> Result<(), Trouble> {
    if set_up.lab.runs()? {
        return set_up.tell_done();
    }
    let names: Vec<String> = set_up.lab.places()?.into_iter().map(|place| place.name).collect();
    if names.len() > 1 {
        // Nodes of that name, and not the course's three: another's cluster, or one that was not finished or is stopped.
        return Err(Trouble::unusable(format!("there is a cluster `{CLUSTER}` that does not run as the course's"))
            .hint(format!("`docker ps -a --filter label=io.x-k8s.kind.cluster={CLUSTER}` shows its containers"))
            .hint(format!("if it is yours and can go: kind delete cluster --name {CLUSTER}")));
    }
    set_up.must("machine", CREATE)
}

fn taint(set_up: &mut SetUp<'_>) -> Result<(), Trouble> {
    // Named `master` before Kubernetes 1.24. One that is not there is as good as taken off.
    for name in ["master", "control-plane"] {
        let line = format!("kubectl taint nodes --all node-role.kubernetes.io/{name}:NoSchedule-");
        set_up.run("machine", &line, None, Shown::No)?;
    }
    Ok(())
}

/// The key goes from this process to the API as the manifest of a secret on standard input: no process list, no file and
/// no log has it.
fn key(set_up: &mut SetUp<'_>) -> Result<(), Trouble> {
    if set_up.holds("machine", "kubectl -n kube-system get secret cilium-ipsec-keys -o name")? {
        return set_up.tell_done();
    }
    let mut octets = zeroize::Zeroizing::new([0; 20]);
    std::fs::File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(octets.as_mut()))
        .map_err(|error| Trouble::unusable("there are no random octets for a key").because(&error))?;
    let id = set_up.profile.fact("key_number");
    let mut manifest = zeroize::Zeroizing::new(format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: cilium-ipsec-keys, namespace: kube-system}}\n\
         stringData: {{keys: \"{id} rfc4106(gcm(aes)) "
    ));
    for octet in octets.iter() {
        for digit in [octet >> 4, octet & 0xf] {
            manifest.extend(char::from_digit(digit.into(), 16));
        }
    }
    manifest.push_str(" 128\"}\n");
    set_up.apply(manifest.as_bytes())
}

fn install(set_up: &mut SetUp<'_>) -> Result<(), Trouble> {
    installing(set_up.profile).iter().try_for_each(|line| set_up.must("machine", line))
}

fn nodes_ready(set_up: &mut SetUp<'_>) -> Result<(), Trouble> {
    set_up.wait_for(
        "kubectl get nodes --no-headers",
        |line| line.split_whitespace().nth(1) == Some("Ready"),
        "kubectl describe nodes",
    )?;
    set_up.wait_for(
        "kubectl -n kube-system get pods -l k8s-app=cilium --no-headers",
        is_ready,
        "kubectl -n kube-system get events --sort-by=.lastTimestamp",
    )
}

/// A kind node has no ping, no tcpdump and no net-tools; the tutorial's node image is past its end of life, so its
/// packages are on old-releases.
fn tools(set_up: &mut SetUp<'_>) -> Result<(), Trouble> {
    for node in ["worker", "worker2"] {
        if set_up.holds(node, "command -v tcpdump && command -v route && command -v ping")? {
            continue;
        }
        if set_up.profile == Profile::Tutorial {
            let sources = set_up.profile.fact("apt_sources");
            let line = format!("sed -i -E 's/(archive|security).ubuntu.com/old-releases.ubuntu.com/g' {sources}");
            set_up.must(node, &line)?;
        }
        set_up.must(node, "apt-get update && apt-get install -y tcpdump net-tools iputils-ping")?;
    }
    Ok(())
}

fn pods(set_up: &mut SetUp<'_>) -> Result<(), Trouble> {
    set_up.apply(PODS.as_bytes())?;
    set_up.wait_for(
        "kubectl get pods pod-a pod-b --no-headers",
        is_ready,
        "kubectl get events --sort-by=.lastTimestamp",
    )
}

/// A line of `kubectl get pods`: `pod-a   1/1   Running …`.
fn is_ready(line: &str) -> bool {
    let mut words = line.split_whitespace().skip(1);
    let all = words.next().and_then(|ready| ready.split_once('/')).is_some_and(|(ready, all)| ready == all);
    all && words.next() == Some("Running")
}

/// The line in which a tool of the set-up says why it failed, and what is to be done about that.
fn reason(said: &str) -> Option<(&str, &'static str)> {
    const REASONS: &[(&[&str], &str)] = &[
        (
            &["no space left on device"],
            "`docker system df` shows what takes the room, `docker system prune` frees what nobody uses",
        ),
        (
            &["too many open files", "inotify"],
            "`sudo sysctl -w fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512`, then `esplain lab down --lab kind` and once more",
        ),
        (
            &["already exist for a cluster with the name"],
            "the name is taken: `esplain lab down --lab kind` takes away a cluster that esplain made, `kind delete cluster` any",
        ),
        (
            &["cgroup"],
            "`docker info --format '{{.CgroupVersion}} {{.CgroupDriver}}'` shows the cgroups; a rootless engine needs version 2 with the controllers delegated",
        ),
        (
            &[
                "dial tcp",
                "no such host",
                "i/o timeout",
                "TLS handshake timeout",
                "network is unreachable",
                "Temporary failure in name resolution",
                "cannot be reached",
            ],
            "the images and charts come over the network: `docker pull hello-world` shows whether the engine reaches it; behind a proxy both the engine and this shell need HTTPS_PROXY",
        ),
    ];
    let of = |(words, hint): &(&[&str], &'static str)| {
        let line = said.lines().find(|line| words.iter().any(|word| line.contains(word)))?;
        Some((line, *hint))
    };
    REASONS.iter().find_map(of)
}

/// Where what a command says goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Nowhere: it is looked at.
    No,
    /// To standard error, as news.
    News,
    /// To standard output, as the result.
    Here,
}

impl SetUp<'_> {
    fn tell(&mut self, text: &str) -> Result<(), Trouble> {
        writeln!(self.io.err, "{text}").map_err(|error| Io::unwritable(&error))
    }

    fn tell_done(&mut self) -> Result<(), Trouble> {
        let text = self.words.say("lab-kind-was-done", &[]);
        self.tell(&format!("      {text}"))
    }

    /// Runs a line to its end: what it wrote, both streams together, and its status.
    fn run(&mut self, place: &str, line: &str, input: Option<&[u8]>, shown: Shown) -> Result<(String, i32), Trouble> {
        let job = self.lab.start(place, line, None)?;
        if let Some(octets) = input {
            self.lab.send(job, Input::Octets(octets.to_vec()))?;
        }
        self.lab.send(job, Input::End)?;
        let (mut said, begun) = (String::new(), Instant::now());
        while begun.elapsed() < PATIENCE {
            match self.lab.poll(job, Duration::from_millis(200))? {
                JobEvent::Output(_, octets) => {
                    let written = match shown {
                        Shown::No => Ok(()),
                        Shown::News => self.io.err.write_all(&octets),
                        Shown::Here => self.io.out.write_all(&octets),
                    };
                    written.map_err(|error| Io::unwritable(&error))?;
                    said.push_str(&String::from_utf8_lossy(&octets));
                }
                JobEvent::Exited(status) => return Ok((said, status)),
                JobEvent::Idle => {}
            }
        }
        self.lab.send(job, Input::Terminate)?;
        Err(Trouble::unusable(format!("`{line}` did not end within {} minutes", PATIENCE.as_secs() / 60)))
    }

    fn holds(&mut self, place: &str, line: &str) -> Result<bool, Trouble> {
        Ok(self.run(place, line, None, Shown::No)?.1 == 0)
    }

    /// Runs a line, shown with what it says; it must end well.
    fn must(&mut self, place: &str, line: &str) -> Result<(), Trouble> {
        self.tell(&format!("      {place}: {line}"))?;
        match self.run(place, line, None, Shown::News)? {
            (_, 0) => Ok(()),
            (_, 127) => Err(Trouble::unusable(format!("`{line}`: a program is missing"))
                .hint("`esplain doctor --lab kind` says which, and where it is to be had")),
            (said, status) => {
                let mut trouble = Trouble::unusable(format!("`{line}` ended with {status}"));
                let reason = reason(&said);
                let line = reason.map(|(line, _)| line).or(said.lines().rev().find(|line| !line.trim().is_empty()));
                trouble.causes.extend(line.map(|line| line.trim().to_owned()));
                if let Some((_, hint)) = reason {
                    trouble = trouble.hint(hint);
                }
                Err(trouble.hint("`esplain doctor --lab kind` looks for the usual reasons"))
            }
        }
    }

    /// Gives a manifest to the cluster's API, beside which it is read.
    fn apply(&mut self, manifest: &[u8]) -> Result<(), Trouble> {
        const LINE: &str = "kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f -";
        let (said, status) = self.run("control-plane", LINE, Some(manifest), Shown::No)?;
        if status == 0 {
            return Ok(());
        }
        let mut trouble = Trouble::unusable("the cluster's API did not take the manifest");
        // Not the manifest itself, which may hold a key.
        trouble.causes.extend(
            said.lines().last().filter(|_| !manifest.starts_with(b"apiVersion: v1\nkind: Secret")).map(str::to_owned),
        );
        Err(trouble)
    }

    /// Waits until a listing has lines and each is ready, and tells meanwhile which are not. When they do not get ready
    /// in time, what `why` says is the cause.
    fn wait_for(&mut self, listing: &str, ready: fn(&str) -> bool, why: &str) -> Result<(), Trouble> {
        let begun = Instant::now();
        let mut told: Option<Instant> = None;
        loop {
            let (said, status) = self.run("machine", listing, None, Shown::No)?;
            let waiting: Vec<&str> = said.lines().filter(|line| !ready(line)).collect();
            if status == 0 && waiting.is_empty() && !said.trim().is_empty() {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                let what = format!("not ready after {} minutes: {}", PATIENCE.as_secs() / 60, waiting.join("; "));
                let mut trouble = Trouble::unusable(what);
                let (events, _) = self.run("machine", why, None, Shown::No)?;
                let last: Vec<String> = events.lines().rev().take(8).map(str::to_owned).collect();
                trouble.causes.extend(last.into_iter().rev());
                return Err(trouble.hint(format!("more: {why}")));
            }
            if told.is_none_or(|at| at.elapsed() > NEWS) {
                let seconds = begun.elapsed().as_secs();
                let what = if waiting.is_empty() { said.trim().to_owned() } else { waiting.join("; ") };
                let text = self.words.say("lab-kind-waits", &[("seconds", seconds.into()), ("what", what.into())]);
                self.tell(&format!("      {text}"))?;
                told = Some(Instant::now());
            }
            std::thread::sleep(Duration::from_secs(2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_ready_when_all_its_containers_run() {
        assert!(is_ready("pod-a   1/1   Running   0     10s"));
        for line in [
            "pod-a   0/1   Running   0   1s",
            "pod-a   0/1   ContainerCreating   0   1s",
            "pod-a   1/1   Terminating   0  1s",
            "",
        ] {
            assert!(!is_ready(line), "{line}");
        }
    }

    /// As Helm 3.17, kind 0.20 and Docker 20.10 say it.
    #[test]
    fn what_the_tools_say_of_a_failure_leads_to_a_command() {
        for (said, hint) in [
            (
                "Error: looks like \"https://helm.cilium.io/\" is not a valid chart repository or cannot be reached: Get \"https://helm.cilium.io/index.yaml\": dial tcp: lookup helm.cilium.io on 10.255.255.53:53: no such host\n",
                "docker pull",
            ),
            (
                "ERROR: failed to create cluster: failed to pull image \"kindest/node:v1.23.4\": exit status 1\nCommand Output: Error response from daemon: Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host\n",
                "docker pull",
            ),
            ("Error response from daemon: write /blob: no space left on device\n", "docker system prune"),
            ("ERROR: failed to create cluster: node(s) already exist for a cluster with the name \"c\"\n", "lab down"),
            ("Failed to create inotify object: Too many open files\n", "fs.inotify.max_user_instances=512"),
        ] {
            assert!(reason(said).is_some_and(|(_, found)| found.contains(hint)), "{said}");
        }
        assert!(reason("error: unknown flag: --config\n").is_none());
    }

    #[test]
    fn each_profile_speaks_its_own_versions_words() {
        let of = |profile| installing(profile).join("\n");
        assert!(
            of(Profile::Tutorial).contains("--version 1.13.0-rc5") && of(Profile::Tutorial).contains("tunnel=disabled")
        );
        assert!(!of(Profile::Current).contains("tunnel") && of(Profile::Current).contains("routingMode=native"));
        for profile in [Profile::Tutorial, Profile::Current] {
            assert!(of(profile).contains("encryption.type=ipsec") && !of(profile).contains("  "));
        }
    }
}
