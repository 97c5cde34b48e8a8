// What the address may say: each filter is read by name, and what is not understood is dropped rather than sent on.

type Raw = Record<string, unknown>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const WORDS_LIMIT = 100;
/** As long as the longest that the API takes: that of the review queue. */
const CURSOR_LIMIT = 100;

/** Without the entries that are not there, so that they neither show in the address nor count as filters. */
export function only<Values extends Record<string, unknown>>(values: Values): { [Name in keyof Values]?: Exclude<Values[Name], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [Name in keyof Values]?: Exclude<Values[Name], undefined> };
}

export function oneOf<Value extends string>(values: readonly Value[], raw: unknown): Value | undefined {
  return values.find((value) => value === raw);
}

export function uuid(raw: unknown): string | undefined {
  return typeof raw === "string" && UUID.test(raw) ? raw.toLowerCase() : undefined;
}

/** A calendar day, as `2026-11-22`. */
export function day(raw: unknown): string | undefined {
  return typeof raw === "string" && DAY.test(raw) && !Number.isNaN(Date.parse(`${raw}T00:00:00Z`)) ? raw : undefined;
}

export function flag(raw: unknown): boolean | undefined {
  if (raw === true || raw === "true") return true;
  return raw === false || raw === "false" ? false : undefined;
}

/** What somebody looks for. The router reads digits as a number. */
export function words(raw: unknown): string | undefined {
  const text = typeof raw === "number" ? String(raw) : raw;
  return typeof text === "string" && text.trim().length > 0 && text.length <= WORDS_LIMIT ? text : undefined;
}

/** A plain decimal, as the API takes it. */
export function amount(raw: unknown): string | undefined {
  const text = typeof raw === "number" ? String(raw) : raw;
  return typeof text === "string" && /^\d{1,16}(\.\d{1,4})?$/.test(text) ? text : undefined;
}

/** The router reads a cursor of digits as a number. */
export function cursor(raw: unknown): string | undefined {
  const text = typeof raw === "number" ? String(raw) : raw;
  return typeof text === "string" && text.length > 0 && text.length <= CURSOR_LIMIT ? text : undefined;
}

/** The beginning of a day where the reader is, as the API takes it. */
export function dayBegins(value: string | undefined): string | undefined {
  return value === undefined ? undefined : new Date(`${value}T00:00:00`).toISOString();
}

/** The beginning of the day after: the API's `to` is exclusive, a person's is not. */
export function dayEnds(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const end = new Date(`${value}T00:00:00`);
  end.setDate(end.getDate() + 1);
  return end.toISOString();
}

export const STATUSES = ["REQUESTED", "APPROVED", "PROCESSING", "COMPLETED", "FAILED", "REJECTED", "CANCELLED", "REVERSED"] as const;
export const SORTS = ["newest", "oldest"] as const;
export const ROUTES = ["auto", "review", "refuse"] as const;

/** Of the provider's own payouts. */
export function payoutsSearch(raw: Raw) {
  return only({
    status: oneOf(STATUSES, raw["status"]),
    from: day(raw["from"]),
    to: day(raw["to"]),
    min_amount: amount(raw["min_amount"]),
    max_amount: amount(raw["max_amount"]),
    cursor: cursor(raw["cursor"]),
  });
}

export const EARNING_STATUSES = ["AVAILABLE", "RESERVED", "PAID_OUT", "RECOVERED"] as const;

/** Of the provider's earnings. */
export function earningsSearch(raw: Raw) {
  return only({ status: oneOf(EARNING_STATUSES, raw["status"]), from: day(raw["from"]), to: day(raw["to"]), cursor: cursor(raw["cursor"]) });
}

/** A calendar month, as `2026-11`. */
export function month(raw: unknown): string | undefined {
  return typeof raw === "string" && /^\d{4}-(0[1-9]|1[0-2])$/.test(raw) ? raw : undefined;
}

/** Of a monthly statement. */
export function monthSearch(raw: Raw) {
  return only({ month: month(raw["month"]), currency: oneOf(CURRENCIES, raw["currency"]) });
}

/** Of everybody's payouts. */
export function allPayoutsSearch(raw: Raw) {
  return only({
    q: words(raw["q"]),
    status: oneOf(STATUSES, raw["status"]),
    risk: oneOf(ROUTES, raw["risk"]),
    provider: uuid(raw["provider"]),
    batch: uuid(raw["batch"]),
    needs_attention: flag(raw["needs_attention"]),
    open: flag(raw["open"]),
    currency: oneOf(CURRENCIES, raw["currency"]),
    from: day(raw["from"]),
    to: day(raw["to"]),
    min_amount: amount(raw["min_amount"]),
    max_amount: amount(raw["max_amount"]),
    sort: oneOf(SORTS, raw["sort"]),
    cursor: cursor(raw["cursor"]),
  });
}

