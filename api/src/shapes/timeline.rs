//! Who did what, when and why.

use chrono::{DateTime, Utc};
use poem_openapi::Object;

/// One step of a payout's way.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct TimelineEntry {
    /// When (UTC).
    pub at: DateTime<Utc>,
    /// Who: `provider`, `admin` or `system`.
    pub who: String,
    /// What happened, for programs: `requested`, `review_opened`, `approved`, `approval_undone`, `rejected`,
    /// `cancelled`, `claimed`, `attempt_began`, `held`, `failed`, `retry_ordered`, `refunded`, `completed` or `reversed`. More may come.
    pub what: String,
    /// Why, where it is for the provider to know.
    pub reason: Option<String>,
}

/// The steps that are a provider's to read. An audit line that is not named here is for operators: a new one stays inside until
/// somebody decides otherwise.
const SHOWN: [&str; 14] = [
    "requested",
    "review_opened",
    "approved",
    "approval_undone",
    "rejected",
    "cancelled",
    "claimed",
    "attempt_began",
    "held",
    "failed",
    "retry_ordered",
    "refunded",
    "completed",
    "reversed",
];

/// What a provider reads of the audit trail. Reasons that admins gave each other stay inside, as do the risk rules that fired;
/// why a request was rejected is the provider's to know.
pub(crate) fn provider_timeline(lines: Vec<store::audit::Line>) -> Vec<TimelineEntry> {
    lines
        .into_iter()
        .filter(|line| SHOWN.contains(&line.action.as_str()))
        .map(|line| TimelineEntry {
            at: line.at,
            who: role_of(&line.actor).to_owned(),
            reason: line.reason.filter(|_| line.action == "rejected"),
            what: line.action,
        })
        .collect()
}

/// The role in an actor such as `admin:<sub>`: names of staff are not for providers.
pub(crate) fn role_of(actor: &str) -> &'static str {
    match actor.split_once(':').map_or(actor, |(role, _)| role) {
        "provider" => "provider",
        "admin" | "engine" => "admin",
        _ => "system",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn staff_and_their_reasons_stay_inside() {
        let line = |actor: &str, action: &str, reason: &str| store::audit::Line {
            id: 1,
            at: DateTime::UNIX_EPOCH,
            actor: actor.to_owned(),
            action: action.to_owned(),
            reason: Some(reason.to_owned()),
            detail: json!({}),
        };
        let read = provider_timeline(vec![
            line("system", "review_opened", "The provider is not verified"),
            line("engine:eve@laptop", "decision_ignored", "nope"),
            line("admin:ada", "approved", "looks fine"),
            line("admin:ada", "rejected", "Wrong account."),
            line("system", "gateway_contradicts_itself", "secret"),
        ]);
        let told: Vec<_> =
            read.iter().map(|e| (e.who.as_str(), e.what.as_str(), e.reason.as_deref())).collect();
        assert_eq!(
            told,
            [
                ("system", "review_opened", None),
                ("admin", "approved", None),
                ("admin", "rejected", Some("Wrong account.")),
            ]
        );
    }
}
