//! Lines in the foreground and behind: who gets the keys.

use std::process::Command;

use super::terminal::{CTRL_C, CTRL_D, CTRL_Z, ESPLAIN, Options, Terminal};
use super::{FIRST_PROMPT, first_screen, home};

#[test]
fn a_command_that_reads_gets_the_lines_that_are_typed_for_it() {
    let home = home();
    let mut terminal = first_screen(home.path(), &Options::default());
    terminal.type_keys("cat > note\r");
    terminal.wait_for_line("machine 1/24 sim> cat > note");
    terminal.type_keys("one\r");
    terminal.wait_for_line("one");
    terminal.type_keys("two\r");
    terminal.wait_for_line("two");
    terminal.type_keys(CTRL_D);
    terminal.wait_for_prompt(FIRST_PROMPT);
    terminal.type_line("sed s/^/noted:/ note", "1/24");
    terminal.wait_for("noted:one\nnoted:two\n");
    // A filter answers while it is typed for, and the end of its input ends it.
    terminal.type_keys("grep esp\r");
    terminal.wait_for_line("machine 1/24 sim> grep esp");
    terminal.type_keys("ah\r");
    terminal.wait_for_line("ah");
    terminal.type_keys("proto esp\r");
    terminal.wait_until("the line, echoed and found", |screen| screen.matches("\nproto esp").count() == 2);
    terminal.type_keys(CTRL_D);
    terminal.wait_for_prompt(FIRST_PROMPT);
}

#[test]
fn what_is_typed_while_a_command_runs_is_run_after_it() {
    let home = home();
    let mut terminal = first_screen(home.path(), &Options::default());
    terminal.type_keys("sleep 3; echo slept\r");
    terminal.wait_for_line(&format!("{FIRST_PROMPT} sleep 3; echo slept"));
    terminal.type_keys("echo typed ahead\recho and be");
    terminal.wait_for_line("typed ahead");
    terminal.wait_for_line(&format!("{FIRST_PROMPT} echo and be"));
    terminal.type_keys("hold\r");
    terminal.wait_for_line("and behold");
}

#[test]
fn ctrl_z_puts_a_line_behind_and_fg_brings_it_back() {
    let home = home();
    let mut terminal = first_screen(home.path(), &Options::default());
    terminal.type_line("fg", "1/24");
    terminal.wait_for("there is no job in the background");
    terminal.type_keys("echo begun; sleep 1000\r");
    // Only a line that runs has the keys.
    terminal.wait_for_line("begun");
    terminal.type_keys(CTRL_Z);
    terminal.wait_for_line("[1] echo begun; sleep 1000 &");
    terminal.wait_for_prompt(FIRST_PROMPT);
    terminal.type_line("jobs", "1/24");
    terminal.wait_for("[1] running  echo begun; sleep 1000 &");
    terminal.type_keys("fg\r");
    terminal.wait_for_line("echo begun; sleep 1000");
    terminal.type_keys(CTRL_C);
    terminal.wait_for_prompt(FIRST_PROMPT);
    terminal.type_line("fg %1", "1/24");
    terminal.wait_for("there is no job %1");
}

#[test]
fn what_is_prepared_is_said_as_it_goes_and_taken_away_again() {
    let home = home();
    let mut terminal = first_screen(home.path(), &Options::default());
    // From here on the lab's clock is the learner's.
    terminal.type_line("echo hello", "1/24");
    terminal.type_keys(":goto final\r");
    let screen = terminal.wait_until("the last step", |screen| screen.trim_end().ends_with("worker 24/24 quiz sim>"));
    assert!(!screen.contains("Preparing"), "{screen}");
    let raw = terminal.raw();
    for said in ["Preparing: step 1 of 23, architecture", "Preparing: step 22 of 23, "] {
        assert!(raw.contains(said), "{said}");
    }
    // A learner who comes back is told as well.
    terminal.type_keys(CTRL_D);
    assert_eq!(terminal.wait_for_end(), 0);
    drop(terminal);
    let dumb = Options { arguments: &["--step", "final"], environment: &[("TERM", "dumb")], ..Options::default() };
    let again = Terminal::open(home.path(), &dumb);
    again.wait_for("Preparing the 23 steps before this one");
}

#[test]
fn a_shell_that_is_ended_in_the_middle_of_a_line_leaves_the_terminal_as_it_was() {
    let home = home();
    let mut terminal = first_screen(home.path(), &Options::default());
    terminal.type_keys("cat\r");
    terminal.wait_for_line("machine 1/24 sim> cat");
    let pid = terminal.child.process_id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(terminal.wait_for_end(), 0);
    terminal.wait_for("goes on from there");
}

#[test]
fn a_terminal_that_says_it_draws_sixels_gets_the_picture_and_its_answer_is_no_typing() {
    let drawn =
        Command::new(ESPLAIN).args(["picture", "architecture", "-o", "/dev/null/picture.png"]).output().unwrap();
    if String::from_utf8_lossy(&drawn.stderr).contains("no font") {
        eprintln!("skipped: this machine has no fonts, and so draws no pictures");
        return;
    }
    let home = home();
    let options = Options { columns: 200, ..Options::default() };
    let mut terminal = first_screen(home.path(), &options);
    let before = terminal.asked();
    terminal.type_keys(":picture\r");
    terminal.wait_until("the question", |_| terminal.raw().contains("\x1b[c"));
    // As xterm answers: 4 is sixel graphics.
    terminal.type_keys("\x1b[?2;0;1000;1000S\x1b[?64;1;2;4;6;9;15;18;21;22c");
    // Sixels begin with DCS.
    terminal.wait_until("the picture", |_| terminal.raw().contains("\x1bP"));
    terminal.wait_until("the next prompt", |_| terminal.asked() > before);
    terminal.type_line("echo be''hold", "1/24");
    let screen = terminal.screen();
    assert!(screen.contains("behold") && !screen.contains("64;1;2"), "{screen}");
}
