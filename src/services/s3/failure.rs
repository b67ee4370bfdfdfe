//! What a failed call to AWS lets us conclude. Texts of AWS and of the SDK are left behind: they hold
//! what was sent.

use aws_sdk_s3::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use slice_core::ports::ServiceError;
use std::time::Duration;

/// Before asking again a provider that is busy or broken.
const PAUSE: Duration = Duration::from_secs(5);
/// Before asking again what an owner or operator has to mend first.
pub(super) const REMEDY_PAUSE: Duration = Duration::from_mins(1);

/// What a call does at AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Reads,
    Changes,
}

/// What went wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// AWS said no, in its word for it.
    Said {
        code: String,
        status: u16,
    },
    /// It never left.
    Unsent,
    NoAnswer,
    /// The answer is none of AWS's.
    Odd,
}

impl<E: ProvideErrorMetadata> From<SdkError<E, HttpResponse>> for Failure {
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        match error {
            SdkError::ConstructionFailure(_) => Self::Unsent,
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => Self::NoAnswer,
            SdkError::ServiceError(error) => {
                let status = error.raw().status().as_u16();
                // Where no code is said, AWS may not be who answers: nothing is taken for gone by that.
                let code = match (error.err().code(), status) {
                    (Some(code), _) => code.to_owned(),
                    (None, 403) => "AccessDenied".to_owned(),
                    (None, _) => return Self::Odd,
                };
                Self::Said { code, status }
            }
            _ => Self::Odd,
        }
    }
}

impl Failure {
    pub fn code(&self) -> &str {
        match self {
            Self::Said { code, .. } => code,
            _ => "",
        }
    }

    /// Whether AWS certainly knows nothing of that name.
    pub fn is_missing(&self) -> bool {
        ["NoSuchEntity", "NoSuchBucket", "NotFound"].contains(&self.code())
    }

    /// What may be concluded from it; `doing`: what Slice was about to do, as in “make a user”.
    pub fn conclude(&self, effect: Effect, doing: &str) -> ServiceError {
        let later = |after, why: String| ServiceError::Later { after, why };
        let unclear = |why: String| match effect {
            Effect::Reads => later(PAUSE, why),
            Effect::Changes => ServiceError::Unknown(why),
        };
        let (code, status) = match self {
            Self::Said { code, status } => (code.as_str(), *status),
            Self::Unsent => {
                return later(
                    REMEDY_PAUSE,
                    format!("Slice could not send AWS its order to {doing}."),
                );
            }
            Self::NoAnswer => return unclear(format!("AWS did not answer when asked to {doing}.")),
            Self::Odd => {
                return unclear(format!(
                    "What answered when asked to {doing} does not speak as AWS does."
                ));
            }
        };
        match code {
            "NoSuchEntity" | "NoSuchBucket" | "NotFound" => ServiceError::Gone,
            "Throttling"
            | "ThrottlingException"
            | "SlowDown"
            | "RequestLimitExceeded"
            | "TooManyRequestsException" => {
                later(Duration::from_secs(30), "AWS asks to wait.".into())
            }
            // Something else is under way there, so this was not begun.
            "ConcurrentModification"
            | "DeleteConflict"
            | "EntityTemporarilyUnmodifiable"
            | "OperationAborted" => later(
                Duration::from_secs(30),
                format!("AWS is busy with the same thing, asked to {doing}."),
            ),
            "RequestTimeTooSkewed" | "RequestExpired" => later(REMEDY_PAUSE, skewed()),
            "InvalidClientTokenId" | "InvalidAccessKeyId" | "UnrecognizedClientException" => {
                let why = "AWS does not know the master key, or it was made inactive.";
                later(REMEDY_PAUSE, why.into())
            }
            // The Query APIs say the same of a wrong secret and of a wrong clock.
            "SignatureDoesNotMatch" => later(
                REMEDY_PAUSE,
                format!(
                    "AWS does not believe the master key's signature: the secret access key is wrong, or {}",
                    lower_first(&skewed())
                ),
            ),
            "AccessDenied" | "AccessDeniedException" => later(
                REMEDY_PAUSE,
                format!("The master key may not {doing}: its policy at AWS lacks that."),
            ),
            _ if 500 <= status => {
                unclear(format!("AWS is broken at the moment, asked to {doing}."))
            }
            _ if 400 <= status => {
                ServiceError::Rejected(format!("AWS refused to {doing} ({}).", word(code)))
            }
            _ => unclear(format!("AWS's answer, asked to {doing}, is odd.")),
        }
    }
}

