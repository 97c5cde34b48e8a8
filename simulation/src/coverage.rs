//! What a run has met: so that a simulation that no longer provokes something is noticed.

macro_rules! marks {
    ($(#[$doc:meta])* $name:ident { $($mark:ident => $words:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($mark,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$mark,)*];
            pub const COUNT: usize = Self::ALL.len();

            pub fn words(self) -> &'static str {
                match self { $(Self::$mark => $words,)* }
            }

            pub(crate) fn slot(self) -> usize {
                #[expect(clippy::as_conversions, reason = "the number of a plain variant")]
                { self as usize }
            }

            pub fn named(words: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|mark| mark.words() == words)
            }
        }
    };
}

marks! {
    /// What may go wrong. Each world draws how often each of them happens to it; some never do.
    Fault {
        NotSent => "not sent",
        Shut => "gateway shut for hours",
        AnswerLost => "accepted, answer lost",
        RequestLost => "request lost, no answer",
        ArrivesLate => "no answer, carried out later",
        Declined => "declined",
        WalletEmpty => "wallet empty",
        ResendDeclined => "re-send declined",
        SendStalls => "sender stalls past its lease",
        SlowTransfer => "in flight for long",
        InvisibleAtFirst => "not found for a while",
        TransferFails => "transfer fails",
        LookFails => "look-up fails",
        Unrecognised => "unrecognised answer",
        Disagrees => "record of somebody else",
        RecordGone => "record gone for long",
        StaleLook => "stale answer",
        FailedThenPaid => "failed, then paid after all",
        PaidThenReturned => "paid, then returned",
        CalledReturned => "called returned by mistake",
        WebhookLost => "webhook lost",
        WebhookTwice => "webhook twice",
        WebhookLate => "webhook late",
        WebhookEarly => "webhook early",
        WorkerDies => "worker dies",
        RunsTwice => "step runs twice at once",
        HistoryLost => "history lost",
        RelayLate => "outbox delivered late",
        RelayTwice => "outbox delivered twice",
        WrongAttestation => "people attest what is not so",
    }
}

marks! {
    /// What was decided, and how races ended.
    Mark {
        LookSucceed => "look: succeed",
        LookFail => "look: fail",
        LookAgain => "look: again",
        LookMayResend => "look: may re-send",
        LookConfirmFailure => "look: failure confirmed",
        LookDoubtUnconfirmed => "look: doubt, unconfirmed",
        LookDoubtInFlight => "look: doubt, in flight",
        LookLate => "look: late",
        LookReversalSeen => "look: reversal seen",
        LookReverse => "look: reverse",
        LookNotReversed => "look: not reversed",
        LookNothing => "look: nothing",
        SendAccepted => "send: accepted",
        SendFail => "send: fail",
        SendLoseSight => "send: lose sight",
        SendTakeBack => "send: take back",
        SendNothing => "send: nothing",
        LateCompletes => "late: completes",
        LateWithdraws => "late: withdraws and completes",
        LateWaits => "late: waits",
        LateOverpaid => "late: overpaid",
        WaitedCompletes => "late that waited: completes",
        WaitedOverpaid => "late that waited: overpaid",
        FailureWaitsForFunds => "failure: waits for funds",
        FailureRetries => "failure: retries",
        FailureNeedsAttention => "failure: needs attention",
        NextAssess => "next: assess",
        NextAwaitDecision => "next: await decision",
        NextAwaitRelease => "next: await release",
        NextBegin => "next: begin",
        NextSend => "next: send",
        NextAwaitOutcome => "next: await outcome",
        NextAwaitRetry => "next: await retry",
        NextAwaitAttention => "next: await attention",
        NextNotify => "next: notify",
        EndedCompleted => "ended: completed",
        EndedRejected => "ended: rejected",
        EndedCancelled => "ended: cancelled",
        EndedRefunded => "ended: refunded",
        EndedReversed => "ended: reversed",
        GateHeldFirst => "gate: held before the first try",
        GateHeldRetry => "gate: held before a retry",
        GateAccountRemoved => "gate: account removed",
        GateLookAgain => "gate: look again",
        GateNothing => "gate: nothing to begin",
        SendHeld => "send refused: paused",
        SendWithdrawn => "send refused: doubt about an earlier attempt, withdrawn",
        SendDoubted => "send refused: doubt about an earlier attempt",
        SendLeased => "send refused: not to be sent now",
        SendAttested => "send refused: attested",
        SendNotNeeded => "send refused: an earlier attempt has paid, withdrawn",
        TakenBackNotNeeded => "a send taken back beside one that has paid: withdrawn",
        SendPaidBefore => "send refused: an earlier attempt has paid",
        ApprovedOnce => "approved by one of two",
        ApprovedByThem => "race: the second of two is the first",
        FirstApprovalUndone => "the first of two approvals taken back",
        ApproveWon => "race: approve won",
        ApproveLost => "race: approve lost",
        RejectWon => "race: reject won",
        RejectLost => "race: reject lost",
        CancelWon => "race: cancel won",
        CancelLost => "race: cancel lost",
        UndoWon => "race: undo won",
        UndoLost => "race: undo lost",
        RetryWon => "race: retry won",
        RetryLost => "race: retry lost",
        RefundWon => "race: refund won",
        RefundLost => "race: refund lost",
        RefundNotProven => "race: refund without proof",
        RefundLateSuccess => "race: refund met a late success",
        ClaimPassedOver => "race: claim passed over a held payout",
        UnprovenGivenUp => "a day without proof: given to a person",
        UnknownTooLong => "a day unknown: case",
        AttestedPaid => "attested: paid",
        AttestedUnpaid => "attested: unpaid, ended by a look",
        AttestationWithdrawn => "attested: withdrawn by the gateway",
        AccountFailing => "three payouts in a row failed: account paused",
        OverpaidReturned => "an overpaid transfer came back",
        ReturnedWhileWaiting => "a late success came back while it waited",
        BegunBesideExcess => "another try beside an excess that is owed",
        RefundedBesideExcess => "refunded beside an excess that is owed",
        DebtRecovered => "debt recovered",
        ClawedBack => "earning clawed back",
        TwoLate => "two late successes of one payout",
        RestartedByRelay => "run started again by the relay",
        RestartedBySweeper => "run started again by the sweeper",
        SignalRepeated => "a repeated signal was dropped",
        SignalUnexpected => "a signal out of place",
        WebhookDoubled => "a webhook body came again",
        WebhookAfterEnd => "a webhook after the end",
        AnswerOvertaken => "an answer after the outcome was known",
        InCircles => "steps that answer each other were slowed down",
        ManyAttempts => "five attempts or more",
    }
}

