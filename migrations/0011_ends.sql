-- Since when a grant's newest key can spend, when it last did, and what its member was reminded of since.
ALTER TABLE grants ADD COLUMN armed_at BIGINT;
ALTER TABLE grants ADD COLUMN used_at BIGINT;
ALTER TABLE grants ADD COLUMN noticed TEXT NOT NULL DEFAULT ' ';
CREATE INDEX grants_by_end ON grants (ends_at) WHERE ends_at IS NOT NULL;
