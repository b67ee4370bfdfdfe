//! The Query APIs: IAM, and the one call of STS.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::account::{
    ACCOUNT, AccessKey, Account, AwsUser, ELSEWHERE, INLINE_MAX, KEYS_MAX, USERS_MAX, user_arn,
};
use super::policy::{Asked, Decision, Policy};
use super::xml::{around, element};
use super::{Aws, Refused, refuse, time};
use crate::door::{Answer, Call, by_name};

const SESSION: &str = "00000000-0000-4000-8000-000000000000";

type Fields = HashMap<String, String>;

/// The answer of an error, as both APIs shape it.
pub(super) fn error(refused: &Refused) -> Answer {
    let kind = if refused.status < 500 {
        "Sender"
    } else {
        "Receiver"
    };
    let inside = element("Type", kind)
        + &element("Code", refused.code)
        + &element("Message", &refused.message);
    let body = around("Error", &inside) + &element("RequestId", SESSION);
    xml(refused.status, &around("ErrorResponse", &body))
}

pub(super) fn xml(status: u16, text: &str) -> Answer {
    Answer::text(status, text).header("content-type", &"text/xml")
}

fn done(action: &str, result: &str) -> Answer {
    let result = around(&format!("{action}Result"), result);
    let meta = around("ResponseMetadata", &element("RequestId", SESSION));
    xml(
        200,
        &around(&format!("{action}Response"), &(result + &meta)),
    )
}

/// `GetCallerIdentity`, which needs no permission.
pub(super) fn identify(aws: &Aws, caller: Option<&str>) -> Answer {
    let accounts = aws.accounts();
    let of = |account: &Account| caller.and_then(|name| account.users.get(name).cloned());
    let (arn, id, account) = match (of(&accounts.now), of(&accounts.elsewhere)) {
        (Some(user), _) => (user.arn(), user.id(), ACCOUNT),
        (None, Some(user)) => {
            let arn = user.arn().replace(ACCOUNT, ELSEWHERE);
            (arn, user.id(), ELSEWHERE)
        }
        (None, None) => {
            let arn = format!("arn:aws:iam::{ACCOUNT}:root");
            (arn, ACCOUNT.to_owned(), ACCOUNT)
        }
    };
    let result = element("Arn", arn) + &element("UserId", id) + &element("Account", account);
    done("GetCallerIdentity", &result)
}

/// A call to IAM by a caller whose signature is good.
pub(super) fn answer(aws: &Aws, call: &Call, caller: Option<&str>) -> Result<Answer, Refused> {
    let fields = by_name(call.form());
    let action = fields.get("Action").cloned().unwrap_or_default();
    if fields.get("Version").map(String::as_str) != Some("2010-05-08") {
        return refuse(400, "InvalidAction", "Version must be 2010-05-08");
    }
    let now = aws.hub.clock.now();
    may(aws, caller, &action, &fields)?;
    let mut accounts = aws.accounts();
    let account = if reads(&action) {
        &mut accounts.now
    } else {
        accounts.changing(now)
    };
    let result = match action.as_str() {
        "CreateUser" => create_user(account, &fields),
        "GetUser" => user(account, &fields).map(|user| around("User", &shown(user, true))),
        "TagUser" => tag(account, &fields),
        "ListUsers" => list_users(account, &fields),
        "DeleteUser" => delete_user(account, &fields),
        "PutUserPolicy" => put_policy(account, &fields),
        "GetUserPolicy" => get_policy(account, &fields),
        "ListUserPolicies" => list_policies(account, &fields),
        "DeleteUserPolicy" => delete_policy(account, &fields),
        "CreateAccessKey" => create_key(account, &fields),
        "ListAccessKeys" => list_keys(account, &fields),
        "UpdateAccessKey" => update_key(account, &fields),
        "DeleteAccessKey" => delete_key(account, &fields),
        "SimulatePrincipalPolicy" => simulate(account, &fields, now),
        _ => {
            return refuse(
                400,
                "InvalidAction",
                &format!("Could not find operation {action}"),
            );
        }
    }?;
    Ok(done(&action, &result))
}

fn reads(action: &str) -> bool {
    ["Get", "List", "Simulate"]
        .iter()
        .any(|start| action.starts_with(start))
}

