//! A key from its making to its removal, with its bucket: one of its own, or a part in another grant's.

use super::{
    FACT_BUCKET, FACT_REGION, S3,
    account::{Clients, Master},
    buckets,
    policy::{self, User},
    users::{BUCKET, Users},
    wish::{Access, Part, Wish},
};
use slice_core::{
    ports::{Facts, Issued, Order, ServiceError},
    secret::Secret,
};
use uuid::Uuid;

const FACT_ACCESS: &str = "Access";
/// A key as its member gets it: its id after the one, its secret after the other.
const HANDED: [&str; 2] = ["AWS_ACCESS_KEY_ID=", " AWS_SECRET_ACCESS_KEY="];

/// The bucket of a key, and the grant that it was made for.
pub(super) struct Home {
    pub bucket: String,
    pub grant: Uuid,
}

fn facts(bucket: String, region: &str, access: Access) -> Facts {
    let shared = "what passes at the bucket is charged to each of its keys, what lies there to the grant that it \
                  was made for";
    let mut facts = vec![
        (FACT_BUCKET.to_owned(), bucket),
        (FACT_REGION.to_owned(), region.to_owned()),
    ];
    let may = match access {
        Access::Full => return facts,
        Access::Read => "read",
        Access::Write => "write",
    };
    facts.push((FACT_ACCESS.to_owned(), format!("{may} only; {shared}")));
    facts
}

/// What a key may do, if it is not everything.
pub(super) fn access(facts: &Facts) -> Access {
    let said = super::fact(facts, FACT_ACCESS);
    match said.split(' ').next() {
        Some("read") => Access::Read,
        Some("write") => Access::Write,
        _ => Access::Full,
    }
}

/// The id of a key and its secret, of what its member gets.
pub(super) fn pair(handed: &Secret) -> Option<(&str, &str)> {
    let [id, secret] = HANDED;
    handed.expose().strip_prefix(id)?.split_once(secret)
}

pub(super) fn elsewhere() -> ServiceError {
    let why = "That bucket is in another AWS account than the one of the key in the vault.";
    ServiceError::Rejected(why.into())
}

impl S3 {
    pub(super) fn home(account: &str, user: User, wish: &Wish) -> Result<Home, ServiceError> {
        let grant = wish.part.as_ref().map_or(user.grant, |part| part.grant);
        let bucket = policy::bucket(grant, account);
        match &wish.part {
            Some(part) if part.bucket != bucket => Err(elsewhere()),
            _ => Ok(Home { bucket, grant }),
        }
    }

    pub(super) async fn make(
        &self,
        master: &Secret,
        order: &Order,
    ) -> Result<Issued, ServiceError> {
        let master = Master::read(master)?;
        let region = master.region;
        let clients = self.reach.clients(&master, region);
        let account = self.account(&master, &clients).await?;
        let wish = Wish::read(&order.terms).map_err(ServiceError::Rejected)?;
        let odd = || ServiceError::Rejected("The label is none of Slice's.".into());
        let user = User::of_label(&order.label).ok_or_else(odd)?;
        let user = user.with_part_in(wish.part.as_ref().map(|part| part.grant));
        let home = Self::home(&account, user, &wish)?;
        if wish.part.is_some() {
            buckets::stands(&clients, &home.bucket).await?;
        }
        let users = Users { clients: &clients };
        users.create(user, &account, (&home.bucket, region)).await?;
        let mut is_ours = true;
        let made = async {
            if wish.part.is_some() {
                // They may have been stopped when the grant that it was made for ended.
                if !buckets::count(&clients, &home.bucket).await? {
                    return Err(buckets::gone());
                }
            } else {
                is_ours = buckets::create(&clients, (&home.bucket, region)).await?;
                if !is_ours {
                    return Err(ServiceError::Rejected(
                        "Somebody else's AWS account has a bucket of the name that Slice gives this one."
                            .into(),
                    ));
                }
                buckets::furnish(&clients, &home.bucket, &order.label).await?;
            }
            users.create_key(user).await
        };
        let (id, secret) = match made.await {
            Ok(made) => made,
            // A clear no is one only if nothing is left of what came before it.
            Err(why @ (ServiceError::Rejected(_) | ServiceError::Later { .. })) => {
                let unmade = if is_ours {
                    unmake(&clients, user, &home).await
                } else {
                    users.remove(user).await
                };
                return Err(match unmade {
                    Ok(()) => why,
                    Err(left) => ServiceError::Unknown(format!("{why} Then: {left}")),
                });
            }
            Err(ServiceError::Gone) => {
                return Err(ServiceError::Unknown(
                    "AWS lost the user that it just made.".into(),
                ));
            }
            Err(why) => return Err(why),
        };
        let [before_id, before_secret] = HANDED;
        let secret = Secret::new(format!("{before_id}{id}{before_secret}{}", secret.expose()));
        Ok(Issued {
            provider_id: user.name(),
            secret,
            facts: facts(home.bucket, region, wish.access),
        })
    }

    pub(super) async fn remove(&self, master: &Secret, name: &str) -> Result<(), ServiceError> {
        let master = Master::read(master)?;
        let clients = self.reach.clients(&master, master.region);
        let user = User::named(name)?;
        let Some(tags) = (Users { clients: &clients }).tags(user).await? else {
            return Ok(());
        };
        let Some(said) = tags.text(BUCKET) else {
            return Err(ServiceError::Rejected(
                "Slice did not make that user.".into(),
            ));
        };
        let account = self.account(&master, &clients).await?;
        // Derived, not believed: a tag could have been changed.
        let grant = if user.is_part() {
            Part::named(said).ok().map(|part| part.grant)
        } else {
            Some(user.grant)
        };
        let near = self.near(&master, &tags);
        match grant.filter(|grant| user.uses_bucket_of(*grant)) {
            Some(grant) => {
                let bucket = policy::bucket(grant, &account);
                unmake(&near, user, &Home { bucket, grant }).await
            }
            None => Users { clients: &near }.remove(user).await,
        }
    }
}

/// Removes a user, and its bucket where nothing lies in it and no other key uses it: the user last,
/// because it is what leads to a bucket that was left halfway.
async fn unmake(clients: &Clients, user: User, home: &Home) -> Result<(), ServiceError> {
    let users = Users { clients };
    if !is_shared(&users, user, home).await? {
        buckets::uncount(clients, &home.bucket).await?;
        buckets::delete_empty(clients, &home.bucket).await?;
    }
    count_for_others(&users, user, home).await?;
    users.remove(user).await
}

/// Of a user that has gone, maybe behind our back, nobody's requests are counted: each hour of that costs
/// money, and nobody is charged for it any more.
pub(super) async fn rest(clients: &Clients, user: User, home: &Home) -> Result<(), ServiceError> {
    let users = Users { clients };
    if !is_shared(&users, user, home).await? {
        buckets::uncount(clients, &home.bucket).await?;
        count_for_others(&users, user, home).await?;
    }
    Ok(())
}

/// Somebody may have come meanwhile: whoever makes a user counts after that, or is seen here.
async fn count_for_others(users: &Users<'_>, user: User, home: &Home) -> Result<(), ServiceError> {
    if is_shared(users, user, home).await? {
        buckets::count(users.clients, &home.bucket).await?;
    }
    Ok(())
}

async fn is_shared(users: &Users<'_>, user: User, home: &Home) -> Result<bool, ServiceError> {
    let all = users.all().await?;
    let mut others = all.iter().filter(|other| **other != user);
    Ok(others.any(|other| other.uses_bucket_of(home.grant)))
}
