-- What people look for and look at.

-- The beginning of a name or of the marketplace's own id. Compared byte by byte, so that one index serves every collation.
CREATE INDEX providers_by_name ON providers (lower(display_name) text_pattern_ops, id);
CREATE INDEX providers_by_external_id ON providers (external_id text_pattern_ops);
-- What staff filters by, and what is counted of one provider.
CREATE INDEX providers_suspended ON providers (id) WHERE status = 'SUSPENDED';
CREATE INDEX ledger_accounts_in_debt ON ledger_accounts (provider_id) WHERE kind = 'provider_debt' AND balance < 0;
CREATE INDEX payouts_open_of_provider ON payouts (provider_id, id)
    WHERE status IN ('REQUESTED', 'APPROVED', 'PROCESSING') OR (status = 'FAILED' AND refunded_at IS NULL);

-- Statistics read these and nothing else.
CREATE INDEX payouts_paid ON payouts (currency, completed_at) INCLUDE (amount, requested_at, approved_at, claimed_at)
    WHERE completed_at IS NOT NULL;
CREATE INDEX attempts_failed ON attempts (settled_at) INCLUDE (payout_id, failure_code) WHERE status = 'FAILED';
CREATE INDEX reviews_closed ON reviews (currency, closed_at) INCLUDE (opened_at) WHERE status = 'CLOSED';

-- The payout that this one was asked for instead of: a payout is replaced once.
ALTER TABLE payouts ADD COLUMN replaces uuid REFERENCES payouts;
CREATE UNIQUE INDEX payouts_replaced_once ON payouts (replaces) WHERE replaces IS NOT NULL;

-- The link in the message about a new bank account, by the hash of what is in it.
CREATE TABLE account_stops (
    link_hash       bytea PRIMARY KEY CHECK (length(link_hash) = 32),
    bank_account_id uuid NOT NULL UNIQUE REFERENCES bank_accounts,
    expires_at      timestamptz NOT NULL,
    stopped_at      timestamptz
);
