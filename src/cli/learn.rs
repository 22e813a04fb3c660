use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use etcetera::BaseStrategy;

use super::bookshelf::{self, Found};
use super::trust::{self, Errand, Extent};
use crate::course::{Book, Course};
#[cfg(target_os = "linux")]
use crate::lab::kernel::Kernel;
use crate::lab::kind::{CLUSTER, Endpoint, Kind, OwnMachine};
use crate::lab::machine_files::{KIND_CONFIG_NAME, MACHINE_FILES, kind_config};
use crate::lab::recording::{Keys, Playback};
use crate::lab::sim::Sim;
use crate::lab::{Lab, LabKind};
use crate::profile::Profile;
use crate::render::{Colour, Console};
use crate::shell::{self, Setup};
use crate::trouble::{Exit, Trouble, nearest};
use crate::words::{Language, Said, Words};

/// The course that `esplain` alone starts.
pub(super) const USUAL_COURSE: &str = "cilium-ipsec";

/// Walk through a course in the guided shell.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The course, or a folder with one, or a recording (`walk.esplain`); `esplain courses` lists those in the binary.
    #[arg(value_name = "COURSE")]
    course: Option<String>,
    #[command(flatten)]
    pub(super) options: Options,
    /// Walk through the lessons of a folder without asking whether they may run what they run.
    #[arg(long)]
    trust: bool,
}

impl Args {
    /// The usual course with these options.
    pub(super) fn of_options(options: Options) -> Self {
        Self { course: None, options, trust: false }
    }
}

/// The options of the guided shell, which `esplain` alone takes too.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Where commands run: `sim` is a cluster simulated in this process, `kernel` is made of network namespaces of this
    /// Linux kernel, `kind` is a real cluster in Docker, `recording` plays a walk that was recorded, `auto` chooses.
    #[arg(long, value_enum, value_name = "LAB", env = "ESPLAIN_LAB")]
    lab: Option<LabChoice>,
    /// Play this recording, made by `esplain record`: every line that was run in it shows what it showed.
    #[arg(long, value_name = "FILE")]
    recording: Option<PathBuf>,
    /// Which Kubernetes and Cilium the set-up's steps install (`--lab kind` and `--lab sim`).
    #[arg(long, value_enum, value_name = "PROFILE", env = "ESPLAIN_PROFILE", default_value_t)]
    profile: ProfileChoice,
    /// The language: `en` or `zh`. Without it, the one of the locale.
    #[arg(long, value_name = "LANGUAGE", env = "ESPLAIN_LANG")]
    lang: Option<String>,
    /// Begin at this step; without it, the walk goes on where it was left.
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    /// Forget earlier progress in this course (a copy of it is kept).
    #[arg(long)]
    fresh: bool,
    /// Text for screen readers: no drawing, no colour, tables as lines.
    #[arg(long, env = "ESPLAIN_PLAIN", value_parser = clap::builder::FalseyValueParser::new())]
    plain: bool,
    /// The editing keys. Without it, what `set editing-mode` in `INPUTRC` or `~/.inputrc` says, else emacs.
    #[arg(long, value_enum, value_name = "KEYS", env = "ESPLAIN_EDITOR")]
    editor: Option<Editor>,
}

impl Options {
    /// The options' names without dashes.
    pub(super) const NAMES: &[&str] = &["lab", "recording", "profile", "lang", "step", "fresh", "plain", "editor"];

    /// The language asked for, or that of the locale.
    pub(super) fn language(&self) -> Result<Language, Trouble> {
        language(self.lang.as_deref())
    }

    /// The kind of lab asked for, where that is known without looking.
    pub(super) fn lab_kind(&self) -> Option<LabKind> {
        let recording = self.recording.as_ref().map(|_| LabKind::Recording);
        recording.or_else(|| self.lab.and_then(LabChoice::kind))
    }
}

/// The labs that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LabChoice {
    /// The best lab there is here.
    Auto,
    /// The cluster simulated in this process.
    Sim,
    /// Network namespaces of this Linux kernel.
    Kernel,
    /// The kind cluster of the course, behind a Docker Engine.
    Kind,
    /// A walk that was recorded, played again: see `--recording`.
    Recording,
}

