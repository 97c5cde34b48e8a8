// Gives an empty stack the life that its pages show: providers with a history, payouts of every kind, something for every queue.
//
// Through the API, as everybody else does it; the gateway is told where to misbehave. Takes about ten seconds.

import { ask, call, fault, join, until } from "./stack.js";

const APPROVED = "The work was checked.";

/** @param {(payout: any) => boolean} [wanted] */
const ended = (wanted) => (/** @type {any} */ seen) => (wanted ? wanted(seen) : seen.payout.status === "COMPLETED");
/** @param {any} seen */
const inReview = (seen) => seen.waiting?.waiting_for === "decision";

export async function furnish() {
  await Promise.all(PEOPLE.map(join));
  // Three that arrived make Amina trusted; then hers need nobody.
  for (const amount of ["18000.00", "12500.00", "9000.00"]) await until(await ask("Amina Yusuf", amount), (seen) => inReview(seen) || ended()(seen)).then(approveIfAsked);
  await Promise.all([
    paid("Amina Yusuf", "21500.00"),
    paid("Ngozi Okafor", "42000.00"),
    paid("Emeka Nwosu", "15750.00"),
    paid("Zainab Mohammed", "63000.00"),
    paid("Chidi Okonkwo", "185000.00"),
    rejected("Musa Danjuma", "90000.00", "Send us the invoice of this job, then ask again."),
    cancelled("Bisi Adewale", "4000.00"),
    refused("Segun Ogunleye", "27000.00", { account_number: "0123456758", bank_code: "058" }),
    refused("Temitope Idowu", "18200.00", { account_number: "0123456761", bank_code: "058" }, "Account closed"),
    silent("Obinna Eze", "33300.00"),
  ]);
  // A larger limit, tried beside the one in force: it would let the last of those below go by itself.
  const { items: active } = await call("Ada", "GET", "/api/admin/risk-policies?status=ACTIVE&currency=NGN");
  if (active[0]) {
    const rules = { ...active[0].rules, amount: { ...active[0].rules.amount, at_most: "100000.00" } };
    const draft = await call("Ada", "POST", "/api/admin/risk-policies", { currency: "NGN", reason: "Most payouts above the limit were fine: look at the larger ones only.", rules });
    await call("Ben", "POST", `/api/admin/risk-policies/${draft.id}/shadow`);
  }
  // Under review, and left there.
  for (const [who, amount] of /** @type {const} */ ([
    ["Chidi Okonkwo", "320000.00"],
    ["Folake Adeyemi", "74500.00"],
    ["Kelechi Obi", "48000.00"],
    ["Bisi Adewale", "6500.00"],
    ["Ngozi Okafor", "118000.00"],
    ["Amina Yusuf", "64000.00"],
  ])) {
    await until(await ask(who, amount), inReview);
  }
  // A second account cools off before its first payout, and its owner is told how to stop it.
  for (const who of ["Amina Yusuf", "Temitope Idowu"]) await call(who, "POST", "/api/provider/bank-accounts", { bank_code: "044", account_number: "0690000032", currency: "NGN" });
  const found = await call("Ada", "GET", "/api/admin/payouts?status=REJECTED");
  const provider = found.items[0]?.provider_id;
  if (provider) await call("Ada", "POST", "/api/admin/pauses", { scope: "provider", subject: provider, reason: "Two invoices under one number: we ask the client." });
  await call("Fola", "POST", "/api/admin/reconciliations/run");
  // Nobody answers there, which is what its page is for.
  await call("the marketplace", "POST", "/api/platform/webhook-endpoints", { url: "https://shop.example/payouts", description: "The shop's order service" });
}

/** @type {readonly Parameters<typeof join>[0][]} */
const PEOPLE = [
  { external: "provider-ngozi", name: "Ngozi Okafor", verified: true, bank: "058", account: "0123456751", earned: [["96000.00", "Interior design"], ["140000.00", "Furniture"]] },
  { external: "provider-emeka", name: "Emeka Nwosu", verified: true, bank: "044", account: "0690000041", earned: [["31000.00", "Plumbing"]] },
  { external: "provider-zainab", name: "Zainab Mohammed", verified: true, bank: "033", account: "2098765451", earned: [["88000.00", "Catering"]] },
  { external: "provider-musa", name: "Musa Danjuma", verified: false, bank: "011", account: "3012345651", earned: [["95000.00", "Generator repair"]] },
  { external: "provider-segun", name: "Segun Ogunleye", verified: true, bank: "058", account: "0123456758", earned: [["54000.00", "Driving"]] },
  { external: "provider-temitope", name: "Temitope Idowu", verified: true, bank: "058", account: "0123456761", earned: [["36400.00", "Tutoring"]] },
  { external: "provider-obinna", name: "Obinna Eze", verified: true, bank: "058", account: "0123456762", earned: [["70000.00", "Video editing"]] },
  { external: "provider-folake", name: "Folake Adeyemi", verified: true, bank: "033", account: "2098765452", earned: [["149000.00", "Tailoring"]] },
  { external: "provider-kelechi", name: "Kelechi Obi", verified: false, bank: "044", account: "0690000044", earned: [["48000.00", "Electrical work"]] },
];

/** @param {string} id */
async function approve(id) {
  await call("Ada", "POST", `/api/admin/payouts/${id}/decision`, { decision: "approve", reason: APPROVED });
}

/** @param {any} seen */
async function approveIfAsked(seen) {
  if (inReview(seen)) await approve(seen.payout.id);
  await until(seen.payout.id, ended());
}

/** @param {string} who @param {string} amount */
async function paid(who, amount) {
  const id = await ask(who, amount);
  await approveIfAsked(await until(id, (seen) => inReview(seen) || seen.payout.status === "COMPLETED"));
}

/** @param {string} who @param {string} amount @param {string} reason */
async function rejected(who, amount, reason) {
  const id = await ask(who, amount);
  await until(id, inReview);
  await call("Ada", "POST", `/api/admin/payouts/${id}/decision`, { decision: "reject", reason });
}

/** Somebody whose payouts wait for a person: what goes by itself may be under way before it is cancelled. @param {string} who @param {string} amount */
async function cancelled(who, amount) {
  const id = await ask(who, amount);
  await until(id, inReview);
  await call(who, "POST", `/api/provider/payouts/${id}/cancel`);
}

/**
 * As often as it is tried: only a person goes on from there.
 *
 * @param {string} who @param {string} amount @param {unknown} account
 */
async function refused(who, amount, account, why = "closed account") {
  await fault({ match: account, times: 4, fault: { kind: "fail", message: `DISBURSE FAILED: ${why}`, after: "300ms" } });
  const id = await ask(who, amount);
  await until(id, inReview);
  await approve(id);
  await until(id, (seen) => seen.payout.needs_attention === true);
}

/** The gateway takes it and says no more. @param {string} who @param {string} amount */
async function silent(who, amount) {
  await fault({ match: { account_number: "0123456762", bank_code: "058" }, times: 1, fault: { kind: "pending_forever" } });
  const id = await ask(who, amount);
  await until(id, inReview);
  await approve(id);
  await until(id, (seen) => seen.payout.status === "PROCESSING");
}
