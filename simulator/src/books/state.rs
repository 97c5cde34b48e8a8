//! The books in memory: what applying every event of the journal, in order, comes to.
//!
//! Architecture invariant: [`State::apply`] is the only place that changes them, and it decides nothing.
//! Cost: about a kilobyte per transfer; [`MOST_TRANSFERS`] bounds it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::event::{Accepted, Arrival, Deferred, Event, Hook, Line, Movement, MovementKind, Verdict};
use super::transfer::{Batch, Beneficiary, Transfer, WebhookTry};
use crate::clock::Anchor;
use crate::status::Status;

/// Half a gigabyte of transfers; more than any run needs.
pub const MOST_TRANSFERS: usize = 500_000;
/// The timeline keeps the latest arrivals; the counters keep counting.
pub const LONGEST_TIMELINE: usize = 100_000;
/// A transfer's webhooks, as far as they are worth showing.
const MOST_WEBHOOK_TRIES: usize = 20;

/// Where ids start: recognisably not an index, and of the gateway's usual length.
const IDS_FOLLOW: u64 = 71_000_000;

/// What has to be done at a moment. An entry is a hint: whoever takes it looks whether it still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Step(u64),
    CarryOut(u64),
    Deliver(u64),
}

/// What the books know about one reference, whether or not a transfer came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reference {
    /// The transfers under it; more than one only where a setting lets a reference be used again.
    pub(crate) ids: Vec<u64>,
    pub(crate) posts: u64,
    pub(crate) duplicates: u64,
}

#[derive(Debug)]
pub(crate) struct State {
    /// The number of the last line.
    pub(crate) lines: u64,
    pub(crate) clock: Option<Anchor>,
    pub(crate) wallet: Decimal,
    pub(crate) wallet_was_set: bool,
    pub(crate) in_flight: Decimal,
    last_id: u64,
    pub(crate) transfers: BTreeMap<u64, Transfer>,
    pub(crate) references: HashMap<String, Reference>,
    pub(crate) retries: HashMap<u64, Vec<u64>>,
    pub(crate) deferred: HashMap<u64, Deferred>,
    pub(crate) hooks: HashMap<u64, Hook>,
    /// The hooks that wait for another to overtake them.
    pub(crate) held: BTreeSet<u64>,
    pub(crate) batches: HashMap<u64, Batch>,
    pub(crate) beneficiaries: BTreeMap<u64, Beneficiary>,
    pub(crate) agenda: BTreeMap<(DateTime<Utc>, u64), Due>,
    agenda_entries: u64,
    pub(crate) timeline: VecDeque<Arrival>,
    pub(crate) verdicts: BTreeMap<Verdict, u64>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            lines: 0,
            clock: None,
            wallet: Decimal::ZERO,
            wallet_was_set: false,
            in_flight: Decimal::ZERO,
            last_id: IDS_FOLLOW,
            transfers: BTreeMap::new(),
            references: HashMap::new(),
            retries: HashMap::new(),
            deferred: HashMap::new(),
            hooks: HashMap::new(),
            held: BTreeSet::new(),
            batches: HashMap::new(),
            beneficiaries: BTreeMap::new(),
            agenda: BTreeMap::new(),
            agenda_entries: 0,
            timeline: VecDeque::new(),
            verdicts: BTreeMap::new(),
        }
    }
}

impl State {
    pub(crate) const fn next_id(&self) -> u64 {
        self.last_id.saturating_add(1)
    }

    pub(crate) fn posts(&self, reference: &str) -> u64 {
        self.references.get(reference).map_or(0, |known| known.posts)
    }

