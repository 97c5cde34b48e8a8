import { Link } from "@tanstack/react-router";

import type { Schemas } from "../api/client.ts";
import { Money, StatusBadge } from "../show/status.tsx";
import { When } from "../show/time.tsx";
import { shortId } from "../show/words.ts";

/** Payouts as rows that open their pages. */
export function PayoutRows({ payouts }: { payouts: readonly Schemas["Payout"][] }) {
  return (
    <ul className="rows">
      {payouts.map((payout) => (
        <li key={payout.id}>
          <Link to="/provider/payouts/$id" params={{ id: payout.id }} className="row">
            <span className="row-main">
              <span className="strong">
                <Money value={payout.amount} />
              </span>
              <span className="small soft">
                Requested <When at={payout.requested_at} /> · <span className="mono">{shortId(payout.id)}</span>
              </span>
            </span>
            <span className="row-side">
              <StatusBadge payout={payout} />
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}
