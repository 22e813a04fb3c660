use regex::RegexBuilder;

use super::items::{mark, prefix, same_value};
use super::seen::{PacketPattern, Seen};
use super::template::{Facts, FillError, Template, number};
use crate::profile::Profile;
use crate::xfrm::Mark;

/// A question of a step's quiz.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its id within the step.
    pub id: String,
    /// What is asked for, and which answers are right and wrong.
    pub kind: QuestionKind,
    /// The profile of the cluster that it is true of; `None` for each.
    pub profile: Option<Profile>,
}

/// What a question asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuestionKind {
    /// One of several options.
    Choice {
        /// The options' keys, in the order they are shown.
        options: Vec<String>,
        /// The key of the right one.
        answer: String,
    },
    /// Each option that is right, and no other.
    Choices {
        /// The options' keys, in the order they are shown.
        options: Vec<String>,
        /// The keys of the right ones.
        answer: Vec<String>,
    },
    /// A number, decimal or hexadecimal.
    Number(Values),
    /// An address or a prefix.
    Address(Values),
    /// A number that tools print in hexadecimal, or a mark with its mask.
    Hex(Values),
    /// Words of the learner's own.
    Text {
        /// A regular expression for right answers, letter case ignored.
        answer: Template,
        /// An answer that is right.
        example: Template,
        /// Wrong answers with an explanation of their own.
        wrong: Vec<WrongText>,
    },
    /// A packet, by its number in the guide's list.
    Packet {
        /// What it must be.
        answer: PacketPattern,
        /// Wrong ones with an explanation of their own.
        wrong: Vec<(String, PacketPattern)>,
    },
}

/// A right value, and wrong ones by the keys of their explanations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// The right value.
    pub answer: Template,
    /// Wrong values and the keys of their explanations.
    pub wrong: Vec<(String, Template)>,
}

/// A kind of wrong text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongText {
    /// The key of its explanation.
    pub key: String,
    /// A regular expression for it, letter case ignored.
    pub like: Template,
    /// An answer of this kind.
    pub example: Template,
}

/// What became of an answer. The keys name explanations in the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It is right.
    Right {
        /// For `choice` and `choices` the options whose explanations are worth showing.
        picked: Vec<String>,
    },
    /// It is wrong.
    Wrong {
        /// The explanations to show; empty for the general one.
        keys: Vec<String>,
    },
    /// It is no answer to such a question: nothing is scored, and the learner is asked again.
    Unclear(Unclear),
}

/// Why an answer was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unclear {
    /// Options are picked by their numbers (`2`, or `1 3`) or keys.
    WantsOption {
        /// How many options there are.
        options: usize,
    },
    /// A number was expected.
    WantsNumber,
    /// A hexadecimal number or a mark was expected.
    WantsHex,
    /// An IP address was expected.
    WantsAddress,
    /// Some words were expected.
    WantsText,
    /// The number of a packet in the guide's list was expected.
    WantsPacket {
        /// How many packets there are.
        packets: usize,
    },
    /// The lab does not know a value that the right answer is made of.
    NotYet(FillError),
}

/// What an answer is judged with.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The answer as it was typed.
    pub text: &'a str,
    /// The lab's values.
    pub facts: &'a Facts,
    /// The guide's list of packets; the first is number 1.
    pub packets: &'a [Seen],
}

impl Question {
    /// Judges an answer.
    pub fn judge(&self, answered: Answered<'_>) -> Judgement {
        let text = answered.text.trim();
        let judged = match &self.kind {
            QuestionKind::Choice { options, answer } => {
                return choice(options, std::slice::from_ref(answer), text, true);
            }
            QuestionKind::Choices { options, answer } => return choice(options, answer, text, false),
            QuestionKind::Number(values) => match number(text) {
                Some(_) => values.judge(text, answered.facts, same_value),
                None => Ok(Judgement::Unclear(Unclear::WantsNumber)),
            },
            QuestionKind::Hex(values) => match hex(text) {
                Some(_) => values.judge(text, answered.facts, |one, other| hex(one) == hex(other)),
                None => Ok(Judgement::Unclear(Unclear::WantsHex)),
            },
            QuestionKind::Address(values) => match prefix(text) {
                Some(_) => values.judge(text, answered.facts, same_value),
                None => Ok(Judgement::Unclear(Unclear::WantsAddress)),
            },
            QuestionKind::Text { .. } if text.is_empty() => Ok(Judgement::Unclear(Unclear::WantsText)),
            QuestionKind::Text { answer, wrong, .. } => judge_text(answer, wrong, text, answered.facts),
            QuestionKind::Packet { answer, wrong } => judge_packet(answer, wrong, text, answered),
        };
        judged.unwrap_or_else(|error| Judgement::Unclear(Unclear::NotYet(error)))
    }

