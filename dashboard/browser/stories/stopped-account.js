// Somebody else adds a bank account in a provider's name: whoever has the message about it stops it on a phone, without signing in;
// nothing happens before it is confirmed, the account is gone from the provider's page without a reload, and finance has a case.

import assert from "node:assert/strict";

import { base } from "../chromium.js";
import { untilMail } from "../mail.js";
import { call, emailOf, stopLink } from "../stack.js";
import { story } from "../story.js";

const WHO = "Bisi Adewale";

await story(async ({ window, told }) => {
  const provider = await window(WHO);
  await call(WHO, "POST", "/api/provider/bank-accounts", { bank_code: "044", account_number: "0690000032", currency: "NGN" });
  await provider.goto(`${base}/provider/bank-accounts`);
  let loads = 0;
  provider.on("load", () => (loads += 1));
  await provider.getByText(/New, so it waits/).waitFor();
  assert.equal(await provider.locator("main .row").count(), 2);
  told("a second account waits, and its page says until when");

  const link = stopLink((await untilMail(emailOf(WHO), "Your bank accounts were changed")).text);
  const phone = await window("", { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  await phone.goto(base + link);
  await phone.getByRole("heading", { name: "Was this you?" }).waitFor();
  const body = await phone.locator("body").innerText();
  assert.ok(body.includes("0032") && !body.includes("0690000032"), body);
  const accounts = await call(WHO, "GET", "/api/provider/bank-accounts");
  assert.equal(accounts.items.length, 2, "reading the link changed something");
  told("the link opens without signing in, shows four digits, and changes nothing by itself");

  await phone.getByRole("button", { name: "It was not me: stop it" }).click();
  await phone.getByRole("heading", { name: "Stopped" }).waitFor();
  await provider.getByText(/New, so it waits/).waitFor({ state: "detached" });
  assert.equal(await provider.locator("main .row").count(), 1);
  assert.equal(loads, 0, "the provider's page was loaded again");
  told("confirmed, the account is gone from the provider's page without a reload");

  const admin = await window("Fola");
  await admin.goto(`${base}/admin/cases?kind=account_stopped`);
  await admin.locator("main .row").getByText("Bank account stopped by its provider").first().waitFor();
  await phone.goto(base + link);
  await phone.getByRole("heading", { name: "Stopped" }).waitFor();
  told("finance has a case of it, and the link says what was done");
});
