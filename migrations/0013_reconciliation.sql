-- The gateway's transfers compared with our attempts, both ways; the wallet's statement; and whether this database is where it
-- was.

-- One comparison. The cursor is kept here, so a run whose worker died goes on at its page.
--
--   LISTING ──the list is read──► LOOKING ──what was not in it was asked for──► FINISHED
CREATE TABLE reconciliations (
    id          uuid PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('SCHEDULED', 'RUN_NOW')),
    status      text NOT NULL DEFAULT 'LISTING' CHECK (status IN ('LISTING', 'LOOKING', 'FINISHED')),
    opened_by   text NOT NULL,
    opened_at   timestamptz NOT NULL,
    -- Attempts that are open, or ended since then, are compared: the return window.
    since       timestamptz NOT NULL,
    -- The same as whole days of the gateway, with a day more on either side.
    from_day    date NOT NULL,
    to_day      date NOT NULL,
    -- LISTING: the page that is read next. LOOKING: attempts up to this id have been asked for.
    next_page   integer NOT NULL DEFAULT 1 CHECK (next_page >= 1),
    looked_up_to uuid,
    -- Rows of the gateway's list: all; those that agree; of other installations; that could not be read.
    listed      integer NOT NULL DEFAULT 0 CHECK (listed >= 0),
    matched     integer NOT NULL DEFAULT 0 CHECK (matched >= 0),
    elsewhere   integer NOT NULL DEFAULT 0 CHECK (elsewhere >= 0),
    unreadable  integer NOT NULL DEFAULT 0 CHECK (unreadable >= 0),
    -- Attempts asked for one by one; those that moved by the answer; transfers claimed; differences that are cases.
    looked_up   integer NOT NULL DEFAULT 0 CHECK (looked_up >= 0),
    healed      integer NOT NULL DEFAULT 0 CHECK (healed >= 0),
    claimed     integer NOT NULL DEFAULT 0 CHECK (claimed >= 0),
    differences integer NOT NULL DEFAULT 0 CHECK (differences >= 0),
    finished_at timestamptz,
    CHECK ((status = 'FINISHED') = (finished_at IS NOT NULL)),
    CHECK (from_day <= to_day)
);
-- One at a time: two would ask the gateway everything twice.
CREATE UNIQUE INDEX reconciliations_one_running ON reconciliations ((true)) WHERE finished_at IS NULL;

-- What a run has met in the list, so that it asks only for the rest. Emptied when it finishes.
CREATE TABLE reconciliation_sightings (
    reconciliation_id uuid NOT NULL REFERENCES reconciliations,
    attempt_id        uuid NOT NULL REFERENCES attempts,
    PRIMARY KEY (reconciliation_id, attempt_id)
);

-- The return window, from its older end.
CREATE INDEX attempts_by_end ON attempts ((coalesce(settled_at, began_at)), id);

ALTER TABLE outbox ADD COLUMN reconciliation_id uuid REFERENCES reconciliations;
ALTER TABLE outbox ADD CONSTRAINT outbox_reconciliation CHECK ((kind = 'reconciliation') = (reconciliation_id IS NOT NULL));

-- What the gateway's wallet says of itself, as finance downloads it: for on v3 a reversal may show nowhere else.
CREATE TABLE wallet_statements (
    id          uuid PRIMARY KEY,
    -- SHA-256 of the file: the same file again is the same statement.
    file_hash   bytea NOT NULL UNIQUE CHECK (length(file_hash) = 32),
    imported_by text NOT NULL,
    imported_at timestamptz NOT NULL,
    -- The moments of its first and last line: what of ours should be in it.
    from_at     timestamptz NOT NULL,
    to_at       timestamptz NOT NULL,
    lines       integer NOT NULL CHECK (lines > 0),
    matched     integer NOT NULL CHECK (matched >= 0),
    -- Lines of theirs that nothing of ours explains, and movements of ours that are in no line.
    unmatched   integer NOT NULL CHECK (unmatched >= 0),
    missing     integer NOT NULL CHECK (missing >= 0),
    CHECK (from_at <= to_at),
    CHECK (matched + unmatched = lines)
);

CREATE TABLE statement_lines (
    -- Written before it, which counts what its lines leave open.
    statement_id uuid NOT NULL REFERENCES wallet_statements DEFERRABLE INITIALLY DEFERRED,
    -- As in the file, where the header is line 1.
    line         integer NOT NULL CHECK (line >= 2),
    at           timestamptz NOT NULL,
    direction    text NOT NULL CHECK (direction IN ('debit', 'credit')),
    amount       numeric(20, 4) NOT NULL CHECK (amount >= 0),
    fee          numeric(20, 4) NOT NULL CHECK (fee >= 0),
    currency     text NOT NULL CHECK (currency IN ('NGN', 'GHS', 'KES')),
    reference    text NOT NULL,
    balance      numeric(20, 4),
    -- What it is of ours, or why it is nothing.
    result       text NOT NULL CHECK (result IN ('transfer', 'fee', 'funding', 'reversal', 'returned', 'elsewhere', 'differs', 'unmatched')),
    attempt_id   uuid REFERENCES attempts,
    note         text NOT NULL DEFAULT '',
    PRIMARY KEY (statement_id, line)
);
CREATE INDEX statement_lines_by_attempt ON statement_lines (attempt_id) WHERE attempt_id IS NOT NULL;
CREATE INDEX statement_lines_credits ON statement_lines (reference) WHERE direction = 'credit';
CREATE TRIGGER wallet_statements_append_only BEFORE UPDATE OR DELETE ON wallet_statements FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER statement_lines_append_only BEFORE UPDATE OR DELETE ON statement_lines FOR EACH ROW EXECUTE FUNCTION append_only();

-- Where this database lives. A database that finds another server, another timeline or another database around it than the one
-- it remembers is a copy, or was put back to an earlier moment: it may have forgotten transfers.
CREATE TABLE installation (
    only_row          boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    system_identifier text NOT NULL,
    timeline          bigint NOT NULL,
    database_oid      bigint NOT NULL,
    -- The audit trail's highest number when it was last looked at.
    high_water        bigint NOT NULL,
    seen_at           timestamptz NOT NULL
);

-- A transfer that the gateway has and we had forgotten, booked as a debt of the provider it went to.
CREATE TABLE claimed_transfers (
    gateway_id  text PRIMARY KEY,
    reference   text NOT NULL,
    provider_id uuid REFERENCES providers,
    posting_id  uuid REFERENCES postings,
    amount      numeric(20, 4) NOT NULL CHECK (amount > 0),
    currency    text NOT NULL CHECK (currency IN ('NGN', 'GHS', 'KES')),
    claimed_at  timestamptz NOT NULL
);
-- The gateway called it failed or reversed, and has not taken that back: given back when it still says so a day later.
CREATE TABLE claimed_returns (
    gateway_id text PRIMARY KEY REFERENCES claimed_transfers,
    seen_at    timestamptz NOT NULL,
    -- What gave it back.
    posting_id uuid REFERENCES postings
);
CREATE TRIGGER claimed_transfers_append_only BEFORE UPDATE OR DELETE ON claimed_transfers FOR EACH ROW EXECUTE FUNCTION append_only();
