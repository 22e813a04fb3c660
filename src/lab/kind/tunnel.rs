use std::fs::DirBuilder;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::destination::Destination;
use super::endpoint::Endpoint;
use super::refusal::Refusal;
use crate::trouble::Trouble;
use crate::words::Said;

/// The way to an engine on another machine: a socket here that leads to the engine's there, through one connection of the
/// system's own `ssh` with the learner's configuration, known hosts and agent. Nothing is asked (`BatchMode`): the terminal
/// is the guided shell's.
///
/// The `docker` command starts an `ssh` for each of its requests; a lab has many. The `ssh` here runs `cat` there and so ends
/// when its standard input does: it never outlives esplain, however that ends.
pub(super) struct Tunnel {
    destination: Destination,
    folder: PathBuf,
    base: Mutex<Option<Base>>,
}

/// The `ssh` that holds the connection.
struct Base {
    child: Child,
    said: Heard,
}

/// What a program says on standard error, as it says it.
type Heard = Arc<Mutex<Vec<u8>>>;

/// How ssh goes there: no question, nothing that the learner's configuration has for other uses, not for ever where nobody
/// answers, and an end where nobody answers any more.
const MANNERS: [&str; 9] = [
    "BatchMode=yes",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "RemoteCommand=none",
    "RequestTTY=no",
    "ControlPersist=no",
    "ConnectTimeout=15",
    "ServerAliveInterval=5",
];
/// Octets of what ssh says that are kept.
const WORDS: usize = 8 << 10;
/// How long the reason of a connection that broke may be on its way.
const REASON: Duration = Duration::from_millis(500);

impl Tunnel {
    /// The way to an endpoint of `ssh://`; nobody has gone it yet.
    pub(super) fn new(endpoint: &Endpoint) -> Result<Self, Trouble> {
        let destination = Destination::read(&endpoint.host)?;
        // A socket's path may have 104 octets on some systems, of which ssh takes 17 while it makes one.
        let own = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let folder = own.unwrap_or_else(std::env::temp_dir).join(format!("esplain-{:x}-{now:x}", std::process::id()));
        // Nobody else may come near.
        DirBuilder::new().mode(0o700).create(&folder).map_err(|error| {
            Trouble::unusable(Said::of("kind-ssh-no-folder", &[("folder", &folder.display())])).because(&error)
        })?;
        Ok(Self { destination, folder, base: Mutex::default() })
    }