    /// Right answers as a learner would type them, and wrong ones with the keys of their explanations: what a replay tries.
    pub fn answers(&self, facts: &Facts, packets: &[Seen]) -> Result<Answers, FillError> {
        let mut answers = Answers::default();
        match &self.kind {
            QuestionKind::Choice { options, answer } => {
                for (at, option) in options.iter().enumerate() {
                    let typed = (at + 1).to_string();
                    if option == answer {
                        answers.right.extend([typed, option.clone()]);
                    } else {
                        answers.wrong.push((typed, vec![option.clone()]));
                    }
                }
            }
            QuestionKind::Choices { options, answer } => {
                let numbers = |keys: &[String]| {
                    let picked = options.iter().enumerate().filter(|(_, option)| keys.contains(option));
                    picked.map(|(at, _)| (at + 1).to_string()).collect::<Vec<_>>().join(" ")
                };
                answers.right.push(numbers(answer));
                for option in options {
                    let mut others: Vec<String> = answer.clone();
                    if answer.contains(option) {
                        others.retain(|other| other != option);
                    } else {
                        others.push(option.clone());
                    }
                    if !others.is_empty() {
                        answers.wrong.push((numbers(&others), vec![option.clone()]));
                    }
                }
            }
            QuestionKind::Number(values) | QuestionKind::Hex(values) | QuestionKind::Address(values) => {
                answers.right.push(values.answer.fill(facts)?);
                for (key, value) in &values.wrong {
                    answers.wrong.push((value.fill(facts)?, vec![key.clone()]));
                }
                // A value that no lesson expects (TEST-NET-3 of RFC 5737, for an address).
                let other = if matches!(self.kind, QuestionKind::Address(_)) { "203.0.113.7" } else { "999983" };
                answers.wrong.push((other.to_owned(), Vec::new()));
            }
            QuestionKind::Text { example, wrong, .. } => {
                answers.right.push(example.fill(facts)?);
                for wrong in wrong {
                    answers.wrong.push((wrong.example.fill(facts)?, vec![wrong.key.clone()]));
                }
                answers.wrong.push(("?".to_owned(), Vec::new()));
            }
            QuestionKind::Packet { answer, wrong } => {
                for (at, packet) in packets.iter().enumerate() {
                    if answer.fits(packet, facts)? {
                        answers.right.push((at + 1).to_string());
                    }
                }
                for (key, pattern) in wrong {
                    for (at, packet) in packets.iter().enumerate() {
                        if pattern.fits(packet, facts)? && !answer.fits(packet, facts)? {
                            answers.wrong.push(((at + 1).to_string(), vec![key.clone()]));
                            break;
                        }
                    }
                }
            }
        }
        Ok(answers)
    }

    /// The keys that wrong answers are explained by; each needs words.
    pub fn wrong_keys(&self) -> Vec<&str> {
        match &self.kind {
            QuestionKind::Choice { .. } | QuestionKind::Choices { .. } => Vec::new(),
            QuestionKind::Number(values) | QuestionKind::Hex(values) | QuestionKind::Address(values) => {
                values.wrong.iter().map(|(key, _)| key.as_str()).collect()
            }
            QuestionKind::Text { wrong, .. } => wrong.iter().map(|wrong| wrong.key.as_str()).collect(),
            QuestionKind::Packet { wrong, .. } => wrong.iter().map(|(key, _)| key.as_str()).collect(),
        }
    }

    /// The options' keys, in the order they are shown; none for other kinds of questions.
    pub fn options(&self) -> &[String] {
        match &self.kind {
            QuestionKind::Choice { options, .. } | QuestionKind::Choices { options, .. } => options,
            _ => &[],
        }
    }
}

