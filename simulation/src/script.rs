//! The real script of a payout, driven by hand: each step it asks for is a command to the world, and it goes on when the world
//! has answered. The waits are those of the workflow: the same places, the same meaning of each wake-up, the same memory.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AttemptNumber, Ending, Next};
use workflows::{
    Memory, SignalName, WakeUp,
    payout::{Heard, Place, Steps, Waited, payout},
};

/// Steps in a row without a wait, before they are slowed down: as the workflow does it.
const UNHURRIED_STEPS: u32 = 6;
const LONGEST_CIRCLE_PAUSE_SECONDS: i64 = 60;

/// What the script wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Step(Step),
    /// Until something is said, or until then.
    Sleep(Option<DateTime<Utc>>),
    /// Whatever happens meanwhile.
    Pause(TimeDelta),
}

/// The activities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Assess,
    Reload,
    Begin,
    Transfer(AttemptNumber),
    Observe(AttemptNumber),
    Reobserve,
    Notify,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    Next(Next),
    Done,
}

/// What the script and the world share.
struct Desk {
    command: Cell<Option<Command>>,
    reply: Cell<Option<Reply>>,
    now: Cell<DateTime<Utc>>,
    memory: RefCell<Memory>,
    wake_ups: RefCell<Vec<(SignalName, WakeUp)>>,
    steps_in_a_row: Cell<u32>,
    /// Of the signals heard: out of place, and repeats.
    unexpected: Cell<u32>,
    circles: Cell<u32>,
}

/// A running script.
pub(crate) struct Run {
    desk: Rc<Desk>,
    script: Pin<Box<dyn Future<Output = Ending>>>,
    sleeping: bool,
}

/// What the world does next for a script.
pub(crate) enum Turn {
    Do(Command),
    Ended(Ending),
}

impl Run {
    pub(crate) fn start(now: DateTime<Utc>) -> Self {
        let desk = Rc::new(Desk {
            command: Cell::new(None),
            reply: Cell::new(None),
            now: Cell::new(now),
            memory: RefCell::default(),
            wake_ups: RefCell::default(),
            steps_in_a_row: Cell::new(0),
            unexpected: Cell::new(0),
            circles: Cell::new(0),
        });
        let mut driver = Driver { desk: desk.clone() };
        let script = Box::pin(async move {
            match payout(&mut driver).await {
                Ok(ending) => ending,
                Err(never) => match never {},
            }
        });
        Self { desk, script, sleeping: false }
    }

    /// Goes on with `reply`, or for the first time without one, up to the next command.
    pub(crate) fn turn(&mut self, reply: Option<Reply>, now: DateTime<Utc>) -> Option<Turn> {
        self.desk.now.set(now);
        self.desk.reply.set(reply);
        self.sleeping = false;
        match self.script.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(ending) => Some(Turn::Ended(ending)),
            Poll::Pending => {
                let command = self.desk.command.take()?;
                self.sleeping = matches!(command, Command::Sleep(_));
                Some(Turn::Do(command))
            }
        }
    }

    /// A signal came. True: the script sleeps and must be woken. `None`: it was heard before.
    pub(crate) fn hear(&mut self, name: SignalName, wake_up: WakeUp) -> Option<bool> {
        if !self.desk.memory.borrow_mut().is_news(name, wake_up.id) {
            return None;
        }
        self.desk.wake_ups.borrow_mut().push((name, wake_up));
        Some(self.sleeping)
    }

    pub(crate) fn take_unexpected(&self) -> u32 {
        self.desk.unexpected.take()
    }

    pub(crate) fn take_circles(&self) -> u32 {
        self.desk.circles.take()
    }
}

struct Driver {
    desk: Rc<Desk>,
}

impl Driver {
    async fn ask(&self, command: Command) -> Reply {
        self.desk.command.set(Some(command));
        poll_fn(|_| self.desk.reply.take().map_or(Poll::Pending, Poll::Ready)).await
    }

    async fn step(&self, step: Step) -> Result<Next, Never> {
        let next = match self.ask(Command::Step(step)).await {
            Reply::Next(next) => next,
            Reply::Done => Next::Assess,
        };
        let steps = self.desk.steps_in_a_row.get().saturating_add(1);
        self.desk.steps_in_a_row.set(steps);
        if let Some(circles) = steps.checked_sub(UNHURRIED_STEPS) {
            self.desk.circles.set(self.desk.circles.get().saturating_add(1));
            let seconds = 2_i64.saturating_pow(circles).min(LONGEST_CIRCLE_PAUSE_SECONDS);
            self.ask(Command::Pause(TimeDelta::seconds(seconds))).await;
        }
        Ok(next)
    }

