// Chromium as it runs on a machine that reaches nothing but itself, and what is wrong with a page whatever it shows.

import { chromium } from "playwright-core";

import { stack, tokenOf } from "./stack.js";

export const base = stack.dashboard;

/** Longer than any step takes on a slow machine; nothing waits this long that goes well. */
export const PATIENCE_MS = 180_000;

/** @typedef {import("playwright-core").Page} Page */

export function launch() {
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/**
 * A window of its own, as somebody in Lagos has it.
 *
 * @param {import("playwright-core").Browser} browser @param {import("playwright-core").BrowserContextOptions} [look]
 */
export async function open(browser, look = {}) {
  const context = await browser.newContext({ locale: "en-NG", timezoneId: "Africa/Lagos", viewport: { width: 1360, height: 900 }, reducedMotion: "reduce", ...look });
  context.setDefaultTimeout(PATIENCE_MS);
  return context.newPage();
}

/** With a token, on the page for it. @param {Page} page @param {string} who */
export async function signInAs(page, who) {
  await page.goto(`${base}/sign-in`);
  await page.getByLabel("Token").fill(tokenOf(who));
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
}

/**
 * Hears what no page may do: throw, write an error, break its own policy, ask another host. A refusal by the API that the page shows
 * is none of these, though the browser mentions it.
 *
 * @param {Page} page @param {(what: string) => void} wrong
 */
export function hear(page, wrong) {
  page.on("pageerror", (error) => wrong(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) wrong(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(base) && !/^(data|blob):/.test(request.url())) wrong(`asks another host: ${request.url()}`);
  });
}

/** What it says is there. @param {Page} page */
export async function settled(page) {
  await page.getByRole("heading", { level: 1 }).first().waitFor();
  await page.locator(".loading").first().waitFor({ state: "detached" });
  await page.evaluate(() => document.fonts.ready.then(() => undefined));
  // The next frame: what came with the data has been laid out.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(undefined)))));
}

/**
 * Follows the first of these to where it leads, and stays until that is there: the address changes before the page does.
 *
 * @param {Page} page @param {string} row
 */
export async function follow(page, row) {
  const before = page.url();
  const heading = await page.locator("h1").first().elementHandle();
  await page.locator(row).first().click();
  await page.waitForURL((url) => url.href !== before);
  // Where a part of the same page opens, its name stays.
  if (new URL(page.url()).pathname !== new URL(before).pathname) await heading?.waitForElementState("hidden");
}
