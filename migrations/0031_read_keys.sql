-- When a key was last charged, or last read before it could not be: what is charged after a month's turn
-- and may have been spent before it is told, once.
ALTER TABLE keys ADD COLUMN read_at BIGINT;
