-- People who left, and people and workspaces that were joined.

-- When somebody who holds a live key is next looked up on her platforms: `check_fence` is the number
-- that the result must name. `left_at`: since when no identity of hers has a role. `alias_of`: the
-- member whom she was joined to; what was hers is that member's since.
ALTER TABLE members ADD COLUMN check_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN check_fence BIGINT NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN left_at BIGINT;
ALTER TABLE members ADD COLUMN alias_of TEXT;
CREATE INDEX members_to_check ON members (check_at);
CREATE INDEX members_by_alias ON members (alias_of);

-- When a leaver's grant ends, unless somebody decides otherwise or she comes back.
ALTER TABLE grants ADD COLUMN revoke_at BIGINT;
CREATE INDEX grants_to_revoke ON grants (revoke_at) WHERE revoke_at IS NOT NULL;

-- An org that joined another one: nothing is added to its books any more.
ALTER TABLE orgs ADD COLUMN closed_at BIGINT;

-- Codes that join a workspace or a second identity, each from the audit event of that number. The
-- code itself is nowhere; `asked_` says who redeemed it.
CREATE TABLE link_codes (
    org_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    digest TEXT NOT NULL,
    member_id TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    asked_at BIGINT,
    asked_org TEXT,
    asked_member TEXT,
    asked_platform TEXT,
    asked_workspace TEXT,
    asked_user TEXT,
    closed_at BIGINT,
    CONSTRAINT link_codes_pk PRIMARY KEY (org_id, seq),
    CONSTRAINT link_codes_org FOREIGN KEY (org_id) REFERENCES orgs (id),
    CONSTRAINT link_codes_member FOREIGN KEY (member_id) REFERENCES members (id)
);
CREATE INDEX link_codes_open ON link_codes (expires_at) WHERE asked_at IS NULL;

-- Tries to redeem a code, so that nobody can go on guessing.
CREATE TABLE link_tries (
    org_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    member_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT link_tries_pk PRIMARY KEY (org_id, seq),
    CONSTRAINT link_tries_org FOREIGN KEY (org_id) REFERENCES orgs (id)
);
CREATE INDEX link_tries_by_age ON link_tries (org_id, at);
