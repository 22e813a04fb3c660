use super::child::{Child, Descriptors, Progress, Sink, Source};
use super::frame::{Advance, Frame};
use super::session::Session;
use crate::command::{Script, Unreadable};
use crate::lab::TerminalSize;
use crate::lab::sim::World;
use crate::lab::sim::process::{Call, Io, OnSignal, Process, Signal, Step};

/// A shell at work on a script.
pub(crate) struct Shell {
    pub(super) session: Session,
    pub(super) frames: Vec<Frame>,
    pub(super) foreground: Vec<Child>,
    /// The output of a `$( )` under way.
    pub(super) captured: Option<Vec<u8>>,
    pub(super) background: Vec<Job>,
    /// What commands inherit now; redirections of a compound command change it.
    pub(super) scope: Descriptors,
    pub(super) terminal: Option<TerminalSize>,
    /// The first shell of a line keeps its session in the world when it ends.
    keeps_session: bool,
    /// Set by `exit`.
    pub(super) leaving: Option<i32>,
}

/// A background list of a shell.
pub(super) struct Job {
    pub(super) number: usize,
    pub(super) child: Child,
    pub(super) text: String,
}

impl Shell {
    /// The shell of a line typed at a place.
    pub(crate) fn line(session: Session, script: Script, terminal: Option<TerminalSize>) -> Self {
        let mut shell = Self::empty(session, terminal);
        shell.keeps_session = true;
        shell.push_script(script);
        shell
    }

    /// `sh -c LINE`.
    pub(crate) fn command(call: &Call, script: Script, arguments: Vec<String>) -> Self {
        let mut shell = Self::empty(Session { arguments, ..Session::called(call) }, call.terminal);
        shell.push_script(script);
        shell
    }

    /// `bash` by itself: reads lines from standard input, without a prompt.
    pub(crate) fn reading(call: &Call) -> Self {
        let mut shell = Self::empty(Session::called(call), call.terminal);
        shell.frames.push(Frame::Lines);
        shell
    }

    fn empty(session: Session, terminal: Option<TerminalSize>) -> Self {
        Self {
            session,
            frames: Vec::new(),
            foreground: Vec::new(),
            captured: None,
            background: Vec::new(),
            scope: Descriptors::inherited(),
            terminal,
            keeps_session: false,
            leaving: None,
        }
    }

    /// A shell for a part of a line (a member of a pipeline, `( )`, `$( )`, `&`): knows what this one knows.
    pub(super) fn sub(&self, script: Script, terminal: Option<TerminalSize>) -> Self {
        let mut shell = Self::empty(self.session.clone(), terminal);
        shell.push_script(script);
        shell
    }

    /// Steps every child once and moves what they wrote.
    fn pump(&mut self, world: &mut World, io: &mut Io) -> Progress {
        let mut progress = Progress::None;
        let place = self.session.place.clone();
        for at in 0..self.foreground.len() {
            let Some(child) = self.foreground.get_mut(at) else { break };
            let was_ended = child.status.is_some();
            progress = progress.max(child.step(world));
            if child.io.wants_input() && child.descriptors.input == Source::Inherited {
                let input = io.read();
                if !input.is_empty() {
                    child.io.feed(&input);
                    progress = progress.max(Progress::Some);
                } else if io.input_ended() {
                    child.io.end_input();
                    progress = progress.max(Progress::Some);
                }
            }
            let written = child.drain(&place, world);
            let ended = child.status.is_some();
            let mut broken = false;
            for (sink, octets) in written {
                progress = progress.max(Progress::Some);
                match sink {
                    Sink::Inherited(stream) => io.write(stream, &octets),
                    Sink::Pipe => match (self.foreground.get_mut(at + 1), &mut self.captured) {
                        (Some(next), _) if next.status.is_some() => broken = true,
                        (Some(next), _) => next.io.feed(&octets),
                        (None, Some(captured)) => captured.extend_from_slice(&octets),
                        (None, None) => {}
                    },
                    Sink::File(_) | Sink::Nowhere => {}
                }
            }
            if broken && let Some(child) = self.foreground.get_mut(at) {
                // SIGPIPE: nobody reads any more.
                if child.status.is_none() {
                    child.signal(Signal::Other(13), world);
                    child.status.get_or_insert(141);
                    child.drain(&place, world);
                    progress = Progress::Some;
                }
            }
            if ended
                && !was_ended
                && let Some(next) = self.foreground.get_mut(at + 1)
            {
                next.io.end_input();
            }
        }
        for job in &mut self.background {
            progress = progress.max(job.child.step(world));
            for (sink, octets) in job.child.drain(&place, world) {
                progress = progress.max(Progress::Some);
                if let Sink::Inherited(stream) = sink {
                    io.write(stream, &octets);
                }
            }
        }
        progress
    }

