-- Which extra budget is what a member took over from the month before: the turn's message says whether a
-- month has more because of that or because an owner added it. Earlier rows learn it from their event.
ALTER TABLE topups ADD COLUMN carried BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE topups SET carried = TRUE WHERE EXISTS (SELECT 1 FROM audit
    WHERE audit.org_id = topups.org_id AND audit.seq = topups.seq AND audit.event LIKE '%"carried_over"%');
