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

-- One message per (payout, event, channel, endpoint), delivered at least once.
CREATE TABLE notifications (
    id           uuid PRIMARY KEY,
    payout_id    uuid NOT NULL REFERENCES payouts,
    provider_id  uuid NOT NULL REFERENCES providers,
    event        text NOT NULL CHECK (event IN ('received', 'approved', 'rejected', 'cancelled', 'completed', 'failed', 'refunded', 'returned', 'check_account')),
    channel      text NOT NULL CHECK (channel IN ('feed')),
    endpoint     text NOT NULL DEFAULT '',
    title        text NOT NULL,
    body         text NOT NULL,
    created_at   timestamptz NOT NULL,
    delivered_at timestamptz,
    read_at      timestamptz,
    CONSTRAINT notifications_once UNIQUE (payout_id, event, channel, endpoint)
);
CREATE INDEX notifications_feed ON notifications (provider_id, id DESC) WHERE channel = 'feed';
CREATE INDEX notifications_unread ON notifications (provider_id) WHERE channel = 'feed' AND read_at IS NULL;
