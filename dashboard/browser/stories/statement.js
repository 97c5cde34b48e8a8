// A payout is paid, and stands in the month's statement: on the page, in the CSV and in the PDF, with the same closing balance; the
// month before has nothing, and says so.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { base } from "../chromium.js";
import { ask, call, until } from "../stack.js";
import { story } from "../story.js";

const WHO = "Bisi Adewale";

await story(async ({ window, told }) => {
  const id = await ask(WHO, "1200.00");
  await until(id, (seen) => seen.waiting?.waiting_for === "decision");
  const provider = await window(WHO);
  await provider.goto(`${base}/provider/statements`);
  await provider.getByRole("heading", { name: "What changed it" }).waitFor();
  assert.equal(await provider.getByRole("link", { name: "Payout", exact: true }).count(), 0);
  let loads = 0;
  provider.on("load", () => (loads += 1));

  await call("Ada", "POST", `/api/admin/payouts/${id}/decision`, { decision: "approve", reason: "The work was checked." });
  await until(id, (seen) => seen.payout.status === "COMPLETED");
  await provider.getByRole("link", { name: "Payout", exact: true }).waitFor();
  assert.equal(loads, 0, "the provider's page was loaded again");
  const now = await provider.locator(".sums-end").last().innerText();
  assert.match(now, /₦24,550\.00/);
  told("a payout that is paid comes into the statement without a reload");

  const csv = await download("CSV");
  assert.match(csv.name, /^statement-\d{4}-\d{2}-NGN\.csv$/);
  const lines = csv.bytes.toString("utf8").trim().split("\r\n");
  assert.match(lines.at(-1) ?? "", /,closing,,,,24550\.00,NGN$/);
  assert.ok(lines.some((line) => line.includes(`,paid,${id},`)), lines.join("\n"));
  const pdf = await download("PDF");
  assert.ok(pdf.name.endsWith(".pdf") && pdf.bytes.subarray(0, 5).toString() === "%PDF-", pdf.name);
  assert.ok(pdf.bytes.includes("(24550.00) Tj"), "the PDF closes with something else");
  told("the files have the same closing balance as the page");

  await provider.getByLabel("Month").selectOption({ index: 1 });
  await provider.waitForURL(/month=\d{4}-\d{2}/);
  await provider.getByText("Nothing happened in this month").waitFor();
  await provider.goBack();
  await provider.getByRole("link", { name: "Payout", exact: true }).waitFor();
  told("the month before has nothing, and the browser's own back leads here again");

  /** @param {string} format */
  async function download(format) {
    const [file] = await Promise.all([provider.waitForEvent("download"), provider.getByRole("button", { name: format }).click()]);
    return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
  }
});
