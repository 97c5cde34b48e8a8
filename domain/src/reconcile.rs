//! The gateway's list of transfers against our attempts, one pair at a time.
//!
//! A list only says where to look: what moves money is the answer to a look-up of its own, judged by [`crate::judge`]. So a
//! list that is a moment old, or wrong, costs a question and nothing else.

use crate::{AttemptStatus, AttemptTerms, Doubt, Observed, Reference, Sighting};

/// One transfer in the gateway's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub reference: Reference,
    /// It is the gateway's own retry, which anyone with its dashboard can ask for, of the transfer under this reference.
    pub retry_of: Option<Reference>,
    pub gateway_id: Option<String>,
    /// Never [`Observed::NotFound`].
    pub observed: Observed,
}

/// A page of the gateway's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferPage {
    pub transfers: Vec<Listed>,
    /// Rows that do not say whose they are. What they may be about is looked up one by one.
    pub unreadable: u32,
    /// There is no further page.
    pub last: bool,
}

/// An attempt as far as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    pub terms: AttemptTerms,
    pub gateway_id: Option<String>,
    pub status: AttemptStatus,
    pub doubt: Option<Doubt>,
    /// The gateway has called this paid transfer failed before, and that is not settled.
    pub reversal_open: bool,
    /// The gateway has told its fee. Where people have said that it paid, it has not.
    pub fee_known: bool,
}

/// What a row of the list says about an attempt of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    Agrees,
    /// Something differs: the gateway is asked about this attempt.
    Look,
    /// Another transfer than the one we know, under the same reference.
    Second,
}

/// What still differs after the gateway was asked and its answer was acted on: each is a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Difference {
    Amount,
    Currency,
    Account,
    Bank,
    Outcome,
    /// The gateway has nothing under a reference that reached it.
    Missing,
}

impl Difference {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amount => "amount",
            Self::Currency => "currency",
            Self::Account => "account",
            Self::Bank => "bank",
            Self::Outcome => "outcome",
            Self::Missing => "missing",
        }
    }
}

/// Compares a row of the list with the attempt under its reference.
pub fn compare(ours: &Ours, listed: &Listed) -> Compared {
    let another = match (&ours.gateway_id, &listed.gateway_id) {
        (Some(ours), Some(theirs)) => ours != theirs,
        (None, _) | (_, None) => false,
    };
    if another {
        // A reference that was taken again after its transfer had failed: the failed one is history.
        return match &listed.observed {
            Observed::Failed(..) => Compared::Agrees,
            Observed::InFlight(_)
            | Observed::Succeeded(_)
            | Observed::Reversed(_)
            | Observed::NotFound
            | Observed::Unrecognised { .. } => Compared::Second,
        };
    }
    let tells_fee = match &listed.observed {
        Observed::Succeeded(sighting) => !ours.fee_known && sighting.fee.is_some(),
        Observed::InFlight(_)
        | Observed::Failed(..)
        | Observed::Reversed(_)
        | Observed::NotFound
        | Observed::Unrecognised { .. } => false,
    };
    let unsettled = ours.reversal_open || ours.doubt.is_some() || tells_fee;
    if unsettled || !differences(ours, &listed.observed).is_empty() {
        return Compared::Look;
    }
    if outcomes_agree(ours.status, &listed.observed) { Compared::Agrees } else { Compared::Look }
}

/// What differs between an attempt, as it stands after the look, and what the gateway said.
pub fn differences(ours: &Ours, observed: &Observed) -> Vec<Difference> {
    let mut found = vec![];
    if let Some(sighting) = sighting(observed) {
        let terms = &ours.terms;
        if sighting.amount.currency() != terms.amount.currency() {
            found.push(Difference::Currency);
        } else if sighting.amount.amount() != terms.amount.amount() {
            found.push(Difference::Amount);
        }
        if sighting.account != terms.account.expose() {
            found.push(Difference::Account);
        } else if !terms.bank.is_told_as(&sighting.bank) {
            found.push(Difference::Bank);
        }
    }
    match observed {
        Observed::NotFound if must_be_there(ours) => found.push(Difference::Missing),
        Observed::NotFound => {}
        // Not settled yet, and somebody looks again: the payout's own script, or the next run.
        Observed::InFlight(_)
        | Observed::Succeeded(_)
        | Observed::Failed(..)
        | Observed::Reversed(_)
        | Observed::Unrecognised { .. } => {
            if ended(ours.status) && !ours.reversal_open && !outcomes_agree(ours.status, observed) {
                found.push(Difference::Outcome);
            }
        }
    }
    found
}

