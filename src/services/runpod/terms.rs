//! What members want of a pod: lines of `name:answer`.

use super::price::Rate;
use base64::{Engine, engine::general_purpose::STANDARD};
use slice_core::{money::Money, ports::Facts, refusal::shorten};
use std::fmt;

pub(super) const DISK_MIN: i64 = 5;
pub(super) const DISK_MAX: i64 = 500;
const GPU_MAX: usize = 60;
/// What stands between a GPU and the price per hour that was accepted for it.
const AT: &str = " at ";
/// Kinds of public keys that OpenSSH takes.
const KINDS: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// How a pod is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// With the private half of this public key, which has no comment.
    Ssh(String),
    /// By HTTP at this port of the container, with a generated password.
    Port(u16),
}

impl Access {
    pub fn parse(said: &str) -> Result<Self, String> {
        let said = said.trim();
        if let Ok(port) = said.parse::<u16>() {
            return if port == 0 || port == 22 {
                Err(format!("Port {port} can't be reached by HTTP."))
            } else {
                Ok(Self::Port(port))
            };
        }
        let mut words = said.split_whitespace();
        let (kind, blob) = (words.next().unwrap_or_default(), words.next());
        let key = blob.and_then(|blob| Some((blob, STANDARD.decode(blob).ok()?)));
        let named = |bytes: &[u8]| {
            let length = bytes
                .first_chunk::<4>()
                .map(|length| u32::from_be_bytes(*length));
            let length = length.and_then(|length| usize::try_from(length).ok());
            length.and_then(|length| bytes.get(4..4 + length)) == Some(kind.as_bytes())
        };
        match key {
            Some((blob, bytes)) if KINDS.contains(&kind) && named(&bytes) => {
                Ok(Self::Ssh(format!("{kind} {blob}")))
            }
            _ => Err(format!(
                "“{}” is neither a public key of SSH, such as the line in ~/.ssh/id_ed25519.pub, nor a port.",
                shorten(said)
            )),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ssh(key) => f.write_str(key),
            Self::Port(port) => write!(f, "{port}"),
        }
    }
}

/// Whole gigabytes.
pub(super) fn disk(said: &str) -> Result<i64, String> {
    let digits = said.trim().trim_end_matches("GB").trim_end();
    let gigabytes = digits.parse::<i64>().ok();
    let fits = gigabytes.filter(|gigabytes| (DISK_MIN..=DISK_MAX).contains(gigabytes));
    fits.ok_or_else(|| {
        format!(
            "“{}” is no size of a disk: it has {DISK_MIN} to {DISK_MAX} GB.",
            shorten(said)
        )
    })
}

/// What a member said, of which the owners' choices fill in the rest.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// With the price per hour that she accepted.
    pub gpu: Option<(String, Option<Money>)>,
    pub image: Option<String>,
    pub disk: Option<i64>,
    pub access: Option<Access>,
}

impl Said {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut said = Self::default();
        for line in text.lines() {
            let (name, answer) = line.split_once(':').unwrap_or((line, ""));
            match name {
                "gpu" => said.gpu = Some(gpu(answer)?),
                "image" => said.image = Some(answer.trim().to_owned()),
                "disk" => said.disk = Some(disk(answer)?),
                "access" => said.access = Some(Access::parse(answer)?),
                _ => {
                    return Err(format!(
                        "“{}” means nothing to runpod, which knows gpu:, image:, disk: and access:.",
                        shorten(line)
                    ));
                }
            }
        }
        Ok(said)
    }
}

pub(super) fn gpu(answer: &str) -> Result<(String, Option<Money>), String> {
    let answer = answer.trim();
    let (name, price) = match answer.rsplit_once(AT) {
        Some((name, price)) => {
            let amount = price.trim().trim_start_matches('$').replace(',', "");
            let price = Money::from_decimal(&amount).filter(|price| Money::ZERO < *price);
            (name.trim(), Some(price.ok_or_else(|| no_gpu(answer))?))
        }
        None => (answer, None),
    };
    if name.is_empty() || GPU_MAX < name.chars().count() {
        return Err(no_gpu(answer));
    }
    Ok((name.to_owned(), price))
}

