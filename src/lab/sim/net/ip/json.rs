//! JSON as iproute2 writes it: its own order of names, and its own idea of pretty (lib/json_writer.c).

use std::fmt::{Display, Write};

/// An object under construction, its names in the order they are added.
#[derive(Debug, Clone, Default)]
pub(super) struct Object(String);

impl Object {
    pub(super) fn text(&mut self, name: &str, value: impl Display) {
        self.raw(name, quoted(&value.to_string()));
    }

    /// A number, or a value that is JSON already.
    pub(super) fn raw(&mut self, name: &str, value: impl Display) {
        let comma = if self.0.is_empty() { "" } else { "," };
        let _ = write!(self.0, "{comma}{}:{value}", quoted(name));
    }

    pub(super) fn texts<'t>(&mut self, name: &str, values: impl IntoIterator<Item = &'t str>) {
        let values: Vec<String> = values.into_iter().map(quoted).collect();
        self.raw(name, format!("[{}]", values.join(",")));
    }

    pub(super) fn object(&mut self, name: &str, value: &Self) {
        self.raw(name, value);
    }
}

impl Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{{{}}}", self.0)
    }
}

/// An array of objects, with the line end.
pub(super) fn array(objects: &[Object]) -> String {
    let objects: Vec<String> = objects.iter().map(ToString::to_string).collect();
    format!("[{}]\n", objects.join(","))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What `-p` makes of compact JSON.
pub(super) fn pretty(compact: &str) -> String {
    let mut out = String::new();
    // The brackets that are open, and whether anything stands in them.
    let mut open: Vec<(char, bool)> = Vec::new();
    let mut characters = compact.trim_end().chars();
    let mut name_follows = false;
    while let Some(character) = characters.next() {
        match character {
            '}' | ']' => {
                let (_, filled) = open.pop().unwrap_or((character, false));
                match (character, filled) {
                    ('}', true) => new_line(&mut out, open.len()),
                    (']', true) => out.push(' '),
                    _ => {}
                }
                out.push(character);
                name_follows = false;
                continue;
            }
            ',' => {
                out.push(',');
                name_follows = matches!(open.last(), Some(('{', _)));
                continue;
            }
            ':' => {
                out.push_str(": ");
                continue;
            }
            _ => {}
        }
        if let Some((_, filled)) = open.last_mut() {
            *filled = true;
        }
        match character {
            '{' | '[' => {
                out.push(character);
                if character == '[' {
                    out.push(' ');
                }
                open.push((character, false));
                name_follows = character == '{';
            }
            '"' => {
                if name_follows {
                    new_line(&mut out, open.len());
                    name_follows = false;
                }
                out.push('"');
                while let Some(inside) = characters.next() {
                    out.push(inside);
                    match inside {
                        '\\' => out.extend(characters.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            other => out.push(other),
        }
    }
    out.push('\n');
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.push_str(&"    ".repeat(depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pretty_is_what_iproute2_calls_pretty() {
        let compact =
            "[{\"dst\":\"10.0.1.0/24\",\"flags\":[],\"metrics\":[{\"mtu\":1500}]},{\"state\":[\"UP\",\"A\"]}]\n";
        let expected = "[ {\n        \"dst\": \"10.0.1.0/24\",\n        \"flags\": [ ],\n        \"metrics\": [ {\n                \
                        \"mtu\": 1500\n            } ]\n    },{\n        \"state\": [ \"UP\",\"A\" ]\n    } ]\n";
        assert_eq!(pretty(compact), expected);
    }
}
