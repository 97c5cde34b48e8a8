-- Someone the marketplace owes money, and where they are paid.

CREATE TABLE providers (
    id           uuid PRIMARY KEY,
    -- The marketplace's own id: pushing the same one again changes the provider, never makes a second one.
    external_id  text NOT NULL UNIQUE CHECK (length(external_id) BETWEEN 1 AND 100),
    display_name text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 200),
    email        text CHECK (length(email) <= 254),
    verified     boolean NOT NULL DEFAULT false,
    status       text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'SUSPENDED')),
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL
);

-- An account is pinned by the payouts that go to it, so its number never changes: another number is another row.
CREATE TABLE bank_accounts (
    id             uuid PRIMARY KEY,
    provider_id    uuid NOT NULL REFERENCES providers,
    currency       text NOT NULL CHECK (currency IN ('NGN', 'GHS', 'KES')),
    bank_code      text NOT NULL CHECK (bank_code ~ '^([0-9]{3}|[0-9]{6})$'),
    account_number text NOT NULL CHECK (account_number ~ '^[0-9]{10}$'),
    -- The name the bank answered.
    account_name   text NOT NULL CHECK (length(account_name) BETWEEN 1 AND 140),
    status         text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'REMOVED')),
    created_at     timestamptz NOT NULL,
    -- Money goes there only after this moment; the first account of a provider has none to wait for.
    usable_from    timestamptz NOT NULL,
    -- False for the provider's first account: adding it was no change of bank details.
    is_change      boolean NOT NULL,
    removed_at     timestamptz,
    CHECK ((status = 'REMOVED') = (removed_at IS NOT NULL))
);

CREATE UNIQUE INDEX bank_accounts_one_active ON bank_accounts (provider_id, bank_code, account_number, currency)
    WHERE status = 'ACTIVE';
CREATE INDEX bank_accounts_by_provider ON bank_accounts (provider_id, id);

CREATE FUNCTION bank_accounts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.provider_id, NEW.currency, NEW.bank_code, NEW.account_number, NEW.account_name, NEW.created_at, NEW.usable_from, NEW.is_change)
        IS DISTINCT FROM
       (OLD.id, OLD.provider_id, OLD.currency, OLD.bank_code, OLD.account_number, OLD.account_name, OLD.created_at, OLD.usable_from, OLD.is_change) THEN
        RAISE EXCEPTION 'another account is another row' USING ERRCODE = 'check_violation', CONSTRAINT = 'bank_accounts_terms_fixed';
    END IF;
    IF OLD.status = 'REMOVED' AND NEW.status <> 'REMOVED' THEN
        RAISE EXCEPTION 'a removed account stays removed' USING ERRCODE = 'check_violation', CONSTRAINT = 'bank_accounts_removed_final';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER bank_accounts_guard BEFORE UPDATE ON bank_accounts FOR EACH ROW EXECUTE FUNCTION bank_accounts_guard();
