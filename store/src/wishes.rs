//! Who wants to hear what: a provider's settings, admins' contacts, and the browsers that asked for push.

use chrono::{DateTime, Utc};
use domain::ProviderId;
use serde_json::json;
use uuid::Uuid;

use crate::{
    Actor, Pool, Result, audit,
    notifications::{AdminEvent, Event},
};

/// Browsers of one person. The one that asked longest ago makes room.
pub const MOST_BROWSERS: i64 = 10;
/// Addresses that admins are written to at.
pub const MOST_CONTACTS: i64 = 50;

/// What a provider hears, by channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSettings {
    /// The marketplace's to say.
    pub email: Option<String>,
    /// Events that are not mailed.
    pub email_off: Vec<Event>,
    /// Events that are not pushed.
    pub push_off: Vec<Event>,
    /// Browsers that asked for push.
    pub browsers: i64,
}

fn events(words: &[String]) -> Vec<Event> {
    words.iter().filter_map(|word| Event::parse(word)).collect()
}

fn words(events: &[Event]) -> Vec<String> {
    // What is mandatory goes out whatever is stored; it is not even stored.
    events.iter().filter(|event| !event.is_mandatory()).map(|event| event.as_str().to_owned()).collect()
}

/// `None`: no such provider.
pub async fn of_provider(pool: &Pool, provider: ProviderId) -> Result<Option<ProviderSettings>> {
    let row = sqlx::query!(
        r#"SELECT p.email, s.email_off AS "email_off?", s.push_off AS "push_off?",
                  (SELECT count(*) FROM push_subscriptions b WHERE b.provider_id = p.id) AS "browsers!"
           FROM providers p LEFT JOIN notification_settings s ON s.provider_id = p.id WHERE p.id = $1"#,
        provider.uuid(),
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| ProviderSettings {
        email: row.email,
        email_off: events(&row.email_off.unwrap_or_default()),
        push_off: events(&row.push_off.unwrap_or_default()),
        browsers: row.browsers,
    }))
}

/// Takes the provider's settings as a whole. `false`: no such provider.
pub async fn set_of_provider(
    pool: &Pool,
    provider: ProviderId,
    email_off: &[Event],
    push_off: &[Event],
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<bool> {
    let (email_off, push_off) = (words(email_off), words(push_off));
    let mut tx = pool.begin().await?;
    let set = sqlx::query!(
        "INSERT INTO notification_settings (provider_id, email_off, push_off, updated_at)
         SELECT id, $2, $3, $4 FROM providers WHERE id = $1
         ON CONFLICT (provider_id) DO UPDATE
         SET email_off = EXCLUDED.email_off, push_off = EXCLUDED.push_off, updated_at = EXCLUDED.updated_at",
        provider.uuid(),
        &email_off,
        &push_off,
        now,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if set == 1 {
        let detail = json!({ "email_off": email_off, "push_off": push_off });
        let subject = format!("provider:{provider}");
        audit::record_subject(&mut tx, actor, "notification_settings_changed", &subject, detail, now).await?;
    }
    tx.commit().await?;
    Ok(set == 1)
}

/// An address that admins are written to at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub email: String,
    pub events: Vec<AdminEvent>,
}

pub async fn contacts(pool: &Pool) -> Result<Vec<Contact>> {
    let rows =
        sqlx::query!("SELECT email, events FROM admin_contacts ORDER BY email").fetch_all(pool).await?;
    let contact = |email, words: Vec<String>| Contact {
        email,
        events: words.iter().filter_map(|word| AdminEvent::parse(word)).collect(),
    };
    Ok(rows.into_iter().map(|row| contact(row.email, row.events)).collect())
}

/// Adds an address (in lower case), changes what it is told, or, told nothing, removes it. `false`: there are [`MOST_CONTACTS`].
pub async fn set_contact(pool: &Pool, contact: &Contact, actor: &Actor, now: DateTime<Utc>) -> Result<bool> {
    let events: Vec<String> = contact.events.iter().map(|event| event.as_str().to_owned()).collect();
    let mut tx = pool.begin().await?;
    // Counting and adding are one thing; contacts change seldom.
    sqlx::query!("LOCK TABLE admin_contacts IN SHARE ROW EXCLUSIVE MODE").execute(&mut *tx).await?;
    if events.is_empty() {
        sqlx::query!("DELETE FROM admin_contacts WHERE email = $1", contact.email).execute(&mut *tx).await?;
    } else {
        let set = sqlx::query!(
            "INSERT INTO admin_contacts (email, events, created_at)
             SELECT $1, $2, $3 WHERE (SELECT count(*) FROM admin_contacts WHERE email <> $1) < $4
             ON CONFLICT (email) DO UPDATE SET events = EXCLUDED.events",
            contact.email,
            &events,
            now,
            MOST_CONTACTS,
        )
        .execute(&mut *tx)
        .await?;
        if set.rows_affected() == 0 {
            return Ok(false);
        }
    }
    let detail = json!({ "email": contact.email, "events": events });
    audit::record_subject(&mut tx, actor, "admin_contact_changed", "admin_contacts", detail, now).await?;
    tx.commit().await?;
    Ok(true)
}

/// Whose browser it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<'a> {
    Provider(ProviderId),
    /// `escalates`: they are told of what has waited too long.
    Admin {
        name: &'a str,
        escalates: bool,
    },
}

