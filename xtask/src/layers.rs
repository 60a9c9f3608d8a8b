//! The plan of the house as data: which room is on which layer, and who may import whom.
//!
//! To add a room, add it to [`LAYERS`]. To add an edge between two rooms of one layer, add it to [`ALLOWED`] with its
//! reason. Then run `cargo xtask tidy --bless`, which writes the table into ARCHITECTURE.md.

/// The rooms of one crate.
#[derive(Debug)]
pub(crate) struct House {
    /// Folder name under `crates/`, which is also the name of the crate.
    pub(crate) krate: &'static str,
    /// Layer and name of each room. A room is `src/<room>.rs`, or `src/<room>/`, or both.
    pub(crate) rooms: &'static [(u8, &'static str)],
    /// Modules of the crate root which are no rooms and which every room may name, with the reason.
    /// Exported macros need no entry: they live at the root by the language's rule.
    pub(crate) root: &'static [(&'static str, &'static str)],
}

/// Every room. Imports run from a higher number to a lower one.
pub(crate) const LAYERS: &[House] = &[
    House {
        krate: "goroutines-runtime",
        rooms: &[
            (1, "sys"),
            (1, "shim"),
            (1, "util"),
            (1, "seam"),
            (2, "g"),
            (2, "current"),
            (2, "probe"),
            (3, "timer"),
            (3, "poll"),
            (3, "blocking"),
            (4, "sched"),
            (5, "park"),
            (5, "spawn"),
            (5, "observe"),
        ],
        root: &[],
    },
    House {
        krate: "goroutines",
        rooms: &[
            (6, "sync"),
            (6, "channel"),
            (6, "time"),
            (6, "context"),
            (6, "task"),
            (7, "io"),
            (7, "net"),
            (7, "fs"),
            (7, "process"),
            (7, "signal"),
            (7, "blocking"),
            (7, "future"),
            (7, "runtime"),
            (7, "diag"),
            (7, "os"),
            (8, "private"),
        ],
        root: &[
            ("select", "the exported macro"),
            ("select_biased", "the exported macro"),
        ],
    },
];

/// An import between two rooms of one layer.
#[derive(Debug)]
pub(crate) struct Edge {
    /// The crate of both rooms.
    pub(crate) krate: &'static str,
    /// The room that imports.
    pub(crate) from: &'static str,
    /// The room that is imported.
    pub(crate) to: &'static str,
    /// Why it has to be so.
    pub(crate) why: &'static str,
}

const fn edge(
    krate: &'static str,
    from: &'static str,
    to: &'static str,
    why: &'static str,
) -> Edge {
    Edge {
        krate,
        from,
        to,
        why,
    }
}

/// The only edges inside a layer. They must not form a cycle.
pub(crate) const ALLOWED: &[Edge] = &[
    edge(
        "goroutines-runtime",
        "sys",
        "shim",
        "all atomics and locks come from `shim`",
    ),
    edge(
        "goroutines-runtime",
        "seam",
        "shim",
        "all atomics and locks come from `shim`",
    ),
    edge(
        "goroutines-runtime",
        "current",
        "g",
        "who runs here is a goroutine's record",
    ),
    edge(
        "goroutines-runtime",
        "current",
        "probe",
        "a worker's counters are in the part that `current` knows",
    ),
    edge("goroutines-runtime", "spawn", "park", "joining waits"),
    edge(
        "goroutines",
        "time",
        "channel",
        "timers give their values through receivers",
    ),
    edge(
        "goroutines",
        "context",
        "channel",
        "the end of a context can be received, also in a select",
    ),
    edge(
        "goroutines",
        "task",
        "sync",
        "a scope waits for its goroutines with a wait group",
    ),
    edge(
        "goroutines",
        "context",
        "time",
        "a context may have a deadline",
    ),
    edge(
        "goroutines",
        "context",
        "sync",
        "a group of goroutines may have a context",
    ),
    edge(
        "goroutines",
        "task",
        "context",
        "a goroutine inherits the context of its spawner",
    ),
    edge(
        "goroutines",
        "future",
        "io",
        "streams are polled by what they are made of",
    ),
    edge("goroutines", "future", "os", "and so are Unix sockets"),
    edge(
        "goroutines",
        "future",
        "net",
        "sockets are streams for async code",
    ),
    edge(
        "goroutines",
        "net",
        "runtime",
        "a server asks how many workers there are",
    ),
    edge(
        "goroutines",
        "net",
        "io",
        "sockets read and write as every stream does",
    ),
    edge(
        "goroutines",
        "os",
        "io",
        "Unix sockets read and write as every stream does",
    ),
    edge(
        "goroutines",
        "os",
        "net",
        "Unix sockets are made and connected as others are",
    ),
    edge(
        "goroutines",
        "process",
        "io",
        "pipes of a child read and write as every stream does",
    ),
    edge(
        "goroutines",
        "signal",
        "io",
        "signals arrive through a descriptor",
    ),
    edge(
        "goroutines",
        "fs",
        "io",
        "files go to the blocking pool as standard streams do",
    ),
    edge(
        "goroutines",
        "process",
        "signal",
        "a signal may be sent to a child",
    ),
];

/// What the rooms of `goroutines` may see of the crate below.
#[derive(Debug)]
pub(crate) struct Window {
    /// The rooms that look, or `*` for all that have no entry of their own.
    pub(crate) rooms: &'static [&'static str],
    /// Paths inside `goroutines-runtime`; what is below a path is seen too.
    pub(crate) sees: &'static [&'static str],
}

