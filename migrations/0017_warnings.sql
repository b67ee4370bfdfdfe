-- How much of a month's budget, or of a cap, was used up when it was last warned of (JSON), so that each
-- threshold is told once.
ALTER TABLE members ADD COLUMN warned TEXT;
ALTER TABLE grants ADD COLUMN warned TEXT;
