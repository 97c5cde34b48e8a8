//! What risk and finance can do. Whoever does something is in the audit trail with their reason.

mod act;
mod batches;
mod decision;
mod export;
mod payout;
mod payouts;
mod refund;
mod retry;
mod reviews;
mod run_batch;
mod view;

pub(crate) type AdminApi = (
    payouts::ListAllPayouts,
    payout::GetAnyPayout,
    reviews::ListReviews,
    decision::DecidePayout,
    retry::RetryPayout,
    refund::RefundPayout,
    run_batch::RunBatch,
    batches::ListBatches,
    batches::GetBatch,
);

pub(crate) fn api() -> AdminApi {
    (
        payouts::ListAllPayouts,
        payout::GetAnyPayout,
        reviews::ListReviews,
        decision::DecidePayout,
        retry::RetryPayout,
        refund::RefundPayout,
        run_batch::RunBatch,
        batches::ListBatches,
        batches::GetBatch,
    )
}
