-- What owners let members take of a service that wants to know, as that service understands it: one answer a
-- line. No row: they have not said, and nothing of it is to be had.
CREATE TABLE service_options (
    org_id TEXT NOT NULL,
    service TEXT NOT NULL,
    options TEXT NOT NULL,
    CONSTRAINT service_options_pk PRIMARY KEY (org_id, service),
    CONSTRAINT service_options_org FOREIGN KEY (org_id) REFERENCES orgs (id)
);
