//! The guided shell on the kernel lab at a pseudo-terminal: full-screen programs, keys, sizes. Runs in the reference
//! kernel.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use super::pty::{CTRL_C, CTRL_D, Options, Terminal};

const WORKER: &str = "worker 9/24 kernel>";

pub(crate) fn a_learner_sits_at_a_real_terminal() {
    let home = tempfile::tempdir().unwrap();
    let arguments = ["--lab", "kernel", "--lang", "en", "--step", "states"];
    let options = Options { arguments: &arguments, ..Options::default() };
    let mut terminal = Terminal::open(home.path(), &options);
    terminal.wait_for_prompt(WORKER);
    a_pager_has_the_screen_and_gives_it_back(&mut terminal);
    a_screen_that_draws_itself_anew_ends_with_its_key(&mut terminal);
    a_shell_within_the_shell_edits_and_is_left(&mut terminal);
    a_line_reads_what_is_typed(&mut terminal);
    ctrl_c_ends_a_line_at_once_and_a_deaf_one_at_the_second(&mut terminal);
    ctrl_z_puts_a_line_behind(&mut terminal);
    what_was_typed_ahead_is_run(&mut terminal);
    watched_packets_wait_for_the_end_of_a_screen(&mut terminal);
    the_machine_goes_into_a_node(&mut terminal);
}

/// Types a line and waits until it has it.
fn begin(terminal: &mut Terminal, prompt: &str, line: &str) {
    terminal.type_keys("\x0c");
    terminal.wait_until("a clear screen", |screen| screen.trim() == prompt);
    terminal.type_keys(&format!("{line}\r"));
}

fn a_pager_has_the_screen_and_gives_it_back(terminal: &mut Terminal) {
    begin(terminal, WORKER, "seq 500 | less");
    let first = terminal.wait_until("the first page", |screen| screen.starts_with("1\n2\n") && screen.ends_with("\n:"));
    assert!(first.contains("\n39\n"), "{first}");
    terminal.type_keys(" ");
    terminal.wait_until("the second page", |screen| screen.starts_with("40\n") && screen.contains("\n78\n"));
    terminal.resize_to(60, 20);
    terminal.wait_until("a smaller page", |screen| screen.starts_with("40\n") && !screen.contains("\n60\n"));
    terminal.type_keys("/^321$\r");
    terminal.wait_until("what was looked for", |screen| screen.starts_with("321\n"));
    terminal.type_keys("q");
    let screen = terminal.wait_for_prompt(WORKER);
    assert!(screen.contains("seq 500 | less") && !screen.contains("321"), "{screen}");
    terminal.resize_to(80, 40);
}

fn a_screen_that_draws_itself_anew_ends_with_its_key(terminal: &mut Terminal) {
    begin(terminal, WORKER, "top -d 0.5");
    // The lab's own processes and no others.
    let screen = terminal.wait_until("the processes", |screen| screen.contains("PID USER") && screen.contains(" top"));
    assert!(screen.contains("Tasks:   3 total") && screen.contains(" 1 root "), "{screen}");
    terminal.type_keys("q");
    terminal.wait_for_prompt(WORKER);
    assert!(!terminal.screen.lock().unwrap().screen().hide_cursor());
}

fn a_shell_within_the_shell_edits_and_is_left(terminal: &mut Terminal) {
    begin(terminal, WORKER, "PS1='inner> ' bash --norc -i");
    terminal.wait_for_prompt("inner>");
    terminal.type_keys(&format!("ecko $((6*7)){}\x08h\r", "\x1b[D".repeat(10)));
    terminal.wait_for_line("42");
    terminal.wait_for_prompt("inner>");
    terminal.resize_to(70, 30);
    terminal.type_keys("stty size\r");
    terminal.wait_for_line("30 70");
    terminal.wait_for_prompt("inner>");
    terminal.resize_to(80, 40);
    // Any number of times: the inner shell answers with a prompt.
    for presses in 1..=4 {
        terminal.type_keys("half");
        terminal.wait_for_prompt("inner> half");
        terminal.type_keys(CTRL_C);
        terminal.wait_until("a new inner prompt", |screen| {
            screen.matches("inner> half^C").count() == presses && screen.trim_end().ends_with("\ninner>")
        });
    }
    terminal.type_keys("ping 172.18.0.2\r");
    terminal.wait_for("icmp_seq=2 ");
    terminal.type_keys("\x1a");
    terminal.wait_for("Stopped");
    // A shell with a stopped job leaves at the second word, and ends the job.
    terminal.type_keys("exit\r");
    terminal.wait_for("There are stopped jobs.");
    terminal.wait_for_prompt("inner>");
    terminal.type_keys("exit\r");
    terminal.wait_for_prompt(WORKER);
}

