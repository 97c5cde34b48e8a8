-- What batches have claimed and kept, summed as they claim: limits are held against these rows, however many payouts there are.
--
-- A claim adds its chunk; a payout that goes back to waiting takes itself away, whoever sends it back and however.

ALTER TABLE batch_sums
    -- Without those that came back; `amount` is everything that the batch ever took.
    ADD COLUMN kept_payouts bigint NOT NULL DEFAULT 0,
    ADD COLUMN kept_amount  numeric(20, 4) NOT NULL DEFAULT 0;

-- By quarter of an hour: in every time zone a day begins with one.
CREATE TABLE claimed_quarters (
    quarter  timestamptz NOT NULL,
    currency text NOT NULL,
    payouts  bigint NOT NULL,
    amount   numeric(20, 4) NOT NULL,
    PRIMARY KEY (quarter, currency)
);

CREATE FUNCTION quarter_of(moment timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE
RETURN date_bin(interval '15 minutes', moment, timestamptz '2000-01-01 00:00:00+00');

INSERT INTO claimed_quarters (quarter, currency, payouts, amount)
SELECT quarter_of(claimed_at), currency, count(*), sum(amount) FROM payouts WHERE claimed_at IS NOT NULL GROUP BY 1, 2;
UPDATE batch_sums s SET kept_payouts = p.payouts, kept_amount = p.amount
FROM (SELECT batch_id, currency, count(*) AS payouts, sum(amount) AS amount FROM payouts WHERE batch_id IS NOT NULL GROUP BY 1, 2) p
WHERE s.batch_id = p.batch_id AND s.currency = p.currency;

CREATE FUNCTION payouts_unclaimed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE claimed_quarters SET payouts = payouts - 1, amount = amount - OLD.amount
    WHERE quarter = quarter_of(OLD.claimed_at) AND currency = OLD.currency;
    UPDATE batch_sums SET kept_payouts = kept_payouts - 1, kept_amount = kept_amount - OLD.amount
    WHERE batch_id = OLD.batch_id AND currency = OLD.currency;
    RETURN NULL;
END $$;
CREATE TRIGGER payouts_unclaimed AFTER UPDATE ON payouts FOR EACH ROW
    WHEN (OLD.claimed_at IS NOT NULL AND NEW.claimed_at IS NULL) EXECUTE FUNCTION payouts_unclaimed();
