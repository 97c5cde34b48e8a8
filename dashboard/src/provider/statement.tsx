// A month of the provider's account: what was owed when it began, everything that changed it, what was owed when it ended. As a table
// here, and as a file to keep.

import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";

import "../styles/provider.css";
import { balance, downloadStatement, statement } from "./queries.ts";
import type { Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { formatMonth, monthAfter, monthOf } from "../show/month.ts";
import { isZero } from "../show/money.ts";
import { type monthSearch, only } from "../show/search.ts";
import { Money } from "../show/status.tsx";
import { formatExactly } from "../show/time.tsx";
import { statementLine } from "../show/words.ts";
import { Action } from "../ui/action.tsx";
import { Choice } from "../ui/field.tsx";
import { Table } from "../ui/list.tsx";
import { Page, Section } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/provider/statements");

/** Two years back in the list; the address takes any. */
const MONTHS = 24;
/** A statement has up to ten thousand lines: more than a page should begin with. */
const LINES_AT_ONCE = 200;

/** Without the year: the statement is one month's. */
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

type Search = ReturnType<typeof monthSearch>;

export function MonthlyStatement() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const thisMonth = monthOf(new Date());
  const month = search.month ?? thisMonth;
  const currency = search.currency ?? "NGN";
  const begun = month <= thisMonth;
  const asked = useQuery({ ...statement(month, currency), enabled: begun });
  const balances = useQuery(balance);
  const file = useMutation({ mutationFn: (format: "csv" | "pdf") => downloadStatement(month, currency, format) });
  const open = (change: { [Name in keyof Search]?: Search[Name] | undefined }): void => {
    file.reset();
    void navigate({ search: (old) => only({ ...old, ...change }) as Search });
  };
  const months = Array.from({ length: MONTHS }, (_, back) => monthAfter(thisMonth, -back));
  const listed = months.includes(month) ? months : [...months, month].toSorted().toReversed();
  const currencies = balances.data?.map((each) => each.currency) ?? [];
  return (
    <Page
      title="Statements"
      lead="One month of your account: what you were owed when it began, everything that changed that, and what you were owed when it ended."
      actions={(["pdf", "csv"] as const).map((format) => (
        <Action key={format} icon="download" onPress={() => file.mutate(format)} isPending={file.isPending && file.variables === format} isDisabled={asked.data === undefined}>
          {format.toUpperCase()}
        </Action>
      ))}
    >
      {file.error && <ProblemNotice error={file.error} again={() => file.variables && file.mutate(file.variables)} busy={file.isPending} />}
      <div className="filters" role="search" aria-label="Which statement">
        <label className="choice">
          <span>Month</span>
          <select value={month} onChange={(event) => open({ month: event.target.value === thisMonth ? undefined : event.target.value })}>
            {listed.map((each) => (
              <option key={each} value={each}>
                {formatMonth(each)}
                {each === thisMonth ? " (so far)" : ""}
              </option>
            ))}
          </select>
        </label>
        {currencies.length > 1 && <Choice label="Currency" any="NGN" value={search.currency} options={currencies.filter((each) => each !== "NGN").map((each) => [each, each])} onChange={(value) => open({ currency: value as Search["currency"] })} />}
        <Action kind="quiet" icon="back" onPress={() => open({ month: monthAfter(month, -1) })}>
          {formatMonth(monthAfter(month, -1))}
        </Action>
        {month < thisMonth && (
          <Action kind="quiet" icon="arrow" onPress={() => open({ month: monthAfter(month, 1) === thisMonth ? undefined : monthAfter(month, 1) })}>
            {formatMonth(monthAfter(month, 1))}
          </Action>
        )}
      </div>
      {begun ? (
        <Answered asked={asked} rows={10}>
          {(told) => <Told key={`${told.month} ${told.currency}`} statement={told} />}
        </Answered>
      ) : (
        <section className="section">
          <Empty icon="page" title={`${formatMonth(month)} has not begun`} action={<Action onPress={() => open({ month: undefined })}>This month</Action>}>
            Its statement begins with its first day.
          </Empty>
        </section>
      )}
    </Page>
  );
}

