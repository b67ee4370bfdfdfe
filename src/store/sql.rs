//! Every statement, by name, once for both databases. There is no SQL anywhere else.

/// Declares the statements and the list of all of them together, so that none can be missing from
/// the test that prepares each on both databases.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* pub(in crate::store) const $name: &str = $sql;)*
        /// Every statement with its name.
        pub const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

/// Grants with their keys, a row per key, in order; `$condition` picks the grants.
macro_rules! grants_where {
    ($condition:literal) => {
        concat!(
            "SELECT g.id, g.number, g.member_id, g.service, g.cap, g.life_hours, g.state, g.moved_at, \
             name.text AS name, reason.text AS reason, g.opened_at, g.decided_by, g.decided_at, \
             g.ends_at, g.topped_up, g.revealed_at, g.reveal_by, g.revealing_until, g.revoke_at, g.first_tried_at, \
             g.armed_at, g.used_at, g.noticed, g.warned, terms.text AS terms, g.began_at, g.monthly, \
             g.renew_at, g.dropped_at, c.kind, c.renews, c.from_cap, c.to_cap, c.old_attempt, c.overlap_hours, \
             c.ends_at AS changed_end, c.begun_at, c.due_at, k.dead_man, k.intended_at, \
             k.attempt, k.label, k.provider_id, k.state AS key_state, k.armed_cap, k.usage, k.seal, \
             k.drift, k.facts, k.meter_cursor, k.left_what, k.left_monthly, \
             k.left_discarded_at, k.unread_since, k.read_again_at, k.unread_told, k.read_at \
             FROM grants g \
             LEFT JOIN keys k ON k.grant_id = g.id \
             LEFT JOIN changes c ON c.grant_id = g.id \
             LEFT JOIN texts name ON name.id = g.name_text \
             LEFT JOIN texts reason ON reason.id = g.reason_text \
             LEFT JOIN texts terms ON terms.id = g.terms_text \
             WHERE ",
            $condition,
            " ORDER BY g.number, k.attempt"
        )
    };
}

/// The grant that waits longest for a worker; `$condition` says for which.
macro_rules! due_where {
    ($condition:literal) => {
        concat!(
            "SELECT g.id, g.org_id, g.fence, g.state FROM grants g WHERE ",
            $condition,
            " AND g.lease_until <= $1 AND g.not_before <= $1 \
             ORDER BY g.not_before, g.opened_at, g.number LIMIT 1"
        )
    };
}

mod changes;
mod homes;
mod linking;
mod mend;
mod meter;
mod outbox;
mod strays;

pub(in crate::store) use {
    changes::*, homes::*, linking::*, mend::*, meter::*, outbox::*, strays::*,
};

/// Every statement with its name.
pub fn all() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let more = [
        changes::STATEMENTS,
        homes::STATEMENTS,
        linking::STATEMENTS,
        mend::STATEMENTS,
        meter::STATEMENTS,
        outbox::STATEMENTS,
        strays::STATEMENTS,
    ];
    STATEMENTS.iter().chain(more.into_iter().flatten())
}

