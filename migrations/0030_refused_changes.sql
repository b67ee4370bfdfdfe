-- When a grant's provider last refused what was being changed about its key.
ALTER TABLE grants ADD COLUMN dropped_at BIGINT;
-- The change gives a grant what it begins a month with.
ALTER TABLE changes ADD COLUMN renews BOOLEAN NOT NULL DEFAULT FALSE;
