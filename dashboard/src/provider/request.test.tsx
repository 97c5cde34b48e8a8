// @vitest-environment jsdom
// The form against an API that is slow, silent or says no: what leaves this page, and how often.

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, createRootRoute, createRoute, createRouter, RouterProvider } from "@tanstack/react-router";
import { cleanup, configure, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

// The client keeps the `fetch` it finds when it is made, so ours must be there before.
const { world } = vi.hoisted(() => {
  interface Sent {
    readonly key: string | null;
    readonly body: unknown;
  }
  const made = { sent: [] as Sent[], answers: [] as (() => Promise<Response>)[] };
  globalThis.fetch = async (input) => {
    const request = input as Request;
    const { pathname } = new URL(request.url);
    const json = (body: unknown): Response => new Response(JSON.stringify(body), { headers: { "Content-Type": "application/json" } });
    const naira = (amount: string) => ({ amount, currency: "NGN" });
    if (pathname.endsWith("/quote")) {
      return json({
        amount: naira("1500.00"),
        bank_account_id: "account",
        fee: { amount: naira("10.75"), borne_by: "platform", detail: "The marketplace bears it." },
        arrival: { leaves_at: "2026-01-05T12:00:00Z", usually_by: "2026-01-05T12:30:00Z", detail: "It leaves with the next batch." },
        possible: true,
        obstacles: [],
      });
    }
    if (request.method === "POST") {
      made.sent.push({ key: request.headers.get("Idempotency-Key"), body: await request.json() });
      const next = made.answers.shift();
      if (!next) throw new Error("nobody expected another request");
      return next();
    }
    if (pathname.endsWith("/balance")) return json({ balances: [{ currency: "NGN", available: naira("5000.00"), reserved: naira("0.00"), paid_out: naira("0.00"), debt: naira("0.00") }] });
    if (pathname.endsWith("/banks")) return json({ banks: [{ code: "044", name: "Access Bank" }] });
    return json({ items: [{ id: "account", account_name: "Amina Yusuf", account_number: "******0031", bank_code: "044", currency: "NGN", created_at: "2026-01-01T00:00:00Z", usable_from: "2026-01-01T00:00:00Z" }] });
  };
  // The router scrolls up after navigation; there is nothing to scroll here.
  window.scrollTo = () => undefined;
  return { world: made };
});

const { RequestPayout } = await import("./request.tsx");

const made = (): Promise<Response> => Promise.resolve(new Response(JSON.stringify({ id: "the-payout" }), { status: 201, headers: { "Content-Type": "application/json" } }));
const silence = (): Promise<Response> => Promise.reject(new TypeError("Failed to fetch"));
const refusal = (status: number, code: string, detail: string) => (): Promise<Response> =>
  Promise.resolve(new Response(JSON.stringify({ type: "", title: detail, status, code, detail, errors: [] }), { status, headers: { "Content-Type": "application/problem+json" } }));

// A slow machine is no failure.
configure({ asyncUtilTimeout: 60_000 });

beforeEach(() => {
  sessionStorage.clear();
  world.sent.length = 0;
  world.answers.length = 0;
});
afterEach(cleanup);

async function open() {
  const root = createRootRoute();
  const form = createRoute({ getParentRoute: () => root, path: "/provider/payouts/new", component: RequestPayout });
  const payout = createRoute({ getParentRoute: () => root, path: "/provider/payouts/$id", component: () => <p>the payout's page</p> });
  const router = createRouter({ routeTree: root.addChildren([form, payout]), history: createMemoryHistory({ initialEntries: ["/provider/payouts/new"] }) });
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <RouterProvider router={router as never} />
    </QueryClientProvider>,
  );
  await screen.findByRole("heading", { level: 1 });
  return userEvent.setup();
}

async function fillIn(user: ReturnType<typeof userEvent.setup>, amount: string) {
  const field = await screen.findByRole("textbox", { name: "Amount" });
  await user.clear(field);
  await user.type(field, amount);
  await user.click(screen.getByRole("button", { name: "Continue" }));
}

const press = (name: string) => screen.findByRole("button", { name });

describe("asking for a payout", () => {
  it("sends once however often it is pressed, and opens the payout", async () => {
    let arrive: (answer: Response) => void = () => undefined;
    world.answers.push(() => new Promise((resolve) => (arrive = resolve)));
    const user = await open();
    await fillIn(user, "1500");
    const send = await press("Request this payout");
    await user.dblClick(send);
    await user.click(send);
    await user.keyboard("{Enter}");
    arrive(await made());
    expect(await screen.findByText("the payout's page")).toBeTruthy();
    expect(world.sent).toEqual([{ key: expect.stringMatching(/^[0-9a-f]{32}$/), body: { amount: { amount: "1500.00", currency: "NGN" }, bank_account_id: "account" } }]);
  });

  it("sends the very same request again when no answer came", async () => {
    world.answers.push(silence, made);
    const user = await open();
    await fillIn(user, "1500");
    await user.click(await press("Request this payout"));
    await user.click(await press("Send it again"));
    expect(await screen.findByText("the payout's page")).toBeTruthy();
    expect(world.sent).toHaveLength(2);
    expect(world.sent[1]).toEqual(world.sent[0]);
  });

  it("still knows after a reload that a request is unanswered", async () => {
    world.answers.push(silence, made);
    const user = await open();
    await fillIn(user, "1500");
    await user.click(await press("Request this payout"));
    await press("Send it again");
    cleanup();
    await open();
    await user.click(await press("Send it again"));
    await waitFor(() => expect(world.sent).toHaveLength(2));
    expect(world.sent[1]).toEqual(world.sent[0]);
  });

  it("says why it was refused and lets it be changed, under the same key", async () => {
    world.answers.push(refusal(400, "insufficient_balance", "The available balance is smaller than the amount."), made);
    const user = await open();
    await fillIn(user, "1500");
    await user.click(await press("Request this payout"));
    const field = await screen.findByRole("textbox", { name: "Amount" });
    await waitFor(() => expect(field.getAttribute("aria-invalid")).toBe("true"));
    expect(field.closest(".field")?.textContent).toContain("smaller than the amount");
    await fillIn(user, "700");
    await user.click(await press("Request this payout"));
    await waitFor(() => expect(world.sent).toHaveLength(2));
    expect(world.sent[1]).toMatchObject({ key: world.sent[0]?.key, body: { amount: { amount: "700.00" } } });
  });

  it("does not ask for more than there is", async () => {
    const user = await open();
    await fillIn(user, "5000.01");
    expect(await screen.findByText(/^You have .5,000.00 available\.$/)).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Request this payout" })).toBeNull();
    expect(world.sent).toHaveLength(0);
  });
});
