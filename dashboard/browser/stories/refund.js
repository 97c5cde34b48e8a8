// The bank refuses four times: the provider reads why and what happens now, an admin finds the payout among those that need attention
// and refunds it, and the provider sees the money back in the balance without loading the page again.

import assert from "node:assert/strict";

import { base } from "../chromium.js";
import { ask, call, fault, until } from "../stack.js";
import { story } from "../story.js";

const WHO = "Bisi Adewale";

await story(async ({ window, told }) => {
  const provider = await window(WHO);
  const admin = await window("Fola");

  const account = { account_number: "3012345678", bank_code: "011" };
  await fault({ match: account, times: 4, fault: { kind: "fail", message: "DISBURSE FAILED: closed account", after: "300ms" } });
  const id = await ask(WHO, "1200.00");
  await until(id, (seen) => seen.waiting?.waiting_for === "decision");
  await call("Ada", "POST", `/api/admin/payouts/${id}/decision`, { decision: "approve", reason: "The work was checked." });

  await provider.goto(`${base}/provider/payouts/${id}`);
  let loads = 0;
  provider.on("load", () => (loads += 1));
  await provider.getByText("Why it failed").waitFor();
  told("the provider reads why it failed");

  await admin.goto(`${base}/admin/attention`);
  await admin.getByRole("button", { name: /^Refund payout/ }).first().click();
  await admin.getByLabel("Reason").fill("The account is closed; they ask again to another one.");
  await admin.getByRole("dialog").getByRole("button", { name: "Refund", exact: true }).click();
  await admin.getByRole("dialog").waitFor({ state: "detached" });
  await admin.getByText("Nothing needs attention").waitFor();
  told("it is refunded, and needs no attention any more");

  await provider.getByRole("heading", { name: "Failed, and refunded" }).waitFor();
  assert.equal(loads, 0, "the provider's page was loaded again");
  const balance = await call(WHO, "GET", "/api/provider/balance");
  const [naira] = balance.balances;
  assert.deepEqual([naira.available.amount, naira.reserved.amount], ["25750.00", "0.00"]);
  told("the provider sees the refund without a reload, and has everything back");
});
