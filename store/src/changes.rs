//! What has just changed, as the database says it after each commit (`migrations/0021_changes.sql`): for screens, and for nothing else.
//!
//! Guarantee: every committed change of the kinds below is said, by a trigger that no writer can forget, and nothing is said of what
//! was rolled back. No guarantee that it is heard: after a crash of the database, or a long silence of the listener, what was said is
//! gone, and the listener says that much (by an error, or by [`Heard::Gap`]). Nothing may be decided by what is heard here; whoever hears it reads
//! the rows. Cost: five look-ups of an index a second for each process, on its pool.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    str::FromStr,
    time::Duration,
};

use domain::ProviderId;
use sqlx::Row as _;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{Error, Pool, Result};

/// A change is on the screen within a second, and this is most of it.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Rows taken by one look; the rest comes with the next, at once.
const MOST_AT_ONCE: i64 = 1_000;
/// Rows that are kept, about: a hundred a second for more than a minute. What is older is deleted.
const MOST_KEPT: i64 = 10_000;
/// A listener that has not looked for longer may have missed what was deleted meanwhile.
const SILENCE: Duration = Duration::from_secs(30);
/// Looks between two deletions: about half a minute.
const LOOKS_PER_DELETION: u32 = 150;
/// An id or a bank's code; what is longer is not one of ours.
const MAX_ID_CHARS: usize = 64;

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A payout, or how far one of its attempts is.
    Payout,
    /// A review; the id is its payout's.
    Review,
    Batch,
    Case,
    /// A message to somebody.
    Notification,
    /// What is paused: the id is what it is about, none for everything.
    Pause,
    /// What a provider has earned.
    Balance,
    BankAccount,
    Provider,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::Payout,
        Self::Review,
        Self::Batch,
        Self::Case,
        Self::Notification,
        Self::Pause,
        Self::Balance,
        Self::BankAccount,
        Self::Provider,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Payout => "payout",
            Self::Review => "review",
            Self::Batch => "batch",
            Self::Case => "case",
            Self::Notification => "notification",
            Self::Pause => "pause",
            Self::Balance => "balance",
            Self::BankAccount => "bank_account",
            Self::Provider => "provider",
        }
    }
}

/// One row that has changed. As text it is what the database said: the same message heard by two listeners is the same text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Change {
    pub kind: Kind,
    /// The transaction that changed it.
    pub transaction: u64,
    pub id: Option<String>,
    /// The provider who may know of it; without one it is for staff only.
    pub provider: Option<ProviderId>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id.as_deref().unwrap_or("-");
        write!(f, "{} {} {id} ", self.kind.as_str(), self.transaction)?;
        match self.provider {
            Some(provider) => provider.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// A text that says no change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a change: expected `<kind> <transaction> <id> <provider>`")]
pub struct NotAChange;

impl FromStr for Change {
    type Err = NotAChange;

    fn from_str(text: &str) -> Result<Self, NotAChange> {
        let mut words = text.split(' ');
        let (Some(kind), Some(transaction), Some(id), Some(provider), None) =
            (words.next(), words.next(), words.next(), words.next(), words.next())
        else {
            return Err(NotAChange);
        };
        if id.is_empty() || id.len() > MAX_ID_CHARS {
            return Err(NotAChange);
        }
        Ok(Self {
            kind: Kind::ALL.into_iter().find(|one| one.as_str() == kind).ok_or(NotAChange)?,
            transaction: transaction.parse().map_err(|_| NotAChange)?,
            id: (id != "-").then(|| id.to_owned()),
            provider: match provider {
                "-" => None,
                id => Some(id.parse().map_err(|_| NotAChange)?),
            },
        })
    }
}

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Change(Change),
    /// Something was missed: what was said meanwhile is not known.
    Gap,
}

/// Looks for what is new, as long as it is asked to.
pub struct Listener {
    pool: Pool,
    /// Every transaction before this one had ended at the last look.
    ended_before: String,
    /// Rows of later ones that were heard, with their transaction: they are met again.
    heard: HashMap<i64, u64>,
    waiting: VecDeque<Heard>,
    looks: u32,
    looked_at: Instant,
}

