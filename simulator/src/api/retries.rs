//! `POST` and `GET /v3/transfers/:id/retries`: a retry is a new transfer, `<reference>_RETRY_<n>`.

use crate::books::accept;
use crate::faults::Endpoint;
use crate::server::Answer;
use crate::world::World;

use super::shapes::TransferData;
use super::transfers::refused;

pub(super) async fn create(world: &World, id: &str) -> Result<Answer, Answer> {
    super::strike_endpoint(world, Endpoint::Retry).await?;
    let settings = world.settings();
    if !settings.ip_whitelisted {
        return Ok(Answer::ip_not_whitelisted());
    }
    let id = id.parse().unwrap_or_default();
    let outcome = world.books.write(|draft| accept::retry(draft, world.terms(&settings), id)).await?;
    Ok(match outcome {
        Ok(retry) => Answer::success("Transfer retry attempt queued.", TransferData::queued(&retry)),
        Err(refusal) => refused(&refusal, &settings),
    })
}

pub(super) async fn list(world: &World, id: &str) -> Result<Answer, Answer> {
    super::strike_endpoint(world, Endpoint::Retry).await?;
    let id: u64 = id.parse().unwrap_or_default();
    let retries = world
        .books
        .read(|state| {
            let ids = state.retries.get(&id).map(Vec::as_slice).unwrap_or_default();
            let retries = ids.iter().filter_map(|id| state.transfers.get(id));
            retries.map(TransferData::fetched).collect::<Vec<_>>()
        })
        .await?;
    Ok(Answer::success("Transfer retry attempts retrieved.", retries))
}
