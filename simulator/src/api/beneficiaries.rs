//! `POST`, `GET` and `DELETE /v3/beneficiaries`.

use serde::{Deserialize, Serialize};

use crate::accounts;
use crate::banks;
use crate::books::{Beneficiary, Event};
use crate::faults::Endpoint;
use crate::server::{Answer, Request};
use crate::world::World;

use super::shapes;

/// Kept in memory for ever, so there must not be many.
const MOST_BENEFICIARIES: usize = 10_000;
const PAGE_SIZE: usize = 10;
const NOT_FOUND: &str = "beneficiary not found";

#[derive(Deserialize)]
struct BeneficiaryBody {
    account_bank: Option<String>,
    account_number: Option<String>,
    beneficiary_name: Option<String>,
}

#[derive(Serialize)]
struct BeneficiaryData {
    id: u64,
    account_number: String,
    bank_code: String,
    full_name: String,
    created_at: String,
    bank_name: String,
}

impl From<&Beneficiary> for BeneficiaryData {
    fn from(from: &Beneficiary) -> Self {
        Self {
            id: from.id,
            account_number: from.account_number.clone(),
            bank_code: from.bank_code.clone(),
            full_name: from.name.clone(),
            created_at: shapes::moment(from.created_at),
            bank_name: banks::transfer_name(&from.bank_code),
        }
    }
}

pub(super) async fn create(world: &World, request: &Request) -> Result<Answer, Answer> {
    super::strike_endpoint(world, Endpoint::Beneficiaries).await?;
    let body: BeneficiaryBody = serde_json::from_slice(&request.body)
        .map_err(|error| Answer::error(400, &format!("The request is not valid: {error}")))?;
    let required = |name: &str| Answer::error(400, &format!("{name} is required"));
    let bank_code = body.account_bank.ok_or_else(|| required("account_bank"))?;
    let account_number = body.account_number.ok_or_else(|| required("account_number"))?;
    banks::check_resolvable(&bank_code, &account_number).map_err(|message| Answer::error(400, message))?;
    let name = body.beneficiary_name.unwrap_or_else(|| accounts::owner(&bank_code, &account_number));
    let added = world.books.write(|draft| {
        if draft.state().beneficiaries.len() >= MOST_BENEFICIARIES {
            return None;
        }
        let id = draft.state().next_id();
        let beneficiary = Beneficiary { id, bank_code, account_number, name, created_at: draft.now };
        draft.record(Event::BeneficiaryAdded(beneficiary.clone()));
        Some(beneficiary)
    });
    match added.await? {
        Some(added) => Ok(Answer::success("Beneficiary created", BeneficiaryData::from(&added))),
        None => Err(Answer::error(400, "There are too many beneficiaries")),
    }
}

pub(super) async fn list(world: &World, request: &Request) -> Result<Answer, Answer> {
    super::strike_endpoint(world, Endpoint::Beneficiaries).await?;
    let page = request.query("page").and_then(|page| page.parse().ok()).unwrap_or(1_usize).max(1);
    let skip = page.saturating_sub(1).saturating_mul(PAGE_SIZE);
    let listed = world.books.read(|state| {
        let newest_first = state.beneficiaries.values().rev();
        newest_first.skip(skip).take(PAGE_SIZE).map(BeneficiaryData::from).collect::<Vec<_>>()
    });
    Ok(Answer::success("Payout beneficiaries fetched", listed.await?))
}

pub(super) async fn one(world: &World, id: &str) -> Result<Answer, Answer> {
    super::strike_endpoint(world, Endpoint::Beneficiaries).await?;
    let id: u64 = id.parse().unwrap_or_default();
    match world.books.read(|state| state.beneficiaries.get(&id).map(BeneficiaryData::from)).await? {
        Some(found) => Ok(Answer::success("Payout beneficiary fetched", found)),
        None => Err(Answer::error(404, NOT_FOUND)),
    }
}

pub(super) async fn remove(world: &World, id: &str) -> Result<Answer, Answer> {
    super::strike_endpoint(world, Endpoint::Beneficiaries).await?;
    let id: u64 = id.parse().unwrap_or_default();
    let removed = world.books.write(|draft| {
        let known = draft.state().beneficiaries.contains_key(&id);
        if known {
            draft.record(Event::BeneficiaryRemoved { id });
        }
        known
    });
    if removed.await? {
        Ok(Answer::success("Beneficiary deleted", ()))
    } else {
        Err(Answer::error(404, NOT_FOUND))
    }
}
