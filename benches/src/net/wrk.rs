//! The load of `http_wrk`: the program `wrk`, if this machine has it.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use super::poll::Window;
use super::{HTTP_CONNECTIONS, load};
use crate::mem;

pub(crate) fn run(
    address: SocketAddr,
    window: Window,
    server: u32,
) -> Result<Vec<(&'static str, f64)>, String> {
    // Says whether the server answers at all, which `wrk` does not.
    load::open(
        address,
        1,
        load::Exchange::Http(&super::drive::http_request(address)),
    )?;
    wrk(address, window.warm_up)?;
    let before = mem::cpu_time(server);
    let said = wrk(address, window.measure)?;
    let after = mem::cpu_time(server);
    let mut figures = parse(&said).ok_or("the answer of wrk is not understood")?;
    if let Some((_, requests)) = figures.pop_if(|(key, _)| *key == "requests")
        && let Some((after, before)) = after.zip(before)
    {
        let cpu = (after - before).as_nanos() as f64 / 1e3;
        figures.push(("cpu_us", cpu / requests.max(1.0)));
    }
    Ok(figures)
}

fn wrk(address: SocketAddr, time: Duration) -> Result<String, String> {
    // It counts in whole seconds.
    let secs = time.as_secs().max(1);
    let answer = Command::new("wrk")
        .args(["-t1", "--latency"])
        .arg(format!("-c{HTTP_CONNECTIONS}"))
        .arg(format!("-d{secs}s"))
        .arg(format!("http://{address}/"))
        .output()
        .map_err(|_| "no program wrk on PATH")?;
    let said = String::from_utf8_lossy(&answer.stdout).into_owned();
    match said
        .lines()
        .find(|line| line.trim_start().starts_with("Non-2xx"))
    {
        None if answer.status.success() => Ok(said),
        None => Err(format!("wrk failed ({})", answer.status)),
        Some(complaint) => Err(complaint.trim().to_owned()),
    }
}

/// The lines of interest, the count of requests last:
///
/// ```text
///     Latency     4.75ms  264.40us   7.31ms   88.10%
///      50%    4.78ms
///      99%    5.32ms
///   262873 requests in 5.00s, 33.09MB read
/// Requests/sec:  52563.81
/// ```
fn parse(said: &str) -> Option<Vec<(&'static str, f64)>> {
    let line = |key: &str| {
        let mut lines = said.lines().map(str::split_whitespace);
        lines.find_map(|mut words| (words.next()? == key).then_some(words))
    };
    let requests = said.lines().find_map(|line| {
        let (n, _) = line.split_once(" requests in ")?;
        n.trim().parse::<f64>().ok()
    });
    Some(vec![
        ("per_s", line("Requests/sec:")?.next()?.parse().ok()?),
        ("p50_us", micros(line("50%")?.next()?)?),
        ("p99_us", micros(line("99%")?.next()?)?),
        ("max_us", micros(line("Latency")?.nth(2)?)?),
        ("requests", requests?),
    ])
}

/// `4.75ms` and the like in microseconds.
fn micros(text: &str) -> Option<f64> {
    let (digits, factor) = [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 60e6)]
        .into_iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    Some(digits.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_says_is_understood() {
        let said = "Running 5s test @ http://127.0.0.1:1/
  1 threads and 256 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     4.75ms  264.40us   7.31ms   88.10%
    Req/Sec    53.01k     1.70k   55.15k    90.00%
  Latency Distribution
     50%  980.00us
     75%    4.85ms
     90%    5.00ms
     99%    1.32s
  262873 requests in 5.00s, 33.09MB read
Requests/sec:  52563.81
Transfer/sec:      6.62MB
";
        let figures = parse(said).expect("it is all there");
        let right = [52_563.81, 980.0, 1_320_000.0, 7_310.0, 262_873.0];
        assert_eq!(
            figures.into_iter().map(|(_, n)| n).collect::<Vec<_>>(),
            right
        );
    }
}
