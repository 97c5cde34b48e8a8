import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";

import { type Act, ActDialog } from "./act.tsx";
import { allPayouts } from "./queries.ts";
import type { Schemas } from "../api/client.ts";
import { Money } from "../show/status.tsx";
import { Distance } from "../show/time.tsx";
import { shortId } from "../show/words.ts";
import { Action } from "../ui/action.tsx";
import { Pager } from "../ui/list.tsx";
import { Page } from "../ui/page.tsx";
import { Said } from "../ui/said.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/admin/attention");

export function NeedAttention() {
  const search = route.useSearch();
  const asked = useQuery(allPayouts({ needs_attention: true, ...search }));
  const [open, setOpen] = useState<{ act: Act; payout: Schemas["AdminPayout"] } | null>(null);
  const [last, setLast] = useState(open?.payout);
  const [said, setSaid] = useState("");
  if (open && open.payout !== last) setLast(open.payout);
  return (
    <Page title="Need attention" lead="Failed for good: nothing more happens by itself. The money stays reserved until you retry or refund.">
      <Said words={said} />
      <section className="section" aria-label="Failed payouts" aria-busy={asked.isPlaceholderData}>
        <Answered asked={asked} rows={6}>
          {({ items, next_cursor }) => (
            <>
              {items.length > 0 ? (
                <ul className="rows">
                  {items.map((payout) => (
                    <li key={payout.id} className="row row-wrap">
                      <span className="row-main">
                        <span className="strong">
                          <Link to="/admin/payouts/$id" params={{ id: payout.id }}>
                            <Money value={payout.amount} />
                          </Link>{" "}
                          <span className="mono soft small">{shortId(payout.id)}</span>
                        </span>
                        <span>{payout.failure_message ?? "No reason was given."}</span>
                        <span className="small soft">
                          <code>{payout.failure_code}</code> · failed <Distance at={payout.failed_at ?? payout.updated_at} /> · {payout.attempts === 1 ? "1 attempt" : `${payout.attempts} attempts`}
                        </span>
                      </span>
                      <span className="row-side row-side-line">
                        <Action onPress={() => setOpen({ act: "retry", payout })} aria-label={`Retry payout ${shortId(payout.id)}`}>
                          Retry
                        </Action>
                        <Action kind="danger" onPress={() => setOpen({ act: "refund", payout })} aria-label={`Refund payout ${shortId(payout.id)}`}>
                          Refund
                        </Action>
                      </span>
                    </li>
                  ))}
                </ul>
              ) : (
                <Empty icon="check" title="Nothing needs attention">
                  Payouts whose retries are used up, or that cannot succeed, appear here.
                </Empty>
              )}
              <Pager cursor={search.cursor} next={next_cursor} shown={items.length} />
            </>
          )}
        </Answered>
      </section>
      {last && <ActDialog act={open?.act ?? null} subject={{ id: last.id, amount: last.amount, whose: `payout ${shortId(last.id)}` }} onClose={() => setOpen(null)} onDone={setSaid} />}
    </Page>
  );
}
