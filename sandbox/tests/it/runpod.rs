//! The provider's rules: prices, the clock, deadlines, balances, and what it says of them.

use std::time::Duration;

use serde_json::{Value, json};
use slice_sandbox::{Access, Fault};

use crate::bot::{Bot, START, start, until};

const MASTER: &str = "rpa_MASTER0123456789";
const GPU: &str = "NVIDIA A40";
const DEPLOY: &str = "mutation Deploy($input: PodFindAndDeployOnDemandInput!) { \
     podFindAndDeployOnDemand(input: $input) { id costPerHr desiredStatus machine { podHostId } } }";

async fn provider() -> Bot {
    let bot = start().await;
    bot.sandbox.runpod.add_key(MASTER, "acme", "100");
    bot
}

/// An order without a disk price worth speaking of: the tests' sums are of computing alone.
fn order() -> Value {
    json!({
        "name": "slice-1-1",
        "imageName": "runpod/pytorch:1.0.2",
        "gpuTypeId": GPU,
        "gpuCount": 1,
        "cloudType": "SECURE",
        "containerDiskInGb": 10,
        "ports": "8888/http,22/tcp",
        "env": [{ "key": "JUPYTER_PASSWORD", "value": "s3cret" }],
    })
}

async fn graphql(bot: &Bot, query: &str, variables: Value) -> (u16, Value) {
    let body = json!({ "query": query, "variables": variables });
    bot.runpod(MASTER, "POST /graphql", body).await
}

async fn deploy(bot: &Bot, order: Value) -> Value {
    graphql(bot, DEPLOY, json!({ "input": order })).await.1
}

async fn made(bot: &Bot, order: Value) -> String {
    let answer = deploy(bot, order).await;
    let id = &answer["data"]["podFindAndDeployOnDemand"]["id"];
    id.as_str().expect("a pod has an id").to_owned()
}

