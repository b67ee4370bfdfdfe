//! Statements about the rounds of the meter.

statements! {
    NOTE_SILENCE = "UPDATE masters SET silent_since = $3 WHERE org_id = $1 AND service = $2";
    /// A new key is read soon.
    METER_SOON = "UPDATE masters SET meter_at = $3 WHERE org_id = $1 AND meter_at > $3 \
        AND service = (SELECT g.service FROM grants g WHERE g.id = $2)";
    DUE_METER = "SELECT m.org_id, m.service, m.meter_fence, m.read_at, m.failing_since, \
        (SELECT COUNT(*) FROM grants g JOIN keys k ON k.grant_id = g.id AND k.state <> 'gone' \
            WHERE g.org_id = m.org_id AND g.service = m.service AND g.state NOT LIKE 'ended%') AS live \
        FROM masters m JOIN orgs o ON o.id = m.org_id AND o.closed_at IS NULL \
        WHERE m.meter_at <= $1 OR m.meter_at > $2 \
        ORDER BY m.meter_at, m.org_id, m.service LIMIT 1";
    /// A round in between, also one that was called, has counted up the fence.
    CLAIM_METER = "UPDATE masters SET meter_fence = meter_fence + 1, meter_at = $4 \
        WHERE org_id = $1 AND service = $2 AND meter_fence = $3 RETURNING meter_fence";
    CALL_METERS = "UPDATE masters SET meter_at = $2, meter_fence = meter_fence + 1 \
        WHERE org_id = $1";
    END_METER_READ = "UPDATE masters SET meter_at = $4, read_at = $5, failing_since = NULL \
        WHERE org_id = $1 AND service = $2 AND meter_fence = $3";
    END_METER_FAILED = "UPDATE masters SET meter_at = $4, \
        failing_since = COALESCE(failing_since, $5) \
        WHERE org_id = $1 AND service = $2 AND meter_fence = $3";
    /// A key that the round could not read, and when it is asked for again. What the last round that
    /// read all saw of it is the last that is known.
    KEY_UNREAD = "UPDATE keys SET unread_since = COALESCE(unread_since, $5), read_again_at = $4, \
        read_at = CASE WHEN unread_since IS NULL AND COALESCE(read_at, 0) < $6 THEN $6 \
            ELSE read_at END \
        WHERE org_id = $1 AND grant_id = $2 AND attempt = $3";
    KEY_SILENT = "UPDATE keys SET unread_since = COALESCE(unread_since, $4), unread_told = $5 \
        WHERE org_id = $1 AND grant_id = $2 AND attempt = $3";
    KEY_READABLE = "UPDATE keys SET unread_since = NULL, read_again_at = NULL, unread_told = NULL \
        WHERE org_id = $1 AND grant_id = $2 AND attempt = $3";
    METERS = "SELECT m.org_id, m.service, m.meter_at, m.read_at, m.failing_since \
        FROM masters m JOIN orgs o ON o.id = m.org_id AND o.closed_at IS NULL \
        ORDER BY m.org_id, m.service";
}
