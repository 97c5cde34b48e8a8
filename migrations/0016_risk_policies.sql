-- The rules by which a payout goes by itself, as data; and what they look at, kept up so that looking costs the same for everybody.

-- One version of the rules for one currency. What was proposed never changes: another threshold is another version.
--
--   DRAFT ◄──shadow, stop──► SHADOW
--     └────────activate──┬──────┘      by another admin than the one who proposed it
--                        ▼
--                     ACTIVE ──replaced, retired──► RETIRED ◄──withdrawn── (from DRAFT and SHADOW)
CREATE TABLE risk_policies (
    id           uuid PRIMARY KEY,
    currency     text NOT NULL CHECK (currency IN ('NGN', 'GHS', 'KES')),
    -- Counts up within a currency.
    version      integer NOT NULL CHECK (version >= 1),
    status       text NOT NULL DEFAULT 'DRAFT' CHECK (status IN ('DRAFT', 'SHADOW', 'ACTIVE', 'RETIRED')),
    rules        jsonb NOT NULL CHECK (jsonb_typeof(rules) = 'object'),
    -- Why it is proposed.
    reason       text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    proposed_by  text NOT NULL,
    proposed_at  timestamptz NOT NULL,
    activated_by text,
    activated_at timestamptz,
    retired_by   text,
    retired_at   timestamptz,
    UNIQUE (currency, version),
    CONSTRAINT risk_policies_two_people CHECK (activated_by IS DISTINCT FROM proposed_by),
    CHECK ((activated_at IS NULL) = (activated_by IS NULL) AND (status <> 'ACTIVE' OR activated_at IS NOT NULL)),
    CHECK (status NOT IN ('DRAFT', 'SHADOW') OR activated_at IS NULL),
    CHECK ((status = 'RETIRED') = (retired_at IS NOT NULL) AND (retired_at IS NULL) = (retired_by IS NULL))
);
CREATE UNIQUE INDEX risk_policies_one_active ON risk_policies (currency) WHERE status = 'ACTIVE';
CREATE UNIQUE INDEX risk_policies_one_shadow ON risk_policies (currency) WHERE status = 'SHADOW';

CREATE FUNCTION risk_policies_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a risk policy is never deleted' USING ERRCODE = 'check_violation', CONSTRAINT = 'risk_policies_never_deleted';
    END IF;
    IF (NEW.id, NEW.currency, NEW.version, NEW.rules, NEW.reason, NEW.proposed_by, NEW.proposed_at)
        IS DISTINCT FROM (OLD.id, OLD.currency, OLD.version, OLD.rules, OLD.reason, OLD.proposed_by, OLD.proposed_at) THEN
        RAISE EXCEPTION 'another threshold is another version' USING ERRCODE = 'check_violation', CONSTRAINT = 'risk_policies_terms_fixed';
    END IF;
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (
        ('DRAFT', 'SHADOW'), ('SHADOW', 'DRAFT'), ('DRAFT', 'ACTIVE'), ('SHADOW', 'ACTIVE'),
        ('DRAFT', 'RETIRED'), ('SHADOW', 'RETIRED'), ('ACTIVE', 'RETIRED')
    ) THEN
        RAISE EXCEPTION 'a % risk policy cannot become %', OLD.status, NEW.status USING ERRCODE = 'check_violation', CONSTRAINT = 'risk_policies_legal_move';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER risk_policies_guard BEFORE UPDATE OR DELETE ON risk_policies FOR EACH ROW EXECUTE FUNCTION risk_policies_guard();

