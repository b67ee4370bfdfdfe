-- When each job of the calendar is due next for an org, and the claim of the worker that does it.
-- `next_due` is null where the job is switched off; `planned_at` is when it was worked out.
CREATE TABLE jobs (
    org_id TEXT NOT NULL,
    job TEXT NOT NULL,
    planned_at BIGINT NOT NULL,
    next_due BIGINT,
    fence BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    CONSTRAINT jobs_pk PRIMARY KEY (org_id, job),
    CONSTRAINT jobs_org FOREIGN KEY (org_id) REFERENCES orgs (id)
);
CREATE INDEX jobs_by_next_due ON jobs (next_due);

-- Each instant for which a job was done: it is done once.
CREATE TABLE firings (
    org_id TEXT NOT NULL,
    job TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    fired_at BIGINT NOT NULL,
    CONSTRAINT firings_pk PRIMARY KEY (org_id, job, due_at),
    CONSTRAINT firings_org FOREIGN KEY (org_id) REFERENCES orgs (id)
);

-- Orgs that are there already: planned as soon as somebody looks.
INSERT INTO jobs (org_id, job, planned_at, next_due, fence, lease_until)
    SELECT id, 'turn', 9000000000000000000, NULL, 0, 0 FROM orgs;
INSERT INTO jobs (org_id, job, planned_at, next_due, fence, lease_until)
    SELECT id, 'digest', 9000000000000000000, NULL, 0, 0 FROM orgs;
