// Amounts: decimal strings, shown in the reader's locale and compared exactly. Never a float on the way.

import type { Schemas } from "../api/client.ts";

export type Amount = Schemas["Money"];
export type Currency = Amount["currency"];

/** Ledger lines and fees have at most four decimals; everything is compared in ten-thousandths. */
const SCALE = 4;
/** What providers can ask for. */
const CURRENCY_DECIMALS = 2;
const DECIMAL = /^(-?)(\d+)(?:\.(\d{1,4}))?$/;

/** The amount in ten-thousandths of the currency. */
export function units(amount: string): bigint {
  const parts = DECIMAL.exec(amount);
  if (!parts) throw new Error(`not a decimal amount: ${amount}`);
  const magnitude = BigInt(`${parts[2]}${(parts[3] ?? "").padEnd(SCALE, "0")}`);
  return parts[1] ? -magnitude : magnitude;
}

/** The shortest decimal with at least two places that means these ten-thousandths. */
export function decimal(value: bigint): string {
  const negative = value < 0n;
  const digits = (negative ? -value : value).toString().padStart(SCALE + 1, "0");
  const whole = digits.slice(0, -SCALE);
  const fraction = digits.slice(-SCALE).replace(/0{1,2}$/, "");
  return `${negative ? "-" : ""}${whole}.${fraction.padEnd(CURRENCY_DECIMALS, "0")}`;
}

/** The sum of amounts in one currency. */
export function sum(amounts: readonly Amount[], currency: Currency): Amount {
  return { amount: decimal(amounts.filter((each) => each.currency === currency).reduce((total, each) => total + units(each.amount), 0n)), currency };
}

export function isZero(money: Amount): boolean {
  return units(money.amount) === 0n;
}

export interface Style {
  readonly locale?: string;
  /** With a plus before what comes in: ledger lines. */
  readonly signed?: boolean;
}

const formats = new Map<string, Intl.NumberFormat>();

/** In the reader's locale, every digit that the amount has. */
export function formatMoney({ amount, currency }: Amount, { locale, signed = false }: Style = {}): string {
  const decimals = Math.max(CURRENCY_DECIMALS, amount.split(".")[1]?.replace(/0+$/, "").length ?? 0);
  const named = [locale, currency, decimals, signed].join();
  let format = formats.get(named);
  if (!format) {
    format = new Intl.NumberFormat(locale, {
      style: "currency",
      currency,
      currencyDisplay: "narrowSymbol",
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
      signDisplay: signed ? "exceptZero" : "negative",
    });
    formats.set(named, format);
  }
  // A string is formatted exactly; a number would be rounded to a float first.
  return format.format(amount as Intl.StringNumericLiteral);
}

/** Short, for the axis of a chart: ₦1.2M. Rounded, so never for an amount that somebody acts on. */
export function formatRoughly({ amount, currency }: Amount, locale?: string): string {
  return new Intl.NumberFormat(locale, { style: "currency", currency, currencyDisplay: "narrowSymbol", notation: "compact", maximumFractionDigits: 1 }).format(
    amount as Intl.StringNumericLiteral,
  );
}

export type Parsed = { readonly ok: true; readonly amount: string } | { readonly ok: false; readonly why: string };

/** What somebody typed, in their own way of writing numbers, as the decimal that the API takes. */
export function parseAmount(typed: string, locale?: string): Parsed {
  const { group, decimal: point } = separators(locale);
  const plain = typed.replace(/[\s\u00a0\u202f'’]/g, "").replace(/^(?:₦|NGN|GH₵|₵|GHS|KSh|KES)/i, "");
  if (plain === "") return { ok: false, why: "Enter an amount." };
  let normal = plain.replaceAll(group, "");
  if (point !== ".") normal = normal.replace(point, ".");
  if (!/^\d+(?:\.\d*)?$/.test(normal)) return { ok: false, why: `Enter digits only, such as ${example(locale)}.` };
  const [whole = "", fraction = ""] = normal.split(".");
  if (fraction.length > CURRENCY_DECIMALS) return { ok: false, why: "An amount has at most two decimals." };
  const stripped = whole.replace(/^0+(?=\d)/, "");
  if (stripped.length > 16) return { ok: false, why: "This amount is too large." };
  const amount = `${stripped}.${fraction.padEnd(CURRENCY_DECIMALS, "0")}`;
  if (units(amount) === 0n) return { ok: false, why: "Enter more than zero." };
  return { ok: true, amount };
}

/** How the reader writes an amount, without the currency: what an input is filled with. */
export function formatPlain(amount: string, locale?: string): string {
  return new Intl.NumberFormat(locale, { minimumFractionDigits: CURRENCY_DECIMALS, maximumFractionDigits: SCALE }).format(amount as Intl.StringNumericLiteral);
}

function example(locale?: string): string {
  return formatPlain("1500.00", locale);
}

function separators(locale?: string): { group: string; decimal: string } {
  const parts = new Intl.NumberFormat(locale, { useGrouping: true, minimumFractionDigits: 1 }).formatToParts(1234567.5);
  const of = (type: Intl.NumberFormatPartTypes): string | undefined => parts.find((part) => part.type === type)?.value;
  const decimal = of("decimal") ?? ".";
  return { group: of("group") ?? (decimal === "," ? "." : ","), decimal };
}

/** A sentence of the API's, with its amounts (`50000.00 NGN`) as the reader's locale writes them. */
export function withMoney(text: string, locale?: string): string {
  return text.replaceAll(/(-?\d+\.\d+) (NGN|GHS|KES)\b/g, (_, amount: string, currency: Currency) => formatMoney({ amount, currency }, locale === undefined ? {} : { locale }));
}
