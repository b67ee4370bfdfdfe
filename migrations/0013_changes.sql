-- What is being changed about a grant's key, until its provider has confirmed it: another cap (from, to),
-- another key in the place of an attempt, or a later end. `due_at`: before it there is nothing to do.
CREATE TABLE changes (
    grant_id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    from_cap BIGINT,
    to_cap BIGINT,
    old_attempt BIGINT,
    overlap_hours BIGINT,
    ends_at BIGINT,
    begun_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    CONSTRAINT changes_pk PRIMARY KEY (grant_id),
    CONSTRAINT changes_grant FOREIGN KEY (grant_id) REFERENCES grants (id)
);

-- Since when a grant has had a key that can spend; what it begins each month with, and when the next
-- one begins.
ALTER TABLE grants ADD COLUMN began_at BIGINT;
ALTER TABLE grants ADD COLUMN monthly BIGINT;
ALTER TABLE grants ADD COLUMN renew_at BIGINT;
UPDATE grants SET began_at = armed_at;
CREATE INDEX grants_monthly ON grants (renew_at) WHERE monthly IS NOT NULL;

-- When a key's provider ends it by itself, and since when it stands still.
ALTER TABLE keys ADD COLUMN dead_man BIGINT;
ALTER TABLE keys ADD COLUMN stopped_at BIGINT;
