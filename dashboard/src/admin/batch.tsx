// One batch: what it took, where that stands now, what it left and why, and its payouts.

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import { PayoutTable } from "./payouts.tsx";
import { allPayouts, batch } from "./queries.ts";
import type { Schemas } from "../api/client.ts";
import type { pageSearch } from "../show/search.ts";
import { Badge, Money, StatusBadge } from "../show/status.tsx";
import { formatSpan, When } from "../show/time.tsx";
import { actorWords, batchKind, readable, shortId } from "../show/words.ts";
import { ActionLink } from "../ui/action.tsx";
import { Pager, Table } from "../ui/list.tsx";
import { Back, Facts, Page, Section } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/admin/batches/$id");

const LEFT: Readonly<Record<string, string>> = {
  paused: "Paused: everything, the provider, the bank or the account",
  funds: "The wallet did not do",
  limit: "Over the limit of the batch or the day",
};

export function BatchPage() {
  const { id } = route.useParams();
  const search = route.useSearch();
  const asked = useQuery(batch(id));
  return (
    <Page title={`Batch ${shortId(id)}`} wide back={<Back to="/admin/batches">Batches</Back>}>
      <Answered asked={asked} rows={8}>
        {(detail) => <Detail detail={detail} />}
      </Answered>
      <Taken id={id} search={search} />
    </Page>
  );
}

function Detail({ detail }: { detail: Schemas["BatchDetail"] }) {
  return (
    <div className="split">
      <div className="split-main">
        <Section title="Where its payouts stand now">
          {detail.standings.length === 0 ? (
            <Empty icon="batch" title="It has no payouts">
              {detail.closed_at === undefined ? "It is open and takes what is approved." : "It took none, or what it took came back to wait."}
            </Empty>
          ) : (
            <Table caption="Where its payouts stand now" head={["Stand", { words: "Payouts", end: true }, { words: "Amount", end: true }]}>
              {detail.standings.map((each) => (
                <tr key={`${each.status} ${each.amount.currency}`}>
                  <th scope="row">
                    <Link to="/admin/payouts" search={{ batch: detail.id, status: each.status }}>
                      <StatusBadge payout={{ status: each.status }} />
                    </Link>
                  </th>
                  <td className="end number">{each.payouts.toLocaleString()}</td>
                  <td className="end">
                    <Money value={each.amount} />
                  </td>
                </tr>
              ))}
            </Table>
          )}
        </Section>
        {detail.left.length > 0 && (
          <Section title="What it left">
            <Table caption="Approved payouts that it did not take" head={["Why", { words: "Payouts", end: true }, { words: "Amount", end: true }]}>
              {detail.left.map((each) => (
                <tr key={`${each.reason} ${each.amount.currency}`}>
                  <th scope="row">{LEFT[each.reason] ?? readable(each.reason)}</th>
                  <td className="end number">{each.payouts.toLocaleString()}</td>
                  <td className="end">
                    <Money value={each.amount} />
                  </td>
                </tr>
              ))}
            </Table>
          </Section>
        )}
      </div>
      <div className="split-side">
        <Section title="Details" aside={<Badge tone={detail.closed_at === undefined ? "blue" : "grey"}>{detail.closed_at === undefined ? "Open" : "Closed"}</Badge>}>
          <Facts
            facts={[
              ["Kind", batchKind(detail.kind)],
              ["Took", detail.payouts === 1 ? "1 payout" : `${detail.payouts.toLocaleString()} payouts`],
              detail.sums.length > 0 && ["In all", detail.sums.map((sum) => <Money key={sum.currency} value={sum} />)],
              ["Opened", <span key="opened"><When at={detail.opened_at} /> by {actorWords(detail.opened_by)}</span>],
              detail.window_at !== undefined && ["For the window", <When key="window" at={detail.window_at} />],
              detail.closed_at !== undefined && ["Closed", <span key="closed"><When at={detail.closed_at} />, after {formatSpan(new Date(detail.opened_at), new Date(detail.closed_at))}</span>],
              detail.missed_windows > 0 && ["Windows missed before", String(detail.missed_windows)],
              ["Batch", <code key="id">{detail.id}</code>],
            ]}
          />
        </Section>
      </div>
    </div>
  );
}

function Taken({ id, search }: { id: string; search: ReturnType<typeof pageSearch> }) {
  const asked = useQuery(allPayouts({ batch: id, ...search }));
  return (
    <Section
      title="Its payouts"
      aside={
        <ActionLink to="/admin/payouts" search={{ batch: id }} kind="quiet">
          Filter or export them
        </ActionLink>
      }
    >
      <Answered asked={asked} rows={8}>
        {({ items, next_cursor, previous_cursor }) => (
          <>
            {items.length > 0 ? <PayoutTable payouts={items} /> : <Empty icon="payouts" title="None">Payouts that it takes appear here.</Empty>}
            <Pager cursor={search.cursor} next={next_cursor} previous={previous_cursor} shown={items.length} />
          </>
        )}
      </Answered>
    </Section>
  );
}
