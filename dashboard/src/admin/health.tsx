import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { FailedMessages } from "./failed-messages.tsx";
import { deadLetters, health } from "./queries.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { Badge } from "../show/status.tsx";
import { When } from "../show/time.tsx";
import { readable, shortId, type Tone } from "../show/words.ts";
import { Action } from "../ui/action.tsx";
import { Page, Section } from "../ui/page.tsx";
import { Answered } from "../ui/state.tsx";

const NAMES: Readonly<Record<string, string>> = { postgresql: "PostgreSQL", redis: "Redis", temporal: "Temporal" };
const FOR: Readonly<Record<string, string>> = {
  postgresql: "The record of everything",
  redis: "Live updates and caches; payouts do not need it",
  temporal: "Carries each payout's script",
};

export function Health() {
  const asked = useQuery(health);
  return (
    <Page title="Health" lead="How the API and what it needs are, just now.">
      <Answered asked={asked}>
        {(told) => (
          <>
            <div className={`notice notice-${tone(told) === "grey" ? "blue" : tone(told)}`} role="status">
              <div className="notice-words">
                <p className="strong">{overall(told.status)}</p>
              </div>
            </div>
            <Section title="What it needs">
              <ul className="rows">
                {told.dependencies.map((dependency) => (
                  <li key={dependency.name} className="row">
                    <span className="row-main">
                      <span className="strong">{NAMES[dependency.name] ?? readable(dependency.name)}</span>
                      <span className="small soft">{dependency.effect ?? FOR[dependency.name]}</span>
                    </span>
                    <span className="row-side">
                      <Badge tone={dependency.up ? "green" : "red"}>{dependency.up ? "Answers" : "Away"}</Badge>
                    </span>
                  </li>
                ))}
              </ul>
            </Section>
            <DeadLetters />
            <FailedMessages />
            <p className="soft small">
              <a href="/docs">The API's documentation</a> · <a href="/errors">What each error code means</a>
            </p>
          </>
        )}
      </Answered>
    </Page>
  );
}

function tone({ status }: Schemas["Health"]): Tone {
  return status === "ok" ? "green" : status === "degraded" ? "amber" : "red";
}

function overall(status: string): string {
  switch (status) {
    case "ok":
      return "Everything answers.";
    case "degraded":
      return "It works, but something is away that it can do without.";
    default:
      return "It cannot work now. Payouts under way are safe and go on when it is back.";
  }
}

/** What the engine refused so often that it was given up. Usually none. */
function DeadLetters() {
  const asked = useQuery(deadLetters);
  const queries = useQueryClient();
  const resend = useMutation({
    mutationFn: (number: number) => answer(api.POST("/api/admin/dead-letters/{number}/resend", { params: { path: { number } } })),
    onSettled: () => queries.invalidateQueries({ queryKey: deadLetters.queryKey }),
  });
  return (
    <Section title="Dead letters">
      {resend.error && <ProblemNotice error={resend.error} />}
      <Answered asked={asked} rows={2}>
        {({ items }) =>
          items.length === 0 ? (
            <p className="section-words soft">None: the engine has heard everything it was told.</p>
          ) : (
            <ul className="rows">
              {items.map((letter) => (
                <li key={letter.id} className="row row-wrap">
                  <span className="row-main">
                    <span className="strong">
                      {readable(letter.kind)} {letter.signal && <code>{letter.signal}</code>}
                    </span>
                    <span className="small soft">
                      {letter.payout_id && (
                        <>
                          <Link to="/admin/payouts/$id" params={{ id: letter.payout_id }} className="mono">
                            {shortId(letter.payout_id)}
                          </Link>{" "}
                          ·{" "}
                        </>
                      )}
                      given up <When at={letter.dead_at} /> after {letter.tries} tries. {letter.last_error}
                    </span>
                  </span>
                  <span className="row-side">
                    <Action onPress={() => resend.mutate(letter.id)} isPending={resend.isPending && resend.variables === letter.id}>
                      Send again
                    </Action>
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
    </Section>
  );
}
