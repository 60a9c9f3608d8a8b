//! From single latencies to the figures of a program.

use std::time::Duration;

/// Each power of two is divided into this many buckets: no more than 3 % wide.
const STEPS: u64 = 32;

/// A histogram of times in nanoseconds, in logarithmic buckets.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            buckets: vec![0; bucket(u64::MAX) + 1],
            count: 0,
            max: 0,
        }
    }

    pub(crate) fn record(&mut self, time: Duration) {
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(ns)] += 1;
        self.count += 1;
        self.max = self.max.max(ns);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The time that `share` of all stay below, in nanoseconds: the middle of
    /// its bucket, or the longest time if that is less.
    fn quantile(&self, share: f64) -> u64 {
        let wanted = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, n) in self.buckets.iter().enumerate() {
            seen += n;
            if seen >= wanted {
                let (from, width) = range(index);
                return (from + width / 2).min(self.max);
            }
        }
        self.max
    }
}

/// Below `STEPS` each number has a bucket; above, the leading bits choose it.
fn bucket(ns: u64) -> usize {
    let shift = (ns / STEPS).checked_ilog2().map_or(0, |log| log + 1);
    // Without shift this is the number itself; with it, the number shifted is
    // in the upper half of twice as many steps.
    let index = match shift {
        0 => ns,
        _ => u64::from(shift) * STEPS + ((ns >> (shift - 1)) - STEPS),
    };
    usize::try_from(index).expect("a small number")
}

/// Where a bucket begins, and its width.
fn range(index: usize) -> (u64, u64) {
    let index = index as u64;
    match index / STEPS {
        0 => (index, 1),
        shift => {
            let width = 1 << (shift - 1);
            ((index % STEPS + STEPS) * width, width)
        }
    }
}

/// What a time of load came to.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) latencies: Histogram,
    pub(crate) elapsed: Duration,
    /// The CPU time of the server, if it is known which process that is.
    pub(crate) server: Option<Duration>,
}

impl Tally {
    pub(crate) fn figures(&self) -> Vec<(&'static str, f64)> {
        let count = self.latencies.count().max(1) as f64;
        let us = |ns: u64| ns as f64 / 1e3;
        let mut figures = vec![
            ("per_s", count / self.elapsed.as_secs_f64()),
            ("p50_us", us(self.latencies.quantile(0.50))),
            ("p99_us", us(self.latencies.quantile(0.99))),
            ("max_us", us(self.latencies.max)),
        ];
        if let Some(cpu) = self.server {
            figures.push(("cpu_us", cpu.as_nanos() as f64 / 1e3 / count));
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_in_its_bucket() {
        let far = (0..60).map(|bit| (1 << bit) + 7);
        for ns in (0..5_000).chain(far).chain([u64::MAX]) {
            let (from, width) = range(bucket(ns));
            assert!(from <= ns && ns - from < width, "{ns}: {from} + {width}");
            assert!(width <= (ns / STEPS).max(1), "{ns}: {width}");
        }
        for ns in 1..5_000 {
            let step = bucket(ns) - bucket(ns - 1);
            assert!(step <= 1, "{ns}: {step}");
        }
    }

    #[test]
    fn quantiles_are_close() {
        let mut times = Histogram::new();
        for ns in 1..=100_000 {
            times.record(Duration::from_nanos(ns));
        }
        assert_eq!(times.count(), 100_000);
        for (share, right) in [(0.5, 50_000.0), (0.99, 99_000.0), (1.0, 100_000.0)] {
            let found = times.quantile(share) as f64;
            assert!((found / right - 1.0).abs() < 0.04, "{share}: {found}");
        }
    }
}
