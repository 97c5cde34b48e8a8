// What an admin may do to one payout, each behind a reason: approve, take the approval back, reject, retry, refund.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import type { Amount } from "../show/money.ts";
import { Money } from "../show/status.tsx";
import { Action } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { LongField } from "../ui/field.tsx";
import { FormBox } from "../ui/form.tsx";

export type Act = "approve" | "undo" | "reject" | "retry" | "refund";

interface Words {
  readonly title: string;
  readonly does: string;
  readonly help: string;
  readonly press: string;
  readonly done: string;
  readonly kind: "main" | "danger";
}

/** How each is offered. */
export const ACT_WORDS: Readonly<Record<Act, string>> = { approve: "Approve", undo: "Take the approval back", reject: "Reject", retry: "Retry", refund: "Refund" };

const WORDS: Readonly<Record<Act, Words>> = {
  approve: { title: "Approve this payout?", does: "It leaves with the next batch.", help: "Kept with the decision for ever.", press: "Approve", done: "Approved", kind: "main" },
  reject: { title: "Reject this payout?", does: "Final. The money goes back to the provider's balance.", help: "The provider reads this: say what to do next.", press: "Reject", done: "Rejected", kind: "danger" },
  undo: { title: "Take the approval back?", does: "It is under review again, as long as no batch has taken it.", help: "Kept in the audit trail.", press: "Take it back", done: "Approval taken back", kind: "main" },
  retry: { title: "Try this payout again?", does: "A new attempt, once every earlier one is seen to have failed.", help: "Say what has changed since it failed.", press: "Retry", done: "Retry ordered", kind: "main" },
  refund: {
    title: "Refund this payout?",
    does: "Final. Every attempt is looked at once more at the gateway; the money goes back to the balance and this payout can never be paid.",
    help: "Kept in the audit trail.",
    press: "Refund",
    done: "Refunded",
    kind: "danger",
  },
};

const REASON_LIMIT = 1000;

export interface Subject {
  readonly id: string;
  readonly amount: Amount;
  readonly whose: string;
}

/** Asks for the reason and does it. `onDone` hears in words what was done. */
export function ActDialog({ act, subject, onClose, onDone }: { act: Act | null; subject: Subject; onClose: () => void; onDone: (said: string) => void }) {
  // The words stay while the dialog closes.
  const [last, setLast] = useState<Act>(act ?? "approve");
  if (act && act !== last) setLast(act);
  return (
    <Question title={WORDS[last].title} isOpen={act !== null} onClose={onClose}>
      <ActForm key={`${subject.id} ${last}`} act={last} subject={subject} onClose={onClose} onDone={onDone} />
    </Question>
  );
}

function ActForm({ act, subject, onClose, onDone }: { act: Act; subject: Subject; onClose: () => void; onDone: (said: string) => void }) {
  const words = WORDS[act];
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const queries = useQueryClient();
  const mutation = useMutation({
    mutationFn: () => carryOut(act, subject.id, reason.trim()),
    onSuccess: () => {
      onClose();
      onDone(`${words.done}: ${subject.whose}`);
    },
    onSettled: () => queries.invalidateQueries(),
  });
  const wrong = reason.trim() === "" ? "Give a reason." : undefined;
  const submit = (): void => {
    setTried(true);
    if (!wrong) mutation.mutate();
  };
  return (
    <FormBox onSubmit={submit} busy={mutation.isPending}>
      <p>
        <span className="strong">
          <Money value={subject.amount} />
        </span>{" "}
        for {subject.whose}. {words.does}
      </p>
      <LongField label="Reason" help={words.help} error={tried ? wrong : undefined} value={reason} onChange={setReason} maxLength={REASON_LIMIT} isRequired autoFocus />
      {mutation.error && <ProblemNotice error={mutation.error} />}
      <div className="dialog-actions">
        <span className="dialog-hint small soft">
          <kbd>Ctrl</kbd> <kbd>Enter</kbd>
        </span>
        <Action onPress={onClose} isDisabled={mutation.isPending}>
          Not now
        </Action>
        <Action kind={words.kind} type="submit" isPending={mutation.isPending}>
          {words.press}
        </Action>
      </div>
    </FormBox>
  );
}

function carryOut(act: Act, id: string, reason: string): Promise<unknown> {
  const params = { path: { id } };
  switch (act) {
    case "approve":
    case "reject":
      return answer(api.POST("/api/admin/payouts/{id}/decision", { params, body: { decision: act, reason } }));
    case "undo":
      return answer(api.POST("/api/admin/payouts/{id}/undo", { params, body: { reason } }));
    case "retry":
      return answer(api.POST("/api/admin/payouts/{id}/retry", { params, body: { reason } }));
    case "refund":
      return answer(api.POST("/api/admin/payouts/{id}/refund", { params, body: { reason } }));
  }
}
