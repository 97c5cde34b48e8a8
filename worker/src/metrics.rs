//! What Prometheus is told, by the worker and by the API alike.
//!
//! Gauges are of the whole system: every process reads the same from the database, so an alert takes any of them (`max`).
//! Counters are this process's own since its start, so a graph adds them up (`sum(rate(…))`). Cost of a scrape: one connection
//! and three statements of index look-ups. A part that cannot be read is left out, and `payouts_up` says which one that is.
//!
//! Nothing here carries an id, a name or an account: labels are words of this code.

use std::sync::atomic::{AtomicU64, Ordering};

use activities::Tally;
use chrono::{DateTime, Utc};
use ephemeral::Links;
use prometheus::{Encoder as _, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};
use store::{Pool, vitals};

/// The media type of [`text`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// What relays of this process did with rows of the outbox.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    pub(crate) delivered: AtomicU64,
    pub(crate) given_back: AtomicU64,
    pub(crate) refused: AtomicU64,
}

/// There may be a relay in the API and one in the worker of one process.
pub(crate) static DELIVERIES: Deliveries =
    Deliveries { delivered: AtomicU64::new(0), given_back: AtomicU64::new(0), refused: AtomicU64::new(0) };

impl Deliveries {
    pub(crate) fn count(counter: &AtomicU64, rows: usize) {
        counter.fetch_add(u64::try_from(rows).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Everything that can be read just now, in Prometheus's text format. `tally`: `None` where no step ever runs.
pub async fn text(
    pool: &Pool,
    redis: &Links,
    max_redis_clients: u32,
    tally: Option<&Tally>,
    now: DateTime<Utc>,
) -> String {
    let mut page = Page::default();
    let vitals = vitals::read(pool).await;
    if let Err(error) = &vitals {
        tracing::warn!("the metrics are incomplete: {error}");
    }
    let clients = redis.connected_clients().await;
    let up = [("postgresql", vitals.is_ok()), ("redis", clients.is_some())];
    page.gauges(
        "payouts_up",
        "Whether it answered this scrape.",
        "service",
        up.map(|(name, up)| (name, i64::from(up))),
    );
    if let Ok(vitals) = vitals {
        page.vitals(&vitals, now);
    }
    if let Some(clients) = clients {
        page.gauge("payouts_redis_connected_clients", "Clients of the Redis server.", clients.into());
    }
    if let Some(own) = redis.own_clients().await {
        page.gauge(
            "payouts_redis_own_clients",
            "Clients of the Redis server that are this system's, all processes together.",
            own.into(),
        );
    }
    let connections = redis.connections();
    page.gauges(
        "payouts_redis_connections",
        "This process's connections to Redis, by what they are for: 1 is open.",
        "purpose",
        connections.iter().map(|one| (one.purpose.as_str(), i64::from(one.open))),
    );
    page.gauge(
        "payouts_redis_max_clients",
        "What the Redis server is to allow the whole fleet (REDIS_MAX_CLIENTS).",
        max_redis_clients.into(),
    );
    let idle = i64::try_from(pool.num_idle()).unwrap_or(i64::MAX);
    let open = i64::from(pool.size());
    page.gauges(
        "payouts_database_connections",
        "Connections of this process's pool.",
        "state",
        [
            ("idle", idle),
            ("used", open.saturating_sub(idle).max(0)),
            ("most", i64::from(pool.options().get_max_connections())),
        ],
    );
    page.deliveries();
    if let Some(tally) = tally {
        page.tally(tally);
    }
    page.text()
}

/// A page being written. Registering fails only for a name that is not one or is there twice: a test reads every page.
#[derive(Default)]
struct Page(Registry);

impl Page {
    fn vitals(&mut self, vitals: &vitals::Vitals, now: DateTime<Utc>) {
        let age = |since: Option<DateTime<Utc>>| {
            since.map_or(0, |since| now.signed_duration_since(since).num_seconds().max(0))
        };
        for (name, help, value) in [
            ("payouts_outbox_undelivered", "Starts and signals not delivered yet.", vitals.undelivered),
            (
                "payouts_outbox_oldest_age_seconds",
                "Age of the oldest undelivered row; 0 when there is none.",
                age(vitals.oldest_undelivered),
            ),
            ("payouts_outbox_dead", "Starts and signals given up.", vitals.dead),
            ("payouts_inbox_unmatched", "Webhooks kept whose reference nobody here knows.", vitals.unmatched),
            ("payouts_attempts_unknown", "Attempts whose outcome nobody can tell yet.", vitals.unknown),
            (
                "payouts_attempts_unknown_oldest_age_seconds",
                "Since when the oldest of them has been under way; 0 when there is none.",
                age(vitals.oldest_unknown),
            ),
            (
                "payouts_needing_attention",
                "Failed payouts that an admin must retry or refund.",
                vitals.needing_attention,
            ),
            (
                "payouts_messages_undelivered",
                "Messages by e-mail, push and webhook not delivered yet.",
                vitals.messages_pending,
            ),
            (
                "payouts_messages_oldest_age_seconds",
                "Age of the oldest undelivered message; 0 when there is none.",
                age(vitals.oldest_message),
            ),
            (
                "payouts_messages_failed",
                "Messages given up, until somebody sends them again.",
                vitals.messages_failed,
            ),
            ("payouts_paused", "1 while everything is paused.", i64::from(vitals.paused)),
            (
                "payouts_books_findings",
                "What the last reading of the ledger found wrong.",
                i64::from(vitals.ledger_wrong),
            ),
            (
                "payouts_books_workflows_wrong",
                "Payouts without the workflow they need, or with one they must not have.",
                i64::from(vitals.runs_wrong),
            ),
        ] {
            self.gauge(name, help, value);
        }
        // Absent until there was one.
        if vitals.ledger_right_at.is_some() {
            self.gauge(
                "payouts_books_right_age_seconds",
                "Since when the books were last found right.",
                age(vitals.ledger_right_at),
            );
        }
        self.gauges(
            "payouts_open",
            "Payouts that are not final, by status.",
            "status",
            by_word(&["REQUESTED", "APPROVED", "PROCESSING", "FAILED"], &vitals.open_payouts),
        );
        let kinds = store::cases::CaseKind::ALL.map(store::cases::CaseKind::as_str);
        self.gauges(
            "payouts_cases_open",
            "Cases that a person must settle, by kind.",
            "kind",
            by_word(&kinds, &vitals.open_cases),
        );
    }

    fn deliveries(&mut self) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        self.counters(
            "payouts_outbox_deliveries_total",
            "What this process's relay did with rows: delivered, given back because Temporal was away, or refused by it.",
            "answer",
            [
                ("delivered", read(&DELIVERIES.delivered)),
                ("given_back", read(&DELIVERIES.given_back)),
                ("refused", read(&DELIVERIES.refused)),
            ],
        );
    }

    fn tally(&mut self, tally: &Tally) {
        self.counters(
            "payouts_steps_total",
            "Steps of workflows that this process ran, by how they ended: done, or to be tried again.",
            "answer",
            [("done", tally.done()), ("again", tally.failed())],
        );
        self.counters(
            "payouts_sends_total",
            "Transfers sent by this process, by the gateway's answer.",
            "answer",
            tally.sends(),
        );
        self.counters(
            "payouts_looks_total",
            "Looks at transfers by this process, by the gateway's verdict.",
            "verdict",
            tally.looks(),
        );
    }

    fn gauge(&mut self, name: &str, help: &str, value: i64) {
        if let Ok(gauge) = prometheus::IntGauge::new(name, help) {
            gauge.set(value);
            self.add(Box::new(gauge));
        }
    }

    fn gauges<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, i64)>,
    ) {
        if let Ok(gauges) = IntGaugeVec::new(Opts::new(name, help), &[label]) {
            for (word, value) in values {
                gauges.with_label_values(&[word]).set(value);
            }
            self.add(Box::new(gauges));
        }
    }

