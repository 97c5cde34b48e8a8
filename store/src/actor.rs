//! Who did it, as the audit trail names them.

use std::fmt;

use domain::ProviderId;

/// `provider:<id>`, `admin:<sub>`, `platform:<sub>`, `engine:<identity>` (claimed, unverified) or `system`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor(String);

/// The kinds of actors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Provider,
    Admin,
    Platform,
    /// At the engine itself; the name is what they claimed.
    Engine,
    System,
}

/// Somebody who asked for something at the engine itself.
#[derive(Debug, Clone, Copy)]
pub struct ByHand<'a> {
    /// What they call themselves, unverified.
    pub identity: &'a str,
    /// The same for every try to carry this request out, and for no other request: a step that runs twice asks once.
    pub key: &'a str,
}

/// Longest subject or identity kept.
const MAX_CHARS: usize = 200;

impl Actor {
    pub fn provider(id: ProviderId) -> Self {
        Self(format!("provider:{id}"))
    }

    pub fn admin(subject: &str) -> Self {
        Self::named("admin", subject)
    }

    pub fn platform(subject: &str) -> Self {
        Self::named("platform", subject)
    }

    /// Someone at the Temporal UI or command line. The name is what they claimed.
    pub fn engine(identity: &str) -> Self {
        Self::named("engine", identity)
    }

    pub fn system() -> Self {
        Self("system".to_owned())
    }

    /// What kind of actor a stored name is.
    pub fn role_of(stored: &str) -> Role {
        match stored.split_once(':').map_or(stored, |(kind, _)| kind) {
            "provider" => Role::Provider,
            "admin" => Role::Admin,
            "platform" => Role::Platform,
            "engine" => Role::Engine,
            _ => Role::System,
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn named(kind: &str, name: &str) -> Self {
        Self(format!(
            "{kind}:{}",
            name.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect::<String>()
        ))
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_actor_tells_its_role() {
        for (actor, role) in [
            (Actor::provider(ProviderId::mint()), Role::Provider),
            (Actor::admin("ada:x"), Role::Admin),
            (Actor::platform("shop"), Role::Platform),
            (Actor::engine("admin:eve"), Role::Engine),
            (Actor::system(), Role::System),
        ] {
            assert_eq!(Actor::role_of(actor.as_str()), role);
        }
    }
}
