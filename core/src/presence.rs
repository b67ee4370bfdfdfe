//! Whether a person still has a role: asked live, identity by identity.

use crate::{
    books::{Books, Scope},
    desk::Desk,
    event::Actor,
    ids::{Identity, MemberId, OrgId, PlatformName},
    ports::PlatformError,
    refusal::Refusal,
    role::{self, Facts, Role, Standing},
};

/// What all of a member's platforms together say of her.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// At least one identity has a role.
    Here,
    /// Every identity was asked about, and none has one.
    Left,
    /// Somebody did not answer, and why. That is never "left".
    Unknown(String),
}

impl Facts {
    /// The facts of a person about whom her platform was asked.
    pub fn of(books: &Books, who: &Identity, standing: Standing, bound: Vec<Role>) -> Self {
        let member = books.member.as_ref();
        Self {
            standing,
            bound,
            has_owner_binding: books.org.has_binding(Role::Owner),
            has_user_binding: books.org.has_binding(Role::User),
            first_workspace: books.org.workspaces.first() == Some(&who.workspace),
            has_allocation: member.is_some_and(|member| member.allocation.is_some()),
        }
    }
}

impl Desk {
    /// Every identity of a member, on all platforms.
    pub async fn identities(&self, org: OrgId, member: MemberId) -> Result<Vec<Identity>, Refusal> {
        let mut found = vec![];
        for platform in PlatformName::ALL {
            let known = self.store.users(org, platform, &[member]).await?;
            found.extend(known.into_iter().map(|(_, identity)| identity));
        }
        Ok(found)
    }

    /// Whether a member still has a role anywhere.
    pub async fn presence(&self, org: OrgId, member: MemberId) -> Result<Presence, Refusal> {
        let scope = Scope::new(org, Actor::Slice).member(member);
        let books = self.store.books(scope).await?;
        let mut unknown = None;
        for who in self.identities(org, member).await? {
            match self.has_role(&books, &who).await {
                Ok(true) => return Ok(Presence::Here),
                Ok(false) => {}
                Err(why) => unknown = Some(why.to_string()),
            }
        }
        Ok(unknown.map_or(Presence::Left, Presence::Unknown))
    }

    async fn has_role(&self, books: &Books, who: &Identity) -> Result<bool, PlatformError> {
        let refused = |why: &str| PlatformError::Refused(why.to_owned());
        let platform = self
            .platform(who.workspace.platform)
            .ok_or_else(|| refused("the platform is not connected"))?;
        let standing = platform.standing(who).await?;
        if standing == Standing::Stranger {
            // She was of this workspace when Slice came to know her. It may be that this Slice no
            // longer serves that workspace, and then nothing is known of her.
            return Err(refused(
                "the platform says that she is of another workspace",
            ));
        }
        let user = |bound| {
            let facts = Facts::of(books, who, standing, bound);
            role::resolve(&facts).is_ok_and(|role| Role::User <= role)
        };
        if standing.why_never().is_some() || user(vec![]) {
            return Ok(standing.why_never().is_none());
        }
        for binding in &books.org.bindings {
            let here = binding.group.workspace == who.workspace;
            if here && platform.is_in(who, &binding.group).await? && user(vec![binding.role]) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
