-- Keys with our label that a provider lists and no books know, by their number: owners hear of each once.
-- `closed_at`: it was adopted, or is gone.
CREATE TABLE strays (
    org_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    service TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    label TEXT NOT NULL,
    found_at BIGINT NOT NULL,
    discarded_at BIGINT,
    closed_at BIGINT,
    CONSTRAINT strays_pk PRIMARY KEY (org_id, number),
    CONSTRAINT strays_org FOREIGN KEY (org_id) REFERENCES orgs (id)
);
CREATE UNIQUE INDEX strays_open ON strays (org_id, service, provider_id) WHERE closed_at IS NULL;
CREATE INDEX keys_by_provider_id ON keys (provider_id);
