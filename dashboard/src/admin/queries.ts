// What an admin can ask for.

import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../api/client.ts";
import { LIVE, paceOf } from "../live/pace.ts";
import type { Currency } from "../show/money.ts";
import { type allPayoutsSearch, type casesSearch, dayBegins, dayEnds, type deadLettersSearch, type messagesSearch, only, type pageSearch, type policiesSearch, type providersSearch, type reviewsSearch } from "../show/search.ts";

const QUEUE_PAGE = 50;
const STATEMENT_PAGE = 100;

type Search = ReturnType<typeof allPayoutsSearch>;

/** The filters of the address as the API takes them. */
export function asQuery({ from, to, ...search }: Search) {
  return { ...search, ...only({ from: dayBegins(from), to: dayEnds(to) }) };
}

export const reviews = (search: Omit<ReturnType<typeof reviewsSearch>, "payout">) =>
  queryOptions({
    queryKey: ["reviews", search],
    queryFn: ({ signal }) => answer(api.GET("/api/admin/reviews", { params: { query: { limit: QUEUE_PAGE, ...search } }, signal })),
    placeholderData: keepPreviousData,
    ...LIVE.list,
  });

/** What a decision is made on: approvals so far, the provider's past, what changed lately. */
export const review = (id: string) =>
  queryOptions({
    queryKey: ["review", id],
    queryFn: ({ signal }) => answer(api.GET("/api/admin/reviews/{id}", { params: { path: { id } }, signal })),
    ...LIVE.list,
  });

export const allPayouts = (search: Search, limit = 20) =>
  queryOptions({
    queryKey: ["payouts", "all", search, limit],
    queryFn: async ({ signal }) => {
      const page = await answer(api.GET("/api/admin/payouts", { params: { query: { limit, format: "json", ...asQuery(search) } }, signal }));
      return page as Schemas["AllPayouts"];
    },
    placeholderData: keepPreviousData,
    ...LIVE.list,
  });

export const anyPayout = (id: string) =>
  queryOptions({
    queryKey: ["payout", "admin", id],
    queryFn: ({ signal }) => answer(api.GET("/api/admin/payouts/{id}", { params: { path: { id } }, signal })),
    refetchInterval: (query) => paceOf(query.state.data?.payout),
  });

export const batches = (search: ReturnType<typeof pageSearch>) =>
  queryOptions({
    queryKey: ["batches", search],
    queryFn: ({ signal }) => answer(api.GET("/api/admin/batches", { params: { query: { limit: 20, ...search } }, signal })),
    placeholderData: keepPreviousData,
    ...LIVE.list,
  });

export const batch = (id: string) =>
  queryOptions({
    queryKey: ["batch", id],
    queryFn: ({ signal }) => answer(api.GET("/api/admin/batches/{id}", { params: { path: { id } }, signal })),
    ...LIVE.list,
  });

export const cases = (search: ReturnType<typeof casesSearch>, limit = 20) =>
  queryOptions({
    queryKey: ["cases", search, limit],
    queryFn: async ({ signal }) => (await answer(api.GET("/api/admin/cases", { params: { query: { limit, format: "json", ...search } }, signal }))) as Schemas["Cases"],
    placeholderData: keepPreviousData,
    ...LIVE.list,
  });

export const oneCase = (id: string) =>
  queryOptions({
    queryKey: ["case", id],
    queryFn: ({ signal }) => answer(api.GET("/api/admin/cases/{id}", { params: { path: { id } }, signal })),
    ...LIVE.list,
  });

export const reconciliations = (search: ReturnType<typeof pageSearch>) =>
  queryOptions({
    queryKey: ["reconciliations", search],
    queryFn: ({ signal }) => answer(api.GET("/api/admin/reconciliations", { params: { query: { limit: 20, ...search } }, signal })),
    placeholderData: keepPreviousData,
    ...LIVE.untold,
  });

export const statements = (search: ReturnType<typeof pageSearch>) =>
  queryOptions({
    queryKey: ["statements", search],
    queryFn: ({ signal }) => answer(api.GET("/api/admin/wallet-statements", { params: { query: { limit: 20, ...search } }, signal })),
    placeholderData: keepPreviousData,
    ...LIVE.steady,
  });

/** A statement's lines do not change once it is imported. */
export const statement = (id: string, unmatched: boolean, after: number) =>
  queryOptions({
    queryKey: ["statement", id, unmatched, after],
    queryFn: ({ signal }) => answer(api.GET("/api/admin/wallet-statements/{id}", { params: { path: { id }, query: { unmatched, after, limit: STATEMENT_PAGE } }, signal })),
    placeholderData: keepPreviousData,
    ...LIVE.still,
  });

export const deadLetters = (search: ReturnType<typeof deadLettersSearch>) =>
  queryOptions({
    queryKey: ["dead-letters", search],
    queryFn: ({ signal }) => answer(api.GET("/api/admin/dead-letters", { params: { query: { limit: 20, ...search } }, signal })),
    placeholderData: keepPreviousData,
    ...LIVE.untold,
  });

export const health = queryOptions({
  queryKey: ["health"],
  queryFn: async ({ signal }) => {
    // While it cannot do its work it answers 503, with the same body: that is an answer too.
    const { data, error, response } = await api.GET("/readyz", { signal });
    const told = data ?? error;
    return told && "dependencies" in told ? told : answer(Promise.resolve<{ data?: Schemas["Health"]; error: unknown; response: Response }>({ error: told, response }));
  },
  ...LIVE.untold,
});

