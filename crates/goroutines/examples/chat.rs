//! A chat server: a goroutine per room, two per guest, channels between them, and selects.
//!
//! ```text
//! cargo run --release --example chat [ADDRESS]
//! nc 127.0.0.1 7002
//! ```
//!
//! The first line is one's name; `/join ROOM` goes to another room; every other line is heard by all others
//! in the room. Who says nothing for ten minutes, or does not read what the others say, has to leave.
#![forbid(unsafe_code)]

use goroutines::channel::{Receiver, RecvError, Sender, after, bounded, select};
use goroutines::go;
use goroutines::net::{TcpListener, TcpStream};
use goroutines::sync::Mutex;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The longest line, in bytes.
const LINE: u64 = 1024;
/// How many lines may wait for a guest.
const INBOX: usize = 64;
/// How long a guest may say nothing.
const SILENCE: Duration = Duration::from_secs(600);
/// How long a room waits for a guest that does not read, before it lets it go.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long the network may take to accept a line.
const WRITE: Duration = Duration::from_secs(10);

/// What happens in a room: a line for all guests but the one it comes from, who may come or go with it.
struct Event {
    from: u64,
    line: Arc<str>,
    change: Change,
}

enum Change {
    None,
    Come(Sender<Arc<str>>),
    Go,
}

/// Runs a room until nobody holds the other end of `events`.
fn room(events: Receiver<Event>) {
    let mut guests = HashMap::new();
    for Event { from, line, change } in events {
        match change {
            Change::None => {}
            Change::Come(inbox) => drop(guests.insert(from, inbox)),
            Change::Go => drop(guests.remove(&from)),
        }
        // Who is too slow is let go, and finds its inbox closed.
        guests.retain(|guest, inbox| {
            *guest == from || inbox.send_timeout(line.clone(), PATIENCE).is_ok()
        });
    }
}

/// All rooms that have guests, and how many.
#[derive(Default)]
struct House {
    rooms: Mutex<HashMap<String, (Sender<Event>, usize)>>,
    guests: AtomicU64,
}

/// A guest's place in a room; dropped, the guest has left.
struct Place<'a> {
    house: &'a House,
    room: String,
    id: u64,
    guest: String,
    events: Sender<Event>,
    inbox: Receiver<Arc<str>>,
}

impl House {
    fn enter(&self, room_name: &str, guest: &str) -> Place<'_> {
        let (send, inbox) = bounded(INBOX);
        let events = {
            let mut rooms = self.rooms.lock().expect("nobody panics with it");
            let (events, guests) = rooms.entry(room_name.to_string()).or_insert_with(|| {
                let (send, events) = bounded(INBOX);
                go!(room(events));
                (send, 0)
            });
            *guests += 1;
            events.clone()
        };
        let place = Place {
            house: self,
            room: room_name.to_string(),
            id: self.guests.fetch_add(1, Ordering::Relaxed),
            guest: guest.to_string(),
            events,
            inbox,
        };
        let event = place.event(&format!("* {guest} is here"), Change::Come(send));
        // It cannot fail: a room does not end while somebody has a place in it.
        let _ = place.events.send(event);
        place
    }
}

impl Place<'_> {
    fn event(&self, line: &str, change: Change) -> Event {
        Event {
            from: self.id,
            line: format!("{line}\n").into(),
            change,
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // Now the room does not wait for this guest, who waits for the room.
        self.inbox.close();
        let event = self.event(&format!("* {} has left", self.guest), Change::Go);
        let _ = self.events.send(event);
        let mut rooms = self.house.rooms.lock().expect("nobody panics with it");
        if let Some((_, guests)) = rooms.get_mut(&self.room) {
            *guests -= 1;
            if *guests == 0 {
                // The last sender goes with this place, and with it the room.
                rooms.remove(&self.room);
            }
        }
    }
}

/// Sends the lines of a guest to its other goroutine until the connection ends.
fn listen(stream: TcpStream, lines: Sender<String>) {
    let mut stream = BufReader::with_capacity(LINE as usize, stream);
    loop {
        let mut line = String::new();
        match (&mut stream).take(LINE).read_line(&mut line) {
            Ok(_) if line.ends_with('\n') => {}
            // The end, a line that is too long, or no text.
            _ => return,
        }
        if lines.send(line.trim().to_string()).is_err() {
            return;
        }
    }
}

/// One guest, from beginning to end.
fn guest(house: &House, mut stream: &TcpStream) -> io::Result<()> {
    stream.set_write_timeout(Some(WRITE))?;
    let (send, lines) = bounded(1);
    go!(listen(stream.try_clone()?, send));

    stream.write_all(b"* your name?\n")?;
    let Ok(name) = lines.recv_timeout(SILENCE) else {
        return Ok(());
    };
    let mut place = house.enter("hall", &name);
    stream.write_all(b"* welcome to the hall\n")?;
    loop {
        select! {
            recv(lines) -> line => {
                let Ok(line) = line else { return Ok(()) };
                if let Some(room) = line.strip_prefix("/join ") {
                    // Leaves the one before it enters the other.
                    drop(place);
                    place = house.enter(room, &name);
                    writeln!(stream, "* welcome to {room}")?;
                } else {
                    say(&place, &format!("{name}: {line}"), stream)?;
                }
            }
            recv(place.inbox) -> line => hear(line, stream)?,
            recv(after(SILENCE)) -> _ => return Ok(()),
        }
    }
}

/// Says something, and hears others until there is room for it: two that talk at once wait for each other
/// otherwise.
fn say(place: &Place<'_>, line: &str, stream: &TcpStream) -> io::Result<()> {
    loop {
        select! {
            send(place.events, place.event(line, Change::None)) -> _ => return Ok(()),
            recv(place.inbox) -> line => hear(line, stream)?,
        }
    }
}

/// Passes on what others say; an error if the room has let the guest go.
fn hear(line: Result<Arc<str>, RecvError>, mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(line.map_err(io::Error::other)?.as_bytes())
}

#[goroutines::main]
fn main() -> io::Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:7002"))?;
    println!("listening on {}", listener.local_addr()?);
    let house = House::default();
    listener.serve(move |stream, _| {
        // An error is the guest's; whatever it was, this ends the goroutine that listens, too.
        let _ = guest(&house, &stream);
        stream.close();
    })
}