fn a_line_reads_what_is_typed(terminal: &mut Terminal) {
    begin(terminal, WORKER, "echo begun; cat > /tmp/typed; wc -l < /tmp/typed");
    terminal.wait_for_line("begun");
    terminal.type_keys("one\rtwo\r");
    terminal.wait_for_line("two");
    terminal.type_keys(CTRL_D);
    terminal.wait_for_line("2");
    terminal.wait_for_prompt(WORKER);
}

fn ctrl_c_ends_a_line_at_once_and_a_deaf_one_at_the_second(terminal: &mut Terminal) {
    begin(terminal, WORKER, "ping 172.18.0.2");
    terminal.wait_for("icmp_seq=2 ");
    terminal.type_keys(CTRL_C);
    terminal.wait_for("packets transmitted");
    terminal.wait_for_prompt(WORKER);
    begin(terminal, WORKER, "sh -c 'trap \"\" INT; echo deaf; while :; do sleep 1; done'");
    terminal.wait_for_line("deaf");
    terminal.type_keys(CTRL_C);
    terminal.wait_for("^C");
    terminal.type_keys(CTRL_C);
    terminal.wait_for_prompt(WORKER);
}

fn ctrl_z_puts_a_line_behind(terminal: &mut Terminal) {
    begin(terminal, WORKER, "ping -i 2 172.18.0.2");
    terminal.wait_for("icmp_seq=1 ");
    terminal.type_keys("\x1a");
    terminal.wait_for("fg %1 brings it back");
    terminal.wait_for_prompt(WORKER);
    begin(terminal, WORKER, "fg");
    terminal.wait_for_line("ping -i 2 172.18.0.2");
    terminal.type_keys(CTRL_C);
    terminal.wait_for_prompt(WORKER);
}

fn what_was_typed_ahead_is_run(terminal: &mut Terminal) {
    begin(terminal, WORKER, "echo begun; sleep 3");
    terminal.wait_for_line("begun");
    terminal.type_keys("echo typed ahead\recho and be");
    terminal.wait_for_line("typed ahead");
    terminal.wait_for_line(&format!("{WORKER} echo and be"));
    terminal.type_keys("hold\r");
    terminal.wait_for_line("and behold");
    terminal.wait_for_prompt(WORKER);
}

fn watched_packets_wait_for_the_end_of_a_screen(terminal: &mut Terminal) {
    terminal.type_keys(":watch icmp\r");
    terminal.wait_for("Watching worker.");
    terminal.wait_for_prompt(WORKER);
    begin(terminal, WORKER, "ping -q -i 0.3 172.18.0.2 &");
    terminal.wait_for("ICMP echo reply");
    terminal.type_keys("seq 500 | less\r");
    terminal.wait_until("the first page", |screen| screen.starts_with("1\n2\n") && screen.ends_with("\n:"));
    // As many packets pass as it takes to turn the pages one by one.
    for page in 1..6 {
        terminal.type_keys(" ");
        let top = format!("{}\n", 39 * page + 1);
        let screen = terminal.wait_until("the next page", |screen| screen.starts_with(&top) && screen.ends_with("\n:"));
        assert!(!screen.contains("ICMP"), "{screen}");
    }
    terminal.type_keys("q");
    // Behind the prompt, not behind the page: a pager throws away what is typed while it leaves.
    terminal.wait_until("held packets, and the prompt below", |screen| {
        screen.contains("ICMP echo reply") && screen.trim_end().ends_with(WORKER)
    });
    terminal.type_keys(":watch off\r");
    terminal.wait_for("Not watching any more");
    terminal.type_keys("kill %1\r");
    terminal.wait_for_prompt(WORKER);
    begin(terminal, WORKER, ":packets");
    terminal.wait_for("Dropped by the kernel while the guide captured: 0");
    terminal.wait_for_prompt(WORKER);
}

fn the_machine_goes_into_a_node(terminal: &mut Terminal) {
    let machine = "machine 9/24 kernel>";
    terminal.type_keys(":on machine\r");
    terminal.wait_for_prompt(machine);
    begin(terminal, machine, "docker exec -it cilium-ipsec-native-routing-worker2 bash --norc");
    terminal.wait_until("a prompt of the node", |screen| screen.trim_end().ends_with('#'));
    terminal.type_keys("hostname; tty\r");
    terminal.wait_for_line("cilium-ipsec-native-routing-worker2");
    terminal.wait_for("/dev/pts/");
    terminal.wait_until("its next prompt", |screen| screen.trim_end().ends_with('#'));
    terminal.type_keys(CTRL_D);
    terminal.wait_for_prompt(machine);
    terminal.type_keys(":on worker\r");
    terminal.wait_for_prompt(WORKER);
}
