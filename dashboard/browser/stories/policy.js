// One admin proposes a version of the risk rules with a mistake in it, mends it, and tries it on the past; another one puts it in force.

import { base } from "../chromium.js";
import { ask, call, until } from "../stack.js";
import { story } from "../story.js";

await story(async ({ window, told }) => {
  const ada = await window("Ada");
  const ben = await window("Ben");
  const id = await ask("Bisi Adewale", "1500.00");
  await until(id, (seen) => seen.waiting?.waiting_for === "decision");

  await ada.goto(`${base}/admin/risk-policies/new`);
  const failures = ada.getByRole("textbox", { name: "Failures lately: within (days)" });
  await failures.fill("400");
  await ada.getByLabel("Reason").fill("Look back further.");
  await ada.getByRole("button", { name: "Propose it" }).click();
  await ada.locator(".field").filter({ has: failures }).locator(".field-error").filter({ hasText: /./ }).waitFor();
  told("what the API finds wrong is said at the threshold");

  await failures.fill("60");
  await ada.getByRole("combobox", { name: "Few payouts so far: when it fires" }).selectOption("informational");
  await ada.getByRole("button", { name: "Propose it" }).click();
  await ada.waitForURL(/\/admin\/risk-policies\/[0-9a-f-]{36}$/);
  await ada.getByText("You proposed it, so somebody else puts it in force.").waitFor();
  told("it is proposed, and not theirs to put in force");

  await ada.getByRole("button", { name: "Try the last 7 days" }).click();
  await ada.getByText(/payouts since .* would have gone/).waitFor();
  told("what it would have made of the past is told");

  await ben.goto(ada.url());
  await ben.getByRole("button", { name: "Try it beside" }).click();
  await ben.getByRole("alertdialog").getByRole("button", { name: "Try it beside" }).click();
  await ben.getByRole("heading", { name: "Where it disagrees" }).waitFor();
  await ben.getByRole("button", { name: "Put it in force" }).click();
  await ben.getByRole("alertdialog").getByRole("button", { name: "Put it in force" }).click();
  await ben.getByText("In force", { exact: true }).first().waitFor();
  const { items } = await call("Ada", "GET", "/api/admin/risk-policies?currency=NGN&status=ACTIVE");
  if (!ben.url().endsWith(items[0].id)) throw new Error("another policy is in force");
  told("a second admin tries it beside the active one, then puts it in force");
});
