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
    -- Of the amount: what is reserved for or paid by payouts, and what has been paid.
    allocated   numeric(20, 4) NOT NULL DEFAULT 0,
    paid        numeric(20, 4) NOT NULL DEFAULT 0,
    status      text NOT NULL GENERATED ALWAYS AS (
        CASE WHEN paid = amount THEN 'PAID_OUT' WHEN allocated > 0 THEN 'RESERVED' ELSE 'AVAILABLE' END
    ) STORED,
    CONSTRAINT earnings_paid_of_allocated_of_amount CHECK (0 <= paid AND paid <= allocated AND allocated <= amount)
);

-- Reservation takes the oldest first; only what still has something left is looked at.
CREATE INDEX earnings_free ON earnings (provider_id, currency, earned_at, id) WHERE allocated < amount;
CREATE INDEX earnings_by_provider ON earnings (provider_id, id);

CREATE FUNCTION earnings_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an earning is never deleted' USING ERRCODE = 'check_violation', CONSTRAINT = 'earnings_never_deleted';
    END IF;
    IF (NEW.id, NEW.provider_id, NEW.external_id, NEW.amount, NEW.currency, NEW.earned_at)
        IS DISTINCT FROM (OLD.id, OLD.provider_id, OLD.external_id, OLD.amount, OLD.currency, OLD.earned_at) THEN
        RAISE EXCEPTION 'what was earned never changes' USING ERRCODE = 'check_violation', CONSTRAINT = 'earnings_terms_fixed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER earnings_guard BEFORE UPDATE OR DELETE ON earnings FOR EACH ROW EXECUTE FUNCTION earnings_guard();
