//! The figures beside the bounds that the product promises.

use serde_json::json;

use super::claims::Claims;
use super::latency::{Latency, Steps};
use super::rules::Rules;
use super::throughput::{IN_FLIGHT, Throughput};

const LATENCY_BOUND_MILLIS: i64 = 1_000;
const MEMORY_BOUND_KIB: u64 = 64 * 1024;
const EVENTS_BOUND: u64 = 33;

/// Resident sets.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub api_kib: u64,
    pub worker_kib: u64,
}

#[derive(Clone, Debug)]
pub struct Figures {
    /// Memory is judged for optimised programs only: of an unoptimised one most is its own code, fifty megabytes of it.
    pub optimised: bool,
    pub latency: Latency,
    pub throughput: Throughput,
    pub at_rest: Memory,
    pub under_load: Memory,
    pub events: u64,
    pub rules: Rules,
    pub claims: Claims,
}

impl Memory {
    fn is_within(self) -> bool {
        self.api_kib <= MEMORY_BOUND_KIB && self.worker_kib <= MEMORY_BOUND_KIB
    }
}

impl Figures {
    pub fn within_bounds(&self) -> bool {
        self.latency.percentile(100) <= LATENCY_BOUND_MILLIS
            && (!self.optimised || (self.at_rest.is_within() && self.under_load.is_within()))
            && self.events <= EVENTS_BOUND
            && self.rules.is_within_bound()
            && self.claims.is_within_bound()
    }

    pub fn print(&self) {
        let latency = &self.latency;
        let line = |holds: Option<bool>, what: &str, figure: String, bound: &str| {
            let mark = match holds {
                Some(true) => "✓",
                Some(false) => "✗",
                None => " ",
            };
            println!("{mark} {what:<48}{figure:>16}   {bound}");
        };
        println!();
        println!("  {:<48}{:>16}   bound", "measured", "figure");
        println!("  {}", "─".repeat(80));
        let count = latency.millis.len();
        line(None, &format!("201 to COMPLETED, {count} payouts, median"), millis(latency.percentile(50)), "");
        line(None, "  95 of 100", millis(latency.percentile(95)), "");
        let worst = latency.percentile(100);
        line(Some(worst <= LATENCY_BOUND_MILLIS), "  worst", millis(worst), "1000 ms");
        for (step, took) in &latency.steps {
            line(None, &format!("    until {step}, median"), millis(*took), "");
        }
        let load = &self.throughput;
        let tenths = load.per_second_tenths();
        let rate = format!("{}.{}/s", tenths.div_euclid(10), tenths.rem_euclid(10));
        line(None, &format!("{} payouts, {IN_FLIGHT} in flight", load.payouts), rate, "");
        line(None, "  each, median", millis(load.median_millis), "");
        line(None, "  each, worst", millis(load.worst_millis), "");
        for (step, took) in &load.steps {
            line(None, &format!("    until {step}, median"), millis(*took), "");
        }
        for (when, memory) in [("at rest", self.at_rest), ("after the load", self.under_load)] {
            for (who, kib) in [("API", memory.api_kib), ("worker", memory.worker_kib)] {
                let holds = self.optimised.then_some(kib <= MEMORY_BOUND_KIB);
                let bound = if self.optimised { "64 MiB" } else { "64 MiB with --release" };
                line(holds, &format!("{who} resident, {when}"), mib(kib), bound);
            }
        }
        let holds = Some(self.events <= EVENTS_BOUND);
        line(holds, "history events of a happy payout", self.events.to_string(), "33");
        self.rules.print();
        self.claims.print();
    }

    pub fn json(&self) -> serde_json::Value {
        let latency = &self.latency;
        let by_name = |steps: &Steps| -> serde_json::Map<String, serde_json::Value> {
            steps.iter().map(|(step, took)| ((*step).to_owned(), json!(took))).collect()
        };
        json!({
            "ok": self.within_bounds(),
            "latency_milliseconds": {
                "payouts": latency.millis.len(),
                "median": latency.percentile(50),
                "p95": latency.percentile(95),
                "worst": latency.percentile(100),
                "steps_median": by_name(&latency.steps),
            },
            "throughput": {
                "payouts": self.throughput.payouts,
                "in_flight": IN_FLIGHT,
                "milliseconds": self.throughput.millis,
                "median_milliseconds": self.throughput.median_millis,
                "worst_milliseconds": self.throughput.worst_millis,
                "steps_median": by_name(&self.throughput.steps),
            },
            "resident_kib": {
                "at_rest": { "api": self.at_rest.api_kib, "worker": self.at_rest.worker_kib },
                "after_load": { "api": self.under_load.api_kib, "worker": self.under_load.worker_kib },
            },
            "history_events": self.events,
            "risk_rules": self.rules.json(),
            "claims": self.claims.json(),
        })
    }
}

fn millis(millis: i64) -> String {
    format!("{millis} ms")
}

fn mib(kib: u64) -> String {
    let tenths = kib.saturating_mul(10).div_ceil(1024);
    format!("{}.{} MiB", tenths.div_euclid(10), tenths.rem_euclid(10))
}
