// Other limits: how much, and how many payouts, of one batch and of one day, currency by currency. What is left empty limits nothing.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { me } from "./queries.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { fieldError, ProblemNotice } from "../api/problem.tsx";
import { formatPlain, parseAmount } from "../show/money.ts";
import { only } from "../show/search.ts";
import { Action } from "../ui/action.tsx";
import { Field } from "../ui/field.tsx";
import { FormBox } from "../ui/form.tsx";
import { ZoneField } from "../ui/zone.tsx";

type Scope = "batch" | "day";
interface Typed {
  readonly amount: string;
  readonly payouts: string;
}

const SCOPES: readonly (readonly [Scope, string])[] = [
  ["batch", "One batch"],
  ["day", "One day"],
];

export function LimitsForm({ rules, onClose, onDone }: { rules: Schemas["BatchRules"]; onClose: () => void; onDone: () => void }) {
  const { data: who } = useQuery(me);
  const [typed, setTyped] = useState<Readonly<Record<string, Typed>>>(() => asTyped(rules));
  const [zone, setZone] = useState(rules.limits_time_zone);
  const [tried, setTried] = useState(false);
  const queries = useQueryClient();
  const currencies = who?.installation.currencies.map((each) => each.code) ?? [...new Set([...rules.batch_limits, ...rules.day_limits].map((each) => each.currency))];
  const change = useMutation({
    mutationFn: () => answer(api.PUT("/api/admin/batches/limits", { body: { batch: read("batch"), day: read("day"), time_zone: zone.trim() } })),
    onSuccess: onDone,
    onSettled: () => queries.invalidateQueries(),
  });
  const of = (scope: Scope, currency: string): Typed => typed[`${scope} ${currency}`] ?? { amount: "", payouts: "" };
  const read = (scope: Scope): Schemas["BatchLimit"][] =>
    currencies.flatMap((currency) => {
      const { amount, payouts } = of(scope, currency);
      if (amount.trim() === "" && payouts.trim() === "") return [];
      return [{ currency, ...only({ amount: amount.trim() === "" ? undefined : plain(amount), payouts: payouts.trim() === "" ? undefined : Number(payouts) }) }];
    });
  const wrong = SCOPES.some(([scope]) => currencies.some((currency) => amountWrong(of(scope, currency).amount) ?? countWrong(of(scope, currency).payouts)));
  const submit = (): void => {
    setTried(true);
    if (!wrong) change.mutate();
  };
  return (
    <FormBox onSubmit={submit} busy={change.isPending}>
      <p className="soft">What is left empty limits nothing; 0 lets nothing leave.</p>
      {SCOPES.map(([scope, words]) => (
        <fieldset key={scope} className="group">
          <legend>{words}</legend>
          {currencies.map((currency) => {
            const now = of(scope, currency);
            const set = (change: Partial<Typed>): void => setTyped({ ...typed, [`${scope} ${currency}`]: { ...now, ...change } });
            return (
              <div key={currency} className="pair">
                <Field label={`At most, in ${currency}`} before={currency} value={now.amount} onChange={(amount) => set({ amount })} error={tried ? amountWrong(now.amount) : undefined} input={{ inputMode: "decimal" }} autoComplete="off" />
                <Field label={`Payouts in ${currency}`} value={now.payouts} onChange={(payouts) => set({ payouts })} error={tried ? countWrong(now.payouts) : undefined} input={{ inputMode: "numeric" }} autoComplete="off" />
              </div>
            );
          })}
          {fieldError(change.error, scope) && <p className="field-error">{fieldError(change.error, scope)}</p>}
        </fieldset>
      ))}
      <ZoneField label="A day begins at midnight in" value={zone} onChange={setZone} error={fieldError(change.error, "time_zone")} />
      {change.error && <ProblemNotice error={change.error} />}
      <div className="dialog-actions">
        <Action onPress={onClose} isDisabled={change.isPending}>
          Not now
        </Action>
        <Action kind="main" type="submit" isPending={change.isPending}>
          Change the limits
        </Action>
      </div>
    </FormBox>
  );
}

function asTyped({ batch_limits, day_limits }: Schemas["BatchRules"]): Record<string, Typed> {
  const typed = (scope: Scope, limits: readonly Schemas["BatchLimit"][]) => limits.map(({ currency, amount, payouts }) => [`${scope} ${currency}`, { amount: amount === undefined ? "" : formatPlain(amount), payouts: payouts === undefined ? "" : String(payouts) }] as const);
  return Object.fromEntries([...typed("batch", batch_limits), ...typed("day", day_limits)]);
}

/** Zero is a limit too, though not an amount that could be asked for. */
function plain(amount: string): string | undefined {
  if (/^0+([.,]0{0,2})?$/.test(amount.trim())) return "0.00";
  const parsed = parseAmount(amount);
  return parsed.ok ? parsed.amount : undefined;
}

function amountWrong(amount: string): string | undefined {
  if (amount.trim() === "" || plain(amount) !== undefined) return undefined;
  const parsed = parseAmount(amount);
  return parsed.ok ? undefined : parsed.why;
}

function countWrong(payouts: string): string | undefined {
  return payouts.trim() === "" || /^\d{1,9}$/.test(payouts.trim()) ? undefined : "Enter a whole number.";
}

