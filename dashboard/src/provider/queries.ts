// What a provider can ask for.

import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { answer, api } from "../api/client.ts";
import { hasEnded, LIVE, paceOf } from "../live/pace.ts";
import { dayBegins, dayEnds, only, type pageSearch, type payoutsSearch } from "../show/search.ts";

/** Enough to see everything that is under way. */
const OPEN_LIMIT = 100;
const OPEN = ["REQUESTED", "APPROVED", "PROCESSING", "FAILED"] as const;

export const balance = queryOptions({
  queryKey: ["balance"],
  queryFn: async ({ signal }) => (await answer(api.GET("/api/provider/balance", { signal }))).balances,
  ...LIVE.list,
});

export const earnings = (search: ReturnType<typeof pageSearch>) =>
  queryOptions({
    queryKey: ["earnings", search],
    queryFn: ({ signal }) => answer(api.GET("/api/provider/earnings", { params: { query: { limit: 20, ...search } }, signal })),
    placeholderData: keepPreviousData,
    ...LIVE.steady,
  });

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
    const lists = await Promise.all(OPEN.map((status) => answer(api.GET("/api/provider/payouts", { params: { query: { status, limit: OPEN_LIMIT } }, signal }))));
    const open = lists.flatMap((list) => list.items).filter((payout) => !hasEnded(payout));
    return open.sort((one, other) => one.requested_at.localeCompare(other.requested_at));
  },
  ...LIVE.list,
});

export const payout = (id: string) =>
  queryOptions({
    queryKey: ["payout", id],
    queryFn: ({ signal }) => answer(api.GET("/api/provider/payouts/{id}", { params: { path: { id } }, signal })),
    refetchInterval: (query) => paceOf(query.state.data?.payout),
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
