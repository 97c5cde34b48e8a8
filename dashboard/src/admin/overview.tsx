// A period in numbers: what was paid and how long it took, why attempts failed, how long reviews waited; and what waits for people now.

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import "../styles/admin.css";
import { me, statistics } from "./queries.ts";
import type { Schemas } from "../api/client.ts";
import { waitingCounts } from "../frame/counts.ts";
import { Bars } from "../show/bars.tsx";
import { type Currency, formatMoney, sum } from "../show/money.ts";
import { only, type overviewSearch, PERIODS } from "../show/search.ts";
import { Spans } from "../show/spans.tsx";
import { Money } from "../show/status.tsx";
import { formatSeconds } from "../show/time.tsx";
import { failureWords } from "../show/words.ts";
import { Pick } from "../ui/field.tsx";
import { Table } from "../ui/list.tsx";
import { Page, Section } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/admin/overview");
const DAY_MS = 24 * 60 * 60 * 1000;
const USUAL_DAYS = "30";

type Search = ReturnType<typeof overviewSearch>;

export function Overview() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const known = useQuery(me);
  const currency: Currency = search.currency ?? "NGN";
  const days = search.days ?? USUAL_DAYS;
  const asked = useQuery(statistics(currency, Number(days)));
  const change = (to: Partial<Search>): void => void navigate({ search: (old) => only({ ...old, ...to }), replace: true });
  const currencies = (known.data?.installation.currencies.map((each) => each.code) ?? [currency]) as Currency[];
  return (
    <Page title="Overview" wide>
      <Waiting />
      <div className="filters" role="search" aria-label="Period">
        <Pick label="The last" value={days} options={PERIODS.map((each) => [each, `${each} days`])} onChange={(to) => change({ days: to })} />
        <Pick label="Currency" value={currency} options={currencies.map((code) => [code, code])} onChange={(to) => change({ currency: to })} />
      </div>
      <Answered asked={asked} rows={12}>
        {(told) => <Charts told={told} />}
      </Answered>
    </Page>
  );
}

/** What waits for people, each with the place where it is worked off. */
function Waiting() {
  const { data } = useQuery(waitingCounts);
  if (!data) return null;
  const figure = (count: number): string => (count >= data.counted_at_most ? `${count.toLocaleString()}+` : count.toLocaleString());
  return (
    <ul className="tiles" aria-label="What waits now">
      <Tile figure={figure(data.reviews)} words="wait for a decision" hot={data.reviews > 0}>
        <Link to="/admin/reviews">Review queue</Link>
      </Tile>
      <Tile figure={figure(data.attention)} words="failed for good" hot={data.attention > 0}>
        <Link to="/admin/attention">Need attention</Link>
      </Tile>
      <Tile figure={figure(data.cases)} words="cases are open" hot={data.cases > 0}>
        <Link to="/admin/cases" search={{ status: "OPEN" }}>
          Cases
        </Link>
      </Tile>
      <Tile figure={figure(data.open)} words="payouts under way" hot={false}>
        <Link to="/admin/payouts" search={{ open: true }}>
          Open payouts
        </Link>
      </Tile>
      <Tile figure={figure(data.dead_letters)} words="dead letters" hot={data.dead_letters > 0}>
        <Link to="/admin/dead-letters">Dead letters</Link>
      </Tile>
    </ul>
  );
}

function Tile({ figure, words, hot, children }: { figure: string; words: string; hot: boolean; children: ReactNode }) {
  return (
    <li className={hot ? "tile tile-hot" : "tile"}>
      <span className="tile-figure number">{figure}</span>
      <span>{words}</span>
      <span className="small">{children}</span>
    </li>
  );
}