-- What a new installation begins with (`domain::RiskRules::first`). Currencies without a policy go to people.
INSERT INTO risk_policies (id, currency, version, status, rules, reason, proposed_by, proposed_at, activated_by, activated_at)
VALUES ('0199a000-0000-7000-8000-000000000001', 'NGN', 1, 'ACTIVE', '{
    "amount": {"mode": "enforced", "at_most": "50000.00"},
    "provider_verified": {"mode": "enforced"},
    "successful_payouts": {"mode": "enforced", "at_least": 3},
    "recent_failures": {"mode": "enforced", "at_most": 1, "within_days": 30},
    "bank_details_changed": {"mode": "enforced", "days": 7},
    "shared_bank_account": {"mode": "informational", "at_most": 0},
    "account_name": {"mode": "informational", "accept": "similar"},
    "requests_per_day": {"mode": "enforced", "at_most": 9},
    "sum_per_day": {"mode": "enforced", "at_most": "200000.00"},
    "requests_per_week": {"mode": "enforced", "at_most": 40},
    "sum_per_week": {"mode": "enforced", "at_most": "750000.00"},
    "requests_against_baseline": {"mode": "enforced", "at_most_times": 5, "from_requests": 15},
    "amount_against_baseline": {"mode": "enforced", "at_most_times": 5},
    "provider_age": {"mode": "informational", "days": 7},
    "provider_suspended": {"mode": "enforced"}
}', 'What a new installation begins with.', 'installation', '1970-01-01T00:00:00Z', 'system', '1970-01-01T00:00:00Z');

-- Which policy decided; absent where there was none, or the facts could not be read.
ALTER TABLE assessments ADD COLUMN policy_id uuid REFERENCES risk_policies;
-- A backtest goes through a period.
CREATE INDEX assessments_by_time ON assessments (assessed_at, payout_id);

-- What the shadow policy would have made of a payout, beside what was made of it. Its findings follow from its rules and the
-- stored facts, so they are not kept.
CREATE TABLE shadow_assessments (
    payout_id    uuid PRIMARY KEY REFERENCES payouts,
    policy_id    uuid NOT NULL REFERENCES risk_policies,
    route        text NOT NULL CHECK (route IN ('auto', 'review', 'refuse')),
    active_route text NOT NULL CHECK (active_route IN ('auto', 'review', 'refuse')),
    assessed_at  timestamptz NOT NULL
);
CREATE INDEX shadow_assessments_by_policy ON shadow_assessments (policy_id, payout_id);
CREATE INDEX shadow_assessments_disagreeing ON shadow_assessments (policy_id, payout_id) WHERE route <> active_route;
CREATE TRIGGER shadow_assessments_append_only BEFORE UPDATE OR DELETE ON shadow_assessments FOR EACH ROW EXECUTE FUNCTION append_only();

-- Who else is paid to the same account.
CREATE INDEX bank_accounts_by_number ON bank_accounts (bank_code, account_number, provider_id);

-- A provider's past, summed up: for all time, by day and by hour (UTC). Kept by the trigger below, in the transaction that changes
-- a payout, whoever changes it; `store::books::verify` holds them against the payouts. What a rule needs is then a handful of
-- rows, whether somebody was paid five times or a million times.
CREATE TABLE provider_totals (
    provider_id   uuid NOT NULL,
    currency      text NOT NULL,
    requested     bigint NOT NULL DEFAULT 0 CHECK (requested >= 0),
    completed     bigint NOT NULL DEFAULT 0 CHECK (completed >= 0),
    completed_sum numeric(24, 4) NOT NULL DEFAULT 0 CHECK (completed_sum >= 0),
    PRIMARY KEY (provider_id, currency)
);
CREATE TABLE provider_days (
    provider_id uuid NOT NULL,
    day         date NOT NULL,
    currency    text NOT NULL,
    requested   integer NOT NULL DEFAULT 0 CHECK (requested >= 0),
    -- Payouts that failed that day and are failed.
    failed      integer NOT NULL DEFAULT 0 CHECK (failed >= 0),
    PRIMARY KEY (provider_id, day, currency)
);
CREATE TABLE provider_hours (
    provider_id   uuid NOT NULL,
    hour          timestamptz NOT NULL,
    currency      text NOT NULL,
    requested     integer NOT NULL DEFAULT 0 CHECK (requested >= 0),
    requested_sum numeric(24, 4) NOT NULL DEFAULT 0 CHECK (requested_sum >= 0),
    PRIMARY KEY (provider_id, hour, currency)
);

