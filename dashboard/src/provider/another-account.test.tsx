// @vitest-environment jsdom
// Giving another account against an API that is slow, silent or says no; and adding one with a sign-in that is too old.

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, createRootRoute, createRoute, createRouter, Outlet, RouterProvider } from "@tanstack/react-router";
import { cleanup, configure, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Schemas } from "../api/client.ts";

// The client keeps the `fetch` it finds when it is made, so ours must be there before.
const { world } = vi.hoisted(() => {
  interface Sent {
    readonly path: string;
    readonly key: string | null;
    readonly body: unknown;
  }
  const made = { sent: [] as Sent[], answers: [] as (() => Promise<Response>)[], accounts: [] as unknown[] };
  globalThis.fetch = async (input) => {
    const request = input as Request;
    const { pathname } = new URL(request.url);
    const json = (body: unknown): Response => new Response(JSON.stringify(body), { headers: { "Content-Type": "application/json" } });
    if (pathname.endsWith("/resolve")) return json({ account_name: "AMINA YUSUF", account_number: "******0031", bank_code: "044" });
    if (request.method === "POST") {
      made.sent.push({ path: pathname, key: request.headers.get("Idempotency-Key"), body: await request.json() });
      const next = made.answers.shift();
      if (!next) throw new Error("nobody expected another request");
      return next();
    }
    if (pathname.endsWith("/banks")) return json({ banks: [{ code: "044", name: "Access Bank" }] });
    return json({ items: made.accounts });
  };
  // React Aria looks for options by their keys, and jsdom has no CSS.
  globalThis.CSS ??= { escape: (text: string) => text } as typeof CSS;
  // The router scrolls up after navigation; there is nothing to scroll here.
  window.scrollTo = () => undefined;
  return { world: made };
});

const { AnotherAccount } = await import("./another-account.tsx");

const OLD = "01a20543-7d9a-7496-8e95-6ac3edaf55a0";
const payout: Schemas["Payout"] = { id: OLD, status: "FAILED", amount: { amount: "1200.00", currency: "NGN" }, bank_account_id: "refused", requested_at: "2026-01-05T09:00:00Z", failure: { code: "account_invalid", detail: "The bank does not take money for this account.", at: "2026-01-05T10:00:00Z" } };
const account = (id: string, more: object = {}) => ({ id, account_name: "Amina Yusuf", account_number: "******0032", bank_code: "044", bank_name: "Access Bank", currency: "NGN", created_at: "2026-01-01T00:00:00Z", usable_from: "2026-01-01T00:00:00Z", ...more });
const made = (): Promise<Response> => Promise.resolve(new Response(JSON.stringify({ id: "the-new-one" }), { status: 201, headers: { "Content-Type": "application/json" } }));
const silence = (): Promise<Response> => Promise.reject(new TypeError("Failed to fetch"));
const refusal = (status: number, code: string, detail: string) => (): Promise<Response> =>
  Promise.resolve(new Response(JSON.stringify({ type: "", title: detail, status, code, detail, errors: [] }), { status, headers: { "Content-Type": "application/problem+json" } }));

// A slow machine is no failure.
configure({ asyncUtilTimeout: 60_000 });

beforeEach(() => {
  sessionStorage.clear();
  world.sent.length = 0;
  world.answers.length = 0;
  world.accounts = [account("refused"), account("other")];
});
afterEach(cleanup);

function open() {
  const root = createRootRoute({ component: Outlet });
  const old = createRoute({ getParentRoute: () => root, path: "/provider/old", component: () => <AnotherAccount payout={payout} refused={account("refused")} /> });
  const page = createRoute({ getParentRoute: () => root, path: "/provider/payouts/$id", component: () => <p>the new payout's page</p> });
  const signIn = createRoute({ getParentRoute: () => root, path: "/sign-in", component: () => <p>the sign-in page</p> });
  const router = createRouter({ routeTree: root.addChildren([old, page, signIn]), history: createMemoryHistory({ initialEntries: ["/provider/old"] }) });
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <RouterProvider router={router as never} />
    </QueryClientProvider>,
  );
  return { user: userEvent.setup(), router };
}

const press = (name: string | RegExp) => screen.findByRole("button", { name });

describe("giving another account", () => {
  it("does not offer the one that was refused, and sends once however often it is pressed", async () => {
    world.answers.push(made);
    const { user } = open();
    await waitFor(() => expect(screen.getAllByRole("radio")).toHaveLength(1));
    await user.click(await press("Continue"));
    await user.dblClick(await press("Send it to this account"));
    expect(await screen.findByText("the new payout's page")).toBeTruthy();
    expect(world.sent).toEqual([{ path: `/api/provider/payouts/${OLD}/another-account`, key: expect.stringMatching(/^[0-9a-f]{32}$/), body: { bank_account_id: "other" } }]);
  });

  it("sends the very same request again when no answer came, also after a reload", async () => {
    world.answers.push(silence, made);
    const { user } = open();
    await user.click(await press("Continue"));
    await user.click(await press("Send it to this account"));
    await press("Send it again");
    cleanup();
    await open().user.click(await press("Send it again"));
    expect(await screen.findByText("the new payout's page")).toBeTruthy();
    expect(world.sent).toHaveLength(2);
    expect(world.sent[1]).toEqual(world.sent[0]);
  });

  it("says why it cannot be done now, and lets it be tried again", async () => {
    world.answers.push(refusal(409, "not_proven_unpaid", "An earlier attempt may still pay."), made);
    const { user } = open();
    await user.click(await press("Continue"));
    await user.click(await press("Send it to this account"));
    expect((await screen.findByRole("alert")).textContent).toContain("may still pay");
    await user.click(await press("Continue"));
    await user.click(await press("Send it to this account"));
    await waitFor(() => expect(world.sent).toHaveLength(2));
    expect(world.sent[1]?.key).toBe(world.sent[0]?.key);
  });

  it("says from when a new account can be chosen, and offers no other", async () => {
    world.accounts = [account("refused"), account("other", { usable_from: "2999-01-01T00:00:00Z" })];
    open();
    expect(await screen.findByText(/^Come back from/)).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Continue" })).toBeNull();
  });
});

describe("adding an account", () => {
  it("leads to a fresh sign-in where the API wants one, and keeps what was typed", async () => {
    world.answers.push(refusal(403, "fresh_sign_in_needed", "Sign in again first."));
    const { user, router } = open();
    await user.click(await press("Add a bank account"));
    await user.type(await screen.findByRole("textbox", { name: "Account number" }), "069 000 0031");
    await user.type(await screen.findByRole("combobox", { name: /Bank/ }), "Acc");
    await user.click(await screen.findByRole("option", { name: /Access Bank/ }));
    await user.click(await press("Check the account"));
    await user.click(await press("Yes, add it"));
    expect(await screen.findByText("the sign-in page")).toBeTruthy();
    expect(router.state.location.search).toEqual({ to: "/provider/old", why: "bank-account" });
    expect(world.sent).toEqual([{ path: "/api/provider/bank-accounts", key: null, body: { bank_code: "044", account_number: "0690000031", currency: "NGN" } }]);
    cleanup();
    open();
    expect(await screen.findByDisplayValue("0690000031")).toBeTruthy();
  });
});
