-- What came in from outside, and what must go out: written in the same transaction as what it belongs to.

CREATE TABLE inbox (
    id          uuid PRIMARY KEY,
    source      text NOT NULL CHECK (source IN ('flutterwave')),
    -- SHA-256 of the raw body: the gateway sends no event id.
    body_hash   bytea NOT NULL CHECK (length(body_hash) = 32),
    -- As received: it may hold an account number, so it is shown to nobody.
    body        bytea NOT NULL CHECK (length(body) <= 65536),
    reference   text,
    attempt_id  uuid REFERENCES attempts,
    -- `woken`: its payout was told; `finished`: its payout had ended, reconciliation's work; `unknown`: no such reference
    -- here; `unreadable`: not a transfer's event.
    disposition text NOT NULL CHECK (disposition IN ('woken', 'finished', 'unknown', 'unreadable')),
    received_at timestamptz NOT NULL,
    -- How often the same body came again.
    repeats     integer NOT NULL DEFAULT 0,
    UNIQUE (source, body_hash)
);
CREATE INDEX inbox_by_reference ON inbox (reference) WHERE reference IS NOT NULL;
CREATE INDEX inbox_unmatched ON inbox (id) WHERE disposition = 'unknown';

-- Starts and signals for the engine. Order is kept per payout: the oldest undelivered row goes first.
CREATE TABLE outbox (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('start', 'signal', 'batch', 'instant_batch', 'reconciliation')),
    payout_id    uuid REFERENCES payouts,
    batch_id     uuid REFERENCES batches,
    signal       text CHECK (signal IN ('decision', 'release', 'transfer_update', 'cancel', 'manual_action')),
    body         jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL,
    next_try_at  timestamptz NOT NULL,
    tries        integer NOT NULL DEFAULT 0,
    last_error   text,
    delivered_at timestamptz,
    -- Given up; an admin can send it again.
    dead_at      timestamptz,
    CHECK ((kind = 'signal') = (signal IS NOT NULL)),
    CHECK ((kind IN ('start', 'signal')) = (payout_id IS NOT NULL)),
    CHECK ((kind = 'batch') = (batch_id IS NOT NULL))
);
CREATE INDEX outbox_undelivered ON outbox (id) WHERE delivered_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_dead ON outbox (id) WHERE delivered_at IS NULL AND dead_at IS NOT NULL;
CREATE INDEX outbox_dead_of_payout ON outbox (payout_id, id) WHERE delivered_at IS NULL AND dead_at IS NOT NULL;
CREATE INDEX outbox_instant_undelivered ON outbox (id) WHERE kind = 'instant_batch' AND delivered_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_undelivered_of_payout ON outbox (payout_id, id) WHERE delivered_at IS NULL AND dead_at IS NULL;

-- Relays listen; the sweep finds what a lost notification left.
CREATE FUNCTION outbox_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('outbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_wake AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION outbox_wake();