impl LabChoice {
    /// The kind of lab that this is; `auto` only knows when it has looked.
    pub(super) fn kind(self) -> Option<LabKind> {
        match self {
            Self::Auto => None,
            Self::Sim => Some(LabKind::Sim),
            Self::Kernel => Some(LabKind::Kernel),
            Self::Kind => Some(LabKind::Kind),
            Self::Recording => Some(LabKind::Recording),
        }
    }
}

/// The profiles that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum ProfileChoice {
    /// Those of the tutorial: Kubernetes 1.23.4, Cilium 1.13.0-rc5.
    #[default]
    Tutorial,
    /// Today's: the node image of the installed kind, Cilium 1.17.
    Current,
}

impl From<ProfileChoice> for Profile {
    fn from(choice: ProfileChoice) -> Self {
        match choice {
            ProfileChoice::Tutorial => Self::Tutorial,
            ProfileChoice::Current => Self::Current,
        }
    }
}

/// The editing keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Editor {
    /// Those of emacs.
    Emacs,
    /// Those of vi.
    Vi,
}

pub(super) fn run(args: Args, colour: Colour) -> Result<Exit, Trouble> {
    let Args { mut course, mut options, trust } = args;
    if let Some(file) = course.as_deref().map(Path::new).filter(|path| is_recording(path)) {
        options.recording.get_or_insert_with(|| file.to_owned());
        course = None;
    }
    let playback = options.recording.as_deref().map(Playback::open).transpose()?;
    let recorded = playback.as_ref().map(|playback| playback.head().course.as_str());
    let found = bookshelf::find(course.as_deref().or(recorded).unwrap_or(USUAL_COURSE))?;
    let asked_for = options.lab_kind().map(|kind| format!(" --lab {}", kind.word())).unwrap_or_default();
    let mut setup = setup(&found, options, colour)?;
    if let Some(playback) = &playback {
        tell_recording(playback, &mut setup);
    }
    let call = format!("esplain learn {}{asked_for}", found.place());
    let (book, lab, extent) = (&setup.book, setup.lab.kind(), Extent::Walk);
    trust::ask(&Errand { found: &found, book, lab, extent, call: &call }, trust, &Words::new(setup.language))?;
    shell::run(setup)
}

/// Whether a word of the call names a recording.
fn is_recording(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "esplain") && path.is_file()
}

/// Says what is about to be played, and whose keys it shows.
fn tell_recording(playback: &Playback, setup: &mut Setup) {
    let (head, words) = (playback.head(), Words::new(setup.language));
    let keys = match head.keys {
        Keys::Substitutes => words.say("ui-recording-substitutes", &[]),
        Keys::Real => words.say("ui-recording-keys", &[]),
    };
    let day = head.begun.split('T').next().unwrap_or_default().to_owned();
    let args = [("lab", head.lab.clone().into()), ("day", day.into()), ("keys", keys.into())];
    setup.console.markdown(&words.say("ui-recording", &args));
    if let Some(why) = playback.torn() {
        setup.console.markdown(&words.say("ui-recording-torn", &[("why", why.to_owned().into())]));
    }
    setup.console.raw("\n");
}

/// What a sitting with a course needs.
pub(super) fn setup(found: &Found, options: Options, colour: Colour) -> Result<Setup, Trouble> {
    let language = options.language()?;
    let mut book = bookshelf::open(found)?;
    book.course.fit(options.profile.into());
    if let Some(step) = &options.step {
        check_step(&book, step)?;
    }
    Ok(Setup {
        lab: lab_or_recording(
            options.lab,
            options.recording.as_deref(),
            &book.course,
            options.profile.into(),
            language,
        )?,
        book,
        language,
        console: Console::standard(colour, options.plain),
        step: options.step,
        fresh: options.fresh,
        vi: options.editor.map_or_else(inputrc_says_vi, |keys| keys == Editor::Vi),
        state: state_folder(),
        changes: None,
        watching: None,
        witness: None,
    })
}

/// The folder for progress and history: `$XDG_STATE_HOME/esplain`, usually `~/.local/state/esplain`.
pub(super) fn state_folder() -> Option<PathBuf> {
    let xdg = etcetera::base_strategy::Xdg::new().ok()?;
    Some(xdg.state_dir()?.join("esplain"))
}

