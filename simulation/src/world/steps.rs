//! Activities: each a row of events, one per transaction and one per call to the gateway. Run at least once, perhaps twice at
//! once, and left behind by workers that die.

use domain::{AttemptNumber, Next, Observed, Progress, Submitted};

use super::{Event, HOUR, MINUTE, Mark, SECOND, World, tell};
use crate::{
    coverage::Fault,
    gateway::Carried,
    model::{Acted, Result, Sending, may_go_on},
    script::{Reply, Step},
};

/// A step that is silent for so long counts as dead and is started again.
const HEARTBEAT: i64 = 6 * SECOND;
/// A pause is looked at again after this long.
const PAUSED_AGAIN: i64 = 15 * SECOND;
const NOT_SENT_AGAIN: i64 = 30 * SECOND;
const CLIENT_TIMEOUT: i64 = 40 * SECOND;
const LONGEST_BACK_OFF: i64 = MINUTE;

/// Who waits for the answer: a run and its command. Nobody where a step runs a second time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    run: u32,
    command: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Script(Step),
    /// An admin wants the money back in the balance.
    Refund,
    /// Reconciliation looks at one attempt.
    LookBack(usize),
}

/// Where an activity stands.
#[derive(Debug)]
enum Part {
    Start,
    /// The bytes are on their way to the gateway.
    Send {
        attempt: usize,
        lease: u32,
    },
    Sent {
        attempt: usize,
        lease: u32,
        submitted: Submitted,
    },
    Ask {
        attempt: usize,
    },
    Asked {
        attempt: usize,
        observed: Observed,
    },
    /// Every look has been written down.
    Conclude,
}

#[derive(Debug)]
pub(super) struct Activity {
    payout: usize,
    work: Work,
    owner: Option<Owner>,
    part: Part,
    /// Attempts still to be looked at.
    looks: Vec<usize>,
    /// What comes next when they are done, where that is known already.
    then: Option<Next>,
    tries: u32,
}

/// What becomes of an activity after one of its parts.
enum After {
    /// Its next part, after so many milliseconds.
    Then(i64, Part),
    Answer(Reply),
    /// Try again after so many milliseconds.
    Again(i64),
    Gone,
}

impl World {
    pub(super) fn begin_step(&mut self, payout: usize, step: Step, run: u32, command: u32) {
        let owner = Some(Owner { run, command });
        self.spawn(payout, Work::Script(step), owner, 0);
        if self.dice.hits(Fault::RunsTwice) {
            let delay = self.dice.span(1, 2 * MINUTE);
            self.spawn(payout, Work::Script(step), None, delay);
        }
    }

    pub(super) fn begin_refund(&mut self, payout: usize) {
        self.spawn(payout, Work::Refund, None, 0);
    }

    pub(super) fn begin_look_back(&mut self, payout: usize, attempt: usize, delay: i64) {
        self.spawn(payout, Work::LookBack(attempt), None, delay);
    }

    fn spawn(&mut self, payout: usize, work: Work, owner: Option<Owner>, delay: i64) {
        let delay = delay + self.dice.between(2, 60);
        self.keep(Activity::new(payout, work, owner), delay);
    }

    fn keep(&mut self, activity: Activity, delay: i64) {
        let step = self.free_steps.pop().unwrap_or_else(|| {
            self.steps.push(None);
            u32::try_from(self.steps.len() - 1).unwrap_or(u32::MAX)
        });
        self.steps[usize::try_from(step).unwrap_or_default()] = Some(activity);
        self.at(delay, Event::Step { step });
    }

