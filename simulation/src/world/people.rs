//! Providers, admins, finance and the batch: what they do, and when.

use domain::{AttemptStatus, PayoutStatus};

use super::{DAY, ENDS_AT, Event, HEALS_AT, HOUR, MINUTE, SECOND, World, tell};
use crate::{
    coverage::Fault,
    gateway::State,
    model::{Account, Acted, Amount, Approver, Result, Verdict},
};

/// Ten-thousandths of a naira.
const NAIRA: Amount = 10_000;
const CHUNKS: [usize; 3] = [2, 5, 200];
const BANKS: [&str; 3] = ["044", "058", "033"];
/// People who decide. Two of them is the least that can finish what needs two.
const ADMINS: u32 = 3;

impl World {
    pub(super) fn populate(&mut self, providers: usize) -> Result<()> {
        for _ in 0..providers {
            let verified = !self.dice.one_in(4);
            let provider = self.model.add_provider(verified);
            for _ in 0..=self.dice.below(2) {
                let bank = self.dice.below(3);
                self.model.add_account(provider, BANKS[usize::try_from(bank).unwrap_or(0)])?;
                let closed = self.dice.one_in(10);
                self.gateway.closed_accounts.push(closed);
            }
            for _ in 0..=self.dice.below(4) {
                let amount = self.amount(500_000);
                self.model.earn(provider, amount)?;
            }
            for _ in 0..self.dice.below(4) {
                let delay = self.dice.between(HOUR, HEALS_AT);
                self.at(delay, Event::Earn { provider });
            }
            for _ in 0..self.dice.below(3) {
                let delay = self.dice.between(HOUR, HEALS_AT + 6 * DAY);
                self.at(delay, Event::Adjust { provider });
            }
        }
        let funds = self.amount(2_000_000);
        self.model.fund_wallet(funds)?;
        self.gateway.wallet = funds;
        self.model.approval_limit = self.amount(120_000);
        for _ in 0..self.wanted {
            let provider =
                usize::try_from(self.dice.below(u32::try_from(providers).unwrap_or(1))).unwrap_or(0);
            let delay = self.dice.between(SECOND, 2 * DAY);
            self.at(delay, Event::Request { provider });
        }
        for _ in 0..self.dice.below(5) {
            // Often just when a batch has claimed.
            let delay = if self.dice.one_in(2) {
                2 * HOUR * self.dice.between(1, 30) + SECOND + self.dice.span(1, SECOND)
            } else {
                self.dice.between(HOUR, HEALS_AT - HOUR)
            };
            let what = self.dice.below(16);
            self.at(delay, Event::Pause { what });
        }
        self.at(2 * HOUR, Event::Window);
        self.at(HOUR, Event::Sweep);
        self.at(11 * HOUR, Event::Reconcile);
        self.at(5 * HOUR, Event::Fund);
        self.at(HEALS_AT, Event::Heal);
        Ok(())
    }

    fn amount(&mut self, most_naira: i64) -> Amount {
        let kobo = self.dice.between(100_000, most_naira * 100);
        kobo * NAIRA / 100
    }

    pub(super) fn request(&mut self, provider: usize) -> Result<()> {
        let available = self.model.ledger.of(Account::Available(provider));
        let wanted = self.amount(120_000).min(available / 3);
        let wanted = wanted - wanted % (NAIRA / 100);
        if wanted <= 0 {
            return Ok(());
        }
        let accounts = &self.model.providers[provider].accounts;
        let account = accounts[usize::try_from(self.dice.below(2)).unwrap_or(0) % accounts.len()];
        if let Some(payout) = self.model.request(provider, account, wanted, self.now)? {
            tell!(
                self,
                "payout {payout}: provider {provider} asks for {}.{:02}",
                wanted / NAIRA,
                wanted % NAIRA / 100
            );
            self.watch(payout);
            if self.dice.one_in(8) {
                let delay = self.dice.span(SECOND, 8 * HOUR);
                self.at(delay, Event::Cancel { payout });
            }
            if self.dice.one_in(8) {
                let delay = self.dice.span(SECOND, DAY);
                self.at(delay, Event::Undo { payout });
            }
            if self.dice.one_in(8) {
                let delay = self.dice.between(SECOND, 6 * DAY);
                self.at(delay, Event::Start { payout });
            }
        }
        Ok(())
    }

    pub(super) fn earn(&mut self, provider: usize) -> Result<()> {
        let amount = self.amount(100_000);
        self.model.earn(provider, amount)?;
        Ok(())
    }

