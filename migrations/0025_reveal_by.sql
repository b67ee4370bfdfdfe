-- When a grant is ended if nobody has revealed its key: some services want that sooner than after a day.
ALTER TABLE grants ADD COLUMN reveal_by BIGINT;
UPDATE grants SET reveal_by = armed_at + 86400000000 WHERE armed_at IS NOT NULL;
