-- A provider's request to be paid an amount.
--
--                  ┌──── undo ────┐      ┌──── hold ─────┐
--                  ▼              │      ▼               │
--  REQUESTED ──approve──────► APPROVED ─┴─claim──► PROCESSING ──confirm──► COMPLETED ──reverse──► REVERSED
--      ├─reject──► REJECTED       │                  │      ▲
--      └─cancel──► CANCELLED ◄────┘                 fail    │ retry
--                                                    ▼      │
--                                                  FAILED ──┴──refund──► FAILED with refunded_at (final)

CREATE TABLE payouts (
    id               uuid PRIMARY KEY,
    provider_id      uuid NOT NULL REFERENCES providers,
    bank_account_id  uuid NOT NULL REFERENCES bank_accounts,
    amount           numeric(20, 4) NOT NULL CHECK (amount > 0),
    currency         text NOT NULL CHECK (currency IN ('NGN', 'GHS', 'KES')),
    status           text NOT NULL DEFAULT 'REQUESTED' CHECK (status IN
                         ('REQUESTED', 'APPROVED', 'PROCESSING', 'COMPLETED', 'FAILED', 'REJECTED', 'CANCELLED', 'REVERSED')),
    -- The assessment's route; absent until there is one.
    risk             text CHECK (risk IN ('auto', 'review', 'refuse')),
    requested_at     timestamptz NOT NULL,
    approved_at      timestamptz,
    approved_by      text,
    batch_id         uuid REFERENCES batches,
    claimed_at       timestamptz,
    -- Why an approved payout is not taken by the next window.
    held             text CHECK (held IN ('paused', 'funds', 'limit')),
    -- The number of the latest attempt, and how many of them count as tries (an empty wallet is nobody's failure).
    attempts         smallint NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND 99),
    counted_failures smallint NOT NULL DEFAULT 0 CHECK (counted_failures BETWEEN 0 AND attempts),
    next_attempt_at  timestamptz,
    needs_attention  boolean NOT NULL DEFAULT false,
    failure_code     text,
    failure_message  text,
    failed_at        timestamptz,
    -- What the gateway took for the transfer that paid; three decimals are usual.
    fee              numeric(20, 4) CHECK (fee >= 0),
    completed_at     timestamptz,
    rejected_at      timestamptz,
    rejection_code   text,
    rejection_reason text,
    cancelled_at     timestamptz,
    refunded_at      timestamptz,
    refunded_by      text,
    reversed_at      timestamptz,
    updated_at       timestamptz NOT NULL,

    CONSTRAINT payouts_approved CHECK (status <> 'APPROVED' OR (approved_at IS NOT NULL AND approved_by IS NOT NULL AND batch_id IS NULL)),
    CONSTRAINT payouts_claimed CHECK (status NOT IN ('PROCESSING', 'COMPLETED', 'FAILED', 'REVERSED') OR (batch_id IS NOT NULL AND claimed_at IS NOT NULL)),
    CONSTRAINT payouts_completed CHECK ((status IN ('COMPLETED', 'REVERSED')) = (completed_at IS NOT NULL)),
    CONSTRAINT payouts_rejected CHECK ((status = 'REJECTED') = (rejected_at IS NOT NULL) AND (status = 'REJECTED') = (rejection_code IS NOT NULL)),
    CONSTRAINT payouts_cancelled CHECK ((status = 'CANCELLED') = (cancelled_at IS NOT NULL)),
    CONSTRAINT payouts_reversed CHECK ((status = 'REVERSED') = (reversed_at IS NOT NULL)),
    CONSTRAINT payouts_failed CHECK (status <> 'FAILED' OR (failed_at IS NOT NULL AND failure_code IS NOT NULL)),
    CONSTRAINT payouts_retry_due CHECK (next_attempt_at IS NULL OR (status = 'FAILED' AND refunded_at IS NULL AND NOT needs_attention)),
    CONSTRAINT payouts_refunded CHECK (refunded_at IS NULL OR (status = 'FAILED' AND NOT needs_attention)),
    -- A failed payout always says who moves it next: the clock, an admin, or nobody any more.
    CONSTRAINT payouts_failed_has_owner CHECK (status <> 'FAILED' OR (next_attempt_at IS NOT NULL) <> (needs_attention OR refunded_at IS NOT NULL)),
    CONSTRAINT payouts_attention CHECK (NOT needs_attention OR status = 'FAILED'),
    CONSTRAINT payouts_held CHECK (held IS NULL OR status = 'APPROVED')
);

