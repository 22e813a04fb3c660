use std::collections::VecDeque;
use std::io::Read;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::engine::{Engine, Failure};
use super::exec::{Call, Event, Exec, Order};
use super::node::Node;
use super::pod::Way;
use crate::capture::Reader;
use crate::lab::{CaptureEnd, Stream};
use crate::packet::Frame;
use crate::trouble::Trouble;
use crate::words::Said;

/// A capture of the guide's: the node's own tcpdump, its frames streamed out of the node.
pub(super) struct Watch {
    orders: UnboundedSender<Order>,
    frames: Receiver<Frame>,
    /// Hears once that no packet can be missed any more.
    readiness: Receiver<()>,
    end: Receiver<Option<Failure>>,
    said: Arc<Mutex<String>>,
    /// Frames that were given out.
    given: u64,
    reader: Option<JoinHandle<()>>,
}

/// How long a capture has to become ready, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// Captures until standard input ends, which it also does when this program goes. `$1` is the device, `$2` the filter, `$3`
/// the file for its process number, by which the keeper ends it otherwise; the way is before it. Packets that are under way when it is to end have a moment to come.
const CAPTURE: &str = r#"
command -v tcpdump >/dev/null || { echo "tcpdump: command not found" >&2; exit 127; }
echo $$ >"$3"
exec 3<&0
"${into[@]}" tcpdump -Z root -n -U --immediate-mode -s 4096 -B 16384 -w - -i "$1" "$2" &
tcpdump=$!
{ read -r _ <&3; sleep 0.1; kill -s TERM $tcpdump; } 2>/dev/null >/dev/null &
wait $tcpdump; status=$?
kill $! 2>/dev/null
rm -f "$3"
exit $status"#;

impl Watch {
    /// Starts one on this device, with this filter; its process number goes into the file that is named third.
    /// [`Self::ready`] says when it captures.
    pub(super) fn start(engine: &Engine, node: &Node, way: &Way, words: [&str; 3]) -> Self {
        let script = way.script(true) + CAPTURE;
        let [device, filter, number] = words;
        let words = ["bash", "-c", &script, "esplain-capture", device, filter, number].map(str::to_owned).to_vec();
        let call = Call { container: node.container.clone(), words, variables: Vec::new(), terminal: None };
        let (events, orders) = Exec::start(engine, call).split();
        let (ready, readiness) = channel();
        let (say_end, end) = channel();
        let (say, frames) = channel();
        let said = Arc::new(Mutex::new(String::new()));
        let octets =
            Octets { events, left: VecDeque::new(), said: Arc::clone(&said), ready: Some(ready), end: Some(say_end) };
        let reader = std::thread::spawn(move || {
            let Ok(mut reader) = Reader::new(octets) else { return };
            while let Ok(Some(record)) = reader.next_record() {
                if say.send(record.frame.to_frame()).is_err() {
                    return;
                }
            }
        });
        Self { orders, frames, readiness, end, said, given: 0, reader: Some(reader) }
    }

    /// Waits until it captures.
    pub(super) fn ready(self, engine: &Engine, node: &Node, device: &str) -> Result<Self, Trouble> {
        if self.readiness.recv_timeout(PATIENCE).is_ok() {
            return Ok(self);
        }
        if let Ok(Some(failure)) = self.end.try_recv() {
            return Err(engine.trouble(&failure));
        }
        Err(self.refusal(node, device))
    }

    /// What was captured since the last call, waiting at most `wait` for the first; the reason when there will be no more.
    pub(super) fn frames(&mut self, wait: Duration) -> Result<Vec<Frame>, Option<Failure>> {
        let mut frames: Vec<Frame> = self.frames.try_iter().collect();
        if frames.is_empty()
            && let Ok(first) = self.frames.recv_timeout(wait)
        {
            frames.push(first);
            frames.extend(self.frames.try_iter());
        }
        if frames.is_empty()
            && let Ok(failure) = self.end.try_recv()
        {
            return Err(failure);
        }
        self.given += frames.len() as u64;
        Ok(frames)
    }

