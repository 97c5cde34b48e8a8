// What a provider can ask for.

import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../api/client.ts";
import { LIVE, paceOf } from "../live/pace.ts";
import { dayBegins, dayEnds, type earningsSearch, only, type pageSearch, type payoutsSearch } from "../show/search.ts";
import { saveFile } from "../ui/save.ts";

/** Enough to see everything that is under way. */
const OPEN_LIMIT = 100;

export const balance = queryOptions({
  queryKey: ["balance"],
  queryFn: async ({ signal }) => (await answer(api.GET("/api/provider/balance", { signal }))).balances,
  ...LIVE.list,
});

export const earnings = ({ from, to, ...search }: ReturnType<typeof earningsSearch>) =>
  queryOptions({
    queryKey: ["earnings", { from, to, ...search }],
    queryFn: ({ signal }) =>
      answer(api.GET("/api/provider/earnings", { params: { query: { limit: 20, ...search, ...only({ from: dayBegins(from), to: dayEnds(to) }) } }, signal })),
    placeholderData: keepPreviousData,
    ...LIVE.steady,
  });

type Currency = Schemas["Money"]["currency"];

export const statement = (month: string, currency: Currency) =>
  queryOptions({
    queryKey: ["statement", month, currency],
    queryFn: async ({ signal }) => (await answer(api.GET("/api/provider/statements/{month}", { params: { path: { month }, query: { currency, format: "json" } }, signal }))) as Schemas["MonthlyStatement"],
    ...LIVE.steady,
  });

/** The same as a file. */
export async function downloadStatement(month: string, currency: Currency, format: "csv" | "pdf"): Promise<void> {
  const file: unknown = await answer(api.GET("/api/provider/statements/{month}", { params: { path: { month }, query: { currency, format } }, parseAs: "blob" }));
  saveFile(`statement-${month}-${currency}.${format}`, file as Blob);
}

export const payouts = ({ from, to, ...search }: ReturnType<typeof payoutsSearch>) =>
  queryOptions({
    queryKey: ["payouts", { from, to, ...search }],
    queryFn: ({ signal }) =>
      answer(api.GET("/api/provider/payouts", { params: { query: { limit: 20, ...search, ...only({ from: dayBegins(from), to: dayEnds(to) }) } }, signal })),
    placeholderData: keepPreviousData,
    ...LIVE.list,
  });

/** Those that hold reserved money, oldest first. */
export const openPayouts = queryOptions({
  queryKey: ["payouts", "open"],
  queryFn: async ({ signal }) => {
    const { items } = await answer(api.GET("/api/provider/payouts", { params: { query: { open: true, limit: OPEN_LIMIT } }, signal }));
    return items.toSorted((one, other) => one.requested_at.localeCompare(other.requested_at));
  },
  ...LIVE.list,
});

export const payout = (id: string) =>
  queryOptions({
    queryKey: ["payout", id],
    queryFn: ({ signal }) => answer(api.GET("/api/provider/payouts/{id}", { params: { path: { id } }, signal })),
    refetchInterval: (query) => paceOf(query.state.data?.payout),
  });

/** What asking for this now would cost and when it would arrive. Nothing is written. */
export const quote = (body: Schemas["PayoutRequest"]) =>
  queryOptions({
    queryKey: ["quote", body],
    queryFn: ({ signal }) => answer(api.POST("/api/provider/payouts/quote", { body, signal })),
    ...LIVE.still,
  });

export const bankAccounts = queryOptions({
  queryKey: ["bank-accounts"],
  queryFn: async ({ signal }) => (await answer(api.GET("/api/provider/bank-accounts", { signal }))).items,
  ...LIVE.steady,
});

export const banks = queryOptions({
  queryKey: ["banks"],
  queryFn: async ({ signal }) => (await answer(api.GET("/api/provider/banks", { signal }))).banks,
  staleTime: Infinity,
  ...LIVE.still,
});

export const notifications = (search: ReturnType<typeof pageSearch>) =>
  queryOptions({
    queryKey: ["notifications", search],
    queryFn: ({ signal }) => answer(api.GET("/api/provider/notifications", { params: { query: { limit: 20, ...search } }, signal })),
    placeholderData: keepPreviousData,
    ...LIVE.list,
  });

export const notificationSettings = queryOptions({
  queryKey: ["notification-settings"],
  queryFn: ({ signal }) => answer(api.GET("/api/provider/notification-settings", { signal })),
  ...LIVE.steady,
});
