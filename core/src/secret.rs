//! A secret has one door.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Text that must never be printed, copied or serialized. It is wiped from memory when dropped.
///
/// There is no `Display`, `Clone` or `Serialize`, and `Debug` tells nothing.
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The one door. Callers are the vault, the services, and the platform that shows it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The text of a form's field whose parameter is no secret: platforms hand every field in as
    /// one, because only the command knows which is.
    pub fn as_field(&self) -> &str {
        &self.0
    }

    /// A credential of several parts: the secret itself is the first line, and each of the others is
    /// one `name:value` line after it.
    #[must_use]
    pub fn joined(&self, name: &str, value: &Self) -> Self {
        Self::new(format!("{}\n{name}:{}", *self.0, *value.0))
    }

    /// The same with just these parts, in this order. The error is the name of one that is missing.
    pub fn parts<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut lines = self.0.lines();
        let mut whole = Self::new(lines.next().unwrap_or_default().to_owned());
        let parts: Vec<_> = lines.filter_map(|line| line.split_once(':')).collect();
        for name in names {
            let part = parts.iter().find(|(known, _)| *known == name);
            let (_, value) = part.ok_or(name)?;
            whole = whole.joined(name, &Self::new((*value).to_owned()));
        }
        Ok(whole)
    }

    /// Without the blanks and line ends that come along when a key is pasted.
    #[must_use]
    pub fn trimmed(&self) -> Self {
        Self::new(self.0.trim().to_owned())
    }

    /// The last four characters, by which owners tell keys apart; dots where the key is so short
    /// that four of its characters would give much of it away.
    pub fn last4(&self) -> String {
        let letters: Vec<char> = self.0.chars().collect();
        if letters.len() < LAST4_FROM {
            return "····".into();
        }
        letters[letters.len() - 4..].iter().collect()
    }

    /// The first 16 hex digits of its SHA-256.
    pub fn fingerprint(&self) -> String {
        let digest = hex::encode(Sha256::digest(self.0.as_bytes()));
        digest.chars().take(FINGERPRINT_DIGITS).collect()
    }
}

const LAST4_FROM: usize = 16;
const FINGERPRINT_DIGITS: usize = 16;

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Beginnings of well-known keys. Free text that holds one of them is refused unread.
const KEY_SHAPES: [&str; 9] = [
    "sk-or-", "sk-ant-", "sk-proj-", "xoxb-", "xoxp-", "xapp-", "AKIA", "ASIA", "rpa_",
];
/// Shorter than this, a text after such a beginning is a mention of it, not a key.
const KEY_BODY_MIN: usize = 12;

/// Whether the text holds something that looks like a key.
pub fn looks_like_a_key(text: &str) -> bool {
    KEY_SHAPES.iter().any(|shape| {
        text.match_indices(shape).any(|(at, _)| {
            let body = &text[at + shape.len()..];
            let body = body
                .bytes()
                .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            body.count() >= KEY_BODY_MIN
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_their_shape() {
        assert!(looks_like_a_key("here: sk-or-v1-0123456789abcdef, use it"));
        assert!(looks_like_a_key("AKIAIOSFODNN7EXAMPLE"));
        assert!(!looks_like_a_key("because my sk-or- key ended"));
        assert!(!looks_like_a_key("for the asian market"));
    }

    #[test]
    fn little_of_a_key_tells_it_apart() {
        let key = Secret::new("sk-or-v1-0123456789abcdef".into());
        assert_eq!(key.last4(), "cdef");
        assert_eq!(key.fingerprint().len(), FINGERPRINT_DIGITS);
        assert_eq!(Secret::new("tiny".into()).last4(), "····");
        assert_eq!(Secret::new(" key\n".into()).trimmed().expose(), "key");
    }

    #[test]
    fn a_credential_has_the_parts_that_its_service_wants() {
        let key = Secret::new("s3cret".into());
        let whole = key.joined("b", &Secret::new("2".into()));
        let whole = whole.joined("a", &Secret::new("1".into()));
        let sorted = whole.parts(["a", "b"]).expect("both are there");
        assert_eq!(sorted.expose(), "s3cret\na:1\nb:2");
        assert_eq!(
            whole.parts([]).expect("no part is wanted").expose(),
            "s3cret"
        );
        assert_eq!(whole.parts(["a", "c"]).err(), Some("c"));
    }

    #[test]
    fn debug_tells_nothing() {
        assert!(
            !format!("{:?}", Secret::new("sk-or-v1-0123456789abcdef".into())).contains("sk-or")
        );
    }
}
