import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import { earnings } from "./queries.ts";
import type { Schemas } from "../api/client.ts";
import { isZero } from "../show/money.ts";
import { anyFilter, EARNING_STATUSES, type earningsSearch, only } from "../show/search.ts";
import { Badge, Money } from "../show/status.tsx";
import { When } from "../show/time.tsx";
import { earningWords } from "../show/words.ts";
import { Choice, DayChoice } from "../ui/field.tsx";
import { Filters, Pager } from "../ui/list.tsx";
import { Page } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/provider/earnings");

export function Earnings() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const asked = useQuery(earnings(search));
  type Search = ReturnType<typeof earningsSearch>;
  // A new filter begins at the first page.
  const filter = (change: { [Name in keyof Search]?: string | undefined }): void => {
    void navigate({ search: (old) => only({ ...old, cursor: undefined, ...change }) as Search, replace: true });
  };
  return (
    <Page
      title="Earnings"
      lead={
        <>
          What the marketplace owes you, newest first. A payout uses up the oldest first. <Link to="/provider/statements">Monthly statements</Link> add it up.
        </>
      }
    >
      <Filters any={anyFilter(search)} onClear={() => void navigate({ search: {} })}>
        <Choice label="Status" value={search.status} options={EARNING_STATUSES.map((status) => [status, earningWords(status).words])} onChange={(status) => filter({ status })} />
        <DayChoice label="Earned from" value={search.from} onChange={(from) => filter({ from })} />
        <DayChoice label="Earned to" value={search.to} onChange={(to) => filter({ to })} />
      </Filters>
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
              ) : anyFilter(search) ? (
                <Empty icon="earnings" title="No earning matches">
                  Change the filters, or clear them.
                </Empty>
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
  const { words, tone } = earningWords(earning.status);
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
        <Badge tone={tone}>{words}</Badge>
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
