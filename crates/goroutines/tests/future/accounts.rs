//! Blocking and async ends of one channel, many at once, with futures that go away half-way: every value
//! is received once, or dropped by the one who gave up on it.

use super::support::{on_workers, poll_once, rounds, turns};
use futures::future::{Either, select};
use goroutines::channel::{Receiver, Sender, bounded, unbounded};
use goroutines::sync::WaitGroup;
use goroutines::{block_on, future, go, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::thread;

on_workers! {
    rendezvous
    small_buffer
    any_number
}

fn rendezvous() {
    all_values(Some(0));
}

fn small_buffer() {
    all_values(Some(2));
}

fn any_number() {
    all_values(None);
}

/// Of each value: whether its sender knows that it was sent, and how often it was received.
struct Book {
    entries: Vec<AtomicU8>,
    dropped: AtomicUsize,
}

const SENT: u8 = 16;

struct Value(usize, Arc<Book>);

impl Drop for Value {
    fn drop(&mut self) {
        self.1.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

const PEERS: usize = 12;

fn all_values(cap: Option<usize>) {
    let each = rounds(150);
    let book = Arc::new(Book {
        entries: (0..PEERS * each).map(|_| AtomicU8::new(0)).collect(),
        dropped: AtomicUsize::new(0),
    });
    let (s, r) = cap.map_or_else(unbounded, bounded);
    let group = WaitGroup::new();
    let mut threads = Vec::new();
    for peer in 0..PEERS {
        let (s, r) = (s.clone(), r.clone());
        let values: Vec<_> = (peer * each..(peer + 1) * each)
            .map(|n| Value(n, book.clone()))
            .collect();
        match peer % 4 {
            0 => {
                let done = group.clone();
                group.add(2);
                let finished = done.clone();
                go!(move || {
                    blocking_sends(&s, values);
                    finished.done();
                });
                go!(move || {
                    blocking_receives(&r);
                    done.done();
                });
            }
            1 => {
                threads.push(thread::spawn(move || block_on(sends(s, values))));
                threads.push(thread::spawn(move || block_on(receives(r))));
            }
            2 => {
                group.add(2);
                let (done, finished) = (group.clone(), group.clone());
                go!(move || {
                    block_on(sends(s, values));
                    finished.done();
                });
                go!(move || {
                    block_on(receives(r));
                    done.done();
                });
            }
            _ => {
                group.add(2);
                let (done, finished) = (group.clone(), group.clone());
                drop(future::spawn(async move {
                    sends(s, values).await;
                    finished.done();
                }));
                drop(future::spawn(async move {
                    receives(r).await;
                    done.done();
                }));
            }
        }
    }
    drop(s);
    drop(r);
    group.wait();
    threads.into_iter().for_each(|t| t.join().unwrap());
    for (n, entry) in book.entries.iter().enumerate() {
        match entry.load(Ordering::SeqCst) {
            // Its sender gave up and it was not, or was, received in the last moment.
            0 | 1 => {}
            entry if entry == SENT + 1 => {}
            entry => panic!("{n}: sent and received: {entry}"),
        }
    }
    // Those in the hands of receivers have been dropped by them.
    assert_eq!(book.dropped.load(Ordering::SeqCst), PEERS * each);
}

fn sent(book: &Book, n: usize) {
    book.entries[n].fetch_add(SENT, Ordering::SeqCst);
}

fn received(value: &Value) {
    let before = value.1.entries[value.0].fetch_add(1, Ordering::SeqCst);
    assert_eq!(before & (SENT - 1), 0, "{} came twice", value.0);
}

fn blocking_sends(s: &Sender<Value>, values: Vec<Value>) {
    for value in values {
        let (n, book) = (value.0, value.1.clone());
        assert!(s.send(value).is_ok());
        sent(&book, n);
    }
}

fn blocking_receives(r: &Receiver<Value>) {
    r.iter().for_each(|value| received(&value));
}

/// Sends with patience, or with a little, or polls once and gives up.
async fn sends(s: Sender<Value>, values: Vec<Value>) {
    for value in values {
        let (n, book) = (value.0, value.1.clone());
        let mut send = s.send_async(value);
        let done = match n % 3 {
            0 => send.await.is_ok(),
            1 => poll_once(&mut send).is_ready(),
            _ => match select(send, turns(n % 7)).await {
                Either::Left((sent, _)) => sent.is_ok(),
                Either::Right(_) => false,
            },
        };
        if done {
            sent(&book, n);
        }
    }
}

async fn receives(r: Receiver<Value>) {
    for turn in 0.. {
        let mut receive = r.recv_async();
        let value = match turn % 4 {
            0 => receive.await,
            1 => match poll_once(&mut receive) {
                std::task::Poll::Ready(value) => value,
                std::task::Poll::Pending => {
                    yield_now();
                    continue;
                }
            },
            2 => match select(receive, turns(turn % 7)).await {
                Either::Left((value, _)) => value,
                Either::Right(_) => continue,
            },
            // Blocks a goroutine, inside the poll of a task.
            _ => r.recv(),
        };
        match value {
            Ok(value) => received(&value),
            Err(_) => return,
        }
    }
}
