//! The gateway's wallet as its own statement tells it, line by line against what we know.
//!
//! Pure: which line of the statement is which movement of ours. The store reads the file's references once and asks here for
//! each line.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::{AttemptStatus, Money, Reference};

/// One line of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLine {
    /// Its number in the file, where the header is line 1.
    pub line: u32,
    pub at: DateTime<Utc>,
    pub direction: Direction,
    /// Not negative; the direction is its sign.
    pub amount: Money,
    /// `None`: the statement has no such column, or nothing in it.
    pub fee: Option<Decimal>,
    pub reference: Reference,
    pub balance: Option<Decimal>,
}

/// Out of the wallet, or into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    Debit,
    Credit,
}

impl Direction {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debit => "debit",
            Self::Credit => "credit",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Debit, Self::Credit].into_iter().find(|direction| direction.as_str() == text)
    }
}

/// The attempt under a line's reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paying {
    pub status: AttemptStatus,
    pub amount: Money,
    /// What the gateway told us it took.
    pub fee: Option<Money>,
    /// Another line has debited the whole of it, and none has credited it since.
    pub debited: bool,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineResult {
    /// A transfer of ours left.
    Transfer,
    /// The gateway took its fee for one.
    Fee,
    /// Finance put money in.
    Funding,
    /// A transfer that we count as paid came back: the evidence of a reversal.
    Reversal,
    /// What had left came back, and we do not count it as paid.
    Returned,
    /// Another installation's.
    Elsewhere,
    /// Ours, and it tells another amount or fee, or a second debit.
    Differs,
    /// Nothing of ours.
    Unmatched,
}

impl LineResult {
    pub const ALL: [Self; 8] = [
        Self::Transfer,
        Self::Fee,
        Self::Funding,
        Self::Reversal,
        Self::Returned,
        Self::Elsewhere,
        Self::Differs,
        Self::Unmatched,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Fee => "fee",
            Self::Funding => "funding",
            Self::Reversal => "reversal",
            Self::Returned => "returned",
            Self::Elsewhere => "elsewhere",
            Self::Differs => "differs",
            Self::Unmatched => "unmatched",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|result| result.as_str() == text)
    }

    /// Whether a person has to look at it.
    pub fn is_matched(self) -> bool {
        match self {
            Self::Transfer
            | Self::Fee
            | Self::Funding
            | Self::Reversal
            | Self::Returned
            | Self::Elsewhere => true,
            Self::Differs | Self::Unmatched => false,
        }
    }
}

/// What a line under the reference of an attempt of ours is, and why where it is not as it should be.
pub fn of_attempt(line: &StatementLine, paying: &Paying) -> (LineResult, &'static str) {
    if line.amount.currency() != paying.amount.currency() {
        return (LineResult::Differs, "another currency");
    }
    match line.direction {
        Direction::Debit => debit(line, paying),
        Direction::Credit => credit(line, paying),
    }
}

fn debit(line: &StatementLine, paying: &Paying) -> (LineResult, &'static str) {
    let amount = line.amount.amount();
    let fee = paying.fee.filter(|fee| fee.currency() == paying.amount.currency()).map(Money::amount);
    let whole = paying.amount.amount();
    let with_fee = fee.and_then(|fee| whole.checked_add(fee));
    if amount == whole || Some(amount) == with_fee {
        if paying.debited {
            return (LineResult::Differs, "a second debit under this reference");
        }
        return match (line.fee.filter(|told| !told.is_zero()), fee) {
            (Some(told), Some(known)) if told != known => {
                (LineResult::Differs, "another fee than the gateway told")
            }
            (Some(_) | None, _) => (LineResult::Transfer, ""),
        };
    }
    if Some(amount) == fee { (LineResult::Fee, "") } else { (LineResult::Differs, "another amount") }
}

