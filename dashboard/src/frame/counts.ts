// How much waits for an admin, or was not read by a provider, beside the places where it is. The API has no totals: a page is asked for and counted.

import { queryOptions } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../api/client.ts";
import { LIVE } from "../live/pace.ts";

const COUNTED = 100;

export const reviewsCount = queryOptions({
  queryKey: ["reviews", "count"],
  queryFn: async ({ signal }) => {
    const page = await answer(api.GET("/api/admin/reviews", { params: { query: { limit: COUNTED } }, signal }));
    return { known: page.items.length, more: page.next_cursor !== undefined };
  },
  ...LIVE.steady,
});

export const attentionCount = queryOptions({
  queryKey: ["payouts", "attention-count"],
  queryFn: async ({ signal }) => {
    const page = (await answer(
      api.GET("/api/admin/payouts", { params: { query: { needs_attention: true, format: "json", limit: COUNTED } }, signal }),
    )) as Schemas["AllPayouts"];
    return { known: page.items.length, more: page.next_cursor !== undefined };
  },
  ...LIVE.steady,
});

export const openCasesCount = queryOptions({
  queryKey: ["cases", "count"],
  queryFn: async ({ signal }) => {
    const page = (await answer(
      api.GET("/api/admin/cases", { params: { query: { status: "OPEN", format: "json", limit: COUNTED } }, signal }),
    )) as Schemas["Cases"];
    return { known: page.items.length, more: page.next_cursor !== undefined };
  },
  ...LIVE.steady,
});

/** Of the latest messages; the key is that of the feed, so that reading them tells here too. */
export const unreadCount = queryOptions({
  queryKey: ["notifications", "unread"],
  queryFn: async ({ signal }) => {
    const { items, next_cursor } = await answer(api.GET("/api/provider/notifications", { params: { query: { limit: COUNTED } }, signal }));
    const unread = items.filter((message) => message.read_at === undefined).length;
    return { known: unread, more: unread === items.length && next_cursor !== undefined };
  },
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
