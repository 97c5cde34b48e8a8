// The generated client, for whoever is signed in; and the one place where an answer becomes data or a failure.

import type { components } from "payouts-client/schema";
import { payoutsClient, ProblemError } from "payouts-client/client";

import { bearer, signOut } from "../sign-in/token.ts";

export { ProblemError };
export type Schemas = components["schemas"];

export const api = payoutsClient(location.origin, bearer);

/** No answer that can be read came: the network, a proxy, or a server that is starting. The request may have been carried out. */
export class Unheard extends Error {
  constructor() {
    super("No answer came from the server.");
    this.name = "Unheard";
  }
}

/** What the API answered, or the reason why it did not. @throws ProblemError, Unheard */
export async function answer<Data>(asked: Promise<{ data?: Data; error?: unknown; response: Response }>): Promise<Data> {
  let given: { data?: Data; error?: unknown; response: Response };
  try {
    given = await asked;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Unheard();
  }
  if (given.response.ok) return given.data as Data;
  if (!isProblem(given.error)) throw new Unheard();
  // The token is not valid any more: the frame shows the sign-in page.
  if (given.response.status === 401) signOut();
  throw new ProblemError(given.error);
}

function isProblem(error: unknown): error is Schemas["Problem"] {
  return typeof error === "object" && error !== null && "code" in error && "detail" in error;
}
