//! `ip` of iproute2 6.1: its objects, abbreviations, output and complaints, over the model's stacks.

mod address;
mod help;
mod json;
mod maddress;
mod neigh;
mod policy;
mod route;
mod route6;
mod route_cache;
mod rule;
mod state;
mod words;

use self::words::{Failed, Family, Words};
use super::Net;
use crate::command::keyword;
use crate::datapath::{Cluster, Stack, StackId};
use crate::lab::sim::{Call, Io, Process, Step, World};

/// An `ip` call; it does all it does in one step.
pub(super) struct Ip {
    arguments: Vec<String>,
    network: String,
}

/// The options before the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
struct Options {
    family: Family,
    /// How often `-s` was said.
    stats: u8,
    details: bool,
    oneline: bool,
    json: bool,
    pretty: bool,
    brief: bool,
    /// `-N`: numbers for names.
    numeric: bool,
}

/// What one call works on.
struct Run<'a> {
    options: Options,
    cluster: &'a mut Cluster,
    id: StackId,
    /// What goes to standard error although the call succeeds.
    warnings: String,
}

impl Ip {
    pub(super) fn new(call: &Call) -> Self {
        Self { arguments: call.arguments().to_vec(), network: call.network.clone() }
    }

    /// Standard output, and warnings for standard error.
    fn run(&self, net: &mut Net) -> Result<(String, String), Failed> {
        let mut options = Options::default();
        let mut words = Words::new(&self.arguments);
        while let Some(option) = words.peek().filter(|word| word.starts_with('-') && word.len() > 1) {
            words.next();
            if option == "--" {
                break;
            }
            let option = option.strip_prefix('-').filter(|rest| rest.starts_with('-')).unwrap_or(option);
            Self::option(option, &mut options, &mut words)?;
            if option == "-V" || option == "-Version" {
                return Ok(("ip utility, iproute2-6.1.0, libbpf 1.1.2\n".to_owned(), String::new()));
            }
        }
        let Some(word) = words.next() else { return Err(Failed { err: help::IP.to_owned(), status: 255 }) };
        let Some(object) = keyword::find(keyword::OBJECTS, word) else {
            return Err(Failed::new(1, format!("Object \"{word}\" is unknown, try \"ip help\".")));
        };
        let Some(id) = net.cluster.find(&self.network) else { return Err(Failed::netlink("Network is down")) };
        let mut run = Run { options, cluster: &mut net.cluster, id, warnings: String::new() };
        let text = run.object(object, words)?;
        let text = if options.json && options.pretty && text.starts_with('[') { json::pretty(&text) } else { text };
        Ok((text, run.warnings))
    }

    fn option(option: &str, options: &mut Options, words: &mut Words<'_>) -> Result<(), Failed> {
        if option == "-V" || option == "-Version" || option.starts_with("-c=") || option.starts_with("-color") {
            return Ok(());
        }
        let unknown = || Failed::new(255, format!("Option \"{option}\" is unknown, try \"ip -help\"."));
        match keyword::ip_option(option).ok_or_else(unknown)? {
            "family" => {
                let word = words.value()?;
                options.family = match word {
                    "inet" => Family::Inet,
                    "inet6" => Family::Inet6,
                    "link" | "mpls" | "bridge" => Family::Other,
                    _ => return Err(Failed::wrong(word, "invalid protocol family")),
                };
            }
            "4" => options.family = Family::Inet,
            "6" => options.family = Family::Inet6,
            "0" | "M" | "B" => options.family = Family::Other,
            "stats" => options.stats = options.stats.saturating_add(1),
            "details" => options.details = true,
            "oneline" => options.oneline = true,
            "json" => options.json = true,
            "pretty" => options.pretty = true,
            "brief" => options.brief = true,
            "help" => return Err(Failed { err: help::IP.to_owned(), status: 255 }),
            "netns" => {
                let name = words.next().unwrap_or("(null)");
                let text = format!("Cannot open network namespace \"{name}\": No such file or directory");
                return Err(Failed::new(255, text));
            }
            "loops" | "rcvbuf" => {
                words.value()?;
            }
            "batch" => return Err(Failed::elsewhere("ip -batch")),
            "numeric" => options.numeric = true,
            // -c, -t, -h, -iec, -r, -a, -force change nothing that shows here.
            _ => {}
        }
        Ok(())
    }
}

