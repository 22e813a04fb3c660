use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::reason::reason;
use crate::cli::Io;
use crate::lab::kind::Kind;
use crate::lab::{Input, JobEvent, Lab};
use crate::profile::Profile;
use crate::trouble::Trouble;
use crate::words::{FluentValue, Said, Words};

/// The lab that is worked on, and whoever is told of it.
///
/// From its beginning Ctrl-C, and what else asks a process to end, goes to the line that runs: it ends first, so that what
/// it made is written down.
pub(super) struct Site<'a> {
    pub(super) lab: Kind,
    pub(super) profile: Profile,
    words: &'a Words,
    pub(super) io: &'a mut Io,
    stop: Arc<AtomicBool>,
}

/// Where what a command says goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nowhere: it is looked at.
    No,
    /// To standard error, as news.
    News,
    /// To standard output, as the result.
    Here,
}

/// How long the images may take to come and the pods to be ready.
const PATIENCE: Duration = Duration::from_mins(15);
/// How often what is waited for is told.
const NEWS: Duration = Duration::from_secs(10);
/// The status of a shell that does not find a program.
const MISSING: i32 = 127;

impl<'a> Site<'a> {
    pub(super) fn new(lab: Kind, profile: Profile, words: &'a Words, io: &'a mut Io) -> Self {
        let stop = Arc::default();
        let mut signals = vec![signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM];
        #[cfg(unix)]
        signals.push(signal_hook::consts::SIGHUP);
        for signal in signals {
            // One that cannot be caught ends the process, as it usually does.
            let _ = signal_hook::flag::register(signal, Arc::clone(&stop));
        }
        Self { lab, profile, words, io, stop }
    }

    pub(super) fn tell(&mut self, text: &str) -> Result<(), Trouble> {
        writeln!(self.io.err, "{text}").map_err(|error| Io::unwritable(&error))
    }

