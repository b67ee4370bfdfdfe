-- What stays at a provider when a key has gone: a sentence, and what it costs a month in micro-dollars. Both
-- are empty once it is gone too, or an owner has taken it over.
ALTER TABLE keys ADD COLUMN left_what TEXT;
ALTER TABLE keys ADD COLUMN left_monthly BIGINT;
