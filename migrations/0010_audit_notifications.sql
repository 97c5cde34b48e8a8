-- Who did what, when and why. A payout's timeline is read from here. Append-only.

CREATE TABLE audit (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL,
    -- `provider:<id>`, `admin:<sub>`, `platform:<sub>`, `engine:<identity>`, `system`.
    actor     text NOT NULL,
    action    text NOT NULL,
    payout_id uuid REFERENCES payouts,
    subject   text,
    reason    text,
    detail    jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_by_payout ON audit (payout_id, id) WHERE payout_id IS NOT NULL;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION append_only();

-- What somebody was told, once: a provider about a payout or a bank account, admins about what waits for them. A row is written
-- in the transaction it tells about; it is the line of the in-app feed, and what the messages of the other channels (0019) are
-- made from.
CREATE TABLE notifications (
    id           uuid PRIMARY KEY,
    audience     text NOT NULL CHECK (audience IN ('provider', 'admins')),
    event        text NOT NULL,
    -- `payout:<id>`, `bank_account:<id>`, `attempt:<id>`, `case:<id>`, …: an event is told once about it.
    subject      text NOT NULL CHECK (length(subject) BETWEEN 1 AND 200),
    provider_id  uuid REFERENCES providers,
    payout_id    uuid REFERENCES payouts,
    amount       numeric(20, 4),
    currency     text CHECK (currency IN ('NGN', 'GHS', 'KES')),
    title        text NOT NULL,
    body         text NOT NULL,
    -- Why, where there is a why: a part of the body, for those who only want that.
    reason       text,
    created_at   timestamptz NOT NULL,
    -- When it was handed over to the other channels.
    delivered_at timestamptz,
    -- By the provider. How far an admin has read is theirs alone (0019).
    read_at      timestamptz,
    CONSTRAINT notifications_once UNIQUE (audience, event, subject),
    CHECK ((amount IS NULL) = (currency IS NULL)),
    CHECK (CASE audience
        WHEN 'provider' THEN provider_id IS NOT NULL AND event IN
            ('received', 'approved', 'rejected', 'cancelled', 'completed', 'failed', 'refunded', 'replaced', 'returned',
             'check_account', 'bank_account_changed', 'suspended', 'suspension_lifted')
        WHEN 'admins' THEN provider_id IS NULL AND read_at IS NULL AND event IN
            ('review_waiting', 'review_escalated', 'funding_short', 'attempt_unknown', 'window_missed', 'case_opened',
             'webhook_disabled')
    END)
);
CREATE INDEX notifications_feed ON notifications (provider_id, id DESC) WHERE audience = 'provider';
CREATE INDEX notifications_unread ON notifications (provider_id) WHERE audience = 'provider' AND read_at IS NULL;
CREATE INDEX notifications_of_admins ON notifications (id DESC) WHERE audience = 'admins';
CREATE INDEX notifications_by_payout ON notifications (payout_id, id) WHERE payout_id IS NOT NULL;
CREATE INDEX notifications_to_hand_over ON notifications (id) WHERE delivered_at IS NULL;
