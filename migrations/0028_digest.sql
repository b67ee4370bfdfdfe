-- A channel of the workspace that the digest cannot be posted to, once the owners were told so. Empty again when it
-- was posted there, or when another channel was chosen.
ALTER TABLE workspaces ADD COLUMN digest_lost TEXT;
