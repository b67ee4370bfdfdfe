//! Charts as images: uploaded in three steps, found again by their names, and else said in words.

use super::Stage;
use slice_core::{
    chart::Chart,
    ids::MessageId,
    page::{Block, Page},
    ports::{Address, Letter, Platform, PlatformError},
};
use slice_sandbox::Fault;

fn chart() -> Chart {
    Chart {
        title: "Daily spending".to_owned(),
        first: "2026-11-01".parse().expect("a day"),
        days: 30,
        parts: vec![],
        budget: None,
        lasts: 30,
        footer: String::new(),
    }
}

pub(super) async fn pictures(stage: Stage) {
    let (ana, ana_id) = (stage.person("ana"), stage.identity("ana"));
    let to = Address::Person(&ana_id);
    let page = Page::default().with(Block::Chart(chart()));
    let faults = &stage.sandbox.faults;
    let said = "Daily spending from 1 Nov to 30 Nov: $0.00 in all.";
    let steps = [
        ("getUploadURL", Fault::Forbidden403),
        ("completeUpload", Fault::NotFound404),
    ];
    for (seed, refused) in [None].into_iter().chain(steps.map(Some)).enumerate() {
        let id = MessageId::from_random([u8::try_from(seed).expect("small"); 16]);
        let picture = slice::chart::picture(&chart(), &[], &format!("daily-spending-{id}"));
        let picture = picture.expect("a picture");
        let letter = Letter {
            id,
            page: &page,
            names: &[],
            secret: None,
            picture: Some(&picture),
        };
        if let Some((step, fault)) = refused {
            faults.inject_on(step, fault, 1);
        }
        let posted = stage.slack.post(to, &letter).await.expect("posted");
        let seen = ana.reads().pop().expect("a sight");
        assert!(seen.contains(said), "{seen}");
        assert_eq!(seen.contains(&picture.name), refused.is_none(), "{seen}");
        let found = stage.slack.find(to, id).await.expect("an answer");
        let found = found.expect("it is found again");
        assert_eq!(found.place, posted.place);
        let file = stage.sandbox.slack.file(&picture.name);
        assert!(file.is_none_or(|bytes| bytes == picture.content));
    }
    // Before the last step nothing was seen; after it, the picture may be there.
    let id = MessageId::from_random([9; 16]);
    let picture = slice::chart::picture(&chart(), &[], &format!("daily-spending-{id}"));
    let picture = picture.expect("a picture");
    let letter = Letter {
        id,
        page: &page,
        names: &[],
        secret: None,
        picture: Some(&picture),
    };
    faults.inject_on("/upload/", Fault::ServerError500, 1);
    let posted = stage.slack.post(to, &letter).await;
    assert!(matches!(posted, Err(PlatformError::Later(_))), "{posted:?}");
    assert_eq!(stage.slack.find(to, id).await, Ok(None));
    faults.inject_on("completeUpload", Fault::LostAfter, 1);
    let posted = stage.slack.post(to, &letter).await;
    assert!(
        matches!(posted, Err(PlatformError::Unknown(_))),
        "{posted:?}"
    );
    assert!(stage.slack.find(to, id).await.expect("an answer").is_some());
}
