//! The vault: one key wraps every org's keys, and an org's data key seals its secrets to their rows.

use aes_gcm::{
    Aes256Gcm, Key, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use sha2::{Digest as _, Sha256};
use slice_core::{
    ids::OrgId,
    ports::{Clock, Vault},
    secret::Secret,
    vault::{BadSeal, Seal, SealOwner, WrappedKey},
};
use std::{fmt, fs::File, io::Read as _, path::Path, sync::Arc};
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
/// A key file is one short line; more is another file.
const KEY_FILE_BYTES_MAX: u64 = 4096;
/// Keeps a key's id apart from any other hash of the key.
const KEY_ID_DOMAIN: &[u8] = b"slice key id, version 1\0";
const KEY_ID_HEX: usize = 8;
const PROBE: &[u8] = b"slice";
const PROBE_OWNER: &str = "vault/probe";

/// People's keys come with and without the padding at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

type Bytes32 = Zeroizing<[u8; KEY_BYTES]>;

/// Why a text is no vault key. None of them repeats the text, which may be most of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadVaultKey {
    Missing,
    NotBase64,
    /// Base64 of this many bytes.
    Length(usize),
    /// A file that cannot be read, and why.
    File(String),
}

impl fmt::Display for BadVaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "SLICE_VAULT_KEY is not set. Make a key with `slice keygen` and keep a copy of it: \
                 nothing in the vault opens without it",
            ),
            Self::NotBase64 => f.write_str(
                "SLICE_VAULT_KEY is neither base64 nor the path of a file that holds it. \
                 `slice keygen` makes one",
            ),
            Self::Length(bytes) => write!(
                f,
                "SLICE_VAULT_KEY is base64 of {bytes} bytes instead of {KEY_BYTES}. \
                 `slice keygen` makes one"
            ),
            Self::File(why) => write!(f, "SLICE_VAULT_KEY names a file that cannot be read: {why}"),
        }
    }
}

impl std::error::Error for BadVaultKey {}

/// The key that wraps all others. Wiped from memory when dropped.
pub struct VaultKey(Bytes32);

impl VaultKey {
    /// What `SLICE_VAULT_KEY` holds: base64 of 32 bytes, or the path of a file of it.
    pub fn read(text: Option<&str>) -> Result<Self, BadVaultKey> {
        let text = text.map(str::trim).unwrap_or_default();
        if text.is_empty() {
            return Err(BadVaultKey::Missing);
        }
        let parsed = Self::parse(text);
        let path = Path::new(text);
        if parsed.is_ok() || !(path.exists() || text.starts_with(['/', '.'])) {
            return parsed;
        }
        let mut content = Zeroizing::new(String::new());
        let read = File::open(path)
            .and_then(|file| file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut content));
        read.map_err(|why| BadVaultKey::File(why.to_string()))?;
        Self::parse(content.trim())
    }

    fn parse(text: &str) -> Result<Self, BadVaultKey> {
        let bytes = Zeroizing::new(BASE64.decode(text).map_err(|_| BadVaultKey::NotBase64)?);
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if bytes.len() != KEY_BYTES {
            return Err(BadVaultKey::Length(bytes.len()));
        }
        key.copy_from_slice(&bytes);
        Ok(Self(key))
    }

    /// A new key, for `slice keygen`.
    pub fn generate(clock: &dyn Clock) -> Self {
        Self(fresh_key(clock))
    }

    /// The key as `SLICE_VAULT_KEY` wants it. Only `slice keygen` has a use for it.
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64.encode(self.0.as_slice()))
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VaultKey(…)")
    }
}

/// What an org's wrapped key is for. One does not open as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Seals the org's secrets.
    Data,
    /// Chains the org's audit trail.
    Audit,
}

impl Purpose {
    fn owner(self, org: OrgId) -> String {
        match self {
            Self::Data => format!("{org}/orgs/data_key"),
            Self::Audit => format!("{org}/orgs/audit_key"),
        }
    }
}

/// Why a key or the probe does not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// By another vault key: the ids of that one and of ours.
    ByAnother { theirs: String, ours: String },
    /// The key is the right one, so the seal was altered or moved here from another row.
    Altered,
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByAnother { theirs, ours } => write!(
                f,
                "sealed with the vault key {theirs}, but SLICE_VAULT_KEY is the key {ours}"
            ),
            Self::Altered => f.write_str("a seal was altered, or belongs to another row"),
        }
    }
}

impl std::error::Error for Sealed {}

/// Seals and opens with the one vault key.
pub struct KeyVault {
    key: Bytes32,
    id: String,
    clock: Arc<dyn Clock>,
}

impl KeyVault {
    pub fn new(key: VaultKey, clock: Arc<dyn Clock>) -> Self {
        let id = key_id(&key.0);
        Self {
            key: key.0,
            id,
            clock,
        }
    }

    /// Tells vault keys apart, and tells nothing about them.
    pub fn key_id(&self) -> &str {
        &self.id
    }

