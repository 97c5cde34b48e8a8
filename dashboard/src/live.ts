// How what is on the screen stays true. Today: asking again. Server-sent events will replace this file's inside, not its callers.
//
// Cost: a page in the background asks nothing. One in front asks at the pace of what it shows.

import type { Schemas } from "./api/client.ts";

const SECOND = 1000;

/** By how fast it can change. */
export const LIVE = {
  /** A payout that moves by itself while somebody looks at it. */
  moving: { refetchInterval: 1.5 * SECOND },
  /** Lists and queues that others work on too. */
  list: { refetchInterval: 5 * SECOND },
  /** What changes when somebody does something about it. */
  steady: { refetchInterval: 30 * SECOND },
  /** What does not change under the reader: a payout that has ended, the banks. */
  still: { refetchInterval: false },
} as const satisfies Record<string, { refetchInterval: number | false }>;

/** Statuses after which a payout moves no more, but for a return by the bank days later. */
export function hasEnded(payout: { status: Schemas["PayoutStatus"]; refunded_at?: string }): boolean {
  switch (payout.status) {
    case "REQUESTED":
    case "APPROVED":
    case "PROCESSING":
      return false;
    case "FAILED":
      return payout.refunded_at !== undefined;
    case "COMPLETED":
    case "REJECTED":
    case "CANCELLED":
    case "REVERSED":
      return true;
  }
}

/** The pace of one payout's page. */
export function paceOf(payout: Parameters<typeof hasEnded>[0] | undefined): number | false {
  return payout && hasEnded(payout) ? LIVE.still.refetchInterval : LIVE.moving.refetchInterval;
}
