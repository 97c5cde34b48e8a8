// Where nothing may be sent: stop paying, and pay again.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { pauses } from "./pauses-query.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { When } from "../show/time.tsx";
import { actorWords, pauseScope } from "../show/words.ts";
import { Action } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { Field, LongField } from "../ui/field.tsx";
import { FormBox } from "../ui/form.tsx";
import { Page } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

type Scope = Schemas["Pause"]["scope"];
export interface Order {
  readonly does: "pause" | "resume";
  readonly scope: Scope;
  readonly subject?: string | undefined;
}

const SUBJECTS: Readonly<Record<Exclude<Scope, "system">, { label: string; help: string }>> = {
  provider: { label: "Provider", help: "The provider's id, as on their payouts." },
  bank: { label: "Bank", help: "The bank's code: 3 or 6 digits." },
  bank_account: { label: "Bank account", help: "The account's id." },
};

export function Pauses() {
  const asked = useQuery(pauses);
  const [order, setOrder] = useState<Order | null>(null);
  const stopped = asked.data?.some((pause) => pause.scope === "system") ?? false;
  return (
    <Page
      title="Pauses"
      lead="Where a pause stands no attempt to pay begins. What was sent before goes on to its end; payouts can still be asked for and decided."
      actions={
        <>
          <Action icon="pause" onPress={() => setOrder({ does: "pause", scope: "provider" })}>
            Pause one
          </Action>
          {!stopped && (
            <Action kind="danger" icon="pause" onPress={() => setOrder({ does: "pause", scope: "system" })}>
              Stop all payouts
            </Action>
          )}
        </>
      }
    >
      <section className="section" aria-label="Pauses">
        <Answered asked={asked}>
          {(items) =>
            items.length === 0 ? (
              <Empty icon="check" title="Nothing is paused">
                Approved payouts leave as they should.
              </Empty>
            ) : (
              <ul className="rows">
                {items.map((pause) => (
                  <li key={`${pause.scope} ${pause.subject}`} className="row row-wrap">
                    <span className="row-main">
                      <span className="strong">
                        {pauseScope(pause.scope)} {pause.subject && <code>{pause.subject}</code>}
                      </span>
                      <span>{pause.reason}</span>
                      <span className="small soft">
                        since <When at={pause.paused_at} /> by {caseOf(pause) ? "a case" : actorWords(pause.paused_by)}
                      </span>
                    </span>
                    <span className="row-side">
                      {caseOf(pause) ? (
                        <Link to="/admin/cases/$id" params={{ id: caseOf(pause) ?? "" }}>
                          Ends with its case
                        </Link>
                      ) : (
                        <Action onPress={() => setOrder({ does: "resume", scope: pause.scope, subject: pause.subject })} aria-label={`Resume ${pauseScope(pause.scope)} ${pause.subject ?? ""}`}>
                          Resume
                        </Action>
                      )}
                    </span>
                  </li>
                ))}
              </ul>
            )
          }
        </Answered>
      </section>
      <PauseQuestion order={order} onClose={() => setOrder(null)} />
    </Page>
  );
}

/** Asks for the reason and pauses or resumes. Without a subject it asks for that too. */
export function PauseQuestion({ order, onClose }: { order: Order | null; onClose: () => void }) {
  return (
    <Question title={order ? title(order) : ""} isOpen={order !== null} onClose={onClose}>
      {order && <OrderForm key={`${order.does} ${order.scope}`} order={order} onClose={onClose} />}
    </Question>
  );
}

function OrderForm({ order, onClose }: { order: Order; onClose: () => void }) {
  const [scope, setScope] = useState<Scope>(order.scope);
  const [subject, setSubject] = useState(order.subject ?? "");
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const queries = useQueryClient();
  const act = useMutation({
    mutationFn: async (): Promise<unknown> => {
      const body = { scope, reason: reason.trim(), ...(scope === "system" ? {} : { subject: subject.trim() }) };
      return order.does === "pause" ? answer(api.POST("/api/admin/pauses", { body })) : answer(api.POST("/api/admin/pauses/resume", { body }));
    },
    onSuccess: onClose,
    onSettled: () => queries.invalidateQueries(),
  });
  const choosing = order.does === "pause" && order.scope !== "system" && order.subject === undefined;
  const noSubject = scope !== "system" && subject.trim() === "";
  const submit = (): void => {
    setTried(true);
    if (reason.trim() && !noSubject) act.mutate();
  };
  return (
    <FormBox onSubmit={submit} busy={act.isPending}>
      {order.does === "pause" && order.scope === "system" && <p>No attempt to pay begins anywhere until somebody resumes. What was sent before goes on to its end.</p>}
      {order.subject !== undefined && order.does === "pause" && <p>No attempt to pay begins there until somebody resumes it. What was sent before goes on to its end; payouts can still be asked for and decided.</p>}
      {choosing && (
        <>
          <fieldset className="verdicts">
            <legend className="strong">What</legend>
            {(["provider", "bank", "bank_account"] as const).map((each) => (
              <label key={each} className="check">
                <input type="radio" name="scope" checked={scope === each} onChange={() => setScope(each)} />
                {pauseScope(each)}
              </label>
            ))}
          </fieldset>
          {scope !== "system" && <Field label={SUBJECTS[scope].label} help={SUBJECTS[scope].help} value={subject} onChange={setSubject} error={tried && noSubject ? "Say which." : undefined} isRequired maxLength={100} autoComplete="off" />}
        </>
      )}
      <LongField label="Reason" value={reason} onChange={setReason} error={tried && !reason.trim() ? "Give a reason." : undefined} isRequired autoFocus={!choosing} maxLength={1000} />
      {act.error && <ProblemNotice error={act.error} />}
      <div className="dialog-actions">
        <Action onPress={onClose} isDisabled={act.isPending}>
          Not now
        </Action>
        <Action kind={order.does === "pause" ? "danger" : "main"} type="submit" isPending={act.isPending}>
          {order.does === "pause" ? (order.scope === "system" ? "Stop all payouts" : "Pause") : "Resume"}
        </Action>
      </div>
    </FormBox>
  );
}

function title({ does, scope, subject }: Order): string {
  if (does === "resume") return scope === "system" ? "Pay again?" : `Resume this ${pauseScope(scope).toLowerCase()}?`;
  if (scope === "system") return "Stop all payouts?";
  return subject === undefined ? "Pause one" : `Pause this ${pauseScope(scope).toLowerCase()}?`;
}

/** The case whose pause it is. */
function caseOf(pause: Schemas["Pause"]): string | undefined {
  return pause.paused_by.startsWith("case:") ? pause.paused_by.slice("case:".length) : undefined;
}
