// The risk rules: every version, what it would have made of the past, and who put it in force.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";

import { riskPolicies, riskPolicy } from "./queries.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { type Currency, formatMoney } from "../show/money.ts";
import { Badge, Money } from "../show/status.tsx";
import { When } from "../show/time.tsx";
import { actorWords, readable, RULE_WORDS, shortId, type Tone } from "../show/words.ts";
import { useSession } from "../sign-in/token.ts";
import { Action } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { Pager, Table } from "../ui/list.tsx";
import { Back, Facts, Page, Section } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

type Policy = Schemas["RiskPolicy"];

const listRoute = getRouteApi("/admin/risk-policies");
const oneRoute = getRouteApi("/admin/risk-policies/$id");

const TONES: Readonly<Record<Policy["status"], { words: string; tone: Tone }>> = {
  DRAFT: { words: "Draft", tone: "grey" },
  SHADOW: { words: "Tried beside", tone: "blue" },
  ACTIVE: { words: "In force", tone: "green" },
  RETIRED: { words: "Retired", tone: "grey" },
};

export function RiskPolicies() {
  const search = listRoute.useSearch();
  const asked = useQuery(riskPolicies(search));
  return (
    <Page title="Risk policies" lead="Which payouts a person has to look at. A version never changes; another threshold is another version, put in force by somebody else than who proposed it.">
      <section className="section" aria-label="Risk policies" aria-busy={asked.isPlaceholderData}>
        <Answered asked={asked} rows={5}>
          {({ items, next_cursor }) =>
            items.length === 0 ? (
              <Empty icon="rules" title="No policy yet">
                Without one every payout goes to people.
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
                          <Badge tone={TONES[policy.status].tone}>{TONES[policy.status].words}</Badge>
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

export function RiskPolicyPage() {
  const { id } = oneRoute.useParams();
  const asked = useQuery(riskPolicy(id));
  return (
    <Page title={asked.data ? `Risk policy ${asked.data.version}` : "Risk policy"} back={<Back to="/admin/risk-policies">Risk policies</Back>}>
      <Answered asked={asked} rows={8}>
        {(policy) => (
          <>
            <Section title="About" aside={<Badge tone={TONES[policy.status].tone}>{TONES[policy.status].words}</Badge>}>
              <Facts
                facts={[
                  ["Why", policy.reason],
                  ["Proposed", <span key="proposed">by {actorWords(policy.proposed_by)}, <When at={policy.proposed_at} /></span>],
                  policy.activated_at !== undefined && ["In force since", <span key="since"><When at={policy.activated_at} />{policy.activated_by && ` by ${actorWords(policy.activated_by)}`}</span>],
                  policy.retired_at !== undefined && ["Retired", <span key="retired"><When at={policy.retired_at} />{policy.retired_by && ` by ${actorWords(policy.retired_by)}`}</span>],
                ]}
              />
              <Moves policy={policy} />
            </Section>
            <Backtest policy={policy} />
            <Section title="Rules">
              <Table caption="Every rule" head={["Rule", "Threshold", "Mode"]}>
                {Object.entries(policy.rules).map(([name, rule]) => (
                  <tr key={name}>
                    <th scope="row">{RULE_WORDS[name] ?? readable(name)}</th>
                    <td>{threshold(rule, policy.currency as Currency)}</td>
                    <td>
                      <Badge tone={rule.mode === "enforced" ? "green" : "grey"}>{readable(rule.mode)}</Badge>
                    </td>
                  </tr>
                ))}
              </Table>
            </Section>
          </>
        )}
      </Answered>
    </Page>
  );
}

/** What a rule compares with, as a sentence. */
function threshold(rule: Record<string, unknown>, currency: Currency): string {
  const parts = Object.entries(rule)
    .filter(([name]) => name !== "mode")
    .map(([name, value]) => `${readable(name).toLowerCase()} ${typeof value === "string" && /^\d+(\.\d+)?$/.test(value) ? formatMoney({ amount: value, currency }) : String(value)}`);
  return parts.join(", ") || "–";
}

type Move = "activate" | "shadow" | "retire";

const MOVES: Readonly<Record<Move, { words: string; does: string; from: readonly Policy["status"][] }>> = {
  shadow: { words: "Try it beside", does: "Every payout is assessed by this policy too. Its answer decides nothing; where it disagrees is kept.", from: ["DRAFT"] },
  activate: { words: "Put it in force", does: "From now on payouts are assessed by it, and the one in force is retired in the same moment.", from: ["DRAFT", "SHADOW"] },
  retire: { words: "Withdraw it", does: "It is kept, and never used again.", from: ["DRAFT", "SHADOW"] },
};

function Moves({ policy }: { policy: Policy }) {
  const [move, setMove] = useState<Move | null>(null);
  const queries = useQueryClient();
  const me = useSession()?.subject;
  const act = useMutation({
    mutationFn: (to: Move) => {
      const params = { path: { id: policy.id } };
      switch (to) {
        case "activate":
          return answer(api.POST("/api/admin/risk-policies/{id}/activate", { params }));
        case "shadow":
          return answer(api.POST("/api/admin/risk-policies/{id}/shadow", { params }));
        case "retire":
          return answer(api.POST("/api/admin/risk-policies/{id}/retire", { params }));
      }
    },
    onSuccess: () => setMove(null),
    onSettled: () => queries.invalidateQueries(),
  });
  const possible = (Object.keys(MOVES) as Move[]).filter((each) => MOVES[each].from.includes(policy.status));
  if (possible.length === 0) return null;
  const own = actorWords(policy.proposed_by) === me;
  return (
    <>
      <p className="section-actions">
        {possible.map((each) => (
          <Action key={each} kind={each === "activate" ? "main" : "plain"} isDisabled={each === "activate" && own} onPress={() => setMove(each)}>
            {MOVES[each].words}
          </Action>
        ))}
        {own && <span className="small soft">You proposed it, so somebody else puts it in force.</span>}
      </p>
      <Question title={move ? `${MOVES[move].words}?` : ""} isOpen={move !== null} onClose={() => setMove(null)} busy={act.isPending} alert>
        {move && <p>{MOVES[move].does}</p>}
        {act.error && <ProblemNotice error={act.error} />}
        <div className="dialog-actions">
          <Action onPress={() => setMove(null)} isDisabled={act.isPending} autoFocus>
            Not now
          </Action>
          <Action kind="main" onPress={() => move && act.mutate(move)} isPending={act.isPending}>
            {move ? MOVES[move].words : ""}
          </Action>
        </div>
      </Question>
    </>
  );
}

const PERIODS = [7, 30, 90] as const;

/** What it would have made of the payouts of the past weeks. */
function Backtest({ policy }: { policy: Policy }) {
  const [days, setDays] = useState<number>();
  const test = useMutation({
    mutationFn: (back: number) => {
      const to = new Date();
      const from = new Date(to.getTime() - back * 24 * 60 * 60 * 1000);
      return answer(api.POST("/api/admin/risk-policies/{id}/backtest", { params: { path: { id: policy.id } }, body: { from: from.toISOString(), to: to.toISOString(), examples: 20 } }));
    },
  });
  return (
    <Section title="On the past">
      <p className="section-actions">
        {PERIODS.map((period) => (
          <Action key={period} onPress={() => (setDays(period), test.mutate(period))} isPending={test.isPending && days === period}>
            {`The last ${period} days`}
          </Action>
        ))}
      </p>
      {test.error && <ProblemNotice error={test.error} />}
      {test.data && <Result result={test.data} />}
    </Section>
  );
}

function Result({ result }: { result: Schemas["Backtest"] }) {
  const changed = result.changes.filter((change) => change.changed).reduce((sum, change) => sum + change.payouts, 0);
  return (
    <>
      <p className="section-words" role="status">
        <span className="strong">
          {changed} of {result.assessed}
        </span>{" "}
        payouts would have gone another way.
        {result.cut_at && (
          <>
            {" "}
            Only what was assessed after <When at={result.cut_at} /> was looked at.
          </>
        )}
      </p>
      {result.changes.length > 0 && (
        <Table caption="What went and would have gone which way" head={["Went", "Would go", { words: "Payouts", end: true }, { words: "Sum", end: true }, { words: "How they ended", wide: true }]}>
          {result.changes.map((change) => (
            <tr key={`${change.was} ${change.would}`}>
              <th scope="row">{readable(change.was)}</th>
              <td>{change.changed ? <Badge tone="amber">{readable(change.would)}</Badge> : readable(change.would)}</td>
              <td className="end number">{change.payouts}</td>
              <td className="end">
                <Money value={change.sum} />
              </td>
              <td className="wide small">{change.ended.map((end) => `${end.payouts} ${end.ended}`).join(", ")}</td>
            </tr>
          ))}
        </Table>
      )}
      {result.examples.length > 0 && (
        <Table caption="Some of those that would have gone another way" head={["Payout", { words: "Amount", end: true }, "Went", "Would go", { words: "Ended", wide: true }]}>
          {result.examples.map((example) => (
            <tr key={example.payout_id}>
              <th scope="row">
                <Link to="/admin/payouts/$id" params={{ id: example.payout_id }} className="mono">
                  {shortId(example.payout_id)}
                </Link>
              </th>
              <td className="end">
                <Money value={example.amount} />
              </td>
              <td>{readable(example.was)}</td>
              <td>{readable(example.would)}</td>
              <td className="wide">{readable(example.ended)}</td>
            </tr>
          ))}
        </Table>
      )}
    </>
  );
}