#[tokio::test]
async fn a_pod_costs_its_price_and_its_disk_by_the_second() {
    let bot = provider().await;
    let runpod = &bot.sandbox.runpod;
    let answer = deploy(&bot, order()).await;
    let pod = &answer["data"]["podFindAndDeployOnDemand"];
    assert_eq!(
        (pod["costPerHr"].to_string(), &pod["desiredStatus"]),
        ("0.4".to_owned(), &json!("RUNNING"))
    );
    let id = pod["id"].as_str().unwrap();

    bot.sandbox.clock.advance(Duration::from_mins(90));
    // $0.40 × 1.5 h, and 10 GB at $0.10 a month of 730 h.
    assert_eq!(runpod.pod(id).unwrap().bill_micros, 600_000 + 2_055);
    assert_eq!(runpod.balance_micros("acme"), 100_000_000 - 602_055);

    assert_eq!(
        bot.runpod(MASTER, &format!("DELETE /v2/pods/{id}"), Value::Null)
            .await
            .0,
        204
    );
    assert_eq!(
        bot.runpod(MASTER, &format!("DELETE /v2/pods/{id}"), Value::Null)
            .await
            .0,
        404
    );
    bot.sandbox.clock.advance(Duration::from_hours(5));
    assert_eq!(runpod.pod(id).unwrap().bill_micros, 602_055);
    assert_eq!(bot.sandbox.wire.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_deadline_ends_a_pod_to_the_second_unless_it_is_forgotten() {
    for forgets in [false, true] {
        let bot = provider().await;
        let runpod = &bot.sandbox.runpod;
        runpod.forget_deadlines(forgets);
        let mut order = order();
        order["terminateAfter"] = json!("2023-11-15T00:13:20Z");
        let id = made(&bot, order).await;
        bot.sandbox.clock.advance(Duration::from_hours(10));
        let pod = runpod.pod(&id).unwrap();
        let ended = (!forgets).then_some(START + 2 * 3600 * 1_000_000);
        assert_eq!(pod.ended_at, ended);
        assert_eq!(pod.bill_micros, if forgets { 4_013_699 } else { 802_740 });
        assert_eq!(
            bot.runpod(MASTER, &format!("GET /v2/pods/{id}"), Value::Null)
                .await
                .0,
            if forgets { 200 } else { 404 }
        );
    }
}

#[tokio::test]
async fn an_account_that_runs_dry_loses_its_pods() {
    let bot = provider().await;
    let runpod = &bot.sandbox.runpod;
    runpod.set_balance("acme", "0.5");
    let id = made(&bot, order()).await;
    bot.sandbox.clock.advance(Duration::from_hours(3));
    let pod = runpod.pod(&id).unwrap();
    let minutes = (pod.ended_at.unwrap() - START) / 60_000_000;
    assert!((75..85).contains(&minutes), "{minutes}");
    assert!(runpod.balance_micros("acme") <= 0);
    let refused = deploy(&bot, order()).await;
    assert_eq!(
        refused["errors"][0]["message"],
        "You do not have enough balance to rent this machine."
    );
    assert_eq!(refused["data"], json!({ "podFindAndDeployOnDemand": null }));
}

#[tokio::test]
async fn what_makes_a_pod_impossible_is_said_and_makes_none() {
    let bot = provider().await;
    let runpod = &bot.sandbox.runpod;
    runpod.stock(GPU, false);
    let refused = deploy(&bot, order()).await;
    assert!(
        refused["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("no longer any instances")
    );
    runpod.stock(GPU, true);
    for (field, wrong) in [
        ("gpuTypeId", json!(7)),
        ("imageName", json!("")),
        ("terminateAfter", json!("2h")),
        ("terminateAfter", json!("2023-11-14T00:00:00Z")),
        ("env", json!([{ "name": "A" }])),
        ("idleTimeout", json!(5)),
    ] {
        let mut order = order();
        order[field] = wrong.clone();
        let answer = deploy(&bot, order).await;
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT",
            "{field} {wrong}"
        );
    }
    assert_eq!(bot.sandbox.wire.take_violations().len(), 6);
    for wrong in [
        "{ myself { salary } }",
        "{ myself }",
        "{ podStop }",
        "nonsense",
    ] {
        assert_eq!(graphql(&bot, wrong, json!({})).await.0, 400, "{wrong}");
    }
    assert_eq!(bot.sandbox.wire.take_violations().len(), 4);
    assert_eq!(runpod.pods(), []);
}

#[tokio::test]
async fn prices_change_for_new_pods_and_may_differ_from_the_list() {
    let bot = provider().await;
    let runpod = &bot.sandbox.runpod;
    let first = made(&bot, order()).await;
    runpod.set_price(GPU, "0.5");
    let second = made(&bot, order()).await;
    runpod.really_costs(GPU, "0.75");
    let third = made(&bot, order()).await;
    let prices = [first, second, third].map(|id| runpod.pod(&id).unwrap().price_micros_per_hour);
    assert_eq!(prices, [400_000, 500_000, 750_000]);

    let (_, listed) = bot
        .runpod(
            MASTER,
            "GET /v2/catalog/gpus?include=AVAILABILITY&product=POD",
            Value::Null,
        )
        .await;
    assert_eq!(listed["gpus"][1]["price"]["secure"].to_string(), "0.5");
    let asked = "query { gpuTypes(input: {id: \"NVIDIA A40\"}) { id securePrice communityPrice lowestPrice(input: {gpuCount: 1}) { stockStatus } } }";
    let (_, types) = graphql(&bot, asked, json!({})).await;
    let expected = json!([{ "id": GPU, "securePrice": 0.5, "communityPrice": null, "lowestPrice": { "stockStatus": "High" } }]);
    assert_eq!(types["data"]["gpuTypes"], expected);
    assert_eq!(bot.sandbox.wire.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_locked_pod_stays_until_it_is_unlocked() {
    let bot = provider().await;
    let id = made(&bot, order()).await;
    let pod = format!("/v2/pods/{id}");
    bot.sandbox.runpod.lock_behind_our_back(&id);
    assert_eq!(
        bot.runpod(MASTER, &format!("DELETE {pod}"), Value::Null)
            .await
            .0,
        409
    );
    let (_, unlocked) = bot
        .runpod(MASTER, &format!("PATCH {pod}"), json!({ "locked": false }))
        .await;
    assert_eq!(unlocked["locked"], false);
    let stop = json!({ "action": "stop" });
    let (_, stopped) = bot
        .runpod(MASTER, &format!("POST {pod}/action"), stop.clone())
        .await;
    assert_eq!(
        (&stopped["status"], stopped["cost"].to_string()),
        (&json!("EXITED"), "0".to_owned())
    );
    assert_eq!(
        bot.runpod(MASTER, &format!("POST {pod}/action"), stop)
            .await
            .0,
        409
    );
    let end = json!({ "action": "terminate" });
    assert_eq!(
        bot.runpod(MASTER, &format!("POST {pod}/action"), end)
            .await
            .0,
        204
    );
}

#[tokio::test]
async fn billing_comes_late_in_buckets_and_adds_up() {
    let bot = provider().await;
    let id = made(&bot, order()).await;
    bot.sandbox.clock.advance(Duration::from_mins(100));
    let ask = format!("GET /v2/billing/pods?podId={id}&bucketSize=hour&lastN=5");
    let (_, late) = bot.runpod(MASTER, &ask, Value::Null).await;
    // Of 100 minutes the last hour is not billed yet.
    let computed = &late["metadata"]["totals"]["gpuAmount"];
    assert_eq!(computed.to_string(), "0.266666667");
    bot.sandbox.runpod.billing_lags(Duration::ZERO);
    bot.sandbox.runpod.bill_more(&id, "0.25");
    let (_, all) = bot.runpod(MASTER, &ask, Value::Null).await;
    assert_eq!(
        all["metadata"]["totals"]["totalAmount"].to_string(),
        "0.918949772"
    );
    let bill = bot.sandbox.runpod.pod(&id).unwrap().bill_micros;
    assert_eq!(bill, 918_950);
    assert_eq!(all["metadata"]["recordCount"], 2);
    let wrong = "GET /v2/billing/pods?lastN=2&startTime=2023-11-14T00:00:00Z";
    assert_eq!(bot.runpod(MASTER, wrong, Value::Null).await.0, 400);
}

#[tokio::test]
async fn rights_and_rates_are_enforced_and_shown() {
    let bot = provider().await;
    let runpod = &bot.sandbox.runpod;
    let id = made(&bot, order()).await;
    runpod.restrict_key(MASTER, Access::ReadOnly);
    assert_eq!(
        deploy(&bot, order()).await["errors"][0]["message"],
        "Forbidden"
    );
    assert_eq!(
        bot.runpod(MASTER, &format!("DELETE /v2/pods/{id}"), Value::Null)
            .await
            .0,
        403
    );
    runpod.restrict_key(MASTER, Access::NoGraphql);
    assert_eq!(
        deploy(&bot, order()).await["errors"][0]["message"],
        "Unauthorized"
    );
    runpod.requests_per_minute(2);
    let url = format!("{}/v2/pods", runpod.url());
    let list = || async { bot.http.get(&url).bearer_auth(MASTER).send().await.unwrap() };
    assert_eq!(list().await.status(), 200);
    let refused = list().await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "40");
    assert!(
        refused.headers()["ratelimit"]
            .to_str()
            .unwrap()
            .starts_with("\"minute\";r=0;t=40")
    );
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json"
    );
    bot.sandbox.clock.advance(Duration::from_mins(1));
    assert_eq!(list().await.status(), 200);
    runpod.revoke_key(MASTER);
    assert_eq!(list().await.status(), 401);
    assert!(runpod.secrets().contains(&"s3cret".to_owned()));
    assert!(!runpod.state_json().to_string().contains("s3cret"));
    assert_eq!(bot.sandbox.wire.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn every_fault_makes_a_pod_or_none() {
    for &fault in Fault::ALL {
        if !fault.wires().contains(&"runpod") {
            continue;
        }
        let bot = provider().await;
        let route = "runpod POST /graphql podFindAndDeployOnDemand";
        bot.sandbox.faults.inject_on(route, fault, 1);
        let body = json!({ "query": DEPLOY, "variables": { "input": order() } });
        let url = format!("{}/graphql", bot.sandbox.runpod.url());
        let request = bot
            .http
            .post(url)
            .bearer_auth(MASTER)
            .body(body.to_string());
        let answer = request.timeout(Duration::from_millis(1500)).send().await;
        let text = match answer {
            Ok(answer) => answer.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        };
        let usual = serde_json::from_str::<Value>(&text)
            .is_ok_and(|answer| answer["data"]["podFindAndDeployOnDemand"]["id"].is_string());
        assert_eq!(usual, matches!(fault, Fault::Slow { .. }), "{fault:?}");
        let made = bot.sandbox.runpod.pods().len();
        assert_eq!(made, usize::from(fault.has_effect()), "{fault:?}");
        until(&bot.sandbox, || bot.sandbox.wire.open_requests() == 0).await;
        assert_eq!(bot.sandbox.faults.pending(), 0, "{fault:?}");
        assert_eq!(bot.sandbox.wire.violations(), Vec::<String>::new());
    }
}
