// The review queue with as many waiting payouts as nobody should ever have: scrolled, worked through by keyboard, filtered and paged.
//
// A page of it is a page of the server, so what the browser holds does not grow with the queue; that is what fails here. How long the
// browser was busy is told, not judged: it is the machine's.

import assert from "node:assert/strict";

import { base, settled } from "../chromium.js";
import { story } from "../story.js";

const PAGE = 50;
const PAGES = 6;

await story(async ({ window, told }) => {
  const admin = await window("Ada");
  await admin.addInitScript(() => {
    /** @type {number[]} */
    const long = [];
    Object.assign(globalThis, { long });
    new PerformanceObserver((list) => long.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask", buffered: true });
  });
  await admin.goto(`${base}/admin/reviews`);
  await settled(admin);
  const rows = admin.locator(".queue-list .rows > li");
  await rows.first().waitFor();
  await forgetLong();

  for (let step = 0; step < PAGE; step += 1) await admin.keyboard.press("j");
  await admin.mouse.wheel(0, 20_000);
  await quiet("through a page by keyboard, then scrolled");

  for (let page = 1; page < PAGES; page += 1) {
    const before = await rows.first().innerText();
    await admin.getByRole("button", { name: "Next" }).click();
    await admin.waitForFunction((old) => document.querySelector(".queue-list .rows > li")?.textContent !== old && !document.querySelector(".queue[aria-busy=true]"), before);
    assert.ok((await rows.count()) <= PAGE, "a page holds more than the server was asked for");
  }
  await quiet(`${PAGES} pages`);

  await admin.getByLabel("At least").fill("70000");
  await admin.getByLabel("At least").press("Enter");
  await admin.waitForFunction(() => /^\d{2,3} wait/.test(document.querySelector(".filters-total")?.textContent?.trim() ?? "") && !document.querySelector(".queue[aria-busy=true]"));
  const smallest = await admin.locator(".queue-list .rows > li .money").evaluateAll((amounts) => Math.min(...amounts.map((each) => Number((each.textContent ?? "").replace(/[^0-9.]/g, "")))));
  assert.ok(smallest >= 70_000, `a payout of ${smallest} is on the page`);
  await quiet("filtered by amount");

  const nodes = await admin.evaluate(() => document.querySelectorAll("*").length);
  assert.ok(nodes < 5_000, `the page has ${nodes} elements`);
  told(`the page has ${nodes} elements, however many wait`);

  /** @param {string} what */
  async function quiet(what) {
    await settled(admin);
    const durations = await admin.evaluate(() => /** @type {{ long: number[] }} */ (/** @type {unknown} */ (globalThis)).long);
    const longest = Math.round(Math.max(0, ...durations));
    told(`${what}: ${durations.length} tasks above 50 ms, the longest ${longest} ms`);
    await forgetLong();
  }

  async function forgetLong() {
    await admin.evaluate(() => {
      /** @type {{ long: number[] }} */ (/** @type {unknown} */ (globalThis)).long.length = 0;
    });
  }
});
