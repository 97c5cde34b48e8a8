-- The browser of somebody who signed in with the role `escalation`: what is escalated is pushed there.
ALTER TABLE push_subscriptions ADD COLUMN escalates boolean NOT NULL DEFAULT false CHECK (NOT escalates OR admin IS NOT NULL);
CREATE INDEX push_subscriptions_escalate ON push_subscriptions (id) WHERE escalates;
