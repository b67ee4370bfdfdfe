//! Joining workspaces and identities: a code here, the code there, and a click by whoever made it.

pub mod answer;
pub mod me;
pub mod workspace;

use crate::{grammar::Call, param::Param};
use slice_core::{
    books::{Books, Scope},
    desk::Desk,
    event::Actor,
    ids::Workspace,
    linking::{self, Asked, Code, Joins, OpenCode},
    page::Page,
    refusal::Refusal,
    reply::Reply,
};

/// More than any code, however it is typed.
const CODE_MAX: u32 = 40;
const CODE: Param<String> = Param::rest(
    "code",
    "The code from the other side; leave it out to make one",
    CODE_MAX,
)
.optional();

/// Makes a code, and says what to do with it.
async fn make(call: &Call<'_>, joins: Joins) -> Result<Reply, Refusal> {
    let decide = |books: &Books| linking::make_code(books, joins);
    let made = call.desk().record(call.scope().links(), decide).await;
    let (code, until) = made?;
    let (line, page) = match joins {
        Joins::Workspace => (
            format!("/slice link {code}"),
            Page::say(
                "Say this in the workspace that is to join your org. It takes an owner there, and \
                 you are asked before anything happens:",
            ),
        ),
        Joins::Identity => (
            format!("/slice link me {code}"),
            Page::say(
                "Say this where you are known by your other identity, in a workspace of the same org. \
                 You are asked here before anything happens:",
            ),
        ),
    };
    let text = slice_core::page::Text::default().code(line);
    let until = slice_core::page::Text::new("It is good once, until ")
        .time(until)
        .and(". Tell it to nobody but yourself or who is to join.");
    Ok(page.text(text).note(until).into())
}

/// Redeems a code: the try is counted first, whatever comes of it.
async fn redeem(call: &Call<'_>, joins: Joins, text: &str) -> Result<Reply, Refusal> {
    let desk = call.desk();
    let decide = |books: &Books| Ok((linking::try_code(books, joins)?, ()));
    desk.record(call.scope().links(), decide).await?;
    let code = Code::read(text).ok_or_else(linking::bad_code)?;
    let found = find(&desk.store.open_codes(joins).await?, &code).ok_or_else(linking::bad_code)?;
    match joins {
        Joins::Workspace => {
            ask(
                call,
                (Scope::new(found.org, Actor::Slice), found.seq),
                joins,
            )
            .await
        }
        Joins::Identity => me::show(call, &found).await,
    }
}

/// Asks whoever made the code.
async fn ask(call: &Call<'_>, (scope, seq): (Scope, i64), joins: Joins) -> Result<Reply, Refusal> {
    let (desk, caller) = (call.desk(), call.caller());
    let name = name(desk, &caller.identity.workspace).await;
    let asked = Asked {
        org: caller.org,
        member: caller.member,
        identity: caller.identity.clone(),
    };
    let ask = |books: &Books| {
        let entry = linking::ask(books, (seq, joins), &asked, name.as_deref())?;
        Ok((entry, ()))
    };
    desk.record(scope.links(), ask).await?;
    let text = "Whoever made the code was asked. Nothing has changed until they say yes; you will \
                hear of it then.";
    Ok(Page::say(text).into())
}

/// What a workspace is called. It only helps the reader; the id is what counts.
async fn name(desk: &Desk, workspace: &Workspace) -> Option<String> {
    let platform = desk.platform(workspace.platform)?;
    platform.workspace_name(workspace).await.unwrap_or_default()
}

/// Every open code is compared, so that the time it takes tells nothing of which one fits.
fn find(open: &[OpenCode], code: &Code) -> Option<OpenCode> {
    let fitting: Vec<_> = open.iter().filter(|one| code.is(&one.digest)).collect();
    fitting.first().map(|one| (*one).clone())
}