/// Refuses a step that the course does not have.
pub(super) fn check_step(book: &Book, step: &str) -> Result<(), Trouble> {
    if book.course.step(step).is_some() {
        return Ok(());
    }
    let trouble = Trouble::usage(Said::of("trouble-no-step", &[("step", &step), ("course", &book.course.id)]));
    let ids: Vec<&str> = book.course.steps().map(|step| step.id.as_str()).collect();
    Err(match nearest(step, ids.iter().copied()) {
        Some(near) => trouble.hint(Said::of("trouble-did-you-mean-step", &[("near", &near)])),
        None => trouble.hint(Said::of("trouble-steps-are", &[("steps", &ids.join(", "))])),
    })
}

/// The language asked for, or the one of the locale, or English.
pub(super) fn language(asked: Option<&str>) -> Result<Language, Trouble> {
    if let Some(asked) = asked {
        return asked.parse().map_err(|error: crate::words::UnknownLanguage| {
            Trouble::usage(Said::of("trouble-no-language", &[("language", &format!("{:?}", error.0))]))
                .hint(Said::of("cli-say-language", &[]))
        });
    }
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(|name| std::env::var(name).ok());
    Ok(locale.filter(|locale| !locale.is_empty()).find_map(|locale| Language::of_locale(&locale)).unwrap_or_default())
}

/// A recording, or a lab of the kind asked for.
pub(super) fn lab_or_recording(
    choice: Option<LabChoice>,
    recording: Option<&Path>,
    course: &Course,
    profile: Profile,
    language: Language,
) -> Result<Box<dyn Lab>, Trouble> {
    match (choice.unwrap_or(LabChoice::Auto), recording) {
        (LabChoice::Auto | LabChoice::Recording, Some(file)) => {
            Ok(Box::new(Playback::open(file)?.in_language(language)))
        }
        (choice, None) => lab(choice, course, profile, language),
        (_, Some(file)) => Err(Trouble::usage(Said::of("cli-recording-is-a-lab", &[]))
            .hint(Said::of("cli-leave-lab-away", &[("file", &file.display())]))),
    }
}

/// A lab of the kind asked for, as far set up as the course wants it. `auto` takes a kind cluster of the course that runs,
/// else the simulated one, which needs nothing; it says which and why, in the learner's language.
pub(super) fn lab(
    choice: LabChoice,
    course: &Course,
    profile: Profile,
    language: Language,
) -> Result<Box<dyn Lab>, Trouble> {
    check_lab(choice, course)?;
    check_profile(choice, course, profile)?;
    match choice {
        LabChoice::Auto => {
            let words = Words::new(language);
            let (lab, note): (Box<dyn Lab>, String) = match running(course, profile, &words) {
                Ok(kind) => {
                    let place = kind.endpoint().to_string();
                    (Box::new(kind), words.say("lab-auto-kind", &[("engine", place.into())]))
                }
                Err(why) => {
                    (lab(LabChoice::Sim, course, profile, language)?, words.say("lab-auto-sim", &[("why", why.into())]))
                }
            };
            // What cannot be said on standard error cannot be said at all.
            let _ = writeln!(std::io::stderr(), "{note}");
            Ok(lab)
        }
        LabChoice::Sim if course.ready => Ok(Box::new(Sim::ready(SEED))),
        LabChoice::Sim => {
            let mut sim = Sim::new(SEED);
            sim.set_profile(profile);
            Ok(Box::new(sim))
        }
        #[cfg(target_os = "linux")]
        LabChoice::Kernel => {
            let program = std::env::current_exe()
                .map_err(|error| Trouble::unusable(Said::of("trouble-no-self", &[])).because(&error))?;
            let begin = if course.ready { Kernel::ready } else { Kernel::new };
            Ok(Box::new(begin(SEED, &program)?))
        }
        LabChoice::Recording => {
            Err(Trouble::usage(Said::of("cli-which-recording", &[])).hint(Said::of("cli-say-recording", &[])))
        }
        #[cfg(not(target_os = "linux"))]
        LabChoice::Kernel => {
            Err(Trouble::unusable(Said::of("cli-needs-linux", &[])).hint(Said::of("cli-sim-everywhere", &[])))
        }
        LabChoice::Kind => Ok(Box::new(kind(profile, ANSWER)?)),
    }
}

/// The kind cluster of the course, if it runs here; else why not.
fn running(course: &Course, profile: Profile, words: &Words) -> Result<Kind, String> {
    if !course.labs.iter().any(|lab| lab == "kind") {
        return Err(words.say("lab-auto-not-for-kind", &[]));
    }
    let mut kind = kind(profile, GLANCE).map_err(|trouble| trouble.what.in_words(words))?;
    match kind.runs() {
        Ok(true) => Ok(kind),
        Ok(false) => Err(words.say("lab-auto-no-cluster", &[("cluster", CLUSTER.into())])),
        Err(trouble) => Err(trouble.what.in_words(words)),
    }
}

