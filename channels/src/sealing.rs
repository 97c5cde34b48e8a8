//! How what is secret is kept in the database: encrypted, by a key that the database never sees. So are the secrets that sign
//! webhooks.
//!
//! Guarantee: whoever reads the database (a copy of it, a log of its queries) cannot sign as we do; whoever writes to it cannot
//! put one row's secret into another's place, since each is sealed for its row. AES-256-GCM, a random nonce each time.
//! Keys have names: the first seals, every one opens, so a key is changed for another by putting the new one first and starting
//! again; the worker then seals anew what an older one has sealed, after which the older one can go.
//! Limit: it is no protection from whoever has the key, which is in the processes' environment.

use std::{fmt, str::FromStr};

use aes_gcm::{
    Aes256Gcm, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use p256::elliptic_curve::rand_core::{OsRng, RngCore as _};
use uuid::Uuid;

const KEY_BYTES: usize = 32;
/// The nonce of GCM.
const NONCE_BYTES: usize = 12;
/// Two are enough to change over; more are a mistake.
const MOST_KEYS: usize = 4;
/// Of the form below, should it ever change: `v1.<key>.<nonce and ciphertext>`.
const FORM: &str = "v1";
/// Of a local stack, where there is nothing to protect.
const DEVELOPMENT: &str = "development:cGF5b3V0cyBkZXZlbG9wbWVudCBzZWFsaW5nIGtleSE=";

/// What seals and opens. Cannot be printed.
#[derive(Clone)]
pub struct SealingKeys(Vec<Key>);

#[derive(Clone)]
struct Key {
    name: String,
    cipher: Aes256Gcm,
}

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|key| key.name.as_str()).collect();
        write!(f, "SealingKeys({names:?})")
    }
}

/// Not such a list of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not keys such as 2026a:<32 bytes in base64>, the one in use first")]
pub struct InvalidKeys;

impl FromStr for SealingKeys {
    type Err = InvalidKeys;
    fn from_str(text: &str) -> Result<Self, InvalidKeys> {
        let keys: Vec<Key> = text.split(',').map(Key::parse).collect::<Option<_>>().ok_or(InvalidKeys)?;
        let twice = keys.iter().enumerate().any(|(place, key)| {
            keys.iter().skip(place.saturating_add(1)).any(|other| other.name == key.name)
        });
        if keys.len() > MOST_KEYS || twice { Err(InvalidKeys) } else { Ok(Self(keys)) }
    }
}

impl Key {
    fn parse(text: &str) -> Option<Self> {
        let (name, key) = text.trim().split_once(':')?;
        let is_name = (1..=20).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let bytes = STANDARD.decode(key).ok().filter(|bytes| bytes.len() == KEY_BYTES && is_name)?;
        // A key of zeros or of one letter is one that somebody forgot to make.
        if bytes.iter().all(|byte| Some(byte) == bytes.first()) {
            return None;
        }
        Some(Self { name: name.to_owned(), cipher: Aes256Gcm::new_from_slice(&bytes).ok()? })
    }
}

/// What cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotOpen {
    #[error("its secret was sealed by the key `{0}`, which SECRETS_KEY does not have")]
    NoSuchKey(String),
    #[error("its sealed secret is damaged, or was another endpoint's")]
    Damaged,
}

impl SealingKeys {
    /// The one of a local stack, which is in everybody's hands.
    pub fn development() -> Result<Self, InvalidKeys> {
        DEVELOPMENT.parse()
    }

    /// Whether anybody could open what this seals.
    pub fn is_development(&self) -> bool {
        self.current() == "development"
    }

    /// The name of the key that seals.
    pub fn current(&self) -> &str {
        self.0.first().map(|key| key.name.as_str()).unwrap_or_default()
    }

