import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import { allPayouts, exportPayouts } from "./queries.ts";
import type { Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { type allPayoutsSearch, anyFilter, CURRENCIES, only, ROUTES, STATUSES } from "../show/search.ts";
import { Money, StatusBadge } from "../show/status.tsx";
import { When } from "../show/time.tsx";
import { routeWords, shortId, STATUS_WORDS } from "../show/words.ts";
import { Action } from "../ui/action.tsx";
import { AmountChoice, Choice, DayChoice, SearchChoice } from "../ui/field.tsx";
import { Filters, Pager, Table } from "../ui/list.tsx";
import { Page } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/admin/payouts");

export function AllPayouts() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const asked = useQuery(allPayouts(search));
  const csv = useMutation({ mutationFn: () => exportPayouts(search) });
  type Search = ReturnType<typeof allPayoutsSearch>;
  const filter = (change: { [Name in keyof Search]?: Search[Name] | string | undefined }): void => {
    void navigate({ search: (old) => only({ ...old, cursor: undefined, ...change }) as Search, replace: true });
  };
  return (
    <Page
      title="All payouts"
      wide
      actions={
        <Action icon="download" onPress={() => csv.mutate()} isPending={csv.isPending}>
          Export CSV
        </Action>
      }
    >
      {csv.error && <ProblemNotice error={csv.error} />}
      <Filters any={anyFilter(search)} onClear={() => void navigate({ search: {} })}>
        <SearchChoice label="Search" hint="Name, id or reference" value={search.q} onChange={(q) => filter({ q })} />
        <Choice label="Status" value={search.status} options={STATUSES.map((status) => [status, STATUS_WORDS[status]])} onChange={(status) => filter({ status })} />
        <Choice label="Risk" value={search.risk} options={ROUTES.map((risk) => [risk, routeWords(risk).words])} onChange={(risk) => filter({ risk })} />
        <Choice
          label="Attention"
          value={search.needs_attention === undefined ? undefined : String(search.needs_attention)}
          options={[
            ["true", "Needs attention"],
            ["false", "Does not"],
          ]}
          onChange={(value) => filter({ needs_attention: value === undefined ? undefined : value === "true" })}
        />
        <Choice
          label="Ended"
          value={search.open === undefined ? undefined : String(search.open)}
          options={[
            ["true", "Not yet"],
            ["false", "Yes"],
          ]}
          onChange={(value) => filter({ open: value === undefined ? undefined : value === "true" })}
        />
        <Choice label="Currency" value={search.currency} options={CURRENCIES.map((code) => [code, code])} onChange={(currency) => filter({ currency })} />
        <DayChoice label="From" value={search.from} onChange={(from) => filter({ from })} />
        <DayChoice label="To" value={search.to} onChange={(to) => filter({ to })} />
        <AmountChoice label="At least" value={search.min_amount} onChange={(min_amount) => filter({ min_amount })} />
        <AmountChoice label="At most" value={search.max_amount} onChange={(max_amount) => filter({ max_amount })} />
        <Choice label="Order" any="Newest first" value={search.sort === "oldest" ? "oldest" : undefined} options={[["oldest", "Oldest first"]]} onChange={(sort) => filter({ sort })} />
        {search.provider && <Chosen what="Provider" id={search.provider} onClear={() => filter({ provider: undefined })} />}
        {search.batch && <Chosen what="Batch" id={search.batch} onClear={() => filter({ batch: undefined })} />}
      </Filters>
      <section className="section" aria-label="Payouts" aria-busy={asked.isPlaceholderData}>
        <Answered asked={asked} rows={10}>
          {({ items, next_cursor, previous_cursor }) => (
            <>
              {items.length > 0 ? (
                <PayoutTable payouts={items} />
              ) : (
                <Empty icon="payouts" title={anyFilter(search) ? "No payout matches" : "No payouts yet"}>
                  {anyFilter(search) ? "Change the filters, or clear them." : "They appear here as providers ask for them."}
                </Empty>
              )}
              <Pager cursor={search.cursor} next={next_cursor} previous={previous_cursor} shown={items.length} />
            </>
          )}
        </Answered>
      </section>
    </Page>
  );
}

function Chosen({ what, id, onClear }: { what: string; id: string; onClear: () => void }) {
  return (
    <span className="choice">
      <span>{what}</span>
      <Action icon="cross" onPress={onClear} aria-label={`Clear the ${what.toLowerCase()} ${id}`}>
        <code>{shortId(id)}</code>
      </Action>
    </span>
  );
}

/** `ofOne`: they are all of one provider, whose page it is. */
export function PayoutTable({ payouts, ofOne = false }: { payouts: readonly (Schemas["AdminPayout"] & { provider_name?: string })[]; ofOne?: boolean }) {
  return (
    <Table caption="Payouts" head={["Payout", { words: "Amount", end: true }, "Status", { words: "Risk", wide: true }, { words: "Attempts", end: true, wide: true }, ...(ofOne ? [] : [{ words: "Provider", wide: true as const }]), { words: "Requested", wide: true }]}>
      {payouts.map((payout) => (
        <tr key={payout.id}>
          <th scope="row">
            <Link to="/admin/payouts/$id" params={{ id: payout.id }} className="mono" aria-label={`Payout ${shortId(payout.id)}`}>
              {shortId(payout.id)}
            </Link>
            <span className="only-narrow small soft">
              <When at={payout.requested_at} />
            </span>
          </th>
          <td className="end strong">
            <Money value={payout.amount} />
          </td>
          <td>
            <StatusBadge payout={payout} />
          </td>
          <td className="wide">{payout.risk === undefined ? "" : routeWords(payout.risk).words}</td>
          <td className="end wide number">{payout.attempts}</td>
          {!ofOne && (
            <td className="wide">
              <Link to="/admin/payouts" search={{ provider: payout.provider_id }} className={payout.provider_name ? undefined : "mono"} aria-label={`Payouts of ${payout.provider_name ?? `provider ${shortId(payout.provider_id)}`}`}>
                {payout.provider_name ?? shortId(payout.provider_id)}
              </Link>
            </td>
          )}
          <td className="wide">
            <When at={payout.requested_at} />
          </td>
        </tr>
      ))}
    </Table>
  );
}
