// What a policy would have made of the payouts of the past weeks: which would have gone another way, and how those ended.

import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { Badge, Money } from "../show/status.tsx";
import { When } from "../show/time.tsx";
import { readable, routeWords, RULE_WORDS, shortId } from "../show/words.ts";
import { Action } from "../ui/action.tsx";
import { Table } from "../ui/list.tsx";
import { Section } from "../ui/page.tsx";
import { Loading } from "../ui/state.tsx";

const PERIODS = [7, 30, 90] as const;
const DAY_MS = 24 * 60 * 60 * 1000;

export function Backtest({ policy }: { policy: Schemas["RiskPolicy"] }) {
  const [days, setDays] = useState<number>();
  const test = useMutation({
    mutationFn: (back: number) => {
      const to = new Date();
      const from = new Date(to.getTime() - back * DAY_MS);
      return answer(api.POST("/api/admin/risk-policies/{id}/backtest", { params: { path: { id: policy.id } }, body: { from: from.toISOString(), to: to.toISOString(), examples: 20 } }));
    },
  });
  return (
    <Section title="On the past">
      <p className="section-actions">
        {PERIODS.map((period) => (
          <Action key={period} onPress={() => (setDays(period), test.mutate(period))} isPending={test.isPending && days === period}>
            {`Try the last ${period} days`}
          </Action>
        ))}
      </p>
      {test.isPending && <Loading rows={4} what="Replaying" />}
      {test.error && <ProblemNotice error={test.error} />}
      {test.data && !test.isPending && <Result result={test.data} />}
    </Section>
  );
}

function Result({ result }: { result: Schemas["Backtest"] }) {
  const turned = result.changes.filter((change) => change.changed);
  const same = result.changes.filter((change) => !change.changed);
  const count = turned.reduce((sum, change) => sum + change.payouts, 0);
  return (
    <>
      <p className="section-words" role="status">
        {result.assessed === 0 ? (
          "Nothing was assessed in this time."
        ) : (
          <>
            <span className="strong">
              {count.toLocaleString()} of {result.assessed.toLocaleString()}
            </span>{" "}
            payouts since <When at={result.from} /> would have gone another way.
          </>
        )}
        {result.cut_at && (
          <>
            {" "}
            Only what was assessed after <When at={result.cut_at} /> was looked at: choose a shorter time for all of it.
          </>
        )}
      </p>
      {turned.length > 0 && (
        <ul className="turns">
          {turned.map((change) => (
            <Turn key={`${change.was} ${change.would}`} change={change} />
          ))}
        </ul>
      )}
      {same.length > 0 && (
        <Table caption="What would have gone the same way" head={["Would go as it went", { words: "Payouts", end: true }, { words: "Sum", end: true }, { words: "How they ended", wide: true }]}>
          {same.map((change) => (
            <tr key={`${change.was} ${change.would}`}>
              <th scope="row">{routeWords(change.was).words}</th>
              <td className="end number">{change.payouts.toLocaleString()}</td>
              <td className="end">
                <Money value={change.sum} />
              </td>
              <td className="wide small">{change.ended.map((end) => `${end.payouts.toLocaleString()} ${end.ended}`).join(", ")}</td>
            </tr>
          ))}
        </Table>
      )}
      {result.examples.length > 0 && (
        <Table caption="Some of those that would have gone another way" head={["For example", { words: "Amount", end: true }, "Would go", { words: "Because of", wide: true }, { words: "Ended", wide: true }]}>
          {result.examples.map((example) => (
            <tr key={example.payout_id}>
              <th scope="row">
                <Link to="/admin/payouts/$id" params={{ id: example.payout_id }} className="mono" aria-label={`Payout ${shortId(example.payout_id)}`}>
                  {shortId(example.payout_id)}
                </Link>
              </th>
              <td className="end">
                <Money value={example.amount} />
              </td>
              <td>
                {routeWords(example.was).words} → <Badge tone={routeWords(example.would).tone}>{routeWords(example.would).words}</Badge>
              </td>
              <td className="wide small">{firedWords(example.findings)}</td>
              <td className="wide">{readable(example.ended)}</td>
            </tr>
          ))}
        </Table>
      )}
    </>
  );
}

/** Payouts that would all have turned the same way. Those that people refused, or the bank sent back, are what to think about. */
function Turn({ change }: { change: Schemas["BacktestChange"] }) {
  const loosened = change.would === "auto";
  const regretted = loosened ? change.ended.filter((end) => end.ended === "rejected" || end.ended === "reversed" || end.ended === "failed" || end.ended === "refunded") : [];
  return (
    <li className={regretted.length > 0 ? "turn turn-risky" : "turn"}>
      <p className="turn-way">
        <Badge tone={routeWords(change.was).tone}>{routeWords(change.was).words}</Badge> would become <Badge tone={routeWords(change.would).tone}>{routeWords(change.would).words}</Badge>
      </p>
      <p className="turn-figures">
        {change.payouts === 1 ? "1 payout" : `${change.payouts.toLocaleString()} payouts`}, <Money value={change.sum} />
      </p>
      <p className="soft">
        How they ended:{" "}
        {change.ended.map((end, at) => (
          <span key={end.ended}>
            {at > 0 && ", "}
            {end.payouts.toLocaleString()} {end.ended} (<Money value={end.sum} />)
          </span>
        ))}
        .
      </p>
      {regretted.length > 0 && <p>{regretted.map((end) => `${end.payouts} ${end.ended}`).join(" and ")} would have gone without anybody looking.</p>}
    </li>
  );
}

/** The rules that spoke against paying without a look. */
export function firedWords(findings: readonly Schemas["RuleFinding"][]): string {
  const fired = findings.filter((finding) => finding.fired && !finding.informational).map((finding) => RULE_WORDS[finding.rule] ?? readable(finding.rule));
  return fired.length === 0 ? "no rule" : fired.join(", ");
}
