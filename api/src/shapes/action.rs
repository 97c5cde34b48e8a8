//! What the caller may do now, told beside what it can be done to.

use poem_openapi::Object;

/// Something that can be done, and whether the caller may do it now. Told by the checks of the operation itself; between this
/// answer and the act somebody else may still be faster.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct Action {
    /// On a payout: `cancel`, `another_account` (its provider); `approve`, `reject`, `undo_approval`, `retry`, `refund` (staff).
    /// On an attempt: `propose_attestation`, `confirm_attestation`, `withdraw_attestation`. On a case: `close_case`,
    /// `confirm_reversal`. More may come.
    pub name: String,
    /// Whether the caller may do it now.
    pub allowed: bool,
    /// Why not, for programs: the code of the problem that trying it would be answered with.
    pub code: Option<String>,
    /// The same as a sentence.
    pub detail: Option<String>,
}

impl From<store::actions::Action> for Action {
    fn from(action: store::actions::Action) -> Self {
        let (code, detail) = action.obstacle.map(|why| (why.code.to_owned(), why.words)).unzip();
        Self { name: action.doing.as_str().to_owned(), allowed: code.is_none(), code, detail }
    }
}

/// All of them.
pub(crate) fn actions(actions: Option<Vec<store::actions::Action>>) -> Vec<Action> {
    actions.unwrap_or_default().into_iter().map(Action::from).collect()
}
