//! What the next windows will take, and whether the wallet will do.

use chrono::{DateTime, Utc};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::{Allowance, Currency};

/// What waits in one currency, and what it can be paid from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub currency: Currency,
    pub payouts: u32,
    pub amount: Decimal,
    /// Under review: it may be approved in time, or not.
    pub in_review: Decimal,
    pub payouts_in_review: u32,
    /// What may be spent; `None`: the gateway could not be asked.
    pub spendable: Option<Decimal>,
    /// What a transfer costs besides its amount, at most.
    pub fee_each: Decimal,
    /// How much one batch may take.
    pub limit: Allowance,
}

/// What one window is expected to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    pub at: DateTime<Utc>,
    /// With fees.
    pub takes: Decimal,
    pub payouts: u32,
    /// What is missing by then, for everything that is to leave until then; zero: nothing.
    pub shortfall: Option<Decimal>,
    /// The same if everything under review is approved before this window.
    pub shortfall_with_reviews: Option<Decimal>,
}

/// What is approved by now leaves with the next windows, as much with each as its limit lets. What will be asked for until then is
/// not guessed.
pub fn forecast(waiting: &Waiting, windows: &[DateTime<Utc>]) -> Vec<Expected> {
    let (mut left, mut payouts_left, mut needed) = (waiting.amount, waiting.payouts, Decimal::ZERO);
    let review_fees = fees(waiting.payouts_in_review, waiting.fee_each);
    let reviews = waiting.in_review.saturating_add(review_fees);
    windows
        .iter()
        .map(|at| {
            let (amount, payouts) = share(left, payouts_left, waiting.limit);
            left = left.saturating_sub(amount);
            payouts_left = payouts_left.saturating_sub(payouts);
            let takes = amount.saturating_add(fees(payouts, waiting.fee_each));
            needed = needed.saturating_add(takes);
            let missing = |needed: Decimal| {
                waiting.spendable.map(|spendable| needed.saturating_sub(spendable).max(Decimal::ZERO))
            };
            Expected {
                at: *at,
                takes,
                payouts,
                shortfall: missing(needed),
                shortfall_with_reviews: missing(needed.saturating_add(reviews)),
            }
        })
        .collect()
}

fn fees(payouts: u32, each: Decimal) -> Decimal {
    Decimal::from(payouts).saturating_mul(each)
}

/// How much of what waits fits a limit, counting each payout as an average one.
fn share(left: Decimal, payouts: u32, limit: Allowance) -> (Decimal, u32) {
    let count = limit.payouts.unwrap_or(payouts).min(payouts);
    let by_count = part(left, count, payouts);
    let amount = limit.amount.unwrap_or(left).min(by_count);
    if amount >= left {
        return (left, payouts);
    }
    let whole = amount.checked_mul(Decimal::from(payouts)).and_then(|all| all.checked_div(left));
    let count = whole.and_then(|whole| u32::try_from(whole.ceil()).ok()).unwrap_or(count);
    (amount, count.min(payouts))
}

fn part(left: Decimal, count: u32, of: u32) -> Decimal {
    if count >= of {
        return left;
    }
    let part = left.checked_mul(Decimal::from(count)).and_then(|all| all.checked_div(Decimal::from(of)));
    part.unwrap_or_default().round_dp_with_strategy(2, RoundingStrategy::ToZero)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(count: i64) -> Vec<DateTime<Utc>> {
        (0..count).map(|hour| DateTime::from_timestamp(hour.saturating_mul(3600), 0).unwrap()).collect()
    }

    fn waiting(spendable: Option<i64>, limit: Allowance) -> Waiting {
        Waiting {
            currency: Currency::Ngn,
            payouts: 10,
            amount: Decimal::from(1000),
            in_review: Decimal::from(500),
            payouts_in_review: 2,
            spendable: spendable.map(Decimal::from),
            fee_each: Decimal::from(1),
            limit,
        }
    }

    #[test]
    fn everything_leaves_with_the_next_window_and_what_is_missing_is_told() {
        let expected = forecast(&waiting(Some(900), Allowance::UNLIMITED), &windows(2));
        assert_eq!((expected[0].takes, expected[0].payouts), (Decimal::from(1010), 10));
        assert_eq!(expected[0].shortfall, Some(Decimal::from(110)));
        assert_eq!(expected[0].shortfall_with_reviews, Some(Decimal::from(612)));
        assert_eq!((expected[1].takes, expected[1].shortfall), (Decimal::ZERO, Some(Decimal::from(110))));
    }

    #[test]
    fn limits_spread_it_over_windows() {
        let limit = Allowance { payouts: Some(4), amount: Some(Decimal::from(300)) };
        let expected = forecast(&waiting(Some(400), limit), &windows(5));
        let takes: Vec<_> = expected.iter().map(|window| window.takes.to_string()).collect();
        assert_eq!(takes, ["303", "303", "303", "101", "0"]);
        let short: Vec<_> = expected.iter().map(|window| window.shortfall.unwrap().to_string()).collect();
        assert_eq!(short, ["0", "206", "509", "610", "610"]);
    }

    #[test]
    fn an_unknown_wallet_is_not_called_short() {
        let expected = forecast(&waiting(None, Allowance::UNLIMITED), &windows(1));
        assert_eq!((expected[0].shortfall, expected[0].shortfall_with_reviews), (None, None));
    }
}
