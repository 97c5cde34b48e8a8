-- What goes out by e-mail, push and webhook, to whom, and what came of it.

-- What a provider wants to hear by which channel. None: everything by e-mail, and push where a browser asked for it. What is
-- told for the provider's own safety (`bank_account_changed`) goes out whatever this says; the code knows which that is.
CREATE TABLE notification_settings (
    provider_id uuid PRIMARY KEY REFERENCES providers,
    -- Events that are not mailed, and not pushed.
    email_off   text[] NOT NULL DEFAULT '{}',
    push_off    text[] NOT NULL DEFAULT '{}',
    updated_at  timestamptz NOT NULL
);

-- Where admins are written to: people or mailing lists, each for some events.
CREATE TABLE admin_contacts (
    email      text PRIMARY KEY CHECK (length(email) BETWEEN 3 AND 254 AND email = lower(email)),
    events     text[] NOT NULL,
    created_at timestamptz NOT NULL
);

-- How far an admin has read the admins' feed. The feed is one, reading is each one's own.
CREATE TABLE admin_feed_reads (
    admin   text PRIMARY KEY CHECK (length(admin) BETWEEN 1 AND 200),
    up_to   uuid NOT NULL,
    read_at timestamptz NOT NULL
);

-- A browser that asked for push (RFC 8030). Its endpoint is its identity: the same browser asking again is the same row.
CREATE TABLE push_subscriptions (
    id          uuid PRIMARY KEY,
    provider_id uuid REFERENCES providers,
    -- The `sub` of an admin.
    admin       text CHECK (length(admin) BETWEEN 1 AND 200),
    endpoint    text NOT NULL UNIQUE CHECK (length(endpoint) BETWEEN 10 AND 1000),
    -- The browser's public key and secret, base64url: what is sent to it is encrypted for it alone (RFC 8291).
    p256dh      text NOT NULL CHECK (length(p256dh) BETWEEN 80 AND 100),
    auth        text NOT NULL CHECK (length(auth) BETWEEN 20 AND 30),
    created_at  timestamptz NOT NULL,
    CHECK ((provider_id IS NULL) <> (admin IS NULL))
);
CREATE INDEX push_subscriptions_by_provider ON push_subscriptions (provider_id, created_at) WHERE provider_id IS NOT NULL;
CREATE INDEX push_subscriptions_of_admins ON push_subscriptions (admin, created_at) WHERE admin IS NOT NULL;

-- Where the marketplace hears of payouts.
--
--   ENABLED ──by the marketplace, or after days of failures──► DISABLED ──by the marketplace──► ENABLED
CREATE TABLE webhook_endpoints (
    id               uuid PRIMARY KEY,
    url              text NOT NULL CHECK (length(url) BETWEEN 8 AND 1000),
    description      text NOT NULL DEFAULT '' CHECK (length(description) <= 200),
    -- None: every event.
    event_types      text[] NOT NULL DEFAULT '{}',
    -- What signs, encrypted for this row by a key that the database never sees (`v1.<key>.<nonce and ciphertext>`). In clear it is
    -- shown once, when it is made.
    secret           text NOT NULL CHECK (secret LIKE 'v1.%'),
    -- Signs beside it until then, so that the receiver can change over without losing a webhook.
    old_secret       text CHECK (old_secret LIKE 'v1.%'),
    old_secret_until timestamptz,
    status           text NOT NULL DEFAULT 'ENABLED' CHECK (status IN ('ENABLED', 'DISABLED')),
    disabled_why     text CHECK (length(disabled_why) BETWEEN 1 AND 500),
    -- Since when nothing has arrived there.
    failing_since    timestamptz,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    CHECK ((old_secret IS NULL) = (old_secret_until IS NULL)),
    CHECK ((status = 'DISABLED') = (disabled_why IS NOT NULL))
);

-- One message per (what was told, channel, endpoint), delivered at least once.
--
--   PENDING ──taken by its endpoint──► DELIVERED
--      ├──refused for good, or tried for days──► FAILED ──sent again by a person──► PENDING
--      └──nobody wants it any more──► DROPPED
CREATE TABLE messages (
    number          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Stable: a function of what was told, channel and endpoint. It goes out with the message, so that one that arrives twice
    -- can be recognised.
    id              uuid NOT NULL UNIQUE,
    -- What it tells; none for a webhook that only tests its endpoint.
    notification_id uuid REFERENCES notifications,
    channel         text NOT NULL CHECK (channel IN ('email', 'push', 'webhook')),
    -- The address, or the id of the push subscription or webhook endpoint.
    endpoint        text NOT NULL CHECK (length(endpoint) BETWEEN 1 AND 254),
    -- Messages of one lane are sent a few at a time; lanes never wait for each other.
    lane            text NOT NULL CHECK (length(lane) BETWEEN 1 AND 300),
    state           text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'DELIVERED', 'FAILED', 'DROPPED')),
    tries           integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    next_try_at     timestamptz NOT NULL,
    -- From when on it counts how long was tried; sending again begins anew.
    began_at        timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    last_error      text CHECK (length(last_error) <= 500),
    CONSTRAINT messages_once UNIQUE (notification_id, channel, endpoint),
    CHECK ((state = 'PENDING') = (ended_at IS NULL)),
    CHECK (notification_id IS NOT NULL OR channel = 'webhook')
);
CREATE INDEX messages_due ON messages (lane, next_try_at) WHERE state = 'PENDING';
CREATE INDEX messages_oldest ON messages (created_at) WHERE state = 'PENDING';
CREATE INDEX messages_failed ON messages (number) WHERE state = 'FAILED';
CREATE INDEX messages_by_endpoint ON messages (channel, endpoint, number);

-- What an endpoint answered, try by try.
CREATE TABLE message_tries (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    at         timestamptz NOT NULL,
    took_ms    integer NOT NULL CHECK (took_ms >= 0),
    -- `delivered`, or why not, in a word.
    outcome    text NOT NULL CHECK (outcome IN ('delivered', 'refused', 'unreachable', 'timed_out', 'gone', 'not_allowed')),
    -- Of HTTP or SMTP.
    code       integer CHECK (code BETWEEN 100 AND 999),
    -- The beginning of what it said.
    answer     text CHECK (length(answer) <= 1000)
);
CREATE INDEX message_tries_by_message ON message_tries (message_id, id);
