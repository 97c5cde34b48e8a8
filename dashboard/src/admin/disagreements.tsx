// Where a policy that is tried beside the one in force would have sent payouts elsewhere.

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { firedWords } from "./backtest.tsx";
import { disagreements } from "./queries.ts";
import type { Schemas } from "../api/client.ts";
import type { pageSearch } from "../show/search.ts";
import { Badge, Money } from "../show/status.tsx";
import { When } from "../show/time.tsx";
import { routeWords, shortId, STATUS_WORDS } from "../show/words.ts";
import { Pager, Table } from "../ui/list.tsx";
import { Section } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

/** Only policies that are or were tried have any; a draft that never was is not asked about. */
export function Disagreements({ policy, search }: { policy: Schemas["RiskPolicy"]; search: ReturnType<typeof pageSearch> }) {
  const asked = useQuery(disagreements(policy.id, search));
  const tried = policy.status === "SHADOW";
  if (!tried && !search.cursor && (asked.data?.items.length ?? 0) === 0) return null;
  return (
    <Section title={tried ? "Where it disagrees" : "Where it disagreed while it was tried"}>
      <Answered asked={asked} rows={4}>
        {({ items, next_cursor }) => (
          <>
            {items.length === 0 ? (
              <Empty icon="check" title="It agrees so far">
                Payouts that it would have sent elsewhere appear here as they are asked for.
              </Empty>
            ) : (
              <Table caption="Disagreements, newest first" head={["Payout", { words: "Amount", end: true }, "Went, would go", { words: "Its rules that fired", wide: true }, { words: "Stands", wide: true }, { words: "Assessed", wide: true }]}>
                {items.map((each) => (
                  <tr key={each.payout_id}>
                    <th scope="row">
                      <Link to="/admin/payouts/$id" params={{ id: each.payout_id }} className="mono" aria-label={`Payout ${shortId(each.payout_id)}`}>
                        {shortId(each.payout_id)}
                      </Link>
                    </th>
                    <td className="end">
                      <Money value={each.amount} />
                    </td>
                    <td>
                      {routeWords(each.was).words} → <Badge tone={routeWords(each.would).tone}>{routeWords(each.would).words}</Badge>
                    </td>
                    <td className="wide small">{firedWords(each.findings)}</td>
                    <td className="wide">{STATUS_WORDS[each.status]}</td>
                    <td className="wide">
                      <When at={each.assessed_at} />
                    </td>
                  </tr>
                ))}
              </Table>
            )}
            <Pager cursor={search.cursor} next={next_cursor} shown={items.length} />
          </>
        )}
      </Answered>
    </Section>
  );
}
