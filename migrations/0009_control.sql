-- What people may stop. The begin of an attempt share-locks the row, a pause updates it: once a pause has answered, no attempt
-- begins.

CREATE TABLE control (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    paused     boolean NOT NULL DEFAULT false,
    reason     text NOT NULL DEFAULT '',
    changed_by text NOT NULL DEFAULT 'installation',
    changed_at timestamptz NOT NULL DEFAULT '1970-01-01T00:00:00Z'
);
INSERT INTO control DEFAULT VALUES;

CREATE TABLE pauses (
    scope      text NOT NULL CHECK (scope IN ('provider', 'bank', 'bank_account')),
    -- A provider's or bank account's id, or a bank's code.
    subject    text NOT NULL,
    reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    -- `admin:<sub>`, or `case:<id>`: the pause of a case ends with the case, beside what admins paused themselves.
    paused_by  text NOT NULL,
    paused_at  timestamptz NOT NULL,
    PRIMARY KEY (scope, subject, paused_by)
);