statements! {
    // --- the database itself
    SCHEMA_VERSION = "SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) AS version \
        FROM _sqlx_migrations";
    VAULT = "SELECT key_id, probe FROM vault WHERE only_row = 1";
    /// The first start decides; a second one at the same time finds the row and is checked by it.
    NOTE_VAULT = "INSERT INTO vault (only_row, key_id, probe) VALUES (1, $1, $2) \
        ON CONFLICT (only_row) DO NOTHING";

    // --- orgs
    OPEN_ORG = "INSERT INTO orgs (id, opened_at, data_key, audit_key, audit_count, audit_head, \
        month_seen, zone, next_grant, next_message) VALUES ($1, $2, $3, $4, 0, $5, $6, $7, 1, 1)";
    /// First in every transaction that writes about an org: writers queue on this row.
    LOCK_ORG = "UPDATE orgs SET audit_count = audit_count WHERE id = $1 \
        RETURNING id, data_key, audit_key, audit_count, audit_head, month_seen, zone, next_grant, \
        next_message, installer, closed_at";
    ORG = "SELECT id, data_key, audit_key, audit_count, audit_head, month_seen, zone, next_grant, \
        next_message, installer, closed_at FROM orgs WHERE id = $1";
    /// Last in every such transaction.
    ADVANCE_ORG = "UPDATE orgs SET audit_count = $2, audit_head = $3, month_seen = $4, zone = $5, \
        next_grant = $6, next_message = $7 WHERE id = $1";
    ORGS = "SELECT id FROM orgs WHERE closed_at IS NULL ORDER BY opened_at, id";
    CLOSED_ORGS = "SELECT id FROM orgs WHERE closed_at IS NOT NULL ORDER BY opened_at, id";
    ORG_OF = "SELECT org_id FROM workspaces WHERE platform = $1 AND id = $2";
    LINK_WORKSPACE = "INSERT INTO workspaces (platform, id, org_id, linked_at, linked_by_event) \
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (platform, id) DO NOTHING";
    WORKSPACES = "SELECT platform, id, removed_at, digest_lost FROM workspaces WHERE org_id = $1 \
        ORDER BY linked_by_event";
    NOTE_DIGEST_LOST = "UPDATE workspaces SET digest_lost = $4 WHERE org_id = $1 AND platform = $2 \
        AND id = $3";
    REMOVE_WORKSPACE = "UPDATE workspaces SET removed_at = $4 WHERE org_id = $1 AND platform = $2 \
        AND id = $3 AND removed_at IS NULL";
    RETURN_WORKSPACE = "UPDATE workspaces SET removed_at = NULL WHERE org_id = $1 \
        AND platform = $2 AND id = $3";
    REMOVED = "SELECT id FROM workspaces WHERE platform = $1 AND id = $2 \
        AND removed_at IS NOT NULL";
    INSTALLATION = "SELECT i.org_id, i.app_id, i.version, i.seal, o.data_key \
        FROM installations i JOIN orgs o ON o.id = i.org_id \
        WHERE i.platform = $1 AND i.workspace_id = $2";
    INSTALLATIONS = "SELECT platform, workspace_id FROM installations \
        ORDER BY platform, workspace_id";
    /// A newer one stays.
    INSTALL = "INSERT INTO installations (platform, workspace_id, org_id, app_id, version, \
        installed_at, seal) VALUES ($1, $2, $3, $4, $5, $6, $7) \
        ON CONFLICT (platform, workspace_id) DO UPDATE SET org_id = excluded.org_id, \
        app_id = excluded.app_id, version = excluded.version, \
        installed_at = excluded.installed_at, seal = excluded.seal \
        WHERE installations.version < excluded.version";
    UNINSTALL = "DELETE FROM installations WHERE platform = $1 AND workspace_id = $2 \
        AND version = $3";
    INVITE = "INSERT INTO invited_workspaces (platform, id, invited_at) VALUES ($1, $2, $3) \
        ON CONFLICT (platform, id) DO NOTHING";
    INVITED = "SELECT id FROM invited_workspaces WHERE platform = $1 AND id = $2";
    SETTINGS = "SELECT name, value FROM settings WHERE org_id = $1 ORDER BY name";
    SET = "INSERT INTO settings (org_id, name, value) VALUES ($1, $2, $3) \
        ON CONFLICT (org_id, name) DO UPDATE SET value = excluded.value";
    BINDINGS = "SELECT platform, workspace_id, kind, group_id, role FROM bindings \
        WHERE org_id = $1 ORDER BY role, platform, workspace_id, kind, group_id";
    BIND = "INSERT INTO bindings (org_id, platform, workspace_id, kind, group_id, role) \
        VALUES ($1, $2, $3, $4, $5, $6) \
        ON CONFLICT (org_id, platform, workspace_id, kind, group_id, role) DO NOTHING";
    UNBIND = "DELETE FROM bindings WHERE org_id = $1 AND platform = $2 AND workspace_id = $3 \
        AND kind = $4 AND group_id = $5 AND role = $6";
    MASTERS = "SELECT service, version, last4, fingerprint, added_at, seal, read_at, silent_since \
        FROM masters \
        WHERE org_id = $1 ORDER BY service";
    ADD_MASTER = "INSERT INTO masters (org_id, service, version, last4, fingerprint, added_at, \
        seal) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    ROTATE_MASTER = "UPDATE masters SET meter_at = 0, failing_since = NULL, version = $3, \
        last4 = $4, fingerprint = $5, added_at = $6, seal = $7 WHERE org_id = $1 AND service = $2 AND version < $3";
    OPTIONS = "SELECT service, options FROM service_options WHERE org_id = $1 ORDER BY service";
    CHOOSE = "INSERT INTO service_options (org_id, service, options) VALUES ($1, $2, $3) \
        ON CONFLICT (org_id, service) DO UPDATE SET options = excluded.options";
    REMOVE_MASTER = "DELETE FROM masters WHERE org_id = $1 AND service = $2 AND version = $3";

    // --- people
    JOIN_MEMBER = "INSERT INTO members (id, org_id, role, role_at, joined_at) \
        VALUES ($1, $2, 'anyone', $3, $3)";
    KNOW_IDENTITY = "INSERT INTO identities (platform, workspace_id, user_id, org_id, member_id, \
        seen_at) VALUES ($1, $2, $3, $4, $5, $6)";
    MEMBER_OF = "SELECT member_id FROM identities WHERE org_id = $1 AND platform = $2 \
        AND workspace_id = $3 AND user_id = $4";
    MEMBER = "SELECT id, allocation, role, left_at, warned, alias_of FROM members WHERE org_id = $1 AND id = $2";
    MEMBERS = "SELECT id, allocation, role, left_at, warned FROM members WHERE org_id = $1 AND alias_of IS NULL ORDER BY joined_at, id";
    IDENTITIES = "SELECT workspace_id, user_id FROM identities WHERE org_id = $1 \
        AND platform = $2 AND forgotten_at IS NULL AND member_id = \
            COALESCE((SELECT m.alias_of FROM members m WHERE m.id = $3), $3) \
        ORDER BY workspace_id, user_id";
    /// The identity with which she spoke last comes first.
    REACHABLE = "SELECT platform, workspace_id, user_id FROM identities WHERE org_id = $1 \
        AND forgotten_at IS NULL AND member_id = \
            COALESCE((SELECT m.alias_of FROM members m WHERE m.id = $2), $2) \
        ORDER BY seen_at DESC, platform, workspace_id, user_id";
    /// Only where another of her identities was seen later, or as late.
    NOTE_SEEN = "UPDATE identities SET seen_at = (SELECT CASE WHEN MAX(o.seen_at) < $6 THEN $6 \
            ELSE MAX(o.seen_at) + 1 END FROM identities o WHERE o.member_id = $2) \
        WHERE org_id = $1 AND member_id = $2 AND platform = $3 AND workspace_id = $4 \
        AND user_id = $5 AND EXISTS (SELECT 1 FROM identities o WHERE o.member_id = $2 \
            AND o.seen_at >= identities.seen_at \
            AND (o.platform <> $3 OR o.workspace_id <> $4 OR o.user_id <> $5))";
    ONLY_IN = "SELECT DISTINCT i.org_id, i.member_id FROM identities i \
        WHERE i.platform = $1 AND i.workspace_id = $2 AND i.forgotten_at IS NULL \
        AND NOT EXISTS (SELECT 1 FROM identities e WHERE e.member_id = i.member_id \
            AND e.forgotten_at IS NULL AND (e.platform <> $1 OR e.workspace_id <> $2) \
            AND NOT EXISTS (SELECT 1 FROM workspaces w WHERE w.platform = e.platform \
                AND w.id = e.workspace_id AND w.removed_at IS NOT NULL)) \
        AND EXISTS (SELECT 1 FROM grants g WHERE g.member_id = i.member_id \
            AND g.state NOT LIKE 'ended%') ORDER BY i.org_id, i.member_id";
    LEAVE = "UPDATE members SET left_at = $3 WHERE org_id = $1 AND id = $2 AND left_at IS NULL";
    COME_BACK = "UPDATE members SET left_at = NULL WHERE org_id = $1 AND id = $2";
    SPARE_GRANTS = "UPDATE grants SET revoke_at = NULL WHERE org_id = $1 AND member_id = $2";
    /// Who just spoke for herself was just looked at; who holds other grants keeps her turn.
    LOOK_LATER = "UPDATE members SET check_at = $3 WHERE org_id = $1 AND id = $2 \
        AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.member_id = members.id \
            AND g.state NOT LIKE 'ended%')";
    /// Only what is new, or a minute old: people act often.
    NOTE_ROLE = "UPDATE members SET role = $3, role_at = $4 WHERE org_id = $1 AND id = $2 \
        AND (role <> $3 OR role_at <= $5)";
    NOTE_INSTALLER = "UPDATE orgs SET installer = $2 WHERE id = $1";
    OWNERS = "SELECT id, role_at FROM members WHERE org_id = $1 AND role = 'owner' \
        ORDER BY role_at DESC, id";
    ALLOCATE = "UPDATE members SET allocation = $3 WHERE org_id = $1 AND id = $2";
    NOTE_MONTH_WARNED = "UPDATE members SET warned = $3 WHERE org_id = $1 AND id = $2";
    TOP_UP = "INSERT INTO topups (org_id, seq, member_id, month, amount, grant_id, carried) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    CHARGE = "INSERT INTO charges (org_id, seq, place, member_id, month, grant_id, attempt, delta, \
        day) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    SPENT_BY_DAY = "SELECT c.day, c.member_id, g.service, CAST(SUM(c.delta) AS BIGINT) AS total \
        FROM charges c JOIN grants g ON g.id = c.grant_id \
        WHERE c.org_id = $1 AND c.day >= $2 AND c.day <= $3 \
        GROUP BY c.day, c.member_id, g.service ORDER BY c.day, c.member_id, g.service";
    TOPUPS_OF = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS total FROM topups \
        WHERE member_id = $1 AND month = $2";
    CARRIED_BY_MEMBER = "SELECT member_id, CAST(SUM(amount) AS BIGINT) AS total FROM topups \
        WHERE org_id = $1 AND month = $2 AND carried GROUP BY member_id";
    SPENT_OF = "SELECT CAST(COALESCE(SUM(delta), 0) AS BIGINT) AS total FROM charges \
        WHERE member_id = $1 AND month = $2";
    TOPUPS_BY_MEMBER = "SELECT member_id, CAST(SUM(amount) AS BIGINT) AS total FROM topups \
        WHERE org_id = $1 AND month = $2 GROUP BY member_id";
    SPENT_BY_MEMBER = "SELECT member_id, CAST(SUM(delta) AS BIGINT) AS total FROM charges \
        WHERE org_id = $1 AND month = $2 GROUP BY member_id";

    // --- the calendar
    PLAN_JOB = "INSERT INTO jobs (org_id, job, planned_at, next_due, fence, lease_until) \
        VALUES ($1, $2, $3, $4, 0, 0) ON CONFLICT (org_id, job) DO UPDATE SET \
        planned_at = excluded.planned_at, next_due = excluded.next_due, lease_until = 0";
    JOBS_OF = "SELECT job, next_due FROM jobs WHERE org_id = $1 ORDER BY job";
    /// Whoever does it meanwhile keeps its claim.
    MOVE_JOB = "UPDATE jobs SET next_due = $3 WHERE org_id = $1 AND job = $2";
    NOTE_FIRING = "INSERT INTO firings (org_id, job, due_at, fired_at) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (org_id, job, due_at) DO NOTHING";
    /// A job that was planned later than now was planned before the clock went back.
    DUE_JOB = "SELECT j.org_id, j.job, j.next_due, j.planned_at, j.fence FROM jobs j \
        JOIN orgs o ON o.id = j.org_id AND o.closed_at IS NULL \
        WHERE (j.next_due <= $1 OR j.planned_at > $1) AND j.lease_until <= $1 \
        ORDER BY j.next_due, j.org_id, j.job LIMIT 1";
    CLAIM_JOB = "UPDATE jobs SET fence = fence + 1, lease_until = $5 \
        WHERE org_id = $1 AND job = $2 AND fence = $3 AND lease_until <= $4 RETURNING fence";
    CALL_JOB = "UPDATE jobs SET next_due = $3, lease_until = 0 WHERE org_id = $1 AND job = $2";
    JOBS = "SELECT j.org_id, j.job, j.next_due, \
        (SELECT MAX(f.due_at) FROM firings f WHERE f.org_id = j.org_id AND f.job = j.job) AS due_at, \
        (SELECT MAX(f.fired_at) FROM firings f WHERE f.org_id = j.org_id AND f.job = j.job) \
            AS fired_at \
        FROM jobs j JOIN orgs o ON o.id = j.org_id AND o.closed_at IS NULL \
        ORDER BY j.org_id, j.job";

    // --- forgetting
    COUNT_TEXTS = "SELECT COUNT(*) AS n FROM texts WHERE org_id = $1 AND member_id = $2";
    ERASE_TEXTS = "DELETE FROM texts WHERE org_id = $1 AND member_id = $2";
    IDENTITIES_TO_FORGET = "SELECT platform, workspace_id, user_id FROM identities \
        WHERE org_id = $1 AND member_id = $2 AND forgotten_at IS NULL";
    FORGET_IDENTITY = "UPDATE identities SET user_id = $5, forgotten_at = $6 WHERE org_id = $1 \
        AND platform = $2 AND workspace_id = $3 AND user_id = $4";
    FORGET_ROLE = "UPDATE members SET role = 'anyone' WHERE org_id = $1 AND id = $2";
    FORGET_INSTALLER = "UPDATE orgs SET installer = NULL WHERE id = $1 AND installer = $2";
    FORGET_ACTIONS = "DELETE FROM actions WHERE org_id = $1 AND audience = $2";
    FORGET_MESSAGES = "UPDATE outbox SET page = '[]', done_at = $3, fence = fence + 1, \
        undeliverable = 'its reader was forgotten' \
        WHERE org_id = $1 AND reader = $2 AND done_at IS NULL";
    FORGET_POSTS = "DELETE FROM posts WHERE org_id = $1 AND reader = $2";

    // --- grants
    GRANT_BY_NUMBER = grants_where!("g.org_id = $1 AND g.number = $2");
    GRANT_BY_ID = grants_where!("g.org_id = $1 AND g.id = $2");
    GRANTS_IN_BUDGET =
        grants_where!("g.org_id = $1 AND g.member_id = $2 AND g.state NOT LIKE 'ended%'");
    GRANTS_IN_BUDGETS = grants_where!("g.org_id = $1 AND g.state NOT LIKE 'ended%'");
    GRANTS_OF_MEMBER = grants_where!(
        "g.org_id = $1 AND g.id IN (SELECT id FROM grants WHERE org_id = $1 AND member_id = $2 \
         ORDER BY number DESC LIMIT $3)"
    );
    LIVE_GRANTS = grants_where!(
        "g.org_id = $1 AND g.state NOT LIKE 'ended%' AND EXISTS (SELECT 1 FROM keys live \
         WHERE live.grant_id = g.id AND live.state <> 'gone')"
    );
    LEFT_GRANTS = grants_where!(
        "g.org_id = $1 AND g.id IN (SELECT grant_id FROM keys \
         WHERE org_id = $1 AND left_what IS NOT NULL)"
    );
    NOTE_LEFT = "UPDATE keys SET left_what = $4, left_monthly = $5 \
        WHERE org_id = $1 AND grant_id = $2 AND attempt = $3";
    DISCARD_LEFT = "UPDATE keys SET left_discarded_at = $4 \
        WHERE org_id = $1 AND grant_id = $2 AND attempt = $3 AND left_what IS NOT NULL";
    CLOSE_LEFT = "UPDATE keys SET left_what = NULL, left_monthly = NULL, left_discarded_at = NULL, \
        meter_cursor = NULL WHERE org_id = $1 AND grant_id = $2 AND attempt = $3";
    OPEN_GRANT = "INSERT INTO grants (id, org_id, number, member_id, service, cap, life_hours, \
        state, name_text, reason_text, opened_at, moved_at, topped_up, fence, claim, lease_until, \
        not_before, terms_text, monthly) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, FALSE, 0, 0, 0, 0, $12, $13)";
    APPROVE_GRANT = "UPDATE grants SET state = 'reserved', cap = $3, life_hours = $4, \
        decided_by = $5, decided_at = $6, moved_at = $6, topped_up = $7, \
        monthly = CASE WHEN monthly IS NULL THEN NULL ELSE CAST($3 AS BIGINT) END \
        WHERE org_id = $1 AND id = $2 AND state = 'awaiting_owner' AND cap = $8";
    KEEP_GRANT = "UPDATE grants SET revoke_at = $3 WHERE org_id = $1 AND id = $2";
    MOVE_GRANT = "UPDATE grants SET state = $4, moved_at = $7, decided_by = COALESCE($5, decided_by), \
        decided_at = COALESCE($6, decided_at) WHERE org_id = $1 AND id = $2 AND state = $3";
    GRANT_FACTS = "SELECT member_id, service, state FROM grants WHERE org_id = $1 AND id = $2";
    ERASE_SEALS = "UPDATE keys SET seal = NULL WHERE org_id = $1 AND grant_id = $2";
    FIRST_TRY = "UPDATE grants SET first_tried_at = COALESCE(first_tried_at, $3) \
        WHERE org_id = $1 AND id = $2";
    INTEND_KEY = "INSERT INTO keys (org_id, grant_id, attempt, label, state, armed_cap, usage, \
        dead_man, intended_at) VALUES ($1, $2, $3, $4, 'intended', 0, 0, $5, $6)";
    MINT_KEY = "UPDATE keys SET state = 'minted', provider_id = $4, seal = $5, facts = $6 \
        WHERE org_id = $1 AND grant_id = $2 AND attempt = $3 AND state = 'intended'";
    ARM_KEY = "UPDATE keys SET state = 'armed', armed_cap = $4 \
        WHERE org_id = $1 AND grant_id = $2 AND attempt = $3 AND state IN ('minted', 'armed')";
    /// A new key and a new end: what was shown, and what its member was reminded of, is over.
    END_AT = "UPDATE grants SET ends_at = $3, noticed = ' ', armed_at = $4, revealed_at = NULL, \
        reveal_by = $6, revealing_until = NULL, began_at = COALESCE(began_at, $4), \
        renew_at = CASE WHEN monthly IS NULL THEN NULL ELSE COALESCE(renew_at, $5) END \
        WHERE org_id = $1 AND id = $2";
    NOTE_NOTICE = "UPDATE grants SET noticed = noticed || $3 || ' ' \
        WHERE org_id = $1 AND id = $2";
    NOTE_GRANT_WARNED = "UPDATE grants SET warned = $3 WHERE org_id = $1 AND id = $2";
    NOTE_USE = "UPDATE grants SET used_at = $3 WHERE org_id = $1 AND id = $2";
    DISABLE_KEY = "UPDATE keys SET state = 'disabled', stopped_at = $4, drift = NULL, \
        armed_cap = CASE WHEN usage < armed_cap AND usage >= 0 THEN usage ELSE armed_cap END \
        WHERE org_id = $1 AND grant_id = $2 AND attempt = $3 AND state <> 'gone'";
    /// A key that a worker was about to disable may be disabled already.
    ENABLE_KEY = "UPDATE keys SET state = 'enabling', armed_cap = $4 \
        WHERE org_id = $1 AND grant_id = $2 AND attempt = $3 \
        AND state IN ('armed', 'enabling', 'disabled')";
    KEY_ENABLED = "UPDATE keys SET state = 'armed' \
        WHERE org_id = $1 AND grant_id = $2 AND attempt = $3 AND state = 'enabling'";
    LOSE_KEY = "UPDATE keys SET state = 'gone', seal = NULL, \
        armed_cap = CASE WHEN usage >= 0 THEN usage ELSE 0 END \
        WHERE org_id = $1 AND grant_id = $2 AND attempt = $3";
    NOTE_DRIFT = "UPDATE keys SET drift = $4 \
        WHERE org_id = $1 AND grant_id = $2 AND attempt = $3";
    /// Somebody let a key spend again that was to stand still: it is to be stopped again.
    ENABLED_THERE = "UPDATE keys SET state = 'armed', armed_cap = $4 \
        WHERE org_id = $1 AND grant_id = $2 AND attempt = $3 AND state = 'disabled'";
    BEGIN_REVEAL = "UPDATE grants SET revealing_until = $3 WHERE org_id = $1 AND id = $2 \
        AND revealed_at IS NULL";
    FAIL_REVEAL = "UPDATE grants SET revealing_until = NULL WHERE org_id = $1 AND id = $2 \
        AND revealed_at IS NULL";
    REVEAL = "UPDATE grants SET revealed_at = $3, revealing_until = NULL \
        WHERE org_id = $1 AND id = $2 AND revealed_at IS NULL";
    /// `$5` is what the books say after it, so that a reading is charged just once.
    READ_USAGE = "UPDATE keys SET usage = usage + $4, meter_cursor = COALESCE($6, meter_cursor), \
        read_at = $7 \
        WHERE org_id = $1 AND grant_id = $2 AND attempt = $3 AND usage + $4 = $5";
    USAGE_OF_GRANT = "SELECT CAST(COALESCE(SUM(usage), 0) AS BIGINT) AS total, \
        MAX(attempt) AS attempt FROM keys WHERE org_id = $1 AND grant_id = $2";
    CORRECT_USAGE = "UPDATE keys SET usage = usage + $4 \
        WHERE org_id = $1 AND grant_id = $2 AND attempt = $3";

    // --- texts and the trail
    KEEP_TEXT = "INSERT INTO texts (id, org_id, member_id, text) VALUES ($1, $2, $3, $4)";
    TEXT = "SELECT text FROM texts WHERE org_id = $1 AND id = $2";
    APPEND_AUDIT = "INSERT INTO audit (org_id, seq, at, actor, event, mac, actor_id, member_id, \
        grant_id, service, metering) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    LINKS = "SELECT seq, at, actor, event, mac FROM audit WHERE org_id = $1 AND seq > $2 \
        ORDER BY seq LIMIT $3";
    /// `''` stands for anybody and any service. A round of the meter is about every member and
    /// service that it charged.
    AUDIT = "SELECT a.seq, a.at, a.actor, a.event, a.mac, g.number FROM audit a \
        LEFT JOIN grants g ON g.id = a.grant_id \
        WHERE a.org_id = $1 AND a.seq < $2 AND a.at >= $3 AND (a.metering = FALSE OR $4 = TRUE) \
        AND ($5 = '' OR a.actor_id IN (SELECT id FROM members WHERE id = $5 OR alias_of = $5) \
            OR a.member_id IN (SELECT id FROM members WHERE id = $5 OR alias_of = $5) \
            OR (a.metering = TRUE AND EXISTS \
            (SELECT 1 FROM charges c WHERE c.org_id = a.org_id AND c.seq = a.seq \
             AND c.member_id = $5))) \
        AND ($6 = '' OR a.service = $6 OR (a.metering = TRUE AND EXISTS \
            (SELECT 1 FROM charges c JOIN grants cg ON cg.id = c.grant_id \
             WHERE c.org_id = a.org_id AND c.seq = a.seq AND cg.service = $6))) \
        ORDER BY a.seq DESC LIMIT $7";

    // --- what is good for one use
    USE_MARK = "INSERT INTO used_marks (mark, good_until) VALUES ($1, $2) \
        ON CONFLICT (mark) DO NOTHING";
    SWEEP_MARKS = "DELETE FROM used_marks WHERE good_until < $1";

    // --- actions and deliveries
    OFFER = "INSERT INTO actions (id, org_id, line, audience, expires_at) \
        VALUES ($1, $2, $3, $4, $5)";
    ACTION = "SELECT id, org_id, line, audience, expires_at, used_by, used_at FROM actions \
        WHERE id = $1";
    USE_ACTION = "UPDATE actions SET used_by = $3, used_at = $4 \
        WHERE org_id = $1 AND id = $2 AND used_at IS NULL";
    MARK_DELIVERY = "INSERT INTO deliveries (org_id, id, at) VALUES ($1, $2, $3) \
        ON CONFLICT (org_id, id) DO NOTHING";
    /// A greeting is said once, however old the workspace is.
    SWEEP_DELIVERIES = "DELETE FROM deliveries WHERE org_id = $1 AND at < $2 \
        AND id NOT LIKE 'greeting/%'";
    SWEEP_ACTIONS = "DELETE FROM actions WHERE org_id = $1 AND expires_at < $2";
    SWEEP_OUTBOX = "DELETE FROM outbox WHERE org_id = $1 AND done_at < $2";

    // --- work
    DUE_ISSUE = due_where!("g.state IN ('reserved', 'issuing')");
    DUE_RECONCILE = due_where!("g.state = 'in_doubt'");
    DUE_SUSPEND = due_where!(
        "g.state LIKE 'suspended%' AND g.id IN (SELECT grant_id FROM keys \
         WHERE state IN ('armed', 'enabling'))"
    );
    DUE_RESUME = due_where!(
        "g.state = 'active' AND g.id IN (SELECT grant_id FROM keys WHERE state = 'enabling')"
    );
    DUE_END = due_where!(
        "g.state IN ('revoking(revoked)', 'revoking(expired)', 'revoking(unclaimed)')"
    );
    DUE_CLOSE_REVEAL = due_where!("g.revealing_until < $1 AND g.revealed_at IS NULL");
    DUE_RELEASE = due_where!(
        "g.revoke_at <= $1 AND (g.state = 'active' OR g.state LIKE 'suspended%')"
    );
    /// What [`slice_core::ends::due`] says of one grant, for all: `$2` to `$5` are the instants that it
    /// compares with, in the order of `times`.
    DUE_TIME = due_where!(
        "(g.state = 'awaiting_owner' AND g.opened_at <= $2 \
          OR (g.state = 'active' OR g.state LIKE 'suspended%') AND g.ends_at <= $1 \
          OR g.revoke_at IS NULL AND g.state IN ('active', 'suspended(capped)', 'suspended(no_room)') AND \
            (g.ends_at <= $3 AND g.armed_at < g.ends_at - ($3 - $1) \
             AND g.noticed NOT LIKE '% ends_in_an_hour %' \
          OR g.ends_at <= $4 AND $3 < g.ends_at \
             AND g.armed_at < g.ends_at - ($4 - $1) AND g.noticed NOT LIKE '% ends_in_a_day %') \
          OR g.state = 'active' AND g.revoke_at IS NULL AND \
            (g.revealed_at IS NULL AND g.revealing_until IS NULL \
             AND (g.reveal_by <= $1 \
                  OR g.armed_at + (g.reveal_by - g.armed_at) / 6 * 5 <= $1 \
                     AND g.noticed NOT LIKE '% unrevealed %') \
             AND EXISTS (SELECT 1 FROM keys k WHERE k.grant_id = g.id AND k.seal IS NOT NULL) \
          OR g.armed_at <= $5 AND COALESCE(g.used_at, 0) <= $5 \
             AND $4 < g.ends_at AND g.noticed NOT LIKE '% idle %' AND g.cap > \
                (SELECT COALESCE(SUM(k.usage), 0) FROM keys k WHERE k.grant_id = g.id)))"
    );
    /// Whoever holds what may still spend, or will.
    DUE_CHECK = "SELECT m.id, m.org_id, m.check_fence FROM members m \
        WHERE m.check_at <= $1 AND m.alias_of IS NULL AND EXISTS \
            (SELECT 1 FROM grants g WHERE g.member_id = m.id \
             AND (g.state IN ('reserved', 'issuing', 'in_doubt', 'active') \
                  OR g.state LIKE 'suspended%')) \
        ORDER BY m.check_at, m.id LIMIT 1";
    CLAIM_CHECK = "UPDATE members SET check_fence = check_fence + 1, check_at = $4 \
        WHERE id = $1 AND check_fence = $2 AND check_at <= $3 RETURNING check_fence";
    /// Unless somebody asked for another look meanwhile.
    END_CHECK = "UPDATE members SET check_at = $3 \
        WHERE id = $1 AND check_fence = $2 AND check_at > 0";
    CHECK_NOW = "UPDATE members SET check_at = 0 WHERE id IN (SELECT member_id FROM identities \
        WHERE platform = $1 AND workspace_id = $2 AND user_id = $3)";
    CLAIM_GRANT = "UPDATE grants SET fence = fence + 1, claim = fence + 1, lease_until = $5 \
        WHERE id = $1 AND fence = $2 AND state = $3 AND lease_until <= $4 RETURNING fence";
    /// Locks the grant's row too, so that no other worker can claim it before the commit.
    HOLD_CLAIM = "UPDATE grants SET fence = fence WHERE org_id = $1 AND id = $2 AND fence = $3";
    /// Somebody else's hand moved the grant: a worker that claimed it before must lose. Its lease
    /// stands, so that nobody starts while a call of its may still be under way.
    LOSE_CLAIM = "UPDATE grants SET fence = fence + 1, not_before = 0 \
        WHERE org_id = $1 AND id = $2";
    PACE_GRANT = "UPDATE grants SET not_before = $3, \
        lease_until = CASE WHEN $4 = TRUE THEN 0 ELSE lease_until END \
        WHERE org_id = $1 AND id = $2";
    /// Ends the lease of this very claim. Who lost it has no say in when the next one begins.
    PUT_BACK = "UPDATE grants SET lease_until = 0, \
        not_before = CASE WHEN fence = $3 THEN $4 ELSE not_before END \
        WHERE org_id = $1 AND id = $2 AND claim = $3";
}