    /// An activity's next part.
    pub(super) fn go_on(&mut self, step: u32) -> Result<()> {
        let Some(mut activity) = self.steps[usize::try_from(step).unwrap_or_default()].take() else {
            return Ok(());
        };
        self.free_steps.push(step);
        let part = std::mem::replace(&mut activity.part, Part::Start);
        let after = self.part(&mut activity, part)?;
        // The worker dies after this part: what it has written stays, what it has heard is lost.
        if self.dice.hits(Fault::WorkerDies) {
            tell!(self, "payout {}: the worker of {} dies", activity.payout, activity.words());
            if activity.owner.is_some() {
                activity.looks.clear();
                self.keep(activity, HEARTBEAT);
            }
            return Ok(());
        }
        match after {
            After::Then(delay, part) => {
                activity.part = part;
                self.keep(activity, delay);
            }
            After::Again(delay) => {
                if activity.owner.is_some_and(|owner| self.waits_for(activity.payout, owner)) {
                    activity.looks.clear();
                    activity.tries += 1;
                    self.keep(activity, delay);
                }
            }
            After::Answer(reply) => {
                if let Some(owner) = activity.owner
                    && self.waits_for(activity.payout, owner)
                {
                    self.advance(activity.payout, Some(reply));
                }
            }
            After::Gone => {}
        }
        Ok(())
    }

    fn waits_for(&self, payout: usize, owner: Owner) -> bool {
        let running = self.watches[payout].running.as_ref();
        running.is_some_and(|running| (running.number, running.command) == (owner.run, owner.command))
    }

    fn part(&mut self, activity: &mut Activity, part: Part) -> Result<After> {
        let payout = activity.payout;
        match part {
            Part::Start => self.first_part(activity),
            Part::Send { attempt, lease } => self.send(activity, attempt, lease),
            Part::Sent { attempt, lease, submitted } => {
                tell!(self, "payout {payout}: the answer to attempt {} is written down", attempt + 1);
                let progress = self.model.record_submitted(payout, attempt, lease, &submitted, self.now)?;
                Ok(match submitted {
                    Submitted::NotSent(_) => After::Again(NOT_SENT_AGAIN),
                    Submitted::Accepted(_)
                    | Submitted::Declined(_)
                    | Submitted::Duplicate
                    | Submitted::Unknown { .. } => answer(progress),
                })
            }
            Part::Ask { attempt } => Ok(self.ask(activity, attempt)),
            Part::Asked { attempt, observed } => {
                let ended = self.model.payouts[payout].has_ended();
                let progress = match activity.work {
                    Work::LookBack(_) => {
                        self.model.record_observation_and_wake(payout, attempt, &observed, self.now)?
                    }
                    Work::Script(_) | Work::Refund => {
                        self.model.record_observation(payout, attempt, &observed, self.now)?
                    }
                };
                tell!(
                    self,
                    "payout {payout}: {} writes down {} about attempt {}: {}",
                    activity.words(),
                    word(&observed),
                    attempt + 1,
                    self.model.payouts[payout].attempts[attempt].status
                );
                if activity.work == Work::Refund && !ended && self.model.payouts[payout].has_ended() {
                    self.model.coverage.mark(Mark::RefundLateSuccess);
                }
                Ok(match activity.work {
                    Work::LookBack(_) => After::Gone,
                    Work::Script(Step::Reobserve | Step::Transfer(_)) | Work::Refund => {
                        self.next_look(activity)
                    }
                    Work::Script(_) => answer(progress),
                })
            }
            Part::Conclude => self.conclude(activity),
        }
    }

    fn first_part(&mut self, activity: &mut Activity) -> Result<After> {
        let (payout, now) = (activity.payout, self.now);
        let step = match activity.work {
            Work::Script(step) => step,
            Work::Refund => {
                activity.looks = self.model.failed_attempts(payout);
                return Ok(self.next_look(activity));
            }
            Work::LookBack(attempt) => return Ok(self.then(Part::Ask { attempt })),
        };
        let progress = match step {
            Step::Assess => self.model.assess(payout, now)?,
            Step::Reload => self.model.progress(payout, now),
            Step::Begin => self.model.begin(payout, now)?,
            Step::Notify => return Ok(After::Answer(Reply::Done)),
            Step::Transfer(number) => return self.count_send(activity, number),
            Step::Observe(number) => {
                let place = self.model.place(payout, number);
                let looked_at = place.filter(|place| self.model.is_looked_at(payout, *place));
                match looked_at {
                    Some(attempt) => return Ok(self.then(Part::Ask { attempt })),
                    None => self.model.progress(payout, now),
                }
            }
            Step::Reobserve => {
                let progress = self.model.progress(payout, now);
                if may_go_on(&progress, now) {
                    activity.looks = self.model.failed_attempts(payout);
                    return Ok(self.next_look(activity));
                }
                progress
            }
        };
        tell!(self, "payout {payout}: {} → {}", activity.words(), next(&progress));
        Ok(answer(progress))
    }

