//! The outbox: each message is claimed, sent and noted by one courier at a time, in its order.

use super::{
    SqlStore,
    db::{Row, values},
    failure::Done,
    rows, sql,
};
use slice_core::{
    books::{Claimed, Fence, Message},
    ids::{ChannelId, MessageId, OrgId, Place},
    ports::{Posted, Sent},
    refusal::Refusal,
};
use std::time::Duration;

impl SqlStore {
    pub(super) async fn claim_next(&self, lease: Duration) -> Done<Option<Claimed>> {
        loop {
            let now = self.clock.now();
            let mut tx = self.db.read().await?;
            let Some(row) = tx.first(sql::DUE_MESSAGE, values![now]).await? else {
                return Ok(None);
            };
            drop(tx);
            let id: MessageId = row.parsed("id")?;
            let seen = values![id, row.int("fence")?, now, now + lease];
            let mut tx = self.db.write().await?;
            if let Some(row) = tx.first(sql::CLAIM_MESSAGE, seen).await? {
                let claimed = claimed(&row)?;
                tx.commit().await?;
                return Ok(Some(claimed));
            }
        }
    }

    pub(super) async fn note_sending(&self, claimed: &Claimed) -> Done<()> {
        let mut tx = self.db.write().await?;
        let row = values![claimed.org, claimed.id, claimed.fence.0];
        if tx.run(sql::SENDING, row).await? == 0 {
            return Err(Refusal::LostLease.into());
        }
        tx.commit().await
    }

    pub(super) async fn note_sent(&self, claimed: &Claimed, sent: Sent) -> Done<()> {
        let (org, id, fence) = (claimed.org, claimed.id, claimed.fence.0);
        let now = self.clock.now();
        let mut tx = self.db.write().await?;
        let (post, why) = match sent {
            Sent::Later { after, in_doubt } => {
                let row = values![org, id, fence, now + after, in_doubt];
                if tx.run(sql::RETRY_MESSAGE, row).await? == 0 {
                    return Err(Refusal::LostLease.into());
                }
                return tx.commit().await;
            }
            Sent::Posted(post) => (Some(post), None),
            Sent::Edited => (None, None),
            Sent::Undeliverable(why) => (None, Some(why.replace('\0', ""))),
        };
        let done = tx
            .first(sql::FINISH_MESSAGE, values![org, id, fence, now, why])
            .await?;
        let number = done.ok_or(Refusal::LostLease)?.int("number")?;
        if let (Some(topic), Some(post)) = (&claimed.message.topic, post) {
            let workspace = &post.place.workspace;
            let row = values![
                org,
                rows::reader_word(claimed.message.to),
                topic.as_str(),
                number,
                workspace.platform.word(),
                workspace.id.as_str(),
                post.place.channel.as_str(),
                post.id.as_str(),
            ];
            tx.run(sql::NOTE_POST, row).await?;
        }
        tx.commit().await
    }

    pub(super) async fn posts(&self, org: OrgId, message: &Message) -> Done<Vec<Posted>> {
        let Some(topic) = &message.topic else {
            return Ok(vec![]);
        };
        let mut tx = self.db.read().await?;
        let rows = tx.all(sql::POSTS, values![org, topic.as_str()]).await?;
        rows.iter().map(posted).collect()
    }

    pub(super) async fn waiting(&self) -> Done<(i64, Option<Duration>)> {
        let mut tx = self.db.read().await?;
        let Some(row) = tx.first(sql::BACKLOG, vec![]).await? else {
            return Ok((0, None));
        };
        let now = self.clock.now();
        let age = row.maybe_time("oldest")?.map(|oldest| now - oldest);
        Ok((row.int("n")?, age))
    }
}

fn claimed(row: &Row) -> Done<Claimed> {
    let message = Message {
        to: row.word("reader", rows::reader)?,
        topic: row.maybe_text("topic")?,
        edit: row.flag("edit")?,
        page: serde_json::from_str(&row.text("page")?)?,
        reveals: row.maybe_parsed("reveals")?,
    };
    Ok(Claimed {
        id: row.parsed("id")?,
        org: row.parsed("org_id")?,
        fence: Fence(row.int("fence")?),
        message,
        tries: row.int("tries")?,
        in_doubt: row.flag("in_doubt")?,
    })
}

fn posted(row: &Row) -> Done<Posted> {
    let place = Place {
        workspace: rows::workspace(row, "workspace_id")?,
        channel: ChannelId::new(row.text("channel_id")?),
    };
    Ok(Posted {
        place,
        id: row.text("post_id")?,
    })
}
