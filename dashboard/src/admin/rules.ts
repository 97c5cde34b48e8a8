// The sixteen risk rules in words, what each compares with, and how what is typed becomes rules.

import type { Schemas } from "../api/client.ts";
import { type Currency, formatMoney, formatPlain, parseAmount } from "../show/money.ts";

export type Rules = Schemas["RiskRules"];
export type RuleName = keyof Rules;
export type Mode = Schemas["RuleMode"];

/** One thing that a rule compares with. */
export interface Threshold {
  readonly name: string;
  readonly words: string;
  readonly kind: "amount" | "number" | "names";
  /** What the number counts. */
  readonly unit?: string;
}

export interface RuleText {
  readonly name: RuleName;
  readonly words: string;
  /** When it speaks against paying without a look. */
  readonly fires: string;
  readonly thresholds: readonly Threshold[];
}

const amount = (words: string): Threshold => ({ name: "at_most", words, kind: "amount" });
const count = (name: string, words: string, unit?: string): Threshold => ({ name, words, kind: "number", ...(unit === undefined ? {} : { unit }) });

/** In the order of the form: the payout, the provider, the account, the pace. */
export const RULES: readonly RuleText[] = [
  { name: "amount", words: "Large amount", fires: "above an amount", thresholds: [amount("At most")] },
  { name: "amount_against_baseline", words: "More than usual", fires: "above so many times what the provider was paid on average", thresholds: [count("at_most_times", "At most", "times the average")] },
  { name: "provider_verified", words: "Identity not verified", fires: "while the marketplace does not call the provider verified", thresholds: [] },
  { name: "provider_suspended", words: "Suspended", fires: "for a suspended provider; the payout is rejected at once, so it has to be enforced", thresholds: [] },
  { name: "provider_age", words: "New provider", fires: "while the marketplace has told of the provider for less than", thresholds: [count("days", "Younger than", "days")] },
  { name: "successful_payouts", words: "Few payouts so far", fires: "while fewer payouts have reached the provider", thresholds: [count("at_least", "At least", "payouts")] },
  { name: "recent_failures", words: "Failures lately", fires: "above so many payouts that failed for good", thresholds: [count("at_most", "At most", "failures"), count("within_days", "Within", "days")] },
  { name: "bank_details_changed", words: "Bank account changed", fires: "while the account was added lately, beside or instead of another", thresholds: [count("days", "Within", "days")] },
  { name: "shared_bank_account", words: "Account shared with others", fires: "where more other providers use or have used the account", thresholds: [count("at_most", "At most", "others")] },
  { name: "account_name", words: "Name differs", fires: "where the bank's name for the account is less like the provider's", thresholds: [{ name: "accept", words: "Accept", kind: "names" }] },
  { name: "requests_per_day", words: "Many requests in a day", fires: "above so many requests within 24 hours", thresholds: [count("at_most", "At most", "requests")] },
  { name: "sum_per_day", words: "Large sum in a day", fires: "where more was asked for within 24 hours", thresholds: [amount("At most")] },
  { name: "requests_per_week", words: "Many requests in a week", fires: "above so many requests within 7 days", thresholds: [count("at_most", "At most", "requests")] },
  { name: "sum_per_week", words: "Large sum in a week", fires: "where more was asked for within 7 days", thresholds: [amount("At most")] },
  {
    name: "requests_against_baseline",
    words: "More often than usual",
    fires: "above so many times the provider's own weekly pace",
    thresholds: [count("at_most_times", "At most", "times the pace"), count("from_requests", "From", "requests a week on")],
  },
  {
    name: "sum_against_baseline",
    words: "A larger sum than usual",
    fires: "where so many times more was asked for within 7 days than in the provider's own weeks before",
    thresholds: [count("at_most_times", "At most", "times the usual"), { name: "from_amount", words: "From", kind: "amount" }],
  },
];

export const MODES: Readonly<Record<Mode, string>> = { enforced: "Goes to a person", informational: "Only shown", off: "Not looked at" };
export const NAMES: Readonly<Record<Schemas["AcceptedName"], string>> = { same: "the same words", similar: "similar words" };

