// Above which amounts two people have to approve: as it is, what was proposed, and how it is changed. A larger limit needs two people itself.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { approvalLimits, me } from "./queries.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { fieldError, ProblemNotice } from "../api/problem.tsx";
import { type Currency, formatMoney, formatPlain, parseAmount, units } from "../show/money.ts";
import { Badge, Money } from "../show/status.tsx";
import { Distance, When } from "../show/time.tsx";
import { actorWords } from "../show/words.ts";
import { useSession } from "../sign-in/token.ts";
import { Action } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { Field, LongField } from "../ui/field.tsx";
import { FormBox } from "../ui/form.tsx";
import { Page } from "../ui/page.tsx";
import { Said } from "../ui/said.tsx";
import { Answered } from "../ui/state.tsx";

type Limit = Schemas["ApprovalLimit"];

/** What is asked for: another amount, or the very one that somebody else has proposed. */
interface Order {
  readonly currency: Currency;
  readonly now: Limit | undefined;
  readonly confirm?: Schemas["ProposedLimit"];
}

export function ApprovalLimits() {
  const asked = useQuery(approvalLimits);
  const known = useQuery(me);
  const who = useSession()?.subject;
  const [order, setOrder] = useState<Order | null>(null);
  const [last, setLast] = useState<Order | null>(null);
  const [said, setSaid] = useState("");
  if (order && order !== last) setLast(order);
  return (
    <Page title="Approval limits" lead="Above these amounts two different people have to approve. A smaller limit counts at once; a larger one counts when a second person asks for the same.">
      <Said words={said} />
      <section className="section" aria-label="Approval limits">
        <Answered asked={asked} rows={4}>
          {({ items }) => {
            const currencies = [...new Set([...items.map((each) => each.amount.currency), ...(known.data?.installation.currencies.map((each) => each.code as Currency) ?? [])])];
            return (
              <ul className="rows">
                {currencies.map((currency) => {
                  const limit = items.find((each) => each.amount.currency === currency);
                  const proposed = limit?.proposed;
                  const mine = proposed?.by === `admin:${who}`;
                  return (
                    <li key={currency} className="row row-wrap">
                      <span className="row-main">
                        <span className="strong">{limit ? <>One person up to <Money value={limit.amount} /></> : `${currency}: always two people`}</span>
                        <span className="small soft">
                          {!limit ? "no limit is set in this currency" : limit.changed_at === undefined ? "as installed" : (
                            <>
                              since <When at={limit.changed_at} />{limit.changed_by && ` by ${actorWords(limit.changed_by)}`}
                            </>
                          )}
                        </span>
                        {proposed && (
                          <span>
                            <Badge tone="amber">{`Proposed: ${formatMoney(proposed.amount)}`}</Badge>{" "}
                            <span className="small soft">
                              by {actorWords(proposed.by)} <Distance at={proposed.at} />
                              {mine && "; somebody else has to ask for the same"}
                            </span>
                          </span>
                        )}
                      </span>
                      <span className="row-side row-side-line">
                        {proposed && !mine && (
                          <Action kind="main" onPress={() => setOrder({ currency, now: limit, confirm: proposed })}>
                            {`Confirm ${formatMoney(proposed.amount)}`}
                          </Action>
                        )}
                        <Action onPress={() => setOrder({ currency, now: limit })} aria-label={`Change the limit in ${currency}`}>
                          Change
                        </Action>
                      </span>
                    </li>
                  );
                })}
              </ul>
            );
          }}
        </Answered>
      </section>
      <Question title={last?.confirm ? "Confirm the larger limit?" : `Change the limit${last ? ` in ${last.currency}` : ""}`} isOpen={order !== null} onClose={() => setOrder(null)}>
        {last && (
          <LimitForm
            key={`${last.currency} ${last.confirm?.at ?? ""}`}
            order={last}
            onClose={() => setOrder(null)}
            onDone={(limit) => {
              setOrder(null);
              setSaid(limit.proposed ? `${formatMoney(limit.proposed.amount)} is proposed: it counts when somebody else asks for the same` : `One person now suffices up to ${formatMoney(limit.amount)}`);
            }}
          />
        )}
      </Question>
    </Page>
  );
}

function LimitForm({ order: { currency, now, confirm }, onClose, onDone }: { order: Order; onClose: () => void; onDone: (limit: Limit) => void }) {
  const [typed, setTyped] = useState(confirm ? formatPlain(confirm.amount.amount) : now ? formatPlain(now.amount.amount) : "");
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const queries = useQueryClient();
  const parsed = parseAmount(typed);
  const change = useMutation({
    mutationFn: (amount: string) => answer(api.PUT("/api/admin/approval-limits", { body: { amount: { amount, currency }, reason: reason.trim() } })),
    onSuccess: onDone,
    onSettled: () => queries.invalidateQueries({ queryKey: approvalLimits.queryKey }),
  });
  const larger = parsed.ok && (!now || units(parsed.amount) > units(now.amount.amount));
  const submit = (): void => {
    setTried(true);
    if (parsed.ok && reason.trim()) change.mutate(confirm?.amount.amount ?? parsed.amount);
  };
  return (
    <FormBox onSubmit={submit} busy={change.isPending}>
      {confirm ? (
        <p>
          {actorWords(confirm.by)} wants one person to suffice up to <span className="strong">{formatMoney(confirm.amount)}</span>
          {now && <>, instead of {formatMoney(now.amount)}</>}. With your word it counts at once; reviews that are open keep the approvals they need.
        </p>
      ) : (
        <>
          <Field label="One person suffices up to" before={currency} value={typed} onChange={setTyped} error={fieldError(change.error, "amount") ?? (tried && !parsed.ok ? parsed.why : undefined)} input={{ inputMode: "decimal" }} autoComplete="off" isRequired autoFocus />
          <p className="soft" role="status">
            {!parsed.ok ? "" : larger ? "Larger than now: it counts when a second person asks for the same." : "It counts at once, also for what waits for its first approval."}
          </p>
        </>
      )}
      <LongField label="Reason" help="For whoever has to answer for it later." error={fieldError(change.error, "reason") ?? (tried && !reason.trim() ? "Give a reason." : undefined)} value={reason} onChange={setReason} maxLength={1000} isRequired autoFocus={confirm !== undefined} />
      {change.error && <ProblemNotice error={change.error} />}
      <div className="dialog-actions">
        <Action onPress={onClose} isDisabled={change.isPending}>
          Not now
        </Action>
        <Action kind="main" type="submit" isPending={change.isPending}>
          {confirm ? "Confirm it" : larger ? "Propose it" : "Change it"}
        </Action>
      </div>
    </FormBox>
  );
}
