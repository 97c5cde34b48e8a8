import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { PayoutRows } from "./payout-rows.tsx";
import { payouts } from "./queries.ts";
import { anyFilter, only, type payoutsSearch, STATUSES } from "../show/search.ts";
import { STATUS_WORDS } from "../show/words.ts";
import { ActionLink } from "../ui/action.tsx";
import { AmountChoice, Choice, DayChoice } from "../ui/field.tsx";
import { Filters, Pager } from "../ui/list.tsx";
import { Page } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/provider/payouts");

export function Payouts() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const asked = useQuery(payouts(search));
  type Filter = { [Name in keyof ReturnType<typeof payoutsSearch>]?: string | undefined };
  // A new filter begins at the first page.
  const filter = (change: Filter): void => {
    void navigate({ search: (old) => only({ ...old, cursor: undefined, ...change }) as ReturnType<typeof payoutsSearch>, replace: true });
  };
  const ask = (
    <ActionLink to="/provider/payouts/new" kind="main" icon="arrow">
      Request a payout
    </ActionLink>
  );
  return (
    <Page title="Payouts" actions={ask}>
      <Filters any={anyFilter(search)} onClear={() => void navigate({ search: {} })}>
        <Choice label="Status" value={search.status} options={STATUSES.map((status) => [status, STATUS_WORDS[status]])} onChange={(status) => filter({ status })} />
        <DayChoice label="From" value={search.from} onChange={(from) => filter({ from })} />
        <DayChoice label="To" value={search.to} onChange={(to) => filter({ to })} />
        <AmountChoice label="At least" value={search.min_amount} onChange={(min_amount) => filter({ min_amount })} />
        <AmountChoice label="At most" value={search.max_amount} onChange={(max_amount) => filter({ max_amount })} />
      </Filters>
      <section className="section" aria-label="Payouts" aria-busy={asked.isPlaceholderData}>
        <Answered asked={asked} rows={8}>
          {({ items, next_cursor, previous_cursor }) => (
            <>
              {items.length > 0 ? (
                <PayoutRows payouts={items} />
              ) : anyFilter(search) ? (
                <Empty icon="payouts" title="No payout matches">
                  Change the filters, or clear them.
                </Empty>
              ) : (
                <Empty icon="payouts" title="No payouts yet" action={ask}>
                  You see every step of a payout here.
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
