//! Statements that put right what a clock that ran ahead has set. `$1` is now, and `$2` the latest to
//! which anything of that kind is ever set from now on.

statements! {
    /// A lease that nobody can hold any more, and a pause that nobody asks for. Since when something is
    /// as it is: since now, because nobody knows better.
    MEND_GRANTS = "UPDATE grants SET \
        lease_until = CASE WHEN lease_until > $2 THEN 0 ELSE lease_until END, \
        not_before = CASE WHEN not_before > $2 THEN 0 ELSE not_before END, \
        moved_at = CASE WHEN moved_at > $2 THEN CAST($1 AS BIGINT) ELSE moved_at END, \
        first_tried_at = CASE WHEN first_tried_at > $2 THEN CAST($1 AS BIGINT) \
            ELSE first_tried_at END, \
        dropped_at = CASE WHEN dropped_at > $2 THEN CAST($1 AS BIGINT) ELSE dropped_at END, \
        revealing_until = CASE WHEN revealing_until > $2 THEN CAST($1 AS BIGINT) \
            ELSE revealing_until END \
        WHERE lease_until > $2 OR not_before > $2 OR moved_at > $2 OR first_tried_at > $2 \
            OR revealing_until > $2 OR dropped_at > $2";
    MEND_KEYS = "UPDATE keys SET \
        stopped_at = CASE WHEN stopped_at > $2 THEN CAST($1 AS BIGINT) ELSE stopped_at END, \
        intended_at = CASE WHEN intended_at > $2 THEN CAST($1 AS BIGINT) ELSE intended_at END, \
        unread_since = CASE WHEN unread_since > $2 THEN CAST($1 AS BIGINT) ELSE unread_since END \
        WHERE stopped_at > $2 OR intended_at > $2 OR unread_since > $2";
    MEND_CHANGES = "UPDATE changes SET begun_at = $1 WHERE begun_at > $2";
    /// Two keys work side by side for no longer than that.
    MEND_OVERLAPS = "UPDATE changes SET due_at = $2 WHERE due_at > $2 AND $1 < $2";
    MEND_CHECKS = "UPDATE members SET check_at = $1 WHERE check_at > $2";
    MEND_OUTBOX = "UPDATE outbox SET \
        lease_until = CASE WHEN lease_until > $2 THEN 0 ELSE lease_until END, \
        not_before = CASE WHEN not_before > $2 THEN 0 ELSE not_before END \
        WHERE done_at IS NULL AND (lease_until > $2 OR not_before > $2) AND $1 < $2";
    MEND_JOBS = "UPDATE jobs SET lease_until = $1 WHERE lease_until > $2";
    MEND_METERS = "UPDATE masters SET failing_since = $1 WHERE failing_since > $2";
    MEND_HOMES = "UPDATE identities SET home_lease_until = $1 WHERE home_lease_until > $2";
    /// It would be good for much longer than its maker was told.
    MEND_CODES = "UPDATE link_codes SET expires_at = $1 WHERE expires_at > $2";
}
