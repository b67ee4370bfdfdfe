//! What was made for one org's grant is out of another's reach, also where both use one account.

use super::{Town, people, workspace};
use crate::{postgres::Kind, runtime};
use slice::services::s3::policy;
use slice_core::ids::{Identity, PlatformName};
use slice_sandbox::AccessKey;

/// A user for Slice, as owners make it.
fn master(town: &Town) -> AccessKey {
    let aws = &town.sandbox.aws;
    let pasted = |name: &str| {
        let text = policy::manifest()[name].to_string();
        text.replace("ACCOUNT_ID", aws.account_id())
    };
    aws.add_managed_policy("slice-boundary", &pasted("boundary"));
    aws.add_user("the-bot", &[&pasted("master")])
}

async fn set_up(town: &mut Town, (olga, ana): (&Identity, &Identity), key: &AccessKey) {
    town.says(olga, "vault add s3").await;
    let form = town.button(olga, "Check and seal");
    town.new_reads();
    let fields = [
        ("service", "s3"),
        ("key", &*key.secret),
        ("key.region", "eu-central-1"),
        ("key.access-key", &*key.id),
    ];
    town.submits(olga, form, &fields).await;
    let read = town.reads(olga);
    assert!(read.contains("sealed"), "{read}");
    let allocate = format!("allocate <@{}> 100", ana.user);
    town.says(olga, &allocate).await;
    town.new_reads();
}

pub fn in_another_orgs_bucket(kind: Kind) {
    runtime().block_on(async {
        let database = kind.fresh();
        let places = ["T1ONE", "T2TWO"].map(|id| workspace(PlatformName::Slack, id));
        let mut town = Town::on(database.url(), places.to_vec()).await;
        let (olga, ana) = people(&town.chat, &places[0], "A");
        let (oscar, bea) = people(&town.chat, &places[1], "B");
        let key = master(&town);
        set_up(&mut town, (&olga, &ana), &key).await;
        set_up(&mut town, (&oscar, &bea), &key).await;
        town.says(&ana, "provision s3 20").await;
        let bucket = town.sandbox.aws.buckets_made().pop().expect("a bucket");
        let line = format!("provision s3 20 read bucket:{}", bucket.name);
        town.new_reads();
        town.says(&bea, &line).await;
        let read = town.reads(&bea);
        assert!(read.contains("Nothing of that name is there"), "{read}");
        assert!(!read.contains("in another AWS account"), "{read}");
        town.says(&ana, &line).await;
        let read = town.reads(&ana);
        assert!(read.contains("Your s3 key is ready"), "{read}");
    });
}