-- Ids are version 7: by id is by time.
CREATE INDEX payouts_by_provider ON payouts (provider_id, id DESC);
CREATE INDEX payouts_by_status ON payouts (status, id DESC);
CREATE INDEX payouts_approved_queue ON payouts (approved_at, id) WHERE status = 'APPROVED';
CREATE INDEX payouts_needing_attention ON payouts (id) WHERE needs_attention;
CREATE INDEX payouts_open ON payouts (id) WHERE status IN ('REQUESTED', 'APPROVED', 'PROCESSING') OR (status = 'FAILED' AND refunded_at IS NULL);
CREATE INDEX payouts_by_batch ON payouts (batch_id, id) WHERE batch_id IS NOT NULL;

CREATE FUNCTION payouts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'REQUESTED' THEN
            RAISE EXCEPTION 'a payout begins as REQUESTED' USING ERRCODE = 'check_violation', CONSTRAINT = 'payouts_begin_requested';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a payout is never deleted' USING ERRCODE = 'check_violation', CONSTRAINT = 'payouts_never_deleted';
    END IF;
    IF (NEW.id, NEW.provider_id, NEW.bank_account_id, NEW.amount, NEW.currency, NEW.requested_at)
        IS DISTINCT FROM (OLD.id, OLD.provider_id, OLD.bank_account_id, OLD.amount, OLD.currency, OLD.requested_at) THEN
        RAISE EXCEPTION 'what was asked for never changes' USING ERRCODE = 'check_violation', CONSTRAINT = 'payouts_terms_fixed';
    END IF;
    IF OLD.refunded_at IS NOT NULL AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'a refunded payout is final' USING ERRCODE = 'check_violation', CONSTRAINT = 'payouts_refunded_final';
    END IF;
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (
        ('REQUESTED', 'APPROVED'), ('REQUESTED', 'REJECTED'), ('REQUESTED', 'CANCELLED'),
        ('APPROVED', 'REQUESTED'), ('APPROVED', 'PROCESSING'), ('APPROVED', 'CANCELLED'),
        ('PROCESSING', 'APPROVED'), ('PROCESSING', 'COMPLETED'), ('PROCESSING', 'FAILED'),
        ('FAILED', 'PROCESSING'),
        ('COMPLETED', 'REVERSED')
    ) THEN
        RAISE EXCEPTION 'a % payout cannot become %', OLD.status, NEW.status USING ERRCODE = 'check_violation', CONSTRAINT = 'payouts_legal_move';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payouts_guard BEFORE INSERT OR UPDATE OR DELETE ON payouts FOR EACH ROW EXECUTE FUNCTION payouts_guard();

-- Which earnings a payout is made of.
--
--   RESERVED ──paid──► PAID ──returned by the bank──► RETURNED
--       └──refunded──► REFUNDED
CREATE TABLE allocations (
    payout_id  uuid NOT NULL REFERENCES payouts,
    earning_id uuid NOT NULL REFERENCES earnings,
    amount     numeric(20, 4) NOT NULL CHECK (amount > 0),
    state      text NOT NULL DEFAULT 'RESERVED' CHECK (state IN ('RESERVED', 'PAID', 'REFUNDED', 'RETURNED')),
    PRIMARY KEY (payout_id, earning_id)
);
CREATE INDEX allocations_by_earning ON allocations (earning_id);

CREATE FUNCTION allocations_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an allocation is never deleted' USING ERRCODE = 'check_violation', CONSTRAINT = 'allocations_never_deleted';
    END IF;
    IF (NEW.payout_id, NEW.earning_id, NEW.amount) IS DISTINCT FROM (OLD.payout_id, OLD.earning_id, OLD.amount) THEN
        RAISE EXCEPTION 'what was set aside never changes' USING ERRCODE = 'check_violation', CONSTRAINT = 'allocations_terms_fixed';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (('RESERVED', 'PAID'), ('RESERVED', 'REFUNDED'), ('PAID', 'RETURNED')) THEN
        RAISE EXCEPTION 'a % allocation cannot become %', OLD.state, NEW.state USING ERRCODE = 'check_violation', CONSTRAINT = 'allocations_legal_move';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER allocations_guard BEFORE UPDATE OR DELETE ON allocations FOR EACH ROW EXECUTE FUNCTION allocations_guard();
