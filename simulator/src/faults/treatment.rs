//! How a request struck by a fault is treated: what becomes of it, and what its caller hears.

use crate::clock::Clock;
use crate::server::Answer;
use crate::span::Span;

use super::fault::{Fault, Money};

/// The gateway's own words after a timeout inside. <https://developer.flutterwave.com/docs/handling-error-timeouts>
const TIMED_OUT: &str = "An error occurred. Please contact support";

/// What becomes of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CarryOut {
    Now,
    /// Now, and the transfer ends paid whatever the mode says.
    NowAndPaid,
    Later(Span),
    Never,
}

/// What the caller hears.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// The honest answer.
    Honest,
    /// This answer after this long.
    Instead(Span, Answer),
}

#[derive(Clone, Debug)]
pub(crate) struct Treatment {
    pub(crate) carry_out: CarryOut,
    pub(crate) reply: Reply,
}

impl Treatment {
    pub(crate) const HONEST: Self = Self { carry_out: CarryOut::Now, reply: Reply::Honest };

    /// The treatment under a fault of the answer; faults of other stages leave the answer honest.
    pub(crate) fn under(fault: &Fault) -> Self {
        let (carry_out, stall, answer) = match fault {
            Fault::StallThen503 { money, stall } => {
                (CarryOut::from(*money), *stall, Answer::error(503, TIMED_OUT))
            }
            Fault::LateCarryOut { stall, after } => {
                (CarryOut::Later(*after), *stall, Answer::error(503, TIMED_OUT))
            }
            Fault::TimeoutMoneyMoves { stall } => (CarryOut::NowAndPaid, *stall, Answer::Reset),
            Fault::ResetBefore {} => (CarryOut::Never, Span::ZERO, Answer::Reset),
            Fault::ResetAfter {} => (CarryOut::Now, Span::ZERO, Answer::Reset),
            Fault::HtmlError { money } => (CarryOut::from(*money), Span::ZERO, Answer::proxy_error()),
            Fault::RateLimited { retry_after_seconds } => {
                (CarryOut::Never, Span::ZERO, Answer::rate_limited(*retry_after_seconds))
            }
            Fault::Unauthorized {} => (CarryOut::Never, Span::ZERO, Answer::unauthorized()),
            Fault::IpNotWhitelisted {} => (CarryOut::Never, Span::ZERO, Answer::ip_not_whitelisted()),
            Fault::Decline { message, status } => {
                (CarryOut::Never, Span::ZERO, Answer::error(*status, message))
            }
            Fault::LookupError { status, html } => {
                let answer = if *html { Answer::proxy_error() } else { Answer::error(*status, TIMED_OUT) };
                (CarryOut::Never, Span::ZERO, answer)
            }
            Fault::Fail { .. }
            | Fault::PendingForever {}
            | Fault::UnknownStatus { .. }
            | Fault::FlipAfterSuccess { .. }
            | Fault::WebhookEarly {}
            | Fault::LookupLag { .. }
            | Fault::WebhookLost {}
            | Fault::WebhookLate { .. }
            | Fault::WebhookDuplicate { .. }
            | Fault::WebhookReordered { .. } => return Self::HONEST,
        };
        Self { carry_out, reply: Reply::Instead(stall, answer) }
    }
}

impl Reply {
    /// What is sent in the end, after the stall.
    pub(crate) async fn or_honest(self, clock: &Clock, honest: Answer) -> Answer {
        match self {
            Self::Honest => honest,
            Self::Instead(stall, answer) => {
                tokio::time::sleep(clock.real(stall)).await;
                answer
            }
        }
    }
}

impl From<Money> for CarryOut {
    fn from(money: Money) -> Self {
        match money {
            Money::Moves => Self::Now,
            Money::Stays => Self::Never,
        }
    }
}
