import { useQuery } from "@tanstack/react-query";

import { DeadLettersInShort } from "./dead-letters.tsx";
import { FailedMessages } from "./failed-messages.tsx";
import { health } from "./queries.ts";
import type { Schemas } from "../api/client.ts";
import { Badge } from "../show/status.tsx";
import { readable, type Tone } from "../show/words.ts";
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
            <DeadLettersInShort />
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
