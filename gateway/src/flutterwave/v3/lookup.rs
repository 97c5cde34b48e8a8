//! What the gateway knows about an attempt.
//!
//! Guarantee: `NotFound` only after a well-formed, empty list for our reference; a page that merely has none of ours leads to
//! the next page, and more pages than are read are a failure to ask. References are compared exactly: the filter is the
//! gateway's, and others report that it is not to be trusted.
//!
//! A failure is believed only after the gateway was asked for its own retries of the transfer, which may pay what it did not.
//!
//! Cost: one call when the id is known and good, else one more for each page; one more for a failure.
//!
//! Limit: ten pages of ten. With a working filter there is one.

use domain::Observed;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    client::Client,
    envelope::Envelope,
    exchange::Exchange,
    question::{self, Told},
    record::{Record, Status, WireReference, is_id},
};
use crate::{LookUpClass, LookUpFailed};

/// The filter names one reference, so a second page already means that it does not filter.
const MAX_PAGES: u32 = 10;

/// By id where it is known, then by reference; and for a failure whether it is one still.
pub(super) async fn observe(
    client: &Client,
    reference: &WireReference,
    gateway_id: Option<&str>,
) -> Result<Observed, LookUpFailed> {
    let observed = look_up(client, reference, gateway_id).await?;
    let failed = match &observed {
        Observed::Failed(sighting, _) => sighting.gateway_id.clone(),
        Observed::InFlight(_)
        | Observed::Succeeded(_)
        | Observed::Reversed(_)
        | Observed::NotFound
        | Observed::Unrecognised { .. } => return Ok(observed),
    };
    let retries = retries(client.get(&["transfers", &failed, "retries"], &[]).await)?;
    Ok(match retries {
        Retries::NoneThatMayPay => observed,
        Retries::MayPay => tried_again(),
        Retries::NotUnderstood => another_shape(),
    })
}

async fn look_up(
    client: &Client,
    reference: &WireReference,
    gateway_id: Option<&str>,
) -> Result<Observed, LookUpFailed> {
    let mut of_another = false;
    // A text that cannot be an id of v3 would be another path of the API.
    if let Some(id) = gateway_id.filter(|id| is_id(id)) {
        match by_id(reference, client.get(&["transfers", id], &[]).await)? {
            ById::Seen(observed) => return Ok(observed),
            ById::NotThere => {}
            ById::OfAnother => of_another = true,
        }
    }
    for page in 1..=MAX_PAGES {
        let number = page.to_string();
        let query = [("reference", reference.as_wire()), ("page", number.as_str())];
        match on_page(reference, page, client.get(&["transfers"], &query).await)? {
            OnPage::Seen(observed) => return Ok(observed),
            OnPage::More => {}
            OnPage::End if of_another => {
                return Ok(Observed::Unrecognised {
                    said: "the id belongs to a transfer with another reference".to_owned(),
                });
            }
            OnPage::End => return Ok(Observed::NotFound),
        }
    }
    Err(LookUpFailed {
        class: LookUpClass::NotUnderstood,
        retry_after: None,
        message: format!("the list for one reference has more than {MAX_PAGES} pages"),
    })
}

/// What a look-up by id found.
#[derive(Debug, PartialEq, Eq)]
enum ById {
    Seen(Observed),
    NotThere,
    /// The record has another reference than ours.
    OfAnother,
}

fn by_id(reference: &WireReference, exchange: Exchange) -> Result<ById, LookUpFailed> {
    let body = match question::told(exchange)? {
        Told::Answer(body) => body,
        // The gateway's words for "no such transfer" are not documented, so any refusal of the id sends us to the reference.
        Told::Refused { status: 400 | 404, .. } => return Ok(ById::NotThere),
        Told::Refused { status, message } => return Err(question::refused(status, &message)),
    };
    let Some(envelope) = Envelope::read(&body) else { return Ok(ById::Seen(another_shape())) };
    // One of the shapes "no such transfer" may have.
    if envelope.is_empty_success() {
        return Ok(ById::NotThere);
    }
    let Some(record) = envelope.success().and_then(Record::read) else {
        return Ok(ById::Seen(another_shape()));
    };
    Ok(if record.is_of(reference) {
        ById::Seen(record.observed(reference))
    } else if record.reference.is_some() {
        ById::OfAnother
    } else {
        ById::Seen(another_shape())
    })
}

/// What one page of the list found.
#[derive(Debug, PartialEq, Eq)]
enum OnPage {
    Seen(Observed),
    /// Other transfers, and there may be more.
    More,
    /// No more pages.
    End,
}

#[derive(Deserialize, Default)]
struct Meta {
    page_info: Option<PageInfo>,
}

#[derive(Deserialize)]
pub(super) struct PageInfo {
    pub(super) total: Option<u64>,
    pub(super) total_pages: Option<u32>,
}