/// A code is a word of AWS's; anything else is not repeated.
fn word(code: &str) -> &str {
    let plain = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain { code } else { "an unknown error" }
}

fn skewed() -> String {
    "The clock of the machine that Slice runs on is more than 15 minutes off. Whoever runs Slice \
     should set it."
        .into()
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

/// A master credential that cannot be one.
pub(super) fn not_a_master(why: &str) -> ServiceError {
    ServiceError::Rejected(format!("That is no key of an IAM user. {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::{error::ErrorMetadata, primitives::SdkBody};

    fn said(code: &str, status: u16, effect: Effect) -> ServiceError {
        let code = code.to_owned();
        Failure::Said { code, status }.conclude(effect, "make a user")
    }

    #[test]
    fn a_change_without_a_clear_answer_may_have_happened() {
        for failure in [Failure::NoAnswer, Failure::Odd] {
            let change = failure.conclude(Effect::Changes, "make a user");
            assert!(matches!(change, ServiceError::Unknown(_)), "{failure:?}");
            let read = failure.conclude(Effect::Reads, "list users");
            assert!(matches!(read, ServiceError::Later { .. }), "{failure:?}");
        }
        let broken = said("ServiceFailure", 500, Effect::Changes);
        assert!(matches!(broken, ServiceError::Unknown(_)));
    }

    /// As a proxy answers, or a gate before AWS: nothing is gone by that, and nothing was done.
    #[test]
    fn a_page_with_404_says_nothing_of_aws() {
        let answers = |status: u16, code: Option<&str>| {
            let mut said = ErrorMetadata::builder();
            if let Some(code) = code {
                said = said.code(code);
            }
            let page = SdkBody::from("<html><h1>404 Not Found</h1></html>");
            let status = status.try_into().expect("a status");
            let answer = HttpResponse::new(status, page);
            Failure::from(SdkError::service_error(said.build(), answer))
        };
        let page = answers(404, None);
        assert_eq!(page, Failure::Odd);
        assert!(!page.is_missing());
        let read = page.conclude(Effect::Reads, "look at a user");
        assert!(matches!(read, ServiceError::Later { .. }), "{read:?}");
        let change = page.conclude(Effect::Changes, "delete a user");
        assert!(matches!(change, ServiceError::Unknown(_)), "{change:?}");
        let own = answers(404, Some("NoSuchBucket"));
        assert!(own.is_missing());
        let gone = own.conclude(Effect::Reads, "look at a bucket");
        assert_eq!(gone, ServiceError::Gone);
    }

    #[test]
    fn a_clear_no_is_a_fact() {
        for code in [
            "Throttling",
            "AccessDenied",
            "InvalidClientTokenId",
            "RequestTimeTooSkewed",
            "ConcurrentModification",
            "DeleteConflict",
            "EntityTemporarilyUnmodifiable",
            "OperationAborted",
        ] {
            let why = said(code, 403, Effect::Changes);
            assert!(matches!(why, ServiceError::Later { .. }), "{code}");
        }
        assert_eq!(
            said("NoSuchEntity", 404, Effect::Changes),
            ServiceError::Gone
        );
        let refused = said("InvalidInput", 400, Effect::Changes);
        assert_eq!(
            refused.to_string(),
            "AWS refused to make a user (InvalidInput)."
        );
        let strange = said("<b>@everyone</b>", 400, Effect::Changes);
        assert_eq!(
            strange.to_string(),
            "AWS refused to make a user (an unknown error)."
        );
    }
}
