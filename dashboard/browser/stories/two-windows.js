// A provider asks, an admin approves by keyboard in a second window and runs a batch, and the provider sees each step without loading
// the page again; then one that is cancelled, and one that is asked for twice at once.

import assert from "node:assert/strict";

import { base, PATIENCE_MS } from "../chromium.js";
import { story } from "../story.js";

const WHO = "Bisi Adewale";

await story(async ({ window, told }) => {
  const provider = await window(WHO);
  const admin = await window("Ada");

  const id = await ask("750");
  let loads = 0;
  provider.on("load", () => (loads += 1));
  await provider.getByRole("heading", { name: "Under review" }).waitFor();
  told("asked for, and held for review");

  await admin.goto(`${base}/admin/reviews?payout=${id}`);
  await admin.getByRole("article", { name: `Payout of ${WHO}` }).waitFor();
  await admin.keyboard.press("a");
  await admin.getByLabel("Reason").fill("Known client, invoice seen.");
  await admin.keyboard.press("Control+Enter");
  await admin.getByRole("dialog").waitFor({ state: "detached" });
  told("approved by keyboard in a second window");

  await provider.getByText("Approved", { exact: true }).first().waitFor();
  told("the provider sees the approval");

  await admin.goto(`${base}/admin/batches`);
  await admin.getByRole("button", { name: "Run a batch now" }).click();
  await admin.getByRole("button", { name: "Run it now" }).click();
  await admin.getByRole("alertdialog").waitFor({ state: "detached" });
  await provider.getByRole("heading", { name: "The money has arrived" }).waitFor({ timeout: PATIENCE_MS });
  assert.equal(loads, 0, "the provider's page was loaded again");
  told("the provider sees that the money has arrived, without a reload");

  await ask("300");
  await cancel();
  await provider.getByRole("heading", { name: "Cancelled" }).waitFor();
  told("another is cancelled");

  let posts = 0;
  provider.on("request", (request) => (posts += request.method() === "POST" && request.url().endsWith("/api/provider/payouts") ? 1 : 0));
  await ask("200", true);
  assert.equal(posts, 1, "two presses made two requests");
  await cancel();
  await provider.getByRole("heading", { name: "Cancelled" }).waitFor();
  told("two presses are one request");

  /** @param {string} amount @param {boolean} [twice] */
  async function ask(amount, twice = false) {
    await provider.goto(`${base}/provider/payouts/new`);
    await provider.getByLabel("Amount").fill(amount);
    await provider.getByRole("button", { name: "Continue" }).click();
    const send = provider.getByRole("button", { name: "Request this payout" });
    await (twice ? send.dblclick() : send.click());
    await provider.waitForURL(/\/provider\/payouts\/[0-9a-f-]{36}$/);
    return provider.url().slice(-36);
  }

  async function cancel() {
    await provider.getByRole("button", { name: "Cancel this payout" }).click();
    await provider.getByRole("button", { name: "Cancel the payout" }).click();
  }
});
