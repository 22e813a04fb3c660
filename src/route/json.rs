//! JSON objects in the order in which iproute2 writes their members (`lib/json_print.c`).

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

/// A JSON object that keeps the order of its members.
#[derive(Debug, Default)]
pub(super) struct Object(Vec<(String, Member)>);

/// The value of a member.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Member {
    Value(Value),
    Object(Object),
    Objects(Vec<Object>),
}

impl Object {
    /// Adds a member.
    pub(super) fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.push((name.to_owned(), Member::Value(value.into())));
    }

    /// Adds a member if there is a value.
    pub(super) fn put_some(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// Adds a member that is there or not, and says nothing more: `"not":null`.
    pub(super) fn put_flag(&mut self, name: &str, set: bool) {
        if set {
            self.put(name, Value::Null);
        }
    }

    /// Adds an object.
    pub(super) fn put_object(&mut self, name: &str, object: Object) {
        self.0.push((name.to_owned(), Member::Object(object)));
    }

    /// Adds an array of objects.
    pub(super) fn put_objects(&mut self, name: &str, objects: Vec<Object>) {
        self.0.push((name.to_owned(), Member::Objects(objects)));
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The whole output of `ip -j`: an array and a line end.
pub(super) fn array(objects: &[Object]) -> String {
    // Maps with string keys and plain values always serialize.
    serde_json::to_string(objects).unwrap_or_default() + "\n"
}
