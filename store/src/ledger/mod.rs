//! Double entry: one file per posting, named as the business event, so that this folder reads as the chart of money movements.
//!
//! Each constructor writes one posting whose entries sum to zero (the database checks it at commit). The event's key is unique:
//! booking the same event twice is an error, not a second movement. Entries are written in the order of account ids, which is
//! also the lock order.

mod adjusted;
mod debt_recovered;
mod earned;
mod fee;
mod forgotten;
mod forgotten_reversed;
mod overpaid;
mod paid;
mod refunded;
mod reserved;
mod reversed;
mod wallet_funded;

pub use adjusted::{cut, raised};
pub use debt_recovered::debt_recovered;
pub use earned::earned;
pub use fee::fee;
pub use forgotten::forgotten;
pub use forgotten_reversed::forgotten_reversed;
pub use overpaid::overpaid;
pub use paid::paid;
pub use refunded::refunded;
pub use reserved::reserved;
pub use reversed::{excess_reversed, reversed};
pub use wallet_funded::wallet_funded;

use chrono::{DateTime, Utc};
use domain::{AttemptId, Currency, EarningId, Money, PayoutId, PostingId, ProviderId};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::{Pool, Result};

/// What an entry changes. Per provider the first four; the marketplace's own are one row per currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    Available(ProviderId),
    Reserved(ProviderId),
    PaidOut(ProviderId),
    Debt(ProviderId),
    Obligations,
    GatewayWallet,
    GatewayFees,
    Clearing,
    Suspense,
}

impl Account {
    fn kind(self) -> &'static str {
        match self {
            Self::Available(_) => "provider_available",
            Self::Reserved(_) => "provider_reserved",
            Self::PaidOut(_) => "provider_paid_out",
            Self::Debt(_) => "provider_debt",
            Self::Obligations => "obligations",
            Self::GatewayWallet => "gateway_wallet",
            Self::GatewayFees => "gateway_fees",
            Self::Clearing => "clearing",
            Self::Suspense => "suspense",
        }
    }

    fn provider(self) -> Option<ProviderId> {
        match self {
            Self::Available(provider)
            | Self::Reserved(provider)
            | Self::PaidOut(provider)
            | Self::Debt(provider) => Some(provider),
            Self::Obligations | Self::GatewayWallet | Self::GatewayFees | Self::Clearing | Self::Suspense => {
                None
            }
        }
    }
}

/// One posting before it is written.
struct Posting<'a> {
    kind: &'static str,
    event: String,
    payout: Option<PayoutId>,
    attempt: Option<AttemptId>,
    earning: Option<EarningId>,
    /// One of nothing is left out.
    lines: &'a [(Account, Money)],
}

impl Posting<'_> {
    async fn write(self, conn: &mut PgConnection, now: DateTime<Utc>) -> Result<PostingId> {
        let id = PostingId::mint();
        let lines: Vec<(Account, Money)> =
            self.lines.iter().filter(|(_, money)| !money.is_zero()).copied().collect();
        sqlx::query!(
            "INSERT INTO postings (id, kind, event, payout_id, attempt_id, earning_id, posted_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            id.uuid(),
            self.kind,
            self.event,
            self.payout.map(PayoutId::uuid),
            self.attempt.map(AttemptId::uuid),
            self.earning.map(EarningId::uuid),
            now,
        )
        .execute(&mut *conn)
        .await?;
        let kinds: Vec<String> = lines.iter().map(|(account, _)| account.kind().to_owned()).collect();
        let providers: Vec<Option<uuid::Uuid>> =
            lines.iter().map(|(account, _)| account.provider().map(ProviderId::uuid)).collect();
        let amounts: Vec<Decimal> = lines.iter().map(|(_, money)| money.amount()).collect();
        let currencies: Vec<String> =
            lines.iter().map(|(_, money)| money.currency().code().to_owned()).collect();
        // Two joins, because an index knows `=` and `IS NULL` but not `IS NOT DISTINCT FROM`.
        #[expect(clippy::as_conversions, reason = "no conversion: sqlx's notation for elements that may be null")]
        let written = sqlx::query!(
            "INSERT INTO entries (posting_id, account_id, amount)
             SELECT $1, a.id, line.amount
             FROM unnest($2::text[], $3::uuid[], $4::numeric[], $5::text[]) AS line (kind, provider_id, amount, currency)
             CROSS JOIN LATERAL (
                 SELECT id FROM ledger_accounts
                 WHERE kind = line.kind AND provider_id = line.provider_id AND currency = line.currency
                 UNION ALL
                 SELECT id FROM ledger_accounts
                 WHERE kind = line.kind AND provider_id IS NULL AND line.provider_id IS NULL AND currency = line.currency
             ) a
             ORDER BY a.id",
            id.uuid(),
            &kinds,
            &providers as &[Option<uuid::Uuid>],
            &amounts,
            &currencies,
        )
        .execute(&mut *conn)
        .await?
        .rows_affected();
        if usize::try_from(written).ok() == Some(lines.len()) {
            Ok(id)
        } else {
            Err(crate::Error::corrupt(format!("posting {} found no account for a line", self.event)))
        }
    }
}

/// Makes sure that a provider has accounts in a currency, in the order in which they are locked.
pub(crate) async fn open_accounts(
    conn: &mut PgConnection,
    provider: ProviderId,
    currency: Currency,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO ledger_accounts (kind, provider_id, currency, balance)
         SELECT kind, $1, $2, 0
         FROM unnest(ARRAY['provider_available', 'provider_reserved', 'provider_paid_out', 'provider_debt'])
              WITH ORDINALITY AS kinds (kind, position)
         ORDER BY position
         ON CONFLICT DO NOTHING",
        provider.uuid(),
        currency.code(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One line of a posting, for people.
#[derive(Debug, Clone)]
pub struct Line {
    pub posting: uuid::Uuid,
    pub kind: String,
    pub account: String,
    pub amount: Decimal,
    pub currency: String,
    pub posted_at: DateTime<Utc>,
}

/// Everything that was booked for one payout, in order.
pub async fn lines_of_payout(pool: &Pool, payout: PayoutId) -> Result<Vec<Line>> {
    Ok(sqlx::query_as!(
        Line,
        "SELECT p.id AS posting, p.kind, a.kind AS account, e.amount, a.currency, p.posted_at
         FROM postings p JOIN entries e ON e.posting_id = p.id JOIN ledger_accounts a ON a.id = e.account_id
         WHERE p.payout_id = $1 ORDER BY p.id, a.id",
        payout.uuid(),
    )
    .fetch_all(pool)
    .await?)
}
