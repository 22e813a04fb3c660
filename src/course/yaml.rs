//! The YAML files as authors write them: the shape, and nothing of the meaning. [`super::convert`] makes lesson types of it.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
pub(super) use serde_yaml::Spanned;

use super::fault::{Fault, Spot};
use super::schema;
use crate::profile::Profile;

/// Reads a file. What does not fit the shape is a fault with its place.
pub(super) fn read<T: DeserializeOwned>(file: &str, source: &str) -> Result<T, Fault> {
    serde_yaml::from_str(source).map_err(|error| fault(file, source, error.without_snippet()))
}

/// The place of a value in its file.
pub(super) fn spot<T>(source: &str, value: &Spanned<T>) -> Option<Spot> {
    spot_of(source, &value.referenced)
}

fn spot_of(source: &str, location: &serde_yaml::Location) -> Option<Spot> {
    let line = usize::try_from(location.line()).ok().filter(|line| *line > 0)?;
    let span = location.span();
    match (span.byte_offset(), span.byte_len()) {
        (Some(start), Some(len)) if start as usize <= source.len() => {
            let (start, len) = (start as usize, len as usize);
            Some(Spot::of(source, start..(start + len.max(1)).min(source.len())))
        }
        _ => Some(Spot::of_line(source, line)),
    }
}

fn fault(file: &str, source: &str, error: &serde_yaml::Error) -> Fault {
    let at = error.location().and_then(|location| spot_of(source, &location));
    match error {
        serde_yaml::Error::SerdeUnknownField { field, expected, .. } => {
            Fault::error(file, at, format!("unknown key `{field}`")).did_you_mean(field, expected.iter().copied())
        }
        serde_yaml::Error::SerdeUnknownVariant { variant, expected, .. } => {
            Fault::error(file, at, format!("`{variant}` is not one of the words for this"))
                .did_you_mean(variant, expected.iter().copied())
        }
        serde_yaml::Error::SerdeMissingField { field, .. } => {
            Fault::error(file, at, format!("the key `{field}` is missing"))
        }
        serde_yaml::Error::DuplicateMappingKey { key: Some(key), .. } => {
            Fault::error(file, at, format!("the key `{key}` stands here a second time"))
        }
        other => {
            let said = other.to_string();
            let said = said.lines().next().unwrap_or("not YAML");
            // Where it is stands beside it.
            let what = said.rsplit_once(" at line ").map_or(said, |(what, _)| what);
            Fault::error(file, at, what.to_owned())
        }
    }
}

/// `course.yaml`: the parts and steps of a course in order, its languages and labs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Course {
    /// The version of the format; 1.
    #[schemars(with = "schema::Format")]
    pub(super) format: Spanned<u64>,
    /// The course's id, which is its folder's name: lower case words joined by `-`.
    #[schemars(with = "schema::Id")]
    pub(super) id: Spanned<String>,
    /// The languages that there are words in; the first is the one fallen back to.
    #[schemars(with = "Vec<String>")]
    pub(super) languages: Vec<Spanned<String>>,
    /// The labs that the course runs on.
    #[schemars(with = "Vec<schema::Lab>")]
    pub(super) labs: Vec<Spanned<String>>,
    /// Values that the course itself brings about, so that they can be spoken of before the lab knows them.
    #[serde(default)]
    #[schemars(with = "schema::Plan")]
    pub(super) plan: BTreeMap<String, Spanned<String>>,
    /// Whether it begins on a cluster that is set up already, and not on a bare machine.
    #[serde(default)]
    pub(super) ready: bool,
    /// The parts in order.
    pub(super) parts: Vec<Part>,
}

/// Steps that belong together.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// Its id; `## part ID` in the words is its title.
    #[schemars(with = "schema::Id")]
    pub(super) id: Spanned<String>,
    /// The ids of its steps in order, each a file `steps/ID.yaml`.
    #[schemars(with = "Vec<schema::Id>")]
    pub(super) steps: Vec<Spanned<String>>,
}

