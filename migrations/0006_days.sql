-- The day, in the zone that was in force, on which spending was recorded: charts and digests add up
-- days as people saw them, across changes of the zone and of daylight-saving time.
ALTER TABLE charges ADD COLUMN day TEXT NOT NULL DEFAULT '';
CREATE INDEX charges_by_day ON charges (org_id, day);
