//! The state that goes through Slack and back, and the cookie that binds it to one browser.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use slice_core::{ports::Clock, secret::Secret, time::Time};
use std::time::Duration;

/// Who has not come back by then begins anew.
const LIFE: Duration = Duration::from_mins(10);
const NONCE_BYTES: usize = 32;
/// Keeps what is signed here apart from anything else that the same secret might sign.
const DOMAIN: &[u8] = b"slice installation, version 1\0";
/// The prefix makes browsers refuse it from a neighbouring or unencrypted page.
const COOKIE: &str = "__Host-slice-install";
/// Takes the cookie away.
pub(super) const CLEARED: &str =
    "__Host-slice-install=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax";

/// A beginning: what goes to Slack, and what stays in the browser.
pub(super) struct Pass {
    /// The instant at which it ends and a signature over that and the nonce: it names the browser
    /// only to who has the cookie.
    pub state: String,
    /// The whole header that sets the nonce.
    pub cookie: String,
}

impl Pass {
    pub fn fresh(clock: &dyn Clock, key: &Secret) -> Self {
        let mut nonce = [0; NONCE_BYTES];
        clock.random(&mut nonce);
        let nonce = hex::encode(nonce);
        let ends = (clock.now() + LIFE).micros().to_string();
        let signature = hex::encode(mac(key, &ends, &nonce).finalize().into_bytes());
        let seconds = LIFE.as_secs();
        Self {
            state: format!("{ends}.{signature}"),
            cookie: format!(
                "{COOKIE}={nonce}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Lax"
            ),
        }
    }
}

fn mac(key: &Secret, ends: &str, nonce: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes())
        .expect("HMAC takes keys of any length");
    for part in [DOMAIN, ends.as_bytes(), b"\0", nonce.as_bytes()] {
        mac.update(part);
    }
    mac
}

/// The mark of a state that is ours, this browser's and not over: for noting that it was used.
/// Takes as long whatever the signature is.
pub(super) fn check(state: &str, nonce: &str, now: Time, key: &Secret) -> Option<String> {
    let (ends, signature) = state.split_once('.')?;
    let signature = hex::decode(signature).ok()?;
    mac(key, ends, nonce).verify_slice(&signature).ok()?;
    let ends = Time::from_micros(ends.parse().ok()?);
    (now < ends).then(|| format!("slack/install/{}", hex::encode(signature)))
}

/// No state that is good now is good after this.
pub(super) fn good_until(now: Time) -> Time {
    now + LIFE
}

/// The nonce in a line of cookies.
pub(super) fn nonce(cookies: &str) -> Option<&str> {
    let mut cookies = cookies.split(';').map(str::trim);
    cookies.find_map(|cookie| cookie.strip_prefix(COOKIE)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(i64);

    impl Clock for At {
        fn now(&self) -> Time {
            Time::from_micros(self.0)
        }

        fn random(&self, bytes: &mut [u8]) {
            bytes.fill(u8::try_from(self.0 % 251).expect("a byte"));
        }
    }

    fn key(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    fn fresh(at: i64) -> (String, String) {
        let pass = Pass::fresh(&At(at), &key("secret"));
        let cookie = pass.cookie.split(';').next().expect("a cookie");
        let nonce = nonce(&format!("a=b; {cookie}; c=d"))
            .expect("a nonce")
            .to_owned();
        (pass.state, nonce)
    }

    #[test]
    fn a_state_is_good_for_one_browser_and_ten_minutes() {
        let (state, nonce) = fresh(5);
        let (other_state, other_nonce) = fresh(6);
        let judge = |state: &str, nonce: &str, at: i64| {
            check(state, nonce, Time::from_micros(at), &key("secret")).is_some()
        };
        let end = 5 + 600_000_000;
        assert!(judge(&state, &nonce, 5) && judge(&state, &nonce, end - 1));
        assert!(!judge(&state, &nonce, end));
        assert!(!judge(&state, &other_nonce, 5) && !judge(&other_state, &nonce, 5));
        let later = state.replacen(&end.to_string(), &(end + 1).to_string(), 1);
        assert!(later != state && !judge(&later, &nonce, 5));
        for broken in [
            "",
            ".",
            "1.",
            &state[..state.len() - 2],
            "9999999999999999999.00",
        ] {
            assert!(!judge(broken, &nonce, 5), "{broken}");
        }
        let by_another = check(&state, &nonce, Time::from_micros(5), &key("other"));
        assert_eq!(by_another, None);
    }

    #[test]
    fn the_state_does_not_tell_the_nonce() {
        let (state, nonce) = fresh(7);
        assert!(!state.contains(&nonce) && nonce.len() == 2 * NONCE_BYTES);
        let clears = CLEARED.split(';').next().expect("a cookie");
        assert_eq!(super::nonce(clears), Some(""));
    }
}
