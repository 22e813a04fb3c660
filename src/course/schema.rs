//! The format of courses as JSON Schema, for editors: made of the types that the files are read into ([`super::yaml`]).

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::convert::{GUIDE_COMMANDS, LABS};
use super::role::Role;
use super::shows::ItemKind;
use super::template::VARIABLES;
use super::yaml::{self, Answer, Count, Many, Packet, Probe, Spanned, Status, Wrong, WrongFields};

/// A kind of file that a course is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// `course.yaml`.
    Course,
    /// `steps/ID.yaml`.
    Step,
}

/// The JSON Schema (draft 2020-12) of a kind of file, as text that ends with a line end.
///
/// # Panics
/// Never: a schema is JSON.
pub fn schema(kind: FileKind) -> String {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = match kind {
        FileKind::Course => generator.into_root_schema_for::<yaml::Course>(),
        FileKind::Step => generator.into_root_schema_for::<yaml::Step>(),
    };
    let title = match kind {
        FileKind::Course => "esplain: course.yaml",
        FileKind::Step => "esplain: steps/ID.yaml",
    };
    schema.insert("title".to_owned(), title.into());
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

/// Types that stand for a text of a certain form in the schema, and nowhere else.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident => $schema:expr;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )*};
}

texts! {
    /// Any scalar of YAML, which is read as a text.
    Text => json_schema!({ "type": ["string", "number", "boolean"] });
    /// The version of the format.
    Format => json_schema!({ "const": 1 });
    /// An id. `no` and `3` are ids, too, whatever YAML takes them for.
    Id => json_schema!({ "type": ["string", "number", "boolean"], "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$" });
    /// A lab.
    Lab => one_of(LABS);
    /// A place of the course.
    Place => one_of(&Role::ALL.map(Role::name));
    /// A place in the cluster.
    Inside => one_of(&Role::ALL.map(Role::name).into_iter().filter(|name| *name != Role::Machine.name()).collect::<Vec<_>>());
    /// A node.
    Node => one_of(&Role::ALL.into_iter().filter(|role| role.is_node()).map(Role::name).collect::<Vec<_>>());
    /// Places: one, or a list of them.
    Places => {
        let place = one_of(&Role::ALL.map(Role::name));
        json_schema!({ "anyOf": [place, { "type": "array", "items": place }] })
    };
    /// A command of the guide.
    GuideCommand => one_of(GUIDE_COMMANDS);
    /// The planned values of a course, by variable.
    Plan => fields(VARIABLES);
}

fn one_of(words: &[&str]) -> Schema {
    json_schema!({ "type": "string", "enum": words })
}

/// An object with these keys, each a text, and no others.
fn fields(names: &[&str]) -> Schema {
    let text = Value::from(json_schema!({ "type": ["string", "number", "boolean"] }));
    let properties: serde_json::Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), text.clone())).collect();
    json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn patterns(kind: ItemKind) -> Schema {
    json_schema!({ "type": "array", "items": fields(kind.fields()) })
}

fn items(kind: ItemKind, generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "count": generator.subschema_for::<Count>(),
            "like": patterns(kind),
        },
        "additionalProperties": false,
    })
}

pub(super) fn state_patterns(_: &mut SchemaGenerator) -> Schema {
    patterns(ItemKind::States)
}

pub(super) fn policies(generator: &mut SchemaGenerator) -> Schema {
    items(ItemKind::Policies, generator)
}

pub(super) fn rules(generator: &mut SchemaGenerator) -> Schema {
    items(ItemKind::Rules, generator)
}

pub(super) fn routes(generator: &mut SchemaGenerator) -> Schema {
    items(ItemKind::Routes, generator)
}

pub(super) fn addresses(generator: &mut SchemaGenerator) -> Schema {
    items(ItemKind::Addresses, generator)
}

/// The schema of a type that reads itself by hand.
macro_rules! by_hand {
    ($type:ty, $name:literal, $generator:ident => $schema:expr) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

by_hand!(Many<Spanned<String>>, "Texts", generator => {
    let text = generator.subschema_for::<Text>();
    json_schema!({ "anyOf": [text, { "type": "array", "items": text }] })
});
by_hand!(Many<Probe>, "Probes", generator => {
    let probe = generator.subschema_for::<Probe>();
    json_schema!({ "anyOf": [probe, { "type": "array", "items": probe }] })
});
by_hand!(Answer, "Answer", generator => {
    let (text, packet) = (generator.subschema_for::<Text>(), generator.subschema_for::<Packet>());
    json_schema!({ "anyOf": [text, { "type": "array", "items": text }, packet] })
});
by_hand!(Wrong, "Wrong", generator => {
    let (text, fields) = (generator.subschema_for::<Text>(), generator.subschema_for::<WrongFields>());
    json_schema!({ "anyOf": [text, fields] })
});
by_hand!(Status, "Status", _generator => json_schema!({ "anyOf": [{ "type": "integer" }, { "const": "running" }] }));
by_hand!(Count, "Count", _generator => json_schema!({
    "anyOf": [
        { "type": "integer", "minimum": 0 },
        {
            "type": "object",
            "properties": {
                "at_least": { "type": "integer", "minimum": 0 },
                "at_most": { "type": "integer", "minimum": 0 },
            },
            "additionalProperties": false,
        },
    ],
}));
