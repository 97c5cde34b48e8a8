//! `POST /v3/bulk-transfers`: queued as a whole; what is wrong with an item shows in the batch's look-up.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::books::accept;
use crate::books::{Batch, BatchError, Course, Draft, Event, Order};
use crate::faults::Endpoint;
use crate::server::{Answer, Request};
use crate::settings::Settings;
use crate::world::World;

use super::order::{BankField, OrderBody};
use super::shapes;

/// All of them are taken on under one lock.
const MOST_ITEMS: usize = 1_000;

#[derive(Deserialize)]
struct BulkBody<'a> {
    title: Option<String>,
    #[serde(borrow)]
    bulk_data: Option<Vec<OrderBody<'a>>>,
}

#[derive(Serialize)]
struct Queued {
    id: u64,
    created_at: String,
    approver: &'static str,
}

pub(super) async fn create(world: &Arc<World>, request: &Request) -> Result<Answer, Answer> {
    super::strike_endpoint(world, Endpoint::Bulk).await?;
    let settings = world.settings();
    if !settings.ip_whitelisted {
        return Ok(Answer::ip_not_whitelisted());
    }
    let body: BulkBody<'_> = serde_json::from_slice(&request.body)
        .map_err(|error| Answer::error(400, &format!("The request is not valid: {error}")))?;
    let items = body.bulk_data.ok_or_else(|| Answer::error(400, "bulk_data is required"))?;
    if items.is_empty() || items.len() > MOST_ITEMS {
        return Err(Answer::error(400, &format!("bulk_data must have 1 to {MOST_ITEMS} items")));
    }
    let title = body.title.unwrap_or_default();
    let queued = world.books.write(|draft| queue(draft, world, &settings, title, items)).await?;
    Ok(Answer::success("Bulk transfer queued", queued))
}

fn queue(
    draft: &mut Draft<'_>,
    world: &World,
    settings: &Settings,
    title: String,
    items: Vec<OrderBody<'_>>,
) -> Queued {
    let id = draft.state().next_id();
    // Takes the id, so that the items' ids follow it.
    draft.record(Event::BatchQueued(Batch { id, title: title.clone(), errors: Vec::new() }));
    let mut errors = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let reference = item.reference().unwrap_or_default().to_owned();
        let taken = item.into_order(BankField::BankCode, draft.state(), draft.now).and_then(|order| {
            let order = Order { batch: Some(id), ..order };
            accept::accept(draft, world.terms(settings), order, Course::Usual)
                .map_err(|refusal| refusal.message)
        });
        if let Err(message) = taken {
            errors.push(BatchError { reference, item: index.saturating_add(1), message });
        }
    }
    if !errors.is_empty() {
        draft.record(Event::BatchQueued(Batch { id, title, errors }));
    }
    Queued { id, created_at: shapes::moment(draft.now), approver: "N/A" }
}
