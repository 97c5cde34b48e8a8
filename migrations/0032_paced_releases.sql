-- A batch releases its payouts at the pace at which they can be sent: what is released long before its turn at the gateway waits in the
-- engine, out of turn, and costs a second look at it.

ALTER TABLE batches
    -- NULL: all at once.
    ADD COLUMN releases_per_second integer CHECK (releases_per_second > 0),
    ADD COLUMN releases_from       timestamptz,
    ADD CHECK ((releases_per_second IS NULL) = (releases_from IS NULL));

ALTER TABLE outbox
    -- Not delivered before this moment; never changed but to be earlier.
    ADD COLUMN due_at timestamptz NOT NULL DEFAULT '-infinity';

-- What is not due yet is not even looked at.
DROP INDEX outbox_undelivered;
CREATE INDEX outbox_undelivered ON outbox (due_at, id) WHERE delivered_at IS NULL AND dead_at IS NULL;

-- When the release of the payout that a batch took as its so-and-so-manieth is due. The first ones, four seconds of the pace, leave at
-- once: the engine and the gateway are never idle at the beginning.
CREATE FUNCTION release_due(batch batches, place bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN batch.releases_per_second IS NULL OR place <= 4 * batch.releases_per_second THEN timestamptz '-infinity'
    ELSE batch.releases_from + make_interval(secs => (place - 4 * batch.releases_per_second)::double precision / batch.releases_per_second)
END;
