import type { Event } from "./once.ts";
import type { Schemas } from "../api/client.ts";
import { inWords } from "../api/problem.tsx";
import { Money } from "../show/status.tsx";
import { Action, ActionLink } from "../ui/action.tsx";
import { Icon } from "../ui/icon.tsx";

/** The request left and no answer came. The same one is sent again, or looked for. */
export function UnheardOf<Body>({ amount, error, tell }: { amount: Schemas["Money"]; error: unknown; tell: (event: Event<Body>) => void }) {
  const words = error === undefined ? undefined : inWords(error);
  return (
    <div className="card form" role="alert">
      <div className="notice notice-amber">
        <Icon name="attention" />
        <div className="notice-words">
          <p className="strong">
            It is not known whether your request for <Money value={amount} /> arrived.
          </p>
          {words && <p>{words.detail ?? words.title}</p>}
          <p>Send it again: it is the same request, and it makes one payout however often it arrives.</p>
        </div>
      </div>
      <div className="form-actions">
        <Action kind="main" onPress={() => tell({ did: "sent" })} autoFocus>
          Send it again
        </Action>
        <ActionLink to="/provider/payouts" kind="quiet">
          Look at my payouts
        </ActionLink>
      </div>
    </div>
  );
}
