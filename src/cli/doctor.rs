use serde_json::json;

use super::learn::{self, LabChoice};
use super::{Io, kind_needs};
use crate::trouble::{Exit, Trouble};
use crate::words::{FluentValue, Said, Words};

/// Say what a lab needs, what of it is missing here, and the command that mends it.
///
/// Ends with 3 when a lab that was asked for by name cannot run here.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The lab to look after; without it, all of them.
    #[arg(long, value_enum, value_name = "LAB", default_value_t = LabChoice::Auto)]
    lab: LabChoice,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// The language: `en` or `zh`. Without it, the one of the locale.
    #[arg(long, value_name = "LANGUAGE", env = "ESPLAIN_LANG")]
    lang: Option<String>,
}

/// One thing that was looked at.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    /// What it is, without words around it: `tcpdump`, `CONFIG_INET_ESP`.
    pub(super) name: String,
    /// A sentence about it.
    pub(super) text: String,
    /// What is missing; `None` when it is there.
    pub(super) lacks: Option<String>,
    /// What to do about it.
    pub(super) mend: Option<String>,
}

/// A lab and everything that it needs.
struct Examined {
    /// Its name, as `--lab` takes it.
    lab: &'static str,
    findings: Vec<Finding>,
}

impl Examined {
    fn runs(&self) -> bool {
        self.findings.iter().all(|finding| finding.lacks.is_none())
    }
}

pub(super) fn run(args: &Args, io: &mut Io) -> Result<Exit, Trouble> {
    let words = Words::new(learn::language(args.lang.as_deref())?);
    let wanted = |lab: LabChoice| args.lab == lab || args.lab == LabChoice::Auto;
    let mut examined = Vec::new();
    if wanted(LabChoice::Sim) {
        examined.push(Examined { lab: "sim", findings: Vec::new() });
    }
    if wanted(LabChoice::Kernel) {
        examined.push(Examined { lab: "kernel", findings: kernel(&words)? });
    }
    if wanted(LabChoice::Kind) {
        let (mut findings, here) = kind_needs::findings(&words);
        // Containers have the kernel of the engine's machine; where that is this one, ESP can be looked for.
        let of_esp = |finding: &Finding| matches!(finding.name.as_str(), "CONFIG_INET_ESP" | "CONFIG_XFRM_USER");
        if here {
            findings.extend(kernel(&words)?.into_iter().filter(of_esp));
        }
        examined.push(Examined { lab: "kind", findings });
    }
    io.page();
    let text = if args.json { as_json(&examined) } else { as_text(args.lab, &examined, &words) };
    io.out.write_all(text.as_bytes()).map_err(|error| Io::unwritable(&error))?;
    let asked_for = matches!(args.lab, LabChoice::Kernel | LabChoice::Kind);
    Ok(if asked_for && !examined.iter().all(Examined::runs) { Exit::Unusable } else { Exit::Done })
}

#[cfg(target_os = "linux")]
fn kernel(words: &Words) -> Result<Vec<Finding>, Trouble> {
    use crate::lab::kernel::{Needed, needs};

    let program =
        std::env::current_exe().map_err(|error| Trouble::unusable(Said::of("trouble-no-self", &[])).because(&error))?;
    let finding = |need: crate::lab::kernel::Need| {
        let (name, id) = match need.what {
            Needed::Program(name) => (name, format!("doctor-program-{name}")),
            Needed::Namespaces => ("namespaces", "doctor-namespaces".to_owned()),
            Needed::Kernel(option) => (option, format!("doctor-{}", option.to_lowercase().replace('_', "-"))),
        };
        let told = |said: Option<Said>| said.map(|said| said.in_words(words));
        Finding { name: name.to_owned(), text: words.say(&id, &[]), lacks: told(need.lacks), mend: told(need.mend) }
    };
    Ok(needs(&program).into_iter().map(finding).collect())
}

#[cfg(not(target_os = "linux"))]
fn kernel(words: &Words) -> Result<Vec<Finding>, Trouble> {
    let lacks = Some(std::env::consts::OS.to_owned());
    Ok(vec![Finding { name: "Linux".to_owned(), text: words.say("doctor-linux", &[]), lacks, mend: None }])
}

fn as_text(asked: LabChoice, examined: &[Examined], words: &Words) -> String {
    let mut lines = Vec::new();
    for own in examined {
        lines.push(words.say(&format!("doctor-{}", own.lab), &[]));
        for finding in &own.findings {
            let Some(lacks) = &finding.lacks else {
                lines.push(format!("  {}  {}: {}", words.say("doctor-there", &[]), finding.name, finding.text));
                continue;
            };
            lines.push(format!("  {}  {}: {}", words.say("doctor-missing", &[]), finding.name, finding.text));
            let why = words.say("doctor-because", &[("why", FluentValue::from(lacks.as_str()))]);
            lines.push(format!("      {why}"));
            if let Some(mend) = &finding.mend {
                let mend = words.say("doctor-mend", &[("command", FluentValue::from(mend.as_str()))]);
                lines.push(format!("      {mend}"));
            }
        }
        if !own.findings.is_empty() {
            let id = if own.runs() { "runs" } else { "does-not-run" };
            lines.push(words.say(&format!("doctor-{}-{id}", own.lab), &[]));
        }
    }
    if asked == LabChoice::Auto {
        lines.push(words.say("doctor-auto", &[]));
    }
    lines.join("\n") + "\n"
}

fn as_json(examined: &[Examined]) -> String {
    let need = |own: &Finding| json!({ "name": own.name, "text": own.text, "met": own.lacks.is_none(), "lacks": own.lacks, "mend": own.mend });
    let lab = |own: &Examined| json!({ "lab": own.lab, "runs": own.runs(), "needs": own.findings.iter().map(need).collect::<Vec<_>>() });
    let kind = examined.iter().any(|own| own.lab == "kind" && own.runs());
    let labs: Vec<_> = examined.iter().map(lab).collect();
    format!("{}\n", json!({ "auto": if kind { "kind" } else { "sim" }, "labs": labs }))
}
