//! Hands the compiler's version to the binary, for the line above the table.

use std::process::Command;

fn main() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output();
    let version = version.map_or("rustc unknown".into(), |out| {
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    });
    println!("cargo:rustc-env=BENCH_RUSTC={version}");
    println!("cargo:rerun-if-changed=build.rs");
}