impl<'a> Owner<'a> {
    fn columns(self) -> (Option<Uuid>, Option<&'a str>) {
        match self {
            Self::Provider(id) => (Some(id.uuid()), None),
            Self::Admin { name, escalates: _ } => (None, Some(name)),
        }
    }

    fn escalates(self) -> bool {
        match self {
            Self::Provider(_) => false,
            Self::Admin { name: _, escalates } => escalates,
        }
    }
}

/// What a browser gives when somebody there allows push.
#[derive(Debug, Clone)]
pub struct Subscription {
    pub endpoint: String,
    pub p256dh: String,
    pub auth: String,
}

/// Keeps a browser. The same one again is the same, and whoever signed in there last owns it; beyond [`MOST_BROWSERS`] the
/// oldest of its owner is forgotten.
pub async fn subscribe(
    pool: &Pool,
    owner: Owner<'_>,
    browser: &Subscription,
    now: DateTime<Utc>,
) -> Result<Uuid> {
    let ((provider, admin), escalates) = (owner.columns(), owner.escalates());
    let mut tx = pool.begin().await?;
    let id = sqlx::query_scalar!(
        "INSERT INTO push_subscriptions (id, provider_id, admin, endpoint, p256dh, auth, created_at, escalates)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (endpoint) DO UPDATE
         SET provider_id = EXCLUDED.provider_id, admin = EXCLUDED.admin, p256dh = EXCLUDED.p256dh, auth = EXCLUDED.auth,
             created_at = EXCLUDED.created_at, escalates = EXCLUDED.escalates
         RETURNING id",
        Uuid::now_v7(),
        provider,
        admin,
        browser.endpoint,
        browser.p256dh,
        browser.auth,
        now,
        escalates,
    )
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query!(
        "DELETE FROM push_subscriptions WHERE id IN (
             SELECT id FROM push_subscriptions WHERE provider_id = $1 OR admin = $2
             ORDER BY created_at DESC, id DESC OFFSET $3)",
        provider,
        admin,
        MOST_BROWSERS,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(id)
}

/// Forgets a browser of theirs. Forgetting one that is not there is nothing new.
pub async fn unsubscribe(pool: &Pool, owner: Owner<'_>, endpoint: &str) -> Result<bool> {
    let (provider, admin) = owner.columns();
    let forgotten = sqlx::query!(
        "DELETE FROM push_subscriptions WHERE endpoint = $1 AND (provider_id = $2 OR admin = $3)",
        endpoint,
        provider,
        admin,
    )
    .execute(pool)
    .await?;
    Ok(forgotten.rows_affected() == 1)
}