fn no_gpu(answer: &str) -> String {
    format!("“{}” is no kind of GPU.", shorten(answer))
}

/// A GPU with its price, as an answer.
pub(super) fn priced(gpu: &str, price: Money) -> String {
    format!("{gpu}{AT}{price}")
}

/// A pod as it was agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub gpu: String,
    /// The highest price per hour that was accepted.
    pub price: Money,
    pub image: String,
    pub disk_gb: i64,
    pub access: Access,
}

impl Terms {
    /// Reads what [`fmt::Display`] wrote.
    pub fn kept(text: &str) -> Option<Self> {
        let said = Said::parse(text).ok()?;
        let (gpu, price) = said.gpu?;
        Some(Self {
            gpu,
            price: price?,
            image: said.image?,
            disk_gb: said.disk?,
            access: said.access?,
        })
    }

    pub fn rate(&self) -> Rate {
        Rate {
            gpu: self.price,
            disk_gb: self.disk_gb,
        }
    }
}

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            gpu,
            price,
            image,
            disk_gb,
            access,
        } = self;
        let gpu = priced(gpu, *price);
        write!(
            f,
            "gpu:{gpu}\nimage:{image}\ndisk:{disk_gb}\naccess:{access}"
        )
    }
}

/// What was wanted or chosen, for people.
pub(super) fn read(text: &str) -> Facts {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let facts = lines.map(|(name, answer)| {
        let (name, said) = match name {
            "gpu" => ("GPU", with_price(answer)),
            "image" => ("Image", answer.to_owned()),
            "images" => ("Images", answer.to_owned()),
            "disk" => ("Disk", format!("{answer} GB")),
            "access" => ("Access", reached(answer)),
            _ => ("Pods", answer.to_owned()),
        };
        (name.to_owned(), said)
    });
    facts.collect()
}

fn with_price(answer: &str) -> String {
    match gpu(answer) {
        Ok((name, Some(price))) => format!("{name} for {price} an hour"),
        _ => answer.to_owned(),
    }
}

fn reached(answer: &str) -> String {
    match Access::parse(answer) {
        Ok(Access::Port(port)) => format!("port {port} by HTTPS, with a generated password"),
        Ok(Access::Ssh(key)) => {
            let end = key.len().saturating_sub(8);
            format!(
                "SSH, for the key that ends in …{}",
                key.get(end..).unwrap_or_default()
            )
        }
        Err(_) => answer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2yKN3GrYpLQkhMnV5mKHk4vVsEzH0dVkFQQcWAmQ0B";

    #[test]
    fn terms_read_as_they_were_written() {
        for access in [
            Access::Port(8888),
            Access::parse(&format!("{KEY} ana@laptop")).expect("a key"),
        ] {
            let terms = Terms {
                gpu: "RTX 4090".into(),
                price: Money::from_micros(690_000),
                image: "runpod/pytorch:1.0.2".into(),
                disk_gb: 20,
                access,
            };
            assert_eq!(Terms::kept(&terms.to_string()), Some(terms));
        }
        assert_eq!(
            Terms::kept("gpu:A40\nimage:a\ndisk:20\naccess:80"),
            None,
            "no price"
        );
    }

    #[test]
    fn a_key_is_a_key() {
        assert_eq!(
            Access::parse(&format!("  {KEY} ana@laptop ")),
            Ok(Access::Ssh(KEY.into()))
        );
        let other = KEY.replace("ssh-ed25519", "ssh-rsa");
        let forced = format!("command=\"sh\" {KEY}");
        for wrong in [
            "",
            "0",
            "22",
            "65536",
            "ssh-ed25519",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            &other,
            &forced,
        ] {
            assert!(Access::parse(wrong).is_err(), "{wrong}");
        }
    }
}
