-- Where the check that runs by itself stands, and what it last found. What is wrong is a case; this is for its next run.
CREATE TABLE books_check (
    only_row       boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- The ledger: when it was last read, how long that took, and when it was last right.
    ledger_at      timestamptz,
    ledger_took_ms bigint NOT NULL DEFAULT 0 CHECK (ledger_took_ms >= 0),
    ledger_wrong   integer NOT NULL DEFAULT 0 CHECK (ledger_wrong >= 0),
    ledger_right_at timestamptz,
    -- The workflows: open payouts are gone through by id, round and round; ended ones once, in the order in which they ended.
    open_after     uuid,
    ended_after    timestamptz,
    ended_after_id uuid,
    -- What looked wrong and is looked at again before it counts.
    suspects       uuid[] NOT NULL DEFAULT '{}' CHECK (cardinality(suspects) <= 1000),
    runs_wrong     integer NOT NULL DEFAULT 0 CHECK (runs_wrong >= 0),
    runs_at        timestamptz,
    CHECK ((ended_after IS NULL) = (ended_after_id IS NULL))
);
INSERT INTO books_check DEFAULT VALUES;

CREATE INDEX payouts_ended ON payouts (updated_at, id)
    WHERE status IN ('COMPLETED', 'REJECTED', 'CANCELLED', 'REVERSED') OR refunded_at IS NOT NULL;
