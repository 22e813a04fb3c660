//! Plays a scenario of `tests/kernel/transcripts/scenarios` in the simulated lab.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use esplain::lab::sim::Sim;
use esplain::lab::{Input, JobEvent, JobId, Lab, Stream};

use crate::transcript::{Said, Transcript};

/// The places of the plain lab, by the names that scenarios use.
const PLACES: [&str; 6] = ["worker", "worker2", "control-plane", "pod-a", "pod-b", "kind"];

/// How long the kernel's lab takes to start a command: neighbours grow old meanwhile.
const PACE: Duration = Duration::from_millis(200);

/// A line of a scenario.
enum Act {
    Run(Said),
    Start(Said),
    Stop,
    Pause(Duration),
}

/// A scenario under way.
struct Player<'k> {
    sim: Sim,
    kernels: &'k Transcript,
    started: Vec<(JobId, Said)>,
    played: Transcript,
    /// How often each capture is still to be made.
    to_come: BTreeMap<String, usize>,
    /// The captures that lie there as the kernel's lab left them.
    given: BTreeSet<String>,
}

/// Plays a scenario. Captures are made anew; a command that reads one that the kernel's lab left behind reads the kernel's,
/// so that its text can be compared octet for octet.
pub(crate) fn play(scenarios: &Path, name: &str, kernels: &Transcript) -> Transcript {
    let acts = acts(scenarios, &format!("{name}.txt"));
    let mut to_come = BTreeMap::new();
    for act in &acts {
        if let Act::Run(said) | Act::Start(said) = act
            && let Some(file) = written(&said.line)
        {
            *to_come.entry(file).or_insert(0) += 1;
        }
    }
    let mut player = Player {
        // It has stood for two seconds, as the kernel's has before its first command.
        sim: Sim::plain(1),
        kernels,
        started: Vec::new(),
        played: Transcript::default(),
        to_come,
        given: BTreeSet::new(),
    };
    for act in acts {
        match act {
            Act::Run(said) => player.run(said),
            Act::Start(said) => player.start(said),
            Act::Stop => player.stop(),
            Act::Pause(time) => player.sim.pass(time),
        }
    }
    assert!(player.started.is_empty(), "{name}: something was started and never stopped");
    player.played
}

/// The commands of all scenarios, each with its place.
pub(crate) fn lines(scenarios: &Path) -> Vec<(String, String)> {
    let files = fs::read_dir(scenarios).expect("the scenarios are there").flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    let is_scenario = |name: &String| Path::new(name).extension().is_some_and(|extension| extension == "txt");
    let acts = names.filter(is_scenario).flat_map(|name| acts(scenarios, &name));
    let line = |act| match act {
        Act::Run(said) | Act::Start(said) => Some((said.place, said.line)),
        Act::Stop | Act::Pause(_) => None,
    };
    acts.filter_map(line).collect()
}

fn acts(scenarios: &Path, file: &str) -> Vec<Act> {
    let text = fs::read_to_string(scenarios.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut acts = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.splitn(3, ' ');
        let (first, second, rest) = (words.next(), words.next(), words.next());
        match (first, second, rest) {
            (Some("stop"), None, _) => acts.push(Act::Stop),
            (Some("pause"), Some(seconds), _) => {
                acts.push(Act::Pause(Duration::from_secs_f64(seconds.parse().expect("seconds"))));
            }
            (Some("include"), Some(other), _) => acts.extend(self::acts(scenarios, other)),
            (Some(place), Some("$"), Some(line)) => acts.push(Act::Run(Said::asked(place, line, false))),
            (Some(place), Some("&"), Some(line)) => acts.push(Act::Start(Said::asked(place, line, true))),
            (Some(place), Some("capture"), Some(device)) => {
                let line = format!("tcpdump -p -i {device} -U -w {place}-{device}.pcap");
                acts.push(Act::Start(Said::asked(place, &line, true)));
            }
            _ => panic!("{file}: what is this? {line}"),
        }
    }
    acts
}

/// The capture that a command makes.
fn written(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    words.find(|word| *word == "-w" && line.contains("tcpdump"))?;
    words.next().map(str::to_owned)
}

impl Player<'_> {
    fn run(&mut self, mut said: Said) {
        said.exact = said.line.split_whitespace().any(|word| self.given.contains(word));
        let job = self.begin(&said);
        self.finish(job, &mut said);
        self.share(&said);
        self.played.all.push(said);
    }

    fn start(&mut self, said: Said) {
        let job = self.begin(&said);
        self.sim.pass(Duration::from_millis(100));
        self.started.push((job, said));
    }

    fn stop(&mut self) {
        self.sim.pass(Duration::from_millis(1500));
        for (job, mut said) in std::mem::take(&mut self.started) {
            self.sim.send(job, Input::Interrupt).expect("a job");
            self.finish(job, &mut said);
            self.share(&said);
            self.played.all.push(said);
        }
    }

    fn begin(&mut self, said: &Said) -> JobId {
        self.sim.pass(PACE);
        let job = self
            .sim
            .start(&said.place, &said.line, None)
            .unwrap_or_else(|trouble| panic!("{}: {trouble}", said.title()));
        // record.sh gives its commands no standard input either.
        self.sim.send(job, Input::End).expect("a job");
        job
    }

    /// Waits for the end of a job, and takes what it says.
    fn finish(&mut self, job: JobId, said: &mut Said) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        loop {
            match self.sim.poll(job, Duration::from_mins(1)).expect("a job") {
                JobEvent::Output(Stream::Out, octets) => out.extend(octets),
                JobEvent::Output(Stream::Err, octets) => err.extend(octets),
                JobEvent::Exited(status) => {
                    said.status = status;
                    break;
                }
                JobEvent::Idle => panic!("{}: no end", said.title()),
            }
        }
        said.out = String::from_utf8_lossy(&out).into_owned();
        said.err = String::from_utf8_lossy(&err).into_owned();
    }

    /// The kernel's places have one folder between them: lays a capture that was made into all of them.
    fn share(&mut self, said: &Said) {
        let Some(file) = written(&said.line) else { return };
        let Ok(own) = self.sim.read_file(&said.place, &file) else { return };
        let last = self.to_come.get_mut(&file).is_none_or(|left| {
            *left -= 1;
            *left == 0
        });
        let kernels = self.kernels.captures.get(&file).filter(|_| last).unwrap_or(&own).clone();
        if last {
            self.given.insert(file.clone());
            self.played.captures.insert(file.clone(), own);
        }
        let names: Vec<String> = PLACES.iter().map(|place| self.full_name(place)).collect();
        for name in names {
            let files = self.sim.world_mut().files.entry(name).or_default();
            files.write(&format!("/root/{file}"), &kernels).expect("the folder is there");
        }
    }

    fn full_name(&mut self, place: &str) -> String {
        let places = self.sim.places().expect("places");
        let found = places.iter().find(|own| own.name == place || own.aliases.iter().any(|alias| alias == place));
        found.unwrap_or_else(|| panic!("no place {place}")).name.clone()
    }
}
