//! Users, keys, policies, and who is believed.

use std::time::Duration;

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, StatusType, Tag};
use slice_sandbox::Clock;

use super::clients::{ADMIN, Clients, code, provider};

fn only(action: &str, resource: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}]}}"#
    )
}

#[tokio::test]
async fn who_signed_is_known_and_nobody_else_is_believed() {
    let (sandbox, admin) = provider().await;
    let who = admin.sts.get_caller_identity().send().await.unwrap();
    assert_eq!(who.arn(), Some("arn:aws:iam::123456789012:user/admin"));
    assert_eq!(who.account(), Some(sandbox.aws.account_id()));
    let root = Clients::of(&sandbox, &sandbox.aws.add_root_key());
    let who = root.sts.get_caller_identity().send().await.unwrap();
    assert_eq!(who.arn(), Some("arn:aws:iam::123456789012:root"));

    let key = sandbox.aws.keys()[0].clone();
    let clock = &sandbox.clock;
    let ask = async |id: &str, secret: &str, region: &str, clock: &Clock| {
        let clients = Clients::at(&sandbox, (id, secret), region, clock);
        let sts = code(clients.sts.get_caller_identity().send().await);
        let iam = code(clients.iam.list_users().send().await);
        let s3 = code(clients.s3.list_objects_v2().bucket("none").send().await);
        (sts, iam, s3)
    };
    let said = |three: [&str; 3]| {
        let [sts, iam, s3] = three.map(str::to_owned);
        (sts, iam, s3)
    };
    let wrong = said(["SignatureDoesNotMatch"; 3]);
    assert_eq!(ask(&key.id, "guessed", "us-east-1", clock).await, wrong);
    let unknown = said([
        "InvalidClientTokenId",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
    ]);
    assert_eq!(
        ask("AKIAGUESSED", &key.secret, "us-east-1", clock).await,
        unknown
    );
    let late = Clock::new(clock.now());
    late.advance(Duration::from_mins(20));
    let skewed = said([
        "SignatureDoesNotMatch",
        "SignatureDoesNotMatch",
        "RequestTimeTooSkewed",
    ]);
    assert_eq!(ask(&key.id, &key.secret, "us-east-1", &late).await, skewed);
    let fresh = Clock::new(clock.now());
    fresh.advance(Duration::from_mins(14));
    let good = said(["ok", "ok", "NoSuchBucket"]);
    assert_eq!(ask(&key.id, &key.secret, "us-east-1", &fresh).await, good);
    assert_eq!(sandbox.wire.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_user_has_two_keys_and_goes_last() {
    let (sandbox, admin) = provider().await;
    let iam = &admin.iam;
    let boundary = sandbox.aws.add_managed_policy("bound", ADMIN);
    let tag = Tag::builder()
        .key("slice:grant")
        .value("7")
        .build()
        .unwrap();
    let create = || {
        let create = iam.create_user().user_name("slice-7");
        create.permissions_boundary(&boundary).tags(tag.clone())
    };
    create().send().await.unwrap();
    assert_eq!(code(create().send().await), "EntityAlreadyExists");
    let nobody = iam
        .create_user()
        .user_name("x")
        .permissions_boundary("arn:aws:iam::1:policy/no");
    assert_eq!(code(nobody.send().await), "NoSuchEntity");
    let user = iam.get_user().user_name("slice-7").send().await.unwrap();
    let user = user.user().unwrap();
    assert_eq!(user.tags()[0].value(), "7");
    let bound = user.permissions_boundary().unwrap();
    assert_eq!(bound.permissions_boundary_arn(), Some(&*boundary));

    for expected in ["ok", "ok", "LimitExceeded"] {
        let made = iam.create_access_key().user_name("slice-7").send().await;
        assert_eq!(code(made), expected);
    }
    let keys = iam
        .list_access_keys()
        .user_name("slice-7")
        .send()
        .await
        .unwrap();
    let ids: Vec<&str> = keys
        .access_key_metadata()
        .iter()
        .filter_map(|key| key.access_key_id())
        .collect();
    assert_eq!(ids.len(), 2);
    let policy = only("s3:*", "arn:aws:s3:::b/*");
    let put = iam
        .put_user_policy()
        .user_name("slice-7")
        .policy_name("scope")
        .policy_document(&policy);
    put.send().await.unwrap();
    let delete = || iam.delete_user().user_name("slice-7");
    assert_eq!(code(delete().send().await), "DeleteConflict");
    iam.delete_user_policy()
        .user_name("slice-7")
        .policy_name("scope")
        .send()
        .await
        .unwrap();
    assert_eq!(code(delete().send().await), "DeleteConflict");
    for id in ids {
        iam.delete_access_key()
            .user_name("slice-7")
            .access_key_id(id)
            .send()
            .await
            .unwrap();
    }
    delete().send().await.unwrap();
    assert_eq!(code(delete().send().await), "NoSuchEntity");
}

#[tokio::test]
async fn an_account_and_its_policies_have_limits() {
    let (sandbox, admin) = provider().await;
    let iam = &admin.iam;
    sandbox.aws.fill_users(1);
    iam.create_user().user_name("last").send().await.unwrap();
    let more = iam.create_user().user_name("more").send().await;
    assert_eq!(code(more), "LimitExceeded");
    let mut listed = 0;
    let mut pages = iam.list_users().max_items(1000).into_paginator().send();
    while let Some(page) = pages.next().await {
        listed += page.unwrap().users().len();
    }
    assert_eq!(listed, 5000);

    let put = async |name: &str, policy: &str| {
        let put = iam.put_user_policy().user_name("last").policy_name(name);
        code(put.policy_document(policy).send().await)
    };
    let long = only(
        "s3:GetObject",
        &format!("arn:aws:s3:::{}", "b".repeat(1900)),
    );
    assert_eq!(put("a", &long).await, "ok");
    assert_eq!(put("a", &long).await, "ok");
    let space = long.replace(',', &format!(",{}", " ".repeat(300)));
    assert_eq!(put("a", &space).await, "ok");
    assert_eq!(put("b", &long).await, "LimitExceeded");
    assert_eq!(put("b", "{}").await, "MalformedPolicyDocument");
    assert_eq!(sandbox.wire.take_violations().len(), 1);
    let read = iam
        .get_user_policy()
        .user_name("last")
        .policy_name("a")
        .send()
        .await
        .unwrap();
    assert!(read.policy_document().starts_with("%7B%22Version"));
}

#[tokio::test]
async fn a_boundary_bounds_and_a_master_needs_each_right() {
    let (sandbox, admin) = provider().await;
    let boundary = sandbox
        .aws
        .add_managed_policy("bound", &only("s3:*", "arn:aws:s3:::slice-*"));
    let created = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"iam:CreateUser","Resource":"arn:aws:iam::123456789012:user/slice-*",
         "Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::123456789012:policy/bound"}}},
        {"Effect":"Allow","Action":"iam:PutUserPolicy","Resource":"arn:aws:iam::123456789012:user/slice-*",
         "Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::123456789012:policy/bound"}}},
        {"Effect":"Allow","Action":"iam:SimulatePrincipalPolicy","Resource":"arn:aws:iam::123456789012:user/slice-*"}]}"#;
    let master = sandbox.aws.add_user("slice-master", &[created]);
    let master = Clients::of(&sandbox, &master);
    let create = |name: &str, bound: Option<&str>| {
        let create = master.iam.create_user().user_name(name);
        create
            .set_permissions_boundary(bound.map(str::to_owned))
            .send()
    };
    assert_eq!(code(create("slice-1", None).await), "AccessDenied");
    assert_eq!(code(create("eve", Some(&boundary)).await), "AccessDenied");
    assert_eq!(code(create("slice-1", Some(&boundary)).await), "ok");
    let listed = master.iam.list_users().send().await;
    assert_eq!(code(listed), "AccessDenied");
    let all = |name: &str| {
        let put = master.iam.put_user_policy().user_name(name);
        put.policy_name("all").policy_document(ADMIN).send()
    };
    assert_eq!(code(all("slice-1").await), "ok");
    // Nor does it widen what is not bounded, itself first of all.
    assert_eq!(code(all("slice-master").await), "AccessDenied");

    let context = ContextEntry::builder()
        .context_key_name("iam:PermissionsBoundary")
        .context_key_values(&boundary)
        .context_key_type(ContextKeyTypeEnum::String)
        .build();
    let simulated = master
        .iam
        .simulate_principal_policy()
        .policy_source_arn("arn:aws:iam::123456789012:user/slice-master")
        .action_names("iam:CreateUser")
        .action_names("iam:ListUsers")
        .resource_arns("arn:aws:iam::123456789012:user/slice-2")
        .context_entries(context)
        .send()
        .await
        .unwrap();
    let decisions = simulated.evaluation_results().iter();
    let decisions: Vec<&str> = decisions.map(|one| one.eval_decision().as_str()).collect();
    assert_eq!(decisions, ["allowed", "implicitDeny"]);

    let made = admin
        .iam
        .create_access_key()
        .user_name("slice-1")
        .send()
        .await
        .unwrap();
    let made = made.access_key().unwrap();
    let pair = (made.access_key_id(), made.secret_access_key());
    let held = Clients::at(&sandbox, pair, "us-east-1", &sandbox.clock);
    for name in ["slice-box", "other-box"] {
        admin.s3.create_bucket().bucket(name).send().await.unwrap();
    }
    let list = |bucket: &str| held.s3.list_objects_v2().bucket(bucket).send();
    assert_eq!(code(list("slice-box").await), "ok");
    assert_eq!(code(list("other-box").await), "AccessDenied");
    assert_eq!(code(held.iam.list_users().send().await), "AccessDenied");
}

