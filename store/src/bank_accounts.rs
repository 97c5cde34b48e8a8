//! Where a provider is paid. A row's number never changes: payouts pin the row.
//!
//! An account to which payout after payout fails is paused and its provider asked to check it ([`FAILURES_IN_A_ROW`]). It is
//! used again when its case is closed; another account is another row and begins with none.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AccountName, AccountNumber, BankAccountId, BankCode, Currency, FailureClass, FailureCode, ProviderId,
};
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    Actor, Error, Pool, Result,
    account_stops::{self, LinkHash},
    audit,
    cases::{self, CaseKind, Finding},
    notifications::{self, BankAccountChange, Event},
    pauses::{self, Paused},
    payouts::Payout,
    providers,
};

/// Enough for a person; a list of accounts is also a way to hide one.
pub const MAX_ACCOUNTS: i64 = 10;
/// The link that stops a new account works until the account has cooled off, and at least so long: a mail may be read late.
const LINK_LIVES: TimeDelta = TimeDelta::hours(1);
/// Payouts in a row that fail for good before an account is paused: two can be bad luck at the bank.
pub const FAILURES_IN_A_ROW: i16 = 3;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankAccount {
    pub id: BankAccountId,
    pub provider: ProviderId,
    pub currency: Currency,
    pub bank: BankCode,
    pub number: AccountNumber,
    pub name: AccountName,
    pub created_at: DateTime<Utc>,
    /// Payouts to it may be asked for from this moment.
    pub usable_from: DateTime<Utc>,
    pub removed_at: Option<DateTime<Utc>>,
    /// Why nothing is sent to it for the moment.
    pub pause: Option<AccountPause>,
}

/// Why nothing is sent to an account for the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountPause {
    /// Too many payouts to it failed: its provider is asked to check it.
    Failing,
    /// An admin paused it.
    ByAdmin,
}

#[derive(Debug, Clone)]
pub struct NewBankAccount {
    pub provider: ProviderId,
    pub currency: Currency,
    pub bank: BankCode,
    pub number: AccountNumber,
    /// As the bank answered the name enquiry.
    pub name: AccountName,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    New(BankAccount),
    /// The provider has this very account already.
    AlreadyThere(BankAccount),
    TooMany,
    UnknownProvider,
}

struct Row {
    id: uuid::Uuid,
    provider_id: uuid::Uuid,
    currency: String,
    bank_code: String,
    account_number: String,
    account_name: String,
    created_at: DateTime<Utc>,
    usable_from: DateTime<Utc>,
    removed_at: Option<DateTime<Utc>>,
    /// Whether a case paused it; absent while nobody did.
    of_case: Option<bool>,
}

impl TryFrom<Row> for BankAccount {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: BankAccountId::from_uuid(row.id),
            provider: ProviderId::from_uuid(row.provider_id),
            currency: row.currency.parse().map_err(Error::corrupt)?,
            bank: row.bank_code.parse().map_err(Error::corrupt)?,
            number: row.account_number.parse().map_err(Error::corrupt)?,
            name: AccountName::new(&row.account_name),
            created_at: row.created_at,
            usable_from: row.usable_from,
            removed_at: row.removed_at,
            pause: row
                .of_case
                .map(|of_case| if of_case { AccountPause::Failing } else { AccountPause::ByAdmin }),
        })
    }
}

/// How whoever reads the provider's mail can stop a new account.
#[derive(Debug, Clone)]
pub struct Stop {
    pub hash: LinkHash,
    /// The whole link, for the message's words.
    pub url: String,
}

