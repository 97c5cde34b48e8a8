// Apart from the other questions, since every page of an admin asks it.

import { queryOptions } from "@tanstack/react-query";

import { answer, api } from "../api/client.ts";
import { LIVE } from "../live/pace.ts";

export const pauses = queryOptions({
  queryKey: ["pauses"],
  queryFn: async ({ signal }) => (await answer(api.GET("/api/admin/pauses", { signal }))).items,
  ...LIVE.list,
});