fn may(aws: &Aws, caller: Option<&str>, action: &str, fields: &Fields) -> Result<(), Refused> {
    let resource = match action {
        "ListUsers" => "*".to_owned(),
        "SimulatePrincipalPolicy" => fields.get("PolicySourceArn").cloned().unwrap_or_default(),
        _ => user_arn(fields.get("UserName").map_or("", String::as_str)),
    };
    let mut context = Vec::new();
    if let Some(boundary) = boundary_asked(aws, action, fields) {
        context.push(("iam:permissionsboundary", boundary));
    }
    let action = format!("iam:{action}");
    aws.may(caller, &action, &resource, context).map_err(|()| {
        let who = caller.map_or_else(|| "root".to_owned(), user_arn);
        let message =
            format!("User: {who} is not authorized to perform: {action} on resource: {resource}");
        Refused::new(403, "AccessDenied", message)
    })
}

/// The boundary that a condition can look at: the one given to a new user, or the one that stands on the
/// user whose policies are changed. Other actions know no such key.
fn boundary_asked(aws: &Aws, action: &str, fields: &Fields) -> Option<String> {
    match action {
        "CreateUser" => fields.get("PermissionsBoundary").cloned(),
        "PutUserPolicy" | "DeleteUserPolicy" => {
            let accounts = aws.accounts();
            let user = accounts.now.users.get(fields.get("UserName")?)?;
            user.boundary.clone()
        }
        _ => None,
    }
}

fn field<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Refused> {
    match fields.get(name).map(String::as_str) {
        Some(value) if !value.is_empty() => Ok(value),
        _ => refuse(400, "ValidationError", &format!("{name} must not be empty")),
    }
}

fn unknown(what: &str) -> Refused {
    Refused::new(404, "NoSuchEntity", format!("{what} cannot be found."))
}

fn user<'a>(account: &'a Account, fields: &Fields) -> Result<&'a AwsUser, Refused> {
    let name = field(fields, "UserName")?;
    let user = account.users.get(name);
    user.ok_or_else(|| unknown(&format!("The user with name {name}")))
}

fn user_mut<'a>(account: &'a mut Account, fields: &Fields) -> Result<&'a mut AwsUser, Refused> {
    let name = field(fields, "UserName")?;
    let user = account.users.get_mut(name);
    user.ok_or_else(|| unknown(&format!("The user with name {name}")))
}

fn tags(fields: &Fields) -> Vec<(String, String)> {
    let tag = |n: usize| {
        let part = |name: &str| fields.get(&format!("Tags.member.{n}.{name}")).cloned();
        Some((part("Key")?, part("Value")?))
    };
    (1..=50).map_while(tag).collect()
}

fn create_user(account: &mut Account, fields: &Fields) -> Result<String, Refused> {
    let name = field(fields, "UserName")?;
    let fits = |one: char| one.is_ascii_alphanumeric() || "+=,.@_-".contains(one);
    if name.len() > 64 || !name.chars().all(fits) {
        return refuse(
            400,
            "ValidationError",
            "The specified value for userName is invalid.",
        );
    }
    if account.users.contains_key(name) {
        let message = format!("User with name {name} already exists.");
        return refuse(409, "EntityAlreadyExists", &message);
    }
    if account.users.len() >= USERS_MAX {
        let message = format!("Cannot exceed quota for UsersPerAccount: {USERS_MAX}");
        return refuse(409, "LimitExceeded", &message);
    }
    let boundary = fields.get("PermissionsBoundary").cloned();
    if let Some(arn) = boundary
        .as_ref()
        .filter(|arn| !account.managed.contains_key(*arn))
    {
        return Err(unknown(&format!("Policy {arn}")));
    }
    let user = AwsUser {
        name: name.to_owned(),
        tags: tags(fields).into_iter().collect(),
        boundary,
        n: account.next(),
        ..AwsUser::default()
    };
    let result = around("User", &shown(&user, true));
    account.users.insert(name.to_owned(), user);
    Ok(result)
}

