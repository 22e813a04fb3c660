//! Without a terminal: lines from a pipe.

use std::process::Command;

use super::{ESPLAIN, home, piped, text};

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
    // Which lab was taken, and why; nothing else.
    let said = text(&output.stderr);
    assert!(said.starts_with("Lab: sim") && said.lines().count() == 1, "{said}");
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
    let said = text(&output.stderr);
    assert!(said.ends_with("\nstatus 0\n") && said.lines().count() == 2, "{said}");
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

#[test]
fn a_packet_that_is_sent_anew_is_not_taken_for_another_sighting_of_the_first() {
    let home = home();
    let output = piped(
        home.path(),
        &["learn", "--step", "ping"],
        &[],
        ":on pod-a\nping -6 -c 1 fe80::1\nping -c 1 10.0.1.165\n",
    );
    let shown = text(&output.stdout);
    let (asked, answered) = shown.split_once("ping -c 1 10.0.1.165").unwrap();
    assert_eq!(asked.matches("ICMP6, neighbor solicitation").count(), 3, "{asked}");
    assert!(!asked.contains("seen again"), "{asked}");
    assert!(answered.contains("the same ESP packet as"), "{answered}");
}
