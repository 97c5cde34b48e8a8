//! What risk and finance can do. Whoever does something is in the audit trail with their reason.

mod act;
mod approval_limits;
mod assign_review;
mod attestation;
mod batch_limits;
mod batch_schedule;
mod batch_windows;
mod batches;
mod book_funding;
mod case;
mod cases;
mod close_case;
mod confirm_attestation;
mod confirm_reversal;
mod counts;
mod dead_letters;
mod decide_many;
mod decision;
mod export;
mod forecast;
mod messages;
mod notification_settings;
mod notifications;
mod pause;
mod pauses;
mod payout;
mod payouts;
mod propose_attestation;
mod providers;
mod push_subscriptions;
mod reconciliations;
mod refund;
mod retry;
mod review;
mod review_cursor;
mod review_view;
mod reviews;
mod run_batch;
mod statistics;
mod stream;
mod suspend_provider;
mod undo;
mod unsuspend_provider;
mod view;
mod wallet_statements;
mod withdraw_attestation;
mod workers;

type Payouts = (
    payouts::ListAllPayouts,
    payout::GetAnyPayout,
    reviews::ListReviews,
    decision::DecidePayout,
    undo::UndoApproval,
    retry::RetryPayout,
    refund::RefundPayout,
);

type Batching = (
    run_batch::RunBatch,
    batches::ListBatches,
    batches::GetBatch,
    batch_windows::ListWindows,
    batch_schedule::SetSchedule,
    batch_limits::SetLimits,
    forecast::GetForecast,
);

type Reviews = (
    review::GetReview,
    decide_many::DecideMany,
    assign_review::AssignReview,
    assign_review::ReleaseReview,
    approval_limits::ListApprovalLimits,
    approval_limits::SetApprovalLimit,
);

type Trouble = (
    cases::ListCases,
    cases::GetCase,
    close_case::CloseCase,
    confirm_reversal::ConfirmReversal,
    propose_attestation::ProposeAttestation,
    confirm_attestation::ConfirmAttestation,
    withdraw_attestation::WithdrawAttestation,
    pauses::ListPauses,
    pause::OrderPause,
    pause::OrderResume,
);

type Letters = (dead_letters::ListDeadLetters, dead_letters::ResendDeadLetter);

type Told = (
    notifications::ListAdminNotifications,
    notifications::ReadAdminNotifications,
    notification_settings::AdminNotificationSettingsApi,
    push_subscriptions::SubscribeAdminToPush,
    messages::ListMessages,
    messages::ResendMessage,
);

type Comparison = (
    reconciliations::RunReconciliation,
    reconciliations::ListReconciliations,
    reconciliations::GetReconciliation,
    wallet_statements::ImportStatement,
    wallet_statements::ListStatements,
    wallet_statements::GetStatement,
    book_funding::BookFunding,
);

/// How the fleet is, and what changes.
type Watching = (stream::StreamEverything, workers::ListWorkers);

type Overview = (
    counts::GetCounts,
    statistics::GetStatistics,
    providers::ListProviders,
    providers::GetAnyProvider,
    suspend_provider::SuspendProvider,
    unsuspend_provider::UnsuspendProvider,
);

pub(crate) type AdminApi =
    (Payouts, Batching, Reviews, Trouble, Letters, Told, Comparison, Watching, Overview);

pub(crate) fn api() -> AdminApi {
    let letters = (dead_letters::ListDeadLetters, dead_letters::ResendDeadLetter);
    let told = (
        notifications::ListAdminNotifications,
        notifications::ReadAdminNotifications,
        notification_settings::AdminNotificationSettingsApi,
        push_subscriptions::SubscribeAdminToPush,
        messages::ListMessages,
        messages::ResendMessage,
    );
    let watching = (stream::StreamEverything, workers::ListWorkers);
    (payouts(), batching(), reviews(), trouble(), letters, told, comparison(), watching, overview())
}

/// What there is, at a glance.
fn overview() -> Overview {
    (
        counts::GetCounts,
        statistics::GetStatistics,
        providers::ListProviders,
        providers::GetAnyProvider,
        suspend_provider::SuspendProvider,
        unsuspend_provider::UnsuspendProvider,
    )
}

/// What the gateway says against what we know.
fn comparison() -> Comparison {
    (
        reconciliations::RunReconciliation,
        reconciliations::ListReconciliations,
        reconciliations::GetReconciliation,
        wallet_statements::ImportStatement,
        wallet_statements::ListStatements,
        wallet_statements::GetStatement,
        book_funding::BookFunding,
    )
}

fn payouts() -> Payouts {
    (
        payouts::ListAllPayouts,
        payout::GetAnyPayout,
        reviews::ListReviews,
        decision::DecidePayout,
        undo::UndoApproval,
        retry::RetryPayout,
        refund::RefundPayout,
    )
}

/// When payouts leave, and what for.
fn batching() -> Batching {
    (
        run_batch::RunBatch,
        batches::ListBatches,
        batches::GetBatch,
        batch_windows::ListWindows,
        batch_schedule::SetSchedule,
        batch_limits::SetLimits,
        forecast::GetForecast,
    )
}

/// What people decide on, and how many must.
fn reviews() -> Reviews {
    (
        review::GetReview,
        decide_many::DecideMany,
        assign_review::AssignReview,
        assign_review::ReleaseReview,
        approval_limits::ListApprovalLimits,
        approval_limits::SetApprovalLimit,
    )
}

/// What is not as it should be, and what people do about it.
fn trouble() -> Trouble {
    (
        cases::ListCases,
        cases::GetCase,
        close_case::CloseCase,
        confirm_reversal::ConfirmReversal,
        propose_attestation::ProposeAttestation,
        confirm_attestation::ConfirmAttestation,
        withdraw_attestation::WithdrawAttestation,
        pauses::ListPauses,
        pause::OrderPause,
        pause::OrderResume,
    )
}

pub(crate) mod risk_policies;
