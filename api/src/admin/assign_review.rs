//! `POST /api/admin/reviews/{id}/assignment` and `POST /api/admin/reviews/{id}/release`

use domain::PayoutId;
use poem_openapi::{Object, OpenApi, param::Path, payload::Json};
use store::{
    Actor,
    reviews::{self, Assigning},
};
use uuid::Uuid;

use super::review_view::{Review, taken};
use crate::{
    app::{App, TheApp},
    auth::AsAdmin,
    body::{Body, Fields, FromFields},
    document::Tag,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_ID},
};

/// A token's `sub` has no more.
const MAX_NAME_CHARS: usize = 200;

/// Who takes a review on.
#[derive(Debug, Object)]
struct Assignment {
    /// An admin's name, as their token has it in `sub`. Default: you.
    #[oai(validator(max_length = 200))]
    to: Option<String>,
    /// Also from somebody else. Default: false.
    #[oai(rename = "override")]
    over: Option<bool>,
}

struct Given {
    to: Option<String>,
    over: bool,
}

impl FromFields for Assignment {
    type Checked = Given;

    fn from_fields(fields: &mut Fields) -> Option<Given> {
        let to = fields.optional_text("to", MAX_NAME_CHARS);
        let over = fields.bool_or("override", false);
        Some(Given { to, over: over? })
    }
}

pub(crate) struct AssignReview;

impl Refuses for AssignReview {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_BODY, &[Code::ReviewTaken]];
}

#[OpenApi(tag = "Tag::Admin")]
impl AssignReview {
    /// Take a review on, or give it to somebody
    ///
    /// For two hours, then it is nobody's again; asking once more begins them anew. Whoever else decides on it is warned (409
    /// `review_taken`) and may go on with `override`. 404 where the payout is not under review.
    #[oai(path = "/api/admin/reviews/:id/assignment", method = "post", operation_id = "assignReview")]
    async fn assign(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// The payout.
        id: Path<Uuid>,
        body: Body<Assignment>,
    ) -> Result<Json<Review>, Refused<Self>> {
        let payout = PayoutId::from_uuid(id.0);
        let to = body.0.to.as_deref().filter(|name| *name != "me").map(name);
        let to = to.unwrap_or_else(|| caller.0.actor.clone());
        let done = reviews::assign(&app.pool, payout, &to, &caller.0, body.0.over, app.now()).await?;
        Ok(answer(&app, payout, done).await?)
    }
}

/// `admin:ada` and `ada` are the same person.
fn name(to: &str) -> Actor {
    Actor::admin(to.strip_prefix("admin:").unwrap_or(to))
}

/// Whose claim is let go.
#[derive(Debug, Object)]
struct Release {
    /// Also somebody else's. Default: false.
    #[oai(rename = "override")]
    over: Option<bool>,
}

impl FromFields for Release {
    type Checked = bool;

    fn from_fields(fields: &mut Fields) -> Option<bool> {
        fields.bool_or("override", false)
    }
}

pub(crate) struct ReleaseReview;

impl Refuses for ReleaseReview {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_BODY, &[Code::ReviewTaken]];
}

#[OpenApi(tag = "Tag::Admin")]
impl ReleaseReview {
    /// Let a review go
    ///
    /// It is nobody's afterwards. Safe to repeat. 404 where the payout is not under review.
    #[oai(path = "/api/admin/reviews/:id/release", method = "post", operation_id = "releaseReview")]
    async fn release(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// The payout.
        id: Path<Uuid>,
        body: Body<Release>,
    ) -> Result<Json<Review>, Refused<Self>> {
        let payout = PayoutId::from_uuid(id.0);
        let done = reviews::release(&app.pool, payout, &caller.0, body.0, app.now()).await?;
        Ok(answer(&app, payout, done).await?)
    }
}

async fn answer(app: &App, payout: PayoutId, done: Assigning) -> Result<Json<Review>, Problem> {
    match done {
        Assigning::Done(_) => {
            let review = reviews::get(&app.pool, payout, app.now()).await?.ok_or_else(Problem::not_found)?;
            Ok(Json(Review::from(&review)))
        }
        Assigning::NotOpen => Err(Problem::not_found()),
        Assigning::Taken(assigned) => Err(taken(&assigned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<Assignment>();
        assert_reads_what_is_documented::<Release>();
    }
}
