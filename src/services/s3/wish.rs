//! What a member wants of S3: a bucket of her own, or a part in one that Slice made.

use super::policy::PREFIX;
use slice_core::refusal::shorten;
use uuid::Uuid;

const READ: &str = "read";
const WRITE: &str = "write";
const FULL: &str = "full";
const BUCKET: &str = "bucket:";

/// What a key may do with what is in its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Full,
    Read,
    Write,
}

/// A part in a bucket that was made for a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub bucket: String,
    /// For which the bucket was made, as its name says.
    pub grant: Uuid,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub access: Access,
    /// `None`: a bucket of its own.
    pub part: Option<Part>,
}

impl Wish {
    /// Understands what was said, one wish a line, or what was kept of it. The error is a whole sentence.
    pub fn read(said: &str) -> Result<Self, String> {
        let (mut access, mut part) = (None, None);
        for line in said.lines() {
            let word = match line {
                READ => Some(Access::Read),
                WRITE => Some(Access::Write),
                FULL => Some(Access::Full),
                _ => None,
            };
            match (word, line.strip_prefix(BUCKET)) {
                (Some(word), _) if access.is_none_or(|before| before == word) => {
                    access = Some(word);
                }
                (None, Some(name)) if part.is_none() => part = Some(Part::named(name)?),
                _ => return Err(Self::unclear(line)),
            }
        }
        match (access, part) {
            (None | Some(Access::Full), None) => Ok(Self {
                access: Access::Full,
                part: None,
            }),
            (Some(access @ (Access::Read | Access::Write)), part @ Some(_)) => {
                Ok(Self { access, part })
            }
            (Some(_), None) => Err(
                "Read or write what? A key that may not do both is for a bucket that Slice \
                 made already: `read bucket:<its name>`."
                    .into(),
            ),
            (_, Some(_)) => {
                Err("A part in a bucket is `read` or `write`: `read bucket:<its name>`.".into())
            }
        }
    }

    fn unclear(line: &str) -> String {
        format!(
            "“{}” means nothing to s3: a key may read and write a bucket of its own (full), or `read` or `write` \
             in one that Slice made, as in `read bucket:<its name>`.",
            shorten(line)
        )
    }

    /// As it is kept: one wish a line, nothing for what is usual.
    pub fn kept(&self) -> String {
        let word = match self.access {
            Access::Full => FULL,
            Access::Read => READ,
            Access::Write => WRITE,
        };
        let part = self.part.as_ref();
        part.map_or_else(String::new, |part| {
            format!("{word}\n{BUCKET}{}", part.bucket)
        })
    }
}

impl Part {
    /// A name is one that Slice gives, letter by letter: what could mean more in a policy never gets there.
    pub fn named(bucket: &str) -> Result<Self, String> {
        Self::parse(bucket).ok_or_else(|| {
            format!(
                "“{}” is no bucket that Slice made: their names are slice-, 8 digits or letters up to f, -, and \
                 32 of them, as the messages of your keys show them.",
                shorten(bucket)
            )
        })
    }

    fn parse(bucket: &str) -> Option<Self> {
        let (account, grant) = bucket.strip_prefix(PREFIX)?.split_once('-')?;
        let plain = |text: &str| {
            text.bytes()
                .all(|one| matches!(one, b'0'..=b'9' | b'a'..=b'f'))
        };
        if account.len() != 8 || grant.len() != 32 || !plain(account) || !plain(grant) {
            return None;
        }
        Some(Self {
            bucket: bucket.to_owned(),
            grant: Uuid::try_parse(grant).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "slice-2a33349e-0191d2c47b1e7c3a9a553f0a6d1b2c3d";

    #[test]
    fn what_is_kept_is_read_again() {
        let said = format!("bucket:{NAME}\nread");
        let wish = Wish::read(&said).expect("a wish");
        assert_eq!(wish.kept(), format!("read\nbucket:{NAME}"));
        assert_eq!(Wish::read(&wish.kept()), Ok(wish));
        for usual in ["", "full"] {
            assert_eq!(Wish::read(usual).map(|wish| wish.kept()), Ok(String::new()));
        }
    }

    #[test]
    fn no_other_name_is_a_buckets() {
        let short = NAME.trim_end_matches('d');
        let names = [
            "",
            "*",
            "slice-*",
            "other",
            "slice-2a33349e-*",
            short,
            "slice-${aws:username}-0191d2c47b1e7c3a9a553f0a6d1b2c3d",
            "slice-2a33349e-0191d2c4-7b1e-7c3a-9a55-3f0a6d1b2c",
            "slice-2A33349E-0191d2c47b1e7c3a9a553f0a6d1b2c3d",
            "slice-2a33349e-0191d2c47b1e7c3a9a553f0a6d1b2c3d/../x",
        ];
        for name in names {
            assert!(
                Wish::read(&format!("read\nbucket:{name}")).is_err(),
                "{name}"
            );
        }
        for said in ["read", "write", "read\nwrite", "full\nbucket:x", "plain"] {
            assert!(Wish::read(said).is_err(), "{said}");
        }
        assert!(Wish::read(&format!("bucket:{NAME}")).is_err());
        assert!(Wish::read(&format!("read\nbucket:{NAME}\nbucket:{NAME}")).is_err());
    }
}
