// Chromium as it runs on a machine that reaches nothing but itself.

import { chromium } from "playwright-core";

export const base = process.env["DASHBOARD_URL"] ?? "http://127.0.0.1:5173";

export function launch() {
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** Signs in as one of the people that the development server offers. @param {import("playwright-core").Page} page @param {string} who */
export async function signInAs(page, who) {
  await page.goto(`${base}/sign-in`);
  await page.getByRole("button", { name: who }).first().click();
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
}
