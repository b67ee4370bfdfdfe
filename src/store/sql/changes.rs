//! Statements about changes of keys that exist, and about grants that go on from month to month.

statements! {
    BEGIN_CHANGE = "INSERT INTO changes (grant_id, org_id, kind, from_cap, to_cap, old_attempt, \
        overlap_hours, ends_at, renews, begun_at, due_at) \
        VALUES ($2, $1, $3, $4, $5, $6, $7, $8, $9, $10, 0)";
    END_CHANGE = "DELETE FROM changes WHERE org_id = $1 AND grant_id = $2";
    END_EXTENSION = "DELETE FROM changes WHERE org_id = $1 AND grant_id = $2 \
        AND kind = 'extension'";
    CHANGE_LATER = "UPDATE changes SET due_at = $3 WHERE org_id = $1 AND grant_id = $2";
    /// A month whose money was refused is due again.
    DROP_CHANGE = "UPDATE grants SET dropped_at = $3, renew_at = CASE WHEN EXISTS \
        (SELECT 1 FROM changes c WHERE c.grant_id = grants.id AND c.renews = TRUE) \
        THEN 0 ELSE renew_at END WHERE org_id = $1 AND id = $2";
    SET_CAP = "UPDATE grants SET cap = $3 WHERE org_id = $1 AND id = $2";
    CAP_KEY = "UPDATE keys SET armed_cap = $4 \
        WHERE org_id = $1 AND grant_id = $2 AND attempt = $3 AND state = 'armed'";
    EXTEND_GRANT = "UPDATE grants SET ends_at = $3 WHERE org_id = $1 AND id = $2";
    FORGET_NOTICE = "UPDATE grants SET noticed = REPLACE(noticed, ' ' || $3 || ' ', ' ') \
        WHERE org_id = $1 AND id = $2";
    RENEW_GRANT = "UPDATE grants SET renew_at = $3 WHERE org_id = $1 AND id = $2";
    /// Whoever waits for room in a budget is looked at as soon as there is more of it.
    WAKE_WAITING = "UPDATE grants SET not_before = 0 WHERE org_id = $1 AND member_id = $2 \
        AND state = 'suspended(no_room)'";
    DUE_CHANGE = due_where!(
        "g.state = 'active' AND g.id IN (SELECT grant_id FROM changes WHERE due_at <= $1) \
         AND NOT EXISTS (SELECT 1 FROM keys k WHERE k.grant_id = g.id AND k.state = 'enabling')"
    );
    DUE_RENEW = due_where!(
        "g.monthly IS NOT NULL AND g.topped_up = FALSE AND ((g.state = 'suspended(no_room)' \
                OR g.state = 'suspended(capped)' AND (g.renew_at <= $1 OR g.ends_at <= $2)) \
             AND NOT EXISTS (SELECT 1 FROM keys k WHERE k.grant_id = g.id AND k.state = 'armed') \
          OR g.state = 'active' AND (g.renew_at <= $1 \
                AND (g.noticed NOT LIKE '% not_renewed %' OR g.dropped_at <= $3) \
             OR g.ends_at <= $2 AND g.revealed_at IS NOT NULL \
                AND g.armed_at < g.ends_at - ($2 - $1) \
                AND (g.noticed NOT LIKE '% not_replaced %' OR g.dropped_at <= $3))) \
         AND NOT EXISTS (SELECT 1 FROM changes c WHERE c.grant_id = g.id) \
         AND NOT EXISTS (SELECT 1 FROM keys k WHERE k.grant_id = g.id AND k.state = 'enabling')"
    );
    /// All keys of what has ended, and keys that another one took the place of, once what they still
    /// had running is billed.
    DUE_SWEEP = due_where!(
        "(g.state LIKE 'ended%' AND g.id IN (SELECT grant_id FROM keys WHERE state <> 'gone') \
          OR (g.state = 'active' OR g.state LIKE 'suspended%') AND EXISTS (SELECT 1 FROM keys k \
             WHERE k.grant_id = g.id AND k.state = 'disabled' AND k.stopped_at <= $2 \
             AND EXISTS (SELECT 1 FROM keys n WHERE n.grant_id = g.id AND n.attempt > k.attempt \
                AND n.state IN ('armed', 'enabling', 'disabled'))) \
             AND NOT EXISTS (SELECT 1 FROM changes c WHERE c.grant_id = g.id))"
    );
}
