use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::endpoint::Endpoint;
use super::engine::{ANSWER, Engine, Failure};
use super::exec::{Call, Event, Exec, Order};
use super::job::{ANY_SHELL, Job, START};
use super::keeper::{Answer, Keeper};
use super::ledger::Ledger;
use super::loss::{gone, lost, stopped};
use super::machine::{Machine, asks_the_cluster, refused};
use super::members::Births;
use super::node::Node;
use super::pod::Way;
use super::snapshot::{self, Snapshot};
use super::survey::Survey;
use super::watch::Watch;
use crate::lab::direct::{as_line, direct};
use crate::lab::line::{LINE, only_looks, quoted};
use crate::lab::{
    CaptureEnd, CaptureId, Input, JobEvent, JobId, Lab, LabKind, Permit, Place, PlaceKind, Stream, TerminalSize, Typing,
};
use crate::packet::Frame;
use crate::profile::Profile;
use crate::trouble::Trouble;
use crate::words::Said;

/// The kind lab: a real cluster, its nodes reached through the Docker Engine.
pub struct Kind {
    pub(super) engine: Engine,
    pub(super) cluster: String,
    /// How the folders begin that this lab keeps its things in, in each node.
    folder: String,
    keepers: BTreeMap<String, Keeper>,
    jobs: BTreeMap<JobId, Running>,
    watches: BTreeMap<CaptureId, (String, Watch)>,
    ids: u64,
    /// What the nodes said, when, and how long that took them.
    survey: Option<(Instant, Duration, Survey)>,
    /// What the nodes were told when a step began, by its name.
    kept: BTreeMap<String, BTreeMap<String, Snapshot>>,
    machine: Option<Box<dyn Machine>>,
    /// The lines that may run on the machine, and how often.
    permitted: BTreeMap<String, Permit>,
    /// Every line may.
    unattended: bool,
    /// What those lines made.
    pub(super) ledger: Option<Ledger>,
    /// What the cluster is made of, or is to be.
    profile: Profile,
}

enum Running {
    /// In a node or pod.
    There(Job),
    /// On the learner's own machine, and what it makes there.
    Here(JobId, Births),
    /// A question that the keeper of a node answers, and what of the answer was not heard yet.
    Asked { node: String, question: u64, said: VecDeque<JobEvent> },
}

/// The cluster of the course.
pub const CLUSTER: &str = "cilium-ipsec-native-routing";

/// What the nodes said is taken for true so long, unless something ran since.
const FRESH: Duration = Duration::from_secs(5);
/// Slow nodes are left alone so many times as long as they took to say it.
const REST: u32 = 5;
/// How long a file may take to come or go.
const COPYING: Duration = Duration::from_mins(1);

/// Where what is remembered goes when it is nothing.
const NOTHING: &str = "/dev/null";
/// How long a line that only looks may take; then it ends with 124, as `timeout` has it.
const LOOKING: Duration = Duration::from_secs(30);

impl Kind {
    /// The cluster of that name behind an engine, which has `patience` for each answer. There need not be one yet.
    pub fn connect(endpoint: Endpoint, cluster: &str, patience: Duration) -> Result<Self, Trouble> {
        let engine = Engine::connect(endpoint, patience)?;
        // Other labs, and those of other learners, have things in the same nodes.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let folder = format!("/run/esplain-{}-{now:x}", std::process::id());
        Ok(Self {
            engine,
            cluster: cluster.to_owned(),
            folder,
            keepers: BTreeMap::new(),
            jobs: BTreeMap::new(),
            watches: BTreeMap::new(),
            ids: 0,
            survey: None,
            kept: BTreeMap::new(),
            machine: None,
            permitted: BTreeMap::new(),
            unattended: false,
            ledger: None,
            profile: Profile::default(),
        })
    }

    /// Where the engine is.
    pub fn endpoint(&self) -> &Endpoint {
        self.engine.endpoint()
    }