/// How long an engine that nobody asked for has to answer.
const GLANCE: Duration = Duration::from_secs(2);
/// How long an engine that was asked for has to answer.
pub(super) const ANSWER: Duration = Duration::from_secs(20);

/// The kind lab behind the engine that the `docker` command speaks to, with this machine for the lines that are asked
/// for. `ESPLAIN_YES=1` is a yes to all of them, for scripts.
pub(super) fn kind(profile: Profile, wait: Duration) -> Result<Kind, Trouble> {
    let mut kind = Kind::connect(Endpoint::of_environment()?, CLUSTER, wait)?;
    kind.set_profile(profile);
    #[cfg(unix)]
    if let Some(state) = state_folder() {
        // A folder of its own for each: the files in it are the learner's once they are there.
        let folder = match profile {
            Profile::Tutorial => "kind",
            Profile::Current => "kind-current",
        };
        let config = kind_config(profile);
        let files: Vec<(&str, &str)> = MACHINE_FILES
            .iter()
            .map(|(name, text)| (*name, if *name == KIND_CONFIG_NAME { config.as_str() } else { text }))
            .collect();
        match OwnMachine::new(state.join(folder), &files) {
            Ok(machine) => {
                let unattended = std::env::var("ESPLAIN_YES").is_ok_and(|value| value == "1");
                kind.set_machine(Box::new(machine), unattended);
                kind.set_ledger(state.join("kind-made"));
            }
            // A full disk: the nodes are there all the same, and only lines of the machine's are refused.
            Err(trouble) => {
                let _ = writeln!(std::io::stderr(), "note: {trouble}");
            }
        }
    }
    Ok(kind)
}

/// Refuses a profile where nothing would come of it.
fn check_profile(choice: LabChoice, course: &Course, profile: Profile) -> Result<(), Trouble> {
    let fits = match choice {
        LabChoice::Kind => true,
        LabChoice::Auto | LabChoice::Sim => !course.ready,
        LabChoice::Kernel | LabChoice::Recording => false,
    };
    if fits || profile == Profile::default() {
        return Ok(());
    }
    Err(Trouble::usage(Said::of("cli-no-other-profile", &[])).hint(Said::of("cli-profile-goes-with", &[])))
}

/// Refuses a lab that the course was not written for: what it does there may not be what it says.
fn check_lab(choice: LabChoice, course: &Course) -> Result<(), Trouble> {
    let asked = choice.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    let name = if choice == LabChoice::Auto { "sim" } else { &asked };
    // A recording was made on a lab that the course runs on.
    if name == "recording" || course.labs.iter().any(|lab| lab == name) {
        return Ok(());
    }
    let labs: Vec<String> = course.labs.iter().map(|lab| format!("`--lab {lab}`")).collect();
    Err(Trouble::usage(Said::of("cli-lab-not-for-course", &[("course", &course.id), ("name", &name)]))
        .hint(Said::of("cli-runs-with", &[("labs", &labs.join(", "))])))
}

/// The same cluster for everyone: what one learner tells another fits.
pub(super) const SEED: u64 = 1;

/// Whether readline's own configuration asks for vi's keys, as `bash` would.
fn inputrc_says_vi() -> bool {
    let home = || etcetera::home_dir().ok().map(|home| home.join(".inputrc"));
    let path = std::env::var_os("INPUTRC").map(PathBuf::from).or_else(home);
    let text = path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    says_vi(&text)
}

fn says_vi(inputrc: &str) -> bool {
    let mut vi = false;
    for line in inputrc.lines() {
        if let ["set", "editing-mode", mode] = line.split_whitespace().collect::<Vec<_>>().as_slice() {
            vi = *mode == "vi";
        }
    }
    vi
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_editing_mode_of_an_inputrc_counts() {
        assert!(says_vi("# keys\nset bell-style none\nset editing-mode vi\n"));
        assert!(!says_vi("set editing-mode vi\nset editing-mode emacs\n"));
        assert!(!says_vi(""));
    }

    #[test]
    fn an_unknown_language_is_a_wrong_word_of_the_call() {
        assert_eq!(language(Some("fr")).unwrap_err().exit, Exit::Usage);
    }
}
