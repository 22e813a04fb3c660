use std::io::{self, IsTerminal, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;

/// A program that shows long output a screen at a time: `less`, or whatever `ESPLAIN_PAGER` or `PAGER` names.
pub(super) struct Pager {
    child: Child,
}

impl Pager {
    /// Starts the pager and gives the way into it. `None` when there is nobody to turn the pages: standard input or
    /// output is no terminal, the terminal is dumb, the pager is named as nothing or `cat`, or it cannot be started.
    pub(super) fn start() -> Option<(Self, ChildStdin)> {
        let variable = |name: &str| std::env::var(name).ok();
        let there = io::stdin().is_terminal() && io::stdout().is_terminal();
        let named = variable("ESPLAIN_PAGER").or_else(|| variable("PAGER"));
        let line = line_of(there, variable("TERM").as_deref(), named.as_deref())?;
        let mut command = Command::new("sh");
        command.args(["-c", &line]).stdin(Stdio::piped());
        // As git sets them: one screen is shown at once, colours pass, the text stays on the screen afterwards.
        for (name, value) in [("LESS", "FRX"), ("LV", "-c")] {
            if variable(name).is_none() {
                command.env(name, value);
            }
        }
        let mut child = command.spawn().ok()?;
        let into = child.stdin.take()?;
        // Ctrl-C in the pager is the pager's; a program that ended by it would leave two readers of one terminal.
        let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::default());
        Some((Self { child }, into))
    }

    /// Waits until the reader has turned the last page. What leads into the pager must have been closed.
    pub(super) fn wait(mut self) {
        // How a pager ends says nothing about the output.
        let _ = self.child.wait();
        let _ = io::stdout().flush();
    }
}

/// The command line of the pager, for a shell.
fn line_of(terminal: bool, term: Option<&str>, named: Option<&str>) -> Option<String> {
    let line = named.unwrap_or("less").trim();
    let wanted = terminal && !matches!(term, None | Some("" | "dumb")) && !matches!(line, "" | "cat");
    // Without `less`, the text itself is better than a complaint of the shell's.
    wanted.then(|| if named.is_some() { line.to_owned() } else { format!("{line} 2>/dev/null || cat") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_turned_on_a_terminal_only_and_never_by_cat() {
        let of = |terminal, term, named| line_of(terminal, term, named);
        assert_eq!(of(true, Some("xterm"), Some("more -s")).as_deref(), Some("more -s"));
        assert_eq!(of(true, Some("xterm"), None).as_deref(), Some("less 2>/dev/null || cat"));
        for (terminal, term, named) in [
            (false, Some("xterm"), None),
            (true, Some("dumb"), None),
            (true, None, None),
            (true, Some("xterm"), Some("cat")),
            (true, Some("xterm"), Some(" ")),
        ] {
            assert_eq!(of(terminal, term, named), None, "{terminal} {term:?} {named:?}");
        }
    }
}
