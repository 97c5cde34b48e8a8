// Tells one story in as many windows as it needs, and what every window showed when it fails.

import { hear, launch, open, signInAs } from "./chromium.js";

/** @typedef {import("playwright-core").Page} Page */
/** Without anybody a window is not signed in. @typedef {{ window: (who: string, look?: import("playwright-core").BrowserContextOptions) => Promise<Page>, elsewhere: () => Promise<Page>, told: (what: string) => void }} Teller */

/** @param {(teller: Teller) => Promise<void>} play */
export async function story(play) {
  const browser = await launch();
  /** @type {[string, Page][]} */
  const windows = [];
  /** @type {string[]} */
  const wrong = [];
  try {
    await play({
      window: async (who, look) => {
        const page = await open(browser, look);
        hear(page, (what) => wrong.push(`${who}: ${what}`));
        windows.push([who, page]);
        if (who) await signInAs(page, who);
        return page;
      },
      // A page that is not ours, such as the mail catcher's.
      elsewhere: async () => {
        const page = await open(browser);
        windows.push(["elsewhere", page]);
        return page;
      },
      told: (what) => console.log(`✓ ${what}`),
    });
  } catch (error) {
    for (const [who, page] of windows) {
      const shown = await page.locator("body").innerText().catch(() => "nothing");
      console.error(`--- ${who} at ${page.url()} sees:\n${shown.replace(/\n+/g, "\n").slice(0, 1200)}`);
    }
    throw error;
  } finally {
    await browser.close();
  }
  if (wrong.length > 0) throw new Error(`what no page may do:\n${wrong.join("\n")}`);
}
