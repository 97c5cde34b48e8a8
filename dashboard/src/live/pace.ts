// How what is on the screen stays true: the stream tells what has changed (`stream.ts`), and without one it is asked for again.
//
// Cost: a page in the background asks nothing. One in front asks once a minute while the stream is open, in case something is told to
// nobody; without it at the pace of what it shows.

import { isFollowing } from "./stream.ts";
import type { Schemas } from "../api/client.ts";

const SECOND = 1000;
const WHILE_FOLLOWING = 60 * SECOND;

function every(seconds: number): { refetchInterval: () => number } {
  return { refetchInterval: () => (isFollowing() ? Math.max(WHILE_FOLLOWING, seconds * SECOND) : seconds * SECOND) };
}

/** By how fast it can change. */
export const LIVE = {
  /** A payout that moves by itself while somebody looks at it. */
  moving: every(1.5),
  /** Lists and queues that others work on too. */
  list: every(5),
  /** What changes when somebody does something about it. */
  steady: every(30),
  /** What no change is told of: the state of the processes. */
  untold: { refetchInterval: 5 * SECOND },
  /** What does not change under the reader: a payout that has ended, the banks. */
  still: { refetchInterval: false },
} as const;

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
  return payout && hasEnded(payout) ? LIVE.still.refetchInterval : LIVE.moving.refetchInterval();
}
