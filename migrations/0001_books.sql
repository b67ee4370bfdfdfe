-- Amounts are micro-US-dollars, instants are microseconds since 1970 UTC, ids and seals are text.
-- State follows from the events in `audit`; what can be derived (free, committed, spent) is not here.

-- Which vault key this database is sealed with, so that a start with another one is noticed.
CREATE TABLE vault (
    key_id TEXT NOT NULL,
    probe TEXT NOT NULL,
    only_row BIGINT NOT NULL,
    CONSTRAINT vault_pk PRIMARY KEY (only_row),
    CONSTRAINT vault_one_row CHECK (only_row = 1)
);

-- A team. Its row is the lock under which everything of the org is written, and holds what the next
-- transaction goes on from: the end of the audit chain and the next numbers.
CREATE TABLE orgs (
    id TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    data_key TEXT NOT NULL,
    audit_key TEXT NOT NULL,
    audit_count BIGINT NOT NULL,
    audit_head TEXT NOT NULL,
    month_seen TEXT NOT NULL,
    zone TEXT NOT NULL,
    next_grant BIGINT NOT NULL,
    next_message BIGINT NOT NULL,
    installer TEXT,
    CONSTRAINT orgs_pk PRIMARY KEY (id)
);

-- A chat workspace belongs to exactly one org.
CREATE TABLE workspaces (
    platform TEXT NOT NULL,
    id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    linked_at BIGINT NOT NULL,
    linked_by_event BIGINT NOT NULL,
    CONSTRAINT workspaces_pk PRIMARY KEY (platform, id),
    CONSTRAINT workspaces_org FOREIGN KEY (org_id) REFERENCES orgs (id)
);
CREATE INDEX workspaces_by_org ON workspaces (org_id);

-- Workspaces that the operator allows beside those of the environment.
CREATE TABLE invited_workspaces (
    platform TEXT NOT NULL,
    id TEXT NOT NULL,
    invited_at BIGINT NOT NULL,
    CONSTRAINT invited_workspaces_pk PRIMARY KEY (platform, id)
);

-- A person of an org. No allocation means that nobody ever gave her one; 0 means that she has none.
-- The role is the one with which she last acted: it tells whom to write to, never who may do what.
CREATE TABLE members (
    id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    allocation BIGINT,
    role TEXT NOT NULL,
    role_at BIGINT NOT NULL,
    joined_at BIGINT NOT NULL,
    CONSTRAINT members_pk PRIMARY KEY (id),
    CONSTRAINT members_org FOREIGN KEY (org_id) REFERENCES orgs (id),
    CONSTRAINT members_allocation_not_negative CHECK (allocation IS NULL OR allocation >= 0)
);
CREATE INDEX members_by_org ON members (org_id);

-- How platforms know a person. A forgotten person's user id is replaced by chance.
CREATE TABLE identities (
    platform TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    forgotten_at BIGINT,
    CONSTRAINT identities_pk PRIMARY KEY (platform, workspace_id, user_id),
    CONSTRAINT identities_member FOREIGN KEY (member_id) REFERENCES members (id)
);
CREATE INDEX identities_by_member ON identities (member_id);

-- What owners changed about their org; a setting without a row has its default.
CREATE TABLE settings (
    org_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    CONSTRAINT settings_pk PRIMARY KEY (org_id, name),
    CONSTRAINT settings_org FOREIGN KEY (org_id) REFERENCES orgs (id)
);

-- Who is in this group has this role.
CREATE TABLE bindings (
    org_id TEXT NOT NULL,
    platform TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    group_id TEXT NOT NULL,
    role TEXT NOT NULL,
    CONSTRAINT bindings_pk PRIMARY KEY (org_id, platform, workspace_id, kind, group_id, role),
    CONSTRAINT bindings_org FOREIGN KEY (org_id) REFERENCES orgs (id)
);

-- Owners' credentials for services, sealed. A removed or replaced one leaves nothing behind.
CREATE TABLE masters (
    org_id TEXT NOT NULL,
    service TEXT NOT NULL,
    version BIGINT NOT NULL,
    last4 TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    seal TEXT NOT NULL,
    CONSTRAINT masters_pk PRIMARY KEY (org_id, service),
    CONSTRAINT masters_org FOREIGN KEY (org_id) REFERENCES orgs (id)
);

-- Names and free text that audit events name by id. They stand apart from the chain so that they can
-- be erased without breaking it.
CREATE TABLE texts (
    id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    text TEXT NOT NULL,
    CONSTRAINT texts_pk PRIMARY KEY (id),
    CONSTRAINT texts_member FOREIGN KEY (member_id) REFERENCES members (id)
);
CREATE INDEX texts_by_member ON texts (member_id);

-- Slices of members' budgets, with the claim of the worker that is busy with one: `fence` is the
-- number that a result must name, `claim` the fence of the last claim, `lease_until` its end.
CREATE TABLE grants (
    id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    member_id TEXT NOT NULL,
    service TEXT NOT NULL,
    cap BIGINT NOT NULL,
    life_hours BIGINT NOT NULL,
    state TEXT NOT NULL,
    moved_at BIGINT NOT NULL,
    name_text TEXT,
    reason_text TEXT,
    opened_at BIGINT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    ends_at BIGINT,
    topped_up BOOLEAN NOT NULL,
    revealed_at BIGINT,
    revealing_until BIGINT,
    first_tried_at BIGINT,
    fence BIGINT NOT NULL,
    claim BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    CONSTRAINT grants_pk PRIMARY KEY (id),
    CONSTRAINT grants_number UNIQUE (org_id, number),
    CONSTRAINT grants_member FOREIGN KEY (member_id) REFERENCES members (id),
    CONSTRAINT grants_cap_positive CHECK (cap > 0),
    CONSTRAINT grants_life_positive CHECK (life_hours > 0)
);
CREATE INDEX grants_by_member ON grants (member_id, number);
CREATE INDEX grants_by_state ON grants (state, not_before);
CREATE INDEX grants_being_revealed ON grants (revealing_until) WHERE revealing_until IS NOT NULL;

