//! Runs each program of this crate and talks to it over the loopback interface.
//!
//! The programs are child processes, so they are tested as one would run them, with 1, 2 and 8 workers. The
//! clients are plain threads and `std`'s sockets, unless a test says otherwise.
#![forbid(unsafe_code)]

mod client;
mod support;

mod chat;
mod database;
mod echo;
mod fetch;
mod gone;
mod http;
mod https;
mod load;
mod proxy;
mod web;
mod websocket;