    fn count_send(&mut self, activity: &mut Activity, number: AttemptNumber) -> Result<After> {
        let payout = activity.payout;
        let Some(attempt) = self.model.place(payout, number) else { return Ok(After::Again(SECOND)) };
        Ok(match self.model.count_send(payout, attempt, self.now)? {
            Sending::Go { lease } => {
                let sends = self.model.payouts[payout].attempts[attempt].sends;
                tell!(self, "payout {payout}: send {sends} of attempt {} is counted", attempt + 1);
                let delay = if self.dice.hits(Fault::SendStalls) {
                    self.stall(activity)
                } else {
                    self.dice.between(20, SECOND)
                };
                // What has left arrives, whether or not its sender lives.
                After::Then(delay, Part::Send { attempt, lease })
            }
            Sending::Not(progress) => {
                tell!(self, "payout {payout}: attempt {} is not sent → {}", attempt + 1, next(&progress));
                answer(progress)
            }
            Sending::Doubted(progress) => {
                tell!(
                    self,
                    "payout {payout}: attempt {} is not sent: an earlier one is in doubt",
                    attempt + 1
                );
                activity.looks = self.model.failed_attempts(payout);
                activity.then = Some(progress.next);
                self.next_look(activity)
            }
            Sending::Paused => After::Again(PAUSED_AGAIN),
        })
    }

    /// How long a sender stalls: as often as not just long enough to come back beside the next one. The engine, which hears
    /// nothing of it, starts the step again; this one goes on all the same.
    fn stall(&mut self, activity: &mut Activity) -> i64 {
        if let Some(owner) = activity.owner.take() {
            let again = Activity::new(activity.payout, activity.work, Some(owner));
            self.keep(again, HEARTBEAT);
        }
        if self.dice.one_in(2) {
            self.dice.between(CLIENT_TIMEOUT, 3 * CLIENT_TIMEOUT)
        } else {
            self.dice.span(MINUTE, HOUR)
        }
    }

    fn send(&mut self, activity: &mut Activity, attempt: usize, lease: u32) -> Result<After> {
        let payout = activity.payout;
        let row = &self.model.payouts[payout];
        let (amount, stalled) = (row.amount, row.attempts[attempt].leases != lease);
        let place = (payout, attempt);
        let (submitted, carried) = self.gateway.submit(place, stalled, amount, &mut self.dice, self.now)?;
        tell!(
            self,
            "payout {payout}: attempt {} reaches the gateway: {}{}",
            attempt + 1,
            said(&submitted),
            match carried {
                Carried::Nothing => "",
                Carried::Queued => ", queued",
                Carried::Later => ", and is carried out later",
            }
        );
        if matches!(submitted, Submitted::NotSent(_)) {
            self.take_back_earlier(payout, attempt);
        }
        match carried {
            Carried::Nothing => {}
            Carried::Queued => self.queued(payout, attempt),
            Carried::Later => {
                self.weather += 1;
                let delay = self.dice.span(SECOND, 20 * MINUTE);
                self.at(delay, Event::Arrive { payout, attempt });
            }
        }
        let waited = match submitted {
            Submitted::Unknown { .. } => self.dice.between(SECOND, CLIENT_TIMEOUT),
            Submitted::Accepted(_)
            | Submitted::Declined(_)
            | Submitted::Duplicate
            | Submitted::NotSent(_) => self.dice.between(50, 2 * SECOND),
        };
        let stalls = if self.dice.hits(Fault::SendStalls) { self.stall(activity) } else { 0 };
        Ok(After::Then(waited + stalls, Part::Sent { attempt, lease, submitted }))
    }

