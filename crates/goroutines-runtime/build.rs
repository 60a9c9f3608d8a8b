//! Exists because `links` needs a build script: two versions of this crate cannot be linked into one program.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