    /// The transfers under a reference, oldest first.
    pub(crate) fn under<'a>(
        &'a self,
        reference: &str,
    ) -> impl DoubleEndedIterator<Item = &'a Transfer> + use<'a> {
        let ids = self.references.get(reference).map(|known| known.ids.as_slice()).unwrap_or_default();
        ids.iter().filter_map(|id| self.transfers.get(id))
    }

    pub(crate) fn apply(&mut self, line: &Line) {
        self.lines = line.n;
        let at = line.at;
        match &line.event {
            Event::Clock(anchor) => self.clock = Some(*anchor),
            Event::WalletSet { balance } => {
                self.wallet = *balance;
                self.wallet_was_set = true;
            }
            Event::Posted(arrival) => self.posted(arrival),
            Event::Accepted(accepted) => self.accepted(accepted, at),
            Event::Moved { id, status, message, movement, reversal } => {
                self.moved(*id, status, message, movement.as_ref(), *reversal);
            }
            Event::Deferred(deferred) => {
                self.took_id(deferred.id);
                self.schedule(deferred.due, Due::CarryOut(deferred.id));
                self.deferred.insert(deferred.id, (**deferred).clone());
            }
            Event::CarriedOut { id } => {
                self.deferred.remove(id);
            }
            Event::HookQueued(hook) => {
                self.took_id(hook.id);
                self.schedule(hook.due, Due::Deliver(hook.id));
                if hook.held {
                    self.held.insert(hook.id);
                }
                self.hooks.insert(hook.id, hook.clone());
            }
            Event::HookTried { id, answer, next } => self.hook_tried(*id, answer, *next, at),
            Event::HookReleased { id, due } => self.hook_released(*id, *due),
            Event::BatchQueued(batch) => {
                self.took_id(batch.id);
                self.batches.insert(batch.id, batch.clone());
            }
            Event::BeneficiaryAdded(beneficiary) => {
                self.took_id(beneficiary.id);
                self.beneficiaries.insert(beneficiary.id, beneficiary.clone());
            }
            Event::BeneficiaryRemoved { id } => {
                self.beneficiaries.remove(id);
            }
        }
    }

    fn took_id(&mut self, id: u64) {
        self.last_id = self.last_id.max(id);
    }

    pub(super) fn schedule(&mut self, due: DateTime<Utc>, what: Due) {
        self.agenda_entries = self.agenda_entries.saturating_add(1);
        self.agenda.insert((due, self.agenda_entries), what);
    }

    fn posted(&mut self, arrival: &Arrival) {
        if let Some(reference) = &arrival.reference {
            let known = self.references.entry(reference.clone()).or_default();
            known.posts = known.posts.saturating_add(1);
            if arrival.verdict == Verdict::Duplicate {
                known.duplicates = known.duplicates.saturating_add(1);
            }
        }
        let count = self.verdicts.entry(arrival.verdict).or_default();
        *count = count.saturating_add(1);
        if self.timeline.len() >= LONGEST_TIMELINE {
            self.timeline.pop_front();
        }
        self.timeline.push_back(arrival.clone());
    }

    fn accepted(&mut self, accepted: &Accepted, at: DateTime<Utc>) {
        let id = accepted.id;
        self.took_id(id);
        let mut movements = Vec::new();
        if let Some(amount) = accepted.debited {
            self.wallet = self.wallet.saturating_sub(amount);
            self.in_flight = self.in_flight.saturating_add(amount);
            movements.push(Movement { kind: MovementKind::Debited, amount, at });
        }
        if let Some(step) = accepted.plan.first() {
            self.schedule(step.due, Due::Step(id));
        }
        if let Some(original) = accepted.retry_of {
            self.retries.entry(original).or_default().push(id);
        }
        self.references.entry(accepted.order.reference.clone()).or_default().ids.push(id);
        let transfer = Transfer {
            id,
            order: accepted.order.clone(),
            fee: accepted.fee,
            status: Status::New,
            message: String::new(),
            created_at: at,
            steps: accepted.plan.iter().cloned().collect(),
            movements,
            retry_of: accepted.retry_of,
            webhooks: Vec::new(),
        };
        self.transfers.insert(id, transfer);
    }

    fn moved(
        &mut self,
        id: u64,
        status: &Status,
        message: &str,
        movement: Option<&Movement>,
        reversal: bool,
    ) {
        let Some(transfer) = self.transfers.get_mut(&id) else {
            return;
        };
        let in_flight_before = transfer.in_flight();
        transfer.status = status.clone();
        message.clone_into(&mut transfer.message);
        if reversal {
            transfer.steps.clear();
        } else {
            transfer.steps.pop_front();
        }
        if let Some(movement) = movement {
            if matches!(movement.kind, MovementKind::Returned | MovementKind::Reversed) {
                self.wallet = self.wallet.saturating_add(movement.amount);
            }
            transfer.movements.push(movement.clone());
        }
        let landed = in_flight_before.saturating_sub(transfer.in_flight());
        self.in_flight = self.in_flight.saturating_sub(landed);
        if let Some(due) = transfer.steps.front().map(|step| step.due) {
            self.schedule(due, Due::Step(id));
        }
    }

    fn hook_tried(&mut self, id: u64, answer: &str, next: Option<DateTime<Utc>>, at: DateTime<Utc>) {
        let Some(hook) = self.hooks.get_mut(&id) else {
            return;
        };
        hook.tries = hook.tries.saturating_add(1);
        self.held.remove(&id);
        let tried = WebhookTry { at, status: hook.status.clone(), answer: answer.to_owned() };
        if let Some(transfer) = self.transfers.get_mut(&hook.transfer)
            && transfer.webhooks.len() < MOST_WEBHOOK_TRIES
        {
            transfer.webhooks.push(tried);
        }
        match next {
            Some(due) => {
                hook.due = due;
                self.schedule(due, Due::Deliver(id));
            }
            None => {
                self.hooks.remove(&id);
            }
        }
    }

    fn hook_released(&mut self, id: u64, due: DateTime<Utc>) {
        if let Some(hook) = self.hooks.get_mut(&id) {
            hook.due = due;
            self.held.remove(&id);
            self.schedule(due, Due::Deliver(id));
        }
    }
}
