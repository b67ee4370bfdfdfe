//! Statements about linking: its codes, and what moves when an org or a member joins another.

statements! {
    MAKE_CODE = "INSERT INTO link_codes (org_id, seq, kind, digest, member_id, made_at, expires_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    NOTE_TRY = "INSERT INTO link_tries (org_id, seq, kind, member_id, at) \
        VALUES ($1, $2, $3, $4, $5)";
    ASK_LINK = "UPDATE link_codes SET asked_at = $3, asked_org = $4, asked_member = $5, \
        asked_platform = $6, asked_workspace = $7, asked_user = $8 WHERE org_id = $1 AND seq = $2 \
        AND asked_at IS NULL AND closed_at IS NULL AND expires_at > $3";
    CLOSE_LINK = "UPDATE link_codes SET closed_at = $3, asked_user = NULL \
        WHERE org_id = $1 AND seq = $2 AND closed_at IS NULL";
    CODES = "SELECT seq, kind, member_id, made_at, expires_at, asked_at, asked_org, asked_member, \
        asked_platform, asked_workspace, asked_user, closed_at FROM link_codes \
        WHERE org_id = $1 AND made_at >= $2 ORDER BY seq";
    OPEN_CODES = "SELECT org_id, seq, kind, member_id, digest FROM link_codes \
        WHERE asked_at IS NULL AND closed_at IS NULL AND expires_at > $1 AND kind = $2 \
        ORDER BY org_id, seq";
    TRIES = "SELECT kind, member_id, at FROM link_tries WHERE org_id = $1 AND at >= $2 ORDER BY seq";
    SWEEP_CODES = "DELETE FROM link_codes WHERE org_id = $1 AND made_at < $2";
    SWEEP_TRIES = "DELETE FROM link_tries WHERE org_id = $1 AND at < $2";
    /// Masters leave no row behind, but an event.
    HAD_MASTER = "SELECT COUNT(*) AS n FROM audit WHERE org_id = $1 \
        AND event LIKE '{\"kind\":\"master_added\"%'";
    HAD_ALLOCATION = "SELECT COUNT(*) AS n FROM members WHERE org_id = $1 \
        AND allocation IS NOT NULL";
    HAD_GRANT = "SELECT COUNT(*) AS n FROM grants WHERE org_id = $1";
    CLOSE_ORG = "UPDATE orgs SET closed_at = $2, installer = NULL \
        WHERE id = $1 AND closed_at IS NULL";
    LEAVE_WORKSPACES = "DELETE FROM workspaces WHERE org_id = $1";
    LEAVE_IDENTITIES = "DELETE FROM identities WHERE org_id = $1";
    LEAVE_MESSAGES = "UPDATE outbox SET page = '[]', done_at = $2, fence = fence + 1, \
        undeliverable = 'its org joined another one' WHERE org_id = $1 AND done_at IS NULL";
    JOIN_IDENTITIES = "UPDATE identities SET member_id = $2 WHERE org_id = $1 AND member_id = $3";
    JOIN_GRANTS = "UPDATE grants SET member_id = $2 WHERE org_id = $1 AND member_id = $3";
    JOIN_CHARGES = "UPDATE charges SET member_id = $2 WHERE org_id = $1 AND member_id = $3";
    JOIN_TOPUPS = "UPDATE topups SET member_id = $2 WHERE org_id = $1 AND member_id = $3";
    JOIN_TEXTS = "UPDATE texts SET member_id = $2 WHERE org_id = $1 AND member_id = $3";
    JOIN_INSTALLER = "UPDATE orgs SET installer = $2 WHERE id = $1 AND installer = $3";
    JOIN_OUTBOX = "UPDATE outbox SET reader = $2 WHERE org_id = $1 AND reader = $3";
    JOIN_POSTS = "UPDATE posts SET reader = $2 WHERE org_id = $1 AND reader = $3";
    JOIN_ACTIONS = "UPDATE actions SET audience = $2 WHERE org_id = $1 AND audience = $3";
    JOIN_ROLE = "UPDATE members SET role = 'owner' WHERE org_id = $1 AND id = $2 AND EXISTS \
        (SELECT 1 FROM members other WHERE other.id = $3 AND other.role = 'owner')";
    JOIN_ALIASES = "UPDATE members SET alias_of = $2, role = 'anyone' \
        WHERE org_id = $1 AND (id = $3 OR alias_of = $3)";
}
