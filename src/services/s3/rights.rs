//! Whether a master key is good for making keys: whose it is, and each right that it lacks.

use super::{
    account::{Clients, Master, Reach},
    failure::{Effect, Failure, not_a_master},
    policy::{ON_ALL, ON_BOUNDED_USERS, ON_BUCKETS, ON_OBJECTS, ON_USERS, PREFIX, boundary},
};
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum};
use slice_core::{
    ports::{Health, ServiceError},
    secret::Secret,
};

/// Whose a key is.
pub(super) struct Identity {
    pub account: String,
    arn: String,
}

pub(super) async fn identify(sts: &aws_sdk_sts::Client) -> Result<Identity, ServiceError> {
    let who = sts.get_caller_identity().send().await;
    let who = who.map_err(Failure::from);
    let who = who.map_err(|failure| failure.conclude(Effect::Reads, "say whose the key is"))?;
    let (Some(account), Some(arn)) = (who.account, who.arn) else {
        return Err(ServiceError::Unknown(
            "AWS does not say whose the key is.".into(),
        ));
    };
    if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ServiceError::Unknown("AWS's account number is odd.".into()));
    }
    Ok(Identity { account, arn })
}

pub(super) async fn check(reach: &Reach, master: &Secret) -> Result<Health, ServiceError> {
    let master = Master::read(master)?;
    let clients = reach.clients(&master, master.region);
    let who = identify(&clients.sts).await.map_err(unusable)?;
    if who.arn.ends_with(":root") {
        return Err(ServiceError::Rejected(
            "That is a key of the account's root, which may do everything and which nothing can bound. \
             Make an IAM user for Slice with the policy of manifests/aws-policy.json, and delete the \
             root's key."
                .into(),
        ));
    }
    let Some((_, name)) = who.arn.split_once(":user/") else {
        return Err(not_a_master(
            "It belongs to a role, whose keys end after some hours.",
        ));
    };
    if name.starts_with(PREFIX) {
        return Err(ServiceError::Rejected(format!(
            "The name of this key's user begins with {PREFIX}, as only those do that Slice makes: with the \
             policy for these it could give keys of its own user away. Rename the user at AWS (its keys \
             stay good), and try again."
        )));
    }
    let note = match lacks(&clients, &who).await? {
        None => Some(
            "AWS did not let Slice look at this key's rights: what it lacks shows at the first key."
                .to_owned(),
        ),
        Some(lacks) if lacks.is_empty() => None,
        Some(lacks) => {
            return Err(ServiceError::Rejected(format!(
                "The user of this key may not: {}. The policy to paste is in manifests/aws-policy.json.",
                lacks.join(", ")
            )));
        }
    };
    Ok(Health {
        balance: None,
        note,
    })
}

/// A key that AWS does not take is a clear no here.
fn unusable(why: ServiceError) -> ServiceError {
    match why {
        ServiceError::Later { why, .. } if why.contains("the master key") => {
            ServiceError::Rejected(why.replace("the master key", "this key"))
        }
        other => other,
    }
}

/// The rights that the key lacks. `None`: it may not ask.
async fn lacks(clients: &Clients, who: &Identity) -> Result<Option<Vec<String>>, ServiceError> {
    let account = &who.account;
    let users = format!("arn:aws:iam::{account}:user/{PREFIX}0");
    let bucket = format!("arn:aws:s3:::{PREFIX}0");
    let asked: [(&[&str], &str); 5] = [
        (&ON_BOUNDED_USERS, &users),
        (&ON_USERS, &users),
        (&ON_ALL, "*"),
        (&ON_BUCKETS, &bucket),
        (&ON_OBJECTS, &format!("{bucket}/0")),
    ];
    let bound = ContextEntry::builder()
        .context_key_name("iam:PermissionsBoundary")
        .context_key_type(ContextKeyTypeEnum::String)
        .context_key_values(boundary(account))
        .build();
    let mut lacks = vec![];
    for (actions, resource) in asked {
        let simulate = clients.iam.simulate_principal_policy();
        let simulate = simulate.policy_source_arn(&who.arn).resource_arns(resource);
        let actions = actions.iter().map(|action| (*action).to_owned());
        let simulate = simulate.set_action_names(Some(actions.collect()));
        let said = simulate.context_entries(bound.clone()).send().await;
        let said = match said.map_err(Failure::from) {
            Ok(said) => said,
            Err(failure) if failure.code().starts_with("AccessDenied") => return Ok(None),
            Err(failure) => return Err(failure.conclude(Effect::Reads, "look at its own rights")),
        };
        let denied = said.evaluation_results().iter();
        let denied = denied.filter(|one| one.eval_decision().as_str() != "allowed");
        lacks.extend(denied.map(|one| one.eval_action_name().to_owned()));
    }
    Ok(Some(lacks))
}
