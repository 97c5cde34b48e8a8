//! The risk rules' thresholds as data: proposed by one admin, tried on the past and beside the active one, put in force by another.

pub(super) mod activate;
pub(super) mod backtest;
pub(super) mod disagreements;
pub(super) mod get;
pub(super) mod list;
mod policy;
pub(super) mod propose;
pub(super) mod retire;
mod rules;
pub(super) mod shadow;

pub(crate) type Api = (
    propose::ProposeRiskPolicy,
    list::ListRiskPolicies,
    get::GetRiskPolicy,
    activate::ActivateRiskPolicy,
    shadow::ShadowRiskPolicy,
    retire::RetireRiskPolicy,
    backtest::BacktestRiskPolicy,
    disagreements::ListDisagreements,
);

pub(crate) fn api() -> Api {
    (
        propose::ProposeRiskPolicy,
        list::ListRiskPolicies,
        get::GetRiskPolicy,
        activate::ActivateRiskPolicy,
        shadow::ShadowRiskPolicy,
        retire::RetireRiskPolicy,
        backtest::BacktestRiskPolicy,
        disagreements::ListDisagreements,
    )
}