    /// A fresh key of an org, wrapped.
    pub fn fresh(&self, org: OrgId, purpose: Purpose) -> Result<Seal, Sealed> {
        let key = fresh_key(&*self.clock);
        self.close(&self.key, &purpose.owner(org), &*key)
    }

    /// An org's key. Fails if another vault key wrapped it, and says so.
    pub fn unwrap(&self, org: OrgId, purpose: Purpose, seal: &Seal) -> Result<Bytes32, Sealed> {
        let bytes = open(&self.key, &purpose.owner(org), seal)?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if bytes.len() != KEY_BYTES {
            return Err(Sealed::Altered);
        }
        key.copy_from_slice(&bytes);
        Ok(key)
    }

    /// Something sealed, by which a database knows its vault key again.
    pub fn probe(&self) -> Result<Seal, Sealed> {
        self.close(&self.key, PROBE_OWNER, PROBE)
    }

    /// Whether a database's probe was sealed with this key.
    pub fn check_probe(&self, probe: &Seal) -> Result<(), Sealed> {
        let opened = open(&self.key, PROBE_OWNER, probe)?;
        if opened.as_slice() == PROBE {
            Ok(())
        } else {
            Err(Sealed::Altered)
        }
    }

    /// `<key id>:<base64 of nonce and ciphertext>`. A fresh random nonce each time.
    fn close(&self, key: &Bytes32, owner: &str, plain: &[u8]) -> Result<Seal, Sealed> {
        let mut nonce = [0; NONCE_BYTES];
        self.clock.random(&mut nonce);
        let payload = Payload {
            msg: plain,
            aad: owner.as_bytes(),
        };
        // Fails only for more bytes than one nonce may cover, which no secret has.
        let sealed = cipher(key)
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| Sealed::Altered)?;
        let text = BASE64.encode([nonce.as_slice(), &sealed].concat());
        Ok(Seal::new(format!("{}:{text}", key_id(key))))
    }
}

impl fmt::Debug for KeyVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyVault({})", self.id)
    }
}

impl Vault for KeyVault {
    fn seal(&self, key: &WrappedKey, owner: &SealOwner, secret: &Secret) -> Result<Seal, BadSeal> {
        let data = self.data_key(key, owner)?;
        self.close(&data, &owner.words(), secret.expose().as_bytes())
            .map_err(|_| BadSeal)
    }

    fn open(&self, key: &WrappedKey, owner: &SealOwner, seal: &Seal) -> Result<Secret, BadSeal> {
        let data = self.data_key(key, owner)?;
        let opened = open(&data, &owner.words(), seal).map_err(|_| BadSeal)?;
        let text = std::str::from_utf8(&opened).map_err(|_| BadSeal)?;
        Ok(Secret::new(text.to_owned()))
    }
}

impl KeyVault {
    fn data_key(&self, key: &WrappedKey, owner: &SealOwner) -> Result<Bytes32, BadSeal> {
        if key.org != owner.org() {
            return Err(BadSeal);
        }
        self.unwrap(key.org, Purpose::Data, &key.seal)
            .map_err(|_| BadSeal)
    }
}

fn fresh_key(clock: &dyn Clock) -> Bytes32 {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    clock.random(&mut *key);
    key
}

fn key_id(key: &Bytes32) -> String {
    let hash = Sha256::new()
        .chain_update(KEY_ID_DOMAIN)
        .chain_update(key.as_slice())
        .finalize();
    hex::encode(hash)[..KEY_ID_HEX].to_owned()
}

fn cipher(key: &Bytes32) -> Aes256Gcm {
    Aes256Gcm::new(<&Key<Aes256Gcm>>::from(&**key))
}

