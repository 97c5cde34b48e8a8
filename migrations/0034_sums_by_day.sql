-- What a provider asked for, by day: the last week's sum can be held against their own weeks before. Kept and made as the counts are
-- (0016).

ALTER TABLE provider_days ADD COLUMN requested_sum numeric(24, 4) NOT NULL DEFAULT 0 CHECK (requested_sum >= 0);

CREATE OR REPLACE FUNCTION payouts_sum_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO provider_totals AS t (provider_id, currency, requested) VALUES (NEW.provider_id, NEW.currency, 1)
            ON CONFLICT (provider_id, currency) DO UPDATE SET requested = t.requested + 1;
        INSERT INTO provider_days AS d (provider_id, day, currency, requested, requested_sum)
            VALUES (NEW.provider_id, (NEW.requested_at AT TIME ZONE 'UTC')::date, NEW.currency, 1, NEW.amount)
            ON CONFLICT (provider_id, day, currency) DO UPDATE
                SET requested = d.requested + 1, requested_sum = d.requested_sum + excluded.requested_sum;
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

CREATE OR REPLACE FUNCTION sum_up_all_payouts() RETURNS void LANGUAGE sql AS $$
    LOCK TABLE payouts IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM provider_totals;
    DELETE FROM provider_days;
    DELETE FROM provider_hours;
    INSERT INTO provider_totals
    SELECT provider_id, currency, count(*), count(*) FILTER (WHERE status = 'COMPLETED'),
           coalesce(sum(amount) FILTER (WHERE status = 'COMPLETED'), 0)
    FROM payouts GROUP BY provider_id, currency;
    INSERT INTO provider_days (provider_id, day, currency, requested, failed, requested_sum)
    SELECT provider_id, day, currency, sum(requested), sum(failed), sum(amount)
    FROM (SELECT provider_id, (requested_at AT TIME ZONE 'UTC')::date AS day, currency, 1 AS requested, 0 AS failed, amount FROM payouts
          UNION ALL
          SELECT provider_id, (failed_at AT TIME ZONE 'UTC')::date, currency, 0, 1, 0 FROM payouts WHERE status = 'FAILED') days
    GROUP BY provider_id, day, currency;
    INSERT INTO provider_hours
    SELECT provider_id, date_trunc('hour', requested_at, 'UTC'), currency, count(*), sum(amount)
    FROM payouts GROUP BY 1, 2, 3;
$$;
SELECT sum_up_all_payouts();
