//! The program that fetches URLs with reqwest.

use crate::client::{nobody, serve};
use crate::support::{WORKERS, run};
use std::io::{BufRead, BufReader, Write};

const FETCH: &str = env!("CARGO_BIN_EXE_fetch");

#[test]
fn fetches_many_at_once() {
    // The path is the length of the answer, or there is none.
    let addr = serve(|mut stream| {
        let lines = BufReader::new(stream.try_clone().expect("connected")).lines();
        let mut length = None;
        for line in lines.map_while(Result::ok) {
            if let Some(path) = line.strip_prefix("GET /") {
                length = path.split(' ').next().and_then(|n| n.parse().ok());
            }
            if line.is_empty() {
                let (status, body) = match length {
                    Some(n) => ("200 OK", vec![b'x'; n]),
                    None => ("404 Not Found", vec![]),
                };
                let length = body.len();
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n");
                let response = [head.as_bytes(), &body].concat();
                stream.write_all(&response).expect("connected");
            }
        }
    });
    for workers in WORKERS {
        let mut urls: Vec<_> = (0..50)
            .map(|n| format!("http://{addr}/{}", n * 1000))
            .collect();
        let mut expected: Vec<_> = (0..50)
            .map(|n| format!("http://{addr}/{}: 200, {} bytes", n * 1000, n * 1000))
            .collect();
        urls.push(format!("http://{addr}/none"));
        expected.push(format!("http://{addr}/none: 404, 0 bytes"));
        let nobody = nobody();
        urls.push(format!("http://{nobody}/"));
        expected.push(format!("http://{nobody}/: no connection"));

        let urls: Vec<_> = urls.iter().map(String::as_str).collect();
        let output = run(FETCH, workers, &urls);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("text");
        let mut lines: Vec<_> = text.lines().collect();
        lines.sort_unstable();
        expected.sort_unstable();
        assert_eq!(lines, expected);
    }
}
