import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

import { localStack } from "./dev/local-stack.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig(({ mode }) => ({
  plugins: [react(), ...(mode === "test" ? [] : [localStack(here("../.local/dev"))])],
  resolve: {
    alias: { "payouts-client": here("../openapi/typescript") },
    // The generated client lies beside us and must not bring a second copy of its own.
    dedupe: ["openapi-fetch"],
  },
  server: { host: "127.0.0.1", fs: { allow: [here("."), here("../openapi/typescript")] } },
  // Nothing is put inside a page as a data: address: the server's policy lets only our own files in.
  build: { target: "es2022", manifest: true, assetsInlineLimit: 0 },
  // Files that need a page say so in their first line. No test is about time: the limit only ends one that hangs.
  test: { environment: "node", include: ["src/**/*.test.{ts,tsx}"], testTimeout: 120_000, hookTimeout: 120_000 },
}));
