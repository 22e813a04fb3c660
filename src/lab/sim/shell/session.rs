use std::collections::BTreeMap;

use crate::lab::TerminalSize;
use crate::lab::sim::process::Call;

/// What a shell remembers: where it is, its variables, the last status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// The place whose files it sees.
    pub place: String,
    /// The place whose network stack it uses.
    pub network: String,
    /// Its working directory.
    pub folder: String,
    /// Its variables; those that are exported are marked so.
    pub(super) variables: BTreeMap<String, (String, bool)>,
    /// The last exit status.
    pub(super) status: i32,
    /// Its positional parameters, `$1` first.
    pub(super) arguments: Vec<String>,
    /// The process id of the last background command.
    pub(super) last_background: Option<u32>,
}

impl Session {
    /// A fresh login of root at a place.
    pub(crate) fn new(place: &str, folder: &str) -> Self {
        let variables = [
            ("HOME", "/root"),
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("USER", "root"),
            ("SHELL", "/bin/bash"),
        ];
        let variables =
            variables.into_iter().map(|(name, value)| (name.to_owned(), (value.to_owned(), true))).collect();
        Self {
            place: place.to_owned(),
            network: place.to_owned(),
            folder: folder.to_owned(),
            variables,
            status: 0,
            arguments: Vec::new(),
            last_background: None,
        }
    }

    /// The session of a shell that was called as a program.
    pub(crate) fn called(call: &Call) -> Self {
        let variables = call.environment.iter().map(|(name, value)| (name.clone(), (value.clone(), true))).collect();
        Self {
            place: call.place.clone(),
            network: call.network.clone(),
            folder: call.folder.clone(),
            variables,
            status: 0,
            arguments: Vec::new(),
            last_background: None,
        }
    }

    /// A variable's value.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|(value, _)| value.as_str())
    }

    /// A variable's value, or one of the special parameters.
    pub(super) fn special(&self, name: &str) -> Option<String> {
        Some(match name {
            "?" => self.status.to_string(),
            "#" => self.arguments.len().to_string(),
            "@" | "*" => self.arguments.join(" "),
            "$" => "1077".to_owned(),
            "!" => self.last_background?.to_string(),
            "-" => "hB".to_owned(),
            "0" => "bash".to_owned(),
            "PWD" => self.folder.clone(),
            digits if digits.chars().all(|letter| letter.is_ascii_digit()) => {
                let at: usize = digits.parse().ok()?;
                self.arguments.get(at.checked_sub(1)?)?.clone()
            }
            name => self.variable(name)?.to_owned(),
        })
    }

    /// Sets a variable; one that was exported stays so.
    pub(super) fn set(&mut self, name: &str, value: String) {
        self.variables.entry(name.to_owned()).or_default().0 = value;
    }

    /// A call of a program as this shell makes it.
    pub(super) fn call(&self, words: Vec<String>, extra: &[(String, String)], terminal: Option<TerminalSize>) -> Call {
        let exported = self.variables.iter().filter(|(_, (_, exported))| *exported);
        let mut environment: BTreeMap<String, String> =
            exported.map(|(name, (value, _))| (name.clone(), value.clone())).collect();
        environment.insert("PWD".to_owned(), self.folder.clone());
        environment.extend(extra.iter().cloned());
        Call {
            words,
            place: self.place.clone(),
            network: self.network.clone(),
            folder: self.folder.clone(),
            environment,
            terminal,
        }
    }
}