/** What one rule compares with, as a sentence: `at most ₦50,000.00`. */
export function thresholdWords({ thresholds, name }: RuleText, rules: Rules, currency: Currency): string {
  const rule: Readonly<Record<string, unknown>> = { ...rules[name] };
  return thresholds.map((threshold) => `${threshold.words.toLowerCase()} ${valueWords(threshold, rule[threshold.name], currency)}`).join(", ") || "–";
}

function valueWords({ kind, unit }: Threshold, value: unknown, currency: Currency): string {
  switch (kind) {
    case "amount":
      return formatMoney({ amount: String(value), currency });
    case "names":
      return value === "same" || value === "similar" ? NAMES[value] : String(value);
    case "number":
      // One day, two days; "times the average" is the same for both.
      return `${Number(value).toLocaleString()} ${value === 1 ? (unit ?? "").replace(/^(\w+)s$/, "$1") : (unit ?? "")}`.trim();
  }
}

/** What stands in the form: `amount.at_most` and so on, as it was typed. */
export type Typed = Readonly<Record<string, string>>;

export function asTyped(rules: Rules): Typed {
  return Object.fromEntries(
    RULES.flatMap(({ name, thresholds }) => {
      const rule: Readonly<Record<string, unknown>> = { ...rules[name] };
      return [[`${name}.mode`, rules[name].mode], ...thresholds.map(({ name: of, kind }) => [`${name}.${of}`, kind === "amount" ? formatPlain(String(rule[of])) : String(rule[of])] as const)];
    }),
  );
}

/** What is wrong with a threshold, before the API is asked. Its ranges are the API's to know. */
export function mistake({ kind }: Threshold, typed: string): string | undefined {
  switch (kind) {
    case "amount": {
      const parsed = parseAmount(typed);
      return parsed.ok ? undefined : parsed.why;
    }
    case "number":
      return /^\d{1,7}$/.test(typed.trim()) ? undefined : "Enter a whole number.";
    case "names":
      return typed === "same" || typed === "similar" ? undefined : "Choose one.";
  }
}

/** The rules as typed; only for what has no {@link mistake}. */
export function asRules(typed: Typed): Rules {
  const mode = (rule: RuleName): Mode => {
    const said = typed[`${rule}.mode`];
    return said === "informational" || said === "off" ? said : "enforced";
  };
  const number = (rule: RuleName, of: string): number => Number(typed[`${rule}.${of}`]);
  const money = (rule: RuleName, of = "at_most"): string => {
    const parsed = parseAmount(typed[`${rule}.${of}`] ?? "");
    return parsed.ok ? parsed.amount : "";
  };
  return {
    amount: { mode: mode("amount"), at_most: money("amount") },
    amount_against_baseline: { mode: mode("amount_against_baseline"), at_most_times: number("amount_against_baseline", "at_most_times") },
    provider_verified: { mode: mode("provider_verified") },
    provider_suspended: { mode: mode("provider_suspended") },
    provider_age: { mode: mode("provider_age"), days: number("provider_age", "days") },
    successful_payouts: { mode: mode("successful_payouts"), at_least: number("successful_payouts", "at_least") },
    recent_failures: { mode: mode("recent_failures"), at_most: number("recent_failures", "at_most"), within_days: number("recent_failures", "within_days") },
    bank_details_changed: { mode: mode("bank_details_changed"), days: number("bank_details_changed", "days") },
    shared_bank_account: { mode: mode("shared_bank_account"), at_most: number("shared_bank_account", "at_most") },
    account_name: { mode: mode("account_name"), accept: typed["account_name.accept"] === "same" ? "same" : "similar" },
    requests_per_day: { mode: mode("requests_per_day"), at_most: number("requests_per_day", "at_most") },
    sum_per_day: { mode: mode("sum_per_day"), at_most: money("sum_per_day") },
    requests_per_week: { mode: mode("requests_per_week"), at_most: number("requests_per_week", "at_most") },
    sum_per_week: { mode: mode("sum_per_week"), at_most: money("sum_per_week") },
    requests_against_baseline: {
      mode: mode("requests_against_baseline"),
      at_most_times: number("requests_against_baseline", "at_most_times"),
      from_requests: number("requests_against_baseline", "from_requests"),
    },
    sum_against_baseline: {
      mode: mode("sum_against_baseline"),
      at_most_times: number("sum_against_baseline", "at_most_times"),
      from_amount: money("sum_against_baseline", "from_amount"),
    },
  };
}
