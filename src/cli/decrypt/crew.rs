use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::{mem, thread};

use super::batch::{Batch, Source, Worker};
use super::{Ended, Format, Output};
use crate::decrypt::Keyring;

/// A source that several threads take batches of, and from whom the one that takes the next batch gets the output.
///
/// The output is handed on like the baton of a relay, so that everything comes out in the order of the capture. Whoever
/// ends early drops it, and those behind end too.
struct Relay<'s, B> {
    source: &'s mut Source,
    baton: Receiver<B>,
}

/// Decrypts the whole source on `threads` threads and hands everything to the output in order.
///
/// Each thread fills a batch, decrypts it while others fill theirs, and writes it in its turn: memory stays bounded, and no
/// thread only waits for the others.
pub(super) fn work(
    source: &mut Source,
    keyring: &Keyring,
    threads: usize,
    wants_plain: bool,
    format: Format,
    output: &mut Output<'_>,
) -> Result<(), Ended> {
    let (first, baton) = sync_channel(1);
    // The other end is in the same function.
    let _ = first.send(output);
    let relay = Mutex::new(Relay { source, baton });
    let run = || {
        let (mut worker, mut batch) = (Worker::new(keyring, format, wants_plain), Batch::default());
        loop {
            let mut taking = relay.lock().unwrap_or_else(PoisonError::into_inner);
            if !taking.source.fill(&mut batch) {
                return Ok(());
            }
            let (to_next, from_me) = sync_channel(1);
            let from_before = mem::replace(&mut taking.baton, from_me);
            drop(taking);
            worker.decrypt(&mut batch);
            let Ok(output) = from_before.recv() else { return Ok(()) };
            output.take(&batch)?;
            // Nobody takes it behind the last batch.
            let _ = to_next.send(output);
            batch.clear();
        }
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mine = run();
        others
            .into_iter()
            .fold(mine, |ended, other| ended.and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))))
    })
    .map_err(Ended::Output)?;
    relay.into_inner().unwrap_or_else(PoisonError::into_inner).source.ended()
}
