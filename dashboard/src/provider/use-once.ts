import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";

import { begin, type Event, keep, next, type Once } from "./once.ts";
import { session } from "../sign-in/token.ts";

export interface Form<Body> {
  readonly once: Once<Body>;
  readonly tell: (event: Event<Body>) => void;
}

/**
 * A form's state, kept over reloads, and the one request that it may make. `name` tells one form from another; `ask` sends the
 * request, and answers the payout that it made, whose page then opens.
 */
export function useOnce<Body>(name: string, ask: (key: string, body: Body) => Promise<{ id: string }>): Form<Body> {
  const form = `${name}:${session()?.subject ?? ""}`;
  const [once, setOnce] = useState<Once<Body>>(() => begin(form));
  // What is read here is never older than the last event, however fast two presses follow each other.
  const latest = useRef(once);
  const navigate = useNavigate();
  const queries = useQueryClient();

  const tell = (event: Event<Body>): void => {
    const before = latest.current;
    const after = next(before, event);
    if (after === before) return;
    latest.current = after;
    keep(form, after);
    setOnce(after);
    if (after.step === "sending") void send(after.key, after.body);
    if (after.step === "made") {
      void queries.invalidateQueries();
      void navigate({ to: "/provider/payouts/$id", params: { id: after.payoutId }, replace: true });
    }
  };

  const send = async (key: string, body: Body): Promise<void> => {
    try {
      const made = await ask(key, body);
      tell({ did: "heard it was made", payoutId: made.id });
    } catch (error) {
      tell({ did: "heard a failure", error });
    }
  };

  return { once, tell };
}
