-- When an attempt's label was committed: what its provider was told then may arrive for a while after it.
ALTER TABLE keys ADD COLUMN intended_at BIGINT;
-- When owners were told that a key that one of them wants deleted is not deleted.
ALTER TABLE strays ADD COLUMN stuck_at BIGINT;
