// The bank refuses the account: the provider reads what happens to the money, adds another account (which wants a fresh sign-in and
// forgets nothing that was typed), gives it, and follows the payout that takes the place of the first one until the money has arrived.

import assert from "node:assert/strict";

import { base, PATIENCE_MS } from "../chromium.js";
import { ask, call, fault, newTokenOf, stack, until } from "../stack.js";
import { story } from "../story.js";

const WHO = "Bisi Adewale";
const NUMBER = "0690000031";

await story(async ({ window, told }) => {
  const refused = { account_number: "3012345678", bank_code: "011" };
  await fault({ match: refused, times: 4, fault: { kind: "fail", message: "DISBURSE FAILED: Account closed", after: "300ms" } });
  const old = await ask(WHO, "1200.00");
  await approve(old);

  // She signed in the day before: longer ago than any installation may allow.
  const her = stack.people.find((each) => each.name === WHO);
  if (her) her.token = newTokenOf(WHO, 30 * 3600);
  const provider = await window(WHO);
  await provider.goto(`${base}/provider/payouts/${old}`);
  await provider.getByRole("heading", { name: "Give another account" }).waitFor();
  await provider.getByText(/is still set aside for this payout/).waitFor();
  told("the provider reads that the bank refused the account, and where the money is");

  await provider.getByRole("button", { name: "Add a bank account" }).click();
  await provider.getByLabel("Account number").fill(NUMBER);
  await provider.getByRole("combobox", { name: "Bank" }).fill("Access Bank");
  await provider.getByRole("option").first().click();
  await provider.getByRole("button", { name: "Check the account" }).click();
  await provider.getByRole("button", { name: "Yes, add it" }).click();
  await provider.getByRole("heading", { name: "Sign in once more" }).waitFor();
  told("adding one wants a fresh sign-in, and says why");

  await provider.getByLabel("Token").fill(newTokenOf(WHO));
  await provider.getByRole("button", { name: "Sign in", exact: true }).click();
  await provider.getByRole("dialog", { name: "Add a bank account" }).waitFor();
  assert.equal(await provider.getByLabel("Account number").inputValue(), NUMBER);
  await provider.getByRole("button", { name: "Check the account" }).click();
  await provider.getByRole("button", { name: "Yes, add it" }).click();
  await provider.getByRole("dialog").waitFor({ state: "detached" });
  told("signed in, she is back where she was, and nothing has to be typed again");

  let posts = 0;
  provider.on("request", (request) => (posts += request.method() === "POST" && request.url().endsWith("/another-account") ? 1 : 0));
  await provider.getByRole("radio", { name: /0031/, checked: true }).waitFor({ state: "attached" });
  await provider.getByRole("button", { name: "Continue" }).click();
  await provider.getByRole("button", { name: "Send it to this account" }).dblclick();
  await provider.waitForURL((url) => /\/provider\/payouts\/[0-9a-f-]{36}$/.test(url.pathname) && !url.pathname.endsWith(old));
  assert.equal(posts, 1, "two presses made two requests");
  const fresh = provider.url().slice(-36);
  let loads = 0;
  provider.on("load", () => (loads += 1));
  told("two presses are one request, and the new payout's page opens");

  await approve(fresh);
  await provider.getByRole("heading", { name: "The money has arrived" }).waitFor({ timeout: PATIENCE_MS });
  assert.equal(loads, 0, "the provider's page was loaded again");
  await provider.getByText("Takes the place of").waitFor();
  await provider.goto(`${base}/provider/payouts/${old}`);
  await provider.getByRole("heading", { name: "Another account was given" }).waitFor();
  await provider.getByRole("link", { name: "Follow the new payout" }).click();
  await provider.waitForURL((url) => url.pathname.endsWith(fresh));
  const { balances } = await call(WHO, "GET", "/api/provider/balance");
  assert.deepEqual([balances[0].available.amount, balances[0].reserved.amount, balances[0].paid_out.amount], ["24550.00", "0.00", "1200.00"]);
  told("the money has arrived at the other account, once, and the old payout leads to the new one");

  /** @param {string} id */
  async function approve(id) {
    await until(id, (seen) => seen.waiting?.waiting_for === "decision");
    await call("Ada", "POST", `/api/admin/payouts/${id}/decision`, { decision: "approve", reason: "The work was checked." });
    await until(id, (seen) => seen.payout.needs_attention === true || seen.payout.status === "COMPLETED");
  }
});