/// `steps/ID.yaml`: the logic of one step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// The step's id, which is its file's name: lower case words joined by `-`.
    #[schemars(with = "schema::Id")]
    pub(super) id: Spanned<String>,
    /// Where the step begins.
    #[schemars(with = "schema::Place")]
    pub(super) place: Spanned<String>,
    /// What the guide does quietly when the step begins: the fault that is to be found.
    #[serde(default)]
    pub(super) setup: Vec<SetupLine>,
    /// What must have happened, by whatever command; every one must be met.
    #[serde(default)]
    #[schemars(with = "Vec<Check>")]
    pub(super) checks: Vec<Spanned<Check>>,
    /// The lines of the model solution, as a learner types them at `place`.
    #[serde(default)]
    #[schemars(with = "Vec<schema::Text>")]
    pub(super) solution: Vec<Spanned<String>>,
    /// Other ways that must count too; each a line, or a list of lines.
    #[serde(default)]
    #[schemars(with = "Vec<Many<Spanned<String>>>")]
    pub(super) variants: Vec<Spanned<Many<Spanned<String>>>>,
    /// Ways that must not count; each a line, or a list of lines.
    #[serde(default)]
    #[schemars(with = "Vec<Many<Spanned<String>>>")]
    pub(super) wrong: Vec<Spanned<Many<Spanned<String>>>>,
    /// What is said beside the output.
    #[serde(default)]
    pub(super) annotations: Vec<Annotation>,
    /// The questions that are asked when the checks are met.
    #[serde(default)]
    pub(super) quiz: Vec<Question>,
}

/// A line that the guide runs, unseen, before the learner begins.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetupLine {
    /// The node or pod where it runs.
    #[schemars(with = "schema::Inside")]
    pub(super) at: Spanned<String>,
    /// The line.
    #[schemars(with = "schema::Text")]
    pub(super) run: Spanned<String>,
}

/// What must have happened. All keys must hold for the same command.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    /// Its id; may be left out when there is one check. `## check ID` in the words names it.
    #[schemars(with = "Option<schema::Id>")]
    pub(super) id: Option<Spanned<String>>,
    /// Where the command must have run, wrappers such as `docker exec` looked through: a place, or a list of them.
    #[serde(default)]
    #[schemars(with = "schema::Places")]
    pub(super) at: Many<Spanned<String>>,
    /// The words that what ran begins with, abbreviations spelled out. Only for what leaves no other trace.
    #[serde(default)]
    #[schemars(with = "Vec<schema::Text>")]
    pub(super) ran: Vec<String>,
    /// How the command ended: an exit status, or `running` when it is in the background.
    #[schemars(with = "Option<Status>")]
    pub(super) status: Option<Spanned<Status>>,
    /// Regular expressions of which each is found in the output.
    #[serde(default)]
    pub(super) output: Many<Spanned<String>>,
    /// Regular expressions of which none is found in the output.
    #[serde(default)]
    pub(super) not_output: Many<Spanned<String>>,
    /// What the output, read as iproute2's text, shows.
    pub(super) shows: Option<Shows>,
    /// The packets that were seen while it ran.
    pub(super) captured: Option<Captured>,
    /// A capture file, and the packets in it.
    pub(super) file: Option<CaptureFile>,
    /// It was this command of the guide, with this result.
    pub(super) guide: Option<Guide>,
    /// Quiet commands that show which state the world is in: one, or a list of them.
    #[serde(default)]
    pub(super) probe: Many<Probe>,
}

/// What a listing of iproute2 shows, by kind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Shows {
    /// `ip xfrm state`.
    pub(super) states: Option<States>,
    /// `ip xfrm policy`.
    #[serde(default)]
    #[schemars(schema_with = "schema::policies")]
    pub(super) policies: Option<Items>,
    /// `ip rule`.
    #[serde(default)]
    #[schemars(schema_with = "schema::rules")]
    pub(super) rules: Option<Items>,
    /// `ip route`, any table, and `ip route get`.
    #[serde(default)]
    #[schemars(schema_with = "schema::routes")]
    pub(super) routes: Option<Items>,
    /// `ip addr`, also `-br` and `-o`, and `ifconfig`.
    #[serde(default)]
    #[schemars(schema_with = "schema::addresses")]
    pub(super) addresses: Option<Items>,
}

