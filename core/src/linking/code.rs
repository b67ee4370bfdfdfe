//! Codes: what is said on the other side, and the little that the books keep of it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// The letters of a code: 32, none of which looks like another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 16 letters of 5 bits: 80 bits.
const LETTERS: usize = 16;
const GROUP: usize = 4;
/// What a digest is made with, so that it is nothing else's.
const DIGEST_KEY: &[u8] = b"slice/link code";

/// A code as its maker sees it, once. The books know its digest only.
pub struct Code(String);

impl Code {
    pub fn from_random(bytes: [u8; 16]) -> Self {
        let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte & 31)]);
        Self(bytes.iter().map(letter).collect())
    }

    /// What a person typed: dashes, blanks and small letters do not matter, and what looks alike is
    /// alike. `None`: that was never a code.
    pub fn read(text: &str) -> Option<Self> {
        let letters = text.chars().filter(|letter| !matches!(letter, '-' | ' '));
        let alike = |letter: char| match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let code: String = letters.map(alike).collect();
        let known = |letter: u8| ALPHABET.contains(&letter);
        (code.len() == LETTERS && code.bytes().all(known)).then_some(Self(code))
    }

    fn mac(&self) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(DIGEST_KEY).expect("HMAC takes keys of any length");
        mac.update(self.0.as_bytes());
        mac
    }

    /// What the books keep of it.
    pub fn digest(&self) -> String {
        hex::encode(self.mac().finalize().into_bytes())
    }

    /// Whether the digest is this code's, in a time that does not tell how near it is.
    pub fn is(&self, digest: &str) -> bool {
        let digest = hex::decode(digest).unwrap_or_default();
        self.mac().verify_slice(&digest).is_ok()
    }
}

impl fmt::Display for Code {
    /// `7K3M-QX2P-9WRT-4HJD`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, letter) in self.0.chars().enumerate() {
            if 0 < index && index % GROUP == 0 {
                f.write_str("-")?;
            }
            write!(f, "{letter}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = Code::from_random([0xff, 0, 17, 18, 19, 20, 21, 22, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(code.to_string(), "Z0HJ-KMNP-1234-5678");
        for typed in [
            "z0hjkmnp12345678",
            "ZOHJ KMNP L234 5678",
            "Z0HJ-KMNP-I234-5678",
        ] {
            let read = Code::read(typed).expect("a code");
            assert!(read.is(&code.digest()), "{typed}");
        }
        for typed in [
            "",
            "Z0HJ-KMNP-1234-567",
            "Z0HJ-KMNP-1234-567U",
            "me",
            "ß0HJKMNP12345678",
        ] {
            assert!(Code::read(typed).is_none(), "{typed}");
        }
        assert!(!code.is(""));
        assert!(!code.is(&Code::from_random([0; 16]).digest()));
        assert!(!format!("{code:?} {}", code.digest()).contains("Z0HJ"));
    }
}