fn shown(user: &AwsUser, whole: bool) -> String {
    let mut text = element("Path", "/")
        + &element("UserName", &user.name)
        + &element("UserId", user.id())
        + &element("Arn", user.arn())
        + &element("CreateDate", time(0));
    if whole {
        let tag = |(key, value): (&String, &String)| {
            around("member", &(element("Key", key) + &element("Value", value)))
        };
        text += &around("Tags", &user.tags.iter().map(tag).collect::<String>());
        if let Some(arn) = &user.boundary {
            let kind = element("PermissionsBoundaryType", "Policy");
            let inside = kind + &element("PermissionsBoundaryArn", arn);
            text += &around("PermissionsBoundary", &inside);
        }
    }
    text
}

fn tag(account: &mut Account, fields: &Fields) -> Result<String, Refused> {
    let tags = tags(fields);
    user_mut(account, fields)?.tags.extend(tags);
    Ok(String::new())
}

fn list_users(account: &Account, fields: &Fields) -> Result<String, Refused> {
    let number = |name: &str, default: usize| {
        fields
            .get(name)
            .map_or(Some(default), |text| text.parse().ok())
    };
    let (Some(from), Some(most)) = (number("Marker", 0), number("MaxItems", 100)) else {
        return refuse(400, "ValidationError", "Marker or MaxItems is no number");
    };
    if !(1..=1000).contains(&most) {
        return refuse(400, "ValidationError", "MaxItems must be 1 to 1000");
    }
    let page = account.users.values().skip(from).take(most);
    let users: String = page
        .map(|user| around("member", &shown(user, false)))
        .collect();
    let truncated = from + most < account.users.len();
    let mut result = element("IsTruncated", truncated) + &around("Users", &users);
    if truncated {
        result += &element("Marker", from + most);
    }
    Ok(result)
}

fn delete_user(account: &mut Account, fields: &Fields) -> Result<String, Refused> {
    let user = user(account, fields)?;
    if !user.inline.is_empty() || !user.attached.is_empty() {
        let message = "Cannot delete entity, must delete policies first.";
        return refuse(409, "DeleteConflict", message);
    }
    let name = user.name.clone();
    if account.keys_of(&name).next().is_some() {
        let message = "Cannot delete entity, must delete access keys first.";
        return refuse(409, "DeleteConflict", message);
    }
    account.users.remove(&name);
    Ok(String::new())
}

fn put_policy(account: &mut Account, fields: &Fields) -> Result<String, Refused> {
    let policy = Policy::parse(field(fields, "PolicyDocument")?)
        .map_err(|why| Refused::new(400, "MalformedPolicyDocument", why))?;
    let name = field(fields, "PolicyName")?;
    let user = user_mut(account, fields)?;
    let others = user.inline.iter().filter(|(other, _)| *other != name);
    let length: usize = others.map(|(_, policy)| policy.length).sum();
    if length + policy.length > INLINE_MAX {
        let message = format!(
            "Maximum policy size of {INLINE_MAX} bytes exceeded for user {}",
            user.name
        );
        return refuse(409, "LimitExceeded", &message);
    }
    user.inline.insert(name.to_owned(), policy);
    Ok(String::new())
}

fn get_policy(account: &Account, fields: &Fields) -> Result<String, Refused> {
    let user = user(account, fields)?;
    let name = field(fields, "PolicyName")?;
    let Some(policy) = user.inline.get(name) else {
        return Err(unknown(&format!("The user policy with name {name}")));
    };
    let encoded: String = url::form_urlencoded::byte_serialize(policy.text.as_bytes()).collect();
    Ok(element("UserName", &user.name)
        + &element("PolicyName", name)
        + &element("PolicyDocument", encoded.replace('+', "%20")))
}

fn list_policies(account: &Account, fields: &Fields) -> Result<String, Refused> {
    let names = user(account, fields)?.inline.keys();
    let members: String = names.map(|name| element("member", name)).collect();
    Ok(around("PolicyNames", &members) + &element("IsTruncated", false))
}

fn delete_policy(account: &mut Account, fields: &Fields) -> Result<String, Refused> {
    let name = field(fields, "PolicyName")?;
    match user_mut(account, fields)?.inline.remove(name) {
        Some(_) => Ok(String::new()),
        None => Err(unknown(&format!("The user policy with name {name}"))),
    }
}

