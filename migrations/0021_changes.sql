-- Says which rows have changed, so that screens need not ask for everything all the time. Nothing waits for it and nothing is
-- decided by it: the table is not in the write-ahead log and is empty after a crash, and what was said a while ago is deleted.
-- Whoever needs to be sure reads the rows.
--
-- A table that is looked at every fifth of a second, and not NOTIFY: that takes one lock over the whole server while a transaction
-- commits, so all commits that say something follow one another (on a disk that takes 5 ms, 200 a second instead of 1,600).
--
-- Never an amount, a name or a status. Cost: one row in memory. Rows that do not differ say nothing.
CREATE UNLOGGED TABLE changes (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Ids are given before the commit: what is new is found by the transactions that have ended, not by the highest id.
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    kind        text NOT NULL,
    subject     text,
    -- Who may know; without one it is for staff only.
    provider_id uuid
);
CREATE INDEX changes_by_transaction ON changes (transaction, id);

CREATE FUNCTION tell_change(kind text, subject text, provider uuid) RETURNS void LANGUAGE sql AS $$
    INSERT INTO changes (kind, subject, provider_id) VALUES (kind, subject, provider)
$$;

CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE TG_TABLE_NAME
        WHEN 'payouts' THEN
            PERFORM tell_change('payout', NEW.id::text, NEW.provider_id);
        WHEN 'attempts' THEN
            PERFORM tell_change('payout', p.id::text, p.provider_id) FROM payouts p WHERE p.id = NEW.payout_id;
        WHEN 'reviews' THEN
            PERFORM tell_change('review', NEW.payout_id::text, NULL);
        WHEN 'batches' THEN
            PERFORM tell_change('batch', NEW.id::text, NULL);
        WHEN 'cases' THEN
            PERFORM tell_change('case', NEW.id::text, NULL);
        WHEN 'notifications' THEN
            PERFORM tell_change('notification', NEW.id::text, NEW.provider_id);
        WHEN 'pauses' THEN
            PERFORM tell_change('pause', CASE WHEN TG_OP = 'DELETE' THEN OLD.subject ELSE NEW.subject END, NULL);
        WHEN 'control' THEN
            PERFORM tell_change('pause', NULL, NULL);
        WHEN 'earnings' THEN
            PERFORM tell_change('balance', NULL, NEW.provider_id);
        WHEN 'bank_accounts' THEN
            PERFORM tell_change('bank_account', NEW.id::text, NEW.provider_id);
        WHEN 'providers' THEN
            PERFORM tell_change('provider', NEW.id::text, NEW.id);
    END CASE;
    RETURN NULL;
END $$;

CREATE TRIGGER payouts_inserted AFTER INSERT ON payouts FOR EACH ROW EXECUTE FUNCTION changed();
CREATE TRIGGER payouts_changed AFTER UPDATE ON payouts FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION changed();
-- A new attempt changes its payout in the same transaction.
CREATE TRIGGER attempts_changed AFTER UPDATE ON attempts FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION changed();
CREATE TRIGGER reviews_inserted AFTER INSERT ON reviews FOR EACH ROW EXECUTE FUNCTION changed();
CREATE TRIGGER reviews_changed AFTER UPDATE ON reviews FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION changed();
CREATE TRIGGER batches_inserted AFTER INSERT ON batches FOR EACH ROW EXECUTE FUNCTION changed();
CREATE TRIGGER batches_changed AFTER UPDATE ON batches FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION changed();
CREATE TRIGGER cases_inserted AFTER INSERT ON cases FOR EACH ROW EXECUTE FUNCTION changed();
CREATE TRIGGER cases_changed AFTER UPDATE ON cases FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION changed();
CREATE TRIGGER notifications_inserted AFTER INSERT ON notifications FOR EACH ROW EXECUTE FUNCTION changed();
CREATE TRIGGER notifications_changed AFTER UPDATE ON notifications FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION changed();
CREATE TRIGGER pauses_changed AFTER INSERT OR DELETE ON pauses FOR EACH ROW EXECUTE FUNCTION changed();
CREATE TRIGGER control_changed AFTER UPDATE ON control FOR EACH ROW WHEN (OLD.paused IS DISTINCT FROM NEW.paused OR OLD.reason IS DISTINCT FROM NEW.reason) EXECUTE FUNCTION changed();
-- What is taken from an earning changes a payout in the same transaction.
CREATE TRIGGER earnings_inserted AFTER INSERT ON earnings FOR EACH ROW EXECUTE FUNCTION changed();
CREATE TRIGGER bank_accounts_inserted AFTER INSERT ON bank_accounts FOR EACH ROW EXECUTE FUNCTION changed();
CREATE TRIGGER bank_accounts_changed AFTER UPDATE ON bank_accounts FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION changed();
CREATE TRIGGER providers_changed AFTER UPDATE ON providers FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION changed();
