//! Seals anew what an older key of `SECRETS_KEY` has sealed, once at each start: then the older one can go.
//!
//! Any number of workers may do it at once: a row changes only from what was read. What no key opens is said and left alone.

use channels::{CannotOpen, SealingKeys};
use domain::Clock;
use store::{
    Pool,
    webhook_endpoints::{self, Sealed},
};

pub(crate) async fn reseal(pool: &Pool, keys: &SealingKeys, clock: &dyn Clock) -> store::Result<u64> {
    let mut done = 0_u64;
    for before in webhook_endpoints::sealed(pool).await? {
        match renewed(keys, &before) {
            Ok(None) => {}
            Ok(Some(after)) => {
                if webhook_endpoints::reseal(pool, &before, &after, clock.now()).await? {
                    done = done.saturating_add(1);
                }
            }
            Err(why) => tracing::error!("nothing can be sent to webhook endpoint {}: {why}", before.id),
        }
    }
    if done > 0 {
        tracing::info!(
            "the secrets of {done} webhook endpoints are sealed by the key `{}` now",
            keys.current()
        );
    }
    Ok(done)
}

/// `None`: they are by the key in use.
fn renewed(keys: &SealingKeys, before: &Sealed) -> Result<Option<Sealed>, CannotOpen> {
    let secret = keys.renew(&before.secret, before.id)?;
    let old_secret = match &before.old_secret {
        None => None,
        Some(old) => keys.renew(old, before.id)?,
    };
    if secret.is_none() && old_secret.is_none() {
        return Ok(None);
    }
    Ok(Some(Sealed {
        id: before.id,
        secret: secret.unwrap_or_else(|| before.secret.clone()),
        old_secret: old_secret.or_else(|| before.old_secret.clone()),
    }))
}
