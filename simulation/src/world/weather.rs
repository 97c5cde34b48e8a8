//! What happens at the gateway by itself, and what it tells unasked.

use chrono::TimeDelta;
use domain::AttemptStatus;

use super::{DAY, Event, HOUR, MINUTE, Mark, RETURN_WINDOW, SECOND, World, tell};
use crate::{
    coverage::Fault,
    gateway::State,
    model::{Attempt, Result},
};

/// A gateway that waits for us to have heard of a payment before it takes it back tries so often.
const RETURN_TRIES: u8 = 20;

impl World {
    /// A request that was long on its way is carried out, unless its reference has been before.
    pub(super) fn arrive(&mut self, payout: usize, attempt: usize) {
        self.weather -= 1;
        let amount = self.model.payouts[payout].amount;
        let transfers = self.gateway.of(payout);
        if let Some(at) = transfers.pending.iter().position(|pending| *pending == attempt) {
            transfers.pending.swap_remove(at);
        }
        if transfers.record(attempt).is_none() {
            tell!(self, "payout {payout}: attempt {} is carried out late", attempt + 1);
            self.gateway.queue(payout, attempt, amount, &mut self.dice, self.now);
            self.queued(payout, attempt);
        }
    }

    pub(super) fn queued(&mut self, payout: usize, attempt: usize) {
        self.weather += 1;
        let delay = if self.dice.hits(Fault::SlowTransfer) {
            self.dice.span(10 * MINUTE, 2 * DAY)
        } else {
            self.dice.between(SECOND, MINUTE)
        };
        self.at(delay, Event::Resolve { payout, attempt });
        if self.dice.hits(Fault::WebhookEarly) {
            self.hook(payout, attempt, 5);
        }
    }

    pub(super) fn resolve(&mut self, payout: usize, attempt: usize) -> Result<()> {
        let account = self.model.payouts[payout].account;
        let state = self.gateway.resolve(payout, attempt, account, &mut self.dice, self.now);
        tell!(self, "payout {payout}: the gateway ends attempt {}: {state:?}", attempt + 1);
        self.weather -= 1;
        match state {
            State::Failed(_) => {
                if self.dice.hits(Fault::FailedThenPaid) {
                    self.weather += 1;
                    // Most dangerous while the next attempt is on its way.
                    let delay = if self.dice.one_in(3) {
                        self.dice.between(30 * SECOND, 7 * MINUTE)
                    } else {
                        self.dice.span(SECOND, 4 * DAY)
                    };
                    self.at(delay, Event::TakeBack { payout, attempt });
                }
            }
            State::Paid => self.paid(payout, attempt),
            State::Queued | State::Returned => {}
        }
        self.announce(payout, attempt);
        self.check_money(payout)
    }

    /// A transfer has paid: it may come back, or be said to have come back.
    fn paid(&mut self, payout: usize, attempt: usize) {
        if self.dice.hits(Fault::PaidThenReturned) {
            self.weather += 1;
            let delay = self.dice.span(HOUR, 4 * DAY);
            self.at(delay, Event::Return { payout, attempt, tries: 0 });
        } else if self.dice.hits(Fault::CalledReturned) {
            let from = self.now + TimeDelta::milliseconds(self.dice.span(MINUTE, 3 * DAY));
            // Shorter than what it takes to believe it.
            let until = from + TimeDelta::milliseconds(self.dice.span(HOUR, 20 * HOUR));
            if self.model.payouts[payout].attempts[attempt].status == AttemptStatus::Succeeded
                || self.dice.one_in(2)
            {
                self.gateway.lie(payout, attempt, from, until);
                // Before it was told paid, calling it failed is taking back a final answer.
                self.gateway.of(payout).excused = true;
            }
        }
    }

    /// An attempt is recorded and nothing of it has left: now an earlier one turns out to have paid.
    pub(super) fn take_back_earlier(&mut self, payout: usize, attempt: usize) {
        if attempt > 0 && self.dice.hits(Fault::FailedThenPaid) {
            self.weather += 1;
            let delay = self.dice.between(SECOND, 20 * SECOND);
            self.at(delay, Event::TakeBack { payout, attempt: attempt - 1 });
        }
    }

