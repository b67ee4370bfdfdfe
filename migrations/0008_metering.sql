-- When each master key's keys are read next, with the claim of the worker that reads; when all of them
-- were last read; since when that fails, and since when owners know.
ALTER TABLE masters ADD COLUMN meter_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE masters ADD COLUMN meter_fence BIGINT NOT NULL DEFAULT 0;
ALTER TABLE masters ADD COLUMN read_at BIGINT;
ALTER TABLE masters ADD COLUMN failing_since BIGINT;
ALTER TABLE masters ADD COLUMN silent_since BIGINT;
CREATE INDEX masters_to_meter ON masters (meter_at);