    fn counters<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, u64)>,
    ) {
        if let Ok(counters) = IntCounterVec::new(Opts::new(name, help), &[label]) {
            for (word, value) in values {
                counters.with_label_values(&[word]).inc_by(value);
            }
            self.add(Box::new(counters));
        }
    }

    fn add(&mut self, collector: Box<dyn prometheus::core::Collector>) {
        if let Err(error) = self.0.register(collector) {
            tracing::error!("a metric is left out: {error}");
        }
    }

    fn text(self) -> String {
        let mut bytes = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.0.gather(), &mut bytes) {
            tracing::error!("the metrics could not be written: {error}");
        }
        String::from_utf8(bytes).unwrap_or_default()
    }
}

/// Every word has a line, those that nobody counted a zero: an alert on a line that is not there never fires.
fn by_word<'a>(words: &[&'a str], counted: &[(String, i64)]) -> Vec<(&'a str, i64)> {
    words
        .iter()
        .map(|word| (*word, counted.iter().find(|(one, _)| one == word).map_or(0, |(_, count)| *count)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_there_before_anything_has_happened() {
        let mut page = Page::default();
        let now = DateTime::UNIX_EPOCH;
        let vitals = vitals::Vitals {
            undelivered: 2,
            oldest_undelivered: now.checked_sub_signed(chrono::TimeDelta::seconds(9)),
            dead: 1,
            unmatched: 0,
            unknown: 0,
            oldest_unknown: None,
            needing_attention: 0,
            messages_pending: 4,
            oldest_message: now.checked_sub_signed(chrono::TimeDelta::seconds(7)),
            messages_failed: 1,
            paused: true,
            ledger_wrong: 0,
            ledger_right_at: None,
            runs_wrong: 0,
            open_payouts: vec![("APPROVED".to_owned(), 3)],
            open_cases: vec![("books".to_owned(), 1)],
        };
        page.vitals(&vitals, now);
        page.deliveries();
        page.tally(&Tally::default());
        let text = page.text();
        for line in [
            "payouts_outbox_oldest_age_seconds 9",
            "payouts_outbox_dead 1",
            "payouts_attempts_unknown_oldest_age_seconds 0",
            "payouts_messages_undelivered 4",
            "payouts_messages_oldest_age_seconds 7",
            "payouts_paused 1",
            "payouts_open{status=\"APPROVED\"} 3",
            "payouts_open{status=\"FAILED\"} 0",
            "payouts_cases_open{kind=\"books\"} 1",
            "payouts_cases_open{kind=\"overpaid\"} 0",
            "payouts_outbox_deliveries_total{answer=\"refused\"} 0",
            "payouts_steps_total{answer=\"done\"} 0",
            "payouts_sends_total{answer=\"unknown\"} 0",
            "payouts_looks_total{verdict=\"not_asked\"} 0",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} in\n{text}");
        }
        assert!(!text.contains("payouts_books_right_age_seconds"), "{text}");
    }
}