function Charts({ told }: { told: Schemas["Statistics"] }) {
  const days = daysOf(told);
  const paid = new Map(told.paid.map((day) => [day.day, day]));
  const reviewed = new Map(told.reviewed.map((day) => [day.day, day]));
  const zero = { amount: "0.00", currency: told.currency };
  const payouts = told.paid.reduce((all, day) => all + day.payouts, 0);
  const failures = told.failures.reduce((all, reason) => all + reason.attempts, 0);
  return (
    <div className="charts">
      <Section title="Paid per day" aside={payouts > 0 && <span className="small soft">{formatMoney(sum(told.paid.map((day) => day.sum), told.currency))} in {payouts.toLocaleString()} payouts</span>}>
        {payouts === 0 ? (
          <Empty icon="chart" title="Nothing was paid in this time">
            Choose a longer one.
          </Empty>
        ) : (
          <>
            <Bars bars={days.map((day) => ({ key: day, words: dayWords(day), amount: (paid.get(day)?.sum ?? zero).amount }))} currency={told.currency} label="What was paid each day" />
            <Figures caption="What was paid each day" head={["Day", { words: "Payouts", end: true }, { words: "Sum", end: true }]}>
              {told.paid.map((day) => (
                <tr key={day.day}>
                  <th scope="row">{dayWords(day.day)}</th>
                  <td className="end number">{day.payouts.toLocaleString()}</td>
                  <td className="end">
                    <Money value={day.sum} />
                  </td>
                </tr>
              ))}
            </Figures>
          </>
        )}
      </Section>
      <Section title="From the request to the money">
        {payouts === 0 ? (
          <Empty icon="clock" title="Nothing was paid in this time" />
        ) : (
          <>
            <Spans spreads={days.map((day) => ({ key: day, words: dayWords(day), seconds: paid.get(day)?.whole }))} label="How long payouts took from the request, day by day" />
            <Figures caption="How long payouts took: median, and 95 of 100 within" head={["Day", { words: "Whole", end: true }, { words: "Review", end: true, wide: true }, { words: "Window", end: true, wide: true }, { words: "Gateway", end: true, wide: true }]}>
              {told.paid.map((day) => (
                <tr key={day.day}>
                  <th scope="row">{dayWords(day.day)}</th>
                  <td className="end">{spread(day.whole)}</td>
                  <td className="end wide">{spread(day.review)}</td>
                  <td className="end wide">{spread(day.window)}</td>
                  <td className="end wide">{spread(day.gateway)}</td>
                </tr>
              ))}
            </Figures>
          </>
        )}
      </Section>
      <Section title="Why attempts failed" aside={failures > 0 && <span className="small soft">{failures.toLocaleString()} attempts</span>}>
        {failures === 0 ? (
          <Empty icon="check" title="No attempt failed in this time" />
        ) : (
          <ol className="reasons">
            {told.failures.map((reason) => (
              <li key={reason.code}>
                <span className="reason-words">
                  {failureWords(reason.code)} <code className="small soft">{reason.code}</code>
                </span>
                <span className="number">{reason.attempts.toLocaleString()}</span>
                <span className="reason-bar" aria-hidden="true">
                  <span style={{ inlineSize: `${(reason.attempts / Math.max(...told.failures.map((each) => each.attempts))) * 100}%` }} />
                </span>
              </li>
            ))}
          </ol>
        )}
      </Section>
      <Section title="How long reviews waited" aside={told.reviewed.length > 0 && <span className="small soft">{told.reviewed.reduce((all, day) => all + day.reviews, 0).toLocaleString()} reviews, in every currency</span>}>
        {told.reviewed.length === 0 ? (
          <Empty icon="review" title="No review ended in this time" />
        ) : (
          <>
            <Spans spreads={days.map((day) => ({ key: day, words: dayWords(day), seconds: reviewed.get(day)?.waited }))} label="How long reviews waited, day by day" />
            <Figures caption="How long reviews waited: median, and 95 of 100 within" head={["Day", { words: "Reviews", end: true }, { words: "Waited", end: true }]}>
              {told.reviewed.map((day) => (
                <tr key={day.day}>
                  <th scope="row">{dayWords(day.day)}</th>
                  <td className="end number">{day.reviews.toLocaleString()}</td>
                  <td className="end">{spread(day.waited)}</td>
                </tr>
              ))}
            </Figures>
          </>
        )}
      </Section>
      <p className="small soft">Days are those of {told.time_zone}.</p>
    </div>
  );
}

/** The table behind a chart. */
function Figures({ children, ...table }: Parameters<typeof Table>[0]) {
  return (
    <details className="figures">
      <summary>The figures</summary>
      <Table {...table}>{children}</Table>
    </details>
  );
}

function spread({ p50, p95 }: Schemas["Seconds"]): string {
  return `${formatSeconds(p50)}, ${formatSeconds(p95)}`;
}

/** Every day of the period, also those on which nothing happened. */
function daysOf({ from, to }: Schemas["Statistics"]): string[] {
  const days: string[] = [];
  const end = Date.parse(`${to}T00:00:00Z`);
  for (let at = Date.parse(`${from}T00:00:00Z`); at < end; at += DAY_MS) days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}

function dayWords(day: string): string {
  return new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));
}
