//! The WebSocket server. The client is made with the same crate.

use crate::support::{Server, WORKERS};
use std::io::{Read, Write};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Bytes, Message};

const WEBSOCKET: &str = env!("CARGO_BIN_EXE_websocket");

#[test]
fn messages_come_back() {
    for workers in WORKERS {
        let server = Server::start(WEBSOCKET, workers, &["127.0.0.1:0"]);
        std::thread::scope(|scope| {
            for n in 0..8 {
                let stream = server.connect();
                scope.spawn(move || {
                    let (mut socket, _) =
                        tungstenite::client("ws://localhost/", stream).expect("a handshake");
                    let messages = [
                        Message::text(format!("hello {n}")),
                        Message::text(""),
                        Message::binary(vec![n; 200_000]),
                    ];
                    for message in messages {
                        socket.send(message.clone()).expect("connected");
                        assert_eq!(socket.read().expect("it answers"), message);
                    }
                    let ping = Bytes::from_static(b"there?");
                    socket.send(Message::Ping(ping.clone())).expect("connected");
                    assert_eq!(socket.read().expect("it answers"), Message::Pong(ping));
                    let bye = CloseFrame {
                        code: CloseCode::Normal,
                        reason: "bye".into(),
                    };
                    socket.close(Some(bye.clone())).expect("connected");
                    assert_eq!(
                        socket.read().expect("it answers"),
                        Message::Close(Some(bye))
                    );
                    let end = socket.read().expect_err("that was the end");
                    assert!(matches!(end, tungstenite::Error::ConnectionClosed), "{end}");
                });
            }
        });
    }
}

#[test]
fn bad_clients_are_let_go() {
    for workers in WORKERS {
        let mut server = Server::start(WEBSOCKET, workers, &["127.0.0.1:0"]);
        let mut stream = server.connect();
        stream
            .write_all(b"GET / HTTP/1.0\r\n\r\n")
            .expect("connected");
        assert!(server.line().contains("no handshake"));
        // It has gone, however it says so.
        let _ = stream.read_to_end(&mut Vec::new());

        let (mut socket, _) =
            tungstenite::client("ws://localhost/", server.connect()).expect("a handshake");
        // Too much for one message. It may have gone before all of it is sent.
        let _ = socket.send(Message::binary(vec![0; (1 << 20) + 1]));
        assert!(server.line().contains("too long"));

        // Others are served.
        let (mut socket, _) =
            tungstenite::client("ws://localhost/", server.connect()).expect("a handshake");
        socket.send(Message::text("x")).expect("connected");
        assert_eq!(socket.read().expect("it answers"), Message::text("x"));
    }
}