impl Listener {
    /// Hears what is committed after this has answered.
    pub async fn open(pool: &Pool) -> Result<Self> {
        let mut listener = Self {
            pool: pool.clone(),
            ended_before: horizon(pool).await?,
            heard: HashMap::new(),
            waiting: VecDeque::new(),
            looks: 0,
            looked_at: Instant::now(),
        };
        // What had been committed by now is not news.
        listener.look().await?;
        listener.waiting.clear();
        Ok(listener)
    }

    /// Waits for the next one. May be dropped while it waits: nothing is lost by that.
    pub async fn next(&mut self) -> Result<Heard> {
        loop {
            if let Some(heard) = self.waiting.pop_front() {
                return Ok(heard);
            }
            tokio::time::sleep(LOOK_EVERY).await;
            self.look().await?;
        }
    }

    /// What has been found already and is not heard yet.
    pub fn found(&mut self) -> Option<Heard> {
        self.waiting.pop_front()
    }

    /// Whatever goes wrong in the middle is found again by the next look.
    async fn look(&mut self) -> Result<()> {
        if self.looked_at.elapsed() > SILENCE {
            self.waiting.push_back(Heard::Gap);
        }
        // The horizon first: every row before it that was committed is in what is read after it.
        let horizon = horizon(&self.pool).await?;
        let known: Vec<i64> = self.heard.keys().copied().collect();
        // The macros know no `xid8`.
        let rows = sqlx::query(
            "SELECT id, transaction::text, kind, subject, provider_id FROM changes
             WHERE transaction >= $1::text::xid8 AND NOT id = ANY($2)
             ORDER BY changes.transaction, id LIMIT $3",
        )
        .bind(&self.ended_before)
        .bind(known)
        .bind(MOST_AT_ONCE)
        .fetch_all(&self.pool)
        .await?;
        let all = i64::try_from(rows.len()).unwrap_or(i64::MAX) < MOST_AT_ONCE;
        // Twice in one transaction is once.
        let mut said = HashSet::new();
        for row in rows {
            let transaction = number(&row.try_get::<String, _>(1)?)?;
            self.heard.insert(row.try_get(0)?, transaction);
            let kind: String = row.try_get(2)?;
            let Some(kind) = Kind::ALL.into_iter().find(|one| one.as_str() == kind) else {
                // From a newer release's migration, while this process is the old one.
                continue;
            };
            let provider: Option<Uuid> = row.try_get(4)?;
            let provider = provider.map(ProviderId::from_uuid);
            let change = Change { kind, transaction, id: row.try_get(3)?, provider };
            if said.insert(change.clone()) {
                self.waiting.push_back(Heard::Change(change));
            }
        }
        if all {
            let before = number(&horizon)?;
            self.heard.retain(|_, transaction| *transaction >= before);
            self.ended_before = horizon;
        }
        self.looked_at = Instant::now();
        self.looks = self.looks.saturating_add(1);
        if self.looks >= LOOKS_PER_DELETION {
            self.looks = 0;
            forget(&self.pool).await?;
        }
        Ok(())
    }
}

/// Every transaction before this one has ended.
async fn horizon(pool: &Pool) -> Result<String> {
    let row = sqlx::query("SELECT pg_snapshot_xmin(pg_current_snapshot())::text").fetch_one(pool).await?;
    Ok(row.try_get(0)?)
}

fn number(transaction: &str) -> Result<u64> {
    transaction.parse().map_err(Error::corrupt)
}

/// Deletes what everybody has heard long ago. Several processes do so; whoever is second finds nothing.
async fn forget(pool: &Pool) -> Result<()> {
    sqlx::query("DELETE FROM changes WHERE id <= (SELECT max(id) FROM changes) - $1")
        .bind(MOST_KEPT)
        .execute(pool)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_read_back() {
        for kind in Kind::ALL {
            for (id, provider) in [(None, None), (Some("044".to_owned()), Some(ProviderId::mint()))] {
                let change = Change { kind, transaction: 7, id, provider };
                assert_eq!(change.to_string().parse(), Ok(change));
            }
        }
    }

    #[test]
    fn what_is_no_change_is_not_read() {
        let long = format!("payout 7 {} -", "x".repeat(65));
        for text in [
            "",
            "payout",
            "payout 7 a",
            "payout x a -",
            "payout 7 a b",
            "money 7 a -",
            "payout 7 a - -",
            &long,
        ] {
            assert_eq!(text.parse::<Change>(), Err(NotAChange), "{text}");
        }
    }
}
