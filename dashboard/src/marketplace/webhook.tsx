// One webhook endpoint: what it was sent and what it answered; test, replay, another secret, off and on.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import "../styles/admin.css";
import { deliveries, endpoints } from "./queries.ts";
import { SecretOnce } from "./secret.tsx";
import { EndpointBadge } from "./webhooks.tsx";
import { answer, api, type Schemas } from "../api/client.ts";
import { fieldError, ProblemNotice } from "../api/problem.tsx";
import { MessageState } from "../show/message.tsx";
import { Distance, When } from "../show/time.tsx";
import { Action } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { FormBox } from "../ui/form.tsx";
import { Icon } from "../ui/icon.tsx";
import { Pager, Table } from "../ui/list.tsx";
import { Back, Facts, Page, Section } from "../ui/page.tsx";
import { Said } from "../ui/said.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/marketplace/webhooks/$id");

export function Webhook() {
  const { id } = route.useParams();
  const asked = useQuery(endpoints);
  const endpoint = asked.data?.items.find((each) => each.id === id);
  return (
    <Page title={endpoint ? hostOf(endpoint.url) : "Webhook endpoint"} back={<Back to="/marketplace/webhooks">Webhooks</Back>}>
      <Answered asked={asked} rows={6}>
        {() => (endpoint ? <Detail endpoint={endpoint} /> : <Empty icon="out" title="There is no such endpoint">It may have been of another installation. Go back to the list.</Empty>)}
      </Answered>
    </Page>
  );
}

type Open = "rotate" | "off" | "replay";

function Detail({ endpoint }: { endpoint: Schemas["WebhookEndpoint"] }) {
  const [open, setOpen] = useState<Open | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const [said, setSaid] = useState("");
  const queries = useQueryClient();
  const params = { path: { id: endpoint.id } };
  const again = (): Promise<void> => queries.invalidateQueries();
  const test = useMutation({
    mutationFn: () => answer(api.POST("/api/platform/webhook-endpoints/{id}/test", { params })),
    onSuccess: () => setSaid("A test is on its way: see the deliveries"),
    onSettled: again,
  });
  const turn = useMutation({
    mutationFn: (enabled: boolean) => answer(api.PUT("/api/platform/webhook-endpoints/{id}/enabled", { params, body: { enabled } })),
    onSuccess: (now) => {
      setOpen(null);
      setSaid(now.enabled ? "It is on: events are sent from now on" : "It is off: nothing is sent any more");
    },
    onSettled: again,
  });
  const rotate = useMutation({
    mutationFn: () => answer(api.POST("/api/platform/webhook-endpoints/{id}/rotate-secret", { params })),
    onSuccess: (now) => {
      setOpen(null);
      setSecret(now.secret ?? null);
    },
    onSettled: again,
  });
  const failure = test.error ?? turn.error;
  return (
    <>
      <Said words={said} />
      {endpoint.failing_since && endpoint.enabled && (
        <p className="notice notice-red" role="status">
          <Icon name="attention" />
          <span>
            <span className="strong">Nothing has been taken there since <When at={endpoint.failing_since} />.</span> After five days it is switched off; mend the receiver, then test it.
          </span>
        </p>
      )}
      <Section title="About" aside={<EndpointBadge endpoint={endpoint} />}>
        <Facts
          facts={[
            ["Address", <code key="url">{endpoint.url}</code>],
            endpoint.description !== "" && ["For", endpoint.description],
            ["Events", endpoint.event_types.length === 0 ? "All" : endpoint.event_types.join(", ")],
            endpoint.disabled_why !== undefined && ["Off because", endpoint.disabled_why],
            endpoint.old_secret_until !== undefined && ["The secret before", <span key="old">signs too, until <When at={endpoint.old_secret_until} /></span>],
            ["Since", <When key="since" at={endpoint.created_at} />],
          ]}
        />
        {failure && <ProblemNotice error={failure} />}
        <p className="section-actions">
          <Action kind="main" onPress={() => test.mutate()} isPending={test.isPending} isDisabled={!endpoint.enabled}>
            Send a test
          </Action>
          <Action onPress={() => setOpen("replay")} isDisabled={!endpoint.enabled}>
            Replay events
          </Action>
          <Action onPress={() => setOpen("rotate")}>Change the secret</Action>
          {endpoint.enabled ? (
            <Action kind="danger" onPress={() => setOpen("off")}>
              Switch it off
            </Action>
          ) : (
            <Action onPress={() => turn.mutate(true)} isPending={turn.isPending}>
              Switch it on
            </Action>
          )}
        </p>
      </Section>
      <Deliveries id={endpoint.id} />
      <Question title="Change the secret?" isOpen={open === "rotate"} onClose={() => setOpen(null)} busy={rotate.isPending} alert>
        <p>A new secret is made and shown once. For 24 hours both sign; the one before the last signs no more at once.</p>
        {rotate.error && <ProblemNotice error={rotate.error} />}
        <div className="dialog-actions">
          <Action onPress={() => setOpen(null)} isDisabled={rotate.isPending} autoFocus>
            Not now
          </Action>
          <Action kind="main" onPress={() => rotate.mutate()} isPending={rotate.isPending}>
            Change it
          </Action>
        </div>
      </Question>
      <Question title="Switch this endpoint off?" isOpen={open === "off"} onClose={() => setOpen(null)} busy={turn.isPending} alert>
        <p>Nothing is sent there any more, and what waits is dropped. What happens meanwhile can be replayed once it is on again.</p>
        {turn.error && <ProblemNotice error={turn.error} />}
        <div className="dialog-actions">
          <Action onPress={() => setOpen(null)} isDisabled={turn.isPending} autoFocus>
            Not now
          </Action>
          <Action kind="danger" onPress={() => turn.mutate(false)} isPending={turn.isPending}>
            Switch it off
          </Action>
        </div>
      </Question>
      <Question title="Replay events" isOpen={open === "replay"} onClose={() => setOpen(null)}>
        <ReplayForm
          id={endpoint.id}
          onClose={() => setOpen(null)}
          onDone={(events) => {
            setOpen(null);
            setSaid(events === 1 ? "1 event is sent again" : `${events.toLocaleString()} events are sent again`);
          }}
        />
      </Question>
      <SecretOnce secret={secret} old onClose={() => setSecret(null)} />
    </>
  );
}

