-- The risk engine's answer for one payout, and what people make of it.

CREATE TABLE assessments (
    payout_id      uuid PRIMARY KEY REFERENCES payouts,
    route          text NOT NULL CHECK (route IN ('auto', 'review', 'refuse')),
    policy_version text NOT NULL,
    -- Every rule with what it observed and its threshold; and the facts themselves, so that another policy can be tried on them.
    findings       jsonb NOT NULL,
    facts          jsonb NOT NULL,
    assessed_at    timestamptz NOT NULL
);

-- A payout held for people.
--
--   OPEN ──decision, cancel──► CLOSED
--     ▲                           │
--     └───── approval undone ─────┘
CREATE TABLE reviews (
    id        uuid PRIMARY KEY,
    payout_id uuid NOT NULL UNIQUE REFERENCES payouts,
    status    text NOT NULL DEFAULT 'OPEN' CHECK (status IN ('OPEN', 'CLOSED')),
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    CHECK ((status = 'CLOSED') = (closed_at IS NOT NULL))
);
CREATE INDEX reviews_open ON reviews (opened_at, id) WHERE status = 'OPEN';

-- One reviewer's approve or reject. Append-only.
CREATE TABLE decisions (
    id         uuid PRIMARY KEY,
    payout_id  uuid NOT NULL REFERENCES payouts,
    verdict    text NOT NULL CHECK (verdict IN ('approve', 'reject')),
    reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    -- `admin:<sub>`, or `engine:<identity>` when signalled by hand: then the identity is what the sender claimed.
    decided_by text NOT NULL,
    verified   boolean NOT NULL,
    decided_at timestamptz NOT NULL,
    -- Signalled by hand: names the signal, so that carrying it out twice decides once, also when it was undone in between.
    engine_key text,
    UNIQUE (payout_id, engine_key)
);
CREATE INDEX decisions_by_payout ON decisions (payout_id);
