// Failures in words: what the API said, and what the reader can do about it.

import { ProblemError, type Schemas, Unheard } from "./client.ts";
import { Action } from "../ui/action.tsx";
import { Icon } from "../ui/icon.tsx";
import { formatMoney, withMoney } from "../show/money.ts";
import { formatWhen } from "../show/time.tsx";

type Problem = Schemas["Problem"];

/** What to do about it, by code. Codes that are not here say enough in their own detail. */
export function whatToDo(problem: Problem): string | undefined {
  switch (problem.code) {
    case "insufficient_balance":
      return problem.available ? `You can ask for up to ${formatMoney(problem.available)}.` : "Ask for less.";
    case "bank_account_cooling_off":
      return problem.until ? `It can be paid to from ${formatWhen(new Date(problem.until), new Date())}. Choose another account, or come back then.` : "Choose another account, or come back later.";
    case "account_not_resolved":
      return "Check the bank and the ten digits with your bank's app or a statement.";
    case "bank_account_unknown":
      return "Choose one of your accounts again; this one was removed.";
    case "bank_account_currency":
      return "Choose an account in the same currency.";
    case "too_many_bank_accounts":
      return "Remove an account that you do not use, then add this one.";
    case "fresh_sign_in_needed":
      return "Sign in once more, then do it again.";
    case "not_the_account":
      return "Nothing needs to be done by you: the money stays set aside, and our team moves it on.";
    case "statement_too_long":
      return "Read the earnings and the payouts instead: they have everything, with filters.";
    case "idempotency_key_reused":
      return "A payout was already made from this form. Look at your payouts before asking again.";
    case "payout_moved_on":
    case "risk_policy_moved_on":
      return "The page shows where it stands now.";
    case "not_proven_unpaid":
      return "No money moved. Look at the attempts: one of them may still pay. Try again once the gateway has answered.";
    case "second_person_required":
      return "Somebody else has to do it: what one person has proposed or approved, another one confirms.";
    case "reviewer_involved":
      return "Somebody else decides. You may reject it.";
    case "review_taken":
      return "Ask them, or decide anyway.";
    case "not_failed":
      return "There is nothing to send again.";
    case "too_many_contacts":
      return "Remove an address first, or use a mailing list.";
    case "too_many_webhook_endpoints":
      return "Use one that is there for this as well.";
    case "webhook_endpoint_disabled":
      return "Switch it on first.";
    case "push_unavailable":
      return "The notifications are here and, where that is set up, in your mail.";
    case "rate_limited":
      return problem.retry_after_seconds ? `Try again in ${problem.retry_after_seconds} seconds.` : "Try again in a minute.";
    case "reconciliation_running":
      return "Wait until it has finished; this page shows how far it is.";
    case "not_reconciled":
      return "Run a reconciliation first, and resume when it has finished.";
    case "statement_unreadable":
      return "Mend that line, or download the statement again, and import the whole file.";
    case "not_dead":
      return "Nothing needs to be done.";
    case "case_closed":
      return "The page shows who closed it, and why.";
    case "cause_still_so":
      return "Say what was arranged, and close it again.";
    case "not_a_reversal":
      return "Nothing was given back. Look at the evidence, and at the statement.";
    case "not_attestable":
    case "no_open_attestation":
      return "The page shows how the attempt stands now.";
    case "attestation_open":
      return "Confirm the one that is open, or take it back first.";
    case "provider_suspended":
      return "The money stays in the balance. Ask the marketplace why payouts are stopped.";
    case "unauthenticated":
      return "Sign in again.";
    case "forbidden":
      return "Sign in as somebody who may do this.";
    case "not_found":
      return "Check the address, or go back to the list.";
    case "unavailable":
    case "gateway_unavailable":
    case "overloaded":
      return "Try again in a moment.";
    case "timed_out":
      return "It may or may not have been carried out. Look before you try again.";
    case "internal_error":
      return "It has been recorded. Trying again does no harm.";
    default:
      return undefined;
  }
}

/** For one field of a form, what is wrong with it. */
export function fieldError(error: unknown, field: string): string | undefined {
  if (!(error instanceof ProblemError)) return undefined;
  return error.problem.errors?.find((each) => each.field === field || each.field.startsWith(`${field}.`))?.detail;
}

export function inWords(error: unknown): { title: string; detail?: string; todo?: string } {
  if (error instanceof ProblemError) {
    const { problem } = error;
    const todo = whatToDo(problem);
    return { title: sentence(problem.title), ...(problem.detail === problem.title ? {} : { detail: withMoney(sentence(problem.detail)) }), ...(todo ? { todo } : {}) };
  }
  if (error instanceof Unheard) return { title: "No answer came.", detail: "The server could not be reached.", todo: "Check your connection. This page asks again by itself." };
  return { title: "This page could not be shown.", todo: "Load it again. If that does not help, tell us what you did." };
}

/** A failure where its data would be, or above data that is old by now. */
export function ProblemNotice({ error, again, busy = false, stale = false }: { error: unknown; again?: () => void; busy?: boolean; stale?: boolean }) {
  const { title, detail, todo } = inWords(error);
  return (
    <div className="notice notice-red" role="alert">
      <Icon name="attention" />
      <div className="notice-words">
        <p className="strong">{title}</p>
        {detail && <p>{detail}</p>}
        {todo && <p>{todo}</p>}
        {stale && <p className="soft">What you see below was true a moment ago.</p>}
      </div>
      {again && (
        <Action kind="quiet" onPress={again} isPending={busy}>
          Try again
        </Action>
      )}
    </div>
  );
}

function sentence(text: string): string {
  const trimmed = text.trim();
  const begun = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
