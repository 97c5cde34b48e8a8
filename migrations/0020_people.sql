-- What people look for and look at.

-- The beginning of a name or of the marketplace's own id. Compared byte by byte, so that one index serves every collation.
CREATE INDEX providers_by_name ON providers (lower(display_name) text_pattern_ops, id);
CREATE INDEX providers_by_external_id ON providers (external_id text_pattern_ops);