fn open(key: &Bytes32, owner: &str, seal: &Seal) -> Result<Zeroizing<Vec<u8>>, Sealed> {
    let (theirs, text) = seal.as_str().split_once(':').ok_or(Sealed::Altered)?;
    let ours = key_id(key);
    if theirs != ours {
        return Err(Sealed::ByAnother {
            theirs: theirs.to_owned(),
            ours,
        });
    }
    let bytes = BASE64.decode(text).map_err(|_| Sealed::Altered)?;
    let (nonce, sealed) = bytes
        .split_first_chunk::<NONCE_BYTES>()
        .ok_or(Sealed::Altered)?;
    let payload = Payload {
        msg: sealed,
        aad: owner.as_bytes(),
    };
    cipher(key)
        .decrypt(&Nonce::from(*nonce), payload)
        .map(Zeroizing::new)
        .map_err(|_| Sealed::Altered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use slice_core::ids::{GrantId, ServiceName};

    fn vault(byte: u8) -> KeyVault {
        let text = BASE64.encode([byte; KEY_BYTES]);
        KeyVault::new(
            VaultKey::read(Some(&text)).expect("a key"),
            Arc::new(SystemClock),
        )
    }

    fn org(byte: u8) -> OrgId {
        OrgId::from_random([byte; 16])
    }

    fn wrapped(vault: &KeyVault, byte: u8) -> WrappedKey {
        let seal = vault.fresh(org(byte), Purpose::Data).expect("a seal");
        WrappedKey {
            org: org(byte),
            seal,
        }
    }

    fn owner(attempt: i64) -> SealOwner {
        let grant = GrantId::from_random([9; 16]);
        SealOwner::Key {
            org: org(1),
            grant,
            attempt,
        }
    }

    fn secret() -> Secret {
        Secret::new("a secret that is a test's".into())
    }

    #[test]
    fn a_seal_opens_in_its_own_row_only() {
        let vault = vault(7);
        let key = wrapped(&vault, 1);
        let seal = vault.seal(&key, &owner(1), &secret()).expect("a seal");
        let opened = vault.open(&key, &owner(1), &seal).expect("it opens");
        assert_eq!(opened.expose(), secret().expose());
        assert!(vault.open(&key, &owner(2), &seal).is_err());
        let master = SealOwner::Master {
            org: org(1),
            service: ServiceName::new("openrouter"),
            version: 1,
        };
        assert!(vault.open(&key, &master, &seal).is_err());
        let elsewhere = wrapped(&vault, 2);
        assert!(vault.open(&elsewhere, &owner(1), &seal).is_err());
        assert!(!seal.as_str().contains("secret"));
    }

    #[test]
    fn the_same_secret_never_seals_to_the_same_text() {
        let vault = vault(7);
        let key = wrapped(&vault, 1);
        let seal = || vault.seal(&key, &owner(1), &secret()).expect("a seal");
        assert_ne!(seal(), seal());
    }

    #[test]
    fn another_vault_key_opens_nothing_and_says_which_it_is() {
        let (ours, theirs) = (vault(7), vault(8));
        let key = wrapped(&theirs, 1);
        let why = ours
            .unwrap(org(1), Purpose::Data, &key.seal)
            .expect_err("another key");
        let said = Sealed::ByAnother {
            theirs: theirs.key_id().into(),
            ours: ours.key_id().into(),
        };
        assert_eq!(why, said);
        assert!(ours.seal(&key, &owner(1), &secret()).is_err());
        let probe = theirs.probe().expect("a probe");
        assert_eq!(ours.check_probe(&probe), Err(said));
        assert_eq!(theirs.check_probe(&probe), Ok(()));
    }

    #[test]
    fn a_key_for_one_purpose_does_not_open_as_the_other() {
        let vault = vault(7);
        let key = vault.fresh(org(1), Purpose::Audit).expect("a seal");
        assert!(vault.unwrap(org(1), Purpose::Audit, &key).is_ok());
        let as_data = vault.unwrap(org(1), Purpose::Data, &key);
        assert_eq!(as_data.err(), Some(Sealed::Altered));
        let of_another = vault.unwrap(org(2), Purpose::Audit, &key);
        assert_eq!(of_another.err(), Some(Sealed::Altered));
    }

    #[test]
    fn an_altered_seal_does_not_open() {
        let vault = vault(7);
        let key = wrapped(&vault, 1);
        let seal = vault.seal(&key, &owner(1), &secret()).expect("a seal");
        let (id, text) = seal.as_str().split_once(':').expect("a seal's form");
        let mut bytes = BASE64.decode(text).expect("base64");
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            let altered = Seal::new(format!("{id}:{}", BASE64.encode(&bytes)));
            assert!(vault.open(&key, &owner(1), &altered).is_err(), "byte {at}");
            bytes[at] ^= 1;
        }
        for text in [
            "",
            ":",
            "00000000:",
            &format!("{id}:"),
            &format!("{id}:AAAA"),
        ] {
            assert!(vault.open(&key, &owner(1), &Seal::new(text)).is_err());
        }
    }

    #[test]
    fn a_bad_vault_key_is_named() {
        let read = |text: &str| VaultKey::read(Some(text)).err();
        assert_eq!(VaultKey::read(None).err(), Some(BadVaultKey::Missing));
        assert_eq!(read(" \n"), Some(BadVaultKey::Missing));
        assert_eq!(read("not a key!"), Some(BadVaultKey::NotBase64));
        let short = BASE64.encode([1; 31]);
        assert_eq!(read(&short), Some(BadVaultKey::Length(31)));
        let file = read("/nowhere/at all");
        assert!(matches!(file, Some(BadVaultKey::File(_))), "{file:?}");
        assert!(!file.expect("an error").to_string().contains("nowhere"));
    }

    #[test]
    fn a_key_may_stand_in_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let key = VaultKey::generate(&SystemClock);
        std::fs::write(&path, format!("{}\n", *key.text())).expect("a file");
        let read = VaultKey::read(path.to_str()).expect("a key");
        assert_eq!(*read.text(), *key.text());
        std::fs::write(&path, "c2hvcnQ=").expect("a file");
        let short = VaultKey::read(path.to_str()).err();
        assert_eq!(short, Some(BadVaultKey::Length(5)));
    }
}
