//! Where a page of the queue ended: the place in its order, and which review. Opaque to clients. By time it is every list's.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use domain::ReviewId;
use poem_openapi::types::ParseFromParameter as _;
use rust_decimal::Decimal;
use store::reviews::After;
use uuid::Uuid;

use crate::{
    paging::TimedCursor,
    problem::{FieldCode, Problem},
};

/// So that a cursor of another order is not taken for one of this.
const BY_AMOUNT: &str = "amount";

pub(super) fn amount_cursor(amount: Decimal, id: ReviewId) -> String {
    URL_SAFE_NO_PAD.encode(format!("{BY_AMOUNT} {amount} {}", id.uuid()))
}

pub(super) fn time_place(text: &str) -> Result<After<DateTime<Utc>>, Problem> {
    let read = TimedCursor::parse_from_parameter(text).ok();
    read.map(|at| After { place: at.time, id: ReviewId::from_uuid(at.id) }).ok_or_else(not_ours)
}

pub(super) fn amount_place(text: &str) -> Result<After<Decimal>, Problem> {
    decode(text).ok_or_else(not_ours)
}

fn decode(text: &str) -> Option<After<Decimal>> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let mut parts = text.split(' ');
    let (Some(BY_AMOUNT), Some(amount), Some(id), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let id = ReviewId::from_uuid(Uuid::parse_str(id).ok()?);
    Some(After { place: amount.parse().ok()?, id })
}

fn not_ours() -> Problem {
    Problem::invalid_parameter(
        "cursor",
        FieldCode::InvalidValue,
        "is not a cursor of this list in this order",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_in_its_own_order_only() {
        let (id, at) = (ReviewId::mint(), DateTime::UNIX_EPOCH);
        let amount: Decimal = "150000.01".parse().unwrap();
        let by_time = TimedCursor { time: at, id: id.uuid() }.encode();
        assert_eq!(time_place(&by_time).unwrap(), After { place: at, id });
        assert_eq!(amount_place(&amount_cursor(amount, id)).unwrap(), After { place: amount, id });
        assert!(time_place(&amount_cursor(amount, id)).is_err());
        assert!(amount_place(&by_time).is_err());
        for wrong in ["", "x", "dCAx", "!!!"] {
            assert!(time_place(wrong).is_err(), "{wrong}");
        }
    }
}
