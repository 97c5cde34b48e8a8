-- One try to pay a payout through the gateway, under one reference that is ours and is stored before the call.
--
--   SUBMITTING ──► ACCEPTED ──► SUCCEEDED ──► REVERSED
--       │  │        │    ▲ │
--       │  └──► UNKNOWN ─┘ │    ▲     FAILED means: the gateway itself said so, or two finance admins attested it.
--       └─────────►  FAILED ◄──┴────── (from UNKNOWN and ACCEPTED alike)
--                      └── late: the gateway took its word back, the money went after all

CREATE TABLE attempts (
    id              uuid PRIMARY KEY,
    payout_id       uuid NOT NULL REFERENCES payouts,
    number          smallint NOT NULL CHECK (number BETWEEN 1 AND 99),
    -- The batch that had claimed the payout then: a late success completes it in the batch that sent it.
    batch_id        uuid NOT NULL REFERENCES batches,
    reference       text NOT NULL UNIQUE CHECK (reference ~ '^[a-z0-9-]{6,42}$'),
    -- The gateway remembered it and this database had forgotten it: it was not recorded before it was sent.
    claimed         boolean NOT NULL DEFAULT false,
    status          text NOT NULL DEFAULT 'SUBMITTING' CHECK (status IN
                        ('SUBMITTING', 'ACCEPTED', 'UNKNOWN', 'SUCCEEDED', 'FAILED', 'REVERSED')),
    began_at        timestamptz NOT NULL,
    began_by        text NOT NULL,
    -- Sends whose bytes may have reached the gateway, counted before each call.
    sends           integer NOT NULL DEFAULT 0 CHECK (sends >= 0),
    -- One sender at a time: nobody else sends or concludes absence before this moment.
    send_deadline   timestamptz,
    -- Sends ever counted, those that were taken back too: which sender an answer belongs to.
    leases          integer NOT NULL DEFAULT 0 CHECK (leases >= sends),
    -- The gateway did not know this reference after the deadline: the same attempt may be sent again.
    resend          boolean NOT NULL DEFAULT false,
    gateway_id      text,
    fee             numeric(20, 4) CHECK (fee >= 0),
    -- When the gateway is asked next, and how often it was asked without a final answer.
    check_at        timestamptz,
    looks           integer NOT NULL DEFAULT 0,
    -- Why the latest send did not leave (wrong key, address not whitelisted, unreachable, 429).
    not_sent_reason text,
    failure_code    text,
    failure_message text,
    -- False when the failure is no try of the payout's (the merchant's wallet was empty).
    counted         boolean NOT NULL DEFAULT true,
    -- When the gateway last said that this reference has failed: what a next attempt and a refund need, freshly.
    failed_seen_at  timestamptz,
    -- What the latest look at a failed attempt said instead: `unconfirmed` (nothing that tells) or `in_flight`. No money moves on
    -- a doubted failure. Seeing the failure again lifts it.
    doubt           text CHECK (doubt IN ('unconfirmed', 'in_flight')),
    -- It was seen to have failed and paid after all. Beside it another attempt may be open, or have paid too.
    late            boolean NOT NULL DEFAULT false,
    -- When the gateway first called this paid transfer failed or reversed, and has not taken it back since.
    reversal_seen_at timestamptz,
    settled_at      timestamptz,
    updated_at      timestamptz NOT NULL,
    UNIQUE (payout_id, number),
    CONSTRAINT attempts_failed_has_proof CHECK ((status = 'FAILED') = (failed_seen_at IS NOT NULL) AND (status <> 'FAILED' OR failure_code IS NOT NULL)),
    CONSTRAINT attempts_settled CHECK ((status IN ('SUCCEEDED', 'FAILED', 'REVERSED')) = (settled_at IS NOT NULL)),
    CONSTRAINT attempts_doubt_failed CHECK (doubt IS NULL OR status = 'FAILED'),
    CONSTRAINT attempts_late_paid CHECK (NOT late OR status IN ('SUCCEEDED', 'REVERSED')),
    CONSTRAINT attempts_reversal_of_paid CHECK (reversal_seen_at IS NULL OR status IN ('SUCCEEDED', 'REVERSED')),
    CONSTRAINT attempts_resend_open CHECK (NOT resend OR status IN ('SUBMITTING', 'UNKNOWN'))
);

-- At most one attempt per payout that has not conclusively failed: the last line of defence against paying twice. A late success
-- had failed, by the gateway's own word, before another could begin.
CREATE UNIQUE INDEX attempts_one_open ON attempts (payout_id) WHERE status <> 'FAILED' AND NOT late;
-- The webhook's way in.
CREATE INDEX attempts_by_gateway_id ON attempts (gateway_id) WHERE gateway_id IS NOT NULL;

CREATE FUNCTION attempts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF (NEW.status <> 'SUBMITTING' OR NEW.sends <> 0) AND NOT (NEW.claimed AND NEW.status = 'FAILED' AND NEW.doubt IS NOT NULL) THEN
            RAISE EXCEPTION 'an attempt is recorded before it is sent' USING ERRCODE = 'check_violation', CONSTRAINT = 'attempts_begin_unsent';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an attempt is never deleted' USING ERRCODE = 'check_violation', CONSTRAINT = 'attempts_never_deleted';
    END IF;
    IF (NEW.id, NEW.payout_id, NEW.number, NEW.batch_id, NEW.reference, NEW.began_at)
        IS DISTINCT FROM (OLD.id, OLD.payout_id, OLD.number, OLD.batch_id, OLD.reference, OLD.began_at) THEN
        RAISE EXCEPTION 'an attempt''s reference never changes' USING ERRCODE = 'check_violation', CONSTRAINT = 'attempts_terms_fixed';
    END IF;
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (
        ('SUBMITTING', 'ACCEPTED'), ('SUBMITTING', 'UNKNOWN'), ('SUBMITTING', 'FAILED'), ('SUBMITTING', 'SUCCEEDED'),
        ('ACCEPTED', 'SUCCEEDED'), ('ACCEPTED', 'FAILED'), ('ACCEPTED', 'UNKNOWN'),
        ('UNKNOWN', 'ACCEPTED'), ('UNKNOWN', 'SUCCEEDED'), ('UNKNOWN', 'FAILED'),
        ('SUCCEEDED', 'REVERSED')
    ) AND NOT (OLD.status = 'FAILED' AND NEW.status = 'SUCCEEDED' AND NEW.late) THEN
        RAISE EXCEPTION 'a % attempt cannot become %', OLD.status, NEW.status USING ERRCODE = 'check_violation', CONSTRAINT = 'attempts_legal_move';
    END IF;
    IF NEW.late <> OLD.late AND NOT (OLD.status = 'FAILED' AND NEW.status = 'SUCCEEDED') THEN
        RAISE EXCEPTION 'only what had failed succeeds late' USING ERRCODE = 'check_violation', CONSTRAINT = 'attempts_late_after_failure';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER attempts_guard BEFORE INSERT OR UPDATE OR DELETE ON attempts FOR EACH ROW EXECUTE FUNCTION attempts_guard();

-- One stored observation about an attempt: where it came from, when, what it said.
CREATE TABLE evidence (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    attempt_id  uuid NOT NULL REFERENCES attempts,
    source      text NOT NULL CHECK (source IN ('send', 'look_up', 'webhook', 'attestation')),
    verdict     text NOT NULL,
    -- The gateway's words and what disagreed; never an account number or a name.
    detail      jsonb NOT NULL DEFAULT '{}',
    observed_at timestamptz NOT NULL
);
CREATE INDEX evidence_by_attempt ON evidence (attempt_id, id);
