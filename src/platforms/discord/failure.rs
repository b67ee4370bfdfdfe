//! What a failed call to Discord lets us conclude, in sentences of ours: never a body, never a token.

use slice_core::ports::PlatformError;
use std::{fmt, time::Duration};

/// Discord did not say for how long.
pub(super) const PAUSE: Duration = Duration::from_secs(5);
/// Longer than this is not believed.
pub(super) const PAUSE_MAX: Duration = Duration::from_hours(1);
/// Until somebody may have repaired the token, and begun anew.
const TOKEN_PAUSE: Duration = Duration::from_mins(1);
/// Discord lets a bot open only so many direct messages in a while.
const OPENING_PAUSE: Duration = Duration::from_mins(10);

/// Discord's codes that mean something to us.
pub(super) mod code {
    pub const UNKNOWN_CHANNEL: u32 = 10_003;
    pub const UNKNOWN_GUILD: u32 = 10_004;
    pub const UNKNOWN_MEMBER: u32 = 10_007;
    pub const UNKNOWN_MESSAGE: u32 = 10_008;
    pub const UNKNOWN_USER: u32 = 10_013;
    pub const UNKNOWN_WEBHOOK: u32 = 10_015;
    pub const UNKNOWN_INTERACTION: u32 = 10_062;
    pub const OPENING_TOO_FAST: u32 = 40_003;
    pub const ALREADY_ACKNOWLEDGED: u32 = 40_060;
    pub const MISSING_ACCESS: u32 = 50_001;
    pub const NO_DIRECT_MESSAGES: u32 = 50_007;
    pub const MISSING_PERMISSIONS: u32 = 50_013;
    pub const INVALID_WEBHOOK_TOKEN: u32 = 50_027;
    pub const NO_MUTUAL_GUILD: u32 = 50_278;
}

/// How one call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Discord refused, with this HTTP status and code; 0 where it gave none.
    Api(u16, u32),
    /// Discord asks to wait, or would if it were asked.
    Limited(Duration),
    /// Discord did not accept the bot token once; it is not shown to it again.
    BadToken,
    /// Something that is no Discord id stood where one belongs.
    BadId,
    /// An HTTP status that tells nothing.
    Status(u16),
    /// The connection was never made.
    NotSent,
    /// The connection broke after the request may have left.
    Lost,
    /// Discord did not answer in time.
    TimedOut,
    /// Discord answered something that cannot be read.
    Malformed,
}

