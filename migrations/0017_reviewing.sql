-- People deciding: two approvers above an amount, who has taken a review on, who was reminded, and what undid an approval.

-- Above this amount a payout needs two different approvers. A smaller limit counts at once; a larger one is proposed by one admin
-- and counts when another one asks for the same: nobody raises it to approve alone.
--
-- As installed. A currency without a row needs two approvers for everything.
CREATE TABLE approval_limits (
    currency        text PRIMARY KEY CHECK (currency IN ('NGN', 'GHS', 'KES')),
    amount          numeric(20, 4) NOT NULL CHECK (amount >= 0),
    -- Null as installed.
    changed_by      text,
    changed_at      timestamptz,
    proposed_amount numeric(20, 4) CHECK (proposed_amount > amount),
    proposed_by     text,
    proposed_at     timestamptz,
    CHECK ((changed_by IS NULL) = (changed_at IS NULL)),
    CHECK (num_nulls(proposed_amount, proposed_by, proposed_at) IN (0, 3))
);
INSERT INTO approval_limits (currency, amount) VALUES ('NGN', 1000000), ('GHS', 10000), ('KES', 100000);

-- What the queue filters and sorts by stands in the row: what was asked for never changes, and neither does what was found.
ALTER TABLE reviews
    ADD COLUMN provider_id      uuid REFERENCES providers,
    ADD COLUMN amount           numeric(20, 4),
    ADD COLUMN currency         text CHECK (currency IN ('NGN', 'GHS', 'KES')),
    -- The names of the rules that fired.
    ADD COLUMN fired            text[] NOT NULL DEFAULT '{}',
    -- Counts up with each undo: approvals of an earlier round do not count.
    ADD COLUMN round            integer NOT NULL DEFAULT 1 CHECK (round > 0),
    -- Fixed when the review opens; a limit that is made smaller meanwhile still raises it.
    ADD COLUMN approvals_needed smallint NOT NULL DEFAULT 1 CHECK (approvals_needed IN (1, 2)),
    -- Of this round.
    ADD COLUMN approvals        smallint NOT NULL DEFAULT 0 CHECK (approvals BETWEEN 0 AND 2),
    ADD COLUMN assigned_to      text,
    ADD COLUMN assigned_by      text,
    ADD COLUMN assigned_until   timestamptz,
    -- What people were told of this round, once each.
    ADD COLUMN reminded_at      timestamptz,
    ADD COLUMN escalated_at     timestamptz,
    -- The approval that was taken back last.
    ADD COLUMN undone_at        timestamptz,
    ADD COLUMN undone_by        text,
    ADD COLUMN undone_reason    text,
    ADD CHECK (num_nulls(assigned_to, assigned_by, assigned_until) IN (0, 3)),
    ADD CHECK (num_nulls(undone_at, undone_by, undone_reason) IN (0, 3));
UPDATE reviews r SET provider_id = p.provider_id, amount = p.amount, currency = p.currency FROM payouts p WHERE p.id = r.payout_id;
ALTER TABLE reviews
    ALTER COLUMN provider_id SET NOT NULL,
    ALTER COLUMN amount SET NOT NULL,
    ALTER COLUMN currency SET NOT NULL;

-- Longest waiting first is `reviews_open`.
CREATE INDEX reviews_open_by_amount ON reviews (amount DESC, id DESC) WHERE status = 'OPEN';
CREATE INDEX reviews_open_of_provider ON reviews (provider_id, opened_at, id) WHERE status = 'OPEN';
CREATE INDEX reviews_open_assigned ON reviews (assigned_to, opened_at, id) WHERE status = 'OPEN' AND assigned_to IS NOT NULL;

ALTER TABLE decisions ADD COLUMN round integer NOT NULL DEFAULT 1;
-- Nobody approves twice in a round.
CREATE UNIQUE INDEX decisions_two_people ON decisions (payout_id, round, decided_by) WHERE verdict = 'approve';

-- What was done to a provider or an account lately, and by whom.
CREATE INDEX audit_by_subject ON audit (subject, at) WHERE subject IS NOT NULL;

-- Whatever the code does: what needs two approvers is not approved by fewer. What the gateway has paid is approved by nobody
-- (`system`), and so is what no rule held back.
CREATE FUNCTION payouts_two_approvers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM reviews r
               WHERE r.payout_id = NEW.id AND r.approvals_needed > 1
                 AND r.approvals_needed > (SELECT count(DISTINCT d.decided_by) FROM decisions d
                                           WHERE d.payout_id = NEW.id AND d.round = r.round AND d.verdict = 'approve' AND d.verified)) THEN
        RAISE EXCEPTION 'this payout needs two approvers' USING ERRCODE = 'check_violation', CONSTRAINT = 'payouts_two_approvers';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payouts_two_approvers BEFORE UPDATE ON payouts FOR EACH ROW
    WHEN (OLD.status = 'REQUESTED' AND NEW.status = 'APPROVED' AND NEW.approved_by <> 'system')
    EXECUTE FUNCTION payouts_two_approvers();
