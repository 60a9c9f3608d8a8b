//! A WebSocket echo server with `tungstenite`, blocking over a goroutine's socket; no tokio.
//!
//! ```text
//! cargo run --release -p goroutines-examples --bin websocket [ADDRESS]
//! websocat ws://127.0.0.1:7004/
//! ```
//!
//! Text and bytes come back as they are; pings are answered. Who is silent for a minute is sent a ping, and
//! let go if nothing comes back for another.
#![forbid(unsafe_code)]

use goroutines::net::{TcpListener, TcpStream};
use std::error::Error;
use std::io::ErrorKind::TimedOut;
use std::time::{Duration, Instant};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Bytes, Message, accept_with_config};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a client may be silent before it is asked, and then until it is let go.
const SILENCE: Duration = Duration::from_secs(60);
/// The longest message, in bytes.
const MESSAGE: usize = 1 << 20;

/// One client, from beginning to end.
fn handle(stream: TcpStream) -> Result<(), Box<dyn Error + Send + Sync>> {
    stream.set_deadline(Some(Instant::now() + HANDSHAKE))?;
    let config = WebSocketConfig::default().max_message_size(Some(MESSAGE));
    let mut socket = accept_with_config(stream.try_clone()?, Some(config))
        .map_err(|e| format!("no handshake: {e}"))?;
    stream.set_deadline(None)?;
    stream.set_write_timeout(Some(SILENCE))?;
    stream.set_read_timeout(Some(SILENCE))?;

    let mut asked = false;
    loop {
        match socket.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => socket.send(message)?,
            // Pings and the end are answered when the next message is read, or by this.
            Ok(_) => socket.flush()?,
            Err(tungstenite::Error::ConnectionClosed) => return Ok(()),
            Err(tungstenite::Error::Io(e)) if e.kind() == TimedOut && !asked => {
                socket.send(Message::Ping(Bytes::new()))?;
                asked = true;
                continue;
            }
            Err(e) => return Err(e.into()),
        }
        asked = false;
    }
}

#[goroutines::main]
fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:7004"))?;
    println!("listening on {}", listener.local_addr()?);
    listener.serve(|stream, peer| {
        if let Err(e) = handle(stream) {
            println!("{peer}: {e}");
        }
    })
}
