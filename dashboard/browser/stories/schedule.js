// An admin changes when batches leave, with a mistake first, and how much may leave in one; the next batch keeps to it and says what it left.

import assert from "node:assert/strict";

import { base } from "../chromium.js";
import { ask, call, until } from "../stack.js";
import { story } from "../story.js";

const WHO = "Chidi Okonkwo";

await story(async ({ window, told }) => {
  const admin = await window("Ada");
  const dialog = admin.getByRole("dialog");

  await admin.goto(`${base}/admin/schedule`);
  await admin.getByRole("button", { name: "Change the schedule" }).click();
  await dialog.getByLabel("At times of day, on days of the week").check();
  await dialog.getByLabel("Times of day: one more").fill("14:30");
  await dialog.getByRole("group", { name: "Times of day" }).getByRole("button", { name: "Add" }).click();
  await dialog.getByLabel("Time zone of these").fill("Mars/Olympus");
  await dialog.getByLabel("Holidays: one more").fill("2026-12-25");
  await dialog.getByRole("button", { name: "Change the schedule" }).click();
  await dialog.locator(".field-error").filter({ hasText: "IANA" }).waitFor();
  told("a time zone that is none is refused at its field");

  await dialog.getByLabel("Time zone of these").fill("Africa/Lagos");
  await dialog.getByRole("button", { name: "Change the schedule" }).click();
  await dialog.waitFor({ state: "detached" });
  await admin.getByText("Monday to Friday at 09:00, 14:30 (Africa/Lagos)").waitFor();
  await admin.getByText(/25 Dec 2026/).waitFor();
  const windows = await admin.locator(".windows time").evaluateAll((times) => times.map((each) => each.getAttribute("datetime") ?? ""));
  assert.equal(windows.length, 12);
  // Lagos is an hour ahead of UTC all year.
  for (const at of windows) assert.match(at, /T(08:00|13:30):00/);
  for (const at of windows) assert.ok(![0, 6].includes(new Date(at).getUTCDay()), `${at} is on a weekend`);
  told("the next twelve windows are those of the new schedule");

  await admin.getByRole("button", { name: "Change the limits" }).click();
  await dialog.getByRole("group", { name: "One batch" }).getByLabel("At most, in NGN").fill("1500");
  await dialog.getByRole("button", { name: "Change the limits" }).click();
  await dialog.waitFor({ state: "detached" });
  await admin.getByText("₦1,500.00").waitFor();
  const payouts = [await ask(WHO, "900.00"), await ask(WHO, "800.00")];
  for (const id of payouts) {
    await until(id, (seen) => seen.waiting?.waiting_for === "decision" || seen.payout.status === "APPROVED");
    await call("Ada", "POST", `/api/admin/payouts/${id}/decision`, { decision: "approve", reason: "Checked." }).catch(() => undefined);
    await until(id, (seen) => seen.payout.status === "APPROVED");
  }
  await admin.goto(`${base}/admin/batches`);
  await admin.getByRole("button", { name: "Run a batch now" }).click();
  await admin.getByRole("button", { name: "Run it now" }).click();
  await admin.getByRole("alertdialog").waitFor({ state: "detached" });
  await admin.getByRole("link", { name: /^Batch / }).first().click();
  await admin.getByRole("row", { name: /Over the limit.*1/ }).waitFor();
  told("a batch keeps to the limit, and its page says what it left and why");
});