/// Answers to try.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answers {
    /// Right ones.
    pub right: Vec<String>,
    /// Wrong ones, each with the keys that [`Judgement::Wrong`] must give.
    pub wrong: Vec<(String, Vec<String>)>,
}

impl Values {
    fn judge(&self, text: &str, facts: &Facts, same: impl Fn(&str, &str) -> bool) -> Result<Judgement, FillError> {
        if same(text, &self.answer.fill(facts)?) {
            return Ok(Judgement::Right { picked: Vec::new() });
        }
        for (key, value) in &self.wrong {
            if same(text, &value.fill(facts)?) {
                return Ok(Judgement::Wrong { keys: vec![key.clone()] });
            }
        }
        Ok(Judgement::Wrong { keys: Vec::new() })
    }
}

/// A number in hexadecimal, with or without `0x`, or a mark with its mask.
fn hex(text: &str) -> Option<Mark> {
    let prefixed = |word: &str| {
        if word.starts_with("0x") || word.starts_with("0X") { word.to_owned() } else { format!("0x{word}") }
    };
    mark(&text.split('/').map(|word| prefixed(word.trim())).collect::<Vec<_>>().join("/"))
}

/// Judges numbers or keys of options, with blanks or commas between them.
fn choice(options: &[String], right: &[String], text: &str, single: bool) -> Judgement {
    let unclear = Judgement::Unclear(Unclear::WantsOption { options: options.len() });
    let mut picked: Vec<String> = Vec::new();
    for word in text.split([' ', ',', ';', '\u{3001}', '\u{ff0c}']).filter(|word| !word.is_empty()) {
        let by_number = word.parse::<usize>().ok().and_then(|number| options.get(number.checked_sub(1)?));
        match by_number.or_else(|| options.iter().find(|option| *option == word)) {
            Some(option) if picked.contains(option) => {}
            Some(option) => picked.push(option.clone()),
            None => return unclear,
        }
    }
    if picked.is_empty() || (single && picked.len() > 1) {
        return unclear;
    }
    let wrongly_picked = picked.iter().filter(|option| !right.contains(option));
    let left_out = right.iter().filter(|option| !picked.contains(option));
    // Leaving the right one of a single choice out says nothing that picking a wrong one does not.
    let keys: Vec<String> = wrongly_picked.chain(left_out.filter(|_| !single)).cloned().collect();
    if keys.is_empty() { Judgement::Right { picked } } else { Judgement::Wrong { keys } }
}

fn judge_text(answer: &Template, wrong: &[WrongText], text: &str, facts: &Facts) -> Result<Judgement, FillError> {
    let says = |pattern: &Template| {
        let pattern = pattern.pattern(facts)?;
        let any_case = RegexBuilder::new(pattern.as_str()).case_insensitive(true).build();
        any_case.map(|regex| regex.is_match(text)).map_err(|error| FillError::Pattern(error.to_string()))
    };
    if says(answer)? {
        return Ok(Judgement::Right { picked: Vec::new() });
    }
    for wrong in wrong {
        if says(&wrong.like)? {
            return Ok(Judgement::Wrong { keys: vec![wrong.key.clone()] });
        }
    }
    Ok(Judgement::Wrong { keys: Vec::new() })
}

