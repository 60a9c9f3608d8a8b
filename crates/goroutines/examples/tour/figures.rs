//! All figures of a tour, and the JSON object made of them.

use crate::child::Figures;
use crate::json::Json;

/// What was measured.
#[derive(Default)]
pub(crate) struct Tour {
    /// The lines that the hello program printed.
    pub(crate) hello: Vec<String>,
    pub(crate) hundred_thousand: Figures,
    pub(crate) million: Figures,
    pub(crate) free_hundred_thousand: Figures,
    pub(crate) free_million: Figures,
    pub(crate) unstarted: Figures,
    pub(crate) alive: Figures,
    pub(crate) threads: Figures,
    pub(crate) create: Figures,
    pub(crate) switch: Figures,
    pub(crate) stack: Figures,
    pub(crate) idle_stacks: Figures,
}

impl Tour {
    /// As JSON. What could not be measured here is null.
    pub(crate) fn json(&self) -> Json {
        let lines = self.hello.iter().cloned().map(Json::Text).collect();
        Json::Object(vec![
            ("hello", Json::List(lines)),
            (
                "hundred_thousand",
                crowd(100_000, &self.hundred_thousand, &self.free_hundred_thousand),
            ),
            (
                "million",
                crowd(1_000_000, &self.million, &self.free_million),
            ),
            ("promises", self.promises()),
            ("alive", self.alive()),
        ])
    }

    fn promises(&self) -> Json {
        let memory = Json::Object(vec![
            (
                "goroutine_unstarted_bytes",
                self.unstarted.get("bytes_each").into(),
            ),
            (
                "goroutine_parked_bytes",
                self.alive.get("bytes_each").into(),
            ),
            ("thread_parked_bytes", self.threads.get("bytes_each").into()),
            (
                "thread_resident_bytes",
                self.threads.get("resident_bytes_each").into(),
            ),
            (
                "thread_page_table_bytes",
                self.threads.get("page_table_bytes_each").into(),
            ),
            (
                "thread_kernel_stack_bytes",
                self.threads.get("kernel_stack_bytes_each").into(),
            ),
            ("threads_parked", self.threads.get("count").into()),
        ]);
        let (create, switch) = (&self.create, &self.switch);
        let keys = ["goroutine_ns", "thread_ns", "goroutine_batch_ns"];
        let create = object(create, &keys);
        let keys = ["goroutine_ns", "thread_ns", "goroutine_handover_ns"];
        let switch = object(switch, &keys);
        let keys = [
            "start_bytes",
            "grown_bytes",
            "returned_bytes",
            "after_shrink_bytes",
        ];
        let stack = object(&self.stack, &keys);
        Json::Object(vec![
            ("memory", memory),
            ("create", create),
            ("switch", switch),
            ("stack", stack),
            (
                "idle_stacks",
                object(
                    &self.idle_stacks,
                    &["idle_bytes", "idle_after_scavenge_bytes"],
                ),
            ),
            ("threads", object(&self.alive, &["workers", "os_threads"])),
        ])
    }

    fn alive(&self) -> Json {
        let keys = [
            "count",
            "bytes_each",
            "resident_bytes_each",
            "page_table_bytes_each",
            "mappings_added",
            "create_ns_each",
            "wake_ns_each",
        ];
        object(&self.alive, &keys)
    }
}

fn crowd(count: u32, gated: &Figures, free: &Figures) -> Json {
    let mut fields = vec![("count", Json::Number(count.into()))];
    let keys = [
        "initial",
        "after_creation",
        "final",
        "create_ns_each",
        "total_ns_each",
        "peak_rss_bytes",
    ];
    fields.extend(keys.map(|key| (key, gated.get(key).into())));
    let keys = [
        "workers",
        "after_creation",
        "total_ns_each",
        "peak_rss_bytes",
    ];
    fields.push(("without_gate", object(free, &keys)));
    Json::Object(fields)
}

fn object(figures: &Figures, keys: &[&'static str]) -> Json {
    Json::Object(
        keys.iter()
            .map(|&key| (key, figures.get(key).into()))
            .collect(),
    )
}
