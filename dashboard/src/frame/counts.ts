// How much waits for an admin, beside the places where it waits. The API has no totals: a page is asked for and counted.

import { queryOptions } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../api/client.ts";
import { LIVE } from "../live.ts";

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
