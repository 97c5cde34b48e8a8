// Development only: finds the stack that `cargo xtask dev` started, and signs tokens that open nothing but that stack.
//
// The production build contains none of this: the plugin applies to `vite serve` alone.

import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Plugin } from "vite";

import type { Someone } from "../src/sign-in/someone.ts";

const TOKEN_LIVES_SECONDS = 24 * 60 * 60;

/** Those whom `cargo xtask dev` seeds, and staff: two of each, since what needs two people needs two names. */
const PEOPLE: readonly { role: "provider" | "admin" | "finance" | "platform"; subject: string; name: string; about: string }[] = [
  { role: "provider", subject: "provider-amina", name: "Amina Yusuf", about: "Provider, verified" },
  { role: "provider", subject: "provider-chidi", name: "Chidi Okonkwo", about: "Provider with a large balance" },
  { role: "provider", subject: "provider-bisi", name: "Bisi Adewale", about: "Provider, not verified yet" },
  { role: "provider", subject: "provider-tunde", name: "Tunde Bakare", about: "Provider who has earned nothing yet" },
  { role: "admin", subject: "admin-ada", name: "Ada", about: "Admin, decides on reviews" },
  { role: "admin", subject: "admin-ben", name: "Ben", about: "Admin: the second person" },
  { role: "finance", subject: "finance-fola", name: "Fola", about: "Finance: settles cases" },
  { role: "finance", subject: "finance-gift", name: "Gift", about: "Finance: the second person" },
  { role: "platform", subject: "marketplace", name: "the marketplace", about: "Its developers: webhooks" },
];

/** `state` is the folder of the stack. `API_URL` names another API; `PAYOUTS_STACK` another stack's folder. */
export function localStack(state: string): Plugin {
  const folder = process.env["PAYOUTS_STACK"] ?? state;
  const api = process.env["API_URL"] ?? portOf(folder);
  return {
    name: "payouts:local-stack",
    apply: "serve",
    config: () => ({
      server: {
        proxy: Object.fromEntries(
          ["/api", "/bank-account-stops", "/readyz", "/healthz", "/errors", "/docs", "/openapi.json"].map((path) => [path, { target: api, changeOrigin: true }]),
        ),
      },
    }),
    configureServer(server) {
      server.middlewares.use("/dev/people", (_request, response, next) => {
        people(api, folder)
          .then((someone) => {
            response.setHeader("Content-Type", "application/json");
            response.setHeader("Cache-Control", "no-store");
            response.end(JSON.stringify(someone));
          })
          .catch(next);
      });
    },
  };
}

function portOf(folder: string): string {
  try {
    const ports = JSON.parse(readFileSync(join(folder, "ports.json"), "utf8")) as { api?: number };
    return `http://127.0.0.1:${ports.api ?? 8080}`;
  } catch {
    return "http://127.0.0.1:8080";
  }
}

/** Each with a token. Empty while no local stack is there. */
async function people(api: string, folder: string): Promise<Someone[]> {
  let secret: string;
  try {
    secret = readFileSync(join(folder, "jwt-secret"), "utf8").trim();
  } catch {
    return [];
  }
  const platform = sign(secret, { sub: "marketplace", role: "platform" });
  const found = PEOPLE.map(async ({ role, subject, name, about }): Promise<Someone[]> => {
    if (role !== "provider") return [{ name, about, token: sign(secret, { sub: subject, role }) }];
    const answer = await fetch(`${api}/api/platform/providers/${subject}`, { headers: { Authorization: `Bearer ${platform}` } }).catch(() => undefined);
    if (!answer?.ok) return [];
    const { id } = (await answer.json()) as { id: string };
    return [{ name, about, token: sign(secret, { sub: subject, role, provider_id: id }) }];
  });
  return (await Promise.all(found)).flat();
}

function sign(secret: string, claims: Record<string, string>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ ...claims, aud: "payouts", exp: now + TOKEN_LIVES_SECONDS, auth_time: now })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}
