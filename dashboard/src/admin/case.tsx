// One case: what was seen, what to do about it, and how finance settles it.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";

import { CaseBadge } from "./case-rows.tsx";
import { oneCase } from "./queries.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { withMoney } from "../show/money.ts";
import { particulars } from "../show/particulars.ts";
import { Money } from "../show/status.tsx";
import { When } from "../show/time.tsx";
import { actorWords, caseKind, readable, shortId } from "../show/words.ts";
import { Action } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { LongField } from "../ui/field.tsx";
import { FormBox } from "../ui/form.tsx";
import { Icon } from "../ui/icon.tsx";
import { Back, Facts, Page, Section } from "../ui/page.tsx";
import { Answered } from "../ui/state.tsx";

const route = getRouteApi("/admin/cases/$id");

export function CasePage() {
  const { id } = route.useParams();
  const asked = useQuery(oneCase(id));
  return (
    <Page title={asked.data ? caseKind(asked.data.case.kind).words : "Case"} back={<Back to="/admin/cases">Cases</Back>}>
      <Answered asked={asked} rows={8}>
        {(detail) => <Detail detail={detail} />}
      </Answered>
    </Page>
  );
}

type Open = "close" | "confirm";

function Detail({ detail: { case: settled, evidence } }: { detail: Schemas["CaseDetail"] }) {
  const may = (name: string): boolean => settled.actions.some((action) => action.name === name && action.allowed);
  const [open, setOpen] = useState<Open | null>(null);
  const isOpen = settled.status === "OPEN";
  return (
    <div className="split">
      <div className="split-main">
        <section className={isOpen ? "waiting waiting-act" : "ending ending-green"} aria-label="What to do">
          <span className="waiting-mark">
            <Icon name={isOpen ? "attention" : "check"} size={22} />
          </span>
          <div className="waiting-words">
            <h2>{withMoney(settled.summary)}</h2>
            <p>{isOpen ? caseKind(settled.kind).todo : `${settled.resolution ?? "Settled."} Closed by ${actorWords(settled.closed_by ?? "system")}.`}</p>
            {isOpen && !may("close_case") && <p className="small">Somebody of finance closes it.</p>}
            {isOpen && may("close_case") && (
              <p className="waiting-actions">
                {may("confirm_reversal") && (
                  <Action kind="main" onPress={() => setOpen("confirm")}>
                    Confirm the reversal
                  </Action>
                )}
                <Action onPress={() => setOpen("close")}>Close the case</Action>
              </p>
            )}
          </div>
        </section>
        <Section title="Evidence">
          <ol className="timeline">
            {evidence.map((each, index) => (
              <li key={`${each.observed_at}-${index}`} className="step step-blue">
                <span className="step-dot" aria-hidden="true" />
                <div className="step-words">
                  <p className="strong">{readable(each.source)}</p>
                  <p className="small soft">
                    <When at={each.observed_at} />
                  </p>
                  {particulars(each.detail) && <p className="small soft mono">{particulars(each.detail)}</p>}
                </div>
              </li>
            ))}
            {evidence.length === 0 && <li className="soft">None.</li>}
          </ol>
        </Section>
      </div>
      <div className="split-side">
        <Section title="Details">
          <Facts
            facts={[
              ["Status", <CaseBadge key="status" status={settled.status} />],
              settled.amount && ["Amount", <Money key="amount" value={settled.amount} />],
              settled.payout_id !== undefined && [
                "Payout",
                <Link key="payout" to="/admin/payouts/$id" params={{ id: settled.payout_id }} className="mono">
                  {shortId(settled.payout_id)}
                </Link>,
              ],
              settled.provider_id !== undefined && [
                "Provider",
                <Link key="provider" to="/admin/providers/$id" params={{ id: settled.provider_id }} className="mono">
                  {shortId(settled.provider_id)}
                </Link>,
              ],
              ["Opened", <When key="opened" at={settled.opened_at} />],
              ["Last seen", <When key="seen" at={settled.seen_at} />],
              settled.closed_at !== undefined && ["Closed", <When key="closed" at={settled.closed_at} />],
              ["About", <code key="subject">{settled.subject}</code>],
            ]}
          />
        </Section>
      </div>
      <Question title={open === "confirm" ? "Confirm the reversal?" : "Close this case?"} isOpen={open !== null} onClose={() => setOpen(null)}>
        <Settle key={open} open={open ?? "close"} id={settled.id} onClose={() => setOpen(null)} />
      </Question>
    </div>
  );
}

function Settle({ open, id, onClose }: { open: Open; id: string; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const [resolution, setResolution] = useState("");
  const [tried, setTried] = useState(false);
  const queries = useQueryClient();
  const params = { path: { id } };
  const act = useMutation({
    mutationFn: () =>
      open === "confirm"
        ? answer(api.POST("/api/admin/cases/{id}/confirm-reversal", { params, body: { reason: reason.trim() } }))
        : answer(api.POST("/api/admin/cases/{id}/close", { params, body: { reason: reason.trim(), ...(resolution.trim() ? { resolution: resolution.trim() } : {}) } })),
    onSuccess: onClose,
    onSettled: () => queries.invalidateQueries(),
  });
  const submit = (): void => {
    setTried(true);
    if (reason.trim()) act.mutate();
  };
  return (
    <FormBox onSubmit={submit} busy={act.isPending}>
      <p>
        {open === "confirm"
          ? "The money goes back to the provider's balance at once and can be asked for again. Only once the statement shows the credit."
          : "Moves no money. A pause that the case made ends with it."}
      </p>
      <LongField label="Reason" value={reason} onChange={setReason} error={tried && !reason.trim() ? "Give a reason." : undefined} isRequired autoFocus maxLength={1000} />
      {open === "close" && <LongField label="What was arranged" help="Needed while the cause is still so: a debt that is still owed, an attempt without an outcome." rows={2} value={resolution} onChange={setResolution} maxLength={1000} />}
      {act.error && <ProblemNotice error={act.error} />}
      <div className="dialog-actions">
        <Action onPress={onClose} isDisabled={act.isPending}>
          Not now
        </Action>
        <Action kind="main" type="submit" isPending={act.isPending}>
          {open === "confirm" ? "Confirm" : "Close the case"}
        </Action>
      </div>
    </FormBox>
  );
}
