-- Workspaces that installed the app themselves: each has a bot token of its own, sealed with the
-- data key of the org that the workspace was in then. The token of the environment is not here.
CREATE TABLE installations (
    platform TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    app_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    installed_at BIGINT NOT NULL,
    seal TEXT NOT NULL,
    CONSTRAINT installations_pk PRIMARY KEY (platform, workspace_id),
    CONSTRAINT installations_org FOREIGN KEY (org_id) REFERENCES orgs (id),
    CONSTRAINT installations_version_positive CHECK (version > 0)
);

-- Since when the platform does not let Slice into a linked workspace any more; null: it does.
ALTER TABLE workspaces ADD COLUMN removed_at BIGINT;

-- What is good for one use and was used, until it is good for none anyway.
CREATE TABLE used_marks (
    mark TEXT NOT NULL,
    good_until BIGINT NOT NULL,
    CONSTRAINT used_marks_pk PRIMARY KEY (mark)
);
CREATE INDEX used_marks_by_age ON used_marks (good_until);