    /// Encrypts for this row; `None` only where the cipher fails, which it does for texts of gigabytes.
    pub fn seal(&self, text: &str, row: Uuid) -> Option<String> {
        let key = self.0.first()?;
        let mut nonce = [0; NONCE_BYTES];
        OsRng.fill_bytes(&mut nonce);
        let payload = Payload { msg: text.as_bytes(), aad: row.as_bytes() };
        let sealed = key.cipher.encrypt(&Nonce::from(nonce), payload).ok()?;
        Some(format!("{FORM}.{}.{}", key.name, URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())))
    }

    /// Decrypts what was sealed for this row.
    pub fn open(&self, sealed: &str, row: Uuid) -> Result<String, CannotOpen> {
        let mut parts = sealed.split('.');
        let (Some(FORM), Some(name), Some(content), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(CannotOpen::Damaged);
        };
        let key = self.0.iter().find(|key| key.name == name);
        let key = key.ok_or_else(|| CannotOpen::NoSuchKey(name.to_owned()))?;
        let content = URL_SAFE_NO_PAD.decode(content).map_err(|_| CannotOpen::Damaged)?;
        let (nonce, content) = content.split_first_chunk::<NONCE_BYTES>().ok_or(CannotOpen::Damaged)?;
        let payload = Payload { msg: content, aad: row.as_bytes() };
        let opened = key.cipher.decrypt(&Nonce::from(*nonce), payload).map_err(|_| CannotOpen::Damaged)?;
        String::from_utf8(opened).map_err(|_| CannotOpen::Damaged)
    }

    /// The same under the key in use; `None`: it is already.
    pub fn renew(&self, sealed: &str, row: Uuid) -> Result<Option<String>, CannotOpen> {
        if sealed.split('.').nth(1) == Some(self.current()) {
            return Ok(None);
        }
        let text = self.open(sealed, row)?;
        self.seal(&text, row).map(Some).ok_or(CannotOpen::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "2025:b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=";
    const NEW: &str = "2026:bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=";

    const SECRET: &str = "whsec_c2VjcmV0";

    fn keys(text: &str) -> SealingKeys {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_for_its_endpoint_and_for_no_other() {
        let (keys, endpoint) = (keys(NEW), Uuid::now_v7());
        let sealed = keys.seal(SECRET, endpoint).unwrap();
        assert!(sealed.starts_with("v1.2026.") && !sealed.contains(SECRET), "{sealed}");
        assert_ne!(keys.seal(SECRET, endpoint).unwrap(), sealed, "a nonce is never used twice");
        assert_eq!(keys.open(&sealed, endpoint).unwrap(), SECRET);
        assert_eq!(keys.open(&sealed, Uuid::now_v7()).err(), Some(CannotOpen::Damaged));
        for damaged in
            [sealed.replace("v1", "v2"), format!("{sealed}A"), "v1.2026.AAAA".to_owned(), String::new()]
        {
            assert_eq!(keys.open(&damaged, endpoint).err(), Some(CannotOpen::Damaged), "{damaged}");
        }
    }

    #[test]
    fn a_key_is_changed_for_another_while_both_are_there() {
        let endpoint = Uuid::now_v7();
        let sealed = keys(OLD).seal(SECRET, endpoint).unwrap();
        let both = keys(&format!("{NEW},{OLD}"));
        assert_eq!(both.open(&sealed, endpoint).unwrap(), SECRET);
        let renewed = both.renew(&sealed, endpoint).unwrap().unwrap();
        assert_eq!(both.renew(&renewed, endpoint).unwrap(), None);
        assert_eq!(keys(NEW).open(&renewed, endpoint).unwrap(), SECRET);
        let missing = CannotOpen::NoSuchKey("2025".to_owned());
        assert_eq!(keys(NEW).open(&sealed, endpoint).err(), Some(missing));
    }

    #[test]
    fn keys_are_32_bytes_each_under_a_name_of_its_own_and_are_not_printed() {
        assert_eq!(keys(&format!("{NEW}, {OLD}")).current(), "2026");
        assert_eq!(format!("{:?}", keys(NEW)), r#"SealingKeys(["2026"])"#);
        let twice = format!("{NEW},{NEW}");
        let zeros = format!("2026:{}", STANDARD.encode([0; 32]));
        for wrong in
            ["", "2026", "2026:AAAA", ":b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=", &twice, &zeros]
        {
            assert!(wrong.parse::<SealingKeys>().is_err(), "{wrong}");
        }
        assert_eq!(SealingKeys::development().unwrap().current(), "development");
    }
}
