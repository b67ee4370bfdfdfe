-- The home tabs that people have opened: how often a tab's content was wanted anew (0: it was never
-- opened), up to which of those it was published, whether it was an owner's then, and the claim of the
-- worker that publishes it.
ALTER TABLE identities ADD COLUMN home_wanted BIGINT NOT NULL DEFAULT 0;
ALTER TABLE identities ADD COLUMN home_shown BIGINT NOT NULL DEFAULT 0;
ALTER TABLE identities ADD COLUMN home_of_owner BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE identities ADD COLUMN home_fence BIGINT NOT NULL DEFAULT 0;
ALTER TABLE identities ADD COLUMN home_lease_until BIGINT NOT NULL DEFAULT 0;
CREATE INDEX identities_homes_due ON identities (home_lease_until) WHERE home_shown < home_wanted;
