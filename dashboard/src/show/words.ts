// The product's words for what the API names by code. A code that is not known here is shown as it came, made readable.

import type { Schemas } from "../api/client.ts";

export type Tone = "grey" | "amber" | "blue" | "green" | "red" | "violet";
export type Status = Schemas["PayoutStatus"];

interface Standing {
  readonly status: Status;
  readonly refunded_at?: string;
  readonly next_attempt_at?: string;
  readonly needs_attention?: boolean;
  readonly held?: string;
}

export const STATUS_WORDS: Readonly<Record<Status, string>> = {
  REQUESTED: "Requested",
  APPROVED: "Approved",
  PROCESSING: "Processing",
  COMPLETED: "Completed",
  FAILED: "Failed",
  REJECTED: "Rejected",
  CANCELLED: "Cancelled",
  REVERSED: "Reversed",
};

export function statusWords(payout: Standing): { words: string; tone: Tone; moving: boolean } {
  const words = STATUS_WORDS[payout.status];
  switch (payout.status) {
    case "REQUESTED":
      return { words, tone: "amber", moving: true };
    case "APPROVED":
      return { words: payout.held ? `${words}, held` : words, tone: "blue", moving: true };
    case "PROCESSING":
      return { words, tone: "blue", moving: true };
    case "COMPLETED":
      return { words, tone: "green", moving: false };
    case "FAILED":
      if (payout.refunded_at !== undefined) return { words: "Failed, refunded", tone: "grey", moving: false };
      if (payout.next_attempt_at !== undefined) return { words: "Failed, tried again", tone: "amber", moving: true };
      return { words: payout.needs_attention ? "Failed, needs attention" : words, tone: "red", moving: false };
    case "REJECTED":
      return { words, tone: "red", moving: false };
    case "CANCELLED":
      return { words, tone: "grey", moving: false };
    case "REVERSED":
      return { words, tone: "violet", moving: false };
  }
}

export function attemptWords(status: Schemas["AttemptStatus"]): { words: string; tone: Tone } {
  switch (status) {
    case "SUBMITTING":
      return { words: "Being sent", tone: "blue" };
    case "ACCEPTED":
      return { words: "Accepted", tone: "blue" };
    case "UNKNOWN":
      return { words: "Unknown", tone: "amber" };
    case "SUCCEEDED":
      return { words: "Succeeded", tone: "green" };
    case "FAILED":
      return { words: "Failed", tone: "red" };
    case "REVERSED":
      return { words: "Reversed", tone: "violet" };
  }
}

const STEPS: Readonly<Record<string, readonly [words: string, tone: Tone]>> = {
  requested: ["Payout requested", "grey"],
  review_opened: ["Held for review", "amber"],
  approved: ["Approved", "green"],
  rejected: ["Rejected", "red"],
  approval_undone: ["Approval taken back", "amber"],
  cancelled: ["Cancelled", "grey"],
  claimed: ["Taken by a batch", "blue"],
  attempt_began: ["Transfer begun", "blue"],
  held: ["Put back: waits for the next batch", "amber"],
  failed: ["Transfer failed", "red"],
  retry_ordered: ["Retry ordered", "amber"],
  refunded: ["Refunded to the balance", "violet"],
  completed: ["Completed: the money has arrived", "green"],
  reversed: ["Returned by the bank", "violet"],
};

/** A step of the timeline, or a line of the audit trail. */
export function stepWords(code: string): { words: string; tone: Tone } {
  const known = STEPS[code];
  return known ? { words: known[0], tone: known[1] } : { words: readable(code), tone: "grey" };
}

/** Who moves it next. */
export function whoActs(who: string, reader: "provider" | "admin"): string {
  switch (who) {
    case "system":
      return "Nobody: it moves by itself";
    case "admin":
      return reader === "admin" ? "An admin" : "Our review team";
    case "finance":
      return reader === "admin" ? "Finance" : "Our finance team";
    case "gateway":
      return "The payment gateway and the bank";
    case "provider":
      return reader === "admin" ? "The provider" : "You";
    default:
      return readable(who);
  }
}