function Told({ statement: told }: { statement: Schemas["MonthlyStatement"] }) {
  const sums: readonly (readonly [words: string, amount: Schemas["Money"], always?: true])[] = [
    ["Earnings", told.earned, true],
    ["Corrections", told.adjusted],
    ["Payouts", told.paid, true],
    ["Fees", told.fees, true],
    ["Returned by the bank", told.returned],
    ["Paid too much, owed back", told.overpaid],
  ];
  return (
    <>
      {!told.complete && (
        <p className="notice notice-blue" role="note">
          <span>This month is not over: the statement still grows.</span>
        </p>
      )}
      <section className="section" aria-label={`Sums of ${formatMonth(told.month)}`}>
        <dl className="sums">
          <div className="sums-end">
            <dt>Owed to you when the month began</dt>
            <dd>
              <Money value={told.opening} />
            </dd>
          </div>
          {sums.map(
            ([words, amount, always]) =>
              (always || !isZero(amount)) && (
                <div key={words}>
                  <dt>{words}</dt>
                  <dd>
                    <Money value={amount} signed />
                  </dd>
                </div>
              ),
          )}
          <div className="sums-end">
            <dt>{told.complete ? "Owed to you when it ended" : "Owed to you now"}</dt>
            <dd>
              <Money value={told.closing} />
            </dd>
          </div>
          <div className="sums-of">
            <dt>of which can be asked for</dt>
            <dd>
              <Money value={told.available} />
            </dd>
          </div>
          <div className="sums-of">
            <dt>of which is set aside for payouts</dt>
            <dd>
              <Money value={told.reserved} />
            </dd>
          </div>
          {!isZero(told.debt) && (
            <div className="sums-of">
              <dt>less what you owe</dt>
              <dd>
                <Money value={told.debt} />
              </dd>
            </div>
          )}
        </dl>
      </section>
      <Lines told={told} />
      <p className="small soft">
        Days are counted in {told.time_zone.replaceAll("_", " ")}; times are shown where you are. Fees of payouts are borne by the marketplace.
      </p>
    </>
  );
}

function Lines({ told }: { told: Schemas["MonthlyStatement"] }) {
  const [shown, setShown] = useState(LINES_AT_ONCE);
  const rest = told.lines.length - shown;
  return (
    <Section title="What changed it" aside={<span className="soft small">{told.lines.length === 1 ? "1 line" : `${told.lines.length} lines`}</span>}>
      {told.lines.length === 0 ? (
        <Empty icon="page" title="Nothing happened in this month">
          Choose another month: earnings and payouts are listed in the month in which they were booked.
        </Empty>
      ) : (
        <div className="statement-lines">
          <Table caption={`What changed your account in ${formatMonth(told.month)}`} head={["Day", "What", { words: "Amount", end: true }, { words: "Balance", end: true }]}>
            {told.lines.slice(0, shown).map((line, index) => (
              <tr key={index}>
                <td>
                  <time dateTime={line.at} title={formatExactly(new Date(line.at))}>
                    {DAY.format(new Date(line.at))}
                  </time>
                </td>
                <td className="statement-what">
                  {line.payout_id === undefined ? (
                    statementLine(line.kind)
                  ) : (
                    <Link to="/provider/payouts/$id" params={{ id: line.payout_id }}>
                      {statementLine(line.kind)}
                    </Link>
                  )}
                  {line.freed && (
                    <span className="small soft">
                      {" "}
                      · <Money value={line.freed} /> free again
                    </span>
                  )}
                </td>
                <td className="end">{line.freed ? <span className="soft">–</span> : <Money value={line.amount} signed />}</td>
                <td className="end">
                  <Money value={line.balance} />
                </td>
              </tr>
            ))}
          </Table>
        </div>
      )}
      {rest > 0 && (
        <p className="section-foot">
          <Action onPress={() => setShown(shown + LINES_AT_ONCE)}>{rest > LINES_AT_ONCE ? `Show ${LINES_AT_ONCE} more of ${rest}` : `Show the other ${rest}`}</Action>
        </p>
      )}
    </Section>
  );
}
