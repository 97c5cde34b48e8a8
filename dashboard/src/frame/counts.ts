// How much waits for an admin, or was not read, beside the places where it is.

import { queryOptions } from "@tanstack/react-query";

import { answer, api } from "../api/client.ts";
import { LIVE } from "../live/pace.ts";

/** Of an admin: reviews, failed payouts, cases, dead letters. */
export const waitingCounts = queryOptions({
  queryKey: ["overview", "counts"],
  queryFn: ({ signal }) => answer(api.GET("/api/admin/counts", { signal })),
  ...LIVE.list,
});

/** The key is that of the feed, so that reading them tells here too. */
export const unreadCount = queryOptions({
  queryKey: ["notifications", "unread"],
  queryFn: async ({ signal }) => ({ known: (await answer(api.GET("/api/provider/notifications", { params: { query: { limit: 1 } }, signal }))).unread, more: false }),
  ...LIVE.steady,
});

/** Of the admins' messages. */
export const toldCount = queryOptions({
  queryKey: ["notifications", "unread", "admin"],
  queryFn: async ({ signal }) => {
    const { unread } = await answer(api.GET("/api/admin/notifications", { params: { query: { limit: 1 } }, signal }));
    return { known: unread, more: false };
  },
  ...LIVE.steady,
});
