// One decision, with one reason, about several reviews: each is decided on its own, and what came of each is told.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { formatMoney, sum } from "../show/money.ts";
import { Action } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { LongField } from "../ui/field.tsx";
import { FormBox } from "../ui/form.tsx";

/** As many as the API takes. */
const MOST = 100;

type Verdict = "approve" | "reject";
type Outcomes = Schemas["DecisionOutcomes"]["items"];

export function Bulk({ chosen, onDone, onClear }: { chosen: readonly Schemas["Review"][]; onDone: (said: string) => void; onClear: () => void }) {
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const [refused, setRefused] = useState<Outcomes>([]);
  // What was asked last, so that what others have taken on can be decided over.
  const [last, setLast] = useState<{ verdict: Verdict; reason: string } | null>(null);
  const queries = useQueryClient();
  const taken = refused.filter((each) => each.code === "review_taken").map((each) => each.payout_id);
  const anyway = useMutation({
    mutationFn: (asked: { verdict: Verdict; reason: string }) => answer(api.POST("/api/admin/reviews/decisions", { body: { payout_ids: taken, decision: asked.verdict, reason: asked.reason, override: true } })),
    onSuccess: ({ items }) => {
      const still = items.filter((each) => each.result === "refused");
      setRefused(still);
      onDone(`${items.length - still.length} of ${items.length} decided`);
    },
    onSettled: () => queries.invalidateQueries(),
  });
  if (chosen.length === 0 && refused.length === 0) return null;
  const names = new Map(chosen.map((each) => [each.payout_id, each.provider_name]));
  return (
    <>
      {chosen.length > 0 && (
        <div className="bulk" role="region" aria-label="Several reviews">
          <span className="strong">
            {chosen.length} chosen, {total(chosen)}
          </span>
          <Action onPress={() => setVerdict("approve")} isDisabled={chosen.length > MOST}>
            Approve all
          </Action>
          <Action kind="danger" onPress={() => setVerdict("reject")} isDisabled={chosen.length > MOST}>
            Reject all
          </Action>
          <Action kind="quiet" onPress={onClear}>
            None
          </Action>
        </div>
      )}
      {refused.length > 0 && (
        <div className="notice notice-amber" role="alert">
          <div className="notice-words">
            <p className="strong">{refused.length === 1 ? "One was not decided" : `${refused.length} were not decided`}</p>
            <ul>
              {refused.map((each) => (
                <li key={each.payout_id}>{each.detail ?? each.code}</li>
              ))}
            </ul>
            {anyway.error && <ProblemNotice error={anyway.error} />}
          </div>
          {last && taken.length > 0 && (
            <Action kind="danger" onPress={() => anyway.mutate(last)} isPending={anyway.isPending}>
              {taken.length === 1 ? "Decide on the taken one anyway" : `Decide on the ${taken.length} taken ones anyway`}
            </Action>
          )}
          <Action kind="quiet" onPress={() => setRefused([])}>
            Close
          </Action>
        </div>
      )}
      <Question title={verdict === "reject" ? `Reject ${chosen.length} payouts?` : `Approve ${chosen.length} payouts?`} isOpen={verdict !== null} onClose={() => setVerdict(null)}>
        {verdict && (
          <BulkForm
            verdict={verdict}
            chosen={chosen}
            onClose={() => setVerdict(null)}
            onOutcomes={(items, reason) => {
              setVerdict(null);
              setLast({ verdict, reason });
              const wrong = items.filter((each) => each.result === "refused");
              setRefused(wrong.map((each) => ({ ...each, detail: `${names.get(each.payout_id) ?? ""}: ${each.detail ?? each.code ?? ""}` })));
              const first = items.filter((each) => each.result === "second_approval_needed").length;
              onDone(`${items.length - wrong.length} of ${items.length} decided${first > 0 ? `; ${first} wait for a second person` : ""}`);
            }}
          />
        )}
      </Question>
    </>
  );
}

function BulkForm({ verdict, chosen, onClose, onOutcomes }: { verdict: Verdict; chosen: readonly Schemas["Review"][]; onClose: () => void; onOutcomes: (items: Outcomes, reason: string) => void }) {
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const queries = useQueryClient();
  const decide = useMutation({
    mutationFn: () => answer(api.POST("/api/admin/reviews/decisions", { body: { payout_ids: chosen.map((each) => each.payout_id), decision: verdict, reason: reason.trim() } })),
    onSuccess: ({ items }) => onOutcomes(items, reason.trim()),
    onSettled: () => queries.invalidateQueries(),
  });
  const submit = (): void => {
    setTried(true);
    if (reason.trim()) decide.mutate();
  };
  return (
    <FormBox onSubmit={submit} busy={decide.isPending}>
      <p>
        <span className="strong">{total(chosen)}</span> together. {verdict === "approve" ? "Each leaves with the next batch; where the amount needs two, yours is the first." : "Final. The money goes back to the providers' balances."}
      </p>
      <LongField label="Reason" help={verdict === "approve" ? "Kept with each decision." : "Each provider reads this: say what to do next."} error={tried && !reason.trim() ? "Give a reason." : undefined} value={reason} onChange={setReason} maxLength={1000} isRequired autoFocus />
      {decide.error && <ProblemNotice error={decide.error} />}
      <div className="dialog-actions">
        <Action onPress={onClose} isDisabled={decide.isPending}>
          Not now
        </Action>
        <Action kind={verdict === "approve" ? "main" : "danger"} type="submit" isPending={decide.isPending}>
          {verdict === "approve" ? "Approve all" : "Reject all"}
        </Action>
      </div>
    </FormBox>
  );
}

/** In each currency. */
function total(chosen: readonly Schemas["Review"][]): string {
  const currencies = [...new Set(chosen.map((each) => each.amount.currency))];
  return currencies.map((currency) => formatMoney(sum(chosen.map((each) => each.amount).filter((amount) => amount.currency === currency), currency))).join(" and ");
}
