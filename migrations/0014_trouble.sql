-- What people are told about trouble, and what they have done about it.

-- When the sweep said that this attempt has been without outcome for too long: it says so once.
ALTER TABLE attempts ADD COLUMN alerted_at timestamptz;
-- Since when every look at a failed attempt has said something else than failed.
ALTER TABLE attempts ADD COLUMN doubted_at timestamptz;
CREATE INDEX attempts_without_outcome ON attempts (began_at) WHERE status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN') AND sends > 0;
CREATE INDEX attempts_doubted ON attempts (doubted_at) WHERE doubt IS NOT NULL;

CREATE FUNCTION attempts_doubted_since() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.doubted_at := CASE WHEN NEW.doubt IS NULL THEN NULL ELSE coalesce(OLD.doubted_at, NEW.updated_at) END;
    RETURN NEW;
END $$;
CREATE TRIGGER attempts_doubted_since BEFORE UPDATE ON attempts FOR EACH ROW
    WHEN (NEW.doubt IS NOT NULL OR OLD.doubt IS NOT NULL) EXECUTE FUNCTION attempts_doubted_since();

-- Payouts in a row that failed for good on this account; one that arrives begins the count again.
ALTER TABLE bank_accounts ADD COLUMN failed_in_row smallint NOT NULL DEFAULT 0 CHECK (failed_in_row >= 0);
-- A payout counts against its account once, however often it is retried.
ALTER TABLE payouts ADD COLUMN counted_on_account boolean NOT NULL DEFAULT false;

CREATE INDEX cases_open ON cases (id DESC) WHERE status = 'OPEN';