/// Whether a status and an answer tell the same, or the attempt's own script is about to make them.
fn outcomes_agree(status: AttemptStatus, observed: &Observed) -> bool {
    match observed {
        Observed::InFlight(_) => !ended(status),
        Observed::Succeeded(_) => match status {
            AttemptStatus::Succeeded => true,
            AttemptStatus::Submitting
            | AttemptStatus::Accepted
            | AttemptStatus::Unknown
            | AttemptStatus::Failed
            | AttemptStatus::Reversed => false,
        },
        Observed::Failed(..) | Observed::Reversed(_) => match status {
            AttemptStatus::Failed => matches!(observed, Observed::Failed(..)),
            AttemptStatus::Reversed => true,
            AttemptStatus::Submitting
            | AttemptStatus::Accepted
            | AttemptStatus::Unknown
            | AttemptStatus::Succeeded => false,
        },
        Observed::NotFound | Observed::Unrecognised { .. } => false,
    }
}

fn ended(status: AttemptStatus) -> bool {
    match status {
        AttemptStatus::Submitting | AttemptStatus::Accepted | AttemptStatus::Unknown => false,
        AttemptStatus::Succeeded | AttemptStatus::Failed | AttemptStatus::Reversed => true,
    }
}

/// The gateway has had it: it told an id, or an outcome. A refused send leaves no record, an unknown one may not have arrived.
fn must_be_there(ours: &Ours) -> bool {
    match ours.status {
        AttemptStatus::Accepted | AttemptStatus::Succeeded | AttemptStatus::Reversed => true,
        AttemptStatus::Submitting | AttemptStatus::Unknown | AttemptStatus::Failed => {
            ours.gateway_id.is_some()
        }
    }
}

