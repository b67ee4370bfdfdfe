//! Statements about messages that wait to be sent, and where they were posted.

statements! {
    WRITE_MESSAGE = "INSERT INTO outbox (id, org_id, number, reader, topic, edit, page, reveals, \
        written_at, fence, lease_until, not_before, tries, in_doubt) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0, 0, FALSE)";
    /// Only the first unfinished one of its reader and topic; an edit is for all readers of its topic.
    DUE_MESSAGE = "SELECT m.id, m.fence FROM outbox m \
        WHERE m.done_at IS NULL AND m.lease_until <= $1 AND m.not_before <= $1 \
        AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.org_id = m.org_id AND e.topic = m.topic \
            AND (e.reader = m.reader OR m.edit) AND e.done_at IS NULL AND e.number < m.number) \
        ORDER BY m.written_at, m.number LIMIT 1";
    CLAIM_MESSAGE = "UPDATE outbox SET fence = fence + 1, lease_until = $4 \
        WHERE id = $1 AND fence = $2 AND done_at IS NULL AND lease_until <= $3 \
        RETURNING id, org_id, fence, reader, topic, edit, page, reveals, tries, in_doubt";
    SENDING = "UPDATE outbox SET in_doubt = TRUE \
        WHERE org_id = $1 AND id = $2 AND fence = $3 AND done_at IS NULL";
    FINISH_MESSAGE = "UPDATE outbox SET done_at = $4, undeliverable = $5, in_doubt = FALSE, \
        lease_until = 0, page = '[]' \
        WHERE org_id = $1 AND id = $2 AND fence = $3 AND done_at IS NULL RETURNING number";
    RETRY_MESSAGE = "UPDATE outbox SET tries = tries + 1, not_before = $4, in_doubt = $5, \
        lease_until = 0 WHERE org_id = $1 AND id = $2 AND fence = $3 AND done_at IS NULL";
    NOTE_POST = "INSERT INTO posts (org_id, reader, topic, number, platform, workspace_id, \
        channel_id, post_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
        ON CONFLICT (org_id, reader, topic, platform, workspace_id, channel_id, post_id) \
        DO NOTHING";
    POSTS = "SELECT platform, workspace_id, channel_id, post_id FROM posts \
        WHERE org_id = $1 AND topic = $2 ORDER BY number, post_id";
    BACKLOG = "SELECT COUNT(*) AS n, MIN(written_at) AS oldest FROM outbox WHERE done_at IS NULL";
}