const WAITS: Readonly<Record<string, string>> = {
  assessment: "Being checked",
  decision: "Under review",
  second_approval: "Waits for a second approval",
  window: "Waits for the next batch",
  pause_end: "Payouts are paused",
  funds: "Waits for funds",
  limit: "Over the limit of the day or the batch",
  transfer: "Transfer about to be made",
  gateway: "With the bank",
  unknown_outcome: "Outcome unknown: being found out",
  retry: "Tried again soon",
  attention: "Needs attention",
};

export function waitsFor(code: string): string {
  return WAITS[code] ?? readable(code);
}

/** `admin:admin-ada` as a person and what they are. */
export function actorWords(actor: string): string {
  const [kind = "", ...rest] = actor.split(":");
  const name = rest.join(":");
  switch (kind) {
    case "system":
      return "the system";
    case "provider":
      return "the provider";
    case "admin":
      return name;
    case "platform":
      return `${name} (marketplace)`;
    case "engine":
      return `${name} (by signal, unverified)`;
    default:
      return actor;
  }
}

const ACCOUNTS: Readonly<Record<string, string>> = {
  provider_available: "Provider: available",
  provider_reserved: "Provider: reserved",
  provider_paid_out: "Provider: paid out",
  provider_debt: "Provider: debt",
  obligations: "Obligations",
  gateway_wallet: "Gateway wallet",
  gateway_fees: "Gateway fees",
  clearing: "Clearing",
  suspense: "Suspense",
};

export function ledgerAccount(code: string): string {
  return ACCOUNTS[code] ?? readable(code);
}

export function batchKind(kind: string): string {
  switch (kind) {
    case "WINDOW":
      return "Window";
    case "RUN_NOW":
      return "Run now";
    case "INSTANT":
      return "Instant";
    case "SCHEDULED":
      return "Scheduled";
    default:
      return readable(kind);
  }
}

