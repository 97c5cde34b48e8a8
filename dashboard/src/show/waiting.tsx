// What a payout waits for, who must act, and when it will move: the question that everybody has.

import type { ReactNode } from "react";

import { formatDistance, useNow, When } from "./time.tsx";
import { waitsFor, whoActs } from "./words.ts";
import type { Schemas } from "../api/client.ts";
import { Icon } from "../ui/icon.tsx";

export function WaitingFor({ waiting, reader, children }: { waiting: Schemas["Waiting"]; reader: "provider" | "admin"; children?: ReactNode }) {
  const now = useNow();
  const due = waiting.until === undefined ? undefined : new Date(waiting.until);
  return (
    <section className={`waiting waiting-${mood(waiting, reader)}`} aria-label="What it waits for">
      <span className="waiting-mark">
        <Icon name={mood(waiting, reader) === "act" ? "attention" : "clock"} size={22} />
      </span>
      <div className="waiting-words">
        <h2>{waitsFor(waiting.waiting_for)}</h2>
        <p>{waiting.detail}</p>
        <dl className="waiting-facts">
          <div>
            <dt>Who acts next</dt>
            <dd>{whoActs(waiting.who, reader)}</dd>
          </div>
          <div>
            <dt>When it moves</dt>
            <dd>
              {due === undefined ? (
                waiting.who === "system" ? "In a moment" : mood(waiting, reader) === "act" ? "As soon as you have acted" : "As soon as they have acted"
              ) : due <= now ? (
                "Any moment now"
              ) : (
                <>
                  {waiting.waiting_for === "gateway" || waiting.waiting_for === "unknown_outcome" ? "Asked again " : ""}
                  {formatDistance(due, now)} (<When at={due.toISOString()} />)
                </>
              )}
            </dd>
          </div>
        </dl>
        {children}
      </div>
    </section>
  );
}

/** Whether the reader is the one who has to do something. */
function mood(waiting: Schemas["Waiting"], reader: "provider" | "admin"): "act" | "calm" {
  const admins = waiting.who === "admin" || waiting.who === "finance";
  return (reader === "admin" && admins) || (reader === "provider" && waiting.who === "provider") ? "act" : "calm";
}
