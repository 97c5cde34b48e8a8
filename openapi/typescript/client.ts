// A thin client: paths, bodies and answers are typed by the generated schema, so a change of the API that breaks a caller
// breaks its build.

import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./schema";

export type Payout = components["schemas"]["Payout"];
export type Money = components["schemas"]["Money"];
export type Problem = components["schemas"]["Problem"];

/** What the API refused, with its stable code. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
    this.name = "ProblemError";
  }
}

/** A client for one caller. `token` is asked for each request, so that it can be renewed. */
export function payoutsClient(baseUrl: string, token: () => string | Promise<string>): Client<paths> {
  const client = createClient<paths>({ baseUrl });
  client.use({
    async onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${await token()}`);
      return request;
    },
  });
  return client;
}

/**
 * Asks for a payout. Keep `idempotencyKey` and send it again when the answer was lost: the payout is made once.
 */
export async function requestPayout(
  client: Client<paths>,
  amount: Money,
  bankAccountId: string,
  idempotencyKey: string,
): Promise<Payout> {
  const { data, error } = await client.POST("/api/provider/payouts", {
    params: { header: { "Idempotency-Key": idempotencyKey } },
    body: { amount, bank_account_id: bankAccountId },
  });
  if (error) throw new ProblemError(error);
  return data;
}

/** Every payout of the caller, newest first, a page at a time. */
export async function* allPayouts(client: Client<paths>, status?: Payout["status"]): AsyncGenerator<Payout> {
  let cursor: string | undefined;
  do {
    const query = { limit: 100, ...(status && { status }), ...(cursor && { cursor }) };
    const { data, error } = await client.GET("/api/provider/payouts", { params: { query } });
    if (error) throw new ProblemError(error);
    yield* data.items;
    cursor = data.next_cursor;
  } while (cursor);
}