/** `attempt_began` → `Attempt began`. */
export function readable(code: string): string {
  const words = code.replaceAll(/[_-]+/g, " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const MESSAGES: Readonly<Record<string, readonly [words: string, tone: Tone]>> = {
  received: ["Your request has arrived", "grey"],
  approved: ["A payout was approved", "green"],
  rejected: ["A payout was rejected, and why", "red"],
  cancelled: ["A payout was cancelled", "grey"],
  completed: ["The money has arrived", "green"],
  failed: ["A transfer failed, and what to do", "red"],
  refunded: ["Money went back to your balance", "violet"],
  replaced: ["Another account was given", "blue"],
  returned: ["The bank sent money back", "violet"],
  check_account: ["A bank account has to be checked", "amber"],
  bank_account_changed: ["A bank account was added or removed", "amber"],
  suspended: ["Payouts were suspended, and why", "red"],
  suspension_lifted: ["Payouts are possible again", "green"],
};

/** What a provider can be told. */
export function messageWords(event: string): { words: string; tone: Tone } {
  const known = MESSAGES[event];
  return known ? { words: known[0], tone: known[1] } : { words: readable(event), tone: "grey" };
}

/** A line of a provider's monthly statement. */
export function statementLine(kind: string): string {
  switch (kind) {
    case "earned":
      return "Earning";
    case "adjusted":
      return "Correction of an earning";
    case "paid":
      return "Payout";
    case "returned":
      return "Payout returned by the bank";
    case "overpaid":
      return "Paid too much, owed back";
    case "refunded":
      return "Payout not made";
    default:
      return readable(kind);
  }
}

/** What of an earning can be asked for, and where the rest is. */
export function earningWords(status: string): { words: string; tone: Tone } {
  switch (status) {
    case "AVAILABLE":
      return { words: "Available", tone: "green" };
    case "RESERVED":
      return { words: "In payouts", tone: "amber" };
    case "PAID_OUT":
      return { words: "Paid out", tone: "grey" };
    case "RECOVERED":
      return { words: "Went against debt", tone: "violet" };
    default:
      return { words: readable(status), tone: "grey" };
  }
}

/** Why somebody must look, and who settles it. */
export function caseKind(kind: Schemas["Case"]["kind"]): { words: string; todo: string } {
  switch (kind) {
    case "unknown_too_long":
      return { words: "Unknown too long", todo: "Ask the bank or the gateway's support how the transfer ended, then attest it on the payout's page, with a second person." };
    case "contradiction":
      return { words: "Contradiction", todo: "The record and the gateway disagree. Find out from a statement which is right; attest the attempt if the gateway does not tell." };
    case "overpaid":
      return { words: "Overpaid", todo: "Money went twice. The excess is the provider's debt, taken from later earnings; their payouts pause until this is closed." };
    case "reversal":
      return { words: "Reversal", todo: "Look for the credit in the wallet's statement. Confirm the reversal once it is there; the money then goes back to the balance." };
    case "unknown_transfer":
      return { words: "Transfer unknown to us", todo: "The gateway has a transfer that no attempt of ours made. Find out who made it." };
    case "missing_transfer":
      return { words: "Transfer missing at the gateway", todo: "An attempt of ours is not in the gateway's list. Ask the gateway's support about its reference." };
    case "amount_differs":
      return { words: "Amount differs", todo: "Compare the amount in the evidence with the statement, and settle the difference with the gateway." };
    case "status_differs":
      return { words: "Status differs", todo: "Find out from a statement whether the money moved." };
    case "statement_line":
      return { words: "Statement line unexplained", todo: "Find out what moved the wallet's money, and book it where it belongs." };
    case "account_failing":
      return { words: "Bank account failing", todo: "Payout after payout to this account failed. The provider was asked to check it; close this once they have." };
    case "account_stopped":
      return { words: "Bank account stopped by its provider", todo: "The provider says they did not add this account. Ask them, and have them change how they sign in, before you close this." };
    case "books":
      return { words: "The books do not add up", todo: "Stop and call engineering: the ledger and the allocations disagree." };
    case "restored":
      return { words: "Database restored", todo: "Run a reconciliation and resume payouts only when it has found nothing more." };
  }
}

export function pauseScope(scope: Schemas["Pause"]["scope"]): string {
  switch (scope) {
    case "system":
      return "Everything";
    case "provider":
      return "Provider";
    case "bank":
      return "Bank";
    case "bank_account":
      return "Bank account";
  }
}

/** Enough of an id to tell two apart on one screen: the end, since the beginning of ours is a time. */
export function shortId(id: string): string {
  return id.slice(-8);
}

const FAILURES: Readonly<Record<string, string>> = {
  account_invalid: "The account number is not valid",
  account_blacklisted: "The account is barred",
  bank_unknown: "The bank is not known under its code",
  beneficiary_name_missing: "The holder's name is missing",
  wallet_empty: "The wallet was empty",
  merchant_restricted: "The gateway restricts us",
  merchant_daily_limit: "Our daily limit at the gateway",
  amount_limit: "Over what a transfer may be",
  amount_too_small: "Under what a transfer may be",
  bank_unavailable: "The bank could not be reached",
  attested_unpaid: "Attested as not paid",
  withdrawn: "Never sent, and not needed",
  other: "Refused for another reason",
};

/** Why an attempt did not pay. */
export function failureWords(code: string): string {
  return FAILURES[code] ?? readable(code);
}

/** The risk rules, by the name that findings and policies have for them. */
export const RULE_WORDS: Readonly<Record<string, string>> = {
  amount: "Large amount",
  provider_verified: "Identity not verified",
  successful_payouts: "Few payouts so far",
  recent_failures: "Failures lately",
  bank_details_changed: "Bank account changed",
  shared_bank_account: "Account shared with others",
  account_name: "Name differs",
  requests_per_day: "Many requests in a day",
  sum_per_day: "Large sum in a day",
  requests_per_week: "Many requests in a week",
  sum_per_week: "Large sum in a week",
  requests_against_baseline: "More often than usual",
  sum_against_baseline: "A larger sum than usual",
  amount_against_baseline: "More than usual",
  provider_age: "New provider",
  provider_suspended: "Suspended",
};

/** Where the risk rules send a payout, or would. */
export function routeWords(route: Schemas["ReplayedRoute"]): { words: string; tone: Tone } {
  switch (route) {
    case "auto":
      return { words: "Automatic", tone: "green" };
    case "review":
      return { words: "Review", tone: "amber" };
    case "refuse":
      return { words: "Refused", tone: "red" };
    case "unknown":
      return { words: "Cannot be told", tone: "grey" };
  }
}

/** 1 is Monday, as ISO 8601 has it. */
export function dayName(day: number, style: "long" | "short", locale?: string): string {
  // The first of January 2024 was a Monday.
  return new Intl.DateTimeFormat(locale, { weekday: style, timeZone: "UTC" }).format(new Date(Date.UTC(2024, 0, day)));
}
