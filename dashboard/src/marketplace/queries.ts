// What the marketplace's own people can ask for. There is no stream of changes for them, so the pages poll.

import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { answer, api } from "../api/client.ts";
import { LIVE } from "../live/pace.ts";
import type { pageSearch } from "../show/search.ts";

export const endpoints = queryOptions({
  queryKey: ["webhook-endpoints"],
  queryFn: ({ signal }) => answer(api.GET("/api/platform/webhook-endpoints", { signal })),
  ...LIVE.untold,
});

export const deliveries = (id: string, search: ReturnType<typeof pageSearch>) =>
  queryOptions({
    queryKey: ["webhook-deliveries", id, search],
    queryFn: ({ signal }) => answer(api.GET("/api/platform/webhook-endpoints/{id}/deliveries", { params: { path: { id }, query: { limit: 20, ...search } }, signal })),
    placeholderData: keepPreviousData,
    ...LIVE.untold,
  });