/// A new key of the user, and all keys keep their secrets for ever.
pub(super) fn mint(account: &mut Account, user: Option<&str>) -> AccessKey {
    let n = account.next();
    let noise = Sha256::digest(format!("sandbox access key {n}"));
    let key = AccessKey {
        id: format!("AKIA{}", hex::encode_upper(&noise[..8])),
        secret: hex::encode(&noise[8..28]),
        user: user.map(str::to_owned),
        active: true,
        deleted: false,
    };
    account.keys.push(key.clone());
    key
}

fn create_key(account: &mut Account, fields: &Fields) -> Result<String, Refused> {
    let name = user(account, fields)?.name.clone();
    if account.keys_of(&name).count() >= KEYS_MAX {
        let message = format!("Cannot exceed quota for AccessKeysPerUser: {KEYS_MAX}");
        return refuse(409, "LimitExceeded", &message);
    }
    let key = mint(account, Some(&name));
    let inside = key_shown(&key) + &element("SecretAccessKey", &key.secret);
    Ok(around("AccessKey", &inside))
}

fn key_shown(key: &AccessKey) -> String {
    let status = if key.active { "Active" } else { "Inactive" };
    element("UserName", key.user.as_deref().unwrap_or_default())
        + &element("AccessKeyId", &key.id)
        + &element("Status", status)
        + &element("CreateDate", time(0))
}

fn list_keys(account: &Account, fields: &Fields) -> Result<String, Refused> {
    let user = user(account, fields)?;
    let keys = account.keys_of(&user.name);
    let members: String = keys.map(|key| around("member", &key_shown(key))).collect();
    Ok(around("AccessKeyMetadata", &members) + &element("IsTruncated", false))
}

fn key<'a>(account: &'a mut Account, fields: &Fields) -> Result<&'a mut AccessKey, Refused> {
    let name = user(account, fields)?.name.clone();
    let id = field(fields, "AccessKeyId")?;
    let fits =
        |key: &&mut AccessKey| key.id == id && key.user.as_deref() == Some(&*name) && !key.deleted;
    let key = account.keys.iter_mut().find(fits);
    key.ok_or_else(|| unknown(&format!("The Access Key with id {id}")))
}

fn update_key(account: &mut Account, fields: &Fields) -> Result<String, Refused> {
    let active = match field(fields, "Status")? {
        "Active" => true,
        "Inactive" => false,
        _ => return refuse(400, "ValidationError", "Status must be Active or Inactive"),
    };
    key(account, fields)?.active = active;
    Ok(String::new())
}

fn delete_key(account: &mut Account, fields: &Fields) -> Result<String, Refused> {
    key(account, fields)?.deleted = true;
    Ok(String::new())
}

fn listed(fields: &Fields, name: &str) -> Vec<String> {
    let member = |n: usize| fields.get(&format!("{name}.member.{n}")).cloned();
    (1..).map_while(member).collect()
}

fn simulate(account: &Account, fields: &Fields, now: i64) -> Result<String, Refused> {
    let source = field(fields, "PolicySourceArn")?;
    let name = source.rsplit('/').next().unwrap_or_default();
    if user_arn(name) != source || !account.users.contains_key(name) {
        return Err(unknown(&format!("The principal {source}")));
    }
    let mut context = vec![("aws:currenttime", time(now))];
    for n in 1.. {
        let part = |part: &str| fields.get(&format!("ContextEntries.member.{n}.{part}"));
        let Some(key) = part("ContextKeyName") else {
            break;
        };
        if key.eq_ignore_ascii_case("iam:PermissionsBoundary") {
            let value = part("ContextKeyValues.member.1").cloned();
            context.push(("iam:permissionsboundary", value.unwrap_or_default()));
        }
    }
    let mut resources = listed(fields, "ResourceArns");
    if resources.is_empty() {
        resources.push("*".to_owned());
    }
    let mut members = String::new();
    for action in listed(fields, "ActionNames") {
        for resource in &resources {
            let context = context.clone();
            let asked = Asked {
                action: &action,
                resource,
                context,
            };
            let decision = match account.decide(Some(name), &asked) {
                Decision::Allowed => "allowed",
                Decision::Implicit => "implicitDeny",
                Decision::Explicit => "explicitDeny",
            };
            let inside = element("EvalActionName", &action)
                + &element("EvalResourceName", resource)
                + &element("EvalDecision", decision);
            members += &around("member", &inside);
        }
    }
    Ok(around("EvaluationResults", &members) + &element("IsTruncated", false))
}
