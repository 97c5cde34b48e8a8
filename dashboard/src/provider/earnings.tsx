import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { earnings } from "./queries.ts";
import type { Schemas } from "../api/client.ts";
import { isZero } from "../show/money.ts";
import { Badge, Money } from "../show/status.tsx";
import { When } from "../show/time.tsx";
import { readable, type Tone } from "../show/words.ts";
import { Pager } from "../ui/list.tsx";
import { Page } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/provider/earnings");

export function Earnings() {
  const search = route.useSearch();
  const asked = useQuery(earnings(search));
  return (
    <Page title="Earnings" lead="What the marketplace owes you, newest first. A payout uses up the oldest first.">
      <section className="section" aria-label="Earnings" aria-busy={asked.isPlaceholderData}>
        <Answered asked={asked} rows={8}>
          {({ items, next_cursor }) => (
            <>
              {items.length > 0 ? (
                <ul className="rows">
                  {items.map((earning) => (
                    <Row key={earning.id} earning={earning} />
                  ))}
                </ul>
              ) : (
                <Empty icon="earnings" title="Nothing earned yet">
                  Each piece of paid work appears here once the marketplace has reported it.
                </Empty>
              )}
              <Pager cursor={search.cursor} next={next_cursor} shown={items.length} />
            </>
          )}
        </Answered>
      </section>
    </Page>
  );
}

function Row({ earning }: { earning: Schemas["Earning"] }) {
  return (
    <li className="row">
      <span className="row-main">
        <span className="strong">{earning.description || "Earning"}</span>
        <span className="small soft">
          <When at={earning.earned_at} /> · <span className="mono">{earning.external_id}</span>
          {earning.adjusts && " · a correction"}
        </span>
        {earning.adjustments.map((each) => (
          <span key={each.id} className="small">
            Corrected by <Money value={each.amount} signed />: {each.reason}
          </span>
        ))}
      </span>
      <span className="row-side">
        <span className="strong">
          <Money value={earning.amount} />
        </span>
        <Badge tone={tone(earning.status)}>{readable(earning.status)}</Badge>
        {!isZero(earning.recovered) && (
          <span className="small soft">
            <Money value={earning.recovered} /> went against debt
          </span>
        )}
        {earning.status === "RESERVED" && !isZero(earning.allocated) && (
          <span className="small soft">
            <Money value={earning.allocated} /> in payouts
          </span>
        )}
      </span>
    </li>
  );
}

function tone(status: string): Tone {
  switch (status) {
    case "AVAILABLE":
      return "green";
    case "RESERVED":
      return "amber";
    default:
      return "grey";
  }
}