function ReplayForm({ id, onClose, onDone }: { id: string; onClose: () => void; onDone: (events: number) => void }) {
  const [since, setSince] = useState("");
  const [tried, setTried] = useState(false);
  const queries = useQueryClient();
  const replay = useMutation({
    mutationFn: () => answer(api.POST("/api/platform/webhook-endpoints/{id}/replay", { params: { path: { id } }, body: { since: new Date(since).toISOString() } })),
    onSuccess: ({ events }) => onDone(events),
    onSettled: () => queries.invalidateQueries(),
  });
  const submit = (): void => {
    setTried(true);
    if (since) replay.mutate();
  };
  return (
    <FormBox onSubmit={submit} busy={replay.isPending}>
      <p>Everything told since then is sent again, oldest first, at most 10,000 events, each under the id it has always had: a receiver that keeps ids is told nothing twice.</p>
      <Field label="Since" type="datetime-local" value={since} onChange={setSince} error={fieldError(replay.error, "since") ?? (tried && !since ? "Say since when." : undefined)} isRequired autoFocus />
      {replay.error && <ProblemNotice error={replay.error} />}
      <div className="dialog-actions">
        <Action onPress={onClose} isDisabled={replay.isPending}>
          Not now
        </Action>
        <Action kind="main" type="submit" isPending={replay.isPending}>
          Send them again
        </Action>
      </div>
    </FormBox>
  );
}

function Deliveries({ id }: { id: string }) {
  const search = route.useSearch();
  const asked = useQuery(deliveries(id, search));
  return (
    <Section title="Deliveries">
      <Answered asked={asked} rows={6}>
        {({ items, next_cursor }) => (
          <>
            {items.length === 0 ? (
              <Empty icon="out" title="Nothing was sent yet">
                Send a test, or wait for the next payout that moves.
              </Empty>
            ) : (
              <Table caption="Deliveries, newest first" head={["Event", "State", "Answered", { words: "Tries", end: true, wide: true }, { words: "Written", wide: true }]}>
                {items.map((each) => (
                  <tr key={each.id}>
                    <th scope="row">
                      <code>{each.event ?? "endpoint.test"}</code>
                      {each.event_id && <span className="small soft mono delivery-id">msg_{each.event_id.replaceAll("-", "")}</span>}
                    </th>
                    <td>
                      <MessageState message={each} />
                    </td>
                    <td className="words small">
                      {each.code !== undefined && <span className="strong">{each.code} </span>}
                      {each.last_error ?? each.answer ?? (each.state === "delivered" ? "" : "–")}
                      {each.next_try_at && (
                        <span className="soft">
                          {" "}
                          next try <Distance at={each.next_try_at} />
                        </span>
                      )}
                    </td>
                    <td className="end wide number">{each.tries}</td>
                    <td className="wide">
                      <When at={each.created_at} />
                    </td>
                  </tr>
                ))}
              </Table>
            )}
            <Pager cursor={search.cursor} next={next_cursor} shown={items.length} />
          </>
        )}
      </Answered>
    </Section>
  );
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
