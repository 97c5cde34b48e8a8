// What a reader's first page costs: the compressed JavaScript of the entry and of each page with all that it imports. Fails above the limit.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const LIMIT_KB = 250;
const dist = new URL("../dist", import.meta.url).pathname;

/** @type {Record<string, { file: string, isEntry?: boolean, imports?: string[], dynamicImports?: string[] }>} */
const manifest = JSON.parse(readFileSync(join(dist, ".vite/manifest.json"), "utf8"));

/** @param {string} name @param {Set<string>} found */
function reach(name, found) {
  const chunk = manifest[name];
  if (!chunk || found.has(chunk.file)) return;
  found.add(chunk.file);
  chunk.imports?.forEach((each) => reach(each, found));
}

const entry = Object.keys(manifest).find((name) => manifest[name]?.isEntry);
if (!entry) throw new Error("dist has no entry: build first");
const pages = (manifest[entry]?.dynamicImports ?? []).map((page) => {
  /** @type {Set<string>} */
  const files = new Set();
  reach(entry, files);
  reach(page, files);
  const scripts = [...files].filter((file) => file.endsWith(".js"));
  const bytes = scripts.reduce((sum, file) => sum + gzipSync(readFileSync(join(dist, file)), { level: 9 }).length, 0);
  return { page: page.replace(/^src\//, ""), kb: bytes / 1024 };
});
pages.sort((one, other) => other.kb - one.kb);
for (const { page, kb } of pages) console.log(`  ${kb.toFixed(1).padStart(6)} kB  ${page}`);
const heaviest = pages[0];
if (!heaviest || heaviest.kb > LIMIT_KB) {
  console.error(`The first load may be ${LIMIT_KB} kB of compressed JavaScript.`);
  process.exit(1);
}
console.log(`  The heaviest first load is ${heaviest.kb.toFixed(1)} kB of compressed JavaScript; ${LIMIT_KB} kB are allowed.`);