/// States that a listing shows.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct States {
    /// How many; at least 1 if it is left out.
    pub(super) count: Option<Count>,
    /// Whether their keys must be visible.
    #[serde(default)]
    pub(super) keys: bool,
    /// Patterns of which each must fit some state; values as `ip` prints them.
    #[serde(default)]
    #[schemars(schema_with = "schema::state_patterns")]
    pub(super) like: Vec<Pattern>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Items {
    pub(super) count: Option<Count>,
    #[serde(default)]
    pub(super) like: Vec<Pattern>,
}

pub(super) type Pattern = BTreeMap<String, Spanned<String>>;

/// The packets that were captured on a node while a command ran.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Captured {
    /// The node.
    #[schemars(with = "schema::Node")]
    pub(super) at: Spanned<String>,
    /// How many are ESP.
    pub(super) esp: Option<Count>,
    /// How many between the two pods could be read as they were.
    pub(super) clear: Option<Count>,
    /// How many between the two pods left the node through `eth0` as they were.
    pub(super) leaked: Option<Count>,
    /// How many ESP packets opened with the states of the node.
    pub(super) decrypted: Option<Count>,
    /// Devices of which each showed ESP.
    #[serde(default)]
    #[schemars(with = "Vec<schema::Text>")]
    pub(super) devices: Vec<Spanned<String>>,
    /// How often the ESP packet that was seen most often was seen.
    pub(super) copies: Option<Count>,
}

/// A capture file, and the packets in it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CaptureFile {
    /// Where the file is.
    #[schemars(with = "schema::Place")]
    pub(super) at: Spanned<String>,
    /// Its path there.
    #[schemars(with = "schema::Text")]
    pub(super) path: Spanned<String>,
    /// The packets that it holds.
    pub(super) holds: Holds,
}

/// The packets that a capture file holds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Holds {
    /// How many are ESP.
    pub(super) esp: Option<Count>,
    /// How many between the two pods could be read as they were.
    pub(super) clear: Option<Count>,
    /// How many between the two pods left the node through `eth0` as they were.
    pub(super) leaked: Option<Count>,
    /// How many ESP packets opened with the states of the node.
    pub(super) decrypted: Option<Count>,
    /// Devices of which each showed ESP.
    #[serde(default)]
    #[schemars(with = "Vec<schema::Text>")]
    pub(super) devices: Vec<Spanned<String>>,
    /// How often the ESP packet that was seen most often was seen.
    pub(super) copies: Option<Count>,
}

/// A command of the guide, and its result.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Guide {
    /// Its name without the colon.
    #[schemars(with = "schema::GuideCommand")]
    pub(super) command: Spanned<String>,
    /// For `decrypt`: how many packets were opened.
    pub(super) decrypted: Option<Count>,
    /// For `decrypt`: for how many the ICV did not fit.
    pub(super) refused: Option<Count>,
    /// For `decrypt`: for how many there was no SA.
    pub(super) no_sa: Option<Count>,
    /// For `show`: the packet that was shown.
    pub(super) packet: Option<Packet>,
}

/// A quiet command, and what it comes to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Probe {
    /// Where it runs.
    #[schemars(with = "schema::Place")]
    pub(super) at: Spanned<String>,
    /// The line; it must change nothing.
    #[schemars(with = "schema::Text")]
    pub(super) run: Spanned<String>,
    /// Its exit status.
    pub(super) status: Option<i32>,
    /// Regular expressions of which each is found in its output.
    #[serde(default)]
    pub(super) output: Many<Spanned<String>>,
    /// Regular expressions of which none is found in its output.
    #[serde(default)]
    pub(super) not_output: Many<Spanned<String>>,
    /// What its output, read as iproute2's text, shows.
    pub(super) shows: Option<Shows>,
}

