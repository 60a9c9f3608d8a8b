//! `tokio-postgres` over a goroutine's socket, without a tokio runtime.
//!
//! ```text
//! cargo run --release -p goroutines-examples --bin database 'host=127.0.0.1 user=postgres' [GOROUTINES]
//! ```
//!
//! So many goroutines, ten if nothing is said, share one connection and ask for a sum each, all at once: their
//! questions are pipelined. Then one of them is refused and rolled back. It prints what the server answers.
//!
//! The connection is a future that somebody has to run: here a task of the goroutines' runtime. A query is
//! a future too, and `block_on` waits for it.
#![forbid(unsafe_code)]

use goroutines::net::TcpStream;
use goroutines::sync::ErrGroup;
use goroutines::{block_on, future};
use std::error::Error;
use std::sync::Arc;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

type Failure = Box<dyn Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

/// Connects; what drives the connection goes on by itself, until the client is dropped.
fn connect(config: &Config) -> Result<Client> {
    let (Some(Host::Tcp(host)), port) = (config.get_hosts().first(), config.get_ports().first())
    else {
        return Err("no host to connect to".into());
    };
    let stream = TcpStream::connect((host.as_str(), *port.unwrap_or(&5432)))?;
    stream.set_nodelay(true)?;
    let (client, connection) = block_on(config.connect_raw(stream, NoTls))?;
    drop(future::spawn(async move {
        if let Err(e) = connection.await {
            eprintln!("the connection: {e}");
        }
    }));
    Ok(client)
}

/// The sum of all numbers up to `n`, which the server adds up.
fn sum(client: &Client, n: i32) -> Result<i64> {
    let question = "SELECT sum(i)::int8 FROM generate_series(1, $1) AS i";
    let row = block_on(client.query_one(question, &[&n]))?;
    Ok(row.get(0))
}

/// Puts something in twice, which is refused the second time, and undone altogether.
fn refused(client: &mut Client) -> Result<()> {
    block_on(client.batch_execute("CREATE TEMPORARY TABLE names (name text PRIMARY KEY)"))?;
    let insert = "INSERT INTO names VALUES ($1)";
    let transaction = block_on(client.transaction())?;
    block_on(transaction.execute(insert, &[&"gopher"]))?;
    match block_on(transaction.execute(insert, &[&"gopher"])) {
        Ok(_) => return Err("it took the same name twice".into()),
        Err(e) => println!("refused: {}", e.as_db_error().map_or("?", |e| e.message())),
    }
    block_on(transaction.rollback())?;
    let row = block_on(client.query_one("SELECT count(*) FROM names", &[]))?;
    println!("{} names are left", row.get::<_, i64>(0));
    Ok(())
}

#[goroutines::main]
fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let config: Config = arguments.next().unwrap_or_default().parse()?;
    let goroutines: i32 = arguments.next().map_or(Ok(10), |n| n.parse())?;

    let client = Arc::new(connect(&config)?);
    let group = ErrGroup::<Failure>::new();
    for n in 1..=goroutines {
        let client = client.clone();
        group.go(move || {
            let (expected, sum) = (i64::from(n) * i64::from(n + 1) / 2, sum(&client, n)?);
            if sum == expected {
                Ok(())
            } else {
                Err(format!("the sum up to {n} is not {sum}").into())
            }
        });
    }
    group.wait()?;
    println!("{goroutines} goroutines have their sums");
    let mut client = Arc::into_inner(client).expect("the goroutines have ended");
    refused(&mut client)
}
