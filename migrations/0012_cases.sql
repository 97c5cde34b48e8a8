-- What a person must settle, with its evidence. Found again, an open case gains evidence and is not opened twice.
--
--   OPEN ──healed by proof, or closed by a person──► CLOSED

CREATE TABLE cases (
    id          uuid PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN (
                    -- An attempt whose outcome nobody could tell for a day.
                    'unknown_too_long',
                    -- A failure that the gateway does not confirm any more, or a record that disagrees with what was asked for.
                    'contradiction',
                    -- Money went twice, or went after it had been given back: the excess is the provider's debt.
                    'overpaid',
                    -- A paid transfer that the gateway now calls failed or reversed.
                    'reversal',
                    -- The gateway has a transfer that we have no attempt for.
                    'unknown_transfer',
                    -- We have an attempt that reached the gateway, which has no transfer for it.
                    'missing_transfer',
                    -- The gateway and we tell another amount, or another outcome.
                    'amount_differs', 'status_differs',
                    -- A line of the wallet's statement that nothing of ours explains, or the other way round.
                    'statement_line',
                    -- Three payouts in a row failed on one bank account.
                    'account_failing',
                    -- The books do not add up.
                    'books',
                    -- The database is not where it was: it was restored, and may have forgotten transfers.
                    'restored',
                    -- Whoever reads the provider's mail says that they did not add this bank account.
                    'account_stopped')),
    -- What it is about: `attempt:<id>`, `transfer:<gateway id>`, `statement:<line>`, `bank_account:<id>`, …
    subject     text NOT NULL CHECK (length(subject) BETWEEN 1 AND 200),
    payout_id   uuid REFERENCES payouts,
    provider_id uuid REFERENCES providers,
    amount      numeric(20, 4),
    currency    text CHECK (currency IN ('NGN', 'GHS', 'KES')),
    -- In words, for the list.
    summary     text NOT NULL CHECK (length(summary) BETWEEN 1 AND 500),
    status      text NOT NULL DEFAULT 'OPEN' CHECK (status IN ('OPEN', 'CLOSED')),
    opened_at   timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    closed_at   timestamptz,
    -- `system` where proof healed it.
    closed_by   text,
    resolution  text CHECK (length(resolution) BETWEEN 1 AND 1000),
    CHECK ((amount IS NULL) = (currency IS NULL)),
    CHECK ((status = 'CLOSED') = (closed_at IS NOT NULL) AND (closed_at IS NULL) = (closed_by IS NULL) AND (closed_at IS NULL) = (resolution IS NULL))
);
CREATE UNIQUE INDEX cases_one_open ON cases (kind, subject) WHERE status = 'OPEN';
CREATE INDEX cases_by_payout ON cases (payout_id) WHERE payout_id IS NOT NULL;
CREATE INDEX cases_by_provider ON cases (provider_id) WHERE provider_id IS NOT NULL AND status = 'OPEN';

-- What was seen, each time it was new.
CREATE TABLE case_evidence (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id     uuid NOT NULL REFERENCES cases,
    -- `gateway`, `ledger`, `statement`, `system`, or who said it.
    source      text NOT NULL,
    -- Never an account number or a name.
    detail      jsonb NOT NULL,
    observed_at timestamptz NOT NULL
);
CREATE INDEX case_evidence_by_case ON case_evidence (case_id, id);
CREATE TRIGGER case_evidence_append_only BEFORE UPDATE OR DELETE ON case_evidence FOR EACH ROW EXECUTE FUNCTION append_only();

-- The human exit from an unknown outcome: what the bank or the gateway's support said, by two different finance admins.
--
--   PROPOSED ──a second person──► CONFIRMED ──paid: at once; not paid: cooled, and a look did not contradict──► APPLIED
--       └──────withdrawn──────► WITHDRAWN ◄──the gateway says otherwise
CREATE TABLE attestations (
    id           uuid PRIMARY KEY,
    attempt_id   uuid NOT NULL REFERENCES attempts,
    verdict      text NOT NULL CHECK (verdict IN ('paid', 'not_paid')),
    -- Where the document can be found (a ticket, a file), and what it says.
    document     text NOT NULL CHECK (length(document) BETWEEN 1 AND 500),
    reason       text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    status       text NOT NULL DEFAULT 'PROPOSED' CHECK (status IN ('PROPOSED', 'CONFIRMED', 'APPLIED', 'WITHDRAWN')),
    proposed_by  text NOT NULL,
    proposed_at  timestamptz NOT NULL,
    confirmed_by text,
    confirmed_at timestamptz,
    -- `not paid` may end the attempt from this moment.
    effective_at timestamptz,
    ended_at     timestamptz,
    CONSTRAINT attestations_two_people CHECK (confirmed_by IS DISTINCT FROM proposed_by),
    CHECK ((confirmed_at IS NULL) = (confirmed_by IS NULL) AND (confirmed_at IS NULL) = (effective_at IS NULL)),
    CHECK (status NOT IN ('CONFIRMED', 'APPLIED') OR confirmed_at IS NOT NULL),
    CHECK ((status IN ('APPLIED', 'WITHDRAWN')) = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX attestations_one_open ON attestations (attempt_id) WHERE status IN ('PROPOSED', 'CONFIRMED');
CREATE INDEX attestations_by_attempt ON attestations (attempt_id, proposed_at);
