use serde_json::json;

use super::Io;
use super::learn::{self, LabChoice};
use crate::trouble::{Exit, Trouble};
use crate::words::{FluentValue, Words};

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
struct Finding {
    /// What it is, without words around it: `tcpdump`, `CONFIG_INET_ESP`.
    name: String,
    /// A sentence about it.
    text: String,
    lacks: Option<String>,
    mend: Option<String>,
}

pub(super) fn run(args: &Args, io: &mut Io) -> Result<Exit, Trouble> {
    let words = Words::new(learn::language(args.lang.as_deref())?);
    let findings = if args.lab == LabChoice::Sim { Vec::new() } else { kernel(&words)? };
    let kernel_runs = findings.iter().all(|finding| finding.lacks.is_none());
    io.page();
    let text = if args.json { as_json(args.lab, &findings, kernel_runs) } else { as_text(args.lab, &findings, &words) };
    io.out.write_all(text.as_bytes()).map_err(|error| Io::unwritable(&error))?;
    Ok(if args.lab == LabChoice::Kernel && !kernel_runs { Exit::Unusable } else { Exit::Done })
}

#[cfg(target_os = "linux")]
fn kernel(words: &Words) -> Result<Vec<Finding>, Trouble> {
    use crate::lab::kernel::{Needed, needs};

    let program = std::env::current_exe()
        .map_err(|error| Trouble::unusable("this program does not find itself").because(&error))?;
    let finding = |need: crate::lab::kernel::Need| {
        let (name, id) = match need.what {
            Needed::Program(name) => (name, format!("doctor-program-{name}")),
            Needed::Namespaces => ("namespaces", "doctor-namespaces".to_owned()),
            Needed::Kernel(option) => (option, format!("doctor-{}", option.to_lowercase().replace('_', "-"))),
        };
        Finding { name: name.to_owned(), text: words.say(&id, &[]), lacks: need.lacks, mend: need.mend }
    };
    Ok(needs(&program).into_iter().map(finding).collect())
}

#[cfg(not(target_os = "linux"))]
fn kernel(words: &Words) -> Result<Vec<Finding>, Trouble> {
    let lacks = Some(std::env::consts::OS.to_owned());
    Ok(vec![Finding { name: "Linux".to_owned(), text: words.say("doctor-linux", &[]), lacks, mend: None }])
}

fn as_text(lab: LabChoice, findings: &[Finding], words: &Words) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    if lab != LabChoice::Kernel {
        line(words.say("doctor-sim", &[]));
    }
    if lab == LabChoice::Sim {
        return text;
    }
    line(words.say("doctor-kernel", &[]));
    for finding in findings {
        let Some(lacks) = &finding.lacks else {
            line(format!("  {}  {}: {}", words.say("doctor-there", &[]), finding.name, finding.text));
            continue;
        };
        line(format!("  {}  {}: {}", words.say("doctor-missing", &[]), finding.name, finding.text));
        line(format!("      {}", words.say("doctor-because", &[("why", FluentValue::from(lacks.as_str()))])));
        if let Some(mend) = &finding.mend {
            line(format!("      {}", words.say("doctor-mend", &[("command", FluentValue::from(mend.as_str()))])));
        }
    }
    let runs = findings.iter().all(|finding| finding.lacks.is_none());
    line(words.say(if runs { "doctor-kernel-runs" } else { "doctor-kernel-does-not-run" }, &[]));
    if lab == LabChoice::Auto {
        line(words.say("doctor-auto", &[]));
    }
    text
}

fn as_json(lab: LabChoice, findings: &[Finding], runs: bool) -> String {
    let mut labs = Vec::new();
    if lab != LabChoice::Kernel {
        labs.push(json!({ "lab": "sim", "runs": true, "needs": [] }));
    }
    if lab != LabChoice::Sim {
        let needs: Vec<_> = findings
            .iter()
            .map(|own| json!({ "name": own.name, "met": own.lacks.is_none(), "lacks": own.lacks, "mend": own.mend }))
            .collect();
        labs.push(json!({ "lab": "kernel", "runs": runs, "needs": needs }));
    }
    format!("{}\n", json!({ "auto": "sim", "labs": labs }))
}
