-- The set of payouts that one window releases.
--
--   OPEN ──no more approved payouts──► CLOSED

CREATE TABLE batches (
    id         uuid PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('WINDOW', 'RUN_NOW', 'INSTANT')),
    -- The moment the batch was due, for those that have one.
    window_at  timestamptz,
    status     text NOT NULL DEFAULT 'OPEN' CHECK (status IN ('OPEN', 'CLOSED')),
    opened_by  text NOT NULL,
    opened_at  timestamptz NOT NULL,
    closed_at  timestamptz,
    payouts    integer NOT NULL DEFAULT 0 CHECK (payouts >= 0),
    CHECK ((kind = 'WINDOW') = (window_at IS NOT NULL)),
    CHECK ((status = 'CLOSED') = (closed_at IS NOT NULL))
);

-- A window is batched once, however often the schedule ticks.
CREATE UNIQUE INDEX batches_one_per_window ON batches (window_at) WHERE kind = 'WINDOW';
CREATE INDEX batches_by_opening ON batches (opened_at);
CREATE INDEX batches_open ON batches (id) WHERE status = 'OPEN';
-- Instant payouts approved at the same moment leave together.
CREATE UNIQUE INDEX batches_one_open_instant ON batches (kind) WHERE kind = 'INSTANT' AND status = 'OPEN';

-- What a batch took so far, by currency.
CREATE TABLE batch_sums (
    batch_id uuid NOT NULL REFERENCES batches,
    currency text NOT NULL,
    amount   numeric(20, 4) NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (batch_id, currency)
);

-- How long an instant batch leaves a payout alone that came back for want of funds: a minute, then twice as long each time, at
-- most four hours. Its attempts that do not count as tries are those that met an empty wallet.
CREATE FUNCTION funds_rest(attempts smallint, counted_failures smallint) RETURNS interval LANGUAGE sql IMMUTABLE
RETURN make_interval(mins => least(240, (2 ^ (least(greatest(attempts - counted_failures, 1), 10) - 1))::integer));
