import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { CaseRows } from "./case-rows.tsx";
import { cases, exportCases } from "./queries.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { anyFilter, CASE_KINDS, CASE_STATUSES, type casesSearch, only } from "../show/search.ts";
import { caseKind } from "../show/words.ts";
import { Action } from "../ui/action.tsx";
import { Choice } from "../ui/field.tsx";
import { Filters, Pager } from "../ui/list.tsx";
import { Page } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/admin/cases");

export function Cases() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const asked = useQuery(cases(search));
  const csv = useMutation({ mutationFn: () => exportCases(search) });
  type Search = ReturnType<typeof casesSearch>;
  const filter = (change: { [Name in keyof Search]?: string | undefined }): void => {
    void navigate({ search: (old) => only({ ...old, cursor: undefined, ...change }) as Search, replace: true });
  };
  return (
    <Page
      title="Cases"
      lead="What a person must settle, with its evidence. Some close by themselves once there is proof."
      actions={
        <Action icon="download" onPress={() => csv.mutate()} isPending={csv.isPending}>
          Export CSV
        </Action>
      }
    >
      {csv.error && <ProblemNotice error={csv.error} />}
      <Filters any={anyFilter(search)} onClear={() => void navigate({ search: {} })}>
        <Choice label="Status" value={search.status} options={CASE_STATUSES.map((status) => [status, status === "OPEN" ? "Open" : "Closed"])} onChange={(status) => filter({ status })} />
        <Choice label="Kind" value={search.kind} options={CASE_KINDS.map((kind) => [kind, caseKind(kind).words])} onChange={(kind) => filter({ kind })} />
      </Filters>
      <section className="section" aria-label="Cases" aria-busy={asked.isPlaceholderData}>
        <Answered asked={asked} rows={6}>
          {({ items, next_cursor }) => (
            <>
              {items.length > 0 ? (
                <CaseRows cases={items} />
              ) : (
                <Empty icon="check" title={anyFilter(search) ? "No case matches" : "No cases"}>
                  {anyFilter(search) ? "Change the filters, or clear them." : "Differences, unknown outcomes and returns appear here."}
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