-- Runs at commit: these rows are locked last, behind everything else that a transaction locks, and a provider's totals first, so
-- that nobody waits for anybody in a circle.
CREATE FUNCTION payouts_sum_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO provider_totals AS t (provider_id, currency, requested) VALUES (NEW.provider_id, NEW.currency, 1)
            ON CONFLICT (provider_id, currency) DO UPDATE SET requested = t.requested + 1;
        INSERT INTO provider_days AS d (provider_id, day, currency, requested)
            VALUES (NEW.provider_id, (NEW.requested_at AT TIME ZONE 'UTC')::date, NEW.currency, 1)
            ON CONFLICT (provider_id, day, currency) DO UPDATE SET requested = d.requested + 1;
        INSERT INTO provider_hours AS h (provider_id, hour, currency, requested, requested_sum)
            VALUES (NEW.provider_id, date_trunc('hour', NEW.requested_at, 'UTC'), NEW.currency, 1, NEW.amount)
            ON CONFLICT (provider_id, hour, currency) DO UPDATE
                SET requested = h.requested + 1, requested_sum = h.requested_sum + excluded.requested_sum;
        RETURN NULL;
    END IF;
    UPDATE provider_totals SET
        completed = completed + (NEW.status = 'COMPLETED')::integer - (OLD.status = 'COMPLETED')::integer,
        completed_sum = completed_sum + CASE WHEN NEW.status = 'COMPLETED' THEN NEW.amount ELSE 0 END
                                      - CASE WHEN OLD.status = 'COMPLETED' THEN OLD.amount ELSE 0 END
    WHERE provider_id = NEW.provider_id AND currency = NEW.currency;
    IF OLD.status = 'FAILED' THEN
        UPDATE provider_days SET failed = failed - 1
        WHERE provider_id = OLD.provider_id AND day = (OLD.failed_at AT TIME ZONE 'UTC')::date AND currency = OLD.currency;
    END IF;
    IF NEW.status = 'FAILED' THEN
        INSERT INTO provider_days AS d (provider_id, day, currency, failed)
            VALUES (NEW.provider_id, (NEW.failed_at AT TIME ZONE 'UTC')::date, NEW.currency, 1)
            ON CONFLICT (provider_id, day, currency) DO UPDATE SET failed = d.failed + 1;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER payouts_sum_up_requests AFTER INSERT ON payouts DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION payouts_sum_up();
CREATE CONSTRAINT TRIGGER payouts_sum_up_ends AFTER UPDATE ON payouts DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (
        (OLD.status = 'COMPLETED') <> (NEW.status = 'COMPLETED')
        OR CASE WHEN OLD.status = 'FAILED' THEN OLD.failed_at END IS DISTINCT FROM CASE WHEN NEW.status = 'FAILED' THEN NEW.failed_at END
    ) EXECUTE FUNCTION payouts_sum_up();

-- Makes the sums anew from the payouts, while nobody changes any: for payouts that were there before the trigger.
CREATE FUNCTION sum_up_all_payouts() RETURNS void LANGUAGE sql AS $$
    LOCK TABLE payouts IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM provider_totals;
    DELETE FROM provider_days;
    DELETE FROM provider_hours;
    INSERT INTO provider_totals
    SELECT provider_id, currency, count(*), count(*) FILTER (WHERE status = 'COMPLETED'),
           coalesce(sum(amount) FILTER (WHERE status = 'COMPLETED'), 0)
    FROM payouts GROUP BY provider_id, currency;
    INSERT INTO provider_days
    SELECT provider_id, day, currency, sum(requested), sum(failed)
    FROM (SELECT provider_id, (requested_at AT TIME ZONE 'UTC')::date AS day, currency, 1 AS requested, 0 AS failed FROM payouts
          UNION ALL
          SELECT provider_id, (failed_at AT TIME ZONE 'UTC')::date, currency, 0, 1 FROM payouts WHERE status = 'FAILED') days
    GROUP BY provider_id, day, currency;
    INSERT INTO provider_hours
    SELECT provider_id, date_trunc('hour', requested_at, 'UTC'), currency, count(*), sum(amount)
    FROM payouts GROUP BY 1, 2, 3;
$$;
SELECT sum_up_all_payouts();
