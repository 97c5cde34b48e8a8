//! Before a batch claims, where the installation has a screening hook: everybody who is to be paid is asked about.
//!
//! Guarantee: a question that is not answered, twice, has been answered with an error: its payouts go before people, never out by
//! themselves. Nothing is asked inside a transaction or with a connection to the database in hand. Cost: a look at what is approved,
//! one call for each provider and account without a good answer, eight at the same time; once [`SILENCES`] in a row got no answer
//! the others are not asked any more in this step, so that a hook that is away costs a batch seconds and not hours.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use futures::{StreamExt as _, stream};
use gateway::screening::{Answer, NotAnswered, Question, Screen};
use store::{
    batches::Batch,
    screening::{self, Screening as Said, Subject, Verdict},
};
use tokio::time::Instant;
use uuid::Uuid;

use crate::World;

/// The screening hook.
pub struct Screening {
    pub hook: Arc<dyn Screen>,
    /// How long an answer is good, as long as no newer list is known.
    pub valid_for: TimeDelta,
}

/// Subjects, and payouts to stop, that are read at once.
const AT_MOST: i64 = 200;
/// Questions at the same time.
const AT_ONCE: usize = 8;
/// The second try meets a connection that was just closed, or a process that was just started.
const TRIES: u8 = 2;
const BETWEEN_TRIES: Duration = Duration::from_millis(300);
const SILENCES: u32 = 16;
/// A step that asks for longer ends, and another goes on: its worker may be told to stop.
const LONGEST: Duration = Duration::from_secs(30);

/// Asks about those that are due, and puts before people whoever was not cleared. Answers whether there are more.
pub(crate) async fn screen(world: &World, screening: &Screening, batch: &Batch) -> store::Result<bool> {
    let (pool, now) = (&world.pool, world.clock.now());
    let since = now.checked_sub_signed(screening.valid_for).unwrap_or(now);
    screening::demand(pool, batch.id, since).await?;
    let began = Instant::now();
    let silent = &AtomicU32::new(0);
    loop {
        // Nobody is asked about twice for one batch, so this ends; a newer list in an answer makes older ones due.
        let subjects = screening::to_ask(pool, since, batch.opened_at, AT_MOST).await?;
        if subjects.is_empty() {
            break;
        }
        let mut answers = stream::iter(subjects)
            .map(|subject| async move {
                let said = say(world, screening, &subject, silent).await;
                screening::record(pool, &subject, &said).await
            })
            .buffer_unordered(AT_ONCE);
        while let Some(recorded) = answers.next().await {
            recorded?;
        }
        if began.elapsed() > LONGEST {
            return Ok(true);
        }
    }
    while screening::send_to_review(pool, since, AT_MOST, world.clock.now()).await? {
        if began.elapsed() > LONGEST {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn say(world: &World, screening: &Screening, subject: &Subject, silent: &AtomicU32) -> Said {
    let told = if silent.load(Ordering::Relaxed) < SILENCES {
        let told = ask(world, screening, subject).await;
        match &told {
            Ok(_) => silent.store(0, Ordering::Relaxed),
            Err(not) => {
                silent.fetch_add(1, Ordering::Relaxed);
                let provider = subject.provider;
                tracing::warn!(provider.id = %provider, "screening gave no answer about provider {provider}: {not}");
            }
        }
        told.map_err(|not| not.to_string())
    } else {
        Err(format!("not asked: {SILENCES} questions before it were not answered"))
    };
    let (verdict, list_version, reason) = match told {
        Ok(Answer::Clear { list_version, reason }) => (Verdict::Clear, Some(list_version), reason),
        Ok(Answer::Hit { list_version, reason }) => (Verdict::Hit, Some(list_version), reason),
        Ok(Answer::Error { reason }) => (Verdict::Error, None, reason),
        Err(why) => (Verdict::Error, None, Some(why)),
    };
    Said { verdict, list_version, reason, answered_at: world.clock.now() }
}

async fn ask(world: &World, screening: &Screening, subject: &Subject) -> Result<Answer, NotAnswered> {
    let (provider, account) = (subject.provider.to_string(), subject.bank_account.to_string());
    let question = Question {
        provider_id: &provider,
        provider_external_id: &subject.provider_external_id,
        provider_name: &subject.provider_name,
        bank_account_id: &account,
        bank_code: subject.bank.as_str(),
        account_number: subject.number.expose(),
        account_name: subject.name.expose(),
        currency: subject.currency.code(),
    };
    let mut tries = 1;
    loop {
        let id = Uuid::new_v4().to_string();
        let told = screening.hook.ask(&id, &question, world.clock.now()).await;
        if told.is_ok() || tries >= TRIES {
            return told;
        }
        tries = tries.saturating_add(1);
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}