    fn ask(&mut self, activity: &Activity, attempt: usize) -> After {
        let payout = activity.payout;
        let held = &self.model.payouts[payout].attempts[attempt];
        let knows_id = held.gateway_id.is_some();
        let observed = self.gateway.look(payout, attempt, &held.terms, knows_id, &mut self.dice, self.now);
        match observed {
            None => {
                let wait = SECOND << activity.tries.min(6);
                After::Again(wait.min(LONGEST_BACK_OFF))
            }
            Some(observed) => {
                let delay = if self.dice.one_in(200) {
                    self.dice.span(SECOND, HOUR)
                } else {
                    self.dice.between(50, SECOND)
                };
                After::Then(delay, Part::Asked { attempt, observed })
            }
        }
    }

    fn next_look(&mut self, activity: &mut Activity) -> After {
        if activity.looks.is_empty() {
            return match activity.then.take() {
                Some(next) => After::Answer(Reply::Next(next)),
                None => self.then(Part::Conclude),
            };
        }
        let attempt = activity.looks.remove(0);
        self.then(Part::Ask { attempt })
    }

    fn conclude(&mut self, activity: &Activity) -> Result<After> {
        let payout = activity.payout;
        match activity.work {
            Work::Refund => {
                let acted = self.model.refund(payout, self.now)?;
                tell!(self, "payout {payout}: refund: {acted:?}");
                if acted == Acted::Done {
                    let transfers = self.gateway.of(payout);
                    crate::model::ensure!(
                        transfers.excused || !transfers.may_pay(),
                        "payout {payout} is refunded while the gateway may pay it or has"
                    );
                }
                Ok(After::Gone)
            }
            Work::Script(_) | Work::LookBack(_) => {
                let progress = self.model.after_looks(payout, self.now)?;
                tell!(self, "payout {payout}: looked at every earlier attempt → {}", next(&progress));
                Ok(answer(progress))
            }
        }
    }

    fn then(&mut self, part: Part) -> After {
        After::Then(self.dice.between(5, 500), part)
    }
}

impl Activity {
    fn new(payout: usize, work: Work, owner: Option<Owner>) -> Self {
        Self { payout, work, owner, part: Part::Start, looks: vec![], then: None, tries: 0 }
    }

    fn words(&self) -> &'static str {
        match self.work {
            Work::Script(Step::Assess) => "assess",
            Work::Script(Step::Reload) => "reload",
            Work::Script(Step::Begin) => "begin",
            Work::Script(Step::Transfer(_)) => "transfer",
            Work::Script(Step::Observe(_)) => "observe",
            Work::Script(Step::Reobserve) => "reobserve",
            Work::Script(Step::Notify) => "notify",
            Work::Refund => "refund",
            Work::LookBack(_) => "reconciliation",
        }
    }
}

fn answer(progress: Progress) -> After {
    After::Answer(Reply::Next(progress.next))
}

fn next(progress: &Progress) -> String {
    format!("{}, {:?}", progress.status, progress.next)
}

fn said(submitted: &Submitted) -> &'static str {
    match submitted {
        Submitted::Accepted(_) => "accepted",
        Submitted::Declined(_) => "declined",
        Submitted::Duplicate => "duplicate",
        Submitted::NotSent(_) => "nothing left",
        Submitted::Unknown { .. } => "no answer",
    }
}

fn word(observed: &Observed) -> &'static str {
    match observed {
        Observed::InFlight(_) => "in flight",
        Observed::Succeeded(_) => "succeeded",
        Observed::Failed(..) => "failed",
        Observed::Reversed(_) => "reversed",
        Observed::NotFound => "not found",
        Observed::Unrecognised { .. } => "unrecognised",
    }
}