/// Below this many payouts, what takes several mishaps at once may not have happened.
const MEETS_EVERYTHING: u64 = 1_000_000;

/// What takes several mishaps at once.
const RARE: [Mark; 3] = [Mark::SendAttested, Mark::SendNotNeeded, Mark::TakenBackNotNeeded];

/// What is so rare that no run must meet it.
const HARDLY_EVER: [Mark; 3] =
    [Mark::ReturnedWhileWaiting, Mark::BegunBesideExcess, Mark::RefundedBesideExcess];

/// How often each was met.
#[derive(Debug, Clone)]
pub struct Coverage {
    faults: [u64; Fault::COUNT],
    marks: [u64; Mark::COUNT],
}

impl Default for Coverage {
    fn default() -> Self {
        Self { faults: [0; Fault::COUNT], marks: [0; Mark::COUNT] }
    }
}

impl Coverage {
    pub(crate) fn mark(&mut self, mark: Mark) {
        self.marks[mark.slot()] += 1;
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        self.faults[fault.slot()] += 1;
    }

    pub fn of(&self, mark: Mark) -> u64 {
        self.marks[mark.slot()]
    }

    pub fn of_fault(&self, fault: Fault) -> u64 {
        self.faults[fault.slot()]
    }

    pub fn add(&mut self, other: &Self) {
        for (sum, count) in self.faults.iter_mut().zip(other.faults) {
            *sum += count;
        }
        for (sum, count) in self.marks.iter_mut().zip(other.marks) {
            *sum += count;
        }
    }

    /// What was never met, of what `payouts` of them should have met.
    pub fn missing(&self, payouts: u64) -> Vec<&'static str> {
        let faults = Fault::ALL.iter().filter(|fault| self.of_fault(**fault) == 0).map(|fault| fault.words());
        let marks = Mark::ALL
            .iter()
            .filter(|mark| self.of(**mark) == 0 && !HARDLY_EVER.contains(mark))
            .filter(|mark| payouts >= MEETS_EVERYTHING || !RARE.contains(mark))
            .map(|mark| mark.words());
        faults.chain(marks).collect()
    }
}
