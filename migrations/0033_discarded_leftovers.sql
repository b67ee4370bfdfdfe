-- Since when an owner wants what stays at a provider deleted: a worker does it, however long it takes.
ALTER TABLE keys ADD COLUMN left_discarded_at BIGINT;
