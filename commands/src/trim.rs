//! `trim`: lowers the caps of a member's grants until nothing is held above her budget.

use crate::{
    cap,
    grammar::{Call, Command},
    param::Param,
    people,
};
use slice_core::{
    books::{Books, GrantRef, Member, Scope},
    ids::UserId,
    money::Money,
    page::{Button, Page, Text},
    refusal::Refusal,
    reply::Reply,
    role::Role,
    trims::{self, Cut},
};

const MEMBER: Param<UserId> = Param::member("member", "Whose grants").optional();
const HOLDER: Param<i64> = Param::grant("holder", "A grant of that member's")
    .named("holder")
    .optional()
    .hidden();
/// What was shown that it releases.
const BY: Param<Money> = Param::money("by", "By how much in all")
    .named("by")
    .optional()
    .hidden();

pub const COMMAND: Command = Command {
    params: &[MEMBER.shape(), HOLDER.shape(), BY.shape()],
    examples: &["trim <@U0123ABCD>"],
    // Buttons of `members` and of the month's turn say it; Discord has room for 25 names.
    hidden: true,
    ..Command::plain(
        "trim",
        "Lower the caps of a member's grants by what they hold above the budget",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

/// The scope in which the books show the member who is meant.
async fn aim(call: &Call<'_>, scope: Scope) -> Result<Scope, Refusal> {
    if let Some(number) = HOLDER.get(call) {
        cap::read_first(call, number).await?;
        return Ok(scope.grant(GrantRef::Number(number)));
    }
    let member = people::known_member(call, MEMBER.need(call)?).await?;
    let desk = call.desk();
    desk.read_usage(call.caller().org, Some(member)).await?;
    Ok(scope.member(member))
}

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let Some(by) = BY.get(&call) else {
        let scope = aim(&call, call.look()).await?;
        let books = call.desk().store.books(scope).await?;
        let member = books.member.ok_or(Refusal::NoAllocation)?;
        return Ok(shown(&call, &member).into());
    };
    let scope = aim(&call, call.scope()).await?;
    let decide = |books: &Books| {
        let (entry, cuts) = trims::trim(books, by)?;
        let member = books.member.as_ref().map(|member| member.id);
        Ok((entry, (cuts, member)))
    };
    let (cuts, member) = call.desk().record(scope, decide).await?;
    let mut text = Text::new(format!("Lowering {}", lines(&cuts)));
    if let Some(member) = member {
        text = text.and(" of ").member(member);
    }
    let text = text.and(
        ". Each counts when its provider has confirmed it; what a key has spent by then stays charged.",
    );
    Ok(Page::say(text).into())
}

fn lines(cuts: &[Cut]) -> String {
    let line = |cut: &Cut| format!("grant {} from {} to {}", cut.number, cut.from, cut.to);
    cuts.iter().map(line).collect::<Vec<_>>().join(", ")
}

/// What would be lowered, before anything is.
fn shown(call: &Call<'_>, member: &Member) -> Page {
    let excess = member.budget.excess();
    if excess.is_zero() {
        let text = Text::default().member(member.id);
        return Page::say(text.and(" holds nothing above the budget. Nothing was changed."));
    }
    let cuts = trims::plan(member, excess);
    let text = Text::default()
        .member(member.id)
        .and(format!(" holds {excess} more than the budget"));
    let Some(last) = cuts.last() else {
        return Page::say(text.and(
            ", and no cap can be lowered now: what is held was spent, or its keys are just being made or \
             changed. Nothing was changed.",
        ));
    };
    let (total, holder) = (trims::total(&cuts), last.number);
    let rest = (excess - total).or_zero();
    let mut page = Page::say(text.and(format!(". This would lower {}.", lines(&cuts))));
    if !rest.is_zero() {
        let more = format!("{rest} would be left, because no cap goes below what is spent.");
        page = page.text(Text::new(more));
    }
    let line = format!("trim holder {holder} by {}", total.decimal());
    let yes = Button::new(format!("Lower by {total}"), line, call.mine()).primary();
    page.buttons(vec![yes])
}
