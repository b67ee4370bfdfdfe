//! Answers on their way back: buttons get their actions, mentions their people, secrets their end.

use super::Edge;
use crate::chart;
use slice_core::{
    books::{GrantRef, Offer, Scope},
    event::Actor,
    ids::{GrantId, Identity, MemberId, OrgId},
    inbound::Answers,
    page::Page,
    ports::{Known, PlatformError},
    refusal::Refusal,
    reply::{Attachment, Form, Reply, Reveal},
    steps,
};
use tracing::{error, warn};

impl Edge {
    /// Answers a command that was carried out.
    pub(super) async fn answer(
        &self,
        org: OrgId,
        identity: &Identity,
        answers: &dyn Answers,
        reply: Reply,
    ) {
        match reply {
            Reply::Page(page) => {
                let page = self.send_chart(org, identity, page).await;
                self.say(org, identity, answers, page).await;
            }
            Reply::Form(form) => self.form(org, identity, answers, form).await,
            Reply::File { files, page } => {
                let page = self.send_files(identity, &files, page).await;
                self.say(org, identity, answers, page).await;
            }
            Reply::Reveal(reveal) => self.reveal(org, identity, answers, reveal).await,
        }
    }

    /// Answers a command that was not.
    pub(super) async fn refuse(
        &self,
        org: Option<OrgId>,
        identity: &Identity,
        answers: &dyn Answers,
        refusal: &Refusal,
    ) {
        let page = refusal.page();
        match org {
            Some(org) => self.say(org, identity, answers, page).await,
            None => told(answers.say(&page, &[]).await),
        }
    }

    async fn say(&self, org: OrgId, identity: &Identity, answers: &dyn Answers, mut page: Page) {
        if let Err(refusal) = self.desk.offer(org, &mut page).await {
            warn!(?refusal, "Answered without buttons");
        }
        let names = self.names(org, identity, &page).await;
        told(answers.say(&page, &names).await);
    }

    async fn form(&self, org: OrgId, identity: &Identity, answers: &dyn Answers, mut form: Form) {
        let offer = Offer {
            line: form.line.clone(),
            audience: form.audience,
        };
        match self.desk.store.offer(org, &[offer]).await {
            Ok(actions) => form.action = actions.first().copied(),
            Err(refusal) => {
                return self.refuse(Some(org), identity, answers, &refusal).await;
            }
        }
        let names = self.names(org, identity, &form.intro).await;
        told(answers.form(&form, &names).await);
    }

    /// Shows a secret. What the platform certainly did not show can be revealed again; whatever it
    /// may have shown is erased.
    async fn reveal(&self, org: OrgId, identity: &Identity, answers: &dyn Answers, reveal: Reveal) {
        let names = self.names(org, identity, &reveal.page).await;
        let shown = answers.reveal(&reveal, &names).await;
        let grant = reveal.grant;
        drop(reveal);
        let recorded = match shown {
            Ok(()) => self.close_reveal(org, grant, Some(true)).await,
            Err(PlatformError::Unknown(why)) => {
                warn!(grant.id = %grant, why, "Cannot tell whether the key of grant {grant} was shown");
                let recorded = self.close_reveal(org, grant, Some(false)).await;
                let refusal = Refusal::sentence(
                    "The platform did not say whether the key was shown, so Slice counts it as shown \
                     and has erased it. If you don't have it, take another one or give it back: \
                     `/slice keys`.",
                );
                self.refuse(Some(org), identity, answers, &refusal).await;
                recorded
            }
            Err(PlatformError::Refused(_) | PlatformError::Later(_)) => {
                let recorded = self.close_reveal(org, grant, None).await;
                let refusal = Refusal::sentence(
                    "The key could not be shown, because the view was closed or the platform \
                     refused it. It is still sealed: press [Reveal key] again.",
                );
                self.refuse(Some(org), identity, answers, &refusal).await;
                recorded
            }
        };
        if let Err(refusal) = recorded {
            // The reconciler closes it when the view's minute is over.
            error!(grant.id = %grant, ?refusal, "Could not record the reveal of grant {grant}");
        }
    }

    async fn close_reveal(
        &self,
        org: OrgId,
        grant: GrantId,
        shown: Option<bool>,
    ) -> Result<(), Refusal> {
        let scope = Scope::new(org, Actor::Slice).grant(GrantRef::Id(grant));
        let decide = |books: &_| {
            let entry = match shown {
                Some(certain) => steps::revealed(books, certain),
                None => steps::reveal_failed(books),
            };
            entry.map(|entry| (entry, ()))
        };
        self.desk.record(scope, decide).await
    }

    async fn send_files(&self, identity: &Identity, files: &[Attachment], page: Page) -> Page {
        let Some(platform) = self.desk.platform(identity.workspace.platform) else {
            return page;
        };
        for file in files {
            if let Err(error) = platform.send_file(identity, file).await {
                warn!(%error, "Could not send a file");
                return Page::say(format!(
                    "The file {} could not be sent to your direct messages: {error}. Nothing was \
                     changed. Try again in a minute.",
                    file.name
                ).as_str());
            }
        }
        page
    }

    /// Sends a page's chart to the asker's direct messages, as private as the answer is. Where it
    /// does not arrive, the page says it in words.
    async fn send_chart(&self, org: OrgId, identity: &Identity, page: Page) -> Page {
        let platform = identity.workspace.platform;
        let (Some(chart), Some(there)) = (page.chart(), self.desk.platform(platform)) else {
            return page;
        };
        let called = self.desk.called(org, chart, platform).await;
        let picture = chart::picture(chart, &called.unwrap_or_default(), "daily-spending");
        let sent = match picture {
            Ok(picture) => there.send_file(identity, &picture).await,
            Err(why) => Err(PlatformError::Refused(why.to_string())),
        };
        match sent {
            Ok(()) => page.apart().0.note("The chart is in your direct messages."),
            Err(error) => {
                warn!(%error, "Said a chart in words");
                page
            }
        }
    }

    /// Nobody waits for an answer because a name is missing.
    async fn names(&self, org: OrgId, reader: &Identity, page: &Page) -> Vec<(MemberId, Known)> {
        let known = self.desk.known(org, &reader.workspace, page).await;
        known.unwrap_or_default()
    }
}

fn told(outcome: Result<(), PlatformError>) {
    if let Err(error) = outcome {
        warn!(%error, "Could not answer");
    }
}
