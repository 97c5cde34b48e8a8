// Above the limit two people approve, each in a window of their own: the first takes the approval back and gives it again, what one has
// taken on the other decides over, and the approval can be taken back until a batch has the payout.

import assert from "node:assert/strict";

import { base } from "../chromium.js";
import { ask, call, until } from "../stack.js";
import { story } from "../story.js";

const WHO = "Chidi Okonkwo";

await story(async ({ window, told }) => {
  const ada = await window("Ada");
  const ben = await window("Ben");

  await ada.goto(`${base}/admin/approval-limits`);
  await ada.getByRole("button", { name: "Change the limit in NGN" }).click();
  await ada.getByLabel("One person suffices up to").fill("100000");
  await ada.getByLabel("Reason").fill("More eyes at the end of the year.");
  await ada.getByRole("dialog").getByRole("button", { name: "Change it" }).click();
  await ada.getByText("One person up to ₦100,000.00").waitFor();
  told("a smaller limit counts at once");

  const id = await ask(WHO, "150000.00");
  await until(id, (seen) => seen.waiting?.waiting_for === "decision");
  await ada.goto(`${base}/admin/reviews?payout=${id}`);
  await decide(ada, "Approve as the first of two?", "The invoice was seen.");
  await ada.getByText(/Approved as the first/).waitFor();
  await ada.goto(`${base}/admin/reviews?payout=${id}`);
  await ada.getByText("1 of 2 approvals").waitFor();
  told("the first approval is stored, and says that it is the first");

  await ben.goto(`${base}/admin/reviews?payout=${id}`);
  await ben.getByText("1 of 2 approvals").waitFor();
  await ada.getByRole("button", { name: "Take it back", exact: true }).click();
  await ada.getByLabel("Reason").fill("It is another invoice.");
  await ada.keyboard.press("Control+Enter");
  await ben.getByText("An approval was taken back").waitFor();
  await ben.getByText("0 of 2 approvals").waitFor();
  told("it is taken back, and the other window shows it without a reload");

  await ben.getByRole("button", { name: "Take it on" }).click();
  await ada.getByText(/has taken it on/).waitFor();
  await ada.keyboard.press("a");
  await ada.getByLabel("Reason").fill("The right invoice was seen.");
  await ada.keyboard.press("Control+Enter");
  await ada.getByRole("button", { name: "Decide anyway" }).click();
  await ada.getByRole("dialog").waitFor({ state: "detached" });
  told("what somebody else has taken on is decided over only when that is said");

  await ben.getByText("1 of 2 approvals").waitFor();
  await ada.goto(`${base}/admin/payouts/${id}`);
  await ada.getByRole("heading", { name: "Waits for a second approval" }).waitFor();
  await ada.getByText("You have approved it: somebody else has to be the second.").waitFor();
  await decide(ben, "Approve as the second?", "Seen as well.");
  await ben.getByRole("region", { name: "Can still be taken back" }).waitFor();
  await ada.getByText("Approved", { exact: true }).first().waitFor();
  told("the second approves it, and can take that back while no batch has it");

  await ben.keyboard.press("u");
  await ben.getByLabel("Reason").fill("One more look.");
  await ben.keyboard.press("Control+Enter");
  await ben.getByRole("dialog").waitFor({ state: "detached" });
  await until(id, (seen) => seen.waiting?.waiting_for === "decision");
  for (const who of ["Ada", "Ben"]) await call(who, "POST", `/api/admin/payouts/${id}/decision`, { decision: "approve", reason: "Looked again.", override: true });
  await call("Ada", "POST", "/api/admin/batches/run");
  await until(id, (seen) => seen.payout.status === "COMPLETED");
  await ben.getByRole("region", { name: "Can still be taken back" }).waitFor({ state: "detached" });
  told("once a batch has taken it, nothing is offered any more");

  await ada.goto(`${base}/admin/approval-limits`);
  await ada.getByRole("button", { name: "Change the limit in NGN" }).click();
  await ada.getByLabel("One person suffices up to").fill("250000");
  await ada.getByLabel("Reason").fill("The year has ended.");
  await ada.getByRole("dialog").getByRole("button", { name: "Propose it" }).click();
  await ada.getByText("somebody else has to ask for the same").waitFor();
  await ben.goto(`${base}/admin/approval-limits`);
  await ben.getByRole("button", { name: /^Confirm/ }).click();
  await ben.getByLabel("Reason").fill("Agreed.");
  await ben.getByRole("dialog").getByRole("button", { name: "Confirm it" }).click();
  await ben.getByText("One person up to ₦250,000.00").waitFor();
  const { items } = await call("Ada", "GET", "/api/admin/approval-limits");
  assert.equal(items.find((/** @type {any} */ each) => each.amount.currency === "NGN").amount.amount, "250000.00");
  told("a larger limit counts when a second person asks for the same");

  /** By keyboard. @param {import("../story.js").Page} page @param {string} question @param {string} reason */
  async function decide(page, question, reason) {
    await page.getByRole("article", { name: `Payout of ${WHO}` }).waitFor();
    await page.keyboard.press("a");
    await page.getByRole("heading", { name: question }).waitFor();
    await page.getByLabel("Reason").fill(reason);
    await page.keyboard.press("Control+Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  }
});
