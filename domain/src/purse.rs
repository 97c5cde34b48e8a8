//! What a batch may still take of one currency: the money, and the limits that people set.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Held, Money};

/// A limit: how many, and how much. What is absent limits nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payouts: Option<u32>,
    /// In the currency of the purse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Decimal>,
}

impl Allowance {
    pub const UNLIMITED: Self = Self { payouts: None, amount: None };

    /// What is left of it after so many payouts of so much in all.
    #[must_use]
    pub fn after(self, payouts: u32, amount: Decimal) -> Self {
        Self {
            payouts: self.payouts.map(|most| most.saturating_sub(payouts)),
            amount: self.amount.map(|most| most.checked_sub(amount).unwrap_or_default()),
        }
    }

    fn has_room_for(self, amount: Decimal) -> bool {
        self.payouts.is_none_or(|left| left > 0) && self.amount.is_none_or(|left| amount <= left)
    }
}

/// Money and limits of one currency while a batch claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purse {
    /// What may be spent; `None`: the gateway could not be asked, so money holds nothing back here. An attempt that meets an
    /// empty wallet is no failure, and its payout waits for funds then.
    pub spendable: Option<Decimal>,
    /// What a transfer costs besides its amount, at most.
    pub fee_each: Decimal,
    /// What is left of every limit: the batch's and the day's.
    pub limits: Vec<Allowance>,
}

impl Purse {
    /// Takes a payout of this amount, or says why it must wait. One that does not fit is passed over: a smaller one behind it
    /// may fit.
    pub fn take(&mut self, amount: Money) -> Result<(), Held> {
        let amount = amount.amount();
        if !self.limits.iter().all(|left| left.has_room_for(amount)) {
            return Err(Held::Limit);
        }
        let cost = amount.checked_add(self.fee_each).ok_or(Held::Funds)?;
        if let Some(spendable) = self.spendable {
            let left = spendable.checked_sub(cost).ok_or(Held::Funds)?;
            if left < Decimal::ZERO {
                return Err(Held::Funds);
            }
            self.spendable = Some(left);
        }
        for limit in &mut self.limits {
            *limit = limit.after(1, amount);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Currency;

    fn naira(amount: i64) -> Money {
        Money::new(Decimal::from(amount), Currency::Ngn).unwrap()
    }

    fn purse(spendable: Option<i64>, fee: i64, limits: Vec<Allowance>) -> Purse {
        Purse { spendable: spendable.map(Decimal::from), fee_each: Decimal::from(fee), limits }
    }

    #[test]
    fn what_does_not_fit_is_passed_over_and_the_next_one_may_fit() {
        let mut purse = purse(Some(100), 1, vec![]);
        assert_eq!(purse.take(naira(60)), Ok(()));
        assert_eq!(purse.take(naira(39)), Err(Held::Funds));
        assert_eq!(purse.take(naira(38)), Ok(()));
        assert_eq!(purse.spendable, Some(Decimal::ZERO));
        assert_eq!(purse.take(naira(1)), Err(Held::Funds));
    }

    #[test]
    fn unknown_money_holds_nothing_back_but_limits_do() {
        let two = Allowance { payouts: Some(2), amount: None };
        let hundred = Allowance { payouts: None, amount: Some(Decimal::from(100)) };
        let mut purse = purse(None, 1, vec![two, hundred]);
        assert_eq!(purse.take(naira(101)), Err(Held::Limit));
        assert_eq!(purse.take(naira(99)), Ok(()));
        assert_eq!(purse.take(naira(2)), Err(Held::Limit));
        assert_eq!(purse.take(naira(1)), Ok(()));
        assert_eq!(purse.take(naira(1)), Err(Held::Limit));
    }

    #[test]
    fn a_wallet_below_zero_takes_nothing() {
        assert_eq!(purse(Some(-5), 0, vec![]).take(naira(1)), Err(Held::Funds));
    }

    proptest! {
        #[test]
        fn never_takes_more_than_there_is(
            spendable in 0..10_000_i64, fee in 0..50_i64, most in 0..20_u32, sum in 0..10_000_i64,
            amounts in prop::collection::vec(1..2_000_i64, 0..60),
        ) {
            let limit = Allowance { payouts: Some(most), amount: Some(Decimal::from(sum)) };
            let mut purse = purse(Some(spendable), fee, vec![limit]);
            let taken: Vec<i64> = amounts.into_iter().filter(|amount| purse.take(naira(*amount)).is_ok()).collect();
            let total: i64 = taken.iter().sum();
            let count = i64::try_from(taken.len()).unwrap();
            prop_assert!(total.saturating_add(count.saturating_mul(fee)) <= spendable);
            prop_assert!(total <= sum && count <= i64::from(most));
        }
    }
}
