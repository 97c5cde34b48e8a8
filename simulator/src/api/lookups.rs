//! `GET /v3/transfers/:id` and `GET /v3/transfers?…`, ten a page, newest first.

use std::sync::atomic::Ordering;

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use serde::Serialize;

use crate::books::{BatchError, State, Transfer};
use crate::faults::treatment::{Reply, Treatment};
use crate::faults::{Endpoint, Stage, Subject};
use crate::server::{Answer, Request};
use crate::settings::{NotFoundById, NotFoundByReference, ReferenceFilter};
use crate::world::World;

use super::shapes::TransferData;

const PAGE_SIZE: usize = 10;
/// Day filters are whole days in the gateway's own time zone; Lagos keeps one hour ahead of UTC all year.
const LAGOS_SECONDS_EAST: i32 = 60 * 60;

const NOT_FOUND: &str = "Transfer not found";

pub(super) async fn by_id(world: &World, id: &str) -> Result<Answer, Answer> {
    let id = id.parse::<u64>().ok();
    let found = world.books.read(|state| id.and_then(|id| state.transfers.get(&id).cloned())).await?;
    let subject = found.as_ref().map_or_else(Subject::default, |transfer| transfer.order.subject());
    strike(world, subject).await?;
    let now = world.books.clock.now();
    let sees = |transfer: &Transfer| world.faults.sees(transfer.id, &transfer.order.subject(), now);
    match found.filter(sees) {
        Some(transfer) => Ok(Answer::success("Transfer fetched", TransferData::fetched(&transfer))),
        None => Ok(match world.settings().not_found_by_id {
            NotFoundById::Http404 => Answer::error(404, NOT_FOUND),
            NotFoundById::Http400 => Answer::error(400, NOT_FOUND),
            NotFoundById::Null => Answer::success("Transfer fetched", ()),
        }),
    }
}

/// What a list is narrowed to.
struct Filter {
    reference: Option<String>,
    status: Option<String>,
    currency: Option<String>,
    batch: Option<u64>,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
}

#[derive(Serialize)]
struct Meta {
    page_info: PageInfo,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<BatchError>,
}

#[derive(Serialize)]
struct PageInfo {
    total: usize,
    current_page: usize,
    total_pages: usize,
}

pub(super) async fn list(world: &World, request: &Request) -> Result<Answer, Answer> {
    let settings = world.settings();
    let filter =
        read_filter(request, settings.reference_filter).map_err(|message| Answer::error(400, &message))?;
    let page = request.query("page").and_then(|page| page.parse().ok()).unwrap_or(1_usize).max(1);
    let subject = Subject { reference: request.query("reference"), ..Subject::default() };
    strike(world, subject).await?;
    let (listed, total, errors) = world
        .books
        .read(|state| {
            let now = world.books.clock.now();
            let matching = candidates(state, &filter)
                .filter(|transfer| filter.passes(transfer))
                .filter(|transfer| world.faults.sees(transfer.id, &transfer.order.subject(), now));
            let skip = page.saturating_sub(1).saturating_mul(PAGE_SIZE);
            let mut total = 0_usize;
            let mut listed = Vec::new();
            for transfer in matching {
                if total >= skip && listed.len() < PAGE_SIZE {
                    listed.push(TransferData::fetched(transfer));
                }
                total = total.saturating_add(1);
            }
            let batch = filter.batch.and_then(|id| state.batches.get(&id));
            (listed, total, batch.map(|batch| batch.errors.clone()).unwrap_or_default())
        })
        .await?;
    if total == 0 && filter.reference.is_some() {
        match settings.not_found_by_reference {
            NotFoundByReference::Empty => {}
            NotFoundByReference::Http404 => return Ok(Answer::error(404, NOT_FOUND)),
            NotFoundByReference::Http400 => return Ok(Answer::error(400, NOT_FOUND)),
        }
    }
    let page_info = PageInfo { total, current_page: page, total_pages: total.div_ceil(PAGE_SIZE) };
    Ok(Answer::listed("Transfers fetched", Meta { page_info, errors }, listed))
}

/// Newest first; by reference without a walk over the whole books.
fn candidates<'a>(state: &'a State, filter: &Filter) -> Box<dyn Iterator<Item = &'a Transfer> + 'a> {
    match &filter.reference {
        Some(reference) => Box::new(state.under(reference).rev()),
        None => Box::new(state.transfers.values().rev()),
    }
}

impl Filter {
    fn passes(&self, transfer: &Transfer) -> bool {
        let day = lagos_day(transfer.created_at);
        let order = &transfer.order;
        self.status.as_ref().is_none_or(|status| transfer.status.as_str().eq_ignore_ascii_case(status))
            && self.currency.as_ref().is_none_or(|currency| order.currency.eq_ignore_ascii_case(currency))
            && self.batch.is_none_or(|batch| order.batch == Some(batch))
            && self.from.is_none_or(|from| day.is_some_and(|day| day >= from))
            && self.to.is_none_or(|to| day.is_some_and(|day| day <= to))
    }
}

fn lagos_day(moment: DateTime<Utc>) -> Option<NaiveDate> {
    let zone = FixedOffset::east_opt(LAGOS_SECONDS_EAST)?;
    Some(moment.with_timezone(&zone).date_naive())
}

fn read_filter(request: &Request, by_reference: ReferenceFilter) -> Result<Filter, String> {
    let day = |name: &str| {
        let Some(text) = request.query(name) else {
            return Ok(None);
        };
        let date = text.get(..10).unwrap_or(text);
        date.parse::<NaiveDate>().map(Some).map_err(|_| format!("{name} must be a date, YYYY-MM-DD"))
    };
    let batch = ["batch_id", "bulk_id"].into_iter().find_map(|name| request.query(name));
    let batch = batch.map(|id| id.parse::<u64>().map_err(|_| "batch_id must be a number")).transpose()?;
    let reference = match by_reference {
        ReferenceFilter::Honoured => request.query("reference").map(str::to_owned),
        ReferenceFilter::Ignored => None,
    };
    Ok(Filter {
        reference,
        status: request.query("status").map(str::to_owned),
        currency: request.query("currency").map(str::to_owned),
        batch,
        from: day("from")?,
        to: day("to")?,
    })
}

/// Lets a fault of look-ups or of the answer strike.
async fn strike(world: &World, subject: Subject<'_>) -> Result<(), Answer> {
    let subject = Subject { endpoint: Endpoint::Lookup, ..subject };
    super::strike(world, &subject).await?;
    let settings = world.settings();
    let nth = world.lookups.fetch_add(1, Ordering::Relaxed);
    let Some(fault) = world.faults.strike(Stage::LookUp, &subject, &settings.random, nth) else {
        return Ok(());
    };
    match Treatment::under(&fault).reply {
        Reply::Honest => Ok(()),
        reply @ Reply::Instead(..) => Err(reply.or_honest(&world.books.clock, Answer::Reset).await),
    }
}
