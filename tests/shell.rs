//! The guided shell in a real pseudo-terminal, and as a plain line reader: what a learner sees, types, loses and keeps.
//!
//! Every test waits for something on the screen, with a bound; none waits for a time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use esplain::course::{self, Book, Direction, Facts, Files, PacketPattern, QuestionKind, Template};
use esplain::lab::{Lab, sim::Sim};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

const ESPLAIN: &str = env!("CARGO_BIN_EXE_esplain");
/// No screen takes longer than this on the slowest machine; a test that passes never waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

const ROWS: u16 = 40;

/// A learner's terminal.
struct Terminal {
    screen: Arc<Mutex<vt100::Parser>>,
    raw: Arc<Mutex<Vec<u8>>>,
    keys: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
}

/// What a test may choose about a terminal.
struct Options<'a> {
    columns: u16,
    rows: u16,
    arguments: &'a [&'a str],
    environment: &'a [(&'a str, &'a str)],
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { columns: 80, rows: ROWS, arguments: &[], environment: &[] }
    }
}

impl Terminal {
    fn open(home: &Path, options: &Options<'_>) -> Self {
        let size = PtySize { rows: options.rows, cols: options.columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(ESPLAIN);
        command.env_clear();
        command.env("HOME", home);
        command.env("XDG_STATE_HOME", home.join("state"));
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for (name, value) in options.environment {
            command.env(name, value);
        }
        command.args(options.arguments);
        command.cwd(home);
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(cells(options.rows), cells(options.columns), 10_000)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let (shown, kept) = (Arc::clone(&screen), Arc::clone(&raw));
        std::thread::spawn(move || {
            let mut octets = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut octets) {
                shown.lock().unwrap().process(&octets[..read]);
                kept.lock().unwrap().extend_from_slice(&octets[..read]);
            }
        });
        Self { screen, raw, keys, master: pair.master, child }
    }