    pub(super) fn adjust(&mut self, provider: usize) -> Result<()> {
        let earnings = &self.model.providers[provider].earnings;
        let earning = earnings[usize::try_from(self.dice.below(1000)).unwrap_or(0) % earnings.len()];
        let most = self.model.earnings[earning].amount;
        let by = self.dice.between(1, most / NAIRA) * NAIRA;
        let by = if self.dice.one_in(3) { by } else { -by };
        tell!(self, "provider {provider}: earning {earning} is corrected by {}", by / NAIRA);
        self.model.adjust(earning, by)?;
        self.model.check_provider(provider)
    }

    /// Lets people hear of what waits for them.
    pub(super) fn notice(&mut self, payout: usize) {
        let row = &self.model.payouts[payout];
        let (status, assessed, needs) = (row.status, row.risk.is_some(), row.needs_attention);
        let unknown =
            row.attempts.iter().position(|held| held.unknown_too_long && held.attested_unpaid_from.is_none());
        if status == PayoutStatus::Requested
            && assessed
            && !std::mem::replace(&mut self.watch(payout).decide_planned, true)
        {
            let delay = self.dice.span(SECOND, 8 * HOUR);
            self.at(delay, Event::Decide { payout });
            // A second reviewer at about the same time.
            if self.dice.one_in(6) {
                let delay = delay + self.dice.between(-2 * SECOND, 20 * SECOND);
                self.at(delay, Event::Decide { payout });
            }
        }
        if needs && !std::mem::replace(&mut self.watch(payout).attend_planned, true) {
            let delay = self.dice.span(SECOND, 8 * HOUR);
            self.at(delay, Event::Attend { payout });
            if self.dice.one_in(4) {
                let delay = delay + self.dice.between(0, 5 * SECOND);
                self.at(delay, Event::Attend { payout });
            }
        }
        if let Some(attempt) = unknown
            && !std::mem::replace(&mut self.watch(payout).attest_planned, true)
        {
            let delay = self.dice.span(MINUTE, 12 * HOUR);
            self.at(delay, Event::Attest { payout, attempt });
        }
    }

    pub(super) fn decide(&mut self, payout: usize) -> Result<()> {
        self.watch(payout).decide_planned = false;
        let verdict = if self.dice.one_in(5) { Verdict::Reject } else { Verdict::Approve };
        let who = Approver::try_from(self.dice.below(ADMINS)).unwrap_or_default();
        // Somebody who could cancel an undone payout does so; nobody rejects what may have been sent.
        let acted = self.model.decide(payout, verdict, who, self.now)?;
        tell!(self, "payout {payout}: admin {who} decides {verdict:?}: {acted:?}");
        if acted == Acted::ApprovedByThem && !std::mem::replace(&mut self.watch(payout).decide_planned, true)
        {
            let delay = self.dice.span(SECOND, HOUR);
            self.at(delay, Event::Decide { payout });
        }
        Ok(())
    }

    pub(super) fn start_by_hand(&mut self, payout: usize) {
        if self.watch(payout).running.is_none() {
            self.start_run(payout);
        }
    }

    pub(super) fn cancel(&mut self, payout: usize) -> Result<()> {
        let acted = self.model.cancel(payout, self.now)?;
        tell!(self, "payout {payout}: the provider cancels: {acted:?}");
        Ok(())
    }

    pub(super) fn undo(&mut self, payout: usize) -> Result<()> {
        let acted = self.model.undo(payout, self.now)?;
        tell!(self, "payout {payout}: an admin takes the approval back: {acted:?}");
        Ok(())
    }

    /// An admin meets a payout that needs one: another try, the money back, or two people say how it ended.
    pub(super) fn attend(&mut self, payout: usize) -> Result<()> {
        self.watch(payout).attend_planned = false;
        let row = &self.model.payouts[payout];
        let doubted = row.attempts.iter().position(|held| held.doubt.is_some());
        if let Some(attempt) = doubted
            && row.attempts[attempt].contradiction
            && self.dice.one_in(2)
        {
            self.attest(payout, attempt)?;
            self.watch(payout).attend_planned = true;
            self.at(DAY, Event::Attend { payout });
            return Ok(());
        }
        let tries = self.model.payouts[payout].attempts.len();
        if tries < 12 && self.dice.one_in(2) {
            let acted = self.model.retry(payout, self.now)?;
            tell!(self, "payout {payout}: an admin orders another try: {acted:?}");
        } else {
            tell!(self, "payout {payout}: an admin wants the money refunded");
            self.begin_refund(payout);
        }
        if self.model.payouts[payout].needs_attention {
            self.watch(payout).attend_planned = true;
            let delay = self.dice.span(MINUTE, 4 * HOUR);
            self.at(delay, Event::Attend { payout });
        }
        Ok(())
    }

