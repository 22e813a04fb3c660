use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::batch::{Batch, Source, Worker};
use super::{Ended, Format, Output};
use crate::decrypt::Keyring;

/// Decrypts the whole source on `threads` threads and hands everything to the output in order.
pub(super) fn work(
    source: &mut Source,
    keyring: &Keyring,
    threads: usize,
    wants_plain: bool,
    format: Format,
    output: &mut Output<'_>,
) -> Result<(), Ended> {
    let new_worker = || Worker::new(keyring, format, wants_plain);
    if threads == 1 {
        let (mut worker, mut batch) = (new_worker(), Batch::default());
        while source.fill(&mut batch) {
            worker.decrypt(&mut batch);
            output.take(&batch).map_err(Ended::Output)?;
            batch.clear();
        }
        return source.ended();
    }
    let (to_workers, from_main) = channel::<(u64, Batch)>();
    let (to_main, from_workers) = channel::<(u64, Batch)>();
    let from_main = Mutex::new(from_main);
    thread::scope(|scope| {
        for _ in 0..threads {
            let (from_main, to_main) = (&from_main, to_main.clone());
            let mut worker = new_worker();
            scope.spawn(move || {
                while let Some((number, mut batch)) = next(from_main) {
                    worker.decrypt(&mut batch);
                    if to_main.send((number, batch)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(to_main);
        let ended = hand_out(source, threads, &to_workers, &from_workers, output);
        // The workers see that nothing more comes, and end.
        drop(to_workers);
        ended
    })
}

/// Two batches a thread are under way at a time, so that memory stays bounded.
fn hand_out(
    source: &mut Source,
    threads: usize,
    to_workers: &Sender<(u64, Batch)>,
    from_workers: &Receiver<(u64, Batch)>,
    output: &mut Output<'_>,
) -> Result<(), Ended> {
    let mut idle: Vec<Batch> = (0..threads * 2).map(|_| Batch::default()).collect();
    let mut done = BTreeMap::new();
    let (mut sent, mut taken, mut more) = (0, 0, true);
    loop {
        while more && let Some(mut batch) = idle.pop() {
            if source.fill(&mut batch) {
                // Workers live as long as this function runs.
                let _ = to_workers.send((sent, batch));
                sent += 1;
            } else {
                more = false;
            }
        }
        if taken == sent {
            return source.ended();
        }
        let Ok((number, batch)) = from_workers.recv() else { return source.ended() };
        done.insert(number, batch);
        while let Some(mut batch) = done.remove(&taken) {
            output.take(&batch).map_err(Ended::Output)?;
            batch.clear();
            idle.push(batch);
            taken += 1;
        }
    }
}

fn next(from_main: &Mutex<Receiver<(u64, Batch)>>) -> Option<(u64, Batch)> {
    from_main.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
