// A form that asks for money at most once.
//
// Guarantees: one idempotency key is minted per form and goes with everything that form ever sends; while one request is
// on its way no other can leave; once it is not known whether a request arrived, only that same request, byte for byte, can
// be sent again; and all of this outlives a reload of the page. A key is given up only when the payout exists or when the API has
// refused what was never in doubt.

import { ProblemError, type Schemas } from "../api/client.ts";

export type Body = Schemas["PayoutRequest"];

export type Once =
  | { readonly step: "editing"; readonly key: string; readonly refusal?: ProblemError }
  | { readonly step: "confirming"; readonly key: string; readonly body: Body }
  | { readonly step: "sending"; readonly key: string; readonly body: Body; readonly doubted: boolean }
  | { readonly step: "unheard"; readonly key: string; readonly body: Body; readonly error?: unknown }
  | { readonly step: "made"; readonly key: string; readonly payoutId: string };

export type Event =
  | { readonly did: "filled in"; readonly body: Body }
  | { readonly did: "went back" }
  | { readonly did: "sent" }
  | { readonly did: "heard it was made"; readonly payoutId: string }
  | { readonly did: "heard a failure"; readonly error: unknown };

/** What an event makes of the form. An event that does not belong to where the form stands changes nothing. */
export function next(once: Once, event: Event): Once {
  switch (event.did) {
    case "filled in":
      return once.step === "editing" ? { step: "confirming", key: once.key, body: event.body } : once;
    case "went back":
      return once.step === "confirming" ? { step: "editing", key: once.key } : once;
    case "sent":
      if (once.step !== "confirming" && once.step !== "unheard") return once;
      return { step: "sending", key: once.key, body: once.body, doubted: once.step === "unheard" };
    case "heard it was made":
      return once.step === "sending" ? { step: "made", key: once.key, payoutId: event.payoutId } : once;
    case "heard a failure":
      if (once.step !== "sending") return once;
      return isRefusal(event.error, once.doubted)
        ? { step: "editing", key: once.key, refusal: event.error }
        : { step: "unheard", key: once.key, body: once.body, error: event.error };
  }
}

/**
 * Whether the API has said that this request made no payout. After a first send without an answer, being refused at the door
 * (signed out, too many requests) says nothing about that first one.
 */
function isRefusal(error: unknown, doubted: boolean): error is ProblemError {
  if (!(error instanceof ProblemError)) return false;
  const { status } = error.problem;
  if (status === 400 || status === 422) return true;
  return !doubted && status >= 400 && status < 500 && status !== 408 && status !== 409;
}

export function begin(subject: string, storage: Storage = sessionStorage): Once {
  const kept = storage.getItem(keptAs(subject));
  if (kept) {
    try {
      const { key, body } = JSON.parse(kept) as { key: string; body: Body };
      if (key && body) return { step: "unheard", key, body };
    } catch {
      // Not ours, or cut off: a new form.
    }
  }
  return { step: "editing", key: mint() };
}

/** Writes down what must outlive this page, before it is sent and until it is settled. */
export function keep(subject: string, once: Once, storage: Storage = sessionStorage): void {
  if (once.step === "sending" || once.step === "unheard") storage.setItem(keptAs(subject), JSON.stringify({ key: once.key, body: once.body }));
  else storage.removeItem(keptAs(subject));
}

function keptAs(subject: string): string {
  return `payout-request:${subject}`;
}

function mint(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