#[tokio::test]
async fn changes_take_effect_when_they_are_in_force() {
    let (sandbox, admin) = provider().await;
    let key = sandbox.aws.add_user("slice-1", &[ADMIN]);
    let held = Clients::of(&sandbox, &key);
    let works = async || code(held.sts.get_caller_identity().send().await);
    sandbox.aws.iam_takes(Duration::from_secs(4));
    let set = |status: StatusType| {
        let set = admin.iam.update_access_key().user_name("slice-1");
        set.access_key_id(&key.id).status(status).send()
    };
    set(StatusType::Inactive).await.unwrap();
    assert_eq!(works().await, "ok");
    sandbox.clock.advance(Duration::from_secs(4));
    assert_eq!(works().await, "InvalidClientTokenId");
    set(StatusType::Active).await.unwrap();
    assert_eq!(works().await, "InvalidClientTokenId");
    sandbox.clock.advance(Duration::from_secs(4));
    assert_eq!(works().await, "ok");
    let made = admin.iam.create_access_key().user_name("slice-1");
    let made = made.send().await.unwrap().access_key.unwrap();
    let pair = (made.access_key_id(), made.secret_access_key());
    let new = Clients::at(&sandbox, pair, "us-east-1", &sandbox.clock);
    let who = async || code(new.sts.get_caller_identity().send().await);
    assert_eq!(who().await, "InvalidClientTokenId");
    sandbox.clock.advance(Duration::from_secs(4));
    assert_eq!(who().await, "ok");
}
