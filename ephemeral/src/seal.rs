//! Names and values in Redis that say nothing to whoever reads them there, and that nobody else can have written.

use hmac::{Hmac, KeyInit as _, Mac as _, digest::Key};
use sha2::{Digest as _, Sha256};

/// Half of the hash: nobody finds two texts with the same in the time that anything stays in Redis.
const BYTES: usize = 16;

/// A key of its own, made from a secret that the processes share anyway.
#[derive(Clone)]
pub struct Seal(Hmac<Sha256>);

impl Seal {
    /// `secret` is not used for itself: what is sealed here opens nothing that the secret opens.
    pub fn new(secret: &[u8]) -> Self {
        let own = Sha256::new()
            .chain_update(b"payouts: what is shared through Redis, 1")
            .chain_update(secret)
            .finalize();
        let mut key = Key::<Hmac<Sha256>>::default();
        key.iter_mut().zip(own).for_each(|(byte, own)| *byte = own);
        Self(Hmac::new(&key))
    }

    /// Stands for these words, in this order, and tells nothing of them: an account number has ten digits, so a hash without a
    /// key would be as good as the number.
    pub fn of(&self, words: &[&str]) -> String {
        let mut mac = self.0.clone();
        for word in words {
            // The length first: `ab`, `c` is not `a`, `bc`.
            mac.update(&u64::try_from(word.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(word.as_bytes());
        }
        let hash = mac.finalize().into_bytes();
        hex::encode(hash.get(..BYTES).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_words_another_seal() {
        let seal = Seal::new(b"a secret");
        assert_eq!(seal.of(&["a", "b"]), Seal::new(b"a secret").of(&["a", "b"]));
        for other in [
            seal.of(&["ab"]),
            seal.of(&["a", "c"]),
            seal.of(&["b", "a"]),
            Seal::new(b"another").of(&["a", "b"]),
        ] {
            assert_ne!(seal.of(&["a", "b"]), other);
        }
        assert_eq!(seal.of(&["a"]).len(), 32);
    }
}
