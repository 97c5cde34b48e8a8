// The marketplace's developers add an endpoint, keep its secret, test it, see why it failed, change the secret, replay, and switch it off.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

import { base } from "../chromium.js";
import { ask, until } from "../stack.js";
import { story } from "../story.js";

/** @type {{ id: string, signatures: string[], signed: string, body: any }[]} */
const heard = [];
let answer = 200;
const receiver = createServer(async (request, response) => {
  let text = "";
  for await (const piece of request) text += piece;
  const id = String(request.headers["webhook-id"]);
  const signed = `${id}.${request.headers["webhook-timestamp"]}.${text}`;
  heard.push({ id, signed, signatures: String(request.headers["webhook-signature"]).split(" "), body: JSON.parse(text) });
  response.writeHead(answer).end(answer === 200 ? "" : "no room");
});
receiver.listen(0, "127.0.0.1");
await once(receiver, "listening");
const { port } = /** @type {import("node:net").AddressInfo} */ (receiver.address());

try {
  await story(async ({ window, told }) => {
    const page = await window("the marketplace");
    const dialog = page.getByRole("dialog").or(page.getByRole("alertdialog"));
    // An event from before there was an endpoint.
    const payout = await ask("Bisi Adewale", "500.00");
    await until(payout, (seen) => seen.waiting?.waiting_for === "decision");

    await page.getByRole("heading", { name: "Webhooks" }).waitFor();
    await page.getByRole("button", { name: "Add an endpoint" }).click();
    await page.getByLabel("Address").fill("not a url");
    await page.getByRole("button", { name: "Add it" }).click();
    await page.locator(".field-error").filter({ hasText: /./ }).first().waitFor();
    await page.getByLabel("Address").fill(`http://127.0.0.1:${port}/payouts`);
    await page.getByRole("button", { name: "Add it" }).click();
    const first = await secretShown();
    told("an endpoint is added; what is wrong with an address is said at the field; the secret is shown once");

    await page.getByRole("link", { name: new RegExp(`127.0.0.1:${port}`) }).click();
    await page.getByRole("button", { name: "Send a test" }).click();
    await page.getByRole("row", { name: /test.*Delivered/i }).first().waitFor();
    // The event from before may have been handed over only now, and stand beside it.
    const test = heard.find((each) => each.body.type === "endpoint.test");
    assert.ok(test, "the test did not arrive");
    assert.deepEqual(test.signatures, [sign(first, test.signed)]);
    told("a test arrives, signed with that secret, and is among the deliveries");

    answer = 503;
    await page.getByRole("button", { name: "Send a test" }).click();
    await page.getByRole("row", { name: /On its way.*503/ }).first().waitFor();
    told("what is refused says what was answered, and when it is tried again");

    answer = 200;
    await page.getByRole("button", { name: "Change the secret" }).click();
    await page.getByRole("button", { name: "Change it" }).click();
    const second = await secretShown();
    assert.notEqual(second, first);
    await page.getByRole("button", { name: "Replay events" }).click();
    const hourAgo = new Date(Date.now() - 60 * 60 * 1000);
    const lagos = new Intl.DateTimeFormat("sv-SE", { timeZone: "Africa/Lagos", dateStyle: "short", timeStyle: "short" }).format(hourAgo).replace(" ", "T");
    await page.getByLabel("Since").fill(lagos);
    await page.getByRole("button", { name: "Send them again" }).click();
    await page.getByRole("row", { name: /received.*Delivered/i }).first().waitFor();
    const event = await replayed(payout);
    assert.deepEqual(event.signatures.toSorted(), [sign(first, event.signed), sign(second, event.signed)].toSorted());
    told("earlier events are replayed, and for a day both secrets sign");

    await page.getByRole("button", { name: "Switch it off" }).click();
    await dialog.getByRole("button", { name: "Switch it off" }).click();
    await page.getByText("Switched off").first().waitFor();
    assert.ok(await page.getByRole("button", { name: "Send a test" }).isDisabled());
    told("it is switched off");
    await page.goto(`${base}/admin/reviews`);
    await page.getByRole("heading", { name: "Webhooks" }).waitFor();
    told("an admin's page is not theirs to see");

    async function secretShown() {
      await page.getByRole("alertdialog").getByText(/^whsec_/).waitFor();
      const secret = await page.getByRole("alertdialog").locator("code").innerText();
      await page.getByRole("button", { name: "I have kept it" }).click();
      await page.getByRole("alertdialog").waitFor({ state: "detached" });
      return secret;
    }
  });
} finally {
  receiver.close();
  receiver.closeAllConnections();
}

/** @param {string} secret @param {string} signed */
function sign(secret, signed) {
  return `v1,${createHmac("sha256", Buffer.from(secret.replace(/^whsec_/, ""), "base64")).update(signed).digest("base64")}`;
}

/** What was sent since the secret was changed. @param {string} payout */
async function replayed(payout) {
  for (let tries = 0; tries < 300; tries += 1) {
    const event = heard.find((each) => each.signatures.length === 2 && JSON.stringify(each.body).includes(payout));
    if (event) return event;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the payout's event was not replayed");
}
