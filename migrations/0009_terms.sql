-- What a grant's member wants of its service beside cap and life; what there is to know about a key that
-- is no secret (a JSON list of names and facts); and where the last reading of it ended, for a service
-- that adds up what it finds.
ALTER TABLE grants ADD COLUMN terms_text TEXT;
ALTER TABLE keys ADD COLUMN facts TEXT NOT NULL DEFAULT '[]';
ALTER TABLE keys ADD COLUMN meter_cursor TEXT;
