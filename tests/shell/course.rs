//! The whole course, typed.

use std::time::Instant;

use esplain::course::{self, Book, Direction, Facts, Files, PacketPattern, QuestionKind, Template};
use esplain::lab::{Lab, sim::Sim};

use super::terminal::{CTRL_D, Options, PATIENCE, Terminal};
use super::{home, piped};

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
