//! At a terminal: prompt, history, screens, what a killed shell keeps.

use std::process::Command;

use super::terminal::{CTRL_C, CTRL_D, CTRL_R, Options, ROWS, TAB, Terminal, UP};
use super::{FIRST_PROMPT, first_screen, home, piped, text};

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

fn has_colour(raw: &str) -> bool {
    raw.split("\x1b[").skip(1).any(|rest| {
        rest.split_once('m').is_some_and(|(codes, _)| {
            codes.split(';').all(|code| code.parse::<u8>().is_ok())
                && codes.split(';').any(|code| code.starts_with('3'))
        })
    })
}
