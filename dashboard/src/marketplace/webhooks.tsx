// Where the marketplace hears of payouts: every endpoint, how it fares, and one more.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import "../styles/admin.css";
import { endpoints } from "./queries.ts";
import { SecretOnce } from "./secret.tsx";
import { answer, api, type Schemas } from "../api/client.ts";
import { fieldError, ProblemNotice } from "../api/problem.tsx";
import { Badge } from "../show/status.tsx";
import { Distance, When } from "../show/time.tsx";
import { Action } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { FormBox } from "../ui/form.tsx";
import { Page } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

/** As the API's description has them; it says which it does not know. */
const EVENTS = ["payout.received", "payout.approved", "payout.rejected", "payout.cancelled", "payout.completed", "payout.failed", "payout.refunded", "payout.returned"] as const;

export function Webhooks() {
  const asked = useQuery(endpoints);
  const [adding, setAdding] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  return (
    <Page
      title="Webhooks"
      lead="Each step of a payout is told to these addresses, signed, at least once, and tried again for days while nobody answers."
      actions={
        <Action kind="main" icon="plus" onPress={() => setAdding(true)}>
          Add an endpoint
        </Action>
      }
    >
      <section className="section" aria-label="Webhook endpoints">
        <Answered asked={asked} rows={4}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty icon="out" title="No endpoint yet">
                Add one to hear of payouts as they move. Earlier events can be replayed to it.
              </Empty>
            ) : (
              <ul className="rows">
                {items.map((endpoint) => (
                  <li key={endpoint.id}>
                    <Link to="/marketplace/webhooks/$id" params={{ id: endpoint.id }} className="row">
                      <span className="row-main">
                        <span className="strong mono">{endpoint.url}</span>
                        {endpoint.description && <span>{endpoint.description}</span>}
                        <span className="small soft">
                          {endpoint.event_types.length === 0 ? "all events" : endpoint.event_types.join(", ")} · since <When at={endpoint.created_at} />
                          {endpoint.failing_since && (
                            <>
                              {" "}
                              · failing for <Distance at={endpoint.failing_since} />
                            </>
                          )}
                        </span>
                      </span>
                      <span className="row-side">
                        <EndpointBadge endpoint={endpoint} />
                      </span>
                    </Link>
                  </li>
                ))}
              </ul>
            )
          }
        </Answered>
      </section>
      <Question title="Add a webhook endpoint" isOpen={adding} onClose={() => setAdding(false)}>
        <AddForm
          onClose={() => setAdding(false)}
          onAdded={(made) => {
            setAdding(false);
            setSecret(made.secret ?? null);
          }}
        />
      </Question>
      <SecretOnce secret={secret} onClose={() => setSecret(null)} />
    </Page>
  );
}

export function EndpointBadge({ endpoint }: { endpoint: Schemas["WebhookEndpoint"] }) {
  if (!endpoint.enabled) return <Badge tone="grey">Switched off</Badge>;
  return endpoint.failing_since ? <Badge tone="red">Failing</Badge> : <Badge tone="green">On</Badge>;
}

function AddForm({ onClose, onAdded }: { onClose: () => void; onAdded: (made: Schemas["WebhookEndpoint"]) => void }) {
  const [url, setUrl] = useState("");
  const [description, setDescription] = useState("");
  const [only, setOnly] = useState<ReadonlySet<string>>(new Set());
  const [tried, setTried] = useState(false);
  const queries = useQueryClient();
  const add = useMutation({
    mutationFn: () => answer(api.POST("/api/platform/webhook-endpoints", { body: { url: url.trim(), description: description.trim(), event_types: [...only] } })),
    onSuccess: onAdded,
    onSettled: () => queries.invalidateQueries({ queryKey: endpoints.queryKey }),
  });
  const submit = (): void => {
    setTried(true);
    if (url.trim()) add.mutate();
  };
  const toggle = (event: string): void => {
    const next = new Set(only);
    if (!next.delete(event)) next.add(event);
    setOnly(next);
  };
  return (
    <FormBox onSubmit={submit} busy={add.isPending}>
      <Field label="Address" help="A public https URL of yours." value={url} onChange={setUrl} error={fieldError(add.error, "url") ?? (tried && !url.trim() ? "Enter the URL." : undefined)} type="url" maxLength={1000} isRequired autoFocus autoComplete="off" />
      <Field label="What it is for" help="For people; may be left empty." value={description} onChange={setDescription} error={fieldError(add.error, "description")} maxLength={200} autoComplete="off" />
      <fieldset className="verdicts">
        <legend className="strong">Only these events</legend>
        <p className="small soft">None chosen: all of them, also those that come later.</p>
        {EVENTS.map((event) => (
          <label key={event} className="check">
            <input type="checkbox" checked={only.has(event)} onChange={() => toggle(event)} />
            <code>{event}</code>
          </label>
        ))}
        {fieldError(add.error, "event_types") && <p className="field-error">{fieldError(add.error, "event_types")}</p>}
      </fieldset>
      {add.error && <ProblemNotice error={add.error} />}
      <div className="dialog-actions">
        <Action onPress={onClose} isDisabled={add.isPending}>
          Not now
        </Action>
        <Action kind="main" type="submit" isPending={add.isPending}>
          Add it
        </Action>
      </div>
    </FormBox>
  );
}
