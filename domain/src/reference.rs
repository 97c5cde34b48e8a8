//! The reference under which the gateway knows an attempt.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{AttemptNumber, PayoutId};

/// Names this installation in every reference, so that two that share a gateway account never meet. 1 to 6 of `[a-z0-9]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReferencePrefix(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a reference prefix is 1 to 6 characters of a-z and 0-9")]
pub struct InvalidPrefix;

impl FromStr for ReferencePrefix {
    type Err = InvalidPrefix;
    fn from_str(text: &str) -> Result<Self, InvalidPrefix> {
        /// 6 + `-` + 32 hex digits + `-` + 2 digits = 42, the longest reference every gateway takes.
        const MAX_CHARS: usize = 6;
        let fits = (1..=MAX_CHARS).contains(&text.len());
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if fits && plain { Ok(Self(text.to_owned())) } else { Err(InvalidPrefix) }
    }
}

/// A pure function of installation, payout and attempt number, `[a-z0-9-]{36,42}`. The gateway refuses a second transfer
/// under the same one: it is the only guard against paying twice that the gateway has, so a re-send reuses it and a new one
/// demands proof.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reference(String);

impl ReferencePrefix {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Reference {
    pub fn new(prefix: &ReferencePrefix, payout: PayoutId, attempt: AttemptNumber) -> Self {
        Self(format!("{}-{}-{}", prefix.0, payout.uuid().simple(), attempt.get()))
    }

    /// One we stored or were told. What it belongs to is for the database to say.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it was made of, if some installation of this system made it: [`Reference::new`] backwards.
    pub fn parts(&self) -> Option<ReferenceParts> {
        let mut parts = self.0.split('-');
        let (prefix, payout, number) = (parts.next()?, parts.next()?, parts.next()?);
        let made = ReferenceParts {
            prefix: prefix.parse().ok()?,
            payout: payout.parse().ok()?,
            attempt: AttemptNumber::new(number.parse().ok()?)?,
        };
        let exactly = Self::new(&made.prefix, made.payout, made.attempt) == *self;
        exactly.then_some(made)
    }
}

/// What a reference of this system is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceParts {
    pub prefix: ReferencePrefix,
    pub payout: PayoutId,
    pub attempt: AttemptNumber,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_it_was_made_of() {
        let (prefix, payout) = ("abc1".parse::<ReferencePrefix>().unwrap(), PayoutId::mint());
        let attempt = AttemptNumber::new(12).unwrap();
        let reference = Reference::new(&prefix, payout, attempt);
        assert_eq!(reference.parts(), Some(ReferenceParts { prefix, payout, attempt }));
        let text = reference.as_str();
        for other in [
            "rent-march".to_owned(),
            format!("{text}_RETRY_1"),
            format!("{text}-1"),
            text.replace("-12", "-012"),
            text.replace("-12", "-0"),
            text.to_uppercase(),
        ] {
            assert_eq!(Reference::from_stored(other.clone()).parts(), None, "{other}");
        }
    }

    #[test]
    fn fits_every_gateway() {
        let prefix: ReferencePrefix = "abc123".parse().unwrap();
        let number = AttemptNumber::new(99).unwrap();
        let reference = Reference::new(&prefix, PayoutId::mint(), number);
        assert_eq!(reference.as_str().len(), 42);
        assert!(
            reference.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        );
        assert_eq!("TOO".parse::<ReferencePrefix>(), Err(InvalidPrefix));
        assert_eq!("toolong".parse::<ReferencePrefix>(), Err(InvalidPrefix));
    }
}