fn credit(line: &StatementLine, paying: &Paying) -> (LineResult, &'static str) {
    let fee_only = paying.fee.is_some_and(|fee| fee.amount() == line.amount.amount());
    match paying.status {
        AttemptStatus::Succeeded if fee_only => (LineResult::Differs, "the fee of a paid transfer came back"),
        AttemptStatus::Succeeded if line.amount.amount() < paying.amount.amount() => {
            (LineResult::Differs, "less than the transfer came back")
        }
        AttemptStatus::Succeeded | AttemptStatus::Reversed => (LineResult::Reversal, ""),
        AttemptStatus::Submitting
        | AttemptStatus::Accepted
        | AttemptStatus::Unknown
        | AttemptStatus::Failed => (LineResult::Returned, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;

    fn money(amount: &str) -> Money {
        Money::exact(amount.parse().unwrap(), Currency::Ngn).unwrap()
    }

    fn line(direction: Direction, amount: &str) -> StatementLine {
        StatementLine {
            line: 2,
            at: DateTime::UNIX_EPOCH,
            direction,
            amount: money(amount),
            fee: None,
            reference: Reference::from_stored("p-1"),
            balance: None,
        }
    }

    fn paying(status: AttemptStatus) -> Paying {
        Paying { status, amount: money("1500"), fee: Some(money("10.75")), debited: false }
    }

    #[test]
    fn a_debit_is_the_transfer_or_its_fee() {
        use LineResult as R;
        let paid = paying(AttemptStatus::Succeeded);
        for (amount, result) in [
            ("1500", R::Transfer),
            ("1510.75", R::Transfer),
            ("10.75", R::Fee),
            ("1499.99", R::Differs),
            ("0", R::Differs),
        ] {
            assert_eq!(of_attempt(&line(Direction::Debit, amount), &paid).0, result, "{amount}");
        }
        let told = |fee: &str| StatementLine { fee: fee.parse().ok(), ..line(Direction::Debit, "1500") };
        for (fee, result) in [("10.75", R::Transfer), ("0", R::Transfer), ("10.76", R::Differs)] {
            assert_eq!(of_attempt(&told(fee), &paid).0, result, "{fee}");
        }
    }

    #[test]
    fn twice_debited_is_no_match() {
        let again = Paying { debited: true, ..paying(AttemptStatus::Succeeded) };
        let (result, why) = of_attempt(&line(Direction::Debit, "1500"), &again);
        assert_eq!((result, why), (LineResult::Differs, "a second debit under this reference"));
        assert_eq!(of_attempt(&line(Direction::Debit, "10.75"), &again).0, LineResult::Fee);
    }

    #[test]
    fn a_credit_is_a_reversal_only_of_what_was_paid() {
        use AttemptStatus as A;
        for (status, result) in [
            (A::Succeeded, LineResult::Reversal),
            (A::Reversed, LineResult::Reversal),
            (A::Failed, LineResult::Returned),
            (A::Submitting, LineResult::Returned),
            (A::Accepted, LineResult::Returned),
            (A::Unknown, LineResult::Returned),
        ] {
            assert_eq!(
                of_attempt(&line(Direction::Credit, "1510.75"), &paying(status)).0,
                result,
                "{status}"
            );
        }
        for little in ["10.75", "1499.99"] {
            let credited = of_attempt(&line(Direction::Credit, little), &paying(A::Succeeded)).0;
            assert_eq!(credited, LineResult::Differs, "{little}");
        }
    }

    #[test]
    fn another_currency_is_never_a_match() {
        let mut dear = line(Direction::Debit, "1500");
        dear.amount = Money::exact("1500".parse().unwrap(), Currency::Kes).unwrap();
        assert_eq!(of_attempt(&dear, &paying(AttemptStatus::Succeeded)).0, LineResult::Differs);
    }

    #[test]
    fn results_are_read_back() {
        for result in LineResult::ALL {
            assert_eq!(LineResult::parse(result.as_str()), Some(result));
        }
    }
}
