//! A gateway with books: it carries each reference out once, whatever is asked how often, and keeps what it did.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Mutex,
};

use async_trait::async_trait;
use domain::{
    Accepted, AccountName, AccountNumber, AttemptTerms, BankCode, Currency, Failure, Money, NotSent,
    NotSentClass, Observed, Reference, Sighting, Submitted,
    reconcile::{Listed, TransferPage},
};
use gateway::{Balance, LookUpClass, LookUpFailed, PayoutGateway, ResolveFailed};

/// What becomes of the next new reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Paid,
    /// Queued, then failed with these words.
    Failed(&'static str),
    /// Refused with these words; no record is left, and every further send is refused too.
    Declined(&'static str),
    /// Queued and paid, but the answer to the send is lost.
    PaidUnheard,
    /// Called failed at first, and paid after all.
    PaidLate(&'static str),
}

#[derive(Debug)]
struct Transfer {
    fate: Fate,
    amount: Money,
    bank: String,
    account: String,
    posts: u32,
    looks: u32,
}

#[derive(Default)]
struct Books {
    fates: VecDeque<Fate>,
    transfers: BTreeMap<String, Transfer>,
}

/// Every call yields before and after its effect, so that whoever is killed between two polls is killed there too.
#[derive(Default)]
pub(super) struct Bank {
    books: Mutex<Books>,
    away: Mutex<bool>,
}

impl Bank {
    pub(super) fn of(fates: &[Fate]) -> Self {
        let books = Books { fates: fates.iter().copied().collect(), transfers: BTreeMap::new() };
        Self { books: Mutex::new(books), away: Mutex::new(false) }
    }

    /// Nobody can be reached.
    pub(super) fn set_away(&self, away: bool) {
        *self.away.lock().unwrap() = away;
    }

    /// References under which money left, or will.
    pub(super) fn paid(&self) -> usize {
        let books = self.books.lock().unwrap();
        books.transfers.values().filter(|transfer| transfer.fate.pays()).count()
    }

    /// Every reference it has heard of, with how often it was sent.
    pub(super) fn posts(&self) -> BTreeMap<String, u32> {
        let books = self.books.lock().unwrap();
        books.transfers.iter().map(|(reference, transfer)| (reference.clone(), transfer.posts)).collect()
    }

    fn is_away(&self) -> bool {
        *self.away.lock().unwrap()
    }

    fn take(&self, terms: &AttemptTerms) -> Submitted {
        let mut books = self.books.lock().unwrap();
        let reference = terms.reference.as_str().to_owned();
        let known = books.transfers.contains_key(&reference);
        if !known {
            let transfer = Transfer {
                fate: books.fates.pop_front().unwrap_or(Fate::Paid),
                amount: terms.amount,
                bank: terms.bank.as_str().to_owned(),
                account: terms.account.expose().to_owned(),
                posts: 0,
                looks: 0,
            };
            books.transfers.insert(reference.clone(), transfer);
        }
        let transfer = books.transfers.get_mut(&reference).unwrap();
        transfer.posts += 1;
        match transfer.fate {
            Fate::Declined(words) => Submitted::Declined(Failure::known_refusal(words).unwrap()),
            Fate::Paid | Fate::Failed(_) | Fate::PaidUnheard | Fate::PaidLate(_) if known => {
                Submitted::Duplicate
            }
            Fate::PaidUnheard => Submitted::Unknown { why: "timed out".to_owned() },
            Fate::Paid | Fate::Failed(_) | Fate::PaidLate(_) => {
                Submitted::Accepted(Accepted { gateway_id: id(&reference), fee: None })
            }
        }
    }

    fn show(&self, reference: &Reference) -> Observed {
        let mut books = self.books.lock().unwrap();
        let Some(transfer) = books.transfers.get_mut(reference.as_str()) else { return Observed::NotFound };
        transfer.looks += 1;
        transfer.observed(reference)
    }
}

impl Transfer {
    fn observed(&self, reference: &Reference) -> Observed {
        let sighting = Sighting {
            reference: reference.clone(),
            gateway_id: id(reference.as_str()),
            amount: self.amount,
            bank: self.bank.clone(),
            account: self.account.clone(),
            fee: Some(Money::exact("26.875".parse().unwrap(), Currency::Ngn).unwrap()),
        };
        match self.fate {
            Fate::Failed(words) => Observed::Failed(sighting, Failure::observed(words)),
            Fate::Declined(_) => Observed::NotFound,
            Fate::PaidLate(words) if self.looks == 1 => Observed::Failed(sighting, Failure::observed(words)),
            Fate::Paid | Fate::PaidUnheard | Fate::PaidLate(_) => Observed::Succeeded(sighting),
        }
    }
}

impl Fate {
    fn pays(self) -> bool {
        match self {
            Self::Paid | Self::PaidUnheard | Self::PaidLate(_) => true,
            Self::Failed(_) | Self::Declined(_) => false,
        }
    }
}

fn id(reference: &str) -> String {
    format!("gw-{reference}")
}

fn nobody() -> LookUpFailed {
    LookUpFailed { class: LookUpClass::Unavailable, retry_after: None, message: "nobody answers".to_owned() }
}

#[async_trait]
impl PayoutGateway for Bank {
    async fn submit(&self, terms: &AttemptTerms) -> Submitted {
        tokio::task::yield_now().await;
        if self.is_away() {
            return Submitted::NotSent(NotSent {
                class: NotSentClass::Unreachable,
                retry_after: None,
                message: "nobody answers".to_owned(),
            });
        }
        let answer = self.take(terms);
        tokio::task::yield_now().await;
        answer
    }

    async fn observe(&self, reference: &Reference, _id: Option<&str>) -> Result<Observed, LookUpFailed> {
        tokio::task::yield_now().await;
        if self.is_away() {
            return Err(nobody());
        }
        let seen = self.show(reference);
        tokio::task::yield_now().await;
        Ok(seen)
    }

    async fn transfers(
        &self,
        _: chrono::NaiveDate,
        _: chrono::NaiveDate,
        _: u32,
    ) -> Result<TransferPage, LookUpFailed> {
        tokio::task::yield_now().await;
        if self.is_away() {
            return Err(nobody());
        }
        let books = self.books.lock().unwrap();
        let listed = |(reference, transfer): (&String, &Transfer)| {
            let reference = Reference::from_stored(reference.clone());
            let gateway_id = Some(id(reference.as_str()));
            let observed = transfer.observed(&reference);
            Listed { reference, retry_of: None, gateway_id, observed }
        };
        Ok(TransferPage {
            transfers: books.transfers.iter().map(listed).collect(),
            unreadable: 0,
            last: true,
        })
    }

    async fn resolve_account(&self, _: &BankCode, _: &AccountNumber) -> Result<AccountName, ResolveFailed> {
        unreachable!("no step asks for a name")
    }

    async fn banks(&self) -> Result<Vec<gateway::Bank>, LookUpFailed> {
        unreachable!("no step asks for the banks")
    }

    async fn balance(&self, currency: Currency) -> Result<Balance, LookUpFailed> {
        tokio::task::yield_now().await;
        if self.is_away() {
            return Err(nobody());
        }
        let plenty = Money::exact("1000000".parse().unwrap(), currency).unwrap();
        Ok(Balance { available: plenty, ledger: plenty })
    }

    async fn fee_quote(&self, amount: Money) -> Result<Money, LookUpFailed> {
        tokio::task::yield_now().await;
        if self.is_away() {
            return Err(nobody());
        }
        Ok(Money::exact("26.875".parse().unwrap(), amount.currency()).unwrap())
    }
}
