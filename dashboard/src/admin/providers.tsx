// Everybody who is paid: what they have, what stops them, what is under way.

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import "../styles/admin.css";
import { providers } from "./queries.ts";
import type { Schemas } from "../api/client.ts";
import { isZero } from "../show/money.ts";
import { anyFilter, only, type providersSearch } from "../show/search.ts";
import { Badge, Money } from "../show/status.tsx";
import { When } from "../show/time.tsx";
import { Choice, SearchChoice } from "../ui/field.tsx";
import { Filters, Pager, Table } from "../ui/list.tsx";
import { Page } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/admin/providers");

type Search = ReturnType<typeof providersSearch>;

const YES_NO = [
  ["true", "Yes"],
  ["false", "No"],
] as const;

export function Providers() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const asked = useQuery(providers(search));
  const filter = (change: { [Name in keyof Search]?: Search[Name] | undefined }): void => {
    void navigate({ search: (old) => only({ ...old, cursor: undefined, ...change }) as Search, replace: true });
  };
  const flagged = (name: "suspended" | "paused" | "in_debt", words: string) => (
    <Choice label={words} value={search[name] === undefined ? undefined : String(search[name])} options={YES_NO} onChange={(value) => filter({ [name]: value === undefined ? undefined : value === "true" })} />
  );
  return (
    <Page title="Providers" wide>
      <Filters any={anyFilter(search)} onClear={() => void navigate({ search: {} })}>
        <SearchChoice label="Search" hint="Name or id" value={search.q} onChange={(q) => filter({ q })} />
        {flagged("suspended", "Suspended")}
        {flagged("paused", "Paused")}
        {flagged("in_debt", "In debt")}
      </Filters>
      <section className="section" aria-label="Providers" aria-busy={asked.isPlaceholderData}>
        <Answered asked={asked} rows={10}>
          {({ items, next_cursor, previous_cursor }) => (
            <>
              {items.length > 0 ? (
                <Table caption="Providers, newest first" head={["Provider", { words: "Available", end: true }, { words: "Reserved", end: true, wide: true }, { words: "Open payouts", end: true, wide: true }, "Stands", { words: "Since", wide: true }]}>
                  {items.map((provider) => (
                    <tr key={provider.id}>
                      <th scope="row">
                        <Link to="/admin/providers/$id" params={{ id: provider.id }}>
                          {provider.display_name}
                        </Link>
                        <span className="delivery-id small soft mono">{provider.external_id}</span>
                      </th>
                      <td className="end strong">
                        <Amounts balances={provider.balances} of="available" />
                      </td>
                      <td className="end wide">
                        <Amounts balances={provider.balances} of="reserved" />
                      </td>
                      <td className="end wide number">{provider.open_payouts}</td>
                      <td>
                        <ProviderBadges provider={provider} />
                      </td>
                      <td className="wide">
                        <When at={provider.created_at} />
                      </td>
                    </tr>
                  ))}
                </Table>
              ) : (
                <Empty icon="people" title={anyFilter(search) ? "No provider matches" : "No providers yet"}>
                  {anyFilter(search) ? "Change the filters, or clear them." : "The marketplace pushes them."}
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

function Amounts({ balances, of }: { balances: readonly Schemas["ProviderBalance"][]; of: "available" | "reserved" }) {
  const shown = balances.filter((balance) => balances.length === 1 || !isZero(balance[of]));
  if (shown.length === 0) return <>–</>;
  return shown.map((balance) => (
    <span key={balance.currency} className="delivery-id">
      <Money value={balance[of]} />
    </span>
  ));
}

export function ProviderBadges({ provider }: { provider: Schemas["AdminProvider"] }) {
  const debt = provider.balances.some((balance) => !isZero(balance.debt));
  return (
    <span className="badges">
      {provider.suspended && <Badge tone="red">Suspended</Badge>}
      {provider.paused && <Badge tone="amber">Paused</Badge>}
      {debt && <Badge tone="violet">In debt</Badge>}
      {provider.needing_attention > 0 && <Badge tone="red">{`${provider.needing_attention} need attention`}</Badge>}
      {provider.verified ? <Badge tone="green">Verified</Badge> : <Badge tone="grey">Not verified</Badge>}
    </span>
  );
}
