import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import { reconciliations } from "./queries.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { Badge } from "../show/status.tsx";
import { formatSpan, When } from "../show/time.tsx";
import { actorWords, batchKind } from "../show/words.ts";
import { Action } from "../ui/action.tsx";
import { Pager, Table } from "../ui/list.tsx";
import { Page } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/admin/reconciliations");

export function Reconciliations() {
  const search = route.useSearch();
  const asked = useQuery(reconciliations(search));
  const queries = useQueryClient();
  const run = useMutation({
    mutationFn: () => answer(api.POST("/api/admin/reconciliations/run")),
    onSettled: () => queries.invalidateQueries(),
  });
  return (
    <Page
      title="Reconciliations"
      wide
      lead="The gateway's transfers compared with our attempts, both ways. What is proven is healed; the rest is a case."
      actions={
        <Action kind="main" icon="arrow" onPress={() => run.mutate()} isPending={run.isPending}>
          Compare now
        </Action>
      }
    >
      {run.error && <ProblemNotice error={run.error} />}
      <section className="section" aria-label="Reconciliations" aria-busy={asked.isPlaceholderData}>
        <Answered asked={asked} rows={6}>
          {({ items, next_cursor }) => (
            <>
              {items.length > 0 ? (
                <Table
                  caption="Reconciliations, newest first"
                  head={["Opened", "Standing", { words: "Listed", end: true }, { words: "Matched", end: true, wide: true }, { words: "Looked up", end: true, wide: true }, { words: "Healed", end: true, wide: true }, { words: "Claimed", end: true, wide: true }, { words: "Differences", end: true }]}
                >
                  {items.map((each) => (
                    <Row key={each.id} run={each} />
                  ))}
                </Table>
              ) : (
                <Empty icon="scales" title="None yet">
                  The clock runs one by itself; you can run one now.
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

function Row({ run }: { run: Schemas["Reconciliation"] }) {
  return (
    <tr>
      <th scope="row">
        <When at={run.opened_at} />{" "}
        <span className="soft small">
          {batchKind(run.kind)} by {actorWords(run.opened_by)}
        </span>
      </th>
      <td>{run.finished_at ? <Badge tone="green">{`Finished in ${formatSpan(new Date(run.opened_at), new Date(run.finished_at))}`}</Badge> : <Badge tone="blue" moving>{run.status === "LISTING" ? "Reads the list" : "Asks one by one"}</Badge>}</td>
      <td className="end number">{run.listed}</td>
      <td className="end wide number">{run.matched}</td>
      <td className="end wide number">{run.looked_up}</td>
      <td className="end wide number">{run.healed}</td>
      <td className="end wide number">{run.claimed}</td>
      <td className="end number">{run.differences > 0 ? <Link to="/admin/cases" search={{ status: "OPEN" }} aria-label={`${run.differences} differences: open cases`}>{run.differences}</Link> : 0}</td>
    </tr>
  );
}