/// Adds an account. The provider's first is usable at once; a later one is a change of bank details: it cools off first, and the
/// provider is told, with the link that stops it.
pub async fn add(
    pool: &Pool,
    new: &NewBankAccount,
    stop: Option<&Stop>,
    cooling_off: TimeDelta,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Added> {
    let mut tx = pool.begin().await?;
    if !providers::lock(&mut tx, new.provider).await? {
        return Ok(Added::UnknownProvider);
    }
    let existing = sqlx::query_as!(
        Row,
        "SELECT id, provider_id, currency, bank_code, account_number, account_name, created_at, usable_from, removed_at,
                (SELECT bool_or(s.paused_by LIKE 'case:%') FROM pauses s
                 WHERE s.scope = 'bank_account' AND s.subject = bank_accounts.id::text) AS of_case
         FROM bank_accounts
         WHERE provider_id = $1 AND bank_code = $2 AND account_number = $3 AND currency = $4 AND status = 'ACTIVE'",
        new.provider.uuid(),
        new.bank.as_str(),
        new.number.expose(),
        new.currency.code(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(row) = existing {
        return Ok(Added::AlreadyThere(row.try_into()?));
    }
    let counts = sqlx::query!(
        r#"SELECT count(*) AS "ever!", count(*) FILTER (WHERE status = 'ACTIVE') AS "active!" FROM bank_accounts WHERE provider_id = $1"#,
        new.provider.uuid(),
    )
    .fetch_one(&mut *tx)
    .await?;
    if counts.active >= MAX_ACCOUNTS {
        return Ok(Added::TooMany);
    }
    let is_change = counts.ever > 0;
    let usable_from = if is_change { now.checked_add_signed(cooling_off).unwrap_or(now) } else { now };
    let id = BankAccountId::mint();
    sqlx::query!(
        "INSERT INTO bank_accounts
             (id, provider_id, currency, bank_code, account_number, account_name, created_at, usable_from, is_change)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        id.uuid(),
        new.provider.uuid(),
        new.currency.code(),
        new.bank.as_str(),
        new.number.expose(),
        new.name.expose(),
        now,
        usable_from,
        is_change,
    )
    .execute(&mut *tx)
    .await?;
    let detail =
        json!({ "provider": new.provider, "bank": new.bank.as_str(), "ending": new.number.masked() });
    audit::record_subject(&mut tx, actor, "bank_account_added", &id.to_string(), detail, now).await?;
    if is_change {
        if let Some(stop) = stop {
            let lives = now.checked_add_signed(LINK_LIVES).unwrap_or(now);
            account_stops::offer(&mut tx, id, &stop.hash, usable_from.max(lives)).await?;
        }
        let words = changed(new, usable_from, stop);
        notifications::tell_of_account(&mut tx, new.provider, id, BankAccountChange::Added, &words, now)
            .await?;
    }
    tx.commit().await?;
    Ok(Added::New(BankAccount {
        id,
        provider: new.provider,
        currency: new.currency,
        bank: new.bank.clone(),
        number: new.number.clone(),
        name: new.name.clone(),
        created_at: now,
        usable_from,
        removed_at: None,
        pause: None,
    }))
}

/// What the provider is told.
fn changed(new: &NewBankAccount, usable_from: DateTime<Utc>, stop: Option<&Stop>) -> String {
    let what = format!(
        "The bank account {} was added. Payouts can go there from {}.",
        new.number.masked(),
        usable_from.format("%-d %B %Y %H:%M UTC"),
    );
    match stop {
        Some(stop) => format!("{what} If this was not you, stop it here: {}", stop.url),
        None => format!("{what} If this was not you, tell us at once."),
    }
}

/// The provider's accounts in use, oldest first.
pub async fn list(pool: &Pool, provider: ProviderId) -> Result<Vec<BankAccount>> {
    sqlx::query_as!(
        Row,
        "SELECT id, provider_id, currency, bank_code, account_number, account_name, created_at, usable_from, removed_at,
                (SELECT bool_or(s.paused_by LIKE 'case:%') FROM pauses s
                 WHERE s.scope = 'bank_account' AND s.subject = bank_accounts.id::text) AS of_case
         FROM bank_accounts WHERE provider_id = $1 AND status = 'ACTIVE' ORDER BY id",
        provider.uuid(),
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(BankAccount::try_from)
    .collect()
}

/// One account, also a removed one that a payout went to.
pub async fn get(pool: &Pool, id: BankAccountId) -> Result<Option<BankAccount>> {
    sqlx::query_as!(
        Row,
        "SELECT id, provider_id, currency, bank_code, account_number, account_name, created_at, usable_from, removed_at,
                (SELECT bool_or(s.paused_by LIKE 'case:%') FROM pauses s
                 WHERE s.scope = 'bank_account' AND s.subject = bank_accounts.id::text) AS of_case
         FROM bank_accounts WHERE id = $1",
        id.uuid(),
    )
    .fetch_optional(pool)
    .await?
    .map(BankAccount::try_from)
    .transpose()
}

/// Takes an account out of use. Payouts that pin it and have not begun are refused at their next check. `false`: not theirs.
pub async fn remove(
    pool: &Pool,
    provider: ProviderId,
    id: BankAccountId,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<bool> {
    let mut tx = pool.begin().await?;
    let ending = sqlx::query_scalar!(
        r#"UPDATE bank_accounts SET status = 'REMOVED', removed_at = $3 WHERE id = $1 AND provider_id = $2 AND status = 'ACTIVE'
           RETURNING right(account_number, 4) AS "ending!""#,
        id.uuid(),
        provider.uuid(),
        now,
    )
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(ending) = &ending {
        audit::record_subject(&mut tx, actor, "bank_account_removed", &id.to_string(), json!({}), now)
            .await?;
        let words = format!(
            "The bank account ******{ending} was removed. No new payout goes there. If this was not you, tell us at once."
        );
        let what = BankAccountChange::Removed;
        notifications::tell_of_account(&mut tx, provider, id, what, &words, now).await?;
    }
    tx.commit().await?;
    Ok(ending.is_some())
}

/// A payout to an account has failed for good. The third in a row (another payout each) pauses the account, opens a case and
/// asks the provider to check it; what only finance can mend is not the account's failure. For the transaction that fails the
/// payout. Locks the account.
pub(crate) async fn payout_failed(
    conn: &mut PgConnection,
    payout: &Payout,
    code: FailureCode,
    now: DateTime<Utc>,
) -> Result<()> {
    match code.class() {
        FailureClass::NeedsFinance => return Ok(()),
        FailureClass::Retry | FailureClass::NeedsProvider | FailureClass::Permanent => {}
    }
    let first_time = sqlx::query!(
        "UPDATE payouts SET counted_on_account = true WHERE id = $1 AND NOT counted_on_account",
        payout.id.uuid()
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if first_time == 0 {
        return Ok(());
    }
    let account = sqlx::query!(
        "UPDATE bank_accounts SET failed_in_row = least(failed_in_row + 1, 1000) WHERE id = $1 RETURNING failed_in_row, status",
        payout.bank_account.uuid(),
    )
    .fetch_one(&mut *conn)
    .await?;
    if account.failed_in_row < FAILURES_IN_A_ROW || account.status != "ACTIVE" {
        return Ok(());
    }
    let finding = Finding {
        kind: CaseKind::AccountFailing,
        subject: cases::about_bank_account(payout.bank_account),
        payout: None,
        provider: Some(payout.provider),
        amount: None,
        summary: "Payout after payout to one bank account failed. It is paused until somebody has checked it.",
        source: "system",
        detail: json!({ "payout": payout.id, "code": code, "failed_in_row": account.failed_in_row }),
    };
    let case = cases::open(conn, &finding, now).await?;
    let what = Paused::BankAccount(payout.bank_account);
    pauses::for_case(conn, &what, case, "payout after payout to it failed", now).await?;
    if account.failed_in_row == FAILURES_IN_A_ROW {
        let (id, provider) = (payout.id, payout.provider);
        notifications::tell(conn, id, provider, Event::CheckAccount, payout.amount, None, now).await?;
    }
    Ok(())
}

/// A payout to the account has arrived: what failed before is not in a row with what may fail later.
pub(crate) async fn payout_arrived(conn: &mut PgConnection, account: BankAccountId) -> Result<()> {
    forget_failures(conn, account).await
}

pub(crate) async fn forget_failures(conn: &mut PgConnection, account: BankAccountId) -> Result<()> {
    sqlx::query!(
        "UPDATE bank_accounts SET failed_in_row = 0 WHERE id = $1 AND failed_in_row > 0",
        account.uuid()
    )
    .execute(conn)
    .await?;
    Ok(())
}
