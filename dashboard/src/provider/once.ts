// A form that asks for money at most once.
//
// Guarantees: one idempotency key is minted per form and goes with everything that form ever sends; while one request is
// on its way no other can leave; once it is not known whether a request arrived, only that same request, byte for byte, can
// be sent again; and all of this outlives a reload of the page. A key is given up only when the payout exists or when the API has
// refused what was never in doubt.

import { ProblemError } from "../api/client.ts";

/** `Body` is what the form asks for. */
export type Once<Body> =
  | { readonly step: "editing"; readonly key: string; readonly refusal?: ProblemError }
  | { readonly step: "confirming"; readonly key: string; readonly body: Body }
  | { readonly step: "sending"; readonly key: string; readonly body: Body; readonly doubted: boolean }
  | { readonly step: "unheard"; readonly key: string; readonly body: Body; readonly error?: unknown }
  | { readonly step: "made"; readonly key: string; readonly payoutId: string };

export type Event<Body> =
  | { readonly did: "filled in"; readonly body: Body }
  | { readonly did: "went back" }
  | { readonly did: "sent" }
  | { readonly did: "heard it was made"; readonly payoutId: string }
  | { readonly did: "heard a failure"; readonly error: unknown };

/** What an event makes of the form. An event that does not belong to where the form stands changes nothing. */
export function next<Body>(once: Once<Body>, event: Event<Body>): Once<Body> {
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

/** 409s that are about the payout that stands in the way, told after the key was looked at. */
const STOOD_IN_THE_WAY: ReadonlySet<string> = new Set(["payout_moved_on", "not_the_account", "not_proven_unpaid"]);

/**
 * Whether the API has said that this request made no payout. After a first send without an answer, being refused at the door
 * (signed out, too many requests, the gateway away) says nothing about that first one.
 */
function isRefusal(error: unknown, doubted: boolean): error is ProblemError {
  if (!(error instanceof ProblemError)) return false;
  const { status, code } = error.problem;
  if (status === 400 || status === 422 || (status === 409 && STOOD_IN_THE_WAY.has(code))) return true;
  if (code === "gateway_unavailable") return !doubted;
  return !doubted && status >= 400 && status < 500 && status !== 408 && status !== 409;
}

/** `form` names it: what is kept is one form's and one person's. */
export function begin<Body>(form: string, storage: Storage = sessionStorage): Once<Body> {
  const kept = storage.getItem(form);
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
export function keep<Body>(form: string, once: Once<Body>, storage: Storage = sessionStorage): void {
  if (once.step === "sending" || once.step === "unheard") storage.setItem(form, JSON.stringify({ key: once.key, body: once.body }));
  else storage.removeItem(form);
}

function mint(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
