use super::seen::{PacketPattern, Seen};
use super::template::{Facts, FillError, Template};

/// A question of a step's quiz.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its id within the step.
    pub id: String,
    /// What is asked for, and which answers are right and wrong.
    pub kind: QuestionKind,
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