/// A note beside a line of output; its words are `## note ID`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Annotation {
    /// Its id.
    #[schemars(with = "schema::Id")]
    pub(super) id: Spanned<String>,
    /// A regular expression for one line of the output.
    #[schemars(with = "schema::Text")]
    pub(super) line: Spanned<String>,
    /// The profile of the cluster that it is true of; without it, of each.
    pub(super) profile: Option<Profile>,
}

/// A question; its words are `## quiz ID`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// Its id.
    #[schemars(with = "schema::Id")]
    pub(super) id: Spanned<String>,
    /// The profile of the cluster that it is true of; without it, of each.
    pub(super) profile: Option<Profile>,
    /// What kind of answer it takes.
    pub(super) kind: Kind,
    /// The options of a `choice` or of `choices`; `### choice ID` in the words is what they say.
    #[serde(default)]
    #[schemars(with = "Vec<schema::Id>")]
    pub(super) options: Vec<Spanned<String>>,
    /// The right answer: a value, a list of options, or a packet's fields.
    #[schemars(with = "Answer")]
    pub(super) answer: Spanned<Answer>,
    /// For `text`: an answer that fits.
    #[schemars(with = "Option<schema::Text>")]
    pub(super) example: Option<Spanned<String>>,
    /// Wrong answers that have explanations of their own, `### wrong ID` in the words.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Wrong>")]
    pub(super) wrong: BTreeMap<String, Spanned<Wrong>>,
}

/// What kind of answer a question takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// One of the options.
    Choice,
    /// Some of the options.
    Choices,
    /// A number, in any spelling.
    Number,
    /// An IP address.
    Address,
    /// A number in hex, or a mark with its mask.
    Hex,
    /// A text that a regular expression fits.
    Text,
    /// The number of a packet in `:packets`.
    Packet,
}

/// What stands behind `answer:`.
#[derive(Debug)]
pub(super) enum Answer {
    Value(String),
    List(Vec<Spanned<String>>),
    Packet(Packet),
}

/// What stands behind a key of `wrong:`.
#[derive(Debug)]
pub(super) enum Wrong {
    Value(String),
    Fields(WrongFields),
}

/// A wrong answer: the fields of a packet, or for `text` a regular expression and an answer that fits it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrongFields {
    /// For `text`: a regular expression.
    pub(super) like: Option<String>,
    /// For `text`: an answer that fits it.
    pub(super) example: Option<String>,
    /// Whether it is ESP.
    pub(super) esp: Option<bool>,
    /// The device it was seen on.
    pub(super) device: Option<String>,
    /// Which way it went there.
    pub(super) direction: Option<Way>,
    /// The source of its outermost IP header.
    pub(super) src: Option<String>,
    /// The destination of its outermost IP header.
    pub(super) dst: Option<String>,
}

/// The fields of a packet.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Packet {
    /// Whether it is ESP.
    pub(super) esp: Option<bool>,
    /// The device it was seen on.
    pub(super) device: Option<String>,
    /// Which way it went there.
    pub(super) direction: Option<Way>,
    /// The source of its outermost IP header.
    pub(super) src: Option<String>,
    /// The destination of its outermost IP header.
    pub(super) dst: Option<String>,
}

/// Which way a packet went.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Way {
    /// Received by this host.
    In,
    /// Sent by this host.
    Out,
    /// Received, but for another host's link address.
    Other,
}

/// `status: 0` or `status: running`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Ended(i32),
    Running,
}

/// `3`, `{ at_least: 3 }`, `{ at_most: 5 }`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count {
    pub(super) at_least: u64,
    pub(super) at_most: Option<u64>,
}

/// One of something, or a list of them.
#[derive(Debug)]
pub(super) struct Many<T>(pub(super) Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de> Deserialize<'de> for Many<Spanned<String>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::<StringOrList>::deserialize(deserializer).map(|found| match found.value {
            StringOrList::One(value) => {
                Self(vec![Spanned { value, referenced: found.referenced, defined: found.defined }])
            }
            StringOrList::List(list) => Self(list),
        })
    }
}

