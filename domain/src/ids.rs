//! Ids are types, minted at the edge (the API or an activity), never inside a workflow.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A string that is not the id of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind} id: expected a UUID")]
pub struct InvalidId {
    pub kind: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id. Version 7: ids made later sort later, which keeps index pages warm.
            pub fn mint() -> Self {
                Self(Uuid::now_v7())
            }

            pub fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId { kind: $kind })
            }
        }
    };
}

id!(/// Someone the marketplace owes money.
    ProviderId, "provider");
id!(/// Where a provider is paid.
    BankAccountId, "bank account");
id!(/// One amount owed to a provider.
    EarningId, "earning");
id!(/// A provider's request to be paid; lives as one workflow.
    PayoutId, "payout");
id!(/// One try to pay a payout through the gateway.
    AttemptId, "attempt");
id!(/// A payout held for people.
    ReviewId, "review");
id!(/// One reviewer's approve or reject.
    DecisionId, "decision");
id!(/// The set of payouts that one window releases.
    BatchId, "batch");
id!(/// Something a person must settle, with its evidence.
    CaseId, "case");
id!(/// What two finance admins say about an attempt whose outcome is unknown.
    AttestationId, "attestation");
id!(/// A correction of what a provider is owed.
    AdjustmentId, "adjustment");
id!(/// One balanced ledger movement.
    PostingId, "posting");
id!(/// One comparison of the gateway's transfers with our attempts.
    ReconciliationId, "reconciliation");
id!(/// One imported statement of the gateway's wallet.
    StatementId, "statement");

id!(/// One version of the risk rules for one currency.
    RiskPolicyId, "risk policy");

/// What the id of a payout's workflow begins with.
pub const WORKFLOW_ID_PREFIX: &str = "payout-";

impl PayoutId {
    /// The id of the workflow that carries this payout.
    pub fn workflow_id(self) -> String {
        format!("{WORKFLOW_ID_PREFIX}{}", self.0)
    }

    /// The payout that the workflow of this id carries, if it carries one.
    pub fn from_workflow_id(id: &str) -> Option<Self> {
        id.strip_prefix(WORKFLOW_ID_PREFIX)?.parse().ok()
    }
}