/** Every payout that matches, as a file. */
export async function exportPayouts({ cursor: _, ...filters }: Search): Promise<void> {
  save("payouts", await answer(api.GET("/api/admin/payouts", { params: { query: { format: "csv", ...asQuery(filters) } }, parseAs: "blob" })));
}

/** Every case that matches, as a file. */
export async function exportCases({ cursor: _, ...filters }: ReturnType<typeof casesSearch>): Promise<void> {
  save("cases", await answer(api.GET("/api/admin/cases", { params: { query: { format: "csv", ...filters } }, parseAs: "blob" })));
}

/** A link cannot carry a token, so the file is fetched and handed to the browser. */
function save(what: string, file: unknown): void {
  const address = URL.createObjectURL(file as Blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = `${what}-${new Date().toISOString().slice(0, 10)}.csv`;
  link.click();
  URL.revokeObjectURL(address);
}

/** Told every few seconds by the workers themselves; no change is told of it. */
export const workers = queryOptions({
  queryKey: ["workers"],
  queryFn: ({ signal }) => answer(api.GET("/api/admin/workers", { signal })),
  ...LIVE.untold,
});

export const riskPolicies = (search: ReturnType<typeof policiesSearch>) =>
  queryOptions({
    queryKey: ["risk-policies", search],
    queryFn: ({ signal }) => answer(api.GET("/api/admin/risk-policies", { params: { query: { limit: 20, ...search } }, signal })),
    placeholderData: keepPreviousData,
    ...LIVE.untold,
  });

export const riskPolicy = (id: string) =>
  queryOptions({
    queryKey: ["risk-policy", id],
    queryFn: ({ signal }) => answer(api.GET("/api/admin/risk-policies/{id}", { params: { path: { id } }, signal })),
    ...LIVE.untold,
  });

/** What a policy that is tried beside the active one would have sent elsewhere. */
export const disagreements = (id: string, search: ReturnType<typeof pageSearch>) =>
  queryOptions({
    queryKey: ["risk-policy", id, "disagreements", search],
    queryFn: ({ signal }) => answer(api.GET("/api/admin/risk-policies/{id}/disagreements", { params: { path: { id }, query: { limit: 20, ...search } }, signal })),
    placeholderData: keepPreviousData,
    ...LIVE.steady,
  });

export const messages = (search: ReturnType<typeof messagesSearch>) =>
  queryOptions({
    queryKey: ["messages", search],
    queryFn: ({ signal }) => answer(api.GET("/api/admin/messages", { params: { query: { limit: 20, ...search } }, signal })),
    placeholderData: keepPreviousData,
    ...LIVE.untold,
  });

export const adminNotifications = (search: ReturnType<typeof pageSearch>) =>
  queryOptions({
    queryKey: ["notifications", search],
    queryFn: ({ signal }) => answer(api.GET("/api/admin/notifications", { params: { query: { limit: 20, ...search } }, signal })),
    placeholderData: keepPreviousData,
    ...LIVE.list,
  });

export const adminNotificationSettings = queryOptions({
  queryKey: ["notification-settings", "admin"],
  queryFn: ({ signal }) => answer(api.GET("/api/admin/notification-settings", { signal })),
  ...LIVE.steady,
});

export const failedMessages = queryOptions({
  queryKey: ["failed-messages"],
  queryFn: ({ signal }) => answer(api.GET("/api/admin/messages", { params: { query: { state: "failed", limit: 50 } }, signal })),
  ...LIVE.untold,
});

export const forecast = queryOptions({
  queryKey: ["forecast"],
  queryFn: ({ signal }) => answer(api.GET("/api/admin/forecast", { params: { query: { windows: 6 } }, signal })),
  ...LIVE.steady,
});

/** A period up to and with today, in one currency. It reads all that ended in it, so it is asked for rarely. */
export const statistics = (currency: Currency, days: number) =>
  queryOptions({
    queryKey: ["statistics", currency, days],
    queryFn: ({ signal }) => {
      const at = new Date();
      at.setDate(at.getDate() - days + 1);
      const from = `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`;
      return answer(api.GET("/api/admin/statistics", { params: { query: { currency, from } }, signal }));
    },
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    ...LIVE.still,
  });

export const providers = (search: ReturnType<typeof providersSearch>) =>
  queryOptions({
    queryKey: ["providers", search],
    queryFn: ({ signal }) => answer(api.GET("/api/admin/providers", { params: { query: { limit: 20, ...search } }, signal })),
    placeholderData: keepPreviousData,
    ...LIVE.list,
  });

export const anyProvider = (id: string) =>
  queryOptions({
    queryKey: ["provider", "admin", id],
    queryFn: ({ signal }) => answer(api.GET("/api/admin/providers/{id}", { params: { path: { id } }, signal })),
    ...LIVE.list,
  });

/** Who is signed in, and what this installation is. */
export const me = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => answer(api.GET("/api/me", { signal })),
  ...LIVE.still,
});

export const approvalLimits = queryOptions({
  queryKey: ["approval-limits"],
  queryFn: ({ signal }) => answer(api.GET("/api/admin/approval-limits", { signal })),
  ...LIVE.untold,
});

export const windows = queryOptions({
  queryKey: ["batches", "windows"],
  queryFn: ({ signal }) => answer(api.GET("/api/admin/batches/windows", { params: { query: { count: 12 } }, signal })),
  ...LIVE.steady,
});