    /// Two finance admins say what the gateway's support told them.
    pub(super) fn attest(&mut self, payout: usize, attempt: usize) -> Result<()> {
        self.watch(payout).attest_planned = false;
        if !self.model.may_attest(payout, attempt, self.now) {
            return Ok(());
        }
        let state = self.gateway.of(payout).record(attempt).map(|record| record.state);
        let paid = match state {
            Some(State::Paid) => true,
            Some(State::Failed(_) | State::Returned) | None => false,
            // Support says: wait.
            Some(State::Queued) => {
                if !self.dice.hits(Fault::WrongAttestation) {
                    return Ok(());
                }
                self.gateway.of(payout).excused = true;
                false
            }
        };
        let wrong = state == Some(State::Paid) && self.dice.hits(Fault::WrongAttestation);
        if wrong {
            self.gateway.of(payout).excused = true;
        }
        let verdict = paid && !wrong;
        let acted = self.model.attest(payout, attempt, verdict, self.now)?;
        tell!(
            self,
            "payout {payout}: two people attest that attempt {} {}: {acted:?}",
            attempt + 1,
            if verdict { "paid" } else { "did not pay" }
        );
        Ok(())
    }

    // The batch.

    pub(super) fn window(&mut self) {
        if self.ms < ENDS_AT {
            self.at(2 * HOUR, Event::Window);
        }
        if self.model.payouts.iter().any(|row| row.status == PayoutStatus::Approved) {
            let batch = self.model.open_batch(self.now);
            tell!(self, "batch {batch} opens");
            self.at(SECOND, Event::Claim { batch });
            if self.dice.hits(Fault::RunsTwice) {
                let delay = self.dice.between(1, 10 * SECOND);
                self.at(delay, Event::Claim { batch });
            }
        }
    }

    pub(super) fn claim(&mut self, batch: usize) -> Result<()> {
        let limit = CHUNKS[usize::try_from(self.dice.below(3)).unwrap_or(0)];
        let claimed = self.model.claim_chunk(batch, limit, self.now)?;
        tell!(self, "batch {batch} claims {claimed}");
        if self.dice.hits(Fault::WorkerDies) {
            self.at(MINUTE, Event::Claim { batch });
        } else if claimed == limit {
            self.at(100, Event::Claim { batch });
        } else {
            self.model.close_batch(batch);
        }
        Ok(())
    }

    // What is paused, and what heals.

    pub(super) fn pause(&mut self, what: u32) {
        let providers = self.model.providers.len();
        let provider = usize::try_from(what).unwrap_or(0) % providers;
        match what % 5 {
            0 => self.model.paused = true,
            1 => self.model.providers[provider].paused = true,
            2 => self.model.paused_bank = self.model.accounts.first().map(|account| account.bank.clone()),
            3 => self.model.providers[provider].suspended = true,
            _ => {
                let account = self.model.providers[provider].accounts[0];
                self.model.accounts[account].removed = what > 8;
                self.model.accounts[account].paused = true;
            }
        }
        tell!(self, "something is paused ({what})");
        let delay = self.dice.span(SECOND, 6 * HOUR);
        self.at(delay, Event::Resume);
    }

    pub(super) fn resume(&mut self) {
        self.model.paused = false;
        self.model.paused_bank = None;
        for provider in &mut self.model.providers {
            provider.paused = false;
            provider.suspended = false;
        }
        for account in 0..self.model.accounts.len() {
            self.model.settle_account(account);
        }
        tell!(self, "everything is resumed");
    }

    /// People look through the open cases.
    pub(super) fn settle_cases(&mut self) {
        for provider in 0..self.model.providers.len() {
            self.model.settle_overpaid(provider);
        }
        for account in 0..self.model.accounts.len() {
            self.model.settle_account(account);
        }
    }

    pub(super) fn fund(&mut self) -> Result<()> {
        let enough = if self.healed { 100_000_000 * NAIRA } else { 50_000 * NAIRA };
        if self.gateway.wallet < enough {
            let amount = if self.healed { enough } else { self.amount(1_000_000) };
            self.model.fund_wallet(amount)?;
            self.gateway.wallet += amount;
            tell!(self, "finance puts {} into the wallet", amount / NAIRA);
        }
        if !self.dice.one_in(3) {
            self.settle_cases();
        }
        let delay = self.dice.between(HOUR, 20 * HOUR);
        self.at(delay, Event::Fund);
        Ok(())
    }

    /// The storm is over: what is open must now come to its end.
    pub(super) fn heal(&mut self) -> Result<()> {
        tell!(self, "from now on nothing goes wrong any more");
        self.healed = true;
        self.dice.heal();
        self.resume();
        self.settle_cases();
        self.fund()?;
        for payout in 0..self.model.payouts.len() {
            let lost =
                self.model.payouts[payout].attempts.iter().any(|held| held.status == AttemptStatus::Unknown);
            if lost {
                self.notice(payout);
            }
        }
        Ok(())
    }
}
