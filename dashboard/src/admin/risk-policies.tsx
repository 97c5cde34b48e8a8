// The risk rules: every version that was ever proposed.

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import { riskPolicies } from "./queries.ts";
import type { Schemas } from "../api/client.ts";
import { anyFilter, CURRENCIES, only, POLICY_STATUSES, type policiesSearch } from "../show/search.ts";
import { Badge } from "../show/status.tsx";
import { When } from "../show/time.tsx";
import { actorWords, type Tone } from "../show/words.ts";
import { ActionLink } from "../ui/action.tsx";
import { Choice } from "../ui/field.tsx";
import { Filters, Pager } from "../ui/list.tsx";
import { Page } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/admin/risk-policies");

export const POLICY_WORDS: Readonly<Record<Schemas["RiskPolicyStatus"], { words: string; tone: Tone }>> = {
  DRAFT: { words: "Draft", tone: "grey" },
  SHADOW: { words: "Tried beside", tone: "blue" },
  ACTIVE: { words: "In force", tone: "green" },
  RETIRED: { words: "Retired", tone: "grey" },
};

type Search = ReturnType<typeof policiesSearch>;

export function RiskPolicies() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const asked = useQuery(riskPolicies(search));
  const filter = (change: { [Name in keyof Search]?: Search[Name] | string | undefined }): void => {
    void navigate({ search: (old) => only({ ...old, cursor: undefined, ...change }) as Search, replace: true });
  };
  return (
    <Page
      title="Risk policies"
      lead="Which payouts a person has to look at. A version never changes; another threshold is another version, put in force by somebody else than who proposed it."
      actions={
        <ActionLink to="/admin/risk-policies/new" kind="main" icon="plus">
          Propose a version
        </ActionLink>
      }
    >
      <Filters any={anyFilter(search)} onClear={() => void navigate({ search: {} })}>
        <Choice label="Currency" value={search.currency} options={CURRENCIES.map((code) => [code, code])} onChange={(currency) => filter({ currency })} />
        <Choice label="Stands" value={search.status} options={POLICY_STATUSES.map((status) => [status, POLICY_WORDS[status].words])} onChange={(status) => filter({ status })} />
      </Filters>
      <section className="section" aria-label="Risk policies" aria-busy={asked.isPlaceholderData}>
        <Answered asked={asked} rows={5}>
          {({ items, next_cursor }) =>
            items.length === 0 ? (
              <Empty icon="rules" title={anyFilter(search) ? "No policy matches" : "No policy yet"}>
                {anyFilter(search) ? "Change the filters, or clear them." : "Without one every payout goes to people."}
              </Empty>
            ) : (
              <>
                <ul className="rows">
                  {items.map((policy) => (
                    <li key={policy.id}>
                      <Link to="/admin/risk-policies/$id" params={{ id: policy.id }} className="row">
                        <span className="row-main">
                          <span className="strong">{policy.version}</span>
                          <span>{policy.reason}</span>
                          <span className="small soft">
                            proposed by {actorWords(policy.proposed_by)}, <When at={policy.proposed_at} />
                          </span>
                        </span>
                        <span className="row-side">
                          <Badge tone={POLICY_WORDS[policy.status].tone}>{POLICY_WORDS[policy.status].words}</Badge>
                        </span>
                      </Link>
                    </li>
                  ))}
                </ul>
                <Pager cursor={search.cursor} next={next_cursor} shown={items.length} />
              </>
            )
          }
        </Answered>
      </section>
    </Page>
  );
}