    /// Failed, and paid after all.
    pub(super) fn take_back(&mut self, payout: usize, attempt: usize) {
        self.weather -= 1;
        let failed = self
            .gateway
            .of(payout)
            .record(attempt)
            .is_some_and(|record| matches!(record.state, State::Failed(_)));
        if !failed {
            return;
        }
        tell!(self, "payout {payout}: the gateway has paid attempt {} after all", attempt + 1);
        self.gateway.of(payout).excused = true;
        self.gateway.change(payout, attempt, State::Paid, self.now);
        self.paid(payout, attempt);
        self.announce(payout, attempt);
        // Somebody runs the reconciliation by hand, or finance hears of it.
        if self.dice.one_in(2) {
            let delay = self.dice.span(SECOND, 2 * HOUR);
            self.begin_look_back(payout, attempt, delay);
        }
    }

    /// The money comes back: only after we have heard that it went, or it would be a plain failure.
    pub(super) fn give_back(&mut self, payout: usize, attempt: usize, tries: u8) {
        self.weather -= 1;
        let known = self.model.payouts[payout].attempts[attempt].status == AttemptStatus::Succeeded;
        if known {
            tell!(self, "payout {payout}: the money of attempt {} comes back", attempt + 1);
            self.gateway.change(payout, attempt, State::Returned, self.now);
            self.announce(payout, attempt);
        } else if tries < RETURN_TRIES {
            self.weather += 1;
            self.at(6 * HOUR, Event::Return { payout, attempt, tries: tries + 1 });
        }
    }

    fn announce(&mut self, payout: usize, attempt: usize) {
        if self.dice.hits(Fault::WebhookLost) {
            return;
        }
        let delay = if self.dice.hits(Fault::WebhookLate) {
            self.dice.span(MINUTE, DAY)
        } else {
            self.dice.between(100, 5 * SECOND)
        };
        self.hook(payout, attempt, delay);
        if self.dice.hits(Fault::WebhookTwice) {
            self.rehook(payout, attempt, delay);
        }
    }

    fn hook(&mut self, payout: usize, attempt: usize, delay: i64) {
        if let Some(record) = self.gateway.of(payout).records.get_mut(attempt).and_then(Option::as_mut) {
            record.webhooks += 1;
            let body = record.webhooks;
            self.weather += 1;
            self.at(delay, Event::Webhook { payout, attempt, body });
        }
    }

    fn rehook(&mut self, payout: usize, attempt: usize, delay: i64) {
        let body = self.gateway.of(payout).record(attempt).map_or(0, |record| record.webhooks);
        let delay = delay + self.dice.span(1, HOUR);
        self.weather += 1;
        self.at(delay, Event::Webhook { payout, attempt, body });
    }

    pub(super) fn webhook(&mut self, payout: usize, attempt: usize, body: u32) {
        self.weather -= 1;
        let key = attempt * 8 + usize::try_from(body.min(7)).unwrap_or(7);
        let bit = 1_u64.checked_shl(u32::try_from(key).unwrap_or(u32::MAX)).unwrap_or(0);
        let watch = self.watch(payout);
        if watch.hooks & bit != 0 {
            self.model.coverage.mark(Mark::WebhookDoubled);
            return;
        }
        watch.hooks |= bit;
        let ended = !self.model.receive(payout, attempt);
        tell!(
            self,
            "payout {payout}: webhook about attempt {}{}",
            attempt + 1,
            if ended { ", kept for reconciliation" } else { "" }
        );
    }

    /// Reconciliation looks at whatever the gateway's last word may change.
    pub(super) fn reconcile(&mut self) {
        let mut delay = 0;
        for payout in 0..self.model.payouts.len() {
            for attempt in 0..self.model.payouts[payout].attempts.len() {
                if self.is_in_window(&self.model.payouts[payout].attempts[attempt]) {
                    delay += 100;
                    self.begin_look_back(payout, attempt, delay);
                }
            }
        }
        // Never in step with the day: a second look may come a little under a day after the first, and then another.
        let drift = self.dice.between(0, 2 * HOUR);
        self.at(11 * HOUR + drift, Event::Reconcile);
    }

    pub(super) fn is_in_window(&self, held: &Attempt) -> bool {
        match held.status {
            AttemptStatus::Succeeded if held.reversal_seen_at.is_some() => true,
            AttemptStatus::Succeeded | AttemptStatus::Failed => {
                held.sends > 0 && held.settled_at.is_some_and(|settled| self.now - settled <= RETURN_WINDOW)
            }
            AttemptStatus::Submitting
            | AttemptStatus::Accepted
            | AttemptStatus::Unknown
            | AttemptStatus::Reversed => false,
        }
    }
}
