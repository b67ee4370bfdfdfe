//! One pod on the cheapest GPU that is free is made, found, read, and terminated at once.

use slice::{
    clock::SystemClock,
    services::{ServicesConfig, registry},
};
use slice_core::{
    grant::label,
    ids::{GrantId, ServiceName},
    life::Life,
    money::Money,
    ports::{Asking, Bounds, Clock, KeyRef, Order, ServiceError},
    reply::FieldKind,
    secret::Secret,
};
use std::{sync::Arc, time::Duration};

pub async fn a_pod_for_a_minute(key: String, image: &str) {
    let master = Secret::new(key);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let config = ServicesConfig::new("https://openrouter.ai/api/v1");
    let services = registry(&config, &clock);
    let adapter = services.find(&ServiceName::new("runpod")).expect("it");
    let health = adapter.check(&master).await.expect("a good key");
    println!("the account has {:?}", health.balance);
    let options = format!("pods:on\nimages:{image} JUPYTER_PASSWORD 8888");
    let asking = |said| Asking {
        master: &master,
        options: &options,
        said,
    };
    let asked = adapter.questions(asking("")).await.expect("prices");
    let FieldKind::Choice(gpus) = &asked[0].kind else {
        panic!("GPUs are a choice");
    };
    let said = format!(
        "gpu:{}\naccess:8888\ndisk:5",
        gpus.first().expect("a GPU is free").0
    );
    let terms = adapter.agree(asking(&said)).await.expect("terms");
    let mut chance = [0; 16];
    clock.random(&mut chance);
    let order = Order {
        label: label(GrantId::from_random(chance), 1),
        cap: Money::from_dollars(1),
        life: Life::at_least(Duration::from_hours(1)),
        dead_man: clock.now() + Duration::from_hours(1),
        terms,
        options: options.clone(),
    };
    let issued = adapter.issue(&master, &order).await.expect("a pod");
    let key = KeyRef {
        provider_id: issued.provider_id,
        label: order.label.clone(),
        terms: order.terms.clone(),
        facts: issued.facts,
        usage: Money::ZERO,
        cursor: None,
        is_stopped: false,
    };
    let bounds = Bounds {
        cap: order.cap,
        until: order.dead_man,
    };
    let armed = adapter.arm(&master, &key, bounds).await;
    let found = adapter.find(&master, &order.label).await;
    let read = adapter.read(&master, &key).await;
    // Whatever was wrong, the pod ends first.
    let ended = adapter.disable(&master, &key).await;
    println!("armed {armed:?}, found {found:?}, read {read:?}, ended {ended:?}");
    assert!(ended.expect("terminated").is_some());
    armed.expect("at the price that was agreed on");
    assert_eq!(found.expect("a list").len(), 1);
    assert!(read.expect("a reading").usage < Money::from_dollars(1));
    let again = adapter.read(&master, &key).await;
    assert_eq!(again, Err(ServiceError::Gone));
}