impl Process for Ip {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        let now = world.now();
        world.net.run_until(now);
        match self.run(&mut world.net) {
            Ok((text, warnings)) => {
                io.print(text);
                io.complain(warnings);
                Step::Exit(0)
            }
            Err(Failed { err, status }) => {
                io.complain(err);
                Step::Exit(status)
            }
        }
    }
}

impl Run<'_> {
    fn object(&mut self, object: &str, mut words: Words<'_>) -> Result<String, Failed> {
        match object {
            "address" => self.address(words),
            "link" => self.link(words),
            "route" => self.routes(words),
            "rule" => self.rules(words),
            "neigh" => self.neighbours(words),
            "xfrm" => {
                let usage = || Failed { err: help::XFRM.to_owned(), status: 255 };
                let word = words.next().ok_or_else(usage)?;
                match keyword::find(keyword::XFRM_OBJECTS, word).ok_or_else(usage)? {
                    "state" => self.states(words),
                    "policy" => self.policies(words),
                    "monitor" => match words.next() {
                        Some(word) if !matches!(word, "all" | "acquire" | "expire" | "SA" | "policy") => {
                            let text = format!("Argument \"{word}\" is unknown, try \"ip xfrm monitor help\".");
                            Err(Failed::new(255, text))
                        }
                        _ => Err(Failed::elsewhere("ip xfrm monitor")),
                    },
                    _ => Err(usage()),
                }
            }
            "netns" => match words.next() {
                None => Ok(String::new()),
                Some(word) => match keyword::verbs("netns").and_then(|verbs| keyword::find(verbs, word)) {
                    Some("list" | "list-id") => Ok(String::new()),
                    Some("exec" | "pids" | "delete") => {
                        let name = words.next().unwrap_or_default();
                        let text = format!("Cannot open network namespace \"{name}\": No such file or directory");
                        Err(Failed::new(255, text))
                    }
                    Some(_) => Err(Failed::elsewhere("ip netns")),
                    None => Err(Failed::unknown_command(word, "netns")),
                },
            },
            "maddress" => self.groups(words),
            // The lab makes no tunnel devices.
            "tunnel" => match words.next() {
                None | Some("show" | "list" | "lst" | "ls" | "l") => Ok(String::new()),
                Some(verb) => Err(Failed::elsewhere(&format!("ip tunnel {verb}"))),
            },
            "help" => Err(Failed { err: help::IP.to_owned(), status: 255 }),
            "monitor" => match words.next() {
                Some(word) if !["all", "link", "address", "route", "neigh", "rule"].contains(&word) => {
                    Err(Failed::new(255, format!("Argument \"{word}\" is unknown, try \"ip monitor help\".")))
                }
                _ => Err(Failed::elsewhere("ip monitor")),
            },
            other => Err(Failed::elsewhere(&format!("ip {other}"))),
        }
    }

    fn stack(&self) -> Result<&Stack, Failed> {
        self.cluster.stack(self.id).ok_or_else(|| Failed::netlink("Network is down"))
    }

    fn stack_mut(&mut self) -> Result<&mut Stack, Failed> {
        self.cluster.stack_mut(self.id).ok_or_else(|| Failed::netlink("Network is down"))
    }

    /// Whether a device is there (`ll_name_to_index`).
    fn device(&self, name: &str) -> Result<(), Failed> {
        self.stack()?.device(name).map(|_| ()).ok_or_else(|| Failed::no_device(name))
    }
}