    /// Stops it; what was still under way comes first.
    pub(super) fn stop(mut self) -> CaptureEnd {
        let _ = self.orders.send(Order::End);
        let until = Instant::now() + PATIENCE;
        let mut frames = Vec::new();
        // Until the stream ends; one that hangs is left.
        while let Ok(frame) = self.frames.recv_timeout(until.saturating_duration_since(Instant::now())) {
            frames.push(frame);
        }
        if let Some(reader) = self.reader.take().filter(JoinHandle::is_finished) {
            let _ = reader.join();
        }
        let dropped = dropped(&self.said.lock().unwrap_or_else(PoisonError::into_inner));
        CaptureEnd { frames, dropped }
    }

    /// Why it does not capture, in tcpdump's words.
    fn refusal(&self, node: &Node, device: &str) -> Trouble {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if said.contains("tcpdump: command not found") {
            return Trouble::unusable(Said::of("kind-no-tcpdump", &[("node", &node.short())]))
                .hint(Said::of("kind-no-tcpdump-hint", &[("node", &node.name)]));
        }
        let mut trouble =
            Trouble::unusable(Said::of("kind-cannot-capture", &[("device", &device), ("node", &node.short())]));
        trouble.causes.extend(said.lines().map(|line| line.trim_start_matches("tcpdump: ").to_owned()));
        if trouble.causes.is_empty() {
            trouble.causes.push(format!("tcpdump was not ready within {} seconds", PATIENCE.as_secs()));
        }
        trouble.hint(Said::of("kind-cannot-capture-hint", &[("node", &node.name)]))
    }
}

/// What tcpdump left out, by its last lines: what the kernel dropped, and what it had handed over and nobody read.
fn dropped(said: &str) -> u64 {
    let count = |what: &str| {
        let line = said.lines().find(|line| line.contains(what))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let unread = count("received by filter").unwrap_or(0).saturating_sub(count("captured").unwrap_or(0));
    count("dropped by kernel").unwrap_or(0).max(unread)
}

/// What the capture writes, as a stream.
struct Octets {
    events: Receiver<Event>,
    left: VecDeque<u8>,
    said: Arc<Mutex<String>>,
    /// Told once, when no packet can be missed any more.
    ready: Option<Sender<()>>,
    /// Told why it ended.
    end: Option<Sender<Option<Failure>>>,
}

impl Read for Octets {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        while self.left.is_empty() {
            match self.events.recv() {
                Ok(Event::Output(Stream::Out, octets)) => self.left.extend(octets),
                Ok(Event::Output(Stream::Err, octets)) => self.hear(&octets),
                Ok(Event::Lost(failure)) => return Ok(self.over(Some(failure))),
                Ok(Event::Exited(_)) | Err(_) => return Ok(self.over(None)),
            }
        }
        self.left.read(room)
    }
}

impl Octets {
    fn hear(&mut self, octets: &[u8]) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push_str(&String::from_utf8_lossy(octets));
        // tcpdump says so behind `pcap_setfilter` (tcpdump.c 4.99): from here on the kernel keeps what comes.
        if said.contains("listening on ")
            && let Some(ready) = self.ready.take()
        {
            let _ = ready.send(());
        }
    }

    fn over(&mut self, failure: Option<Failure>) -> usize {
        self.ready = None;
        if let Some(end) = self.end.take() {
            let _ = end.send(failure);
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tcpdump_left_out_is_counted_from_its_last_lines() {
        let said = "tcpdump: listening on any, link-type LINUX_SLL2\n14 packets captured\n14 packets received by filter\n0 packets dropped by kernel\n";
        assert_eq!(dropped(said), 0);
        assert_eq!(dropped(&said.replace("0 packets dropped", "7 packets dropped")), 7);
        assert_eq!(dropped(&said.replace("14 packets received", "20 packets received")), 6);
        assert_eq!(dropped(""), 0);
    }
}
