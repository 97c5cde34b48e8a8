// When something is asked for again, and what is forgotten when somebody else signs in.

import { QueryClient } from "@tanstack/react-query";

import { ProblemError, Unheard } from "./client.ts";

const FRESH_FOR = 1000;
const TRIES = 2;

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: FRESH_FOR,
      // A refusal is an answer; only silence and an overloaded server are worth asking again.
      retry: (failures, error) => failures < TRIES && (error instanceof Unheard || (error instanceof ProblemError && error.problem.status >= 500)),
      refetchIntervalInBackground: false,
    },
    // What changes something is never repeated by itself: a person decides, or an idempotency key makes it safe.
    mutations: { retry: false },
  },
});
