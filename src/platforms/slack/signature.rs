//! Slack's signature of a request: proof that Slack sent it, and sent it just now.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use slice_core::{secret::Secret, time::Time};
use std::time::Duration;

/// Older requests are not believed, and neither are those of the future.
pub(super) const WINDOW: Duration = Duration::from_mins(5);
const VERSION: &str = "v0";

/// Why a request is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unproven {
    /// It names no instant or no signature, or none of Slack's form.
    Unsigned,
    /// The instant is too long ago, or to come.
    Late,
    /// The signature is of another body, instant or secret.
    Forged,
    /// All is right with it, and it was sent before.
    Replayed,
}

impl Unproven {
    pub fn word(self) -> &'static str {
        match self {
            Self::Unsigned => "it is not signed",
            Self::Late => "it was not signed just now",
            Self::Forged => "its signature is not Slack's",
            Self::Replayed => "it was sent before",
        }
    }
}

/// What a request's headers claim, as far as it can be judged before its body is read.
pub(super) struct Claim {
    instant: String,
    signature: Vec<u8>,
}

impl Claim {
    /// `instant` in whole seconds since 1970, `signature` as `v0=` and hex digits.
    pub fn read(
        instant: Option<&str>,
        signature: Option<&str>,
        now: Time,
    ) -> Result<Self, Unproven> {
        let (Some(instant), Some(signature)) = (instant, signature) else {
            return Err(Unproven::Unsigned);
        };
        let seconds: i64 = instant.parse().map_err(|_| Unproven::Unsigned)?;
        let digits = signature
            .strip_prefix(VERSION)
            .and_then(|rest| rest.strip_prefix('='));
        let signature = digits.and_then(|digits| hex::decode(digits).ok());
        let signature = signature.ok_or(Unproven::Unsigned)?;
        let micros = seconds.checked_mul(1_000_000).ok_or(Unproven::Late)?;
        if WINDOW.as_micros() < u128::from(now.micros().abs_diff(micros)) {
            return Err(Unproven::Late);
        }
        Ok(Self {
            instant: instant.to_owned(),
            signature,
        })
    }

    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Whether the claim is true of this body. Takes as long whatever the signature is.
    pub fn prove(&self, secret: &Secret, body: &[u8]) -> Result<(), Unproven> {
        mac(secret, &self.instant, body)
            .verify_slice(&self.signature)
            .map_err(|_| Unproven::Forged)
    }
}

fn mac(secret: &Secret, instant: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .expect("HMAC takes keys of any length");
    for part in [VERSION.as_bytes(), b":", instant.as_bytes(), b":", body] {
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in Slack's own description of its signatures.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const INSTANT: &str = "1531420618";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
        &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner\
        &command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands\
        %2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
        &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    fn judged(
        instant: &str,
        signature: &str,
        now: Time,
        secret: &str,
        body: &str,
    ) -> Result<(), Unproven> {
        let claim = Claim::read(Some(instant), Some(signature), now)?;
        claim.prove(&Secret::new(secret.to_owned()), body.as_bytes())
    }

    #[test]
    fn slack_s_own_example_is_believed() {
        let now = at(1_531_420_618);
        assert_eq!(judged(INSTANT, SIGNATURE, now, SECRET, BODY), Ok(()));
    }

    #[test]
    fn nothing_else_is() {
        let now = at(1_531_420_618);
        let forged = Err(Unproven::Forged);
        let other_body = format!("{BODY}&x");
        assert_eq!(judged(INSTANT, SIGNATURE, now, SECRET, &other_body), forged);
        let other_secret = "8f742231b10e8888abcd99yyyzzz85a6";
        assert_eq!(judged(INSTANT, SIGNATURE, now, other_secret, BODY), forged);
        assert_eq!(judged("1531420619", SIGNATURE, now, SECRET, BODY), forged);
        for cut in 0..32 {
            let cut = &SIGNATURE[..3 + 2 * cut];
            assert_eq!(judged(INSTANT, cut, now, SECRET, BODY), forged);
        }
        for unsigned in ["", "v0", "v0=zz", "v1=00", &SIGNATURE[3..]] {
            assert_eq!(
                judged(INSTANT, unsigned, now, SECRET, BODY),
                Err(Unproven::Unsigned)
            );
        }
        for instant in ["", "soon", "1531420618.5", "99999999999999999999"] {
            assert_eq!(
                judged(instant, SIGNATURE, now, SECRET, BODY),
                Err(Unproven::Unsigned)
            );
        }
        assert!(Claim::read(None, Some(SIGNATURE), now).is_err());
        assert!(Claim::read(Some(INSTANT), None, now).is_err());
    }

    #[test]
    fn a_signature_is_good_for_five_minutes_both_ways() {
        for (after, good) in [
            (300, true),
            (-300, true),
            (301, false),
            (-301, false),
            (i64::MAX / 2_000_000, false),
        ] {
            let judged = judged(INSTANT, SIGNATURE, at(1_531_420_618 + after), SECRET, BODY);
            assert_eq!(judged.is_ok(), good, "{after}");
        }
        let never = judged(&i64::MIN.to_string(), SIGNATURE, at(0), SECRET, BODY);
        assert_eq!(never, Err(Unproven::Late));
    }
}
