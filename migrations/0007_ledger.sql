-- Double entry. A posting is one balanced movement; its entries are signed changes that sum to zero.
--
-- Per provider:   provider_available + provider_reserved + provider_paid_out + provider_debt  =  earned + adjustments
--                 (debt is kept at or below zero: it is owed the other way)
-- The marketplace: obligations = −(everything ever earned);  gateway_wallet = funded − paid − fees;  clearing = everything paid;
--                 gateway_fees;  suspense = where wallet money came from.

CREATE TABLE ledger_accounts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN (
                    'provider_available', 'provider_reserved', 'provider_paid_out', 'provider_debt',
                    'obligations', 'gateway_wallet', 'gateway_fees', 'clearing', 'suspense')),
    provider_id uuid REFERENCES providers,
    currency    text NOT NULL CHECK (currency IN ('NGN', 'GHS', 'KES')),
    -- Kept for provider accounts only, by the trigger below: it is the row that a request locks. The marketplace's own
    -- accounts would be one hot row for everybody; their balance is the sum of their entries.
    balance     numeric(20, 4),
    UNIQUE NULLS NOT DISTINCT (kind, provider_id, currency),
    CONSTRAINT ledger_accounts_owner CHECK ((kind LIKE 'provider_%') = (provider_id IS NOT NULL) AND (provider_id IS NOT NULL) = (balance IS NOT NULL)),
    CONSTRAINT ledger_accounts_not_overdrawn CHECK (kind NOT IN ('provider_available', 'provider_reserved', 'provider_paid_out') OR balance >= 0),
    CONSTRAINT ledger_accounts_debt_is_owed CHECK (kind <> 'provider_debt' OR balance <= 0)
);

INSERT INTO ledger_accounts (kind, currency)
SELECT kind, currency
FROM unnest(ARRAY['obligations', 'gateway_wallet', 'gateway_fees', 'clearing', 'suspense']) AS kind,
     unnest(ARRAY['NGN', 'GHS', 'KES']) AS currency;

CREATE TABLE postings (
    id         uuid PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN (
                   'earned', 'adjusted', 'reserved', 'refunded', 'paid', 'fee', 'reversed', 'overpaid', 'debt_recovered', 'wallet_funded')),
    -- The business event this posting books: the same event twice is one posting.
    event      text NOT NULL UNIQUE,
    payout_id  uuid REFERENCES payouts,
    -- The attempt that moved the money, where one did.
    attempt_id uuid REFERENCES attempts,
    earning_id uuid REFERENCES earnings,
    posted_at  timestamptz NOT NULL
);
CREATE INDEX postings_by_payout ON postings (payout_id) WHERE payout_id IS NOT NULL;
CREATE INDEX postings_by_attempt ON postings (attempt_id) WHERE attempt_id IS NOT NULL;

-- Which earnings a posting took for the provider's debt, or (below zero) gave back of what had been taken.
CREATE TABLE recoveries (
    posting_id uuid NOT NULL REFERENCES postings,
    earning_id uuid NOT NULL REFERENCES earnings,
    amount     numeric(20, 4) NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (posting_id, earning_id)
);
CREATE INDEX recoveries_by_earning ON recoveries (earning_id);

CREATE TABLE entries (
    posting_id uuid NOT NULL REFERENCES postings,
    account_id bigint NOT NULL REFERENCES ledger_accounts,
    amount     numeric(20, 4) NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (posting_id, account_id)
);
CREATE INDEX entries_by_account ON entries (account_id);

-- An entry joins its posting in the transaction that makes the posting, and keeps the provider's balance.
CREATE FUNCTION entries_book() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM postings WHERE id = NEW.posting_id AND xmin = pg_current_xact_id()::xid) THEN
        RAISE EXCEPTION 'a posting is complete when it is committed' USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_with_their_posting';
    END IF;
    UPDATE ledger_accounts SET balance = balance + NEW.amount WHERE id = NEW.account_id AND balance IS NOT NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER entries_book BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION entries_book();

CREATE FUNCTION postings_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    SELECT string_agg(format('%s %s', total, currency), ', ') INTO wrong
    FROM (SELECT sum(e.amount) AS total, a.currency FROM entries e JOIN ledger_accounts a ON a.id = e.account_id
          WHERE e.posting_id = NEW.id GROUP BY a.currency) sums
    WHERE total <> 0;
    IF wrong IS NOT NULL OR (SELECT count(*) FROM entries WHERE posting_id = NEW.id) < 2 THEN
        RAISE EXCEPTION 'posting % does not balance: %', NEW.id, coalesce(wrong, 'too few entries') USING ERRCODE = 'check_violation', CONSTRAINT = 'postings_balance';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER postings_balance AFTER INSERT ON postings DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION postings_balance();

CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;
CREATE TRIGGER postings_append_only BEFORE UPDATE OR DELETE ON postings FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER entries_append_only BEFORE UPDATE OR DELETE ON entries FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER recoveries_append_only BEFORE UPDATE OR DELETE ON recoveries FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER adjustments_append_only BEFORE UPDATE OR DELETE ON adjustments FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER decisions_append_only BEFORE UPDATE OR DELETE ON decisions FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER evidence_append_only BEFORE UPDATE OR DELETE ON evidence FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER assessments_append_only BEFORE UPDATE OR DELETE ON assessments FOR EACH ROW EXECUTE FUNCTION append_only();
