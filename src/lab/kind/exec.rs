use std::pin::Pin;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{ResizeExecOptions, StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

use super::engine::{ANSWER, Engine, Failure};
use crate::lab::{Stream as Side, TerminalSize};

/// A command that the engine runs in a node.
pub(super) struct Exec {
    events: Receiver<Event>,
    orders: UnboundedSender<Order>,
}

/// What to run.
pub(super) struct Call {
    /// The node's container.
    pub(super) container: String,
    /// The program and its arguments.
    pub(super) words: Vec<String>,
    /// `NAME=VALUE`, beside those of the container.
    pub(super) variables: Vec<String>,
    /// With a terminal, and of which size.
    pub(super) terminal: Option<TerminalSize>,
}

/// What is heard of it.
pub(super) enum Event {
    /// Octets it wrote.
    Output(Side, Vec<u8>),
    /// It ended, with this status.
    Exited(i32),
    /// The engine has lost it.
    Lost(Failure),
}

/// What it is told.
pub(super) enum Order {
    /// Octets for its standard input.
    Octets(Vec<u8>),
    /// The end of its standard input.
    End,
    /// A new size of its terminal.
    Resize(TerminalSize),
}

/// How many pieces of output wait for a slow reader before the command has to wait itself.
const PIECES: usize = 256;
/// How often the engine is asked about a command that says nothing: its streams may stay open behind its end.
const LOOK: Duration = Duration::from_secs(1);
/// How long output is waited for when the command has ended but somebody still holds its streams (`sleep 100 &`).
const REST: Duration = Duration::from_millis(300);

impl Exec {
    /// Starts it; what goes wrong is heard as its first event.
    pub(super) fn start(engine: &Engine, call: Call) -> Self {
        let (say, events) = sync_channel(PIECES);
        let (orders, told) = unbounded_channel();
        let docker = engine.docker();
        engine.spawn(async move {
            let end = match run(&docker, call, told, &say).await {
                Ok(status) => Event::Exited(status),
                Err(failure) => Event::Lost(failure),
            };
            hand_on(&say, end).await;
        });
        Self { events, orders }
    }

    /// What is heard next, waiting at most `wait`; `None` when that is nothing.
    pub(super) fn next(&self, wait: Duration) -> Option<Event> {
        match self.events.recv_timeout(wait) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Event::Lost(Failure::Silent(ANSWER))),
        }
    }

    /// What is heard of it, and what tells it, for two who go their own ways.
    pub(super) fn split(self) -> (Receiver<Event>, UnboundedSender<Order>) {
        (self.events, self.orders)
    }

    /// Tells it something. One that has ended ignores it.
    pub(super) fn tell(&self, order: Order) {
        let _ = self.orders.send(order);
    }
}

/// Runs it to its end; gives its status.
async fn run(
    docker: &Docker,
    call: Call,
    mut told: UnboundedReceiver<Order>,
    say: &SyncSender<Event>,
) -> Result<i32, Failure> {
    let terminal = call.terminal.is_some();
    let config = ExecConfig {
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(terminal),
        console_size: call.terminal.map(|size| vec![size.rows.into(), size.columns.into()]),
        env: Some(call.variables),
        cmd: Some(call.words),
        ..ExecConfig::default()
    };
    let id = bounded(docker.create_exec(&call.container, config)).await?.id;
    let options = StartExecOptions { tty: terminal, ..StartExecOptions::default() };
    let started = bounded(docker.start_exec(&id, Some(options))).await?;
    let StartExecResults::Attached { mut output, input } = started else { return status(docker, &id).await };
    let mut input = Some(input);
    loop {
        tokio::select! {
            piece = output.next() => match piece {
                Some(Ok(piece)) => { hand_on(say, heard(piece)).await; }
                // However the stream ended, the status says how the command did.
                Some(Err(_)) | None => return status(docker, &id).await,
            },
            order = told.recv() => match order {
                Some(Order::Octets(octets)) => write(&mut input, &octets).await,
                Some(Order::End) if terminal => write(&mut input, &[4]).await,
                Some(Order::End) => close(&mut input).await,
                Some(Order::Resize(size)) => {
                    let size = ResizeExecOptions { height: size.rows, width: size.columns };
                    // One that has just ended has no terminal any more.
                    let _ = bounded(docker.resize_exec(&id, size)).await;
                }
                // Nobody listens any more: the streams close, and the node's keeper ends what stays.
                None => return Ok(0),
            },
            () = sleep(LOOK) => {
                if let Some(status) = ended(docker, &id).await? {
                    last_words(&mut output, say).await;
                    return Ok(status);
                }
            }
        }
    }
}

/// A question to the engine, with a bound.
async fn bounded<T>(question: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    match timeout(ANSWER, question).await {
        Ok(answer) => answer.map_err(Failure::Engine),
        Err(_) => Err(Failure::Silent(ANSWER)),
    }
}

fn heard(piece: LogOutput) -> Event {
    let side = if matches!(piece, LogOutput::StdErr { .. }) { Side::Err } else { Side::Out };
    Event::Output(side, piece.into_bytes().to_vec())
}

/// Its status, when its streams have ended: the engine may know a moment later.
async fn status(docker: &Docker, id: &str) -> Result<i32, Failure> {
    timeout(ANSWER, async {
        loop {
            if let Some(status) = ended(docker, id).await? {
                return Ok(status);
            }
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap_or(Err(Failure::Silent(ANSWER)))
}

/// Its status, if it has ended.
async fn ended(docker: &Docker, id: &str) -> Result<Option<i32>, Failure> {
    let seen = bounded(docker.inspect_exec(id)).await?;
    Ok(seen.exit_code.filter(|_| seen.running == Some(false)).map(|status| i32::try_from(status).unwrap_or(255)))
}

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;
type Standard = Pin<Box<dyn AsyncWrite + Send>>;

async fn last_words(output: &mut Output, say: &SyncSender<Event>) {
    while let Ok(Some(Ok(piece))) = timeout(REST, output.next()).await {
        hand_on(say, heard(piece)).await;
    }
}

async fn write(input: &mut Option<Standard>, octets: &[u8]) {
    let Some(open) = input else { return };
    let written = async { open.write_all(octets).await.is_ok() && open.flush().await.is_ok() };
    // A command that does not read has as long as the engine.
    if !timeout(ANSWER, written).await.unwrap_or(false) {
        *input = None;
    }
}

async fn close(input: &mut Option<Standard>) {
    if let Some(mut open) = input.take() {
        let _ = timeout(ANSWER, open.shutdown()).await;
    }
}

/// Hands an event to the lab; a command whose output nobody takes waits, as on a pipe.
async fn hand_on(say: &SyncSender<Event>, event: Event) {
    let mut event = event;
    loop {
        match say.try_send(event) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => return,
            Err(TrySendError::Full(again)) => event = again,
        }
        sleep(Duration::from_millis(2)).await;
    }
}
