//! The YAML files as authors write them: the shape, and nothing of the meaning. [`super::convert`] makes lesson types of it.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
pub(super) use serde_yaml::Spanned;

use super::fault::{Fault, Spot};

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
        other => Fault::error(file, at, other.to_string().lines().next().unwrap_or("not YAML").to_owned()),
    }
}

/// `course.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Course {
    pub(super) format: Spanned<u64>,
    pub(super) id: Spanned<String>,
    pub(super) languages: Vec<Spanned<String>>,
    pub(super) labs: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) plan: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    pub(super) ready: bool,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    pub(super) id: Spanned<String>,
    pub(super) steps: Vec<Spanned<String>>,
}

/// `steps/ID.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) id: Spanned<String>,
    pub(super) place: Spanned<String>,
    #[serde(default)]
    pub(super) setup: Vec<SetupLine>,
    #[serde(default)]
    pub(super) checks: Vec<Spanned<Check>>,
    #[serde(default)]
    pub(super) solution: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) variants: Vec<Spanned<Many<Spanned<String>>>>,
    #[serde(default)]
    pub(super) wrong: Vec<Spanned<Many<Spanned<String>>>>,
    #[serde(default)]
    pub(super) annotations: Vec<Annotation>,
    #[serde(default)]
    pub(super) quiz: Vec<Question>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetupLine {
    pub(super) at: Spanned<String>,
    pub(super) run: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    pub(super) id: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) at: Many<Spanned<String>>,
    #[serde(default)]
    pub(super) ran: Vec<String>,
    pub(super) status: Option<Spanned<Status>>,
    #[serde(default)]
    pub(super) output: Many<Spanned<String>>,
    #[serde(default)]
    pub(super) not_output: Many<Spanned<String>>,
    pub(super) shows: Option<Shows>,
    pub(super) captured: Option<Captured>,
    pub(super) file: Option<CaptureFile>,
    pub(super) guide: Option<Guide>,
    #[serde(default)]
    pub(super) probe: Many<Probe>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shows {
    pub(super) states: Option<States>,
    pub(super) policies: Option<Items>,
    pub(super) rules: Option<Items>,
    pub(super) routes: Option<Items>,
    pub(super) addresses: Option<Items>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct States {
    pub(super) count: Option<Count>,
    #[serde(default)]
    pub(super) keys: bool,
    #[serde(default)]
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Captured {
    pub(super) at: Spanned<String>,
    pub(super) esp: Option<Count>,
    pub(super) clear: Option<Count>,
    pub(super) leaked: Option<Count>,
    pub(super) decrypted: Option<Count>,
    #[serde(default)]
    pub(super) devices: Vec<Spanned<String>>,
    pub(super) copies: Option<Count>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaptureFile {
    pub(super) at: Spanned<String>,
    pub(super) path: Spanned<String>,
    pub(super) holds: Holds,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Holds {
    pub(super) esp: Option<Count>,
    pub(super) clear: Option<Count>,
    pub(super) leaked: Option<Count>,
    pub(super) decrypted: Option<Count>,
    #[serde(default)]
    pub(super) devices: Vec<Spanned<String>>,
    pub(super) copies: Option<Count>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Guide {
    pub(super) command: Spanned<String>,
    pub(super) decrypted: Option<Count>,
    pub(super) refused: Option<Count>,
    pub(super) no_sa: Option<Count>,
    pub(super) packet: Option<Packet>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Probe {
    pub(super) at: Spanned<String>,
    pub(super) run: Spanned<String>,
    pub(super) status: Option<i32>,
    #[serde(default)]
    pub(super) output: Many<Spanned<String>>,
    #[serde(default)]
    pub(super) not_output: Many<Spanned<String>>,
    pub(super) shows: Option<Shows>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Annotation {
    pub(super) id: Spanned<String>,
    pub(super) line: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    pub(super) id: Spanned<String>,
    pub(super) kind: Kind,
    #[serde(default)]
    pub(super) options: Vec<Spanned<String>>,
    pub(super) answer: Spanned<Answer>,
    pub(super) example: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) wrong: BTreeMap<String, Spanned<Wrong>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Choice,
    Choices,
    Number,
    Address,
    Hex,
    Text,
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrongFields {
    pub(super) like: Option<String>,
    pub(super) example: Option<String>,
    pub(super) esp: Option<bool>,
    pub(super) device: Option<String>,
    pub(super) direction: Option<Way>,
    pub(super) src: Option<String>,
    pub(super) dst: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Packet {
    pub(super) esp: Option<bool>,
    pub(super) device: Option<String>,
    pub(super) direction: Option<Way>,
    pub(super) src: Option<String>,
    pub(super) dst: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Way {
    In,
    Out,
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
