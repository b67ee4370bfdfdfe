//! Statements about home tabs.

statements! {
    OPEN_HOME = "UPDATE identities SET home_wanted = home_wanted + 1 \
        WHERE platform = $1 AND workspace_id = $2 AND user_id = $3 AND forgotten_at IS NULL";
    WANT_HOME = "UPDATE identities SET home_wanted = home_wanted + 1 \
        WHERE platform = $1 AND workspace_id = $2 AND user_id = $3 AND 0 < home_wanted";
    HOMES_OF_MEMBER = "UPDATE identities SET home_wanted = home_wanted + 1 \
        WHERE org_id = $1 AND member_id = $2 AND 0 < home_wanted";
    HOMES_OF_OWNERS = "UPDATE identities SET home_wanted = home_wanted + 1 \
        WHERE org_id = $1 AND home_of_owner AND 0 < home_wanted";
    HOMES_OF_ORG = "UPDATE identities SET home_wanted = home_wanted + 1 \
        WHERE org_id = $1 AND 0 < home_wanted";
    DUE_HOME = "SELECT platform, workspace_id, user_id, home_fence FROM identities \
        WHERE home_shown < home_wanted AND home_lease_until <= $1 AND forgotten_at IS NULL \
        ORDER BY home_lease_until, user_id LIMIT 1";
    CLAIM_HOME = "UPDATE identities SET home_fence = home_fence + 1, home_lease_until = $6 \
        WHERE platform = $1 AND workspace_id = $2 AND user_id = $3 AND home_fence = $4 \
        AND home_lease_until <= $5 RETURNING org_id, home_fence, home_wanted";
    END_HOME = "UPDATE identities SET home_shown = $5, home_of_owner = $6, home_lease_until = 0 \
        WHERE platform = $1 AND workspace_id = $2 AND user_id = $3 AND home_fence = $4";
    PAUSE_HOME = "UPDATE identities SET home_lease_until = $5 \
        WHERE platform = $1 AND workspace_id = $2 AND user_id = $3 AND home_fence = $4";
    CLOSE_HOME = "UPDATE identities SET home_shown = 0, home_wanted = 0, home_lease_until = 0 \
        WHERE platform = $1 AND workspace_id = $2 AND user_id = $3 AND home_fence = $4";
}
