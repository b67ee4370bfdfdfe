-- Since when a key cannot be read although its provider shows its list, when it is asked for again, and
-- since when owners know.
ALTER TABLE keys ADD COLUMN unread_since BIGINT;
ALTER TABLE keys ADD COLUMN read_again_at BIGINT;
ALTER TABLE keys ADD COLUMN unread_told BIGINT;
