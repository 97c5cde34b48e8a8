// What you approved and no batch has taken yet: it can be taken back here, until one does.

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { allPayouts } from "./queries.ts";
import type { Schemas } from "../api/client.ts";
import { Money } from "../show/status.tsx";
import { Distance } from "../show/time.tsx";
import { shortId } from "../show/words.ts";
import { useSession } from "../sign-in/token.ts";
import { Action } from "../ui/action.tsx";

/** As many as fit beside a queue; the rest is in the list of all payouts. */
const SHOWN = 3;

type Listed = Schemas["ListedAdminPayout"];

/** Yours among the latest that are approved, the last approved first. */
export function useUndoable(): readonly Listed[] {
  const me = useSession()?.subject;
  const { data } = useQuery(allPayouts({ status: "APPROVED" }, 50));
  return (data?.items ?? [])
    .filter((payout) => payout.approved_by === `admin:${me}` && payout.actions.some((action) => action.name === "undo_approval" && action.allowed))
    .toSorted((a, b) => (b.approved_at ?? "").localeCompare(a.approved_at ?? ""));
}

export function Undoable({ payouts, onUndo }: { payouts: readonly Listed[]; onUndo: (payout: Listed) => void }) {
  if (payouts.length === 0) return null;
  return (
    <section className="undoable" aria-label="Can still be taken back">
      <p className="small soft">
        You approved, and no batch has taken:
        {payouts.length > SHOWN && (
          <>
            {" "}
            (the latest {SHOWN} of {payouts.length};{" "}
            <Link to="/admin/payouts" search={{ status: "APPROVED" }}>
              all
            </Link>
            )
          </>
        )}
      </p>
      <ul>
        {payouts.slice(0, SHOWN).map((payout) => (
          <li key={payout.id}>
            <Link to="/admin/payouts/$id" params={{ id: payout.id }} aria-label={`Payout ${shortId(payout.id)}`}>
              <Money value={payout.amount} />
            </Link>{" "}
            <span>for {payout.provider_name ?? "a provider"}</span>
            <span className="small soft">
              <Distance at={payout.approved_at ?? payout.updated_at} />
            </span>
            <Action kind="quiet" onPress={() => onUndo(payout)} aria-label={`Take the approval of ${payout.provider_name ?? "a provider"} back`}>
              Take it back
            </Action>
          </li>
        ))}
      </ul>
    </section>
  );
}
