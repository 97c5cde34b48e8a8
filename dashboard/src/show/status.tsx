import { type Amount, formatMoney } from "./money.ts";
import { attemptWords, statusWords, type Tone } from "./words.ts";
import type { Schemas } from "../api/client.ts";

export function Money({ value, signed = false }: { value: Amount; signed?: boolean }) {
  return <span className="money">{formatMoney(value, { signed })}</span>;
}

/** A word on a ground of its tone. The word says it all: colour is never alone. */
export function Badge({ tone, moving = false, children }: { tone: Tone; moving?: boolean; children: string }) {
  return (
    <span className={`badge badge-${tone}`}>
      <span className={moving ? "dot dot-moving" : "dot"} aria-hidden="true" />
      {children}
    </span>
  );
}

export function StatusBadge({ payout }: { payout: Parameters<typeof statusWords>[0] }) {
  const { words, tone, moving } = statusWords(payout);
  return (
    <Badge tone={tone} moving={moving}>
      {words}
    </Badge>
  );
}

export function AttemptBadge({ status }: { status: Schemas["AttemptStatus"] }) {
  const { words, tone } = attemptWords(status);
  return <Badge tone={tone}>{words}</Badge>;
}