    fn type_keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn screen(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Everything that was ever written, as octets.
    fn raw(&self) -> String {
        String::from_utf8_lossy(&self.raw.lock().unwrap()).into_owned()
    }

    fn wait_until(&self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            if condition(&screen) {
                return screen;
            }
            assert!(begun.elapsed() < PATIENCE, "{what} did not appear on this screen:\n{screen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn wait_for(&self, text: &str) -> String {
        self.wait_until(text, |screen| screen.contains(text))
    }

    /// How often the line editor has asked for a line: it switches bracketed paste on each time.
    fn asked(&self) -> usize {
        self.raw().matches("\x1b[?2004h").count()
    }

    /// Types a line, and waits until the editor asks for the next one below a bare prompt that holds `prompt`.
    fn type_line(&mut self, line: &str, prompt: &str) -> String {
        let before = self.asked();
        self.type_keys(&format!("{line}\r"));
        self.wait_until(&format!("{prompt} after `{line}`"), |screen| {
            let last = screen.trim_end().lines().last().unwrap_or_default().trim_end();
            self.asked() > before && last.ends_with("sim>") && last.contains(prompt)
        })
    }

    /// Waits for a line that is this and nothing else.
    fn wait_for_line(&self, text: &str) -> String {
        self.wait_until(text, |screen| screen.lines().any(|line| line.trim_end() == text))
    }

    /// Waits for a prompt with nothing behind it on the last line that has text.
    fn wait_for_prompt(&self, prompt: &str) -> String {
        self.wait_until(prompt, |screen| screen.trim_end().lines().last().is_some_and(|line| line.trim_end() == prompt))
    }

    fn wait_for_end(&mut self) -> u32 {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(begun.elapsed() < PATIENCE, "it did not end:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn resize(&self, columns: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(cells(ROWS), cells(columns));
        self.master.resize(PtySize { rows: ROWS, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const FIRST_PROMPT: &str = "machine 1/24 sim>";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const CTRL_R: &str = "\x12";
const TAB: &str = "\t";
const UP: &str = "\x1b[A";

fn cells(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn first_screen(home: &Path, options: &Options<'_>) -> Terminal {
    let terminal = Terminal::open(home, options);
    terminal.wait_for_prompt(FIRST_PROMPT);
    terminal
}

/// Runs the shell without a terminal, and gives it `input`.
fn piped(home: &Path, arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Output {
    let mut command = Command::new(ESPLAIN);
    command.env_clear().env("HOME", home).env("XDG_STATE_HOME", home.join("state")).env("LANG", "C.UTF-8");
    command.envs(environment.iter().copied()).args(arguments).current_dir(home);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A shell that has left does not read the rest.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

// --- without a terminal

#[test]
fn a_pipe_is_read_line_by_line_without_colour_or_cursor_movement() {
    let home = home();
    let output = piped(home.path(), &[], &[], "echo one two\n:next\n");
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(shown.contains("machine 1/24 sim> echo one two\none two\n"), "{shown}");
    assert!(shown.contains("This step is not done yet."), "{shown}");
    assert!(!shown.contains('\x1b'), "{shown:?}");
}

#[test]
fn no_input_at_all_shows_the_first_step_and_how_to_go_on() {
    let home = home();
    let output = piped(home.path(), &[], &[], "");
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert!(shown.contains("simulated"), "{shown}");
    assert!(shown.contains("Step 1 of 24"), "{shown}");
    assert!(shown.contains(":help") && shown.contains(":next"), "{shown}");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn words_of_the_call_that_are_off_end_with_2_and_what_was_meant() {
    let home = home();
    for (arguments, meant) in [
        (vec!["learn", "cilium-ipsek"], "cilium-ipsec"),
        (vec!["learn", "--step", "statse"], "--step states"),
        (vec!["learn", "--lang", "fr"], "--lang zh"),
        (vec!["--lab", "moon"], "sim"),
    ] {
        let output = piped(home.path(), &arguments, &[], "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(meant), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
    }
}

#[test]
fn forced_colour_reaches_a_pipe_and_no_color_wins_over_it() {
    let home = home();
    let coloured = |arguments: &[&str], environment: &[(&str, &str)]| {
        text(&piped(home.path(), arguments, environment, ":quit\n").stdout).contains("\x1b[")
    };
    assert!(coloured(&[], &[("FORCE_COLOR", "1")]));
    assert!(coloured(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[], &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")]));
    assert!(coloured(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(!coloured(&["--color", "never"], &[("FORCE_COLOR", "1")]));
}

#[test]
fn the_language_is_that_of_the_locale_and_changes_at_once() {
    let home = home();
    let shown = text(&piped(home.path(), &[], &[("LANG", "zh_CN.UTF-8")], ":lang en\n").stdout);
    assert!(shown.contains("模拟"), "{shown}");
    assert!(shown.contains("Task (on machine)"), "{shown}");
    let shown = text(&piped(home.path(), &["--lang", "zh"], &[], ":hlep\n:quit\n").stdout);
    assert!(shown.contains("任务"), "{shown}");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let home = home();
    let mut command = Command::new("sh");
    command.args(["-c", "yes 'echo x' | head -3000 | { \"$0\"; echo status $? >&2; } | head -1"]).arg(ESPLAIN);
    command.env("HOME", home.path()).env("XDG_STATE_HOME", home.path().join("state"));
    let output = command.output().unwrap();
    assert_eq!(text(&output.stderr), "status 0\n");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_said_and_progress_is_kept() {
    let home = home();
    let mut command = Command::new("sh");
    command
        .args(["-c", "echo :map | \"$0\" > /dev/full"])
        .arg(ESPLAIN)
        .env("XDG_STATE_HOME", home.path().join("state"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("standard output cannot be written"), "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains("panicked"));
}

#[test]
fn plain_text_has_no_drawing_and_no_typography() {
    let home = home();
    let output = piped(home.path(), &["--plain"], &[("FORCE_COLOR", "1")], ":map\n:nodes\n:help\n");
    let shown = text(&output.stdout);
    assert!(shown.is_ascii(), "{}", shown.lines().filter(|line| !line.is_ascii()).collect::<Vec<_>>().join("\n"));
    assert!(!shown.contains('\x1b') && !shown.contains("+--"), "{shown}");
    assert!(shown.contains("worker:") && shown.contains("  pod-a"), "{shown}");
}

#[test]
fn progress_survives_and_keys_stay_out_of_everything_that_is_kept() {
    let home = home();
    let key = "0123456789abcdef0123456789abcdef01234567";
    let input = format!("echo {key}\n:map\nkernel\n2\n:notes\n");
    let output = piped(home.path(), &[], &[], &input);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let notes = std::fs::read_to_string(home.path().join("esplain-notes.md")).unwrap();
    assert!(notes.contains(":map") && !notes.contains(key), "{notes}");
    let log = std::fs::read_to_string(home.path().join("state/esplain/cilium-ipsec/events.jsonl")).unwrap();
    assert!(log.contains("\"met\"") && !log.contains(key), "{log}");
    let again = text(&piped(home.path(), &[], &[], "3\n:next\n").stdout);
    assert!(again.contains("Question 2 of 2"), "{again}");
    assert!(again.contains("Step 2 of 24"), "{again}");
}

#[test]
fn a_corrupt_record_is_kept_aside_and_the_walk_goes_on() {
    let home = home();
    piped(home.path(), &[], &[], ":map\n");
    let log = home.path().join("state/esplain/cilium-ipsec/events.jsonl");
    let whole = std::fs::read_to_string(&log).unwrap();
    std::fs::write(&log, format!("\0\0 not json\n{whole}")).unwrap();
    let shown = text(&piped(home.path(), &[], &[], ":check\n").stdout);
    assert!(shown.contains("events.damaged-1.jsonl"), "{shown}");
    assert!(shown.contains("[done]") || shown.contains("Question 1 of 2"), "{shown}");
    assert!(home.path().join("state/esplain/cilium-ipsec/events.damaged-1.jsonl").exists());
}

#[test]
fn a_home_that_cannot_be_written_is_said_and_the_lesson_goes_on() {
    let home = home();
    // A file where a folder must be: nobody, not even root, can write below it.
    std::fs::write(home.path().join("state"), "").unwrap();
    let output = piped(home.path(), &[], &[], ":map\n2\n");
    let shown = text(&output.stdout);
    assert!(output.status.success());
    assert!(shown.contains("Progress cannot be saved in"), "{shown}");
    assert!(shown.contains("Right."), "{shown}");
}

// --- with a terminal

#[test]
fn the_prompt_names_place_step_and_lab_and_ctrl_d_leaves() {
    let home = home();
    let mut terminal = first_screen(home.path(), &Options::default());
    terminal.type_keys("echo hello\r");
    terminal.wait_for_line("hello");
    terminal.wait_for_prompt(FIRST_PROMPT);
    terminal.type_keys(CTRL_D);
    terminal.wait_for("goes on from there");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn tab_completes_commands_of_the_guide_and_their_arguments() {
    let home = home();
    let mut terminal = first_screen(home.path(), &Options::default());
    terminal.type_keys(&format!(":go{TAB}"));
    terminal.wait_for("sim> :goto");
    terminal.type_keys(&format!("enc{TAB}"));
    terminal.wait_for(":goto encryption-status");
}

#[test]
fn the_history_is_kept_searched_and_holds_no_key() {
    let home = home();
    let key = "0123456789abcdef0123456789abcdef01234567";
    let mut terminal = first_screen(home.path(), &Options::default());
    terminal.type_keys(&format!("echo first\recho {key} >/dev/null\r"));
    terminal.wait_until("both lines", |screen| screen.matches("sim> echo").count() == 2);
    terminal.wait_for_prompt(FIRST_PROMPT);
    terminal.type_keys(CTRL_D);
    assert_eq!(terminal.wait_for_end(), 0);
    drop(terminal);
    let history = std::fs::read_to_string(home.path().join("state/esplain/history")).unwrap();
    assert!(history.contains("echo first") && !history.contains(key), "{history}");
    let mut terminal = first_screen(home.path(), &Options::default());
    terminal.type_keys(&format!("{CTRL_R}fir"));
    terminal.wait_for("echo first");
    terminal.type_keys("\r");
    terminal.wait_for_line("first");
    terminal.wait_for_prompt(FIRST_PROMPT);
    terminal.type_keys(UP);
    terminal.wait_for("sim> echo first");
}

#[test]
fn ctrl_c_cancels_a_line_and_a_running_command_and_nothing_else() {
    let home = home();
    let mut terminal = first_screen(home.path(), &Options::default());
    terminal.type_keys("echo half");
    terminal.wait_for("sim> echo half");
    terminal.type_keys(CTRL_C);
    terminal.wait_for_prompt(FIRST_PROMPT);
    terminal.type_keys("echo endless > file; tail -f file\r");
    terminal.wait_for_line("endless");
    terminal.type_keys(CTRL_C);
    terminal.wait_for_prompt(FIRST_PROMPT);
    assert!(terminal.child.try_wait().unwrap().is_none(), "Ctrl-C ended the shell");
}

#[test]
fn a_job_runs_behind_is_listed_and_killed() {
    let home = home();
    let mut terminal = first_screen(home.path(), &Options::default());
    terminal.type_keys("echo from the job > file\r");
    terminal.wait_for_prompt(FIRST_PROMPT);
    terminal.type_keys("tail -f file &\r");
    terminal.wait_for_line("[1] tail -f file &");
    // What it says later is printed above the prompt.
    terminal.wait_for_line("from the job");
    terminal.wait_for_prompt(FIRST_PROMPT);
    terminal.type_keys("jobs\r");
    terminal.wait_for("[1] running  tail -f file &");
    terminal.type_keys("kill %1\r");
    terminal.wait_until("the job's end", |screen| screen.lines().any(|line| line.starts_with("[1] exit")));
    terminal.wait_for_prompt(FIRST_PROMPT);
    terminal.type_keys("fg\r");
    terminal.wait_for("there is no job");
}

#[test]
fn a_pasted_block_is_shown_confirmed_once_and_run_in_order() {
    let home = home();
    let mut terminal = first_screen(home.path(), &Options::default());
    terminal.type_keys("\x1b[200~echo alpha\necho beta\n\x1b[201~");
    terminal.wait_for("echo beta");
    terminal.type_keys("\r");
    terminal.wait_for("Run these 2 lines?");
    terminal.type_keys("y\r");
    let screen = terminal.wait_for_line("beta");
    let at = |text: &str| screen.lines().position(|line| line == text).expect(text);
    assert!(at("alpha") < at("beta"), "{screen}");
    terminal.type_keys("\x1b[200~echo gamma\necho delta\n\x1b[201~\r");
    terminal.wait_until("a second question", |screen| screen.matches("Run these 2 lines?").count() == 2);
    terminal.type_keys("n\r");
    terminal.wait_for_prompt(FIRST_PROMPT);
    assert!(!terminal.screen().lines().any(|line| line == "gamma"));
}

#[test]
fn nothing_is_wider_than_forty_columns() {
    let home = home();
    let mut terminal = first_screen(home.path(), &Options { columns: 40, ..Options::default() });
    terminal.type_keys(":map\r");
    let screen = terminal.wait_for("Question 1 of 2");
    let parser = terminal.screen.lock().unwrap();
    // A row that the terminal itself had to break.
    let broken: Vec<u16> = (0..ROWS).filter(|row| parser.screen().row_wrapped(*row)).collect();
    assert_eq!(broken, Vec::<u16>::new(), "{screen}");
}

#[test]
fn a_terminal_that_is_resized_gets_text_of_the_new_width() {
    let home = home();
    let mut terminal = first_screen(home.path(), &Options::default());
    terminal.resize(44);
    terminal.type_keys(":task\r");
    terminal.wait_until("the task", |screen| screen.matches("Task (on machine)").count() >= 1);
    terminal.wait_for_prompt(FIRST_PROMPT);
    let screen = terminal.screen();
    let task = screen.rfind("Task (on machine)").map(|at| &screen[at..]).unwrap();
    assert!(task.lines().all(|line| line.chars().count() <= 44), "{task}");
}

#[test]
fn no_color_has_no_colour_and_still_edits() {
    let home = home();
    let mut terminal = first_screen(home.path(), &Options { environment: &[("NO_COLOR", "1")], ..Options::default() });
    terminal.type_keys("echo hello\r");
    terminal.wait_for_line("hello");
    assert!(!has_colour(&terminal.raw()), "{:?}", terminal.raw());
    let coloured = first_screen(home.path(), &Options::default());
    assert!(has_colour(&coloured.raw()), "the same screen has colour otherwise");
}

#[test]
fn a_dumb_terminal_gets_plain_lines_and_no_escape() {
    let home = home();
    let mut terminal = first_screen(home.path(), &Options { environment: &[("TERM", "dumb")], ..Options::default() });
    terminal.type_keys("echo hello\r");
    terminal.wait_for_line("hello");
    assert!(!terminal.raw().contains('\x1b'), "{:?}", terminal.raw());
}

#[test]
fn a_locale_without_unicode_gets_ascii() {
    let home = home();
    let mut terminal = first_screen(home.path(), &Options { environment: &[("LANG", "C")], ..Options::default() });
    terminal.type_keys(":map\r");
    let screen = terminal.wait_for("Question 1 of 2");
    assert!(screen.is_ascii(), "{screen}");
}

#[test]
fn a_killed_shell_takes_up_where_it_was() {
    let home = home();
    let mut terminal = first_screen(home.path(), &Options::default());
    terminal.type_keys(":map\r");
    terminal.wait_for("Question 1 of 2");
    terminal.type_keys("2\r");
    terminal.wait_for("Question 2 of 2");
    // SIGKILL: nothing is asked, nothing can be tidied up.
    terminal.child.kill().unwrap();
    terminal.wait_for_end();
    drop(terminal);
    let again = Terminal::open(home.path(), &Options::default());
    again.wait_for("Question 2 of 2");
    again.wait_for_prompt("machine 1/24 quiz sim>");
}

#[test]
fn a_terminal_that_closes_or_a_system_that_shuts_down_ends_the_shell_in_order() {
    for signal in ["-HUP", "-TERM"] {
        let home = home();
        let mut terminal = first_screen(home.path(), &Options::default());
        let pid = terminal.child.process_id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        assert_eq!(terminal.wait_for_end(), 0, "{signal}");
        // The editor had asked for pasted text to be marked; the terminal must not go on doing so.
        terminal.wait_until("the end of bracketed paste", |_| {
            let raw = terminal.raw();
            raw.rfind("\x1b[?2004l") > raw.rfind("\x1b[?2004h")
        });
    }
}

#[test]
fn every_command_of_the_guide_speaks_both_languages() {
    let input = "ping -c 1 10.0.1.165\n:map\n:packets\n:show esp\n:show clear\n:show 1\n:show 99999\n:trace pod-a pod-b\n\
                 :trace x y\n:on worker\nip x s\n:explain\ntcpdump -c 4 -nei any -w a.cap &\n:on pod-a\nping -c 1 10.0.1.165\n\
                 :on worker\n:decrypt a.cap\n:decrypt a.cap --no-key\n:decrypt a.cap --key 0x0102\n\
                 :decrypt a.cap --key 000102030405060708090a0b0c0d0e0f10111213\n:decrypt none.cap\n:decrypt\n:on nowhere\n\
                 :nodes\n:watch esp\n:watch (\n:watch off\n:help\n:help map\n:help nothing\n:task\n:hint\n:hint\n:hint\n\
                 :hint\n:check\n:quiz\n:answer\n:answer 77\n:skip\n:steps\n:back\n:next\n:goto nowhere\n:goto 3\n:play\n\
                 :resume\n:resume\n:lang xx\n:report\n:reset\n:reset yes\n:reset x\n:notes\n:notes /nowhere/x\n:nonsense\n\
                 :goto final\n:goto ipip\n:solve\nnext\n:quit\n";
    for (lang, words) in [
        (
            "en",
            [
                "now encrypted",
                "no leak",
                "salt ‖ IV",
                "Delivered to pod-b",
                "Seen as predicted: 14 of 14",
                "Check passed",
            ],
        ),
        ("zh", ["现在已加密", "错误：", "salt ‖ IV", "pod-b", "与预测一致", "检查通过"]),
    ] {
        let home = home();
        let output = piped(home.path(), &["--lang", lang, "--step", "ping"], &[], input);
        let shown = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{shown}");
        assert!(!shown.contains('⟦') && !shown.contains("{$") && !shown.contains("panicked"), "{shown}");
        for word in words {
            assert!(shown.contains(word), "no {word:?} in {lang}:\n{shown}");
        }
    }
}

#[test]
fn after_a_ping_one_line_says_whether_it_was_seen_as_predicted() {
    let home = home();
    let input = "ping -c 2 10.0.1.165\n:on worker\nsysctl -w net.ipv4.conf.cilium_net.accept_local=0\n:on pod-a\n\
                 ping -c 1 -W 1 10.0.1.165\nping -c 1 -t 9 10.0.1.165\n:quit\n";
    let output = piped(home.path(), &["--lang", "en", "--step", "ping"], &[], input);
    let shown = text(&output.stdout);
    let said: Vec<&str> = shown.lines().filter(|line| line.contains("predicted")).collect();
    // The prediction is from the state of the moment, so that a fault is predicted as well.
    assert_eq!(said, ["Seen as predicted: 28 of 28 sightings.", "Seen as predicted: 3 of 3 sightings."], "{shown}");
}

#[test]
fn watched_packets_appear_above_the_prompt_and_copies_are_recognised() {
    let home = home();
    let options = Options { rows: 100, arguments: &["--step", "ping"], ..Options::default() };
    let mut terminal = Terminal::open(home.path(), &options);
    terminal.wait_for_prompt("pod-a 11/24 sim>");
    terminal.type_line(":watch esp", "11/24");
    terminal.type_keys("ping -c 1 10.0.1.165 &\r");
    let screen = terminal.wait_until("three sightings and the reply", |screen| {
        screen.matches("seen again").count() == 2 && screen.contains("ICMP echo reply")
    });
    assert!(screen.contains("ESP(spi=0x00000003,seq=0x1)") && screen.contains("decrypted: 10.0.0.144 > 10.0.1.165"));
    terminal.wait_until("a prompt below", |screen| {
        screen.trim_end().lines().last().is_some_and(|line| line.trim_end().ends_with("sim>"))
    });
}

/// What became of each ping that was typed: whether it was answered.
fn pings(said: &str) -> Vec<bool> {
    said.lines().filter(|line| line.contains("packets transmitted")).map(|line| line.contains(" 0% ")).collect()
}

#[test]
fn a_fault_is_there_when_its_step_begins_and_gone_when_the_learner_goes_elsewhere() {
    let home = home();
    let (lost, answered) = (false, true);
    let ping = "ping -c 1 -W 1 10.0.1.165";
    let mend = "ip xfrm state delete dst 10.0.1.236 proto esp spi 3 mark 0xd00 mask 0xf00";
    for (lines, outcome) in [
        (vec![":packets", ping], vec![lost]),
        (vec![ping, ":goto exhausted", ":skip", ":on pod-a", ping], vec![lost, answered]),
        (vec![":goto method", ":on pod-a", ping, ":goto key-mismatch", ping], vec![answered, lost]),
        (vec![":on worker2", mend, ":reset yes", ping, ":on worker2", "ip xfrm state count"], vec![lost]),
        (vec![":on worker2", "ip xfrm policy flush", ":goto method", ":on pod-a", ping], vec![answered]),
        (vec![":play", ":on worker2", mend, ":resume", ping], vec![lost]),
        (vec![":reset all yes", ":on pod-a", ping], vec![answered]),
    ] {
        let input = lines.join("\n") + "\n";
        let arguments = ["learn", "ipsec-troubleshooting", "--fresh", "--step", "key-mismatch"];
        let output = piped(home.path(), &arguments, &[], &input);
        let said = text(&output.stdout);
        assert_eq!(pings(&said), outcome, "{lines:?}:\n{said}");
        assert!(!said.contains("could not be set up") && !said.contains("xfrm state add"), "{lines:?}:\n{said}");
        if lines.contains(&"ip xfrm state count") {
            assert!(said.contains("SAD count 3"), "{said}");
        }
    }
}

#[test]
fn a_fault_that_was_half_found_is_to_be_found_anew() {
    let home = home();
    let begin = ["learn", "ipsec-troubleshooting", "--step", "key-mismatch"];
    let ping = "ping -c 1 -W 1 10.0.1.165\n";
    let said = text(&piped(home.path(), &begin, &[], ping).stdout);
    assert!(said.contains("[done] The ping is lost"), "{said}");
    let said = text(&piped(home.path(), &["learn", "ipsec-troubleshooting"], &[], ":on pod-a\n").stdout);
    assert!(said.contains("[open] The ping is lost"), "{said}");
}

#[test]
fn a_fresh_walk_forgets_progress_and_keeps_a_copy() {
    let home = home();
    piped(home.path(), &[], &[], ":map\n2\n");
    let shown = text(&piped(home.path(), &["--fresh"], &[], "").stdout);
    assert!(shown.contains("Step 1 of 24") && !shown.contains("Question 2"), "{shown}");
    let copy = home.path().join("state/esplain/cilium-ipsec/events.before-1.jsonl");
    assert!(std::fs::read_to_string(copy).unwrap().contains("\"met\""));
}

// --- the whole course

/// A packet in the guide's list, as the screen shows it.
struct Listed {
    number: String,
    device: String,
    direction: String,
    line: String,
}

/// The packets of a `:packets` screen: `#7 worker eth0 In: …`, and below it tcpdump's line.
fn listed(screen: &str) -> Vec<Listed> {
    let lines: Vec<&str> = screen.lines().collect();
    let packet = |(at, line): (usize, &&str)| {
        let words: Vec<&str> = line.strip_prefix('#')?.split_whitespace().collect();
        let &[number, _, device, direction, ..] = words.as_slice() else { return None };
        let below = lines.iter().skip(at + 1).find(|line| line.contains(" > "))?;
        Some(Listed {
            number: number.to_owned(),
            device: device.to_owned(),
            direction: direction.trim_end_matches(':').to_owned(),
            line: below.trim().to_owned(),
        })
    };
    lines.iter().enumerate().filter_map(packet).collect()
}

/// Whether a listed packet is what a question asks for.
fn fits(packet: &Listed, wanted: &PacketPattern, facts: &Facts) -> bool {
    let shown = |template: &Template| template.show(facts);
    let direction = wanted.direction.map(|direction| match direction {
        Direction::In => "In",
        Direction::Out => "Out",
        Direction::Other => "P",
    });
    wanted.esp.is_none_or(|esp| packet.line.contains("ESP(") == esp)
        && wanted.device.as_ref().is_none_or(|device| shown(device) == packet.device)
        && direction.is_none_or(|direction| direction == packet.direction)
        && wanted.src.as_ref().is_none_or(|src| packet.line.starts_with(&format!("{} > ", shown(src))))
        && wanted.dst.as_ref().is_none_or(|dst| packet.line.contains(&format!(" > {}:", shown(dst))))
}

/// How a learner goes through the steps.
enum Manner {
    /// First everything that does not do a step, then its solution.
    Erring,
    /// In another spelling: the last variant (piped, abbreviated, by `docker exec` from the machine).
    Otherwise,
}

/// Walks the whole course as a learner does: each line typed, each question answered rightly.
fn walk(course: &str, lang: &str, quiz: &str, manner: &Manner) {
    let home = home();
    let book = Book::read(&Files::embedded(course).unwrap()).unwrap();
    let facts = course::complete(Sim::ready(1).facts().unwrap());
    let options = Options { rows: 300, arguments: &["learn", course, "--lang", lang], ..Options::default() };
    let mut terminal = Terminal::open(home.path(), &options);
    let of = book.course.steps().count();
    terminal.wait_until("the first prompt", |screen| screen.trim_end().ends_with("sim>"));
    for (at, step) in book.course.steps().enumerate() {
        let here = format!("{}/{of}", at + 1);
        let way = match manner {
            Manner::Erring => {
                for wrong in step.wrong.iter().filter(|_| !step.checks.is_empty()) {
                    for line in wrong {
                        terminal.type_line(&line.show(&facts), &here);
                    }
                    terminal.wait_until(&format!("`{}` still open", step.id), |screen| {
                        screen.trim_end().ends_with(&format!(" {here} sim>"))
                    });
                    terminal.type_line(":reset yes", &here);
                }
                &step.solution
            }
            Manner::Otherwise => step.variants.last().unwrap_or(&step.solution),
        };
        for line in way {
            terminal.type_line(&line.show(&facts), &here);
        }
        // What takes its time (nodes and pods become ready) is looked at again, as a learner does who waits for it.
        let last = way.last().map_or_else(String::new, |line| line.show(&facts));
        let again = if last.starts_with("kubectl get") { last.as_str() } else { ":check" };
        let begun = Instant::now();
        while !step.quiz.is_empty() && terminal.screen().trim_end().ends_with(&format!(" {here} sim>")) {
            assert!(begun.elapsed() < 4 * PATIENCE, "`{}` was not met:\n{}", step.id, terminal.screen());
            terminal.type_line(again, &here);
        }
        for (number, question) in step.quiz.iter().enumerate() {
            let index = |options: &[String], key: &String| {
                (options.iter().position(|option| option == key).unwrap() + 1).to_string()
            };
            let answer = match &question.kind {
                QuestionKind::Choice { options, answer } => index(options, answer),
                QuestionKind::Choices { options, answer } => {
                    answer.iter().map(|key| index(options, key)).collect::<Vec<_>>().join(" ")
                }
                QuestionKind::Number(values) | QuestionKind::Address(values) | QuestionKind::Hex(values) => {
                    values.answer.show(&facts)
                }
                QuestionKind::Text { example, .. } => example.show(&facts),
                QuestionKind::Packet { answer, .. } => {
                    terminal.type_keys("\x0c");
                    let screen = terminal.type_line(":packets", quiz);
                    let packets = listed(&screen);
                    let found = packets.iter().rev().find(|packet| fits(packet, answer, &facts));
                    found.unwrap_or_else(|| panic!("no packet for {}:\n{screen}", question.id)).number.clone()
                }
            };
            let more = number + 1 < step.quiz.len();
            terminal.type_line(&answer, if more { quiz } else { &here });
        }
        let next = if at + 1 < of { format!("{}/{of}", at + 2) } else { here };
        terminal.type_line(":next", &next);
    }
    terminal.type_keys(CTRL_D);
    assert_eq!(terminal.wait_for_end(), 0);
    let shown = piped(home.path(), &["progress", "show", course, "--json"], &[], "");
    let progress: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let open: Vec<&serde_json::Value> =
        progress["steps"].as_array().unwrap().iter().filter(|step| step["state"] != "done").collect();
    assert!(open.is_empty(), "{open:?}");
    assert_eq!(progress["questions"]["first_try"], progress["questions"]["of"], "{progress}");
}

#[test]
fn the_whole_course_is_typed_and_finished_in_english_and_what_is_wrong_does_not_count() {
    walk("cilium-ipsec", "en", "quiz", &Manner::Erring);
}

#[test]
fn the_whole_course_is_typed_and_finished_in_chinese_in_other_spellings() {
    walk("cilium-ipsec", "zh", "问答", &Manner::Otherwise);
}

#[test]
fn every_fault_of_the_second_course_is_found_and_mended_at_the_keyboard() {
    walk("ipsec-troubleshooting", "zh", "问答", &Manner::Otherwise);
}

fn has_colour(raw: &str) -> bool {
    raw.split("\x1b[").skip(1).any(|rest| {
        rest.split_once('m').is_some_and(|(codes, _)| {
            codes.split(';').all(|code| code.parse::<u8>().is_ok())
                && codes.split(';').any(|code| code.starts_with('3'))
        })
    })
}
