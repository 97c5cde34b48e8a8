// What an admin may do to one payout, each behind a reason: approve, take the approval back, reject, retry, refund.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api, ProblemError, type Schemas } from "../api/client.ts";
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

const FIRST_OF_TWO: Partial<Words> = { title: "Approve as the first of two?", does: "The amount needs two people: it leaves once somebody else has approved it too. Until then you can take yours back.", press: "Approve as the first" };
const SECOND_OF_TWO: Partial<Words> = { title: "Approve as the second?", does: "Somebody else has approved it: with yours it leaves with the next batch.", press: "Approve as the second" };
const FIRST_BACK: Partial<Words> = { title: "Take the first approval back?", does: "Nobody has approved it then; it stays under review and needs two people again." };

const REASON_LIMIT = 1000;

export interface Subject {
  readonly id: string;
  readonly amount: Amount;
  readonly whose: string;
  /** How many have approved it, and how many must: where two are needed each press says which of them it is. */
  readonly approvals?: { readonly given: number; readonly needed: number } | undefined;
}

export function wordsOf(act: Act, approvals: Subject["approvals"]): Words {
  const words = WORDS[act];
  if (!approvals || approvals.needed < 2) return words;
  switch (act) {
    case "approve":
      return { ...words, ...(approvals.given === 0 ? FIRST_OF_TWO : SECOND_OF_TWO) };
    case "undo":
      return approvals.given > 0 && approvals.given < approvals.needed ? { ...words, ...FIRST_BACK } : words;
    case "reject":
    case "retry":
    case "refund":
      return words;
  }
}

/** Asks for the reason and does it. `onDone` hears in words what was done. */
export function ActDialog({ act, subject, onClose, onDone }: { act: Act | null; subject: Subject; onClose: () => void; onDone: (said: string) => void }) {
  // The words stay while the dialog closes.
  const [last, setLast] = useState<Act>(act ?? "approve");
  if (act && act !== last) setLast(act);
  return (
    <Question title={wordsOf(last, subject.approvals).title} isOpen={act !== null} onClose={onClose}>
      <ActForm key={`${subject.id} ${last}`} act={last} subject={subject} onClose={onClose} onDone={onDone} />
    </Question>
  );
}

function ActForm({ act, subject, onClose, onDone }: { act: Act; subject: Subject; onClose: () => void; onDone: (said: string) => void }) {
  const words = wordsOf(act, subject.approvals);
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const queries = useQueryClient();
  const mutation = useMutation({
    mutationFn: (override: boolean) => carryOut(act, subject.id, reason.trim(), override),
    onSuccess: (payout) => {
      onClose();
      onDone(act === "approve" && payout.status === "REQUESTED" ? `Approved as the first: ${subject.whose} waits for somebody else` : `${words.done}: ${subject.whose}`);
    },
    onSettled: () => queries.invalidateQueries(),
  });
  const wrong = reason.trim() === "" ? "Give a reason." : undefined;
  const submit = (override: boolean): void => {
    setTried(true);
    if (!wrong) mutation.mutate(override);
  };
  return (
    <FormBox onSubmit={() => submit(false)} busy={mutation.isPending}>
      <p>
        <span className="strong">
          <Money value={subject.amount} />
        </span>{" "}
        for {subject.whose}. {words.does}
      </p>
      <LongField label="Reason" help={words.help} error={tried ? wrong : undefined} value={reason} onChange={setReason} maxLength={REASON_LIMIT} isRequired autoFocus />
      {mutation.error && <ProblemNotice error={mutation.error} />}
      {isTaken(mutation.error) && (
        <p>
          <Action kind="danger" onPress={() => submit(true)} isPending={mutation.isPending}>
            Decide anyway
          </Action>{" "}
          <span className="small soft">The audit trail tells that you did.</span>
        </p>
      )}
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

/** Somebody else has taken the review on: that is said, and can be decided over. */
export function isTaken(error: unknown): boolean {
  return error instanceof ProblemError && error.problem.code === "review_taken";
}

function carryOut(act: Act, id: string, reason: string, override: boolean): Promise<Schemas["AdminPayout"]> {
  const params = { path: { id } };
  switch (act) {
    case "approve":
    case "reject":
      return answer(api.POST("/api/admin/payouts/{id}/decision", { params, body: { decision: act, reason, override } }));
    case "undo":
      return answer(api.POST("/api/admin/payouts/{id}/undo", { params, body: { reason } }));
    case "retry":
      return answer(api.POST("/api/admin/payouts/{id}/retry", { params, body: { reason } }));
    case "refund":
      return answer(api.POST("/api/admin/payouts/{id}/refund", { params, body: { reason } }));
  }
}