export const CASE_STATUSES = ["OPEN", "CLOSED"] as const;
export const CASE_KINDS = [
  "unknown_too_long",
  "contradiction",
  "overpaid",
  "reversal",
  "unknown_transfer",
  "missing_transfer",
  "amount_differs",
  "status_differs",
  "statement_line",
  "account_failing",
  "account_stopped",
  "books",
  "restored",
] as const;

/** Of cases. */
export function casesSearch(raw: Raw) {
  return only({
    status: oneOf(CASE_STATUSES, raw["status"]),
    kind: oneOf(CASE_KINDS, raw["kind"]),
    payout: uuid(raw["payout"]),
    provider: uuid(raw["provider"]),
    cursor: cursor(raw["cursor"]),
  });
}

/** Of lists without filters. */
export function pageSearch(raw: Raw) {
  return only({ cursor: cursor(raw["cursor"]) });
}

export const CURRENCIES = ["NGN", "GHS", "KES"] as const;
export const POLICY_STATUSES = ["DRAFT", "SHADOW", "ACTIVE", "RETIRED"] as const;

/** Of risk policies. */
export function policiesSearch(raw: Raw) {
  return only({ currency: oneOf(CURRENCIES, raw["currency"]), status: oneOf(POLICY_STATUSES, raw["status"]), cursor: cursor(raw["cursor"]) });
}

export const MESSAGE_STATES = ["pending", "delivered", "failed", "dropped"] as const;
export const CHANNELS = ["email", "push", "webhook"] as const;

/** Of what went out. */
export function messagesSearch(raw: Raw) {
  return only({ state: oneOf(MESSAGE_STATES, raw["state"]), channel: oneOf(CHANNELS, raw["channel"]), payout: uuid(raw["payout"]), cursor: cursor(raw["cursor"]) });
}

export const DEAD_LETTER_KINDS = ["start", "signal", "batch", "instant_batch"] as const;

/** Of what the engine refused. */
export function deadLettersSearch(raw: Raw) {
  return only({ kind: oneOf(DEAD_LETTER_KINDS, raw["kind"]), payout: uuid(raw["payout"]), cursor: cursor(raw["cursor"]) });
}

/** Of providers. */
export function providersSearch(raw: Raw) {
  return only({ q: words(raw["q"]), suspended: flag(raw["suspended"]), paused: flag(raw["paused"]), in_debt: flag(raw["in_debt"]), cursor: cursor(raw["cursor"]) });
}

export const PERIODS = ["7", "30", "90"] as const;

/** Of the overview: how many days, and which currency. */
export function overviewSearch(raw: Raw) {
  const days = raw["days"];
  return only({ days: oneOf(PERIODS, typeof days === "number" ? String(days) : days), currency: oneOf(CURRENCIES, raw["currency"]) });
}

/** For which currency rules are proposed. */
export function proposeSearch(raw: Raw) {
  return only({ currency: oneOf(CURRENCIES, raw["currency"]) });
}

/** Of the lines of a statement: after which line the page begins. */
export function statementSearch(raw: Raw) {
  const after = raw["after"];
  return only({ unmatched: flag(raw["unmatched"]) || undefined, after: typeof after === "number" && Number.isInteger(after) && after > 0 ? after : undefined });
}

export const REVIEW_SORTS = ["waiting", "largest"] as const;
export const REVIEW_ASSIGNED = ["me", "nobody", "anybody"] as const;

/** Of the review queue: its filters, and which payout is open beside it. */
export function reviewsSearch(raw: Raw) {
  return only({
    sort: oneOf(REVIEW_SORTS, raw["sort"]),
    min_amount: amount(raw["min_amount"]),
    max_amount: amount(raw["max_amount"]),
    rule: words(raw["rule"]),
    provider: uuid(raw["provider"]),
    assigned: oneOf(REVIEW_ASSIGNED, raw["assigned"]),
    awaiting_second: flag(raw["awaiting_second"]),
    escalated: flag(raw["escalated"]),
    cursor: cursor(raw["cursor"]),
    payout: uuid(raw["payout"]),
  });
}

/** Whether anything but the page is set. */
export function anyFilter(search: Raw): boolean {
  return Object.keys(search).some((name) => name !== "cursor" && name !== "sort");
}