fn on_page(reference: &WireReference, page: u32, exchange: Exchange) -> Result<OnPage, LookUpFailed> {
    let body = match question::told(exchange)? {
        Told::Answer(body) => body,
        Told::Refused { status, message } => return Err(question::refused(status, &message)),
    };
    let unrecognised = || Ok(OnPage::Seen(another_shape()));
    let Some(envelope) = Envelope::read(&body) else { return unrecognised() };
    let Some(data) = envelope.success() else { return unrecognised() };
    let Ok(rows) = serde_json::from_str::<Vec<&RawValue>>(data.get()) else { return unrecognised() };
    let Some(records) = rows.into_iter().map(Record::read).collect::<Option<Vec<_>>>() else {
        return unrecognised();
    };
    let Some(info) = page_info(envelope.meta) else { return unrecognised() };
    // A row that does not say whose it is could be ours.
    if records.iter().any(|record| record.reference.is_none()) {
        return unrecognised();
    }
    let ours: Vec<_> = records
        .iter()
        .filter(|record| record.is_of(reference))
        .map(|record| record.observed(reference))
        .collect();
    Ok(match together(ours) {
        Some(observed) => OnPage::Seen(unless_retried(&records, reference, observed)),
        None => none_of_ours(page, records.is_empty(), &info),
    })
}

/// What all the records under our reference say. There is one, unless the gateway takes the reference of a failed transfer a
/// second time, which it does not say: then the failed ones are history. Two that may both pay are for a person to see.
fn together(ours: Vec<Observed>) -> Option<Observed> {
    let (mut failed, mut others): (Vec<_>, Vec<_>) =
        ours.into_iter().partition(|observed| matches!(observed, Observed::Failed(..)));
    match others.len() {
        0 => failed.pop(),
        1 => others.pop(),
        _ => Some(Observed::Unrecognised {
            said: "two transfers that may both pay have this reference".to_owned(),
        }),
    }
}

/// `meta` is left out by some answers; a `meta` of another shape is another matter.
pub(super) fn page_info(meta: Option<&RawValue>) -> Option<PageInfo> {
    let nothing = PageInfo { total: None, total_pages: None };
    let Some(meta) = meta else { return Some(nothing) };
    let meta: Meta = serde_json::from_str(meta.get()).ok()?;
    Some(meta.page_info.unwrap_or(nothing))
}

fn none_of_ours(page: u32, is_empty: bool, info: &PageInfo) -> OnPage {
    if is_empty && page == 1 && info.total.is_some_and(|total| total > 0) {
        return OnPage::Seen(Observed::Unrecognised {
            said: "an empty list that says it is not empty".to_owned(),
        });
    }
    if is_empty || info.total_pages.is_some_and(|pages| page >= pages) { OnPage::End } else { OnPage::More }
}

/// The gateway's retry, which anyone with its dashboard can ask for, is a new transfer `<reference>_RETRY_<n>` that may pay
/// what this one did not. Where the list shows one, a failure is no proof.
fn unless_retried(records: &[Record<'_>], reference: &WireReference, observed: Observed) -> Observed {
    let retried = format!("{}_RETRY_", reference.as_wire());
    let is_retry = |record: &Record<'_>| record.reference.as_deref().is_some_and(|r| r.starts_with(&retried));
    match observed {
        Observed::Failed(..) if records.iter().any(is_retry) => tried_again(),
        other @ (Observed::InFlight(_)
        | Observed::Succeeded(_)
        | Observed::Failed(..)
        | Observed::Reversed(_)
        | Observed::NotFound
        | Observed::Unrecognised { .. }) => other,
    }
}

/// The gateway's own retries of a transfer that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retries {
    /// There are none, or all of them failed too.
    NoneThatMayPay,
    MayPay,
    NotUnderstood,
}

fn retries(exchange: Exchange) -> Result<Retries, LookUpFailed> {
    let body = match question::told(exchange)? {
        Told::Answer(body) => body,
        // What the gateway answers for a transfer without retries is not documented; a refusal of the id may be it.
        Told::Refused { status: 400 | 404, .. } => return Ok(Retries::NoneThatMayPay),
        Told::Refused { status, message } => return Err(question::refused(status, &message)),
    };
    let read = || {
        let envelope = Envelope::read(&body)?;
        if envelope.is_empty_success() {
            return Some(vec![]);
        }
        let rows: Vec<&RawValue> = serde_json::from_str(envelope.success()?.get()).ok()?;
        rows.into_iter()
            .map(|row| Record::read(row).map(|record| record.status()))
            .collect::<Option<Vec<_>>>()
    };
    Ok(match read() {
        None => Retries::NotUnderstood,
        Some(retries) if retries.iter().all(|status| *status == Status::Failed) => Retries::NoneThatMayPay,
        Some(_) => Retries::MayPay,
    })
}

fn tried_again() -> Observed {
    Observed::Unrecognised {
        said: "FAILED, but it was tried again at the gateway under a reference that is not ours".to_owned(),
    }
}

fn another_shape() -> Observed {
    Observed::Unrecognised { said: "a body of another shape".to_owned() }
}

#[cfg(test)]
mod table;
