-- What a hook outside said about providers and accounts before payouts left. One row a question; nothing is changed or deleted.
CREATE TABLE screenings (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider_id     uuid NOT NULL REFERENCES providers,
    bank_account_id uuid NOT NULL REFERENCES bank_accounts,
    -- As the hook was told it: an answer about another name is none.
    provider_name   text NOT NULL,
    -- `error`: the hook gave no answer, none that can be believed, or says that it could not look.
    verdict         text NOT NULL CHECK (verdict IN ('clear', 'hit', 'error')),
    -- Of the lists it looked into.
    list_version    text CHECK (length(list_version) BETWEEN 1 AND 100),
    reason          text CHECK (length(reason) BETWEEN 1 AND 500),
    answered_at     timestamptz NOT NULL,
    CHECK (list_version IS NOT NULL OR verdict = 'error')
);
CREATE INDEX screenings_by_account ON screenings (provider_id, bank_account_id, answered_at DESC, id DESC);
-- The newest list that any answer was made from.
CREATE INDEX screenings_by_list ON screenings (answered_at DESC, id DESC) INCLUDE (list_version) WHERE list_version IS NOT NULL;

CREATE FUNCTION screenings_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was answered never changes' USING ERRCODE = 'check_violation', CONSTRAINT = 'screenings_append_only';
END $$;
CREATE TRIGGER screenings_guard BEFORE UPDATE OR DELETE ON screenings FOR EACH ROW EXECUTE FUNCTION screenings_guard();

ALTER TABLE batches
    -- Where screening is demanded: only what was answered after this moment counts.
    ADD COLUMN screened_since timestamptz;

ALTER TABLE payouts
    -- When screening put it before people last, and for what.
    ADD COLUMN screening_stopped_at timestamptz,
    ADD COLUMN screening_stopped_for text CHECK (screening_stopped_for IN ('hit', 'error')),
    ADD CONSTRAINT payouts_screening_stopped CHECK ((screening_stopped_at IS NULL) = (screening_stopped_for IS NULL));

-- What the answers since then mean for an approved payout: `clear` (it may leave), `stopped` (it goes before people) or `unasked`.
--
-- An admin who approves what was stopped has seen the answer, and lets the payout go as long as that answer stands. One who approves
-- what was stopped for want of an answer lets it go although there is none once more, and not against a hit.
CREATE FUNCTION screened(p payouts, since timestamptz) RETURNS text LANGUAGE sql STABLE
RETURN coalesce((
    SELECT CASE
        WHEN s.verdict = 'clear' THEN 'clear'
        WHEN p.approved_by NOT LIKE 'admin:%' OR p.screening_stopped_at IS NULL THEN 'stopped'
        WHEN s.answered_at <= p.screening_stopped_at THEN 'clear'
        WHEN s.verdict = 'error' AND p.screening_stopped_for = 'error' THEN 'clear'
        ELSE 'stopped'
    END
    FROM screenings s JOIN providers v ON v.id = s.provider_id AND v.display_name = s.provider_name
    WHERE s.provider_id = p.provider_id AND s.bank_account_id = p.bank_account_id AND s.answered_at > since
    ORDER BY s.answered_at DESC, s.id DESC LIMIT 1), 'unasked');
