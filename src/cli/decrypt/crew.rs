use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{panic, thread};

use super::batch::{Batch, Source, Worker};
use super::{Ended, Format, Output};
use crate::decrypt::Keyring;
use crate::trouble::Trouble;

/// Threads that each take a batch, decrypt it and hand it in. Whoever hands in the batch whose turn it is writes it, and those
/// behind it that are done: no thread waits for a turn, and everything comes out in the order of the capture.
struct Crew<'s, 'io> {
    taking: Mutex<Taking<'s>>,
    /// What is decrypted, by number, and not yet written.
    done: Mutex<BTreeMap<u64, Batch>>,
    writing: Mutex<Writing<'s, 'io>>,
    /// Where a batch goes when it is written, to be filled again.
    to_idle: Sender<Batch>,
    /// The output failed.
    stopped: AtomicBool,
}

struct Taking<'s> {
    source: &'s mut Source,
    taken: u64,
    idle: Receiver<Batch>,
}

struct Writing<'s, 'io> {
    output: &'s mut Output<'io>,
    written: u64,
}

/// Decrypts the whole source on `threads` threads and hands everything to the output in order.
pub(super) fn work(
    source: &mut Source,
    keyring: &Keyring,
    threads: usize,
    wants_plain: bool,
    format: Format,
    output: &mut Output<'_>,
) -> Result<(), Ended> {
    let (to_idle, idle) = channel();
    // Two for each thread, so that one which has to wait for a processor does not stop the others at once; no more, so that
    // memory stays bounded.
    for _ in 0..if threads == 1 { 1 } else { threads * 2 } {
        // The receiver is in the same function.
        let _ = to_idle.send(Batch::default());
    }
    let crew = Crew {
        taking: Mutex::new(Taking { source, taken: 0, idle }),
        done: Mutex::default(),
        writing: Mutex::new(Writing { output, written: 0 }),
        to_idle,
        stopped: AtomicBool::new(false),
    };
    let run = || {
        let mut worker = Worker::new(keyring, format, wants_plain);
        while let Some((number, mut batch)) = crew.take() {
            worker.decrypt(&mut batch);
            crew.hand_in(number, batch)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mine = run();
        let join =
            |other: thread::ScopedJoinHandle<'_, _>| other.join().unwrap_or_else(|why| panic::resume_unwind(why));
        others.into_iter().map(join).fold(mine, Result::and)
    })
    .map_err(Ended::Output)?;
    crew.taking.into_inner().unwrap_or_else(PoisonError::into_inner).source.ended()
}

impl Crew<'_, '_> {
    /// The next batch of the source, and its number from 0; `None` at the end.
    fn take(&self) -> Option<(u64, Batch)> {
        let mut taking = lock(&self.taking);
        let mut batch = taking.idle.recv().ok()?;
        if self.stopped.load(Ordering::Relaxed) || !taking.source.fill(&mut batch) {
            // For the next one who waits for it, to see the end too.
            let _ = self.to_idle.send(batch);
            return None;
        }
        taking.taken += 1;
        Some((taking.taken - 1, batch))
    }

    /// Takes a batch that is decrypted, and writes what can be written.
    fn hand_in(&self, number: u64, batch: Batch) -> Result<(), Trouble> {
        lock(&self.done).insert(number, batch);
        loop {
            // Whoever is writing looks again when they have finished, below.
            let Ok(mut writing) = self.writing.try_lock() else { return Ok(()) };
            while !self.stopped.load(Ordering::Relaxed)
                && let Some(mut batch) = self.done(writing.written)
            {
                let result = writing.output.take(&batch);
                self.stopped.fetch_or(result.is_err(), Ordering::Relaxed);
                writing.written += 1;
                batch.clear();
                let _ = self.to_idle.send(batch);
                result?;
            }
            let next = writing.written;
            drop(writing);
            if self.stopped.load(Ordering::Relaxed) || !lock(&self.done).contains_key(&next) {
                return Ok(());
            }
        }
    }

    /// A batch that is decrypted, by its number. The others are free to be handed in while it is written.
    fn done(&self, number: u64) -> Option<Batch> {
        lock(&self.done).remove(&number)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
