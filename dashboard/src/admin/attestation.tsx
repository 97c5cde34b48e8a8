// How an attempt ended by the word of two people, where the gateway does not tell: proposed by one of finance, confirmed by another.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { Badge } from "../show/status.tsx";
import { Distance, When } from "../show/time.tsx";
import { actorWords, type Tone } from "../show/words.ts";
import { Action } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { Field, LongField } from "../ui/field.tsx";
import { FormBox } from "../ui/form.tsx";

type Attestation = Schemas["Attestation"];
type Open = "propose" | "confirm" | "withdraw";

interface Props {
  readonly payout: Schemas["AdminPayout"];
  readonly attempt: Schemas["AdminAttempt"];
  readonly attestations: readonly Attestation[];
}

export function Attestations({ payout, attempt, attestations }: Props) {
  const [open, setOpen] = useState<Open | null>(null);
  const standing = attestations.find((each) => each.status === "PROPOSED" || each.status === "CONFIRMED");
  // The API knows what can be attested, and by whom.
  const may = (name: string): boolean => attempt.actions.some((action) => action.name === name && action.allowed);
  const needsOther = attempt.actions.some((action) => action.name === "confirm_attestation" && action.code === "second_person_required");
  if (attestations.length === 0 && !may("propose_attestation")) return null;
  return (
    <div className="attestations">
      {attestations.map((each) => (
        <p key={each.id}>
          <Badge tone={tone(each.status)}>{`Attested ${verdict(each.verdict)}: ${each.status.toLowerCase()}`}</Badge>{" "}
          <span className="small soft">
            by {actorWords(each.proposed_by)}, <When at={each.proposed_at} />
            {each.confirmed_by ? `, and by ${actorWords(each.confirmed_by)}` : ""}. {each.reason} <span className="mono">{each.document}</span>
            {each.status === "CONFIRMED" && each.effective_at && (
              <>
                {" "}
                Counts <Distance at={each.effective_at} />, unless the gateway says otherwise before.
              </>
            )}
          </span>
        </p>
      ))}
      <p className="attestation-actions">
        {may("propose_attestation") && <Action onPress={() => setOpen("propose")}>Attest how it ended</Action>}
        {may("confirm_attestation") && (
          <Action kind="main" onPress={() => setOpen("confirm")}>
            Confirm the attestation
          </Action>
        )}
        {needsOther && <span className="small soft">Another person of finance has to confirm it.</span>}
        {may("withdraw_attestation") && <Action onPress={() => setOpen("withdraw")}>Take it back</Action>}
      </p>
      <Question title={TITLES[open ?? "propose"]} isOpen={open !== null} onClose={() => setOpen(null)}>
        <AttestationForm key={open} open={open ?? "propose"} payout={payout} attempt={attempt} standing={standing} onClose={() => setOpen(null)} />
      </Question>
    </div>
  );
}

const TITLES: Readonly<Record<Open, string>> = { propose: "How did this attempt end?", confirm: "Confirm the attestation?", withdraw: "Take the attestation back?" };

function AttestationForm({ open, payout, attempt, standing, onClose }: { open: Open; payout: Props["payout"]; attempt: Props["attempt"]; standing: Attestation | undefined; onClose: () => void }) {
  const [said, setSaid] = useState<Schemas["AttestedVerdict"]>();
  const [document, setDocument] = useState("");
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const queries = useQueryClient();
  const params = { path: { id: payout.id, number: attempt.number } };
  const act = useMutation({
    mutationFn: async (): Promise<unknown> => {
      const path = "/api/admin/payouts/{id}/attempts/{number}/attestation";
      switch (open) {
        case "propose":
          return said ? answer(api.POST(path, { params, body: { verdict: said, document: document.trim(), reason: reason.trim() } })) : undefined;
        case "confirm":
          return answer(api.POST(`${path}/confirm`, { params }));
        case "withdraw":
          return answer(api.POST(`${path}/withdraw`, { params, body: { reason: reason.trim() } }));
      }
    },
    onSuccess: onClose,
    onSettled: () => queries.invalidateQueries(),
  });
  const missing = {
    said: open === "propose" && !said,
    document: open === "propose" && document.trim() === "",
    reason: open !== "confirm" && reason.trim() === "",
  };
  const submit = (): void => {
    setTried(true);
    if (!Object.values(missing).some(Boolean)) act.mutate();
  };
  return (
    <FormBox onSubmit={submit} busy={act.isPending}>
      {open === "propose" && (
        <>
          <fieldset className={tried && missing.said ? "verdicts wrong" : "verdicts"}>
            <legend className="strong">The money</legend>
            {(["paid", "not_paid"] as const).map((each) => (
              <label key={each} className="check">
                <input type="radio" name="verdict" checked={said === each} onChange={() => setSaid(each)} />
                {each === "paid" ? "reached the account: counts as soon as it is confirmed" : "did not: counts 72 hours after it is confirmed, if the gateway does not contradict"}
              </label>
            ))}
            {tried && missing.said && <p className="field-error">Choose one.</p>}
          </fieldset>
          <Field label="Document" help="Where it can be found, and what it says." value={document} onChange={setDocument} error={tried && missing.document ? "Name the document." : undefined} isRequired maxLength={500} />
        </>
      )}
      {open === "confirm" && standing && (
        <p>
          {actorWords(standing.proposed_by)} says the money was <span className="strong">{verdict(standing.verdict)}</span>: {standing.reason} Look at the document yourself: <span className="mono">{standing.document}</span>
        </p>
      )}
      {open !== "confirm" && <LongField label="Reason" value={reason} onChange={setReason} error={tried && missing.reason ? "Give a reason." : undefined} isRequired maxLength={1000} />}
      {act.error && <ProblemNotice error={act.error} />}
      <div className="dialog-actions">
        <Action onPress={onClose} isDisabled={act.isPending}>
          Not now
        </Action>
        <Action kind="main" type="submit" isPending={act.isPending}>
          {open === "propose" ? "Propose" : open === "confirm" ? "I have seen it: confirm" : "Take it back"}
        </Action>
      </div>
    </FormBox>
  );
}

function verdict(said: Schemas["AttestedVerdict"]): string {
  return said === "paid" ? "paid" : "not paid";
}

function tone(status: Schemas["AttestationStatus"]): Tone {
  switch (status) {
    case "PROPOSED":
      return "amber";
    case "CONFIRMED":
      return "blue";
    case "APPLIED":
      return "green";
    case "WITHDRAWN":
      return "grey";
  }
}
