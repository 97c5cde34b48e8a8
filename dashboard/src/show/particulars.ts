// What an audit line or a piece of evidence carries besides its name, on one line for those who look closely.

import { type Amount, formatMoney } from "./money.ts";

/** The particulars of an entry on one line; nothing where there are none. */
export function particulars(detail: unknown): string | undefined {
  if (typeof detail !== "object" || detail === null) return undefined;
  const entries = Object.entries(detail as Record<string, unknown>).map(([name, value]) => `${name} ${plain(value)}`);
  return entries.length > 0 ? entries.join(" · ") : undefined;
}

function plain(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  if ("amount" in value && "currency" in value) return formatMoney(value as Amount);
  return JSON.stringify(value);
}
