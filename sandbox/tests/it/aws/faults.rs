//! Faults and kill points, at the calls of each service.

use slice_sandbox::{Fate, Fault};

use super::clients::{code, provider};
use crate::bot::until;

#[tokio::test]
async fn every_fault_has_its_effect_or_not() {
    for &fault in Fault::ALL
        .iter()
        .filter(|fault| fault.wires().contains(&"aws"))
    {
        let (sandbox, admin) = provider().await;
        sandbox
            .faults
            .inject_on("aws POST iam:CreateUser", fault, 1);
        let create = || admin.iam.create_user().user_name("slice-1").send();
        let first = create().await;
        let usual = matches!(fault, Fault::Slow { .. });
        assert_eq!(first.is_ok(), usual, "{fault:?}");
        let made = sandbox.aws.user("slice-1").is_some();
        assert_eq!(made, fault.has_effect(), "{fault:?}");
        until(&sandbox, || sandbox.wire.open_requests() == 0).await;
        assert_eq!(sandbox.faults.pending(), 0, "{fault:?}");
        let again = code(create().await);
        let expected = if fault.has_effect() {
            "EntityAlreadyExists"
        } else {
            "ok"
        };
        assert_eq!(again, expected, "{fault:?}");
    }
}

#[tokio::test]
async fn a_hook_kills_before_or_after_the_effect() {
    for (fate, made) in [(Fate::DieBefore, 0), (Fate::DieAfter, 1)] {
        let (sandbox, admin) = provider().await;
        sandbox.wire.on_crossing(Box::new(move |crossing| {
            if crossing.what == "PUT s3:CreateBucket slice-box" {
                fate
            } else {
                Fate::Pass
            }
        }));
        let create = || admin.s3.create_bucket().bucket("slice-box").send();
        assert!(create().await.is_err());
        assert_eq!(sandbox.aws.buckets_made().len(), made);
        sandbox.wire.clear_hook();
        assert_eq!(code(create().await), "ok");
    }
}

#[tokio::test]
async fn refusals_come_in_each_services_words() {
    let (sandbox, admin) = provider().await;
    let faults = [
        Fault::Unauthorized401,
        Fault::Forbidden403,
        Fault::NotFound404,
        Fault::RateLimited429 { retry_after: 1 },
        Fault::ServerError500,
    ];
    let mut said = Vec::new();
    for fault in faults {
        sandbox.faults.inject_on("aws ", fault, 3);
        said.push([
            code(admin.sts.get_caller_identity().send().await),
            code(admin.s3.list_objects_v2().bucket("b").send().await),
            code(admin.s3.delete_bucket().bucket("b").send().await),
        ]);
    }
    let words = |query: &str, s3: &str| [query.to_owned(), s3.to_owned(), s3.to_owned()];
    let expected = [
        words("InvalidClientTokenId", "InvalidAccessKeyId"),
        words("AccessDenied", "AccessDenied"),
        words("NoSuchEntity", "NoSuchBucket"),
        words("Throttling", "SlowDown"),
        words("ServiceFailure", "InternalError"),
    ];
    assert_eq!(said, expected);
}
