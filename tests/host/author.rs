//! An author's way: from nothing to a lesson that is proven, watched while it is written, and walked by others after a yes.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

/// No line takes longer than this on the slowest machine; a test that passes never waits so long.
const PATIENCE: Duration = Duration::from_mins(1);

fn esplain(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_esplain"));
    command.current_dir(home).env_clear().env("HOME", home).env("XDG_STATE_HOME", home.join("state"));
    command.env("LANG", "C.UTF-8").stdin(Stdio::null());
    command
}

fn run(home: &Path, words: &[&str]) -> Output {
    esplain(home).args(words).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn done(home: &Path, words: &[&str]) -> String {
    let output = run(home, words);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", said(&output));
    said(&output)
}

#[test]
fn what_new_writes_is_without_fault_and_proves_itself() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    done(home, &["author", "new", "course", "marks", "--languages", "en"]);
    done(home, &["author", "new", "step", "marks", "third"]);
    done(home, &["author", "new", "step", "marks", "second", "--after", "first"]);
    done(home, &["author", "new", "translation", "marks", "zh"]);
    let course = fs::read_to_string(home.join("marks/course.yaml")).unwrap();
    assert!(course.contains("languages: [en, zh]") && course.contains("steps: [first, second, third]"), "{course}");
    for file in ["course.yaml", "steps/first.yaml", "steps/second.yaml", "steps/third.yaml"] {
        let path = home.join("marks").join(file);
        let text = fs::read_to_string(&path).unwrap();
        let schema = text.lines().next().and_then(|line| line.strip_prefix("# yaml-language-server: $schema="));
        let schema = path.parent().unwrap().join(schema.expect("a file names its schema first"));
        assert!(fs::read_to_string(&schema).is_ok_and(|schema| schema.contains("json-schema.org")), "{schema:?}");
    }
    assert!(done(home, &["lint", "marks"]).contains("0 errors, 0 warnings"));
    let proof = done(home, &["replay", "marks"]);
    assert_eq!(proof.matches("3 steps").count(), 2, "{proof}");
}

#[test]
fn new_overwrites_nothing_and_says_what_is_wrong() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    done(home, &["author", "new", "course", "marks"]);
    for (words, why) in [
        (["author", "new", "course", "marks"].as_slice(), "not empty"),
        (&["author", "new", "course", "Big Marks"], "cannot be a course's id"),
        (&["author", "new", "step", "marks", "first"], "has a step `first` already"),
        (&["author", "new", "step", "marks", "next", "--after", "frist"], "its steps are first"),
        (&["author", "new", "step", "nowhere", "next"], "no course `nowhere`"),
        (&["author", "new", "translation", "marks", "zh"], "speaks `zh` already"),
        (&["author", "new", "translation", "marks", "tlh"], "no language"),
    ] {
        let output = run(home, words);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", said(&output));
        assert!(said(&output).contains(why), "{words:?}: {}", said(&output));
    }
    assert!(done(home, &["lint", "marks"]).contains("0 errors"));
}

#[test]
fn lessons_from_a_folder_wait_for_a_yes_and_are_found_in_a_checkout() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    done(home, &["author", "new", "course", "checkout/lessons/marks"]);
    let output = run(home, &["learn", "./checkout"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("checkout/lessons/marks --trust"), "{}", said(&output));
    // Said once, it holds until a file changes.
    done(home, &["learn", "./checkout", "--trust"]);
    done(home, &["learn", "./checkout"]);
    let words = home.join("checkout/lessons/marks/en/first.md");
    fs::write(&words, fs::read_to_string(&words).unwrap().replace("A nudge", "Another nudge")).unwrap();
    assert_eq!(run(home, &["learn", "./checkout"]).status.code(), Some(3));
    // Two courses: which one is for the reader to say.
    done(home, &["author", "new", "course", "checkout/lessons/other"]);
    let output = run(home, &["learn", "./checkout"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("2 courses") && said(&output).contains("other"), "{}", said(&output));
}

#[test]
fn on_a_real_lab_replay_and_watch_wait_for_a_yes_too() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    done(home, &["author", "new", "course", "marks"]);
    for call in [
        ["replay", "marks", "--lab", "kernel"].as_slice(),
        &["replay", "marks", "--lab", "kind"],
        &["author", "watch", "marks", "--lab", "kernel"],
        &["author", "watch", "marks", "--lab", "kind"],
    ] {
        let output = run(home, call);
        assert_eq!(output.status.code(), Some(3), "{call:?}: {}", said(&output));
        let yes = format!("say `esplain {} --trust`", call.join(" "));
        assert!(said(&output).contains("no terminal to ask on") && said(&output).contains(&yes), "{}", said(&output));
    }
    // The simulated lab can hurt nobody.
    done(home, &["replay", "marks"]);
}

#[test]
fn watch_goes_on_with_what_is_saved_and_keeps_the_lab_and_the_place() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    done(home, &["author", "new", "course", "marks"]);
    let mut shell =
        esplain(home).args(["author", "watch", "marks"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut keys = shell.stdin.take().unwrap();
    let out = BufReader::new(shell.stdout.take().unwrap());
    let (tell, lines) = mpsc::channel();
    std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
    let wait_for = |text: &str| {
        let mut seen = Vec::new();
        loop {
            let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("`{text}` did not come:\n{seen:#?}"));
            if line.contains(text) {
                return;
            }
            seen.push(line);
        }
    };
    wait_for("Watching `marks`");
    keys.write_all(b":on worker2\ntouch here\nls\n").unwrap();
    wait_for("here");
    let words = home.join("marks/en/first.md");
    let text = fs::read_to_string(&words).unwrap();
    fs::write(&words, text.replace("# first: the rules", "# The rules, renamed")).unwrap();
    wait_for("Changed: en/first.md");
    wait_for("The rules, renamed");
    let logic = home.join("marks/steps/first.yaml");
    let yaml = fs::read_to_string(&logic).unwrap();
    fs::write(&logic, yaml.replace("place: worker ", "place: wroker ")).unwrap();
    wait_for("cannot be used like this");
    wait_for("steps/first.yaml:");
    wait_for("did you mean `worker`?");
    fs::write(&logic, yaml).unwrap();
    wait_for("The lesson goes on with it");
    // The lab and the place are those of before.
    keys.write_all(b"ls\n").unwrap();
    wait_for("worker2 ");
    wait_for("here");
    drop(keys);
    assert!(shell.wait().unwrap().success());
    assert!(!home.join("state/esplain/marks").exists(), "an author's walk is no progress");
}