fn sighting(observed: &Observed) -> Option<&Sighting> {
    match observed {
        Observed::InFlight(sighting)
        | Observed::Succeeded(sighting)
        | Observed::Failed(sighting, _)
        | Observed::Reversed(sighting) => Some(sighting),
        Observed::NotFound | Observed::Unrecognised { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccountName, Currency, Failure, Money};

    fn ours(status: AttemptStatus) -> Ours {
        let terms = AttemptTerms {
            reference: Reference::from_stored("p-1"),
            amount: Money::parse("1500.00", Currency::Ngn).unwrap(),
            bank: "044".parse().unwrap(),
            account: "0690000031".parse().unwrap(),
            beneficiary: AccountName::new("Ada"),
            narration: String::new(),
        };
        Ours {
            terms,
            gateway_id: Some("7".to_owned()),
            status,
            doubt: None,
            reversal_open: false,
            fee_known: false,
        }
    }

    fn seen() -> Sighting {
        Sighting {
            reference: Reference::from_stored("p-1"),
            gateway_id: "7".to_owned(),
            amount: Money::parse("1500.00", Currency::Ngn).unwrap(),
            bank: "044".to_owned(),
            account: "0690000031".to_owned(),
            fee: None,
        }
    }

    fn failed() -> Observed {
        Observed::Failed(seen(), Failure::observed("account closed"))
    }

    fn listed(observed: Observed) -> Listed {
        Listed {
            reference: Reference::from_stored("p-1"),
            retry_of: None,
            gateway_id: Some("7".to_owned()),
            observed,
        }
    }

    #[test]
    fn only_what_tells_the_same_agrees() {
        use AttemptStatus as A;
        let strange = || Observed::Unrecognised { said: "REVERSED".to_owned() };
        for (status, agreeing) in [
            (A::Submitting, [true, false, false, false]),
            (A::Accepted, [true, false, false, false]),
            (A::Unknown, [true, false, false, false]),
            (A::Succeeded, [false, true, false, false]),
            (A::Failed, [false, false, true, false]),
            (A::Reversed, [false, false, true, false]),
        ] {
            let told = [Observed::InFlight(seen()), Observed::Succeeded(seen()), failed(), strange()];
            for (observed, agrees) in told.into_iter().zip(agreeing) {
                let expected = if agrees { Compared::Agrees } else { Compared::Look };
                assert_eq!(
                    compare(&ours(status), &listed(observed.clone())),
                    expected,
                    "{status} {observed:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_doubted_or_half_reversed_is_always_looked_at() {
        let doubted = Ours { doubt: Some(Doubt::Unconfirmed), ..ours(AttemptStatus::Failed) };
        assert_eq!(compare(&doubted, &listed(failed())), Compared::Look);
        let half = Ours { reversal_open: true, ..ours(AttemptStatus::Succeeded) };
        for observed in [failed(), Observed::Succeeded(seen())] {
            assert_eq!(compare(&half, &listed(observed.clone())), Compared::Look);
            assert_eq!(differences(&half, &observed), []);
        }
    }

    /// Two people had said that it paid: its fee is booked once its record turns up.
    #[test]
    fn a_fee_that_nobody_has_told_yet_is_looked_at() {
        let fee = Money::parse("10.75", Currency::Ngn).unwrap();
        let told = listed(Observed::Succeeded(Sighting { fee: Some(fee), ..seen() }));
        let attested = ours(AttemptStatus::Succeeded);
        assert_eq!(compare(&attested, &told), Compared::Look);
        assert_eq!(compare(&Ours { fee_known: true, ..attested }, &told), Compared::Agrees);
    }

    #[test]
    fn every_field_is_compared() {
        let change = |change: fn(&mut Sighting)| {
            let mut sighting = seen();
            change(&mut sighting);
            Observed::Succeeded(sighting)
        };
        for (observed, difference) in [
            (change(|s| s.amount = Money::parse("1500.01", Currency::Ngn).unwrap()), Difference::Amount),
            (change(|s| s.amount = Money::parse("1500.00", Currency::Ghs).unwrap()), Difference::Currency),
            (change(|s| "0690000032".clone_into(&mut s.account)), Difference::Account),
            (change(|s| "058".clone_into(&mut s.bank)), Difference::Bank),
        ] {
            let paid = ours(AttemptStatus::Succeeded);
            assert_eq!(differences(&paid, &observed), [difference]);
            assert_eq!(compare(&paid, &listed(observed)), Compared::Look);
        }
    }

    #[test]
    fn a_bank_by_another_of_its_codes_is_no_difference() {
        for told in ["44", "0044", " 044 ", "000014"] {
            let paid = Observed::Succeeded(Sighting { bank: told.to_owned(), ..seen() });
            assert_eq!(differences(&ours(AttemptStatus::Succeeded), &paid), [], "{told}");
        }
    }

    #[test]
    fn a_second_transfer_under_a_reference_is_told_apart_from_history() {
        let paid = ours(AttemptStatus::Succeeded);
        let second = |observed| Listed { gateway_id: Some("8".to_owned()), ..listed(observed) };
        assert_eq!(compare(&paid, &second(Observed::Succeeded(seen()))), Compared::Second);
        assert_eq!(compare(&paid, &second(Observed::InFlight(seen()))), Compared::Second);
        assert_eq!(compare(&paid, &second(failed())), Compared::Agrees);
    }

    #[test]
    fn absence_differs_only_where_the_gateway_has_had_it() {
        use AttemptStatus as A;
        for (status, known, unknown) in [
            (A::Submitting, true, false),
            (A::Unknown, true, false),
            (A::Failed, true, false),
            (A::Accepted, true, true),
            (A::Succeeded, true, true),
            (A::Reversed, true, true),
        ] {
            let missing = |ours: &Ours| !differences(ours, &Observed::NotFound).is_empty();
            assert_eq!(missing(&ours(status)), known, "{status}");
            assert_eq!(missing(&Ours { gateway_id: None, ..ours(status) }), unknown, "{status}");
        }
    }

    /// An attempt that has not ended is its own script's to settle.
    #[test]
    fn what_is_open_has_no_outcome_to_differ() {
        let open = ours(AttemptStatus::Unknown);
        assert_eq!(differences(&open, &failed()), []);
        assert_eq!(differences(&ours(AttemptStatus::Succeeded), &failed()), [Difference::Outcome]);
        assert_eq!(
            differences(&ours(AttemptStatus::Failed), &Observed::Succeeded(seen())),
            [Difference::Outcome]
        );
    }
}