impl<'de> Deserialize<'de> for Many<Probe> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Probes;
        impl<'de> Visitor<'de> for Probes {
            type Value = Many<Probe>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a probe (`at`, `run`, …) or a list of them")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                collected(list).map(Many)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Probe::deserialize(MapAccessDeserializer::new(map)).map(|probe| Many(vec![probe]))
            }
        }
        deserializer.deserialize_any(Probes)
    }
}

enum StringOrList {
    One(String),
    List(Vec<Spanned<String>>),
}

impl<'de> Deserialize<'de> for StringOrList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalars::<Self> {
            expected: "a text or a list of texts",
            value: |value| Some(Self::One(value)),
            list: |list| Some(Self::List(list)),
            result: PhantomData,
        })
    }
}

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Answers;
        impl<'de> Visitor<'de> for Answers {
            type Value = Answer;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, a list of options, or a packet's fields")
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<Answer, E> {
                Ok(Answer::Value(value.to_owned()))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Answer, E> {
                Ok(Answer::Value(value.to_string()))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Answer, E> {
                Ok(Answer::Value(value.to_string()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Answer, A::Error> {
                collected(list).map(Answer::List)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Answer, A::Error> {
                Packet::deserialize(MapAccessDeserializer::new(map)).map(Answer::Packet)
            }
        }
        deserializer.deserialize_any(Answers)
    }
}

impl<'de> Deserialize<'de> for Wrong {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Wrongs;
        impl<'de> Visitor<'de> for Wrongs {
            type Value = Wrong;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, a packet's fields, or `like` and `example`")
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<Wrong, E> {
                Ok(Wrong::Value(value.to_owned()))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Wrong, E> {
                Ok(Wrong::Value(value.to_string()))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Wrong, E> {
                Ok(Wrong::Value(value.to_string()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Wrong, A::Error> {
                WrongFields::deserialize(MapAccessDeserializer::new(map)).map(Wrong::Fields)
            }
        }
        deserializer.deserialize_any(Wrongs)
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalars::<Self> {
            expected: "an exit status or `running`",
            value: |value| match value.as_str() {
                "running" => Some(Self::Running),
                number => number.parse().ok().map(Self::Ended),
            },
            list: |_| None,
            result: PhantomData,
        })
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Bounds {
            at_least: Option<u64>,
            at_most: Option<u64>,
        }
        struct Counts;
        impl<'de> Visitor<'de> for Counts {
            type Value = Count;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or `at_least` and `at_most`")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Count, E> {
                Ok(Count { at_least: number, at_most: Some(number) })
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Count, E> {
                let number = u64::try_from(number).map_err(|_| E::custom("a count is never below zero"))?;
                self.visit_u64(number)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Count, A::Error> {
                let Bounds { at_least, at_most } = Bounds::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Count { at_least: at_least.unwrap_or(0), at_most })
            }
        }
        deserializer.deserialize_any(Counts)
    }
}

/// Visits a scalar, whatever YAML takes it for, or a list of texts.
struct Scalars<T> {
    expected: &'static str,
    value: fn(String) -> Option<T>,
    list: fn(Vec<Spanned<String>>) -> Option<T>,
    result: PhantomData<T>,
}

impl<T> Scalars<T> {
    fn of<E: de::Error>(&self, value: &str) -> Result<T, E> {
        (self.value)(value.to_owned()).ok_or_else(|| E::custom(format!("`{value}` is not {}", self.expected)))
    }
}

impl<'de, T> Visitor<'de> for Scalars<T> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }
    fn visit_str<E: de::Error>(self, value: &str) -> Result<T, E> {
        self.of(value)
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<T, E> {
        self.of(&value.to_string())
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<T, E> {
        self.of(&value.to_string())
    }
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<T, E> {
        self.of(&value.to_string())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        let list = collected(list)?;
        (self.list)(list).ok_or_else(|| de::Error::custom(format!("a list is not {}", self.expected)))
    }
}

fn collected<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(mut list: A) -> Result<Vec<T>, A::Error> {
    let mut found = Vec::new();
    while let Some(item) = list.next_element()? {
        found.push(item);
    }
    Ok(found)
}
