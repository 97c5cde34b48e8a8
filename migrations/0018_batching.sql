-- What batches may take: the wallet as it was last seen, the limits that people set, and what was passed over.

-- What may be claimed, by currency. A batch asks the gateway for its balance before it claims; each claim takes its part away in
-- its own transaction, so that batches side by side share it.
CREATE TABLE funds (
    currency  text PRIMARY KEY CHECK (currency IN ('NGN', 'GHS', 'KES')),
    -- NULL: nobody has asked yet.
    asked_at  timestamptz,
    -- What the gateway said can be spent; NULL: it could not be asked.
    balance   numeric(20, 4),
    -- The balance without what was claimed or is to be tried again and has not been debited yet.
    spendable numeric(20, 4),
    -- What a transfer costs besides its amount, at most.
    fee_each  numeric(20, 4) NOT NULL DEFAULT 0 CHECK (fee_each >= 0),
    -- Everything that batches ever claimed: what was claimed while the gateway was being asked is the difference.
    claims    bigint NOT NULL DEFAULT 0,
    claimed   numeric(20, 4) NOT NULL DEFAULT 0,
    CHECK ((balance IS NULL) = (spendable IS NULL))
);

INSERT INTO funds (currency) VALUES ('NGN'), ('GHS'), ('KES');

-- The batch that passed an approved payout over last, as long as it is held for that.
ALTER TABLE payouts ADD COLUMN held_batch uuid REFERENCES batches;
CREATE INDEX payouts_held ON payouts (held_batch, provider_id) WHERE held_batch IS NOT NULL;
CREATE INDEX payouts_retry_due ON payouts (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

-- What a batch left where it was, by reason.
CREATE TABLE batch_held (
    batch_id uuid NOT NULL REFERENCES batches,
    reason   text NOT NULL CHECK (reason IN ('paused', 'funds', 'limit')),
    currency text NOT NULL,
    payouts  integer NOT NULL CHECK (payouts > 0),
    amount   numeric(20, 4) NOT NULL CHECK (amount > 0),
    PRIMARY KEY (batch_id, reason, currency)
);

-- How many windows in a row took nothing of a provider for want of funds. After three it goes first.
CREATE TABLE passed_over (
    provider_id uuid NOT NULL REFERENCES providers,
    currency    text NOT NULL,
    windows     integer NOT NULL CHECK (windows > 0),
    PRIMARY KEY (provider_id, currency)
);

-- What people set at run time. Without a row the settings of the installation are in force.
CREATE TABLE batch_rules (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- When batches leave; NULL: as the installation's settings say.
    schedule   jsonb,
    -- Windows before this moment are not made up for: they were another schedule's.
    scheduled_at timestamptz,
    -- How much may leave in one batch and on one day.
    limits     jsonb NOT NULL DEFAULT '{}',
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL
);

ALTER TABLE batches
    -- Windows before its own that no batch has had; this one takes what they would have taken.
    ADD COLUMN missed integer NOT NULL DEFAULT 0 CHECK (missed >= 0);

-- Windows ahead of which finance was told that the wallet will not do: once each.
CREATE TABLE window_warnings (
    window_at timestamptz NOT NULL,
    currency  text NOT NULL,
    shortfall numeric(20, 4) NOT NULL CHECK (shortfall > 0),
    warned_at timestamptz NOT NULL,
    PRIMARY KEY (window_at, currency)
);
