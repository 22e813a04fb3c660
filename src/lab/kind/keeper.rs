use std::time::{Duration, Instant};

use super::engine::{ANSWER, Engine};
use super::exec::{Call, Event, Exec, Order};
use super::node::Node;
use crate::trouble::Trouble;

/// Keeps a lab's things in one node: a folder below `/run`, and a process that signals the lab's jobs there. (The engine
/// can start a command in a container, and cannot end it.) When the lab goes, however it goes, the keeper's standard input
/// ends; it ends what still runs and takes the folder away.
pub(super) struct Keeper {
    exec: Exec,
    /// The container it is in.
    pub(super) container: String,
    over: bool,
}

/// What a keeper does. `$1` is the folder. A job writes its process number, which is its group's, into `jobs/NUMBER`
/// first of all.
const KEEPER: &str = r#"umask 077
mkdir -p "$1/jobs" "$1/kept" && echo ready
while read -r signal job; do
  if [ "$signal" = FORGET ]; then rm -f "$1/jobs/$job"; continue; fi
  for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s "$1/jobs/$job" ] && break; sleep 0.1; done
  [ -s "$1/jobs/$job" ] && kill -s "$signal" -- "-$(cat "$1/jobs/$job")" 2>/dev/null
done
for job in "$1"/jobs/*; do [ -s "$job" ] && kill -s KILL -- "-$(cat "$job")" 2>/dev/null; done
rm -rf "$1""#;

impl Keeper {
    /// Starts one and waits until it is ready.
    pub(super) fn start(engine: &Engine, node: &Node, folder: &str) -> Result<Self, Trouble> {
        let words = ["bash", "-c", KEEPER, "esplain-keeper", folder].map(str::to_owned).to_vec();
        let call = Call { container: node.container.clone(), words, variables: Vec::new(), terminal: None };
        let exec = Exec::start(engine, call);
        let (mut said, begun) = (String::new(), Instant::now());
        while begun.elapsed() < ANSWER {
            match exec.next(Duration::from_millis(100)) {
                Some(Event::Output(_, octets)) => said.push_str(&String::from_utf8_lossy(&octets)),
                Some(Event::Lost(failure)) => return Err(engine.trouble(&failure)),
                Some(Event::Exited(_)) => break,
                None => {}
            }
            if said.contains("ready\n") {
                return Ok(Self { exec, container: node.container.clone(), over: false });
            }
        }
        let mut trouble = Trouble::unusable(format!("the lab finds no footing in {}", node.name));
        trouble.causes.extend(said.lines().map(str::to_owned));
        Err(trouble.hint(format!("`docker exec {} bash -c 'ls -ld /run'` shows whether a shell runs there", node.name)))
    }

    /// Whether it is still there: it ends with its node.
    pub(super) fn lives(&mut self) -> bool {
        while let Some(event) = self.exec.next(Duration::ZERO) {
            self.over |= !matches!(event, Event::Output(..));
            if self.over {
                break;
            }
        }
        !self.over
    }

    /// Has a job's process group signalled.
    pub(super) fn signal(&self, signal: &str, job: u64) {
        self.exec.tell(Order::Octets(format!("{signal} {job}\n").into_bytes()));
    }

    /// A job has ended: its number may be another process's soon.
    pub(super) fn forget(&self, job: u64) {
        self.signal("FORGET", job);
    }
}