    /// Gives the lab the learner's own machine, for the lines that are permitted; with `unattended`, for all.
    pub fn set_machine(&mut self, machine: Box<dyn Machine>, unattended: bool) {
        self.machine = Some(machine);
        self.unattended = unattended;
    }

    /// Has the facts be those of another profile than the tutorial's.
    pub fn set_profile(&mut self, profile: Profile) {
        self.profile = profile;
    }

    /// Writes down in this file which of the cluster's containers a line of the machine's made.
    pub fn set_ledger(&mut self, file: PathBuf) {
        self.ledger = Some(Ledger::new(file));
    }

    /// Writes a file of a node or pod, replacing what was there.
    pub fn write_file(&mut self, place: &str, path: &str, octets: &[u8]) -> Result<(), Trouble> {
        let (node, way) = self.resolve(place)?;
        let words = ["sh", "-c", r#"cat >"$1""#, "sh", path].map(str::to_owned).to_vec();
        let exec = self.quiet(&node, &way, &words);
        for piece in octets.chunks(64 << 10) {
            exec.tell(Order::Octets(piece.to_vec()));
        }
        exec.tell(Order::End);
        self.whole(&exec, Said::of("kind-cannot-write", &[("file", &path), ("place", &place)])).map(|_| ())
    }

    pub(super) fn nodes(&self) -> Result<Vec<Node>, Trouble> {
        self.engine.nodes(&self.cluster)
    }

    /// What the nodes say, asked again when it is old.
    fn survey(&mut self, nodes: &[Node]) -> &Survey {
        let fresh = |taken: &Instant, took: &Duration| taken.elapsed() < FRESH.max(*took * REST);
        let old = self.survey.take().filter(|(taken, took, _)| fresh(taken, took));
        let survey = old.unwrap_or_else(|| {
            let begun = Instant::now();
            self.keep(nodes);
            let there = self
                .keepers
                .iter_mut()
                .filter(|(name, _)| nodes.iter().any(|node| node.running && node.name == **name));
            let survey = Survey::take(there.map(|(name, keeper)| (name.as_str(), keeper)));
            (Instant::now(), begun.elapsed(), survey)
        });
        &self.survey.insert(survey).2
    }

    /// What the nodes said may be otherwise after a line that does more than look.
    fn forget_survey(&mut self, line: &str) {
        if !only_looks(line) {
            self.survey = None;
        }
    }

    /// The node of a place, running, and the way from there.
    fn resolve(&mut self, place: &str) -> Result<(Node, Way), Trouble> {
        let nodes = self.nodes()?;
        if let Some(node) = nodes.iter().find(|node| node.is_called(place)) {
            return running(node.clone()).map(|node| (node, Way::Node));
        }
        let pod = self.survey(&nodes).pods.iter().find(|pod| pod.name == place).cloned();
        if let Some(pod) = pod
            && let Some(node) = nodes.iter().find(|node| node.name == pod.node)
        {
            return running(node.clone()).map(|node| (node, pod.way));
        }
        let trouble = Trouble::unusable(Said::of("kind-no-place", &[("cluster", &self.cluster), ("place", &place)]));
        if nodes.is_empty() {
            return Err(trouble.hint(Said::of("kind-no-nodes-hint", &[])));
        }
        let names: Vec<String> =
            self.places()?.iter().map(|place| place.aliases.first().unwrap_or(&place.name).clone()).collect();
        Err(trouble
            .hint(Said::of("kind-places-hint", &[("places", &names.join(", "))]))
            .hint(Said::of("kind-pods-hint", &[])))
    }

    /// Starts a keeper on each node that runs and has none, all at once. What fails is heard of when that node is used.
    fn keep(&mut self, nodes: &[Node]) {
        let mut fresh = Vec::new();
        for node in nodes.iter().filter(|node| node.running) {
            let own = self.keepers.get_mut(&node.name);
            if !own.is_some_and(|own| own.container == node.container && own.lives()) {
                self.keepers.remove(&node.name);
                let folder = self.fresh_folder();
                fresh.push((node, Keeper::start(&self.engine, node, folder, &self.folder)));
            }
        }
        for (node, mut keeper) in fresh {
            if keeper.ready(&self.engine, node).is_ok() {
                self.keepers.insert(node.name.clone(), keeper);
            }
        }
    }

    /// The keeper of a node, started when there is none or its node was started anew.
    fn keeper(&mut self, node: &Node) -> Result<&mut Keeper, Trouble> {
        let lives = self.keepers.get_mut(&node.name).is_some_and(|own| own.container == node.container && own.lives());
        if !lives {
            self.keepers.remove(&node.name);
            let folder = self.fresh_folder();
            let mut keeper = Keeper::start(&self.engine, node, folder, &self.folder);
            keeper.ready(&self.engine, node).map_err(|trouble| self.fallen(&node.name, None).unwrap_or(trouble))?;
            self.keepers.insert(node.name.clone(), keeper);
        }
        self.keepers.get_mut(&node.name).ok_or_else(|| stopped(node, None))
    }

    /// Has the keeper of a node do something, and waits for what comes of it.
    fn have(&mut self, node: &Node, script: &str, patience: Duration) -> Result<Answer, Trouble> {
        let question = self.keeper(node)?.ask(script, patience);
        self.answer(node, question, patience)
    }

    /// What comes of a question to the keeper of a node.
    fn answer(&mut self, node: &Node, question: u64, patience: Duration) -> Result<Answer, Trouble> {
        // The question ends when its time is up, and says so a moment later.
        let until = Instant::now() + patience + ANSWER;
        let keeper = self.keepers.get_mut(&node.name);
        let answer = keeper.map_or(Err(Failure::Gone), |keeper| keeper.answer(question, until));
        answer.map_err(|failure| self.fallen(&node.name, None).unwrap_or_else(|| self.engine.trouble(&failure)))
    }

    /// A folder for a keeper that begins: one that was there before it may not have ended yet, and takes its own away.
    fn fresh_folder(&mut self) -> String {
        self.ids += 1;
        format!("{}-{}", self.folder, self.ids)
    }

    /// The file of what is remembered there. What is remembered at a pod is not what is remembered on its node.
    fn memory(&mut self, node: &Node, place: &str, way: &Way) -> Result<String, Trouble> {
        let name = if *way == Way::Node { "node".to_owned() } else { format!("pod-{place}") };
        Ok(format!("{}/kept/{name}", self.keeper(node)?.folder))
    }

    /// Starts a line there; `kept` is the file of what is remembered of the lines before.
    fn line(
        &mut self,
        (node, way): (&Node, &Way),
        line: &str,
        kept: &str,
        terminal: Option<TerminalSize>,
    ) -> Result<JobId, Trouble> {
        let folder = self.keeper(node)?.folder.clone();
        self.forget_survey(line);
        self.ids += 1;
        let id = JobId(self.ids);
        let (rows, columns) =
            terminal.map_or_else(Default::default, |size| (size.rows.to_string(), size.columns.to_string()));
        let script = way.script(false) + START;
        let number = format!("{folder}/jobs/{}", id.0);
        let words = ["bash", "-c", &script, "esplain-line", &number, &rows, &columns, LINE, kept, line, ANY_SHELL];
        let term = std::env::var("TERM").ok().filter(|_| terminal.is_some()).unwrap_or_else(|| "dumb".to_owned());
        let call = Call {
            container: node.container.clone(),
            words: words.map(str::to_owned).to_vec(),
            variables: vec![format!("TERM={term}"), "LANG=C.UTF-8".to_owned()],
            terminal,
        };
        let exec = Exec::start(&self.engine, call);
        let job = Job::new(exec, node.name.clone(), line.to_owned(), terminal.is_some());
        self.jobs.insert(id, Running::There(job));
        Ok(id)
    }

    /// Where a line of the machine's can run without touching it: it only leads into the cluster, or only asks it.
    fn within_the_cluster(&mut self, line: &str) -> Result<Option<(Node, Way, String)>, Trouble> {
        let places = self.places()?;
        if let Some((place, words)) = direct(line, &places) {
            let (node, way) = self.resolve(&place.name)?;
            return Ok(Some((node, way, as_line(&words))));
        }
        let control_plane = self.nodes()?.into_iter().find(|node| node.is_control_plane && node.running);
        Ok(control_plane.filter(|_| asks_the_cluster(line)).map(|node| (node, Way::Node, line.to_owned())))
    }

    /// Starts a line of the machine's: where it can run in the cluster it runs there, else it must be permitted.
    fn line_of_the_machine(&mut self, line: &str, terminal: Option<TerminalSize>) -> Result<JobId, Trouble> {
        if let Some((node, way, line)) = self.within_the_cluster(line)? {
            return self.line((&node, &way), &line, NOTHING, terminal);
        }
        if !self.unattended && !self.permitted.contains_key(line) {
            return Err(refused(line));
        }
        if self.permitted.get(line) == Some(&Permit::Once) {
            self.permitted.remove(line);
        }
        let births = Births::before(&self.engine, &self.cluster);
        let machine = self.machine.as_mut().ok_or_else(|| refused(line))?;
        let inner = machine.start(line, terminal)?;
        self.ids += 1;
        let id = JobId(self.ids);
        self.jobs.insert(id, Running::Here(inner, births));
        Ok(id)
    }

    /// What the nodes that run were told, all asked at once.
    fn snapshots(&mut self, nodes: &[Node]) -> Result<BTreeMap<String, Snapshot>, Trouble> {
        self.keep(nodes);
        let running = || nodes.iter().filter(|node| node.running);
        let mut asked = Vec::new();
        for node in running() {
            asked.push(self.keeper(node)?.ask(snapshot::QUESTIONS, ANSWER));
        }
        let told = |(node, question): (&Node, u64)| {
            let looked = self.answer(node, question, ANSWER)?;
            Ok((node.name.clone(), Snapshot::read(&String::from_utf8_lossy(&looked.output))))
        };
        running().zip(asked).map(told).collect()
    }

    /// A line as a script for a keeper: in the folder and with the variables that are remembered, and leaving nothing.
    fn quiet_line(&mut self, node: &Node, place: &str, way: &Way, line: &str) -> Result<String, Trouble> {
        let kept = self.memory(node, place, way)?;
        if *way == Way::Node {
            // The keeper's own shell will do.
            let kept = quoted(&kept);
            return Ok(format!("cd /; [ -r {kept} ] && . {kept} 2>/dev/null; eval {}", quoted(line)));
        }
        Ok(format!(
            "{}\ncd /\nexec 9<>{}\nexec \"${{into[@]}}\" sh -c {} sh {} {}",
            way.script(false),
            quoted(&kept),
            quoted(ANY_SHELL),
            quoted(r#"[ -r "$1" ] && . "$1" 2>/dev/null; eval "$2""#),
            quoted(line)
        ))
    }

    /// Has a script answered that is heard of like a job.
    fn question(&mut self, node: &Node, script: &str) -> Result<JobId, Trouble> {
        let number = self.keeper(node)?.ask(script, LOOKING);
        self.ids += 1;
        let id = JobId(self.ids);
        self.jobs.insert(id, Running::Asked { node: node.name.clone(), question: number, said: VecDeque::new() });
        Ok(id)
    }

    /// A command of the lab's own.
    fn quiet(&self, node: &Node, way: &Way, words: &[String]) -> Exec {
        let script = way.script(false) + "\nexec \"${into[@]}\" \"$@\"";
        let words: Vec<String> = ["bash".to_owned(), "-c".to_owned(), script, "esplain".to_owned()]
            .into_iter()
            .chain(words.iter().cloned())
            .collect();
        let call = Call { container: node.container.clone(), words, variables: Vec::new(), terminal: None };
        Exec::start(&self.engine, call)
    }

    /// What a command of the lab's own writes, if it ends well.
    fn whole(&self, exec: &Exec, failed: Said) -> Result<Vec<u8>, Trouble> {
        let (mut octets, mut errors, begun) = (Vec::new(), Vec::new(), Instant::now());
        while begun.elapsed() < COPYING {
            match exec.next(Duration::from_millis(100)) {
                Some(Event::Output(Stream::Out, more)) => octets.extend(more),
                Some(Event::Output(Stream::Err, more)) => errors.extend(more),
                Some(Event::Exited(0)) => return Ok(octets),
                Some(Event::Exited(_)) => break,
                Some(Event::Lost(failure)) => return Err(self.engine.trouble(&failure)),
                None => {}
            }
        }
        let mut trouble = Trouble::unusable(failed);
        trouble.causes.extend(String::from_utf8_lossy(&errors).lines().map(str::to_owned));
        if begun.elapsed() >= COPYING {
            trouble.causes.push(format!("it did not end within {} seconds", COPYING.as_secs()));
        }
        Err(trouble)
    }

    /// What became of a node that something was lost on, if it is no longer as it was.
    fn fallen(&self, name: &str, line: Option<&str>) -> Option<Trouble> {
        match self.nodes() {
            Err(trouble) => Some(trouble.hint(Said::of("kind-engine-again-hint", &[("node", &name)]))),
            Ok(nodes) => match nodes.into_iter().find(|node| node.name == name) {
                None => Some(gone(name, line)),
                Some(node) => (!node.running).then(|| stopped(&node, line)),
            },
        }
    }
}

impl Lab for Kind {
    fn kind(&self) -> LabKind {
        LabKind::Kind
    }

    fn places(&mut self) -> Result<Vec<Place>, Trouble> {
        let nodes = self.nodes()?;
        let machine = Place {
            name: MACHINE.to_owned(),
            aliases: vec![MACHINE.to_owned()],
            kind: PlaceKind::Machine,
            node: None,
            addresses: Vec::new(),
        };
        let survey = self.survey(&nodes);
        let pods = survey.pods.iter().map(super::pod::Pod::place);
        Ok(std::iter::once(machine).chain(nodes.iter().map(Node::place)).chain(pods).collect())
    }

    fn facts(&mut self) -> Result<BTreeMap<String, String>, Trouble> {
        let nodes = self.nodes()?;
        let cluster = self.cluster.clone();
        let mut facts = self.survey(&nodes).facts(&cluster, &nodes);
        facts.extend(self.profile.facts().map(|(name, value)| (name.to_owned(), value.to_owned())));
        Ok(facts)
    }

    fn start(&mut self, place: &str, line: &str, terminal: Option<TerminalSize>) -> Result<JobId, Trouble> {
        if place == MACHINE {
            return self.line_of_the_machine(line, terminal);
        }
        let (node, way) = self.resolve(place)?;
        let kept = self.memory(&node, place, &way)?;
        self.line((&node, &way), line, &kept, terminal)
    }

    fn ask(&mut self, place: &str, line: &str) -> Result<JobId, Trouble> {
        if place != MACHINE {
            let (node, way) = self.resolve(place)?;
            let script = self.quiet_line(&node, place, &way, line)?;
            return self.question(&node, &script);
        }
        if let Some((node, way, line)) = self.within_the_cluster(line)? {
            let script = if way == Way::Node { line } else { self.quiet_line(&node, MACHINE, &way, &line)? };
            return self.question(&node, &script);
        }
        self.line_of_the_machine(line, None)
    }

    fn asks_first(&mut self, place: &str, line: &str) -> Result<bool, Trouble> {
        let free = place != MACHINE || self.unattended || self.permitted.contains_key(line);
        Ok(!free && self.machine.is_some() && self.within_the_cluster(line)?.is_none())
    }

    fn permit(&mut self, line: &str, permit: Permit) {
        self.permitted.insert(line.to_owned(), permit);
    }

    fn poll(&mut self, job: JobId, wait: Duration) -> Result<JobEvent, Trouble> {
        let running = self.jobs.get_mut(&job);
        let running = running.ok_or_else(|| Trouble::unusable(format!("the kind lab has no job {}", job.0)))?;
        let there = match running {
            Running::Asked { node, question, said } => {
                if said.is_empty() {
                    let answer = match self.keepers.get_mut(node) {
                        Some(keeper) => keeper.answer(*question, Instant::now() + wait),
                        None => Err(Failure::Gone),
                    };
                    match answer {
                        Ok(answer) => said.extend(answer.events()),
                        Err(Failure::Silent(_)) => return Ok(JobEvent::Idle),
                        Err(failure) => {
                            let node = node.clone();
                            self.jobs.remove(&job);
                            return Err(self.fallen(&node, None).unwrap_or_else(|| self.engine.trouble(&failure)));
                        }
                    }
                }
                let event = said.pop_front().unwrap_or(JobEvent::Idle);
                if matches!(event, JobEvent::Exited(_)) {
                    self.jobs.remove(&job);
                }
                return Ok(event);
            }
            Running::Here(inner, births) => {
                let machine = self.machine.as_mut().ok_or_else(|| refused("it"))?;
                let event = machine.poll(*inner, wait)?;
                let over = matches!(event, JobEvent::Exited(_));
                if over || births.are_due() {
                    births.write_down(&self.engine, &self.cluster, self.ledger.as_ref())?;
                }
                if over {
                    self.jobs.remove(&job);
                    self.survey = None;
                }
                return Ok(event);
            }
            Running::There(there) => there,
        };
        let keeper = self.keepers.get(&there.node);
        let signal = |name: &'static str| {
            if let Some(keeper) = keeper {
                keeper.signal(name, job.0);
            }
        };
        let event = there.poll(wait, signal);
        if matches!(event, Ok(JobEvent::Output(..) | JobEvent::Idle)) {
            return event.map_err(|failure| self.engine.trouble(&failure));
        }
        // It is over.
        let (node, line) = (there.node.clone(), there.line.clone());
        if let Some(keeper) = keeper {
            keeper.forget(job.0);
        }
        self.jobs.remove(&job);
        self.forget_survey(&line);
        match event {
            // As every process of a node ends when the node is stopped, or its engine.
            Ok(JobEvent::Exited(status)) if status >= 128 => {
                self.fallen(&node, Some(&line)).map_or(Ok(JobEvent::Exited(status)), Err)
            }
            Ok(event) => Ok(event),
            Err(failure) => Err(self.fallen(&node, Some(&line)).unwrap_or_else(|| lost(&node, &line, &failure))),
        }
    }

    fn send(&mut self, job: JobId, input: Input) -> Result<(), Trouble> {
        match self.jobs.get_mut(&job) {
            // A question needs nothing, and ends by itself.
            None | Some(Running::Asked { .. }) => Ok(()),
            Some(Running::There(there)) => {
                there.send(input);
                Ok(())
            }
            Some(Running::Here(inner, _)) => {
                let inner = *inner;
                self.machine.as_mut().map_or(Ok(()), |machine| machine.send(inner, input))
            }
        }
    }

    fn typing(&mut self, job: JobId) -> Typing {
        match self.jobs.get(&job) {
            // The terminal is the engine's, which does not say how it is set.
            Some(Running::There(there)) if there.has_terminal() => Typing::Terminal { cooked: false },
            _ => Typing::Later,
        }
    }

    fn capture(&mut self, place: &str, device: &str, filter: &str) -> Result<CaptureId, Trouble> {
        let refused = || Err(Trouble::unusable(format!("nothing was captured at {place}")));
        self.captures(&[place], device, filter).pop().unwrap_or_else(refused)
    }

    fn captures(&mut self, places: &[&str], device: &str, filter: &str) -> Vec<Result<CaptureId, Trouble>> {
        let begun: Vec<Result<(Node, Watch), Trouble>> = places
            .iter()
            .map(|place| {
                let (node, way) = self.resolve(place)?;
                let folder = self.keeper(&node)?.folder.clone();
                self.ids += 1;
                let number = format!("{folder}/jobs/{}", self.ids);
                let watch = Watch::start(&self.engine, &node, &way, [device, filter, &number]);
                Ok((node, watch))
            })
            .collect();
        let ready = |begun: Result<(Node, Watch), Trouble>| {
            let (node, watch) = begun?;
            let watch = watch.ready(&self.engine, &node, device)?;
            self.ids += 1;
            self.watches.insert(CaptureId(self.ids), (node.name, watch));
            Ok(CaptureId(self.ids))
        };
        begun.into_iter().map(ready).collect()
    }

    fn frames(&mut self, capture: CaptureId, wait: Duration) -> Result<Vec<Frame>, Trouble> {
        let Some((node, watch)) = self.watches.get_mut(&capture) else {
            return Err(Trouble::unusable(format!("the kind lab has no capture {}", capture.0)));
        };
        let ended = match watch.frames(wait) {
            Ok(frames) => return Ok(frames),
            Err(ended) => ended,
        };
        let node = node.clone();
        self.watches.remove(&capture);
        let trouble = self.fallen(&node, None).or_else(|| ended.map(|failure| self.engine.trouble(&failure)));
        Err(trouble.unwrap_or_else(|| {
            Trouble::unusable(Said::of("kind-capture-ended", &[("node", &node)]))
                .hint(Said::of("kind-capture-ended-hint", &[]))
        }))
    }

    fn stop_capture(&mut self, capture: CaptureId) -> Result<CaptureEnd, Trouble> {
        match self.watches.remove(&capture) {
            Some((_, watch)) => Ok(watch.stop()),
            None => Err(Trouble::unusable(format!("the kind lab has no capture {}", capture.0))),
        }
    }

    fn read_file(&mut self, place: &str, path: &str) -> Result<Vec<u8>, Trouble> {
        if place == MACHINE {
            let machine = self.machine.as_mut().ok_or_else(|| refused(&format!("cat {path}")))?;
            return machine.read_file(path);
        }
        let (node, way) = self.resolve(place)?;
        // In the folder where the learner is.
        let line = format!("cat -- {}", quoted(path));
        let script = self.quiet_line(&node, place, &way, &line)?;
        let looked = self.have(&node, &script, COPYING)?;
        if looked.status == 0 {
            return Ok(looked.output);
        }
        let mut trouble = Trouble::unusable(Said::of("kind-cannot-read", &[("file", &path), ("place", &place)]));
        trouble.causes.extend(String::from_utf8_lossy(&looked.errors).lines().map(str::to_owned));
        Err(trouble.hint(Said::of("kind-cannot-read-hint", &[("place", &place)])))
    }

    fn save(&mut self, name: &str) -> Result<(), Trouble> {
        let nodes = self.nodes()?;
        let kept = self.snapshots(&nodes)?;
        self.kept.insert(name.to_owned(), kept);
        Ok(())
    }

    fn restore(&mut self, name: &str) -> Result<(), Trouble> {
        let Some(kept) = self.kept.remove(name) else {
            return Err(Trouble::unusable(format!("the kind lab keeps no state `{name}`")));
        };
        let nodes = self.nodes()?;
        let now = self.snapshots(&nodes)?;
        self.survey = None;
        let mut complaints = Vec::new();
        for node in &nodes {
            let (Some(then), Some(now)) = (kept.get(&node.name), now.get(&node.name)) else { continue };
            let script = then.script_from(now);
            if !script.is_empty() {
                let looked = self.have(node, &script, ANSWER)?;
                let said = String::from_utf8_lossy(&looked.errors).into_owned();
                complaints.extend(said.lines().map(|line| format!("{}: {line}", node.short())));
            }
        }
        self.kept.insert(name.to_owned(), kept);
        if complaints.is_empty() {
            return Ok(());
        }
        let mut trouble = Trouble::unusable(Said::of("kind-not-set-back", &[]));
        trouble.causes = complaints;
        Err(trouble.hint(Said::of("kind-not-set-back-hint", &[])))
    }
}

/// The learner's own machine.
const MACHINE: &str = "machine";

fn running(node: Node) -> Result<Node, Trouble> {
    if node.running { Ok(node) } else { Err(stopped(&node, None)) }
}
