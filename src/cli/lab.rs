use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::learn::{self, LabChoice, ProfileChoice};
use super::{Io, kernel_lab, kind_lab};
use crate::lab::Lab;
use crate::lab::kernel::Kernel;
use crate::trouble::{Exit, Trouble};
use crate::words::{FluentValue, Said, Words};

/// Bring a lab up, look after it, take it down.
///
/// A lab that is up has the cluster of the course with Cilium and two pods. It is for trying things apart from the
/// course: `esplain learn` has a lab of its own.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

/// Which lab, and how it is spoken of.
#[derive(Debug, clap::Args)]
struct Which {
    /// Which lab.
    #[arg(long, value_enum, value_name = "LAB", default_value_t = LabChoice::Kernel)]
    lab: LabChoice,
    /// The language: `en` or `zh`. Without it, the one of the locale.
    #[arg(long, value_name = "LANGUAGE", env = "ESPLAIN_LANG")]
    lang: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make the cluster, and keep it until it is taken down.
    ///
    /// With `--lab kind` what runs on this machine is shown and asked for; a set-up that was interrupted goes on where it
    /// was.
    Up {
        #[command(flatten)]
        which: Which,
        /// Which Kubernetes and Cilium (`--lab kind`).
        #[arg(long, value_enum, value_name = "PROFILE", env = "ESPLAIN_PROFILE", default_value_t)]
        profile: ProfileChoice,
        /// Do not ask (`--lab kind`).
        #[arg(long)]
        yes: bool,
    },
    /// Say whether it is up, and its places.
    Status {
        #[command(flatten)]
        which: Which,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Take it down: nothing of it stays.
    Down {
        #[command(flatten)]
        which: Which,
        /// Do not ask (`--lab kind`).
        #[arg(long)]
        yes: bool,
    },
    /// Run a command at one of its places.
    Exec {
        #[command(flatten)]
        which: Which,
        /// `worker`, `pod-a`, …
        place: String,
        /// The command.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
}

/// A lab that is up, as its file says.
#[derive(Debug, Serialize, Deserialize)]
struct Standing {
    /// The process that keeps it.
    pid: i32,
    /// The lab's process 1.
    holder: u32,
    /// Names and aliases of the nodes and pods.
    places: Vec<(String, Vec<String>)>,
}

/// How long a lab may take to come up, and to go.
const PATIENCE: Duration = Duration::from_mins(2);

pub(super) fn run(args: &Args, io: &mut Io) -> Result<Exit, Trouble> {
    let (Action::Up { which, .. }
    | Action::Status { which, .. }
    | Action::Down { which, .. }
    | Action::Exec { which, .. }) = &args.action;
    let words = Words::new(learn::language(which.lang.as_deref())?);
    match (which.lab, &args.action) {
        (LabChoice::Kind, Action::Up { profile, yes, .. }) => kind_lab::up((*profile).into(), *yes, &words, io),
        (LabChoice::Kind, Action::Status { json, .. }) => kind_lab::status(*json, &words, io),
        (LabChoice::Kind, Action::Down { yes, .. }) => kind_lab::down(*yes, &words, io),
        (LabChoice::Kind, Action::Exec { place, command, .. }) => kind_lab::exec(place, command, &words, io),
        (LabChoice::Kernel, Action::Up { .. }) => up(&words, io),
        (LabChoice::Kernel, Action::Status { json, .. }) => status(*json, &words, io),
        (LabChoice::Kernel, Action::Down { .. }) => down(&words, io),
        (LabChoice::Kernel, Action::Exec { place, command, .. }) => exec(place, command),
        _ => Err(Trouble::usage(Said::of("kernel-lives-within", &[])).hint(Said::of("kernel-one-that-stays", &[]))),
    }
}

/// The hidden errand that keeps a lab: it stays until it is asked to end.
pub(super) fn keep() -> std::io::Result<u8> {
    // The terminal it was called from may close.
    rustix::process::setsid()?;
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, std::sync::Arc::clone(&stop))?;
    }
    let mut lab = Kernel::ready(learn::SEED, &std::env::current_exe()?).map_err(std::io::Error::other)?;
    let places = lab.places().map_err(std::io::Error::other)?;
    let places = places.into_iter().filter(|place| place.kind != crate::lab::PlaceKind::Machine);
    let places = places.map(|place| (place.name, place.aliases)).collect();
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    let standing = Standing { pid, holder: lab.holder(), places };
    let mut out = std::io::stdout();
    writeln!(out, "{}", serde_json::to_string(&standing).map_err(std::io::Error::other)?)?;
    out.flush()?;
    while !stop.load(std::sync::atomic::Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(0)
}

fn up(words: &Words, io: &mut Io) -> Result<Exit, Trouble> {
    if let Some(standing) = standing() {
        return tell(&standing, "lab-is-up", words, io);
    }
    let file = file()?;
    let program =
        std::env::current_exe().map_err(|error| Trouble::unusable(Said::of("trouble-no-self", &[])).because(&error))?;
    let mut child = Command::new(program)
        .args([kernel_lab::NAME, "keep"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Trouble::unusable(Said::of("kernel-not-startable", &[])).because(&error))?;
    let mut said = String::new();
    if let Some(out) = child.stdout.take() {
        // One that ends says why on its other stream.
        let _ = BufReader::new(out).read_line(&mut said);
    }
    let Ok(standing) = serde_json::from_str::<Standing>(&said) else {
        let why = child.wait_with_output().map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        let mut trouble = Trouble::unusable(Said::of("kernel-not-up", &[]));
        trouble
            .causes
            .extend(why.unwrap_or_default().lines().map(|line| line.trim_start_matches("error: ").to_owned()));
        return Err(trouble.hint(Said::of("kernel-doctor-mends", &[])));
    };
    std::fs::write(&file, &said).map_err(|error| {
        Trouble::unusable(Said::of("trouble-unwritten", &[("path", &file.display())])).because(&error)
    })?;
    tell(&standing, "lab-is-up", words, io)
}

fn status(json: bool, words: &Words, io: &mut Io) -> Result<Exit, Trouble> {
    let standing = standing();
    if json {
        let places: Vec<serde_json::Value> = standing
            .iter()
            .flat_map(|standing| &standing.places)
            .map(|(name, aliases)| serde_json::json!({ "name": name, "aliases": aliases }))
            .collect();
        say(&serde_json::json!({ "lab": "kernel", "up": standing.is_some(), "places": places }).to_string(), io)?;
        return Ok(if standing.is_some() { Exit::Done } else { Exit::Failed });
    }
    if let Some(standing) = standing {
        return tell(&standing, "lab-is-up", words, io);
    }
    say(&words.say("lab-is-down", &[]), io)?;
    Ok(Exit::Failed)
}

fn down(words: &Words, io: &mut Io) -> Result<Exit, Trouble> {
    let Some(standing) = standing() else {
        say(&words.say("lab-is-down", &[]), io)?;
        return Ok(Exit::Done);
    };
    if let Some(pid) = rustix::process::Pid::from_raw(standing.pid) {
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).map_err(|error| {
            Trouble::unusable(Said::of("kernel-not-endable", &[("pid", &standing.pid)])).because(&error)
        })?;
    }
    let begun = Instant::now();
    while is_kept_by(standing.pid) || PathBuf::from(format!("/proc/{}", standing.holder)).exists() {
        if begun.elapsed() > PATIENCE {
            return Err(Trouble::unusable(Said::of("kernel-not-ending", &[])).hint(format!("kill -9 {}", standing.pid)));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    // A file that is gone already is as good.
    let _ = std::fs::remove_file(file()?);
    say(&words.say("lab-went-down", &[]), io)?;
    Ok(Exit::Done)
}

fn exec(place: &str, command: &[String]) -> Result<Exit, Trouble> {
    let standing = standing()
        .ok_or_else(|| Trouble::unusable(Said::of("kernel-is-down", &[])).hint(Said::of("kernel-up-makes-it", &[])))?;
    let found = standing.places.iter().find(|(name, aliases)| name == place || aliases.iter().any(|own| own == place));
    let Some((name, _)) = found else {
        let names: Vec<&str> =
            standing.places.iter().map(|(name, aliases)| aliases.first().unwrap_or(name).as_str()).collect();
        return Err(Trouble::usage(Said::of("kernel-lacks-place", &[("place", &place)]))
            .hint(Said::of("trouble-places-are", &[("places", &names.join(", "))])));
    };
    let program =
        std::env::current_exe().map_err(|error| Trouble::unusable(Said::of("trouble-no-self", &[])).because(&error))?;
    let ended = Command::new(program)
        .args([kernel_lab::NAME, "exec", "--holder", &standing.holder.to_string(), "--place", name, "--"])
        .args(command)
        .status()
        .map_err(|error| {
            Trouble::unusable(Said::of("kernel-not-runnable", &[("command", &command.join(" "))])).because(&error)
        })?;
    Ok(if ended.success() { Exit::Done } else { Exit::Failed })
}

fn tell(standing: &Standing, id: &str, words: &Words, io: &mut Io) -> Result<Exit, Trouble> {
    let names: Vec<&str> =
        standing.places.iter().map(|(name, aliases)| aliases.first().unwrap_or(name).as_str()).collect();
    let text = words.say(id, &[("places", FluentValue::from(names.join(", ")))]);
    say(&text, io)?;
    Ok(Exit::Done)
}

fn say(text: &str, io: &mut Io) -> Result<(), Trouble> {
    writeln!(io.out, "{text}").map_err(|error| Io::unwritable(&error))
}

/// The lab that is up, if one is.
fn standing() -> Option<Standing> {
    let text = std::fs::read_to_string(file().ok()?).ok()?;
    let standing: Standing = serde_json::from_str(&text).ok()?;
    is_kept_by(standing.pid).then_some(standing)
}

/// Whether a process is one that keeps a lab, not another that has its number now.
fn is_kept_by(pid: i32) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = line.split(|octet| *octet == 0).skip(1);
    words.next() == Some(kernel_lab::NAME.as_bytes()) && words.next() == Some(b"keep")
}

fn file() -> Result<PathBuf, Trouble> {
    let folder = learn::state_folder()
        .ok_or_else(|| Trouble::unusable(Said::of("kernel-no-home", &[])).hint(Said::of("kernel-set-home", &[])))?;
    std::fs::create_dir_all(&folder).map_err(|error| {
        Trouble::unusable(Said::of("trouble-not-made", &[("path", &folder.display())])).because(&error)
    })?;
    Ok(folder.join("kernel-lab.json"))
}
