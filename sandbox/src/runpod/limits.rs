//! How many REST requests an account may make, and the headers that say so.

use std::fmt::Write;

use super::state::World;

const MICROS_PER_SECOND: i64 = 1_000_000;
pub(super) const PER_MINUTE: u64 = 60;

/// One window of the limit: it begins anew at every multiple of its length.
#[derive(Clone, Copy)]
pub(super) struct Window {
    name: &'static str,
    quota: u64,
    seconds: i64,
    current: i64,
    used: u64,
}

const fn window(name: &'static str, quota: u64, seconds: i64) -> Window {
    Window {
        name,
        quota,
        seconds,
        current: 0,
        used: 0,
    }
}

impl Window {
    pub const ALL: [Window; 3] = [
        window("minute", PER_MINUTE, 60),
        window("hour", 3000, 3600),
        window("day", 50_000, 86_400),
    ];
}

/// What the limit says of one request.
pub(super) struct Judged {
    pub headers: [(&'static str, String); 2],
    /// The exceeded window, and the seconds until it begins anew.
    pub refused: Option<(&'static str, i64)>,
}

/// Counts a request of an account.
pub(super) fn count(world: &mut World, account: &str, now: i64) -> Judged {
    let seconds = now.div_euclid(MICROS_PER_SECOND);
    let per_minute = world.per_minute;
    let windows = &mut world.account(account).windows;
    windows[0].quota = per_minute;
    let (mut policy, mut state) = (String::new(), String::new());
    let mut refused = None;
    for window in windows {
        let current = seconds.div_euclid(window.seconds);
        if window.current != current {
            (window.current, window.used) = (current, 0);
        }
        let resets = window.seconds - seconds.rem_euclid(window.seconds);
        window.used += 1;
        if window.used > window.quota {
            refused = refused.or(Some((window.name, resets)));
        }
        let left = window.quota.saturating_sub(window.used);
        let comma = if policy.is_empty() { "" } else { ", " };
        let _ = write!(
            policy,
            "{comma}\"{}\";q={};w={}",
            window.name, window.quota, window.seconds
        );
        let _ = write!(state, "{comma}\"{}\";r={left};t={resets}", window.name);
    }
    Judged {
        headers: [("ratelimit-policy", policy), ("ratelimit", state)],
        refused,
    }
}
