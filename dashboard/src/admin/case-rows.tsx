import { Link } from "@tanstack/react-router";

import type { Schemas } from "../api/client.ts";
import { withMoney } from "../show/money.ts";
import { Badge, Money } from "../show/status.tsx";
import { Span, When } from "../show/time.tsx";
import { caseKind } from "../show/words.ts";

export function CaseRows({ cases }: { cases: readonly Schemas["Case"][] }) {
  return (
    <ul className="rows">
      {cases.map((each) => (
        <li key={each.id}>
          <Link to="/admin/cases/$id" params={{ id: each.id }} className="row">
            <span className="row-main">
              <span className="strong">{caseKind(each.kind).words}</span>
              <span>{withMoney(each.summary)}</span>
              <span className="small soft">
                {each.status === "OPEN" ? (
                  <>
                    open for <Span from={each.opened_at} />
                  </>
                ) : (
                  <>
                    closed <When at={each.closed_at ?? each.seen_at} />
                  </>
                )}
              </span>
            </span>
            <span className="row-side">
              {each.amount && (
                <span className="strong">
                  <Money value={each.amount} />
                </span>
              )}
              <CaseBadge status={each.status} />
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

export function CaseBadge({ status }: { status: Schemas["Case"]["status"] }) {
  return <Badge tone={status === "OPEN" ? "amber" : "grey"}>{status === "OPEN" ? "Open" : "Closed"}</Badge>;
}
