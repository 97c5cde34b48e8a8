-- The first 2xx answer to a request under a provider's key, given again for 30 days. Inserted in the transaction that does the
-- work, so a second request under the same key waits for the first, and a failed one leaves no row.

CREATE TABLE idempotency_keys (
    provider_id uuid NOT NULL REFERENCES providers,
    key         text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    body_hash   bytea NOT NULL CHECK (length(body_hash) = 32),
    payout_id   uuid REFERENCES payouts,
    -- The answer as it was given.
    answer      jsonb,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (provider_id, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