    /// Takes the end of the foreground pipeline.
    fn reap(&mut self) {
        if self.foreground.is_empty() || self.foreground.iter().any(|child| child.status.is_none()) {
            return;
        }
        self.session.status = self.foreground.last().and_then(|child| child.status).unwrap_or(0);
        self.foreground.clear();
        if let Some(captured) = self.captured.take() {
            let text = String::from_utf8_lossy(&captured).trim_end_matches('\n').to_owned();
            if let Some(Frame::Simple { results, .. } | Frame::ForWords { results, .. }) = self.frames.last_mut() {
                results.push_back(text);
            }
        }
    }

    fn end(&mut self, world: &mut World) -> i32 {
        let status = self.leaving.unwrap_or(self.session.status);
        if self.keeps_session {
            self.session.status = status;
            world.sessions.insert(self.session.network.clone(), self.session.clone());
        }
        status
    }
}

impl Process for Shell {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        // Bounds the work of one step: a loop without end in a script gives the others their turn.
        for _ in 0..50 {
            let progress = self.pump(world, io);
            self.reap();
            if self.foreground.is_empty() {
                match self.advance(world, io) {
                    Advance::On => continue,
                    Advance::Held => {}
                    Advance::Over => {
                        self.background.retain(|job| job.child.status.is_none());
                        if self.background.is_empty() {
                            return Step::Exit(self.end(world));
                        }
                    }
                }
            }
            match progress {
                Progress::Some => {}
                Progress::Again => return Step::Again,
                Progress::None => {
                    let children = self.foreground.iter().chain(self.background.iter().map(|job| &job.child));
                    let until = children.filter(|child| child.status.is_none()).filter_map(|child| child.until).min();
                    return Step::Wait(until);
                }
            }
        }
        Step::Again
    }

    fn signal(&mut self, signal: Signal, world: &mut World, io: &mut Io) -> OnSignal {
        let nothing_in_front = self.foreground.is_empty();
        for child in &mut self.foreground {
            child.signal(signal, world);
        }
        // With nothing in front, what is left are background commands that the line waits for at its end.
        let to_all = signal != Signal::Interrupt || (nothing_in_front && self.frames.is_empty());
        if to_all {
            for job in &mut self.background {
                job.child.signal(signal, world);
            }
        }
        self.pump(world, io);
        let killed = self.foreground.iter().any(|child| child.status == Some(128 + signal.number()));
        self.reap();
        if !killed && !nothing_in_front {
            return OnSignal::Ignores;
        }
        if to_all && nothing_in_front && self.frames.is_empty() {
            return OnSignal::Ignores;
        }
        self.session.status = 128 + signal.number();
        self.frames.clear();
        if self.background.iter().all(|job| job.child.status.is_some()) {
            return OnSignal::Exits(self.end(world));
        }
        OnSignal::Ignores
    }

    fn endless(&self) -> bool {
        if self.foreground.is_empty() {
            return self.frames.is_empty() && self.background.iter().any(|job| job.child.endless());
        }
        // A pipeline is over when its last command is, so one that ends (`head`) ends it all.
        self.foreground.iter().any(Child::endless)
    }
}

