// Pictures of the main pages for the README, from a stack that was furnished first: `cargo xtask screenshots` starts it.

import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";

import { base, follow, launch, open, settled, signInAs } from "./chromium.js";
import { furnish } from "./furnish.js";

/** So that a checkout stays small. */
const LIMIT_KB = 180;
const folder = process.argv[2];
if (!folder) throw new Error("say where the pictures go");
mkdirSync(folder, { recursive: true });
await furnish();
const browser = await launch();

const wide = { viewport: { width: 1280, height: 740 } };
const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

/** @typedef {import("playwright-core").Page} Page */
/** @type {{ name: string, who: string, look: import("playwright-core").BrowserContextOptions, go: (page: Page) => Promise<unknown> }[]} */
const pictures = [
  { name: "balance", who: "Amina Yusuf", look: wide, go: (page) => page.goto(`${base}/provider`) },
  { name: "payout", who: "Amina Yusuf", look: wide, go: (page) => first(page, "/provider/payouts?status=COMPLETED", "main .row") },
  { name: "payout-phone", who: "Amina Yusuf", look: phone, go: (page) => first(page, "/provider/payouts?status=REQUESTED", "main .row") },
  { name: "request", who: "Amina Yusuf", look: wide, go: request },
  { name: "reviews", who: "Ada", look: wide, go: (page) => first(page, "/admin/reviews", "main .queue-row, main .row a, main .row") },
  { name: "reviews-dark", who: "Ada", look: { ...wide, colorScheme: "dark" }, go: (page) => first(page, "/admin/reviews", "main .queue-row, main .row a, main .row") },
  { name: "all-payouts", who: "Ada", look: wide, go: (page) => page.goto(`${base}/admin/payouts`) },
  { name: "overview", who: "Ada", look: wide, go: (page) => page.goto(`${base}/admin/overview?days=7`) },
  { name: "batches", who: "Ada", look: wide, go: (page) => page.goto(`${base}/admin/batches`) },
  { name: "risk-policy", who: "Ada", look: wide, go: backtest },
  { name: "provider-admin", who: "Ada", look: wide, go: (page) => first(page, "/admin/providers?q=Amina", "main tbody a") },
  { name: "webhook", who: "the marketplace", look: wide, go: (page) => first(page, "/marketplace/webhooks", "main .row") },
  { name: "admin-payout", who: "Ada", look: wide, go: (page) => first(page, "/admin/attention", "main .row a") },
];

for (const { name, who, look, go } of pictures) {
  const page = await open(browser, look);
  await signInAs(page, who);
  await go(page);
  await settled(page);
  // Nothing is pressed, nothing is pointed at.
  await page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
  await page.mouse.move(0, 0);
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path });
  const kb = Math.ceil(statSync(path).size / 1024);
  console.log(`  ${String(kb).padStart(4)} kB  ${path}`);
  if (kb > LIMIT_KB) throw new Error(`${path} is larger than ${LIMIT_KB} kB`);
  await page.context().close();
}
await browser.close();

/** @param {Page} page @param {string} list @param {string} row */
async function first(page, list, row) {
  await page.goto(base + list);
  await settled(page);
  await follow(page, row);
  await settled(page);
}

/** @param {Page} page */
async function request(page) {
  await page.goto(`${base}/provider/payouts/new`);
  await page.getByLabel("Amount").fill("35000");
  await page.getByRole("button", { name: "Continue" }).click();
}

/** @param {Page} page */
async function backtest(page) {
  await first(page, "/admin/risk-policies?status=SHADOW", "main .row");
  await page.getByRole("button", { name: "Try the last 7 days" }).click();
  await page.getByText(/payouts since .* would have gone/).first().waitFor();
}
