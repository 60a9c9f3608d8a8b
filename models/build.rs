//! Copies the real code for the models, with one change: nothing is a `const fn`, because loom's atomics
//! cannot be made by one. Without `--cfg loom` there is nothing to do.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The rooms that are modelled, the module they become, and their files.
const ROOMS: &[(&str, &str, &[&str])] = &[
    (
        "g",
        "crates/goroutines-runtime/src/g",
        &["reason.rs", "state.rs"],
    ),
    ("waitq", "crates/goroutines-runtime/src/park", &["waitq.rs"]),
    (
        "sync",
        "crates/goroutines/src/sync",
        &[
            "barrier.rs",
            "condvar.rs",
            "mutex/mod.rs",
            "mutex/raw.rs",
            "mutex/state.rs",
            "once/mod.rs",
            "once/state.rs",
            "once_lock.rs",
            "poison.rs",
            "rwlock/guard.rs",
            "rwlock/mod.rs",
            "rwlock/raw.rs",
            "rwlock/state.rs",
            "semaphore.rs",
            "wait.rs",
        ],
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    if env::var_os("CARGO_CFG_LOOM").is_none() {
        return Ok(());
    }
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for &(room, folder, files) in ROOMS {
        let mut modules = String::new();
        for file in files {
            let from = root.join(folder).join(file);
            println!("cargo::rerun-if-changed={}", from.display());
            let to = out.join(room).join(file);
            fs::create_dir_all(to.parent().unwrap_or(&out))?;
            fs::write(&to, fs::read_to_string(&from)?.replace("const fn", "fn"))?;
            if let Some(name) = module(file) {
                modules += &format!("#[path = {to:?}]\npub mod {name};\n");
            }
        }
        fs::write(out.join(format!("{room}.rs")), modules)?;
    }
    Ok(())
}

/// The module that a file at the top of a room is; `None` for those that others declare.
fn module(file: &str) -> Option<&str> {
    let path = Path::new(file);
    match path.parent()?.to_str()? {
        "" => path.file_stem()?.to_str(),
        folder if path.file_stem()? == "mod" => Some(folder),
        _ => None,
    }
}