fn judge_packet(
    answer: &PacketPattern,
    wrong: &[(String, PacketPattern)],
    text: &str,
    answered: Answered<'_>,
) -> Result<Judgement, FillError> {
    let number = text.trim_start_matches('#').parse::<usize>().ok();
    let Some(packet) = number.and_then(|number| answered.packets.get(number.checked_sub(1)?)) else {
        return Ok(Judgement::Unclear(Unclear::WantsPacket { packets: answered.packets.len() }));
    };
    if answer.fits(packet, answered.facts)? {
        return Ok(Judgement::Right { picked: Vec::new() });
    }
    for (key, pattern) in wrong {
        if pattern.fits(packet, answered.facts)? {
            return Ok(Judgement::Wrong { keys: vec![key.clone()] });
        }
    }
    Ok(Judgement::Wrong { keys: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::complete;

    fn judge(kind: QuestionKind, text: &str) -> Judgement {
        let facts = complete(Facts::from([("spi".to_owned(), "0x00000003".to_owned())]));
        Question { id: "q".to_owned(), kind, profile: None }.judge(Answered { text, facts: &facts, packets: &[] })
    }

    fn right(judgement: &Judgement) -> bool {
        matches!(judgement, Judgement::Right { .. })
    }

    fn wrong(key: &str) -> Judgement {
        Judgement::Wrong { keys: if key.is_empty() { vec![] } else { vec![key.to_owned()] } }
    }

    fn values(answer: &str, key: &str, other: &str) -> Values {
        Values { answer: Template::new(answer), wrong: vec![(key.to_owned(), Template::new(other))] }
    }

    #[test]
    fn an_option_is_picked_by_number_or_key() {
        let options = || ["kernel", "ebpf", "agent"].map(str::to_owned).to_vec();
        let one = || QuestionKind::Choice { options: options(), answer: "kernel".to_owned() };
        assert!(right(&judge(one(), " 1 ")) && right(&judge(one(), "kernel")));
        assert_eq!(judge(one(), "2"), wrong("ebpf"));
        let unclear = Judgement::Unclear(Unclear::WantsOption { options: 3 });
        for text in ["", "0", "4", "1 2", "yes"] {
            assert_eq!(judge(one(), text), unclear, "{text}");
        }
    }

    #[test]
    fn of_several_options_each_wrong_and_each_missing_one_is_named() {
        let kind = || QuestionKind::Choices {
            options: ["a", "b", "c"].map(str::to_owned).to_vec(),
            answer: ["a", "c"].map(str::to_owned).to_vec(),
        };
        assert!(right(&judge(kind(), "3, 1")) && right(&judge(kind(), "a c a")) && right(&judge(kind(), "1、3")));
        assert_eq!(judge(kind(), "1"), wrong("c"));
        assert_eq!(judge(kind(), "1 2"), Judgement::Wrong { keys: vec!["b".to_owned(), "c".to_owned()] });
    }

    #[test]
    fn a_value_is_judged_and_not_its_spelling() {
        let hex = || QuestionKind::Hex(values("{spi}", "mark", "{encrypt_mark}"));
        for text in ["3", "0x3", "0x00000003", "0X3", "00000003"] {
            assert!(right(&judge(hex(), text)), "{text}");
        }
        assert_eq!(judge(hex(), "3e00/ff00"), wrong("mark"));
        assert_eq!(judge(hex(), "4"), wrong(""));
        assert_eq!(judge(hex(), "three"), Judgement::Unclear(Unclear::WantsHex));
        let number = || QuestionKind::Number(values("20", "bits", "128"));
        assert!(right(&judge(number(), "20")) && right(&judge(number(), "0x14")));
        assert_eq!(judge(number(), "128"), wrong("bits"));
        assert_eq!(judge(number(), "many"), Judgement::Unclear(Unclear::WantsNumber));
        let address = || QuestionKind::Address(values("10.0.1.236", "net", "10.0.1.0/24"));
        assert!(right(&judge(address(), "10.0.1.236")) && right(&judge(address(), "10.0.1.236/32")));
        assert_eq!(judge(address(), "10.0.1.0/24"), wrong("net"));
        assert_eq!(judge(address(), "cilium_host"), Judgement::Unclear(Unclear::WantsAddress));
    }

    #[test]
    fn a_value_the_lab_does_not_know_is_not_held_against_the_learner() {
        let address = QuestionKind::Address(values("{pod_b_ip}", "x", "10.0.0.1"));
        let unknown = FillError::Unknown("pod_b_ip".to_owned());
        assert_eq!(judge(address, "10.0.0.2"), Judgement::Unclear(Unclear::NotYet(unknown)));
    }

    #[test]
    fn words_are_judged_whatever_their_case() {
        let kind = || QuestionKind::Text {
            answer: Template::new("^cilium[_ ]?net$"),
            example: Template::new("cilium_net"),
            wrong: vec![WrongText {
                key: "eth0".into(),
                like: Template::new("^eth0$"),
                example: Template::new("eth0"),
            }],
        };
        assert!(right(&judge(kind(), "Cilium_Net")));
        assert_eq!(judge(kind(), "ETH0"), wrong("eth0"));
        assert_eq!(judge(kind(), "lo"), wrong(""));
        assert_eq!(judge(kind(), "  "), Judgement::Unclear(Unclear::WantsText));
    }
}