    async fn wait_for_somebody(&mut self, place: Place) -> Result<Next, Never> {
        loop {
            if let Waited::Moved(next) = self.wait(place).await? {
                return Ok(next);
            }
        }
    }

    async fn wait(&mut self, place: Place) -> Result<Waited, Never> {
        loop {
            if let Some(next) = self.hear(place).await? {
                return Ok(Waited::Moved(next));
            }
            let now = self.desk.now.get();
            let due = place.due();
            if due.is_some_and(|due| due <= now) {
                return Ok(Waited::Over);
            }
            let hinted = self.desk.memory.borrow().hinted(now);
            if let Some((attempt, at)) = hinted
                && at <= now
            {
                self.desk.memory.borrow_mut().follow_hint(attempt, now);
                if place.is_about(attempt) {
                    return Ok(Waited::Over);
                }
                let next = self.ask_gateway(attempt).await?;
                if next != place.next() {
                    return Ok(Waited::Moved(next));
                }
                continue;
            }
            let alarm = [due, hinted.map(|(_, at)| at)].into_iter().flatten().min();
            self.desk.steps_in_a_row.set(0);
            self.ask(Command::Sleep(alarm)).await;
        }
    }

    async fn hear(&mut self, place: Place) -> Result<Option<Next>, Never> {
        let wake_ups = std::mem::take(&mut *self.desk.wake_ups.borrow_mut());
        let mut look = false;
        let mut unexpected = 0;
        for (name, wake_up) in wake_ups {
            match place.hears(name, wake_up) {
                Heard::Release => return Ok(Some(Next::Begin)),
                Heard::Hint(attempt) => self.desk.memory.borrow_mut().hint(attempt),
                Heard::Look => look = true,
                Heard::Unexpected => unexpected += 1,
            }
        }
        if !look && unexpected == 0 {
            return Ok(None);
        }
        let next = self.step(Step::Reload).await?;
        if next == place.next() {
            self.desk.unexpected.set(self.desk.unexpected.get() + unexpected);
        }
        Ok(Some(next).filter(|next| *next != place.next()))
    }
}

/// The script is never left in the middle: a run whose history is lost is dropped as it is.
pub(crate) enum Never {}

impl Steps for Driver {
    type Stop = Never;

    async fn validate_and_assess(&mut self) -> Result<Next, Never> {
        self.step(Step::Assess).await
    }

    async fn await_decision(&mut self) -> Result<Next, Never> {
        self.wait_for_somebody(Place::Decision).await
    }

    async fn await_window(&mut self) -> Result<Next, Never> {
        self.wait_for_somebody(Place::Window).await
    }

    async fn begin_attempt(&mut self) -> Result<Next, Never> {
        self.step(Step::Begin).await
    }

    async fn transfer(&mut self, attempt: AttemptNumber) -> Result<Next, Never> {
        self.step(Step::Transfer(attempt)).await
    }

    async fn await_outcome(
        &mut self,
        attempt: AttemptNumber,
        check_at: DateTime<Utc>,
    ) -> Result<Waited, Never> {
        self.wait(Place::Outcome { attempt, check_at }).await
    }

    async fn ask_gateway(&mut self, attempt: AttemptNumber) -> Result<Next, Never> {
        self.desk.memory.borrow_mut().drop_hint(attempt);
        self.step(Step::Observe(attempt)).await
    }

    async fn await_retry(&mut self, due: DateTime<Utc>) -> Result<Waited, Never> {
        self.wait(Place::Retry { due }).await
    }

    async fn ask_gateway_about_all(&mut self) -> Result<Next, Never> {
        self.desk.memory.borrow_mut().drop_hints();
        self.step(Step::Reobserve).await
    }

    async fn await_attention(&mut self) -> Result<Next, Never> {
        self.wait_for_somebody(Place::Attention).await
    }

    async fn notify(&mut self, _: Ending) -> Result<(), Never> {
        self.ask(Command::Step(Step::Notify)).await;
        Ok(())
    }
}