-- The credentials behind grants, one per attempt. The label is committed before the provider hears
-- of it. Usage below zero is possible where owners corrected the last of several keys.
CREATE TABLE keys (
    grant_id TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    org_id TEXT NOT NULL,
    label TEXT NOT NULL,
    provider_id TEXT,
    state TEXT NOT NULL,
    armed_cap BIGINT NOT NULL,
    usage BIGINT NOT NULL,
    seal TEXT,
    CONSTRAINT keys_pk PRIMARY KEY (grant_id, attempt),
    CONSTRAINT keys_label UNIQUE (label),
    CONSTRAINT keys_grant FOREIGN KEY (grant_id) REFERENCES grants (id),
    CONSTRAINT keys_armed_cap_not_negative CHECK (armed_cap >= 0)
);
CREATE INDEX keys_not_gone ON keys (grant_id) WHERE state <> 'gone';

-- Extra budget for one month, each from the audit event of that number.
CREATE TABLE topups (
    org_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    member_id TEXT NOT NULL,
    month TEXT NOT NULL,
    amount BIGINT NOT NULL,
    grant_id TEXT,
    CONSTRAINT topups_pk PRIMARY KEY (org_id, seq),
    CONSTRAINT topups_member FOREIGN KEY (member_id) REFERENCES members (id),
    CONSTRAINT topups_amount_positive CHECK (amount > 0)
);
CREATE INDEX topups_by_member ON topups (member_id, month);

-- Spending, in the month of the transaction that recorded it; each from the audit event of that
-- number, which may hold several readings.
CREATE TABLE charges (
    org_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    place BIGINT NOT NULL,
    member_id TEXT NOT NULL,
    month TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    delta BIGINT NOT NULL,
    CONSTRAINT charges_pk PRIMARY KEY (org_id, seq, place),
    CONSTRAINT charges_member FOREIGN KEY (member_id) REFERENCES members (id),
    CONSTRAINT charges_key FOREIGN KEY (grant_id, attempt) REFERENCES keys (grant_id, attempt)
);
CREATE INDEX charges_by_member ON charges (member_id, month);
CREATE INDEX charges_by_month ON charges (org_id, month);

-- The trail: append-only, chained by `mac`. The columns after it are for finding events; what is
-- bound are org, number, instant, actor and event.
CREATE TABLE audit (
    org_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    event TEXT NOT NULL,
    mac TEXT NOT NULL,
    actor_id TEXT,
    member_id TEXT,
    grant_id TEXT,
    service TEXT,
    metering BOOLEAN NOT NULL,
    CONSTRAINT audit_pk PRIMARY KEY (org_id, seq),
    CONSTRAINT audit_org FOREIGN KEY (org_id) REFERENCES orgs (id)
);

-- Buttons and forms: a command line with its audience, for one use.
CREATE TABLE actions (
    id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    line TEXT NOT NULL,
    audience TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_by TEXT,
    used_at BIGINT,
    CONSTRAINT actions_pk PRIMARY KEY (id),
    CONSTRAINT actions_org FOREIGN KEY (org_id) REFERENCES orgs (id)
);
CREATE INDEX actions_by_audience ON actions (org_id, audience);

-- What platforms delivered and had its effect, so that a repetition has none.
CREATE TABLE deliveries (
    org_id TEXT NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT deliveries_pk PRIMARY KEY (org_id, id),
    CONSTRAINT deliveries_org FOREIGN KEY (org_id) REFERENCES orgs (id)
);
CREATE INDEX deliveries_by_age ON deliveries (org_id, at);

-- What is to be said in chat, recorded with what it tells of. Never a secret: `reveals` names a
-- grant. Pages of finished messages are emptied, because they may hold people's words.
CREATE TABLE outbox (
    id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    reader TEXT NOT NULL,
    topic TEXT,
    edit BOOLEAN NOT NULL,
    page TEXT NOT NULL,
    reveals TEXT,
    written_at BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    in_doubt BOOLEAN NOT NULL,
    done_at BIGINT,
    undeliverable TEXT,
    CONSTRAINT outbox_pk PRIMARY KEY (id),
    CONSTRAINT outbox_number UNIQUE (org_id, number),
    CONSTRAINT outbox_org FOREIGN KEY (org_id) REFERENCES orgs (id)
);
CREATE INDEX outbox_waiting ON outbox (org_id, reader, topic, number) WHERE done_at IS NULL;

-- Where messages of a topic stand in chat, so that they can be edited in place.
CREATE TABLE posts (
    org_id TEXT NOT NULL,
    reader TEXT NOT NULL,
    topic TEXT NOT NULL,
    number BIGINT NOT NULL,
    platform TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    post_id TEXT NOT NULL,
    CONSTRAINT posts_pk PRIMARY KEY
        (org_id, reader, topic, platform, workspace_id, channel_id, post_id),
    CONSTRAINT posts_org FOREIGN KEY (org_id) REFERENCES orgs (id)
);
