-- Mended after the code was read again by others.

-- A wake-up is told apart by a number that a restored database cannot give a second time, as it does with ids: a workflow that has heard
-- `release` 17 before the database was put back would take the next row 17 for a repetition. 52 bits: whatever reads JSON can hold them.
CREATE FUNCTION new_wake_up() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT ('x' || left(minted, 8) || right(minted, 5))::bit(52)::bigint FROM (SELECT gen_random_uuid()::text AS minted) once
$$;
ALTER TABLE outbox ADD COLUMN wake bigint NOT NULL DEFAULT new_wake_up();

-- What a restored database has forgotten may be an attempt of a payout that was refunded since: it is counted. Nothing else of a
-- refunded payout changes.
CREATE FUNCTION forgotten_attempts_only(was payouts, becomes payouts) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN becomes.attempts > was.attempts
   AND to_jsonb(becomes) - ARRAY['attempts', 'updated_at'] = to_jsonb(was) - ARRAY['attempts', 'updated_at'];

CREATE OR REPLACE FUNCTION payouts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
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
        IF NOT forgotten_attempts_only(OLD, NEW) THEN
            RAISE EXCEPTION 'a refunded payout is final' USING ERRCODE = 'check_violation', CONSTRAINT = 'payouts_refunded_final';
        END IF;
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

-- As before (0030), and: an answer from an older list than the newest that any answer named lets nobody out. It does not send before
-- people either: the next batch asks again.
CREATE OR REPLACE FUNCTION screened(p payouts, since timestamptz) RETURNS text LANGUAGE sql STABLE
RETURN coalesce((
    SELECT CASE
        WHEN s.verdict = 'clear'
          OR (p.approved_by LIKE 'admin:%' AND p.screening_stopped_at IS NOT NULL
              AND (s.answered_at <= p.screening_stopped_at OR (s.verdict = 'error' AND p.screening_stopped_for = 'error')))
        THEN CASE
            WHEN s.list_version <> (SELECT list_version FROM screenings WHERE list_version IS NOT NULL
                                    ORDER BY answered_at DESC, id DESC LIMIT 1) THEN 'unasked'
            ELSE 'clear'
        END
        ELSE 'stopped'
    END
    FROM screenings s JOIN providers v ON v.id = s.provider_id AND v.display_name = s.provider_name
    WHERE s.provider_id = p.provider_id AND s.bank_account_id = p.bank_account_id AND s.answered_at > since
    ORDER BY s.answered_at DESC, s.id DESC LIMIT 1), 'unasked');

-- What the next batch may take, approved by then, and what people have before them: payouts that a pause or a suspension keeps from
-- every batch need no money. A pause of everything ends some time, and then its payouts need theirs.
CREATE FUNCTION waiting_for_a_batch(by_then timestamptz) RETURNS SETOF payouts LANGUAGE sql STABLE AS $$
    SELECT p.* FROM payouts p JOIN providers v ON v.id = p.provider_id JOIN bank_accounts b ON b.id = p.bank_account_id
    WHERE ((p.status = 'APPROVED' AND p.approved_at <= by_then) OR (p.status = 'REQUESTED' AND p.risk = 'review'))
      AND v.status = 'ACTIVE'
      AND NOT EXISTS (
          SELECT FROM pauses s WHERE (s.scope, s.subject) IN
              (('provider', p.provider_id::text), ('bank', b.bank_code), ('bank_account', b.id::text)))
$$;
