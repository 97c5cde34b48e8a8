// The stack that is looked at: its address, and how its people sign in.
//
// `cargo xtask` hands one over in STACK. Without it: the development server beside `cargo xtask dev` (DASHBOARD_URL names another).

import { createHmac } from "node:crypto";

/** @typedef {{ name: string, role?: string, email?: string, token: string }} Person */
/** @typedef {{ dashboard: string, simulator?: string, mail?: string, jwt_secret?: string, people: Person[] }} Stack */

/** @type {Stack} */
export const stack = process.env["STACK"] ? JSON.parse(process.env["STACK"]) : await ofDevelopment();

/** @returns {Promise<Stack>} */
async function ofDevelopment() {
  const dashboard = process.env["DASHBOARD_URL"] ?? "http://127.0.0.1:5173";
  const asked = await fetch(`${dashboard}/dev/people`).catch(() => undefined);
  if (!asked?.ok) throw new Error(`no dashboard was found at ${dashboard}: start \`cargo xtask dev\` and name its address in DASHBOARD_URL`);
  return { dashboard, people: /** @type {Person[]} */ (await asked.json()) };
}

/**
 * A new token for the same person, as the issuer gives out who has signed in that long ago.
 *
 * @param {string} name @param {number} signedInAgoSeconds
 */
export function newTokenOf(name, signedInAgoSeconds = 0) {
  if (!stack.jwt_secret) throw new Error("nobody can be signed in anew on this stack");
  const claims = JSON.parse(Buffer.from(tokenOf(name).split(".")[1] ?? "", "base64url").toString());
  return sign(stack.jwt_secret, claims, signedInAgoSeconds);
}

/** @param {string} name */
export function tokenOf(name) {
  const person = stack.people.find((each) => each.name === name);
  if (!person) throw new Error(`${name} is not of this stack`);
  return person.token;
}

/** Where they are mailed to; `mail.js` reads it. @param {string} name */
export function emailOf(name) {
  const email = stack.people.find((each) => each.name === name)?.email;
  if (!email) throw new Error(`${name} is mailed nothing`);
  return email;
}

/**
 * Somebody new who has earned these, with an account to be paid to; from then on of this stack like the others.
 *
 * @param {{ external: string, name: string, verified: boolean, bank: string, account: string, earned: readonly (readonly [string, string])[] }} who
 */
export async function join({ external, name, verified, bank, account, earned }) {
  if (!stack.jwt_secret) throw new Error("nobody can be added to this stack");
  const email = `${external}@providers.example`;
  const { id } = await call("the marketplace", "PUT", `/api/platform/providers/${external}`, { display_name: name, email, verified });
  stack.people.push({ name, role: "provider", email, token: sign(stack.jwt_secret, { sub: external, role: "provider", provider_id: id }) });
  await call(name, "POST", "/api/provider/bank-accounts", { bank_code: bank, account_number: account, currency: "NGN" });
  for (const [number, [amount, what]] of earned.entries()) {
    const earning = { provider: external, amount: { amount, currency: "NGN" }, description: what, earned_at: "2026-01-05T09:00:00Z" };
    await call("the marketplace", "PUT", `/api/platform/earnings/${external}-${number}`, earning);
  }
}

/**
 * Of somebody who has signed in just now, unless it is said when.
 *
 * @param {string} secret @param {Record<string, string>} claims
 */
function sign(secret, claims, signedInAgoSeconds = 0) {
  /** @param {unknown} value */
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ ...claims, aud: "payouts", exp: now + 3600, auth_time: now - signedInAgoSeconds })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/**
 * What a program of the marketplace, or a second hand of somebody, does without a browser. Fails on anything but a success.
 *
 * @param {string} who @param {string} method @param {string} path @param {unknown} [body] @param {Record<string, string>} [headers]
 */
export async function call(who, method, path, body, headers = {}) {
  const answer = await fetch(stack.dashboard + path, {
    method,
    headers: { Authorization: `Bearer ${tokenOf(who)}`, "Content-Type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

/** The link that stops a new bank account, out of the message about it. @param {string} words */
export function stopLink(words) {
  const path = /\/bank-account-stops\/[0-9a-f]{64}/.exec(words)?.[0];
  if (!path) throw new Error(`no link in “${words}”`);
  return path;
}

/** The gateway misbehaves. @param {unknown} plan */
export async function fault(plan) {
  if (!stack.simulator) throw new Error("this stack's gateway cannot be told to misbehave");
  const answer = await fetch(`${stack.simulator}/_sim/faults`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(plan) });
  if (!answer.ok) throw new Error(`planting a fault: ${answer.status} ${await answer.text()}`);
}

/** Asks for money without a browser; the answer is the payout's id. @param {string} who @param {string} amount @returns {Promise<string>} */
export async function ask(who, amount) {
  const accounts = await call(who, "GET", "/api/provider/bank-accounts");
  const account = accounts.items.find((/** @type {{ paused?: unknown }} */ each) => !each.paused);
  const body = { amount: { amount, currency: "NGN" }, bank_account_id: account.id };
  const made = await call(who, "POST", "/api/provider/payouts", body, { "Idempotency-Key": crypto.randomUUID() });
  return made.id;
}

/** Only ends what is stuck: a slow machine is no failure. */
const PATIENCE_MS = 300_000;

/** Looks until it is so. @param {string} id @param {(payout: any) => boolean} wanted */
export async function until(id, wanted) {
  for (const began = Date.now(); ; ) {
    const seen = await call("Ada", "GET", `/api/admin/payouts/${id}`);
    if (wanted(seen)) return seen;
    if (Date.now() - began > PATIENCE_MS) throw new Error(`still ${seen.payout.status}: ${seen.waiting?.detail ?? ""}`);
    await new Promise((done) => setTimeout(done, 200));
  }
}
