// The whole of it, with its mail: a provider asks, an admin approves in a second window and runs a batch, the provider sees each step
// without a reload, and reads in the mail catcher that the money has arrived; the next payout fails, is refunded by an admin, and the
// mail about that leads to its page.

import assert from "node:assert/strict";

import { base, PATIENCE_MS } from "../chromium.js";
import { pageOf, untilMail } from "../mail.js";
import { call, emailOf, fault, until } from "../stack.js";
import { story } from "../story.js";

const WHO = "Bisi Adewale";

await story(async ({ window, elsewhere, told }) => {
  const provider = await window(WHO);
  const admin = await window("Ada");
  const mailbox = await elsewhere();

  const paid = await ask("750");
  let loads = 0;
  provider.on("load", () => (loads += 1));
  await provider.getByRole("heading", { name: "Under review" }).waitFor();
  await approve(paid);
  await provider.getByText("Approved", { exact: true }).first().waitFor();
  await runBatch();
  await provider.getByRole("heading", { name: "The money has arrived" }).waitFor({ timeout: PATIENCE_MS });
  assert.equal(loads, 0, "the provider's page was loaded again");
  told("asked for, approved in a second window, paid: each step is seen without a reload");

  await read("We have your payout request", paid);
  await read("Your payout is approved", paid);
  await read("Your payout has arrived", paid);
  told("the mails of it are read in the catcher, and lead to the payout's page");

  const account = { account_number: "3012345678", bank_code: "011" };
  await fault({ match: account, times: 4, fault: { kind: "fail", message: "DISBURSE FAILED: Account closed", after: "300ms" } });
  const failed = await ask("1200");
  loads = 0;
  await provider.getByRole("heading", { name: "Under review" }).waitFor();
  await approve(failed);
  await provider.getByText("Approved", { exact: true }).first().waitFor();
  await runBatch();
  await until(failed, (seen) => seen.payout.needs_attention === true);
  await provider.getByRole("heading", { name: "Give another account" }).waitFor();
  await read("Your payout could not be made", failed);
  told("the next one fails: its page and its mail say so, and what to do");

  await admin.goto(`${base}/admin/attention`);
  await admin.getByRole("button", { name: /^Refund payout/ }).first().click();
  await admin.getByLabel("Reason").fill("The account is closed.");
  await admin.getByRole("dialog").getByRole("button", { name: "Refund", exact: true }).click();
  await admin.getByRole("dialog").waitFor({ state: "detached" });
  await provider.getByRole("heading", { name: "Failed, and refunded" }).waitFor();
  assert.equal(loads, 0, "the provider's page was loaded again");
  await read("Your money is back in your balance", failed);
  const { balances } = await call(WHO, "GET", "/api/provider/balance");
  assert.deepEqual([balances[0].available.amount, balances[0].reserved.amount, balances[0].paid_out.amount], ["25000.00", "0.00", "750.00"]);
  told("it is refunded: seen without a reload, mailed, and back in the balance");

  /** @param {string} amount */
  async function ask(amount) {
    await provider.goto(`${base}/provider/payouts/new`);
    await provider.getByLabel("Amount").fill(amount);
    await provider.getByRole("button", { name: "Continue" }).click();
    await provider.getByRole("button", { name: "Request this payout" }).click();
    await provider.waitForURL(/\/provider\/payouts\/[0-9a-f-]{36}$/);
    return provider.url().slice(-36);
  }

  /** @param {string} id */
  async function approve(id) {
    await admin.goto(`${base}/admin/reviews?payout=${id}`);
    await admin.getByRole("article", { name: `Payout of ${WHO}` }).waitFor();
    await admin.keyboard.press("a");
    await admin.getByLabel("Reason").fill("Known client, invoice seen.");
    await admin.keyboard.press("Control+Enter");
    await admin.getByRole("dialog").waitFor({ state: "detached" });
  }

  async function runBatch() {
    await admin.goto(`${base}/admin/batches`);
    await admin.getByRole("button", { name: "Run a batch now" }).click();
    await admin.getByRole("button", { name: "Run it now" }).click();
    await admin.getByRole("alertdialog").waitFor({ state: "detached" });
  }

  /** @param {string} subject @param {string} id */
  async function read(subject, id) {
    const mail = await untilMail(emailOf(WHO), subject);
    await mailbox.goto(pageOf(mail));
    await mailbox.getByText(subject).first().waitFor();
    assert.ok(mail.text.includes(`${base}/provider/payouts/${id}`), `no way from “${subject}” to its payout: ${mail.text}`);
  }
});