/// Everything the upper crate sees of the runtime. If `sync` or `channel` seems to need the scheduler, `park` lacks
/// a word.
pub(crate) const WINDOWS: &[Window] = &[
    Window {
        // Its futures wait by stand-ins, and by alarms for timers.
        rooms: &["channel"],
        sees: &["park", "spawn", "shim", "util", "seam"],
    },
    Window {
        // Wait groups and error groups start goroutines.
        rooms: &["sync"],
        sees: &["park", "spawn", "shim", "util", "seam"],
    },
    Window {
        // Who is told of a signal is decided above, how it is caught below.
        rooms: &["signal"],
        sees: &["park", "spawn", "shim", "sys::signal"],
    },
    Window {
        rooms: &["*"],
        sees: &[
            "park",
            "spawn",
            "observe",
            "blocking",
            "sched::builder",
            "shim",
            "util",
            "seam",
        ],
    },
];

/// The layer of a room.
pub(crate) fn layer(house: &House, room: &str) -> Option<u8> {
    house
        .rooms
        .iter()
        .find(|(_, name)| *name == room)
        .map(|(layer, _)| *layer)
}

/// Whether `from` may import `to`, two rooms of one layer.
pub(crate) fn allowed(krate: &str, from: &str, to: &str) -> bool {
    ALLOWED
        .iter()
        .any(|e| e.krate == krate && e.from == from && e.to == to)
}

/// What a room of `goroutines` sees of the runtime.
pub(crate) fn window(room: &str) -> &'static [&'static str] {
    let own = WINDOWS.iter().find(|w| w.rooms.contains(&room));
    own.or_else(|| WINDOWS.iter().find(|w| w.rooms.contains(&"*")))
        .map_or(&[], |w| w.sees)
}

/// The line before the table in ARCHITECTURE.md.
pub(crate) const BEGIN: &str = "<!-- layers:begin -->";
/// The line after it.
pub(crate) const END: &str = "<!-- layers:end -->";

/// The table as ARCHITECTURE.md prints it, markers included.
pub(crate) fn table() -> String {
    let mut out = format!(
        "{BEGIN}\n<!-- written by `cargo xtask tidy --bless` from xtask/src/layers.rs -->\n\n"
    );
    out.push_str("| layer | crate | rooms |\n|---|---|---|\n");
    for house in LAYERS {
        let mut layers: Vec<u8> = house.rooms.iter().map(|(layer, _)| *layer).collect();
        layers.dedup();
        for layer in layers {
            let rooms: Vec<_> = house
                .rooms
                .iter()
                .filter(|(l, _)| *l == layer)
                .map(|(_, room)| format!("`{room}`"))
                .collect();
            out.push_str(&format!(
                "| {layer} | `{}` | {} |\n",
                house.krate,
                rooms.join(", ")
            ));
        }
    }
    out.push_str("\nImports run from a higher layer to a lower one. Inside a layer only these are allowed:\n\n");
    out.push_str("| from | to | because |\n|---|---|---|\n");
    for e in ALLOWED {
        out.push_str(&format!("| `{}` | `{}` | {} |\n", e.from, e.to, e.why));
    }
    out.push('\n');
    out.push_str(END);
    out
}

/// A fault in the tables themselves: an edge that names no room, crosses layers, or closes a cycle.
pub(crate) fn fault(houses: &[House], edges: &[Edge]) -> Option<String> {
    for e in edges {
        let Some(house) = houses.iter().find(|h| h.krate == e.krate) else {
            return Some(format!(
                "{} -> {}: no crate {} in LAYERS",
                e.from, e.to, e.krate
            ));
        };
        if layer(house, e.from).is_none() || layer(house, e.from) != layer(house, e.to) {
            return Some(format!(
                "{} -> {}: not two rooms of one layer of {}",
                e.from, e.to, e.krate
            ));
        }
        let mut seen = vec![e.to];
        let mut next = 0;
        while let Some(room) = seen.get(next).copied() {
            next += 1;
            if room == e.from {
                return Some(format!(
                    "{} -> {} closes a cycle in {}",
                    e.from, e.to, e.krate
                ));
            }
            for further in edges
                .iter()
                .filter(|f| f.krate == e.krate && f.from == room)
            {
                if !seen.contains(&further.to) {
                    seen.push(further.to);
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sound() {
        assert_eq!(fault(LAYERS, ALLOWED), None);
        for house in LAYERS {
            assert!(
                house.rooms.is_sorted_by_key(|(layer, _)| *layer),
                "{}: the table is in order",
                house.krate
            );
        }
    }

    #[test]
    fn faulty_tables_are_noticed() {
        let houses = [House {
            krate: "k",
            rooms: &[(1, "a"), (1, "b"), (1, "c"), (2, "d")],
            root: &[],
        }];
        let ring = [
            edge("k", "a", "b", ""),
            edge("k", "b", "c", ""),
            edge("k", "c", "a", ""),
        ];
        assert_eq!(fault(&houses, &ring[..2]), None);
        assert!(fault(&houses, &ring).is_some_and(|f| f.contains("cycle")));
        assert!(fault(&houses, &[edge("k", "a", "a", "")]).is_some());
        assert!(fault(&houses, &[edge("k", "a", "d", "")]).is_some());
        assert!(fault(&houses, &[edge("k", "a", "nowhere", "")]).is_some());
        assert!(fault(&houses, &[edge("other", "a", "b", "")]).is_some());
    }
}