/// bash's words for a line that it cannot read.
pub(crate) fn unreadable(error: &Unreadable) -> String {
    match error {
        Unreadable::Syntax { near } => {
            let token = near.split_whitespace().next().unwrap_or("newline");
            format!("syntax error near unexpected token `{token}'")
        }
        Unreadable::Unfinished(_) => "syntax error: unexpected end of file".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use crate::lab::sim::Sim;
    use crate::lab::sim::transcripts::run_at;

    /// Checks what a line prints on a fresh machine.
    fn check(line: &str, expected: &str) {
        let mut sim = Sim::new(1);
        assert_eq!(run_at(&mut sim, "machine", line).0, expected, "{line}");
    }

    #[test]
    fn the_shell_joins_pipes_and_redirects_commands() {
        check("echo a b | wc -w; echo 'x  y' \"z\"", "2\nx  y z\n");
        check("false || echo no && echo yes", "no\nyes\n");
        check("true && false && echo never; echo $?", "1\n");
        check("echo one > f; echo two >> f; cat f; wc -l < f", "one\ntwo\n2\n");
        check("printf '3\\n1\\n2\\n' | sort -n | head -2 | tail -1", "2\n");
        check("X=5; echo $X ${X}y '$X' \"$X\" ${Y:-none}", "5 5y $X 5 none\n");
        check("echo $(echo a; echo b) \"$(printf 'c\\nd')\"", "a b c\nd\n");
        check("for i in 1 2 3; do echo -n $i; done; echo", "123\n");
        check("i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done | tr '\\n' ' '", "1 2 3 ");
        check("if grep -q root <<< 'root'; then echo found; else echo not; fi", "found\n");
        check("(cd /tmp; pwd); pwd", "/tmp\n/root\n");
        check("cat <<EOF\n$HOME\nEOF\ncat <<'EOF'\n$HOME\nEOF", "/root\n$HOME\n");
        check("echo err >&2 2>/dev/null | cat; ls nothing 2>&1 | wc -l", "err\n1\n");
        check("{ echo a; echo b; } | grep -c .", "2\n");
        check("echo a | tee x y | cat - x y", "a\na\na\n");
        check("touch f1 f2 g1; ls f*; echo f? nomatch*", "f1\nf2\nf1 f2 nomatch*\n");
        check("yes | head -2", "y\ny\n");
        check("! true; echo $?; sh -c 'exit 3'; echo $?", "1\n3\n");
        check("echo a | while read x; do echo got $x; done", "got a\n");
        check("seq 5 | sed -n '2,3p'; echo 10.0.0.1 | sed 's/\\./-/g'", "2\n3\n10-0-0-1\n");
        check("echo 'a:b' | awk -F: '{print $2}'; echo 'a b' | cut -d' ' -f2", "b\nb\n");
        check("head -c 20 /dev/urandom | xxd -p | tr -d '\\n' | wc -c", "40\n");
        check(
            "echo hi | base64 | base64 -d; echo -n 3 | xxd",
            "hi\n00000000: 33                                       3\n",
        );
        check(
            "time true 2>/dev/null; env A=b sh -c 'echo $A'; sudo -E whoami",
            "\nreal\t0m0.000s\nuser\t0m0.000s\nsys\t0m0.000s\nb\nroot\n",
        );
    }

    #[test]
    fn what_is_not_there_is_said_as_bash_says_it() {
        let mut sim = Sim::new(1);
        assert_eq!(run_at(&mut sim, "machine", "foo bar"), ("bash: foo: command not found\n".to_owned(), 127));
        let (text, status) = run_at(&mut sim, "machine", "iptables -L");
        assert!(text.starts_with("bash: iptables: command not found\nesplain: "), "{text}");
        assert!(text.contains("--lab kernel") && status == 127, "{text}");
        assert_eq!(run_at(&mut sim, "machine", "cat nothing").0, "cat: nothing: No such file or directory\n");
        assert_eq!(run_at(&mut sim, "machine", "cd nothing").0, "bash: cd: nothing: No such file or directory\n");
        assert_eq!(
            run_at(&mut sim, "machine", "ls | | wc"),
            ("bash: syntax error near unexpected token `|'\n".to_owned(), 2)
        );
        assert_eq!(run_at(&mut sim, "machine", "./x").0, "bash: ./x: No such file or directory\n");
    }

    #[test]
    fn a_line_remembers_the_one_before() {
        let mut sim = Sim::new(1);
        run_at(&mut sim, "machine", "cd /tmp; X=7; export Y=8");
        assert_eq!(run_at(&mut sim, "machine", "pwd; echo $X; sh -c 'echo $Y'").0, "/tmp\n7\n8\n");
        run_at(&mut sim, "machine", "false");
        assert_eq!(run_at(&mut sim, "machine", "echo $?").0, "1\n");
    }

    #[test]
    fn background_commands_are_listed_killed_and_waited_for() {
        let mut sim = Sim::new(1);
        let (text, status) = run_at(&mut sim, "machine", "sleep 100 & sleep 200 & jobs; kill %1 %2; wait; jobs");
        assert_eq!(text, "[1]-  Running                 sleep 100 &\n[2]+  Running                 sleep 200 &\n");
        assert_eq!(status, 0);
        let (text, _) = run_at(&mut sim, "machine", "(sleep 3; echo late) & echo early; wait; echo end");
        assert_eq!(text, "early\nlate\nend\n");
        assert_eq!(run_at(&mut sim, "machine", "kill %9").0, "bash: kill: %9: no such job\n");
    }
}