    /// Tells something of the part that is worked on.
    pub(super) fn tell_word(&mut self, id: &str, args: &[(&str, FluentValue<'_>)]) -> Result<(), Trouble> {
        let text = self.words.say(id, args);
        self.tell(&format!("      {text}"))
    }

    pub(super) fn tell_done(&mut self) -> Result<(), Trouble> {
        self.tell_word("lab-kind-was-done", &[])
    }

    fn tell_wait(&mut self, begun: Instant, what: String) -> Result<(), Trouble> {
        self.tell_word("lab-kind-waits", &[("seconds", begun.elapsed().as_secs().into()), ("what", what.into())])
    }

    /// Runs a line to its end: what it wrote, both streams together, and its status. A result that somebody waits for may
    /// take as long as it likes.
    pub(super) fn run(
        &mut self,
        place: &str,
        line: &str,
        input: Option<&[u8]>,
        shown: Shown,
    ) -> Result<(String, i32), Trouble> {
        let job = self.lab.start(place, line, None)?;
        if let Some(octets) = input {
            self.lab.send(job, Input::Octets(octets.to_vec()))?;
        }
        self.lab.send(job, Input::End)?;
        let (mut said, begun) = (String::new(), Instant::now());
        let (mut heard, mut ending) = (begun, None::<Instant>);
        loop {
            let late = shown != Shown::Here && begun.elapsed() > PATIENCE;
            match self.lab.poll(job, Duration::from_millis(200))? {
                JobEvent::Output(_, octets) => {
                    let written = match shown {
                        Shown::No => Ok(()),
                        Shown::News => self.io.err.write_all(&octets),
                        Shown::Here => self.io.out.write_all(&octets).and_then(|()| self.io.out.flush()),
                    };
                    written.map_err(|error| Io::unwritable(&error))?;
                    said.push_str(&String::from_utf8_lossy(&octets));
                    heard = Instant::now();
                }
                JobEvent::Exited(_) if shown != Shown::Here && self.is_stopped() => return Err(self.interrupted()),
                JobEvent::Exited(_) if late => {
                    let minutes = PATIENCE.as_secs() / 60;
                    return Err(Trouble::unusable(Said::of(
                        "lab-kind-did-not-end",
                        &[("line", &line), ("minutes", &minutes)],
                    )));
                }
                JobEvent::Exited(status) => return Ok((said, status)),
                JobEvent::Idle => {}
            }
            if (late || self.is_stopped()) && ending.is_none_or(|since| since.elapsed() > NEWS) {
                self.lab.send(job, if ending.is_none() { Input::Interrupt } else { Input::Terminate })?;
                ending = Some(Instant::now());
            }
            if shown == Shown::News && heard.elapsed() > NEWS {
                self.tell_wait(begun, line.to_owned())?;
                heard = Instant::now();
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn interrupted(&self) -> Trouble {
        Trouble::failed(self.words.say("lab-kind-interrupted", &[]))
    }

    /// Does nothing for a while, unless it is asked to stop.
    fn rest(&self, how_long: Duration) -> Result<(), Trouble> {
        let begun = Instant::now();
        while begun.elapsed() < how_long {
            if self.is_stopped() {
                return Err(self.interrupted());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    pub(super) fn holds(&mut self, place: &str, line: &str) -> Result<bool, Trouble> {
        Ok(self.run(place, line, None, Shown::No)?.1 == 0)
    }

    /// Runs a line, shown with what it says; it must end well.
    pub(super) fn must(&mut self, place: &str, line: &str) -> Result<(), Trouble> {
        self.tell(&format!("      {place}: {line}"))?;
        match self.run(place, line, None, Shown::News)? {
            (_, 0) => Ok(()),
            (said, MISSING) => Err(missing(line, &said)),
            (said, status) => {
                let mut trouble =
                    Trouble::unusable(Said::of("lab-kind-ended-badly", &[("line", &line), ("status", &status)]));
                let last = || said.lines().rev().find(|line| !line.trim().is_empty());
                let (why, hint) = reason(&said).map_or_else(|| (last(), None), |(line, hint)| (Some(line), Some(hint)));
                trouble.causes.extend(why.map(|line| line.trim().to_owned()));
                trouble.hints.extend(hint);
                Err(trouble.hint(Said::of("lab-kind-doctor-hint", &[])))
            }
        }
    }

    /// Gives a manifest to the cluster's API, beside which it is read.
    pub(super) fn apply(&mut self, manifest: &[u8]) -> Result<(), Trouble> {
        const LINE: &str = "kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f -";
        let (said, status) = self.run("control-plane", LINE, Some(manifest), Shown::No)?;
        if status == 0 {
            return Ok(());
        }
        let mut trouble = Trouble::unusable(Said::of("lab-kind-not-applied", &[]));
        // Not the manifest itself, which may hold a key.
        trouble.causes.extend(
            said.lines().last().filter(|_| !manifest.starts_with(b"apiVersion: v1\nkind: Secret")).map(str::to_owned),
        );
        Err(trouble)
    }

    /// Waits until a listing has lines and each is ready, and tells meanwhile which are not. When they do not get ready
    /// in time, what `why` says is the cause.
    pub(super) fn wait_for(&mut self, listing: &str, ready: fn(&str) -> bool, why: &str) -> Result<(), Trouble> {
        let begun = Instant::now();
        let mut told: Option<Instant> = None;
        loop {
            let (said, status) = self.run("machine", listing, None, Shown::No)?;
            if status == MISSING {
                return Err(missing(listing, &said));
            }
            let waiting: Vec<&str> = said.lines().filter(|line| !ready(line)).collect();
            if status == 0 && waiting.is_empty() && !said.trim().is_empty() {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                let (minutes, waiting) = (PATIENCE.as_secs() / 60, waiting.join("; "));
                let mut trouble =
                    Trouble::unusable(Said::of("lab-kind-not-ready", &[("minutes", &minutes), ("what", &waiting)]));
                let (events, _) = self.run("machine", why, None, Shown::No)?;
                let last: Vec<String> = events.lines().rev().take(8).map(str::to_owned).collect();
                trouble.causes.extend(last.into_iter().rev());
                return Err(trouble.hint(Said::of("lab-kind-more", &[("line", &why)])));
            }
            if told.is_none_or(|at| at.elapsed() > NEWS) {
                let what = if waiting.is_empty() { said.trim().to_owned() } else { waiting.join("; ") };
                self.tell_wait(begun, what)?;
                told = Some(Instant::now());
            }
            self.rest(Duration::from_secs(2))?;
        }
    }
}

/// A program that the line needs is not there.
fn missing(line: &str, said: &str) -> Trouble {
    let mut trouble = Trouble::unusable(Said::of("lab-kind-program-missing", &[("line", &line)]));
    trouble.causes.extend(said.lines().last().map(str::to_owned));
    trouble.hint(Said::of("lab-kind-which-hint", &[]))
}
