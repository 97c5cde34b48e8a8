// Opens every page in Chromium, wide and on a phone, in light and dark: axe on each, and a picture where a folder is given.
//
//   cargo xtask dev                              in one terminal
//   DASHBOARD_URL=… npm run look -- pictures     in another
//
// Fails on a serious or critical finding of axe, on an error in the
// page's console, on a request to another host, and on a page that is wider than the phone.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { base, follow, hear, launch, open, settled, signInAs } from "./chromium.js";
import { furnish } from "./furnish.js";
import { call, stack, stopLink } from "./stack.js";

const pictures = process.argv[2];
/** Names with commas between them, to look at these alone. */
const only = process.argv[3]?.split(",");
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** @typedef {{ name: string, path: string | ((page: import("playwright-core").Page) => Promise<void>) }} Place */

/** @type {Record<string, Place[]>} */
const tours = {
  "": [
    { name: "sign-in", path: "/sign-in" },
    { name: "stop", path: stop },
    { name: "stop-gone", path: "/bank-account-stops/0" },
  ],
  "Amina Yusuf": [
    { name: "balance", path: "/provider" },
    { name: "payouts", path: "/provider/payouts" },
    { name: "payouts-none", path: "/provider/payouts?status=REVERSED" },
    { name: "payout-open", path: (page) => openFirst(page, "/provider/payouts?status=REQUESTED", "main .row") },
    { name: "payout-done", path: (page) => openFirst(page, "/provider/payouts?status=COMPLETED", "main .row") },
    { name: "earnings", path: "/provider/earnings" },
    { name: "earnings-none", path: "/provider/earnings?status=RECOVERED" },
    { name: "monthly-statement", path: "/provider/statements" },
    { name: "monthly-statement-nothing", path: "/provider/statements?month=2025-03" },
    { name: "monthly-statement-not-begun", path: "/provider/statements?month=2099-01" },
    { name: "bank-accounts", path: "/provider/bank-accounts" },
    { name: "bank-account-add", path: addAccount },
    { name: "sign-in-again", path: "/sign-in?why=bank-account&to=%2Fprovider%2Fbank-accounts" },
    { name: "notifications", path: "/provider/notifications" },
    { name: "notification-settings", path: "/provider/notifications/settings" },
    { name: "request", path: "/provider/payouts/new" },
    { name: "request-wrong", path: (page) => fillIn(page, "99999999") },
    { name: "request-confirm", path: (page) => fillIn(page, "5000") },
    { name: "not-found", path: "/provider/nothing" },
    { name: "no-such-payout", path: "/provider/payouts/00000000-0000-0000-0000-000000000000" },
  ],
  "Segun Ogunleye": [{ name: "payout-failed", path: (page) => openFirst(page, "/provider/payouts?status=FAILED", "main .row") }],
  "Temitope Idowu": [
    { name: "payout-refused", path: (page) => openFirst(page, "/provider/payouts?status=FAILED", "main .row") },
    { name: "balance-reserved", path: "/provider" },
  ],
  "Tunde Bakare": [{ name: "balance-nothing", path: "/provider" }],
  Ada: [
    { name: "overview", path: "/admin/overview" },
    { name: "providers", path: "/admin/providers" },
    { name: "provider", path: (page) => openFirst(page, "/admin/providers", "main tbody a") },
    { name: "reviews", path: "/admin/reviews" },
    { name: "review", path: review },
    { name: "review-approve", path: (page) => pressed(page, "a") },
    { name: "review-help", path: (page) => pressed(page, "?") },
    { name: "all-payouts", path: "/admin/payouts" },
    { name: "all-payouts-filtered", path: "/admin/payouts?status=COMPLETED" },
    { name: "any-payout", path: (page) => openFirst(page, "/admin/payouts?status=COMPLETED", "main tbody a") },
    { name: "any-payout-open", path: (page) => openFirst(page, "/admin/payouts?status=REQUESTED", "main tbody a") },
    { name: "any-payout-failed", path: (page) => openFirst(page, "/admin/attention", "main .row a") },
    { name: "attention", path: "/admin/attention" },
    { name: "cases", path: "/admin/cases" },
    { name: "case", path: (page) => openFirst(page, "/admin/cases", "main .row") },
    { name: "reconciliations", path: "/admin/reconciliations" },
    { name: "statements", path: "/admin/statements" },
    { name: "statement", path: (page) => openFirst(page, "/admin/statements", "main tbody a") },
    { name: "pauses", path: "/admin/pauses" },
    { name: "pause", path: (page) => opened(page, "/admin/pauses", "Pause one") },
    { name: "batches", path: "/admin/batches" },
    { name: "batch", path: (page) => openFirst(page, "/admin/batches", "main tbody a") },
    { name: "dead-letters", path: "/admin/dead-letters" },
    { name: "approval-limits", path: "/admin/approval-limits" },
    { name: "approval-limit-change", path: (page) => opened(page, "/admin/approval-limits", "Change the limit in NGN") },
    { name: "schedule", path: "/admin/schedule" },
    { name: "schedule-change", path: (page) => opened(page, "/admin/schedule", "Change the schedule") },
    { name: "limits-change", path: (page) => opened(page, "/admin/schedule", "Change the limits") },
    { name: "risk-policies", path: "/admin/risk-policies" },
    { name: "risk-policy", path: (page) => openFirst(page, "/admin/risk-policies", "main .row") },
    { name: "risk-policy-new", path: "/admin/risk-policies/new" },
    { name: "backtest", path: backtest },
    { name: "messages", path: "/admin/messages" },
    { name: "admin-notifications", path: "/admin/notifications" },
    { name: "admin-notification-settings", path: "/admin/notifications/settings" },
    { name: "admin-contact", path: (page) => opened(page, "/admin/notifications/settings", "Add an address") },
    { name: "workers", path: "/admin/workers" },
    { name: "health", path: "/admin/health" },
  ],
  Fola: [
    { name: "case-finance", path: (page) => openFirst(page, "/admin/cases", "main .row") },
    { name: "attest", path: attest },
  ],
  "the marketplace": [
    { name: "webhooks", path: "/marketplace/webhooks" },
    { name: "webhook-add", path: (page) => opened(page, "/marketplace/webhooks", "Add an endpoint") },
    { name: "webhook", path: (page) => openFirst(page, "/marketplace/webhooks", "main .row") },
  ],
};

