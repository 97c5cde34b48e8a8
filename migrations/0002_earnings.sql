-- One amount owed to a provider, pushed in by the marketplace under its own external id.

CREATE TABLE earnings (
    id          uuid PRIMARY KEY,
    provider_id uuid NOT NULL REFERENCES providers,
    external_id text NOT NULL UNIQUE CHECK (length(external_id) BETWEEN 1 AND 100),
    amount      numeric(20, 4) NOT NULL CHECK (amount > 0),
    currency    text NOT NULL CHECK (currency IN ('NGN', 'GHS', 'KES')),
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 500),
    earned_at   timestamptz NOT NULL,
    created_at  timestamptz NOT NULL,
    -- Set where this is the raise of another earning.
    adjusts     uuid REFERENCES earnings,
    -- Of the amount: what is not free any more; of that, what payouts have paid, and what went against the provider's debt. The
    -- rest of it is reserved for open payouts.
    allocated   numeric(20, 4) NOT NULL DEFAULT 0,
    paid        numeric(20, 4) NOT NULL DEFAULT 0,
    recovered   numeric(20, 4) NOT NULL DEFAULT 0,
    status      text NOT NULL GENERATED ALWAYS AS (
        CASE WHEN recovered = amount THEN 'RECOVERED' WHEN paid + recovered = amount THEN 'PAID_OUT'
             WHEN allocated > recovered THEN 'RESERVED' ELSE 'AVAILABLE' END
    ) STORED,
    CONSTRAINT earnings_paid_of_allocated_of_amount CHECK (
        0 <= paid AND 0 <= recovered AND paid + recovered <= allocated AND allocated <= amount)
);

-- Reservation takes the oldest first; only what still has something left is looked at.
CREATE INDEX earnings_free ON earnings (provider_id, currency, earned_at, id) WHERE allocated < amount;
CREATE INDEX earnings_by_provider ON earnings (provider_id, id);

CREATE FUNCTION earnings_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an earning is never deleted' USING ERRCODE = 'check_violation', CONSTRAINT = 'earnings_never_deleted';
    END IF;
    IF (NEW.id, NEW.provider_id, NEW.external_id, NEW.amount, NEW.currency, NEW.earned_at, NEW.adjusts)
        IS DISTINCT FROM (OLD.id, OLD.provider_id, OLD.external_id, OLD.amount, OLD.currency, OLD.earned_at, OLD.adjusts) THEN
        RAISE EXCEPTION 'what was earned never changes' USING ERRCODE = 'check_violation', CONSTRAINT = 'earnings_terms_fixed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER earnings_guard BEFORE UPDATE OR DELETE ON earnings FOR EACH ROW EXECUTE FUNCTION earnings_guard();

-- A correction of what was earned, pushed in under its own external id. A raise is an earning of its own; a cut is owed by the
-- provider at once, and recovered from what is free: first of the earning itself, then the oldest.
CREATE TABLE adjustments (
    id          uuid PRIMARY KEY,
    external_id text NOT NULL UNIQUE CHECK (length(external_id) BETWEEN 1 AND 100),
    earning_id  uuid NOT NULL REFERENCES earnings,
    provider_id uuid NOT NULL REFERENCES providers,
    amount      numeric(20, 4) NOT NULL CHECK (amount <> 0),
    currency    text NOT NULL CHECK (currency IN ('NGN', 'GHS', 'KES')),
    reason      text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    -- The earning that a raise made.
    raised_id   uuid UNIQUE REFERENCES earnings,
    adjusted_by text NOT NULL,
    adjusted_at timestamptz NOT NULL,
    CHECK ((amount > 0) = (raised_id IS NOT NULL))
);
CREATE INDEX adjustments_by_earning ON adjustments (earning_id, id);
CREATE INDEX adjustments_by_provider ON adjustments (provider_id, id);
