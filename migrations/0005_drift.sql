-- How a key at its provider differs from what Slice made of it, by the last look (JSON); nothing
-- where it does not. It stands in the books so that each change is told once.
ALTER TABLE keys ADD COLUMN drift TEXT;