impl Failure {
    /// Discord's own code, where it gave one.
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Api(_, code) => Some(*code),
            _ => None,
        }
    }

    /// Whether what was asked about does not exist, or is out of the bot's sight.
    pub fn is_absent(&self) -> bool {
        use code::{MISSING_ACCESS, UNKNOWN_CHANNEL, UNKNOWN_GUILD, UNKNOWN_MEMBER, UNKNOWN_USER};
        let absent = [
            UNKNOWN_CHANNEL,
            UNKNOWN_GUILD,
            UNKNOWN_MEMBER,
            UNKNOWN_USER,
            MISSING_ACCESS,
        ];
        match self {
            Self::BadId | Self::Api(404, 0) => true,
            Self::Api(_, code) => absent.contains(code),
            _ => false,
        }
    }

    /// Whether the person takes no direct messages of the bot's.
    pub fn is_closed(&self) -> bool {
        let closed = [code::NO_DIRECT_MESSAGES, code::NO_MUTUAL_GUILD];
        self.code().is_some_and(|code| closed.contains(&code))
    }

    /// Of a call that changes something: what is lost on the way may have happened.
    pub fn of_change(self) -> PlatformError {
        let text = self.to_string();
        match self {
            Self::Api(_, code::OPENING_TOO_FAST) => PlatformError::Later(OPENING_PAUSE),
            Self::Api(..) | Self::BadId => PlatformError::Refused(text),
            Self::Limited(after) => PlatformError::Later(after),
            // Nothing is wrong with what was asked, so it must not be given up.
            Self::BadToken => PlatformError::Later(TOKEN_PAUSE),
            Self::NotSent => PlatformError::Later(PAUSE),
            Self::Status(_) | Self::Lost | Self::TimedOut | Self::Malformed => {
                PlatformError::Unknown(text)
            }
        }
    }

    /// Of a call that only asks: nothing happened, and the text says why there is no answer.
    pub fn of_question(self) -> PlatformError {
        match self {
            Self::NotSent | Self::BadToken => PlatformError::Unknown(self.to_string()),
            other => other.of_change(),
        }
    }

    /// Of a call that only prepares: it can be repeated before the change itself.
    pub fn of_preparation(self) -> PlatformError {
        match self.of_change() {
            PlatformError::Unknown(_) => PlatformError::Later(PAUSE),
            other => other,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api(status, code) => sentence(*status, *code, f),
            Self::Limited(_) => f.write_str("Discord asks to wait"),
            Self::BadToken => f.write_str("Discord does not accept the bot token"),
            Self::BadId => f.write_str("that is no id of Discord's"),
            Self::Status(status) => write!(f, "Discord answered with HTTP status {status}"),
            Self::NotSent => f.write_str("Discord could not be reached"),
            Self::Lost => f.write_str("the connection to Discord broke"),
            Self::TimedOut => f.write_str("Discord did not answer in time"),
            Self::Malformed => f.write_str("Discord answered something unreadable"),
        }
    }
}

fn sentence(status: u16, code: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let known = match code {
        code::UNKNOWN_CHANNEL => "Discord does not know that channel, or Slice can't see it",
        code::UNKNOWN_GUILD => "Slice is not in that server",
        code::UNKNOWN_MEMBER | code::UNKNOWN_USER => "Discord does not know that person here",
        code::UNKNOWN_MESSAGE => "the message does not exist any more",
        code::UNKNOWN_WEBHOOK | code::INVALID_WEBHOOK_TOKEN => {
            "the time in which Discord takes an answer had passed"
        }
        code::UNKNOWN_INTERACTION => "the time in which Discord takes a first answer had passed",
        code::ALREADY_ACKNOWLEDGED => "it was answered elsewhere",
        code::OPENING_TOO_FAST => "Discord lets Slice open no more direct messages for now",
        code::MISSING_ACCESS => "Slice can't see that channel or server",
        code::NO_DIRECT_MESSAGES => "that person takes no direct messages from Slice",
        code::MISSING_PERMISSIONS => "Slice lacks a permission there",
        code::NO_MUTUAL_GUILD => "that person shares no server with Slice any more",
        _ => return write!(f, "Discord refused it (status {status}, code {code})"),
    };
    f.write_str(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certain_refusals_are_final() {
        let api = |status, code| Failure::Api(status, code).of_change();
        for (status, code) in [
            (403, code::NO_DIRECT_MESSAGES),
            (400, 50_035),
            (404, code::UNKNOWN_INTERACTION),
            (403, 0),
        ] {
            assert!(
                matches!(api(status, code), PlatformError::Refused(_)),
                "{code}"
            );
        }
        for later in [
            Failure::Api(400, code::OPENING_TOO_FAST),
            Failure::Limited(PAUSE),
            Failure::BadToken,
            Failure::NotSent,
        ] {
            assert!(
                matches!(later.clone().of_change(), PlatformError::Later(_)),
                "{later:?}"
            );
        }
        for lost in [
            Failure::Status(502),
            Failure::Lost,
            Failure::TimedOut,
            Failure::Malformed,
        ] {
            assert!(
                matches!(lost.clone().of_change(), PlatformError::Unknown(_)),
                "{lost:?}"
            );
            assert!(matches!(lost.of_preparation(), PlatformError::Later(_)));
        }
    }
}
