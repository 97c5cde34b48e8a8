// An admin stops all payouts, and another one's window says so, by whom and why; what is approved says so to its provider and stays; after "Resume" it is paid, seen without a reload.

import { base } from "../chromium.js";
import { ask, call, until } from "../stack.js";
import { story } from "../story.js";

const WHO = "Bisi Adewale";

await story(async ({ window, told }) => {
  const provider = await window(WHO);
  const admin = await window("Ada");
  const other = await window("Ben");

  await other.goto(`${base}/admin/payouts`);
  await other.getByRole("link", { name: "Payouts leave" }).first().waitFor();
  await admin.goto(`${base}/admin/pauses`);
  await admin.getByRole("button", { name: "Stop all payouts" }).click();
  await admin.getByLabel("Reason").fill("The bank reports double entries.");
  await admin.getByRole("dialog").getByRole("button").last().click();
  await admin.getByRole("dialog").waitFor({ state: "detached" });
  await admin.getByText("The bank reports double entries.").first().waitFor();
  told("all payouts are stopped");
  const banner = other.getByRole("region", { name: "All payouts are stopped" });
  await banner.getByText("The bank reports double entries.").waitFor();
  await banner.getByText(/By admin-ada/).waitFor();
  told("another window says so without a reload: who, when and why");

  const id = await ask(WHO, "900.00");
  await until(id, (seen) => seen.waiting?.waiting_for === "decision");
  await call("Ada", "POST", `/api/admin/payouts/${id}/decision`, { decision: "approve", reason: "The work was checked." });
  await until(id, (seen) => seen.waiting?.waiting_for === "pause_end");
  await provider.goto(`${base}/provider/payouts/${id}`);
  await provider.getByText(/paused|stopped/i).first().waitFor();
  told("an approved payout waits and says why");

  await admin.getByRole("button", { name: /^Resume/ }).click();
  await admin.getByLabel("Reason").fill("The bank has corrected them.");
  await admin.getByRole("dialog").getByRole("button").last().click();
  await admin.getByRole("dialog").waitFor({ state: "detached" });
  await provider.getByRole("heading", { name: "The money has arrived" }).waitFor();
  told("resumed, it is paid, and the provider sees it without a reload");
  await banner.waitFor({ state: "detached" });
  told("the other window says nothing of it any more");
});
