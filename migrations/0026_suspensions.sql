-- Who says that payouts to a provider are suspended: the marketplace, which pushes it with the provider, and staff. Either word
-- suffices, and each is taken back only by whoever gave it.

ALTER TABLE providers
    ADD COLUMN suspended_by_marketplace boolean NOT NULL DEFAULT false,
    ADD COLUMN suspended_reason text CHECK (length(suspended_reason) BETWEEN 1 AND 1000),
    ADD COLUMN suspended_by     text CHECK (length(suspended_by) <= 300),
    ADD COLUMN suspended_at     timestamptz,
    ADD CHECK ((suspended_reason IS NULL) = (suspended_at IS NULL) AND (suspended_by IS NULL) = (suspended_at IS NULL));
UPDATE providers SET suspended_by_marketplace = true WHERE status = 'SUSPENDED';
ALTER TABLE providers ADD CONSTRAINT providers_suspended_by_somebody
    CHECK ((status = 'SUSPENDED') = (suspended_by_marketplace OR suspended_at IS NOT NULL));
