//! Statements about keys that a provider lists and no books know.

statements! {
    /// Those that wait. What some books know by now waits for nobody.
    STRAYS = "SELECT s.number, s.service, s.provider_id, s.label, s.discarded_at, s.stuck_at, \
        (SELECT COUNT(*) FROM keys k WHERE k.label = s.label) AS doubles \
        FROM strays s WHERE s.org_id = $1 AND s.closed_at IS NULL \
        AND NOT EXISTS (SELECT 1 FROM keys k WHERE k.provider_id = s.provider_id \
            AND k.state <> 'gone') \
        ORDER BY s.number";
    NEXT_STRAY = "SELECT COALESCE(MAX(number), 0) + 1 AS number FROM strays WHERE org_id = $1";
    /// Whatever org's they are: several may use one account.
    KEYS_LIKE = "SELECT k.provider_id, k.state AS key_state, g.state \
        FROM keys k JOIN grants g ON g.id = k.grant_id \
        WHERE k.label = $1 OR k.provider_id = $2";
    NOTE_STRAY = "INSERT INTO strays (org_id, number, service, provider_id, label, found_at) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    /// It is to stand still since ever, so that whoever tidies up ends it at once.
    ADD_DOUBLE = "INSERT INTO keys (org_id, grant_id, attempt, label, state, armed_cap, usage, \
        provider_id, facts, intended_at, stopped_at) \
        VALUES ($1, $2, $3, $4, 'disabled', 0, 0, $5, $6, $7, 0)";
    DISCARD_STRAY = "UPDATE strays SET discarded_at = $3 WHERE org_id = $1 AND number = $2 \
        AND discarded_at IS NULL AND closed_at IS NULL";
    NOTE_STUCK = "UPDATE strays SET stuck_at = $3 WHERE org_id = $1 AND number = $2 \
        AND discarded_at IS NOT NULL AND stuck_at IS NULL AND closed_at IS NULL";
    CLOSE_STRAY = "UPDATE strays SET closed_at = $3 WHERE org_id = $1 AND number = $2 \
        AND closed_at IS NULL";
    METER_NOW = "UPDATE masters SET meter_at = 0, meter_fence = meter_fence + 1 \
        WHERE org_id = $1 AND service = $2";
}
