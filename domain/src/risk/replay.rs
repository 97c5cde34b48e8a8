//! Another policy on the facts of a payout that was assessed before.

use super::{Assessment, RiskFacts, RiskPolicy, Route, RuleName, assess};

/// Where another policy would have sent a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Replayed {
    Auto,
    Review,
    Refuse,
    /// It hangs on facts that were not recorded then. Today such a payout would be reviewed; what would have become of it nobody
    /// can say.
    Unknown,
}

impl Replayed {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Review => "review",
            Self::Refuse => "refuse",
            Self::Unknown => "unknown",
        }
    }

    pub fn is(self, route: Route) -> bool {
        match self {
            Self::Auto => route == Route::Auto,
            Self::Review => route == Route::Review,
            Self::Refuse => route == Route::Refuse,
            Self::Unknown => false,
        }
    }
}

/// Tries a policy on stored facts. A rule whose facts were not recorded then does not count as fired, only as not known; the
/// payout is [`Replayed::Unknown`] where that alone would decide. Facts from before suspension was recorded are of a provider
/// who was not suspended: those were refused before anything was assessed.
pub fn replay(policy: &RiskPolicy, facts: &RiskFacts) -> (Replayed, Assessment) {
    let assessment = assess(policy, facts);
    let old_suspension = |rule| facts.version < 2 && rule == RuleName::ProviderSuspended;
    let counting = || assessment.findings.iter().filter(|f| f.counts() && !old_suspension(f.rule));
    let would = if assessment.route == Route::Refuse {
        Replayed::Refuse
    } else if counting().any(|finding| !finding.unknown) {
        Replayed::Review
    } else if counting().next().is_some() {
        Replayed::Unknown
    } else {
        Replayed::Auto
    };
    (would, assessment)
}