const looks = [
  { name: "light", viewport: { width: 1360, height: 900 }, colorScheme: /** @type {const} */ ("light") },
  { name: "dark", viewport: { width: 1360, height: 900 }, colorScheme: /** @type {const} */ ("dark") },
  { name: "phone", viewport: { width: 390, height: 844 }, colorScheme: /** @type {const} */ ("light"), hasTouch: true },
];

/** @type {string[]} */
const wrong = [];
let looked = 0;
if (pictures) mkdirSync(pictures, { recursive: true });
// A stack of the tests is empty; the one somebody tries things on is theirs.
if (stack.simulator) await furnish();
const browser = await launch();

for (const look of looks) {
  for (const [who, places] of Object.entries(tours)) {
    const wanted = places.filter((place) => !only || only.includes(place.name));
    if (wanted.length === 0) continue;
    const page = await open(browser, { viewport: look.viewport, colorScheme: look.colorScheme, hasTouch: look.hasTouch ?? false, isMobile: look.hasTouch ?? false });
    let at = "";
    hear(page, (what) => wrong.push(`${at}: ${what}`));
    if (who) await signInAs(page, who);
    for (const place of wanted) {
      at = `${place.name} (${look.name})`;
      if (typeof place.path === "string") await page.goto(base + place.path);
      else await place.path(page);
      await settled(page);
      looked += 1;
      if (pictures) await page.screenshot({ path: join(pictures, `${place.name}-${look.name}.png`), fullPage: true });
      await page.evaluate(axeSource);
      /** @type {import("axe-core").Result[]} */
      const found = await page.evaluate(async () => {
        // @ts-expect-error axe has just been put there
        const result = await window.axe.run(document, { resultTypes: ["violations"] });
        return result.violations;
      });
      for (const each of found) {
        const serious = each.impact === "serious" || each.impact === "critical";
        const line = `${at}: axe ${each.impact}: ${each.id}: ${each.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(" | ")}`;
        if (serious) wrong.push(line);
        else console.log(`  note: ${line}`);
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) wrong.push(`${at}: ${wide}px wider than the screen`);
    }
    await page.context().close();
  }
}
await browser.close();
for (const line of wrong) console.error(`✗ ${line}`);
console.log(`${looked} looks, ${wrong.length} wrong`);
process.exit(wrong.length > 0 ? 1 : 0);

/** @param {import("playwright-core").Page} page @param {string} list @param {string} row */
async function openFirst(page, list, row) {
  await page.goto(base + list);
  await settled(page);
  const first = page.locator(row).first();
  if ((await first.count()) === 0) return;
  await follow(page, row);
}

/** @param {import("playwright-core").Page} page @param {string} amount */
async function fillIn(page, amount) {
  await page.goto(`${base}/provider/payouts/new`);
  await page.getByLabel("Amount").fill(amount);
  await page.getByRole("button", { name: "Continue" }).click();
}

/** @param {import("playwright-core").Page} page */
async function addAccount(page) {
  await page.goto(`${base}/provider/bank-accounts`);
  await page.getByRole("button", { name: "Add a bank account" }).click();
  await page.getByLabel("Account number").fill("0690000031");
  await page.getByRole("combobox", { name: "Bank" }).fill("Acc");
  // The list is chosen from: while it is open, React Aria hides the rest of the dialog from screen readers, and a key that
  // leaves the list closes it. axe knows only the first half and calls the hidden fields focusable.
  await page.getByRole("option").first().waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByRole("listbox").waitFor({ state: "hidden" });
}

/** Behind the link of a message, which its reader opens without signing in. @param {import("playwright-core").Page} page */
async function stop(page) {
  const { items } = await call("Amina Yusuf", "GET", "/api/provider/notifications");
  const told = items.find((/** @type {{ event: string }} */ each) => each.event === "bank_account_changed");
  await page.goto(base + stopLink(told.body));
}

/** @param {import("playwright-core").Page} page */
async function review(page) {
  await page.goto(`${base}/admin/reviews`);
  await settled(page);
  await page.keyboard.press("j");
}

/** @param {import("playwright-core").Page} page @param {string} key */
async function pressed(page, key) {
  await review(page);
  await settled(page);
  await page.keyboard.press(key);
}

/** @param {import("playwright-core").Page} page */
async function backtest(page) {
  await openFirst(page, "/admin/risk-policies", "main .row");
  await page.getByRole("button", { name: "Try the last 30 days" }).click();
  await page.getByText(/payouts since .* would have gone|Nothing was assessed/).first().waitFor();
}

/** With what a button opens. @param {import("playwright-core").Page} page @param {string} path @param {string} button */
async function opened(page, path, button) {
  await page.goto(base + path);
  await page.getByRole("button", { name: button }).first().click();
}

/** @param {import("playwright-core").Page} page */
async function attest(page) {
  await openFirst(page, "/admin/payouts?status=PROCESSING", "main tbody a");
  const button = page.getByRole("button", { name: "Attest how it ended" });
  if (await button.isVisible()) await button.click();
}
