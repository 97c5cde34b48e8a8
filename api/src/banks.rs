//! The gateway's list of banks, remembered for an hour, and the names of accounts' holders, for ten minutes.
//!
//! The list changes a few times a year and is asked for on every screen that adds an account. When the gateway cannot be asked,
//! the old list is good enough for a day: a bank that is gone is refused by the name enquiry anyway.
//!
//! Processes share both through Redis, sealed, so that nobody reads an account's number there and nobody plants a name. While Redis
//! is away the gateway is asked. What the gateway refused is never kept.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AccountName, AccountNumber, BankCode};
use ephemeral::cache;
use gateway::{Bank, LookUpFailed, ResolveFailed};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::{
    app::App,
    problem::{Code, FieldCode, FieldError, Problem},
};

const FRESH: TimeDelta = TimeDelta::hours(1);
const USABLE: TimeDelta = TimeDelta::days(1);
/// The list in Redis is named so.
const LIST: [&str; 1] = ["banks"];
/// Between the page that shows the name and the one that adds the account. A name changes once in years.
const HOLDER_KEPT: Duration = Duration::from_mins(10);
/// The client's own limit is made for transfers, where an early end is worse than a long wait. Here a person waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// Callers take turns, so that an expired list is fetched once.
#[derive(Default)]
pub struct BankList {
    kept: Mutex<Option<Fetched>>,
    /// When the names were last waited for in vain (seconds of the Unix epoch).
    missed: AtomicI64,
}

#[derive(Clone)]
struct Fetched {
    at: DateTime<Utc>,
    banks: Arc<Vec<Bank>>,
}

impl BankList {
    pub(crate) async fn get(&self, app: &App) -> Result<Arc<Vec<Bank>>, Problem> {
        let now = app.now();
        let mut kept = self.kept.lock().await;
        let within = |span: TimeDelta| {
            let young = |fetched: &&Fetched| now.signed_duration_since(fetched.at) < span;
            kept.as_ref().filter(young).map(|fetched| Arc::clone(&fetched.banks))
        };
        if let Some(banks) = within(FRESH) {
            return Ok(banks);
        }
        if let Some(fetched) =
            fetched_elsewhere(app).await.filter(|one| now.signed_duration_since(one.at) < FRESH)
        {
            let banks = Arc::clone(&fetched.banks);
            *kept = Some(fetched);
            return Ok(banks);
        }
        let refused = match within_patience(app.gateway.banks()).await {
            Ok(Ok(banks)) => {
                share(app, &banks, now).await;
                let banks = Arc::new(banks);
                *kept = Some(Fetched { at: now, banks: Arc::clone(&banks) });
                return Ok(banks);
            }
            Ok(Err(failed)) => not_asked(&failed),
            Err(late) => late,
        };
        within(USABLE).ok_or(refused)
    }

    /// Whether it was asked for in vain so lately that a page does not wait for it again.
    fn missed_lately(&self, now: DateTime<Utc>) -> bool {
        const PAUSE_SECONDS: i64 = 60;
        let since = now.timestamp().saturating_sub(self.missed.load(Ordering::Relaxed));
        (0..PAUSE_SECONDS).contains(&since)
    }
}

/// The names of banks, for people. Nobody waits long for them, and without them everything else is still told.
pub(crate) struct BankNames(Option<Arc<Vec<Bank>>>);

/// A list that is not at hand is waited for this long: it is an ornament.
const PATIENCE_FOR_NAMES: Duration = Duration::from_secs(1);

impl BankNames {
    pub(crate) async fn get(app: &App) -> Self {
        let (now, list) = (app.now(), &app.banks);
        if list.missed_lately(now) {
            return Self(None);
        }
        let asked = tokio::time::timeout(PATIENCE_FOR_NAMES, list.get(app)).await;
        let banks = asked.ok().and_then(Result::ok);
        if banks.is_none() {
            list.missed.store(now.timestamp(), Ordering::Relaxed);
        }
        Self(banks)
    }

    pub(crate) fn of(&self, code: &BankCode) -> Option<String> {
        let banks = self.0.as_ref()?;
        banks.iter().find(|bank| bank.code == *code).map(|bank| bank.name.clone())
    }
}

/// The list as it is in Redis.
#[derive(Serialize, Deserialize)]
struct SharedList {
    at: DateTime<Utc>,
    /// Name by code.
    banks: Vec<BTreeMap<String, String>>,
}

async fn share(app: &App, banks: &[Bank], at: DateTime<Utc>) {
    let one = |bank: &Bank| BTreeMap::from([(bank.code.as_str().to_owned(), bank.name.clone())]);
    let list = SharedList { at, banks: banks.iter().map(one).collect() };
    if let (Ok(text), Ok(time)) = (serde_json::to_string(&list), FRESH.to_std()) {
        cache::put(&app.rates.links, &app.rates.seal, &LIST, &text, time).await;
    }
}

/// The list that another process has asked for.
async fn fetched_elsewhere(app: &App) -> Option<Fetched> {
    let text = cache::get(&app.rates.links, &app.rates.seal, &LIST).await?;
    let list: SharedList = serde_json::from_str(&text).ok()?;
    let banks =
        list.banks.into_iter().flatten().map(|(code, name)| Some(Bank { code: code.parse().ok()?, name }));
    Some(Fetched { at: list.at, banks: Arc::new(banks.collect::<Option<_>>()?) })
}

/// The name the bank has for an account, or why it cannot be used.
pub(crate) async fn resolve(
    app: &App,
    bank: &BankCode,
    number: &AccountNumber,
) -> Result<AccountName, Problem> {
    let (links, seal, words) =
        (&app.rates.links, &app.rates.seal, ["holder", bank.as_str(), number.expose()]);
    if let Some(name) = cache::get(links, seal, &words).await {
        return Ok(AccountName::new(&name));
    }
    match within_patience(app.gateway.resolve_account(bank, number)).await? {
        Ok(name) if name.expose().is_empty() => Err(Problem::new(
            Code::AccountNotResolved,
            "The bank answered without a name for this account, so it cannot be checked.",
        )),
        Ok(name) => {
            cache::put(links, seal, &words, name.expose(), HOLDER_KEPT).await;
            Ok(name)
        }
        Err(ResolveFailed::NoSuchAccount { message }) => {
            tracing::info!(%message, "a name enquiry was refused");
            Err(Problem::new(
                Code::AccountNotResolved,
                "The bank does not know an account with this number. Check the number and the bank.",
            ))
        }
        Err(ResolveFailed::UnknownBank) => Err(unknown_bank()),
        Err(ResolveFailed::Unavailable(failed)) => Err(not_asked(&failed)),
    }
}

pub(crate) fn unknown_bank() -> Problem {
    Problem::invalid(vec![FieldError::new(
        "bank_code",
        FieldCode::BankUnknown,
        "is not in the list of banks (GET /api/provider/banks)",
    )])
}

/// Waits for the gateway as long as a person does.
pub(crate) async fn within_patience<T>(call: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::time::timeout(PATIENCE, call).await.map_err(|_| unavailable("an answer in time"))
}

pub(crate) fn not_asked(failed: &LookUpFailed) -> Problem {
    tracing::warn!(%failed, "the gateway could not be asked");
    unavailable("an answer")
}

fn unavailable(what: &str) -> Problem {
    Problem::new(
        Code::GatewayUnavailable,
        format!("The payment gateway did not give us {what}. Nothing was changed."),
    )
}
