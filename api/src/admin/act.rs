//! What retrying and refunding have in common: a reason, and what can stand in the way.

use poem_openapi::{Object, payload::Json};
use store::manual::Acted;

use super::view::AdminPayout;
use crate::{
    body::{Fields, FromFields},
    problem::{Code, Problem},
};

/// The columns hold this many.
pub(super) const MAX_REASON_CHARS: usize = 1000;

/// Why it is done.
#[derive(Debug, Object)]
pub(super) struct Reason {
    /// For whoever has to answer for it later; 1 to 1000 characters.
    #[oai(validator(min_length = 1, max_length = 1000))]
    reason: String,
}

impl FromFields for Reason {
    type Checked = String;

    fn from_fields(fields: &mut Fields) -> Option<String> {
        fields.text("reason", MAX_REASON_CHARS)
    }
}

pub(super) fn answer(acted: Acted) -> Result<Json<AdminPayout>, Problem> {
    match acted {
        Acted::Done(payout) => Ok(Json(AdminPayout::from(payout.as_ref()))),
        Acted::NotFound => Err(Problem::not_found()),
        Acted::NotWaiting(conflict) => Err(Problem::moved_on(conflict.status, &conflict.by)),
        Acted::NotProven { reason } => Err(not_proven(&reason)),
    }
}

fn not_proven(why: &str) -> Problem {
    let detail = format!("An earlier attempt may still pay, so no money moves: {why}.");
    Problem::new(Code::NotProvenUnpaid, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<Reason>();
    }
}