    /// Where the engine is to be found here, when the way is open.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.join("engine")
    }

    /// Opens the way, unless it is open; it may have been lost meanwhile. That may take so long.
    pub(super) fn open(&self, patience: Duration) -> Result<(), Refusal> {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        if base.as_mut().is_some_and(|base| matches!(base.child.try_wait(), Ok(None))) {
            return Ok(());
        }
        *base = None;
        let _ = std::fs::remove_file(self.control());
        let mut begun = Base::start(self.ssh("yes").arg(self.destination.line()))?;
        let engine = begun.engine(patience)?;
        // That of a connection that was lost.
        let _ = std::fs::remove_file(self.socket());
        let mut command = Command::new("ssh");
        // Without the learner's configuration, whose forwardings would come along.
        command.args(["-F", "none", "-O", "forward", "-o", &format!("ControlPath={}", self.control().display())]);
        command.args(["-L", &format!("{}:{engine}", self.socket().display())]).args(self.destination.words());
        let asked = command.stdin(Stdio::null()).output().map_err(|error| Refusal::NotStarted(error.to_string()))?;
        if !asked.status.success() {
            return Err(Refusal::Ended(Some(255), String::from_utf8_lossy(&asked.stderr).into_owned()));
        }
        *base = Some(begun);
        Ok(())
    }

    /// Why a connection of the way came to nothing, if that was ssh's or the far side's doing.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        let base = base.as_mut()?;
        let begun = Instant::now();
        loop {
            if let Ok(Some(status)) = base.child.try_wait() {
                return Some(Refusal::Ended(status.code(), words(&base.said)));
            }
            let said = words(&base.said);
            if said.contains("administratively prohibited") {
                return Some(Refusal::Ended(Some(255), said));
            }
            if said.contains("open failed") {
                break;
            }
            if begun.elapsed() > REASON {
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // sshd does not say why it could not open the engine's socket; docker does.
        let output = self.ssh("no").arg(self.destination.question()).stdin(Stdio::null()).output().ok()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (!output.status.success()).then(|| Refusal::Ended(output.status.code(), said))
    }

    /// What a refusal means to a person.
    pub(super) fn trouble(&self, refusal: &Refusal, endpoint: &Endpoint) -> Trouble {
        refusal.trouble(endpoint, &self.destination)
    }

    fn control(&self) -> PathBuf {
        self.folder.join("control")
    }

    /// `ssh` on its way there; a line for the far shell stands behind it.
    fn ssh(&self, master: &str) -> Command {
        let mut command = Command::new("ssh");
        command.args(MANNERS.iter().flat_map(|manner| ["-o", manner]));
        command.args(["-o", &format!("ControlPath={}", self.control().display())]);
        command.args(["-o", &format!("ControlMaster={master}")]).args(self.destination.words());
        // Ctrl-C is for the learner's line alone.
        command.process_group(0);
        command
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        *self.base.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // What is left over in it are sockets that nobody listens on any more.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Base {
    fn start(command: &mut Command) -> Result<Self, Refusal> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| Refusal::NotStarted(error.to_string()))?;
        let said = Heard::default();
        if let Some(stderr) = child.stderr.take() {
            let said = Arc::clone(&said);
            std::thread::spawn(move || listen(stderr, &said));
        }
        Ok(Self { child, said })
    }

    /// Waits until the far side says where its engine listens: the path of a socket, or host and port.
    fn engine(&mut self, patience: Duration) -> Result<String, Refusal> {
        let (say, heard) = channel();
        if let Some(stdout) = self.child.stdout.take() {
            std::thread::spawn(move || {
                // A shell there may greet first.
                let engine = BufReader::new(stdout).lines().map_while(Result::ok).find_map(|line| listens_at(&line));
                // Nobody waits any more when the time was up.
                let _ = say.send(engine);
            });
        }
        match heard.recv_timeout(patience) {
            Ok(Some(engine)) => Ok(engine),
            Ok(None) | Err(RecvTimeoutError::Disconnected) => {
                let status = self.child.wait().ok().and_then(|status| status.code());
                let begun = Instant::now();
                // Its last words may be on their way.
                while words(&self.said).is_empty() && begun.elapsed() < REASON {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(Refusal::Ended(status, words(&self.said)))
            }
            Err(RecvTimeoutError::Timeout) => Err(Refusal::Silent(patience)),
        }
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        // One that has ended needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What ssh takes as the end of a forwarding, of the address of an engine.
fn listens_at(line: &str) -> Option<String> {
    let line = line.trim();
    line.strip_prefix("unix://").or_else(|| line.strip_prefix("tcp://")).map(str::to_owned)
}

fn listen(mut from: impl Read, said: &Heard) {
    let mut octets = [0; 1 << 10];
    while let Ok(read @ 1..) = from.read(&mut octets) {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend(octets.iter().take(read));
        // The reason comes last.
        let excess = said.len().saturating_sub(WORDS);
        said.drain(..excess);
    }
}

fn words(said: &Heard) -> String {
    String::from_utf8_lossy(&said.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_an_engine_listens_is_what_ssh_forwards_to() {
        for (line, wanted) in [
            ("unix:///run/user/1000/docker.sock\r\n", Some("/run/user/1000/docker.sock")),
            ("tcp://10.1.2.3:2375", Some("10.1.2.3:2375")),
            ("Welcome to far!", None),
            ("", None),
        ] {
            assert_eq!(listens_at(line).as_deref(), wanted, "{line}");
        }
    }
}
