//! `POST /v3/accounts/resolve` and `GET /v3/banks/:country`.

use serde::{Deserialize, Serialize};

use crate::accounts;
use crate::banks::{self, BANKS};
use crate::faults::{Endpoint, Subject};
use crate::server::{Answer, Request};
use crate::world::World;

#[derive(Deserialize)]
struct ResolveBody {
    account_number: Option<String>,
    account_bank: Option<String>,
}

#[derive(Serialize)]
struct Resolved {
    account_number: String,
    account_name: String,
}

pub(super) async fn resolve(world: &World, request: &Request) -> Result<Answer, Answer> {
    let body: ResolveBody = serde_json::from_slice(&request.body)
        .map_err(|error| Answer::error(400, &format!("The request is not valid: {error}")))?;
    let subject = Subject {
        endpoint: Endpoint::Resolve,
        account_number: body.account_number.as_deref(),
        bank_code: body.account_bank.as_deref(),
        ..Subject::default()
    };
    super::strike(world, &subject).await?;
    let required = |name: &str| Answer::error(400, &format!("{name} is required"));
    let account_number = body.account_number.ok_or_else(|| required("account_number"))?;
    let bank_code = body.account_bank.ok_or_else(|| required("account_bank"))?;
    banks::check_resolvable(&bank_code, &account_number).map_err(|message| Answer::error(400, message))?;
    let account_name = accounts::owner(&bank_code, &account_number);
    Ok(Answer::success("Account details fetched", Resolved { account_number, account_name }))
}

#[derive(Serialize)]
struct BankData {
    id: u32,
    code: &'static str,
    name: &'static str,
}

pub(super) async fn banks(world: &World, country: &str) -> Result<Answer, Answer> {
    super::strike_endpoint(world, Endpoint::Banks).await?;
    let known = if country.eq_ignore_ascii_case("NG") { BANKS.as_slice() } else { &[] };
    let banks = known.iter().map(|bank| BankData { id: bank.id, code: bank.code, name: bank.name });
    Ok(Answer::success("Banks fetched successfully", banks.collect::<Vec<_>>()))
}
